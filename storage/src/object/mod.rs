//! Objects: the only door to the disk or the bucket, and the only user of `object_store`.
//!
//! A [`Store`] is a stack of wrappers over the small [`Backend`] trait, outermost first:
//!
//! ```text
//! Retry     resends what may be resent, finds out whether an unanswered put was its own success
//! Limit     bounds the number of requests in flight
//! Meter     counts requests and bytes
//! LocalBackend | RemoteBackend (S3, memory)
//! ```

mod backend;
pub(crate) mod external;
mod limit;
mod local;
mod meter;
mod open;
mod probe;
mod remote;
mod retry;
#[cfg(test)]
mod tests;

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

pub(crate) use backend::{Backend, Listed};
#[cfg(test)]
pub(crate) use backend::{Fault, FaultKind};
pub(crate) use meter::Meter;
pub use meter::{MeterReading, RequestCounts};
pub use open::Root;
pub(crate) use open::open_backend;
#[cfg(test)]
pub(crate) use remote::RemoteBackend;
pub(crate) use retry::RetryPolicy;

use crate::clock::Random;
use crate::error::{Error, Kind, Result};

/// Requests in flight at most, over all users of one store.
const REQUESTS_IN_FLIGHT_MAX: usize = 64;

/// The objects below one root. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    top: Arc<dyn Backend>,
    meter: Arc<Meter>,
}

impl Store {
    /// Stacks the wrappers over a backend.
    pub(crate) fn new(backend: Arc<dyn Backend>, random: Arc<Random>, policy: RetryPolicy) -> Self {
        let meter = Arc::new(Meter::default());
        let metered = meter::Metered::new(backend, Arc::clone(&meter));
        let limited = limit::Limited::new(Arc::new(metered), REQUESTS_IN_FLIGHT_MAX);
        let top = retry::Retrying::new(Arc::new(limited), random, policy);
        Self { top: Arc::new(top), meter }
    }

    /// Opens a root as written by a user, and proves that it refuses a second put of the same name.
    pub(crate) async fn open(root: &str, random: Arc<Random>) -> Result<Self> {
        let root = Root::parse(root)?;
        let backend = open_backend(&root).await?;
        let impatient = Self::new(Arc::clone(&backend), Arc::clone(&random), RetryPolicy::first_contact());
        probe::probe(&backend, &impatient, &random).await?;
        Ok(Self::new(backend, random, RetryPolicy::default()))
    }

    /// Opens a root that exists, for reading only: nothing is written, so nothing is proved about writing.
    pub(crate) async fn open_to_read(root: &str, random: Arc<Random>) -> Result<Self> {
        let parsed = Root::parse(root)?;
        if matches!(&parsed, Root::Folder(path) if !path.is_dir()) {
            return Err(Error::not_found(format!("folder \"{root}\" does not exist")));
        }
        Ok(Self::new(open_backend(&parsed).await?, random, RetryPolicy::default()))
    }

    /// Writes an object that must not exist. [`Kind::Exists`]: another one's bytes are there;
    /// [`Kind::OutcomeUnknown`]: retries were given up and the object may or may not (come to) exist.
    pub(crate) async fn put_if_absent(&self, path: &str, bytes: Bytes) -> Result<()> {
        self.top.put_new(path, bytes).await.map_err(|fault| fault.into_error("write", path))
    }

    /// Writes a data object under a name that is unique for ever, durable on return.
    pub(crate) async fn put_unique(&self, path: &str, bytes: Bytes) -> Result<()> {
        match self.put_if_absent(path, bytes).await {
            // Nothing refers to the object yet, so a write that may have landed is only garbage.
            Err(error) if error.kind() == Kind::OutcomeUnknown => {
                Err(Error::unavailable(format!("cannot write \"{path}\"")).with_source(error))
            }
            Err(error) if error.kind() == Kind::Exists => {
                Err(Error::internal(format!("the unique name \"{path}\" was in use")).with_source(error))
            }
            outcome => outcome,
        }
    }

    /// Writes an object, replacing an earlier one. Only for hints: neither durable nor ordered.
    pub(crate) async fn put_hint(&self, path: &str, bytes: Bytes) -> Result<()> {
        self.top.put(path, bytes).await.map_err(|fault| fault.into_error("write", path))
    }

    /// Reads a whole object.
    pub(crate) async fn get(&self, path: &str) -> Result<Bytes> {
        self.top.get(path).await.map_err(|fault| fault.into_error("read", path))
    }

    /// Reads part of an object. A range beyond its end is an error, never fewer bytes.
    pub(crate) async fn get_range(&self, path: &str, range: Range<u64>) -> Result<Bytes> {
        let expected = range.end.saturating_sub(range.start);
        let bytes = self.top.get_range(path, range).await.map_err(|fault| fault.into_error("read", path))?;
        if bytes.len() as u64 == expected {
            Ok(bytes)
        } else {
            Err(Error::corrupt(format!("object \"{path}\" is shorter than its catalog entry says")))
        }
    }

    /// Reads several ranges of an object at once, in the order given.
    pub(crate) async fn get_ranges(&self, path: &str, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        futures::future::try_join_all(ranges.iter().map(|range| self.get_range(path, range.clone()))).await
    }

    /// All objects whose path starts with a folder (given without the final slash), sorted by path.
    pub(crate) async fn list(&self, folder: &str) -> Result<Vec<Listed>> {
        let mut found = self.top.list(folder).await.map_err(|fault| fault.into_error("list", folder))?;
        found.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        Ok(found)
    }

    /// Deletes an object; one that does not exist is deleted already.
    pub(crate) async fn delete(&self, path: &str) -> Result<()> {
        self.top.delete(path).await.map_err(|fault| fault.into_error("delete", path))
    }

    /// What was asked of the backend so far.
    pub(crate) fn metrics(&self) -> MeterReading {
        self.meter.read()
    }
}
