//! Planning: everything that can be said without reading.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema};
use parking_lot::Mutex;

use super::order::ordered_runs;
use super::{ADDRESS_COLUMN, Output, PlannedPart, Scan, Shared};
use crate::cache::SegmentReader;
use crate::catalog::part::{ColumnSummary, Part, PartBody};
use crate::catalog::table::{Column, Distribution, Table};
use crate::error::{Error, Result};
use crate::id::ColumnId;
use crate::limit::{BLOCK_ROWS, SLICES};
use crate::predicate::Predicate;
use crate::table::constant::missing_summary;
use crate::table::prune::{columns_of, simplify};
use crate::table::request::{ScanMetrics, ScanRequest};
use crate::warehouse::Pinned;

/// Work items a partition, so that no partition idles while another is busy for long.
const ITEMS_A_PARTITION: usize = 8;
/// Blocks of an item at most.
const ITEM_BLOCKS_MAX: usize = 8;
/// Distinct values of a part at most for its strings to be handed out as a dictionary, and a share of its rows.
const DICTIONARY_DISTINCT_MAX: u64 = 16_384;
/// Rows that a dictionary's entry should stand for at least.
const DICTIONARY_ROWS_AN_ENTRY: u64 = 4;

/// A run of rows of one part. A block belongs to the item in which it starts.
#[derive(Debug, Clone)]
pub(super) struct Item {
    /// Place in [`Shared::parts`].
    pub(super) part: usize,
    /// Rows of the part.
    pub(super) rows: Range<usize>,
    /// Only rows whose slice, modulo the second number, is the first.
    pub(super) slice: Option<(usize, usize)>,
}

/// The items of a scan.
#[derive(Debug)]
pub(super) struct Work {
    /// Rows that may come out in all.
    pub(super) limit: Option<usize>,
    items: Items,
}

#[derive(Debug)]
enum Items {
    /// One queue for all partitions, so that no one idles.
    Shared(Arc<[Item]>, usize),
    /// A list for each partition.
    Own(Vec<Arc<[Item]>>),
}

/// Where one partition gets its items.
#[derive(Debug)]
pub(super) struct Source {
    /// The list.
    pub(super) items: Arc<[Item]>,
    /// Whether other partitions take from it, too.
    pub(super) shared: bool,
}

impl Work {
    pub(super) fn partitions(&self) -> usize {
        match &self.items {
            Items::Shared(_, partitions) => *partitions,
            Items::Own(lists) => lists.len(),
        }
    }

    pub(super) fn source(&self, partition: usize) -> Source {
        match &self.items {
            Items::Shared(items, _) => Source { items: Arc::clone(items), shared: true },
            Items::Own(lists) => {
                Source { items: lists.get(partition).map(Arc::clone).unwrap_or_default(), shared: false }
            }
        }
    }
}

/// Plans a scan.
pub(super) fn plan(
    reader: Arc<SegmentReader>,
    pinned: Pinned,
    table: &Arc<Table>,
    request: ScanRequest,
) -> Result<Scan> {
    let known = known_columns(table, &request)?;
    let metrics = Arc::new(ScanMetrics::default());
    let parts = plan_parts(table, &known, &request.predicate, &metrics);
    let columns = output_columns(&known, &parts, &request);
    let schema = schema(&known, &columns, request.row_addresses);
    let slice_key = slice_key(table, &parts, &request);
    let runs = if slice_key.is_none() && request.in_order { ordered_runs(table, &parts) } else { None };
    let order = runs.as_ref().map(|_| table.sort_key.columns.clone()).unwrap_or_default();
    let items = if slice_key.is_some() {
        Items::Own(slice_items(&parts, &request))
    } else if let Some(runs) = runs {
        let items = |run: Vec<usize>| run.into_iter().flat_map(|part| part_items(&parts, part, &request)).collect();
        Items::Own(runs.into_iter().map(items).collect())
    } else {
        let all = (0..parts.len()).flat_map(|part| part_items(&parts, part, &request)).collect();
        Items::Shared(all, request.partitions.max(1))
    };
    let rows_estimate = estimate(&parts, &request);
    let work = Work { limit: request.limit, items };
    Ok(Scan {
        opened: Mutex::new(vec![0; work.partitions()]),
        queues: Mutex::new(Vec::new()),
        work,
        slices: slice_key.map(|key| (key, SLICES)),
        order,
        rows_estimate,
        shared: Arc::new(Shared {
            reader,
            _pinned: pinned,
            schema,
            columns,
            known,
            filters: request.filters,
            parts,
            slice_key,
            row_addresses: request.row_addresses,
            batch_rows: request.batch_rows.max(1),
            metrics,
        }),
    })
}

/// Every column that the scan may touch.
fn known_columns(table: &Table, request: &ScanRequest) -> Result<Vec<Column>> {
    let mut known: Vec<Column> = Vec::new();
    let of_filters = request.filters.iter().flat_map(|filter| filter.columns.iter().copied());
    let of_key = match table.distribution {
        Distribution::Key(key) if request.by_slice => Some(key),
        _ => None,
    };
    let touched = request.columns.iter().copied().chain(columns_of(&request.predicate)).chain(of_filters).chain(of_key);
    for id in touched {
        if known.iter().any(|column| column.id == id) {
            continue;
        }
        let column = table.column(id);
        let missing = || Error::invalid(format!("table \"{}\" has no column {id}", table.name));
        known.push(column.ok_or_else(missing)?.clone());
    }
    Ok(known)
}

