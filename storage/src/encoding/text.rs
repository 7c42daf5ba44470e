//! Strings and byte strings of one block: lengths on the integer path, and the text as one run.
//!
//! ```text
//! encoding: u8 │ lengths (integers) │ what that encoding writes
//! ```

use arrow_array::ArrayRef;
use arrow_buffer::NullBuffer;

use crate::encoding::Encoding;
use crate::encoding::ints::{Ints, write_ints};
use crate::encoding::matcher::Matcher;
use crate::encoding::section::{Section, Squeeze, write_section};
use crate::encoding::view::{VIEW_PADDING, Views};
use crate::encoding::wire::{Reader, Write};
use crate::error::{Error, Result};
use crate::segment::BLOCK_BYTES_MAX;
use crate::segment::selection::Selection;

/// Strings of one block, parsed but not decoded.
#[derive(Debug, Clone)]
pub(crate) struct Text {
    lengths: Ints<u32>,
    body: Section,
}

/// Appends strings.
pub(crate) fn write_text(values: &[&[u8]], out: &mut Vec<u8>) -> Result<Encoding> {
    let lengths: Vec<u32> = values.iter().map(|value| u32::try_from(value.len()).unwrap_or(u32::MAX)).collect();
    out.put_u8(Encoding::Plain as u8);
    write_ints(&lengths, out)?;
    write_section(out, &values.concat(), Squeeze::Zstd)?;
    Ok(Encoding::Plain)
}

impl Text {
    /// Parses what [`write_text`] wrote for `rows` strings.
    pub(crate) fn read(reader: &mut Reader, rows: usize) -> Result<Self> {
        match Encoding::from_byte(reader.u8()?)? {
            Encoding::Plain => {}
            other => return Err(Error::corrupt(format!("strings are not stored as {}", other.name()))),
        }
        let lengths = Ints::read(reader, rows)?;
        Ok(Self { lengths, body: Section::read(reader, BLOCK_BYTES_MAX)? })
    }

    /// All strings.
    pub(crate) fn decode(&self, utf8: bool, nulls: Option<NullBuffer>) -> Result<ArrayRef> {
        let lengths = self.lengths.decode();
        let text = self.body.padded(VIEW_PADDING)?;
        check_total(&lengths, self.body.len())?;
        let mut views = Views::with_capacity(lengths.len());
        views.extend(&lengths, &text, 0)?;
        views.finish(text, self.body.len(), utf8, nulls)
    }

    /// The strings of the selected rows.
    pub(crate) fn decode_selected(&self, selection: &Selection, utf8: bool, nulls: Option<NullBuffer>) -> Result<ArrayRef> {
        let all = self.decode(utf8, None)?;
        let rows: Vec<u32> = selection.iter().map(|row| u32::try_from(row).unwrap_or(u32::MAX)).collect();
        crate::encoding::view::gather(&all, &rows, nulls)
    }

    /// Keeps the selected rows whose string passes.
    pub(crate) fn filter(&self, matcher: &Matcher, selection: &mut Selection) -> Result<()> {
        let lengths = self.lengths.decode();
        let text = self.body.bytes()?;
        check_total(&lengths, text.len())?;
        let mut offset = 0;
        let offsets: Vec<usize> = lengths.iter().map(|length| { let start = offset; offset += *length as usize; start }).collect();
        selection.retain(|row| matcher.bytes(&text[offsets[row]..offsets[row] + lengths[row] as usize]));
        Ok(())
    }
}

fn check_total(lengths: &[u32], total: usize) -> Result<()> {
    if lengths.iter().map(|length| u64::from(*length)).sum::<u64>() != total as u64 {
        return Err(Error::corrupt("the lengths of strings do not add up to their text"));
    }
    Ok(())
}
