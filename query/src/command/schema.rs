//! CREATE, ALTER and DROP SCHEMA.

use std::sync::Arc;

use stoa_storage::{Acl, Change, DatabaseId, ObjectAction, ObjectRef, Privilege, Relation, RoleId, Schema, SchemaId};

use super::Context;
use super::alter::own;
use crate::access::Requirement;
use crate::error::{NoticeSeverity, SqlError, SqlState};
use crate::outcome::Outcome;
use crate::plan::PlanContext;
use crate::plan::name::{self, fold};
use crate::statement::object::{AlterNamed, AlterSchema, CreateSchema, Drop};
use crate::system;

/// CREATE SCHEMA.
pub(crate) struct CreateSchemaPlan {
    name: String,
    database: DatabaseId,
    owner: RoleId,
    exists: bool,
}

/// ALTER SCHEMA.
pub(crate) struct AlterSchemaPlan {
    schema: SchemaId,
    action: ObjectAction,
}

/// DROP SCHEMA.
pub(crate) struct DropSchemasPlan {
    schemas: Vec<Arc<Schema>>,
    missing: Vec<String>,
    cascade: bool,
}

/// Plans CREATE SCHEMA.
pub(crate) fn plan_create(node: &CreateSchema, context: &PlanContext) -> Result<CreateSchemaPlan, SqlError> {
    let CreateSchema { name, if_not_exists, owner } = node;
    let PlanContext { snapshot, facts, .. } = context;
    let owner_name = owner.as_ref().map(fold);
    let name = match (name, &owner_name) {
        (Some(name), _) => fold(name),
        (None, Some(owner)) => owner.clone(),
        (None, None) => return Err(SqlError::syntax("a schema needs a name")),
    };
    let name = free_name(name)?;
    let owner = match &owner_name {
        Some(owner) => name::role(snapshot, facts, owner)?,
        None => facts.role,
    };
    let exists = snapshot.schema_named(facts.database_id, &name).is_some();
    if exists && !if_not_exists {
        return Err(SqlError::new(SqlState::DuplicateSchema, format!("schema \"{name}\" already exists")));
    }
    Ok(CreateSchemaPlan { name, database: facts.database_id, owner, exists })
}

fn free_name(name: String) -> Result<String, SqlError> {
    if name.starts_with("pg_") || system::is_system_schema(&name) {
        return Err(SqlError::new(SqlState::InvalidName, format!("unacceptable schema name \"{name}\""))
            .with_detail("The prefix \"pg_\" is reserved for system schemas."));
    }
    name::new_name(name)
}

/// Plans ALTER SCHEMA.
pub(crate) fn plan_alter(node: &AlterSchema, context: &PlanContext) -> Result<AlterSchemaPlan, SqlError> {
    let AlterSchema { name, action } = node;
    let PlanContext { snapshot, facts, .. } = context;
    let schema = name::user_schema(snapshot, facts, &fold(name))?.id;
    let action = match action {
        AlterNamed::RenameTo(to) => {
            let to = free_name(fold(to))?;
            if snapshot.schema_named(facts.database_id, &to).is_some() {
                return Err(SqlError::new(SqlState::DuplicateSchema, format!("schema \"{to}\" already exists")));
            }
            ObjectAction::Rename(to)
        }
        AlterNamed::OwnerTo(role) => ObjectAction::Own(name::role(snapshot, facts, &fold(role))?),
    };
    Ok(AlterSchemaPlan { schema, action })
}

/// Plans DROP SCHEMA.
pub(crate) fn plan_drop(node: &Drop, context: &PlanContext) -> Result<DropSchemasPlan, SqlError> {
    let Drop { kind: _, names, if_exists, cascade } = node;
    let mut plan = DropSchemasPlan { schemas: vec![], missing: vec![], cascade: *cascade };
    for written in names {
        let name = name::qualified(written, &context.facts)?.name;
        match name::user_schema(&context.snapshot, &context.facts, &name) {
            Ok(schema) => plan.schemas.push(schema),
            Err(error) if *if_exists && error.state == SqlState::InvalidSchemaName => plan.missing.push(name),
            Err(error) => return Err(error),
        }
    }
    Ok(plan)
}

