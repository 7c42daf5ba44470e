//! `pg_class`, `pg_index`, `pg_constraint`.

use std::collections::HashSet;

use stoa_storage::{Constraint, ConstraintKind, Distribution, Table, TableId};

use crate::error::SqlError;
use crate::system::catalog::{Entry, table_bytes};
use crate::system::context::SystemContext;
use crate::system::row::{Row, Rows};
use crate::system::text::{TABLE_RIGHTS, acl_items, key_columns, table_options};

/// Oid of the access method of tables.
pub(crate) const COLUMNAR: u32 = 15_900;
/// Oid of Postgres's access method `btree`, which clients expect of keys.
pub(crate) const BTREE: u32 = 403;
/// Size of the pages in which Postgres's clients reckon.
const PAGE_BYTES: u64 = 8192;

/// `pg_class`.
pub(crate) fn classes(context: &SystemContext, rows: &mut Rows) -> Result<(), SqlError> {
    let referenced: HashSet<TableId> = context.tables().flat_map(|table| references(table)).collect();
    for entry in context.entries() {
        let count = context.columns(entry).len();
        let mut row = rows.add();
        row.set("oid", entry.oid())
            .set("relname", entry.name())
            .set("relnamespace", entry.namespace())
            .set("relowner", entry.owner(context).0)
            .set("relkind", entry.kind())
            .set("relpersistence", "p")
            .set("relispopulated", true)
            .set("relreplident", "n")
            .set("relnatts", count);
        match entry {
            Entry::Table(table) => table_class(context, table, referenced.contains(&table.id), &mut row),
            Entry::View(view) => {
                let acl = acl_items(context, view.owner, &view.acl, TABLE_RIGHTS);
                row.set("relhasrules", true).set("reltuples", 0_i64).set("relacl", acl).set("reldiststyle", 0_i64);
            }
            Entry::Index(table, _) => {
                row.set("relam", BTREE).set("relpersistence", persistence(context, table));
            }
            Entry::System(table) => {
                row.set("relisshared", matches!(table.name, "pg_database" | "pg_authid" | "pg_auth_members"))
                    .set("relhasrules", table.kind == "v")
                    .set("relacl", vec![format!("=r/{}", context.role_name(context.system_owner()))]);
            }
        }
    }
    Ok(())
}

fn references(table: &Table) -> impl Iterator<Item = TableId> + '_ {
    table.constraints.iter().filter_map(|constraint| match &constraint.kind {
        ConstraintKind::ForeignKey { references, .. } => Some(*references),
        ConstraintKind::PrimaryKey(_) | ConstraintKind::Unique(_) => None,
    })
}

fn persistence(context: &SystemContext, table: &Table) -> &'static str {
    if context.temporary_schema == Some(table.schema) { "t" } else { "p" }
}

fn table_class(context: &SystemContext, table: &Table, referenced: bool, row: &mut Row<'_>) {
    let style = match table.distribution {
        Distribution::Even => 0_i64,
        Distribution::Key(_) => 1,
        Distribution::All => 8,
        Distribution::Auto => 9,
    };
    row.set("relam", COLUMNAR)
        .set("relfilenode", table.id.0)
        .set("relpages", table_bytes(table).div_ceil(PAGE_BYTES))
        .set("reltuples", table.rows())
        .set("relhasindex", table.constraints.iter().any(|key| key_columns(key).is_some()))
        // Postgres keeps foreign keys by triggers; psql asks for them only where this is set.
        .set("relhastriggers", referenced || references(table).next().is_some())
        .set("relreplident", "d")
        .set("relpersistence", persistence(context, table))
        .set("relacl", acl_items(context, table.owner, &table.acl, TABLE_RIGHTS))
        .set("reloptions", table_options(table))
        .set("reldiststyle", style);
}

/// `pg_index`.
pub(crate) fn indexes(context: &SystemContext, rows: &mut Rows) -> Result<(), SqlError> {
    for table in context.tables() {
        for constraint in &table.constraints {
            let Some(columns) = key_columns(constraint) else { continue };
            let numbers: Vec<u32> = columns.iter().map(|id| id.0).collect();
            let zeros = vec![0_u32; columns.len()];
            rows.add()
                .set("indexrelid", constraint.id)
                .set("indrelid", table.id.0)
                .set("indnatts", columns.len())
                .set("indnkeyatts", columns.len())
                .set("indisunique", true)
                .set("indisprimary", matches!(constraint.kind, ConstraintKind::PrimaryKey(_)))
                .set("indimmediate", true)
                .set("indisvalid", true)
                .set("indisready", true)
                .set("indislive", true)
                .set("indkey", numbers)
                .set("indcollation", zeros.clone())
                .set("indclass", zeros.clone())
                .set("indoption", zeros);
        }
    }
    Ok(())
}

/// `pg_constraint`.
pub(crate) fn constraints(context: &SystemContext, rows: &mut Rows) -> Result<(), SqlError> {
    for table in context.tables() {
        for constraint in &table.constraints {
            let mut row = rows.add();
            row.set("oid", constraint.id)
                .set("conname", &constraint.name)
                .set("connamespace", table.schema.0)
                .set("conrelid", table.id.0)
                .set("convalidated", true)
                .set("conislocal", true)
                .set("connoinherit", true);
            kind(context, constraint, &mut row);
        }
    }
    Ok(())
}

fn kind(context: &SystemContext, constraint: &Constraint, row: &mut Row<'_>) {
    let numbers = |columns: &[stoa_storage::ColumnId]| columns.iter().map(|id| id.0).collect::<Vec<_>>();
    match &constraint.kind {
        ConstraintKind::PrimaryKey(columns) => {
            row.set("contype", "p").set("conindid", constraint.id).set("conkey", numbers(columns));
        }
        ConstraintKind::Unique(columns) => {
            row.set("contype", "u").set("conindid", constraint.id).set("conkey", numbers(columns));
        }
        ConstraintKind::ForeignKey { columns, references, referenced } => {
            row.set("contype", "f")
                .set("conindid", referenced_index(context, *references, referenced))
                .set("confrelid", references.0)
                .set("confupdtype", "a")
                .set("confdeltype", "a")
                .set("confmatchtype", "s")
                .set("conkey", numbers(columns))
                .set("confkey", numbers(referenced));
        }
    }
}

/// The key of the referenced table that a foreign key points to; 0 where none covers it.
fn referenced_index(context: &SystemContext, table: TableId, columns: &[stoa_storage::ColumnId]) -> u32 {
    let table = context.snapshot.tables.get(&table);
    let mut keys = table.into_iter().flat_map(|table| table.constraints.iter());
    keys.find(|key| key_columns(key).is_some_and(|key| key == columns)).map_or(0, |key| key.id)
}
