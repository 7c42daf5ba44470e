//! Who holds which right, for `has_table_privilege` and the views that show only what a user may use.
//!
//! These answers inform; the decision whether a statement may run is made in `crate::access`.

use stoa_storage::{Acl, Database, Privilege, RoleId, Schema};

use crate::system::catalog::Entry;
use crate::system::context::SystemContext;
use crate::system::text::{DATABASE_RIGHTS, SCHEMA_RIGHTS, TABLE_RIGHTS};

/// Something that rights are held on.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Object<'a> {
    /// A table, view or system table.
    Relation(Entry<'a>),
    /// A schema.
    Schema(&'a Schema),
    /// A database.
    Database(&'a Database),
}

impl SystemContext {
    /// Whether the current user acts as `owner`: is it, is a member of it, or is superuser.
    pub(crate) fn owns(&self, owner: RoleId) -> bool {
        self.owns_as(self.role, owner)
    }

    fn owns_as(&self, role: RoleId, owner: RoleId) -> bool {
        self.is_superuser(role) || (owner != stoa_storage::PUBLIC && self.memberships(role).contains(&owner))
    }

    /// Whether a role holds a right on an object, itself or through a membership. With `grantable`: may grant it on.
    pub(crate) fn holds_right(&self, role: RoleId, object: Object<'_>, privilege: Privilege, grantable: bool) -> bool {
        let (owner, acl) = match object {
            Object::Relation(Entry::Table(table) | Entry::Index(table, _)) => (table.owner, &table.acl),
            Object::Relation(Entry::View(view)) => (view.owner, &view.acl),
            Object::Relation(Entry::System(_)) => {
                return privilege == Privilege::Select && !grantable || self.is_superuser(role);
            }
            Object::Schema(schema) => (schema.owner, &schema.acl),
            Object::Database(database) => (database.owner, &database.acl),
        };
        self.owns_as(role, owner) || self.holds_in(role, acl, privilege, grantable)
    }

    fn holds_in(&self, role: RoleId, acl: &Acl, privilege: Privilege, grantable: bool) -> bool {
        let members = self.memberships(role);
        acl.entries
            .iter()
            .filter(|(grantee, _)| members.contains(grantee))
            .any(|(_, held)| held.get(&privilege).is_some_and(|option| *option || !grantable))
    }

    /// Whether the current user holds any right on a relation.
    pub(crate) fn has_any(&self, entry: Entry<'_>) -> bool {
        self.has_any_on(Object::Relation(entry))
    }

    /// Whether the current user holds any right on an object.
    pub(crate) fn has_any_on(&self, object: Object<'_>) -> bool {
        let rights = match object {
            Object::Relation(_) => TABLE_RIGHTS,
            Object::Schema(_) => SCHEMA_RIGHTS,
            Object::Database(_) => DATABASE_RIGHTS,
        };
        rights.iter().any(|privilege| self.holds_right(self.role, object, *privilege, false))
    }
}
