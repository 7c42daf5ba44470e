//! Queries: from syntax to a typed logical plan.
//!
//! The engine's own planner resolves names and shapes the plan; everything that carries Postgres's meaning is handed to
//! it: tables from the transaction's snapshot, types with their SQL names, functions and operators from our registry.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::FieldRef;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::optimizer::AnalyzerRule;
use datafusion::sql::planner::{NullOrdering, ParserOptions, PlannerContext, SqlToRel};
use sqlparser::ast;

use super::provider::{Provider, unwrapped};
use super::{PlanContext, ReadRelation, describe, normalize};
use crate::error::SqlError;
use crate::execute::state;
use crate::optimize::semantics::Semantics;
use crate::outcome::ResultColumn;
use crate::system::{resolve_correlated, show_names};
use crate::types::SqlType;

/// Views within views, at most.
pub(crate) const VIEW_DEPTH_MAX: usize = 32;

/// A planned query.
#[derive(Debug, Clone)]
pub(crate) struct PlannedQuery {
    /// The plan, with parameters still open.
    pub(crate) logical: LogicalPlan,
    /// The columns of the result.
    pub(crate) columns: Vec<ResultColumn>,
    /// Types of the parameters, `$1` first.
    pub(crate) parameters: Vec<SqlType>,
    /// What is read, for the check of rights.
    pub(crate) tables: Vec<ReadRelation>,
}

/// Plans a query.
pub(crate) fn plan_query(query: &ast::Query, context: &PlanContext) -> Result<PlannedQuery, SqlError> {
    let mut query = query.clone();
    normalize::query(&mut query)?;
    let (plan, parameters, provider) = with_parameters(context, |types| {
        let provider = Provider::new(context);
        let plan = relational(&query, &provider, types)?;
        Ok((plan, provider))
    })?;
    let plan = resolve_correlated(plan, &|| state::session_state(&context.engine, &context.facts))?;
    let analyzed = analyze(plan, context)?;
    let columns = describe::columns(&analyzed);
    let logical = show_names(describe::settle(analyzed)?, provider.system())?;
    let tables = provider.into_reads();
    Ok(PlannedQuery { logical, columns, parameters, tables })
}

/// Plans once to learn the types of the parameters, and again with them where the client had left some open.
pub(crate) fn with_parameters<P>(
    context: &PlanContext,
    plan: impl Fn(Vec<Option<FieldRef>>) -> Result<(LogicalPlan, P), SqlError>,
) -> Result<(LogicalPlan, Vec<SqlType>, P), SqlError> {
    let declared: Vec<Option<FieldRef>> =
        context.declared.iter().map(|declared| declared.as_ref().map(SqlType::cast_field)).collect();
    let (first, state) = plan(declared)?;
    let mut found = placeholders(&first)?;
    if found.iter().any(|(_, known)| known.is_none()) {
        found = placeholders(&inferred(&first, context))?;
    }
    let count = found.iter().map(|(index, _)| *index).max().unwrap_or(0).max(context.declared.len());
    if count == 0 {
        return Ok((first, vec![], state));
    }
    let mut types: Vec<SqlType> = vec![];
    for index in 1..=count {
        let declared =
            context.declared.get(index - 1).cloned().flatten().filter(|declared| *declared != SqlType::Unknown);
        let inferred = found.iter().find_map(|(at, field)| if *at == index { field.clone() } else { None });
        types.push(declared.or(inferred).unwrap_or(SqlType::Text));
    }
    let (second, state) = plan(types.iter().map(|known| Some(known.cast_field())).collect())?;
    Ok((second, types, state))
}

/// Number and, where known, type of each parameter in a plan.
fn placeholders(plan: &LogicalPlan) -> Result<Vec<(usize, Option<SqlType>)>, SqlError> {
    let mut found = vec![];
    let mut note = |expr: &Expr, known: Option<&FieldRef>| {
        if let Expr::Placeholder(placeholder) = expr
            && let Ok(index) = placeholder.id.trim_start_matches('$').parse::<usize>()
        {
            let known = placeholder.field.as_ref().or(known).filter(|field| !field.data_type().is_null());
            found.push((index, known.map(|field| describe::parameter(field))));
        }
    };
    plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expr| {
            expr.apply(|expr| {
                note(expr, None);
                // `$1::type` gives the parameter that type.
                if let Expr::Cast(cast) = expr {
                    note(&cast.expr, Some(&cast.field));
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })?;
    // An occurrence with a type counts more than one without.
    found.sort_by_key(|(index, known)| (*index, known.is_none()));
    Ok(found)
}

/// The plan with types given to parameters by the operators and functions around them. Where that fails for want of a
/// type, what the plan says already must do.
fn inferred(plan: &LogicalPlan, context: &PlanContext) -> LogicalPlan {
    let rule = Semantics::new(Arc::new(context.facts.function_context()));
    rule.analyze(plan.clone(), &ConfigOptions::default()).unwrap_or_else(|_error| plan.clone())
}

/// Runs the engine's planner with our options.
pub(crate) fn relational(
    query: &ast::Query,
    provider: &Provider<'_>,
    types: Vec<Option<FieldRef>>,
) -> Result<LogicalPlan, SqlError> {
    let statement = ast::Statement::Query(Box::new(query.clone()));
    let mut planner_context = PlannerContext::new().with_prepare_param_data_types(types);
    planner(provider)
        .sql_statement_to_plan_with_context(statement, &mut planner_context)
        .map_err(|error| provider.explain(error))
}

/// The engine's planner over our names, types and functions.
pub(crate) fn planner<'a, 'b>(provider: &'a Provider<'b>) -> SqlToRel<'a, Provider<'b>> {
    let options = ParserOptions::new()
        .with_parse_float_as_decimal(true)
        .with_collect_spans(true)
        .with_default_null_ordering(NullOrdering::NullsMax);
    SqlToRel::new_with_options(provider, options)
}

/// Applies Postgres's meaning and settles the types.
pub(crate) fn analyze(plan: LogicalPlan, context: &PlanContext) -> Result<LogicalPlan, SqlError> {
    let state = state::session_state(&context.engine, &context.facts)?;
    let options = Arc::clone(state.config_options());
    let analyzed = state.analyzer().execute_and_check(plan, &options, |_, _| {});
    analyzed.map_err(|error| unwrapped(error.into()))
}

/// An SQL error on its way through the engine's planner.
pub(crate) fn external(error: SqlError) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

/// Relations read so far, without repetition.
pub(crate) type Reads = BTreeSet<ReadRelation>;
