//! SELECT.

use super::Context;
use crate::error::SqlError;
use crate::execute;
use crate::outcome::{Outcome, Rows};
use crate::plan::query::PlannedQuery;

/// Runs a query; its rows come as the client reads them.
pub(crate) async fn run(plan: PlannedQuery, context: &mut Context<'_>) -> Result<Outcome, SqlError> {
    let stream = execute::run_query(&plan, &context.parameters, &context.exec()).await?;
    Ok(Outcome::Rows(Rows { columns: plan.columns.into(), stream, tag: "SELECT" }))
}
