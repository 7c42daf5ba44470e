//! `pg_tables`, `pg_views`, `pg_indexes`.

use crate::error::SqlError;
use crate::system::catalog::Entry;
use crate::system::context::SystemContext;
use crate::system::row::Rows;
use crate::system::text::{index_definition, key_columns};

/// `pg_tables`.
pub(crate) fn tables(context: &SystemContext, rows: &mut Rows) -> Result<(), SqlError> {
    for entry in context.entries().filter(|entry| entry.kind() == "r") {
        let indexed =
            matches!(entry, Entry::Table(table) if table.constraints.iter().any(|key| key_columns(key).is_some()));
        rows.add()
            .set("schemaname", context.namespace_name(entry.namespace()))
            .set("tablename", entry.name())
            .set("tableowner", context.role_name(entry.owner(context)))
            .set("hasindexes", indexed)
            .set("hasrules", false)
            .set("hastriggers", false)
            .set("rowsecurity", false);
    }
    Ok(())
}

/// `pg_views`.
pub(crate) fn views(context: &SystemContext, rows: &mut Rows) -> Result<(), SqlError> {
    for entry in context.entries().filter(|entry| entry.kind() == "v") {
        let definition = match entry {
            Entry::View(view) => Some(format!("{};", view.query.trim_end_matches(';'))),
            _ => None,
        };
        rows.add()
            .set("schemaname", context.namespace_name(entry.namespace()))
            .set("viewname", entry.name())
            .set("viewowner", context.role_name(entry.owner(context)))
            .set("definition", definition);
    }
    Ok(())
}

/// `pg_indexes`.
pub(crate) fn indexes(context: &SystemContext, rows: &mut Rows) -> Result<(), SqlError> {
    for table in context.tables() {
        for constraint in &table.constraints {
            if let Some(definition) = index_definition(context, table, constraint) {
                rows.add()
                    .set("schemaname", context.namespace_name(table.schema.0))
                    .set("tablename", &table.name)
                    .set("indexname", &constraint.name)
                    .set("indexdef", definition);
            }
        }
    }
    Ok(())
}
