//! From the objects of the log to the state they describe, and to the ownership of the next epoch.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use imbl::{OrdMap, Vector};
use uuid::Uuid;

use super::format::{
    self, CheckpointBody, EntryHeader, LoggedTransaction, Position, checkpoint_path, decode_checkpoint, decode_entry,
    encode_entry, entry_path, parse_checkpoint_path,
};
use crate::catalog::part::{DeleteBody, DeleteSet};
use crate::catalog::snapshot::Snapshot;
use crate::clock::{Clock, Random};
use crate::error::{Error, Kind, Result};
use crate::id::{TxnId, Version};
use crate::limit::RECENT_TRANSACTIONS_MAX;
use crate::object::Store;
use crate::planted::planted;

/// Path of the hint.
pub(super) const HINT: &str = "hint";
/// Log entries read ahead.
const READ_AHEAD: usize = 16;
/// Deletion bitmaps loaded at a time.
const BITMAPS_AT_A_TIME: usize = 16;
/// Take-overs tried before the others are left to fight it out.
const TAKE_OVERS_MAX: u64 = 64;

/// The state after a prefix of the log. Immutable, cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Tip {
    /// Where in the log.
    pub(crate) position: Position,
    /// The catalog there.
    pub(crate) snapshot: Arc<Snapshot>,
    /// Recently committed transactions and their versions …
    recent: OrdMap<TxnId, Version>,
    /// … oldest first, so that the number stays bounded.
    order: Vector<TxnId>,
}

impl Default for Tip {
    fn default() -> Self {
        Self {
            position: Position::START,
            snapshot: Arc::new(Snapshot::default()),
            recent: OrdMap::new(),
            order: Vector::new(),
        }
    }
}

impl Tip {
    fn from_checkpoint(body: CheckpointBody) -> Self {
        let recent = body.recent.iter().copied().collect();
        let order = body.recent.iter().map(|(txn, _)| *txn).collect();
        Self { position: body.position, snapshot: Arc::new(body.snapshot), recent, order }
    }

    /// The checkpoint of this state.
    pub(super) fn to_checkpoint(&self) -> CheckpointBody {
        let recent = self.order.iter().filter_map(|txn| self.recent.get(txn).map(|version| (*txn, *version)));
        CheckpointBody { position: self.position, snapshot: (*self.snapshot).clone(), recent: recent.collect() }
    }

    /// The version that a recent transaction committed as.
    pub(crate) fn committed(&self, txn: TxnId) -> Option<Version> {
        self.recent.get(&txn).copied()
    }

    /// The state after one more entry of the running epoch, whose changes are in `snapshot` already.
    pub(super) fn advance(&mut self, snapshot: Arc<Snapshot>, txns: impl Iterator<Item = TxnId>, bytes: &[u8]) {
        self.position = Position {
            slot: self.position.slot + 1,
            version: snapshot.version,
            hash: format::hash(bytes),
            ..self.position
        };
        for txn in txns {
            self.recent.insert(txn, snapshot.version);
            self.order.push_back(txn);
        }
        while self.order.len() > RECENT_TRANSACTIONS_MAX {
            if let Some(oldest) = self.order.pop_front() {
                self.recent.remove(&oldest);
            }
        }
        self.snapshot = snapshot;
    }

    /// The state after a seal: the beginning of the next epoch. A seal changes nothing in the catalog, but takes a version.
    pub(super) fn seal(&mut self, bytes: &[u8], committed_at_micros: i64) {
        let version = Version(self.position.version.0 + 1);
        let mut snapshot = (*self.snapshot).clone();
        snapshot.version = version;
        snapshot.committed_at_micros = committed_at_micros;
        self.snapshot = Arc::new(snapshot);
        self.position = Position { epoch: self.position.epoch + 1, slot: 0, version, hash: format::hash(bytes) };
    }

    /// Follows the log from outside: applies an object if it is the next entry, and gives the paths that it collects.
    #[cfg(test)]
    pub(crate) fn observe(&mut self, path: &str, bytes: &Bytes) -> Result<Vec<String>> {
        if path != entry_path(self.position.epoch, self.position.slot + 1) {
            return Ok(Vec::new());
        }
        let (_, transactions) = decode_entry(bytes, path)?;
        let changes = transactions.into_iter().flat_map(|transaction| transaction.changes);
        let collected = changes.filter_map(|change| match change {
            crate::Change::Collect { paths, .. } => Some(paths),
            _ => None,
        });
        let collected = collected.flatten().collect();
        self.replay(path, bytes)?;
        Ok(collected)
    }

