//! Parameters in text format, as Postgres's input functions read them.

use std::str::FromStr;

use arrow::compute::kernels::cast_utils::parse_interval_month_day_nano;
use arrow::datatypes::IntervalMonthDayNano;
use stoa_query::{ScalarValue, SqlError, SqlState, SqlType};

use super::super::encode::Zone;
use super::{datetime, decimal, element_type, list, null, plain_name, text_value};

/// Reads `text` as a value of `sql_type`.
pub(super) fn read(text: &str, sql_type: &SqlType, zone: &Zone) -> Result<ScalarValue, SqlError> {
    Ok(match sql_type {
        SqlType::Bool => ScalarValue::Boolean(Some(boolean(text).ok_or_else(|| invalid(text, sql_type))?)),
        SqlType::Int2 => ScalarValue::Int16(Some(integer(text, sql_type)?)),
        SqlType::Int4 => ScalarValue::Int32(Some(integer(text, sql_type)?)),
        SqlType::Int8 => ScalarValue::Int64(Some(integer(text, sql_type)?)),
        SqlType::Oid
        | SqlType::Regclass
        | SqlType::Regtype
        | SqlType::Regproc
        | SqlType::Regnamespace
        | SqlType::Regrole => ScalarValue::Int64(Some(i64::from(integer::<u32>(text, sql_type)?))),
        SqlType::Float4 => ScalarValue::Float32(Some(float::<f32>(text, sql_type, f32::is_infinite)?)),
        SqlType::Float8 => ScalarValue::Float64(Some(float::<f64>(text, sql_type, f64::is_infinite)?)),
        SqlType::Numeric { .. } | SqlType::NumericAny => numeric(text, sql_type)?,
        SqlType::Text
        | SqlType::Varchar(_)
        | SqlType::Bpchar(_)
        | SqlType::Name
        | SqlType::Char1
        | SqlType::Unknown => text_value(text.to_owned(), sql_type),
        SqlType::Date => ScalarValue::Date32(Some(datetime::date(text)?)),
        SqlType::Time => ScalarValue::Time64Microsecond(Some(datetime::time(text)?)),
        SqlType::Timestamp => ScalarValue::TimestampMicrosecond(Some(datetime::timestamp(text)?), None),
        SqlType::Timestamptz => {
            ScalarValue::TimestampMicrosecond(Some(datetime::timestamptz(text, zone)?), Some("UTC".into()))
        }
        SqlType::Interval => ScalarValue::IntervalMonthDayNano(Some(interval(text)?)),
        SqlType::Bytea => ScalarValue::BinaryView(Some(bytea(text).ok_or_else(|| invalid(text, sql_type))?)),
        SqlType::Array(_) | SqlType::Int2Vector | SqlType::OidVector => array(text, sql_type, zone)?,
    })
}

/// 22P02 as Postgres words it.
fn invalid(text: &str, sql_type: &SqlType) -> SqlError {
    SqlError::new(
        SqlState::InvalidTextRepresentation,
        format!("invalid input syntax for type {}: \"{text}\"", plain_name(sql_type)),
    )
}

/// 22003 as Postgres words it.
fn out_of_range(text: &str, sql_type: &SqlType) -> SqlError {
    SqlError::new(
        SqlState::NumericValueOutOfRange,
        format!("value \"{}\" is out of range for type {}", text.trim(), plain_name(sql_type)),
    )
}

fn boolean(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "t" | "true" | "y" | "yes" | "on" | "1" => Some(true),
        "f" | "false" | "n" | "no" | "off" | "0" => Some(false),
        _ => None,
    }
}

fn integer<T: FromStr>(text: &str, sql_type: &SqlType) -> Result<T, SqlError> {
    let trimmed = text.trim();
    trimmed.parse().map_err(|_cause| {
        let digits = trimmed.strip_prefix(['-', '+']).unwrap_or(trimmed);
        let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        if is_number { out_of_range(text, sql_type) } else { invalid(text, sql_type) }
    })
}

fn float<T: FromStr + Copy>(text: &str, sql_type: &SqlType, infinite: fn(T) -> bool) -> Result<T, SqlError> {
    let trimmed = text.trim();
    let value: T = trimmed.parse().map_err(|_cause| invalid(text, sql_type))?;
    // Rust reads too large a number as infinity; only the word may mean that.
    if infinite(value) && trimmed.bytes().any(|byte| byte.is_ascii_digit()) {
        return Err(out_of_range(text, sql_type));
    }
    Ok(value)
}

