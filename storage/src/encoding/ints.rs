//! The one integer path: dates, times, timestamps, decimals, dictionary codes, lengths and the bits of floats are all
//! integers of 16, 32 or 64 bits, stored in whichever encoding takes the fewest bytes.
//!
//! ```text
//! encoding: u8 │ what that encoding writes
//! ```

use crate::encoding::Encoding;
use crate::encoding::constant::Constant;
use crate::encoding::delta::{self, Delta};
use crate::encoding::frame::{self, Frame};
use crate::encoding::hint::Hint;
use crate::encoding::matcher::Intervals;
use crate::encoding::native::{CHUNK_ROWS, Native};
use crate::encoding::plain::Plain;
use crate::encoding::run_length::{self, RunLength};
use crate::encoding::section::{Squeeze, sample_percent};
use crate::encoding::wire::{Reader, Write};
use crate::error::{Error, Result};
use crate::segment::selection::{CHUNK_WORDS, Selection, bits};

/// Packed integers are compressed further where a sample shrinks to this percentage.
const PACKED_PERCENT: usize = 70;
/// Plain integers are compressed where a sample shrinks to this percentage.
const PLAIN_PERCENT: usize = 90;

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
    RunLength(RunLength<U>),
    Frame(Frame<U>),
    Delta(Delta<U>),
}

/// Whether integers are those of a block or parts of another encoding, which may not nest further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Nesting {
    /// Of a block.
    Outer,
    /// Of an encoding.
    Inner,
}

/// A chosen encoding and what choosing found out.
enum Choice<U> {
    Constant(U),
    Plain(Squeeze),
    RunLength,
    Frame(u64, Vec<(U, usize)>),
    Delta(u64, Vec<(U, usize)>),
}

/// Appends `values` in the encoding that takes the fewest bytes, or in the one asked for where it can hold them.
pub(crate) fn write_ints<U: Native>(values: &[U], hint: Hint, out: &mut Vec<u8>) -> Result<Encoding> {
    write_choice(values, choose(values, hint, Nesting::Outer)?, out)
}

/// [`write_ints`] for the parts of another encoding.
pub(crate) fn write_nested<U: Native>(values: &[U], out: &mut Vec<u8>) -> Result<Encoding> {
    write_choice(values, choose(values, Hint::Auto, Nesting::Inner)?, out)
}

fn write_choice<U: Native>(values: &[U], choice: Choice<U>, out: &mut Vec<u8>) -> Result<Encoding> {
    let encoding = match &choice {
        Choice::Constant(_) => Encoding::Constant,
        Choice::Plain(_) => Encoding::Plain,
        Choice::RunLength => Encoding::RunLength,
        Choice::Frame(..) => Encoding::Frame,
        Choice::Delta(..) => Encoding::Delta,
    };
    out.put_u8(encoding as u8);
    let squeeze = Squeeze::Worthwhile(PACKED_PERCENT);
    match choice {
        Choice::Constant(value) => Constant::write(value, out),
        Choice::Plain(squeeze) => Plain::write(values, squeeze, out)?,
        Choice::RunLength => run_length::write(values, out)?,
        Choice::Frame(step, plan) => frame::write(values, step, &plan, squeeze, out)?,
        Choice::Delta(step, plan) => delta::write(values, step, &plan, squeeze, out)?,
    }
    Ok(encoding)
}

/// Chooses by size; an encoding that decodes slower has to win clearly.
fn choose<U: Native>(values: &[U], hint: Hint, nesting: Nesting) -> Result<Choice<U>> {
    let (least, most) = frame::extremes(values);
    match hint {
        Hint::Plain => return Ok(Choice::Plain(Squeeze::Never)),
        Hint::Lz4 => return Ok(Choice::Plain(Squeeze::Lz4)),
        Hint::Zstd => return Ok(Choice::Plain(Squeeze::Zstd)),
        _ if Constant::estimate(least, most).is_some() => return Ok(Choice::Constant(least)),
        Hint::RunLength if nesting == Nesting::Outer => return Ok(Choice::RunLength),
        Hint::Delta => {
            let (step, plan) = delta::plan(values);
            return Ok(Choice::Delta(step, plan));
        }
        _ => {}
    }
    let step = frame::common_step(values, least);
    let frame_plan = frame::plan(values, step);
    let frame_bytes = frame::estimate(&frame_plan);
    if hint == Hint::Frame {
        return Ok(Choice::Frame(step, frame_plan));
    }
    let runs = run_length::runs(values);
    let width = frame::bit_width(most.sub(least).bits() / step);
    if nesting == Nesting::Outer && run_length::estimate::<U>(runs, width) * 10 < frame_bytes * 8 {
        return Ok(Choice::RunLength);
    }
    let (delta_step, delta_plan) = delta::plan(values);
    let delta_bytes = delta::estimate(&delta_plan);
    let (best, packed) = if delta_bytes * 10 < frame_bytes * 9 {
        (delta_bytes, Choice::Delta(delta_step, delta_plan))
    } else {
        (frame_bytes, Choice::Frame(step, frame_plan))
    };
    let plain = Plain::estimate::<U>(values.len());
    // Only where packing gains little is general compression worth a try: it decodes several times slower.
    if best * 10 > plain * 6 {
        let percent = sample_percent(|out| U::write_words(sample(values), out))?;
        if plain * percent / 100 * 10 < best * 9 {
            return Ok(Choice::Plain(Squeeze::Worthwhile(PLAIN_PERCENT)));
        }
    }
    Ok(if plain <= best { Choice::Plain(Squeeze::Worthwhile(PLAIN_PERCENT)) } else { packed })
}

