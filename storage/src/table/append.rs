//! Appending: rows are buffered by slice, sorted, encoded and sent; small inserts stay inline.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use arrow_array::{Array, RecordBatch, UInt32Array};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use arrow_select::take::take_record_batch;

use crate::catalog::part::Part;
use crate::catalog::table::{Distribution, Table};
use crate::commit::OpenTransaction;
use crate::error::{Error, Result};
use crate::id::TableId;
use crate::limit::{INLINE_BYTES_MAX, INLINE_TOTAL_BYTES_MAX, PART_ROWS_MAX, SLICES};
use crate::table::slice::slices_of;
use crate::table::write::{Output, PartWriter};

/// Takes the rows of one writer of one table. Several appenders of one transaction may work at the same time.
///
/// Encoding is done on the calling task, inside [`Appender::write`]; memory is bounded by a budget that all appenders of
/// the process share. Dropping an appender abandons its rows: what it already sent is garbage.
#[derive(Debug)]
pub struct Appender {
    writer: PartWriter,
    output: Arc<Output>,
    table: Arc<Table>,
    schema: SchemaRef,
    transaction: Arc<OpenTransaction>,
    /// Place of the DISTKEY among the columns.
    key: Option<usize>,
    /// One buffer a slice, or one in all.
    buffers: Vec<Buffer>,
    buffered_bytes: usize,
    rows: u64,
    _at_work: AtWork,
}

#[derive(Debug, Default)]
struct Buffer {
    batches: Vec<RecordBatch>,
    rows: usize,
    bytes: usize,
}

/// Counts an appender as long as it lives.
#[derive(Debug)]
struct AtWork(Arc<Output>);

