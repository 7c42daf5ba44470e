//! EXPLAIN.

use super::Context;
use crate::error::SqlError;
use crate::execute;
use crate::outcome::{Outcome, ResultColumn, Rows};
use crate::plan::PlanContext;
use crate::plan::query::{PlannedQuery, plan_query};
use crate::statement::Statement;
use crate::statement::session::Explain;
use crate::types::SqlType;

/// EXPLAIN.
pub(crate) struct ExplainPlan {
    pub(crate) analyze: bool,
    pub(crate) verbose: bool,
    pub(crate) query: PlannedQuery,
}

/// Plans EXPLAIN of a query.
pub(crate) fn plan(node: &Explain, context: &PlanContext) -> Result<ExplainPlan, SqlError> {
    let Explain { analyze, verbose, statement } = node;
    let query = match &**statement {
        Statement::Query(query) => plan_query(query, context)?,
        Statement::CreateTableAs(create) => plan_query(&create.query, context)?,
        Statement::Declare(declare) => plan_query(&declare.query, context)?,
        other => return Err(SqlError::unsupported(format!("EXPLAIN of {}", other.kind().row().words))),
    };
    Ok(ExplainPlan { analyze: *analyze, verbose: *verbose, query })
}

/// The one column of the result.
pub(crate) fn columns() -> Vec<ResultColumn> {
    vec![ResultColumn { name: "QUERY PLAN".to_owned(), sql_type: SqlType::Text, table: None, nullable: false }]
}

/// Runs EXPLAIN: one row a line.
pub(crate) async fn run(plan: ExplainPlan, context: &mut Context<'_>) -> Result<Outcome, SqlError> {
    let ExplainPlan { analyze, verbose, query } = plan;
    let exec = context.exec();
    let mut lines = execute::explain::explain(&query, &context.parameters, analyze, &exec).await?;
    if verbose {
        let names: Vec<&str> = query.columns.iter().map(|column| column.name.as_str()).collect();
        lines.insert(lines.len().min(1), format!("  Output: {}", names.join(", ")));
    }
    let batch = super::setting::text_batch(&[("QUERY PLAN", lines)])?;
    Ok(Outcome::Rows(Rows::ready(columns(), batch, "EXPLAIN")))
}
