//! ALTER TABLE and ALTER VIEW.

use std::sync::Arc;

use stoa_storage::{
    Change, Column, ColumnId, ColumnType, Constraint, ConstraintKind, Distribution, ObjectAction, ObjectRef, Privilege,
    Relation, RoleId, SchemaId, SortKey, Table, TableAction, View,
};

use super::column::{self, NewConstraint};
use super::table::references;
use super::{Context, write};
use crate::access::Requirement;
use crate::error::{NoticeSeverity, SqlError, SqlState};
use crate::outcome::Outcome;
use crate::plan::PlanContext;
use crate::plan::name::{self, Resolved, find_relation, fold};
use crate::statement::table::{AlterAction, AlterTable, ColumnDefinition};

/// ALTER TABLE.
pub(crate) struct AlterTablePlan {
    object: Option<ObjectRef>,
    steps: Vec<Step>,
    tag: &'static str,
    /// Where the object does not exist, and IF EXISTS was written.
    missing: String,
}

/// One change; ids that are not known yet come when it runs.
enum Step {
    Object(ObjectAction),
    AddColumn(Box<Column>),
    Alter(TableAction),
    DropColumn { column: ColumnId, cascade: bool },
    AddConstraint(NewConstraint),
    Notice(String),
}

/// Plans ALTER TABLE.
pub(crate) fn plan(node: &AlterTable, context: &PlanContext) -> Result<AlterTablePlan, SqlError> {
    let AlterTable { name, if_exists, is_view, actions } = node;
    let qualified = name::qualified(name, &context.facts)?;
    let tag = if *is_view { "ALTER VIEW" } else { "ALTER TABLE" };
    let mut plan = AlterTablePlan { object: None, steps: vec![], tag, missing: qualified.to_string() };
    match find_relation(&context.snapshot, &context.facts, &qualified)? {
        Some(Resolved::Table(table)) if !is_view => {
            plan.object = Some(ObjectRef::Table(table.id));
            // Later actions see what earlier ones did.
            let mut table = Table::clone(&table);
            for action in actions {
                let step = table_step(action, &mut table, context)?;
                plan.steps.push(step);
            }
        }
        Some(Resolved::View(view)) => {
            plan.object = Some(ObjectRef::View(view.id));
            plan.steps = actions.iter().map(|action| view_step(action, &view, context)).collect::<Result<_, _>>()?;
        }
        Some(Resolved::Table(table)) => {
            return Err(SqlError::new(SqlState::WrongObjectType, format!("\"{}\" is not a view", table.name)));
        }
        Some(Resolved::System(table)) => {
            return Err(SqlError::new(
                SqlState::InsufficientPrivilege,
                format!("permission denied: \"{}\" is a system catalog", table.name),
            ));
        }
        None if *if_exists => {}
        None => return Err(SqlError::undefined_table(&qualified.to_string())),
    }
    Ok(plan)
}

fn view_step(action: &AlterAction, view: &View, context: &PlanContext) -> Result<Step, SqlError> {
    let action = object_action(action, context)?;
    action.map(Step::Object).ok_or_else(|| {
        SqlError::new(SqlState::WrongObjectType, format!("ALTER action cannot be performed on view \"{}\"", view.name))
    })
}

/// The actions that every named object knows.
fn object_action(action: &AlterAction, context: &PlanContext) -> Result<Option<ObjectAction>, SqlError> {
    let PlanContext { snapshot, facts, .. } = context;
    Ok(match action {
        AlterAction::RenameTo(to) => Some(ObjectAction::Rename(name::new_name(fold(to))?)),
        AlterAction::OwnerTo(role) => Some(ObjectAction::Own(name::role(snapshot, facts, &fold(role))?)),
        AlterAction::SetSchema(schema) => {
            Some(ObjectAction::Move(name::user_schema(snapshot, facts, &fold(schema))?.id))
        }
        _ => None,
    })
}