impl Drop for AtWork {
    fn drop(&mut self) {
        self.0.appenders.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The rows of a finished [`Appender`], on the store but not yet visible to anyone. Hand it to
/// [`crate::Transaction::finish_append`]; dropped, the rows are garbage.
#[derive(Debug)]
#[must_use = "appended rows become visible only through Transaction::finish_append"]
pub struct Appended {
    pub(crate) table: Arc<Table>,
    pub(crate) transaction: Arc<OpenTransaction>,
    pub(crate) parts: Vec<Arc<Part>>,
    rows: u64,
}

impl Appended {
    /// Number of rows.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// The table that they belong to.
    pub fn table(&self) -> TableId {
        self.table.id
    }

    /// Bytes written, encoded.
    pub fn bytes(&self) -> u64 {
        self.parts.iter().flat_map(|part| &part.columns).map(|column| column.bytes).sum()
    }
}

impl Appender {
    pub(crate) fn new(output: Arc<Output>, table: Arc<Table>, transaction: Arc<OpenTransaction>) -> Self {
        let fields: Vec<Field> =
            table.columns.iter().map(|column| Field::new(&column.name, column.column_type.arrow(), true)).collect();
        let key = match table.distribution {
            Distribution::Key(key) => table.columns.iter().position(|column| column.id == key),
            Distribution::Auto | Distribution::Even | Distribution::All => None,
        };
        let slices = if key.is_some() { usize::from(SLICES) } else { 1 };
        output.appenders.fetch_add(1, Ordering::Relaxed);
        Self {
            writer: PartWriter::new(Arc::clone(&output), Arc::clone(&table), Arc::clone(&transaction)),
            _at_work: AtWork(Arc::clone(&output)),
            output,
            schema: Arc::new(Schema::new(fields)),
            table,
            transaction,
            key,
            buffers: std::iter::repeat_with(Buffer::default).take(slices).collect(),
            buffered_bytes: 0,
            rows: 0,
        }
    }

    /// Takes rows: all live columns in table order, of exactly the types that [`crate::ColumnType::arrow`] gives.
    ///
    /// # Cancellation
    /// Dropping the future in the middle leaves the appender fit only for being dropped.
    pub async fn write(&mut self, batch: RecordBatch) -> Result<()> {
        let batch = self.checked(batch)?;
        if batch.num_rows() == 0 {
            return Ok(());
        }
        self.rows += batch.num_rows() as u64;
        match self.key {
            None => self.buffer(0, batch).await?,
            Some(key) => {
                for (slice, rows) in split(&batch, key)? {
                    self.buffer(slice, rows).await?;
                }
            }
        }
        while self.buffered_bytes > self.output.appender_share() {
            let largest = (0..self.buffers.len()).max_by_key(|slice| self.buffers[*slice].bytes);
            self.cut(largest.unwrap_or(0)).await?;
        }
        Ok(())
    }

    /// Number of rows taken so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// The table that the rows go to.
    pub fn table(&self) -> &Arc<Table> {
        &self.table
    }

    /// Sends the rest. Few rows in all stay inline.
    pub async fn finish(self) -> Result<Appended> {
        let room = self.output.inline_bytes.load(Ordering::Relaxed) < INLINE_TOTAL_BYTES_MAX;
        self.finish_as(room).await
    }

    /// Sends the rest, few rows in all inline where allowed.
    pub(crate) async fn finish_as(mut self, inline: bool) -> Result<Appended> {
        if inline && self.writer.is_empty() && self.buffered_bytes <= INLINE_BYTES_MAX {
            let batches: Vec<RecordBatch> =
                self.buffers.iter_mut().flat_map(|buffer| buffer.batches.drain(..)).collect();
            if !batches.is_empty() {
                self.writer.write_chunk(&batches)?;
            }
        } else {
            for slice in 0..self.buffers.len() {
                self.cut(slice).await?;
            }
        }
        let parts = self.writer.finish().await?;
        Ok(Appended { table: self.table, transaction: self.transaction, parts, rows: self.rows })
    }

    /// The batch under the table's column names, or why it does not fit the table.
    fn checked(&self, batch: RecordBatch) -> Result<RecordBatch> {
        if batch.num_columns() != self.table.columns.len() {
            return Err(Error::internal(format!(
                "table \"{}\" has {} columns, but {} were appended",
                self.table.name,
                self.table.columns.len(),
                batch.num_columns()
            )));
        }
        for (column, values) in self.table.columns.iter().zip(batch.columns()) {
            if *values.data_type() != column.column_type.arrow() {
                let (found, wanted) = (values.data_type(), column.column_type.arrow());
                let name = &column.name;
                return Err(Error::internal(format!("column \"{name}\" holds {wanted}, but {found} was appended")));
            }
            if !column.nullable && values.null_count() > 0 {
                return Err(Error::invalid(format!(
                    "null value in column \"{}\" violates not-null constraint",
                    column.name
                )));
            }
        }
        Ok(RecordBatch::try_new(Arc::clone(&self.schema), batch.columns().to_vec())?)
    }

    async fn buffer(&mut self, slice: usize, mut rows: RecordBatch) -> Result<()> {
        while rows.num_rows() > 0 {
            let room = PART_ROWS_MAX - self.buffers[slice].rows;
            let fitting = rows.slice(0, rows.num_rows().min(room));
            rows = rows.slice(fitting.num_rows(), rows.num_rows() - fitting.num_rows());
            let bytes = batch_bytes(&fitting);
            let buffer = &mut self.buffers[slice];
            buffer.rows += fitting.num_rows();
            buffer.bytes += bytes;
            buffer.batches.push(fitting);
            self.buffered_bytes += bytes;
            if self.buffers[slice].rows == PART_ROWS_MAX {
                self.cut(slice).await?;
            }
        }
        Ok(())
    }

    /// Writes what a buffer holds as one segment.
    async fn cut(&mut self, slice: usize) -> Result<()> {
        let buffer = std::mem::take(&mut self.buffers[slice]);
        self.buffered_bytes -= buffer.bytes;
        if buffer.batches.is_empty() {
            return Ok(());
        }
        let slice = if self.key.is_some() { u16::try_from(slice).ok() } else { None };
        self.writer.write_segment(buffer.batches, slice).await
    }
}

/// The rows of a batch by slice: one gather, then a slice of it each.
fn split(batch: &RecordBatch, key: usize) -> Result<Vec<(usize, RecordBatch)>> {
    let slices = slices_of(batch.column(key))?;
    let mut counts = [0u32; SLICES as usize];
    for slice in &slices {
        counts[usize::from(*slice)] += 1;
    }
    let mut starts = [0u32; SLICES as usize];
    let mut start = 0;
    for (place, count) in starts.iter_mut().zip(counts) {
        *place = start;
        start += count;
    }
    let mut order = vec![0u32; slices.len()];
    let mut next = starts;
    for (row, slice) in (0u32..).zip(&slices) {
        let place = &mut next[usize::from(*slice)];
        order[*place as usize] = row;
        *place += 1;
    }
    let gathered = take_record_batch(batch, &UInt32Array::from(order))?;
    let pieces = starts.iter().zip(counts).enumerate().filter(|(_, (_, count))| *count > 0);
    Ok(pieces.map(|(slice, (start, count))| (slice, gathered.slice(*start as usize, count as usize))).collect())
}

/// Bytes of the values of a batch, views counted by their text and not by the buffers that they share.
pub(crate) fn batch_bytes(batch: &RecordBatch) -> usize {
    batch.columns().iter().map(array_bytes).sum()
}

fn array_bytes(array: &arrow_array::ArrayRef) -> usize {
    use arrow_array::cast::AsArray;
    let long = |views: &[u128]| -> usize {
        // The low 32 bits of a view are its length; text of up to 12 bytes is inside the view.
        views.iter().map(|view| (*view & 0xffff_ffff) as usize).filter(|length| *length > 12).sum()
    };
    let rows = array.len();
    match array.data_type() {
        DataType::Utf8View => rows * 16 + long(array.as_string_view().views()),
        DataType::BinaryView => rows * 16 + long(array.as_binary_view().views()),
        DataType::Boolean => rows.div_ceil(8),
        other => rows * other.primitive_width().unwrap_or(16),
    }
}
