//! One value of a system table or of an argument of a system function, and the way from and to Arrow arrays.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BinaryViewArray, BooleanArray, Date32Array, Decimal64Array, Float32Array, Float64Array,
    Int16Array, Int32Array, Int64Array, IntervalMonthDayNanoArray, ListArray, StringViewArray,
    TimestampMicrosecondArray, new_null_array,
};
use datafusion::arrow::buffer::{NullBuffer, OffsetBuffer};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{
    DataType, FieldRef, Float32Type, Float64Type, Int64Type, IntervalMonthDayNanoType, IntervalUnit, TimeUnit,
};
use datafusion::arrow::error::ArrowError;

use crate::error::{SqlError, SqlState};

/// A value.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) enum Cell {
    /// NULL.
    #[default]
    Null,
    /// A boolean.
    Bool(bool),
    /// Any integer, oid, date (days), timestamp (microseconds since 1970) or unscaled decimal.
    Int(i64),
    /// A float.
    Float(f64),
    /// Any text.
    Text(String),
    /// Months, days, nanoseconds.
    Interval(i32, i32, i64),
    /// An array.
    List(Vec<Cell>),
}

impl Cell {
    /// Whether it is NULL.
    pub(crate) fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The integer, or that written in the text.
    pub(crate) fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(value) => Some(*value),
            Self::Bool(value) => Some(i64::from(*value)),
            Self::Text(text) => text.trim().parse().ok(),
            Self::Null | Self::Float(_) | Self::Interval(..) | Self::List(_) => None,
        }
    }

    /// The integer as an oid.
    pub(crate) fn as_oid(&self) -> Option<u32> {
        self.as_int().and_then(|value| u32::try_from(value).ok())
    }

    /// The text.
    pub(crate) fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The boolean.
    pub(crate) fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// The value as Postgres prints it; `None` for NULL.
    pub(crate) fn print(&self) -> Option<String> {
        match self {
            Self::Null => None,
            Self::Bool(value) => Some(if *value { "t" } else { "f" }.to_owned()),
            Self::Int(value) => Some(value.to_string()),
            Self::Float(value) => Some(value.to_string()),
            Self::Text(text) => Some(text.clone()),
            Self::Interval(months, days, nanos) => Some(format!("{months} mons {days} days {} us", nanos / 1000)),
            Self::List(items) => {
                let items = items.iter().map(|item| item.print().unwrap_or_else(|| "NULL".to_owned()));
                Some(format!("{{{}}}", items.collect::<Vec<_>>().join(",")))
            }
        }
    }
}

macro_rules! from {
    ($($source:ty => |$value:ident| $cell:expr;)*) => {
        $(impl From<$source> for Cell {
            fn from($value: $source) -> Self {
                $cell
            }
        })*
    };
}
from! {
    bool => |value| Self::Bool(value);
    i16 => |value| Self::Int(value.into());
    i32 => |value| Self::Int(value.into());
    u32 => |value| Self::Int(value.into());
    i64 => |value| Self::Int(value);
    u64 => |value| Self::Int(i64::try_from(value).unwrap_or(i64::MAX));
    usize => |value| Self::Int(i64::try_from(value).unwrap_or(i64::MAX));
    f64 => |value| Self::Float(value);
    char => |value| Self::Text(value.to_string());
    &str => |value| Self::Text(value.to_owned());
    &String => |value| Self::Text(value.clone());
    String => |value| Self::Text(value);
}

impl<T: Into<Cell>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl<T: Into<Cell>> From<Vec<T>> for Cell {
    fn from(values: Vec<T>) -> Self {
        Self::List(values.into_iter().map(Into::into).collect())
    }
}

