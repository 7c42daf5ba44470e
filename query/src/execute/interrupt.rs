//! Plans that notice a cancel while they work.
//!
//! The engine yields where batches leave a scan. A join can make millions of rows of one batch, within a single poll that
//! nothing outside can stop; so whatever multiplies rows asks, batch by batch, whether the statement still runs.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, FieldRef, Schema, SchemaRef};
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::common::{Result, internal_err};
use datafusion::error::DataFusionError;
use datafusion::execution::{RecordBatchStream, SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::ColumnarValue;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::coop::make_cooperative;
use datafusion::physical_plan::joins::utils::JoinFilter;
use datafusion::physical_plan::joins::{
    CrossJoinExec, HashJoinExec, NestedLoopJoinExec, NestedLoopJoinExecBuilder, SortMergeJoinExec,
};
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};
use futures::{Stream, StreamExt};

use crate::plan::Cancel;

/// The same plan with checks above its joins and inside the filters of nested loops.
pub(super) fn guard(plan: Arc<dyn ExecutionPlan>, cancel: &Cancel) -> Result<Arc<dyn ExecutionPlan>> {
    plan.transform_up(|node| {
        if let Some(join) = node.downcast_ref::<NestedLoopJoinExec>() {
            let join = Arc::new(with_guarded_filter(join, cancel)?);
            return Ok(Transformed::yes(InterruptExec::over(join, cancel)));
        }
        let multiplies = node.downcast_ref::<CrossJoinExec>().is_some()
            || node.downcast_ref::<HashJoinExec>().is_some()
            || node.downcast_ref::<SortMergeJoinExec>().is_some();
        if multiplies { Ok(Transformed::yes(InterruptExec::over(node, cancel))) } else { Ok(Transformed::no(node)) }
    })
    .data()
}

fn with_guarded_filter(join: &NestedLoopJoinExec, cancel: &Cancel) -> Result<NestedLoopJoinExec> {
    let filter = join.filter().map(|filter| {
        let expression = Arc::new(InterruptExpr { inner: Arc::clone(filter.expression()), cancel: cancel.clone() });
        JoinFilter::new(expression, filter.column_indices().to_vec(), Arc::clone(filter.schema()))
    });
    NestedLoopJoinExecBuilder::new(Arc::clone(join.left()), Arc::clone(join.right()), *join.join_type())
        .with_projection_ref(join.projection().clone())
        .with_filter(filter)
        .build()
}

fn stopped(cancel: &Cancel) -> DataFusionError {
    DataFusionError::External(Box::new(cancel.error()))
}

/// Passes batches on while the statement runs.
#[derive(Debug)]
struct InterruptExec {
    input: Arc<dyn ExecutionPlan>,
    cancel: Cancel,
}

impl InterruptExec {
    fn over(input: Arc<dyn ExecutionPlan>, cancel: &Cancel) -> Arc<dyn ExecutionPlan> {
        Arc::new(Self { input, cancel: cancel.clone() })
    }
}

impl DisplayAs for InterruptExec {
    fn fmt_as(&self, _format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InterruptExec")
    }
}

impl ExecutionPlan for InterruptExec {
    fn name(&self) -> &str {
        "InterruptExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.input.properties()
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn apply_expressions(
        &self,
        _apply: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(self: Arc<Self>, mut children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        match (children.pop(), children.is_empty()) {
            (Some(input), true) => Ok(Self::over(input, &self.cancel)),
            _ => internal_err!("a guard has one input"),
        }
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let input = self.input.execute(partition, context)?;
        // It also yields now and then, so that other statements get on.
        Ok(make_cooperative(Box::pin(InterruptStream { input, cancel: self.cancel.clone() })))
    }
}

struct InterruptStream {
    input: SendableRecordBatchStream,
    cancel: Cancel,
}

impl Stream for InterruptStream {
    type Item = Result<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.cancel.is_fired() {
            return Poll::Ready(Some(Err(stopped(&self.cancel))));
        }
        self.input.poll_next_unpin(cx)
    }
}

impl RecordBatchStream for InterruptStream {
    fn schema(&self) -> SchemaRef {
        self.input.schema()
    }
}

/// An expression that fails once the statement is stopped.
#[derive(Debug)]
struct InterruptExpr {
    inner: Arc<dyn PhysicalExpr>,
    cancel: Cancel,
}

impl PartialEq for InterruptExpr {
    fn eq(&self, other: &Self) -> bool {
        self.inner.eq(&other.inner)
    }
}

impl Eq for InterruptExpr {}

impl Hash for InterruptExpr {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.inner.hash(state);
    }
}

impl fmt::Display for InterruptExpr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl PhysicalExpr for InterruptExpr {
    fn data_type(&self, schema: &Schema) -> Result<DataType> {
        self.inner.data_type(schema)
    }

    fn nullable(&self, schema: &Schema) -> Result<bool> {
        self.inner.nullable(schema)
    }

    fn return_field(&self, schema: &Schema) -> Result<FieldRef> {
        self.inner.return_field(schema)
    }

    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        if self.cancel.is_fired() {
            return Err(stopped(&self.cancel));
        }
        self.inner.evaluate(batch)
    }

    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        vec![&self.inner]
    }

    fn with_new_children(self: Arc<Self>, mut children: Vec<Arc<dyn PhysicalExpr>>) -> Result<Arc<dyn PhysicalExpr>> {
        match (children.pop(), children.is_empty()) {
            (Some(inner), true) => Ok(Arc::new(Self { inner, cancel: self.cancel.clone() })),
            _ => internal_err!("a guard has one child"),
        }
    }

    fn fmt_sql(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt_sql(f)
    }
}
