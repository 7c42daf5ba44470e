//! Definitions of tables.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::object::{check_no_view_on, check_relation_name, schema};
use super::{check_name, check_new_id, check_role, rows, touch, use_id};
use crate::catalog::change::TableAction;
use crate::catalog::part::Part;
use crate::catalog::snapshot::{ObjectKey, Relation, Snapshot};
use crate::catalog::table::{Column, Constraint, ConstraintKind, Distribution, SortKey, Table};
use crate::catalog::types::ColumnType;
use crate::error::{Error, Result};
use crate::id::{ColumnId, SchemaId, TableId};
use crate::limit::COLUMNS_MAX;

/// The table of that id.
pub(super) fn find(snapshot: &Snapshot, id: TableId) -> Result<&Arc<Table>> {
    snapshot.tables.get(&id).ok_or_else(|| Error::not_found(format!("table {id} does not exist")))
}

pub(super) fn create(snapshot: &mut Snapshot, table: &Arc<Table>) -> Result<()> {
    check_new_id(snapshot, table.id.0)?;
    schema(snapshot, table.schema)?;
    check_relation_name(snapshot, table.schema, &table.name)?;
    check_role(snapshot, table.owner)?;
    check_definition(snapshot, table)?;
    if !table.parts.is_empty() {
        return Err(Error::invalid("a table is created empty"));
    }
    let mut table = Table::clone(table);
    table.definition_version = snapshot.version;
    use_id(snapshot, table.id.0);
    for constraint in &table.constraints {
        use_id(snapshot, constraint.id);
    }
    touch(snapshot, ObjectKey::Table(table.id));
    snapshot.relation_names.insert((table.schema, table.name.clone()), Relation::Table(table.id));
    snapshot.tables.insert(table.id, Arc::new(table));
    Ok(())
}

fn check_definition(snapshot: &Snapshot, table: &Table) -> Result<()> {
    if table.columns.len() > COLUMNS_MAX {
        return Err(Error::limit(format!("a table has at most {COLUMNS_MAX} columns")));
    }
    let mut names = BTreeSet::new();
    let mut ids = BTreeSet::new();
    for column in &table.columns {
        check_column(column)?;
        if !names.insert(column.name.as_str()) {
            return Err(Error::exists(format!("column \"{}\" is given twice", column.name)));
        }
        if !ids.insert(column.id) || column.id >= table.next_column || column.id.0 == 0 {
            return Err(Error::invalid(format!("column \"{}\" has an id that it must not have", column.name)));
        }
    }
    check_distribution(table, &table.distribution)?;
    check_sort_key(table, &table.sort_key)?;
    let mut constraints = BTreeSet::new();
    for constraint in &table.constraints {
        if !constraints.insert(constraint.name.as_str()) {
            return Err(Error::exists(format!("constraint \"{}\" is given twice", constraint.name)));
        }
        check_constraint(snapshot, table, constraint)?;
    }
    Ok(())
}

fn check_column(column: &Column) -> Result<()> {
    check_name(&column.name)?;
    if let ColumnType::Decimal { precision, scale } = column.column_type
        && (precision == 0 || precision > 38 || scale > precision)
    {
        return Err(Error::invalid(format!(
            "decimal({precision},{scale}) of column \"{}\" does not exist",
            column.name
        )));
    }
    if column.identity.is_some_and(|identity| identity.step == 0) {
        return Err(Error::invalid(format!("identity column \"{}\" has step zero", column.name)));
    }
    Ok(())
}

fn check_distribution(table: &Table, distribution: &Distribution) -> Result<()> {
    match distribution {
        Distribution::Key(column) => check_has(table, &[*column]),
        Distribution::Auto | Distribution::Even | Distribution::All => Ok(()),
    }
}

fn check_sort_key(table: &Table, sort_key: &SortKey) -> Result<()> {
    check_has(table, &sort_key.columns)
}

fn check_has(table: &Table, columns: &[ColumnId]) -> Result<()> {
    let mut seen = BTreeSet::new();
    for column in columns {
        if table.column(*column).is_none() {
            return Err(Error::not_found(format!("column {column} of table \"{}\" does not exist", table.name)));
        }
        if !seen.insert(column) {
            return Err(Error::invalid(format!("column {column} appears twice in a key of table \"{}\"", table.name)));
        }
    }
    Ok(())
}

