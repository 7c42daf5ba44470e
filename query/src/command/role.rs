//! Users, roles and groups.

use std::collections::BTreeSet;
use std::sync::Arc;

use stoa_storage::{Change, ObjectRef, Role, RoleId, SettingScope, Snapshot};

use super::{Context, setting};
use crate::access::{self, Requirement};
use crate::error::{NoticeSeverity, SqlError, SqlState};
use crate::outcome::Outcome;
use crate::plan::PlanContext;
use crate::plan::name::{self, fold};
use crate::scram;
use crate::statement::object::Drop;
use crate::statement::role::{AlterRole, AlterRoleAction, CreateRole, RoleOptions};
use crate::statement::session::SettingValue;

/// CREATE USER.
pub(crate) struct CreateRolePlan {
    role: Role,
    members: Vec<RoleId>,
    exists: bool,
}

/// ALTER USER.
pub(crate) struct AlterRolePlan {
    role: RoleId,
    action: Action,
    /// Only the password or settings of the session's own user change.
    is_own: bool,
    /// The role is superuser, or becomes it.
    is_superuser: bool,
}

enum Action {
    Put(Box<Role>),
    Setting(Option<String>, SettingValue),
    /// Members that come, members that go.
    Members(Vec<RoleId>, Vec<RoleId>),
}

/// DROP USER.
pub(crate) struct DropRolesPlan {
    roles: Vec<Arc<Role>>,
    missing: Vec<String>,
}

/// Plans CREATE USER.
pub(crate) fn plan_create(node: &CreateRole, context: &PlanContext) -> Result<CreateRolePlan, SqlError> {
    let CreateRole { name, if_not_exists, options, member_of, members } = node;
    let name = name::new_name(fold(name))?;
    if name == "public" || name == "none" || name.starts_with("pg_") {
        return Err(SqlError::new(SqlState::InvalidName, format!("role name \"{name}\" is reserved")));
    }
    let exists = context.snapshot.role_named(&name).is_some();
    if exists && !if_not_exists {
        return Err(SqlError::new(SqlState::DuplicateObject, format!("role \"{name}\" already exists")));
    }
    let mut role = Role {
        id: RoleId(0),
        name,
        superuser: false,
        login: false,
        create_database: false,
        create_role: false,
        verifier: None,
        member_of: roles(member_of, context)?.into_iter().collect(),
        connection_limit: None,
    };
    apply(options, &mut role)?;
    Ok(CreateRolePlan { role, members: roles(members, context)?, exists })
}

fn roles(names: &[sqlparser::ast::Ident], context: &PlanContext) -> Result<Vec<RoleId>, SqlError> {
    names.iter().map(|role| name::role(&context.snapshot, &context.facts, &fold(role))).collect()
}

fn apply(options: &RoleOptions, role: &mut Role) -> Result<(), SqlError> {
    let RoleOptions { superuser, login, create_database, create_role, password, connection_limit } = options;
    role.superuser = superuser.unwrap_or(role.superuser);
    role.login = login.unwrap_or(role.login);
    role.create_database = create_database.unwrap_or(role.create_database);
    role.create_role = create_role.unwrap_or(role.create_role);
    role.connection_limit = connection_limit.unwrap_or(role.connection_limit);
    match password {
        Some(Some(password)) => role.verifier = Some(verifier(password)?),
        Some(None) => role.verifier = None,
        None => {}
    }
    Ok(())
}

fn verifier(password: &str) -> Result<String, SqlError> {
    if scram::is_verifier(password) {
        return Ok(password.to_owned());
    }
    if password.is_empty() {
        return Err(SqlError::new(SqlState::InvalidPassword, "the password must not be empty"));
    }
    if password.starts_with("md5") && password.len() == 35 {
        return Err(SqlError::unsupported("an md5 password")
            .with_hint("Give the password itself, or a SCRAM-SHA-256 verifier."));
    }
    Ok(scram::verifier(password))
}

