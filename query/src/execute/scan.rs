//! The leaf of plans: a scan of a stored table.

use std::fmt;
use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::SchemaRef;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, Statistics};
use datafusion::error::DataFusionError;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::EquivalenceProperties;
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::filter_pushdown::{
    ChildPushdownResult, FilterPushdownPhase, FilterPushdownPropagation, PushedDown,
};
use datafusion::physical_plan::metrics::{BaselineMetrics, Count, ExecutionPlanMetricsSet, MetricBuilder, MetricsSet};
use datafusion::physical_plan::statistics::StatisticsArgs;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PhysicalExpr, PlanProperties, ReplaceChildrenOptions,
};
use futures::{StreamExt, TryStreamExt};
use parking_lot::Mutex;
use stoa_storage::{Predicate, Scan, ScanRequest, Snapshot, Table, Warehouse};

use super::dynamic::DynamicFilter;
use super::statistics;
use crate::plan::relation::ADDRESS;

/// What to scan.
#[derive(Clone)]
pub(crate) struct ScanTarget {
    /// The warehouse.
    pub(crate) warehouse: Arc<Warehouse>,
    /// The version of everything.
    pub(crate) snapshot: Arc<Snapshot>,
    /// The table.
    pub(crate) table: Arc<Table>,
    /// Only rows for which this is TRUE.
    pub(crate) predicate: Predicate,
    /// Not more rows than this.
    pub(crate) limit: Option<usize>,
    /// Number of streams.
    pub(crate) partitions: usize,
    /// Rows of a batch.
    pub(crate) batch_rows: usize,
}

/// A scan of a stored table. Its partitions share one queue of work, opened when the first of them is polled, because
/// the filters that joins make are known only then.
pub(crate) struct ScanExec {
    target: ScanTarget,
    schema: SchemaRef,
    addresses: bool,
    dynamic: Vec<Arc<dyn PhysicalExpr>>,
    properties: Arc<PlanProperties>,
    opened: Arc<Mutex<Option<Arc<Scan>>>>,
    metrics: ExecutionPlanMetricsSet,
}

impl fmt::Debug for ScanExec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScanExec").field("table", &self.target.table.name).finish_non_exhaustive()
    }
}

impl ScanExec {
    /// A scan that gives the columns of `schema`, which are named as the table's; `addresses`: the last is [`ADDRESS`].
    pub(crate) fn new(target: ScanTarget, schema: SchemaRef, addresses: bool) -> Self {
        // An idle partition costs more than it brings where there are few blocks to share.
        let blocks = target.table.rows().div_ceil(stoa_storage::limit::BLOCK_ROWS as u64).max(1);
        let partitions = target.partitions.min(usize::try_from(blocks).unwrap_or(usize::MAX)).max(1);
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::clone(&schema)),
            Partitioning::UnknownPartitioning(partitions),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Self {
            target,
            schema,
            addresses,
            dynamic: vec![],
            properties: Arc::new(properties),
            opened: Arc::default(),
            metrics: ExecutionPlanMetricsSet::new(),
        }
    }

    /// The same scan, not yet opened.
    fn renewed(&self) -> Self {
        Self {
            target: self.target.clone(),
            schema: Arc::clone(&self.schema),
            addresses: self.addresses,
            dynamic: self.dynamic.clone(),
            properties: Arc::clone(&self.properties),
            opened: Arc::default(),
            metrics: ExecutionPlanMetricsSet::new(),
        }
    }

    /// The table.
    pub(crate) fn table(&self) -> &Arc<Table> {
        &self.target.table
    }

    /// What is filtered where, for EXPLAIN.
    pub(crate) fn describe(&self) -> Vec<String> {
        let mut lines = vec![];
        if self.target.predicate != Predicate::True {
            lines.push(format!("Filter: {}", super::explain::predicate(&self.target.predicate, &self.target.table)));
        }
        lines.extend(self.dynamic.iter().map(|filter| format!("Runtime Filter: {filter}")));
        lines.extend(self.target.limit.map(|limit| format!("Limit: {limit}")));
        lines
    }

    /// Counters of the storage, once the scan has been opened.
    pub(crate) fn storage_metrics(&self) -> Option<Arc<stoa_storage::ScanMetrics>> {
        self.opened.lock().as_ref().map(|scan| scan.metrics())
    }

    fn opener(&self) -> Opener {
        Opener {
            target: self.target.clone(),
            schema: Arc::clone(&self.schema),
            addresses: self.addresses,
            dynamic: self.dynamic.clone(),
            partitions: self.properties.partitioning.partition_count(),
            opened: Arc::clone(&self.opened),
        }
    }
}

/// What a partition needs to open the scan.
struct Opener {
    target: ScanTarget,
    schema: SchemaRef,
    addresses: bool,
    dynamic: Vec<Arc<dyn PhysicalExpr>>,
    partitions: usize,
    opened: Arc<Mutex<Option<Arc<Scan>>>>,
}

