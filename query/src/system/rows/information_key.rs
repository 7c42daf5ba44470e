//! `information_schema`: declared keys.

use stoa_storage::{ColumnId, Constraint, ConstraintKind, Table};

use crate::error::SqlError;
use crate::system::catalog::Entry;
use crate::system::context::SystemContext;
use crate::system::row::{Row, Rows};
use crate::system::text::key_columns;

fn keys(context: &SystemContext) -> impl Iterator<Item = (&Table, &Constraint)> {
    let tables = context.tables().filter(|table| context.has_any(Entry::Table(table)));
    tables.flat_map(|table| table.constraints.iter().map(move |constraint| (table.as_ref(), constraint)))
}

fn columns_of(constraint: &Constraint) -> &[ColumnId] {
    match &constraint.kind {
        ConstraintKind::PrimaryKey(columns)
        | ConstraintKind::Unique(columns)
        | ConstraintKind::ForeignKey { columns, .. } => columns,
    }
}

fn begin<'a>(context: &SystemContext, rows: &'a mut Rows, table: &Table, constraint: &Constraint) -> Row<'a> {
    let database = context.database_name();
    let schema = context.namespace_name(table.schema.0);
    let mut row = rows.add();
    row.set("constraint_catalog", &database)
        .set("constraint_schema", schema.clone())
        .set("constraint_name", &constraint.name)
        .set("table_catalog", database)
        .set("table_schema", schema)
        .set("table_name", &table.name);
    row
}

/// `table_constraints`.
pub(crate) fn table_constraints(context: &SystemContext, rows: &mut Rows) -> Result<(), SqlError> {
    for (table, constraint) in keys(context) {
        let kind = match constraint.kind {
            ConstraintKind::PrimaryKey(_) => "PRIMARY KEY",
            ConstraintKind::Unique(_) => "UNIQUE",
            ConstraintKind::ForeignKey { .. } => "FOREIGN KEY",
        };
        begin(context, rows, table, constraint)
            .set("constraint_type", kind)
            .set("is_deferrable", "NO")
            .set("initially_deferred", "NO")
            .set("enforced", "NO")
            .set("nulls_distinct", matches!(constraint.kind, ConstraintKind::Unique(_)).then_some("YES"));
    }
    Ok(())
}

/// `key_column_usage`.
pub(crate) fn key_columns_usage(context: &SystemContext, rows: &mut Rows) -> Result<(), SqlError> {
    for (table, constraint) in keys(context) {
        for (column, position) in columns_of(constraint).iter().zip(1_i64..) {
            let referred = matches!(constraint.kind, ConstraintKind::ForeignKey { .. }).then_some(position);
            begin(context, rows, table, constraint)
                .set("column_name", table.column(*column).map(|column| column.name.clone()))
                .set("ordinal_position", position)
                .set("position_in_unique_constraint", referred);
        }
    }
    Ok(())
}

/// The primary or unique key that a foreign key points to.
fn referenced_key<'a>(context: &'a SystemContext, constraint: &Constraint) -> Option<(&'a Table, &'a Constraint)> {
    let ConstraintKind::ForeignKey { references, referenced, .. } = &constraint.kind else { return None };
    let table = context.snapshot.tables.get(references)?;
    let key = table.constraints.iter().find(|key| key_columns(key).is_some_and(|columns| columns == referenced))?;
    Some((table, key))
}

/// `referential_constraints`.
pub(crate) fn references(context: &SystemContext, rows: &mut Rows) -> Result<(), SqlError> {
    for (table, constraint) in keys(context) {
        if !matches!(constraint.kind, ConstraintKind::ForeignKey { .. }) {
            continue;
        }
        let target = referenced_key(context, constraint);
        let schema = target.and_then(|(table, _)| context.namespace_name(table.schema.0));
        begin(context, rows, table, constraint)
            .set("unique_constraint_catalog", target.map(|_| context.database_name()))
            .set("unique_constraint_schema", schema)
            .set("unique_constraint_name", target.map(|(_, key)| key.name.clone()))
            .set("match_option", "NONE")
            .set("update_rule", "NO ACTION")
            .set("delete_rule", "NO ACTION");
    }
    Ok(())
}

/// The table and columns that a key is about: for foreign keys those referred to.
fn used<'a>(context: &'a SystemContext, table: &'a Table, key: &'a Constraint) -> Option<(&'a Table, &'a [ColumnId])> {
    match &key.kind {
        ConstraintKind::PrimaryKey(columns) | ConstraintKind::Unique(columns) => Some((table, columns)),
        ConstraintKind::ForeignKey { references, referenced, .. } => {
            Some((context.snapshot.tables.get(references)?, referenced))
        }
    }
}

/// `constraint_column_usage`.
pub(crate) fn constraint_columns(context: &SystemContext, rows: &mut Rows) -> Result<(), SqlError> {
    for (table, constraint) in keys(context) {
        let Some((target, columns)) = used(context, table, constraint) else { continue };
        for column in columns {
            begin(context, rows, table, constraint)
                .set("table_schema", context.namespace_name(target.schema.0))
                .set("table_name", &target.name)
                .set("column_name", target.column(*column).map(|column| column.name.clone()));
        }
    }
    Ok(())
}

/// `constraint_table_usage`.
pub(crate) fn constraint_tables(context: &SystemContext, rows: &mut Rows) -> Result<(), SqlError> {
    for (table, constraint) in keys(context) {
        let Some((target, _)) = used(context, table, constraint) else { continue };
        begin(context, rows, table, constraint)
            .set("table_schema", context.namespace_name(target.schema.0))
            .set("table_name", &target.name);
    }
    Ok(())
}
