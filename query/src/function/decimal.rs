//! Precision and scale of computed decimals, after Redshift's rules, and the kernels that compute them.
//!
//! Two deliberate differences from Redshift: a product keeps its full scale (up to [`SCALE_KEPT`]) when its precision is
//! cut to 38 digits, with an error on overflow instead of rounding each product to four digits; and integer literals have
//! the precision of their digits. Both only make results more exact.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Decimal64Array, Decimal128Array};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Decimal32Type, Decimal64Type, Decimal128Type, Int16Type, Int32Type, Int64Type};
use datafusion::common::Result;

use super::builtin::{Column, fail};
use crate::error::SqlState;
use crate::types::{NUMERIC_PRECISION_MAX, decimal_type};

/// The greatest scale that a product keeps when its precision does not fit.
const SCALE_KEPT: i8 = 20;
/// The least scale of a quotient (Redshift).
const DIVISION_SCALE_MIN: i8 = 4;

/// Precision and scale of a number that can be a decimal operand.
pub(crate) fn shape(data_type: &DataType) -> Option<(u8, i8)> {
    match data_type {
        DataType::Int8 | DataType::UInt8 => Some((3, 0)),
        DataType::Int16 | DataType::UInt16 => Some((5, 0)),
        DataType::Int32 | DataType::UInt32 => Some((10, 0)),
        DataType::Int64 => Some((19, 0)),
        DataType::UInt64 => Some((20, 0)),
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale) => Some((*precision, *scale)),
        _ => None,
    }
}

fn capped(precision: i16, scale: i16, kept: i16) -> DataType {
    let most = i16::from(NUMERIC_PRECISION_MAX);
    let (precision, scale) = if precision > most { (most, scale.min(kept)) } else { (precision, scale) };
    decimal_type(u8::try_from(precision).unwrap_or(NUMERIC_PRECISION_MAX), i8::try_from(scale).unwrap_or(0))
}

fn wide((precision, scale): (u8, i8)) -> (i16, i16) {
    (i16::from(precision), i16::from(scale))
}

/// Type of a sum or difference of two decimals.
pub(crate) fn sum_shape(left: (u8, i8), right: (u8, i8)) -> DataType {
    let ((p1, s1), (p2, s2)) = (wide(left), wide(right));
    let scale = s1.max(s2);
    let whole = (p1 - s1).max(p2 - s2);
    // The whole digits that remain are more useful than trailing digits nobody wrote.
    capped(whole + 1 + scale, scale, scale)
}

/// Type of a product.
pub(crate) fn product_shape(left: (u8, i8), right: (u8, i8)) -> DataType {
    let ((p1, s1), (p2, s2)) = (wide(left), wide(right));
    capped(p1 + p2 + 1, s1 + s2, i16::from(SCALE_KEPT))
}

/// Type of a quotient.
pub(crate) fn quotient_shape(left: (u8, i8), right: (u8, i8)) -> DataType {
    let ((p1, s1), (p2, s2)) = (wide(left), wide(right));
    let least = i16::from(DIVISION_SCALE_MIN);
    let scale = least.max(s1 + p2 - s2 + 1);
    let precision = p1 - s1 + s2 + scale;
    let kept = (i16::from(NUMERIC_PRECISION_MAX) + scale - precision).max(least);
    capped(precision, scale, kept)
}

/// Type of a remainder.
pub(crate) fn remainder_shape(left: (u8, i8), right: (u8, i8)) -> DataType {
    let ((p1, s1), (p2, s2)) = (wide(left), wide(right));
    let scale = s1.max(s2);
    capped((p1 - s1).max(p2 - s2) + scale, scale, scale)
}

/// Type of `sum` over numbers; `None` where there is no such sum.
pub(crate) fn sum_type(input: &DataType) -> Option<DataType> {
    Some(match input {
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::UInt8 | DataType::UInt16 | DataType::UInt32 => {
            DataType::Int64
        }
        DataType::Int64 | DataType::UInt64 => DataType::Decimal128(NUMERIC_PRECISION_MAX, 0),
        _ => DataType::Decimal128(NUMERIC_PRECISION_MAX, shape(input)?.1),
    })
}

/// 10 to a power of up to 38.
pub(crate) fn power(exponent: i16) -> i128 {
    10_i128.pow(u32::try_from(exponent.clamp(0, 38)).unwrap_or(0))
}

/// 22003 for a decimal that has no room.
pub(crate) fn overflow() -> datafusion::error::DataFusionError {
    fail(SqlState::NumericValueOutOfRange, "numeric field overflow")
}

/// The unscaled values of an operand.
pub(crate) enum Digits {
    /// 64-bit.
    Small(arrow::buffer::ScalarBuffer<i64>),
    /// 128-bit.
    Wide(arrow::buffer::ScalarBuffer<i128>),
}

