//! Many small inserts of one transaction become one chunk, or segments, before they are committed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::catalog::change::Change;
use crate::catalog::part::{Part, PartBody};
use crate::catalog::snapshot::Snapshot;
use crate::commit::OpenTransaction;
use crate::error::Result;
use crate::id::{PartId, TableId};
use crate::table::append::Appender;
use crate::table::inline::decode_chunk;
use crate::table::write::Output;

/// The same changes, with the inline chunks of each table joined where nothing else of the transaction speaks of them.
/// `own` is the snapshot that the changes lead to.
pub(crate) async fn join_chunks(
    mut changes: Vec<Change>,
    own: &Snapshot,
    output: &Arc<Output>,
    open: &Arc<OpenTransaction>,
) -> Result<Vec<Change>> {
    for (table, places) in joinable(&changes) {
        let Some(table) = own.tables.get(&table) else { continue };
        let mut appender = Appender::new(Arc::clone(output), Arc::clone(table), Arc::clone(open));
        for place in &places {
            let Some(Change::Append { parts, .. }) = changes.get(*place) else { continue };
            for part in parts {
                if let PartBody::Inline(chunk) = &part.body {
                    appender.write(decode_chunk(chunk, part.rows)?).await?;
                }
            }
        }
        let joined = appender.finish_as(true).await?;
        for (turn, place) in places.into_iter().enumerate() {
            if let Some(Change::Append { parts, .. }) = changes.get_mut(place) {
                *parts = if turn == 0 { joined.parts.clone() } else { Vec::new() };
            }
        }
    }
    changes.retain(|change| !matches!(change, Change::Append { parts, .. } if parts.is_empty()));
    Ok(changes)
}

/// Places of the appends of nothing but chunks, by table, where there are several.
fn joinable(changes: &[Change]) -> BTreeMap<TableId, Vec<usize>> {
    let mut excluded = BTreeSet::new();
    let mut deleted_from: BTreeSet<PartId> = BTreeSet::new();
    for change in changes {
        match change {
            Change::Delete { part, .. } => {
                deleted_from.insert(*part);
            }
            // These name the parts that they saw, or change how rows are laid out.
            Change::Truncate { table, .. }
            | Change::Replace { table, .. }
            | Change::AlterTable { table, .. }
            | Change::DropTable(table) => {
                excluded.insert(*table);
            }
            _ => {}
        }
    }
    let plain = |part: &Arc<Part>| matches!(part.body, PartBody::Inline(_)) && !deleted_from.contains(&part.id);
    let mut places: BTreeMap<TableId, Vec<usize>> = BTreeMap::new();
    for (place, change) in changes.iter().enumerate() {
        if let Change::Append { table, parts } = change
            && !excluded.contains(table)
            && parts.iter().all(plain)
        {
            places.entry(*table).or_default().push(place);
        }
    }
    places.retain(|_, places| places.len() > 1);
    places
}
