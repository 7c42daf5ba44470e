//! Parameters from the Postgres wire: text or binary bytes become a typed value.

mod binary;
mod datetime;
mod text;

use std::sync::Arc;

use arrow::array::{Array, ListArray, new_empty_array};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::DataType;
use stoa_query::{ScalarValue, SqlError, SqlState, SqlType};

use super::encode::{Format, Zone};

/// The type that a `Parse` declares a parameter with; `None` leaves it to the statement.
pub(crate) fn declared_type(oid: u32) -> Result<Option<SqlType>, SqlError> {
    if oid == 0 || oid == SqlType::Unknown.oid() {
        return Ok(None);
    }
    match SqlType::from_oid(oid) {
        Some(sql_type) => Ok(Some(sql_type)),
        None => Err(SqlError::unsupported(format_args!("a parameter of the type with oid {oid}"))),
    }
}

/// The name of a type without its modifier, as messages about values have it.
fn plain_name(sql_type: &SqlType) -> String {
    SqlType::from_oid(sql_type.oid()).unwrap_or(SqlType::Text).name()
}

/// A text value in the Arrow type of its SQL type.
fn text_value(text: String, sql_type: &SqlType) -> ScalarValue {
    match sql_type.arrow() {
        DataType::Utf8 => ScalarValue::Utf8(Some(text)),
        _ => ScalarValue::Utf8View(Some(text)),
    }
}

/// Reads one parameter; `number` is its place in the statement, from 1.
pub(crate) fn parameter(
    bytes: Option<&[u8]>,
    sql_type: &SqlType,
    format: Format,
    zone: &Zone,
    number: usize,
) -> Result<ScalarValue, SqlError> {
    let Some(bytes) = bytes else {
        return null(sql_type);
    };
    match format {
        Format::Binary => binary::read(bytes, sql_type, number),
        Format::Text => text::read(&super::message::utf8(bytes)?, sql_type, zone),
    }
}

/// A null of the type's own Arrow type.
fn null(sql_type: &SqlType) -> Result<ScalarValue, SqlError> {
    ScalarValue::try_from(&sql_type.arrow())
        .map_err(|error| SqlError::internal(format!("a null has no value: {error}")))
}

/// A list value of `sql_type` from its elements.
fn list(elements: Vec<ScalarValue>, sql_type: &SqlType) -> Result<ScalarValue, SqlError> {
    let DataType::List(field) = sql_type.arrow() else {
        return Err(SqlError::internal(format!("{sql_type} is not an array")));
    };
    let values = if elements.is_empty() {
        new_empty_array(field.data_type())
    } else {
        ScalarValue::iter_to_array(elements)
            .map_err(|error| SqlError::internal(format!("an array parameter: {error}")))?
    };
    let offsets = OffsetBuffer::from_lengths([values.len()]);
    let list = ListArray::try_new(field, offsets, values, None)
        .map_err(|error| SqlError::internal(format!("an array parameter: {error}")))?;
    Ok(ScalarValue::List(Arc::new(list)))
}

/// The type of the elements of an array type.
fn element_type(sql_type: &SqlType) -> Option<SqlType> {
    match sql_type {
        SqlType::Array(element) => Some(element.as_ref().clone()),
        SqlType::Int2Vector => Some(SqlType::Int2),
        SqlType::OidVector => Some(SqlType::Oid),
        _ => None,
    }
}