/// What CREATE SCHEMA needs.
pub(crate) fn requirements_create(plan: &CreateSchemaPlan) -> Vec<Requirement> {
    let CreateSchemaPlan { name: _, database, owner, exists: _ } = plan;
    vec![Requirement::Hold(ObjectRef::Database(*database), Privilege::Create), own(*owner)]
}

/// What ALTER SCHEMA needs.
pub(crate) fn requirements_alter(plan: &AlterSchemaPlan) -> Vec<Requirement> {
    let AlterSchemaPlan { schema, action } = plan;
    let mut required = vec![Requirement::Own(ObjectRef::Schema(*schema))];
    if let ObjectAction::Own(role) = action {
        required.push(own(*role));
    }
    required
}

/// What DROP SCHEMA needs.
pub(crate) fn requirements_drop(plan: &DropSchemasPlan) -> Vec<Requirement> {
    let DropSchemasPlan { schemas, missing: _, cascade: _ } = plan;
    schemas.iter().map(|schema| Requirement::Own(ObjectRef::Schema(schema.id))).collect()
}

/// Runs CREATE SCHEMA.
pub(crate) fn create(plan: CreateSchemaPlan, context: &mut Context<'_>) -> Result<Outcome, SqlError> {
    let CreateSchemaPlan { name, database, owner, exists } = plan;
    if exists {
        context.notice(NoticeSeverity::Notice, format!("schema \"{name}\" already exists, skipping"));
        return Ok(Outcome::command("CREATE SCHEMA"));
    }
    let id = SchemaId(context.transaction()?.new_id());
    let schema = Schema { id, database, name, owner, acl: Acl::default(), comment: None };
    context.stage(Change::CreateSchema(Arc::new(schema)))?;
    Ok(Outcome::command("CREATE SCHEMA"))
}

/// Runs ALTER SCHEMA.
pub(crate) fn alter(plan: AlterSchemaPlan, context: &mut Context<'_>) -> Result<Outcome, SqlError> {
    let AlterSchemaPlan { schema, action } = plan;
    context.stage(Change::AlterObject { object: ObjectRef::Schema(schema), action })?;
    Ok(Outcome::command("ALTER SCHEMA"))
}

/// Runs DROP SCHEMA.
pub(crate) fn drop(plan: DropSchemasPlan, context: &mut Context<'_>) -> Result<Outcome, SqlError> {
    let DropSchemasPlan { schemas, missing, cascade } = plan;
    for name in missing {
        context.notice(NoticeSeverity::Notice, format!("schema \"{name}\" does not exist, skipping"));
    }
    for schema in schemas {
        drop_schema(&schema, cascade, context)?;
    }
    Ok(Outcome::command("DROP SCHEMA"))
}

/// Drops one schema with what is in it.
pub(crate) fn drop_schema(schema: &Schema, cascade: bool, context: &mut Context<'_>) -> Result<(), SqlError> {
    let snapshot = context.transaction()?.snapshot();
    let mut relations: Vec<Relation> = snapshot.views_in(schema.id).map(|view| Relation::View(view.id)).collect();
    relations.extend(snapshot.tables_in(schema.id).map(|table| Relation::Table(table.id)));
    if !cascade && !relations.is_empty() {
        return Err(SqlError::new(
            SqlState::DependentObjectsExist,
            format!("cannot drop schema {} because other objects depend on it", schema.name),
        )
        .with_detail(format!("It holds {} tables and views.", relations.len()))
        .with_hint("Use DROP ... CASCADE to drop the dependent objects too."));
    }
    super::drop::drop_all(&relations, cascade, context)?;
    context.stage(Change::DropSchema(schema.id))
}
