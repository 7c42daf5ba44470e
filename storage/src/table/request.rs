//! What a scan is asked for, and what it counts.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::id::ColumnId;
use crate::predicate::{Predicate, RowFilter};

/// Rows of an output batch where the caller does not say.
const BATCH_ROWS_DEFAULT: usize = 8192;

/// What to read of a table. Start from [`ScanRequest::new`] and set what differs.
#[derive(Debug, Clone)]
pub struct ScanRequest {
    /// Columns of the output, in order. May be empty: then batches carry only a number of rows.
    pub columns: Vec<ColumnId>,
    /// Only rows for which this is TRUE come out; the scan is exact.
    pub predicate: Predicate,
    /// Further conditions that only the caller can evaluate. Exact, too.
    pub filters: Vec<RowFilter>,
    /// Stop after so many rows, over all partitions.
    pub limit: Option<usize>,
    /// Adds a last column `_address` (UInt64): the part's place in the snapshot's `parts` << 32 | row in the part.
    pub row_addresses: bool,
    /// Strings of columns with few distinct values come as `Dictionary(Int32, Utf8View)`; see `Scan::schema`.
    pub dictionaries: bool,
    /// Rows of a batch at most, and, but for the end of a run, also about at least.
    pub batch_rows: usize,
    /// Number of streams that share the work.
    pub partitions: usize,
    /// Each partition gets whole DISTKEY slices where the table has them; see `Scan::slices`.
    pub by_slice: bool,
    /// Each partition is one run ordered by the SORTKEY, where the parts allow it; see `Scan::order`.
    pub in_order: bool,
}

impl ScanRequest {
    /// All rows of these columns, in one partition.
    pub fn new(columns: Vec<ColumnId>) -> Self {
        Self {
            columns,
            predicate: Predicate::True,
            filters: Vec::new(),
            limit: None,
            row_addresses: false,
            dictionaries: false,
            batch_rows: BATCH_ROWS_DEFAULT,
            partitions: 1,
            by_slice: false,
            in_order: false,
        }
    }
}

/// Counters of one scan, for EXPLAIN ANALYZE. Shared by its partitions.
#[derive(Debug, Default)]
pub struct ScanMetrics {
    parts: AtomicU64,
    parts_pruned: AtomicU64,
    blocks: AtomicU64,
    blocks_pruned: AtomicU64,
    rows_read: AtomicU64,
    rows_returned: AtomicU64,
    bytes_fetched: AtomicU64,
    cache_hits: AtomicU64,
    cache_misses: AtomicU64,
    decode_nanos: AtomicU64,
}

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident, $add:ident;)*) => {
        impl ScanMetrics {
            $(
                $(#[$doc])*
                pub fn $name(&self) -> u64 {
                    self.$name.load(Ordering::Relaxed)
                }

                pub(crate) fn $add(&self, amount: u64) {
                    self.$name.fetch_add(amount, Ordering::Relaxed);
                }
            )*
        }
    };
}
counters! {
    /// Parts of the table.
    parts, add_parts;
    /// Parts left out by their statistics.
    parts_pruned, add_parts_pruned;
    /// Blocks of the parts that were looked at.
    blocks, add_blocks;
    /// Blocks left out by their statistics.
    blocks_pruned, add_blocks_pruned;
    /// Rows of the blocks that were read.
    rows_read, add_rows_read;
    /// Rows that came out.
    rows_returned, add_rows_returned;
    /// Bytes read from the store (not from memory).
    bytes_fetched, add_bytes_fetched;
    /// Blocks found in memory.
    cache_hits, add_cache_hits;
    /// Blocks read from the store.
    cache_misses, add_cache_misses;
    /// Nanoseconds spent filtering and decoding.
    decode_nanos, add_decode_nanos;
}