impl Opener {
    fn open(&self) -> Result<Arc<Scan>> {
        let mut opened = self.opened.lock();
        if let Some(scan) = opened.as_ref() {
            return Ok(Arc::clone(scan));
        }
        let table = &self.target.table;
        let columns = self.schema.fields().iter().filter_map(|field| table.column_named(field.name())).map(|c| c.id);
        let mut request = ScanRequest::new(columns.collect());
        request.predicate = self.target.predicate.clone();
        request.limit = self.target.limit;
        request.row_addresses = self.addresses;
        request.batch_rows = self.target.batch_rows;
        request.partitions = self.partitions;
        for expr in &self.dynamic {
            let filter = DynamicFilter::new(Arc::clone(expr), &self.schema, table);
            filter.add_to(&mut request);
        }
        let scan = self.target.warehouse.scan(&self.target.snapshot, table.id, request).map_err(storage_error)?;
        let scan = Arc::new(scan);
        *opened = Some(Arc::clone(&scan));
        Ok(scan)
    }
}

/// A storage error inside of the engine; it keeps its kind.
pub(crate) fn storage_error(error: stoa_storage::Error) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

/// The batch with our schema, whose fields carry SQL types.
fn label(batch: RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(Arc::clone(schema), batch.columns().to_vec(), &options)?)
}

impl DisplayAs for ScanExec {
    fn fmt_as(&self, _format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Seq Scan on {}", self.target.table.name)?;
        if self.target.predicate != Predicate::True {
            write!(f, " filter={}", super::explain::predicate(&self.target.predicate, &self.target.table))?;
        }
        if let Some(limit) = self.target.limit {
            write!(f, " limit={limit}")?;
        }
        Ok(())
    }
}

impl ExecutionPlan for ScanExec {
    fn name(&self) -> &'static str {
        "ScanExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![]
    }

    fn replace_children(
        self: Arc<Self>,
        _children: Vec<Arc<dyn ExecutionPlan>>,
        _options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn with_new_children(self: Arc<Self>, _children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn reset_state(self: Arc<Self>) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(Arc::new(self.renewed()))
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        let mut recursion = TreeNodeRecursion::Continue;
        for expr in &self.dynamic {
            recursion = recursion.visit_sibling(|| f(expr))?;
        }
        Ok(recursion)
    }

    fn execute(&self, partition: usize, _context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let opener = self.opener();
        let schema = Arc::clone(&self.schema);
        let baseline = BaselineMetrics::new(&self.metrics, partition);
        let batches: Count = MetricBuilder::new(&self.metrics).counter("batches", partition);
        let labelled = Arc::clone(&schema);
        let stream = futures::stream::once(async move { opener.open()?.open(partition).map_err(storage_error) })
            .map_ok(|stream| stream.map_err(storage_error))
            .try_flatten()
            .map(move |batch| {
                let timer = baseline.elapsed_compute().timer();
                let batch = label(batch?, &labelled)?;
                timer.done();
                batches.add(1);
                baseline.record_output(batch.num_rows());
                Ok(batch)
            });
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, stream)))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn statistics_from_inputs(
        &self,
        _input_stats: &[Arc<Statistics>],
        args: &StatisticsArgs,
    ) -> Result<Arc<Statistics>> {
        let share = args.partition().map(|_partition| self.properties.partitioning.partition_count());
        Ok(Arc::new(statistics::of_scan(&self.target, &self.schema, share)))
    }

    fn supports_limit_pushdown(&self) -> bool {
        true
    }

    fn with_fetch(&self, limit: Option<usize>) -> Option<Arc<dyn ExecutionPlan>> {
        let mut limited = self.renewed();
        limited.target.limit = limit;
        Some(Arc::new(limited))
    }

    fn fetch(&self) -> Option<usize> {
        self.target.limit
    }

    /// Filters that joins and TopK make while they run are evaluated by the scan before it decodes other columns. They
    /// only leave out rows that would be dropped later, so it is no promise and the parent keeps its own check.
    fn handle_child_pushdown_result(
        &self,
        phase: FilterPushdownPhase,
        child_pushdown_result: ChildPushdownResult,
        _config: &ConfigOptions,
    ) -> Result<FilterPushdownPropagation<Arc<dyn ExecutionPlan>>> {
        let offered: Vec<Arc<dyn PhysicalExpr>> =
            child_pushdown_result.parent_filters.iter().map(|result| Arc::clone(&result.filter)).collect();
        let filters = vec![PushedDown::No; offered.len()];
        if !matches!(phase, FilterPushdownPhase::Post) || self.target.limit.is_some() {
            return Ok(FilterPushdownPropagation { filters, updated_node: None });
        }
        let wanted: Vec<_> =
            offered.into_iter().filter(|filter| DynamicFilter::accepts(filter, &self.schema)).collect();
        if wanted.is_empty() {
            return Ok(FilterPushdownPropagation { filters, updated_node: None });
        }
        let mut updated = self.renewed();
        updated.dynamic.extend(wanted);
        Ok(FilterPushdownPropagation { filters, updated_node: Some(Arc::new(updated)) })
    }
}

/// Whether a field is the column of row addresses.
pub(crate) fn is_address(name: &str) -> bool {
    name == ADDRESS
}
