//! Delta: each chunk of 1024 values keeps its first value, and every further value its distance to the one before, as a
//! frame of reference of its own. For sorted and slowly moving integers.
//!
//! ```text
//! step: u64 │ width: u8 per chunk │ least delta: word per chunk │ first value: word per chunk │ section: packed words
//! ```

use bytes::Bytes;

use crate::encoding::frame::{self, Chunk};
use crate::encoding::kernel::packed_words;
use crate::encoding::native::{CHUNK_ROWS, Native, pad_chunk};
use crate::encoding::section::{Squeeze, write_section};
use crate::encoding::wire::{Reader, Write};
use crate::error::Result;

/// Integers as distances.
#[derive(Debug, Clone)]
pub(crate) struct Delta<U> {
    step: u64,
    chunks: Vec<Chunk<U>>,
    firsts: Vec<U>,
    packed: Bytes,
}

/// The distances of a chunk but for its first value; empty for one value.
fn deltas<U: Native>(chunk: &[U]) -> impl Iterator<Item = U> + '_ {
    chunk.windows(2).map(|pair| pair[1].sub(pair[0]))
}

/// Least delta and width of each chunk, and the step that all deltas share.
pub(crate) fn plan<U: Native>(values: &[U]) -> (u64, Vec<(U, usize)>) {
    let all: Vec<Vec<U>> = values.chunks(CHUNK_ROWS).map(|chunk| deltas(chunk).collect()).collect();
    let bases: Vec<U> = all.iter().map(|deltas| frame::extremes(deltas).0).collect();
    let mut step = 0u64;
    for (deltas, base) in all.iter().zip(&bases) {
        let shared = frame::common_step(deltas, *base);
        // A chunk of equal deltas reports 1 without meaning it.
        if deltas.iter().any(|delta| delta != base) {
            step = if step == 0 { shared } else { common_divisor(step, shared) };
        }
        if step == 1 {
            break;
        }
    }
    let step = step.max(1);
    let plan = all
        .iter()
        .zip(bases)
        .map(|(deltas, base)| (base, frame::bit_width(frame::extremes(deltas).1.sub(base).bits() / step)))
        .collect();
    (step, plan)
}

fn common_divisor(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// Bytes that a plan takes.
pub(crate) fn estimate<U: Native>(plan: &[(U, usize)]) -> usize {
    frame::estimate(plan) + plan.len() * U::BYTES
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
    values.chunks(CHUNK_ROWS).for_each(|chunk| U::write_words(&chunk[..1], out));
    let mut bytes = Vec::new();
    let mut packed = [U::default(); CHUNK_ROWS];
    for (chunk, (base, width)) in values.chunks(CHUNK_ROWS).zip(plan) {
        // The first value has no delta: its place holds the base, which packs to 0.
        let shifted: Vec<U> = std::iter::once(*base).chain(deltas(chunk)).collect();
        let mut codes = pad_chunk(&shifted, *base);
        for code in &mut codes {
            *code = U::from_bits(code.sub(*base).bits() / step);
        }
        let words = packed_words::<U>(*width);
        U::pack(*width, &codes, &mut packed[..words]);
        U::write_words(&packed[..words], &mut bytes);
    }
    write_section(out, &bytes, squeeze)
}

impl<U: Native> Delta<U> {
    /// Bytes that a cache should count: what was compressed lies here decompressed.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.packed.len() + self.chunks.len() * size_of::<Chunk<U>>()
    }

    /// Parses what [`write`] wrote for `rows` values.
    pub(crate) fn read(reader: &mut Reader, rows: usize) -> Result<Self> {
        let step = reader.u64()?;
        let mut firsts = vec![U::default(); rows.div_ceil(CHUNK_ROWS)];
        let (chunks, packed) = frame::read_chunks(reader, rows, &mut firsts)?;
        frame::check_step(step, &chunks)?;
        Ok(Self { step, chunks, firsts, packed })
    }

    /// The values of a chunk.
    pub(crate) fn chunk(&self, index: usize, values: &mut [U; CHUNK_ROWS]) {
        let chunk = &self.chunks[index];
        if self.step == 1 {
            chunk.unpack(&self.packed, chunk.base, values);
        } else {
            chunk.unpack(&self.packed, U::default(), values);
            let step = U::from_bits(self.step);
            for value in values.iter_mut() {
                *value = value.mul(step).add(chunk.base);
            }
        }
        let mut sum = self.firsts[index];
        values[0] = sum;
        for value in &mut values[1..] {
            sum = sum.add(*value);
            *value = sum;
        }
    }
}
