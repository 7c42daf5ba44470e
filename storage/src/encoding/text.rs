//! Strings and byte strings of one block: lengths on the integer path, and the text as one run.
//!
//! ```text
//! encoding: u8 │ lengths (integers) │ what that encoding writes
//! ```

use ::fsst::Compressor;
use arrow_array::ArrayRef;
use arrow_buffer::NullBuffer;
use bytes::Bytes;

use crate::encoding::Encoding;
use crate::encoding::fsst::{self, DECODE_ROOM, Fsst};
use crate::encoding::hint::Hint;
use crate::encoding::ints::{Ints, Nesting, write_nested};
use crate::encoding::matcher::Matcher;
use crate::encoding::native::CHUNK_ROWS;
use crate::encoding::section::{Section, Squeeze, compressed_length, write_section};
use crate::encoding::view::Views;
use crate::encoding::wire::{Reader, Write};
use crate::error::{Error, Result};
use crate::segment::BLOCK_BYTES_MAX;
use crate::segment::selection::{CHUNK_WORDS, Selection, bits};

/// Bytes of strings from which symbols are learned and encodings are compared.
const SAMPLE_BYTES: usize = 256 << 10;
/// Codes are compressed further where a sample shrinks to this percentage.
const CODES_PERCENT: usize = 60;
/// Compressed text decodes several times slower than symbols, so it has to be this much smaller.
const TEXT_PERCENT: usize = 50;

/// How the strings of a column are stored, decided once a segment.
pub(crate) enum TextPlan {
    /// As text, compressed or not.
    Plain(Squeeze),
    /// In symbols, the codes compressed or not.
    Fsst(Box<Compressor>, Squeeze),
}

impl TextPlan {
    /// Decides by compressing a sample both ways.
    pub(crate) fn choose(sample: Vec<&[u8]>, hint: Hint) -> Result<Self> {
        match hint {
            Hint::Plain => return Ok(Self::Plain(Squeeze::Never)),
            Hint::Lz4 => return Ok(Self::Plain(Squeeze::Lz4)),
            Hint::Zstd => return Ok(Self::Plain(Squeeze::Zstd)),
            Hint::Auto | Hint::Dictionary | Hint::Frame | Hint::Delta | Hint::RunLength => {}
        }
        let text = sample.concat();
        if text.is_empty() {
            return Ok(Self::Plain(Squeeze::Never));
        }
        let zstd = compressed_length(&text)?;
        let compressor = fsst::train(&sample);
        let codes = fsst::compress(&compressor, &sample).0;
        let squeezed = compressed_length(&codes)?;
        let worthwhile = squeezed * 100 <= codes.len() * CODES_PERCENT;
        // The table of symbols is repeated in every block.
        let symbols = if worthwhile { squeezed } else { codes.len() } + 9 * compressor.n_symbols();
        if zstd * 100 <= symbols * TEXT_PERCENT {
            return Ok(Self::Plain(Squeeze::Zstd));
        }
        if symbols * 100 > text.len() * 95 {
            return Ok(Self::Plain(Squeeze::Worthwhile(CODES_PERCENT)));
        }
        let squeeze = if worthwhile { Squeeze::Zstd } else { Squeeze::Never };
        Ok(Self::Fsst(Box::new(compressor), squeeze))
    }

    /// Every n-th string such that about [`SAMPLE_BYTES`] come together.
    pub(crate) fn sample<'a>(values: &[&'a [u8]]) -> Vec<&'a [u8]> {
        let total: usize = values.iter().map(|value| value.len()).sum();
        // Runs of neighbours, so that what repeats nearby shows.
        let every = (total / SAMPLE_BYTES).max(1);
        values.chunks(64).step_by(every).flatten().copied().collect()
    }
}

/// Strings of one block, parsed but not decoded.
#[derive(Debug, Clone)]
pub(crate) struct Text {
    lengths: Ints<u32>,
    body: Body,
}

