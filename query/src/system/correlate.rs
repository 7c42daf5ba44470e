//! Correlated scalar subqueries over system tables, run once for each set of outer values.
//!
//! The engine can only turn a correlated subquery into a join when it is an aggregate with equality conditions. Those
//! that clients send to catalogs are of every shape, nested and with set-returning functions, but small. Each becomes a
//! call of a function that holds the subquery's plan: outer columns are its arguments, it puts their values into the
//! plan, runs it, and remembers the answer for equal values.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, Result, ScalarValue};
use datafusion::datasource::DefaultTableSource;
use datafusion::error::DataFusionError;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{
    ColumnarValue, Expr, LogicalPlan, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Subquery, Volatility,
};
use datafusion::physical_plan::collect;

use crate::error::{SqlError, SqlState};
use crate::system::provider::SystemProvider;

/// Makes the state that plans and runs subqueries; called only when there is one.
pub(crate) type StateMaker<'a> = &'a dyn Fn() -> Result<SessionState, SqlError>;

/// Replaces the correlated scalar subqueries of a plan that read nothing but system tables.
pub(crate) fn resolve(plan: LogicalPlan, state: StateMaker<'_>) -> Result<LogicalPlan, SqlError> {
    if !has_candidates(&plan)? {
        return Ok(plan);
    }
    let state = Arc::new(state()?);
    Ok(resolve_with(plan, &state)?)
}

fn has_candidates(plan: &LogicalPlan) -> Result<bool, DataFusionError> {
    let mut found = false;
    plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expr| {
            expr.apply(|expr| {
                found |= is_candidate(expr);
                Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
            })
        })
    })?;
    Ok(found)
}

fn is_candidate(expr: &Expr) -> bool {
    matches!(expr, Expr::ScalarSubquery(subquery) if !subquery.outer_ref_columns.is_empty()
        && reads_system_tables_only(&subquery.subquery))
}

fn reads_system_tables_only(plan: &LogicalPlan) -> bool {
    let mut only = true;
    let walked = plan.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node {
            let source = scan.source.downcast_ref::<DefaultTableSource>();
            only &= source
                .is_some_and(|source| (source.table_provider.as_ref() as &dyn std::any::Any).is::<SystemProvider>());
        }
        Ok(if only { TreeNodeRecursion::Continue } else { TreeNodeRecursion::Stop })
    });
    walked.is_ok() && only
}

fn resolve_with(plan: LogicalPlan, state: &Arc<SessionState>) -> Result<LogicalPlan> {
    // Top down: what stands inside a replaced subquery is resolved when that is run.
    let done = plan.transform_down_with_subqueries(|node| {
        let names = NamePreserver::new(&node);
        node.map_expressions(|expr| {
            let name = names.save(&expr);
            let replaced = expr.transform_down(|expr| match expr {
                Expr::ScalarSubquery(subquery) if is_candidate(&Expr::ScalarSubquery(subquery.clone())) => {
                    Ok(Transformed::new(replace(subquery, state)?, true, TreeNodeRecursion::Jump))
                }
                other => Ok(Transformed::no(other)),
            })?;
            Ok(if replaced.transformed { Transformed::yes(name.restore(replaced.data)) } else { replaced })
        })
    })?;
    done.data.recompute_schema()
}

fn replace(subquery: Subquery, state: &Arc<SessionState>) -> Result<Expr> {
    let outer: Vec<Column> = subquery
        .outer_ref_columns
        .iter()
        .filter_map(|expr| match expr {
            Expr::OuterReferenceColumn(_, column) => Some(column.clone()),
            _ => None,
        })
        .collect();
    let arguments = outer.iter().cloned().map(Expr::Column).collect();
    let Some(result) = subquery.subquery.schema().fields().first().cloned() else {
        return Err(DataFusionError::Plan("subquery must return only one column".to_owned()));
    };
    let function = Correlated {
        plan: subquery.subquery,
        outer,
        result,
        state: Arc::clone(state),
        signature: Signature::variadic_any(Volatility::Stable),
    };
    Ok(Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(ScalarUDF::new_from_impl(function)), arguments)))
}

/// A subquery as a function of the outer columns.
struct Correlated {
    plan: Arc<LogicalPlan>,
    outer: Vec<Column>,
    result: FieldRef,
    state: Arc<SessionState>,
    signature: Signature,
}

impl std::fmt::Debug for Correlated {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Correlated").field("outer", &self.outer).finish_non_exhaustive()
    }
}

impl PartialEq for Correlated {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.plan, &other.plan)
    }
}
impl Eq for Correlated {}
impl Hash for Correlated {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.outer.hash(state);
    }
}

impl ScalarUDFImpl for Correlated {
    fn name(&self) -> &str {
        "subquery"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(self.result.data_type().clone())
    }

