//! One block: which rows pass, then the values of the output columns for those.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions, UInt64Array};
use arrow_buffer::BooleanBuffer;
use arrow_schema::{Field, Schema};
use arrow_select::filter::filter;

use super::Shared;
use super::load::{BlockTask, Loaded, Rows, place_of, planned};
use super::plan::dictionary_type;
use crate::cache::BlockAddress;
use crate::error::{Error, Result};
use crate::id::ColumnId;
use crate::predicate::{Predicate, RowFilter};
use crate::segment::{EncodedBlock, Selection};
use crate::table::constant::missing_array;
use crate::table::delete::address;
use crate::table::evaluate::evaluate;
use crate::table::prune::columns_of;
use crate::table::slice::slices_of;

/// A block with the rows that are left, and the columns that were decoded to find them.
pub(super) struct Filtered {
    task: BlockTask,
    selection: Selection,
    decoded: HashMap<ColumnId, ArrayRef>,
}

/// The rows of a block that pass, or `None` where none does. No I/O: [`super::load::load`] brought what this needs.
pub(super) fn filter_block(shared: &Shared, loaded: &Loaded, task: BlockTask) -> Result<Option<Filtered>> {
    let started = Instant::now();
    shared.metrics.add_rows_read(task.rows as u64);
    let mut selection = Selection::all(task.rows);
    drop_deleted(loaded, &task, &mut selection)?;
    let view = BlockView { shared, loaded, block: task.index, rows: task.rows };
    view.keep_slice(&mut selection)?;
    view.select(&task.predicate, &mut selection)?;
    let mut decoded = HashMap::new();
    for row_filter in &shared.filters {
        if selection.is_empty() {
            break;
        }
        view.keep_passing(row_filter, &mut selection, &mut decoded)?;
    }
    shared.metrics.add_decode_nanos(nanos_since(started));
    Ok((!selection.is_empty()).then_some(Filtered { task, selection, decoded }))
}

/// Reads the blocks of the output columns that were not needed for filtering.
pub(super) async fn complete(shared: &Shared, loaded: &mut Loaded, filtered: &Filtered) -> Result<()> {
    let part = &planned(shared, loaded.part)?.part;
    let Rows::Segment { footer, blocks } = &mut loaded.rows else { return Ok(()) };
    let missing = |output: &super::Output| {
        let address = BlockAddress { column: place_of(footer, output.id)?, block: filtered.task.index };
        let present = filtered.decoded.contains_key(&output.id) || blocks.contains_key(&address);
        (!present).then_some(address)
    };
    let wanted: Vec<BlockAddress> = shared.columns.iter().filter_map(missing).collect();
    if !wanted.is_empty() {
        blocks.extend(shared.reader.blocks(part, footer, wanted, &shared.metrics).await?);
    }
    Ok(())
}

/// The output columns of the rows that pass. The block's bytes are forgotten.
pub(super) fn decode_block(shared: &Shared, loaded: &mut Loaded, filtered: Filtered) -> Result<RecordBatch> {
    let started = Instant::now();
    let Filtered { task, selection, mut decoded } = filtered;
    let mut columns: Vec<ArrayRef> = Vec::with_capacity(shared.columns.len() + 1);
    let view = BlockView { shared, loaded, block: task.index, rows: task.rows };
    for output in &shared.columns {
        let values = match decoded.get(&output.id) {
            Some(values) => ArrayRef::clone(values),
            None => {
                let values = view.decode(output.id, &selection)?;
                decoded.insert(output.id, ArrayRef::clone(&values));
                values
            }
        };
        columns.push(values);
    }
    if shared.row_addresses {
        let ordinal = planned(shared, loaded.part)?.ordinal;
        let rows = selection.iter().map(|row| Ok(address(ordinal, row_number(task.start + row)?)));
        let addresses: Result<Vec<u64>> = rows.collect();
        columns.push(Arc::new(UInt64Array::from(addresses?)));
    }
    if let Rows::Segment { blocks, .. } = &mut loaded.rows {
        blocks.retain(|address, _| address.block != task.index);
    }
    let options = RecordBatchOptions::new().with_row_count(Some(selection.count()));
    let batch = RecordBatch::try_new_with_options(Arc::clone(&shared.schema), columns, &options)?;
    shared.metrics.add_decode_nanos(nanos_since(started));
    Ok(batch)
}

