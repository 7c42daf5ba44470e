//! Plans run: from logical to physical, from physical to rows.

mod dynamic;
pub(crate) mod explain;
mod interrupt;
pub(crate) mod scan;
pub(crate) mod state;
mod statistics;
#[cfg(test)]
mod tests;
pub(crate) mod write;

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use datafusion::common::{ParamValues, ScalarValue};
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use futures::{Stream, StreamExt};

use crate::error::{SqlError, SqlState};
use crate::outcome::{Parameter, RowStream};
use crate::plan::query::PlannedQuery;
use crate::plan::{Cancel, ExecContext};
use crate::session::stack;
use crate::types::SqlType;

/// Runs a planned query; the rows come as the stream is polled.
pub(crate) async fn run_query(
    planned: &PlannedQuery,
    parameters: &[Parameter],
    context: &ExecContext,
) -> Result<RowStream, SqlError> {
    let logical = bind(planned.logical.clone(), &planned.parameters, parameters)?;
    let schema = wire_schema(planned);
    let (plan, state) = context.cancel.run(physical(&logical, context)).await?;
    let stream = start(plan, &state)?;
    Ok(rows(stream, schema, context.cancel.clone()))
}

/// The Arrow schema of a result: what its columns say, so that every protocol sees the same.
fn wire_schema(planned: &PlannedQuery) -> SchemaRef {
    let types = planned.logical.schema().fields().iter();
    let fields = planned.columns.iter().zip(types).map(|(column, field)| {
        field.as_ref().clone().with_name(column.name.clone()).with_metadata(std::collections::HashMap::new())
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// Puts values in the place of parameters.
pub(crate) fn bind(plan: LogicalPlan, types: &[SqlType], parameters: &[Parameter]) -> Result<LogicalPlan, SqlError> {
    if parameters.len() != types.len() {
        return Err(SqlError::new(
            SqlState::ProtocolViolation,
            format!(
                "bind message supplies {} parameters, but the statement requires {}",
                parameters.len(),
                types.len()
            ),
        ));
    }
    if types.is_empty() {
        return Ok(plan);
    }
    let values: Result<Vec<ScalarValue>, SqlError> = parameters
        .iter()
        .zip(types)
        .map(|(value, sql_type)| {
            // `numeric` without a modifier keeps the digits of the value.
            let keeps = *sql_type == SqlType::NumericAny && value.data_type().is_numeric();
            if keeps || value.data_type() == sql_type.arrow() {
                Ok(value.clone())
            } else {
                Ok(value.cast_to(&sql_type.arrow())?)
            }
        })
        .collect();
    let values: Vec<_> = values?.into_iter().map(Into::into).collect();
    Ok(plan.replace_params_with_values(&ParamValues::List(values))?)
}

/// Optimizes a plan and chooses operators, on the large stack and within the time that planning has.
pub(crate) async fn physical(
    logical: &LogicalPlan,
    context: &ExecContext,
) -> Result<(Arc<dyn ExecutionPlan>, SessionState), SqlError> {
    let (logical, context, cancel) = (logical.clone(), context.clone(), context.cancel.clone());
    let runtime = tokio::runtime::Handle::current();
    stack::planning(&cancel, move || {
        let state = state::session_state(&context.engine, &context.facts)?;
        let optimized = state.optimize(&logical)?;
        context.cancel.check()?;
        let plan = runtime.block_on(state.query_planner().create_physical_plan(&optimized, &state))?;
        Ok((interrupt::guard(plan, &context.cancel)?, state))
    })
    .await
}

/// Starts a plan.
pub(crate) fn start(plan: Arc<dyn ExecutionPlan>, state: &SessionState) -> Result<SendableRecordBatchStream, SqlError> {
    Ok(execute_stream(plan, state.task_ctx())?)
}

/// Runs a plan to its end, for the sources of writes.
pub(crate) fn checked(
    stream: SendableRecordBatchStream,
    cancel: Cancel,
) -> impl Stream<Item = Result<RecordBatch, SqlError>> + Send {
    futures::stream::unfold(Some((stream, cancel)), |running| async move {
        let (mut stream, cancel) = running?;
        let next = tokio::select! {
            biased;
            () = cancel.fired() => Some(Err(cancel.error())),
            next = stream.next() => next.map(|batch| batch.map_err(SqlError::from)),
        };
        match next {
            // The plan is dropped here, and its tasks with it.
            Some(Err(error)) => Some((Err(error), None)),
            Some(Ok(batch)) => Some((Ok(batch), Some((stream, cancel)))),
            None => None,
        }
    })
}

/// The rows with the schema of the result; ends at once when the statement is cancelled.
fn rows(stream: SendableRecordBatchStream, schema: SchemaRef, cancel: Cancel) -> RowStream {
    checked(stream, cancel).map(move |batch| batch.and_then(|batch| fit(batch, &schema))).boxed()
}

/// Brings a batch to a schema; operators may hand out other Arrow types for the same values.
fn fit(batch: RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, SqlError> {
    let columns = batch.columns().iter().zip(schema.fields()).map(|(array, field)| {
        if array.data_type() == field.data_type() {
            return Ok(Arc::clone(array));
        }
        arrow::compute::cast(array, field.data_type())
    });
    let columns: Result<Vec<_>, _> = columns.collect();
    let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(nullable(schema), columns?, &options)?)
}

/// Outer joins may give nulls in columns that their input declares without.
fn nullable(schema: &SchemaRef) -> SchemaRef {
    Arc::clone(schema)
}
