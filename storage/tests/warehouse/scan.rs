//! What a scan reads, and in what form.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{BooleanArray, RecordBatch};
use arrow_schema::DataType;
use futures::TryStreamExt;
use stoa_storage::*;

use crate::common::*;

const ROWS: i64 = 300_000;

async fn large_table(adjust: impl FnOnce(&mut Table)) -> (Arc<Warehouse>, TableId) {
    let warehouse = open("memory:").await;
    let table = create_table(&warehouse, adjust).await;
    insert(&warehouse, table, rows(0..ROWS)).await;
    (warehouse, table)
}

fn between(low: i64, high: i64) -> Predicate {
    let column = ColumnId(1);
    Predicate::And(vec![
        Predicate::Compare { column, op: Comparison::GreaterOrEqual, value: Value::Int(low) },
        Predicate::Compare { column, op: Comparison::Less, value: Value::Int(high) },
    ])
}

#[tokio::test(flavor = "multi_thread")]
async fn blocks_outside_the_range_are_not_read() {
    let (warehouse, table) = large_table(|_| {}).await;
    let mut request = ScanRequest::new(vec![ColumnId(1)]);
    request.predicate = between(70_000, 70_010);
    let scan = warehouse.scan(&warehouse.snapshot(), table, request).unwrap();
    let rows: usize = collect(&scan).await.iter().map(RecordBatch::num_rows).sum();
    assert_eq!(rows, 10);
    let metrics = scan.metrics();
    assert_eq!((metrics.blocks(), metrics.blocks_pruned()), (5, 4));
    assert!(metrics.bytes_fetched() < 600_000, "{}", metrics.bytes_fetched());
    let mut request = ScanRequest::new(vec![ColumnId(1)]);
    request.predicate = between(ROWS, ROWS + 10);
    let scan = warehouse.scan(&warehouse.snapshot(), table, request).unwrap();
    assert!(collect(&scan).await.is_empty());
    assert_eq!(scan.metrics().parts_pruned(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_scan_reads_from_memory() {
    let (warehouse, table) = large_table(|_| {}).await;
    for expected in [false, true] {
        let scan = warehouse.scan(&warehouse.snapshot(), table, ScanRequest::new(vec![ColumnId(1)])).unwrap();
        collect(&scan).await;
        assert_eq!(scan.metrics().bytes_fetched() == 0, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_share_the_rows_and_open_again() {
    let (warehouse, table) = large_table(|_| {}).await;
    let mut request = ScanRequest::new(vec![ColumnId(1)]);
    request.partitions = 3;
    let scan = warehouse.scan(&warehouse.snapshot(), table, request).unwrap();
    assert_eq!(scan.partitions(), 3);
    assert_eq!(scan.rows_estimate(), (300_000, true));
    for _ in 0..2 {
        let mut streams = Vec::new();
        for partition in 0..3 {
            let stream = scan.open(partition).unwrap();
            streams.push(tokio::spawn(stream.try_collect::<Vec<RecordBatch>>()));
        }
        let mut total = 0;
        for stream in streams {
            total += stream.await.unwrap().unwrap().iter().map(RecordBatch::num_rows).sum::<usize>();
        }
        assert_eq!(total, 300_000);
    }
    assert!(scan.open(3).is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_have_the_size_asked_for() {
    let (warehouse, table) = large_table(|_| {}).await;
    for predicate in [Predicate::True, Predicate::IsNull { column: ColumnId(2), negated: false }] {
        let mut request = ScanRequest::new(vec![ColumnId(1), ColumnId(2)]);
        request.batch_rows = 1_000;
        request.predicate = predicate;
        let scan = warehouse.scan(&warehouse.snapshot(), table, request).unwrap();
        let batches = collect(&scan).await;
        let full = batches.iter().filter(|batch| batch.num_rows() > 500).count();
        assert!(batches.iter().all(|batch| batch.num_rows() <= 1_000));
        assert!(full + 5 >= batches.len(), "{full} of {}", batches.len());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_stops_early() {
    let (warehouse, table) = large_table(|_| {}).await;
    let mut request = ScanRequest::new(vec![ColumnId(1)]);
    request.limit = Some(70_000);
    request.partitions = 2;
    let scan = warehouse.scan(&warehouse.snapshot(), table, request).unwrap();
    assert_eq!(scan.rows_estimate().0, 70_000);
    let rows: usize = collect(&scan).await.iter().map(RecordBatch::num_rows).sum();
    assert_eq!(rows, 70_000);
    assert!(scan.metrics().blocks() <= 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_columns_still_count() {
    let (warehouse, table) = large_table(|_| {}).await;
    delete(&warehouse, table, |id| id < 1_000).await;
    let scan = warehouse.scan(&warehouse.snapshot(), table, ScanRequest::new(Vec::new())).unwrap();
    let rows: usize = collect(&scan).await.iter().map(RecordBatch::num_rows).sum();
    assert_eq!(rows, 299_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_filters_see_decoded_columns_and_are_exact() {
    let (warehouse, table) = large_table(|_| {}).await;
    let mut request = ScanRequest::new(vec![ColumnId(2), ColumnId(1)]);
    request.predicate = Predicate::StartsWith { column: ColumnId(2), prefix: b"n".to_vec() };
    request.filters = vec![RowFilter {
        columns: vec![ColumnId(1)],
        test: Arc::new(|batch| {
            let ids = batch.column(0).as_primitive::<Int64Type>();
            // Null counts as false.
            Ok(ids.values().iter().map(|id| (id % 5 != 1).then_some(id % 5 == 0)).collect::<BooleanArray>())
        }),
    }];
    let scan = warehouse.scan(&warehouse.snapshot(), table, request).unwrap();
    let expected: Vec<i64> = (0..ROWS).filter(|id| id % 7 != 0 && id % 5 == 0).collect();
    let mut found = Vec::new();
    for batch in collect(&scan).await {
        let (names, ids) = (batch.column(0).as_string_view(), batch.column(1).as_primitive::<Int64Type>());
        for (name, id) in names.iter().zip(ids.values()) {
            assert_eq!(name.map(str::to_owned), name_of(*id));
            found.push(*id);
        }
    }
    assert_eq!(found, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn dictionaries_are_kept_when_asked() {
    let (warehouse, table) = large_table(|_| {}).await;
    insert(&warehouse, table, rows(ROWS..ROWS + 5)).await;
    let mut request = ScanRequest::new(vec![ColumnId(1), ColumnId(2)]);
    request.dictionaries = true;
    let scan = warehouse.scan(&warehouse.snapshot(), table, request).unwrap();
    let dictionary = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8View));
    assert_eq!(*scan.schema().field(1).data_type(), dictionary);
    let mut seen = 0;
    for batch in collect(&scan).await {
        assert_eq!(*batch.column(1).data_type(), dictionary);
        let names = arrow_cast::cast(batch.column(1), &DataType::Utf8View).unwrap();
        let names = names.as_string_view();
        for (name, id) in names.iter().zip(batch.column(0).as_primitive::<Int64Type>().values()) {
            assert_eq!(name.map(str::to_owned), name_of(*id));
            seen += 1;
        }
    }
    assert_eq!(seen, ROWS + 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn slices_are_kept_apart() {
    let (warehouse, table) = large_table(|table| table.distribution = Distribution::Key(ColumnId(1))).await;
    insert(&warehouse, table, rows(ROWS..ROWS + 100)).await;
    let mut request = ScanRequest::new(vec![ColumnId(1)]);
    request.partitions = 3;
    request.by_slice = true;
    let scan = warehouse.scan(&warehouse.snapshot(), table, request).unwrap();
    assert_eq!(scan.slices(), Some((ColumnId(1), limit::SLICES)));
    let mut total = 0;
    for partition in 0..3 {
        let batches: Vec<RecordBatch> = scan.open(partition).unwrap().try_collect().await.unwrap();
        for batch in batches {
            let slices = slices_of(batch.column(0)).unwrap();
            assert!(slices.iter().all(|slice| usize::from(*slice) % 3 == partition));
            total += batch.num_rows();
        }
    }
    assert_eq!(total, 300_100);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_distribution_key_forgets_the_slices() {
    let (warehouse, table) = large_table(|table| table.distribution = Distribution::Key(ColumnId(1))).await;
    let mut transaction = warehouse.begin(&TemporarySpace::default());
    let action = TableAction::Distribute(Distribution::Key(ColumnId(2)));
    transaction.stage(Change::AlterTable { table, action }).unwrap();
    transaction.commit().await.unwrap();
    let mut request = ScanRequest::new(vec![ColumnId(1)]);
    (request.partitions, request.by_slice) = (2, true);
    let scan = warehouse.scan(&warehouse.snapshot(), table, request).unwrap();
    assert_eq!(scan.slices(), None);
    assert_eq!(collect(&scan).await.iter().map(RecordBatch::num_rows).sum::<usize>(), 300_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn order_is_declared_and_kept() {
    let (warehouse, table) = large_table(|table| table.sort_key.columns = vec![ColumnId(1)]).await;
    insert(&warehouse, table, rows((ROWS..2 * ROWS).rev())).await;
    insert(&warehouse, table, rows(5..50)).await;
    let mut request = ScanRequest::new(vec![ColumnId(1)]);
    (request.partitions, request.in_order) = (2, true);
    let scan = warehouse.scan(&warehouse.snapshot(), table, request).unwrap();
    assert_eq!(scan.order(), [ColumnId(1)]);
    assert_eq!(scan.partitions(), 2, "the two segments follow one another, the chunk overlaps");
    let mut total = 0;
    for partition in 0..scan.partitions() {
        let batches: Vec<RecordBatch> = scan.open(partition).unwrap().try_collect().await.unwrap();
        let ids: Vec<i64> =
            batches.iter().flat_map(|batch| batch.column(0).as_primitive::<Int64Type>().values().to_vec()).collect();
        assert!(ids.is_sorted());
        total += ids.len();
    }
    assert_eq!(total, 600_045);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_stream_stops() {
    let (warehouse, table) = large_table(|_| {}).await;
    let mut request = ScanRequest::new(vec![ColumnId(1), ColumnId(2)]);
    request.batch_rows = 100;
    let scan = warehouse.scan(&warehouse.snapshot(), table, request).unwrap();
    let mut stream = scan.open(0).unwrap();
    assert!(stream.try_next().await.unwrap().is_some());
    drop(stream);
    assert!(scan.metrics().rows_returned() <= 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_exist_is_refused() {
    let (warehouse, table) = large_table(|_| {}).await;
    let snapshot = warehouse.snapshot();
    let wrong_table = warehouse.scan(&snapshot, TableId(1), ScanRequest::new(Vec::new())).unwrap_err();
    assert_eq!(wrong_table.kind(), Kind::NotFound);
    let wrong_column = warehouse.scan(&snapshot, table, ScanRequest::new(vec![ColumnId(9)])).unwrap_err();
    assert_eq!(wrong_column.kind(), Kind::Invalid);
}