#[derive(Debug, Clone)]
enum Body {
    Plain(Section),
    Fsst(Fsst),
}

/// Appends strings.
pub(crate) fn write_text(values: &[&[u8]], plan: &TextPlan, out: &mut Vec<u8>) -> Result<Encoding> {
    let lengths: Vec<u32> = values.iter().map(|value| u32::try_from(value.len()).unwrap_or(u32::MAX)).collect();
    let encoding = match plan {
        TextPlan::Plain(_) => Encoding::Plain,
        TextPlan::Fsst(..) => Encoding::Fsst,
    };
    out.put_u8(encoding as u8);
    write_nested(&lengths, out)?;
    match plan {
        TextPlan::Plain(squeeze) => write_section(out, &values.concat(), *squeeze)?,
        TextPlan::Fsst(compressor, squeeze) => fsst::write(compressor, values, *squeeze, out)?,
    }
    Ok(encoding)
}

impl Text {
    /// Bytes that a cache should count, apart from the encoded ones.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.lengths.memory_bytes()
    }

    /// Parses what [`write_text`] wrote for `rows` strings.
    pub(crate) fn read(reader: &mut Reader, rows: usize) -> Result<Self> {
        let encoding = Encoding::from_byte(reader.u8()?)?;
        let lengths = Ints::read(reader, rows, Nesting::Inner)?;
        let body = match encoding {
            Encoding::Plain => Body::Plain(Section::read(reader, BLOCK_BYTES_MAX)?),
            Encoding::Fsst => Body::Fsst(Fsst::read(reader, rows)?),
            other => return Err(Error::corrupt(format!("strings are not stored as {}", other.name()))),
        };
        Ok(Self { lengths, body })
    }

    /// All strings. Each chunk gets its views while its text is still in the nearest cache.
    pub(crate) fn decode(&self, utf8: bool, nulls: Option<NullBuffer>) -> Result<ArrayRef> {
        let opened = Opened::new(self)?;
        let total = opened.starts.last().copied().unwrap_or(0);
        let mut views = Views::with_capacity(opened.lengths.len());
        let mut text = match &opened.source {
            Source::Plain(section) => section.to_vec(),
            Source::Fsst(..) => Vec::with_capacity(total + DECODE_ROOM),
        };
        for (chunk, lengths) in opened.lengths.chunks(CHUNK_ROWS).enumerate() {
            if let Source::Fsst(..) = &opened.source {
                opened.append_chunk(chunk, &mut text)?;
            }
            views.extend(lengths, &text, opened.starts[chunk])?;
        }
        views.finish(text, utf8, nulls)
    }

    /// The strings of the selected rows, in a buffer of their own, so that few rows do not hold the text of a whole block.
    pub(crate) fn decode_selected(
        &self,
        selection: &Selection,
        utf8: bool,
        nulls: Option<NullBuffer>,
    ) -> Result<ArrayRef> {
        let opened = Opened::new(self)?;
        let (mut text, mut kept) = (Vec::new(), Vec::with_capacity(selection.count()));
        let mut scratch = Vec::new();
        for chunk in 0..selection.rows().div_ceil(CHUNK_ROWS) {
            let words = selection.chunk(chunk);
            if words == [0; CHUNK_WORDS] {
                continue;
            }
            scratch.clear();
            opened.append_chunk(chunk, &mut scratch)?;
            opened.each(chunk, words, |_, range| {
                kept.push(u32::try_from(range.len()).unwrap_or(u32::MAX));
                text.extend_from_slice(scratch.get(range).unwrap_or_default());
            });
        }
        let mut views = Views::with_capacity(kept.len());
        views.extend(&kept, &text, 0)?;
        text.shrink_to_fit();
        views.finish(text, utf8, nulls)
    }

    /// Keeps the selected rows whose string passes. Lengths decide first; only chunks with candidates are opened.
    pub(crate) fn filter(&self, matcher: &Matcher, selection: &mut Selection) -> Result<()> {
        let opened = Opened::new(self)?;
        let mut scratch = Vec::new();
        let mut outcome = Ok(());
        selection.retain_chunks(|chunk, words| {
            let mut candidates = [0; CHUNK_WORDS];
            opened.each(chunk, *words, |row, range| {
                if matcher.length(range.len()) {
                    candidates[row / 64] |= 1 << (row % 64);
                }
            });
            *words = candidates;
            if candidates == [0; CHUNK_WORDS] {
                return;
            }
            scratch.clear();
            if let Err(error) = opened.append_chunk(chunk, &mut scratch) {
                outcome = Err(error);
                return;
            }
            opened.each(chunk, candidates, |row, range| {
                if !matcher.bytes(scratch.get(range).unwrap_or_default()) {
                    words[row / 64] &= !(1 << (row % 64));
                }
            });
        });
        outcome
    }
}

