//! A worker of Parquet: takes row groups, decodes them, casts columns, hands on batches.
//!
//! Columns are matched by name (without regard to case) when the file has all that the load wants, else by position
//! when their numbers agree, as Redshift does.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow_array::{Array, ArrayRef, BooleanArray, RecordBatch};
use arrow_buffer::BooleanBufferBuilder;
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use parking_lot::Mutex;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use stoa_storage::Column;

use crate::error::{Error, Result};
use crate::limit::PARQUET_BATCH_ROWS;
use crate::load::batch::Assembly;
use crate::load::feed::Feed;
use crate::load::parquet_cast::Caster;
use crate::load::parquet_file::{RangeReader, guarded};
use crate::load::progress::CopyProgress;
use crate::load::rejects::Rejects;
use crate::load::sink::Sink;
use crate::location::InputFile;
use crate::options::CopyOptions;
use crate::reject::{Fault, Place, RejectedRow};
use crate::source::open::Waiter;

/// What all workers of a Parquet load share.
pub(crate) struct ParquetLoad {
    pub(crate) feed: Feed<InputFile, ParquetFile>,
    pub(crate) options: CopyOptions,
    /// The columns to load.
    pub(crate) targets: Vec<Column>,
    pub(crate) assembly: Assembly,
    pub(crate) rejects: Rejects,
    pub(crate) progress: Arc<CopyProgress>,
    pub(crate) waiter: Waiter,
}

/// A file that workers read together, a row group each.
pub(crate) struct ParquetFile {
    input: InputFile,
    opened: Mutex<Option<Arc<Opened>>>,
    next_group: AtomicUsize,
}

struct Opened {
    reader: RangeReader,
    metadata: ArrowReaderMetadata,
    /// For each target, its place among the file's columns, and how it is cast.
    columns: Vec<(usize, Caster)>,
    projection: ProjectionMask,
    /// Row number of each group's first row.
    first_rows: Vec<u64>,
}

impl ParquetFile {
    fn new(input: InputFile) -> Self {
        Self { input, opened: Mutex::new(None), next_group: AtomicUsize::new(0) }
    }

    /// The first worker opens the file, the others wait for it.
    fn open(&self, load: &ParquetLoad) -> Result<Arc<Opened>> {
        let mut opened = self.opened.lock();
        if let Some(opened) = &*opened {
            return Ok(Arc::clone(opened));
        }
        let fresh = Arc::new(Opened::new(&self.input, load)?);
        *opened = Some(Arc::clone(&fresh));
        Ok(fresh)
    }
}

impl Opened {
    fn new(input: &InputFile, load: &ParquetLoad) -> Result<Self> {
        let reader = RangeReader::open(input, load.waiter.clone(), Arc::clone(&load.progress))?;
        let natural = reader.footer()?;
        let places = match_columns(input.name(), natural.schema(), &load.targets)?;
        let metadata = with_fast_types(input.name(), natural)?;
        let mut columns = Vec::with_capacity(places.len());
        for (place, target) in places.into_iter().zip(&load.targets) {
            let field = metadata.schema().field(place);
            let caster = Caster::new(field.data_type(), target, &load.options).ok_or_else(|| {
                Error::invalid(format!(
                    "file \"{}\": column \"{}\" has Parquet type {}, which cannot be loaded into column \"{}\"",
                    input.name(),
                    field.name(),
                    field.data_type(),
                    target.name
                ))
            })?;
            columns.push((place, caster));
        }
        let projection = ProjectionMask::roots(metadata.parquet_schema(), columns.iter().map(|(place, _)| *place));
        let mut first_rows = Vec::new();
        let mut next = 1_u64;
        for group in metadata.metadata().row_groups() {
            first_rows.push(next);
            let rows = u64::try_from(group.num_rows()).map_err(|error| {
                Error::corrupt(format!("file \"{}\": a row group has a negative number of rows", input.name()))
                    .with_source(error)
            })?;
            next = next.saturating_add(rows);
        }
        Ok(Self { reader, metadata, columns, projection, first_rows })
    }
}

/// For each column to load, its place among the file's columns.
fn match_columns(name: &str, schema: &SchemaRef, targets: &[Column]) -> Result<Vec<usize>> {
    let find =
        |target: &Column| schema.fields().iter().position(|field| field.name().eq_ignore_ascii_case(&target.name));
    if let Some(places) = targets.iter().map(find).collect::<Option<Vec<_>>>() {
        return Ok(places);
    }
    if schema.fields().len() == targets.len() {
        return Ok((0..targets.len()).collect());
    }
    let missing = targets.iter().find(|target| find(target).is_none()).map_or("", |target| target.name.as_str());
    Err(Error::invalid(format!(
        "file \"{name}\" has {} columns, but {} are to be loaded, and none is named \"{missing}\"",
        schema.fields().len(),
        targets.len()
    )))
}

