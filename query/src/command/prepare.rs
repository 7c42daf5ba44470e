//! PREPARE and DEALLOCATE; EXECUTE's arguments.

use std::sync::Arc;

use datafusion::common::ScalarValue;
use futures::TryStreamExt;
use sqlparser::ast;

use super::Context;
use crate::access::Requirement;
use crate::cancel::Cancel;
use crate::error::{SqlError, SqlState};
use crate::execute;
use crate::outcome::{Outcome, Parameter};
use crate::plan::query::plan_query;
use crate::plan::{ExecContext, PlanContext};
use crate::session::block::{NamedStatement, as_query};
use crate::session::stack;
use crate::statement::Statement;
use crate::statement::session::Prepare;
use crate::types::SqlType;

/// PREPARE.
pub(crate) struct PreparePlan {
    name: String,
    types: Vec<Option<SqlType>>,
    statement: Arc<Statement>,
    required: Vec<Requirement>,
}

/// Plans PREPARE: the statement is planned to see that it can be.
pub(crate) fn plan(node: &Prepare, context: &PlanContext) -> Result<PreparePlan, SqlError> {
    let Prepare { name, types, statement } = node;
    let types: Vec<Option<SqlType>> = types.iter().cloned().map(Some).collect();
    let inner = crate::plan::plan(statement, &PlanContext { declared: types.clone(), ..context.clone() })?;
    Ok(PreparePlan {
        name: name.clone(),
        types,
        statement: Arc::clone(statement),
        required: crate::access::requirements(&inner),
    })
}

/// What PREPARE needs: what the statement does.
pub(crate) fn requirements(plan: &PreparePlan) -> Vec<Requirement> {
    let PreparePlan { name: _, types: _, statement: _, required } = plan;
    required.clone()
}

/// Runs PREPARE.
pub(crate) fn run(plan: PreparePlan, context: &mut Context<'_>) -> Result<Outcome, SqlError> {
    let PreparePlan { name, types, statement, required: _ } = plan;
    if context.state.prepared.contains_key(&name) {
        return Err(SqlError::new(
            SqlState::DuplicatePreparedStatement,
            format!("prepared statement \"{name}\" already exists"),
        ));
    }
    let parsed = context.parsed.with_statement(statement);
    context.state.prepared.insert(name, NamedStatement { parsed, types });
    Ok(Outcome::command("PREPARE"))
}

/// Runs DEALLOCATE.
pub(crate) fn deallocate(name: Option<&str>, context: &mut Context<'_>) -> Result<Outcome, SqlError> {
    match name {
        None => {
            context.state.prepared.clear();
            Ok(Outcome::command("DEALLOCATE ALL"))
        }
        Some(name) => {
            context.state.named(name)?;
            context.state.prepared.remove(name);
            Ok(Outcome::command("DEALLOCATE"))
        }
    }
}

/// The values of constant expressions, in the given types.
pub(crate) async fn evaluate(
    arguments: &[ast::Expr],
    types: &[SqlType],
    context: PlanContext,
    cancel: &Cancel,
) -> Result<Vec<Parameter>, SqlError> {
    let query = as_query(arguments);
    let exec =
        ExecContext { engine: Arc::clone(&context.engine), facts: Arc::clone(&context.facts), cancel: cancel.clone() };
    let planned = stack::planning(cancel, move || plan_query(&query, &context)).await?;
    if !planned.parameters.is_empty() {
        return Err(SqlError::new(SqlState::UndefinedParameter, "there is no parameter $1"));
    }
    let batches: Vec<_> = execute::run_query(&planned, &[], &exec).await?.try_collect().await?;
    let row = batches.iter().find(|batch| batch.num_rows() > 0);
    let row = row.ok_or_else(|| SqlError::internal("constant expressions gave no row"))?;
    let values = row.columns().iter().zip(types).map(|(column, sql_type)| {
        let value = ScalarValue::try_from_array(column, 0)?;
        let keeps = *sql_type == SqlType::NumericAny && value.data_type().is_numeric();
        Ok(if keeps { value } else { value.cast_to(&sql_type.arrow())? })
    });
    values.collect()
}