fn check_constraint(snapshot: &Snapshot, table: &Table, constraint: &Constraint) -> Result<()> {
    check_name(&constraint.name)?;
    match &constraint.kind {
        ConstraintKind::PrimaryKey(columns) | ConstraintKind::Unique(columns) => check_has(table, columns),
        ConstraintKind::ForeignKey { columns, references, referenced } => {
            check_has(table, columns)?;
            let other = if *references == table.id { table } else { find(snapshot, *references)? };
            check_has(other, referenced)?;
            if columns.len() == referenced.len() {
                Ok(())
            } else {
                Err(Error::invalid(format!("foreign key \"{}\" has two different numbers of columns", constraint.name)))
            }
        }
    }
}

pub(super) fn drop(snapshot: &mut Snapshot, id: TableId) -> Result<()> {
    let table = Arc::clone(find(snapshot, id)?);
    check_no_view_on(snapshot, Relation::Table(id), &table.name)?;
    let referring = snapshot.tables.values().filter(|other| other.id != id).find_map(|other| {
        let constraint = other.constraints.iter().find(
            |constraint| matches!(&constraint.kind, ConstraintKind::ForeignKey { references, .. } if *references == id),
        );
        constraint.map(|constraint| (constraint.name.as_str(), other.name.as_str()))
    });
    if let Some((constraint, other)) = referring {
        let table = &table.name;
        return Err(Error::invalid(format!("constraint \"{constraint}\" of table \"{other}\" depends on \"{table}\"")));
    }
    for part in table.parts.values() {
        rows::bury(snapshot, part);
    }
    snapshot.relation_names.remove(&(table.schema, table.name.clone()));
    snapshot.tables.remove(&id);
    snapshot.modified.remove(&ObjectKey::Table(id));
    snapshot.modified.remove(&ObjectKey::Rows(id));
    Ok(())
}

/// Gives a table a (new) schema and name.
pub(super) fn place(snapshot: &mut Snapshot, id: TableId, schema: SchemaId, name: &str) -> Result<()> {
    let old = Arc::clone(find(snapshot, id)?);
    check_relation_name(snapshot, schema, name)?;
    snapshot.relation_names.remove(&(old.schema, old.name.clone()));
    snapshot.relation_names.insert((schema, name.to_owned()), Relation::Table(id));
    let definition_version = snapshot.version;
    let moved = Table { schema, name: name.to_owned(), definition_version, ..(*old).clone() };
    snapshot.tables.insert(id, Arc::new(moved));
    Ok(())
}

pub(super) fn comment_column(
    snapshot: &mut Snapshot,
    id: TableId,
    column: ColumnId,
    comment: Option<String>,
) -> Result<()> {
    let mut table = Table::clone(find(snapshot, id)?);
    column_mut(&mut table, column)?.comment = comment;
    snapshot.tables.insert(id, Arc::new(table));
    Ok(())
}

fn column_mut(table: &mut Table, id: ColumnId) -> Result<&mut Column> {
    let absent = Error::not_found(format!("column {id} of table \"{}\" does not exist", table.name));
    table.columns.iter_mut().find(|column| column.id == id).ok_or(absent)
}

pub(super) fn alter(snapshot: &mut Snapshot, id: TableId, action: &TableAction) -> Result<()> {
    // Worked on as a copy, so that a refused action leaves nothing behind.
    let mut table = Table::clone(find(snapshot, id)?);
    match action {
        TableAction::AddColumn(column) => add_column(&mut table, column)?,
        TableAction::DropColumn(column) => drop_column(snapshot, &mut table, *column)?,
        TableAction::RenameColumn { column, name } => rename_column(&mut table, *column, name)?,
        TableAction::AlterColumn(column) => alter_column(&mut table, column)?,
        TableAction::Distribute(distribution) => {
            check_distribution(&table, distribution)?;
            if table.distribution != *distribution {
                // Slices of stored rows are those of the former key.
                restamp(&mut table, |part| part.slice = None);
            }
            table.distribution = distribution.clone();
        }
        TableAction::Sort(sort_key) => {
            check_sort_key(&table, sort_key)?;
            if table.sort_key.columns != sort_key.columns {
                restamp(&mut table, |part| part.sorted = false);
            }
            table.sort_key = sort_key.clone();
        }
        TableAction::AddConstraint(constraint) => {
            if table.constraints.iter().any(|other| other.name == constraint.name) {
                return Err(Error::exists(format!("constraint \"{}\" already exists", constraint.name)));
            }
            check_constraint(snapshot, &table, constraint)?;
            use_id(snapshot, constraint.id);
            table.constraints.push(constraint.clone());
        }
        TableAction::DropConstraint(name) => {
            let position = table.constraints.iter().position(|constraint| constraint.name == *name);
            let absent =
                || Error::not_found(format!("constraint \"{name}\" of table \"{}\" does not exist", table.name));
            table.constraints.remove(position.ok_or_else(absent)?);
        }
    }
    table.definition_version = snapshot.version;
    touch(snapshot, ObjectKey::Table(id));
    snapshot.tables.insert(id, Arc::new(table));
    Ok(())
}

