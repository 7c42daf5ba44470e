//! What runs inside a process: writers, rewriters, readers, checkpoints, garbage collection.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::sleep;

use super::cloud::{Cloud, Wire};
use super::oracle::Contents;
use super::rows::{ACCOUNTS, BANK_A, BANK_B, INGESTED, JOURNAL_A, JOURNAL_B, OFFSET, Row, TABLES, Tables};
use super::warehouse;
use crate::Change;
use crate::catalog::change::TableAction;
use crate::catalog::snapshot::Snapshot;
use crate::catalog::table::SortKey;
use crate::clock::Random;
use crate::commit::{CommitLog, CommitRequest, OpenTransaction};
use crate::error::{Error, Kind, Result};
use crate::id::{ColumnId, PartId, TableId, TxnId, Version};
use crate::object::Store;
use crate::warehouse::Warehouse;

/// A running process.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) number: usize,
    pub(super) cloud: Arc<Cloud>,
    pub(super) wire: Arc<Wire>,
    pub(super) store: Store,
    pub(super) random: Arc<Random>,
    pub(super) log: Arc<CommitLog>,
    /// In runs of the whole crate.
    pub(super) warehouse: Option<Arc<Warehouse>>,
}

/// What a transaction has gathered.
struct Work {
    open: Arc<OpenTransaction>,
    changes: Vec<Change>,
}

impl Process {
    /// Starts everything that a process does.
    pub(super) fn start(self: &Arc<Self>, tasks: &mut JoinSet<()>) {
        if self.warehouse.is_some() {
            return self.start_warehouse(tasks);
        }
        for _ in 0..2 {
            tasks.spawn(repeat(Arc::clone(self), 400, Process::transfer));
        }
        tasks.spawn(repeat(Arc::clone(self), 400, Process::ingest));
        tasks.spawn(repeat(Arc::clone(self), 1_500, Process::rewrite));
        tasks.spawn(repeat(Arc::clone(self), 20_000, Process::redefine));
        for _ in 0..2 {
            tasks.spawn(repeat(Arc::clone(self), 2_000, Process::look));
        }
        tasks.spawn(repeat(Arc::clone(self), 3_000, Process::collect));
        tasks.spawn(repeat(Arc::clone(self), 1_500, Process::checkpoint));
    }

