//! The declaration of a system table: name, oid, columns, and the function that computes its rows.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::arrow::record_batch::RecordBatch;

use crate::error::SqlError;
use crate::system::context::SystemContext;
use crate::system::declare;
use crate::system::row::Rows;
use crate::types::SqlType;

/// Name of the schema of Postgres's and Redshift's own tables.
pub(crate) const PG_CATALOG: &str = "pg_catalog";
/// Name of the schema of the SQL standard's views.
pub(crate) const INFORMATION_SCHEMA: &str = "information_schema";

/// Kind of a set of rows that SQL knows as a function without arguments; it is no relation.
pub(crate) const FUNCTION_KIND: &str = "f";

/// Computes the rows of a table.
pub(crate) type RowSource = fn(&SystemContext, &mut Rows) -> Result<(), SqlError>;

/// A column of a system table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SystemColumn {
    /// Name.
    pub name: &'static str,
    /// Name of the type in the spelling of the declaration.
    type_name: &'static str,
    /// Whether it is never null.
    pub required: bool,
    /// What it says; empty where it says what Postgres's column of that name says.
    pub doc: &'static str,
}

impl SystemColumn {
    /// SQL type.
    pub(crate) fn sql_type(&self) -> SqlType {
        match self.type_name {
            "char1" => SqlType::Char1,
            "_char1" => SqlType::Array(Box::new(SqlType::Char1)),
            "numeric_18_4" => SqlType::Numeric { precision: 18, scale: 4 },
            name => SqlType::parse(name).unwrap_or(SqlType::Text),
        }
    }
}

/// A table or view that Stoa computes from its catalog and its memory.
#[derive(Debug)]
pub(crate) struct SystemTable {
    /// `pg_catalog` or `information_schema`.
    pub schema: &'static str,
    /// Name.
    pub name: &'static str,
    /// Stable oid, below the ids of users' objects.
    pub oid: u32,
    /// `r` table or `v` view, as clients expect it; `f` a function that returns rows.
    pub kind: &'static str,
    /// What it holds.
    pub doc: &'static str,
    /// Columns in order.
    pub columns: &'static [SystemColumn],
    pub(crate) rows: RowSource,
}

impl SystemTable {
    /// The Arrow schema; SQL types travel as metadata of the fields.
    pub(crate) fn arrow_schema(&self) -> SchemaRef {
        static SCHEMAS: LazyLock<HashMap<u32, SchemaRef>> =
            LazyLock::new(|| all().map(|table| (table.oid, table.make_schema())).collect());
        SCHEMAS.get(&self.oid).map_or_else(|| self.make_schema(), Arc::clone)
    }

    fn make_schema(&self) -> SchemaRef {
        let fields = self.columns.iter().map(|column| column.sql_type().field(column.name, !column.required));
        Arc::new(Schema::new(fields.collect::<Vec<_>>()))
    }

    /// All rows as the context's user sees them. Computed once a context.
    pub(crate) fn rows(&self, context: &SystemContext) -> Result<RecordBatch, SqlError> {
        if let Some(batch) = context.cache.lock().get(&self.oid) {
            return Ok(batch.clone());
        }
        let mut rows = Rows::new(self);
        (self.rows)(context, &mut rows)?;
        let batch = rows.finish()?;
        context.cache.lock().insert(self.oid, batch.clone());
        Ok(batch)
    }
}

/// Declares system tables: `[schema name oid kind source] doc { column: type doc, nullable? type doc, … }`.
macro_rules! system_tables {
    (@required :) => { true };
    (@required ?) => { false };
    (@doc) => { "" };
    (@doc $doc:literal) => { $doc };
    ($all:ident $([$schema:literal $name:literal $oid:literal $kind:literal $rows:path] $doc:literal {
        $($column:ident $required:tt $type:ident $($column_doc:literal)?,)*
    })*) => {
        /// The tables declared here.
        pub(crate) static $all: &[SystemTable] = &[$(SystemTable {
            schema: $schema, name: $name, oid: $oid, kind: $kind, doc: $doc, rows: $rows,
            columns: &[$(crate::system::table::column(
                stringify!($column), stringify!($type), system_tables!(@required $required),
                system_tables!(@doc $($column_doc)?),
            ),)*],
        },)*];
    };
}
pub(crate) use system_tables;

/// Makes a column; only for the declarations.
pub(crate) const fn column(
    name: &'static str,
    type_name: &'static str,
    required: bool,
    doc: &'static str,
) -> SystemColumn {
    SystemColumn { name, type_name, required, doc }
}

/// All system tables.
pub(crate) fn all() -> impl Iterator<Item = &'static SystemTable> {
    [
        declare::relation::TABLES,
        declare::database::TABLES,
        declare::role::TABLES,
        declare::datatype::TABLES,
        declare::absent::TABLES,
        declare::view::TABLES,
        declare::information::TABLES,
        declare::redshift::TABLES,
    ]
    .into_iter()
    .flatten()
}

/// The system table of that schema and name.
pub(crate) fn lookup(schema: &str, name: &str) -> Option<&'static SystemTable> {
    static NAMES: LazyLock<HashMap<(&'static str, &'static str), &'static SystemTable>> =
        LazyLock::new(|| all().map(|table| ((table.schema, table.name), table)).collect());
    NAMES.get(&(schema, name)).copied()
}

/// The system table of that oid.
pub(crate) fn by_oid(oid: u32) -> Option<&'static SystemTable> {
    static OIDS: LazyLock<HashMap<u32, &'static SystemTable>> =
        LazyLock::new(|| all().map(|table| (table.oid, table)).collect());
    OIDS.get(&oid).copied()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use stoa_storage::FIRST_USER_ID;

    use super::*;

    #[test]
    fn every_table_is_declared_once_with_an_oid_of_its_own() {
        let mut oids = HashSet::new();
        let mut names = HashSet::new();
        for table in all() {
            assert!(oids.insert(table.oid), "oid {} of {} is used twice", table.oid, table.name);
            assert!(names.insert((table.schema, table.name)), "{} is declared twice", table.name);
            assert!(table.oid < FIRST_USER_ID);
            let distinct: HashSet<_> = table.columns.iter().map(|column| column.name).collect();
            assert_eq!(distinct.len(), table.columns.len(), "{} has a column twice", table.name);
            for column in table.columns {
                let name = column.type_name;
                assert!(
                    matches!(name, "char1" | "_char1" | "numeric_18_4") || SqlType::parse(name).is_some(),
                    "type {name} of {}.{}",
                    table.name,
                    column.name
                );
            }
        }
        assert!(lookup("pg_catalog", "pg_class").is_some());
        assert!(lookup("public", "pg_class").is_none());
    }
}
