//! Names → objects of the catalog.

use std::sync::Arc;

use sqlparser::ast::{Ident, ObjectName, ObjectNamePart};
use stoa_storage::{DatabaseId, Relation, RoleId, Schema, SchemaId, Snapshot, Table, View};

use super::PlanContext;
use crate::error::{SqlError, SqlState};
use crate::session::SessionFacts;
use crate::system::{self, SystemTable};

/// What a relation name stands for.
#[derive(Clone)]
pub(crate) enum Resolved {
    /// A table.
    Table(Arc<Table>),
    /// A view.
    View(Arc<View>),
    /// A table of `pg_catalog`, `information_schema` or one of Redshift's system tables.
    System(&'static SystemTable),
}

/// The spelling that counts: unquoted names are folded to lower case.
pub(crate) fn fold(ident: &Ident) -> String {
    match ident.quote_style {
        Some(_) => ident.value.clone(),
        None => ident.value.to_lowercase(),
    }
}

/// The parts of a dotted name, folded.
pub(crate) fn parts(name: &ObjectName) -> Result<Vec<String>, SqlError> {
    name.0
        .iter()
        .map(|part| match part {
            ObjectNamePart::Identifier(ident) => Ok(fold(ident)),
            ObjectNamePart::Function(_) => Err(SqlError::unsupported("a function as a name")),
        })
        .collect()
}

/// A name of one to three parts: `[[database.]schema.]name`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct QualifiedName {
    /// The schema, where given.
    pub(crate) schema: Option<String>,
    /// The object.
    pub(crate) name: String,
}

