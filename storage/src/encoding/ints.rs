//! The one integer path: dates, times, timestamps, decimals, dictionary codes, lengths and the bits of floats are all
//! integers of 16, 32 or 64 bits, stored in whichever encoding takes the fewest bytes.
//!
//! ```text
//! encoding: u8 │ what that encoding writes
//! ```

use crate::encoding::Encoding;
use crate::encoding::constant::Constant;
use crate::encoding::matcher::Intervals;
use crate::encoding::native::{CHUNK_ROWS, Native};
use crate::encoding::plain::Plain;
use crate::encoding::section::Squeeze;
use crate::encoding::wire::{Reader, Write};
use crate::error::{Error, Result};
use crate::segment::selection::{CHUNK_WORDS, Selection, bits};

/// Integers of one block, parsed but not decoded.
#[derive(Debug, Clone)]
pub(crate) struct Ints<U> {
    rows: usize,
    body: Body<U>,
}

/// The encodings of integers.
#[derive(Debug, Clone)]
enum Body<U> {
    Constant(Constant<U>),
    Plain(Plain),
}

/// Appends `values` in the encoding that takes the fewest bytes.
pub(crate) fn write_ints<U: Native>(values: &[U], out: &mut Vec<u8>) -> Result<Encoding> {
    let constant = values.first().copied().unwrap_or_default();
    if values.iter().all(|value| *value == constant) {
        out.put_u8(Encoding::Constant as u8);
        Constant::write(constant, out);
        return Ok(Encoding::Constant);
    }
    out.put_u8(Encoding::Plain as u8);
    Plain::write(values, Squeeze::Worthwhile(80), out)?;
    Ok(Encoding::Plain)
}

impl<U: Native> Ints<U> {
    /// Parses what [`write_ints`] wrote for `rows` values.
    pub(crate) fn read(reader: &mut Reader, rows: usize) -> Result<Self> {
        let body = match Encoding::from_byte(reader.u8()?)? {
            Encoding::Constant => Body::Constant(Constant::read(reader)?),
            Encoding::Plain => Body::Plain(Plain::read(reader, rows, U::BYTES)?),
            other => return Err(Error::corrupt(format!("integers are not stored as {}", other.name()))),
        };
        Ok(Self { rows, body })
    }

    /// Number of values.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// The values of a chunk; those behind the last row are unspecified.
    pub(crate) fn chunk(&self, chunk: usize, values: &mut [U; CHUNK_ROWS]) {
        match &self.body {
            Body::Constant(constant) => constant.chunk(values),
            Body::Plain(plain) => plain.chunk(chunk, values),
        }
    }

    /// All values.
    pub(crate) fn decode(&self) -> Vec<U> {
        if let Body::Plain(plain) = &self.body {
            return plain.decode(self.rows);
        }
        let mut values = vec![U::default(); self.rows.next_multiple_of(CHUNK_ROWS)];
        for (index, chunk) in values.as_chunks_mut::<CHUNK_ROWS>().0.iter_mut().enumerate() {
            self.chunk(index, chunk);
        }
        values.truncate(self.rows);
        values
    }

    /// The values of the selected rows.
    pub(crate) fn decode_selected(&self, selection: &Selection) -> Vec<U> {
        if selection.is_all() {
            return self.decode();
        }
        let mut values = Vec::with_capacity(selection.count());
        let mut buffer = [U::default(); CHUNK_ROWS];
        for chunk in 0..self.rows.div_ceil(CHUNK_ROWS) {
            let words = selection.chunk(chunk);
            if words == [0; CHUNK_WORDS] {
                continue;
            }
            self.chunk(chunk, &mut buffer);
            for (offset, word) in words.into_iter().enumerate() {
                match word {
                    u64::MAX => values.extend_from_slice(&buffer[offset * 64..offset * 64 + 64]),
                    word => values.extend(bits(word).map(|bit| buffer[offset * 64 + bit])),
                }
            }
        }
        values
    }

    /// Keeps the selected rows whose signed value is inside one of the intervals.
    pub(crate) fn filter(&self, test: &Intervals, selection: &mut Selection) {
        match &self.body {
            Body::Constant(constant) => constant.filter(test, selection),
            Body::Plain(plain) => filter_chunks::<U>(test, selection, |chunk, values| plain.chunk(chunk, values)),
        }
    }
}

/// The general filter: opens every chunk that still has a selected row and compares.
fn filter_chunks<U: Native>(
    test: &Intervals,
    selection: &mut Selection,
    mut open: impl FnMut(usize, &mut [U; CHUNK_ROWS]),
) {
    let half = 1i128 << (U::BITS - 1);
    let ranges: Vec<(U, U)> = test
        .within(-half, half - 1)
        .into_iter()
        .map(|(low, high)| (wrap_wide(low), U::sub(wrap_wide(high), wrap_wide(low))))
        .collect();
    if ranges.is_empty() {
        *selection = Selection::none(selection.rows());
        return;
    }
    let mut buffer = [U::default(); CHUNK_ROWS];
    selection.retain_chunks(|chunk, words| {
        open(chunk, &mut buffer);
        compare_chunk(&buffer, &ranges, words);
    });
}

/// The word of a number that is known to fit.
#[expect(clippy::cast_possible_truncation, reason = "callers cut the number to the range of the word")]
pub(crate) fn wrap_wide<U: Native>(value: i128) -> U {
    U::wrap(value as i64)
}

/// Clears the bits of values outside all ranges; a range is its low end and its length, compared modulo the word.
pub(crate) fn compare_chunk<U: Native>(values: &[U; CHUNK_ROWS], ranges: &[(U, U)], words: &mut [u64; CHUNK_WORDS]) {
    for (word, values) in words.iter_mut().zip(values.as_chunks::<64>().0) {
        if *word == 0 {
            continue;
        }
        let mut passed = 0u64;
        for (low, length) in ranges {
            for (bit, value) in values.iter().enumerate() {
                passed |= u64::from(value.sub(*low).at_most(*length)) << bit;
            }
        }
        *word &= passed;
    }
}
