//! Random columns with the shapes that encodings look for, and random predicates on them.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Decimal128Type, Float32Type, Float64Type};
use arrow_array::{
    Array, ArrayRef, BinaryViewArray, BooleanArray, Decimal128Array, Float32Array, Float64Array, Int64Array,
    IntervalMonthDayNanoArray, StringViewArray,
};
use arrow_buffer::IntervalMonthDayNano;
use proptest::collection::vec;
use proptest::prelude::*;

use super::COLUMN;
use crate::catalog::types::ColumnType;
use crate::catalog::value::Value;
use crate::predicate::{Comparison, Predicate};

pub(super) const TYPES: [ColumnType; 17] = [
    ColumnType::Bool,
    ColumnType::Int16,
    ColumnType::Int32,
    ColumnType::Int64,
    ColumnType::Float32,
    ColumnType::Float64,
    ColumnType::Decimal { precision: 5, scale: 2 },
    ColumnType::Decimal { precision: 18, scale: 0 },
    ColumnType::Decimal { precision: 38, scale: 10 },
    ColumnType::Char { length: 20 },
    ColumnType::Varchar { length: None },
    ColumnType::Date,
    ColumnType::Time,
    ColumnType::Timestamp,
    ColumnType::TimestampTz,
    ColumnType::Interval,
    ColumnType::Bytes,
];

/// Numbers in one of the shapes that encodings look for.
fn numbers() -> impl Strategy<Value = Vec<i64>> {
    let length = prop_oneof![1usize..40, 1000usize..1100, 2000usize..2100];
    (length, any::<u64>(), 0..8u8, prop_oneof![Just(1i64), Just(100), Just(1_000_000), 1..5000i64]).prop_map(
        |(length, seed, shape, step)| {
            let mut random = Random(seed);
            let start = random.next() >> (random.next() % 64).unsigned_abs();
            let mut sum = start;
            (0..length as i64)
                .map(|row| match shape {
                    0 => start,
                    1 => start.wrapping_add(row / 37 * step),
                    2 => {
                        sum = sum.wrapping_add((random.next() % 9).abs() * step);
                        sum
                    }
                    3 => start.wrapping_add((random.next() % 50).abs() * step),
                    4 => random.next(),
                    5 => [i64::MIN, i64::MAX, 0, -1, 1][(random.next() % 5).unsigned_abs() as usize],
                    6 => (random.next() % 3) * 1_000_000_007,
                    _ => random.next() % 1000,
                })
                .collect()
        },
    )
}

/// A small generator, so that one seed makes a whole column.
struct Random(u64);

impl Random {
    fn next(&mut self) -> i64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)).cast_signed()
    }
}

/// Text of a number: short or long, ASCII or not, and with shared words.
fn text(number: i64) -> String {
    const WORDS: [&str; 6] = ["", "carefully", "final deposits", "ünïcödé", "日本語の文字列です", "a"];
    let word = |shift: u32| WORDS[(number.unsigned_abs() >> shift) as usize % WORDS.len()];
    match number.rem_euclid(4) {
        0 => format!("{} {} {}", word(2), word(5), word(8)),
        1 => word(3).to_owned(),
        2 => format!("{number}"),
        _ => format!("{}{}", word(4), number % 100),
    }
}

/// Which rows are null.
fn validity(rows: usize) -> impl Strategy<Value = Vec<bool>> {
    prop_oneof![
        3 => Just(vec![true; rows]),
        1 => Just(vec![false; rows]),
        3 => vec(prop::bool::weighted(0.8), rows),
        1 => Just((0..rows).map(|row| row % 500 < 250).collect()),
    ]
}

/// A random column of a type.
pub(super) fn column(column_type: ColumnType) -> impl Strategy<Value = ArrayRef> {
    numbers()
        .prop_flat_map(|numbers| {
            let rows = numbers.len();
            (Just(numbers), validity(rows))
        })
        .prop_map(move |(numbers, validity)| build(column_type, &numbers, &validity))
}

