//! A transaction: changes staged on an own snapshot, then committed as one entry of the log, or forgotten.
//!
//! Isolation is snapshot isolation over all tables. A transaction reads the snapshot of its begin with its own changes on
//! top. At commit the log checks it against everything committed since: two deletions of one row conflict (first
//! committer wins), two appends never do, a change of a table's definition conflicts with every write that saw another
//! definition. DDL is transactional like everything else.
//!
//! Temporary tables are changes like others, but live in a [`TemporarySpace`] of the session and never reach the log.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::{RecordBatch, UInt64Array};

use crate::catalog::change::Change;
use crate::catalog::snapshot::Snapshot;
use crate::catalog::table::Table;
use crate::commit::{CommitRequest, OpenTransaction};
use crate::error::{Error, Result};
use crate::id::{ColumnId, SchemaId, TableId, TxnId, Version};
use crate::table::append::{Appended, Appender};
use crate::table::delete;
use crate::table::join::join_chunks;
use crate::temporary::{Hold, TemporaryScope, TemporarySpace};
use crate::warehouse::Warehouse;

/// Staged changes and the snapshot that they lead to. Dropping it rolls back.
#[derive(Debug)]
pub struct Transaction {
    warehouse: Arc<Warehouse>,
    open: Arc<OpenTransaction>,
    own: Arc<Snapshot>,
    temporary: TemporarySpace,
    temporary_schema: Option<SchemaId>,
    temporary_changed: bool,
    /// What the log will get, in order.
    changes: Vec<Change>,
    /// Marks of identity columns; staged when the transaction commits.
    identities: BTreeMap<(TableId, ColumnId), i64>,
    /// Writers of objects of temporary tables.
    holds: Vec<Hold>,
}

/// A point inside a transaction to which it can return.
#[derive(Debug, Clone)]
pub struct Savepoint {
    transaction: TxnId,
    changes: usize,
    own: Arc<Snapshot>,
    temporary_schema: Option<SchemaId>,
    temporary_changed: bool,
}

/// What a commit came to.
#[derive(Debug, Clone)]
pub struct Committed {
    /// The first version that shows the changes; the version of the base where there were none to log.
    pub version: Version,
    /// The session's temporary objects from now on.
    pub temporary: TemporarySpace,
}

impl Transaction {
    pub(crate) fn begin(warehouse: Arc<Warehouse>, temporary: &TemporarySpace) -> Self {
        let open = warehouse.log().begin();
        let own = temporary.overlay(open.base());
        warehouse.derive(&own, &open);
        Self {
            warehouse,
            open,
            own,
            temporary: temporary.clone(),
            temporary_schema: temporary.schema(),
            temporary_changed: false,
            changes: Vec::new(),
            identities: BTreeMap::new(),
            holds: Vec::new(),
        }
    }

    /// The transaction's id, under which its commit is known for ever.
    pub fn id(&self) -> TxnId {
        self.open.txn()
    }

    /// The snapshot as of begin.
    pub fn base(&self) -> &Arc<Snapshot> {
        self.open.base()
    }