/// Asks the decoder for the types in which values travel here, where it can make them without a detour.
fn with_fast_types(name: &str, natural: ArrowReaderMetadata) -> Result<ArrowReaderMetadata> {
    let fast = |field: &Field| match field.data_type() {
        DataType::Utf8 => field.clone().with_data_type(DataType::Utf8View),
        DataType::Binary => field.clone().with_data_type(DataType::BinaryView),
        DataType::Decimal128(precision, scale) if *precision <= stoa_storage::DECIMAL64_PRECISION_MAX => {
            field.clone().with_data_type(DataType::Decimal64(*precision, *scale))
        }
        _ => field.clone(),
    };
    let fields: Vec<Field> = natural.schema().fields().iter().map(|field| fast(field)).collect();
    let schema = Arc::new(Schema::new_with_metadata(fields, natural.schema().metadata().clone()));
    let metadata = Arc::clone(natural.metadata());
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true).with_schema(schema);
    guarded(name, "footer", || Ok(ArrowReaderMetadata::try_new(metadata, options).unwrap_or(natural)))
}

/// One worker.
pub(crate) struct ParquetWorker<S> {
    load: Arc<ParquetLoad>,
    sink: S,
}

impl<S: Sink> ParquetWorker<S> {
    pub(crate) fn new(load: Arc<ParquetLoad>, sink: S) -> Self {
        Self { load, sink }
    }

    /// Works until nothing is left, and finishes the sink.
    pub(crate) fn run(mut self) -> Result<S::Output> {
        let load = Arc::clone(&self.load);
        while let Some(file) = load.feed.take(ParquetFile::new) {
            load.waiter.check()?;
            let opened = file.open(&load)?;
            loop {
                let group = file.next_group.fetch_add(1, Ordering::Relaxed);
                if group >= opened.first_rows.len() {
                    break;
                }
                self.row_group(file.input.name(), &opened, group)?;
            }
            if load.feed.retire(&file) {
                load.progress.add_file();
            }
        }
        self.sink.finish()
    }

    fn row_group(&mut self, name: &str, opened: &Opened, group: usize) -> Result<()> {
        let what = format!("row group {group}");
        let wanted = |leaf| opened.projection.leaf_included(leaf);
        let bytes = opened.reader.row_group(&opened.metadata, group, wanted)?;
        let mut batches = guarded(name, &what, || {
            ParquetRecordBatchReaderBuilder::new_with_metadata(bytes, opened.metadata.clone())
                .with_row_groups(vec![group])
                .with_projection(opened.projection.clone())
                .with_batch_size(PARQUET_BATCH_ROWS)
                .build()
        })?;
        let mut line = opened.first_rows[group];
        while let Some(batch) = guarded(name, &what, || batches.next().transpose().map_err(Into::into))? {
            self.load.waiter.check()?;
            self.batch(name, opened, &batch, line)?;
            line += batch.num_rows() as u64;
        }
        Ok(())
    }

    fn batch(&mut self, name: &str, opened: &Opened, batch: &RecordBatch, first_line: u64) -> Result<()> {
        let load = Arc::clone(&self.load);
        let rows = batch.num_rows();
        let mut columns = Vec::with_capacity(opened.columns.len());
        let mut keep: Option<BooleanBufferBuilder> = None;
        for ((place, caster), target) in opened.columns.iter().zip(&load.targets) {
            let source = projected(opened, batch, *place)?;
            let mut faults = Vec::new();
            columns.push(caster.cast(source, target, &mut faults)?);
            for (row, fault) in faults {
                let kept = keep.get_or_insert_with(|| {
                    let mut kept = BooleanBufferBuilder::new(rows);
                    kept.append_n(rows, true);
                    kept
                });
                if kept.get_bit(row) {
                    kept.set_bit(row, false);
                    let place = Place { file: name, line: first_line + row as u64, raw_line: b"" };
                    load.rejects.add(rejected(place, fault, target, source, row))?;
                }
            }
        }
        let keep = keep.map(|mut kept| BooleanArray::new(kept.finish(), None));
        let assembled = load.assembly.assemble(columns, rows, keep.as_ref())?;
        let kept = assembled.num_rows() as u64;
        if kept > 0 {
            self.sink.write(assembled)?;
            load.progress.add_rows(kept);
        }
        Ok(())
    }
}

/// A column of the file in a batch that has only those asked for, in the file's order.
fn projected<'a>(opened: &Opened, batch: &'a RecordBatch, place: usize) -> Result<&'a ArrayRef> {
    let before = |other: &&(usize, Caster)| other.0 < place;
    let at = opened.columns.iter().filter(before).count();
    batch.columns().get(at).ok_or_else(|| Error::internal("the decoder left out a column"))
}

fn rejected(place: Place<'_>, fault: Fault, target: &Column, source: &ArrayRef, row: usize) -> RejectedRow {
    let raw = if source.is_null(row) {
        String::new()
    } else {
        arrow_cast::display::array_value_to_string(source, row).unwrap_or_default()
    };
    RejectedRow::field(place, fault, target, raw.as_bytes())
}
