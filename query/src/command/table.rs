//! CREATE TABLE and CREATE TABLE AS.

use std::sync::Arc;

use sqlparser::ast::ObjectName;
use stoa_storage::{
    Acl, Change, Column, ColumnId, Constraint, ConstraintKind, Distribution, ObjectRef, Privilege, SchemaId, SortKey,
    Table, TableId, Version,
};

use super::column::{self, NewConstraint};
use super::{Context, write};
use crate::access::{Requirement, of_query};
use crate::error::{NoticeSeverity, SqlError, SqlState};
use crate::outcome::Outcome;
use crate::plan::PlanContext;
use crate::plan::name::{self, Resolved};
use crate::plan::query::{PlannedQuery, plan_query};
use crate::statement::table::{CreateTable, CreateTableAs, Design};

/// Where a new relation goes.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) name: String,
    /// `None`: the session's temporary schema.
    pub(crate) schema: Option<SchemaId>,
    pub(crate) database: stoa_storage::DatabaseId,
    /// A relation of that name exists, and IF NOT EXISTS was written.
    pub(crate) exists: bool,
}

/// CREATE TABLE.
pub(crate) struct CreateTablePlan {
    place: Place,
    definition: Definition,
    backup: bool,
}

/// CREATE TABLE AS.
pub(crate) struct CreateTableAsPlan {
    place: Place,
    definition: Definition,
    pub(crate) query: PlannedQuery,
    with_data: bool,
}

/// A table without ids.
struct Definition {
    columns: Vec<Column>,
    constraints: Vec<NewConstraint>,
    distribution: Distribution,
    sort_key: SortKey,
}

/// Finds the place of a new table or view.
pub(crate) fn place(
    name: &ObjectName,
    temporary: bool,
    if_not_exists: bool,
    context: &PlanContext,
) -> Result<Place, SqlError> {
    let PlanContext { snapshot, facts, .. } = context;
    let mut qualified = name::qualified(name, facts)?;
    let temporary = temporary || qualified.schema.as_deref() == Some("pg_temp");
    if temporary && qualified.schema.take().is_some_and(|schema| schema != "pg_temp") {
        return Err(SqlError::new(
            SqlState::InvalidTableDefinition,
            "cannot create temporary relation in non-temporary schema",
        ));
    }
    let name = name::new_name(qualified.name.clone())?;
    let schema =
        if temporary { facts.temporary_schema } else { Some(name::creation_schema(snapshot, facts, &qualified)?.id) };
    let exists = schema.is_some_and(|schema| snapshot.relation_named(schema, &name).is_some());
    if exists && !if_not_exists {
        return Err(SqlError::new(SqlState::DuplicateTable, format!("relation \"{name}\" already exists")));
    }
    let schema = if temporary { None } else { schema };
    Ok(Place { name, schema, database: facts.database_id, exists })
}

/// What making a relation there needs.
pub(crate) fn requirements_of(place: &Place) -> Vec<Requirement> {
    let Place { name: _, schema, database, exists: _ } = place;
    match schema {
        Some(schema) => vec![Requirement::Hold(ObjectRef::Schema(*schema), Privilege::Create)],
        None => vec![Requirement::Hold(ObjectRef::Database(*database), Privilege::Temporary)],
    }
}

/// Plans CREATE TABLE.
pub(crate) fn plan(node: &CreateTable, context: &PlanContext) -> Result<CreateTablePlan, SqlError> {
    let CreateTable { name, temporary, if_not_exists, columns, constraints, like, design } = node;
    let place = place(name, *temporary, *if_not_exists, context)?;
    let mut built = vec![];
    for (name, with_defaults) in like {
        built.extend(copied_columns(name, *with_defaults, context)?);
    }
    for definition in columns {
        built.push(column::column(definition, context)?);
    }
    number(&mut built);
    column::check_names(&built)?;
    let mut made: Vec<NewConstraint> = vec![];
    for declared in columns.iter().flat_map(|column| &column.constraints).chain(constraints) {
        let taken: Vec<String> = made.iter().map(|made| made.name.clone()).collect();
        made.push(column::constraint(&place.name, &built, declared, &taken, context)?);
    }
    key_columns_not_null(&mut built, &made)?;
    let definition = Definition {
        distribution: column::distribution(design, &built, columns)?,
        sort_key: column::sort_key(design.sort.as_ref(), &built, columns)?,
        columns: built,
        constraints: made,
    };
    Ok(CreateTablePlan { place, definition, backup: design.backup })
}

/// LIKE: columns with types, NOT NULL and encodings, and defaults where asked for.
fn copied_columns(name: &ObjectName, with_defaults: bool, context: &PlanContext) -> Result<Vec<Column>, SqlError> {
    let Resolved::Table(table) = name::relation(context, name)? else {
        return Err(SqlError::new(SqlState::WrongObjectType, format!("\"{name}\" is not a table")));
    };
    let copy = |column: &Column| Column {
        default: column.default.clone().filter(|_| with_defaults),
        missing: None,
        identity: None,
        comment: None,
        ..column.clone()
    };
    Ok(table.columns.iter().map(copy).collect())
}

fn number(columns: &mut [Column]) {
    for (column, id) in columns.iter_mut().zip(1..) {
        column.id = ColumnId(id);
    }
}