    /// The snapshot that statements of this transaction read: that of begin with the session's temporary objects and the
    /// transaction's own changes.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.own)
    }

    /// A fresh id for an object of any kind.
    pub fn new_id(&mut self) -> u32 {
        self.warehouse.new_id()
    }

    /// Stages a change, or says why it cannot be made.
    pub fn stage(&mut self, change: Change) -> Result<()> {
        if matches!(change, Change::Collect { .. }) {
            return Err(Error::internal("garbage collection is not a transaction"));
        }
        let temporary = match self.temporary_schema {
            None => false,
            Some(schema) => TemporaryScope { snapshot: &self.own, schema }.contains(&change)?,
        };
        let mut next = Snapshot::clone(&self.own);
        change.apply(&mut next)?;
        self.own = Arc::new(next);
        self.warehouse.derive(&self.own, &self.open);
        if temporary {
            self.temporary_changed = true;
        } else {
            self.changes.push(change);
        }
        Ok(())
    }

    /// Opens a writer of a table as this transaction sees it. Hand what it finishes with to
    /// [`Transaction::finish_append`].
    pub fn appender(&self, table: TableId) -> Result<Appender> {
        let table = self.table(table)?;
        let writer = self.writer_of(&table);
        Ok(Appender::new(Arc::clone(self.warehouse.output()), table, writer))
    }

    /// Stages what an appender wrote. Answers the number of rows.
    pub fn finish_append(&mut self, appended: Appended) -> Result<u64> {
        let rows = appended.rows();
        let table = appended.table();
        let target = self.table(table)?;
        let temporary = Some(target.schema) == self.temporary_schema;
        if !temporary && appended.transaction.txn() != self.id() {
            return Err(Error::internal("rows were appended for another transaction"));
        }
        if target.columns != appended.table.columns {
            return Err(Error::internal("the table's columns changed while rows were appended"));
        }
        if temporary {
            self.holds.push((table, appended.transaction));
        }
        if !appended.parts.is_empty() {
            self.stage(Change::Append { table, parts: appended.parts })?;
        }
        Ok(rows)
    }

    /// Appends some batches at once; see [`Appender::write`] for their form. Answers the number of rows.
    pub async fn append(&mut self, table: TableId, batches: Vec<RecordBatch>) -> Result<u64> {
        let mut appender = self.appender(table)?;
        for batch in batches {
            appender.write(batch).await?;
        }
        let appended = appender.finish().await?;
        self.finish_append(appended)
    }

    /// Deletes rows by the addresses that a scan of [`Transaction::snapshot`] gave (see
    /// [`crate::ScanRequest::row_addresses`]). An address that occurs twice counts once. Answers the number of rows.
    pub async fn delete(&mut self, table: TableId, addresses: &UInt64Array) -> Result<u64> {
        let target = self.table(table)?;
        let writer = self.writer_of(&target);
        let mut deleted = 0;
        for deletion in delete::group(&target, addresses)? {
            let rows = deletion.rows.len();
            let set = deletion.store(self.warehouse.output(), table, &writer).await?;
            self.stage(Change::Delete { table, part: deletion.part, rows: Arc::new(set) })?;
            deleted += rows;
        }
        if Some(target.schema) == self.temporary_schema {
            self.holds.push((table, writer));
        }
        Ok(deleted)
    }

    /// Hands out `count` values of an identity column and answers the first; the others follow at the column's step.
    pub fn reserve_identity(&mut self, table: TableId, column: ColumnId, count: u64) -> Result<i64> {
        let mine = self.table(table)?;
        let definition = mine.column(column);
        let stored = definition.and_then(|column| column.identity);
        let (Some(definition), Some(mut stored)) = (definition, stored) else {
            return Err(Error::internal(format!(
                "column {column} of table \"{}\" is not an identity column",
                mine.name
            )));
        };
        // Another transaction may have moved the mark since this one began.
        let newest = self.warehouse.snapshot();
        let newest =
            newest.tables.get(&table).and_then(|table| table.column(column)).and_then(|column| column.identity);
        if let Some(newest) = newest {
            let ahead = if stored.step > 0 { newest.next > stored.next } else { newest.next < stored.next };
            stored.next = if ahead { newest.next } else { stored.next };
        }
        let reserved = self.warehouse.identities().reserve(table, definition, &stored, count)?;
        self.identities.insert((table, column), reserved.next);
        Ok(reserved.first)
    }

    /// The schema that holds the session's temporary objects, made on first use.
    pub fn temporary_schema(&mut self) -> SchemaId {
        if let Some(schema) = self.temporary_schema {
            return schema;
        }
        let id = SchemaId(self.new_id());
        let schema = Arc::new(self.temporary.new_schema(id, self.open.base()));
        let mut next = Snapshot::clone(&self.own);
        next.schema_names.insert((schema.database, schema.name.clone()), schema.id);
        next.schemas.insert(schema.id, Arc::clone(&schema));
        self.own = Arc::new(next);
        self.warehouse.derive(&self.own, &self.open);
        self.temporary_schema = Some(schema.id);
        schema.id
    }

    /// Remembers this point.
    pub fn savepoint(&self) -> Savepoint {
        Savepoint {
            transaction: self.id(),
            changes: self.changes.len(),
            own: Arc::clone(&self.own),
            temporary_schema: self.temporary_schema,
            temporary_changed: self.temporary_changed,
        }
    }

    /// Forgets everything staged since the savepoint, which stays usable. One of another transaction is ignored.
    pub fn rollback_to(&mut self, savepoint: &Savepoint) {
        debug_assert_eq!(savepoint.transaction, self.id(), "a savepoint belongs to one transaction");
        if savepoint.transaction != self.id() || savepoint.changes > self.changes.len() {
            return;
        }
        self.changes.truncate(savepoint.changes);
        self.own = Arc::clone(&savepoint.own);
        self.temporary_schema = savepoint.temporary_schema;
        self.temporary_changed = savepoint.temporary_changed;
        // What was written since is garbage, except that values of identity columns are never handed out again.
    }

    /// Whether a commit would change anything.
    pub fn has_changes(&self) -> bool {
        self.temporary_changed || !self.changes.is_empty()
    }

    /// Makes the changes durable and visible, all or none.
    ///
    /// # Cancellation
    /// Dropping the future does not stop a commit that was already handed to the log; its outcome is then known only to
    /// the log.
    pub async fn commit(mut self) -> Result<Committed> {
        let changes = self.take_changes();
        let changes = join_chunks(changes, &self.own, self.warehouse.output(), &self.open).await?;
        let holds = std::mem::take(&mut self.holds);
        let temporary = self.temporary.after(&self.own, self.temporary_schema, holds);
        if changes.is_empty() {
            return Ok(Committed { version: self.base().version, temporary });
        }
        let request = CommitRequest { transaction: Arc::clone(&self.open), changes };
        let version = self.warehouse.log().commit(request).await?;
        Ok(Committed { version, temporary })
    }

    /// Forgets everything. What was written becomes garbage.
    pub async fn rollback(self) {
        drop(self);
    }

    fn take_changes(&mut self) -> Vec<Change> {
        let mut changes = std::mem::take(&mut self.changes);
        for ((table, column), next) in std::mem::take(&mut self.identities) {
            let still_there = self.own.tables.get(&table).is_some_and(|table| {
                Some(table.schema) != self.temporary_schema
                    && table.column(column).is_some_and(|column| column.identity.is_some())
            });
            if still_there {
                changes.push(Change::AdvanceIdentity { table, column, next });
            }
        }
        changes
    }

    /// Under whose name objects of a table are written. Those of temporary tables outlive the transaction, so each
    /// writer of one stands for itself.
    fn writer_of(&self, table: &Table) -> Arc<OpenTransaction> {
        if Some(table.schema) == self.temporary_schema { self.warehouse.log().hold() } else { Arc::clone(&self.open) }
    }

    fn table(&self, table: TableId) -> Result<Arc<Table>> {
        let found = self.own.tables.get(&table).cloned();
        found.ok_or_else(|| Error::not_found(format!("table {table} does not exist")))
    }
}
