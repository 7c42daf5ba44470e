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
use bytes::Bytes;

use crate::encoding::kernel::{Piece, Room, append_with};
use crate::encoding::native::CHUNK_ROWS;
use crate::encoding::section::{Section, Squeeze, write_section};
use crate::encoding::wire::{Reader, Write};
use crate::error::{Error, Result};
use crate::segment::BLOCK_BYTES_MAX;

/// The code before a byte that no symbol covers.
const ESCAPE: u8 = 255;
/// Bytes of the longest symbol.
const SYMBOL_BYTES: usize = 8;
/// Room behind decoded text that lets eight whole symbols be written at once at its end.
pub(crate) const DECODE_ROOM: usize = 9 * SYMBOL_BYTES;

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
    symbols: [Piece; 256],
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
        let lengths = reader.take(count)?;
        let mut table = Table { symbols: [Piece::default(); 256] };
        for (symbol, length) in table.symbols.iter_mut().zip(lengths) {
            let piece = Piece::new(reader.u64()?, length).filter(|_| length > 0);
            *symbol = piece.ok_or_else(|| Error::corrupt("a symbol has no length of 1 to 8"))?;
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

    /// Appends the text of a chunk, which must be `length` bytes.
    pub(crate) fn decode_chunk(&self, codes: &[u8], chunk: usize, length: usize, text: &mut Vec<u8>) -> Result<()> {
        let range = self.starts[chunk] as usize..self.starts[chunk + 1] as usize;
        append_with(text, length + DECODE_ROOM, |room| self.table.decode(&codes[range], length, room))
    }

    /// The codes of all chunks.
    pub(crate) fn codes(&self) -> Result<Bytes> {
        self.codes.bytes()
    }
}

impl Table {
    /// Decodes codes; they must give exactly `length` bytes, behind which there is room for [`DECODE_ROOM`] more.
    fn decode(&self, codes: &[u8], length: usize, room: &mut Room<'_>) -> Result<()> {
        let mut rest = codes;
        while let Some((block, behind)) = rest.split_first_chunk::<8>() {
            if room.written() > length {
                break;
            }
            rest = if !has_escape(*block) && room.put(*block, |code| self.symbols[usize::from(code)]) {
                behind
            } else {
                self.decode_one(rest, room)?
            };
        }
        while !rest.is_empty() && room.written() <= length {
            rest = self.decode_one(rest, room)?;
        }
        if room.written() != length || !rest.is_empty() {
            return Err(Error::corrupt(format!("a chunk of text does not decode to its {length} bytes")));
        }
        Ok(())
    }

    /// One symbol or escaped byte; answers the codes behind it.
    fn decode_one<'a>(&self, codes: &'a [u8], room: &mut Room<'_>) -> Result<&'a [u8]> {
        let (piece, rest) = match codes {
            [ESCAPE, byte, rest @ ..] => (Piece::byte(*byte), rest),
            [ESCAPE] => return Err(Error::corrupt("a block of text ends within an escape")),
            [code, rest @ ..] => (self.symbols[usize::from(*code)], rest),
            [] => return Ok(codes),
        };
        if room.put([0], |_| piece) {
            return Ok(rest);
        }
        Err(Error::corrupt("a block of text decodes to more than its length"))
    }
}

/// Whether one of eight codes is [`ESCAPE`].
fn has_escape(codes: [u8; 8]) -> bool {
    // The usual test for a zero byte, on the complement.
    let word = !u64::from_le_bytes(codes);
    word.wrapping_sub(0x0101_0101_0101_0101) & !word & 0x8080_8080_8080_8080 != 0
}