fn table_step(action: &AlterAction, table: &mut Table, context: &PlanContext) -> Result<Step, SqlError> {
    if let Some(action) = object_action(action, context)? {
        return Ok(Step::Object(action));
    }
    match action {
        AlterAction::AddColumn { column, if_not_exists } => add_column(column, *if_not_exists, table, context),
        AlterAction::DropColumn { name, if_exists, cascade } => drop_column(&fold(name), (*if_exists, *cascade), table),
        AlterAction::RenameColumn { name, to } => rename_column(&fold(name), fold(to), table),
        AlterAction::AddConstraint(declared) => {
            let taken: Vec<String> = table.constraints.iter().map(|constraint| constraint.name.clone()).collect();
            let made = column::constraint(&table.name, &table.columns, declared, &taken, context)?;
            add_constraint(made, table)
        }
        AlterAction::DropConstraint { name, if_exists } => drop_constraint(fold(name), *if_exists, table),
        AlterAction::SetDefault { name, default } => {
            let mut column = existing(table, &fold(name))?.clone();
            if let Some(default) = default {
                write::check_default(default, context)?;
            }
            column.default.clone_from(default);
            Ok(altered(column, table))
        }
        AlterAction::SetNullable { name, nullable } => set_nullable(&fold(name), *nullable, table),
        AlterAction::SetType { name, data_type } => set_type(&fold(name), column::column_type(data_type)?, table),
        AlterAction::SetEncode { name, encode } => {
            let mut column = existing(table, &fold(name))?.clone();
            column.encode = Some(encode.clone());
            Ok(altered(column, table))
        }
        AlterAction::Distribute { style, key } => {
            let distribution: Distribution = column::distribute(Some(*style), key.as_ref(), &table.columns)?;
            Ok(Step::Alter(TableAction::Distribute(distribution)))
        }
        AlterAction::Sort(sort) => {
            let key: SortKey = column::sort_key(Some(sort), &table.columns, &[])?;
            Ok(Step::Alter(TableAction::Sort(key)))
        }
        AlterAction::RenameTo(_) | AlterAction::OwnerTo(_) | AlterAction::SetSchema(_) => {
            Err(SqlError::internal("an action of every object was not taken"))
        }
    }
}

fn existing<'a>(table: &'a Table, name: &str) -> Result<&'a Column, SqlError> {
    table.column_named(name).ok_or_else(|| SqlError::undefined_column(name, &table.name))
}

fn altered(column: Column, table: &mut Table) -> Step {
    if let Some(own) = table.columns.iter_mut().find(|own| own.id == column.id) {
        *own = column.clone();
    }
    Step::Alter(TableAction::AlterColumn(column))
}

fn add_column(
    definition: &ColumnDefinition,
    if_not_exists: bool,
    table: &mut Table,
    context: &PlanContext,
) -> Result<Step, SqlError> {
    let mut column = column::column(definition, context)?;
    if table.column_named(&column.name).is_some() {
        let message = format!("column \"{}\" of relation \"{}\" already exists", column.name, table.name);
        return if if_not_exists {
            Ok(Step::Notice(format!("{message}, skipping")))
        } else {
            Err(SqlError::new(SqlState::DuplicateColumn, message))
        };
    }
    let ColumnDefinition { constraints, dist_key, sort_key, .. } = definition;
    if !constraints.is_empty() || *dist_key || *sort_key {
        return Err(SqlError::unsupported("ADD COLUMN with keys").with_hint("Add the key by an action of its own."));
    }
    if column.identity.is_some() {
        return Err(SqlError::unsupported("ADD COLUMN with IDENTITY"));
    }
    column.id = table.next_column;
    table.next_column = ColumnId(table.next_column.0 + 1);
    table.columns.push(column.clone());
    column::check_names(&table.columns)?;
    Ok(Step::AddColumn(Box::new(column)))
}

