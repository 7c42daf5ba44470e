//! What the tests of the storage crate share: tables, rows, and reading everything back.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, UInt64Type};
use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringViewArray, UInt64Array};
use futures::TryStreamExt;
use stoa_storage::*;

/// Role that owns everything in the tests; below the first user id, so it needs no entry.
pub(crate) const OWNER: RoleId = RoleId(10);

/// Opens a warehouse without background jobs, so that a test decides when they run.
pub(crate) async fn open(root: &str) -> Arc<Warehouse> {
    let mut options = OpenOptions::new(root);
    options.background = false;
    Warehouse::open(options).await.unwrap()
}

/// The columns `id bigint, name varchar`.
pub(crate) fn column(id: u32, name: &str, column_type: ColumnType) -> Column {
    Column {
        id: ColumnId(id),
        name: name.to_owned(),
        column_type,
        nullable: true,
        default: None,
        missing: None,
        identity: None,
        encode: None,
        comment: None,
    }
}

/// A table definition with these columns.
pub(crate) fn table(id: u32, schema: SchemaId, name: &str, columns: Vec<Column>) -> Table {
    let next_column = ColumnId(columns.iter().map(|column| column.id.0).max().unwrap_or(0) + 1);
    Table {
        id: TableId(id),
        schema,
        name: name.to_owned(),
        owner: OWNER,
        columns,
        next_column,
        distribution: Distribution::Even,
        sort_key: SortKey::default(),
        constraints: Vec::new(),
        acl: Acl::default(),
        comment: None,
        definition_version: Version(0),
        parts: Default::default(),
    }
}

/// Database `dev` and schema `public` in it.
pub(crate) async fn create_schema(warehouse: &Arc<Warehouse>) -> SchemaId {
    let mut transaction = warehouse.begin(&TemporarySpace::default());
    let database = DatabaseId(transaction.new_id());
    let schema = SchemaId(transaction.new_id());
    let name = "dev".to_owned();
    let entry = Database { id: database, name, owner: OWNER, acl: Acl::default(), comment: None };
    transaction.stage(Change::CreateDatabase(Arc::new(entry))).unwrap();
    let name = "public".to_owned();
    let entry = Schema { id: schema, database, name, owner: OWNER, acl: Acl::default(), comment: None };
    transaction.stage(Change::CreateSchema(Arc::new(entry))).unwrap();
    transaction.commit().await.unwrap();
    schema
}

/// A committed table `t (id bigint, name varchar)`, changed before creation by `adjust`.
pub(crate) async fn create_table(warehouse: &Arc<Warehouse>, adjust: impl FnOnce(&mut Table)) -> TableId {
    let schema = create_schema(warehouse).await;
    let mut transaction = warehouse.begin(&TemporarySpace::default());
    let id = transaction.new_id();
    let columns = vec![column(1, "id", ColumnType::Int64), column(2, "name", ColumnType::Varchar { length: None })];
    let mut definition = table(id, schema, "t", columns);
    adjust(&mut definition);
    transaction.stage(Change::CreateTable(Arc::new(definition))).unwrap();
    transaction.commit().await.unwrap();
    TableId(id)
}

/// Rows of `t` with these ids; the name is `n{id modulo 10}`, null for every seventh.
pub(crate) fn rows(ids: impl IntoIterator<Item = i64>) -> RecordBatch {
    let ids: Vec<i64> = ids.into_iter().collect();
    let names: Vec<Option<String>> = ids.iter().map(|id| name_of(*id)).collect();
    let ids: ArrayRef = Arc::new(Int64Array::from(ids));
    let names: ArrayRef = Arc::new(StringViewArray::from_iter(names));
    RecordBatch::try_from_iter_with_nullable([("id", ids, true), ("name", names, true)]).unwrap()
}

/// The name that [`rows`] gives to an id.
pub(crate) fn name_of(id: i64) -> Option<String> {
    (id % 7 != 0).then(|| format!("n{}", id % 10))
}

/// Appends rows in a transaction of their own.
pub(crate) async fn insert(warehouse: &Arc<Warehouse>, table: TableId, batch: RecordBatch) {
    let mut transaction = warehouse.begin(&TemporarySpace::default());
    transaction.append(table, vec![batch]).await.unwrap();
    transaction.commit().await.unwrap();
}

/// All batches of a scan, over all partitions.
pub(crate) async fn collect(scan: &Scan) -> Vec<RecordBatch> {
    let mut batches = Vec::new();
    for partition in 0..scan.partitions() {
        batches.extend(scan.open(partition).unwrap().try_collect::<Vec<_>>().await.unwrap());
    }
    batches
}

/// The ids that a snapshot shows, sorted.
pub(crate) async fn ids(warehouse: &Arc<Warehouse>, snapshot: &Arc<Snapshot>, table: TableId) -> Vec<i64> {
    ids_where(warehouse, snapshot, table, Predicate::True).await
}

/// The ids for which a predicate is true, sorted.
pub(crate) async fn ids_where(
    warehouse: &Arc<Warehouse>,
    snapshot: &Arc<Snapshot>,
    table: TableId,
    predicate: Predicate,
) -> Vec<i64> {
    let mut request = ScanRequest::new(vec![ColumnId(1)]);
    request.predicate = predicate;
    let scan = warehouse.scan(snapshot, table, request).unwrap();
    let mut found: Vec<i64> = collect(&scan)
        .await
        .iter()
        .flat_map(|batch| batch.column(0).as_primitive::<Int64Type>().values().to_vec())
        .collect();
    found.sort_unstable();
    found
}

/// The addresses of the rows whose id is one of these.
pub(crate) async fn addresses(
    warehouse: &Arc<Warehouse>,
    snapshot: &Arc<Snapshot>,
    table: TableId,
    wanted: impl Fn(i64) -> bool,
) -> UInt64Array {
    let mut request = ScanRequest::new(vec![ColumnId(1)]);
    request.row_addresses = true;
    let scan = warehouse.scan(snapshot, table, request).unwrap();
    let mut found = Vec::new();
    for batch in collect(&scan).await {
        let ids = batch.column(0).as_primitive::<Int64Type>();
        let addresses = batch.column(1).as_primitive::<UInt64Type>();
        found.extend(ids.values().iter().zip(addresses.values()).filter(|(id, _)| wanted(**id)).map(|(_, at)| *at));
    }
    UInt64Array::from(found)
}

/// Deletes the rows whose id is one of these, in a transaction of their own.
pub(crate) async fn delete(warehouse: &Arc<Warehouse>, table: TableId, wanted: impl Fn(i64) -> bool) -> u64 {
    let mut transaction = warehouse.begin(&TemporarySpace::default());
    let addresses = addresses(warehouse, &transaction.snapshot(), table, wanted).await;
    let deleted = transaction.delete(table, &addresses).await.unwrap();
    transaction.commit().await.unwrap();
    deleted
}