fn key_columns_not_null(columns: &mut [Column], constraints: &[NewConstraint]) -> Result<(), SqlError> {
    let mut keys = constraints.iter().filter_map(|constraint| match &constraint.kind {
        ConstraintKind::PrimaryKey(columns) => Some(columns),
        ConstraintKind::Unique(_) | ConstraintKind::ForeignKey { .. } => None,
    });
    let Some(key) = keys.next() else { return Ok(()) };
    if keys.next().is_some() {
        return Err(SqlError::new(SqlState::InvalidTableDefinition, "multiple primary keys for table are not allowed"));
    }
    columns.iter_mut().filter(|column| key.contains(&column.id)).for_each(|column| column.nullable = false);
    Ok(())
}

/// Plans CREATE TABLE AS.
pub(crate) fn plan_as(node: &CreateTableAs, context: &PlanContext) -> Result<CreateTableAsPlan, SqlError> {
    let CreateTableAs { name, temporary, if_not_exists, column_names, design, query, with_data } = node;
    let place = place(name, *temporary, *if_not_exists, context)?;
    let query = plan_query(query, context)?;
    if column_names.len() > query.columns.len() {
        return Err(SqlError::syntax("too many column names were specified"));
    }
    let mut columns = vec![];
    for (index, result) in query.columns.iter().enumerate() {
        let name = column_names.get(index).map_or_else(|| result.name.clone(), name::fold);
        let column_type = result.sql_type.to_column().ok_or_else(|| {
            SqlError::new(
                SqlState::InvalidTableDefinition,
                format!("column \"{name}\" has type {}, which a table cannot hold", result.sql_type.name()),
            )
        })?;
        columns.push(write::plain_column(name::new_name(name)?, column_type));
    }
    number(&mut columns);
    column::check_names(&columns)?;
    let Design { style: _, key: _, sort, backup: _ } = design;
    let definition = Definition {
        distribution: column::distribution(design, &columns, &[])?,
        sort_key: column::sort_key(sort.as_ref(), &columns, &[])?,
        columns,
        constraints: vec![],
    };
    Ok(CreateTableAsPlan { place, definition, query, with_data: *with_data })
}

/// What CREATE TABLE needs.
pub(crate) fn requirements(plan: &CreateTablePlan) -> Vec<Requirement> {
    let CreateTablePlan { place, definition, backup: _ } = plan;
    let Definition { columns: _, constraints, distribution: _, sort_key: _ } = definition;
    let mut required = requirements_of(place);
    required.extend(constraints.iter().filter_map(|constraint| references(&constraint.kind)));
    required
}

/// A foreign key needs a right on the table that it refers to.
pub(crate) fn references(kind: &ConstraintKind) -> Option<Requirement> {
    match kind {
        ConstraintKind::ForeignKey { columns: _, references, referenced: _ } => {
            Some(Requirement::Hold(ObjectRef::Table(*references), Privilege::References))
        }
        ConstraintKind::PrimaryKey(_) | ConstraintKind::Unique(_) => None,
    }
}

/// What CREATE TABLE AS needs.
pub(crate) fn requirements_as(plan: &CreateTableAsPlan) -> Vec<Requirement> {
    let CreateTableAsPlan { place, definition: _, query, with_data: _ } = plan;
    let mut required = requirements_of(place);
    required.extend(of_query(query));
    required
}

/// Runs CREATE TABLE.
pub(crate) fn run(plan: CreateTablePlan, context: &mut Context<'_>) -> Result<Outcome, SqlError> {
    let CreateTablePlan { place, definition, backup } = plan;
    if backup {
        context.notice(NoticeSeverity::Notice, "BACKUP has no effect: the object store holds every committed version");
    }
    create(place, definition, context)?;
    Ok(Outcome::command("CREATE TABLE"))
}

/// Stages the table; `None` when it exists and that is all right.
fn create(place: Place, definition: Definition, context: &mut Context<'_>) -> Result<Option<TableId>, SqlError> {
    if place.exists {
        context.notice(NoticeSeverity::Notice, format!("relation \"{}\" already exists, skipping", place.name));
        return Ok(None);
    }
    let owner = context.plan.facts.role;
    let transaction = context.transaction()?;
    let schema = match place.schema {
        Some(schema) => schema,
        None => transaction.temporary_schema(),
    };
    let id = TableId(transaction.new_id());
    let constraints = definition
        .constraints
        .into_iter()
        .map(|made| Constraint { name: made.name, id: transaction.new_id(), kind: made.kind })
        .collect();
    let next = u32::try_from(definition.columns.len()).unwrap_or(u32::MAX).saturating_add(1);
    let table = Table {
        id,
        schema,
        name: place.name,
        owner,
        columns: definition.columns,
        next_column: ColumnId(next),
        distribution: definition.distribution,
        sort_key: definition.sort_key,
        constraints,
        acl: Acl::default(),
        comment: None,
        definition_version: Version(0),
        parts: Default::default(),
    };
    transaction.stage(Change::CreateTable(Arc::new(table)))?;
    Ok(Some(id))
}

/// Runs CREATE TABLE AS.
pub(crate) async fn run_as(plan: CreateTableAsPlan, context: &mut Context<'_>) -> Result<Outcome, SqlError> {
    let CreateTableAsPlan { place, definition, query, with_data } = plan;
    let Some(table) = create(place, definition, context)? else {
        return Ok(Outcome::command("CREATE TABLE AS"));
    };
    if !with_data {
        return Ok(Outcome::command("CREATE TABLE AS"));
    }
    let rows = write::fill(table, query, context).await?;
    Ok(Outcome::command(format!("SELECT {rows}")))
}
