//! Parts, deletions, identities and garbage.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{table, touch};
use crate::catalog::part::{DeleteSet, Part};
use crate::catalog::snapshot::{ObjectKey, Snapshot};
use crate::catalog::table::Table;
use crate::error::{Error, Result};
use crate::id::{ColumnId, PartId, TableId, Version};
use crate::limit::PART_ROWS_MAX;
use crate::planted::planted;

pub(super) fn append(snapshot: &mut Snapshot, id: TableId, parts: &[Arc<Part>]) -> Result<()> {
    let table = table::find(snapshot, id)?;
    check_new_parts(table, parts)?;
    if parts.iter().any(|part| !part.deletes.is_empty()) {
        return Err(Error::invalid("new parts have no deleted rows"));
    }
    let table = table_mut(snapshot, id)?;
    for part in parts {
        table.parts.insert(part.id, Arc::clone(part));
    }
    Ok(())
}

fn check_new_parts(table: &Table, parts: &[Arc<Part>]) -> Result<()> {
    let mut ids = BTreeSet::new();
    for part in parts {
        if !ids.insert(part.id) || table.parts.contains_key(&part.id) {
            return Err(Error::exists(format!("part {} of table \"{}\" exists", part.id, table.name)));
        }
        if part.rows == 0 || part.rows as usize > PART_ROWS_MAX {
            return Err(Error::invalid(format!("a part has 1 to {PART_ROWS_MAX} rows, not {}", part.rows)));
        }
    }
    Ok(())
}

fn table_mut(snapshot: &mut Snapshot, id: TableId) -> Result<&mut Table> {
    let absent = || Error::not_found(format!("table {id} does not exist"));
    snapshot.tables.get_mut(&id).map(Arc::make_mut).ok_or_else(absent)
}

fn part(snapshot: &Snapshot, id: TableId, part: PartId) -> Result<&Arc<Part>> {
    let table = table::find(snapshot, id)?;
    let gone = || Error::not_found(format!("part {part} of table \"{}\" is gone", table.name));
    table.parts.get(&part).ok_or_else(gone)
}

pub(super) fn delete(snapshot: &mut Snapshot, id: TableId, part_id: PartId, rows: &Arc<DeleteSet>) -> Result<()> {
    let part = part(snapshot, id, part_id)?;
    check_delete(part, rows)?;
    let mut part = Part::clone(part);
    part.deletes.push(Arc::clone(rows));
    table_mut(snapshot, id)?.parts.insert(part_id, Arc::new(part));
    touch(snapshot, ObjectKey::Rows(id));
    Ok(())
}

/// Rows must exist and not be deleted already. Replaying runs without bitmaps (their objects may be gone by then, with
/// the part): what it replays was checked when it was committed.
fn check_delete(part: &Part, rows: &DeleteSet) -> Result<()> {
    if rows.rows == 0 || rows.rows > part.visible_rows() {
        return Err(Error::invalid(format!("part {} has not that many rows to delete", part.id)));
    }
    let Some(new) = rows.bitmap.get() else { return Ok(()) };
    if new.len() != rows.rows || new.max().is_some_and(|row| row >= part.rows) {
        return Err(Error::invalid(format!("rows to delete are not rows of part {}", part.id)));
    }
    let twice = |set: &Arc<DeleteSet>| set.bitmap.get().is_some_and(|old| !old.is_disjoint(new));
    if part.deletes.iter().any(twice) && !planted!(NoWriteWriteCheck) {
        return Err(Error::conflict("a row was deleted or changed by a concurrent transaction"));
    }
    Ok(())
}

/// Notes the objects of a part that its table no longer refers to.
pub(super) fn bury(snapshot: &mut Snapshot, part: &Part) {
    for path in part.paths() {
        snapshot.removed.insert(path.to_owned(), snapshot.version);
    }
}

pub(super) fn truncate(snapshot: &mut Snapshot, id: TableId, parts: &[PartId]) -> Result<()> {
    let table = Arc::clone(table::find(snapshot, id)?);
    let seen: BTreeSet<PartId> = parts.iter().copied().collect();
    if seen.len() != table.parts.len() || !seen.iter().all(|part| table.parts.contains_key(part)) {
        return Err(Error::conflict(format!("rows of table \"{}\" were changed concurrently", table.name)));
    }
    for part in table.parts.values() {
        bury(snapshot, part);
    }
    table_mut(snapshot, id)?.parts.clear();
    touch(snapshot, ObjectKey::Rows(id));
    Ok(())
}

pub(super) fn replace(snapshot: &mut Snapshot, id: TableId, remove: &[(PartId, u64)], add: &[Arc<Part>]) -> Result<()> {
    let table = Arc::clone(table::find(snapshot, id)?);
    let mut rows_before = 0;
    let mut inputs = BTreeSet::new();
    for (part_id, deleted) in remove {
        let part = part(snapshot, id, *part_id)?;
        if part.deleted_rows() != *deleted && !planted!(ReplaceIgnoresDeletes) {
            return Err(Error::conflict(format!("rows of part {part_id} were deleted concurrently")));
        }
        if !inputs.insert(*part_id) {
            return Err(Error::invalid(format!("part {part_id} is replaced twice")));
        }
        rows_before += part.visible_rows();
    }
    check_new_parts(&table, add)?;
    let rows_after: u64 = add.iter().map(|part| part.visible_rows()).sum();
    if rows_before != rows_after && !planted!(ReplaceIgnoresDeletes) {
        return Err(Error::internal(format!("{rows_before} rows would be replaced by {rows_after}")));
    }
    for part in remove.iter().filter_map(|(part, _)| table.parts.get(part)) {
        bury(snapshot, part);
    }
    let table = table_mut(snapshot, id)?;
    for (part, _) in remove {
        table.parts.remove(part);
    }
    for part in add {
        table.parts.insert(part.id, Arc::clone(part));
    }
    touch(snapshot, ObjectKey::Rows(id));
    Ok(())
}

pub(super) fn advance_identity(snapshot: &mut Snapshot, id: TableId, column: ColumnId, next: i64) -> Result<()> {
    let table = table::find(snapshot, id)?;
    let absent = || Error::not_found(format!("column {column} of table \"{}\" is no identity column", table.name));
    let stored = table.column(column).and_then(|column| column.identity).ok_or_else(absent)?;
    let forward = if stored.step > 0 { next > stored.next } else { next < stored.next };
    if forward
        && let Some(column) = table_mut(snapshot, id)?.columns.iter_mut().find(|other| other.id == column)
        && let Some(identity) = &mut column.identity
    {
        identity.next = next;
    }
    Ok(())
}

pub(super) fn collect(snapshot: &mut Snapshot, horizon: Version, paths: &[String]) -> Result<()> {
    if horizon > snapshot.version {
        return Err(Error::internal(format!("horizon {horizon} is in the future")));
    }
    snapshot.horizon = snapshot.horizon.max(horizon);
    for path in paths {
        snapshot.removed.remove(path);
    }
    Ok(())
}
