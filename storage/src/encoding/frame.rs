//! Frame of reference: each chunk of 1024 values keeps its least value, and every value its distance to that, divided by
//! the greatest step that all distances of the block share, bit-packed in the width that the chunk needs.
//!
//! The step makes amounts in whole units (scale 2, so multiples of 100) and timestamps in whole seconds small.
//!
//! ```text
//! step: u64 │ width: u8 per chunk │ base: word per chunk │ section: packed words, chunk after chunk
//! ```

use bytes::Bytes;

use crate::encoding::ints::{compare_chunk, wrap_wide};
use crate::encoding::kernel::packed_words;
use crate::encoding::matcher::Intervals;
use crate::encoding::native::{CHUNK_ROWS, Native, pad_chunk};
use crate::encoding::section::{Section, Squeeze, write_section};
use crate::encoding::wire::{Reader, Write};
use crate::error::{Error, Result};
use crate::segment::selection::{CHUNK_WORDS, Selection};

/// Packed integers.
#[derive(Debug, Clone)]
pub(crate) struct Frame<U> {
    step: u64,
    chunks: Vec<Chunk<U>>,
    packed: Bytes,
}

/// Where a chunk is and how it is packed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chunk<U> {
    pub(super) width: usize,
    pub(super) base: U,
    /// First byte in the packed section.
    pub(super) start: usize,
}

/// Least value and width of each chunk, as [`Frame::write`] packs them.
pub(crate) fn plan<U: Native>(values: &[U], step: u64) -> Vec<(U, usize)> {
    values
        .chunks(CHUNK_ROWS)
        .map(|chunk| {
            let (least, most) = extremes(chunk);
            (least, bit_width(most.sub(least).bits() / step))
        })
        .collect()
}

/// Bytes that a plan takes.
pub(crate) fn estimate<U: Native>(plan: &[(U, usize)]) -> usize {
    17 + plan.iter().map(|(_, width)| 1 + U::BYTES + CHUNK_ROWS / 8 * width).sum::<usize>()
}

/// Least and greatest value, as signed numbers.
pub(crate) fn extremes<U: Native>(values: &[U]) -> (U, U) {
    let first = values.first().map_or(0, |value| value.signed());
    let (least, most) = values
        .iter()
        .fold((first, first), |(least, most), value| (least.min(value.signed()), most.max(value.signed())));
    (U::wrap(least), U::wrap(most))
}

/// Bits that a number takes.
pub(crate) fn bit_width(most: u64) -> usize {
    (u64::BITS - most.leading_zeros()) as usize
}

/// The greatest number that divides every distance to `least`; 1 where all values are equal.
pub(crate) fn common_step<U: Native>(values: &[U], least: U) -> u64 {
    let mut step = 0;
    for value in values {
        let mut distance = value.sub(least).bits();
        if step != 0 {
            distance %= step;
        }
        while distance != 0 {
            (step, distance) = (distance, step % distance);
        }
        if step == 1 {
            break;
        }
    }
    step.max(1)
}

/// Appends values by a plan.
pub(crate) fn write<U: Native>(
    values: &[U],
    step: u64,
    plan: &[(U, usize)],
    squeeze: Squeeze,
    out: &mut Vec<u8>,
) -> Result<()> {
    out.put_u64(step);
    out.extend(plan.iter().map(|(_, width)| u8::try_from(*width).unwrap_or(u8::MAX)));
    plan.iter().for_each(|(base, _)| U::write_words(&[*base], out));
    let mut bytes = Vec::new();
    let mut packed = [U::default(); CHUNK_ROWS];
    for (chunk, (base, width)) in values.chunks(CHUNK_ROWS).zip(plan) {
        let mut codes = pad_chunk(chunk, *base);
        for code in &mut codes {
            let distance = code.sub(*base);
            *code = if step == 1 { distance } else { U::from_bits(distance.bits() / step) };
        }
        let words = packed_words::<U>(*width);
        U::pack(*width, &codes, &mut packed[..words]);
        U::write_words(&packed[..words], &mut bytes);
    }
    write_section(out, &bytes, squeeze)
}

