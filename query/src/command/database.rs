//! CREATE, ALTER and DROP DATABASE.

use std::sync::Arc;

use stoa_storage::{Change, Database, DatabaseId, ObjectAction, ObjectRef, RoleId, Schema, SettingScope};

use super::alter::own;
use super::{Context, bootstrap, setting};
use crate::access::Requirement;
use crate::error::{NoticeSeverity, SqlError, SqlState};
use crate::outcome::Outcome;
use crate::plan::PlanContext;
use crate::plan::name::{self, fold};
use crate::statement::object::{AlterDatabase, AlterDatabaseAction, AlterNamed, CreateDatabase, Drop};
use crate::statement::session::SettingValue;

/// CREATE DATABASE.
pub(crate) struct CreateDatabasePlan {
    name: String,
    owner: RoleId,
}

/// ALTER DATABASE.
pub(crate) struct AlterDatabasePlan {
    database: DatabaseId,
    action: Action,
}

enum Action {
    Object(ObjectAction),
    Setting(Option<String>, SettingValue),
}

/// DROP DATABASE.
pub(crate) struct DropDatabasePlan {
    databases: Vec<DatabaseId>,
    missing: Vec<String>,
}

/// Plans CREATE DATABASE.
pub(crate) fn plan_create(node: &CreateDatabase, context: &PlanContext) -> Result<CreateDatabasePlan, SqlError> {
    let CreateDatabase { name, owner } = node;
    let name = free_name(fold(name), context)?;
    let owner = match owner {
        Some(owner) => name::role(&context.snapshot, &context.facts, &fold(owner))?,
        None => context.facts.role,
    };
    Ok(CreateDatabasePlan { name, owner })
}

fn free_name(name: String, context: &PlanContext) -> Result<String, SqlError> {
    if context.snapshot.database_named(&name).is_some() {
        return Err(SqlError::new(SqlState::DuplicateDatabase, format!("database \"{name}\" already exists")));
    }
    name::new_name(name)
}

/// Plans ALTER DATABASE.
pub(crate) fn plan_alter(node: &AlterDatabase, context: &PlanContext) -> Result<AlterDatabasePlan, SqlError> {
    let AlterDatabase { name, action } = node;
    let database = name::database(&context.snapshot, &fold(name))?;
    let action = match action {
        AlterDatabaseAction::Named(AlterNamed::RenameTo(to)) => {
            if database == context.facts.database_id {
                return Err(SqlError::unsupported("renaming the database of the session"));
            }
            Action::Object(ObjectAction::Rename(free_name(fold(to), context)?))
        }
        AlterDatabaseAction::Named(AlterNamed::OwnerTo(role)) => {
            Action::Object(ObjectAction::Own(name::role(&context.snapshot, &context.facts, &fold(role))?))
        }
        AlterDatabaseAction::Setting(name, value) => {
            setting::check_stored(name.as_deref(), value)?;
            Action::Setting(name.clone(), value.clone())
        }
    };
    Ok(AlterDatabasePlan { database, action })
}

/// Plans DROP DATABASE.
pub(crate) fn plan_drop(node: &Drop, context: &PlanContext) -> Result<DropDatabasePlan, SqlError> {
    let Drop { kind: _, names, if_exists, cascade: _ } = node;
    let mut plan = DropDatabasePlan { databases: vec![], missing: vec![] };
    for written in names {
        let name = name::qualified(written, &context.facts)?.name;
        match name::database(&context.snapshot, &name) {
            Ok(id) if id == context.facts.database_id => {
                return Err(SqlError::new(SqlState::ObjectInUse, "cannot drop the currently open database"));
            }
            Ok(id) => plan.databases.push(id),
            Err(_) if *if_exists => plan.missing.push(name),
            Err(error) => return Err(error),
        }
    }
    Ok(plan)
}

/// What CREATE DATABASE needs.
pub(crate) fn requirements_create(plan: &CreateDatabasePlan) -> Vec<Requirement> {
    let CreateDatabasePlan { name: _, owner } = plan;
    vec![Requirement::CreateDatabase, own(*owner)]
}

/// What ALTER DATABASE needs.
pub(crate) fn requirements_alter(plan: &AlterDatabasePlan) -> Vec<Requirement> {
    let AlterDatabasePlan { database, action } = plan;
    let mut required = vec![Requirement::Own(ObjectRef::Database(*database))];
    if let Action::Object(ObjectAction::Own(role)) = action {
        required.push(own(*role));
    }
    required
}

/// What DROP DATABASE needs.
pub(crate) fn requirements_drop(plan: &DropDatabasePlan) -> Vec<Requirement> {
    let DropDatabasePlan { databases, missing: _ } = plan;
    databases.iter().map(|database| Requirement::Own(ObjectRef::Database(*database))).collect()
}

/// Runs CREATE DATABASE.
pub(crate) fn create(plan: CreateDatabasePlan, context: &mut Context<'_>) -> Result<Outcome, SqlError> {
    let CreateDatabasePlan { name, owner } = plan;
    let id = DatabaseId(context.transaction()?.new_id());
    let database = Database { id, name, owner, acl: bootstrap::database_rights(), comment: None };
    context.stage(Change::CreateDatabase(Arc::new(database)))?;
    let schema = stoa_storage::SchemaId(context.transaction()?.new_id());
    let public = bootstrap::public_schema(schema, id, owner);
    context.stage(Change::CreateSchema(Arc::new(public)))?;
    Ok(Outcome::command("CREATE DATABASE"))
}

/// Runs ALTER DATABASE.
pub(crate) fn alter(plan: AlterDatabasePlan, context: &mut Context<'_>) -> Result<Outcome, SqlError> {
    let AlterDatabasePlan { database, action } = plan;
    match action {
        Action::Object(action) => {
            context.stage(Change::AlterObject { object: ObjectRef::Database(database), action })?
        }
        Action::Setting(name, value) => setting::store(SettingScope::Database(database), name, value, context)?,
    }
    Ok(Outcome::command("ALTER DATABASE"))
}

/// Runs DROP DATABASE.
pub(crate) fn drop(plan: DropDatabasePlan, context: &mut Context<'_>) -> Result<Outcome, SqlError> {
    let DropDatabasePlan { databases, missing } = plan;
    for name in missing {
        context.notice(NoticeSeverity::Notice, format!("database \"{name}\" does not exist, skipping"));
    }
    for id in databases {
        let snapshot = context.transaction()?.snapshot();
        let Some(database) = snapshot.databases.get(&id) else { continue };
        let sessions = context.session.engine().history().sessions();
        if sessions.iter().any(|session| session.database == database.name) {
            return Err(SqlError::new(
                SqlState::ObjectInUse,
                format!("database \"{}\" is being accessed by other users", database.name),
            ));
        }
        let inside: Vec<Arc<Schema>> =
            snapshot.schemas.values().filter(|schema| schema.database == id).cloned().collect();
        for schema in inside {
            super::schema::drop_schema(&schema, true, context)?;
        }
        context.stage(Change::DropDatabase(id))?;
    }
    Ok(Outcome::command("DROP DATABASE"))
}
