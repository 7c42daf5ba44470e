//! `stoa check` finds each kind of damage, and names the object.

use std::fs;
use std::path::{Path, PathBuf};

use stoa_storage::*;

use crate::common::*;

/// A root with a segment, a deletion bitmap of its own, an inline chunk, log entries and two checkpoints.
async fn root() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let warehouse = open(folder.path().to_str().unwrap()).await;
    let table = create_table(&warehouse, |_| {}).await;
    insert(&warehouse, table, rows(0..100_000)).await;
    warehouse.checkpoint().await.unwrap();
    delete(&warehouse, table, |id| id.wrapping_mul(0x9E37_79B9) & 3 == 0).await;
    warehouse.checkpoint().await.unwrap();
    insert(&warehouse, table, rows(100_000..100_003)).await;
    warehouse.shutdown().await.unwrap();
    folder
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
}

/// The newest file below a folder with this ending.
fn find(root: &Path, folder: &str, ending: &str) -> PathBuf {
    let mut found = Vec::new();
    files(&root.join(folder), &mut found);
    found.retain(|path| path.to_str().unwrap().ends_with(ending));
    found.sort();
    found.pop().unwrap()
}

async fn problems(root: &Path) -> Vec<CheckProblem> {
    Warehouse::check(OpenOptions::new(root.to_str().unwrap())).await.unwrap().problems
}

/// Changes one byte of a file at a share of its length.
fn flip(path: &Path, percent: usize) {
    let mut bytes = fs::read(path).unwrap();
    let place = bytes.len() * percent / 100;
    bytes[place] ^= 0x40;
    fs::write(path, bytes).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_undamaged_root_has_no_problems() {
    let folder = root().await;
    let report = Warehouse::check(OpenOptions::new(folder.path().to_str().unwrap())).await.unwrap();
    assert!(report.problems.is_empty(), "{report:?}");
    assert!(report.objects >= 5 && report.bytes > 1_000 && report.tables == 1);
    assert!(report.version.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_damage_is_found() {
    for (kind, ending) in [("data", ".seg"), ("data", ".dv"), ("ckpt", ""), ("log", "")] {
        for percent in [0, 40, 99] {
            let folder = root().await;
            let path = find(folder.path(), kind, ending);
            flip(&path, percent);
            let found = problems(folder.path()).await;
            let name = path.file_name().unwrap().to_str().unwrap();
            assert!(found.iter().any(|problem| problem.object.contains(name)), "{path:?} at {percent}: {found:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_and_shortened_objects_are_found() {
    for ending in [".seg", ".dv"] {
        let folder = root().await;
        let path = find(folder.path(), "data", ending);
        let name = path.file_name().unwrap().to_str().unwrap();
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
        assert!(problems(folder.path()).await.iter().any(|problem| problem.object.contains(name)));
        fs::remove_file(&path).unwrap();
        let found = problems(folder.path()).await;
        assert!(found.iter().any(|problem| problem.object.contains(name)), "{found:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scan_of_damaged_rows_is_an_error_and_never_a_wrong_answer() {
    let folder = root().await;
    flip(&find(folder.path(), "data", ".seg"), 10);
    let warehouse = open(folder.path().to_str().unwrap()).await;
    let snapshot = warehouse.snapshot();
    let table = *snapshot.tables.keys().next().unwrap();
    let scan = warehouse.scan(&snapshot, table, ScanRequest::new(vec![ColumnId(1), ColumnId(2)])).unwrap();
    let outcome: Result<Vec<_>> = futures::TryStreamExt::try_collect(scan.open(0).unwrap()).await;
    assert_eq!(outcome.unwrap_err().kind(), Kind::Corrupt);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_root_without_a_warehouse_is_a_problem_and_stays_empty() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(problems(folder.path()).await.len(), 1);
    let mut left = Vec::new();
    files(folder.path(), &mut left);
    assert!(left.is_empty(), "{left:?}");
    let absent = folder.path().join("absent");
    let refused = Warehouse::check(OpenOptions::new(absent.to_str().unwrap())).await.unwrap_err();
    assert_eq!(refused.kind(), Kind::NotFound);
    assert!(!absent.exists());
}