/// Makes an array of an Arrow type that [`crate::types::SqlType::arrow`] gives.
pub(crate) fn to_array(cells: &[Cell], data_type: &DataType) -> Result<ArrayRef, SqlError> {
    let ints = || cells.iter().map(Cell::as_int);
    let floats = || {
        cells.iter().map(|cell| match cell {
            Cell::Float(value) => Some(*value),
            #[expect(clippy::cast_precision_loss, reason = "counts become estimates here")]
            Cell::Int(value) => Some(*value as f64),
            _ => None,
        })
    };
    Ok(match data_type {
        DataType::Boolean => Arc::new(cells.iter().map(Cell::as_bool).collect::<BooleanArray>()),
        DataType::Int16 => {
            Arc::new(ints().map(|value| value.and_then(|v| i16::try_from(v).ok())).collect::<Int16Array>())
        }
        DataType::Int32 => {
            Arc::new(ints().map(|value| value.and_then(|v| i32::try_from(v).ok())).collect::<Int32Array>())
        }
        DataType::Int64 => Arc::new(ints().collect::<Int64Array>()),
        DataType::Date32 => {
            Arc::new(ints().map(|value| value.and_then(|v| i32::try_from(v).ok())).collect::<Date32Array>())
        }
        DataType::Decimal64(precision, scale) => {
            Arc::new(ints().collect::<Decimal64Array>().with_precision_and_scale(*precision, *scale).map_err(internal)?)
        }
        #[expect(clippy::cast_possible_truncation, reason = "real is what the column holds")]
        DataType::Float32 => Arc::new(floats().map(|value| value.map(|v| v as f32)).collect::<Float32Array>()),
        DataType::Float64 => Arc::new(floats().collect::<Float64Array>()),
        DataType::Utf8View => Arc::new(cells.iter().map(Cell::print).collect::<StringViewArray>()),
        DataType::BinaryView => {
            Arc::new(cells.iter().map(|cell| cell.as_text().map(str::as_bytes)).collect::<BinaryViewArray>())
        }
        DataType::Timestamp(TimeUnit::Microsecond, zone) => {
            Arc::new(ints().collect::<TimestampMicrosecondArray>().with_timezone_opt(zone.clone()))
        }
        DataType::Interval(IntervalUnit::MonthDayNano) => {
            let values = cells.iter().map(|cell| match cell {
                Cell::Interval(months, days, nanos) => {
                    Some(IntervalMonthDayNanoType::make_value(*months, *days, *nanos))
                }
                _ => None,
            });
            Arc::new(values.collect::<IntervalMonthDayNanoArray>())
        }
        DataType::List(item) => Arc::new(to_list(cells, item)?),
        DataType::Null => new_null_array(data_type, cells.len()),
        other => return Err(SqlError::internal(format!("a system table has a column of type {other}"))),
    })
}

fn to_list(cells: &[Cell], item: &FieldRef) -> Result<ListArray, SqlError> {
    let mut items = Vec::new();
    let mut lengths = Vec::with_capacity(cells.len());
    for cell in cells {
        let length = match cell {
            Cell::List(list) => {
                items.extend_from_slice(list);
                list.len()
            }
            _ => 0,
        };
        lengths.push(length);
    }
    let values = to_array(&items, item.data_type())?;
    let nulls = NullBuffer::from_iter(cells.iter().map(|cell| matches!(cell, Cell::List(_))));
    ListArray::try_new(Arc::clone(item), OffsetBuffer::from_lengths(lengths), values, Some(nulls)).map_err(internal)
}

/// Reads all values of an array; types that no system function takes become their text.
pub(crate) fn from_array(array: &ArrayRef) -> Result<Vec<Cell>, SqlError> {
    let converted = |data_type: &DataType| cast(array, data_type).map_err(internal);
    Ok(match array.data_type() {
        DataType::Null => vec![Cell::Null; array.len()],
        DataType::Boolean => array.as_boolean().iter().map(Cell::from).collect(),
        DataType::Int8
        | DataType::Int16
        | DataType::Int32
        | DataType::UInt8
        | DataType::UInt16
        | DataType::UInt32
        | DataType::UInt64
        | DataType::Int64 => converted(&DataType::Int64)?.as_primitive::<Int64Type>().iter().map(Cell::from).collect(),
        DataType::Float32 => {
            array.as_primitive::<Float32Type>().iter().map(|value| value.map(f64::from).into()).collect()
        }
        DataType::Float64 => array.as_primitive::<Float64Type>().iter().map(Cell::from).collect(),
        DataType::Utf8View => array.as_string_view().iter().map(Cell::from).collect(),
        DataType::List(_) => list_cells(array)?,
        DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            list_cells(&converted(&DataType::List(Arc::clone(item)))?)?
        }
        _ => converted(&DataType::Utf8View)?.as_string_view().iter().map(Cell::from).collect(),
    })
}

fn list_cells(array: &ArrayRef) -> Result<Vec<Cell>, SqlError> {
    let lists = array.as_list::<i32>();
    lists
        .iter()
        .map(|list| Ok(list.map_or(Cell::Null, |items| Cell::List(from_array(&items).unwrap_or_default()))))
        .collect()
}

fn internal(error: ArrowError) -> SqlError {
    SqlError::new(SqlState::InternalError, format!("a system value could not be converted: {error}"))
}
