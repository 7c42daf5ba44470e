//! The handle of the commit log.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::checkpoint::{self, Checkpointed};
use super::format::{LoggedTransaction, encode_transaction};
use super::recover::{Successor, Tip};
use super::registry::{OpenTransaction, Registry};
use super::writer::{Leadership, Pending, Writer};
use crate::catalog::change::Change;
use crate::catalog::part::Part;
use crate::catalog::snapshot::Snapshot;
use crate::clock::{Clock, Random};
use crate::collect::{self, CollectReport};
use crate::error::{Error, Result};
use crate::id::{TxnId, Version};
use crate::limit::{CHECKPOINT_ENTRIES, COMMIT_QUEUE_MAX, ENTRY_BYTES_MAX};
use crate::object::Store;

/// How the log behaves.
#[derive(Debug, Clone)]
pub(crate) struct LogOptions {
    /// Newest checkpoints that are kept, with the log since the oldest of them. At least 1; with 2 a damaged checkpoint
    /// costs nothing.
    pub(crate) checkpoints_kept: usize,
}

impl Default for LogOptions {
    fn default() -> Self {
        Self { checkpoints_kept: 2 }
    }
}

/// A transaction to be committed.
#[derive(Debug)]
pub(crate) struct CommitRequest {
    /// The open transaction, from [`CommitLog::begin`].
    pub(crate) transaction: Arc<OpenTransaction>,
    /// What it does, in order. New deletion sets have their bitmaps filled in.
    pub(crate) changes: Vec<Change>,
}

/// What is known of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransactionStatus {
    /// It committed as this version.
    Committed(Version),
    /// It is open, or its commit is under way.
    Open,
    /// The log cannot be written or read at the moment; ask again.
    Undecided,
    /// It is not among the recent commits and never will be.
    NotCommitted,
}

/// What the handle and its tasks share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) store: Store,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) random: Arc<Random>,
    pub(super) writer: Uuid,
    pub(super) registry: Arc<Registry>,
    pub(super) options: LogOptions,
    tip: ArcSwap<Tip>,
    leadership: Mutex<Leadership>,
    entries_since_checkpoint: AtomicU64,
    bytes_since_checkpoint: AtomicU64,
}

impl Shared {
    pub(super) fn leadership(&self) -> Leadership {
        *self.leadership.lock()
    }

    pub(super) fn set_leadership(&self, leadership: Leadership) {
        *self.leadership.lock() = leadership;
    }

    pub(super) fn successor(&self) -> Successor<'_> {
        Successor { store: &self.store, clock: &*self.clock, random: &self.random, writer: self.writer }
    }

    /// Makes a state visible to readers.
    pub(super) fn publish(&self, tip: &Tip) {
        self.registry.publish(&tip.snapshot);
        self.tip.store(Arc::new(tip.clone()));
    }

    pub(super) fn tip(&self) -> Arc<Tip> {
        self.tip.load_full()
    }

    pub(super) fn note_append(&self, bytes: usize) {
        self.entries_since_checkpoint.fetch_add(1, Ordering::Relaxed);
        self.bytes_since_checkpoint.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(super) fn note_checkpoint(&self) {
        self.entries_since_checkpoint.store(0, Ordering::Relaxed);
        self.bytes_since_checkpoint.store(0, Ordering::Relaxed);
    }
}

/// The commit log of a warehouse, owned by this process. See the module for the protocol.
#[derive(Debug)]
pub(crate) struct CommitLog {
    shared: Arc<Shared>,
    queue: Mutex<Option<mpsc::Sender<Pending>>>,
    task: Mutex<Option<JoinHandle<()>>>,
    /// One checkpoint at a time, one collection at a time.
    checkpointing: tokio::sync::Mutex<()>,
    collecting: tokio::sync::Mutex<()>,
}

impl CommitLog {
    /// Recovers the state of a root and takes over its log; an earlier owner is fenced.
    pub(crate) async fn open(
        store: Store,
        clock: Arc<dyn Clock>,
        random: Arc<Random>,
        options: LogOptions,
    ) -> Result<Arc<Self>> {
        let writer = random.uuid();
        let shared = Shared {
            store,
            clock,
            random,
            writer,
            registry: Arc::new(Registry::default()),
            options,
            tip: ArcSwap::from_pointee(Tip::default()),
            leadership: Mutex::new(Leadership::Leading),
            entries_since_checkpoint: AtomicU64::new(0),
            bytes_since_checkpoint: AtomicU64::new(0),
        };
        let tip = shared.successor().take_over(None).await?;
        shared.publish(&tip);
        let shared = Arc::new(shared);
        let (sender, receiver) = mpsc::channel(COMMIT_QUEUE_MAX);
        let task = tokio::spawn(Writer::new(Arc::clone(&shared), tip, receiver).run());
        Ok(Arc::new(Self {
            shared,
            queue: Mutex::new(Some(sender)),
            task: Mutex::new(Some(task)),
            checkpointing: tokio::sync::Mutex::new(()),
            collecting: tokio::sync::Mutex::new(()),
        }))
    }