/// Changes what the catalog says of every part.
fn restamp(table: &mut Table, change: impl Fn(&mut Part)) {
    let restamped = table.parts.iter().map(|(id, part)| {
        let mut part = Part::clone(part);
        change(&mut part);
        (*id, Arc::new(part))
    });
    table.parts = restamped.collect();
}

fn check_column_name(table: &Table, name: &str) -> Result<()> {
    check_name(name)?;
    match table.column_named(name) {
        Some(_) => Err(Error::exists(format!("column \"{name}\" of table \"{}\" already exists", table.name))),
        None => Ok(()),
    }
}

fn add_column(table: &mut Table, column: &Column) -> Result<()> {
    check_column(column)?;
    check_column_name(table, &column.name)?;
    if column.id != table.next_column {
        return Err(Error::invalid(format!("column \"{}\" must have id {}", column.name, table.next_column)));
    }
    if table.columns.len() >= COLUMNS_MAX {
        return Err(Error::limit(format!("a table has at most {COLUMNS_MAX} columns")));
    }
    if !column.nullable && column.missing.is_none() && table.rows() > 0 {
        return Err(Error::invalid(format!(
            "column \"{}\" must have a default, because it allows no nulls",
            column.name
        )));
    }
    table.next_column = ColumnId(table.next_column.0 + 1);
    table.columns.push(column.clone());
    Ok(())
}

fn drop_column(snapshot: &Snapshot, table: &mut Table, id: ColumnId) -> Result<()> {
    let name = column_mut(table, id)?.name.clone();
    let in_key = table.distribution == Distribution::Key(id) || table.sort_key.columns.contains(&id);
    if in_key {
        return Err(Error::invalid(format!("column \"{name}\" is the DISTKEY or in the SORTKEY")));
    }
    let user = snapshot.tables.values().find_map(|other| {
        let uses = |constraint: &&Constraint| match &constraint.kind {
            ConstraintKind::PrimaryKey(columns) | ConstraintKind::Unique(columns) => {
                other.id == table.id && columns.contains(&id)
            }
            ConstraintKind::ForeignKey { columns, references, referenced } => {
                (other.id == table.id && columns.contains(&id)) || (*references == table.id && referenced.contains(&id))
            }
        };
        other.constraints.iter().find(uses).map(|constraint| constraint.name.as_str())
    });
    if let Some(constraint) = user {
        return Err(Error::invalid(format!("constraint \"{constraint}\" depends on column \"{name}\"")));
    }
    if table.columns.len() == 1 {
        return Err(Error::invalid(format!("column \"{name}\" is the only one of table \"{}\"", table.name)));
    }
    table.columns.retain(|column| column.id != id);
    Ok(())
}

fn rename_column(table: &mut Table, id: ColumnId, name: &str) -> Result<()> {
    check_column_name(table, name)?;
    name.clone_into(&mut column_mut(table, id)?.name);
    Ok(())
}

fn alter_column(table: &mut Table, column: &Column) -> Result<()> {
    check_column(column)?;
    let found = column_mut(table, column.id)?;
    if found.column_type.arrow() != column.column_type.arrow() {
        return Err(Error::invalid(format!("the type of column \"{}\" cannot be changed to this one", found.name)));
    }
    let name = std::mem::take(&mut found.name);
    *found = Column { name, ..column.clone() };
    Ok(())
}
