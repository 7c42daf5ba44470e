//! `pg_namespace`, `pg_database`, `pg_tablespace`, `pg_db_role_setting`, `pg_am`, `pg_language`.

use std::collections::BTreeMap;

use stoa_storage::SettingScope;

use crate::error::SqlError;
use crate::system::catalog::{INFORMATION_SCHEMA_OID, PG_CATALOG_OID};
use crate::system::context::SystemContext;
use crate::system::row::Rows;
use crate::system::rows::relation::{BTREE, COLUMNAR};
use crate::system::table::{INFORMATION_SCHEMA, PG_CATALOG};
use crate::system::text::{DATABASE_RIGHTS, SCHEMA_RIGHTS, acl_items, reserved_words};

/// Postgres's oid of the tablespace `pg_default`.
const DEFAULT_TABLESPACE: u32 = 1663;
/// Postgres's number of the encoding UTF8.
pub(crate) const UTF8: i64 = 6;

/// `pg_namespace`.
pub(crate) fn namespaces(context: &SystemContext, rows: &mut Rows) -> Result<(), SqlError> {
    let owner = context.system_owner();
    let everybody = format!("=U/{}", context.role_name(owner));
    for (oid, name) in [(PG_CATALOG_OID, PG_CATALOG), (INFORMATION_SCHEMA_OID, INFORMATION_SCHEMA)] {
        rows.add().set("oid", oid).set("nspname", name).set("nspowner", owner.0).set("nspacl", vec![everybody.clone()]);
    }
    for schema in context.schemas() {
        rows.add()
            .set("oid", schema.id.0)
            .set("nspname", &schema.name)
            .set("nspowner", schema.owner.0)
            .set("nspacl", acl_items(context, schema.owner, &schema.acl, SCHEMA_RIGHTS));
    }
    Ok(())
}

/// `pg_database`.
pub(crate) fn databases(context: &SystemContext, rows: &mut Rows) -> Result<(), SqlError> {
    for database in context.snapshot.databases.values() {
        rows.add()
            .set("oid", database.id.0)
            .set("datname", &database.name)
            .set("datdba", database.owner.0)
            .set("encoding", UTF8)
            .set("datlocprovider", "c")
            .set("datallowconn", true)
            .set("datconnlimit", -1_i64)
            .set("dattablespace", DEFAULT_TABLESPACE)
            .set("datcollate", "C")
            .set("datctype", "C.UTF-8")
            .set("datacl", acl_items(context, database.owner, &database.acl, DATABASE_RIGHTS));
    }
    Ok(())
}

/// `pg_tablespace`.
pub(crate) fn tablespaces(context: &SystemContext, rows: &mut Rows) -> Result<(), SqlError> {
    for (oid, name) in [(DEFAULT_TABLESPACE, "pg_default"), (1664, "pg_global")] {
        rows.add().set("oid", oid).set("spcname", name).set("spcowner", context.system_owner().0);
    }
    Ok(())
}

/// `pg_db_role_setting`.
pub(crate) fn role_settings(context: &SystemContext, rows: &mut Rows) -> Result<(), SqlError> {
    let mut settings: BTreeMap<(u32, u32), Vec<String>> = BTreeMap::new();
    for ((scope, name), value) in &context.snapshot.settings {
        let key = match scope {
            SettingScope::System => (0, 0),
            SettingScope::Database(database) => (database.0, 0),
            SettingScope::Role(role) => (0, role.0),
        };
        settings.entry(key).or_default().push(format!("{name}={value}"));
    }
    for ((database, role), values) in settings {
        rows.add().set("setdatabase", database).set("setrole", role).set("setconfig", values);
    }
    Ok(())
}

/// `pg_am`.
pub(crate) fn access_methods(_context: &SystemContext, rows: &mut Rows) -> Result<(), SqlError> {
    rows.add().set("oid", COLUMNAR).set("amname", "columnar").set("amtype", "t");
    rows.add().set("oid", BTREE).set("amname", "btree").set("amtype", "i");
    Ok(())
}

/// `pg_language`.
pub(crate) fn languages(context: &SystemContext, rows: &mut Rows) -> Result<(), SqlError> {
    for (oid, name) in [(12_u32, "internal"), (14, "sql")] {
        rows.add()
            .set("oid", oid)
            .set("lanname", name)
            .set("lanowner", context.system_owner().0)
            .set("lanpltrusted", name == "sql");
    }
    Ok(())
}

/// `pg_get_keywords()`.
pub(crate) fn keywords(_context: &SystemContext, rows: &mut Rows) -> Result<(), SqlError> {
    for word in reserved_words() {
        rows.add()
            .set("word", *word)
            .set("catcode", "R")
            .set("catdesc", "reserved")
            .set("barelabel", true)
            .set("baredesc", "can be bare label");
    }
    Ok(())
}