/// Reads an integer or decimal array.
pub(crate) fn digits(array: &ArrayRef) -> Option<Digits> {
    Some(match array.data_type() {
        DataType::Int16 => {
            Digits::Small(array.as_primitive::<Int16Type>().values().iter().map(|v| i64::from(*v)).collect())
        }
        DataType::Int32 => {
            Digits::Small(array.as_primitive::<Int32Type>().values().iter().map(|v| i64::from(*v)).collect())
        }
        DataType::Int64 => Digits::Small(array.as_primitive::<Int64Type>().values().clone()),
        DataType::Decimal32(..) => {
            Digits::Small(array.as_primitive::<Decimal32Type>().values().iter().map(|v| i64::from(*v)).collect())
        }
        DataType::Decimal64(..) => Digits::Small(array.as_primitive::<Decimal64Type>().values().clone()),
        DataType::Decimal128(..) => Digits::Wide(array.as_primitive::<Decimal128Type>().values().clone()),
        _ => return None,
    })
}

/// The rows where no operand is null.
pub(crate) fn valid(left: &Column, right: &Column, rows: usize) -> Option<NullBuffer> {
    let spread = |column: &Column| {
        if !column.constant {
            return column.array.nulls().cloned();
        }
        column.array.is_null(0).then(|| NullBuffer::new_null(rows))
    };
    NullBuffer::union(spread(left).as_ref(), spread(right).as_ref())
}

/// Computes one value a row. `f` gives `None` on overflow, which is an error only where the row is not null.
pub(crate) fn zip<L: Copy, R: Copy, O: Copy + Default>(
    (left, left_constant): (&[L], bool),
    (right, right_constant): (&[R], bool),
    rows: usize,
    nulls: Option<&NullBuffer>,
    f: impl Fn(L, R) -> Option<O>,
) -> std::result::Result<Vec<O>, usize> {
    let is_null = |row: usize| nulls.is_some_and(|nulls| nulls.is_null(row));
    let mut values = Vec::with_capacity(rows);
    let mut push = |row: usize, value: Option<O>| match value {
        Some(value) => {
            values.push(value);
            Ok(())
        }
        None if is_null(row) => {
            values.push(O::default());
            Ok(())
        }
        None => Err(row),
    };
    match (left_constant, right_constant) {
        (false, false) => {
            for (row, (l, r)) in left.iter().zip(right).take(rows).enumerate() {
                push(row, f(*l, *r))?;
            }
        }
        (false, true) => {
            for (row, l) in left.iter().take(rows).enumerate() {
                push(row, f(*l, right[0]))?;
            }
        }
        (true, false) => {
            for (row, r) in right.iter().take(rows).enumerate() {
                push(row, f(left[0], *r))?;
            }
        }
        (true, true) => {
            for row in 0..rows {
                push(row, f(left[0], right[0]))?;
            }
        }
    }
    Ok(values)
}

/// Makes the result array of a 64-bit decimal type.
pub(crate) fn small_array(values: Vec<i64>, nulls: Option<NullBuffer>, result: &DataType) -> Result<ArrayRef> {
    let array = Decimal64Array::try_new(values.into(), nulls)?;
    Ok(Arc::new(array.with_data_type(result.clone())))
}

/// Makes the result array of a 128-bit decimal type.
pub(crate) fn wide_array(values: Vec<i128>, nulls: Option<NullBuffer>, result: &DataType) -> Result<ArrayRef> {
    let array = Decimal128Array::try_new(values.into(), nulls)?;
    Ok(Arc::new(array.with_data_type(result.clone())))
}

/// Divides, rounding half away from zero.
pub(crate) fn divide_rounded(value: i128, by: i128) -> i128 {
    let (quotient, rest) = (value / by, value % by);
    if rest.unsigned_abs() >= by.unsigned_abs() - rest.unsigned_abs() {
        quotient + if (value < 0) == (by < 0) { 1 } else { -1 }
    } else {
        quotient
    }
}

/// Changes the scale of a value, rounding half away from zero; `None` on overflow.
pub(crate) fn rescale(value: i128, from: i8, to: i8) -> Option<i128> {
    let steps = i16::from(to) - i16::from(from);
    if steps >= 0 {
        if steps > 38 {
            return (value == 0).then_some(0);
        }
        value.checked_mul(power(steps))
    } else if steps < -38 {
        Some(0)
    } else {
        Some(divide_rounded(value, power(-steps)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_follow_redshift() {
        assert_eq!(sum_shape((7, 2), (7, 4)), DataType::Decimal64(10, 4));
        assert_eq!(product_shape((12, 2), (13, 2)), DataType::Decimal128(26, 4));
        assert_eq!(quotient_shape((3, 1), (3, 1)), DataType::Decimal64(7, 4));
        assert_eq!(quotient_shape((38, 4), (38, 4)), DataType::Decimal128(38, 4));
    }

    #[test]
    fn rounding_is_half_away_from_zero() {
        assert_eq!(divide_rounded(25, 10), 3);
        assert_eq!(divide_rounded(-25, 10), -3);
        assert_eq!(divide_rounded(24, 10), 2);
        assert_eq!(rescale(12345, 3, 1), Some(123));
        assert_eq!(rescale(i128::MAX, 0, 1), None);
    }
}
