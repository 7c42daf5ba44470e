//! What system tables show of the planner: its functions, and the columns of views.

use std::sync::{Arc, LazyLock};

use datafusion::logical_expr::Volatility;
use sqlparser::parser::Parser;
use stoa_storage::View;

use crate::function::{FUNCTIONS, Family, FunctionContext};
use crate::plan::PlanContext;
use crate::plan::query::plan_query;
use crate::statement::dialect::StoaDialect;
use crate::system::context::FunctionFact;
use crate::system::function::function_facts;
use crate::types::SqlType;

/// Every function that SQL can call.
pub(crate) fn all_functions() -> Arc<Vec<FunctionFact>> {
    Arc::clone(&FACTS)
}

/// Sorted by name; of several with one name the first.
static FACTS: LazyLock<Arc<Vec<FunctionFact>>> = LazyLock::new(|| {
    let context = Arc::new(FunctionContext { transaction_micros: 0, statement_micros: 0, time_zone: chrono_tz::UTC });
    let listed = FUNCTIONS.iter().filter_map(|row| {
        let kind = match row.family {
            Family::Scalar => 'f',
            Family::Aggregate => 'a',
            Family::Window => 'w',
            Family::Table => return None,
        };
        let scalar = crate::function::scalar(row.name, &context);
        let volatility = scalar.map_or('i', |udf| letter(udf.signature().volatility));
        Some(FunctionFact { name: row.name.to_owned(), kind, volatility })
    });
    let mut functions: Vec<FunctionFact> = listed.chain(function_facts()).collect();
    functions.sort_by(|a, b| a.name.cmp(&b.name));
    functions.dedup_by(|later, first| later.name == first.name);
    Arc::new(functions)
});

fn letter(volatility: Volatility) -> char {
    match volatility {
        Volatility::Immutable => 'i',
        Volatility::Stable => 's',
        Volatility::Volatile => 'v',
    }
}

/// Names and types of a view's columns: what planning its query gives. `None` when it can no longer be planned.
pub(crate) fn view_columns(context: &PlanContext, view: &View) -> Option<Vec<(String, SqlType)>> {
    let mut parser = Parser::new(&StoaDialect).try_with_sql(&view.query).ok()?;
    let query = parser.parse_query().ok()?;
    let facts = context.facts.for_view(view.owner, view.search_path.clone());
    let inner = PlanContext { facts: Arc::new(facts), declared: vec![], ..context.clone() };
    let planned = plan_query(&query, &inner).ok()?;
    let columns = planned
        .columns
        .into_iter()
        .enumerate()
        .map(|(index, column)| (view.column_names.get(index).cloned().unwrap_or(column.name), column.sql_type));
    Some(columns.collect())
}
