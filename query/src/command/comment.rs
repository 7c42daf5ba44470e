//! COMMENT ON.

use sqlparser::ast::ObjectName;
use stoa_storage::{Change, ObjectAction, ObjectRef};

use super::Context;
use crate::access::Requirement;
use crate::error::{SqlError, SqlState};
use crate::outcome::Outcome;
use crate::plan::PlanContext;
use crate::plan::name::{self, Resolved};
use crate::statement::object::Comment;

/// COMMENT ON.
pub(crate) struct CommentPlan {
    object: ObjectRef,
    action: ObjectAction,
}

/// Plans COMMENT ON.
pub(crate) fn plan(node: &Comment, context: &PlanContext) -> Result<CommentPlan, SqlError> {
    let Comment { kind, name, text } = node;
    let PlanContext { snapshot, facts, .. } = context;
    let action = ObjectAction::Comment(text.clone());
    let object = match *kind {
        "DATABASE" => ObjectRef::Database(name::database(snapshot, &name::qualified(name, facts)?.name)?),
        "SCHEMA" => ObjectRef::Schema(name::user_schema(snapshot, facts, &name::qualified(name, facts)?.name)?.id),
        "COLUMN" => return column(name, text.clone(), context),
        _ => relation(name, context)?,
    };
    Ok(CommentPlan { object, action })
}

fn relation(name: &ObjectName, context: &PlanContext) -> Result<ObjectRef, SqlError> {
    match name::relation(context, name)? {
        Resolved::Table(table) => Ok(ObjectRef::Table(table.id)),
        Resolved::View(view) => Ok(ObjectRef::View(view.id)),
        Resolved::System(table) => Err(SqlError::new(
            SqlState::InsufficientPrivilege,
            format!("permission denied: \"{}\" is a system catalog", table.name),
        )),
    }
}

/// `table.column`
fn column(name: &ObjectName, text: Option<String>, context: &PlanContext) -> Result<CommentPlan, SqlError> {
    let mut parts = name.0.clone();
    let (Some(column), false) = (parts.pop(), parts.is_empty()) else {
        return Err(SqlError::syntax("column name must be qualified"));
    };
    let column = name::parts(&ObjectName(vec![column]))?.concat();
    let Resolved::Table(table) = name::relation(context, &ObjectName(parts))? else {
        return Err(SqlError::unsupported("COMMENT ON a column of a view"));
    };
    let id = table.column_named(&column).ok_or_else(|| SqlError::undefined_column(&column, &table.name))?.id;
    Ok(CommentPlan { object: ObjectRef::Table(table.id), action: ObjectAction::CommentColumn(id, text) })
}

/// What COMMENT ON needs.
pub(crate) fn requirements(plan: &CommentPlan) -> Vec<Requirement> {
    let CommentPlan { object, action: _ } = plan;
    vec![Requirement::Own(*object)]
}

/// Runs COMMENT ON.
pub(crate) fn run(plan: CommentPlan, context: &mut Context<'_>) -> Result<Outcome, SqlError> {
    let CommentPlan { object, action } = plan;
    context.stage(Change::AlterObject { object, action })?;
    Ok(Outcome::command("COMMENT"))
}