fn drop_column(name: &str, (if_exists, cascade): (bool, bool), table: &mut Table) -> Result<Step, SqlError> {
    let Some(column) = table.column_named(name) else {
        let message = format!("column \"{name}\" of relation \"{}\" does not exist", table.name);
        return if if_exists {
            Ok(Step::Notice(format!("{message}, skipping")))
        } else {
            Err(SqlError::new(SqlState::UndefinedColumn, message))
        };
    };
    let id = column.id;
    if table.distribution == Distribution::Key(id) || table.sort_key.columns.contains(&id) {
        return Err(SqlError::new(
            SqlState::DependentObjectsExist,
            format!("cannot drop distkey or sortkey column \"{name}\""),
        ));
    }
    let dependent = table.constraints.iter().find(|constraint| uses(&constraint.kind, id));
    if let Some(constraint) = dependent.filter(|_| !cascade) {
        return Err(SqlError::new(
            SqlState::DependentObjectsExist,
            format!("cannot drop column \"{name}\" of table \"{}\" because other objects depend on it", table.name),
        )
        .with_detail(format!("Constraint \"{}\" depends on it.", constraint.name))
        .with_hint("Use DROP ... CASCADE to drop the dependent objects too."));
    }
    table.columns.retain(|column| column.id != id);
    Ok(Step::DropColumn { column: id, cascade })
}

fn uses(kind: &ConstraintKind, column: ColumnId) -> bool {
    match kind {
        ConstraintKind::PrimaryKey(columns)
        | ConstraintKind::Unique(columns)
        | ConstraintKind::ForeignKey { columns, .. } => columns.contains(&column),
    }
}

fn rename_column(name: &str, to: String, table: &mut Table) -> Result<Step, SqlError> {
    let id = existing(table, name)?.id;
    let to = name::new_name(to)?;
    if table.column_named(&to).is_some() {
        return Err(SqlError::new(
            SqlState::DuplicateColumn,
            format!("column \"{to}\" of relation \"{}\" already exists", table.name),
        ));
    }
    table.columns.iter_mut().filter(|column| column.id == id).for_each(|column| column.name.clone_from(&to));
    Ok(Step::Alter(TableAction::RenameColumn { column: id, name: to }))
}

fn add_constraint(made: NewConstraint, table: &mut Table) -> Result<Step, SqlError> {
    if let ConstraintKind::PrimaryKey(columns) = &made.kind {
        let is_key = |constraint: &Constraint| matches!(constraint.kind, ConstraintKind::PrimaryKey(_));
        if table.constraints.iter().any(is_key) {
            return Err(SqlError::new(
                SqlState::InvalidTableDefinition,
                format!("multiple primary keys for table \"{}\" are not allowed", table.name),
            ));
        }
        // Redshift wants the columns of a primary key NOT NULL before it is added.
        if let Some(column) = table.columns.iter().find(|column| columns.contains(&column.id) && column.nullable) {
            return Err(SqlError::new(
                SqlState::InvalidTableDefinition,
                format!("column \"{}\" of a primary key must be NOT NULL", column.name),
            ));
        }
    }
    table.constraints.push(Constraint { name: made.name.clone(), id: 0, kind: made.kind.clone() });
    Ok(Step::AddConstraint(made))
}

fn drop_constraint(name: String, if_exists: bool, table: &mut Table) -> Result<Step, SqlError> {
    let before = table.constraints.len();
    table.constraints.retain(|constraint| constraint.name != name);
    if table.constraints.len() < before {
        return Ok(Step::Alter(TableAction::DropConstraint(name)));
    }
    let message = format!("constraint \"{name}\" of relation \"{}\" does not exist", table.name);
    if if_exists {
        Ok(Step::Notice(format!("{message}, skipping")))
    } else {
        Err(SqlError::new(SqlState::UndefinedObject, message))
    }
}

