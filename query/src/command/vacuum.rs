//! VACUUM and ANALYZE.

use std::sync::Arc;

use stoa_storage::{ObjectRef, Privilege, Table};

use super::Context;
use crate::access::{Requirement, on_table};
use crate::error::{SqlError, SqlState};
use crate::outcome::Outcome;
use crate::plan::PlanContext;
use crate::plan::name::{self, fold};
use crate::statement::session::{Analyze, Vacuum};

/// VACUUM; `None` is every table.
pub(crate) struct VacuumPlan {
    table: Option<Arc<Table>>,
}

/// ANALYZE; `None` is every table.
pub(crate) struct AnalyzePlan {
    table: Option<Arc<Table>>,
}

/// Plans VACUUM.
pub(crate) fn plan(node: &Vacuum, context: &PlanContext) -> Result<VacuumPlan, SqlError> {
    let Vacuum { table } = node;
    let table = table
        .as_ref()
        .map(|table| name::table(&context.snapshot, &context.facts, &name::qualified(table, &context.facts)?))
        .transpose()?;
    Ok(VacuumPlan { table })
}

/// Plans ANALYZE.
pub(crate) fn plan_analyze(node: &Analyze, context: &PlanContext) -> Result<AnalyzePlan, SqlError> {
    let Analyze { table, columns } = node;
    let Some(table) = table else { return Ok(AnalyzePlan { table: None }) };
    let table = name::table(&context.snapshot, &context.facts, &name::qualified(table, &context.facts)?)?;
    for column in columns {
        let column = fold(column);
        if table.column_named(&column).is_none() {
            return Err(SqlError::new(
                SqlState::UndefinedColumn,
                format!("column \"{column}\" of relation \"{}\" does not exist", table.name),
            ));
        }
    }
    Ok(AnalyzePlan { table: Some(table) })
}

/// What VACUUM needs.
pub(crate) fn requirements(plan: &VacuumPlan) -> Vec<Requirement> {
    let VacuumPlan { table } = plan;
    match table {
        Some(table) => vec![Requirement::Own(ObjectRef::Table(table.id))],
        None => vec![Requirement::Superuser("VACUUM of all tables")],
    }
}

/// What ANALYZE needs.
pub(crate) fn requirements_analyze(plan: &AnalyzePlan) -> Vec<Requirement> {
    let AnalyzePlan { table } = plan;
    table.iter().flat_map(|table| on_table(table, Privilege::Select)).collect()
}

/// Runs VACUUM: small inserts become segments.
pub(crate) async fn run(plan: VacuumPlan, context: &mut Context<'_>) -> Result<Outcome, SqlError> {
    let VacuumPlan { table } = plan;
    let warehouse = Arc::clone(context.session.engine().warehouse());
    let flush = async { Ok(warehouse.flush(table.map(|table| table.id)).await?) };
    context.cancel.run(flush).await?;
    Ok(Outcome::command("VACUUM"))
}

/// Runs ANALYZE: statistics were kept when the rows were written.
pub(crate) fn analyze(plan: AnalyzePlan) -> Outcome {
    let AnalyzePlan { table: _ } = plan;
    Outcome::command("ANALYZE")
}