fn build(column_type: ColumnType, numbers: &[i64], validity: &[bool]) -> ArrayRef {
    let some = || numbers.iter().zip(validity).map(|(number, valid)| valid.then_some(*number));
    match column_type {
        ColumnType::Bool => Arc::new(BooleanArray::from_iter(some().map(|value| value.map(|value| value % 2 == 0)))),
        ColumnType::Float32 => {
            Arc::new(Float32Array::from_iter(some().map(|value| value.map(|value| float(value) as f32))))
        }
        ColumnType::Float64 => Arc::new(Float64Array::from_iter(some().map(|value| value.map(float)))),
        ColumnType::Decimal { precision: 38, scale } => {
            let wide = |value: i64| if value % 7 == 0 { i128::from(value) << 40 } else { i128::from(value) };
            let values = Decimal128Array::from_iter(some().map(|value| value.map(wide)));
            Arc::new(values.with_precision_and_scale(38, scale.cast_signed()).unwrap())
        }
        ColumnType::Char { .. } | ColumnType::Varchar { .. } => {
            Arc::new(StringViewArray::from_iter(some().map(|value| value.map(text))))
        }
        ColumnType::Bytes => {
            Arc::new(BinaryViewArray::from_iter(some().map(|value| value.map(|value| value.to_le_bytes().repeat(2)))))
        }
        ColumnType::Interval => Arc::new(IntervalMonthDayNanoArray::from_iter(
            some().map(|value| value.map(|value| IntervalMonthDayNano::new(value as i32, (value >> 7) as i32, value))),
        )),
        integer => {
            let native = integer.arrow();
            let width = native.primitive_width().unwrap() * 8;
            // Cut to the width, keeping the sign.
            let cut = |value: i64| value << (64 - width) >> (64 - width);
            let values: ArrayRef = Arc::new(Int64Array::from_iter(some().map(|value| value.map(cut))));
            let narrow = match width {
                16 => arrow_cast::cast(&values, &arrow_schema::DataType::Int16).unwrap(),
                32 => arrow_cast::cast(&values, &arrow_schema::DataType::Int32).unwrap(),
                _ => values,
            };
            arrow_array::make_array(narrow.to_data().into_builder().data_type(native).build().unwrap())
        }
    }
}

/// Floats of every kind.
fn float(number: i64) -> f64 {
    match number.rem_euclid(11) {
        0 => f64::NAN,
        1 => -0.0,
        2 => 0.0,
        3 => f64::INFINITY,
        4 => f64::NEG_INFINITY,
        5 => f64::from_bits(number.unsigned_abs()),
        _ => (number % 1000) as f64 / 4.0,
    }
}

/// The value of a row in the class that predicates use.
pub(super) fn value_at(array: &dyn Array, row: usize) -> Option<Value> {
    if array.is_null(row) {
        return None;
    }
    let data = array.to_data();
    if let Some(values) = array.as_boolean_opt() {
        return Some(Value::Bool(values.value(row)));
    }
    if let Some(values) = array.as_string_view_opt() {
        return Some(Value::Bytes(values.value(row).as_bytes().to_vec()));
    }
    if let Some(values) = array.as_binary_view_opt() {
        return Some(Value::Bytes(values.value(row).to_vec()));
    }
    if let Some(values) = array.as_primitive_opt::<Float32Type>() {
        return Some(Value::Float(values.value(row).into()));
    }
    if let Some(values) = array.as_primitive_opt::<Float64Type>() {
        return Some(Value::Float(values.value(row)));
    }
    if let Some(values) = array.as_primitive_opt::<Decimal128Type>() {
        return Some(Value::Wide(values.value(row)));
    }
    Some(Value::Int(match array.data_type().primitive_width() {
        Some(2) => i64::from(data.buffer::<i16>(0)[row]),
        Some(4) => i64::from(data.buffer::<i32>(0)[row]),
        _ => data.buffer::<i64>(0)[row],
    }))
}

