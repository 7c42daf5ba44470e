//! `+ - * / %` and unary minus with Postgres's types and errors: integers are checked, division by zero is an error for
//! every type, decimals have Redshift's precision, dates and intervals have calendar arithmetic.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, PrimitiveArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{
    DataType, Decimal64Type, Decimal128Type, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type,
};
use datafusion::common::Result;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::Volatility;

use super::builtin::{Builtin, Call, fail, no_such};
use super::decimal::{self, Digits, digits, power, rescale, shape, small_array, valid, wide_array, zip};
use super::{interval, operator};
use crate::error::SqlState;

pub(super) const FUNCTIONS: &[Builtin] = &[
    binary(
        operator::ADD,
        |types| arguments(operator::ADD, types),
        |types| result(operator::ADD, types),
        |call| run(operator::ADD, call),
    ),
    binary(
        operator::SUBTRACT,
        |types| arguments(operator::SUBTRACT, types),
        |types| result(operator::SUBTRACT, types),
        |call| run(operator::SUBTRACT, call),
    ),
    binary(
        operator::MULTIPLY,
        |types| arguments(operator::MULTIPLY, types),
        |types| result(operator::MULTIPLY, types),
        |call| run(operator::MULTIPLY, call),
    ),
    binary(
        operator::DIVIDE,
        |types| arguments(operator::DIVIDE, types),
        |types| result(operator::DIVIDE, types),
        |call| run(operator::DIVIDE, call),
    ),
    binary(
        operator::MODULO,
        |types| arguments(operator::MODULO, types),
        |types| result(operator::MODULO, types),
        |call| run(operator::MODULO, call),
    ),
    binary(
        "mod",
        |types| arguments(operator::MODULO, types),
        |types| result(operator::MODULO, types),
        |call| run(operator::MODULO, call),
    ),
];

const fn binary(
    name: &'static str,
    arguments: fn(&[DataType]) -> Result<Vec<DataType>>,
    result: fn(&[DataType]) -> Result<DataType>,
    run: fn(&Call<'_>) -> Result<ArrayRef>,
) -> Builtin {
    Builtin { name, volatility: Volatility::Immutable, arguments, result, run }
}

fn is_decimal(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Decimal32(..) | DataType::Decimal64(..) | DataType::Decimal128(..))
}

fn undefined(name: &str, types: &[DataType]) -> DataFusionError {
    let shown: Vec<String> = types.iter().map(super::builtin::type_name).collect();
    DataFusionError::External(Box::new(
        crate::error::SqlError::new(
            SqlState::UndefinedFunction,
            format!("operator does not exist: {}", shown.join(&format!(" {name} "))),
        )
        .with_hint("No operator matches the given name and argument types. You might need to add explicit type casts."),
    ))
}

/// The types that the operands are brought to.
fn arguments(name: &str, types: &[DataType]) -> Result<Vec<DataType>> {
    let [left, right] = types else { return Err(no_such(name, types)) };
    if let Some(pair) = interval::operands(name, left, right) {
        return Ok(vec![pair.0, pair.1]);
    }
    let (left, right) = match (left, right) {
        (DataType::Null, DataType::Null) => (&DataType::Int32, &DataType::Int32),
        (DataType::Null, other) | (other, DataType::Null) => (other, other),
        pair => pair,
    };
    let rank = |data_type: &DataType| match data_type {
        DataType::Int8 | DataType::UInt8 | DataType::Int16 => Some(0),
        DataType::UInt16 | DataType::Int32 => Some(1),
        DataType::UInt32 | DataType::UInt64 | DataType::Int64 => Some(2),
        other if is_decimal(other) => Some(3),
        DataType::Float16 | DataType::Float32 => Some(4),
        DataType::Float64 => Some(5),
        _ => None,
    };
    let (Some(l), Some(r)) = (rank(left), rank(right)) else { return Err(undefined(name, types)) };
    Ok(match l.max(r) {
        0 => vec![DataType::Int16; 2],
        1 => vec![DataType::Int32; 2],
        2 => vec![DataType::Int64; 2],
        3 => vec![left.clone(), right.clone()],
        4 if l == r => vec![DataType::Float32; 2],
        _ => vec![DataType::Float64; 2],
    })
}

