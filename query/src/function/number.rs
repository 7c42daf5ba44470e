//! Functions on numbers, with Postgres's types, rounding and errors.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, PrimitiveArray};
use arrow::datatypes::{
    DataType, Decimal64Type, Decimal128Type, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type,
    IntervalMonthDayNanoType,
};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::Volatility;

use super::builtin::{Builtin, Call, fail, no_such, type_name};
use super::decimal::{self, Digits, digits, divide_rounded, power, shape};
use super::interval;
use crate::error::SqlState;
use crate::types::decimal_type;

pub(super) const FUNCTIONS: &[Builtin] = &[
    same("abs", |call| unary(call, i64::checked_abs, i128::abs, f64::abs)),
    same("negate", |call| unary(call, i64::checked_neg, |v| -v, |v| -v)),
    same("sign", |call| unary(call, |v| Some(v.signum()), |v| v.signum() * power(call_scale(call)), sign)),
    rounding("round", |call| rounded(call, Rounding::Nearest)),
    rounding("trunc", |call| rounded(call, Rounding::Zero)),
    rounding("ceil", |call| rounded(call, Rounding::Up)),
    rounding("ceiling", |call| rounded(call, Rounding::Up)),
    rounding("floor", |call| rounded(call, Rounding::Down)),
    float("sqrt", |call| {
        call.floats(|row| match call.float(0, row) {
            value if value < 0.0 => {
                Err(fail(SqlState::InvalidArgumentForPower, "cannot take square root of a negative number"))
            }
            value => Ok(Some(value.sqrt())),
        })
    }),
    float("cbrt", |call| call.floats(|row| Ok(Some(call.float(0, row).cbrt())))),
    float("exp", |call| call.floats(|row| finite(call.float(0, row).exp(), call.float(0, row)))),
    float("dexp", |call| call.floats(|row| finite(call.float(0, row).exp(), call.float(0, row)))),
    float("ln", |call| call.floats(|row| logarithm(call.float(0, row)).map(|value| Some(value.ln())))),
    float("dlog1", |call| call.floats(|row| logarithm(call.float(0, row)).map(|value| Some(value.ln())))),
    float("dlog10", |call| call.floats(|row| logarithm(call.float(0, row)).map(|value| Some(value.log10())))),
    Builtin {
        name: "log",
        volatility: Volatility::Immutable,
        arguments: |types| floats("log", types, 1..=2),
        result: |_types| Ok(DataType::Float64),
        run: |call| {
            call.floats(|row| {
                let first = logarithm(call.float(0, row))?;
                if call.arity() == 1 {
                    return Ok(Some(first.log10()));
                }
                Ok(Some(logarithm(call.float(1, row))?.ln() / first.ln()))
            })
        },
    },
    power_function("power"),
    power_function("pow"),
    Builtin {
        name: "div",
        volatility: Volatility::Immutable,
        arguments: |types| match types {
            [left, right] if shape(left).is_some() && shape(right).is_some() => Ok(types.to_vec()),
            _ => Err(no_such("div", types)),
        },
        result: |types| match types {
            [left, right] => Ok(quotient_type(left, right)),
            _ => Err(no_such("div", types)),
        },
        run: div,
    },
    Builtin {
        name: "strtol",
        volatility: Volatility::Immutable,
        arguments: |types| match types.len() {
            2 => Ok(vec![DataType::Utf8View, DataType::Int64]),
            _ => Err(no_such("strtol", types)),
        },
        result: |_types| Ok(DataType::Int64),
        run: |call| {
            call.ints(|row| {
                let (text, base) = (call.text(0, row), call.int(1, row));
                let radix = u32::try_from(base).ok().filter(|radix| (2..=36).contains(radix));
                let radix =
                    radix.ok_or_else(|| fail(SqlState::InvalidParameterValue, "base must be between 2 and 36"))?;
                i64::from_str_radix(text.trim(), radix).map(Some).map_err(|_error| {
                    fail(
                        SqlState::InvalidTextRepresentation,
                        format!("the input {text} is not a number in base {base}"),
                    )
                })
            })
        },
    },
];

