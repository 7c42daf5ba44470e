//! Who may do what: the requirements of every plan, field by field, and the decision.
//!
//! Each arm of [`requirements`] takes its plan apart without `..`, so that a new field forces a decision here.

use std::collections::BTreeSet;

use stoa_storage::{Acl, ObjectRef, PUBLIC, Privilege, Relation, RoleId, Snapshot};

use crate::command::copy::{CopyFrom, CopyTo};
use crate::command::{
    alter, comment, cursor, database, drop, explain, grant, prepare, role, schema, setting, table, vacuum, view,
};
use crate::error::{SqlError, SqlState};
use crate::plan::query::PlannedQuery;
use crate::plan::{Plan, PlanContext, ReadRelation, write};

/// One thing that the user must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Requirement {
    /// To be superuser; the words say for what.
    Superuser(&'static str),
    /// To own an object, or to be a member of its owner.
    Own(ObjectRef),
    /// A right on an object.
    Hold(ObjectRef, Privilege),
    /// To read a relation, with the rights of that role.
    Read(Relation, RoleId),
    /// CREATEDB.
    CreateDatabase,
    /// CREATEROLE.
    CreateRole,
    /// To be a member of a role.
    Member(RoleId),
    /// To own an object, or to hold these rights with grant option.
    GrantOn(ObjectRef, Vec<Privilege>),
}

/// Refuses a plan that the session's user may not run.
pub(crate) fn check(plan: &Plan, context: &PlanContext) -> Result<(), SqlError> {
    let role = context.facts.role;
    requirements(plan).iter().try_for_each(|requirement| decide(&context.snapshot, role, requirement))
}

/// What a plan needs.
pub(crate) fn requirements(plan: &Plan) -> Vec<Requirement> {
    match plan {
        Plan::Query(query) => of_query(query),
        Plan::Explain(explain) => of_explain(explain),
        Plan::Insert(insert) => of_insert(insert),
        Plan::Update(update) => of_update(update),
        Plan::Delete(delete) => of_delete(delete),
        Plan::Truncate(tables) => on_tables(tables, Privilege::Truncate),
        Plan::CopyFrom(copy) => of_copy_from(copy),
        Plan::CopyTo(copy) => of_copy_to(copy),
        Plan::CreateTable(create) => table::requirements(create),
        Plan::CreateTableAs(create) => table::requirements_as(create),
        Plan::AlterTable(alter) => alter::requirements(alter),
        Plan::CreateView(create) => view::requirements(create),
        Plan::DropRelations(dropped) => drop::requirements(dropped),
        Plan::CreateSchema(create) => schema::requirements_create(create),
        Plan::AlterSchema(alter) => schema::requirements_alter(alter),
        Plan::DropSchemas(dropped) => schema::requirements_drop(dropped),
        Plan::CreateDatabase(create) => database::requirements_create(create),
        Plan::AlterDatabase(alter) => database::requirements_alter(alter),
        Plan::DropDatabase(dropped) => database::requirements_drop(dropped),
        Plan::Comment(comment) => comment::requirements(comment),
        Plan::CreateRole(create) => role::requirements_create(create),
        Plan::AlterRole(alter) => role::requirements_alter(alter),
        Plan::DropRoles(dropped) => role::requirements_drop(dropped),
        Plan::Grant(granted) => grant::requirements(granted),
        Plan::Lock(tables) => on_tables(tables, Privilege::Select),
        Plan::Setting(plan) => setting::requirements(plan),
        Plan::SetRole(plan) => setting::requirements_role(plan),
        Plan::Prepare(prepared) => prepare::requirements(prepared),
        Plan::Declare(declared) => cursor::requirements(declared),
        Plan::Vacuum(plan) => vacuum::requirements(plan),
        Plan::Analyze(plan) => vacuum::requirements_analyze(plan),
        // The session's own state; CANCEL checks whose statement it is when it runs.
        Plan::Show(_)
        | Plan::Discard(_)
        | Plan::Deallocate(_)
        | Plan::Listen(_)
        | Plan::CancelStatement(_)
        | Plan::Close(_)
        | Plan::Empty => vec![],
    }
}

/// Reads of a query.
pub(crate) fn of_query(query: &PlannedQuery) -> Vec<Requirement> {
    let PlannedQuery { logical: _, columns: _, parameters: _, tables } = query;
    of_reads(tables)
}

