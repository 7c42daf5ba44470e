//! Knows what is true: follows the log as entries land on the store, and judges what the processes say and do.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use xxhash_rust::xxh3::xxh3_64;

use super::rows::{ACCOUNTS, BALANCE, Found};
use crate::catalog::snapshot::Snapshot;
use crate::commit::Tip;
use crate::id::{TxnId, Version};

/// Counters, to see that a run was eventful.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Events {
    pub(super) acknowledged: u64,
    pub(super) conflicts: u64,
    pub(super) unknown: u64,
    pub(super) refused: u64,
    pub(super) crashes: u64,
    pub(super) take_overs: u64,
    pub(super) fenced: u64,
    pub(super) objects_deleted: u64,
    pub(super) entries_deleted: u64,
    pub(super) snapshots_checked: u64,
    pub(super) too_old: u64,
}

/// The contents of the six tables, in the order of `rows::TABLES`.
pub(super) type Contents = Vec<Found>;

/// The oracle.
#[derive(Debug, Default)]
pub(super) struct Oracle {
    /// The state that the log on the store describes.
    pub(super) tip: Tip,
    pub(super) events: Events,
    collected: BTreeSet<String>,
    versions: BTreeMap<Version, u64>,
    owners: BTreeMap<u64, usize>,
    acknowledged: BTreeMap<u64, Version>,
    aborted: BTreeSet<u64>,
    next_marker: u64,
    violation: Option<String>,
}

impl Oracle {
    /// The first violation.
    pub(super) fn violation(&self) -> Option<&str> {
        self.violation.as_deref()
    }

    /// Records a violation; the first stays.
    pub(super) fn violate(&mut self, what: impl Into<String>) {
        self.violation.get_or_insert_with(|| what.into());
    }

    fn expect(&mut self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.violate(what());
        }
    }

    /// A number that a transaction writes into both journals.
    pub(super) fn marker(&mut self) -> u64 {
        self.next_marker += 1;
        self.next_marker
    }

    /// An object came into being.
    pub(super) fn created(&mut self, path: &str, bytes: &Bytes) {
        match self.tip.observe(path, bytes) {
            Ok(paths) => self.collected.extend(paths),
            Err(error) => self.violate(format!("I11: an entry that cannot be replayed: {error}")),
        }
    }

    /// An object was put without a condition.
    pub(super) fn overwritten(&mut self, path: &str, old: Option<&Bytes>, new: &Bytes) {
        if path.starts_with("log/") {
            self.expect(old.is_none_or(|old| old == new), || format!("I5: \"{path}\" was overwritten"));
            if old.is_none() {
                self.created(path, new);
            }
        }
    }

    /// An object went.
    pub(super) fn deleted(&mut self, path: &str) {
        if !path.starts_with("data/") {
            self.events.entries_deleted += 1;
            return;
        }
        self.events.objects_deleted += 1;
        self.expect(self.collected.contains(path), || format!("I10: \"{path}\" was deleted but not collected"));
        let parts = self.tip.snapshot.tables.values().flat_map(|table| table.parts.values());
        let needed = parts.flat_map(|part| part.paths()).any(|other| other == path);
        self.expect(!needed, || format!("I6: \"{path}\" was deleted but is needed by the latest version"));
    }

    /// A process says that it owns an epoch.
    pub(super) fn owns(&mut self, process: usize, epoch: u64) {
        self.events.take_overs += 1;
        let owner = *self.owners.entry(epoch).or_insert(process);
        self.expect(owner == process, || format!("I5: epoch {epoch} is owned by processes {owner} and {process}"));
    }

    /// A process shows a version.
    pub(super) fn sees(&mut self, snapshot: &Snapshot) {
        let bytes = rmp_serde::to_vec_named(snapshot).unwrap_or_default();
        let hash = xxh3_64(&bytes);
        let first = *self.versions.entry(snapshot.version).or_insert(hash);
        self.expect(first == hash, || format!("I4: version {} has two contents", snapshot.version));
    }

    /// A process acknowledged a transaction.
    pub(super) fn acknowledge(&mut self, marker: u64, txn: TxnId, version: Version) {
        self.events.acknowledged += 1;
        let found = self.tip.committed(txn);
        self.expect(found == Some(version), || {
            format!("I1: transaction {marker} was acknowledged as version {version}, the log says {found:?}")
        });
        self.acknowledged.insert(marker, version);
    }

    /// A process reported that a transaction did not commit.
    pub(super) fn abort(&mut self, marker: u64, txn: TxnId) {
        let found = self.tip.committed(txn);
        self.expect(found.is_none(), || format!("I2: transaction {marker} was reported as aborted but is {found:?}"));
        self.aborted.insert(marker);
    }

    /// Judges what the tables hold at a version.
    pub(super) fn check_contents(&mut self, version: Version, contents: &Contents) {
        self.events.snapshots_checked += 1;
        let [bank_a, bank_b, journal_a, journal_b, ingested, offset] = contents.as_slice() else { return };
        self.check_bank(version, bank_a, bank_b);
        self.check_journals(version, journal_a, journal_b);
        let once = ingested.values().all(|rows| rows.len() == 1);
        let next = offset.get(&0).and_then(|rows| rows.first()).map(|row| row.0);
        let contiguous = ingested.keys().copied().eq(0..ingested.len() as u64);
        let counted = next == i64::try_from(ingested.len()).ok() && offset.len() == 1;
        self.expect(once && contiguous && counted, || {
            format!("I8: version {version} has {} offsets, the mark says {next:?}", ingested.len())
        });
    }

    fn check_bank(&mut self, version: Version, a: &Found, b: &Found) {
        let keys = a.keys().copied().eq(0..ACCOUNTS) && b.keys().copied().eq(ACCOUNTS..2 * ACCOUNTS);
        let rows: Vec<i64> = a.values().chain(b.values()).flatten().map(|row| row.0).collect();
        let accounts = 2 * ACCOUNTS;
        let once = rows.len() as u64 == accounts;
        let sum: i64 = rows.iter().sum();
        let expected = BALANCE * accounts.cast_signed();
        self.expect(keys && once && sum == expected, || {
            format!("I7: version {version} has {} accounts with {sum}, not {accounts} with {expected}", rows.len())
        });
    }

    fn check_journals(&mut self, version: Version, a: &Found, b: &Found) {
        self.expect(a.keys().eq(b.keys()), || format!("I3: version {version} has half of a transaction"));
        let twice = a.values().chain(b.values()).any(|rows| rows.len() != 1);
        self.expect(!twice, || format!("I7: version {version} has a transaction twice"));
        let lost = self.acknowledged.iter().find(|(marker, at)| **at <= version && !a.contains_key(marker));
        if let Some((marker, at)) = lost {
            let what = format!("I1: transaction {marker}, acknowledged as version {at}, is not in version {version}");
            self.violate(what);
        }
        if let Some(ghost) = self.aborted.iter().find(|marker| a.contains_key(marker)) {
            let what = format!("I2: transaction {ghost}, reported as aborted, is in version {version}");
            self.violate(what);
        }
    }
}
