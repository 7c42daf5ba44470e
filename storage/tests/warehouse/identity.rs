//! Values of identity columns are handed out once.

use std::collections::BTreeSet;
use std::sync::Arc;

use stoa_storage::*;

use crate::common::*;

async fn identity_table(warehouse: &Arc<Warehouse>) -> TableId {
    create_table(warehouse, |table| {
        table.columns[0].identity = Some(Identity { seed: 100, step: 5, next: 100, by_default: false });
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_transactions_get_different_values() {
    let warehouse = open("memory:").await;
    let table = identity_table(&warehouse).await;
    let writers = (0..16u64).map(|writer| {
        let warehouse = Arc::clone(&warehouse);
        tokio::spawn(async move {
            let mut transaction = warehouse.begin(&TemporarySpace::default());
            let first = transaction.reserve_identity(table, ColumnId(1), 50).unwrap();
            let ids = (0..50).map(|place| first + place * 5).collect::<Vec<_>>();
            transaction.append(table, vec![rows(ids.iter().copied())]).await.unwrap();
            // Some roll back: their values are gaps.
            if writer % 4 == 0 {
                transaction.rollback().await
            } else {
                drop(transaction.commit().await.unwrap())
            }
            ids
        })
    });
    let mut handed_out = BTreeSet::new();
    for writer in writers.collect::<Vec<_>>() {
        for id in writer.await.unwrap() {
            assert!(id >= 100 && id % 5 == 0 && handed_out.insert(id));
        }
    }
    assert_eq!(ids(&warehouse, &warehouse.snapshot(), table).await.len(), 600);
}

#[tokio::test(flavor = "multi_thread")]
async fn counting_goes_on_after_opening_again() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().to_str().unwrap();
    let warehouse = open(root).await;
    let table = identity_table(&warehouse).await;
    let mut transaction = warehouse.begin(&TemporarySpace::default());
    assert_eq!(transaction.reserve_identity(table, ColumnId(1), 3).unwrap(), 100);
    transaction.append(table, vec![rows([100, 105, 110])]).await.unwrap();
    transaction.commit().await.unwrap();
    warehouse.shutdown().await.unwrap();
    let warehouse = open(root).await;
    let mut transaction = warehouse.begin(&TemporarySpace::default());
    assert_eq!(transaction.reserve_identity(table, ColumnId(1), 1).unwrap(), 115);
    assert_eq!(transaction.reserve_identity(table, ColumnId(2), 1).unwrap_err().kind(), Kind::Internal);
}
