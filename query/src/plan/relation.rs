//! Stored tables as the engine reads them.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Result;
use datafusion::datasource::TableType;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_plan::ExecutionPlan;
use stoa_storage::{Predicate, Snapshot, Table, Warehouse};

use crate::execute::scan::{ScanExec, ScanTarget};
use crate::optimize::predicate::translate;
use crate::types::SqlType;

/// Name of the column of row addresses, which only the sources of UPDATE and DELETE have.
pub(crate) const ADDRESS: &str = "_address";

/// A table as of one snapshot.
pub(crate) struct StoredTable {
    warehouse: Arc<Warehouse>,
    snapshot: Arc<Snapshot>,
    table: Arc<Table>,
    addresses: bool,
    schema: SchemaRef,
}

impl std::fmt::Debug for StoredTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoredTable").field("name", &self.table.name).finish_non_exhaustive()
    }
}

impl StoredTable {
    /// The table as the snapshot has it; `addresses` adds the column [`ADDRESS`].
    pub(crate) fn new(warehouse: Arc<Warehouse>, snapshot: Arc<Snapshot>, table: Arc<Table>, addresses: bool) -> Self {
        let mut fields: Vec<Field> = table
            .columns
            .iter()
            .map(|column| SqlType::from_column(column.column_type).field(&column.name, column.nullable))
            .collect();
        if addresses {
            fields.push(Field::new(ADDRESS, DataType::UInt64, false));
        }
        Self { warehouse, snapshot, table, addresses, schema: Arc::new(Schema::new(fields)) }
    }

    /// The table's definition.
    pub(crate) fn table(&self) -> &Arc<Table> {
        &self.table
    }
}

#[async_trait]
impl TableProvider for StoredTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        let pushed = filters.iter().map(|filter| match translate(filter, &self.table) {
            Some(_) => TableProviderFilterPushDown::Exact,
            None => TableProviderFilterPushDown::Unsupported,
        });
        Ok(pushed.collect())
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let predicates: Vec<Predicate> = filters.iter().filter_map(|filter| translate(filter, &self.table)).collect();
        let predicate = match predicates.len() {
            0 => Predicate::True,
            1 => predicates.into_iter().next().unwrap_or(Predicate::True),
            _ => Predicate::And(predicates),
        };
        let projection = match projection {
            Some(projection) => projection.clone(),
            None => (0..self.schema.fields().len()).collect(),
        };
        let target = ScanTarget {
            warehouse: Arc::clone(&self.warehouse),
            snapshot: Arc::clone(&self.snapshot),
            table: Arc::clone(&self.table),
            predicate,
            limit,
            partitions: state.config().target_partitions(),
            batch_rows: state.config().batch_size(),
        };
        let schema = Arc::new(self.schema.project(&projection)?);
        let addresses = self.addresses && schema.fields().iter().any(|field| field.name() == ADDRESS);
        Ok(Arc::new(ScanExec::new(target, schema, addresses)))
    }
}