const fn same(name: &'static str, run: fn(&Call<'_>) -> Result<ArrayRef>) -> Builtin {
    Builtin {
        name,
        volatility: Volatility::Immutable,
        arguments: |types| match types {
            [DataType::Null] => Ok(vec![DataType::Float64]),
            [one] if shape(one).is_some() || one.is_floating() || matches!(one, DataType::Interval(_)) => {
                Ok(types.to_vec())
            }
            _ => Err(no_such("", types)),
        },
        result: |types| match types {
            [DataType::Null] => Ok(DataType::Float64),
            [one] => Ok(one.clone()),
            _ => Err(no_such("", types)),
        },
        run,
    }
}

const fn float(name: &'static str, run: fn(&Call<'_>) -> Result<ArrayRef>) -> Builtin {
    Builtin {
        name,
        volatility: Volatility::Immutable,
        arguments: |types| floats("", types, 1..=1),
        result: |_types| Ok(DataType::Float64),
        run,
    }
}

const fn power_function(name: &'static str) -> Builtin {
    Builtin {
        name,
        volatility: Volatility::Immutable,
        arguments: |types| floats("power", types, 2..=2),
        result: |_types| Ok(DataType::Float64),
        run: |call| {
            call.floats(|row| {
                let (base, exponent) = (call.float(0, row), call.float(1, row));
                if base == 0.0 && exponent < 0.0 {
                    return Err(domain("zero raised to a negative power is undefined"));
                }
                if base < 0.0 && exponent.fract() != 0.0 {
                    return Err(domain("a negative number raised to a non-integer power yields a complex result"));
                }
                finite(base.powf(exponent), base)
            })
        },
    }
}

fn floats(name: &str, types: &[DataType], count: std::ops::RangeInclusive<usize>) -> Result<Vec<DataType>> {
    if !count.contains(&types.len()) || !types.iter().all(|t| t.is_numeric() || t.is_null()) {
        return Err(no_such(name, types));
    }
    Ok(vec![DataType::Float64; types.len()])
}

fn domain(message: &str) -> datafusion::error::DataFusionError {
    fail(SqlState::InvalidArgumentForPower, message)
}

fn logarithm(value: f64) -> Result<f64> {
    if value <= 0.0 {
        let what = if value == 0.0 { "zero" } else { "a negative number" };
        return Err(fail(SqlState::InvalidArgumentForLogarithm, format!("cannot take logarithm of {what}")));
    }
    Ok(value)
}

fn finite(value: f64, input: f64) -> Result<Option<f64>> {
    if value.is_infinite() && input.is_finite() {
        return Err(fail(SqlState::NumericValueOutOfRange, "value out of range: overflow"));
    }
    Ok(Some(value))
}

fn sign(value: f64) -> f64 {
    if value == 0.0 || value.is_nan() { value } else { value.signum() }
}

fn call_scale(call: &Call<'_>) -> i16 {
    shape(call.type_of(0)).map_or(0, |shape| shape.1.into())
}

fn out_of_range(data_type: &DataType) -> datafusion::error::DataFusionError {
    fail(SqlState::NumericValueOutOfRange, format!("{} out of range", type_name(data_type)))
}

/// Runs one function over a number of any type.
fn unary(
    call: &Call<'_>,
    integer: impl Fn(i64) -> Option<i64>,
    wide: impl Fn(i128) -> i128,
    float: impl Fn(f64) -> f64,
) -> Result<ArrayRef> {
    let array = &call.columns[0].array;
    let over = || out_of_range(array.data_type());
    macro_rules! integers {
        ($type:ty, $native:ty) => {{
            let mapped: PrimitiveArray<$type> = array.as_primitive::<$type>().try_unary(|value| {
                integer(i64::from(value)).and_then(|value| <$native>::try_from(value).ok()).ok_or_else(over)
            })?;
            Arc::new(mapped) as ArrayRef
        }};
    }
    Ok(match array.data_type() {
        DataType::Int16 => integers!(Int16Type, i16),
        DataType::Int32 => integers!(Int32Type, i32),
        DataType::Int64 => integers!(Int64Type, i64),
        DataType::Decimal64(..) => {
            let mapped: PrimitiveArray<Decimal64Type> = array
                .as_primitive::<Decimal64Type>()
                .try_unary(|value| i64::try_from(wide(i128::from(value))).map_err(|_error| over()))?;
            Arc::new(mapped.with_data_type(array.data_type().clone()))
        }
        DataType::Decimal128(..) => {
            let mapped: PrimitiveArray<Decimal128Type> = array.as_primitive::<Decimal128Type>().unary(wide);
            Arc::new(mapped.with_data_type(array.data_type().clone()))
        }
        #[expect(clippy::cast_possible_truncation, reason = "the functions do not grow their argument")]
        DataType::Float32 => {
            let mapped: PrimitiveArray<Float32Type> =
                array.as_primitive::<Float32Type>().unary(|value| float(f64::from(value)) as f32);
            Arc::new(mapped)
        }
        DataType::Float64 => Arc::new(array.as_primitive::<Float64Type>().unary::<_, Float64Type>(float)),
        DataType::Interval(_) => {
            let mapped: PrimitiveArray<IntervalMonthDayNanoType> = array
                .as_primitive::<IntervalMonthDayNanoType>()
                .try_unary(|value| interval::negated(value).ok_or_else(|| interval::out_of_range("interval")))?;
            Arc::new(mapped)
        }
        other => return Err(no_such("", std::slice::from_ref(other))),
    })
}

