//! The expected texts and bytes are Postgres 15's own.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryViewArray, BooleanArray, Date32Array, Decimal64Array, Decimal128Array, DictionaryArray,
    Float32Array, Float64Array, Int16Array, Int32Array, Int64Array, IntervalMonthDayNanoArray, ListArray, StringArray,
    StringViewArray, Time64MicrosecondArray, TimestampMicrosecondArray, UInt64Array,
};
use arrow::datatypes::{Int32Type, IntervalMonthDayNano};
use bytes::BytesMut;
use stoa_query::SqlType;

use super::cell::Column;
use super::{Zone, binary, text};

fn as_text_in(zone: Zone, sql_type: SqlType, array: ArrayRef) -> Vec<String> {
    let column = Column::new(&array, &sql_type).expect("an encoding");
    (0..array.len())
        .map(|row| match column.cell(row) {
            None => "NULL".to_owned(),
            Some(cell) => {
                let mut out = BytesMut::new();
                text::write(cell, &sql_type, &zone, &mut out);
                String::from_utf8(out.to_vec()).expect("text")
            }
        })
        .collect()
}

fn as_text(sql_type: SqlType, array: impl arrow::array::Array + 'static) -> Vec<String> {
    as_text_in(Zone::UTC, sql_type, Arc::new(array))
}

fn as_binary(sql_type: SqlType, array: impl arrow::array::Array + 'static) -> Vec<String> {
    let array: ArrayRef = Arc::new(array);
    let column = Column::new(&array, &sql_type).expect("an encoding");
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    (0..array.len())
        .map(|row| match column.cell(row) {
            None => "NULL".to_owned(),
            Some(cell) => {
                let mut out = BytesMut::new();
                binary::write(cell, &mut out);
                hex(&out)
            }
        })
        .collect()
}

fn numeric(precision: u8, scale: u8) -> SqlType {
    SqlType::Numeric { precision, scale }
}

#[test]
fn booleans_and_integers() {
    assert_eq!(as_text(SqlType::Bool, BooleanArray::from(vec![Some(true), Some(false), None])), ["t", "f", "NULL"]);
    assert_eq!(as_text(SqlType::Int2, Int16Array::from(vec![i16::MIN])), ["-32768"]);
    assert_eq!(as_text(SqlType::Int8, Int64Array::from(vec![i64::MIN])), ["-9223372036854775808"]);
    assert_eq!(as_text(SqlType::Oid, Int64Array::from(vec![4_294_967_295])), ["4294967295"]);
    assert_eq!(as_text(SqlType::Regclass, Int64Array::from(vec![0, 17])), ["-", "17"]);
    assert_eq!(as_text(SqlType::Int8, UInt64Array::from(vec![7])), ["7"]);
    assert_eq!(as_binary(SqlType::Bool, BooleanArray::from(vec![true])), ["01"]);
    assert_eq!(as_binary(SqlType::Int4, Int32Array::from(vec![-2])), ["fffffffe"]);
    assert_eq!(as_binary(SqlType::Oid, Int64Array::from(vec![4_294_967_295])), ["ffffffff"]);
}

#[test]
fn floats_are_the_shortest_that_read_back() {
    let values = [
        (0.0, "0"),
        (-0.0, "-0"),
        (1.0, "1"),
        (0.1, "0.1"),
        (-2.5, "-2.5"),
        (1e14, "100000000000000"),
        (1e15, "1e+15"),
        (123_456_789_012_345.6, "123456789012345.6"),
        (0.0001, "0.0001"),
        (0.000_012_5, "1.25e-05"),
        (1e300, "1e+300"),
        (5e-324, "5e-324"),
        (f64::NAN, "NaN"),
        (f64::INFINITY, "Infinity"),
        (f64::NEG_INFINITY, "-Infinity"),
        (0.1 + 0.2, "0.30000000000000004"),
        (100.0, "100"),
    ];
    for (value, expected) in values {
        assert_eq!(as_text(SqlType::Float8, Float64Array::from(vec![value])), [expected]);
    }
    let values =
        [(0.1_f32, "0.1"), (100_000.0, "100000"), (1e6, "1e+06"), (1.5e-5, "1.5e-05"), (123_456.7, "123456.7")];
    for (value, expected) in values {
        assert_eq!(as_text(SqlType::Float4, Float32Array::from(vec![value])), [expected]);
    }
}

