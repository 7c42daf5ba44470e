//! Writes: the rows of a plan go into the storage transaction.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Int64Array, RecordBatch, UInt64Array};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{DataType, Schema, UInt64Type};
use datafusion::physical_plan::ExecutionPlanProperties;
use futures::{StreamExt, TryStreamExt};
use stoa_storage::{Appended, Appender, ColumnId, Table, Transaction};
use tokio::task::JoinSet;

use super::{bind, checked, physical, start};
use crate::error::{SqlError, SqlState};
use crate::outcome::Parameter;
use crate::plan::write::{PlannedDelete, PlannedInsert, PlannedUpdate};
use crate::plan::{Cancel, ExecContext};

/// Inserts the rows of a plan; how many.
pub(crate) async fn insert(
    planned: &PlannedInsert,
    parameters: &[Parameter],
    transaction: &mut Transaction,
    context: &ExecContext,
) -> Result<u64, SqlError> {
    let logical = bind(planned.logical.clone(), &planned.parameters, parameters)?;
    let (plan, state) = context.cancel.run(physical(&logical, context)).await?;
    if !planned.identities.is_empty() {
        let stream = checked(start(plan, &state)?, context.cancel.clone());
        let batches: Vec<RecordBatch> = stream.try_collect().await?;
        let rows = Rows { table: Arc::clone(&planned.table) };
        let batches = numbered(batches, planned, transaction)?;
        let batches: Result<Vec<RecordBatch>, SqlError> = batches.into_iter().map(|batch| rows.fit(&batch)).collect();
        return Ok(transaction.append(planned.table.id, batches?).await?);
    }
    let mut tasks: JoinSet<Result<Appended, SqlError>> = JoinSet::new();
    for partition in 0..plan.output_partitioning().partition_count() {
        let stream = Arc::clone(&plan).execute(partition, state.task_ctx())?;
        let appender = transaction.appender(planned.table.id)?;
        let rows = Rows { table: Arc::clone(&planned.table) };
        tasks.spawn(append(rows, checked(stream, context.cancel.clone()).boxed(), appender));
    }
    let mut inserted = 0;
    while let Some(finished) = next_finished(&mut tasks, &context.cancel).await? {
        inserted += transaction.finish_append(finished)?;
    }
    Ok(inserted)
}

/// The next task that has ended; the others die with the set when one fails.
async fn next_finished(
    tasks: &mut JoinSet<Result<Appended, SqlError>>,
    cancel: &Cancel,
) -> Result<Option<Appended>, SqlError> {
    let next = cancel.run(async { Ok(tasks.join_next().await) }).await?;
    match next {
        None => Ok(None),
        Some(Ok(appended)) => appended.map(Some),
        Some(Err(died)) => Err(SqlError::internal(format!("a task of the insert died: {died}"))),
    }
}

type Batches = futures::stream::BoxStream<'static, Result<RecordBatch, SqlError>>;

async fn append(rows: Rows, mut batches: Batches, mut appender: Appender) -> Result<Appended, SqlError> {
    while let Some(batch) = batches.next().await {
        appender.write(rows.fit(&batch?)?).await?;
    }
    Ok(appender.finish().await?)
}

/// What rows of a table must be.
struct Rows {
    table: Arc<Table>,
}

impl Rows {
    /// A batch in exactly the types of the table, without nulls where none are allowed.
    fn fit(&self, batch: &RecordBatch) -> Result<RecordBatch, SqlError> {
        let columns = &self.table.columns;
        let mut arrays: Vec<ArrayRef> = Vec::with_capacity(columns.len());
        let mut fields = Vec::with_capacity(columns.len());
        for (column, array) in columns.iter().zip(batch.columns()) {
            let wanted = column.column_type.arrow();
            let array =
                if *array.data_type() == wanted { Arc::clone(array) } else { arrow::compute::cast(array, &wanted)? };
            if !column.nullable && array.null_count() > 0 {
                return Err(SqlError::new(
                    SqlState::NotNullViolation,
                    format!(
                        "null value in column \"{}\" of relation \"{}\" violates not-null constraint",
                        column.name, self.table.name
                    ),
                ));
            }
            fields.push(arrow::datatypes::Field::new(&column.name, wanted, true));
            arrays.push(array);
        }
        Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)?)
    }
}

