//! Sizes of what is stored.

use crate::error::SqlError;
use crate::system::catalog::{Entry, table_bytes};
use crate::system::cell::Cell;
use crate::system::context::SystemContext;
use crate::system::function::{Call, declare_functions};

declare_functions! {
    "pg_size_pretty"(Int) -> "text", Immutable, strict, |call| Ok(pretty(call.int(0)).into());
    "pg_database_size"(Any) -> "int8", Stable, strict, database;
    "pg_relation_size"(Any; Text) -> "int8", Stable, strict, relation;
    "pg_table_size"(Any) -> "int8", Stable, strict, relation;
    "pg_total_relation_size"(Any) -> "int8", Stable, strict, relation;
    // Declared keys occupy nothing.
    "pg_indexes_size"(Any) -> "int8", Stable, strict, |_| Ok(0_i64.into());
    "pg_tablespace_size"(Any) -> "int8", Stable, strict,
        |call| Ok(call.context.snapshot.tables.values().map(|table| table_bytes(table)).sum::<u64>().into());
}

/// The relation that an argument names or numbers.
pub(super) fn relation_of<'a>(context: &'a SystemContext, argument: &Cell) -> Option<Entry<'a>> {
    match argument {
        Cell::Text(text) => match text.trim().parse::<u32>() {
            Ok(oid) => context.entry(oid),
            Err(_) => context.resolve(text),
        },
        other => context.entry(other.as_oid()?),
    }
}

fn relation(call: &Call<'_>) -> Result<Cell, SqlError> {
    let entry = relation_of(call.context, call.get(0));
    match (entry, call.get(0)) {
        (None, Cell::Text(name)) => Err(SqlError::undefined_table(name)),
        (None, _) => Ok(Cell::Null),
        (Some(Entry::Table(table)), _) => Ok(table_bytes(table).into()),
        (Some(Entry::View(_) | Entry::Index(..) | Entry::System(_)), _) => Ok(0_i64.into()),
    }
}

fn database(call: &Call<'_>) -> Result<Cell, SqlError> {
    let context = call.context;
    let id = match call.get(0) {
        Cell::Text(name) => Some(context.database_id(name).ok_or_else(|| SqlError::undefined_database(name))?),
        other => other.as_oid().map(stoa_storage::DatabaseId),
    };
    let Some(id) = id.filter(|id| context.snapshot.databases.contains_key(id)) else { return Ok(Cell::Null) };
    let inside = |schema| context.snapshot.schemas.get(schema).is_some_and(|schema| schema.database == id);
    let tables = context.snapshot.tables.values().filter(|table| inside(&table.schema));
    Ok(tables.map(|table| table_bytes(table)).sum::<u64>().into())
}

/// Bytes in the greatest unit that leaves fewer than five digits, rounded as Postgres rounds.
fn pretty(bytes: i64) -> String {
    const UNITS: &[&str] = &["bytes", "kB", "MB", "GB", "TB", "PB"];
    let negative = bytes < 0;
    let mut value = bytes.unsigned_abs();
    let mut unit = 0;
    // A kilobyte is shown from 10 240 bytes on, and so on; halves are rounded up at the last step.
    while value >= 10_240 && unit + 1 < UNITS.len() {
        let next = value >> 10;
        let last = next < 10_240 || unit + 2 == UNITS.len();
        value = if last { (value + 512) >> 10 } else { next };
        unit += 1;
        if last {
            break;
        }
    }
    format!("{}{value} {}", if negative { "-" } else { "" }, UNITS.get(unit).copied().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::pretty;

    #[test]
    fn sizes_are_written_as_postgres_writes_them() {
        for (bytes, text) in [
            (0, "0 bytes"),
            (10_239, "10239 bytes"),
            (10_240, "10 kB"),
            (1_048_576, "1024 kB"),
            (123_456_789, "118 MB"),
            (-20_480, "-20 kB"),
        ] {
            assert_eq!(pretty(bytes), text, "{bytes}");
        }
    }
}