#[test]
fn numerics_keep_their_scale() {
    let array = |values: Vec<i64>| Decimal64Array::from(values).with_precision_and_scale(12, 2).expect("fits");
    let texts = as_text(numeric(12, 2), array(vec![150, -5, 0, 100, -12_345, 7]));
    assert_eq!(texts, ["1.50", "-0.05", "0.00", "1.00", "-123.45", "0.07"]);
    let wide = Decimal128Array::from(vec![10_i128.pow(38) - 1]).with_precision_and_scale(38, 0).expect("fits");
    assert_eq!(as_text(numeric(38, 0), wide), ["9".repeat(38)]);
}

#[test]
fn binary_numerics_are_postgres_s() {
    let array = |values: Vec<i64>| Decimal64Array::from(values).with_precision_and_scale(12, 2).expect("fits");
    // select numeric_send('1.50'), numeric_send('-0.05'), numeric_send('0.00'), numeric_send('123456.78')
    assert_eq!(
        as_binary(numeric(12, 2), array(vec![150, -5, 0, 12_345_678])),
        [
            "000200000000000200011388".to_owned(),
            "0001ffff4000000201f4".to_owned(),
            "0000000000000002".to_owned(),
            "0003000100000002000c0d801e78".to_owned(),
        ]
    );
    let whole = Decimal64Array::from(vec![10_000, 100_000_000]).with_precision_and_scale(18, 0).expect("fits");
    assert_eq!(as_binary(numeric(18, 0), whole), ["00010001000000000001", "00010002000000000001"]);
    let wide = Decimal128Array::from(vec![10_i128.pow(38) - 1]).with_precision_and_scale(38, 37).expect("fits");
    let bytes = as_binary(numeric(38, 37), wide);
    assert_eq!(bytes[0].len(), (8 + 11 * 2) * 2);
    assert!(bytes[0].starts_with("000b0000000000250009270f270f"), "{}", bytes[0]);
    assert!(bytes[0].ends_with("2328"), "{}", bytes[0]);
}

#[test]
fn texts() {
    assert_eq!(as_text(SqlType::Bpchar(Some(4)), StringViewArray::from(vec!["ab", "äö"])), ["ab  ", "äö  "]);
    assert_eq!(as_text(SqlType::Text, StringArray::from(vec![Some(""), None])), ["", "NULL"]);
    let dictionary: DictionaryArray<Int32Type> = vec!["a", "b", "a"].into_iter().collect();
    assert_eq!(as_text(SqlType::Varchar(Some(3)), dictionary), ["a", "b", "a"]);
    assert_eq!(
        as_text(SqlType::Bytea, BinaryViewArray::from(vec![b"\x00\xffa".as_slice(), b""])),
        ["\\x00ff61", "\\x"]
    );
    assert_eq!(as_binary(SqlType::Bytea, BinaryViewArray::from(vec![b"\x00\xff".as_slice()])), ["00ff"]);
}

#[test]
fn dates_and_times() {
    let days = Date32Array::from(vec![0, 19_782, -719_163, -719_528, 2_932_896, 2_932_897]);
    assert_eq!(
        as_text(SqlType::Date, days),
        ["1970-01-01", "2024-02-29", "0001-12-31 BC", "0001-01-01 BC", "9999-12-31", "10000-01-01"]
    );
    let times = Time64MicrosecondArray::from(vec![0, 86_399_999_999, 3_600_000_000 + 500_000]);
    assert_eq!(as_text(SqlType::Time, times), ["00:00:00", "23:59:59.999999", "01:00:00.5"]);
    let stamps = TimestampMicrosecondArray::from(vec![0, -1, 1_700_000_000_123_400]);
    assert_eq!(
        as_text(SqlType::Timestamp, stamps),
        ["1970-01-01 00:00:00", "1969-12-31 23:59:59.999999", "2023-11-14 22:13:20.1234"]
    );
    assert_eq!(as_binary(SqlType::Date, Date32Array::from(vec![10_957, 0])), ["00000000", "ffffd533"]);
    assert_eq!(
        as_binary(SqlType::Timestamp, TimestampMicrosecondArray::from(vec![946_684_800_000_001])),
        ["0000000000000001"]
    );
}

