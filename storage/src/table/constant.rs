//! Arrays of one value: what a part shows of a column that is newer than the part.

use std::sync::Arc;

use arrow_array::types::Decimal128Type;
use arrow_array::{
    ArrayRef, BinaryViewArray, BooleanArray, Date32Array, Decimal64Array, Decimal128Array, Float32Array, Float64Array,
    Int16Array, Int32Array, Int64Array, PrimitiveArray, StringViewArray, Time64MicrosecondArray,
    TimestampMicrosecondArray, new_null_array,
};

use crate::catalog::part::ColumnSummary;
use crate::catalog::table::Column;
use crate::catalog::types::ColumnType;
use crate::catalog::value::Value;
use crate::error::{Error, Result};

/// `rows` times the value that parts without the column show.
pub(crate) fn missing_array(column: &Column, rows: usize) -> Result<ArrayRef> {
    match &column.missing {
        None => Ok(new_null_array(&column.column_type.arrow(), rows)),
        Some(value) => constant_array(column.column_type, value, rows)
            .ok_or_else(|| Error::internal(format!("the default of column \"{}\" has another type", column.name))),
    }
}

/// The zone statistics of a part without the column.
pub(crate) fn missing_summary(column: &Column, rows: u64) -> ColumnSummary {
    let value = column.missing.clone();
    ColumnSummary {
        column: column.id,
        nulls: if value.is_some() { 0 } else { rows },
        distinct: u64::from(value.is_some()),
        min: value.clone(),
        max: value,
        exact: true,
        bytes: 0,
    }
}

/// `rows` times `value`; `None` where the value does not belong to the type.
fn constant_array(column_type: ColumnType, value: &Value, rows: usize) -> Option<ArrayRef> {
    Some(match (column_type, value) {
        (ColumnType::Bool, Value::Bool(value)) => Arc::new(BooleanArray::from(vec![*value; rows])),
        (ColumnType::Int16, Value::Int(value)) => Arc::new(Int16Array::from_value(i16::try_from(*value).ok()?, rows)),
        (ColumnType::Int32, Value::Int(value)) => Arc::new(Int32Array::from_value(i32::try_from(*value).ok()?, rows)),
        (ColumnType::Int64, Value::Int(value)) => Arc::new(Int64Array::from_value(*value, rows)),
        (ColumnType::Date, Value::Int(value)) => Arc::new(Date32Array::from_value(i32::try_from(*value).ok()?, rows)),
        (ColumnType::Time, Value::Int(value)) => Arc::new(Time64MicrosecondArray::from_value(*value, rows)),
        (ColumnType::Timestamp, Value::Int(value)) => Arc::new(TimestampMicrosecondArray::from_value(*value, rows)),
        (ColumnType::TimestampTz, Value::Int(value)) => {
            Arc::new(TimestampMicrosecondArray::from_value(*value, rows).with_timezone("UTC"))
        }
        (ColumnType::Decimal { .. }, Value::Int(value)) => {
            Arc::new(Decimal64Array::from_value(*value, rows).with_data_type(column_type.arrow()))
        }
        (ColumnType::Decimal { .. }, Value::Wide(value)) => {
            let values: Decimal128Array = PrimitiveArray::<Decimal128Type>::from_value(*value, rows);
            Arc::new(values.with_data_type(column_type.arrow()))
        }
        (ColumnType::Float32, Value::Float(value)) => Arc::new(Float32Array::from_value(narrow(*value), rows)),
        (ColumnType::Float64, Value::Float(value)) => Arc::new(Float64Array::from_value(*value, rows)),
        (ColumnType::Char { .. } | ColumnType::Varchar { .. }, Value::Bytes(value)) => {
            let text = std::str::from_utf8(value).ok()?;
            Arc::new(StringViewArray::from_iter_values(std::iter::repeat_n(text, rows)))
        }
        (ColumnType::Bytes, Value::Bytes(value)) => {
            Arc::new(BinaryViewArray::from_iter_values(std::iter::repeat_n(value.as_slice(), rows)))
        }
        _ => return None,
    })
}

#[expect(clippy::cast_possible_truncation, reason = "a default of a real column was a real to begin with")]
fn narrow(value: f64) -> f32 {
    value as f32
}