/// Plans ALTER USER.
pub(crate) fn plan_alter(node: &AlterRole, context: &PlanContext) -> Result<AlterRolePlan, SqlError> {
    let AlterRole { name, action } = node;
    let id = name::role(&context.snapshot, &context.facts, &fold(name))?;
    let role = context.snapshot.roles.get(&id).ok_or_else(|| SqlError::undefined_role(&fold(name)))?;
    let mut changed = Role::clone(role);
    let mut is_own = false;
    let action = match action {
        AlterRoleAction::Options(options) => {
            let RoleOptions { superuser, login, create_database, create_role, password: _, connection_limit } = options;
            is_own = superuser.is_none()
                && login.is_none()
                && create_database.is_none()
                && create_role.is_none()
                && connection_limit.is_none();
            apply(options, &mut changed)?;
            Action::Put(Box::new(changed.clone()))
        }
        AlterRoleAction::RenameTo(to) => {
            changed.name = name::new_name(fold(to))?;
            if context.snapshot.role_named(&changed.name).is_some() {
                return Err(SqlError::new(
                    SqlState::DuplicateObject,
                    format!("role \"{}\" already exists", changed.name),
                ));
            }
            Action::Put(Box::new(changed.clone()))
        }
        AlterRoleAction::Setting(name, value) => {
            is_own = true;
            setting::check_stored(name.as_deref(), value)?;
            Action::Setting(name.clone(), value.clone())
        }
        AlterRoleAction::AddMembers(names) => Action::Members(roles(names, context)?, vec![]),
        AlterRoleAction::DropMembers(names) => Action::Members(vec![], roles(names, context)?),
    };
    let is_superuser = role.superuser || changed.superuser;
    Ok(AlterRolePlan { role: id, action, is_own: is_own && id == context.facts.role, is_superuser })
}

/// Plans DROP USER.
pub(crate) fn plan_drop(node: &Drop, context: &PlanContext) -> Result<DropRolesPlan, SqlError> {
    let Drop { kind: _, names, if_exists, cascade: _ } = node;
    let mut plan = DropRolesPlan { roles: vec![], missing: vec![] };
    for written in names {
        let name = name::qualified(written, &context.facts)?.name;
        match context.snapshot.role_named(&name) {
            Some(role) if role.id == context.facts.role || role.id == context.facts.session_role => {
                return Err(SqlError::new(SqlState::ObjectInUse, "current user cannot be dropped"));
            }
            Some(role) => plan.roles.push(Arc::clone(role)),
            None if *if_exists => plan.missing.push(name),
            None => return Err(SqlError::undefined_role(&name)),
        }
    }
    Ok(plan)
}

/// What CREATE USER needs.
pub(crate) fn requirements_create(plan: &CreateRolePlan) -> Vec<Requirement> {
    let CreateRolePlan { role, members: _, exists: _ } = plan;
    let mut required = vec![Requirement::CreateRole];
    if role.superuser {
        required.push(Requirement::Superuser("creating superusers"));
    }
    // Whoever makes a role a member of others gives their rights away.
    required.extend(role.member_of.iter().map(|role| Requirement::Member(*role)));
    required
}

/// What ALTER USER needs.
pub(crate) fn requirements_alter(plan: &AlterRolePlan) -> Vec<Requirement> {
    let AlterRolePlan { role, action, is_own, is_superuser } = plan;
    if *is_own {
        return vec![];
    }
    let mut required = vec![Requirement::CreateRole];
    if *is_superuser {
        required.push(Requirement::Superuser("changing superusers"));
    }
    if let Action::Members(_, _) = action {
        required.push(Requirement::Member(*role));
    }
    required
}

/// What DROP USER needs.
pub(crate) fn requirements_drop(plan: &DropRolesPlan) -> Vec<Requirement> {
    let DropRolesPlan { roles, missing: _ } = plan;
    let mut required = vec![Requirement::CreateRole];
    if roles.iter().any(|role| role.superuser) {
        required.push(Requirement::Superuser("dropping superusers"));
    }
    required
}

