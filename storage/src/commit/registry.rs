//! Who still needs what: held snapshots and open transactions of this process. Garbage collection asks here.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use crate::catalog::snapshot::Snapshot;
use crate::id::{TxnId, Version};

/// Published snapshots after which those that nobody holds are forgotten.
const FORGET_EVERY: usize = 256;

/// The registry. Locks are held for a few instructions only.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    snapshots: Mutex<Vec<(Version, Weak<Snapshot>)>>,
    open: Mutex<HashMap<TxnId, u64>>,
}

/// A transaction that may still write objects or be waiting for its commit. While it lives, garbage collection spares
/// the objects whose names carry its id, and everything that its base snapshot refers to.
///
/// A scan that can outlive its transaction must hold this, or the base snapshot.
#[derive(Debug)]
pub(crate) struct OpenTransaction {
    txn: TxnId,
    epoch: u64,
    base: Arc<Snapshot>,
    registry: Arc<Registry>,
}

impl OpenTransaction {
    /// Its id.
    pub(crate) fn txn(&self) -> TxnId {
        self.txn
    }

    /// The epoch it began in; it cannot commit in another.
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// What it saw at its begin.
    pub(crate) fn base(&self) -> &Arc<Snapshot> {
        &self.base
    }
}

impl Drop for OpenTransaction {
    fn drop(&mut self) {
        self.registry.open.lock().remove(&self.txn);
    }
}

impl Registry {
    /// Notes a snapshot. To be called before readers can get hold of it.
    pub(super) fn publish(&self, snapshot: &Arc<Snapshot>) {
        let mut snapshots = self.snapshots.lock();
        if snapshots.len() % FORGET_EVERY == FORGET_EVERY - 1 {
            snapshots.retain(|(_, held)| held.strong_count() > 0);
        }
        snapshots.push((snapshot.version, Arc::downgrade(snapshot)));
    }

    /// Registers a transaction.
    pub(super) fn begin(self: &Arc<Self>, txn: TxnId, epoch: u64, base: Arc<Snapshot>) -> Arc<OpenTransaction> {
        self.open.lock().insert(txn, epoch);
        Arc::new(OpenTransaction { txn, epoch, base, registry: Arc::clone(self) })
    }

    /// The smallest version that someone holds. A version that nobody holds now is never handed out again, because
    /// readers are given the latest one only.
    pub(crate) fn oldest_held(&self) -> Option<Version> {
        let mut snapshots = self.snapshots.lock();
        snapshots.retain(|(_, held)| held.strong_count() > 0);
        snapshots.iter().map(|(version, _)| *version).min()
    }

    /// Transactions that began and are not over, with their epochs.
    pub(crate) fn open_transactions(&self) -> HashSet<TxnId> {
        self.open.lock().keys().copied().collect()
    }

    /// Whether a transaction is open.
    pub(super) fn is_open(&self, txn: TxnId) -> bool {
        self.open.lock().contains_key(&txn)
    }
}