impl std::fmt::Display for QualifiedName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.schema {
            Some(schema) => write!(f, "{schema}.{}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

/// Splits a name and checks that a database, where given, is the session's.
pub(crate) fn qualified(name: &ObjectName, facts: &SessionFacts) -> Result<QualifiedName, SqlError> {
    let mut parts = parts(name)?.into_iter().rev();
    let (Some(object), schema, database, None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return Err(SqlError::syntax(format!("improper qualified name (too many dotted names): {name}")));
    };
    if let Some(database) = database.filter(|database| *database != facts.database) {
        return Err(SqlError::unsupported(format!("a reference to another database: \"{database}\"")));
    }
    Ok(QualifiedName { schema, name: object })
}

/// Finds a relation for reading: through the search path, where no schema is given. System tables come first, as
/// `pg_catalog` does in Postgres, then temporary tables, then the path.
pub(crate) fn relation(context: &PlanContext, name: &ObjectName) -> Result<Resolved, SqlError> {
    let qualified = qualified(name, &context.facts)?;
    let undefined = || SqlError::undefined_table(&qualified.to_string());
    match find_relation(&context.snapshot, &context.facts, &qualified) {
        // Postgres says of a query that the relation is missing, also where the schema is.
        Err(error) if error.state == SqlState::InvalidSchemaName => Err(undefined()),
        found => found?.ok_or_else(undefined),
    }
}

/// The same for a name already split; `Ok(None)` when there is none.
pub(crate) fn find_relation(
    snapshot: &Snapshot,
    facts: &SessionFacts,
    name: &QualifiedName,
) -> Result<Option<Resolved>, SqlError> {
    if let Some(schema) = &name.schema {
        if let Some(table) = system::lookup(schema, &name.name) {
            return Ok(Some(Resolved::System(table)));
        }
        if system::is_system_schema(schema) {
            return Ok(None);
        }
        let schema = schema_named(snapshot, facts, schema)?;
        return Ok(relation_in(snapshot, schema, &name.name));
    }
    if let Some(found) = facts.temporary_schema.and_then(|schema| relation_in(snapshot, schema, &name.name)) {
        return Ok(Some(found));
    }
    if let Some(table) = system::lookup("pg_catalog", &name.name) {
        return Ok(Some(Resolved::System(table)));
    }
    for schema in &facts.search_path {
        let found = match snapshot.schema_named(facts.database_id, schema) {
            Some(schema) => relation_in(snapshot, schema.id, &name.name),
            None => system::lookup(schema, &name.name).map(Resolved::System),
        };
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

/// A table or view of exactly that schema.
fn relation_in(snapshot: &Snapshot, schema: SchemaId, name: &str) -> Option<Resolved> {
    match snapshot.relation_named(schema, name)? {
        Relation::Table(id) => snapshot.tables.get(&id).map(|table| Resolved::Table(Arc::clone(table))),
        Relation::View(id) => snapshot.views.get(&id).map(|view| Resolved::View(Arc::clone(view))),
    }
}

/// The schema of that name in the session's database; `pg_temp` is the session's own.
pub(crate) fn schema_named(snapshot: &Snapshot, facts: &SessionFacts, name: &str) -> Result<SchemaId, SqlError> {
    if name == "pg_temp" {
        return facts.temporary_schema.ok_or_else(|| SqlError::undefined_schema(name));
    }
    match snapshot.schema_named(facts.database_id, name) {
        Some(schema) => Ok(schema.id),
        None => Err(SqlError::undefined_schema(name)),
    }
}

/// The schema of that name as an object; system schemas are refused.
pub(crate) fn user_schema(snapshot: &Snapshot, facts: &SessionFacts, name: &str) -> Result<Arc<Schema>, SqlError> {
    if system::is_system_schema(name) {
        return Err(SqlError::new(
            SqlState::InsufficientPrivilege,
            format!("permission denied: \"{name}\" is a system schema"),
        ));
    }
    snapshot.schema_named(facts.database_id, name).cloned().ok_or_else(|| SqlError::undefined_schema(name))
}

/// Where `CREATE … name` puts the object: the schema given, or the first of the search path that exists.
pub(crate) fn creation_schema(
    snapshot: &Snapshot,
    facts: &SessionFacts,
    name: &QualifiedName,
) -> Result<Arc<Schema>, SqlError> {
    if let Some(schema) = &name.schema {
        return user_schema(snapshot, facts, schema);
    }
    facts
        .search_path
        .iter()
        .find_map(|schema| snapshot.schema_named(facts.database_id, schema).cloned())
        .ok_or_else(|| SqlError::new(SqlState::InvalidSchemaName, "no schema has been selected to create in"))
}

/// Finds a table to change. Views and system tables are refused with 42809 and 42501.
pub(crate) fn table(snapshot: &Snapshot, facts: &SessionFacts, name: &QualifiedName) -> Result<Arc<Table>, SqlError> {
    match find_relation(snapshot, facts, name)? {
        Some(Resolved::Table(table)) => Ok(table),
        Some(Resolved::View(view)) => {
            Err(SqlError::new(SqlState::WrongObjectType, format!("\"{}\" is not a table", view.name)))
        }
        Some(Resolved::System(table)) => Err(SqlError::new(
            SqlState::InsufficientPrivilege,
            format!("permission denied: \"{}\" is a system catalog", table.name),
        )),
        None => Err(SqlError::undefined_table(&name.to_string())),
    }
}

/// Finds a role by name; `current_user` and `session_user` stand for the session's.
pub(crate) fn role(snapshot: &Snapshot, facts: &SessionFacts, name: &str) -> Result<RoleId, SqlError> {
    match name {
        "current_user" | "current_role" | "user" => Ok(facts.role),
        "session_user" => Ok(facts.session_role),
        _ => snapshot.role_named(name).map(|role| role.id).ok_or_else(|| SqlError::undefined_role(name)),
    }
}

/// The database of that name.
pub(crate) fn database(snapshot: &Snapshot, name: &str) -> Result<DatabaseId, SqlError> {
    snapshot.database_named(name).map(|database| database.id).ok_or_else(|| SqlError::undefined_database(name))
}

/// Tables to change, by names as written.
pub(crate) fn tables(names: &[ObjectName], context: &PlanContext) -> Result<Vec<Arc<Table>>, SqlError> {
    names.iter().map(|name| table(&context.snapshot, &context.facts, &qualified(name, &context.facts)?)).collect()
}

/// A name for a new object: 42622 when it is too long.
pub(crate) fn new_name(name: String) -> Result<String, SqlError> {
    if name.is_empty() {
        return Err(SqlError::syntax("zero-length delimited identifier"));
    }
    if name.len() > stoa_storage::limit::NAME_BYTES_MAX {
        return Err(SqlError::new(
            SqlState::NameTooLong,
            format!("identifier \"{name}\" is longer than {} bytes", stoa_storage::limit::NAME_BYTES_MAX),
        ));
    }
    Ok(name)
}