    /// The latest committed state. Holding it keeps what it refers to from being collected.
    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.shared.tip.load().snapshot)
    }

    /// The state with its place in the log.
    pub(crate) fn tip(&self) -> Arc<Tip> {
        self.shared.tip()
    }

    /// The epoch that this process owns (or owned, when fenced).
    pub(crate) fn epoch(&self) -> u64 {
        self.shared.tip.load().position.epoch
    }

    /// Whether another process has taken over.
    pub(crate) fn is_fenced(&self) -> bool {
        self.shared.leadership() == Leadership::Fenced
    }

    /// Begins a transaction on the latest state.
    pub(crate) fn begin(&self) -> Arc<OpenTransaction> {
        let txn = TxnId(self.shared.random.uuid());
        let tip = self.shared.tip.load();
        self.shared.registry.begin(txn, tip.position.epoch, Arc::clone(&tip.snapshot))
    }

    /// Begins a transaction that only keeps what is written in its name from being collected: it pins no version, and is
    /// not to be committed.
    pub(crate) fn hold(&self) -> Arc<OpenTransaction> {
        let txn = TxnId(self.shared.random.uuid());
        let epoch = self.shared.tip.load().position.epoch;
        self.shared.registry.begin(txn, epoch, Arc::new(Snapshot::default()))
    }

    /// Where a new object of a transaction goes: `data/{table}/{epoch}-{txn}-{uuid}.{extension}`.
    pub(crate) fn new_path(&self, transaction: &OpenTransaction, table: crate::id::TableId, extension: &str) -> String {
        let txn = transaction.txn().0.simple();
        let unique = self.shared.random.uuid();
        format!("data/{table}/{}-{txn}-{}.{extension}", transaction.epoch(), unique.simple())
    }

    /// Commits a transaction: durable and visible on success. Other outcomes:
    /// [`crate::Kind::Conflict`], [`crate::Kind::Limit`], [`crate::Kind::Full`], [`crate::Kind::Unavailable`],
    /// [`crate::Kind::Fenced`]: certainly not committed; [`crate::Kind::OutcomeUnknown`]: ask
    /// [`CommitLog::transaction_status`] later, and delete nothing.
    ///
    /// # Cancellation
    /// A dropped future does not withdraw a queued commit.
    pub(crate) async fn commit(&self, request: CommitRequest) -> Result<Version> {
        let CommitRequest { transaction, changes } = request;
        changes.iter().try_for_each(check_bitmaps)?;
        let logged = LoggedTransaction { txn: transaction.txn(), base: transaction.base().version, changes };
        let encoded = encode_transaction(&logged)?;
        let (reply, answer) = oneshot::channel();
        let pending = Pending { transaction, changes: logged.changes, encoded, reply };
        let stopped = || Error::unavailable("the warehouse is shutting down; the transaction was not committed");
        let queue = self.queue.lock().clone().ok_or_else(stopped)?;
        if queue.send(pending).await.is_err() {
            return Err(stopped());
        }
        answer.await.unwrap_or_else(|error| {
            Err(Error::outcome_unknown("the log was stopped while the commit was under way").with_source(error))
        })
    }

    /// What became of a transaction. Only the last [`crate::limit::RECENT_TRANSACTIONS_MAX`] commits are remembered.
    pub(crate) fn transaction_status(&self, txn: TxnId) -> TransactionStatus {
        match self.shared.tip.load().committed(txn) {
            Some(version) => TransactionStatus::Committed(version),
            None if self.shared.registry.is_open(txn) => TransactionStatus::Open,
            None if self.shared.leadership() == Leadership::Leading => TransactionStatus::NotCommitted,
            None => TransactionStatus::Undecided,
        }
    }

    /// Whether enough has been appended for a checkpoint to be worth while.
    pub(crate) fn checkpoint_due(&self) -> bool {
        self.shared.entries_since_checkpoint.load(Ordering::Relaxed) >= CHECKPOINT_ENTRIES
            || self.shared.bytes_since_checkpoint.load(Ordering::Relaxed) >= ENTRY_BYTES_MAX as u64
    }

    /// Writes the state as a checkpoint and truncates the log before it.
    pub(crate) async fn checkpoint(&self) -> Result<Checkpointed> {
        let _one_at_a_time = self.checkpointing.lock().await;
        checkpoint::checkpoint(&self.shared).await
    }

    /// Deletes what no version that can still be read refers to.
    pub(crate) async fn collect_garbage(&self) -> Result<CollectReport> {
        let _one_at_a_time = self.collecting.lock().await;
        collect::collect(self, &self.shared.store, &self.shared.registry).await
    }

    /// Refuses new commits, finishes those that are queued, and stops.
    pub(crate) async fn shutdown(&self) -> Result<()> {
        self.queue.lock().take();
        let task = self.task.lock().take();
        match task {
            Some(task) => task.await.map_err(|error| Error::internal("the log's task failed").with_source(error)),
            None => Ok(()),
        }
    }

    /// Stops at once, as a crash would.
    #[cfg(test)]
    pub(crate) fn crash(&self) {
        if let Some(task) = self.task.lock().take() {
            task.abort();
        }
    }
}

/// New deletion sets must bring their bitmaps: conflicts are found row by row.
fn check_bitmaps(change: &Change) -> Result<()> {
    let sets = |part: &Arc<Part>| part.deletes.iter().all(|set| set.bitmap.get().is_some());
    let complete = match change {
        Change::Delete { rows, .. } => rows.bitmap.get().is_some(),
        Change::Append { parts, .. } | Change::Replace { add: parts, .. } => parts.iter().all(sets),
        _ => true,
    };
    if complete { Ok(()) } else { Err(Error::internal("a deletion set was committed without its bitmap")) }
}