/// Reads `[-]digits[.digits][e[-]digits]`.
fn numeric(text: &str, sql_type: &SqlType) -> Result<ScalarValue, SqlError> {
    let trimmed = text.trim();
    if ["nan", "infinity", "-infinity", "inf", "-inf"].contains(&trimmed.to_ascii_lowercase().as_str()) {
        return Err(SqlError::unsupported(format_args!("the numeric value {trimmed}")));
    }
    let (mantissa, exponent) = match trimmed.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().map_err(|_cause| invalid(text, sql_type))?),
        None => (trimmed, 0),
    };
    let (negative, digits) = match mantissa.as_bytes().first() {
        Some(b'-') => (true, &mantissa[1..]),
        Some(b'+') => (false, &mantissa[1..]),
        _ => (false, mantissa),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let mut all = whole.bytes().chain(fraction.bytes());
    if (whole.is_empty() && fraction.is_empty()) || !all.all(|byte| byte.is_ascii_digit()) {
        return Err(invalid(text, sql_type));
    }
    let too_large = || SqlError::new(SqlState::NumericValueOutOfRange, "numeric field overflow");
    let mut unscaled: i128 = 0;
    for byte in whole.bytes().chain(fraction.bytes()) {
        let shifted = unscaled.checked_mul(10).ok_or_else(too_large)?;
        unscaled = shifted.checked_add(i128::from(byte - b'0')).ok_or_else(too_large)?;
    }
    let mut scale =
        i32::try_from(fraction.len()).map_err(|_cause| too_large())?.checked_sub(exponent).ok_or_else(too_large)?;
    while scale < 0 && unscaled != 0 {
        unscaled = unscaled.checked_mul(10).ok_or_else(too_large)?;
        scale += 1;
    }
    let value = if negative { -unscaled } else { unscaled };
    decimal(value, u32::try_from(scale).unwrap_or(0), sql_type)
}

/// Postgres's own output (`1 year 2 mons -3 days +04:05:06`), ISO 8601 (`P1DT2H`), and words that Arrow knows.
fn interval(text: &str) -> Result<IntervalMonthDayNano, SqlError> {
    let wrong = || {
        SqlError::new(SqlState::InvalidDatetimeFormat, format!("invalid input syntax for type interval: \"{text}\""))
    };
    if let Some(rest) = text.trim().strip_prefix('P') {
        return iso_interval(rest).ok_or_else(wrong);
    }
    // The last word may be a time of day, which the parser for words does not take with a sign.
    let (words, clock) = match text.trim().rsplit_once(' ') {
        Some((words, clock)) if clock.contains(':') => (words, Some(clock)),
        None if text.contains(':') => ("", Some(text.trim())),
        _ => (text.trim(), None),
    };
    let words: String = words.replace('+', "");
    let mut value = match words.is_empty() {
        true => IntervalMonthDayNano::ZERO,
        false => parse_interval_month_day_nano(&words).map_err(|_cause| wrong())?,
    };
    if let Some(clock) = clock {
        let (sign, digits) = match clock.strip_prefix('-') {
            Some(digits) => (-1, digits),
            None => (1, clock.strip_prefix('+').unwrap_or(clock)),
        };
        let microseconds = datetime::clock(digits).ok_or_else(wrong)?;
        let nanoseconds = microseconds.checked_mul(1_000 * sign).ok_or_else(wrong)?;
        value.nanoseconds = value.nanoseconds.checked_add(nanoseconds).ok_or_else(wrong)?;
    }
    Ok(value)
}