/// A decimal value of the type's own Arrow type, from a number without its point and the digits after it.
fn decimal(unscaled: i128, scale: u32, sql_type: &SqlType) -> Result<ScalarValue, SqlError> {
    let overflow = || SqlError::new(SqlState::NumericValueOutOfRange, "numeric field overflow");
    let (precision, target) = match sql_type.arrow() {
        DataType::Decimal64(precision, target) | DataType::Decimal128(precision, target) => (precision, target),
        other => return Err(SqlError::internal(format!("{other} carries no numeric"))),
    };
    let shift = i64::from(target) - i64::from(scale);
    let power = u32::try_from(shift.unsigned_abs()).ok().and_then(|digits| 10_i128.checked_pow(digits));
    let value = match (shift >= 0, power) {
        (true, Some(power)) => unscaled.checked_mul(power).ok_or_else(overflow)?,
        (true, None) if unscaled != 0 => return Err(overflow()),
        // Half is rounded away from zero, as Postgres does.
        (false, Some(power)) => {
            let half = if unscaled < 0 { -(power / 2) } else { power / 2 };
            unscaled.checked_add(half).ok_or_else(overflow)? / power
        }
        (_, None) => 0,
    };
    let bound = 10_i128.checked_pow(u32::from(precision)).unwrap_or(i128::MAX);
    if value.abs() >= bound {
        return Err(overflow());
    }
    Ok(match sql_type.arrow() {
        DataType::Decimal64(..) => {
            ScalarValue::Decimal64(Some(i64::try_from(value).map_err(|_cause| overflow())?), precision, target)
        }
        _ => ScalarValue::Decimal128(Some(value), precision, target),
    })
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::IntervalMonthDayNano;

    use super::*;

    fn read(text: &str, sql_type: SqlType) -> Result<ScalarValue, SqlState> {
        parameter(Some(text.as_bytes()), &sql_type, Format::Text, &Zone::UTC, 1).map_err(|error| error.state)
    }

    fn read_binary(bytes: &[u8], sql_type: SqlType) -> Result<ScalarValue, SqlState> {
        parameter(Some(bytes), &sql_type, Format::Binary, &Zone::UTC, 1).map_err(|error| error.state)
    }

    #[test]
    fn declared_types_are_found_by_oid() {
        assert_eq!(declared_type(0), Ok(None));
        assert_eq!(declared_type(23), Ok(Some(SqlType::Int4)));
        assert_eq!(declared_type(1007), Ok(Some(SqlType::Array(Box::new(SqlType::Int4)))));
        assert_eq!(declared_type(1009), Ok(Some(SqlType::Array(Box::new(SqlType::Text)))));
        assert_eq!(declared_type(600).map_err(|error| error.state), Err(SqlState::FeatureNotSupported));
    }

    #[test]
    fn numbers_from_text() {
        assert_eq!(read(" 42 ", SqlType::Int4), Ok(ScalarValue::Int32(Some(42))));
        assert_eq!(read("4294967296", SqlType::Int4), Err(SqlState::NumericValueOutOfRange));
        assert_eq!(read("x", SqlType::Int8), Err(SqlState::InvalidTextRepresentation));
        assert_eq!(read("-Infinity", SqlType::Float8), Ok(ScalarValue::Float64(Some(f64::NEG_INFINITY))));
        assert_eq!(read("1e400", SqlType::Float8), Err(SqlState::NumericValueOutOfRange));
        let money = SqlType::Numeric { precision: 12, scale: 2 };
        assert_eq!(read("1.5", money.clone()), Ok(ScalarValue::Decimal64(Some(150), 12, 2)));
        assert_eq!(read("-1.005", money.clone()), Ok(ScalarValue::Decimal64(Some(-101), 12, 2)));
        assert_eq!(read("1.2e3", money.clone()), Ok(ScalarValue::Decimal64(Some(120_000), 12, 2)));
        assert_eq!(read("12345678901.00", money), Err(SqlState::NumericValueOutOfRange));
        assert_eq!(read("yes", SqlType::Bool), Ok(ScalarValue::Boolean(Some(true))));
        assert_eq!(read("maybe", SqlType::Bool), Err(SqlState::InvalidTextRepresentation));
    }

    #[test]
    fn binary_values_must_have_the_right_length() {
        assert_eq!(read_binary(&[0, 0, 0, 7], SqlType::Int4), Ok(ScalarValue::Int32(Some(7))));
        assert_eq!(read_binary(&[0, 7], SqlType::Int4), Err(SqlState::InvalidBinaryRepresentation));
        assert_eq!(read_binary(&[0; 9], SqlType::Timestamp), Err(SqlState::InvalidBinaryRepresentation));
        assert_eq!(
            read_binary(&[0; 8], SqlType::Timestamp),
            Ok(ScalarValue::TimestampMicrosecond(Some(946_684_800_000_000), None))
        );
        assert_eq!(read_binary(&[0; 4], SqlType::Date), Ok(ScalarValue::Date32(Some(10_957))));
        assert_eq!(read_binary(&[0xff], SqlType::Text), Err(SqlState::CharacterNotInRepertoire));
    }

    #[test]
    fn binary_numerics() {
        let money = SqlType::Numeric { precision: 12, scale: 2 };
        // numeric_send('1.50'), numeric_send('-123456.78'), numeric_send('0.00')
        let one_and_half = [0, 2, 0, 0, 0, 0, 0, 2, 0, 1, 0x13, 0x88];
        assert_eq!(read_binary(&one_and_half, money.clone()), Ok(ScalarValue::Decimal64(Some(150), 12, 2)));
        let many = [0, 3, 0, 1, 0x40, 0, 0, 2, 0, 12, 0x0d, 0x80, 0x1e, 0x78];
        assert_eq!(read_binary(&many, money.clone()), Ok(ScalarValue::Decimal64(Some(-12_345_678), 12, 2)));
        assert_eq!(read_binary(&[0, 0, 0, 0, 0, 0, 0, 2], money.clone()), Ok(ScalarValue::Decimal64(Some(0), 12, 2)));
        let not_a_number = [0, 0, 0, 0, 0xc0, 0, 0, 0];
        assert_eq!(read_binary(&not_a_number, money.clone()), Err(SqlState::FeatureNotSupported));
        assert_eq!(
            read_binary(&[0, 9, 0x7f, 0xff, 0, 0, 0, 0, 0, 1], money),
            Err(SqlState::InvalidBinaryRepresentation)
        );
    }

    #[test]
    fn dates_and_times_from_text() {
        assert_eq!(read("2024-02-29", SqlType::Date), Ok(ScalarValue::Date32(Some(19_782))));
        assert_eq!(read("2023-02-29", SqlType::Date), Err(SqlState::DatetimeFieldOverflow));
        assert_eq!(read("soon", SqlType::Date), Err(SqlState::InvalidDatetimeFormat));
        assert_eq!(read("0001-12-31 BC", SqlType::Date), Ok(ScalarValue::Date32(Some(-719_163))));
        assert_eq!(read("01:00:00.5", SqlType::Time), Ok(ScalarValue::Time64Microsecond(Some(3_600_500_000))));
        let stamp = |text| read(text, SqlType::Timestamp);
        assert_eq!(stamp("1970-01-01T00:00:01.25"), Ok(ScalarValue::TimestampMicrosecond(Some(1_250_000), None)));
        assert_eq!(stamp("1970-01-02 00:00"), Ok(ScalarValue::TimestampMicrosecond(Some(86_400_000_000), None)));
        let zoned = |text| match read(text, SqlType::Timestamptz) {
            Ok(ScalarValue::TimestampMicrosecond(Some(value), Some(_))) => value,
            other => panic!("{other:?}"),
        };
        assert_eq!(zoned("1970-01-01 02:00:00+02"), 0);
        assert_eq!(zoned("1970-01-01 00:00:00 Z"), 0);
        assert_eq!(zoned("1969-12-31 18:30:00-05:30"), 0);
        let berlin = Zone::parse("Europe/Berlin").expect("a zone");
        let value = parameter(Some(b"2023-07-01 02:00:00"), &SqlType::Timestamptz, Format::Text, &berlin, 1);
        assert_eq!(
            value.expect("a time"),
            ScalarValue::TimestampMicrosecond(Some(1_688_169_600_000_000), Some("UTC".into()))
        );
    }

    #[test]
    fn intervals_and_bytes() {
        let interval = |months, days, micros: i64| {
            Ok(ScalarValue::IntervalMonthDayNano(Some(IntervalMonthDayNano::new(months, days, micros * 1_000))))
        };
        assert_eq!(read("1 year 2 mons 3 days 04:05:06.5", SqlType::Interval), interval(14, 3, 14_706_500_000));
        assert_eq!(read("-1 mons +1 day -00:00:01", SqlType::Interval), interval(-1, 1, -1_000_000));
        assert_eq!(read("PT1H", SqlType::Interval), interval(0, 0, 3_600_000_000));
        assert_eq!(read("\\x00ff", SqlType::Bytea), Ok(ScalarValue::BinaryView(Some(vec![0, 255]))));
        assert_eq!(read("\\xzz", SqlType::Bytea), Err(SqlState::InvalidTextRepresentation));
        assert_eq!(read("a\\\\b\\001", SqlType::Bytea), Ok(ScalarValue::BinaryView(Some(b"a\\b\x01".to_vec()))));
    }

    #[test]
    fn arrays_from_text_and_binary() {
        let sql_type = SqlType::Array(Box::new(SqlType::Int4));
        let expected =
            list(vec![ScalarValue::Int32(Some(1)), ScalarValue::Int32(None), ScalarValue::Int32(Some(3))], &sql_type);
        assert_eq!(read("{1,NULL, 3}", sql_type.clone()).ok(), expected.clone().ok());
        let bytes = [
            0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0x17, 0, 0, 0, 3, 0, 0, 0, 1, 0, 0, 0, 4, 0, 0, 0, 1, 0xff, 0xff, 0xff,
            0xff, 0, 0, 0, 4, 0, 0, 0, 3,
        ];
        assert_eq!(read_binary(&bytes, sql_type.clone()).ok(), expected.ok());
        assert_eq!(
            read_binary(&bytes[..bytes.len() - 1], sql_type.clone()),
            Err(SqlState::InvalidBinaryRepresentation)
        );
        assert!(read("{}", sql_type.clone()).is_ok());
        assert_eq!(read("{1", sql_type.clone()), Err(SqlState::InvalidTextRepresentation));
        assert_eq!(read("{{1},{2}}", sql_type), Err(SqlState::FeatureNotSupported));
        let texts = SqlType::Array(Box::new(SqlType::Text));
        let expected = list(
            vec![ScalarValue::Utf8View(Some("a b".to_owned())), ScalarValue::Utf8View(Some("NULL".to_owned()))],
            &texts,
        );
        assert_eq!(read(r#"{"a b","NULL"}"#, texts).ok(), expected.ok());
    }

    #[test]
    fn random_parameters_are_values_or_errors() {
        use rand::{Rng, SeedableRng};
        let mut random = rand::rngs::StdRng::seed_from_u64(23);
        let types: Vec<SqlType> = (0..6_000).filter_map(SqlType::from_oid).collect();
        let alphabet: Vec<char> = "0123456789-+:., TZPYMDeE\\x{}\"ntfé\0".chars().collect();
        for round in 0..40_000 {
            let sql_type = &types[round % types.len()];
            let bytes: Vec<u8> =
                (0..random.random_range(0..24)).map(|_| random.random::<u8>() >> random.random_range(0..8)).collect();
            // Neither may panic; what is a value and what an error is the business of the other tests.
            _ = parameter(Some(&bytes), sql_type, Format::Binary, &Zone::UTC, 1);
            let text: String =
                (0..random.random_range(0..24)).map(|_| alphabet[random.random_range(0..alphabet.len())]).collect();
            _ = parameter(Some(text.as_bytes()), sql_type, Format::Text, &Zone::UTC, 1);
        }
    }
}
