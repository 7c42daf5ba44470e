//! Roles, memberships and grants: data only. Decisions are made in `stoa-query`'s `access`.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::id::RoleId;

/// The role that every session belongs to (`PUBLIC`).
pub const PUBLIC: RoleId = RoleId(0);

/// A user or a group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Role {
    /// Stable id.
    pub id: RoleId,
    /// Name, unique over users and roles.
    pub name: String,
    /// Passes every check.
    pub superuser: bool,
    /// May open sessions.
    pub login: bool,
    /// May create databases.
    pub create_database: bool,
    /// May create roles.
    pub create_role: bool,
    /// Password verifier in Postgres's `SCRAM-SHA-256$…` form; never the password.
    pub verifier: Option<String>,
    /// Roles that this one is a member of.
    pub member_of: BTreeSet<RoleId>,
    /// Greatest number of sessions, where limited.
    pub connection_limit: Option<u32>,
}

/// One right on one object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Privilege {
    /// Read rows.
    Select,
    /// Add rows.
    Insert,
    /// Change rows.
    Update,
    /// Remove rows.
    Delete,
    /// Remove all rows at once.
    Truncate,
    /// Declare foreign keys to the table.
    References,
    /// Create objects inside (database: schemas, schema: tables).
    Create,
    /// Name objects inside a schema.
    Usage,
    /// Open sessions on a database.
    Connect,
    /// Create temporary tables in a database.
    Temporary,
}

/// Who holds which rights on an object: role → privilege → whether it may be granted on.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Acl {
    /// The entries; an absent role holds nothing.
    pub entries: BTreeMap<RoleId, BTreeMap<Privilege, bool>>,
}

impl Acl {
    /// Whether `role` itself (not by membership) holds `privilege`.
    pub fn holds(&self, role: RoleId, privilege: Privilege) -> bool {
        self.entries.get(&role).is_some_and(|held| held.contains_key(&privilege))
    }

    /// Adds a right; an earlier grant option is kept.
    pub fn grant(&mut self, role: RoleId, privilege: Privilege, grant_option: bool) {
        *self.entries.entry(role).or_default().entry(privilege).or_insert(false) |= grant_option;
    }

    /// Takes a right away; absent rights are not an error (as in Postgres).
    pub fn revoke(&mut self, role: RoleId, privilege: Privilege) {
        if let Some(held) = self.entries.get_mut(&role) {
            held.remove(&privilege);
            if held.is_empty() {
                self.entries.remove(&role);
            }
        }
    }
}