#[test]
fn timestamptz_is_shown_in_the_session_zone() {
    let at = |zone: &str, micros: i64| {
        let array = TimestampMicrosecondArray::from(vec![micros]).with_timezone("UTC");
        as_text_in(Zone::parse(zone).expect("a zone"), SqlType::Timestamptz, Arc::new(array)).remove(0)
    };
    assert_eq!(at("UTC", 0), "1970-01-01 00:00:00+00");
    assert_eq!(at("Europe/Berlin", 1_700_000_000_000_000), "2023-11-14 23:13:20+01");
    assert_eq!(at("europe/berlin", 1_690_000_000_000_000), "2023-07-22 06:26:40+02");
    assert_eq!(at("Asia/Kolkata", 0), "1970-01-01 05:30:00+05:30");
    assert_eq!(at("<-03>+03", 0), "1969-12-31 21:00:00-03");
    assert!(at("Europe/Amsterdam", -5_000_000_000_000_000).ends_with("+00:17:30"));
    assert_eq!(Zone::parse("Mars/Olympus"), None);
}

#[test]
fn intervals() {
    let cases = [
        (0, 0, 0, "00:00:00"),
        (14, 3, 14_706_789_000, "1 year 2 mons 3 days 04:05:06.789"),
        (-1, 1, 0, "-1 mons +1 day"),
        (-13, 0, 0, "-1 years -1 mons"),
        (0, -3, 1_000_000, "-3 days +00:00:01"),
        (0, 0, -1_500_000, "-00:00:01.5"),
        (0, 1, -3_600_000_000, "1 day -01:00:00"),
        (0, 0, 360_000_000_000, "100:00:00"),
    ];
    for (months, days, micros, expected) in cases {
        let value = IntervalMonthDayNano::new(months, days, micros * 1_000);
        assert_eq!(as_text(SqlType::Interval, IntervalMonthDayNanoArray::from(vec![value])), [expected]);
    }
    let value = IntervalMonthDayNano::new(1, 2, 3_000);
    assert_eq!(
        as_binary(SqlType::Interval, IntervalMonthDayNanoArray::from(vec![value])),
        ["00000000000000030000000200000001"]
    );
}

#[test]
fn arrays() {
    let numbers =
        ListArray::from_iter_primitive::<Int32Type, _, _>(vec![Some(vec![Some(1), None, Some(3)]), Some(vec![]), None]);
    let sql_type = SqlType::Array(Box::new(SqlType::Int4));
    assert_eq!(as_text(sql_type.clone(), numbers.clone()), ["{1,NULL,3}", "{}", "NULL"]);
    assert_eq!(
        as_binary(sql_type, numbers),
        [
            "00000001000000010000001700000003000000010000000400000001ffffffff0000000400000003".to_owned(),
            "000000000000000000000017".to_owned(),
            "NULL".to_owned(),
        ]
    );
    let texts = StringViewArray::from(vec!["plain", "", "two words", "null", "a\"b\\c", "{"]);
    let list = ListArray::new(
        Arc::new(SqlType::Text.field("item", true)),
        arrow::buffer::OffsetBuffer::from_lengths([6]),
        Arc::new(texts),
        None,
    );
    assert_eq!(
        as_text(SqlType::Array(Box::new(SqlType::Text)), list),
        [r#"{plain,"","two words","null","a\"b\\c","{"}"#]
    );
    let keys = ListArray::from_iter_primitive::<arrow::datatypes::Int16Type, _, _>(vec![Some(vec![Some(1), Some(2)])]);
    assert_eq!(as_text(SqlType::Int2Vector, keys.clone()), ["1 2"]);
    assert_eq!(as_binary(SqlType::Int2Vector, keys)[0][..40], *"0000000100000000000000150000000200000000");
}