    /// Applies an entry read from the log.
    fn replay(&mut self, path: &str, bytes: &Bytes) -> Result<()> {
        let (header, transactions) = decode_entry(bytes, path)?;
        if header.previous != self.position.hash || header.version.0 != self.position.version.0 + 1 {
            return Err(Error::corrupt(format!("log entry \"{path}\" does not follow the entry before it")));
        }
        if header.seal {
            self.seal(bytes, header.committed_at_micros);
            return Ok(());
        }
        let mut snapshot = (*self.snapshot).clone();
        snapshot.version = header.version;
        snapshot.committed_at_micros = header.committed_at_micros;
        for transaction in &transactions {
            replay_transaction(&mut snapshot, transaction).map_err(|error| {
                Error::corrupt(format!("log entry \"{path}\" cannot be applied")).with_source(error)
            })?;
        }
        self.advance(Arc::new(snapshot), transactions.iter().map(|transaction| transaction.txn), bytes);
        Ok(())
    }
}

fn replay_transaction(snapshot: &mut Snapshot, transaction: &LoggedTransaction) -> Result<()> {
    transaction.changes.iter().try_for_each(|change| change.apply(snapshot))
}

/// What replaying found.
#[derive(Debug)]
struct Recovered {
    /// The state at the end of the log.
    tip: Tip,
    /// The checkpoint that replay began with.
    start: Option<(u64, u64)>,
    /// Checkpoints that turned out to be damaged.
    damaged: BTreeSet<(u64, u64)>,
}

/// The latest state, without taking over: writes nothing, disturbs no leader. Deletion bitmaps are not loaded.
pub(crate) async fn recover(store: &Store) -> Result<Tip> {
    for _ in 0..TAKE_OVERS_MAX {
        let recovered = replay(store, false).await?;
        if !recovered.is_stale(store).await? {
            return Ok(recovered.tip);
        }
    }
    Err(Error::unavailable("the log is truncated faster than it can be read"))
}

/// Reads a checkpoint (the newest, unless a stale hint is followed) and everything after it.
///
/// A replay from an older checkpoint can lead through a truncated gap onto the stray seal of an attempt that did the
/// same, and from there onto entries that do not follow. That is staleness, not damage, if a newer checkpoint exists.
async fn replay(store: &Store, follow_hint: bool) -> Result<Recovered> {
    let mut follow_hint = follow_hint;
    for _ in 0..TAKE_OVERS_MAX {
        let (start, damaged) = newest_checkpoint(store, follow_hint).await?;
        let start_place = start.as_ref().map(|body| (body.position.epoch, body.position.slot));
        let tip = start.map(Tip::from_checkpoint).unwrap_or_default();
        let mut recovered = Recovered { tip, start: start_place, damaged };
        match replay_log(store, &mut recovered.tip).await {
            Ok(()) => return Ok(recovered),
            Err(error) if error.kind() == Kind::Corrupt && recovered.is_stale(store).await? => follow_hint = false,
            Err(error) => return Err(error),
        }
    }
    Err(Error::unavailable("the log is truncated faster than it can be read"))
}

impl Recovered {
    /// Whether a newer checkpoint exists than the one that replay began with. Then an end that was found may be a gap
    /// that truncation made.
    async fn is_stale(&self, store: &Store) -> Result<bool> {
        let places = list_checkpoints(store).await?;
        Ok(places.into_iter().rfind(|place| !self.damaged.contains(place)) > self.start)
    }
}

/// Applies everything that follows the tip.
async fn replay_log(store: &Store, tip: &mut Tip) -> Result<()> {
    loop {
        let epoch = tip.position.epoch;
        let next = tip.position.slot + 1;
        let mut entries = stream::iter(next..)
            .map(|slot| async move {
                let path = entry_path(epoch, slot);
                let bytes = store.get(&path).await;
                (path, bytes)
            })
            .buffered(READ_AHEAD);
        while let Some((path, bytes)) = entries.next().await {
            match bytes {
                Ok(bytes) => tip.replay(&path, &bytes)?,
                Err(error) if error.kind() == Kind::NotFound => return Ok(()),
                Err(error) => return Err(error),
            }
            if tip.position.epoch != epoch {
                break;
            }
        }
    }
}

/// The newest readable checkpoint, and those that are damaged. The hint saves a listing; a stale one only costs time.
async fn newest_checkpoint(store: &Store, follow_hint: bool) -> Result<(Option<CheckpointBody>, BTreeSet<(u64, u64)>)> {
    let mut damaged = BTreeSet::new();
    if follow_hint
        && let Some(place) = read_hint(store).await
        && let Ok(body) = read_checkpoint(store, place).await
    {
        return Ok((Some(body), damaged));
    }
    loop {
        let found = list_checkpoints(store).await?;
        let Some(newest) = found.iter().rev().find(|place| !damaged.contains(*place)).copied() else {
            return if damaged.is_empty() {
                Ok((None, damaged))
            } else {
                Err(Error::corrupt("every checkpoint of the root is damaged"))
            };
        };
        match read_checkpoint(store, newest).await {
            Ok(body) => return Ok((Some(body), damaged)),
            // Deleted since it was listed: there is a newer one.
            Err(error) if error.kind() == Kind::NotFound => {}
            Err(error) if error.kind() == Kind::Corrupt => {
                tracing::warn!(%error, "falling back to an older checkpoint");
                damaged.insert(newest);
            }
            Err(error) => return Err(error),
        }
    }
}