/// Fills identity columns with fresh numbers.
fn numbered(
    batches: Vec<RecordBatch>,
    planned: &PlannedInsert,
    transaction: &mut Transaction,
) -> Result<Vec<RecordBatch>, SqlError> {
    let mut batches = batches;
    let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
    for (place, column) in &planned.identities {
        let mut next = Numbers::reserve(planned, *column, rows, transaction)?;
        batches = batches
            .into_iter()
            .map(|batch| {
                let numbers: ArrayRef = Arc::new(next.take(batch.num_rows()));
                let mut columns = batch.columns().to_vec();
                columns[*place] =
                    arrow::compute::cast(&numbers, batch.schema().field(*place).data_type()).map_err(|_overflow| {
                        SqlError::new(SqlState::NumericValueOutOfRange, "identity column is used up")
                    })?;
                Ok(RecordBatch::try_new(unconstrained(&batch), columns)?)
            })
            .collect::<Result<_, SqlError>>()?;
    }
    Ok(batches)
}

fn unconstrained(batch: &RecordBatch) -> Arc<Schema> {
    let schema = batch.schema();
    let fields = schema.fields().iter().map(|field| field.as_ref().clone().with_nullable(true));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// Numbers of an identity column.
struct Numbers {
    next: i64,
    step: i64,
}

impl Numbers {
    fn reserve(
        planned: &PlannedInsert,
        column: ColumnId,
        rows: usize,
        transaction: &mut Transaction,
    ) -> Result<Self, SqlError> {
        let identity = planned.table.column(column).and_then(|column| column.identity);
        let step = identity.map_or(1, |identity| identity.step);
        let count = u64::try_from(rows).unwrap_or(u64::MAX);
        if count == 0 {
            return Ok(Self { next: 0, step });
        }
        Ok(Self { next: transaction.reserve_identity(planned.table.id, column, count)?, step })
    }

    fn take(&mut self, count: usize) -> Int64Array {
        let first = self.next;
        let step = self.step;
        let numbers = (0..).map(|n: i64| first.wrapping_add(n.wrapping_mul(step))).take(count);
        let numbers: Int64Array = numbers.map(Some).collect();
        self.next = first.wrapping_add(step.wrapping_mul(i64::try_from(count).unwrap_or(i64::MAX)));
        numbers
    }
}

/// Replaces the rows that a plan gives; how many.
pub(crate) async fn update(
    planned: &PlannedUpdate,
    parameters: &[Parameter],
    transaction: &mut Transaction,
    context: &ExecContext,
) -> Result<u64, SqlError> {
    let logical = bind(planned.logical.clone(), &planned.parameters, parameters)?;
    let (plan, state) = context.cancel.run(physical(&logical, context)).await?;
    let mut batches = checked(start(plan, &state)?, context.cancel.clone()).boxed();
    let rows = Rows { table: Arc::clone(&planned.table) };
    let mut appender = transaction.appender(planned.table.id)?;
    let mut old: Vec<u64> = vec![];
    let mut seen = HashSet::new();
    while let Some(batch) = batches.next().await {
        let mut batch = batch?;
        if planned.joined {
            batch = first_of_each(&batch, &mut seen)?;
        }
        old.extend(addresses(&batch)?.values());
        appender.write(rows.fit(&batch)?).await?;
    }
    drop(batches);
    let appended = appender.finish().await?;
    transaction.delete(planned.table.id, &UInt64Array::from(old)).await?;
    Ok(transaction.finish_append(appended)?)
}

/// The addresses are the last column.
fn addresses(batch: &RecordBatch) -> Result<&UInt64Array, SqlError> {
    batch.columns().last().and_then(|column| column.as_primitive_opt::<UInt64Type>()).ok_or_else(|| {
        SqlError::internal(format!(
            "row addresses are {:?}",
            batch.schema().fields().last().map(|f| f.data_type() == &DataType::UInt64)
        ))
    })
}

/// Rows whose address did not come before: a row that joins with several is changed once.
fn first_of_each(batch: &RecordBatch, seen: &mut HashSet<u64>) -> Result<RecordBatch, SqlError> {
    let first: BooleanArray = addresses(batch)?.values().iter().map(|address| Some(seen.insert(*address))).collect();
    Ok(filter_record_batch(batch, &first)?)
}

/// Deletes the rows that a plan gives; how many.
pub(crate) async fn delete(
    planned: &PlannedDelete,
    parameters: &[Parameter],
    transaction: &mut Transaction,
    context: &ExecContext,
) -> Result<u64, SqlError> {
    let logical = bind(planned.logical.clone(), &planned.parameters, parameters)?;
    let (plan, state) = context.cancel.run(physical(&logical, context)).await?;
    let mut batches = checked(start(plan, &state)?, context.cancel.clone()).boxed();
    let mut old: Vec<u64> = vec![];
    while let Some(batch) = batches.next().await {
        old.extend(addresses(&batch?)?.values());
    }
    Ok(transaction.delete(planned.table.id, &UInt64Array::from(old)).await?)
}