/// Strings of a block with lengths and compression undone: chunks can be opened.
struct Opened<'a> {
    lengths: Vec<u32>,
    /// Where the text of each chunk starts, and the end.
    starts: Vec<usize>,
    source: Source<'a>,
}

enum Source<'a> {
    /// The text.
    Plain(Bytes),
    /// Symbols, and the codes.
    Fsst(&'a Fsst, Bytes),
}

impl<'a> Opened<'a> {
    fn new(text: &'a Text) -> Result<Self> {
        let lengths = text.lengths.decode();
        let total = total_length(&lengths)?;
        let mut starts = vec![0];
        let mut start = 0;
        for chunk in lengths.chunks(CHUNK_ROWS) {
            start += chunk.iter().map(|length| *length as usize).sum::<usize>();
            starts.push(start);
        }
        let source = match &text.body {
            Body::Plain(section) => {
                check_total(total, section.len())?;
                Source::Plain(section.bytes()?)
            }
            Body::Fsst(fsst) => Source::Fsst(fsst, fsst.codes()?),
        };
        Ok(Self { lengths, starts, source })
    }

    /// Appends the text of a chunk.
    fn append_chunk(&self, chunk: usize, text: &mut Vec<u8>) -> Result<()> {
        let range = self.starts[chunk]..self.starts[chunk + 1];
        match &self.source {
            Source::Plain(bytes) => {
                text.extend_from_slice(&bytes[range]);
                Ok(())
            }
            Source::Fsst(fsst, codes) => fsst.decode_chunk(codes, chunk, range.len(), text),
        }
    }

    /// Calls `see` with the row in the chunk and its place in the chunk's text, for each set bit.
    fn each(&self, chunk: usize, words: [u64; CHUNK_WORDS], mut see: impl FnMut(usize, std::ops::Range<usize>)) {
        let mut start = 0;
        let lengths = &self.lengths[(chunk * CHUNK_ROWS).min(self.lengths.len())..];
        for (offset, (word, lengths)) in words.into_iter().zip(lengths.chunks(64)).enumerate() {
            let mut at = 0;
            let mut from = start;
            for bit in bits(word) {
                from += lengths[at..bit].iter().map(|length| *length as usize).sum::<usize>();
                let end = from + lengths[bit] as usize;
                see(offset * 64 + bit, from..end);
                (at, from) = (bit + 1, end);
            }
            start += lengths.iter().map(|length| *length as usize).sum::<usize>();
        }
    }
}

/// The sum of lengths; more than a block may hold is refused before room is made for it.
fn total_length(lengths: &[u32]) -> Result<usize> {
    let total = lengths.iter().map(|length| u64::from(*length)).sum::<u64>();
    usize::try_from(total)
        .ok()
        .filter(|total| *total <= BLOCK_BYTES_MAX)
        .ok_or_else(|| Error::corrupt(format!("a block claims {total} bytes of text")))
}

fn check_total(lengths: usize, text: usize) -> Result<()> {
    if lengths != text {
        return Err(Error::corrupt("the lengths of strings do not add up to their text"));
    }
    Ok(())
}
