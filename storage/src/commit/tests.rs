//! The log on a store in memory, with single scripted faults; random ones are the simulator's.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use object_store::memory::InMemory;
use parking_lot::Mutex;

use super::format::{
    CheckpointBody, LoggedTransaction, Position, decode_checkpoint, encode_checkpoint, encode_transaction,
};
use super::recover::Tip;
use super::*;
use crate::Change;
use crate::catalog::snapshot::{SettingScope, Snapshot};
use crate::clock::{Random, SystemClock};
use crate::error::{Kind, Result};
use crate::id::{TxnId, Version};
use crate::limit::ENTRY_BYTES_MAX;
use crate::object::{Backend, Fault, FaultKind, Listed, RemoteBackend, RetryPolicy, Store};

/// Memory whose next create below `log/` can be made to fail.
#[derive(Debug)]
struct Faulty {
    inner: RemoteBackend<InMemory>,
    /// The fault, and whether the object is written nevertheless.
    next: Mutex<Option<(FaultKind, bool)>>,
}

impl Faulty {
    fn new() -> Arc<Self> {
        Arc::new(Self { inner: RemoteBackend::new(InMemory::new(), ""), next: Mutex::new(None) })
    }

    fn fail_next(&self, kind: FaultKind, written: bool) {
        *self.next.lock() = Some((kind, written));
    }
}

#[async_trait]
impl Backend for Faulty {
    async fn put_new(&self, path: &str, bytes: Bytes) -> Result<(), Fault> {
        let fault = if path.starts_with("log/") { self.next.lock().take() } else { None };
        match fault {
            None => self.inner.put_new(path, bytes).await,
            Some((kind, written)) => {
                if written {
                    self.inner.put_new(path, bytes).await?;
                }
                Err(Fault::new(kind, "scripted"))
            }
        }
    }
    async fn put(&self, path: &str, bytes: Bytes) -> Result<(), Fault> {
        self.inner.put(path, bytes).await
    }
    async fn get(&self, path: &str) -> Result<Bytes, Fault> {
        self.inner.get(path).await
    }
    async fn get_range(&self, path: &str, range: Range<u64>) -> Result<Bytes, Fault> {
        self.inner.get_range(path, range).await
    }
    async fn list(&self, folder: &str) -> Result<Vec<Listed>, Fault> {
        self.inner.list(folder).await
    }
    async fn delete(&self, path: &str) -> Result<(), Fault> {
        self.inner.delete(path).await
    }
}

fn store_on(backend: &Arc<Faulty>) -> Store {
    let backend: Arc<dyn Backend> = Arc::<Faulty>::clone(backend);
    Store::new(backend, Arc::new(Random::new(None)), RetryPolicy::default())
}

async fn open(backend: &Arc<Faulty>) -> Arc<CommitLog> {
    let random = Arc::new(Random::new(None));
    CommitLog::open(store_on(backend), Arc::new(SystemClock), random, LogOptions::default()).await.unwrap()
}

fn setting(name: &str, value: &str) -> Change {
    Change::PutSetting { scope: SettingScope::System, name: name.to_owned(), value: Some(value.to_owned()) }
}

async fn put(log: &CommitLog, name: &str, value: &str) -> Result<Version> {
    log.commit(CommitRequest { transaction: log.begin(), changes: vec![setting(name, value)] }).await
}

fn value(snapshot: &Snapshot, name: &str) -> Option<String> {
    snapshot.settings.get(&(SettingScope::System, name.to_owned())).cloned()
}

#[tokio::test]
async fn commits_survive_and_the_former_owner_is_fenced() {
    let backend = Faulty::new();
    let first = open(&backend).await;
    let version = put(&first, "a", "1").await.unwrap();
    assert_eq!(first.snapshot().version, version, "acknowledged means visible");
    let second = open(&backend).await;
    assert_eq!(value(&second.snapshot(), "a").as_deref(), Some("1"));
    assert!(second.epoch() > first.epoch());
    put(&second, "b", "2").await.unwrap();
    assert_eq!(put(&first, "c", "3").await.unwrap_err().kind(), Kind::Fenced);
    assert_eq!(put(&first, "c", "3").await.unwrap_err().kind(), Kind::Fenced);
    assert!(first.is_fenced());
    assert_eq!(value(&first.snapshot(), "a").as_deref(), Some("1"), "a fenced process still reads");
    assert!(first.checkpoint().await.is_err());
    let third = recover(&store_on(&backend)).await.unwrap();
    assert_eq!(third.snapshot, second.snapshot());
}

#[tokio::test]
async fn first_committer_wins_on_one_object() {
    let log = open(&Faulty::new()).await;
    let (one, two, three) = (log.begin(), log.begin(), log.begin());
    let change = |transaction, name: &str| CommitRequest { transaction, changes: vec![setting(name, "x")] };
    log.commit(change(one, "same")).await.unwrap();
    assert_eq!(log.commit(change(two, "same")).await.unwrap_err().kind(), Kind::Conflict);
    log.commit(change(three, "other")).await.unwrap();
}

