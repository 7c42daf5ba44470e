//! `information_schema`: tables, views, schemata and the small views.

use stoa_storage::Relation;

use crate::error::SqlError;
use crate::system::access::Object;
use crate::system::catalog::Entry;
use crate::system::context::SystemContext;
use crate::system::row::Rows;
use crate::system::rows::datatype::COLLATIONS;
use crate::system::table::{INFORMATION_SCHEMA, PG_CATALOG};

/// Tables and views that the current user has any right on.
pub(crate) fn visible_relations(context: &SystemContext) -> impl Iterator<Item = Entry<'_>> {
    context.entries().filter(|entry| !matches!(entry, Entry::Index(..))).filter(|entry| context.has_any(*entry))
}

/// `tables`.
pub(crate) fn tables(context: &SystemContext, rows: &mut Rows) -> Result<(), SqlError> {
    let database = context.database_name();
    for entry in visible_relations(context) {
        let temporary = context.temporary_schema.is_some_and(|schema| schema.0 == entry.namespace());
        let kind = match (entry.kind(), temporary) {
            ("v", _) => "VIEW",
            (_, true) => "LOCAL TEMPORARY",
            _ => "BASE TABLE",
        };
        rows.add()
            .set("table_catalog", &database)
            .set("table_schema", context.namespace_name(entry.namespace()))
            .set("table_name", entry.name())
            .set("table_type", kind)
            .set("is_insertable_into", if matches!(entry, Entry::Table(_)) { "YES" } else { "NO" })
            .set("is_typed", "NO");
    }
    Ok(())
}

/// `views`. The text of a view is shown to its owner, as in Postgres.
pub(crate) fn views(context: &SystemContext, rows: &mut Rows) -> Result<(), SqlError> {
    let database = context.database_name();
    for entry in visible_relations(context).filter(|entry| entry.kind() == "v") {
        let definition = match entry {
            Entry::View(view) if context.owns(view.owner) => Some(view.query.clone()),
            _ => None,
        };
        rows.add()
            .set("table_catalog", &database)
            .set("table_schema", context.namespace_name(entry.namespace()))
            .set("table_name", entry.name())
            .set("view_definition", definition)
            .set("check_option", "NONE")
            .set("is_updatable", "NO")
            .set("is_insertable_into", "NO")
            .set("is_trigger_updatable", "NO")
            .set("is_trigger_deletable", "NO")
            .set("is_trigger_insertable_into", "NO");
    }
    Ok(())
}

/// `schemata`.
pub(crate) fn schemata(context: &SystemContext, rows: &mut Rows) -> Result<(), SqlError> {
    let database = context.database_name();
    let owner = context.role_name(context.system_owner());
    let built_in = [PG_CATALOG, INFORMATION_SCHEMA].into_iter().map(|name| (name.to_owned(), owner.clone()));
    let visible = context.schemas().filter(|schema| context.has_any_on(Object::Schema(schema)));
    let own = visible.map(|schema| (schema.name.clone(), context.role_name(schema.owner)));
    for (name, owner) in built_in.chain(own) {
        rows.add().set("catalog_name", &database).set("schema_name", name).set("schema_owner", owner);
    }
    Ok(())
}

/// `character_sets`.
pub(crate) fn character_sets(context: &SystemContext, rows: &mut Rows) -> Result<(), SqlError> {
    rows.add()
        .set("character_set_name", "UTF8")
        .set("character_repertoire", "UCS")
        .set("form_of_use", "UTF8")
        .set("default_collate_catalog", context.database_name())
        .set("default_collate_schema", PG_CATALOG)
        .set("default_collate_name", "C");
    Ok(())
}

/// `collations`.
pub(crate) fn collations(context: &SystemContext, rows: &mut Rows) -> Result<(), SqlError> {
    for (_, name) in COLLATIONS {
        rows.add()
            .set("collation_catalog", context.database_name())
            .set("collation_schema", PG_CATALOG)
            .set("collation_name", *name)
            .set("pad_attribute", "NO PAD");
    }
    Ok(())
}

/// `enabled_roles`.
pub(crate) fn enabled_roles(context: &SystemContext, rows: &mut Rows) -> Result<(), SqlError> {
    for role in context.memberships(context.role) {
        if let Some(role) = context.snapshot.roles.get(&role) {
            rows.add().set("role_name", &role.name);
        }
    }
    Ok(())
}

/// `applicable_roles`.
pub(crate) fn applicable_roles(context: &SystemContext, rows: &mut Rows) -> Result<(), SqlError> {
    for member in context.memberships(context.role) {
        let groups = context.snapshot.roles.get(&member).map(|role| &role.member_of);
        for group in groups.into_iter().flatten() {
            rows.add()
                .set("grantee", context.role_name(member))
                .set("role_name", context.role_name(*group))
                .set("is_grantable", "NO");
        }
    }
    Ok(())
}

/// `information_schema_catalog_name`.
pub(crate) fn catalog_name(context: &SystemContext, rows: &mut Rows) -> Result<(), SqlError> {
    rows.add().set("catalog_name", context.database_name());
    Ok(())
}

/// `view_table_usage`.
pub(crate) fn view_tables(context: &SystemContext, rows: &mut Rows) -> Result<(), SqlError> {
    let database = context.database_name();
    for view in context.views().filter(|view| context.owns(view.owner)) {
        for relation in &view.depends_on {
            let id = match relation {
                Relation::Table(id) => id.0,
                Relation::View(id) => id.0,
            };
            let Some(entry) = context.entry(id) else { continue };
            rows.add()
                .set("view_catalog", &database)
                .set("view_schema", context.namespace_name(view.schema.0))
                .set("view_name", &view.name)
                .set("table_catalog", &database)
                .set("table_schema", context.namespace_name(entry.namespace()))
                .set("table_name", entry.name());
        }
    }
    Ok(())
}
