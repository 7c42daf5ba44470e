//! Which rows of a block are null.
//!
//! ```text
//! kind: u8 (0 no nulls, 1 all null, 2 bitmap) │ for a bitmap a section: one bit a row, 1 = value, low bit first
//! ```

use arrow_buffer::{BooleanBuffer, Buffer, NullBuffer};

use crate::encoding::section::{Section, Squeeze, write_section};
use crate::encoding::wire::{Reader, Write};
use crate::error::{Error, Result};

/// The nulls of a block.
#[derive(Debug, Clone)]
pub(crate) enum Validity {
    /// Every row has a value.
    Valid,
    /// No row has a value; no values are stored.
    Null,
    /// One bit a row.
    Mixed(NullBuffer),
}

impl Validity {
    /// Appends the nulls of an array.
    pub(crate) fn write(nulls: Option<&NullBuffer>, out: &mut Vec<u8>) -> Result<()> {
        match nulls {
            None => out.put_u8(0),
            Some(nulls) if nulls.null_count() == 0 => out.put_u8(0),
            Some(nulls) if nulls.null_count() == nulls.len() => out.put_u8(1),
            Some(nulls) => {
                out.put_u8(2);
                write_section(out, &bitmap_bytes(nulls.inner()), Squeeze::Worthwhile(90))?;
            }
        }
        Ok(())
    }

    /// Parses what [`Validity::write`] wrote for `rows` rows.
    pub(crate) fn read(reader: &mut Reader, rows: usize) -> Result<Self> {
        match reader.u8()? {
            0 => Ok(Self::Valid),
            1 => Ok(Self::Null),
            2 => Ok(Self::Mixed(NullBuffer::new(read_bitmap(reader, rows)?))),
            other => Err(Error::corrupt(format!("a block names validity {other}"))),
        }
    }
}

/// The bits of a buffer from bit 0 of byte 0, the last byte filled up with zeros.
pub(crate) fn bitmap_bytes(buffer: &BooleanBuffer) -> Vec<u8> {
    let mut bytes: Vec<u8> = buffer.bit_chunks().iter_padded().flat_map(u64::to_le_bytes).collect();
    bytes.truncate(buffer.len().div_ceil(8));
    bytes
}

/// Parses a section that holds one bit a row.
pub(crate) fn read_bitmap(reader: &mut Reader, rows: usize) -> Result<BooleanBuffer> {
    let section = Section::read(reader, rows.div_ceil(8))?;
    if section.len() != rows.div_ceil(8) {
        return Err(Error::corrupt("a bitmap has another length than its block"));
    }
    Ok(BooleanBuffer::new(Buffer::from(section.bytes()?.as_ref()), 0, rows))
}
