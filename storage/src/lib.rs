//! Tables on object storage: catalog, commit log, transactions, segments, encodings, caches.
//!
//! This crate knows no SQL and opens no socket. Its one entry is [`Warehouse`]: open a root, take a [`Snapshot`], scan
//! tables of it, and change it in a [`Transaction`]. Readers never wait for writers, nor writers for readers: a snapshot
//! is an immutable value, and parts (runs of rows) are immutable objects whose names are never used twice.
//!
//! # What lies below the root
//! ```text
//! root/
//! ├── log/{epoch:08}/{slot:012}         one entry of the commit log, made once by put-if-absent; a seal ends an epoch
//! ├── ckpt/{epoch:08}-{slot:012}        the whole snapshot as of that entry; what recovery starts from
//! ├── hint                              where a recent checkpoint was; may be stale, decides nothing
//! └── data/{table}/
//!     ├── {epoch}-{txn}-{uuid}.seg      a segment: up to 1 Mi rows, column by column, in encoded blocks, with a footer
//!     └── {epoch}-{txn}-{uuid}.dv       a deletion bitmap (Roaring) too large to ride in the log
//! ```
//! Small inserts and small deletion bitmaps have no object of their own: they ride inside the log entry, and a
//! background flush turns inline rows into segments.
//!
//! # Where is what
//! | module | one job |
//! |---|---|
//! | `warehouse` | open, recover, background jobs, shut down |
//! | `transaction` | stage changes on an own snapshot, commit or roll back |
//! | `table` | append, delete, scan, flush |
//! | `segment`, `encoding` | the file format of rows |
//! | `catalog` | the snapshot and the changes between two snapshots |
//! | `commit`, `collect` | the log that decides order; garbage collection |
//! | `object` | the only user of the object store |
//! | `cache` | encoded blocks and footers in memory |
//! | `check` | verification of everything a snapshot refers to |

mod cache;
mod catalog;
mod check;
mod clock;
mod collect;
mod commit;
mod encoding;
mod error;
mod id;
mod identity;
mod job;
pub mod limit;
mod object;
mod planted;
mod predicate;
mod segment;
#[cfg(test)]
mod simulate;
mod table;
mod temporary;
mod transaction;
mod warehouse;

pub use cache::CacheReading;
pub use catalog::access::{Acl, PUBLIC, Privilege, Role};
pub use catalog::change::{Change, ObjectAction, ObjectRef, TableAction};
pub use catalog::part::{ColumnSummary, DeleteBody, DeleteSet, InlineChunk, Part, PartBody};
pub use catalog::snapshot::{Database, ObjectKey, Relation, Schema, SettingScope, Snapshot, View};
pub use catalog::table::{Column, Constraint, ConstraintKind, Distribution, Identity, SortKey, Table};
pub use catalog::types::{ColumnType, DECIMAL64_PRECISION_MAX};
pub use catalog::value::{Value, compare_floats};
pub use check::{CheckProblem, CheckReport};
pub use clock::{Clock, SystemClock};
pub use collect::CollectReport;
pub use commit::TransactionStatus;
pub use error::{Error, Kind, Result};
pub use id::{ColumnId, DatabaseId, FIRST_USER_ID, PartId, RoleId, SchemaId, TableId, TxnId, Version, ViewId};
pub use object::external::{ExternalObject, ExternalStore};
pub use object::{MeterReading, RequestCounts, Root};
pub use predicate::{Comparison, Predicate, RowFilter, RowTest};
#[doc(hidden)]
pub use segment::bench_support;
pub use table::append::{Appended, Appender};
pub use table::request::{ScanMetrics, ScanRequest};
pub use table::scan::{ADDRESS_COLUMN, Scan, ScanStream};
pub use table::slice::{SLICE_HASH_VERSION, slices_of};
pub use temporary::TemporarySpace;
pub use transaction::{Committed, Savepoint, Transaction};
pub use warehouse::{OpenOptions, StorageMetrics, Warehouse};