#[tokio::test]
async fn waiting_commits_share_an_entry() {
    let log = open(&Faulty::new()).await;
    let before = log.snapshot().version;
    let names: Vec<String> = (0..200).map(|number| format!("name {number}")).collect();
    let versions = futures::future::join_all(names.iter().map(|name| put(&log, name, "x"))).await;
    assert!(versions.iter().all(Result::is_ok));
    assert!(log.snapshot().version.0 - before.0 <= 3, "{} entries", log.snapshot().version.0 - before.0);
    assert_eq!(log.snapshot().settings.len(), 200);
}

#[tokio::test]
async fn a_full_disk_loses_nothing_and_stops_nothing() {
    let backend = Faulty::new();
    let log = open(&backend).await;
    put(&log, "a", "1").await.unwrap();
    backend.fail_next(FaultKind::Full, false);
    assert_eq!(put(&log, "b", "2").await.unwrap_err().kind(), Kind::Full);
    put(&log, "c", "3").await.unwrap();
    let found = recover(&store_on(&backend)).await.unwrap();
    assert_eq!((value(&found.snapshot, "a"), value(&found.snapshot, "b")), (Some("1".to_owned()), None));
    assert_eq!(value(&found.snapshot, "c").as_deref(), Some("3"));
}

/// A failed fsync, with the entry there or not: the outcome is unknown until the log has been taken over anew.
async fn check_doubt(written: bool) {
    let backend = Faulty::new();
    let log = open(&backend).await;
    let (epoch, transaction) = (log.epoch(), log.begin());
    let txn = transaction.txn();
    backend.fail_next(FaultKind::Doubt, written);
    let request = CommitRequest { transaction, changes: vec![setting("a", "1")] };
    assert_eq!(log.commit(request).await.unwrap_err().kind(), Kind::OutcomeUnknown);
    assert_eq!(log.transaction_status(txn), TransactionStatus::Undecided);
    let stale = log.begin();
    assert_eq!(put(&log, "b", "2").await.unwrap_err().kind(), Kind::Unavailable, "stepped down");
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(log.epoch() > epoch, "leads again, in a new epoch");
    match log.transaction_status(txn) {
        TransactionStatus::Committed(_) => assert!(written),
        other => assert_eq!((other, written), (TransactionStatus::NotCommitted, false)),
    }
    assert_eq!(value(&log.snapshot(), "a").is_some(), written);
    let late = CommitRequest { transaction: stale, changes: vec![setting("c", "3")] };
    assert_eq!(log.commit(late).await.unwrap_err().kind(), Kind::Conflict, "its objects may be collected by now");
    put(&log, "b", "2").await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_failed_fsync_steps_down_and_the_outcome_gets_known() {
    check_doubt(true).await;
    check_doubt(false).await;
}

#[tokio::test(start_paused = true)]
async fn who_stepped_down_does_not_push_out_a_successor() {
    let backend = Faulty::new();
    let first = open(&backend).await;
    backend.fail_next(FaultKind::Doubt, true);
    assert_eq!(put(&first, "a", "1").await.unwrap_err().kind(), Kind::OutcomeUnknown);
    let second = open(&backend).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(first.is_fenced());
    put(&second, "b", "2").await.unwrap();
}

#[tokio::test]
async fn a_transaction_larger_than_an_entry_is_refused() {
    let log = open(&Faulty::new()).await;
    let large = "x".repeat(ENTRY_BYTES_MAX);
    assert_eq!(put(&log, "a", &large).await.unwrap_err().kind(), Kind::Limit);
    // Two that fit one by one but not together get an entry each.
    let half = "x".repeat(ENTRY_BYTES_MAX / 2);
    let (one, two) = futures::future::join(put(&log, "a", &half), put(&log, "b", &half)).await;
    assert_ne!(one.unwrap(), two.unwrap());
}

#[tokio::test]
async fn checkpoints_shorten_the_log_but_keep_seals() {
    let backend = Faulty::new();
    let store = store_on(&backend);
    for round in 0..5 {
        let log = open(&backend).await;
        for number in 0..10 {
            put(&log, &format!("{round}-{number}"), "x").await.unwrap();
        }
        log.checkpoint().await.unwrap();
        log.checkpoint().await.expect("of the same place");
        log.shutdown().await.unwrap();
        assert_eq!(put(&log, "late", "x").await.unwrap_err().kind(), Kind::Unavailable);
    }
    assert_eq!(store.list("ckpt").await.unwrap().len(), 2);
    let entries = store.list("log").await.unwrap();
    // Five seals (epochs 0 to 4), and what follows the older of the two checkpoints.
    assert!(entries.len() <= 5 + 10, "{entries:?}");
    let seals = [0, 1, 2, 3].map(|epoch| format!("log/{epoch:08}/"));
    assert!(seals.iter().all(|seal| entries.iter().any(|entry| entry.path.starts_with(seal.as_str()))), "{entries:?}");
    assert_eq!(recover(&store).await.unwrap().snapshot.settings.len(), 50);
}

#[tokio::test]
async fn a_damaged_checkpoint_costs_nothing() {
    let backend = Faulty::new();
    let store = store_on(&backend);
    let log = open(&backend).await;
    for name in ["a", "b"] {
        put(&log, name, "x").await.unwrap();
        log.checkpoint().await.unwrap();
    }
    put(&log, "c", "x").await.unwrap();
    let newest = store.list("ckpt").await.unwrap().pop().unwrap().path;
    let mut bytes = store.get(&newest).await.unwrap().to_vec();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    store.put_hint(&newest, bytes.into()).await.unwrap();
    assert_eq!(recover(&store).await.unwrap().snapshot, log.snapshot());
    let next = open(&backend).await;
    assert_eq!(next.snapshot().settings.len(), 3);
}

#[tokio::test]
async fn damaged_entries_stop_recovery_with_an_error() {
    let backend = Faulty::new();
    let store = store_on(&backend);
    let log = open(&backend).await;
    put(&log, "a", "x").await.unwrap();
    let path = "log/00000001/000000000001";
    let bytes = store.get(path).await.unwrap();
    for at in 0..bytes.len() {
        let mut damaged = bytes.to_vec();
        damaged[at] ^= 1 << (at % 8);
        store.put_hint(path, damaged.into()).await.unwrap();
        let error = recover(&store).await.unwrap_err();
        assert!(matches!(error.kind(), Kind::Corrupt | Kind::Invalid), "byte {at}: {error}");
    }
    for length in 0..bytes.len() {
        store.put_hint(path, bytes.slice(..length)).await.unwrap();
        assert_eq!(recover(&store).await.unwrap_err().kind(), Kind::Corrupt, "length {length}");
    }
    store.put_hint(path, bytes).await.unwrap();
    recover(&store).await.unwrap();
}

#[test]
fn a_damaged_checkpoint_is_an_error() {
    let body = CheckpointBody {
        position: Position { epoch: 3, slot: 7, version: Version(9), hash: [5; 32] },
        snapshot: Snapshot { version: Version(9), ..Snapshot::default() },
        recent: vec![(TxnId(uuid::Uuid::from_u128(1)), Version(8))],
    };
    let path = "ckpt/00000003-000000000007";
    let bytes = encode_checkpoint(&body).unwrap();
    assert_eq!(decode_checkpoint(&bytes, path).unwrap(), body);
    assert!(decode_checkpoint(&bytes, "ckpt/00000003-000000000008").is_err());
    for at in 0..bytes.len() {
        let mut damaged = bytes.to_vec();
        damaged[at] ^= 1 << (at % 8);
        assert!(decode_checkpoint(&damaged, path).is_err(), "byte {at}");
        assert!(decode_checkpoint(&bytes[..at], path).is_err(), "length {at}");
    }
}

#[test]
fn outcomes_of_recent_transactions_are_kept_in_bounds() {
    let mut tip = Tip::default();
    let txn = |number: u128| TxnId(uuid::Uuid::from_u128(number));
    for number in 0..10_000 {
        let snapshot = Snapshot { version: Version(number + 1), ..Snapshot::default() };
        tip.advance(Arc::new(snapshot), std::iter::once(txn(u128::from(number))), b"");
    }
    assert_eq!(tip.committed(txn(9_999)), Some(Version(10_000)));
    assert_eq!(tip.committed(txn(0)), None);
    assert_eq!(tip.to_checkpoint().recent.len(), crate::limit::RECENT_TRANSACTIONS_MAX);
}

#[tokio::test]
async fn a_commit_whose_caller_left_still_counts() {
    let log = open(&Faulty::new()).await;
    let transaction = log.begin();
    let txn = transaction.txn();
    let mut commit = Box::pin(log.commit(CommitRequest { transaction, changes: vec![setting("a", "1")] }));
    // Polled once: the commit is queued, its caller is then gone.
    assert!(futures::poll!(commit.as_mut()).is_pending());
    drop(commit);
    put(&log, "b", "2").await.unwrap();
    assert!(matches!(log.transaction_status(txn), TransactionStatus::Committed(_)));
}

/// Entries are read for ever: bytes that this version has written must not lose their meaning.
#[test]
fn transactions_are_maps_with_named_fields() {
    let transaction =
        LoggedTransaction { txn: TxnId(uuid::Uuid::nil()), base: Version(3), changes: vec![setting("a", "1")] };
    let bytes = encode_transaction(&transaction).unwrap();
    let text = String::from_utf8_lossy(&bytes);
    for name in ["txn", "base", "changes", "PutSetting", "scope", "name", "value"] {
        assert!(text.contains(name), "{name}");
    }
}