/// Reads of any plan.
pub(crate) fn of_reads(tables: &[ReadRelation]) -> Vec<Requirement> {
    tables
        .iter()
        .map(|read| {
            let ReadRelation { relation, reader, columns: _ } = read;
            Requirement::Read(*relation, *reader)
        })
        .collect()
}

fn of_explain(plan: &explain::ExplainPlan) -> Vec<Requirement> {
    let explain::ExplainPlan { analyze: _, verbose: _, query } = plan;
    of_query(query)
}

fn on_tables(tables: &[std::sync::Arc<stoa_storage::Table>], privilege: Privilege) -> Vec<Requirement> {
    tables.iter().flat_map(|table| on_table(table, privilege)).collect()
}

/// A right on a table, and USAGE on its schema.
pub(crate) fn on_table(table: &stoa_storage::Table, privilege: Privilege) -> [Requirement; 2] {
    [
        Requirement::Hold(ObjectRef::Schema(table.schema), Privilege::Usage),
        Requirement::Hold(ObjectRef::Table(table.id), privilege),
    ]
}

fn of_insert(insert: &write::PlannedInsert) -> Vec<Requirement> {
    let mut required = on_table(&insert.table, Privilege::Insert).to_vec();
    required.extend(of_reads(&insert.tables));
    required
}

fn of_update(update: &write::PlannedUpdate) -> Vec<Requirement> {
    let mut required = on_table(&update.table, Privilege::Update).to_vec();
    required.extend(of_reads(&update.tables));
    required
}

fn of_delete(delete: &write::PlannedDelete) -> Vec<Requirement> {
    let mut required = on_table(&delete.table, Privilege::Delete).to_vec();
    required.extend(of_reads(&delete.tables));
    required
}

fn of_copy_from(copy: &CopyFrom) -> Vec<Requirement> {
    let CopyFrom { table, columns: _, source, format: _, options: _, manifest: _, region: _, no_load: _ } = copy;
    let mut required = on_table(table, Privilege::Insert).to_vec();
    if source.is_local() {
        // What the server's own files hold is not for everybody, even below the folders that are configured.
        required.push(Requirement::Superuser("COPY from a file of the server"));
    }
    required
}

fn of_copy_to(copy: &CopyTo) -> Vec<Requirement> {
    let CopyTo { query, options: _ } = copy;
    of_query(query)
}

fn decide(snapshot: &Snapshot, role: RoleId, requirement: &Requirement) -> Result<(), SqlError> {
    if is_superuser(snapshot, role) && !matches!(requirement, Requirement::Read(..)) {
        return Ok(());
    }
    match requirement {
        Requirement::Superuser(what) => {
            Err(SqlError::new(SqlState::InsufficientPrivilege, format!("must be superuser for {what}")))
        }
        Requirement::Own(object) => owned(snapshot, role, *object),
        Requirement::Hold(object, privilege) => held(snapshot, role, *object, *privilege),
        Requirement::Read(relation, reader) => readable(snapshot, *relation, *reader),
        Requirement::CreateDatabase => flag(snapshot, role, |role| role.create_database, "create database"),
        Requirement::CreateRole => flag(snapshot, role, |role| role.create_role, "create or change roles"),
        Requirement::Member(of) if memberships(snapshot, role).contains(of) => Ok(()),
        Requirement::Member(of) => Err(SqlError::new(
            SqlState::InsufficientPrivilege,
            format!("must be able to SET ROLE \"{}\"", role_name(snapshot, *of)),
        )),
        Requirement::GrantOn(object, privileges) => grantable(snapshot, role, *object, privileges),
    }
}

fn flag(
    snapshot: &Snapshot,
    role: RoleId,
    has: impl Fn(&stoa_storage::Role) -> bool,
    what: &str,
) -> Result<(), SqlError> {
    match snapshot.roles.get(&role) {
        Some(role) if has(role) => Ok(()),
        Some(_) | None => Err(SqlError::new(SqlState::InsufficientPrivilege, format!("permission denied to {what}"))),
    }
}

fn owned(snapshot: &Snapshot, role: RoleId, object: ObjectRef) -> Result<(), SqlError> {
    match describe(snapshot, object) {
        Some(described) if memberships(snapshot, role).contains(&described.owner) => Ok(()),
        Some(described) => Err(SqlError::not_owner(described.kind, described.name)),
        None => Err(gone(object)),
    }
}

