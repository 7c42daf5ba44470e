//! `pg_rewrite`, `pg_depend`, `pg_description`, `pg_shdescription`.

use stoa_storage::Relation;

use crate::error::SqlError;
use crate::system::catalog::Entry;
use crate::system::context::SystemContext;
use crate::system::row::Rows;

/// Oids of the catalogs that rows are said to stand in.
const PG_CLASS: u32 = 1259;
const PG_REWRITE: u32 = 2618;
const PG_CONSTRAINT: u32 = 2606;
const PG_NAMESPACE: u32 = 2615;
const PG_DATABASE: u32 = 1262;

/// `pg_rewrite`: the rule of a view has the oid of the view.
pub(crate) fn rewrites(context: &SystemContext, rows: &mut Rows) -> Result<(), SqlError> {
    for view in context.views() {
        rows.add()
            .set("oid", view.id.0)
            .set("rulename", "_RETURN")
            .set("ev_class", view.id.0)
            .set("ev_type", "1")
            .set("ev_enabled", "O")
            .set("is_instead", true)
            .set("ev_action", &view.query);
    }
    Ok(())
}

/// `pg_depend`.
pub(crate) fn depends(context: &SystemContext, rows: &mut Rows) -> Result<(), SqlError> {
    let mut add = |class: u32, object: u32, to: (u32, u32), kind: &str| {
        rows.add()
            .set("classid", class)
            .set("objid", object)
            .set("refclassid", to.0)
            .set("refobjid", to.1)
            .set("deptype", kind);
    };
    for view in context.views() {
        add(PG_REWRITE, view.id.0, (PG_CLASS, view.id.0), "i");
        add(PG_CLASS, view.id.0, (PG_NAMESPACE, view.schema.0), "n");
        for relation in &view.depends_on {
            let id = match relation {
                Relation::Table(id) => id.0,
                Relation::View(id) => id.0,
            };
            add(PG_REWRITE, view.id.0, (PG_CLASS, id), "n");
        }
    }
    for table in context.tables() {
        add(PG_CLASS, table.id.0, (PG_NAMESPACE, table.schema.0), "n");
        for constraint in &table.constraints {
            add(PG_CONSTRAINT, constraint.id, (PG_CLASS, table.id.0), "a");
        }
    }
    Ok(())
}

/// `pg_description`.
pub(crate) fn descriptions(context: &SystemContext, rows: &mut Rows) -> Result<(), SqlError> {
    let mut add = |object: u32, class: u32, column: u32, text: &str| {
        rows.add().set("objoid", object).set("classoid", class).set("objsubid", column).set("description", text);
    };
    for schema in context.schemas() {
        if let Some(comment) = &schema.comment {
            add(schema.id.0, PG_NAMESPACE, 0, comment);
        }
    }
    for entry in context.entries() {
        if let Some(comment) = entry.comment() {
            add(entry.oid(), PG_CLASS, 0, comment);
        }
        match entry {
            Entry::Table(table) => {
                for column in &table.columns {
                    if let Some(comment) = &column.comment {
                        add(table.id.0, PG_CLASS, column.id.0, comment);
                    }
                }
            }
            Entry::System(table) => {
                for (column, number) in table.columns.iter().zip(1..) {
                    if !column.doc.is_empty() {
                        add(table.oid, PG_CLASS, number, column.doc);
                    }
                }
            }
            Entry::View(_) | Entry::Index(..) => {}
        }
    }
    Ok(())
}

/// `pg_shdescription`.
pub(crate) fn shared_descriptions(context: &SystemContext, rows: &mut Rows) -> Result<(), SqlError> {
    for database in context.snapshot.databases.values() {
        if let Some(comment) = &database.comment {
            rows.add().set("objoid", database.id.0).set("classoid", PG_DATABASE).set("description", comment);
        }
    }
    Ok(())
}