fn iso_interval(text: &str) -> Option<IntervalMonthDayNano> {
    let mut value = IntervalMonthDayNano::ZERO;
    let (mut in_time, mut rest) = (false, text);
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('T') {
            (in_time, rest) = (true, after);
            continue;
        }
        let end = rest.find(|letter: char| letter.is_ascii_alphabetic())?;
        let (number, unit) = (&rest[..end], &rest[end..=end]);
        rest = &rest[end + 1..];
        if let (true, "S") = (in_time, unit) {
            let (_, microseconds) = datetime::seconds(number)?;
            value.nanoseconds = value.nanoseconds.checked_add(microseconds.checked_mul(1_000)?)?;
            continue;
        }
        let number: i32 = number.parse().ok()?;
        match (in_time, unit) {
            (false, "Y") => value.months = value.months.checked_add(number.checked_mul(12)?)?,
            (false, "M") => value.months = value.months.checked_add(number)?,
            (false, "W") => value.days = value.days.checked_add(number.checked_mul(7)?)?,
            (false, "D") => value.days = value.days.checked_add(number)?,
            (true, "H") => value.nanoseconds = value.nanoseconds.checked_add(i64::from(number) * 3_600_000_000_000)?,
            (true, "M") => value.nanoseconds = value.nanoseconds.checked_add(i64::from(number) * 60_000_000_000)?,
            _ => return None,
        }
    }
    Some(value)
}

/// `\x` and hexadecimal digits, or the older form with `\\` and `\ooo`.
fn bytea(text: &str) -> Option<Vec<u8>> {
    if let Some(digits) = text.strip_prefix("\\x") {
        let digits: Vec<u8> = digits.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
        let (pairs, rest) = digits.as_chunks::<2>();
        let nibble = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let bytes = pairs.iter().map(|[high, low]| Some(nibble(*high)? << 4 | nibble(*low)?)).collect();
        return if rest.is_empty() { bytes } else { None };
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        (bytes, rest) = match (byte, after) {
            (b'\\', [b'\\', after @ ..]) => (pushed(bytes, b'\\'), after),
            (b'\\', [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', after @ ..]) => {
                (pushed(bytes, (a - b'0') << 6 | (b - b'0') << 3 | (c - b'0')), after)
            }
            (b'\\', _) => return None,
            (byte, after) => (pushed(bytes, *byte), after),
        };
    }
    Some(bytes)
}

fn pushed(mut bytes: Vec<u8>, byte: u8) -> Vec<u8> {
    bytes.push(byte);
    bytes
}

/// `{1,NULL,"a b"}`; the vectors are written `1 2 3`.
fn array(text: &str, sql_type: &SqlType, zone: &Zone) -> Result<ScalarValue, SqlError> {
    let element = element_type(sql_type).ok_or_else(|| invalid(text, sql_type))?;
    let items: Vec<Option<String>> = match sql_type {
        SqlType::Int2Vector | SqlType::OidVector => text.split_whitespace().map(|item| Some(item.to_owned())).collect(),
        _ => {
            let inner = text.trim().strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
            let inner = inner.ok_or_else(|| invalid(text, sql_type))?;
            split_array(inner).map_err(|nested| {
                if nested {
                    SqlError::unsupported("an array of arrays as a parameter")
                } else {
                    invalid(text, sql_type)
                }
            })?
        }
    };
    let values = items.into_iter().map(|item| match item {
        None => null(&element),
        Some(item) => read(&item, &element, zone),
    });
    list(values.collect::<Result<_, _>>()?, sql_type)
}

/// The elements between the braces; `Err(true)` for nested braces, `Err(false)` for what is no array.
fn split_array(inner: &str) -> Result<Vec<Option<String>>, bool> {
    let mut items = Vec::new();
    if inner.trim().is_empty() {
        return Ok(items);
    }
    let mut characters = inner.chars().peekable();
    loop {
        let mut item = String::new();
        let mut quoted = false;
        while characters.next_if(|character| character.is_whitespace()).is_some() {}
        if characters.next_if_eq(&'"').is_some() {
            quoted = true;
            loop {
                match characters.next().ok_or(false)? {
                    '"' => break,
                    '\\' => item.push(characters.next().ok_or(false)?),
                    character => item.push(character),
                }
            }
        }
        let mut ended = true;
        for character in characters.by_ref() {
            match character {
                ',' => {
                    ended = false;
                    break;
                }
                '{' | '}' => return Err(true),
                '"' => return Err(false),
                character if quoted && !character.is_whitespace() => return Err(false),
                _ if quoted => {}
                character => item.push(character),
            }
        }
        let bare = item.trim_end();
        match (quoted, bare) {
            (false, "") => return Err(false),
            (false, bare) if bare.eq_ignore_ascii_case("null") => items.push(None),
            (false, bare) => items.push(Some(bare.to_owned())),
            (true, _) => items.push(Some(item)),
        }
        if ended {
            return Ok(items);
        }
    }
}
