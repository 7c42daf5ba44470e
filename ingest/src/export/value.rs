//! One value as Postgres writes it.

use std::io::Write;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Decimal32Type, Decimal64Type, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, IntervalMonthDayNanoType, Time64MicrosecondType, TimestampMicrosecondType, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use arrow_array::{
    Array, ArrayRef, BinaryViewArray, BooleanArray, LargeStringArray, PrimitiveArray, StringArray, StringViewArray,
};
use arrow_buffer::IntervalMonthDayNano;
use arrow_schema::{DataType, IntervalUnit, TimeUnit};

use crate::convert::calendar::{DAY_MICROS, civil_from_days};
use crate::error::{Error, Result};

/// A column's values by their type, found out once a batch.
pub(super) enum Values {
    Null,
    Bool(BooleanArray),
    Int64(PrimitiveArray<Int64Type>),
    UInt64(PrimitiveArray<UInt64Type>),
    Float32(PrimitiveArray<Float32Type>),
    Float64(PrimitiveArray<Float64Type>),
    Decimal(PrimitiveArray<Decimal128Type>, usize),
    Date(PrimitiveArray<Date32Type>),
    Time(PrimitiveArray<Time64MicrosecondType>),
    Timestamp(PrimitiveArray<TimestampMicrosecondType>),
    TimestampTz(PrimitiveArray<TimestampMicrosecondType>),
    Interval(PrimitiveArray<IntervalMonthDayNanoType>),
    Utf8View(StringViewArray),
    Utf8(StringArray),
    LargeUtf8(LargeStringArray),
    Binary(BinaryViewArray),
    List(ArrayRef, Vec<(usize, usize)>, Box<Values>),
    Dictionary(Vec<Option<usize>>, Box<Values>),
}

/// Whether values of this type can be written.
pub(super) fn supports(data_type: &DataType) -> bool {
    match data_type {
        DataType::List(field) => supports(field.data_type()),
        DataType::Dictionary(_, value) => supports(value),
        DataType::Time64(unit) | DataType::Timestamp(unit, _) => *unit == TimeUnit::Microsecond,
        DataType::Interval(unit) => *unit == IntervalUnit::MonthDayNano,
        DataType::Decimal32(..) | DataType::Decimal64(..) | DataType::Decimal128(..) => true,
        DataType::Null | DataType::Boolean | DataType::Date32 => true,
        DataType::Utf8View | DataType::Utf8 | DataType::LargeUtf8 | DataType::BinaryView | DataType::Binary => true,
        other => other.is_integer() || matches!(other, DataType::Float32 | DataType::Float64),
    }
}

impl Values {
    pub(super) fn new(array: &ArrayRef) -> Result<Self> {
        let unsupported = || Error::unsupported(format!("values of type {} cannot be exported", array.data_type()));
        Ok(match array.data_type() {
            DataType::Null => Self::Null,
            DataType::Boolean => Self::Bool(array.as_boolean().clone()),
            DataType::Int8 => Self::Int64(array.as_primitive::<Int8Type>().unary(i64::from)),
            DataType::Int16 => Self::Int64(array.as_primitive::<Int16Type>().unary(i64::from)),
            DataType::Int32 => Self::Int64(array.as_primitive::<Int32Type>().unary(i64::from)),
            DataType::Int64 => Self::Int64(array.as_primitive().clone()),
            DataType::UInt8 => Self::UInt64(array.as_primitive::<UInt8Type>().unary(u64::from)),
            DataType::UInt16 => Self::UInt64(array.as_primitive::<UInt16Type>().unary(u64::from)),
            DataType::UInt32 => Self::UInt64(array.as_primitive::<UInt32Type>().unary(u64::from)),
            DataType::UInt64 => Self::UInt64(array.as_primitive().clone()),
            DataType::Float32 => Self::Float32(array.as_primitive().clone()),
            DataType::Float64 => Self::Float64(array.as_primitive().clone()),
            DataType::Decimal32(_, scale) => {
                Self::Decimal(array.as_primitive::<Decimal32Type>().unary(i128::from), digits(*scale))
            }
            DataType::Decimal64(_, scale) => {
                Self::Decimal(array.as_primitive::<Decimal64Type>().unary(i128::from), digits(*scale))
            }
            DataType::Decimal128(_, scale) => Self::Decimal(array.as_primitive().clone(), digits(*scale)),
            DataType::Date32 => Self::Date(array.as_primitive().clone()),
            DataType::Time64(TimeUnit::Microsecond) => Self::Time(array.as_primitive().clone()),
            DataType::Timestamp(TimeUnit::Microsecond, None) => Self::Timestamp(array.as_primitive().clone()),
            DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => Self::TimestampTz(array.as_primitive().clone()),
            DataType::Interval(IntervalUnit::MonthDayNano) => Self::Interval(array.as_primitive().clone()),
            DataType::Utf8View => Self::Utf8View(array.as_string_view().clone()),
            DataType::Utf8 => Self::Utf8(array.as_string().clone()),
            DataType::LargeUtf8 => Self::LargeUtf8(array.as_string().clone()),
            DataType::BinaryView => Self::Binary(array.as_binary_view().clone()),
            DataType::Binary => Self::Binary(arrow_cast::cast(array, &DataType::BinaryView)?.as_binary_view().clone()),
            DataType::List(_) => {
                let list = array.as_list::<i32>();
                let ends = list.offsets().windows(2).map(|pair| (index(pair[0]), index(pair[1]))).collect();
                Self::List(array.clone(), ends, Box::new(Self::new(list.values())?))
            }
            DataType::Dictionary(..) => {
                let dictionary = array.as_any_dictionary_opt().ok_or_else(unsupported)?;
                let keys =
                    if dictionary.values().is_empty() { vec![0; array.len()] } else { dictionary.normalized_keys() };
                let valid = |(row, key)| dictionary.keys().is_valid(row).then_some(key);
                Self::Dictionary(
                    keys.into_iter().enumerate().map(valid).collect(),
                    Box::new(Self::new(dictionary.values())?),
                )
            }
            _ => return Err(unsupported()),
        })
    }

