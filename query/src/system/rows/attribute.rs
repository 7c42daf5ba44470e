//! `pg_attribute`, `pg_attrdef`.

use stoa_storage::{Column, Distribution, Table};

use crate::error::SqlError;
use crate::system::catalog::{Entry, EntryColumn};
use crate::system::context::SystemContext;
use crate::system::datatype;
use crate::system::row::{Row, Rows};
use crate::types::SqlType;

/// `pg_attribute`.
pub(crate) fn attributes(context: &SystemContext, rows: &mut Rows) -> Result<(), SqlError> {
    for entry in context.entries() {
        for column in context.columns(entry) {
            let mut row = rows.add();
            attribute(entry.oid(), &column, &mut row);
            if let Entry::Table(table) = entry
                && let Some(stored) = table.columns.iter().find(|stored| stored.id.0 == column.number)
            {
                stored_attribute(table, stored, &mut row);
            }
        }
    }
    Ok(())
}

fn attribute(relation: u32, column: &EntryColumn, row: &mut Row<'_>) {
    let oid = column.sql_type.oid();
    row.set("attrelid", relation)
        .set("attname", &column.name)
        .set("atttypid", oid)
        .set("attstattarget", -1_i64)
        .set("attlen", column.sql_type.typlen())
        .set("attnum", column.number)
        .set("attndims", i64::from(matches!(column.sql_type, SqlType::Array(_))))
        .set("attcacheoff", -1_i64)
        .set("atttypmod", column.sql_type.typmod())
        .set("attnotnull", column.required)
        .set("attislocal", true);
    if let Some(fact) = datatype::by_oid(oid) {
        row.set("attbyval", fact.by_value)
            .set("attalign", fact.align)
            .set("attstorage", fact.storage)
            .set("attcollation", fact.collation);
    }
}

fn stored_attribute(table: &Table, column: &Column, row: &mut Row<'_>) {
    let identity = column.identity.map_or("", |identity| if identity.by_default { "d" } else { "a" });
    let sort = table.sort_key.columns.iter().position(|id| *id == column.id).map_or(0, |position| position + 1);
    let sort = i64::try_from(sort).unwrap_or(0);
    row.set("atthasdef", column.default.is_some())
        .set("atthasmissing", column.missing.is_some())
        .set("attidentity", identity)
        .set("attisdistkey", matches!(table.distribution, Distribution::Key(id) if id == column.id))
        // Redshift shows the columns of an interleaved key with alternating signs.
        .set("attsortkeyord", if table.sort_key.interleaved && sort % 2 == 0 { -sort } else { sort })
        .set(
            "attencodingtype",
            i64::from(column.encode.as_deref().is_some_and(|name| !name.eq_ignore_ascii_case("raw"))),
        );
}

/// `pg_attrdef`. Its oid is made of table and column: defaults have no id of their own.
pub(crate) fn defaults(context: &SystemContext, rows: &mut Rows) -> Result<(), SqlError> {
    let mut number = 0_i64;
    for table in context.tables() {
        for column in &table.columns {
            if let Some(default) = &column.default {
                number += 1;
                rows.add()
                    .set("oid", i64::from(stoa_storage::FIRST_USER_ID) + number)
                    .set("adrelid", table.id.0)
                    .set("adnum", column.id.0)
                    .set("adbin", default);
            }
        }
    }
    Ok(())
}
