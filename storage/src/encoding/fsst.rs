//! FSST: text as one-byte codes of up to 255 frequent symbols of 1 to 8 bytes (crate `fsst-rs` trains and compresses).
//!
//! The code stream of 1024 strings can be opened alone, because where each chunk starts is kept; ZSTD over the codes
//! then shrinks them further at a fraction of what it would cost over the text, as there are about a third of the bytes.
//!
//! ```text
//! symbols: u8 │ length: u8 per symbol │ symbol: u64 each │ start of each chunk's codes: u32 │ section: codes
//! ```
//!
//! Decoding is our own: the crate's decoder panics on damaged codes.

use std::sync::Arc;

use ::fsst::Compressor;

use crate::encoding::native::CHUNK_ROWS;
use crate::encoding::section::{Section, Squeeze, write_section};
use crate::encoding::wire::{Reader, Write};
use crate::error::{Error, Result};
use crate::segment::BLOCK_BYTES_MAX;

/// The code before a byte that no symbol covers.
const ESCAPE: u8 = 255;
/// Bytes of the longest symbol.
const SYMBOL_BYTES: usize = 8;
/// Bytes that must follow the room for decoded text, so that whole symbols can be written at its end.
pub(crate) const DECODE_PADDING: usize = 8 * SYMBOL_BYTES;

/// Text in symbols.
#[derive(Debug, Clone)]
pub(crate) struct Fsst {
    table: Arc<Table>,
    /// First code of each chunk, and the number of codes.
    starts: Vec<u32>,
    codes: Section,
}

/// Symbols by code; codes without a symbol have length 0.
#[derive(Debug)]
struct Table {
    symbols: [u64; 256],
    lengths: [u8; 256],
}

/// Learns symbols from sample strings.
pub(crate) fn train(sample: &Vec<&[u8]>) -> Compressor {
    Compressor::train(sample)
}

/// Codes of strings, one after another.
pub(crate) fn compress(compressor: &Compressor, values: &[&[u8]]) -> (Vec<u8>, Vec<u64>) {
    let (mut codes, mut ends) = (Vec::new(), Vec::with_capacity(values.len()));
    compressor.compress_bulk_into::<{ Compressor::DEFAULT_BULK_LANES }>(values, &mut codes, &mut ends);
    (codes, ends)
}

/// Appends strings.
pub(crate) fn write(compressor: &Compressor, values: &[&[u8]], squeeze: Squeeze, out: &mut Vec<u8>) -> Result<()> {
    let symbols = compressor.symbol_table();
    out.put_u8(u8::try_from(symbols.len()).unwrap_or(ESCAPE));
    out.extend_from_slice(compressor.symbol_lengths());
    symbols.iter().for_each(|symbol| out.put_u64(symbol.to_u64()));
    let (codes, ends) = compress(compressor, values);
    for chunk in 0..values.len().div_ceil(CHUNK_ROWS) {
        let start = (chunk * CHUNK_ROWS).checked_sub(1).map_or(0, |before| ends[before]);
        out.put_count(usize::try_from(start).unwrap_or(usize::MAX));
    }
    write_section(out, &codes, squeeze)
}

impl Fsst {
    /// Parses what [`write`] wrote for `rows` strings.
    pub(crate) fn read(reader: &mut Reader, rows: usize) -> Result<Self> {
        let count = usize::from(reader.u8()?);
        let mut table = Table { symbols: [0; 256], lengths: [0; 256] };
        table.lengths[..count].copy_from_slice(&reader.take(count)?);
        if table.lengths[..count].iter().any(|length| !(1..=SYMBOL_BYTES).contains(&usize::from(*length))) {
            return Err(Error::corrupt("a symbol has no length of 1 to 8"));
        }
        for symbol in &mut table.symbols[..count] {
            *symbol = reader.u64()?;
        }
        let mut starts = Vec::with_capacity(rows.div_ceil(CHUNK_ROWS) + 1);
        for _ in 0..rows.div_ceil(CHUNK_ROWS) {
            starts.push(reader.u32()?);
        }
        let codes = Section::read(reader, 2 * BLOCK_BYTES_MAX)?;
        starts.push(u32::try_from(codes.len()).unwrap_or(u32::MAX));
        if !starts.is_sorted() || starts[0] != 0 {
            return Err(Error::corrupt("the chunks of a block of text are out of order"));
        }
        Ok(Self { table: Arc::new(table), starts, codes })
    }

