//! Results at the Flight boundary: the Arrow types that every client knows.
//!
//! Inside, strings are views and short decimals 64 bits wide; drivers in several languages know neither. So results are
//! cast to plain strings, plain binary and 128-bit decimals, by one function for the announced schema and one for the
//! stream, which is how the two are equal. Every field is announced as nullable: a claim that a field never holds nulls
//! would gain a client nothing and could turn out wrong only after it has been relied upon.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow_flight::FlightData;
use arrow_flight::encode::FlightDataEncoderBuilder;
use arrow_flight::error::FlightError;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt, TryStreamExt};
use stoa_query::{ResultColumn, SqlError, SqlType};
use tonic::Status;

use super::error::in_stream;

/// Metadata key in which Flight SQL clients find the SQL name of a column's type.
const TYPE_NAME_KEY: &str = "ARROW:FLIGHT:SQL:TYPE_NAME";

/// The stream that `DoGet` answers with.
pub(super) type DataStream = BoxStream<'static, Result<FlightData, Status>>;

/// The announced schema of a result; no columns for a statement without one.
pub(super) fn schema(columns: Option<&[ResultColumn]>) -> SchemaRef {
    let fields = columns.unwrap_or_default().iter().map(|column| field(&column.name, &column.sql_type));
    Arc::new(Schema::new(fields.collect::<Vec<Field>>()))
}

/// The schema of the parameters `$1`, `$2` ….
pub(super) fn parameter_schema(types: &[SqlType]) -> Schema {
    let fields = types.iter().enumerate().map(|(index, sql_type)| field(&format!("${}", index + 1), sql_type));
    Schema::new(fields.collect::<Vec<Field>>())
}

/// A column as clients see it.
pub(super) fn field(name: &str, sql_type: &SqlType) -> Field {
    let metadata = [(TYPE_NAME_KEY.to_owned(), sql_type.name())];
    Field::new(name, boundary_type(&sql_type.arrow()), true).with_metadata(metadata.into())
}

/// The type that values of an inner type have at the boundary.
fn boundary_type(inner: &DataType) -> DataType {
    match inner {
        DataType::Utf8View | DataType::LargeUtf8 => DataType::Utf8,
        DataType::BinaryView | DataType::LargeBinary => DataType::Binary,
        DataType::Decimal32(precision, scale) | DataType::Decimal64(precision, scale) => {
            DataType::Decimal128(*precision, *scale)
        }
        DataType::List(item) => {
            DataType::List(Arc::new(Field::new(item.name(), boundary_type(item.data_type()), true)))
        }
        other => other.clone(),
    }
}

/// A batch in the announced types.
fn at_boundary(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, SqlError> {
    let fault = |reason: &dyn std::fmt::Display| SqlError::internal(format!("a result is not as announced: {reason}"));
    if batch.num_columns() != schema.fields().len() {
        return Err(fault(&format_args!("{} columns, not {}", batch.num_columns(), schema.fields().len())));
    }
    let columns = batch.columns().iter().zip(schema.fields());
    let columns = columns.map(|(column, field)| match column.data_type() == field.data_type() {
        true => Ok(Arc::clone(column)),
        false => cast(column, field.data_type()),
    });
    let columns = columns.collect::<Result<Vec<ArrayRef>, _>>().map_err(|error| fault(&error))?;
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options).map_err(|error| fault(&error))
}

/// Rows as they come, encoded for the wire; dropping the stream drops the rows, which stops the query.
pub(super) fn encode<S>(rows: S, schema: SchemaRef) -> DataStream
where
    S: Stream<Item = Result<RecordBatch, SqlError>> + Send + 'static,
{
    let announced = Arc::clone(&schema);
    let batches = rows.map(move |batch| {
        let batch = batch.and_then(|batch| at_boundary(&batch, &announced));
        batch.map_err(|error| in_stream(&error))
    });
    encode_flight(batches, schema)
}

/// A batch that is there already, such as an answer about the catalog.
pub(super) fn encode_batch(batch: RecordBatch) -> DataStream {
    let schema = batch.schema();
    encode_flight(futures::stream::iter([Ok(batch)]), schema)
}

fn encode_flight<S>(batches: S, schema: SchemaRef) -> DataStream
where
    S: Stream<Item = Result<RecordBatch, FlightError>> + Send + 'static,
{
    FlightDataEncoderBuilder::new().with_schema(schema).build(batches).map_err(Status::from).boxed()
}

#[cfg(test)]
mod tests {
    use arrow::array::{Decimal64Array, Int32Array, StringViewArray};

    use super::*;

    #[test]
    fn a_stream_has_exactly_the_announced_schema() {
        let column =
            |name: &str, sql_type| ResultColumn { name: name.to_owned(), sql_type, table: None, nullable: false };
        let columns = [
            column("a", SqlType::Text),
            column("b", SqlType::Numeric { precision: 12, scale: 2 }),
            column("c", SqlType::Int4),
        ];
        let announced = schema(Some(&columns));
        assert_eq!(announced.field(0).data_type(), &DataType::Utf8);
        assert_eq!(announced.field(1).data_type(), &DataType::Decimal128(12, 2));
        let inner = RecordBatch::try_from_iter([
            ("x", Arc::new(StringViewArray::from(vec!["v"])) as ArrayRef),
            ("y", Arc::new(Decimal64Array::from(vec![150]).with_precision_and_scale(12, 2).expect("fits"))),
            ("z", Arc::new(Int32Array::from(vec![7]))),
        ]);
        let batch = at_boundary(&inner.expect("a batch"), &announced).expect("cast");
        assert_eq!(batch.schema(), announced);
        assert!(at_boundary(&batch.project(&[0]).expect("one column"), &announced).is_err());
    }
}