fn nanos_since(started: Instant) -> u64 {
    u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

fn row_number(row: usize) -> Result<u32> {
    u32::try_from(row).map_err(|error| Error::internal("a part has too many rows").with_source(error))
}

fn drop_deleted(loaded: &Loaded, task: &BlockTask, selection: &mut Selection) -> Result<()> {
    let Some(deleted) = &loaded.deleted else { return Ok(()) };
    let (start, end) = (row_number(task.start)?, row_number(task.start + task.rows)?);
    let within = deleted.range(start..end).map(|row| (row - start) as usize);
    selection.subtract(&Selection::indices(task.rows, within));
    Ok(())
}

/// One block of a loaded item.
struct BlockView<'a> {
    shared: &'a Shared,
    loaded: &'a Loaded,
    block: usize,
    rows: usize,
}

/// Where the values of a column of a block come from.
enum Values<'a> {
    Encoded(&'a EncodedBlock),
    InMemory(&'a ArrayRef),
    /// The part is older than the column.
    Missing,
}

impl BlockView<'_> {
    fn values(&self, id: ColumnId) -> Result<Values<'_>> {
        match &self.loaded.rows {
            Rows::Inline(columns) => Ok(columns.get(&id).map_or(Values::Missing, Values::InMemory)),
            Rows::Segment { footer, blocks } => match place_of(footer, id) {
                None => Ok(Values::Missing),
                Some(column) => {
                    let block = blocks.get(&BlockAddress { column, block: self.block });
                    block
                        .map(|block| Values::Encoded(block))
                        .ok_or_else(|| Error::internal(format!("a block of column {id} was not read")))
                }
            },
        }
    }

    /// Keeps the selected rows for which the predicate is TRUE.
    fn select(&self, predicate: &Predicate, selection: &mut Selection) -> Result<()> {
        if selection.is_empty() || *predicate == Predicate::True {
            return Ok(());
        }
        if let [column] = columns_of(predicate).as_slice() {
            return self.select_by_column(*column, predicate, selection);
        }
        match predicate {
            Predicate::And(conditions) => {
                for condition in self.by_column(conditions) {
                    self.select(&condition, selection)?;
                }
                Ok(())
            }
            Predicate::Or(conditions) => {
                let mut passing = BooleanBuffer::new_unset(self.rows);
                for condition in conditions {
                    let mut branch = selection.clone();
                    self.select(condition, &mut branch)?;
                    passing = &passing | &branch.to_buffer();
                }
                selection.and_buffer(&passing);
                Ok(())
            }
            _ => {
                *selection = Selection::none(self.rows);
                Ok(())
            }
        }
    }

    fn select_by_column(&self, id: ColumnId, predicate: &Predicate, selection: &mut Selection) -> Result<()> {
        match self.values(id)? {
            Values::Encoded(block) => block.filter(predicate, selection),
            Values::InMemory(values) => {
                let passing = evaluate(predicate, self.rows, &|_| Ok(ArrayRef::clone(values)))?;
                selection.and_buffer(&passing);
                Ok(())
            }
            Values::Missing => {
                let values = missing_array(self.shared.column(id)?, 1)?;
                let passes = evaluate(predicate, 1, &|_| Ok(ArrayRef::clone(&values)))?;
                if !passes.value(0) {
                    *selection = Selection::none(self.rows);
                }
                Ok(())
            }
        }
    }

    /// The conditions of a conjunction, those on one column as one (a range is then tested in one pass), columns of
    /// fixed width before strings, conditions on several columns last.
    fn by_column(&self, conditions: &[Predicate]) -> Vec<Predicate> {
        let mut single: Vec<(ColumnId, Vec<Predicate>)> = Vec::new();
        let mut several = Vec::new();
        for condition in conditions {
            match columns_of(condition).as_slice() {
                [column] => match single.iter_mut().find(|(id, _)| id == column) {
                    Some((_, group)) => group.push(condition.clone()),
                    None => single.push((*column, vec![condition.clone()])),
                },
                _ => several.push(condition.clone()),
            }
        }
        single.sort_by_key(|(id, _)| {
            let width = self.shared.column(*id).map(|column| column.column_type.arrow().primitive_width());
            width.ok().flatten().unwrap_or(usize::MAX)
        });
        let single = single.into_iter().map(|(_, mut group)| match group.len() {
            1 => group.remove(0),
            _ => Predicate::And(group),
        });
        single.chain(several).collect()
    }

    /// Keeps the rows of the slices that the partition is for.
    fn keep_slice(&self, selection: &mut Selection) -> Result<()> {
        let (Some((partition, partitions)), Some(key)) = (self.loaded.slice, self.shared.slice_key) else {
            return Ok(());
        };
        let slices = match self.values(key)? {
            Values::InMemory(values) => slices_of(values)?,
            Values::Missing => slices_of(&missing_array(self.shared.column(key)?, self.rows)?)?,
            Values::Encoded(block) => slices_of(&block.decode()?)?,
        };
        selection.retain(|row| slices.get(row).is_some_and(|slice| usize::from(*slice) % partitions == partition));
        Ok(())
    }

    /// Keeps the rows that a filter of the caller passes. `decoded` holds columns of the selected rows, and still does
    /// afterwards.
    fn keep_passing(
        &self,
        row_filter: &RowFilter,
        selection: &mut Selection,
        decoded: &mut HashMap<ColumnId, ArrayRef>,
    ) -> Result<()> {
        let mut fields = Vec::with_capacity(row_filter.columns.len());
        let mut columns = Vec::with_capacity(row_filter.columns.len());
        for id in &row_filter.columns {
            let values = match decoded.get(id) {
                Some(values) => ArrayRef::clone(values),
                None => self.decode(*id, selection)?,
            };
            let column = self.shared.column(*id)?;
            fields.push(Field::new(&column.name, values.data_type().clone(), column.nullable));
            decoded.insert(*id, ArrayRef::clone(&values));
            columns.push(values);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(selection.count()));
        let batch = RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options)?;
        let answers = (row_filter.test)(&batch)?;
        if answers.len() != selection.count() {
            return Err(Error::internal("a row filter did not answer for every row"));
        }
        let passing = match answers.nulls() {
            Some(valid) => answers.values() & valid.inner(),
            None => answers.values().clone(),
        };
        if passing.count_set_bits() == passing.len() {
            return Ok(());
        }
        selection.keep_selected(&passing);
        let passing = BooleanArray::new(passing, None);
        for values in decoded.values_mut() {
            *values = filter(values, &passing)?;
        }
        Ok(())
    }

    /// A column of the selected rows, in the type in which it is handed out.
    fn decode(&self, id: ColumnId, selection: &Selection) -> Result<ArrayRef> {
        let as_dictionary = self.shared.columns.iter().any(|output| output.id == id && output.dictionary);
        let values = match self.values(id)? {
            Values::Encoded(block) if as_dictionary => match block.decode_dictionary(selection)? {
                Some(values) => return Ok(values),
                None => block.decode_selected(selection)?,
            },
            Values::Encoded(block) if selection.is_all() => block.decode()?,
            Values::Encoded(block) => block.decode_selected(selection)?,
            Values::InMemory(values) if selection.is_all() => ArrayRef::clone(values),
            Values::InMemory(values) => filter(values, &BooleanArray::new(selection.to_buffer(), None))?,
            Values::Missing => missing_array(self.shared.column(id)?, selection.count())?,
        };
        Ok(if as_dictionary { arrow_cast::cast(&values, &dictionary_type())? } else { values })
    }
}

/// The dictionary of a column that is one.
pub(super) fn dictionary_values(values: &ArrayRef) -> Option<&ArrayRef> {
    values.as_any_dictionary_opt().map(|dictionary| dictionary.values())
}