/// Runs CREATE USER.
pub(crate) fn create(plan: CreateRolePlan, context: &mut Context<'_>) -> Result<Outcome, SqlError> {
    let CreateRolePlan { mut role, members, exists } = plan;
    if exists {
        context.notice(NoticeSeverity::Notice, format!("role \"{}\" already exists, skipping", role.name));
        return Ok(Outcome::command("CREATE ROLE"));
    }
    role.id = RoleId(context.transaction()?.new_id());
    let id = role.id;
    context.stage(Change::PutRole(Arc::new(role)))?;
    change_members(id, &members, &[], context)?;
    Ok(Outcome::command("CREATE ROLE"))
}

/// Runs ALTER USER.
pub(crate) fn alter(plan: AlterRolePlan, context: &mut Context<'_>) -> Result<Outcome, SqlError> {
    let AlterRolePlan { role, action, is_own: _, is_superuser: _ } = plan;
    match action {
        Action::Put(changed) => context.stage(Change::PutRole(Arc::new(*changed)))?,
        Action::Setting(name, value) => setting::store(SettingScope::Role(role), name, value, context)?,
        Action::Members(add, remove) => change_members(role, &add, &remove, context)?,
    }
    Ok(Outcome::command("ALTER ROLE"))
}

/// Puts roles into a group, takes others out.
pub(crate) fn change_members(
    group: RoleId,
    add: &[RoleId],
    remove: &[RoleId],
    context: &mut Context<'_>,
) -> Result<(), SqlError> {
    for (member, adds) in add.iter().map(|member| (member, true)).chain(remove.iter().map(|member| (member, false))) {
        let snapshot = context.transaction()?.snapshot();
        let Some(role) = snapshot.roles.get(member) else { continue };
        if adds && access::memberships(&snapshot, group).contains(member) {
            return Err(SqlError::new(
                SqlState::InvalidParameterValue,
                format!("role \"{}\" would be a member of itself", role.name),
            ));
        }
        let mut changed = Role::clone(role);
        let is_changed = if adds { changed.member_of.insert(group) } else { changed.member_of.remove(&group) };
        if is_changed {
            context.stage(Change::PutRole(Arc::new(changed)))?;
        }
    }
    Ok(())
}

/// Runs DROP USER.
pub(crate) fn drop(plan: DropRolesPlan, context: &mut Context<'_>) -> Result<Outcome, SqlError> {
    let DropRolesPlan { roles, missing } = plan;
    for name in missing {
        context.notice(NoticeSeverity::Notice, format!("role \"{name}\" does not exist, skipping"));
    }
    for role in roles {
        let snapshot = context.transaction()?.snapshot();
        let owned = owned_by(&snapshot, role.id);
        if let Some(first) = owned.first() {
            return Err(SqlError::new(
                SqlState::DependentObjectsExist,
                format!("role \"{}\" cannot be dropped because some objects depend on it", role.name),
            )
            .with_detail(format!("It owns {} objects, the first is {first:?}.", owned.len())));
        }
        let members: Vec<RoleId> =
            snapshot.roles.values().filter(|other| other.member_of.contains(&role.id)).map(|other| other.id).collect();
        change_members(role.id, &[], &members, context)?;
        context.stage(Change::DropRole(role.id))?;
    }
    Ok(Outcome::command("DROP ROLE"))
}

fn owned_by(snapshot: &Snapshot, role: RoleId) -> Vec<ObjectRef> {
    let databases = snapshot.databases.values().map(|object| (object.owner, ObjectRef::Database(object.id)));
    let schemas = snapshot.schemas.values().map(|object| (object.owner, ObjectRef::Schema(object.id)));
    let tables = snapshot.tables.values().map(|object| (object.owner, ObjectRef::Table(object.id)));
    let views = snapshot.views.values().map(|object| (object.owner, ObjectRef::View(object.id)));
    let objects = databases.chain(schemas).chain(tables).chain(views);
    let owned: BTreeSet<ObjectRef> = objects.filter(|(owner, _)| *owner == role).map(|(_, object)| object).collect();
    owned.into_iter().collect()
}
