//! The engine as one statement uses it: our rules, our switches, the shared memory pool.

use std::sync::Arc;

use datafusion::execution::SessionStateBuilder;
use datafusion::execution::config::SessionConfig;
use datafusion::execution::session_state::SessionState;
use datafusion::functions_aggregate::first_last::first_value_udaf;
use datafusion::optimizer::analyzer::Analyzer;
use datafusion::optimizer::{AnalyzerRule, Optimizer};
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;

use crate::engine::Engine;
use crate::error::SqlError;
use crate::optimize::semantics::Semantics;
use crate::session::SessionFacts;

/// Rows of a batch: twice what the engine has by default. Not measured on our own scan yet.
const BATCH_ROWS: usize = 16_384;

/// The state that plans and runs one statement of a session.
pub(crate) fn session_state(engine: &Engine, facts: &SessionFacts) -> Result<SessionState, SqlError> {
    let mut config = SessionConfig::new()
        .with_target_partitions(engine.options().threads.max(1))
        .with_batch_size(BATCH_ROWS)
        .with_create_default_catalog_and_schema(false)
        .with_information_schema(false)
        // Measured on two cores: hash exchanges before joins cost more than the parallel build brings.
        .with_repartition_joins(false);
    let options = config.options_mut();
    options.execution.time_zone = Some(facts.function_context().time_zone.name().to_owned());
    options.sql_parser.parse_float_as_decimal = true;
    let mut rules: Vec<Arc<dyn AnalyzerRule + Send + Sync>> =
        vec![Arc::new(Semantics::new(Arc::new(facts.function_context())))];
    rules.extend(Analyzer::new().rules);
    let state = SessionStateBuilder::new()
        .with_config(config)
        .with_runtime_env(Arc::clone(engine.runtime()))
        // DISTINCT ON becomes this aggregate.
        .with_aggregate_functions(vec![first_value_udaf()])
        .with_analyzer_rules(rules)
        .with_optimizer_rules(Optimizer::new().rules)
        .with_physical_optimizer_rules(PhysicalOptimizer::new().rules)
        .build();
    Ok(state)
}
