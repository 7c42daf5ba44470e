//! `information_schema`: rights on tables, views and their columns.

use stoa_storage::{Acl, PUBLIC, Privilege, RoleId};

use crate::error::SqlError;
use crate::system::catalog::Entry;
use crate::system::context::SystemContext;
use crate::system::row::Rows;
use crate::system::rows::information::visible_relations;
use crate::system::text::{TABLE_RIGHTS, privilege_name};

/// One right of one role on one relation.
pub(crate) struct Held {
    /// Who holds it.
    pub grantee: RoleId,
    /// Which.
    pub privilege: Privilege,
    /// Whether it may be granted on.
    pub grantable: bool,
}

/// All rights on a relation, those that its owner has by itself first.
pub(crate) fn held(context: &SystemContext, entry: Entry<'_>) -> Vec<Held> {
    let none = Acl::default();
    let acl = match entry {
        Entry::Table(table) | Entry::Index(table, _) => &table.acl,
        Entry::View(view) => &view.acl,
        Entry::System(_) => {
            return vec![Held { grantee: PUBLIC, privilege: Privilege::Select, grantable: false }];
        }
    };
    let acl = if acl.entries.is_empty() { &none } else { acl };
    let owner = entry.owner(context);
    let own = TABLE_RIGHTS.iter().map(|privilege| Held { grantee: owner, privilege: *privilege, grantable: true });
    let granted = acl.entries.iter().filter(|(role, _)| **role != owner).flat_map(|(role, rights)| {
        rights.iter().map(|(privilege, option)| Held { grantee: *role, privilege: *privilege, grantable: *option })
    });
    own.chain(granted).collect()
}

fn grantee_name(context: &SystemContext, role: RoleId) -> String {
    if role == PUBLIC { "PUBLIC".to_owned() } else { context.role_name(role) }
}

/// Only rights that concern the current user are shown: given by it, to it, or to everybody.
fn concerns(context: &SystemContext, owner: RoleId, held: &Held) -> bool {
    context.owns(owner) || context.memberships(context.role).contains(&held.grantee)
}

/// `table_privileges`, `role_table_grants`.
pub(crate) fn tables(context: &SystemContext, rows: &mut Rows) -> Result<(), SqlError> {
    let database = context.database_name();
    for entry in visible_relations(context) {
        let owner = entry.owner(context);
        for held in held(context, entry).into_iter().filter(|held| concerns(context, owner, held)) {
            rows.add()
                .set("grantor", context.role_name(owner))
                .set("grantee", grantee_name(context, held.grantee))
                .set("table_catalog", &database)
                .set("table_schema", context.namespace_name(entry.namespace()))
                .set("table_name", entry.name())
                .set("privilege_type", privilege_name(held.privilege))
                .set("is_grantable", if held.grantable { "YES" } else { "NO" })
                .set("with_hierarchy", if held.privilege == Privilege::Select { "YES" } else { "NO" });
        }
    }
    Ok(())
}

/// `column_privileges`, `role_column_grants`.
pub(crate) fn columns(context: &SystemContext, rows: &mut Rows) -> Result<(), SqlError> {
    let database = context.database_name();
    let of_columns = [Privilege::Select, Privilege::Insert, Privilege::Update, Privilege::References];
    for entry in visible_relations(context).filter(|entry| !matches!(entry, Entry::System(_))) {
        let owner = entry.owner(context);
        let columns = context.columns(entry);
        for held in held(context, entry).into_iter().filter(|held| concerns(context, owner, held)) {
            if !of_columns.contains(&held.privilege) {
                continue;
            }
            for column in &columns {
                rows.add()
                    .set("grantor", context.role_name(owner))
                    .set("grantee", grantee_name(context, held.grantee))
                    .set("table_catalog", &database)
                    .set("table_schema", context.namespace_name(entry.namespace()))
                    .set("table_name", entry.name())
                    .set("column_name", &column.name)
                    .set("privilege_type", privilege_name(held.privilege))
                    .set("is_grantable", if held.grantable { "YES" } else { "NO" });
            }
        }
    }
    Ok(())
}
