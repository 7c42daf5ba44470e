//! The same work through the whole crate: transactions, appenders, scans with row addresses, deletions, flushes.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, UInt64Type};
use arrow_array::{ArrayRef, Int64Array, RecordBatch, UInt64Array};
use arrow_schema::{DataType, Field, Schema};
use futures::TryStreamExt;
use tokio::task::JoinSet;

use super::actor::{Process, repeat};
use super::rows::{
    ACCOUNTS, BALANCE, BANK_A, BANK_B, Found, INGESTED, JOURNAL_A, JOURNAL_B, OFFSET, Row, TABLES, create_tables,
};
use crate::catalog::snapshot::Snapshot;
use crate::catalog::value::Value;
use crate::error::{Error, Result};
use crate::id::{ColumnId, PartId, TableId};
use crate::predicate::{Comparison, Predicate};
use crate::table::request::ScanRequest;
use crate::temporary::TemporarySpace;
use crate::transaction::Transaction;
use crate::warehouse::Warehouse;

const KEY: ColumnId = ColumnId(1);
const VALUE: ColumnId = ColumnId(2);

/// A row and its address.
type Addressed = (Row, u64);

/// Makes the tables and the first rows.
pub(super) async fn found(warehouse: &Arc<Warehouse>) -> Result<()> {
    let mut transaction = warehouse.begin(&TemporarySpace::default());
    for change in create_tables() {
        transaction.stage(change)?;
    }
    for (table, keys) in [(BANK_A, 0..ACCOUNTS), (BANK_B, ACCOUNTS..2 * ACCOUNTS)] {
        let rows: Vec<Row> = keys.map(|key| (key, BALANCE)).collect();
        transaction.append(table, vec![batch(&rows)?]).await?;
    }
    transaction.append(OFFSET, vec![batch(&[(0, 0)])?]).await?;
    transaction.commit().await.map(|_| ())
}

fn batch(rows: &[Row]) -> Result<RecordBatch> {
    let field = |name: &str| Field::new(name, DataType::Int64, true);
    let keys: Int64Array = rows.iter().map(|row| row.0.cast_signed()).collect::<Vec<_>>().into();
    let values: Int64Array = rows.iter().map(|row| row.1).collect::<Vec<_>>().into();
    let columns: Vec<ArrayRef> = vec![Arc::new(keys), Arc::new(values)];
    Ok(RecordBatch::try_new(Arc::new(Schema::new(vec![field("key"), field("value")])), columns)?)
}

/// Rows of a table as a snapshot shows them; all, or those of one key.
async fn scan(
    warehouse: &Arc<Warehouse>,
    snapshot: &Arc<Snapshot>,
    table: TableId,
    key: Option<u64>,
) -> Result<Vec<Addressed>> {
    let mut request = ScanRequest::new(vec![KEY, VALUE]);
    request.row_addresses = true;
    if let Some(key) = key {
        request.predicate =
            Predicate::Compare { column: KEY, op: Comparison::Equal, value: Value::Int(key.cast_signed()) };
    }
    let scan = warehouse.scan(snapshot, table, request)?;
    let mut rows = Vec::new();
    for partition in 0..scan.partitions() {
        let batches: Vec<RecordBatch> = scan.open(partition)?.try_collect().await?;
        for batch in batches {
            let (keys, values) =
                (batch.column(0).as_primitive::<Int64Type>(), batch.column(1).as_primitive::<Int64Type>());
            let addresses = batch.column(2).as_primitive::<UInt64Type>();
            rows.extend(
                (0..batch.num_rows())
                    .map(|row| ((keys.value(row).cast_unsigned(), values.value(row)), addresses.value(row))),
            );
        }
    }
    Ok(rows)
}

/// The visible rows of a table by key, without their places.
pub(super) async fn read(warehouse: &Arc<Warehouse>, snapshot: &Arc<Snapshot>, table: TableId) -> Result<Found> {
    let mut found = Found::new();
    for ((key, value), _) in scan(warehouse, snapshot, table, None).await? {
        found.entry(key).or_default().push((value, PartId(uuid::Uuid::nil()), 0));
    }
    Ok(found)
}

impl Process {
    /// Starts everything that a process does.
    pub(super) fn start_warehouse(self: &Arc<Self>, tasks: &mut JoinSet<()>) {
        for _ in 0..2 {
            tasks.spawn(repeat(Arc::clone(self), 2_000, Process::transfer_rows));
        }
        tasks.spawn(repeat(Arc::clone(self), 2_000, Process::ingest_rows));
        tasks.spawn(repeat(Arc::clone(self), 2_000, Process::flush));
        tasks.spawn(repeat(Arc::clone(self), 2_000, Process::look));
        tasks.spawn(repeat(Arc::clone(self), 3_000, Process::collect));
        tasks.spawn(repeat(Arc::clone(self), 2_500, Process::checkpoint));
    }