    /// Decodes everything into `text`, of which the last [`DECODE_PADDING`] bytes are scratch.
    pub(crate) fn decode(&self, text: &mut [u8]) -> Result<()> {
        self.table.decode(&self.codes.bytes()?, text)
    }

    /// Decodes a chunk into `text`, of which the last [`DECODE_PADDING`] bytes are scratch.
    pub(crate) fn decode_chunk(&self, chunk: usize, text: &mut [u8]) -> Result<()> {
        let codes = self.codes.bytes()?;
        let range = self.starts[chunk] as usize..self.starts[chunk + 1] as usize;
        self.table.decode(&codes[range], text)
    }
}

impl Table {
    /// Decodes codes; they must give exactly `text.len() - DECODE_PADDING` bytes.
    fn decode(&self, codes: &[u8], text: &mut [u8]) -> Result<()> {
        let length = text.len() - DECODE_PADDING;
        let mut written = 0;
        let mut rest = codes;
        while let Some((block, behind)) = rest.split_first_chunk::<8>() {
            // Eight codes give at most 64 bytes; beyond the text there is only room for that once.
            let Some(window) = text.get_mut(written..).and_then(|text| text.first_chunk_mut::<DECODE_PADDING>()) else {
                return Err(Error::corrupt("a block of text decodes to more than its length"));
            };
            if has_escape(*block) {
                let (used, grown) = self.decode_escaped(rest, window)?;
                rest = &rest[used..];
                written += grown;
            } else {
                written += self.decode_eight(*block, window);
                rest = behind;
            }
        }
        while !rest.is_empty() {
            let Some(window) = text.get_mut(written..).and_then(|text| text.first_chunk_mut::<DECODE_PADDING>()) else {
                return Err(Error::corrupt("a block of text decodes to more than its length"));
            };
            let (used, grown) = self.decode_escaped(rest, window)?;
            rest = &rest[used..];
            written += grown;
        }
        if written != length {
            return Err(Error::corrupt(format!("a block of text decodes to {written} bytes of {length}")));
        }
        Ok(())
    }

    /// Eight symbols.
    #[inline(always)]
    fn decode_eight(&self, codes: [u8; 8], window: &mut [u8; DECODE_PADDING]) -> usize {
        let mut at = 0;
        for code in codes {
            // At most 7 symbols of 8 bytes lie before, so the eight bytes are always inside.
            if let Some(place) = window.get_mut(at..).and_then(|rest| rest.first_chunk_mut::<8>()) {
                *place = self.symbols[usize::from(code)].to_le_bytes();
            }
            at += usize::from(self.lengths[usize::from(code)]);
        }
        at
    }

    /// One symbol or escaped byte: how many codes it took and how many bytes it gave.
    fn decode_escaped(&self, codes: &[u8], window: &mut [u8; DECODE_PADDING]) -> Result<(usize, usize)> {
        match codes {
            [ESCAPE, byte, ..] => {
                window[0] = *byte;
                Ok((2, 1))
            }
            [ESCAPE] => Err(Error::corrupt("a block of text ends within an escape")),
            [code, ..] => {
                window[..8].copy_from_slice(&self.symbols[usize::from(*code)].to_le_bytes());
                Ok((1, usize::from(self.lengths[usize::from(*code)])))
            }
            [] => Ok((0, 0)),
        }
    }
}

/// Whether one of eight codes is [`ESCAPE`].
fn has_escape(codes: [u8; 8]) -> bool {
    // The usual test for a zero byte, on the complement.
    let word = !u64::from_le_bytes(codes);
    word.wrapping_sub(0x0101_0101_0101_0101) & !word & 0x8080_8080_8080_8080 != 0
}