fn set_nullable(name: &str, nullable: bool, table: &mut Table) -> Result<Step, SqlError> {
    let mut column = existing(table, name)?.clone();
    let in_key = |constraint: &Constraint| match &constraint.kind {
        ConstraintKind::PrimaryKey(columns) => columns.contains(&column.id),
        ConstraintKind::Unique(_) | ConstraintKind::ForeignKey { .. } => false,
    };
    if nullable && table.constraints.iter().any(in_key) {
        return Err(SqlError::new(SqlState::InvalidTableDefinition, format!("column \"{name}\" is in a primary key")));
    }
    if !nullable && column.nullable && holds_nulls(table, column.id) {
        return Err(SqlError::new(
            SqlState::NotNullViolation,
            format!("column \"{name}\" of relation \"{}\" contains null values", table.name),
        ));
    }
    column.nullable = nullable;
    Ok(altered(column, table))
}

/// Whether nulls may be stored: parts count theirs, deleted rows included.
fn holds_nulls(table: &Table, column: ColumnId) -> bool {
    let default_is_null = table.column(column).is_some_and(|column| column.missing.is_none());
    table.parts.values().any(|part| match part.columns.iter().find(|summary| summary.column == column) {
        Some(summary) => summary.nulls > 0,
        None => default_is_null && part.visible_rows() > 0,
    })
}

/// Only what needs no rewrite: a longer varchar.
fn set_type(name: &str, column_type: ColumnType, table: &mut Table) -> Result<Step, SqlError> {
    let mut column = existing(table, name)?.clone();
    let grows = match (column.column_type, column_type) {
        (ColumnType::Varchar { .. }, ColumnType::Varchar { length: None }) => true,
        (ColumnType::Varchar { length: Some(old) }, ColumnType::Varchar { length: Some(new) }) => new >= old,
        (old, new) => old == new,
    };
    if !grows {
        return Err(SqlError::unsupported(format!(
            "changing the type of column \"{name}\" other than to a longer varchar"
        )));
    }
    column.column_type = column_type;
    Ok(altered(column, table))
}

/// What ALTER TABLE needs.
pub(crate) fn requirements(plan: &AlterTablePlan) -> Vec<Requirement> {
    let AlterTablePlan { object, steps, tag: _, missing: _ } = plan;
    let Some(object) = object else { return vec![] };
    let mut required = vec![Requirement::Own(*object)];
    for step in steps {
        match step {
            Step::Object(action) => required.extend(requirement_of(action)),
            Step::AddConstraint(made) => required.extend(references(&made.kind)),
            Step::AddColumn(_) | Step::Alter(_) | Step::DropColumn { column: _, cascade: _ } | Step::Notice(_) => {}
        }
    }
    required
}

fn requirement_of(action: &ObjectAction) -> Option<Requirement> {
    match action {
        ObjectAction::Own(role) => Some(own(*role)),
        ObjectAction::Move(schema) => Some(into_schema(*schema)),
        _ => None,
    }
}

/// To give an object away, one must be a member of who gets it.
pub(crate) fn own(role: RoleId) -> Requirement {
    Requirement::Member(role)
}

fn into_schema(schema: SchemaId) -> Requirement {
    Requirement::Hold(ObjectRef::Schema(schema), Privilege::Create)
}

/// Runs ALTER TABLE.
pub(crate) async fn run(plan: AlterTablePlan, context: &mut Context<'_>) -> Result<Outcome, SqlError> {
    let AlterTablePlan { object, steps, tag, missing } = plan;
    let Some(object) = object else {
        context.notice(NoticeSeverity::Notice, format!("relation \"{missing}\" does not exist, skipping"));
        return Ok(Outcome::command(tag));
    };
    for step in steps {
        run_step(object, step, context).await?;
    }
    Ok(Outcome::command(tag))
}

