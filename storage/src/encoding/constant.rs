//! Constant: one value for all rows. Integers only; other classes keep a block of one row (see [`crate::encoding::block`]).
//!
//! ```text
//! value: u64
//! ```

use crate::encoding::matcher::Intervals;
use crate::encoding::native::{CHUNK_ROWS, Native};
use crate::encoding::wire::{Reader, Write};
use crate::error::Result;
use crate::segment::selection::Selection;

/// One value, many rows.
#[derive(Debug, Clone)]
pub(crate) struct Constant<U> {
    value: U,
}

impl<U: Native> Constant<U> {
    /// Bytes that [`Constant::write`] takes, if the values are constant.
    pub(crate) fn estimate(least: U, most: U) -> Option<usize> {
        (least == most).then_some(8)
    }

    /// Appends the value.
    pub(crate) fn write(value: U, out: &mut Vec<u8>) {
        out.put_u64(value.bits());
    }

    /// Parses what [`Constant::write`] wrote.
    pub(crate) fn read(reader: &mut Reader) -> Result<Self> {
        Ok(Self { value: U::from_bits(reader.u64()?) })
    }

    /// The values of any chunk.
    pub(crate) fn chunk(&self, values: &mut [U; CHUNK_ROWS]) {
        values.fill(self.value);
    }

    /// Decides once for the block.
    pub(crate) fn filter(&self, test: &Intervals, selection: &mut Selection) {
        if !test.contains(i128::from(self.value.signed())) {
            *selection = Selection::none(selection.rows());
        }
    }
}
