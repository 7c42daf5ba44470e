//! Which slice a row belongs to: the hash of its DISTKEY value.
//!
//! The slice is stored with each segment, so this function is part of the format and may never change; another one would
//! be a new [`SLICE_HASH_VERSION`]. Version 1 is XXH3-64 with seed 0 over the canonical bytes of the value, modulo
//! [`SLICES`]:
//!
//! | class of the column | canonical bytes |
//! |---|---|
//! | boolean | one byte, 0 or 1 |
//! | integers of any width, dates, times, timestamps, decimals of up to 18 digits | the (unscaled) integer as `i64`, little endian |
//! | wider decimals | the unscaled integer as `i128`, little endian |
//! | floats | the bits of the `f64`, little endian; -0 as 0, every NaN as the one quiet NaN |
//! | strings, byte strings | the bytes |
//! | intervals | months and days as `i32`, nanoseconds as `i64`, little endian |
//! | null | no hash: slice 0 |
//!
//! Integers hash alike in every width, so that a join of an `integer` with a `bigint` key stays local.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Decimal64Type, Decimal128Type, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type,
    IntervalMonthDayNanoType, Time64MicrosecondType, TimestampMicrosecondType,
};
use arrow_array::{Array, ArrowPrimitiveType};
use arrow_schema::{DataType, IntervalUnit, TimeUnit};
use xxhash_rust::xxh3::xxh3_64;

use crate::error::{Error, Result};
use crate::limit::SLICES;

/// Version of the function from a value to its slice; see the module's documentation.
pub const SLICE_HASH_VERSION: u8 = 1;

/// The slice of every row, by the value in `keys` (an array of a type that [`crate::ColumnType::arrow`] gives).
pub fn slices_of(keys: &dyn Array) -> Result<Vec<u16>> {
    let slices = match keys.data_type() {
        DataType::Boolean => {
            let keys = keys.as_boolean();
            (0..keys.len()).map(|row| valid(keys, row).map_or(0, |row| slice(&[u8::from(keys.value(row))]))).collect()
        }
        DataType::Int16 => integers::<Int16Type>(keys),
        DataType::Int32 => integers::<Int32Type>(keys),
        DataType::Int64 => integers::<Int64Type>(keys),
        DataType::Decimal64(..) => integers::<Decimal64Type>(keys),
        DataType::Date32 => integers::<Date32Type>(keys),
        DataType::Time64(TimeUnit::Microsecond) => integers::<Time64MicrosecondType>(keys),
        DataType::Timestamp(TimeUnit::Microsecond, _) => integers::<TimestampMicrosecondType>(keys),
        DataType::Decimal128(..) => primitives::<Decimal128Type>(keys, |value| slice(&value.to_le_bytes())),
        DataType::Float32 => primitives::<Float32Type>(keys, |value| slice_float(f64::from(value))),
        DataType::Float64 => primitives::<Float64Type>(keys, slice_float),
        DataType::Utf8View => {
            let keys = keys.as_string_view();
            (0..keys.len()).map(|row| valid(keys, row).map_or(0, |row| slice(keys.value(row).as_bytes()))).collect()
        }
        DataType::BinaryView => {
            let keys = keys.as_binary_view();
            (0..keys.len()).map(|row| valid(keys, row).map_or(0, |row| slice(keys.value(row)))).collect()
        }
        DataType::Interval(IntervalUnit::MonthDayNano) => primitives::<IntervalMonthDayNanoType>(keys, |value| {
            let mut bytes = [0; 16];
            bytes[..4].copy_from_slice(&value.months.to_le_bytes());
            bytes[4..8].copy_from_slice(&value.days.to_le_bytes());
            bytes[8..].copy_from_slice(&value.nanoseconds.to_le_bytes());
            slice(&bytes)
        }),
        other => return Err(Error::internal(format!("a column of type {other} cannot be a distribution key"))),
    };
    Ok(slices)
}

fn valid(keys: &dyn Array, row: usize) -> Option<usize> {
    keys.is_valid(row).then_some(row)
}

fn integers<T: ArrowPrimitiveType>(keys: &dyn Array) -> Vec<u16>
where
    T::Native: Into<i64>,
{
    primitives::<T>(keys, |value| slice(&value.into().to_le_bytes()))
}

fn primitives<T: ArrowPrimitiveType>(keys: &dyn Array, hash: impl Fn(T::Native) -> u16) -> Vec<u16> {
    let keys = keys.as_primitive::<T>();
    if keys.null_count() == 0 {
        return keys.values().iter().map(|value| hash(*value)).collect();
    }
    keys.iter().map(|value| value.map_or(0, &hash)).collect()
}

fn slice_float(value: f64) -> u16 {
    let canonical = if value == 0.0 {
        0.0
    } else if value.is_nan() {
        f64::NAN
    } else {
        value
    };
    slice(&canonical.to_bits().to_le_bytes())
}

fn slice(bytes: &[u8]) -> u16 {
    // The remainder is below SLICES, which is a u16.
    u16::try_from(xxh3_64(bytes) % u64::from(SLICES)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{ArrayRef, Float64Array, Int16Array, Int64Array, StringViewArray};

    use super::*;

    #[test]
    fn the_hash_never_changes() {
        let integers = Int64Array::from(vec![Some(0), Some(1), Some(-1), Some(16_384), None]);
        let text = StringViewArray::from(vec![Some(""), Some("abc"), None]);
        let floats = Float64Array::from(vec![0.0, -0.0, 1.5, f64::NAN, -f64::NAN]);
        // A change of these numbers makes stored tables wrong: it needs a new SLICE_HASH_VERSION. Those of strings follow
        // from the published test vectors of XXH3-64 (0x2d06800538d394c2 for no bytes, 0x78af5f94892f3950 for "abc").
        assert_eq!(slices_of(&text).unwrap(), [2, 0, 0]);
        assert_eq!(slices_of(&integers).unwrap()[4], 0);
        let floats = slices_of(&floats).unwrap();
        assert_eq!(floats[0], floats[1]);
        assert_eq!(floats[3], floats[4]);
    }

    #[test]
    fn widths_agree() {
        let narrow: ArrayRef = Arc::new(Int16Array::from(vec![1, -7, 300]));
        let wide: ArrayRef = Arc::new(Int64Array::from(vec![1, -7, 300]));
        assert_eq!(slices_of(&narrow).unwrap(), slices_of(&wide).unwrap());
    }
}
