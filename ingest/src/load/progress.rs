//! How far a load is, for progress bars and system tables.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counters of a running load. Reading them costs nothing; they only grow.
#[derive(Debug, Default)]
pub struct CopyProgress {
    rows: AtomicU64,
    bytes: AtomicU64,
    files: AtomicU64,
    rejected: AtomicU64,
}

impl CopyProgress {
    /// Rows that were handed to storage.
    pub fn rows(&self) -> u64 {
        self.rows.load(Ordering::Relaxed)
    }

    /// Bytes that were read, before decompression.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Files that were read to their end.
    pub fn files(&self) -> u64 {
        self.files.load(Ordering::Relaxed)
    }

    /// Rows that were refused.
    pub fn rejected(&self) -> u64 {
        self.rejected.load(Ordering::Relaxed)
    }

    pub(crate) fn add_rows(&self, count: u64) {
        self.rows.fetch_add(count, Ordering::Relaxed);
    }

    pub(crate) fn add_bytes(&self, count: u64) {
        self.bytes.fetch_add(count, Ordering::Relaxed);
    }

    pub(crate) fn add_file(&self) {
        self.files.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a refused row, and says how many there are now.
    pub(crate) fn add_rejected(&self) -> u64 {
        self.rejected.fetch_add(1, Ordering::Relaxed) + 1
    }
}