/// Values from the middle.
fn sample<U: Native>(values: &[U]) -> &[U] {
    let length = values.len().min(2 * CHUNK_ROWS);
    let start = (values.len() - length) / 2;
    &values[start..start + length]
}

impl<U: Native> Ints<U> {
    /// Parses what [`write_ints`] wrote for `rows` values.
    pub(crate) fn read(reader: &mut Reader, rows: usize, nesting: Nesting) -> Result<Self> {
        let body = match Encoding::from_byte(reader.u8()?)? {
            Encoding::Constant => Body::Constant(Constant::read(reader)?),
            Encoding::Plain => Body::Plain(Plain::read(reader, rows, U::BYTES)?),
            Encoding::RunLength if nesting == Nesting::Outer => Body::RunLength(RunLength::read(reader, rows)?),
            Encoding::Frame => Body::Frame(Frame::read(reader, rows)?),
            Encoding::Delta => Body::Delta(Delta::read(reader, rows)?),
            other => return Err(Error::corrupt(format!("integers are not stored as {} here", other.name()))),
        };
        Ok(Self { rows, body })
    }

    /// Number of values.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// Bytes that a cache should count, apart from the encoded ones.
    pub(crate) fn memory_bytes(&self) -> usize {
        match &self.body {
            Body::Constant(_) => 0,
            Body::Plain(plain) => plain.memory_bytes(),
            Body::RunLength(runs) => runs.memory_bytes(),
            Body::Frame(frame) => frame.memory_bytes(),
            Body::Delta(delta) => delta.memory_bytes(),
        }
    }

    /// The values of a chunk; those behind the last row are unspecified.
    pub(crate) fn chunk(&self, chunk: usize, values: &mut [U; CHUNK_ROWS]) {
        match &self.body {
            Body::Constant(constant) => constant.chunk(values),
            Body::Plain(plain) => plain.chunk(chunk, values),
            Body::RunLength(runs) => runs.chunk(chunk, values),
            Body::Frame(frame) => frame.chunk(chunk, values),
            Body::Delta(delta) => delta.chunk(chunk, values),
        }
    }

    /// All values.
    pub(crate) fn decode(&self) -> Vec<U> {
        if let Body::Plain(plain) = &self.body {
            return plain.decode(self.rows);
        }
        let mut values = Vec::with_capacity(self.rows);
        self.each_chunk(|chunk| values.extend_from_slice(chunk));
        values
    }

    /// Opens all chunks one after another.
    pub(crate) fn each_chunk(&self, mut see: impl FnMut(&[U])) {
        let mut buffer = [U::default(); CHUNK_ROWS];
        for chunk in 0..self.rows.div_ceil(CHUNK_ROWS) {
            self.chunk(chunk, &mut buffer);
            see(&buffer[..(self.rows - chunk * CHUNK_ROWS).min(CHUNK_ROWS)]);
        }
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
            Body::RunLength(runs) => runs.filter(test, selection),
            Body::Frame(frame) => frame.filter(test, selection),
            Body::Plain(plain) => filter_chunks::<U>(test, selection, |chunk, values| plain.chunk(chunk, values)),
            Body::Delta(delta) => filter_chunks::<U>(test, selection, |chunk, values| delta.chunk(chunk, values)),
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

/// From this many ranges on, values are looked up instead of compared with each.
const RANGES_COMPARED_MAX: usize = 8;

/// Clears the bits of values outside all ranges; a range is its low end and its length, compared modulo the word.
/// Ranges are disjoint and ascend by their low end, as unsigned words or as signed ones.
pub(crate) fn compare_chunk<U: Native>(values: &[U; CHUNK_ROWS], ranges: &[(U, U)], words: &mut [u64; CHUNK_WORDS]) {
    for (word, values) in words.iter_mut().zip(values.as_chunks::<64>().0) {
        if *word == 0 {
            continue;
        }
        let mut passed = 0u64;
        if ranges.len() <= RANGES_COMPARED_MAX {
            for (low, length) in ranges {
                for (bit, value) in values.iter().enumerate() {
                    passed |= u64::from(value.sub(*low).at_most(*length)) << bit;
                }
            }
        } else {
            // Distances from the first low end ascend whichever way the words are signed.
            let first = ranges[0].0;
            for bit in bits(*word) {
                let distance = values[bit].sub(first);
                let after = ranges.partition_point(|(low, _)| low.sub(first).at_most(distance));
                let inside =
                    after.checked_sub(1).is_some_and(|range| values[bit].sub(ranges[range].0).at_most(ranges[range].1));
                passed |= u64::from(inside) << bit;
            }
        }
        *word &= passed;
    }
}
