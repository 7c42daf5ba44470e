//! `pg_roles`, `pg_authid`, `pg_auth_members`, `pg_user`, `pg_shadow`, `pg_group`.

use std::sync::Arc;

use stoa_storage::{Role, SettingScope};

use crate::error::SqlError;
use crate::system::context::SystemContext;
use crate::system::row::{Row, Rows};

/// What stands in place of every password.
const MASK: &str = "********";

fn real_roles(context: &SystemContext) -> impl Iterator<Item = &Arc<Role>> {
    context.snapshot.roles.values().filter(|role| role.id != stoa_storage::PUBLIC)
}

/// `pg_roles`.
pub(crate) fn roles(context: &SystemContext, rows: &mut Rows) -> Result<(), SqlError> {
    for role in real_roles(context) {
        let mut row = rows.add();
        common(role, &mut row);
        row.set("rolpassword", MASK).set("rolconfig", stored_settings(context, role));
    }
    Ok(())
}

/// `pg_authid`: as masked as `pg_roles`, because a verifier can be attacked off line.
pub(crate) fn authids(context: &SystemContext, rows: &mut Rows) -> Result<(), SqlError> {
    for role in real_roles(context) {
        let mut row = rows.add();
        common(role, &mut row);
        row.set("rolpassword", role.verifier.as_ref().map(|_| MASK));
    }
    Ok(())
}

fn common(role: &Role, row: &mut Row<'_>) {
    row.set("oid", role.id.0)
        .set("rolname", &role.name)
        .set("rolsuper", role.superuser)
        .set("rolinherit", true)
        .set("rolcreaterole", role.create_role)
        .set("rolcreatedb", role.create_database)
        .set("rolcanlogin", role.login)
        .set("rolreplication", false)
        .set("rolbypassrls", role.superuser)
        .set("rolconnlimit", role.connection_limit.map_or(-1, i64::from));
}

fn stored_settings(context: &SystemContext, role: &Role) -> Option<Vec<String>> {
    let settings = context.snapshot.settings.iter().filter(|((scope, _), _)| *scope == SettingScope::Role(role.id));
    let settings: Vec<String> = settings.map(|((_, name), value)| format!("{name}={value}")).collect();
    (!settings.is_empty()).then_some(settings)
}

/// `pg_auth_members`.
pub(crate) fn members(context: &SystemContext, rows: &mut Rows) -> Result<(), SqlError> {
    let mut number = 0_u32;
    for role in real_roles(context) {
        for group in &role.member_of {
            number += 1;
            rows.add()
                .set("oid", number)
                .set("roleid", group.0)
                .set("member", role.id.0)
                .set("grantor", context.system_owner().0)
                .set("inherit_option", true)
                .set("set_option", true);
        }
    }
    Ok(())
}

/// `pg_user`.
pub(crate) fn users(context: &SystemContext, rows: &mut Rows) -> Result<(), SqlError> {
    for role in real_roles(context).filter(|role| role.login) {
        rows.add()
            .set("usename", &role.name)
            .set("usesysid", role.id.0)
            .set("usecreatedb", role.create_database)
            .set("usesuper", role.superuser)
            .set("userepl", false)
            .set("usebypassrls", role.superuser)
            .set("passwd", MASK)
            .set("useconfig", stored_settings(context, role));
    }
    Ok(())
}

/// `pg_shadow`: the same rows, and the same mask.
pub(crate) fn shadows(context: &SystemContext, rows: &mut Rows) -> Result<(), SqlError> {
    users(context, rows)
}

/// `pg_group`.
pub(crate) fn groups(context: &SystemContext, rows: &mut Rows) -> Result<(), SqlError> {
    for group in real_roles(context).filter(|role| !role.login) {
        let members = real_roles(context).filter(|role| role.member_of.contains(&group.id));
        rows.add()
            .set("groname", &group.name)
            .set("grosysid", group.id.0)
            .set("grolist", members.map(|role| role.id.0).collect::<Vec<_>>());
    }
    Ok(())
}
