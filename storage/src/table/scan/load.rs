//! Loading an item: the footer, which of its blocks can hold rows that pass, and the bytes that the filters need.

use std::borrow::Cow;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch};
use roaring::RoaringBitmap;

use super::plan::Item;
use super::{PlannedPart, Shared};
use crate::cache::BlockAddress;
use crate::catalog::part::{ColumnSummary, PartBody};
use crate::error::{Error, Result};
use crate::id::ColumnId;
use crate::predicate::Predicate;
use crate::segment::{EncodedBlock, SegmentFooter};
use crate::table::constant::missing_summary;
use crate::table::delete::deleted_rows;
use crate::table::inline::decode_chunk;
use crate::table::prune::{columns_of, simplify};

/// An item that is ready to be filtered.
#[derive(Debug)]
pub(super) struct Loaded {
    /// Place in [`Shared::parts`].
    pub(super) part: usize,
    pub(super) rows: Rows,
    /// Rows of the part that are deleted.
    pub(super) deleted: Option<Arc<RoaringBitmap>>,
    /// Only rows whose slice, modulo the second number, is the first.
    pub(super) slice: Option<(usize, usize)>,
    /// What is left to do.
    pub(super) blocks: VecDeque<BlockTask>,
}

/// Where the values are.
#[derive(Debug)]
pub(super) enum Rows {
    /// In blocks of a segment.
    Segment {
        footer: Arc<SegmentFooter>,
        /// Blocks read so far.
        blocks: HashMap<BlockAddress, Arc<EncodedBlock>>,
    },
    /// In memory, by column.
    Inline(HashMap<ColumnId, ArrayRef>),
}

/// A block whose statistics do not rule it out.
#[derive(Debug)]
pub(super) struct BlockTask {
    /// Its number.
    pub(super) index: usize,
    /// Its first row in the part.
    pub(super) start: usize,
    /// Its rows.
    pub(super) rows: usize,
    /// What its statistics leave of the predicate.
    pub(super) predicate: Predicate,
}

/// Loads an item. To be run in a task of its own, one item ahead of the reader.
pub(super) async fn load(shared: Arc<Shared>, item: Item) -> Result<Loaded> {
    let planned = planned(&shared, item.part)?;
    let deleted = deleted_rows(&planned.part, shared.reader.store()).await?;
    let (rows, blocks) = match &planned.part.body {
        PartBody::Inline(chunk) => {
            let batch = decode_chunk(chunk, planned.part.rows)?;
            let task = BlockTask { index: 0, start: 0, rows: batch.num_rows(), predicate: planned.predicate.clone() };
            (Rows::Inline(by_column(&batch)?), VecDeque::from([task]))
        }
        PartBody::Segment { .. } => load_segment(&shared, planned, &item).await?,
    };
    Ok(Loaded { part: item.part, rows, deleted, slice: item.slice, blocks })
}

/// A part of the plan.
pub(super) fn planned(shared: &Shared, part: usize) -> Result<&PlannedPart> {
    shared.parts.get(part).ok_or_else(|| Error::internal("a scan item points to no part"))
}

fn by_column(batch: &RecordBatch) -> Result<HashMap<ColumnId, ArrayRef>> {
    let schema = batch.schema_ref();
    let columns = schema.fields().iter().zip(batch.columns()).map(|(field, values)| {
        let id = field.name().parse().map_err(|error: std::num::ParseIntError| {
            Error::corrupt(format!("an inline chunk names a column \"{}\"", field.name())).with_source(error)
        })?;
        Ok((ColumnId(id), ArrayRef::clone(values)))
    });
    columns.collect()
}

async fn load_segment(shared: &Arc<Shared>, planned: &PlannedPart, item: &Item) -> Result<(Rows, VecDeque<BlockTask>)> {
    let footer = shared.reader.footer(&planned.part).await?;
    let tasks = plan_blocks(shared, planned, &footer, item);
    let mut wanted = Vec::new();
    for task in &tasks {
        for id in first_columns(shared, task) {
            if let Some(column) = place_of(&footer, id) {
                wanted.push(BlockAddress { column, block: task.index });
            }
        }
    }
    let blocks = shared.reader.blocks(&planned.part, &footer, wanted, &shared.metrics).await?;
    Ok((Rows::Segment { footer, blocks }, tasks))
}

/// The place of a column in a segment; `None` where the segment is older than the column.
pub(super) fn place_of(footer: &SegmentFooter, id: ColumnId) -> Option<usize> {
    footer.columns().iter().position(|column| column.id == id)
}

/// The blocks of an item that their statistics do not rule out.
fn plan_blocks(shared: &Shared, planned: &PlannedPart, footer: &SegmentFooter, item: &Item) -> VecDeque<BlockTask> {
    let mut tasks = VecDeque::new();
    for index in 0..footer.blocks() {
        let (start, rows) = (footer.block_start(index), footer.block_rows(index));
        if !item.rows.contains(&start) {
            continue;
        }
        shared.metrics.add_blocks(1);
        let zone = |id| block_zone(shared, footer, index, id);
        match simplify(&planned.predicate, rows as u64, &zone) {
            Predicate::False => shared.metrics.add_blocks_pruned(1),
            predicate => tasks.push_back(BlockTask { index, start, rows, predicate }),
        }
    }
    tasks
}

fn block_zone<'a>(
    shared: &Shared,
    footer: &'a SegmentFooter,
    block: usize,
    id: ColumnId,
) -> Option<Cow<'a, ColumnSummary>> {
    if let Some(column) = footer.column(id) {
        return column.blocks.get(block).map(|block| Cow::Borrowed(&block.summary));
    }
    let column = shared.column(id).ok()?;
    Some(Cow::Owned(missing_summary(column, footer.block_rows(block) as u64)))
}

/// The columns to read before it is known whether any row of the block passes; all, where every row does.
fn first_columns(shared: &Shared, task: &BlockTask) -> Vec<ColumnId> {
    let mut columns = columns_of(&task.predicate);
    columns.extend(shared.filters.iter().flat_map(|filter| filter.columns.iter().copied()));
    if columns.is_empty() {
        columns.extend(shared.columns.iter().map(|output| output.id));
    }
    columns
}