/// A random predicate whose literals are mostly values of the column.
pub(super) fn predicate(array: &ArrayRef) -> BoxedStrategy<Predicate> {
    let literals: Vec<Value> = (0..array.len()).filter_map(|row| value_at(array, row)).collect();
    let null = any::<bool>().prop_map(|negated| Predicate::IsNull { column: COLUMN, negated });
    let constant = any::<bool>().prop_map(|truth| if truth { Predicate::True } else { Predicate::False });
    if literals.is_empty() || matches!(array.data_type(), arrow_schema::DataType::Interval(_)) {
        return prop_oneof![null, constant].boxed();
    }
    let text = matches!(literals[0], Value::Bytes(_));
    let literal = (prop::sample::select(literals), -1..2i64).prop_map(|(value, by)| near(value, by));
    let compare =
        (operator(), literal.clone()).prop_map(|(op, value)| Predicate::Compare { column: COLUMN, op, value });
    let list = (vec(literal.clone(), 0..12), any::<bool>()).prop_map(|(mut values, negated)| {
        values.sort_by(|a, b| a.compare(b).unwrap());
        values.dedup_by(|a, b| a.compare(b).unwrap().is_eq());
        Predicate::In { column: COLUMN, values, negated }
    });
    let prefix = (literal, 0..6usize).prop_map(move |(value, length)| match value {
        Value::Bytes(bytes) if text => {
            Predicate::StartsWith { column: COLUMN, prefix: bytes[..length.min(bytes.len())].to_vec() }
        }
        value => Predicate::Compare { column: COLUMN, op: Comparison::GreaterOrEqual, value },
    });
    let leaf = prop_oneof![4 => compare, 2 => list, 1 => null, 1 => prefix, 1 => constant];
    leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![vec(inner.clone(), 0..3).prop_map(Predicate::And), vec(inner, 0..3).prop_map(Predicate::Or),]
    })
    .boxed()
}

fn operator() -> impl Strategy<Value = Comparison> {
    prop::sample::select(vec![
        Comparison::Equal,
        Comparison::NotEqual,
        Comparison::Less,
        Comparison::LessOrEqual,
        Comparison::Greater,
        Comparison::GreaterOrEqual,
    ])
}

/// A value beside another.
fn near(value: Value, by: i64) -> Value {
    match value {
        Value::Int(value) => Value::Int(value.saturating_add(by)),
        Value::Wide(value) => Value::Wide(value + i128::from(by)),
        other => other,
    }
}

/// SQL's three-valued truth of a predicate on one value; `None` is NULL.
pub(super) fn truth(predicate: &Predicate, value: Option<&Value>) -> Option<bool> {
    match predicate {
        Predicate::True => Some(true),
        Predicate::False => Some(false),
        Predicate::And(parts) => {
            let truths: Vec<_> = parts.iter().map(|part| truth(part, value)).collect();
            if truths.contains(&Some(false)) {
                return Some(false);
            }
            if truths.contains(&None) { None } else { Some(true) }
        }
        Predicate::Or(parts) => {
            let truths: Vec<_> = parts.iter().map(|part| truth(part, value)).collect();
            if truths.contains(&Some(true)) {
                return Some(true);
            }
            if truths.contains(&None) { None } else { Some(false) }
        }
        Predicate::IsNull { negated, .. } => Some(value.is_none() != *negated),
        Predicate::Compare { op, value: literal, .. } => {
            let order = value?.compare(literal)?;
            Some(match op {
                Comparison::Equal => order.is_eq(),
                Comparison::NotEqual => order.is_ne(),
                Comparison::Less => order.is_lt(),
                Comparison::LessOrEqual => order.is_le(),
                Comparison::Greater => order.is_gt(),
                Comparison::GreaterOrEqual => order.is_ge(),
            })
        }
        Predicate::In { values, negated, .. } => {
            let value = value?;
            Some(values.iter().any(|literal| literal.compare(value).is_some_and(std::cmp::Ordering::is_eq)) != *negated)
        }
        Predicate::StartsWith { prefix, .. } => match value? {
            Value::Bytes(bytes) => Some(bytes.starts_with(prefix)),
            _ => None,
        },
    }
}