    fn tables(&self) -> Tables<'_> {
        Tables { log: &self.log, store: &self.store, random: &self.random }
    }

    fn begin(&self) -> Work {
        let open = self.log.begin();
        self.cloud.oracle(|oracle| oracle.sees(open.base()));
        Work { open, changes: Vec::new() }
    }

    fn inline(&self) -> bool {
        self.cloud.one_in(2)
    }

    async fn append(&self, work: &mut Work, table: TableId, rows: &[Row]) -> Result<()> {
        let part = self.tables().write(&work.open, table, rows, self.inline()).await?;
        work.changes.push(Change::Append { table, parts: vec![part] });
        Ok(())
    }

    async fn delete(&self, work: &mut Work, table: TableId, part: PartId, row: u32) -> Result<()> {
        let change = self.tables().delete(&work.open, table, (part, &[row]), self.inline()).await?;
        work.changes.push(change);
        Ok(())
    }

    /// Moves money between two accounts, which may be in two tables.
    async fn transfer(&self) -> Result<()> {
        let mut work = self.begin();
        let from = self.cloud.below(2 * ACCOUNTS);
        let to = (from + 1 + self.cloud.below(2 * ACCOUNTS - 1)) % (2 * ACCOUNTS);
        let amount = 1 + self.cloud.below(20).cast_signed();
        for (key, change) in [(from, -amount), (to, amount)] {
            let table = if key < ACCOUNTS { BANK_A } else { BANK_B };
            let found = self.tables().read(work.open.base(), table).await;
            let found = self.judge_read(found, work.open.base().version)?;
            let Some((balance, part, row)) = found.get(&key).and_then(|rows| rows.first()).copied() else {
                return Err(Error::not_found("an account is missing"));
            };
            self.delete(&mut work, table, part, row).await?;
            self.append(&mut work, table, &[(key, balance + change)]).await?;
        }
        self.commit(work).await
    }

    /// Takes the next messages of a source: rows and the new offset in one transaction.
    async fn ingest(&self) -> Result<()> {
        let mut work = self.begin();
        let found = self.tables().read(work.open.base(), OFFSET).await;
        let found = self.judge_read(found, work.open.base().version)?;
        let Some((next, part, row)) = found.get(&0).and_then(|rows| rows.first()).copied() else {
            return Err(Error::not_found("the offset is missing"));
        };
        let messages = 1 + self.cloud.below(3);
        let offsets = next.cast_unsigned()..next.cast_unsigned() + messages;
        let rows: Vec<Row> = offsets.map(|offset| (offset, 1)).collect();
        self.append(&mut work, INGESTED, &rows).await?;
        self.delete(&mut work, OFFSET, part, row).await?;
        self.append(&mut work, OFFSET, &[(0, next + messages.cast_signed())]).await?;
        self.commit(work).await
    }

    /// Commits with a journal row in two tables, and tells the oracle how it ended.
    async fn commit(&self, mut work: Work) -> Result<()> {
        let marker = self.cloud.oracle(|oracle| oracle.marker());
        self.append(&mut work, JOURNAL_A, &[(marker, 0)]).await?;
        self.append(&mut work, JOURNAL_B, &[(marker, 0)]).await?;
        let txn = work.open.txn();
        if self.cloud.one_in(8) {
            // A slow client between its last write and its commit.
            sleep(Duration::from_millis(self.cloud.below(10_000))).await;
        }
        let outcome = self.log.commit(CommitRequest { transaction: work.open, changes: work.changes }).await;
        self.judge_commit(marker, txn, &outcome);
        outcome.map(|_| ())
    }

    /// Tells the oracle how a commit ended.
    pub(super) fn judge_commit(&self, marker: u64, txn: TxnId, outcome: &Result<Version>) {
        self.cloud.note(format_args!("process {} transaction {marker}: {outcome:?}", self.number));
        self.cloud.oracle(|oracle| match outcome {
            Ok(version) => oracle.acknowledge(marker, txn, *version),
            Err(error) => match error.kind() {
                Kind::OutcomeUnknown => oracle.events.unknown += 1,
                Kind::Corrupt | Kind::Internal => oracle.violate(format!("a commit failed by {error}")),
                kind => {
                    oracle.events.conflicts += u64::from(kind == Kind::Conflict);
                    oracle.events.refused += u64::from(kind != Kind::Conflict);
                    oracle.abort(marker, txn);
                }
            },
        });
    }

    /// Rewrites parts of a table into one, as flush and clustering do.
    async fn rewrite(&self) -> Result<()> {
        let work = self.begin();
        let table = TABLES[usize::try_from(self.cloud.below(6)).unwrap_or_default()];
        let mut rows = Vec::new();
        let mut remove = Vec::new();
        for part in work.open.base().tables.get(&table).into_iter().flat_map(|table| table.parts.values()) {
            if self.cloud.one_in(5) {
                continue;
            }
            let visible = self.tables().visible(part).await;
            rows.extend(self.judge_read(visible, work.open.base().version)?.into_iter().map(|(_, row)| row));
            remove.push((part.id, part.deleted_rows()));
        }
        let mut add = Vec::new();
        if !rows.is_empty() {
            add.push(self.tables().write(&work.open, table, &rows, false).await?);
        }
        let change = Change::Replace { table, remove, add };
        let outcome = self.log.commit(CommitRequest { transaction: work.open, changes: vec![change] }).await;
        self.judge_maintenance("a rewrite", &outcome);
        Ok(())
    }

    /// Changes a definition, so that writers that saw the old one conflict.
    async fn redefine(&self) -> Result<()> {
        let work = self.begin();
        let sort_key = SortKey { columns: vec![ColumnId(1)], interleaved: self.inline(), auto: false };
        let change = Change::AlterTable { table: BANK_A, action: TableAction::Sort(sort_key) };
        let outcome = self.log.commit(CommitRequest { transaction: work.open, changes: vec![change] }).await;
        self.judge_maintenance("a redefinition", &outcome);
        Ok(())
    }

    /// Reads everything, holds the snapshot for a while, and reads it again.
    pub(super) async fn look(&self) -> Result<()> {
        let snapshot = self.log.snapshot();
        self.cloud.oracle(|oracle| oracle.sees(&snapshot));
        let first = self.contents(&snapshot).await?;
        self.cloud.oracle(|oracle| oracle.check_contents(snapshot.version, &first));
        sleep(Duration::from_millis(self.cloud.below(15_000))).await;
        let second = self.contents(&snapshot).await?;
        let same = first == second;
        self.cloud.oracle(|oracle| {
            oracle.sees(&snapshot);
            if !same {
                oracle.violate(format!("I9: version {} changed while it was held", snapshot.version));
            }
        });
        Ok(())
    }

    /// Everything that a snapshot shows.
    pub(super) async fn contents(&self, snapshot: &Arc<Snapshot>) -> Result<Contents> {
        let mut contents = Contents::new();
        for table in TABLES {
            let found = match &self.warehouse {
                Some(warehouse) => warehouse::read(warehouse, snapshot, table).await,
                None => self.tables().read(snapshot, table).await,
            };
            contents.push(self.judge_read(found, snapshot.version)?);
        }
        Ok(contents)
    }

    pub(super) async fn collect(&self) -> Result<()> {
        let outcome = self.log.collect_garbage().await;
        self.judge_maintenance("garbage collection", &outcome);
        Ok(())
    }

    pub(super) async fn checkpoint(&self) -> Result<()> {
        let outcome = self.log.checkpoint().await;
        self.judge_maintenance("a checkpoint", &outcome);
        Ok(())
    }

    pub(super) fn judge_maintenance<T>(&self, what: &str, outcome: &Result<T>) {
        if let Err(error) = outcome
            && matches!(error.kind(), Kind::Corrupt | Kind::Internal)
        {
            self.cloud.oracle(|oracle| oracle.violate(format!("{what} failed by {error}")));
        }
    }

    /// A missing object is allowed only to a process that has been replaced, below its successor's horizon.
    pub(super) fn judge_read<T>(&self, outcome: Result<T>, version: Version) -> Result<T> {
        if let Err(error) = &outcome {
            let epoch = self.log.epoch();
            self.cloud.oracle(|oracle| match error.kind() {
                Kind::NotFound | Kind::TooOld
                    if oracle.tip.position.epoch != epoch && version < oracle.tip.snapshot.horizon =>
                {
                    oracle.events.too_old += 1;
                }
                Kind::NotFound | Kind::TooOld | Kind::Corrupt | Kind::Internal => {
                    oracle.violate(format!("I6: version {version} cannot be read: {error}"));
                }
                _ => {}
            });
        }
        outcome
    }
}

/// Does something again and again, with pauses, until the process is fenced.
pub(super) async fn repeat<F: AsyncFn(&Process) -> Result<()>>(process: Arc<Process>, pause_millis: u64, act: F) {
    while !process.log.is_fenced() {
        sleep(Duration::from_millis(1 + process.cloud.below(pause_millis))).await;
        // What an error means was judged where it arose.
        let _judged = act(&process).await;
    }
}
