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

pub use context::{Action, ActionHandler, FunctionFact, SettingFact, SystemContext, ViewColumns};
pub(crate) use correlate::resolve as resolve_correlated;
pub(crate) use function::show_names;
pub(crate) use link::{all_functions, view_columns};
pub(crate) use function::functions;
pub use history::{
    CONNECTIONS_MAX, ConnectionFact, History, LOAD_ERRORS_MAX, LoadErrorFact, STATEMENT_TEXT_MAX, STATEMENTS_MAX,
    SessionFact, StatementFact, StatementStatus,
};
pub use provider::SystemProvider;
pub use table::{INFORMATION_SCHEMA, PG_CATALOG, SystemColumn, SystemTable, all, lookup};

/// Whether a schema of that name is built in: nothing can be created or dropped there.
pub fn is_system_schema(name: &str) -> bool {
    matches!(name, PG_CATALOG | INFORMATION_SCHEMA | "pg_toast" | "pg_internal")
}

#[cfg(test)]
mod tests;