fn result(name: &str, types: &[DataType]) -> Result<DataType> {
    let [left, right] = types else { return Err(no_such(name, types)) };
    if let Some(result) = interval::result(name, left, right) {
        return Ok(result);
    }
    if is_decimal(left) || is_decimal(right) {
        let (Some(left), Some(right)) = (shape(left), shape(right)) else { return Err(undefined(name, types)) };
        return Ok(match name {
            operator::MULTIPLY => decimal::product_shape(left, right),
            operator::DIVIDE => decimal::quotient_shape(left, right),
            operator::MODULO => decimal::remainder_shape(left, right),
            _ => decimal::sum_shape(left, right),
        });
    }
    // The engine asks for the type before it brings the operands together, too.
    Ok(arguments(name, types)?.swap_remove(0))
}

fn run(name: &str, call: &Call<'_>) -> Result<ArrayRef> {
    let [left, right] = call.columns else { return Err(no_such(name, &[])) };
    let (left_type, right_type) = (left.array.data_type(), right.array.data_type());
    if interval::result(name, left_type, right_type).is_some() {
        return interval::run(name, call);
    }
    if is_decimal(left_type) || is_decimal(right_type) {
        return decimals(name, call);
    }
    match left_type {
        DataType::Int16 => integers::<Int16Type>(name, call, "smallint"),
        DataType::Int32 => integers::<Int32Type>(name, call, "integer"),
        DataType::Int64 => integers::<Int64Type>(name, call, "bigint"),
        DataType::Float32 => floats::<Float32Type>(name, call),
        DataType::Float64 => floats::<Float64Type>(name, call),
        _ => Err(undefined(name, &[left_type.clone(), right_type.clone()])),
    }
}

/// 22012.
pub(super) fn division_by_zero() -> DataFusionError {
    fail(SqlState::DivisionByZero, "division by zero")
}