    /// Appends a value; false, and nothing appended, for NULL.
    pub(super) fn write(&self, row: usize, out: &mut Vec<u8>) -> bool {
        match self {
            Self::Null => return false,
            Self::Bool(array) if array.is_valid(row) => out.push(if array.value(row) { b't' } else { b'f' }),
            Self::Int64(array) if array.is_valid(row) => print(out, format_args!("{}", array.value(row))),
            Self::UInt64(array) if array.is_valid(row) => print(out, format_args!("{}", array.value(row))),
            Self::Float32(array) if array.is_valid(row) => float(&format!("{:e}", array.value(row)), 6, out),
            Self::Float64(array) if array.is_valid(row) => float(&format!("{:e}", array.value(row)), 15, out),
            Self::Decimal(array, scale) if array.is_valid(row) => decimal(array.value(row), *scale, out),
            Self::Date(array) if array.is_valid(row) => date(i64::from(array.value(row)), "", out),
            Self::Time(array) if array.is_valid(row) => clock(array.value(row), out),
            Self::Timestamp(array) if array.is_valid(row) => timestamp(array.value(row), "", out),
            Self::TimestampTz(array) if array.is_valid(row) => timestamp(array.value(row), "+00", out),
            Self::Interval(array) if array.is_valid(row) => interval(array.value(row), out),
            Self::Utf8View(array) if array.is_valid(row) => out.extend_from_slice(array.value(row).as_bytes()),
            Self::Utf8(array) if array.is_valid(row) => out.extend_from_slice(array.value(row).as_bytes()),
            Self::LargeUtf8(array) if array.is_valid(row) => out.extend_from_slice(array.value(row).as_bytes()),
            Self::Binary(array) if array.is_valid(row) => {
                out.extend_from_slice(b"\\x");
                array.value(row).iter().for_each(|byte| print(out, format_args!("{byte:02x}")));
            }
            Self::List(array, ranges, values) if array.is_valid(row) => list(ranges[row], values, out),
            Self::Dictionary(keys, values) => return keys[row].is_some_and(|key| values.write(key, out)),
            _ => return false,
        }
        true
    }
}

fn digits(scale: i8) -> usize {
    usize::try_from(scale).unwrap_or(0)
}

fn index(offset: i32) -> usize {
    usize::try_from(offset).unwrap_or(0)
}

/// Writing to memory cannot fail.
fn print(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    let _infallible = out.write_fmt(text);
}

