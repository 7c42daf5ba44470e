//! `stoa check`: whether everything that the newest version refers to is there and undamaged.

use std::sync::Arc;

use futures::{StreamExt, stream};

use crate::catalog::part::{DeleteBody, DeleteSet, Part, PartBody};
use crate::catalog::snapshot::Snapshot;
use crate::catalog::table::Table;
use crate::commit::verify;
use crate::error::{Error, Result};
use crate::id::Version;
use crate::object::Store;
use crate::segment::verify_segment;
use crate::table::delete::load;
use crate::table::inline::decode_chunk;
use crate::table::write::off_the_runtime;

/// Parts verified at a time.
const PARTS_AT_A_TIME: usize = 4;

/// What a check found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CheckReport {
    /// The version that was checked; `None`: no version can be recovered.
    pub version: Option<Version>,
    /// Its tables.
    pub tables: u64,
    /// Their visible rows.
    pub rows: u64,
    /// Objects read and found good.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// What is wrong. Empty: nothing.
    pub problems: Vec<CheckProblem>,
}

/// Something that is missing or damaged.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CheckProblem {
    /// The object's path below the root, or what it concerns.
    pub object: String,
    /// What is wrong with it.
    pub message: String,
}

/// What is good about a part, and what is not.
#[derive(Default)]
struct Finding {
    objects: u64,
    bytes: u64,
    problems: Vec<CheckProblem>,
}

impl Finding {
    fn note(&mut self, object: &str, outcome: Result<u64>) {
        match outcome {
            Ok(bytes) => {
                self.objects += 1;
                self.bytes += bytes;
            }
            Err(error) => {
                self.problems.push(CheckProblem { object: object.to_owned(), message: error.to_string() });
            }
        }
    }
}

/// Checks a root. Reads everything once, writes nothing.
pub(crate) async fn check(store: &Store) -> Result<CheckReport> {
    let log = verify(store).await?;
    let mut report = CheckReport { objects: log.objects, bytes: log.bytes, ..CheckReport::default() };
    for (object, error) in log.damaged {
        report.problems.push(CheckProblem { object, message: error.to_string() });
    }
    if log.objects == 0 {
        let message = "there is no warehouse at this root".to_owned();
        report.problems.push(CheckProblem { object: "log".to_owned(), message });
        return Ok(report);
    }
    match log.newest {
        Err(error) => report.problems.push(CheckProblem { object: "log".to_owned(), message: error.to_string() }),
        Ok(snapshot) => check_snapshot(store, &snapshot, &mut report).await,
    }
    Ok(report)
}

async fn check_snapshot(store: &Store, snapshot: &Snapshot, report: &mut CheckReport) {
    report.version = Some(snapshot.version);
    report.tables = snapshot.tables.len() as u64;
    report.rows = snapshot.tables.values().map(|table| table.rows()).sum();
    let parts: Vec<(Arc<Table>, Arc<Part>)> = snapshot
        .tables
        .values()
        .flat_map(|table| table.parts.values().map(|part| (Arc::clone(table), Arc::clone(part))))
        .collect();
    let checks = parts.into_iter().map(|(table, part)| check_part(store.clone(), table, part));
    let mut findings = stream::iter(checks).buffered(PARTS_AT_A_TIME);
    while let Some(finding) = findings.next().await {
        report.objects += finding.objects;
        report.bytes += finding.bytes;
        report.problems.extend(finding.problems);
    }
}

async fn check_part(store: Store, table: Arc<Table>, part: Arc<Part>) -> Finding {
    let (store, part) = (&store, &*part);
    let mut finding = Finding::default();
    match &part.body {
        PartBody::Inline(chunk) => {
            if let Err(error) = decode_chunk(chunk, part.rows) {
                finding.note(&format!("table \"{}\", inline part {}", table.name, part.id), Err(error));
            }
        }
        PartBody::Segment { path, bytes, footer_offset, footer_checksum } => {
            let outcome = check_segment(store, path, (*bytes, *footer_offset, *footer_checksum), part.rows).await;
            finding.note(path, outcome);
        }
    }
    for set in &part.deletes {
        match &set.body {
            DeleteBody::Inline(_) => {
                if let Err(error) = check_deletes(store, part, set).await {
                    finding.note(&format!("table \"{}\", deleted rows of part {}", table.name, part.id), Err(error));
                }
            }
            DeleteBody::Object { path, .. } => finding.note(path, check_deletes(store, part, set).await),
        }
    }
    finding
}

async fn check_segment(
    store: &Store,
    path: &str,
    (bytes, footer_offset, footer_checksum): (u64, u64, u64),
    rows: u32,
) -> Result<u64> {
    let object = store.get(path).await?;
    if object.len() as u64 != bytes {
        return Err(Error::corrupt(format!("the object has {} bytes instead of {bytes}", object.len())));
    }
    let footer = off_the_runtime(|| verify_segment(&object, footer_offset, footer_checksum))?;
    if footer.rows() != rows as usize {
        return Err(Error::corrupt(format!("the segment has {} rows instead of {rows}", footer.rows())));
    }
    Ok(bytes)
}

async fn check_deletes(store: &Store, part: &Part, set: &DeleteSet) -> Result<u64> {
    let bitmap = load(set, store).await?;
    if bitmap.max().is_some_and(|row| row >= part.rows) {
        return Err(Error::corrupt("a deleted row is not a row of its part"));
    }
    match &set.body {
        DeleteBody::Inline(_) => Ok(0),
        DeleteBody::Object { bytes, .. } => Ok(*bytes),
    }
}
