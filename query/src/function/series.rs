//! `generate_series` as a table.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::datatypes::{DataType, SchemaRef};
use datafusion::catalog::TableFunctionImpl;
use datafusion::common::{Result, ScalarValue, TableReference};
use datafusion::datasource::provider_as_source;
use datafusion::functions_table::generate_series::GenerateSeriesFunc;
use datafusion::logical_expr::expr::Cast;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, TableSource};

use super::builtin::{fail, no_such};
use crate::error::SqlState;
use crate::plan::operator::literal;

/// The name of the function, which is also the name of its column.
const NAME: &str = "generate_series";

/// The table that a function in FROM stands for.
pub(crate) fn series_source(name: &str, args: Vec<Expr>) -> Result<Arc<dyn TableSource>> {
    if name != NAME {
        return Err(fail(SqlState::UndefinedFunction, format!("function {name} does not exist")));
    }
    let values: Option<Vec<ScalarValue>> = args.iter().map(literal).collect();
    let Some(values) = values else {
        return Err(fail(
            SqlState::FeatureNotSupported,
            "generate_series with arguments that are not constants is not supported",
        ));
    };
    let types: Vec<DataType> = values.iter().map(ScalarValue::data_type).collect();
    if types.is_empty() || types.len() > 3 || !types.iter().all(|t| t.is_integer() || t.is_null()) {
        return Err(no_such(NAME, &types));
    }
    let narrow = types.iter().all(|data_type| !matches!(data_type, DataType::Int64));
    let wide: Result<Vec<Expr>> =
        values.iter().map(|value| Ok(Expr::Literal(value.cast_to(&DataType::Int64)?, None))).collect();
    #[expect(deprecated, reason = "the session that the newer method asks for is not used by this function")]
    let provider = GenerateSeriesFunc {}.call(&wide?)?;
    let column = Expr::Column(datafusion::common::Column::from_name("value"));
    let shown = if narrow { Expr::Cast(Cast::new(Box::new(column), DataType::Int32)) } else { column };
    let plan = LogicalPlanBuilder::scan(TableReference::bare(NAME), provider_as_source(provider), None)?
        .project(vec![shown.alias(NAME)])?
        .build()?;
    Ok(Arc::new(Series { schema: Arc::clone(plan.schema().inner()), plan }))
}

/// A series as a source: its plan takes its place.
struct Series {
    schema: SchemaRef,
    plan: LogicalPlan,
}

impl TableSource for Series {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn get_logical_plan(&self) -> Option<Cow<'_, LogicalPlan>> {
        Some(Cow::Borrowed(&self.plan))
    }
}
