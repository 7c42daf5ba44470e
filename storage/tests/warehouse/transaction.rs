//! Visibility, conflicts, rollback, reopening, flush and garbage.

use std::sync::Arc;

use crate::common::{table as common_table, *};
use stoa_storage::*;

fn none() -> TemporarySpace {
    TemporarySpace::default()
}

#[tokio::test(flavor = "multi_thread")]
async fn small_and_large_appends_are_read_back() {
    let warehouse = open("memory:").await;
    let table = create_table(&warehouse, |_| {}).await;
    insert(&warehouse, table, rows(0..10)).await;
    insert(&warehouse, table, rows(10..200_000)).await;
    let snapshot = warehouse.snapshot();
    let parts = &snapshot.tables[&table].parts;
    assert!(matches!(parts.values().next().unwrap().body, PartBody::Inline(_)));
    assert!(matches!(parts.values().nth(1).unwrap().body, PartBody::Segment { .. }));
    assert_eq!(ids(&warehouse, &snapshot, table).await, (0..200_000).collect::<Vec<i64>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn deleted_rows_disappear_for_later_snapshots_only() {
    let warehouse = open("memory:").await;
    let table = create_table(&warehouse, |_| {}).await;
    insert(&warehouse, table, rows(0..100_000)).await;
    insert(&warehouse, table, rows(100_000..100_010)).await;
    let before = warehouse.snapshot();
    let deleted = delete(&warehouse, table, |id| id % 3 == 0).await;
    assert_eq!(deleted, 33_337);
    assert_eq!(ids(&warehouse, &before, table).await.len(), 100_010);
    let expected: Vec<i64> = (0..100_010).filter(|id| id % 3 != 0).collect();
    assert_eq!(ids(&warehouse, &warehouse.snapshot(), table).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_reads_its_own_writes_and_nobody_else_does() {
    let warehouse = open("memory:").await;
    let table = create_table(&warehouse, |_| {}).await;
    insert(&warehouse, table, rows(0..10)).await;
    let mut mine = warehouse.begin(&none());
    let theirs = warehouse.begin(&none());
    mine.append(table, vec![rows(10..20)]).await.unwrap();
    let gone = addresses(&warehouse, &mine.snapshot(), table, |id| !(2..15).contains(&id)).await;
    assert_eq!(mine.delete(table, &gone).await.unwrap(), 7);
    assert_eq!(ids(&warehouse, &mine.snapshot(), table).await, (2..15).collect::<Vec<i64>>());
    assert_eq!(ids(&warehouse, &theirs.snapshot(), table).await, (0..10).collect::<Vec<i64>>());
    mine.commit().await.unwrap();
    assert_eq!(ids(&warehouse, &theirs.snapshot(), table).await, (0..10).collect::<Vec<i64>>());
    assert_eq!(ids(&warehouse, &warehouse.snapshot(), table).await, (2..15).collect::<Vec<i64>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn row_addresses_stay_right_while_the_transaction_appends() {
    let warehouse = open("memory:").await;
    let table = create_table(&warehouse, |_| {}).await;
    insert(&warehouse, table, rows(0..10)).await;
    insert(&warehouse, table, rows(10..20)).await;
    let mut update = warehouse.begin(&none());
    let old = addresses(&warehouse, &update.snapshot(), table, |id| id % 2 == 0).await;
    update.append(table, vec![rows((0..20).step_by(2).map(|id| id + 100))]).await.unwrap();
    assert_eq!(update.delete(table, &old).await.unwrap(), 10);
    update.commit().await.unwrap();
    let expected: Vec<i64> = (1..20).step_by(2).chain((100..120).step_by(2)).collect();
    assert_eq!(ids(&warehouse, &warehouse.snapshot(), table).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_committer_wins_by_row() {
    let warehouse = open("memory:").await;
    let table = create_table(&warehouse, |_| {}).await;
    insert(&warehouse, table, rows(0..100)).await;
    let mut first = warehouse.begin(&none());
    let mut same = warehouse.begin(&none());
    let mut other = warehouse.begin(&none());
    for (transaction, range) in [(&mut first, 0..10), (&mut same, 9..12), (&mut other, 50..60)] {
        let at = addresses(&warehouse, &transaction.snapshot(), table, |id| range.contains(&id)).await;
        transaction.delete(table, &at).await.unwrap();
    }
    first.commit().await.unwrap();
    assert_eq!(same.commit().await.unwrap_err().kind(), Kind::Conflict);
    other.commit().await.unwrap();
    let expected: Vec<i64> = (10..50).chain(60..100).collect();
    assert_eq!(ids(&warehouse, &warehouse.snapshot(), table).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn appends_never_conflict() {
    let warehouse = open("memory:").await;
    let table = create_table(&warehouse, |_| {}).await;
    let writers = (0..20).map(|writer| {
        let warehouse = Arc::clone(&warehouse);
        tokio::spawn(async move {
            for batch in 0..5 {
                let start = (writer * 5 + batch) * 100;
                insert(&warehouse, table, rows(start..start + 100)).await;
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    assert_eq!(ids(&warehouse, &warehouse.snapshot(), table).await, (0..10_000).collect::<Vec<i64>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_table_is_filled_in_the_same_transaction() {
    let warehouse = open("memory:").await;
    let schema = create_schema(&warehouse).await;
    let mut transaction = warehouse.begin(&none());
    let id = transaction.new_id();
    let columns = vec![column(1, "id", ColumnType::Int64), column(2, "name", ColumnType::Varchar { length: None })];
    transaction.stage(Change::CreateTable(Arc::new(common_table(id, schema, "fresh", columns)))).unwrap();
    let table = TableId(id);
    transaction.append(table, vec![rows(0..5)]).await.unwrap();
    let mut added = column(3, "extra", ColumnType::Int32);
    added.missing = Some(Value::Int(7));
    transaction.stage(Change::AlterTable { table, action: TableAction::AddColumn(added) }).unwrap();
    assert_eq!(ids(&warehouse, &transaction.snapshot(), table).await, [0, 1, 2, 3, 4]);
    transaction.commit().await.unwrap();
    let seven = Predicate::Compare { column: ColumnId(3), op: Comparison::Equal, value: Value::Int(7) };
    assert_eq!(ids_where(&warehouse, &warehouse.snapshot(), table, seven).await.len(), 5);
    let eight = Predicate::Compare { column: ColumnId(3), op: Comparison::Equal, value: Value::Int(8) };
    assert!(ids_where(&warehouse, &warehouse.snapshot(), table, eight).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn rollback_and_savepoints_forget() {
    let warehouse = open("memory:").await;
    let table = create_table(&warehouse, |_| {}).await;
    insert(&warehouse, table, rows(0..3)).await;
    let mut transaction = warehouse.begin(&none());
    transaction.append(table, vec![rows(3..6)]).await.unwrap();
    let savepoint = transaction.savepoint();
    transaction.append(table, vec![rows(6..9)]).await.unwrap();
    let all = addresses(&warehouse, &transaction.snapshot(), table, |_| true).await;
    transaction.delete(table, &all).await.unwrap();
    assert!(ids(&warehouse, &transaction.snapshot(), table).await.is_empty());
    transaction.rollback_to(&savepoint);
    assert_eq!(ids(&warehouse, &transaction.snapshot(), table).await, (0..6).collect::<Vec<i64>>());
    transaction.rollback_to(&savepoint);
    transaction.commit().await.unwrap();
    let mut dropped = warehouse.begin(&none());
    dropped.append(table, vec![rows(100..200)]).await.unwrap();
    assert!(dropped.has_changes());
    dropped.rollback().await;
    assert_eq!(ids(&warehouse, &warehouse.snapshot(), table).await, (0..6).collect::<Vec<i64>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_there_after_opening_again() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().to_str().unwrap();
    let table = {
        let warehouse = open(root).await;
        let table = create_table(&warehouse, |table| table.distribution = Distribution::Key(ColumnId(1))).await;
        insert(&warehouse, table, rows(0..50_000)).await;
        insert(&warehouse, table, rows(50_000..50_020)).await;
        delete(&warehouse, table, |id| id % 10 == 1).await;
        warehouse.shutdown().await.unwrap();
        table
    };
    let expected: Vec<i64> = (0..50_020).filter(|id| id % 10 != 1).collect();
    for _ in 0..2 {
        let warehouse = open(root).await;
        assert_eq!(ids(&warehouse, &warehouse.snapshot(), table).await, expected);
        // Dropped without a shutdown, as a crash would.
        warehouse.checkpoint().await.unwrap();
    }
    let report = Warehouse::check(OpenOptions::new(root)).await.unwrap();
    assert!(report.problems.is_empty(), "{report:?}");
    assert_eq!(report.rows, expected.len() as u64);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_owner_fences_the_first() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().to_str().unwrap();
    let first = open(root).await;
    let table = create_table(&first, |_| {}).await;
    let second = open(root).await;
    insert(&second, table, rows(0..3)).await;
    let mut late = first.begin(&none());
    late.append(table, vec![rows(3..6)]).await.unwrap();
    assert_eq!(late.commit().await.unwrap_err().kind(), Kind::Fenced);
    assert_eq!(ids(&second, &second.snapshot(), table).await, [0, 1, 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flush_changes_where_rows_are_and_nothing_else() {
    let warehouse = open("memory:").await;
    let table = create_table(&warehouse, |table| {
        table.distribution = Distribution::Key(ColumnId(1));
        table.sort_key = SortKey { columns: vec![ColumnId(2), ColumnId(1)], interleaved: false, auto: false };
    })
    .await;
    for start in 0..30 {
        insert(&warehouse, table, rows(start * 10..start * 10 + 10)).await;
    }
    delete(&warehouse, table, |id| id % 4 == 0).await;
    let before = warehouse.snapshot();
    let expected = ids(&warehouse, &before, table).await;
    warehouse.flush(Some(table)).await.unwrap();
    let after = warehouse.snapshot();
    assert_eq!(ids(&warehouse, &after, table).await, expected);
    assert_eq!(ids(&warehouse, &before, table).await, expected);
    for part in after.tables[&table].parts.values() {
        assert!(matches!(part.body, PartBody::Segment { .. }));
        assert!(part.sorted && part.slice.is_some() && part.deletes.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_goes_and_what_is_read_stays() {
    let folder = tempfile::tempdir().unwrap();
    let warehouse = open(folder.path().to_str().unwrap()).await;
    let table = create_table(&warehouse, |_| {}).await;
    insert(&warehouse, table, rows(0..50_000)).await;
    let mut abandoned = warehouse.begin(&none());
    abandoned.append(table, vec![rows(0..50_000)]).await.unwrap();
    abandoned.rollback().await;
    let held = warehouse.snapshot();
    let mut truncate = warehouse.begin(&none());
    let parts = truncate.snapshot().tables[&table].parts.keys().copied().collect();
    truncate.stage(Change::Truncate { table, parts }).unwrap();
    truncate.commit().await.unwrap();
    assert_eq!(warehouse.collect_garbage().await.unwrap().objects, 1, "only the abandoned segment");
    assert_eq!(ids(&warehouse, &held, table).await.len(), 50_000);
    drop(held);
    assert_eq!(warehouse.collect_garbage().await.unwrap().objects, 1, "the truncated segment");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_small_inserts_of_one_transaction_become_one_part() {
    let warehouse = open("memory:").await;
    let table = create_table(&warehouse, |_| {}).await;
    let mut transaction = warehouse.begin(&none());
    for id in 0..500 {
        transaction.append(table, vec![rows([id])]).await.unwrap();
    }
    let gone = addresses(&warehouse, &transaction.snapshot(), table, |id| id == 250).await;
    transaction.delete(table, &gone).await.unwrap();
    let expected = ids(&warehouse, &transaction.snapshot(), table).await;
    transaction.commit().await.unwrap();
    let snapshot = warehouse.snapshot();
    assert_eq!(snapshot.tables[&table].parts.len(), 2, "the joined rows, and the row that was deleted again");
    assert_eq!(ids(&warehouse, &snapshot, table).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_background_joins_chunks_and_shutdown_stops_it() {
    let mut options = OpenOptions::new("memory:");
    options.seed = Some(1);
    let warehouse = Warehouse::open(options).await.unwrap();
    let table = create_table(&warehouse, |_| {}).await;
    for id in 0..100 {
        insert(&warehouse, table, rows([id])).await;
    }
    let joined = async {
        while warehouse.snapshot().tables[&table].parts.len() > 64 {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), joined).await.unwrap();
    assert_eq!(ids(&warehouse, &warehouse.snapshot(), table).await, (0..100).collect::<Vec<i64>>());
    warehouse.shutdown().await.unwrap();
    let mut late = warehouse.begin(&none());
    late.append(table, vec![rows([1])]).await.unwrap();
    assert_eq!(late.commit().await.unwrap_err().kind(), Kind::Unavailable);
}