/// The parts whose statistics do not rule them out.
fn plan_parts(table: &Table, known: &[Column], predicate: &Predicate, metrics: &ScanMetrics) -> Vec<PlannedPart> {
    metrics.add_parts(table.parts.len() as u64);
    let mut planned = Vec::with_capacity(table.parts.len());
    for (ordinal, part) in (0u32..).zip(table.parts.values()) {
        let predicate = simplify(predicate, u64::from(part.rows), &|id| part_zone(part, known, id));
        if predicate == Predicate::False || part.visible_rows() == 0 {
            metrics.add_parts_pruned(1);
            continue;
        }
        planned.push(PlannedPart { ordinal, part: Arc::clone(part), predicate });
    }
    planned
}

/// Statistics of a column over a part; those of its default where the part is older than the column.
fn part_zone<'a>(part: &'a Part, known: &[Column], id: ColumnId) -> Option<Cow<'a, ColumnSummary>> {
    if let Some(summary) = part.columns.iter().find(|summary| summary.column == id) {
        return Some(Cow::Borrowed(summary));
    }
    let column = known.iter().find(|column| column.id == id)?;
    Some(Cow::Owned(missing_summary(column, u64::from(part.rows))))
}

fn output_columns(known: &[Column], parts: &[PlannedPart], request: &ScanRequest) -> Vec<Output> {
    let dictionary = |id: ColumnId| {
        let text = known.iter().any(|column| column.id == id && column.column_type.arrow() == DataType::Utf8View);
        request.dictionaries && text && few_values(parts, id)
    };
    request.columns.iter().map(|id| Output { id: *id, dictionary: dictionary(*id) }).collect()
}

/// Whether every segment has so few distinct values in a column that it is (or cheaply becomes) a dictionary.
fn few_values(parts: &[PlannedPart], id: ColumnId) -> bool {
    let mut segments = parts.iter().filter(|planned| matches!(planned.part.body, PartBody::Segment { .. })).peekable();
    segments.peek().is_some()
        && segments.all(|planned| {
            let summary = planned.part.columns.iter().find(|summary| summary.column == id);
            summary.is_some_and(|summary| {
                let share = u64::from(planned.part.rows) / DICTIONARY_ROWS_AN_ENTRY;
                summary.distinct <= DICTIONARY_DISTINCT_MAX.min(share)
            })
        })
}

/// The type of a string column that is handed out as a dictionary.
pub(super) fn dictionary_type() -> DataType {
    DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8View))
}

fn schema(known: &[Column], columns: &[Output], row_addresses: bool) -> Arc<Schema> {
    let mut fields = Vec::with_capacity(columns.len() + 1);
    for output in columns {
        if let Some(column) = known.iter().find(|column| column.id == output.id) {
            let data_type = if output.dictionary { dictionary_type() } else { column.column_type.arrow() };
            fields.push(Field::new(&column.name, data_type, column.nullable));
        }
    }
    if row_addresses {
        fields.push(Field::new(ADDRESS_COLUMN, DataType::UInt64, false));
    }
    Arc::new(Schema::new(fields))
}

/// The DISTKEY, where the parts can be told apart by slices: every segment lies in one. (Rows of inline chunks are
/// hashed when they are read; they are few.)
fn slice_key(table: &Table, parts: &[PlannedPart], request: &ScanRequest) -> Option<ColumnId> {
    let Distribution::Key(key) = table.distribution else { return None };
    let possible = request.by_slice && (1..=usize::from(SLICES)).contains(&request.partitions);
    let sliced =
        |planned: &PlannedPart| planned.part.slice.is_some() || matches!(planned.part.body, PartBody::Inline(_));
    (possible && parts.iter().all(sliced)).then_some(key)
}

fn slice_items(parts: &[PlannedPart], request: &ScanRequest) -> Vec<Arc<[Item]>> {
    let partitions = request.partitions;
    let of_partition = |partition: usize| -> Arc<[Item]> {
        let mut items = Vec::new();
        for (place, planned) in parts.iter().enumerate() {
            match planned.part.slice {
                Some(slice) if usize::from(slice) % partitions == partition => {
                    items.extend(part_items(parts, place, request));
                }
                Some(_) => {}
                None => items.extend(
                    part_items(parts, place, request)
                        .into_iter()
                        .map(|item| Item { slice: Some((partition, partitions)), ..item }),
                ),
            }
        }
        items.into()
    };
    (0..partitions).map(of_partition).collect()
}

/// The items of one part.
fn part_items(parts: &[PlannedPart], part: usize, request: &ScanRequest) -> Vec<Item> {
    let Some(planned) = parts.get(part) else { return Vec::new() };
    let rows = planned.part.rows as usize;
    let step = match &planned.part.body {
        PartBody::Inline(_) => rows.max(1),
        // Who wants few rows should not have many read.
        PartBody::Segment { .. } if request.limit.is_some() => BLOCK_ROWS,
        PartBody::Segment { .. } => {
            let all: usize = parts.iter().map(|planned| planned.part.rows as usize).sum();
            let fair = all / (request.partitions.max(1) * ITEMS_A_PARTITION);
            fair.div_ceil(BLOCK_ROWS).clamp(1, ITEM_BLOCKS_MAX) * BLOCK_ROWS
        }
    };
    (0..rows).step_by(step).map(|start| Item { part, rows: start..(start + step).min(rows), slice: None }).collect()
}

/// How many rows will come out; exact where nothing but whole parts is left out.
fn estimate(parts: &[PlannedPart], request: &ScanRequest) -> (u64, bool) {
    let rows: u64 = parts.iter().map(|planned| planned.part.visible_rows()).sum();
    let exact = request.filters.is_empty() && parts.iter().all(|planned| planned.predicate == Predicate::True);
    (request.limit.map_or(rows, |limit| rows.min(limit as u64)), exact)
}
