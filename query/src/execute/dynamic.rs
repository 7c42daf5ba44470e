//! Filters that joins and TopK make while they run, turned into what a scan can use.
//!
//! Bounds and lists become exact predicates (which prune blocks); the rest is tested row by row before other columns are
//! decoded, and switches itself off where it passes most rows, because then it costs more than it saves.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::{BooleanArray, RecordBatch};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::SchemaRef;
use datafusion::common::ScalarValue;
use datafusion::common::cast::as_boolean_array;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::expressions::{BinaryExpr, Column, DynamicFilterPhysicalExpr, InListExpr, Literal};
use datafusion::physical_expr::utils::{collect_columns, split_conjunction};
use datafusion::physical_expr_common::physical_expr::snapshot_physical_expr;
use datafusion::physical_plan::PhysicalExpr;
use stoa_storage::{Comparison, Predicate, RowFilter, ScanRequest, Table};

use super::scan::is_address;
use crate::optimize::predicate::value_for;

/// Rows that are tested before a filter is judged.
const JUDGED_AFTER: u64 = 32_768;
/// A filter that passes more than this share of the rows, in percent, is switched off.
const USEFUL_BELOW_PERCENT: u64 = 60;
/// A filter that was switched off is tested again on one batch in so many, as TopK's grow sharper.
const RETRY_EVERY: u64 = 64;

/// One filter from above, over the columns of one scan.
pub(crate) struct DynamicFilter<'a> {
    expr: Arc<dyn PhysicalExpr>,
    schema: &'a SchemaRef,
    table: &'a Table,
}

impl<'a> DynamicFilter<'a> {
    /// A filter over the columns of `schema`, which are columns of `table`.
    pub(crate) fn new(expr: Arc<dyn PhysicalExpr>, schema: &'a SchemaRef, table: &'a Table) -> Self {
        Self { expr, schema, table }
    }

    /// Whether a filter is one that changes while the plan runs, over stored columns only.
    pub(crate) fn accepts(expr: &Arc<dyn PhysicalExpr>, schema: &SchemaRef) -> bool {
        let mut dynamic = false;
        // The visitor never fails.
        let visited = expr.apply(|node| {
            dynamic |= node.downcast_ref::<DynamicFilterPhysicalExpr>().is_some();
            Ok(TreeNodeRecursion::Continue)
        });
        let stored = collect_columns(expr).iter().all(|column| {
            schema
                .fields()
                .get(column.index())
                .is_some_and(|field| field.name() == column.name() && !is_address(field.name()))
        });
        visited.is_ok() && dynamic && stored
    }

    /// Adds what the filter says by now to a request.
    pub(crate) fn add_to(&self, request: &mut ScanRequest) {
        let Ok(current) = snapshot_physical_expr(Arc::clone(&self.expr)) else { return };
        let mut predicates = vec![];
        let mut complete = true;
        for part in split_conjunction(&current) {
            match self.predicate(part) {
                Some(predicate) => predicates.push(predicate),
                None => complete = false,
            }
        }
        let known = !is_true(&current);
        if !predicates.is_empty() {
            predicates.push(std::mem::replace(&mut request.predicate, Predicate::True));
            predicates.retain(|predicate| *predicate != Predicate::True);
            request.predicate = Predicate::And(predicates);
        }
        if !(known && complete)
            && let Some(filter) = self.row_filter()
        {
            request.filters.push(filter);
        }
    }

    fn column(&self, expr: &Arc<dyn PhysicalExpr>) -> Option<&stoa_storage::Column> {
        self.table.column_named(expr.downcast_ref::<Column>()?.name())
    }

    fn predicate(&self, part: &Arc<dyn PhysicalExpr>) -> Option<Predicate> {
        if let Some(binary) = part.downcast_ref::<BinaryExpr>() {
            let column = self.column(binary.left())?;
            let literal = binary.right().downcast_ref::<Literal>()?.value();
            let op = match binary.op() {
                Operator::Eq => Comparison::Equal,
                Operator::Lt => Comparison::Less,
                Operator::LtEq => Comparison::LessOrEqual,
                Operator::Gt => Comparison::Greater,
                Operator::GtEq => Comparison::GreaterOrEqual,
                _ => return None,
            };
            return Some(Predicate::Compare { column: column.id, op, value: value_for(column.column_type, literal)? });
        }
        let list = part.downcast_ref::<InListExpr>().filter(|list| !list.negated())?;
        let column = self.column(list.expr())?;
        let mut values = vec![];
        for item in list.list() {
            let literal = item.downcast_ref::<Literal>()?.value();
            if !literal.is_null() {
                values.push(value_for(column.column_type, literal)?);
            }
        }
        values.sort_by(|a, b| a.compare(b).unwrap_or(std::cmp::Ordering::Equal));
        values.dedup();
        Some(Predicate::In { column: column.id, values, negated: false })
    }

    /// The filter as a test over only the columns that it reads.
    fn row_filter(&self) -> Option<RowFilter> {
        let used: BTreeSet<usize> = collect_columns(&self.expr).iter().map(Column::index).collect();
        let used: Vec<usize> = used.into_iter().collect();
        let ids: Option<Vec<_>> =
            used.iter().map(|index| Some(self.table.column_named(self.schema.field(*index).name())?.id)).collect();
        let expr = Arc::clone(&self.expr)
            .transform_up(|node| {
                let Some(column) = node.downcast_ref::<Column>() else { return Ok(Transformed::no(node)) };
                let place = used.binary_search(&column.index()).unwrap_or(0);
                let moved = Column::new(column.name(), place);
                Ok(Transformed::yes(Arc::new(moved) as Arc<dyn PhysicalExpr>))
            })
            .ok()?
            .data;
        let judge = Judge::default();
        Some(RowFilter { columns: ids?, test: Arc::new(move |batch| judge.test(&expr, batch)) })
    }
}

fn is_true(expr: &Arc<dyn PhysicalExpr>) -> bool {
    expr.downcast_ref::<Literal>().is_some_and(|literal| *literal.value() == ScalarValue::Boolean(Some(true)))
}

/// Counts what a filter does, and stops asking one that does little.
#[derive(Default)]
struct Judge {
    batches: AtomicU64,
    seen: AtomicU64,
    passed: AtomicU64,
}

impl Judge {
    fn test(&self, expr: &Arc<dyn PhysicalExpr>, batch: &RecordBatch) -> stoa_storage::Result<BooleanArray> {
        let all = || BooleanArray::new(BooleanBuffer::new_set(batch.num_rows()), None);
        let turn = self.batches.fetch_add(1, Ordering::Relaxed);
        let (seen, passed) = (self.seen.load(Ordering::Relaxed), self.passed.load(Ordering::Relaxed));
        if seen >= JUDGED_AFTER && passed * 100 > seen * USEFUL_BELOW_PERCENT {
            if !turn.is_multiple_of(RETRY_EVERY) {
                return Ok(all());
            }
            self.seen.store(0, Ordering::Relaxed);
            self.passed.store(0, Ordering::Relaxed);
        }
        let failed = |error: datafusion::error::DataFusionError| {
            stoa_storage::Error::internal("a filter of a join failed").with_source(error)
        };
        let array = expr.evaluate(batch).and_then(|value| value.into_array(batch.num_rows())).map_err(failed)?;
        let mask = as_boolean_array(&array).map_err(failed)?.clone();
        let passed = mask.true_count();
        self.seen.fetch_add(mask.len() as u64, Ordering::Relaxed);
        self.passed.fetch_add(passed as u64, Ordering::Relaxed);
        Ok(mask)
    }
}