    fn return_field_from_args(&self, _arguments: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        Ok(Arc::new(self.result.as_ref().clone().with_nullable(true)))
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arguments =
            call.args.iter().map(|argument| argument.to_array(call.number_rows)).collect::<Result<Vec<_>>>()?;
        let mut known: HashMap<Vec<ScalarValue>, ScalarValue> = HashMap::new();
        let mut values = Vec::with_capacity(call.number_rows);
        for row in 0..call.number_rows {
            let key: Vec<ScalarValue> =
                arguments.iter().map(|array| ScalarValue::try_from_array(array, row)).collect::<Result<_>>()?;
            let value = match known.get(&key) {
                Some(value) => value.clone(),
                None => {
                    let value = self.run(&key)?;
                    known.insert(key, value.clone());
                    value
                }
            };
            values.push(value);
        }
        if values.is_empty() {
            return Ok(arrow::array::new_empty_array(self.result.data_type()).into());
        }
        Ok(ScalarValue::iter_to_array(values)?.into())
    }
}

impl Correlated {
    /// The one value of the subquery for these outer values.
    fn run(&self, values: &[ScalarValue]) -> Result<ScalarValue> {
        let plan = substitute(self.plan.as_ref().clone(), &self.outer, values)?;
        let plan = resolve_with(plan, &self.state)?;
        let state = Arc::clone(&self.state);
        let batches = wait(async move {
            let physical = state.create_physical_plan(&plan).await?;
            collect(physical, state.task_ctx()).await
        })?;
        single_value(&batches, self.result.data_type())
    }
}

fn single_value(batches: &[RecordBatch], data_type: &DataType) -> Result<ScalarValue> {
    let mut rows = batches.iter().filter(|batch| batch.num_rows() > 0);
    match (rows.next(), rows.next()) {
        (None, _) => ScalarValue::try_from(data_type),
        (Some(batch), None) if batch.num_rows() == 1 => {
            let column: ArrayRef = Arc::clone(batch.column(0));
            let column = if column.data_type() == data_type { column } else { cast(&column, data_type)? };
            ScalarValue::try_from_array(&column, 0)
        }
        _ => Err(DataFusionError::External(Box::new(SqlError::new(
            SqlState::CardinalityViolation,
            "more than one row returned by a subquery used as an expression",
        )))),
    }
}

/// Puts values in the place of the outer columns, also in subqueries of the subquery.
fn substitute(plan: LogicalPlan, outer: &[Column], values: &[ScalarValue]) -> Result<LogicalPlan> {
    let value_of = |column: &Column| outer.iter().position(|known| known == column).and_then(|index| values.get(index));
    let done = plan.transform_up_with_subqueries(|node| {
        let names = NamePreserver::new(&node);
        let changed = node.map_expressions(|expr| {
            let name = names.save(&expr);
            let replaced = expr.transform_up(|expr| match expr {
                Expr::OuterReferenceColumn(field, column) => Ok(match value_of(&column) {
                    Some(value) => Transformed::yes(Expr::Literal(value.clone(), None)),
                    None => Transformed::no(Expr::OuterReferenceColumn(field, column)),
                }),
                Expr::ScalarSubquery(mut subquery) => {
                    subquery.outer_ref_columns.retain(|expr| match expr {
                        Expr::OuterReferenceColumn(_, column) => value_of(column).is_none(),
                        _ => true,
                    });
                    Ok(Transformed::yes(Expr::ScalarSubquery(subquery)))
                }
                other => Ok(Transformed::no(other)),
            })?;
            Ok(if replaced.transformed { Transformed::yes(name.restore(replaced.data)) } else { replaced })
        })?;
        if changed.transformed && !matches!(changed.data, LogicalPlan::Values(_) | LogicalPlan::TableScan(_)) {
            return changed.map_data(LogicalPlan::recompute_schema);
        }
        Ok(changed)
    })?;
    Ok(done.data)
}

/// Runs a future to its end from inside the engine, which calls functions synchronously. System tables are in memory, so
/// it is short.
fn wait<T: Send>(future: impl Future<Output = Result<T>> + Send) -> Result<T> {
    use tokio::runtime::{Builder, Handle, RuntimeFlavor};
    match Handle::try_current() {
        Ok(handle) if handle.runtime_flavor() == RuntimeFlavor::MultiThread => {
            tokio::task::block_in_place(|| handle.block_on(future))
        }
        _ => std::thread::scope(|scope| {
            let worker = scope.spawn(|| {
                let runtime = Builder::new_current_thread().build().map_err(DataFusionError::IoError)?;
                runtime.block_on(future)
            });
            worker.join().unwrap_or_else(|_| Err(DataFusionError::Internal("a subquery failed badly".to_owned())))
        }),
    }
}
