//! The scan from end to end on TPC-H's lineitem: append, full scan, pruned and filtered scans, counts.
//!
//! `cargo bench -p stoa-storage --bench scan`. `STOA_BENCH_SCALE` is the scale factor (0.1 unless set).
#![expect(clippy::unwrap_used, clippy::panic, reason = "a benchmark may fail")]

#[expect(dead_code, reason = "the other benchmark uses the rest")]
mod tpch;

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, Throughput};
use futures::TryStreamExt;
use stoa_storage::{
    Acl, Change, Column, ColumnId, Comparison, Database, DatabaseId, Distribution, OpenOptions, Predicate, RoleId,
    ScanRequest, Schema, SchemaId, SortKey, Table, TableId, TemporarySpace, Value, Version, Warehouse,
};
use tokio::runtime::Runtime;

const OWNER: RoleId = RoleId(10);

fn main() {
    let scale = std::env::var("STOA_BENCH_SCALE").map_or(0.1, |scale| scale.parse().unwrap());
    let data = tpch::tables(scale).into_iter().find(|table| table.name == "lineitem").unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let mut criterion = Criterion::default().sample_size(10).configure_from_args();
    append(&mut criterion, &runtime, &data);
    scan(&mut criterion, &runtime, &data);
    criterion.final_summary();
}

fn definition(id: u32, schema: SchemaId, data: &tpch::Table) -> Table {
    let names = data.parts[0].schema();
    let column = |(place, column_type): (usize, &stoa_storage::ColumnType)| Column {
        id: ColumnId(u32::try_from(place).unwrap() + 1),
        name: names.field(place).name().clone(),
        column_type: *column_type,
        nullable: true,
        default: None,
        missing: None,
        identity: None,
        encode: None,
        comment: None,
    };
    Table {
        id: TableId(id),
        schema,
        name: "lineitem".to_owned(),
        owner: OWNER,
        columns: data.types.iter().enumerate().map(column).collect(),
        next_column: ColumnId(u32::try_from(data.types.len()).unwrap() + 1),
        distribution: Distribution::Even,
        sort_key: SortKey::default(),
        constraints: Vec::new(),
        acl: Acl::default(),
        comment: None,
        definition_version: Version(0),
        parts: Default::default(),
    }
}

async fn create(warehouse: &Arc<Warehouse>, data: &tpch::Table) -> TableId {
    let mut transaction = warehouse.begin(&TemporarySpace::default());
    let (database, schema, table) =
        (DatabaseId(transaction.new_id()), SchemaId(transaction.new_id()), transaction.new_id());
    let (owner, acl) = (OWNER, Acl::default());
    let entry = Database { id: database, name: "dev".to_owned(), owner, acl: acl.clone(), comment: None };
    transaction.stage(Change::CreateDatabase(Arc::new(entry))).unwrap();
    let entry = Schema { id: schema, database, name: "public".to_owned(), owner, acl, comment: None };
    transaction.stage(Change::CreateSchema(Arc::new(entry))).unwrap();
    transaction.stage(Change::CreateTable(Arc::new(definition(table, schema, data)))).unwrap();
    transaction.append(TableId(table), data.parts.clone()).await.unwrap();
    transaction.commit().await.unwrap();
    TableId(table)
}

async fn open(root: &str) -> Arc<Warehouse> {
    let mut options = OpenOptions::new(root);
    options.background = false;
    Warehouse::open(options).await.unwrap()
}

fn append(criterion: &mut Criterion, runtime: &Runtime, data: &tpch::Table) {
    let rows: usize = data.parts.iter().map(|part| part.num_rows()).sum();
    let mut group = criterion.benchmark_group("append");
    group.throughput(Throughput::Elements(rows as u64));
    group.bench_function("lineitem", |bencher| {
        bencher.iter(|| {
            let folder = tempfile::tempdir().unwrap();
            runtime.block_on(async { create(&open(folder.path().to_str().unwrap()).await, data).await })
        });
    });
    group.finish();
}

async fn run(warehouse: &Arc<Warehouse>, table: TableId, columns: &[u32], predicate: Predicate) -> usize {
    let mut request = ScanRequest::new(columns.iter().map(|column| ColumnId(*column)).collect());
    (request.predicate, request.partitions) = (predicate, 2);
    let scan = warehouse.scan(&warehouse.snapshot(), table, request).unwrap();
    let partitions = (0..scan.partitions()).map(|partition| {
        let stream = scan.open(partition).unwrap();
        tokio::spawn(stream.try_fold(0, |rows, batch| async move { Ok(rows + black_box(batch).num_rows()) }))
    });
    let mut rows = 0;
    for partition in partitions.collect::<Vec<_>>() {
        rows += partition.await.unwrap().unwrap();
    }
    rows
}

fn scan(criterion: &mut Criterion, runtime: &Runtime, data: &tpch::Table) {
    let folder = tempfile::tempdir().unwrap();
    let (warehouse, table) = runtime.block_on(async {
        let warehouse = open(folder.path().to_str().unwrap()).await;
        let table = create(&warehouse, data).await;
        (warehouse, table)
    });
    let compare = |column, op, value| Predicate::Compare { column: ColumnId(column), op, value: Value::Int(value) };
    let year = Predicate::And(vec![
        compare(11, Comparison::GreaterOrEqual, 8766),
        compare(11, Comparison::Less, 9131),
        compare(7, Comparison::GreaterOrEqual, 5),
        compare(7, Comparison::LessOrEqual, 7),
        compare(5, Comparison::Less, 2400),
    ]);
    let order = compare(1, Comparison::Equal, 70_000);
    let all: Vec<u32> = (1..=16).collect();
    let cases: [(&str, &[u32], Predicate); 5] = [
        ("all columns", &all, Predicate::True),
        ("query 1's columns", &[5, 6, 7, 8, 9, 10, 11], Predicate::True),
        ("query 6", &[6, 7], year),
        ("one order", &all, order),
        ("count", &[], Predicate::True),
    ];
    let rows: usize = data.parts.iter().map(|part| part.num_rows()).sum();
    let mut group = criterion.benchmark_group("scan");
    group.throughput(Throughput::Elements(rows as u64));
    for (name, columns, predicate) in cases {
        group.bench_function(name, |bencher| {
            bencher.iter(|| runtime.block_on(run(&warehouse, table, columns, predicate.clone())));
        });
    }
    group.finish();
}