async fn read_hint(store: &Store) -> Option<(u64, u64)> {
    let bytes = store.get(HINT).await.ok()?;
    parse_checkpoint_path(std::str::from_utf8(&bytes).ok()?)
}

/// The state of the hint's checkpoint: for a planted bug only.
#[cfg(test)]
pub(crate) async fn tip_of_hint(store: &Store) -> Option<Arc<Tip>> {
    let body = read_checkpoint(store, read_hint(store).await?).await.ok()?;
    Some(Arc::new(Tip::from_checkpoint(body)))
}

async fn read_checkpoint(store: &Store, (epoch, slot): (u64, u64)) -> Result<CheckpointBody> {
    let path = checkpoint_path(epoch, slot);
    decode_checkpoint(&store.get(&path).await?, &path)
}

/// Places of all checkpoints.
pub(super) async fn list_checkpoints(store: &Store) -> Result<BTreeSet<(u64, u64)>> {
    let listed = store.list("ckpt").await?;
    Ok(listed.iter().filter_map(|object| parse_checkpoint_path(&object.path)).collect())
}

/// Who takes over, and with what.
#[derive(Debug)]
pub(super) struct Successor<'a> {
    pub(super) store: &'a Store,
    pub(super) clock: &'a dyn Clock,
    pub(super) random: &'a Random,
    /// Identity of this process in the log.
    pub(super) writer: Uuid,
}

impl Successor<'_> {
    /// Ends the running epoch with a seal and so becomes the leader of the next one. With `expected`, the epoch to be
    /// ended must be that one: a leader that stepped down must not push out a successor.
    pub(super) async fn take_over(&self, expected: Option<u64>) -> Result<Tip> {
        for attempt in 0..TAKE_OVERS_MAX {
            let recovered = replay(self.store, attempt == 0).await?;
            // Seals of earlier attempts of our own may lie in between.
            let ours = |epoch| (epoch..=epoch + attempt).contains(&recovered.tip.position.epoch);
            if !expected.is_none_or(ours) {
                return Err(Error::fenced("another process has taken over the warehouse"));
            }
            if let Some(tip) = self.seal(recovered).await? {
                load_bitmaps(self.store, &tip.snapshot).await?;
                return Ok(tip);
            }
        }
        Err(Error::unavailable("other processes keep taking over the warehouse"))
    }

    /// Tries once; `None`: somebody else wrote there, or the replay began too early.
    async fn seal(&self, recovered: Recovered) -> Result<Option<Tip>> {
        // A replay that began too early may have come here through a truncated gap and a stray seal. Its seal would then
        // not fit the entry before it, and the log would be damaged for ever. If nothing newer exists now, nothing that
        // was read had been truncated.
        if !planted!(NoPreSealCheck) && recovered.is_stale(self.store).await? {
            return Ok(None);
        }
        let tip = &recovered.tip;
        let header = EntryHeader {
            epoch: tip.position.epoch,
            slot: tip.position.slot + 1,
            version: Version(tip.position.version.0 + 1),
            nonce: self.random.uuid(),
            writer: self.writer,
            committed_at_micros: self.clock.now_micros(),
            previous: tip.position.hash,
            seal: true,
            transactions: 0,
        };
        let bytes = encode_entry(&header, &[])?;
        match self.store.put_if_absent(&entry_path(header.epoch, header.slot), bytes.clone()).await {
            Ok(()) => {}
            Err(error) if error.kind() == Kind::Exists => return Ok(None),
            Err(error) => return Err(Error::unavailable("cannot take over the log").with_source(error)),
        }
        if planted!(NoPostSealCheck) {
            let mut tip = recovered.tip;
            tip.seal(&bytes, header.committed_at_micros);
            return Ok(Some(tip));
        }
        // The slot may have been free because it had been truncated meanwhile. Then a newer checkpoint exists, and this
        // seal is a stray.
        if recovered.is_stale(self.store).await? {
            return Ok(None);
        }
        let mut tip = recovered.tip;
        tip.seal(&bytes, header.committed_at_micros);
        Ok(Some(tip))
    }
}

/// Loads the deletion bitmaps that live parts need, so that scans and conflict checks find them in memory.
async fn load_bitmaps(store: &Store, snapshot: &Snapshot) -> Result<()> {
    let sets: Vec<Arc<DeleteSet>> = snapshot
        .tables
        .values()
        .flat_map(|table| table.parts.values())
        .flat_map(|part| part.deletes.iter())
        .filter(|set| set.bitmap.get().is_none())
        .cloned()
        .collect();
    let loads = sets.into_iter().map(|set| async move { load_bitmap(store, &set).await });
    stream::iter(loads).buffer_unordered(BITMAPS_AT_A_TIME).try_collect::<()>().await
}

async fn load_bitmap(store: &Store, set: &DeleteSet) -> Result<()> {
    match &set.body {
        DeleteBody::Inline(bytes) => set.load(bytes, "in the log"),
        DeleteBody::Object { path, .. } => set.load(&store.get(path).await?, path),
    }
}
