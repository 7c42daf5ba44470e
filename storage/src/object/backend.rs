//! The small trait that local disk, S3, memory, the wrappers and the simulator implement.

use std::fmt::Debug;
use std::ops::Range;

use async_trait::async_trait;
use bytes::Bytes;

use crate::error::{Error, Kind};

/// Named objects. Paths are relative, with `/` between components; names are never reused except for hints.
#[async_trait]
pub(crate) trait Backend: Debug + Send + Sync + 'static {
    /// Creates an object atomically and durably; refused with [`FaultKind::Exists`] where one of that name exists.
    async fn put_new(&self, path: &str, bytes: Bytes) -> Result<(), Fault>;
    /// Creates or replaces an object atomically, without a promise of durability.
    async fn put(&self, path: &str, bytes: Bytes) -> Result<(), Fault>;
    /// Reads a whole object.
    async fn get(&self, path: &str) -> Result<Bytes, Fault>;
    /// Reads part of an object.
    async fn get_range(&self, path: &str, range: Range<u64>) -> Result<Bytes, Fault>;
    /// Every object below a folder, in no order. Strongly consistent.
    async fn list(&self, folder: &str) -> Result<Vec<Listed>, Fault>;
    /// Removes an object; success where there is none.
    async fn delete(&self, path: &str) -> Result<(), Fault>;
}

/// An object as a listing shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listed {
    /// Path below the root.
    pub(crate) path: String,
    /// Size in bytes.
    pub(crate) bytes: u64,
}

/// What one request came to, as far as the sender can act on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FaultKind {
    /// There is no such object.
    NotFound,
    /// A create was refused because the name is (or, with S3's 409, may soon be) taken.
    Exists,
    /// Overload, time-out, broken connection: a write may or may not have taken place, now or later. Sending again is fine.
    Uncertain,
    /// The write took place but may not survive a power failure (fsync failed). Sending again would hide that.
    Doubt,
    /// No space left; the write certainly did not take place.
    Full,
    /// Refused for good (credentials, permissions, a bug); a write certainly did not take place.
    Refused,
}

/// A failed request.
#[derive(Debug)]
pub(crate) struct Fault {
    /// What to do about it.
    pub(crate) kind: FaultKind,
    /// The cause.
    pub(crate) source: Box<dyn std::error::Error + Send + Sync>,
}

impl Fault {
    /// A fault with its cause.
    pub(crate) fn new(kind: FaultKind, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { kind, source: source.into() }
    }

    /// The error that callers of the store see.
    pub(super) fn into_error(self, verb: &str, path: &str) -> Error {
        let (kind, message) = match self.kind {
            FaultKind::NotFound => (Kind::NotFound, format!("object \"{path}\" does not exist")),
            FaultKind::Exists => (Kind::Exists, format!("object \"{path}\" already exists")),
            FaultKind::Uncertain if verb == "write" => {
                (Kind::OutcomeUnknown, format!("no answer whether \"{path}\" was written"))
            }
            FaultKind::Uncertain => (Kind::Unavailable, format!("cannot {verb} \"{path}\" at the moment")),
            FaultKind::Doubt => (Kind::OutcomeUnknown, format!("the disk may not have kept \"{path}\"")),
            FaultKind::Full => (Kind::Full, format!("no space left to {verb} \"{path}\"")),
            FaultKind::Refused => (Kind::Unavailable, format!("cannot {verb} \"{path}\"")),
        };
        Error::new(kind, message).with_source(self.source)
    }
}
