//! The warehouse: one root, opened by one process that owns its log.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use crate::cache::{CacheReading, SegmentReader};
use crate::catalog::snapshot::Snapshot;
use crate::check::{self, CheckReport};
use crate::clock::{Clock, Random, SystemClock};
use crate::collect::CollectReport;
use crate::commit::{CommitLog, LogOptions, OpenTransaction, TransactionStatus};
use crate::error::Result;
use crate::id::{TableId, TxnId};
use crate::identity::IdentityCounters;
use crate::job::Jobs;
use crate::object::{MeterReading, Store};
use crate::table::flush;
use crate::table::part_id::PartIds;
use crate::table::request::ScanRequest;
use crate::table::scan::Scan;
use crate::table::write::Output;
use crate::temporary::TemporarySpace;
use crate::transaction::Transaction;

/// Bytes of blocks and footers kept in memory where the caller does not say.
const CACHE_BYTES_DEFAULT: usize = 1 << 30;
/// Bytes of rows that all appenders may hold before they are encoded where the caller does not say.
const APPEND_BYTES_DEFAULT: usize = 1 << 30;

/// How to open a warehouse. Start from [`OpenOptions::new`] and set what differs.
#[derive(Debug, Clone)]
pub struct OpenOptions {
    /// A folder, `file://…`, `s3://bucket/prefix`, or `memory:` (gone when closed).
    pub root: String,
    /// Tells the time of commits.
    pub clock: Arc<dyn Clock>,
    /// Makes random numbers repeatable, for tests. Two processes on one root must not have the same seed: the log would
    /// take the one's entries for the other's.
    pub seed: Option<u64>,
    /// Bytes of encoded blocks and footers kept in memory.
    pub cache_bytes: usize,
    /// Bytes of rows that all appenders together may hold before they are encoded.
    pub append_bytes: usize,
    /// Whether flush, checkpoint and garbage collection run by themselves.
    pub background: bool,
}

impl OpenOptions {
    /// The defaults for a root.
    pub fn new(root: impl Into<String>) -> Self {
        Self {
            root: root.into(),
            clock: Arc::new(SystemClock),
            seed: None,
            cache_bytes: CACHE_BYTES_DEFAULT,
            append_bytes: APPEND_BYTES_DEFAULT,
            background: true,
        }
    }
}

/// An open warehouse. The process that opened it last owns it; an earlier one is fenced and can only read.
#[derive(Debug)]
pub struct Warehouse {
    log: Arc<CommitLog>,
    output: Arc<Output>,
    reader: Arc<SegmentReader>,
    identities: IdentityCounters,
    next_id: AtomicU32,
    /// Snapshots with staged changes or temporary objects, by address, with what keeps their objects.
    derived: Mutex<HashMap<usize, Derived>>,
    jobs: Jobs,
}

/// A snapshot that the log does not know.
#[derive(Debug)]
struct Derived {
    snapshot: Weak<Snapshot>,
    open: Weak<OpenTransaction>,
}

/// Derived snapshots after which those that nobody holds are forgotten.
const FORGET_EVERY: usize = 256;

/// Counters of a warehouse since it was opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StorageMetrics {
    /// Requests to the object store.
    pub requests: MeterReading,
    /// The memory cache.
    pub cache: CacheReading,
    /// Bytes of inline rows in the newest version, about.
    pub inline_bytes: u64,
    /// The epoch of the log in which this process writes: one more for each time that the warehouse was opened.
    pub epoch: u64,
}

impl Warehouse {
    /// Opens a root, making a new warehouse where there is none: probes the store, recovers the newest state from the
    /// log, takes the log over, and starts the background jobs.
    pub async fn open(options: OpenOptions) -> Result<Arc<Self>> {
        let random = Arc::new(Random::new(options.seed));
        let store = Store::open(&options.root, Arc::clone(&random)).await?;
        Self::open_on(store, random, options).await
    }

    pub(crate) async fn open_on(store: Store, random: Arc<Random>, options: OpenOptions) -> Result<Arc<Self>> {
        let clock = Arc::clone(&options.clock);
        let log =
            CommitLog::open(store.clone(), Arc::clone(&clock), Arc::clone(&random), LogOptions::default()).await?;
        let snapshot = log.snapshot();
        let output = Output {
            store: store.clone(),
            log: Arc::clone(&log),
            part_ids: PartIds::new(clock, random, &snapshot),
            appenders: AtomicUsize::new(0),
            append_bytes: options.append_bytes,
            inline_bytes: AtomicUsize::new(flush::inline_bytes(&snapshot)),
        };
        let warehouse = Arc::new(Self {
            next_id: AtomicU32::new(snapshot.next_id),
            log,
            output: Arc::new(output),
            reader: Arc::new(SegmentReader::new(store, options.cache_bytes)),
            identities: IdentityCounters::default(),
            derived: Mutex::new(HashMap::new()),
            jobs: Jobs::default(),
        });
        if options.background {
            warehouse.jobs.start(&warehouse);
        }
        Ok(warehouse)
    }

