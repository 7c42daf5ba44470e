//! Rewriting parts with the same visible rows: inline chunks become segments, small segments become large ones, rows
//! that are deleted go for good.
//!
//! A rewrite is a transaction of one [`Change::Replace`]. It loses against whoever deletes rows of its inputs meanwhile,
//! and is then tried again; it never makes a writer fail.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures::StreamExt;
use imbl::OrdMap;

use crate::catalog::change::Change;
use crate::catalog::part::{Part, PartBody};
use crate::catalog::snapshot::Snapshot;
use crate::catalog::table::Table;
use crate::commit::{CommitRequest, OpenTransaction};
use crate::error::{Error, Kind, Result};
use crate::id::TableId;
use crate::limit::{BLOCK_ROWS, INLINE_BYTES_MAX, INLINE_TABLE_BYTES_MAX, INLINE_TABLE_ROWS_MAX, PART_ROWS_MAX};
use crate::table::append::Appender;
use crate::table::request::ScanRequest;
use crate::table::scan::Scan;
use crate::warehouse::Warehouse;

/// Chunks of a table from which they are joined, however small.
const CHUNKS_MAX: usize = 64;
/// Segments of one slice that are joined at a time at least.
const SMALL_SEGMENTS_MIN: usize = 8;
/// A segment with fewer visible rows is small.
const SMALL_ROWS: u64 = PART_ROWS_MAX as u64 / 4;
/// Percentage of deleted rows from which a segment is rewritten.
const DELETED_PERCENT_MAX: u64 = 30;
/// Deletion sets from which a segment is rewritten: every scan has to unite them.
const DELETE_SETS_MAX: usize = 64;
/// Times that a rewrite on request is tried.
const ATTEMPTS_MAX: usize = 8;

/// When to rewrite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Urgency {
    /// What a background job does: chunks where they are many or large, small segments, deleted rows.
    Due,
    /// All inline chunks become segments now.
    Everything,
}

/// Parts to be rewritten together.
struct Rewrite {
    parts: Vec<Arc<Part>>,
    /// Whether the result may be inline again.
    may_stay_inline: bool,
}

/// Rewrites what is to be rewritten, of one table or of all.
pub(crate) async fn flush(warehouse: &Warehouse, table: Option<TableId>, urgency: Urgency) -> Result<()> {
    let snapshot = warehouse.snapshot();
    warehouse.output().inline_bytes.store(inline_bytes(&snapshot), Ordering::Relaxed);
    let tables: Vec<TableId> = match table {
        Some(table) => vec![table],
        None => snapshot.tables.keys().copied().collect(),
    };
    drop(snapshot);
    let mut outcome = Ok(());
    for table in tables {
        // A table that cannot be rewritten does not keep the others waiting; the first error is told.
        let flushed = flush_table(warehouse, table, urgency).await;
        outcome = outcome.and(flushed);
    }
    outcome
}

/// Bytes of all inline chunks of a version.
pub(crate) fn inline_bytes(snapshot: &Snapshot) -> usize {
    snapshot.tables.values().flat_map(|table| table.parts.values()).map(|part| chunk_bytes(part)).sum()
}

fn chunk_bytes(part: &Part) -> usize {
    match &part.body {
        PartBody::Inline(chunk) => chunk.ipc.len(),
        PartBody::Segment { .. } => 0,
    }
}