fn held(snapshot: &Snapshot, role: RoleId, object: ObjectRef, privilege: Privilege) -> Result<(), SqlError> {
    match describe(snapshot, object) {
        Some(described) if holds(snapshot, role, described.owner, described.acl, privilege) => Ok(()),
        Some(described) => Err(SqlError::denied(described.kind, described.name)),
        None => Err(gone(object)),
    }
}

fn readable(snapshot: &Snapshot, relation: Relation, reader: RoleId) -> Result<(), SqlError> {
    if is_superuser(snapshot, reader) {
        return Ok(());
    }
    let (object, schema) = match relation {
        Relation::Table(id) => (ObjectRef::Table(id), snapshot.tables.get(&id).map(|table| table.schema)),
        Relation::View(id) => (ObjectRef::View(id), snapshot.views.get(&id).map(|view| view.schema)),
    };
    let Some(schema) = schema else { return Err(gone(object)) };
    held(snapshot, reader, ObjectRef::Schema(schema), Privilege::Usage)?;
    held(snapshot, reader, object, Privilege::Select)
}

fn grantable(snapshot: &Snapshot, role: RoleId, object: ObjectRef, privileges: &[Privilege]) -> Result<(), SqlError> {
    let Some(described) = describe(snapshot, object) else { return Err(gone(object)) };
    let roles = memberships(snapshot, role);
    let may_grant = |privilege: &Privilege| {
        roles
            .iter()
            .any(|role| described.acl.entries.get(role).and_then(|held| held.get(privilege)).copied().unwrap_or(false))
    };
    if roles.contains(&described.owner) || privileges.iter().all(may_grant) {
        Ok(())
    } else {
        Err(SqlError::denied(described.kind, described.name))
    }
}

/// An object's words, owner and rights.
struct Described<'a> {
    kind: &'static str,
    name: &'a str,
    owner: RoleId,
    acl: &'a Acl,
}

fn describe(snapshot: &Snapshot, object: ObjectRef) -> Option<Described<'_>> {
    let (kind, name, owner, acl) = match object {
        ObjectRef::Database(id) => {
            let found = snapshot.databases.get(&id)?;
            ("database", &found.name, found.owner, &found.acl)
        }
        ObjectRef::Schema(id) => {
            let found = snapshot.schemas.get(&id)?;
            ("schema", &found.name, found.owner, &found.acl)
        }
        ObjectRef::Table(id) => {
            let found = snapshot.tables.get(&id)?;
            ("table", &found.name, found.owner, &found.acl)
        }
        ObjectRef::View(id) => {
            let found = snapshot.views.get(&id)?;
            ("view", &found.name, found.owner, &found.acl)
        }
    };
    Some(Described { kind, name, owner, acl })
}

fn gone(object: ObjectRef) -> SqlError {
    SqlError::new(SqlState::UndefinedObject, format!("{object:?} does not exist"))
}

fn role_name(snapshot: &Snapshot, role: RoleId) -> String {
    snapshot.roles.get(&role).map_or_else(|| role.to_string(), |role| role.name.clone())
}

/// Whether a role passes every check.
pub(crate) fn is_superuser(snapshot: &Snapshot, role: RoleId) -> bool {
    snapshot.roles.get(&role).is_some_and(|role| role.superuser)
}

/// The role, PUBLIC, and every role that it is a member of, directly or not.
pub(crate) fn memberships(snapshot: &Snapshot, role: RoleId) -> BTreeSet<RoleId> {
    let mut found = BTreeSet::from([role, PUBLIC]);
    let mut open = vec![role];
    while let Some(next) = open.pop() {
        let groups = snapshot.roles.get(&next).map(|role| &role.member_of);
        open.extend(groups.into_iter().flatten().copied().filter(|group| found.insert(*group)));
    }
    found
}

/// Whether a role holds a right on an object of that owner and with those rights.
pub(crate) fn holds(snapshot: &Snapshot, role: RoleId, owner: RoleId, acl: &Acl, privilege: Privilege) -> bool {
    if is_superuser(snapshot, role) {
        return true;
    }
    let roles = memberships(snapshot, role);
    roles.contains(&owner) || roles.iter().any(|role| acl.holds(*role, privilege))
}
