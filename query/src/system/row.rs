//! Building the rows of a system table by the names of its columns.

use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::arrow::record_batch::{RecordBatch, RecordBatchOptions};

use crate::error::SqlError;
use crate::system::cell::{Cell, to_array};
use crate::system::table::SystemTable;

/// The rows of one table while they are made.
#[derive(Debug)]
pub(crate) struct Rows {
    table: &'static str,
    names: Vec<&'static str>,
    /// What a column holds in rows that do not set it: NULL, or for NOT NULL columns zero, false and the empty text.
    unset: Vec<Cell>,
    columns: Vec<Vec<Cell>>,
    count: usize,
    schema: SchemaRef,
}

/// The row that is being made: the last one.
#[derive(Debug)]
pub(crate) struct Row<'a> {
    rows: &'a mut Rows,
}

impl Rows {
    /// No rows yet.
    pub(crate) fn new(table: &SystemTable) -> Self {
        let schema = table.arrow_schema();
        let unset = schema.fields().iter().map(|field| match field.data_type() {
            _ if field.is_nullable() => Cell::Null,
            DataType::Boolean => Cell::Bool(false),
            DataType::Utf8View => Cell::Text(String::new()),
            DataType::List(_) => Cell::List(Vec::new()),
            _ => Cell::Int(0),
        });
        Self {
            table: table.name,
            names: table.columns.iter().map(|column| column.name).collect(),
            unset: unset.collect(),
            columns: vec![Vec::new(); table.columns.len()],
            count: 0,
            schema,
        }
    }

    /// Begins a row.
    pub(crate) fn add(&mut self) -> Row<'_> {
        for (column, unset) in self.columns.iter_mut().zip(&self.unset) {
            column.push(unset.clone());
        }
        self.count += 1;
        Row { rows: self }
    }

    /// All rows.
    pub(crate) fn finish(self) -> Result<RecordBatch, SqlError> {
        let arrays = self.columns.iter().zip(self.schema.fields());
        let arrays =
            arrays.map(|(cells, field)| to_array(cells, field.data_type())).collect::<Result<Vec<ArrayRef>, _>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(self.count));
        RecordBatch::try_new_with_options(self.schema, arrays, &options)
            .map_err(|error| SqlError::internal(format!("the rows of \"{}\" do not fit it: {error}", self.table)))
    }
}

impl Row<'_> {
    /// Sets a column; one that the table does not have is left out, because sources serve several tables.
    pub(crate) fn set(&mut self, name: &str, value: impl Into<Cell>) -> &mut Self {
        if let Some(index) = self.rows.names.iter().position(|known| *known == name)
            && let Some(cell) = self.rows.columns.get_mut(index).and_then(|column| column.last_mut())
        {
            *cell = value.into();
        }
        self
    }
}