/// How digits are dropped.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rounding {
    Nearest,
    Zero,
    Up,
    Down,
}

impl Rounding {
    /// The unscaled value without its last `places` digits, filled with zeros.
    fn digits(self, value: i128, places: i16) -> Option<i128> {
        if places <= 0 {
            return Some(value);
        }
        if places > 38 {
            return Some(0);
        }
        let unit = power(places);
        let whole = match self {
            Self::Nearest => divide_rounded(value, unit),
            Self::Zero => value / unit,
            Self::Up => -((-value).div_euclid(unit)),
            Self::Down => value.div_euclid(unit),
        };
        whole.checked_mul(unit)
    }

    fn float(self, value: f64, places: i32) -> f64 {
        let apply = |value: f64| match self {
            Self::Nearest => value.round_ties_even(),
            Self::Zero => value.trunc(),
            Self::Up => value.ceil(),
            Self::Down => value.floor(),
        };
        if places == 0 || !value.is_finite() {
            return apply(value);
        }
        let unit = 10_f64.powi(places);
        let scaled = value * unit;
        if scaled.is_finite() { apply(scaled) / unit } else { value }
    }
}

const fn rounding(name: &'static str, run: fn(&Call<'_>) -> Result<ArrayRef>) -> Builtin {
    Builtin { name, volatility: Volatility::Immutable, arguments: rounding_arguments, result: rounding_result, run }
}

fn rounding_arguments(types: &[DataType]) -> Result<Vec<DataType>> {
    let first = match types.first() {
        Some(first) if first.is_floating() || first.is_null() => DataType::Float64,
        Some(first) if shape(first).is_some() => first.clone(),
        // TRUNC(timestamp) is the date.
        Some(DataType::Timestamp(..) | DataType::Date32) if types.len() == 1 => DataType::Date32,
        _ => return Err(no_such("round", types)),
    };
    match types.len() {
        1 => Ok(vec![first]),
        2 => Ok(vec![first, DataType::Int32]),
        _ => Err(no_such("round", types)),
    }
}

/// Integers keep their type; a decimal without places has no fraction left and one more digit.
fn rounding_result(types: &[DataType]) -> Result<DataType> {
    match (types.first(), types.len()) {
        (Some(DataType::Null), _) => Ok(DataType::Float64),
        (Some(first), _) if first.is_floating() => Ok(DataType::Float64),
        (Some(first), _) if first.is_integer() => Ok(first.clone()),
        (Some(DataType::Date32 | DataType::Timestamp(..)), 1) => Ok(DataType::Date32),
        (Some(first), count) => {
            let (precision, scale) = shape(first).ok_or_else(|| no_such("round", types))?;
            if count == 1 {
                let whole = u8::try_from(i16::from(precision) - i16::from(scale) + 1).unwrap_or(38);
                return Ok(decimal_type(whole.clamp(1, 38), 0));
            }
            Ok(decimal_type((precision + 1).min(38), scale))
        }
        (None, _) => Err(no_such("round", types)),
    }
}

/// Whether a function's second argument says how many digits its result has.
pub(super) fn has_places(name: &str) -> bool {
    matches!(name, "round" | "trunc")
}

/// The type of a result that is rounded to a known number of places.
pub(super) fn type_at_places(plain: DataType, places: &ScalarValue) -> DataType {
    let places = match places {
        ScalarValue::Int32(Some(places)) => i64::from(*places),
        ScalarValue::Int64(Some(places)) => *places,
        _ => return plain,
    };
    match shape(&plain) {
        Some((precision, scale)) if !plain.is_integer() => {
            let kept = i8::try_from(places.clamp(0, scale.into())).unwrap_or(scale);
            let dropped = u8::try_from(scale - kept).unwrap_or(0);
            decimal_type(precision.saturating_sub(dropped).max(1), kept)
        }
        _ => plain,
    }
}

