//! System tables and functions: `pg_catalog`, `information_schema` and Redshift's system views, computed from the catalog
//! snapshot and from what the server remembers.
//!
//! Each table is declared once, in `declare`; what computes its rows stands in `rows`. Each function is declared once, in
//! `function`. [`rewrite`] turns the SQL that clients send to catalogs into SQL that the planner knows.

mod access;
mod catalog;
mod cell;
mod context;
mod correlate;
mod datatype;
mod declare;
mod function;
mod history;
mod link;
mod provider;
pub(crate) mod rewrite;
mod row;
mod rows;
mod table;
mod text;
mod type_function;

pub(crate) use context::{Action, SettingFact, SystemContext};
pub(crate) use correlate::resolve as resolve_correlated;
pub(crate) use function::functions;
pub(crate) use function::show_names;
pub(crate) use history::{History, LoadErrorFact, SessionFact, StatementFact, StatementStatus};
pub(crate) use link::{all_functions, view_columns};
pub(crate) use provider::SystemProvider;
pub(crate) use table::{INFORMATION_SCHEMA, PG_CATALOG, SystemTable, lookup};

/// Whether a schema of that name is built in: nothing can be created or dropped there.
pub(crate) fn is_system_schema(name: &str) -> bool {
    matches!(name, PG_CATALOG | INFORMATION_SCHEMA | "pg_toast" | "pg_internal")
}

#[cfg(test)]
mod tests;
