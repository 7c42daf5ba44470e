//! The tables of TPC-H as segments and as Parquet, over the same columns.

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema};
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use stoa_storage::ColumnType;
use stoa_storage::bench_support::{BenchSegment, encode};
use stoa_storage::limit::{BLOCK_ROWS, PART_ROWS_MAX};
use tpchgen::generators::{
    CustomerGenerator, LineItemGenerator, NationGenerator, OrderGenerator, PartGenerator, PartSuppGenerator,
    RegionGenerator, SupplierGenerator,
};
use tpchgen_arrow::{
    CustomerArrow, LineItemArrow, NationArrow, OrderArrow, PartArrow, PartSuppArrow, RegionArrow, SupplierArrow,
};

/// One table.
pub(crate) struct Table {
    pub(crate) name: &'static str,
    pub(crate) types: Vec<ColumnType>,
    /// At most as many rows each as a part may have.
    pub(crate) parts: Vec<RecordBatch>,
}

/// The tables at a scale factor, in the Arrow types of our columns.
pub(crate) fn tables(scale: f64) -> Vec<Table> {
    let size = BLOCK_ROWS;
    vec![
        table("region", RegionArrow::new(RegionGenerator::new(scale, 1, 1)).with_batch_size(size)),
        table("nation", NationArrow::new(NationGenerator::new(scale, 1, 1)).with_batch_size(size)),
        table("supplier", SupplierArrow::new(SupplierGenerator::new(scale, 1, 1)).with_batch_size(size)),
        table("customer", CustomerArrow::new(CustomerGenerator::new(scale, 1, 1)).with_batch_size(size)),
        table("part", PartArrow::new(PartGenerator::new(scale, 1, 1)).with_batch_size(size)),
        table("partsupp", PartSuppArrow::new(PartSuppGenerator::new(scale, 1, 1)).with_batch_size(size)),
        table("orders", OrderArrow::new(OrderGenerator::new(scale, 1, 1)).with_batch_size(size)),
        table("lineitem", LineItemArrow::new(LineItemGenerator::new(scale, 1, 1)).with_batch_size(size)),
    ]
}

fn table(name: &'static str, batches: impl Iterator<Item = RecordBatch>) -> Table {
    let batches: Vec<RecordBatch> = batches.map(|batch| convert(&batch)).collect();
    let schema = batches[0].schema();
    let types = schema.fields().iter().map(|field| column_type(field.data_type())).collect();
    let parts = batches
        .chunks(PART_ROWS_MAX / BLOCK_ROWS)
        .map(|run| arrow_select::concat::concat_batches(&schema, run).unwrap())
        .collect();
    Table { name, types, parts }
}

fn convert(batch: &RecordBatch) -> RecordBatch {
    let columns: Vec<ArrayRef> = batch
        .columns()
        .iter()
        .map(|column| arrow_cast::cast(column, &column_type(column.data_type()).arrow()).unwrap())
        .collect();
    let fields: Vec<Field> = batch
        .schema()
        .fields()
        .iter()
        .zip(&columns)
        .map(|(field, column)| Field::new(field.name(), column.data_type().clone(), true))
        .collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
}

fn column_type(data_type: &DataType) -> ColumnType {
    match data_type {
        DataType::Int32 => ColumnType::Int32,
        DataType::Int64 => ColumnType::Int64,
        DataType::Date32 => ColumnType::Date,
        DataType::Decimal64(precision, scale) | DataType::Decimal128(precision, scale) => {
            ColumnType::Decimal { precision: *precision, scale: u8::try_from(*scale).unwrap() }
        }
        DataType::Utf8View => ColumnType::Varchar { length: None },
        other => panic!("TPC-H has no {other}"),
    }
}

impl Table {
    /// The table as segments.
    pub(crate) fn segments(&self) -> Vec<BenchSegment> {
        self.parts.iter().map(|part| encode(&self.types, part).unwrap()).collect()
    }

    /// The table as one Parquet file; `column`: of that column only.
    pub(crate) fn parquet(&self, column: Option<usize>) -> Bytes {
        let project = |part: &RecordBatch| match column {
            Some(column) => part.project(&[column]).unwrap(),
            None => part.clone(),
        };
        let properties =
            WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::try_new(1).unwrap())).build();
        let mut bytes = Vec::new();
        let mut writer = ArrowWriter::try_new(&mut bytes, project(&self.parts[0]).schema(), Some(properties)).unwrap();
        for part in &self.parts {
            writer.write(&project(part)).unwrap();
        }
        writer.close().unwrap();
        Bytes::from(bytes)
    }

    /// Bytes of the Arrow arrays, the text of strings included.
    pub(crate) fn arrow_bytes(&self, column: usize) -> usize {
        let bytes = |part: &RecordBatch| {
            let array = part.column(column);
            match array.data_type() {
                DataType::Utf8View => {
                    let strings = arrow_array::cast::AsArray::as_string_view(array);
                    strings.lengths().map(|length| 16 + if length > 12 { length as usize } else { 0 }).sum()
                }
                other => array.len() * other.primitive_width().unwrap(),
            }
        };
        self.parts.iter().map(bytes).sum()
    }
}

/// Decodes a Parquet file; answers rows.
pub(crate) fn read_parquet(bytes: &Bytes) -> usize {
    let builder = ParquetRecordBatchReaderBuilder::try_new(bytes.clone()).unwrap();
    let reader = builder.with_batch_size(BLOCK_ROWS).build().unwrap();
    reader.map(|batch| batch.unwrap().num_rows()).sum()
}

/// Decodes segments; answers rows.
pub(crate) fn read_segments(segments: &[BenchSegment]) -> usize {
    segments.iter().map(|segment| segment.scan().unwrap()).sum()
}
