//! Run-length: the value of each run and the row behind its end, both as integers of their own.
//!
//! ```text
//! runs: u32 │ ends (integers) │ values (integers)
//! ```

use crate::encoding::ints::{Ints, Nesting, write_nested};
use crate::encoding::matcher::Intervals;
use crate::encoding::native::{CHUNK_ROWS, Native};
use crate::encoding::wire::{Reader, Write};
use crate::error::{Error, Result};
use crate::segment::selection::Selection;

/// Values written at once for a run of up to as many rows.
const SHORT_RUN: usize = 8;

/// Integers in runs.
#[derive(Debug, Clone)]
pub(crate) struct RunLength<U> {
    /// The row behind the end of each run, ascending.
    ends: Vec<u32>,
    values: Vec<U>,
}

/// Number of runs.
pub(crate) fn runs<U: Native>(values: &[U]) -> usize {
    usize::from(!values.is_empty()) + values.windows(2).filter(|pair| pair[0] != pair[1]).count()
}

/// Bytes that so many runs take at most, given the bytes that one value takes packed.
pub(crate) fn estimate<U: Native>(runs: usize, value_bits: usize) -> usize {
    40 + runs * (16 + value_bits).div_ceil(8)
}

/// Appends values.
pub(crate) fn write<U: Native>(values: &[U], out: &mut Vec<u8>) -> Result<()> {
    let mut ends: Vec<u32> = Vec::new();
    let mut kept: Vec<U> = Vec::new();
    for (row, value) in (1..).zip(values) {
        match (kept.last(), ends.last_mut()) {
            (Some(last), Some(end)) if last == value => *end = row,
            _ => {
                kept.push(*value);
                ends.push(row);
            }
        }
    }
    out.put_count(ends.len());
    write_nested(&ends, out)?;
    write_nested(&kept, out)?;
    Ok(())
}

impl<U: Native> RunLength<U> {
    /// Bytes that a cache should count: what was compressed lies here decompressed.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.ends.len() * (size_of::<u32>() + size_of::<U>())
    }

    /// Parses what [`write`] wrote for `rows` values.
    pub(crate) fn read(reader: &mut Reader, rows: usize) -> Result<Self> {
        let runs = reader.count(rows)?;
        let ends = Ints::<u32>::read(reader, runs, Nesting::Inner)?.decode();
        let values = Ints::<U>::read(reader, runs, Nesting::Inner)?.decode();
        let ascending = ends.first().is_none_or(|end| *end > 0) && ends.windows(2).all(|pair| pair[0] < pair[1]);
        if !ascending || ends.last().map_or(0, |end| *end as usize) != rows {
            return Err(Error::corrupt("the runs of a block do not end with it"));
        }
        Ok(Self { ends, values })
    }

    /// The values of a chunk.
    pub(crate) fn chunk(&self, index: usize, values: &mut [U; CHUNK_ROWS]) {
        let start = index * CHUNK_ROWS;
        let mut run = self.ends.partition_point(|end| *end as usize <= start);
        let mut row = 0;
        while let (Some(end), Some(value)) = (self.ends.get(run), self.values.get(run)) {
            let end = (*end as usize - start).min(CHUNK_ROWS);
            // Most runs are short: a fixed number of values is written at once, the next run overwrites the excess.
            match values[row..].first_chunk_mut::<SHORT_RUN>() {
                Some(window) if end - row <= SHORT_RUN => *window = [*value; SHORT_RUN],
                _ => values[row..end].fill(*value),
            }
            row = end;
            run += 1;
            if row == CHUNK_ROWS {
                break;
            }
        }
    }

    /// Decides once a run.
    pub(crate) fn filter(&self, test: &Intervals, selection: &mut Selection) {
        let mut start = 0;
        let passing = self.ends.iter().zip(&self.values).filter_map(|(end, value)| {
            let run = start..*end as usize;
            start = run.end;
            test.contains(i128::from(value.signed())).then_some(run)
        });
        let passing = Selection::ranges(selection.rows(), passing);
        selection.and(&passing);
    }
}
