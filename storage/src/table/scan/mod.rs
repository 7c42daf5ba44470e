//! Scanning: which parts and blocks can hold rows that pass, which of their rows do, and only then the other columns.
//!
//! ```text
//! plan    parts left out by their statistics; work items; slices and order           when the scan is made
//! load    footer, blocks left out by their statistics, bytes of the filters' columns  one item ahead, in its own task
//! filter  deleted rows, predicate on encoded data, row filters on decoded columns     a block at a time
//! decode  the other columns, for the rows that are left
//! gather  batches of the size asked for
//! ```

mod batch;
mod block;
mod load;
mod order;
mod plan;
mod stream;

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use arrow_schema::SchemaRef;
use parking_lot::Mutex;

use crate::cache::SegmentReader;
use crate::catalog::part::Part;
use crate::catalog::table::Column;
use crate::error::{Error, Result};
use crate::id::{ColumnId, TableId};
use crate::predicate::{Predicate, RowFilter};
use crate::table::request::{ScanMetrics, ScanRequest};
use crate::warehouse::Pinned;

use plan::Work;
pub use stream::ScanStream;

/// Name of the column that [`ScanRequest::row_addresses`] adds.
pub const ADDRESS_COLUMN: &str = "_address";

/// A planned scan of one table at one version. Nothing is read before [`Scan::open`].
#[derive(Debug)]
pub struct Scan {
    shared: Arc<Shared>,
    work: Work,
    /// How often each partition was opened. Opening all partitions anew scans anew.
    opened: Mutex<Vec<usize>>,
    /// One queue a scan of all partitions.
    queues: Mutex<Vec<Arc<Progress>>>,
    slices: Option<(ColumnId, u16)>,
    order: Vec<ColumnId>,
    rows_estimate: (u64, bool),
}

/// What the partitions of one run over the data share.
#[derive(Debug)]
struct Progress {
    /// The next item of the common queue.
    next: AtomicUsize,
    /// Rows that may still come out.
    remaining: AtomicUsize,
}

/// What all partitions share for ever.
#[derive(Debug)]
struct Shared {
    reader: Arc<SegmentReader>,
    /// Keeps the objects below from being collected.
    _pinned: Pinned,
    schema: SchemaRef,
    columns: Vec<Output>,
    /// Every column that the scan may touch.
    known: Vec<Column>,
    filters: Vec<RowFilter>,
    parts: Vec<PlannedPart>,
    /// The DISTKEY, where partitions are told apart by slices.
    slice_key: Option<ColumnId>,
    row_addresses: bool,
    batch_rows: usize,
    metrics: Arc<ScanMetrics>,
}

/// A column of the output.
#[derive(Debug)]
struct Output {
    id: ColumnId,
    dictionary: bool,
}

/// A part that may hold rows that pass.
#[derive(Debug)]
struct PlannedPart {
    /// Place in the table's order of parts.
    ordinal: u32,
    part: Arc<Part>,
    /// What the part's statistics leave of the predicate.
    predicate: Predicate,
}

impl Shared {
    fn column(&self, id: ColumnId) -> Result<&Column> {
        let found = self.known.iter().find(|column| column.id == id);
        found.ok_or_else(|| Error::internal(format!("column {id} was not planned to be read")))
    }
}

impl Scan {
    /// Plans the scan of a table.
    pub(crate) fn plan(
        reader: &Arc<SegmentReader>,
        pinned: Pinned,
        table: TableId,
        request: ScanRequest,
    ) -> Result<Self> {
        let table = pinned.snapshot.tables.get(&table).cloned();
        let table = table.ok_or_else(|| Error::not_found("the scanned table does not exist"))?;
        plan::plan(Arc::clone(reader), pinned, &table, request)
    }

    /// The fields of the batches: names and types of the columns asked for.
    pub fn schema(&self) -> SchemaRef {
        Arc::clone(&self.shared.schema)
    }

    /// Number of partitions. It can differ from the number asked for where an order was asked for.
    pub fn partitions(&self) -> usize {
        self.work.partitions()
    }

    /// Starts one partition. Opened once each, the partitions together give every row once; opened again, they scan
    /// again.
    pub fn open(&self, partition: usize) -> Result<ScanStream> {
        let run = {
            let mut opened = self.opened.lock();
            let times = opened.get_mut(partition);
            let times = times.ok_or_else(|| Error::internal(format!("the scan has no partition {partition}")))?;
            *times += 1;
            *times - 1
        };
        let progress = {
            let mut queues = self.queues.lock();
            while queues.len() <= run {
                let remaining = self.work.limit.unwrap_or(usize::MAX);
                queues.push(Arc::new(Progress { next: AtomicUsize::new(0), remaining: AtomicUsize::new(remaining) }));
            }
            Arc::clone(&queues[run])
        };
        Ok(ScanStream::new(Arc::clone(&self.shared), self.work.source(partition), progress))
    }

    /// How many rows will come out, and whether that is exact.
    pub fn rows_estimate(&self) -> (u64, bool) {
        self.rows_estimate
    }

    /// Counters; those of reading move while partitions run.
    pub fn metrics(&self) -> Arc<ScanMetrics> {
        Arc::clone(&self.shared.metrics)
    }

    /// The DISTKEY and the number of slices, where [`ScanRequest::by_slice`] was asked for and the table allows it:
    /// partition *p* of *n* then holds exactly the rows whose slice modulo *n* is *p*, so two tables scanned with the
    /// same number of partitions join on their keys partition by partition.
    pub fn slices(&self) -> Option<(ColumnId, u16)> {
        self.slices
    }

    /// The columns by which each partition is ordered (ascending, nulls last), where [`ScanRequest::in_order`] was asked
    /// for and the parts allow it; else empty.
    pub fn order(&self) -> &[ColumnId] {
        &self.order
    }
}
