//! Predicates on decoded arrays: for inline chunks and for columns that a part does not have.

use std::cmp::Ordering;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Decimal64Type, Decimal128Type, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type,
    Time64MicrosecondType, TimestampMicrosecondType,
};
use arrow_array::{Array, ArrayRef, ArrowPrimitiveType};
use arrow_buffer::BooleanBuffer;
use arrow_schema::{DataType, TimeUnit};

use crate::catalog::value::Value;
use crate::error::{Error, Result};
use crate::id::ColumnId;
use crate::predicate::{Comparison, Predicate};

/// Which of `rows` rows the predicate is TRUE for.
pub(crate) fn evaluate(
    predicate: &Predicate,
    rows: usize,
    column: &impl Fn(ColumnId) -> Result<ArrayRef>,
) -> Result<BooleanBuffer> {
    match predicate {
        Predicate::True => Ok(BooleanBuffer::new_set(rows)),
        Predicate::False => Ok(BooleanBuffer::new_unset(rows)),
        Predicate::And(conditions) => conditions
            .iter()
            .try_fold(BooleanBuffer::new_set(rows), |all, condition| Ok(&all & &evaluate(condition, rows, column)?)),
        Predicate::Or(conditions) => conditions
            .iter()
            .try_fold(BooleanBuffer::new_unset(rows), |any, condition| Ok(&any | &evaluate(condition, rows, column)?)),
        Predicate::Compare { column: id, op, value } => {
            test(&column(*id)?, |found| found.compare(value).is_some_and(|order| holds(*op, order)))
        }
        Predicate::In { column: id, values, negated } => test(&column(*id)?, |found| {
            let place = values.binary_search_by(|value| value.compare(found).unwrap_or(Ordering::Less));
            place.is_ok() != *negated
        }),
        Predicate::IsNull { column: id, negated } => {
            let array = column(*id)?;
            let valid = array.nulls().map_or_else(|| BooleanBuffer::new_set(rows), |nulls| nulls.inner().clone());
            Ok(if *negated { valid } else { !&valid })
        }
        Predicate::StartsWith { column: id, prefix } => {
            test(&column(*id)?, |found| matches!(found, Value::Bytes(bytes) if bytes.starts_with(prefix)))
        }
    }
}

fn holds(op: Comparison, order: Ordering) -> bool {
    match op {
        Comparison::Equal => order.is_eq(),
        Comparison::NotEqual => order.is_ne(),
        Comparison::Less => order.is_lt(),
        Comparison::LessOrEqual => order.is_le(),
        Comparison::Greater => order.is_gt(),
        Comparison::GreaterOrEqual => order.is_ge(),
    }
}

/// Tests every value; nulls do not pass.
fn test(array: &ArrayRef, pass: impl Fn(&Value) -> bool) -> Result<BooleanBuffer> {
    let read = reader(array)?;
    Ok(BooleanBuffer::collect_bool(array.len(), |row| array.is_valid(row) && pass(&read(row))))
}

/// A function from a row to its value.
fn reader(array: &ArrayRef) -> Result<Box<dyn Fn(usize) -> Value + '_>> {
    Ok(match array.data_type() {
        DataType::Boolean => Box::new(|row| Value::Bool(array.as_boolean().value(row))),
        DataType::Int16 => integers::<Int16Type>(array),
        DataType::Int32 => integers::<Int32Type>(array),
        DataType::Int64 => integers::<Int64Type>(array),
        DataType::Date32 => integers::<Date32Type>(array),
        DataType::Time64(TimeUnit::Microsecond) => integers::<Time64MicrosecondType>(array),
        DataType::Timestamp(TimeUnit::Microsecond, _) => integers::<TimestampMicrosecondType>(array),
        DataType::Decimal64(..) => integers::<Decimal64Type>(array),
        DataType::Decimal128(..) => Box::new(|row| Value::Wide(array.as_primitive::<Decimal128Type>().value(row))),
        DataType::Float32 => Box::new(|row| Value::Float(f64::from(array.as_primitive::<Float32Type>().value(row)))),
        DataType::Float64 => Box::new(|row| Value::Float(array.as_primitive::<Float64Type>().value(row))),
        DataType::Utf8View => Box::new(|row| Value::Bytes(array.as_string_view().value(row).as_bytes().to_vec())),
        DataType::BinaryView => Box::new(|row| Value::Bytes(array.as_binary_view().value(row).to_vec())),
        other => return Err(Error::internal(format!("values of type {other} are not compared by the scan"))),
    })
}

fn integers<T: ArrowPrimitiveType>(array: &ArrayRef) -> Box<dyn Fn(usize) -> Value + '_>
where
    T::Native: Into<i64>,
{
    let array = array.as_primitive::<T>();
    Box::new(|row| Value::Int(array.value(row).into()))
}
