//! A wrapper that counts requests and bytes.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;

use super::backend::{Backend, Fault, FaultKind, Listed};

/// Counters of one kind of request.
#[derive(Debug, Default)]
struct Counter {
    requests: AtomicU64,
    bytes: AtomicU64,
    faults: AtomicU64,
}

impl Counter {
    fn note<T>(&self, outcome: &Result<T, Fault>, bytes: impl Fn(&T) -> usize) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        match outcome {
            Ok(value) => {
                self.bytes.fetch_add(bytes(value) as u64, Ordering::Relaxed);
            }
            // An absent or present object is an answer, not a failure.
            Err(fault) if matches!(fault.kind, FaultKind::NotFound | FaultKind::Exists) => {}
            Err(_) => {
                self.faults.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    fn read(&self) -> RequestCounts {
        RequestCounts {
            requests: self.requests.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
            faults: self.faults.load(Ordering::Relaxed),
        }
    }
}

/// What was asked of the backend.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    put: Counter,
    get: Counter,
    list: Counter,
    delete: Counter,
}

/// Requests of one kind since the store was opened, each retry counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RequestCounts {
    /// Requests sent.
    pub requests: u64,
    /// Payload bytes of those that succeeded.
    pub bytes: u64,
    /// Requests that failed for another reason than the object being there or not.
    pub faults: u64,
}

/// Requests since the store was opened, by kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MeterReading {
    /// Writes.
    pub put: RequestCounts,
    /// Reads of objects and of ranges.
    pub get: RequestCounts,
    /// Listings.
    pub list: RequestCounts,
    /// Deletions.
    pub delete: RequestCounts,
}

impl Meter {
    /// The counters now.
    pub(super) fn read(&self) -> MeterReading {
        MeterReading { put: self.put.read(), get: self.get.read(), list: self.list.read(), delete: self.delete.read() }
    }
}

/// The wrapper.
#[derive(Debug)]
pub(super) struct Metered {
    inner: Arc<dyn Backend>,
    meter: Arc<Meter>,
}

impl Metered {
    pub(super) fn new(inner: Arc<dyn Backend>, meter: Arc<Meter>) -> Self {
        Self { inner, meter }
    }
}

#[async_trait]
impl Backend for Metered {
    async fn put_new(&self, path: &str, bytes: Bytes) -> Result<(), Fault> {
        let length = bytes.len();
        let outcome = self.inner.put_new(path, bytes).await;
        self.meter.put.note(&outcome, |()| length);
        outcome
    }

    async fn put(&self, path: &str, bytes: Bytes) -> Result<(), Fault> {
        let length = bytes.len();
        let outcome = self.inner.put(path, bytes).await;
        self.meter.put.note(&outcome, |()| length);
        outcome
    }

    async fn get(&self, path: &str) -> Result<Bytes, Fault> {
        let outcome = self.inner.get(path).await;
        self.meter.get.note(&outcome, Bytes::len);
        outcome
    }

    async fn get_range(&self, path: &str, range: Range<u64>) -> Result<Bytes, Fault> {
        let outcome = self.inner.get_range(path, range).await;
        self.meter.get.note(&outcome, Bytes::len);
        outcome
    }

    async fn list(&self, folder: &str) -> Result<Vec<Listed>, Fault> {
        let outcome = self.inner.list(folder).await;
        self.meter.list.note(&outcome, |_| 0);
        outcome
    }

    async fn delete(&self, path: &str) -> Result<(), Fault> {
        let outcome = self.inner.delete(path).await;
        self.meter.delete.note(&outcome, |()| 0);
        outcome
    }
}
