//! A system table as DataFusion reads it.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::datasource::TableType;
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::Expr;
use datafusion::physical_plan::ExecutionPlan;

use crate::system::context::SystemContext;
use crate::system::table::SystemTable;

/// One system table seen through one context. Rows are computed when a scan of it is planned to run.
#[derive(Debug)]
pub(crate) struct SystemProvider {
    table: &'static SystemTable,
    context: Arc<SystemContext>,
}

impl SystemProvider {
    /// The table as the context's user sees it.
    pub(crate) fn new(table: &'static SystemTable, context: Arc<SystemContext>) -> Self {
        Self { table, context }
    }
}

#[async_trait]
impl TableProvider for SystemProvider {
    fn schema(&self) -> SchemaRef {
        self.table.arrow_schema()
    }

    fn table_type(&self) -> TableType {
        TableType::View
    }

    async fn scan(
        &self,
        _state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let batch = self.table.rows(&self.context).map_err(|error| DataFusionError::External(Box::new(error)))?;
        let plan = MemorySourceConfig::try_new_exec(&[vec![batch]], self.schema(), projection.cloned())?;
        Ok(plan)
    }
}