async fn flush_table(warehouse: &Warehouse, table: TableId, urgency: Urgency) -> Result<()> {
    for attempt in 1..=ATTEMPTS_MAX {
        // What is read is the base of the commit, so that a change of the definition in between is a conflict.
        let transaction = warehouse.log().begin();
        let Some(table) = transaction.base().tables.get(&table) else { return Ok(()) };
        let Some(rewrite) = next_rewrite(table, urgency) else { return Ok(()) };
        match run(warehouse, Arc::clone(&transaction), table, rewrite).await {
            Ok(()) if urgency == Urgency::Due => return Ok(()),
            Ok(()) => {}
            // A background job has its next turn soon.
            Err(error)
                if error.kind() == Kind::Conflict && urgency == Urgency::Everything && attempt < ATTEMPTS_MAX => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// What to rewrite next of a table.
fn next_rewrite(table: &Table, urgency: Urgency) -> Option<Rewrite> {
    let chunks: Vec<Arc<Part>> =
        table.parts.values().filter(|part| matches!(part.body, PartBody::Inline(_))).cloned().collect();
    let bytes: usize = chunks.iter().map(|part| chunk_bytes(part)).sum();
    let rows: u64 = chunks.iter().map(|part| u64::from(part.rows)).sum();
    if urgency == Urgency::Everything {
        return (!chunks.is_empty()).then_some(Rewrite { parts: chunks, may_stay_inline: false });
    }
    if chunks.len() > CHUNKS_MAX || bytes > INLINE_TABLE_BYTES_MAX || rows > INLINE_TABLE_ROWS_MAX {
        return Some(Rewrite { parts: chunks, may_stay_inline: bytes <= INLINE_BYTES_MAX });
    }
    let parts = worn_segment(table).or_else(|| small_segments(table))?;
    Some(Rewrite { parts, may_stay_inline: false })
}

/// A segment of which much is deleted.
fn worn_segment(table: &Table) -> Option<Vec<Arc<Part>>> {
    let worn = |part: &&Arc<Part>| {
        matches!(part.body, PartBody::Segment { .. })
            && (part.deletes.len() > DELETE_SETS_MAX
                || (part.deleted_rows() > 0 && part.deleted_rows() * 100 >= u64::from(part.rows) * DELETED_PERCENT_MAX))
    };
    table.parts.values().find(worn).map(|part| vec![Arc::clone(part)])
}

/// Small segments of one slice that make up a larger one. The largest is at most half of the result, so that a row is
/// rewritten a logarithmic number of times.
fn small_segments(table: &Table) -> Option<Vec<Arc<Part>>> {
    let mut by_slice: OrdMap<Option<u16>, Vec<Arc<Part>>> = OrdMap::new();
    for part in table.parts.values() {
        if matches!(part.body, PartBody::Segment { .. }) && part.visible_rows() < SMALL_ROWS {
            by_slice.entry(part.slice).or_default().push(Arc::clone(part));
        }
    }
    by_slice.iter().find_map(|(_, parts)| joinable(parts.clone()))
}

fn joinable(mut parts: Vec<Arc<Part>>) -> Option<Vec<Arc<Part>>> {
    parts.sort_by_key(|part| part.visible_rows());
    let mut rows = 0;
    parts.retain(|part| {
        rows += part.visible_rows();
        rows <= PART_ROWS_MAX as u64
    });
    let total: u64 = parts.iter().map(|part| part.visible_rows()).sum();
    while parts.len() >= SMALL_SEGMENTS_MIN {
        let largest = parts.last().map_or(0, |part| part.visible_rows());
        if largest * 2 <= total {
            return Some(parts);
        }
        parts.pop();
    }
    None
}

/// Reads the visible rows of the parts, writes them anew, and commits the exchange.
async fn run(
    warehouse: &Warehouse,
    transaction: Arc<OpenTransaction>,
    table: &Arc<Table>,
    rewrite: Rewrite,
) -> Result<()> {
    // Only these parts, but otherwise the table as it was seen.
    let mut only = Table::clone(table);
    only.parts = rewrite.parts.iter().map(|part| (part.id, Arc::clone(part))).collect();
    let mut snapshot = Snapshot::clone(transaction.base());
    snapshot.tables.insert(table.id, Arc::new(only));
    let mut request = ScanRequest::new(table.columns.iter().map(|column| column.id).collect());
    request.batch_rows = BLOCK_ROWS;
    let pinned = Warehouse::pin_with(Arc::new(snapshot), &transaction);
    let mut rows = Scan::plan(warehouse.reader(), pinned, table.id, request)?.open(0)?;
    let mut appender = Appender::new(Arc::clone(warehouse.output()), Arc::clone(table), Arc::clone(&transaction));
    while let Some(batch) = rows.next().await {
        appender.write(batch?).await?;
    }
    let written = appender.finish_as(rewrite.may_stay_inline).await?;
    let visible: u64 = rewrite.parts.iter().map(|part| part.visible_rows()).sum();
    if written.rows() != visible {
        return Err(Error::internal(format!("a rewrite of table \"{}\" would change its number of rows", table.name)));
    }
    let remove = rewrite.parts.iter().map(|part| (part.id, part.deleted_rows())).collect();
    let change = Change::Replace { table: table.id, remove, add: written.parts };
    warehouse.log().commit(CommitRequest { transaction, changes: vec![change] }).await.map(|_| ())
}
