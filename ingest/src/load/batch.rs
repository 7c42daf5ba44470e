//! From the columns of a file to the columns of the table.

use std::fmt;
use std::sync::Arc;

use arrow_array::types::Int64Type;
use arrow_array::{
    Array, ArrayRef, BooleanArray, PrimitiveArray, RecordBatch, RecordBatchOptions, UInt32Array, new_null_array,
};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use stoa_storage::Column;

use crate::error::{Error, Kind, Result};

/// Hands out a run of identity values: asked for a number of them, gives the first.
pub type ReserveIdentity = Arc<dyn Fn(u64) -> Result<i64> + Send + Sync>;

/// What a column that is not in the file gets.
#[derive(Clone, Default)]
pub enum Fill {
    /// NULL.
    #[default]
    Null,
    /// The DEFAULT, evaluated: an array of one value of the column's Arrow type.
    Value(ArrayRef),
    /// Generated values.
    Identity {
        /// Distance of two values.
        step: i64,
        /// Gives the first of so many.
        reserve: ReserveIdentity,
    },
}

impl fmt::Debug for Fill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("Null"),
            Self::Value(value) => f.debug_tuple("Value").field(value).finish(),
            Self::Identity { step, .. } => f.debug_struct("Identity").field("step", step).finish_non_exhaustive(),
        }
    }
}

/// Where each column of the table comes from.
#[derive(Debug)]
pub(crate) struct Assembly {
    schema: SchemaRef,
    /// For each column of the table: the place among the loaded columns, or what else it gets.
    sources: Vec<ColumnSource>,
}

#[derive(Debug)]
enum ColumnSource {
    Loaded(usize),
    Filled(Fill),
}

impl Assembly {
    /// `loaded` are places in `table`, in the order of the file's fields.
    pub(crate) fn new(table: &[Column], loaded: &[usize], fills: &[Fill]) -> Result<Self> {
        let mut sources = Vec::with_capacity(table.len());
        for (index, column) in table.iter().enumerate() {
            let source = match loaded.iter().position(|target| *target == index) {
                Some(place) => ColumnSource::Loaded(place),
                None => ColumnSource::Filled(check_fill(column, fills.get(index).cloned().unwrap_or_default())?),
            };
            sources.push(source);
        }
        let fields = table.iter().map(|column| Field::new(&column.name, column.column_type.arrow(), true));
        Ok(Self { schema: Arc::new(Schema::new(fields.collect::<Vec<_>>())), sources })
    }

    /// A batch of the table from loaded columns; `keep` says which rows stay.
    pub(crate) fn assemble(
        &self,
        loaded: Vec<ArrayRef>,
        rows: usize,
        keep: Option<&BooleanArray>,
    ) -> Result<RecordBatch> {
        let loaded = match keep {
            None => loaded,
            Some(keep) => {
                let filter = |array: &ArrayRef| arrow_select::filter::filter(array.as_ref(), keep);
                loaded.iter().map(filter).collect::<Result<Vec<_>, _>>()?
            }
        };
        let rows = keep.map_or(rows, BooleanArray::true_count);
        let columns = self.sources.iter().zip(self.schema.fields()).map(|(source, field)| match source {
            ColumnSource::Loaded(place) => {
                loaded.get(*place).cloned().ok_or_else(|| Error::internal("a loaded column is missing"))
            }
            ColumnSource::Filled(fill) => fill.array(field.data_type(), rows),
        });
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        Ok(RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns.collect::<Result<_>>()?, &options)?)
    }
}

fn check_fill(column: &Column, fill: Fill) -> Result<Fill> {
    let is_null = match &fill {
        Fill::Null => true,
        Fill::Identity { .. } => false,
        Fill::Value(value) => {
            if value.len() != 1 || *value.data_type() != column.column_type.arrow() {
                return Err(Error::internal(format!("the default of column \"{}\" has another type", column.name)));
            }
            value.is_null(0)
        }
    };
    // Every row would be refused: say so before the first is read.
    if is_null && !column.nullable {
        return Err(Error::new(
            Kind::Invalid,
            format!("column \"{}\" is not in the file, has no default and does not allow nulls", column.name),
        ));
    }
    Ok(fill)
}

impl Fill {
    /// Generated values become zeros that nobody keeps.
    pub(crate) fn reserve_nothing(&mut self) {
        if let Self::Identity { step, reserve } = self {
            *step = 0;
            *reserve = Arc::new(|_count| Ok(0));
        }
    }

    fn array(&self, data_type: &DataType, rows: usize) -> Result<ArrayRef> {
        match self {
            Self::Null => Ok(new_null_array(data_type, rows)),
            Self::Value(value) => {
                let zeros = UInt32Array::from(vec![0; rows]);
                Ok(arrow_select::take::take(value.as_ref(), &zeros, None)?)
            }
            Self::Identity { step, reserve } => {
                let first = reserve(rows as u64)?;
                let exhausted = || Error::limit("the values of an identity column are exhausted");
                let mut values = Vec::with_capacity(rows);
                let mut next = Some(first);
                for _ in 0..rows {
                    let value = next.ok_or_else(exhausted)?;
                    values.push(value);
                    next = value.checked_add(*step);
                }
                let wide = PrimitiveArray::<Int64Type>::from(values);
                let options = arrow_cast::CastOptions { safe: false, ..Default::default() };
                arrow_cast::cast_with_options(&wide, data_type, &options)
                    .map_err(|error| exhausted().with_source(error))
            }
        }
    }
}
