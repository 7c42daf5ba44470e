//! Who may do what: `has_table_privilege` and its kin.

use stoa_storage::{DatabaseId, Privilege, RoleId, SchemaId};

use crate::error::{SqlError, SqlState};
use crate::system::access::Object;
use crate::system::catalog::Entry;
use crate::system::cell::Cell;
use crate::system::context::SystemContext;
use crate::system::function::size::relation_of;
use crate::system::function::{Call, declare_functions};

declare_functions! {
    "has_table_privilege"(Any Any; Text) -> "bool", Stable, strict, |call| relation(call, 2);
    "has_any_column_privilege"(Any Any; Text) -> "bool", Stable, strict, |call| relation(call, 2);
    "has_column_privilege"(Any Any Any; Text) -> "bool", Stable, strict, column;
    "has_schema_privilege"(Any Any; Text) -> "bool", Stable, strict, schema;
    "has_database_privilege"(Any Any; Text) -> "bool", Stable, strict, database;
    // Every function may be called by everybody, every type and language used; there is nothing else to hold.
    "has_function_privilege"(Any Any; Text) -> "bool", Stable, strict, |_| Ok(true.into());
    "has_type_privilege"(Any Any; Text) -> "bool", Stable, strict, |_| Ok(true.into());
    "has_language_privilege"(Any Any; Text) -> "bool", Stable, strict, |_| Ok(true.into());
    "has_tablespace_privilege"(Any Any; Text) -> "bool", Stable, strict, |_| Ok(true.into());
    "has_sequence_privilege"(Any Any; Text) -> "bool", Stable, strict, |_| Ok(false.into());
    "has_foreign_data_wrapper_privilege"(Any Any; Text) -> "bool", Stable, strict, |_| Ok(false.into());
    "has_server_privilege"(Any Any; Text) -> "bool", Stable, strict, |_| Ok(false.into());
    "pg_has_role"(Any Any; Text) -> "bool", Stable, strict, has_role;
    "row_security_active"(Any) -> "bool", Stable, strict, |_| Ok(false.into());
}

/// The role that an argument names or numbers.
fn role_of(context: &SystemContext, argument: &Cell) -> Result<RoleId, SqlError> {
    match argument {
        Cell::Text(name) if name == "public" => Ok(stoa_storage::PUBLIC),
        Cell::Text(name) => {
            context.snapshot.role_named(name).map(|role| role.id).ok_or_else(|| SqlError::undefined_role(name))
        }
        other => Ok(RoleId(other.as_oid().unwrap_or(0))),
    }
}

/// Splits `[user,] …, privilege` into the role and the index of the first argument after it.
fn subject(call: &Call<'_>, with_user: usize) -> Result<(RoleId, usize), SqlError> {
    if call.count() > with_user { Ok((role_of(call.context, call.get(0))?, 1)) } else { Ok((call.context.role, 0)) }
}

/// `SELECT, INSERT WITH GRANT OPTION`: any of them is enough.
fn rights(text: &str) -> Result<Vec<(Option<Privilege>, bool)>, SqlError> {
    let each = text.split(',').map(|word| {
        let word = word.trim().to_uppercase();
        let (name, grantable) = match word.strip_suffix("WITH GRANT OPTION") {
            Some(name) => (name.trim().to_owned(), true),
            None => (word, false),
        };
        let privilege = match name.as_str() {
            "SELECT" => Some(Privilege::Select),
            "INSERT" => Some(Privilege::Insert),
            "UPDATE" => Some(Privilege::Update),
            "DELETE" => Some(Privilege::Delete),
            "TRUNCATE" => Some(Privilege::Truncate),
            "REFERENCES" => Some(Privilege::References),
            "CREATE" => Some(Privilege::Create),
            "USAGE" => Some(Privilege::Usage),
            "CONNECT" => Some(Privilege::Connect),
            "TEMP" | "TEMPORARY" => Some(Privilege::Temporary),
            // Known to Postgres, held by nobody here.
            "TRIGGER" | "RULE" | "MAINTAIN" => None,
            _ => {
                let message = format!("unrecognized privilege type: \"{name}\"");
                return Err(SqlError::new(SqlState::InvalidParameterValue, message));
            }
        };
        Ok((privilege, grantable))
    });
    each.collect()
}

fn any_right(call: &Call<'_>, role: RoleId, object: Object<'_>, text: &str) -> Result<Cell, SqlError> {
    let held = rights(text)?.into_iter().any(|(privilege, grantable)| {
        privilege.is_some_and(|privilege| call.context.holds_right(role, object, privilege, grantable))
    });
    Ok(held.into())
}

fn entry_of<'a>(call: &'a Call<'_>, argument: &Cell) -> Result<Option<Entry<'a>>, SqlError> {
    match (relation_of(call.context, argument), argument) {
        (None, Cell::Text(name)) => Err(SqlError::undefined_table(name)),
        (found, _) => Ok(found),
    }
}

fn relation(call: &Call<'_>, with_user: usize) -> Result<Cell, SqlError> {
    let (role, first) = subject(call, with_user)?;
    match entry_of(call, call.get(first))? {
        Some(entry) => any_right(call, role, Object::Relation(entry), call.text(first + 1)),
        None => Ok(Cell::Null),
    }
}

fn column(call: &Call<'_>) -> Result<Cell, SqlError> {
    let (role, first) = subject(call, 3)?;
    let Some(entry) = entry_of(call, call.get(first))? else { return Ok(Cell::Null) };
    let columns = call.context.columns(entry);
    let known = match call.get(first + 1) {
        Cell::Text(name) => {
            if !columns.iter().any(|column| column.name == *name) {
                return Err(SqlError::undefined_column(name, entry.name()));
            }
            true
        }
        other => other.as_oid().is_some_and(|number| columns.iter().any(|column| column.number == number)),
    };
    if !known {
        return Ok(Cell::Null);
    }
    any_right(call, role, Object::Relation(entry), call.text(first + 2))
}

fn schema(call: &Call<'_>) -> Result<Cell, SqlError> {
    let (role, first) = subject(call, 2)?;
    let context = call.context;
    let oid = match call.get(first) {
        Cell::Text(name) => Some(context.namespace_oid(name).ok_or_else(|| SqlError::undefined_schema(name))?),
        other => other.as_oid(),
    };
    let text = call.text(first + 1);
    match oid.map(|oid| (oid, context.snapshot.schemas.get(&SchemaId(oid)))) {
        Some((_, Some(schema))) => any_right(call, role, Object::Schema(schema), text),
        Some((oid, None)) if context.namespace_name(oid).is_some() => {
            let usage = rights(text)?.contains(&(Some(Privilege::Usage), false));
            Ok((usage || context.is_superuser(role)).into())
        }
        _ => Ok(Cell::Null),
    }
}

fn database(call: &Call<'_>) -> Result<Cell, SqlError> {
    let (role, first) = subject(call, 2)?;
    let context = call.context;
    let id = match call.get(first) {
        Cell::Text(name) => Some(context.database_id(name).ok_or_else(|| SqlError::undefined_database(name))?),
        other => other.as_oid().map(DatabaseId),
    };
    match id.and_then(|id| context.snapshot.databases.get(&id)) {
        Some(database) => any_right(call, role, Object::Database(database), call.text(first + 1)),
        None => Ok(Cell::Null),
    }
}

fn has_role(call: &Call<'_>) -> Result<Cell, SqlError> {
    let (member, first) = subject(call, 2)?;
    let group = role_of(call.context, call.get(first))?;
    Ok((call.context.is_superuser(member) || call.context.memberships(member).contains(&group)).into())
}
