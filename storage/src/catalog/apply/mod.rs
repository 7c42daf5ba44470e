//! Applying changes: the only code that changes a [`Snapshot`].
//!
//! [`Change::apply`] is total and pure: it either makes the change completely or gives an error and leaves the snapshot as
//! it was; it reads nothing but its arguments. A transaction stages with it, the log checks with it
//! ([`check_and_apply`]), and recovery replays with it, so all three agree by construction.
//!
//! | file | changes |
//! |---|---|
//! | `object` | databases, schemas, views, roles, rights, settings |
//! | `table` | definitions of tables |
//! | `rows` | parts, deletions, identities, garbage |
//! | `conflict` | which changes of two transactions exclude each other |

mod conflict;
mod object;
mod rows;
mod table;
#[cfg(test)]
mod tests;

use crate::catalog::change::Change;
use crate::catalog::snapshot::{ObjectKey, Snapshot};
use crate::error::{Error, Kind, Result};
use crate::id::{FIRST_USER_ID, RoleId, Version};
use crate::limit::NAME_BYTES_MAX;

impl Change {
    /// Makes the change in a snapshot, as part of the version that the snapshot's `version` field already names.
    pub(crate) fn apply(&self, snapshot: &mut Snapshot) -> Result<()> {
        match self {
            Self::CreateDatabase(database) => object::create_database(snapshot, database),
            Self::DropDatabase(id) => object::drop_database(snapshot, *id),
            Self::CreateSchema(schema) => object::create_schema(snapshot, schema),
            Self::DropSchema(id) => object::drop_schema(snapshot, *id),
            Self::CreateTable(table) => table::create(snapshot, table),
            Self::DropTable(id) => table::drop(snapshot, *id),
            Self::PutView(view) => object::put_view(snapshot, view),
            Self::DropView(id) => object::drop_view(snapshot, *id),
            Self::PutRole(role) => object::put_role(snapshot, role),
            Self::DropRole(id) => object::drop_role(snapshot, *id),
            Self::AlterTable { table, action } => table::alter(snapshot, *table, action),
            Self::AlterObject { object, action } => object::alter(snapshot, *object, action),
            Self::Grant { object, role, privileges, grant_option } => {
                object::grant(snapshot, *object, *role, privileges, *grant_option)
            }
            Self::Revoke { object, role, privileges } => object::revoke(snapshot, *object, *role, privileges),
            Self::PutSetting { scope, name, value } => object::put_setting(snapshot, *scope, name, value.as_deref()),
            Self::Append { table, parts } => rows::append(snapshot, *table, parts),
            Self::Delete { table, part, rows } => rows::delete(snapshot, *table, *part, rows),
            Self::Truncate { table, parts } => rows::truncate(snapshot, *table, parts),
            Self::Replace { table, remove, add } => rows::replace(snapshot, *table, remove, add),
            Self::AdvanceIdentity { table, column, next } => rows::advance_identity(snapshot, *table, *column, *next),
            Self::Collect { horizon, paths } => rows::collect(snapshot, *horizon, paths),
        }
    }
}

/// The commit check: whether a transaction that began at `base` may follow `snapshot` (which names the version being
/// made), and the snapshot after it. What was fine when it was staged and fails now does so because of another commit:
/// a conflict.
pub(crate) fn check_and_apply(snapshot: &Snapshot, base: Version, changes: &[Change]) -> Result<Snapshot> {
    for change in changes {
        conflict::check(change, snapshot, base)?;
    }
    let mut after = snapshot.clone();
    for change in changes {
        change.apply(&mut after).map_err(|error| match error.kind() {
            Kind::Exists | Kind::NotFound | Kind::Invalid => {
                Error::conflict("a concurrent transaction was committed first").with_source(error)
            }
            _ => error,
        })?;
    }
    Ok(after)
}

/// Notes that this version changed an object.
fn touch(snapshot: &mut Snapshot, key: ObjectKey) {
    snapshot.modified.insert(key, snapshot.version);
}

/// An id must be new; from here on it is used.
fn check_new_id(snapshot: &Snapshot, id: u32) -> Result<()> {
    use crate::id::{DatabaseId, SchemaId, TableId, ViewId};
    let taken = snapshot.databases.contains_key(&DatabaseId(id))
        || snapshot.schemas.contains_key(&SchemaId(id))
        || snapshot.tables.contains_key(&TableId(id))
        || snapshot.views.contains_key(&ViewId(id))
        || snapshot.roles.contains_key(&RoleId(id));
    if taken { Err(Error::exists(format!("object id {id} is in use"))) } else { Ok(()) }
}

fn use_id(snapshot: &mut Snapshot, id: u32) {
    snapshot.next_id = snapshot.next_id.max(id.saturating_add(1));
}

fn check_name(name: &str) -> Result<()> {
    if name.is_empty() {
        Err(Error::invalid("a name must not be empty"))
    } else if name.len() > NAME_BYTES_MAX {
        Err(Error::invalid(format!("the name \"{name}\" is longer than {NAME_BYTES_MAX} bytes")))
    } else {
        Ok(())
    }
}

/// Roles below the first user id are built in (PUBLIC, the bootstrap superuser) and need no entry.
fn check_role(snapshot: &Snapshot, role: RoleId) -> Result<()> {
    if role.0 < FIRST_USER_ID || snapshot.roles.contains_key(&role) {
        Ok(())
    } else {
        Err(Error::not_found(format!("role {role} does not exist")))
    }
}