async fn run_step(object: ObjectRef, step: Step, context: &mut Context<'_>) -> Result<(), SqlError> {
    let action = match (step, object) {
        (Step::Notice(message), _) => {
            context.notice(NoticeSeverity::Notice, message);
            return Ok(());
        }
        (Step::Object(action), object) => {
            check_free(object, &action, context)?;
            return context.stage(Change::AlterObject { object, action });
        }
        (Step::AddColumn(column), ObjectRef::Table(table)) => {
            TableAction::AddColumn(with_missing(*column, table, context).await?)
        }
        (Step::AddColumn(_), _) => return Err(SqlError::internal("a column of something that is no table")),
        (Step::Alter(action), _) => action,
        (Step::DropColumn { column, cascade }, ObjectRef::Table(table)) => {
            drop_dependents(table, column, cascade, context)?;
            TableAction::DropColumn(column)
        }
        (Step::DropColumn { .. }, _) => return Err(SqlError::internal("a column of something that is no table")),
        (Step::AddConstraint(made), _) => {
            let id = context.transaction()?.new_id();
            TableAction::AddConstraint(Constraint { name: made.name, id, kind: made.kind })
        }
    };
    let ObjectRef::Table(table) = object else { return Err(SqlError::internal("a table's action on something else")) };
    context.stage(Change::AlterTable { table, action })
}

/// Rows that are there already show the default, evaluated now.
async fn with_missing(
    mut column: Column,
    table: stoa_storage::TableId,
    context: &mut Context<'_>,
) -> Result<Column, SqlError> {
    column.missing = match &column.default {
        Some(default) => write::default_value(default, column.column_type, &context.plan, &context.cancel).await?,
        None => None,
    };
    let snapshot = context.transaction()?.snapshot();
    let Some(table) = snapshot.tables.get(&table) else { return Err(SqlError::internal("the altered table is gone")) };
    if !column.nullable && column.missing.is_none() && table.rows() > 0 {
        return Err(SqlError::new(
            SqlState::NotNullViolation,
            format!("column \"{}\" of relation \"{}\" contains null values", column.name, table.name),
        )
        .with_hint("Give the column a DEFAULT."));
    }
    Ok(column)
}

/// The table's own keys that use the column, and with CASCADE the views that read the table.
fn drop_dependents(
    table: stoa_storage::TableId,
    column: ColumnId,
    cascade: bool,
    context: &mut Context<'_>,
) -> Result<(), SqlError> {
    let snapshot = context.transaction()?.snapshot();
    super::drop::drop_views_on(&[Relation::Table(table)], cascade, context)?;
    let Some(table) = snapshot.tables.get(&table).map(Arc::clone) else { return Ok(()) };
    for constraint in table.constraints.iter().filter(|constraint| uses(&constraint.kind, column)) {
        let action = TableAction::DropConstraint(constraint.name.clone());
        context.stage(Change::AlterTable { table: table.id, action })?;
    }
    Ok(())
}

/// 42P07 before storage says the same less clearly.
fn check_free(object: ObjectRef, action: &ObjectAction, context: &mut Context<'_>) -> Result<(), SqlError> {
    let snapshot = context.transaction()?.snapshot();
    let (schema, name) = match object {
        ObjectRef::Table(id) => snapshot.tables.get(&id).map(|table| (table.schema, table.name.clone())),
        ObjectRef::View(id) => snapshot.views.get(&id).map(|view| (view.schema, view.name.clone())),
        ObjectRef::Database(_) | ObjectRef::Schema(_) => None,
    }
    .ok_or_else(|| SqlError::internal("the altered relation is gone"))?;
    let (schema, name) = match action {
        ObjectAction::Rename(to) => (schema, to.clone()),
        ObjectAction::Move(to) => (*to, name),
        _ => return Ok(()),
    };
    if snapshot.relation_named(schema, &name).is_some() {
        return Err(SqlError::new(SqlState::DuplicateTable, format!("relation \"{name}\" already exists")));
    }
    Ok(())
}