fn rounded(call: &Call<'_>, rounding: Rounding) -> Result<ArrayRef> {
    let array = &call.columns[0].array;
    let places = |row: usize| if call.arity() > 1 { call.int32(1, row) } else { 0 };
    if matches!(array.data_type(), DataType::Date32) {
        return Ok(Arc::clone(array));
    }
    if array.data_type().is_floating() {
        return call.floats(|row| Ok(Some(rounding.float(call.float(0, row), places(row)))));
    }
    let (Some((_, from)), Some((_, to)), Some(values)) = (shape(array.data_type()), shape(call.result), digits(array))
    else {
        return Err(no_such("round", std::slice::from_ref(array.data_type())));
    };
    let column = &call.columns[0];
    let value = |row: usize| match &values {
        Digits::Small(values) => i128::from(values[column.at(row)]),
        Digits::Wide(values) => values[column.at(row)],
    };
    let results: Result<Vec<Option<i128>>> = (0..call.rows)
        .map(|row| {
            if call.any_null(row) {
                return Ok(None);
            }
            let dropped = i16::try_from(i32::from(from).saturating_sub(places(row))).unwrap_or(i16::MAX);
            let kept = rounding.digits(value(row), dropped).and_then(|kept| decimal::rescale(kept, from, to));
            kept.map(Some).ok_or_else(decimal::overflow)
        })
        .collect();
    numbers(results?, call.result)
}

/// Unscaled values as an array of an integer or decimal type.
pub(super) fn numbers(values: Vec<Option<i128>>, result: &DataType) -> Result<ArrayRef> {
    let over = || out_of_range(result);
    macro_rules! narrow {
        ($type:ty, $native:ty) => {{
            let array: Result<PrimitiveArray<$type>> = values
                .into_iter()
                .map(|value| value.map(<$native>::try_from).transpose().map_err(|_error| over()))
                .collect();
            Arc::new(array?.with_data_type(result.clone())) as ArrayRef
        }};
    }
    Ok(match result {
        DataType::Int16 => narrow!(Int16Type, i16),
        DataType::Int32 => narrow!(Int32Type, i32),
        DataType::Int64 => narrow!(Int64Type, i64),
        DataType::Decimal64(..) => narrow!(Decimal64Type, i64),
        _ => {
            let array: PrimitiveArray<Decimal128Type> = values.into_iter().collect();
            Arc::new(array.with_data_type(result.clone()))
        }
    })
}

fn quotient_type(left: &DataType, right: &DataType) -> DataType {
    if left.is_integer() && right.is_integer() {
        return if matches!((left, right), (DataType::Int64, _) | (_, DataType::Int64)) {
            DataType::Int64
        } else {
            DataType::Int32
        };
    }
    DataType::Decimal128(38, 0)
}

/// DIV(a, b): the quotient without its fraction.
fn div(call: &Call<'_>) -> Result<ArrayRef> {
    let [left, right] = call.columns else { return Err(no_such("div", &[])) };
    let (Some((_, s1)), Some((_, s2))) = (shape(left.array.data_type()), shape(right.array.data_type())) else {
        return Err(no_such("div", &[]));
    };
    let (Some(l), Some(r)) = (digits(&left.array), digits(&right.array)) else { return Err(no_such("div", &[])) };
    let at = |digits: &Digits, row: usize| match digits {
        Digits::Small(values) => i128::from(values[row]),
        Digits::Wide(values) => values[row],
    };
    let scale = s1.max(s2);
    let results: Result<Vec<Option<i128>>> = (0..call.rows)
        .map(|row| {
            if call.any_null(row) {
                return Ok(None);
            }
            let a = decimal::rescale(at(&l, left.at(row)), s1, scale).ok_or_else(decimal::overflow)?;
            let b = decimal::rescale(at(&r, right.at(row)), s2, scale).ok_or_else(decimal::overflow)?;
            if b == 0 { Err(super::arithmetic::division_by_zero()) } else { Ok(Some(a / b)) }
        })
        .collect();
    numbers(results?, call.result)
}