/// From Rust's shortest scientific form to Postgres's: plain from 1e-4 up to 1e`limit`, with a signed exponent of at
/// least two digits beyond.
fn float(scientific: &str, limit: i32, out: &mut Vec<u8>) {
    let Some((mantissa, exponent)) = scientific.split_once('e') else {
        let spelled = match scientific {
            "inf" => "Infinity",
            "-inf" => "-Infinity",
            _ => "NaN",
        };
        return out.extend_from_slice(spelled.as_bytes());
    };
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if !(-4..limit).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        return print(out, format_args!("{mantissa}e{sign}{:02}", exponent.abs()));
    }
    let (sign, mantissa) = mantissa.strip_prefix('-').map_or(("", mantissa), |rest| ("-", rest));
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    out.extend_from_slice(sign.as_bytes());
    let Ok(whole) = usize::try_from(exponent) else {
        let zeros = "0".repeat(exponent.unsigned_abs() as usize - 1);
        return print(out, format_args!("0.{zeros}{digits}"));
    };
    let whole = whole + 1;
    if digits.len() <= whole {
        print(out, format_args!("{digits}{}", "0".repeat(whole - digits.len())));
    } else {
        print(out, format_args!("{}.{}", &digits[..whole], &digits[whole..]));
    }
}

fn decimal(value: i128, scale: usize, out: &mut Vec<u8>) {
    if value < 0 {
        out.push(b'-');
    }
    let digits = format!("{:0width$}", value.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    out.extend_from_slice(whole.as_bytes());
    if scale > 0 {
        out.push(b'.');
        out.extend_from_slice(fraction.as_bytes());
    }
}

/// Years before 1 are written as BC, after what `middle` puts between.
fn date(days: i64, middle: &str, out: &mut Vec<u8>) {
    let (year, month, day) = civil_from_days(days);
    if year > 0 {
        print(out, format_args!("{year:04}-{month:02}-{day:02}{middle}"));
    } else {
        print(out, format_args!("{:04}-{month:02}-{day:02}{middle} BC", 1 - year));
    }
}

fn timestamp(micros: i64, zone: &str, out: &mut Vec<u8>) {
    let mut time = vec![b' '];
    clock(micros.rem_euclid(DAY_MICROS), &mut time);
    time.extend_from_slice(zone.as_bytes());
    date(micros.div_euclid(DAY_MICROS), &String::from_utf8_lossy(&time), out);
}

/// `HH:MM:SS`, and a fraction without zeros at its end.
fn clock(micros: i64, out: &mut Vec<u8>) {
    let seconds = micros / 1_000_000;
    print(out, format_args!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60));
    let fraction = micros % 1_000_000;
    if fraction > 0 {
        print(out, format_args!(".{}", format!("{fraction:06}").trim_end_matches('0')));
    }
}

fn interval(value: IntervalMonthDayNano, out: &mut Vec<u8>) {
    let mut parts: Vec<String> = Vec::new();
    let mut negative_before = false;
    let mut part = |count: i32, one: &str, many: &str| {
        if count != 0 {
            // After a negative part a positive one is told apart by its sign.
            let plus = if negative_before && count > 0 { "+" } else { "" };
            parts.push(format!("{plus}{count} {}", if count == 1 { one } else { many }));
            negative_before = count < 0;
        }
    };
    part(value.months / 12, "year", "years");
    part(value.months % 12, "mon", "mons");
    part(value.days, "day", "days");
    let micros = value.nanoseconds / 1000;
    if micros != 0 || parts.is_empty() {
        let sign = if micros < 0 {
            "-"
        } else if negative_before {
            "+"
        } else {
            ""
        };
        let mut time = sign.as_bytes().to_vec();
        clock(micros.abs(), &mut time);
        parts.push(String::from_utf8_lossy(&time).into_owned());
    }
    out.extend_from_slice(parts.join(" ").as_bytes());
}

/// `{a,b,NULL}`, elements in quotes where they could be mistaken.
fn list((start, end): (usize, usize), values: &Values, out: &mut Vec<u8>) {
    let mut element = Vec::new();
    out.push(b'{');
    for at in start..end {
        if at > start {
            out.push(b',');
        }
        element.clear();
        if !values.write(at, &mut element) {
            out.extend_from_slice(b"NULL");
        } else if matches!(values, Values::List(..)) || !needs_quotes(&element) {
            out.extend_from_slice(&element);
        } else {
            out.push(b'"');
            for &byte in &element {
                if matches!(byte, b'"' | b'\\') {
                    out.push(b'\\');
                }
                out.push(byte);
            }
            out.push(b'"');
        }
    }
    out.push(b'}');
}

fn needs_quotes(element: &[u8]) -> bool {
    let special = |byte: &u8| matches!(byte, b'{' | b'}' | b',' | b'"' | b'\\') || byte.is_ascii_whitespace();
    element.is_empty() || element.eq_ignore_ascii_case(b"null") || element.iter().any(special)
}