    fn begin_rows(&self) -> Result<(Arc<Warehouse>, Transaction)> {
        let warehouse = self.warehouse.clone().ok_or_else(|| Error::internal("no warehouse in this run"))?;
        let transaction = warehouse.begin(&TemporarySpace::default());
        self.cloud.oracle(|oracle| oracle.sees(transaction.base()));
        Ok((warehouse, transaction))
    }

    /// Appends inline or as a segment.
    async fn append_rows(&self, transaction: &mut Transaction, table: TableId, rows: &[Row]) -> Result<()> {
        if self.cloud.one_in(3) {
            let mut appender = transaction.appender(table)?;
            appender.write(batch(rows)?).await?;
            let appended = appender.finish().await?;
            transaction.finish_append(appended)?;
        } else {
            transaction.append(table, vec![batch(rows)?]).await?;
        }
        Ok(())
    }

    /// The one row of a key, as the transaction sees it.
    async fn row(&self, warehouse: &Arc<Warehouse>, own: &Transaction, table: TableId, key: u64) -> Result<Addressed> {
        let found = self.judge_read(scan(warehouse, &own.snapshot(), table, Some(key)).await, own.base().version)?;
        match found.as_slice() {
            [one] => Ok(*one),
            other => {
                let (count, version) = (other.len(), own.base().version);
                self.cloud.oracle(|oracle| oracle.violate(format!("I7: key {key} has {count} rows at {version}")));
                Err(Error::internal("not one row"))
            }
        }
    }

    async fn transfer_rows(&self) -> Result<()> {
        let (warehouse, mut transaction) = self.begin_rows()?;
        let from = self.cloud.below(2 * ACCOUNTS);
        let to = (from + 1 + self.cloud.below(2 * ACCOUNTS - 1)) % (2 * ACCOUNTS);
        let amount = 1 + self.cloud.below(20).cast_signed();
        for (key, change) in [(from, -amount), (to, amount)] {
            let table = if key < ACCOUNTS { BANK_A } else { BANK_B };
            let ((_, balance), address) = self.row(&warehouse, &transaction, table, key).await?;
            transaction.delete(table, &UInt64Array::from(vec![address])).await?;
            self.append_rows(&mut transaction, table, &[(key, balance + change)]).await?;
        }
        self.commit_rows(transaction).await
    }

    async fn ingest_rows(&self) -> Result<()> {
        let (warehouse, mut transaction) = self.begin_rows()?;
        let ((_, next), address) = self.row(&warehouse, &transaction, OFFSET, 0).await?;
        let messages = 1 + self.cloud.below(3);
        let offsets = next.cast_unsigned()..next.cast_unsigned() + messages;
        let rows: Vec<Row> = offsets.map(|offset| (offset, 1)).collect();
        self.append_rows(&mut transaction, INGESTED, &rows).await?;
        transaction.delete(OFFSET, &UInt64Array::from(vec![address])).await?;
        self.append_rows(&mut transaction, OFFSET, &[(0, next + messages.cast_signed())]).await?;
        self.commit_rows(transaction).await
    }

    async fn commit_rows(&self, mut transaction: Transaction) -> Result<()> {
        let marker = self.cloud.oracle(|oracle| oracle.marker());
        self.append_rows(&mut transaction, JOURNAL_A, &[(marker, 0)]).await?;
        let savepoint = transaction.savepoint();
        self.append_rows(&mut transaction, JOURNAL_B, &[(marker + 1_000_000, 0)]).await?;
        transaction.rollback_to(&savepoint);
        self.append_rows(&mut transaction, JOURNAL_B, &[(marker, 0)]).await?;
        let txn = transaction.id();
        let outcome = transaction.commit().await.map(|committed| committed.version);
        self.judge_commit(marker, txn, &outcome);
        outcome.map(|_| ())
    }

    async fn flush(&self) -> Result<()> {
        let Some(warehouse) = &self.warehouse else { return Ok(()) };
        let table = TABLES[usize::try_from(self.cloud.below(6)).unwrap_or_default()];
        let outcome = warehouse.flush(Some(table)).await;
        self.judge_maintenance("a flush", &outcome);
        outcome
    }
}
