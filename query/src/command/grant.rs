//! GRANT and REVOKE.

use sqlparser::ast::Ident;
use stoa_storage::{Change, ObjectRef, PUBLIC, Privilege, RoleId};

use super::{Context, role};
use crate::access::Requirement;
use crate::error::SqlError;
use crate::error::SqlState;
use crate::outcome::Outcome;
use crate::plan::PlanContext;
use crate::plan::name::{self, Resolved, fold};
use crate::statement::role::{Grant, GrantObjects, Rights};

const ON_TABLES: &[Privilege] = &[
    Privilege::Select,
    Privilege::Insert,
    Privilege::Update,
    Privilege::Delete,
    Privilege::Truncate,
    Privilege::References,
];
const ON_SCHEMAS: &[Privilege] = &[Privilege::Usage, Privilege::Create];
const ON_DATABASES: &[Privilege] = &[Privilege::Create, Privilege::Connect, Privilege::Temporary];

/// GRANT and REVOKE.
pub(crate) struct GrantPlan {
    revoke: bool,
    roles: Vec<RoleId>,
    what: What,
}

enum What {
    Membership(Vec<RoleId>),
    Privileges { objects: Vec<ObjectRef>, privileges: Vec<Privilege>, grant_option: bool },
}

/// Plans GRANT and REVOKE.
pub(crate) fn plan(node: &Grant, context: &PlanContext) -> Result<GrantPlan, SqlError> {
    let Grant { revoke, rights, roles, grant_option } = node;
    let roles = roles.iter().map(|role| grantee(role, context)).collect::<Result<Vec<_>, _>>()?;
    let what = match rights {
        Rights::Roles(groups) => {
            What::Membership(groups.iter().map(|group| grantee(group, context)).collect::<Result<_, _>>()?)
        }
        Rights::Privileges { privileges, on } => {
            let (objects, possible, kind) = objects(on, context)?;
            let privileges = privileges.clone().unwrap_or_else(|| possible.to_vec());
            if let Some(wrong) = privileges.iter().find(|privilege| !possible.contains(privilege)) {
                return Err(SqlError::new(
                    SqlState::InvalidParameterValue,
                    format!("invalid privilege type {} for {kind}", format!("{wrong:?}").to_uppercase()),
                ));
            }
            What::Privileges { objects, privileges, grant_option: *grant_option }
        }
    };
    Ok(GrantPlan { revoke: *revoke, roles, what })
}

fn grantee(role: &Ident, context: &PlanContext) -> Result<RoleId, SqlError> {
    match fold(role).as_str() {
        "public" if role.quote_style.is_none() => Ok(PUBLIC),
        name => name::role(&context.snapshot, &context.facts, name),
    }
}

/// The objects, the rights that such objects have, and the word for them.
fn objects(
    on: &GrantObjects,
    context: &PlanContext,
) -> Result<(Vec<ObjectRef>, &'static [Privilege], &'static str), SqlError> {
    let PlanContext { snapshot, facts, .. } = context;
    match on {
        GrantObjects::Relations(names) => {
            let objects = names.iter().map(|name| relation(name, context)).collect::<Result<_, _>>()?;
            Ok((objects, ON_TABLES, "relation"))
        }
        GrantObjects::AllTablesIn(schemas) => {
            let mut objects = vec![];
            for schema in schemas {
                let schema = name::user_schema(snapshot, facts, &fold(schema))?.id;
                objects.extend(snapshot.tables_in(schema).map(|table| ObjectRef::Table(table.id)));
                objects.extend(snapshot.views_in(schema).map(|view| ObjectRef::View(view.id)));
            }
            Ok((objects, ON_TABLES, "relation"))
        }
        GrantObjects::Schemas(names) => {
            let find = |name: &Ident| Ok(ObjectRef::Schema(name::user_schema(snapshot, facts, &fold(name))?.id));
            Ok((names.iter().map(find).collect::<Result<_, SqlError>>()?, ON_SCHEMAS, "schema"))
        }
        GrantObjects::Databases(names) => {
            let find = |name: &Ident| name::database(snapshot, &fold(name)).map(ObjectRef::Database);
            Ok((names.iter().map(find).collect::<Result<_, _>>()?, ON_DATABASES, "database"))
        }
    }
}

fn relation(name: &sqlparser::ast::ObjectName, context: &PlanContext) -> Result<ObjectRef, SqlError> {
    match name::relation(context, name)? {
        Resolved::Table(table) => Ok(ObjectRef::Table(table.id)),
        Resolved::View(view) => Ok(ObjectRef::View(view.id)),
        Resolved::System(_) => Err(SqlError::unsupported("GRANT on a system table")),
    }
}

/// What GRANT and REVOKE need.
pub(crate) fn requirements(plan: &GrantPlan) -> Vec<Requirement> {
    let GrantPlan { revoke: _, roles: _, what } = plan;
    match what {
        What::Membership(groups) => {
            let mut required = vec![Requirement::CreateRole];
            required.extend(groups.iter().map(|group| Requirement::Member(*group)));
            required
        }
        What::Privileges { objects, privileges, grant_option: _ } => {
            objects.iter().map(|object| Requirement::GrantOn(*object, privileges.clone())).collect()
        }
    }
}

/// Runs GRANT and REVOKE.
pub(crate) fn run(plan: GrantPlan, context: &mut Context<'_>) -> Result<Outcome, SqlError> {
    let GrantPlan { revoke, roles, what } = plan;
    let tag = match (&what, revoke) {
        (What::Membership(_), false) => "GRANT ROLE",
        (What::Membership(_), true) => "REVOKE ROLE",
        (What::Privileges { .. }, false) => "GRANT",
        (What::Privileges { .. }, true) => "REVOKE",
    };
    match what {
        What::Membership(groups) => {
            for group in groups {
                let (add, remove): (&[_], &[_]) = if revoke { (&[], &roles) } else { (&roles, &[]) };
                role::change_members(group, add, remove, context)?;
            }
        }
        What::Privileges { objects, privileges, grant_option } => {
            for (object, role) in objects.iter().flat_map(|object| roles.iter().map(move |role| (*object, *role))) {
                let privileges = privileges.clone();
                context.stage(if revoke {
                    Change::Revoke { object, role, privileges }
                } else {
                    Change::Grant { object, role, privileges, grant_option }
                })?;
            }
        }
    }
    Ok(Outcome::command(tag))
}
