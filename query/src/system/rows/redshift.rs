//! Redshift's views of the catalog: `pg_table_def`, `svv_*`.

use stoa_storage::{ColumnType, Distribution, Schema, Table};

use crate::error::SqlError;
use crate::system::access::Object;
use crate::system::catalog::{Entry, EntryColumn, table_bytes};
use crate::system::context::SystemContext;
use crate::system::row::{Row, Rows};
use crate::system::rows::information::visible_relations;
use crate::system::rows::information_column::describe_type;
use crate::system::rows::information_privilege::held;
use crate::system::text::{DATABASE_RIGHTS, SCHEMA_RIGHTS, TABLE_RIGHTS, acl_items, privilege_name};

/// Ten thousand: the unit of `numeric(18,4)`.
const NUMERIC_UNIT: i64 = 10_000;

fn numeric(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX / NUMERIC_UNIT).saturating_mul(NUMERIC_UNIT)
}

/// `pg_table_def`: tables on the search path only, as in Redshift.
pub(crate) fn table_def(context: &SystemContext, rows: &mut Rows) -> Result<(), SqlError> {
    let path: Vec<u32> = context.search_path.iter().map(|schema| schema.0).collect();
    for table in context.tables().filter(|table| path.contains(&table.schema.0)) {
        for column in context.columns(Entry::Table(table)) {
            let mut row = rows.add();
            row.set("schemaname", context.namespace_name(table.schema.0))
                .set("tablename", &table.name)
                .set("column", &column.name)
                .set("type", column.sql_type.name())
                .set("notnull", column.required);
            design(table, &column, &mut row);
        }
    }
    Ok(())
}

/// ENCODE, DISTKEY and SORTKEY of a column.
fn design(table: &Table, column: &EntryColumn, row: &mut Row<'_>) {
    let stored = table.columns.iter().find(|stored| stored.id.0 == column.number);
    let encode = stored.and_then(|stored| stored.encode.as_deref()).unwrap_or("none").to_lowercase();
    let sort = table.sort_key.columns.iter().position(|id| id.0 == column.number).map_or(0, |position| position + 1);
    row.set("encoding", encode)
        .set("distkey", matches!(table.distribution, Distribution::Key(id) if id.0 == column.number))
        .set("sortkey", sort);
}

/// `svv_tables`.
pub(crate) fn svv_tables(context: &SystemContext, rows: &mut Rows) -> Result<(), SqlError> {
    for entry in visible_relations(context) {
        rows.add()
            .set("table_catalog", context.database_name())
            .set("table_schema", context.namespace_name(entry.namespace()))
            .set("table_name", entry.name())
            .set("table_type", if entry.kind() == "v" { "VIEW" } else { "BASE TABLE" })
            .set("remarks", entry.comment());
    }
    Ok(())
}

/// `svv_columns`.
pub(crate) fn svv_columns(context: &SystemContext, rows: &mut Rows) -> Result<(), SqlError> {
    for entry in visible_relations(context) {
        for (column, position) in context.columns(entry).into_iter().zip(1_i64..) {
            let mut row = rows.add();
            row.set("table_catalog", context.database_name())
                .set("table_schema", context.namespace_name(entry.namespace()))
                .set("table_name", entry.name())
                .set("column_name", &column.name)
                .set("ordinal_position", position)
                .set("is_nullable", if column.required { "no" } else { "yes" });
            describe_type(&column.sql_type, &mut row);
            stored_facts(entry, &column, &mut row);
        }
    }
    Ok(())
}

/// DEFAULT and comment of a column of a table.
fn stored_facts(entry: Entry<'_>, column: &EntryColumn, row: &mut Row<'_>) {
    if let Entry::Table(table) = entry
        && let Some(stored) = table.columns.iter().find(|stored| stored.id.0 == column.number)
    {
        row.set("column_default", stored.default.clone()).set("remarks", stored.comment.clone());
        design(table, column, row);
    }
}

/// `svv_table_info`.
pub(crate) fn svv_table_info(context: &SystemContext, rows: &mut Rows) -> Result<(), SqlError> {
    for table in context.tables().filter(|table| context.has_any(Entry::Table(table))) {
        let total: u64 = table.parts.values().map(|part| u64::from(part.rows)).sum();
        let unsorted: u64 = table.parts.values().filter(|part| !part.sorted).map(|part| u64::from(part.rows)).sum();
        let sorts = !table.sort_key.columns.is_empty();
        let first = table.sort_key.columns.first().and_then(|id| table.column(*id));
        let longest = table.columns.iter().filter_map(|column| match column.column_type {
            ColumnType::Varchar { length } => Some(length.unwrap_or(65_535)),
            _ => None,
        });
        let sort_name = match first {
            Some(column) => Some(column.name.clone()),
            None => table.sort_key.auto.then(|| "AUTO(SORTKEY)".to_owned()),
        };
        rows.add()
            .set("database", context.database_name())
            .set("schema", context.namespace_name(table.schema.0))
            .set("table_id", table.id.0)
            .set("table", &table.name)
            .set("encoded", "Y, AUTO(ENCODE)")
            .set("diststyle", distribution_style(table))
            .set("sortkey1", sort_name)
            .set("max_varchar", longest.max().unwrap_or(0))
            .set("sortkey1_enc", first.map(|column| column.encode.clone().unwrap_or_else(|| "none".to_owned())))
            .set("sortkey_num", table.sort_key.columns.len())
            .set("size", table_bytes(table).div_ceil(1 << 20))
            .set("empty", 0_i64)
            .set("unsorted", (sorts && total > 0).then(|| numeric(unsorted.saturating_mul(100) / total.max(1))))
            .set("stats_off", 0_i64)
            .set("tbl_rows", numeric(total))
            .set("estimated_visible_rows", numeric(table.rows()));
    }
    Ok(())
}

