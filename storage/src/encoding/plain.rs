//! Plain: fixed-width values one after another, under LZ4 or ZSTD where that pays. The fallback of every class.
//!
//! ```text
//! section of rows × width bytes
//! ```

use bytes::Bytes;

use crate::encoding::native::{CHUNK_ROWS, Native};
use crate::encoding::section::{Section, Squeeze, write_section};
use crate::encoding::wire::Reader;
use crate::error::{Error, Result};

/// Integers as they are.
#[derive(Debug, Clone)]
pub(crate) struct Plain {
    bytes: Bytes,
}

impl Plain {
    /// Bytes that a cache should count: what was compressed lies here decompressed.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Bytes that [`Plain::write`] takes at most.
    pub(crate) fn estimate<U: Native>(rows: usize) -> usize {
        9 + rows * U::BYTES
    }

    /// Appends the values.
    pub(crate) fn write<U: Native>(values: &[U], squeeze: Squeeze, out: &mut Vec<u8>) -> Result<()> {
        let mut raw = Vec::with_capacity(values.len() * U::BYTES);
        U::write_words(values, &mut raw);
        write_section(out, &raw, squeeze)
    }

    /// Parses what [`Plain::write`] wrote.
    pub(crate) fn read(reader: &mut Reader, rows: usize, width: usize) -> Result<Self> {
        Ok(Self { bytes: read_fixed(reader, rows, width)? })
    }

    /// The values of a chunk; those behind the last row are unspecified.
    pub(crate) fn chunk<U: Native>(&self, chunk: usize, values: &mut [U; CHUNK_ROWS]) {
        let start = (chunk * CHUNK_ROWS * U::BYTES).min(self.bytes.len());
        U::read_words(&self.bytes[start..], values);
    }

    /// All values.
    pub(crate) fn decode<U: Native>(&self, rows: usize) -> Vec<U> {
        let mut values = vec![U::default(); rows];
        U::read_words(&self.bytes, &mut values);
        values
    }
}

/// A section of exactly `rows` × `width` bytes.
pub(crate) fn read_fixed(reader: &mut Reader, rows: usize, width: usize) -> Result<Bytes> {
    let section = Section::read(reader, rows * width)?;
    if section.len() != rows * width {
        return Err(Error::corrupt(format!("{rows} values of {width} bytes take {} bytes", section.len())));
    }
    section.bytes()
}