    /// The newest committed version. Holding it keeps everything that it shows readable.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.log.snapshot()
    }

    /// Begins a transaction of a session on the newest version.
    pub fn begin(self: &Arc<Self>, temporary: &TemporarySpace) -> Transaction {
        Transaction::begin(Arc::clone(self), temporary)
    }

    /// Plans a scan of a table as `snapshot` shows it. Streams that it opens may outlive the transaction.
    pub fn scan(self: &Arc<Self>, snapshot: &Arc<Snapshot>, table: TableId, request: ScanRequest) -> Result<Scan> {
        Scan::plan(&self.reader, self.pin(snapshot), table, request)
    }

    /// Turns inline rows into segments, of one table or of all, whether or not it is time to.
    pub async fn flush(&self, table: Option<TableId>) -> Result<()> {
        flush::flush(self, table, flush::Urgency::Everything).await
    }

    /// Writes a checkpoint, so that the next start need not replay the log, and truncates the log before it.
    pub async fn checkpoint(&self) -> Result<()> {
        self.log.checkpoint().await.map(|_| ())
    }

    /// Deletes objects that no version refers to that can still be read.
    pub async fn collect_garbage(&self) -> Result<CollectReport> {
        self.log.collect_garbage().await
    }

    /// Verifies a root without writing to it or disturbing its owner: every object that the newest version refers to,
    /// every checksum.
    pub async fn check(options: OpenOptions) -> Result<CheckReport> {
        let store = Store::open_to_read(&options.root, Arc::new(Random::new(options.seed))).await?;
        check::check(&store).await
    }

    /// Counters.
    pub fn metrics(&self) -> StorageMetrics {
        StorageMetrics {
            requests: self.output.store.metrics(),
            cache: self.reader.reading(),
            inline_bytes: self.output.inline_bytes.load(Ordering::Relaxed) as u64,
            epoch: self.log.epoch(),
        }
    }

    /// What became of a transaction, for one whose commit ended in [`crate::Kind::OutcomeUnknown`].
    pub fn transaction_status(&self, transaction: TxnId) -> TransactionStatus {
        self.log.transaction_status(transaction)
    }

    /// Whether another process has taken the warehouse over; this one can then only read.
    pub fn is_fenced(&self) -> bool {
        self.log.is_fenced()
    }

    /// Stops the background jobs, lets queued commits finish, and refuses new ones.
    pub async fn shutdown(&self) -> Result<()> {
        self.jobs.stop().await;
        self.log.shutdown().await
    }

    pub(crate) fn log(&self) -> &Arc<CommitLog> {
        &self.log
    }

    pub(crate) fn output(&self) -> &Arc<Output> {
        &self.output
    }

    pub(crate) fn reader(&self) -> &Arc<SegmentReader> {
        &self.reader
    }

    pub(crate) fn identities(&self) -> &IdentityCounters {
        &self.identities
    }

    /// A fresh id for an object of any kind. Ids of rolled back or temporary objects are not used again before a restart.
    pub(crate) fn new_id(&self) -> u32 {
        self.next_id.fetch_add(1, Ordering::Relaxed)
    }

    /// Notes that a snapshot was made from the base of an open transaction, so that scans of it hold that base.
    pub(crate) fn derive(&self, snapshot: &Arc<Snapshot>, open: &Arc<OpenTransaction>) {
        if Arc::ptr_eq(snapshot, open.base()) {
            return;
        }
        let mut derived = self.derived.lock();
        if derived.len() % FORGET_EVERY == FORGET_EVERY - 1 {
            derived.retain(|_, entry| entry.snapshot.strong_count() > 0);
        }
        let entry = Derived { snapshot: Arc::downgrade(snapshot), open: Arc::downgrade(open) };
        derived.insert(Arc::as_ptr(snapshot).addr(), entry);
    }

    /// A snapshot derived from the base of a transaction, with that transaction.
    pub(crate) fn pin_with(snapshot: Arc<Snapshot>, open: &Arc<OpenTransaction>) -> Pinned {
        Pinned { snapshot, _open: Some(Arc::clone(open)) }
    }

    /// A snapshot with what keeps its objects from being collected.
    fn pin(&self, snapshot: &Arc<Snapshot>) -> Pinned {
        let derived = self.derived.lock();
        let entry = derived.get(&Arc::as_ptr(snapshot).addr());
        let entry = entry.filter(|entry| std::ptr::eq(entry.snapshot.as_ptr(), Arc::as_ptr(snapshot)));
        Pinned { snapshot: Arc::clone(snapshot), _open: entry.and_then(|entry| entry.open.upgrade()) }
    }
}

/// A snapshot whose objects stay as long as this lives.
#[derive(Debug)]
pub(crate) struct Pinned {
    pub(crate) snapshot: Arc<Snapshot>,
    _open: Option<Arc<OpenTransaction>>,
}