/// Parses widths and bases of the chunks of `rows` values, and the packed section behind them.
///
/// `extra` takes further words, one per chunk, that lie between the bases and the section; empty where there are none.
pub(super) fn read_chunks<U: Native>(
    reader: &mut Reader,
    rows: usize,
    extra: &mut [U],
) -> Result<(Vec<Chunk<U>>, Bytes)> {
    let count = rows.div_ceil(CHUNK_ROWS);
    let widths = reader.take(count)?;
    if widths.iter().any(|width| usize::from(*width) > U::BITS) {
        return Err(Error::corrupt("packed integers are wider than their type"));
    }
    let mut bases = vec![U::default(); count];
    U::read_words(&reader.take(count * U::BYTES)?, &mut bases);
    if !extra.is_empty() {
        U::read_words(&reader.take(count * U::BYTES)?, extra);
    }
    let mut start = 0;
    let chunks = widths
        .iter()
        .zip(bases)
        .map(|(width, base)| {
            let chunk = Chunk { width: usize::from(*width), base, start };
            start += CHUNK_ROWS / 8 * chunk.width;
            chunk
        })
        .collect();
    let packed = Section::read(reader, start)?;
    if packed.len() != start {
        return Err(Error::corrupt("packed integers have another length than their widths say"));
    }
    Ok((chunks, packed.bytes()?))
}

/// A step stretches no chunk beyond the range of its words.
pub(super) fn check_step<U: Native>(step: u64, chunks: &[Chunk<U>]) -> Result<()> {
    let widest = chunks.iter().map(|chunk| chunk.width).max().unwrap_or(0);
    // The greatest code of a width is less than twice the greatest that was packed.
    if step == 0 || (u128::from(step) << widest) > 1 << (U::BITS + 1) {
        return Err(Error::corrupt(format!("packed integers of {widest} bits have a step of {step}")));
    }
    Ok(())
}

impl<U: Native> Chunk<U> {
    /// Unpacks the chunk, adding `base` to each value.
    pub(super) fn unpack(&self, packed: &Bytes, base: U, values: &mut [U; CHUNK_ROWS]) {
        U::unpack(self.width, &packed[self.start..self.start + CHUNK_ROWS / 8 * self.width], base, values);
    }
}

impl<U: Native> Frame<U> {
    /// Bytes that a cache should count: what was compressed lies here decompressed.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.packed.len() + self.chunks.len() * size_of::<Chunk<U>>()
    }

    /// Parses what [`write`] wrote for `rows` values.
    pub(crate) fn read(reader: &mut Reader, rows: usize) -> Result<Self> {
        let step = reader.u64()?;
        let (chunks, packed) = read_chunks::<U>(reader, rows, &mut [])?;
        check_step(step, &chunks)?;
        Ok(Self { step, chunks, packed })
    }

    /// The values of a chunk.
    pub(crate) fn chunk(&self, index: usize, values: &mut [U; CHUNK_ROWS]) {
        let chunk = &self.chunks[index];
        if self.step == 1 {
            return chunk.unpack(&self.packed, chunk.base, values);
        }
        chunk.unpack(&self.packed, U::default(), values);
        let step = U::from_bits(self.step);
        for value in values.iter_mut() {
            *value = value.mul(step).add(chunk.base);
        }
    }

    /// Compares on packed codes: per chunk the intervals are moved into the chunk's frame, which often decides it unopened.
    pub(crate) fn filter(&self, test: &Intervals, selection: &mut Selection) {
        let mut codes = [U::default(); CHUNK_ROWS];
        selection.retain_chunks(|index, words| {
            let chunk = &self.chunks[index];
            let most = if chunk.width == 0 { 0 } else { u64::MAX >> (u64::BITS as usize - chunk.width) };
            let (base, step) = (i128::from(chunk.base.signed()), i128::from(self.step));
            let ranges: Vec<(u64, u64)> = test
                .within(base, base + i128::from(most) * step)
                .into_iter()
                .filter_map(|(low, high)| {
                    let low = u64::try_from((low - base + step - 1) / step).ok()?;
                    let high = u64::try_from((high - base) / step).ok()?;
                    (low <= high).then_some((low, high))
                })
                .collect();
            match ranges.as_slice() {
                [] => *words = [0; CHUNK_WORDS],
                [(0, high)] if *high == most => {}
                _ => {
                    let ranges: Vec<(U, U)> = ranges
                        .iter()
                        .map(|(low, high)| (U::from_bits(*low), wrap_wide(i128::from(high - low))))
                        .collect();
                    chunk.unpack(&self.packed, U::default(), &mut codes);
                    compare_chunk(&codes, &ranges, words);
                }
            }
        });
    }
}