fn distribution_style(table: &Table) -> String {
    match table.distribution {
        Distribution::Auto => "AUTO(EVEN)".to_owned(),
        Distribution::Even => "EVEN".to_owned(),
        Distribution::All => "ALL".to_owned(),
        Distribution::Key(column) => format!("KEY({})", table.column(column).map_or("", |column| &column.name)),
    }
}

/// `svv_all_schemas`, `svv_redshift_schemas`.
pub(crate) fn all_schemas(context: &SystemContext, rows: &mut Rows) -> Result<(), SqlError> {
    let visible = |schema: &Schema| context.has_any_on(Object::Schema(schema));
    for schema in context.snapshot.schemas.values().filter(|schema| visible(schema)) {
        let database = context.snapshot.databases.get(&schema.database).map(|database| database.name.clone());
        let acl = acl_items(context, schema.owner, &schema.acl, SCHEMA_RIGHTS);
        rows.add()
            .set("database_name", database)
            .set("schema_name", &schema.name)
            .set("schema_owner", schema.owner.0)
            .set("schema_type", "local")
            .set("schema_acl", acl.map(|items| items.join("~")));
    }
    Ok(())
}

/// `svv_redshift_databases`.
pub(crate) fn all_databases(context: &SystemContext, rows: &mut Rows) -> Result<(), SqlError> {
    for database in context.snapshot.databases.values() {
        let acl = acl_items(context, database.owner, &database.acl, DATABASE_RIGHTS);
        rows.add()
            .set("database_name", &database.name)
            .set("database_owner", database.owner.0)
            .set("database_type", "local")
            .set("database_acl", acl.map(|items| items.join("~")));
    }
    Ok(())
}

/// `svv_all_tables`, `svv_redshift_tables`.
pub(crate) fn all_tables(context: &SystemContext, rows: &mut Rows) -> Result<(), SqlError> {
    for entry in visible_relations(context) {
        let acl = match entry {
            Entry::Table(table) => acl_items(context, table.owner, &table.acl, TABLE_RIGHTS),
            Entry::View(view) => acl_items(context, view.owner, &view.acl, TABLE_RIGHTS),
            Entry::Index(..) | Entry::System(_) => None,
        };
        rows.add()
            .set("database_name", context.database_name())
            .set("schema_name", context.namespace_name(entry.namespace()))
            .set("table_name", entry.name())
            .set("table_type", if entry.kind() == "v" { "VIEW" } else { "TABLE" })
            .set("table_acl", acl.map(|items| items.join("~")))
            .set("remarks", entry.comment())
            .set("owner", context.role_name(entry.owner(context)));
    }
    Ok(())
}

/// `svv_all_columns`, `svv_redshift_columns`.
pub(crate) fn all_columns(context: &SystemContext, rows: &mut Rows) -> Result<(), SqlError> {
    for entry in visible_relations(context) {
        for (column, position) in context.columns(entry).into_iter().zip(1_i64..) {
            let mut row = rows.add();
            row.set("database_name", context.database_name())
                .set("schema_name", context.namespace_name(entry.namespace()))
                .set("table_name", entry.name())
                .set("column_name", &column.name)
                .set("ordinal_position", position)
                .set("is_nullable", if column.required { "NO" } else { "YES" });
            describe_type(&column.sql_type, &mut row);
            stored_facts(entry, &column, &mut row);
        }
    }
    Ok(())
}

/// `svv_relation_privileges`.
pub(crate) fn relation_privileges(context: &SystemContext, rows: &mut Rows) -> Result<(), SqlError> {
    for entry in visible_relations(context).filter(|entry| !matches!(entry, Entry::System(_))) {
        for held in held(context, entry) {
            let role = context.snapshot.roles.get(&held.grantee);
            let kind = match role {
                _ if held.grantee == stoa_storage::PUBLIC => "public",
                Some(role) if role.login => "user",
                _ => "group",
            };
            rows.add()
                .set("namespace_name", context.namespace_name(entry.namespace()))
                .set("relation_name", entry.name())
                .set("privilege_type", privilege_name(held.privilege))
                .set("identity_id", held.grantee.0)
                .set("identity_name", role.map_or_else(|| "public".to_owned(), |role| role.name.clone()))
                .set("identity_type", kind)
                .set("admin_option", held.grantable);
        }
    }
    Ok(())
}

/// `pg_get_late_binding_view_cols()`.
pub(crate) fn late_binding_columns(context: &SystemContext, rows: &mut Rows) -> Result<(), SqlError> {
    for view in context.views().filter(|view| view.late_binding) {
        for column in context.columns(Entry::View(view)) {
            rows.add()
                .set("view_schema", context.namespace_name(view.schema.0))
                .set("view_name", &view.name)
                .set("col_name", &column.name)
                .set("col_type", column.sql_type.name())
                .set("col_num", column.number);
        }
    }
    Ok(())
}
