//! Garbage collection: objects that no version that can still be read refers to.
//!
//! Order matters: 1. list; 2. ask which transactions are open; 3. take the state. An object in the listing was made by a
//! transaction that had begun before the listing; so by 2 it is open (spared), or it committed (and 3 refers to the
//! object), or it failed (garbage). Then an entry that names every victim is committed, and only then is anything deleted.
//! Unreferenced objects of earlier epochs are dead by construction: a transaction cannot commit in another epoch.

use std::collections::HashSet;

use futures::{StreamExt, stream};

use crate::catalog::change::Change;
use crate::catalog::snapshot::Snapshot;
use crate::commit::{CommitLog, CommitRequest, Registry, Tip};
use crate::error::{Error, Result};
use crate::id::{TxnId, Version};
use crate::limit::COLLECT_PATHS_MAX;
use crate::object::{Listed, Store};
use crate::planted::planted;

/// Deletions under way at a time.
const DELETES_AT_A_TIME: usize = 16;

/// What a garbage collection did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CollectReport {
    /// Versions below this can no longer be read.
    pub horizon: Version,
    /// Objects deleted.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Objects that could not be deleted and are left to the next collection.
    pub failed: u64,
}

/// The facts that decide about an object.
struct Facts<'a> {
    epoch: u64,
    open: HashSet<TxnId>,
    horizon: Version,
    referenced: HashSet<&'a str>,
    snapshot: &'a Snapshot,
}

impl Facts<'_> {
    fn is_garbage(&self, path: &str) -> bool {
        let Some((epoch, txn)) = made_by(path) else { return false };
        // A later epoch means that this process has been fenced and does not know it yet.
        let spared = epoch > self.epoch || (epoch == self.epoch && self.open.contains(&txn));
        let still_read = self.snapshot.removed.get(path).is_some_and(|version| *version > self.horizon);
        !spared && !still_read && !self.referenced.contains(path)
    }
}

/// Epoch and transaction that an object's name tells; `None` for names that are not ours, which are left alone.
fn made_by(path: &str) -> Option<(u64, TxnId)> {
    let (_, name) = path.strip_prefix("data/")?.split_once('/')?;
    let mut pieces = name.splitn(3, '-');
    let epoch = pieces.next()?.parse().ok()?;
    let txn = uuid::Uuid::try_parse(pieces.next()?).ok()?;
    pieces.next()?;
    Some((epoch, TxnId(txn)))
}

/// Every object that the tables of a snapshot refer to.
fn referenced(snapshot: &Snapshot) -> HashSet<&str> {
    snapshot.tables.values().flat_map(|table| table.parts.values()).flat_map(|part| part.paths()).collect()
}

/// Collects once.
pub(crate) async fn collect(log: &CommitLog, store: &Store, registry: &Registry) -> Result<CollectReport> {
    let listed = store.list("data").await?;
    let open = if planted!(CollectTakesOpenFiles) { HashSet::new() } else { registry.open_transactions() };
    let tip = log.tip();
    #[cfg(test)]
    let tip = if planted!(CollectFromHint) { crate::commit::tip_of_hint(store).await.unwrap_or(tip) } else { tip };
    let held = registry.oldest_held().filter(|_| !planted!(NoPins));
    let horizon = held.unwrap_or(tip.snapshot.version).min(tip.snapshot.version).max(tip.snapshot.horizon);
    let victims = find_victims(listed, open, &tip, horizon);
    let mut report = CollectReport { horizon, objects: 0, bytes: 0, failed: 0 };
    for batch in victims.chunks(COLLECT_PATHS_MAX) {
        if planted!(DeleteBeforeCollect) {
            delete(store, batch.to_vec(), &mut report).await;
        }
        commit_collect(log, horizon, batch).await?;
        delete(store, batch.to_vec(), &mut report).await;
    }
    Ok(report)
}

fn find_victims(mut listed: Vec<Listed>, open: HashSet<TxnId>, tip: &Tip, horizon: Version) -> Vec<Listed> {
    let snapshot = &*tip.snapshot;
    let facts = Facts { epoch: tip.position.epoch, open, horizon, referenced: referenced(snapshot), snapshot };
    listed.retain(|object| facts.is_garbage(&object.path));
    listed
}

/// Makes the decision durable. Without it nothing may be deleted.
async fn commit_collect(log: &CommitLog, horizon: Version, batch: &[Listed]) -> Result<()> {
    let paths = batch.iter().map(|object| object.path.clone()).collect();
    let request = CommitRequest { transaction: log.begin(), changes: vec![Change::Collect { horizon, paths }] };
    match log.commit(request).await {
        Ok(_) => Ok(()),
        Err(error) => Err(Error::new(error.kind(), "garbage collection could not be committed").with_source(error)),
    }
}

async fn delete(store: &Store, batch: Vec<Listed>, report: &mut CollectReport) {
    let deletions = batch.into_iter().map(|object| delete_one(store.clone(), object));
    let mut outcomes = stream::iter(deletions).buffer_unordered(DELETES_AT_A_TIME);
    while let Some((bytes, outcome)) = outcomes.next().await {
        if outcome.is_ok() {
            report.objects += 1;
            report.bytes += bytes;
        } else {
            report.failed += 1;
        }
    }
}

async fn delete_one(store: Store, object: Listed) -> (u64, Result<()>) {
    (object.bytes, store.delete(&object.path).await)
}
