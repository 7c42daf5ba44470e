//! First committer wins.
//!
//! | change | conflicts when, since the transaction's base, … |
//! |---|---|
//! | rows of a table | its definition changed |
//! | DELETE | (by row, in `rows`) the part was rewritten or one of the rows was deleted |
//! | TRUNCATE | rows were deleted or rewritten, or (in `rows`) parts were added |
//! | definition of a table | its definition, name, owner, rights or comment changed |
//! | any other object | that object changed |
//!
//! Two appends never conflict. What else can fail (a name taken, a parent dropped) fails when it is applied.

use crate::catalog::change::{Change, ObjectRef};
use crate::catalog::snapshot::{ObjectKey, Snapshot};
use crate::error::{Error, Result};
use crate::id::{TableId, Version};

/// Whether a change of a transaction that began at `base` may still be made.
pub(super) fn check(change: &Change, snapshot: &Snapshot, base: Version) -> Result<()> {
    match change {
        Change::Append { table, .. }
        | Change::Delete { table, .. }
        | Change::Replace { table, .. }
        | Change::AdvanceIdentity { table, .. } => definition(snapshot, *table, base),
        Change::Truncate { table, .. } => {
            definition(snapshot, *table, base)?;
            unmodified(snapshot, ObjectKey::Rows(*table), base)
        }
        Change::AlterTable { table, .. } => {
            definition(snapshot, *table, base)?;
            unmodified(snapshot, ObjectKey::Table(*table), base)
        }
        Change::DropTable(id) => unmodified(snapshot, ObjectKey::Table(*id), base),
        Change::DropDatabase(id) => unmodified(snapshot, ObjectKey::Database(*id), base),
        Change::DropSchema(id) => unmodified(snapshot, ObjectKey::Schema(*id), base),
        Change::PutView(view) => unmodified(snapshot, ObjectKey::View(view.id), base),
        Change::DropView(id) => unmodified(snapshot, ObjectKey::View(*id), base),
        Change::PutRole(role) => unmodified(snapshot, ObjectKey::Role(role.id), base),
        Change::DropRole(id) => unmodified(snapshot, ObjectKey::Role(*id), base),
        Change::PutSetting { scope, name, .. } => unmodified(snapshot, ObjectKey::Setting(*scope, name.clone()), base),
        Change::AlterObject { object, .. } | Change::Grant { object, .. } | Change::Revoke { object, .. } => {
            unmodified(snapshot, key(*object), base)
        }
        Change::CreateDatabase(_) | Change::CreateSchema(_) | Change::CreateTable(_) | Change::Collect { .. } => Ok(()),
    }
}

/// What stands for an object in conflicts.
pub(super) fn key(object: ObjectRef) -> ObjectKey {
    match object {
        ObjectRef::Database(id) => ObjectKey::Database(id),
        ObjectRef::Schema(id) => ObjectKey::Schema(id),
        ObjectRef::Table(id) => ObjectKey::Table(id),
        ObjectRef::View(id) => ObjectKey::View(id),
    }
}

fn definition(snapshot: &Snapshot, table: TableId, base: Version) -> Result<()> {
    match snapshot.tables.get(&table) {
        Some(table) if table.definition_version > base => {
            Err(Error::conflict(format!("the definition of table \"{}\" was changed concurrently", table.name)))
        }
        // Absent: made by this very transaction, or dropped, which applying finds out.
        _ => Ok(()),
    }
}

fn unmodified(snapshot: &Snapshot, key: ObjectKey, base: Version) -> Result<()> {
    if snapshot.modified.get(&key).is_some_and(|version| *version > base) {
        let what = match &key {
            ObjectKey::Rows(id) => format!("rows of table {id} were"),
            ObjectKey::Setting(_, name) => format!("setting \"{name}\" was"),
            ObjectKey::Database(id) => format!("database {id} was"),
            ObjectKey::Schema(id) => format!("schema {id} was"),
            ObjectKey::Table(id) => format!("table {id} was"),
            ObjectKey::View(id) => format!("view {id} was"),
            ObjectKey::Role(id) => format!("role {id} was"),
        };
        return Err(Error::conflict(format!("{what} changed concurrently")));
    }
    Ok(())
}