fn integers<T>(name: &str, call: &Call<'_>, shown: &str) -> Result<ArrayRef>
where
    T: ArrowPrimitiveType,
    T::Native: num_like::Checked,
{
    use num_like::Checked;
    let (left, right) = (&call.columns[0], &call.columns[1]);
    let nulls = valid(left, right, call.rows);
    let l = (left.array.as_primitive::<T>().values().as_ref(), left.constant);
    let r = (right.array.as_primitive::<T>().values().as_ref(), right.constant);
    let values = match name {
        operator::ADD => zip(l, r, call.rows, nulls.as_ref(), T::Native::plus),
        operator::SUBTRACT => zip(l, r, call.rows, nulls.as_ref(), T::Native::minus),
        operator::MULTIPLY => zip(l, r, call.rows, nulls.as_ref(), T::Native::times),
        operator::DIVIDE => zip(l, r, call.rows, nulls.as_ref(), T::Native::over),
        _ => zip(l, r, call.rows, nulls.as_ref(), T::Native::rest),
    };
    let values = values.map_err(|row| {
        let zero = T::Native::default();
        if matches!(name, operator::DIVIDE | operator::MODULO) && r.0[right.at(row)] == zero {
            division_by_zero()
        } else {
            fail(SqlState::NumericValueOutOfRange, format!("{shown} out of range"))
        }
    })?;
    Ok(Arc::new(PrimitiveArray::<T>::try_new(values.into(), nulls)?))
}

fn floats<T>(name: &str, call: &Call<'_>) -> Result<ArrayRef>
where
    T: ArrowPrimitiveType,
    T::Native: num_like::Floating,
{
    use num_like::Floating;
    let (left, right) = (&call.columns[0], &call.columns[1]);
    let nulls = valid(left, right, call.rows);
    let l = (left.array.as_primitive::<T>().values().as_ref(), left.constant);
    let r = (right.array.as_primitive::<T>().values().as_ref(), right.constant);
    let values = match name {
        operator::ADD => zip(l, r, call.rows, nulls.as_ref(), |a, b| (a + b).unless_overflow(a, b)),
        operator::SUBTRACT => zip(l, r, call.rows, nulls.as_ref(), |a, b| (a - b).unless_overflow(a, b)),
        operator::MULTIPLY => zip(l, r, call.rows, nulls.as_ref(), |a, b| (a * b).unless_overflow(a, b)),
        operator::DIVIDE => zip(l, r, call.rows, nulls.as_ref(), |a, b| {
            if b == T::Native::default() { None } else { (a / b).unless_overflow(a, b) }
        }),
        _ => zip(l, r, call.rows, nulls.as_ref(), |a, b| if b == T::Native::default() { None } else { Some(a % b) }),
    };
    let values = values.map_err(|row| {
        if matches!(name, operator::DIVIDE | operator::MODULO) && r.0[right.at(row)] == T::Native::default() {
            division_by_zero()
        } else {
            fail(SqlState::NumericValueOutOfRange, "value out of range: overflow")
        }
    })?;
    Ok(Arc::new(PrimitiveArray::<T>::try_new(values.into(), nulls)?))
}

fn decimals(name: &str, call: &Call<'_>) -> Result<ArrayRef> {
    let (left, right) = (&call.columns[0], &call.columns[1]);
    let nulls = valid(left, right, call.rows);
    let undefined = || undefined(name, &[left.array.data_type().clone(), right.array.data_type().clone()]);
    let (Some(l), Some(r)) = (digits(&left.array), digits(&right.array)) else { return Err(undefined()) };
    let (Some(left_shape), Some(right_shape)) = (shape(left.array.data_type()), shape(right.array.data_type())) else {
        return Err(undefined());
    };
    let (precision, scale) = shape(call.result).ok_or_else(undefined)?;
    let limit = power(precision.into()).unsigned_abs();
    let operation = Operation { left: left_shape.1, right: right_shape.1, scale, precision, limit };
    let sides = ((l, left.constant), (r, right.constant));
    match name {
        operator::MULTIPLY => multiply(sides, call, nulls, operation),
        operator::DIVIDE => divide(sides, call, nulls, operation),
        operator::MODULO => modulo(sides, call, nulls, operation),
        _ => add(sides, call, nulls, operation, name == operator::SUBTRACT),
    }
}

/// The scales of the operands, and what the result has.
#[derive(Clone, Copy)]
struct Operation {
    left: i8,
    right: i8,
    scale: i8,
    precision: u8,
    /// The first unscaled value with more digits than the result holds.
    limit: u128,
}

type Side = (Digits, bool);

impl Operation {
    /// `None` where a value has more digits than the result holds.
    fn fits(self, value: i128) -> Option<i128> {
        (value.unsigned_abs() < self.limit).then_some(value)
    }
}

/// Runs `f` over operands of any width, as 128-bit values.
fn widened(
    (left, right): (&Side, &Side),
    rows: usize,
    nulls: Option<&NullBuffer>,
    f: impl Fn(i128, i128) -> Option<i128>,
) -> std::result::Result<Vec<i128>, usize> {
    match (&left.0, &right.0) {
        (Digits::Small(l), Digits::Small(r)) => {
            zip((l.as_ref(), left.1), (r.as_ref(), right.1), rows, nulls, |a, b| f(i128::from(a), i128::from(b)))
        }
        (Digits::Small(l), Digits::Wide(r)) => {
            zip((l.as_ref(), left.1), (r.as_ref(), right.1), rows, nulls, |a, b| f(i128::from(a), b))
        }
        (Digits::Wide(l), Digits::Small(r)) => {
            zip((l.as_ref(), left.1), (r.as_ref(), right.1), rows, nulls, |a, b| f(a, i128::from(b)))
        }
        (Digits::Wide(l), Digits::Wide(r)) => zip((l.as_ref(), left.1), (r.as_ref(), right.1), rows, nulls, f),
    }
}

/// Makes the array of the result's width.
fn finish(values: Vec<i128>, nulls: Option<NullBuffer>, result: &DataType) -> Result<ArrayRef> {
    if matches!(result, DataType::Decimal64(..)) {
        let values: std::result::Result<Vec<i64>, _> = values.into_iter().map(i64::try_from).collect();
        return small_array(values.map_err(|_overflow| decimal::overflow())?, nulls, result);
    }
    wide_array(values, nulls, result)
}

fn add(
    (left, right): (Side, Side),
    call: &Call<'_>,
    nulls: Option<NullBuffer>,
    operation: Operation,
    negate: bool,
) -> Result<ArrayRef> {
    let up = |from: i8| power(i16::from(operation.scale) - i16::from(from));
    let (raise_left, raise_right) = (up(operation.left), up(operation.right) * if negate { -1 } else { 1 });
    if matches!(call.result, DataType::Decimal64(..))
        && let (Digits::Small(l), Digits::Small(r)) = (&left.0, &right.0)
        && let (Ok(raise_left), Ok(raise_right)) = (i64::try_from(raise_left), i64::try_from(raise_right))
    {
        // The result's precision leaves room for every pair of operands, so nothing can overflow.
        let values = zip((l.as_ref(), left.1), (r.as_ref(), right.1), call.rows, None, |a, b| {
            Some(a.wrapping_mul(raise_left).wrapping_add(b.wrapping_mul(raise_right)))
        });
        return small_array(values.map_err(|_row| decimal::overflow())?, nulls, call.result);
    }
    let checked = operation.precision == crate::types::NUMERIC_PRECISION_MAX;
    let values = widened((&left, &right), call.rows, nulls.as_ref(), |a, b| {
        let sum = a.checked_mul(raise_left)?.checked_add(b.checked_mul(raise_right)?)?;
        if checked { operation.fits(sum) } else { Some(sum) }
    });
    finish(values.map_err(|_row| decimal::overflow())?, nulls, call.result)
}

fn multiply(
    (left, right): (Side, Side),
    call: &Call<'_>,
    nulls: Option<NullBuffer>,
    operation: Operation,
) -> Result<ArrayRef> {
    let product_scale = operation.left + operation.right;
    let uncut = product_scale == operation.scale;
    if uncut && let (Digits::Small(l), Digits::Small(r)) = (&left.0, &right.0) {
        let sides = ((l.as_ref(), left.1), (r.as_ref(), right.1));
        if matches!(call.result, DataType::Decimal64(..)) {
            let values = zip(sides.0, sides.1, call.rows, None, |a, b| Some(a.wrapping_mul(b)));
            return small_array(values.map_err(|_row| decimal::overflow())?, nulls, call.result);
        }
        // 64 × 64 bits always fit 128.
        let values = zip(sides.0, sides.1, call.rows, None, |a, b| Some(i128::from(a) * i128::from(b)));
        return wide_array(values.map_err(|_row| decimal::overflow())?, nulls, call.result);
    }
    let values = widened((&left, &right), call.rows, nulls.as_ref(), |a, b| {
        let product = match (i64::try_from(a), i64::try_from(b)) {
            (Ok(a), Ok(b)) => i128::from(a) * i128::from(b),
            _ => a.checked_mul(b)?,
        };
        let product = if uncut { product } else { rescale(product, product_scale, operation.scale)? };
        operation.fits(product)
    });
    finish(values.map_err(|_row| decimal::overflow())?, nulls, call.result)
}

fn divide(
    (left, right): (Side, Side),
    call: &Call<'_>,
    nulls: Option<NullBuffer>,
    operation: Operation,
) -> Result<ArrayRef> {
    // a / 10^left ÷ b / 10^right, at `scale` digits: a × 10^(scale + right - left) ÷ b.
    let shift = i16::from(operation.scale) + i16::from(operation.right) - i16::from(operation.left);
    let values = widened((&left, &right), call.rows, nulls.as_ref(), |a, b| {
        if b == 0 {
            return None;
        }
        operation.fits(wide_divide(a, b, shift)?)
    });
    let values = values.map_err(|row| quotient_error(&call.columns[1], row))?;
    finish(values, nulls, call.result)
}

fn quotient_error(right: &super::builtin::Column, row: usize) -> DataFusionError {
    let row = right.at(row);
    let zero = match right.array.data_type() {
        DataType::Decimal64(..) => right.array.as_primitive::<Decimal64Type>().value(row) == 0,
        DataType::Decimal128(..) => right.array.as_primitive::<Decimal128Type>().value(row) == 0,
        _ => match digits(&right.array) {
            Some(Digits::Small(values)) => values[row] == 0,
            Some(Digits::Wide(values)) => values[row] == 0,
            None => false,
        },
    };
    if zero { division_by_zero() } else { decimal::overflow() }
}

/// `a × 10^shift ÷ b`, rounded half away from zero. A product beyond 128 bits is divided digit by digit.
pub(super) fn wide_divide(a: i128, b: i128, shift: i16) -> Option<i128> {
    if shift < 0 {
        return Some(decimal::divide_rounded(a, b.checked_mul(power(-shift))?));
    }
    if shift <= 38
        && let Some(raised) = a.checked_mul(power(shift))
    {
        return Some(decimal::divide_rounded(raised, b));
    }
    let mut quotient = a / b;
    let mut rest = a % b;
    for _digit in 0..shift {
        rest = rest.checked_mul(10)?;
        quotient = quotient.checked_mul(10)?.checked_add(rest / b)?;
        rest %= b;
    }
    let up = rest.unsigned_abs() >= b.unsigned_abs() - rest.unsigned_abs();
    if up { quotient.checked_add(if (a < 0) == (b < 0) { 1 } else { -1 }) } else { Some(quotient) }
}

fn modulo(
    (left, right): (Side, Side),
    call: &Call<'_>,
    nulls: Option<NullBuffer>,
    operation: Operation,
) -> Result<ArrayRef> {
    let values = widened((&left, &right), call.rows, nulls.as_ref(), |a, b| {
        let divisor = rescale(b, operation.right, operation.scale)?;
        if divisor == 0 {
            return None;
        }
        Some(rescale(a, operation.left, operation.scale)? % divisor)
    });
    let values = values.map_err(|row| quotient_error(&call.columns[1], row))?;
    finish(values, nulls, call.result)
}

/// The checked operations that integers and floats of all widths share.
mod num_like {
    pub(super) trait Checked: Copy + Default + PartialEq {
        fn plus(self, other: Self) -> Option<Self>;
        fn minus(self, other: Self) -> Option<Self>;
        fn times(self, other: Self) -> Option<Self>;
        fn over(self, other: Self) -> Option<Self>;
        fn rest(self, other: Self) -> Option<Self>;
    }

    macro_rules! checked {
        ($($native:ty),*) => {$(
            impl Checked for $native {
                fn plus(self, other: Self) -> Option<Self> { self.checked_add(other) }
                fn minus(self, other: Self) -> Option<Self> { self.checked_sub(other) }
                fn times(self, other: Self) -> Option<Self> { self.checked_mul(other) }
                fn over(self, other: Self) -> Option<Self> { self.checked_div(other) }
                // MIN % -1 is 0 in Postgres.
                fn rest(self, other: Self) -> Option<Self> {
                    if other == 0 { None } else { Some(self.wrapping_rem(other)) }
                }
            }
        )*};
    }
    checked!(i16, i32, i64);

    pub(super) trait Floating:
        Copy
        + Default
        + PartialEq
        + std::ops::Add<Output = Self>
        + std::ops::Sub<Output = Self>
        + std::ops::Mul<Output = Self>
        + std::ops::Div<Output = Self>
        + std::ops::Rem<Output = Self>
    {
        /// The value, unless it is infinite and the operands were not.
        fn unless_overflow(self, a: Self, b: Self) -> Option<Self>;
    }

    macro_rules! floating {
        ($($native:ty),*) => {$(
            impl Floating for $native {
                fn unless_overflow(self, a: Self, b: Self) -> Option<Self> {
                    if self.is_infinite() && a.is_finite() && b.is_finite() { None } else { Some(self) }
                }
            }
        )*};
    }
    floating!(f32, f64);
}
