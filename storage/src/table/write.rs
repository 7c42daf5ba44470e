//! Rows become parts: an inline chunk, or a segment that is on the store before anyone hears of it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow_array::RecordBatch;
use arrow_select::concat::concat_batches;
use tokio::task::JoinHandle;

use crate::catalog::part::{ColumnSummary, Part, PartBody};
use crate::catalog::table::Table;
use crate::commit::{CommitLog, OpenTransaction};
use crate::error::{Error, Result};
use crate::id::PartId;
use crate::object::Store;
use crate::segment::zone::Statistics;
use crate::segment::{EncodedSegment, SegmentColumn, write_segment};
use crate::table::inline::encode_chunk;
use crate::table::part_id::PartIds;
use crate::table::sort::{sort_batch, sort_columns};

/// Segments that one writer may have on their way to the store.
const UPLOADS_MAX: usize = 2;

/// What every writer of data objects needs.
#[derive(Debug)]
pub(crate) struct Output {
    /// Where objects go.
    pub(crate) store: Store,
    /// Knows the open transactions, whose objects garbage collection spares.
    pub(crate) log: Arc<CommitLog>,
    /// Makes ids of parts.
    pub(crate) part_ids: PartIds,
    /// Appenders at work, which share one budget of memory.
    pub(crate) appenders: AtomicUsize,
    /// That budget, in bytes of Arrow data.
    pub(crate) append_bytes: usize,
    /// Bytes of inline chunks in the newest version, about.
    pub(crate) inline_bytes: AtomicUsize,
}

impl Output {
    /// Bytes that one of the appenders now at work may hold.
    pub(crate) fn appender_share(&self) -> usize {
        self.append_bytes / self.appenders.load(Ordering::Relaxed).max(1)
    }
}

/// Turns batches of one table into parts.
#[derive(Debug)]
pub(crate) struct PartWriter {
    output: Arc<Output>,
    table: Arc<Table>,
    transaction: Arc<OpenTransaction>,
    columns: Arc<[SegmentColumn]>,
    sort: Vec<usize>,
    uploads: VecDeque<Upload>,
    parts: Vec<Arc<Part>>,
}

/// A segment on its way.
#[derive(Debug)]
struct Upload {
    task: Abort,
    part: Part,
}

/// A task that ends when nobody waits for it any more.
#[derive(Debug)]
struct Abort(JoinHandle<Result<()>>);

impl Drop for Abort {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl PartWriter {
    pub(crate) fn new(output: Arc<Output>, table: Arc<Table>, transaction: Arc<OpenTransaction>) -> Self {
        let columns = table
            .columns
            .iter()
            .map(|column| SegmentColumn {
                id: column.id,
                column_type: column.column_type,
                encode: column.encode.clone(),
            })
            .collect();
        let sort = sort_columns(&table);
        Self { output, table, transaction, columns, sort, uploads: VecDeque::new(), parts: Vec::new() }
    }

    /// Whether anything was written yet.
    pub(crate) fn is_empty(&self) -> bool {
        self.parts.is_empty() && self.uploads.is_empty()
    }

    /// Writes the rows of `batches` (at least one batch, [`crate::limit::PART_ROWS_MAX`] rows at most) as one segment.
    pub(crate) async fn write_segment(&mut self, batches: Vec<RecordBatch>, slice: Option<u16>) -> Result<()> {
        let (columns, sort) = (&self.columns, &self.sort);
        let (rows, segment) = off_the_runtime(|| {
            let rows = sort_batch(join(&batches)?, sort)?;
            drop(batches);
            Ok::<_, Error>((rows.num_rows(), write_segment(columns, &rows)?))
        })?;
        if rows == 0 {
            return Ok(());
        }
        while self.uploads.len() >= UPLOADS_MAX {
            self.settle_one().await?;
        }
        self.send(segment, rows, slice)
    }

    fn send(&mut self, segment: EncodedSegment, rows: usize, slice: Option<u16>) -> Result<()> {
        let path = self.output.log.new_path(&self.transaction, self.table.id, "seg");
        let body = PartBody::Segment {
            path: path.clone(),
            bytes: segment.bytes.len() as u64,
            footer_offset: segment.footer_offset,
            footer_checksum: segment.footer_checksum,
        };
        let part = self.part(rows, slice, segment.summaries, body)?;
        let store = self.output.store.clone();
        let task = tokio::spawn(async move { store.put_unique(&path, segment.bytes).await });
        self.uploads.push_back(Upload { task: Abort(task), part });
        Ok(())
    }

    /// Packs few rows into an inline chunk.
    pub(crate) fn write_chunk(&mut self, batches: &[RecordBatch]) -> Result<()> {
        let rows = sort_batch(join(batches)?, &self.sort)?;
        if rows.num_rows() == 0 {
            return Ok(());
        }
        let chunk = encode_chunk(&self.table.columns, &rows)?;
        let summaries = self
            .columns
            .iter()
            .zip(rows.columns())
            .map(|(column, values)| Ok(Statistics::of(column.column_type, values)?.summary(column.id, 0)));
        let summaries = summaries.collect::<Result<Vec<_>>>()?;
        self.output.inline_bytes.fetch_add(chunk.ipc.len(), Ordering::Relaxed);
        let body = PartBody::Inline(Arc::new(chunk));
        let part = self.part(rows.num_rows(), None, summaries, body)?;
        self.parts.push(Arc::new(part));
        Ok(())
    }

    fn part(&self, rows: usize, slice: Option<u16>, columns: Vec<ColumnSummary>, body: PartBody) -> Result<Part> {
        let id: PartId = self.output.part_ids.next();
        let rows =
            u32::try_from(rows).map_err(|error| Error::internal("a part has too many rows").with_source(error))?;
        Ok(Part { id, rows, slice, sorted: !self.sort.is_empty(), columns, body, deletes: Vec::new() })
    }

    async fn settle_one(&mut self) -> Result<()> {
        let Some(mut upload) = self.uploads.pop_front() else { return Ok(()) };
        (&mut upload.task.0)
            .await
            .map_err(|error| Error::internal("the upload of a segment broke off").with_source(error))??;
        self.parts.push(Arc::new(upload.part));
        Ok(())
    }

    /// Waits until everything is on the store.
    pub(crate) async fn finish(mut self) -> Result<Vec<Arc<Part>>> {
        while !self.uploads.is_empty() {
            self.settle_one().await?;
        }
        Ok(self.parts)
    }
}

/// One batch of several.
fn join(batches: &[RecordBatch]) -> Result<RecordBatch> {
    match batches {
        [one] => Ok(one.clone()),
        [first, ..] => Ok(concat_batches(first.schema_ref(), batches)?),
        [] => Err(Error::internal("a part of no batch")),
    }
}

/// Runs work that takes long on this thread, while the runtime moves its other tasks to another one.
pub(crate) fn off_the_runtime<T>(work: impl FnOnce() -> T) -> T {
    use tokio::runtime::{Handle, RuntimeFlavor};
    match Handle::try_current().map(|handle| handle.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(work),
        // A runtime of one thread (tests, the simulator) has no other thread to go to.
        _ => work(),
    }
}
