//! A run of bytes inside a block, stored as it is or under LZ4 or ZSTD.
//!
//! ```text
//! codec: u8 │ raw length: u32 │ stored length: u32 │ stored bytes
//! ```

use std::cell::RefCell;

use bytes::Bytes;
use zstd::bulk::Decompressor;

use crate::encoding::wire::{Reader, Write};
use crate::error::{Error, Result};

/// Level of ZSTD: decode speed hardly depends on it, and above it encoding slows more than the size falls.
const ZSTD_LEVEL: i32 = 1;
/// Bytes of the sample that decides whether a section is worth compressing.
const SAMPLE_BYTES: usize = 16 << 10;
/// Below this size a section is left alone.
const COMPRESS_BYTES_MIN: usize = 64;

/// How the bytes of a section are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Codec {
    /// As they are.
    None = 0,
    /// LZ4 block format.
    Lz4 = 1,
    /// One ZSTD frame.
    Zstd = 2,
}

/// What a writer wants of a section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Squeeze {
    /// Leave as is.
    Never,
    /// LZ4 whenever it is smaller at all.
    Lz4,
    /// ZSTD whenever it is smaller at all.
    Zstd,
    /// ZSTD where a sample shrinks to at most this percentage.
    Worthwhile(usize),
}

/// Appends `raw` as a section.
pub(crate) fn write_section(out: &mut Vec<u8>, raw: &[u8], squeeze: Squeeze) -> Result<()> {
    let (codec, stored) = match squeeze {
        _ if raw.len() < COMPRESS_BYTES_MIN => (Codec::None, None),
        Squeeze::Never => (Codec::None, None),
        Squeeze::Lz4 => (Codec::Lz4, Some(lz4_flex::block::compress(raw))),
        Squeeze::Zstd => (Codec::Zstd, Some(zstd_compress(raw)?)),
        Squeeze::Worthwhile(percent) => match worthwhile(raw, percent)? {
            true => (Codec::Zstd, Some(zstd_compress(raw)?)),
            false => (Codec::None, None),
        },
    };
    let (codec, stored) = match &stored {
        Some(stored) if stored.len() < raw.len() => (codec, stored.as_slice()),
        _ => (Codec::None, raw),
    };
    out.put_u8(codec as u8);
    out.put_count(raw.len());
    out.put_count(stored.len());
    out.extend_from_slice(stored);
    Ok(())
}

/// Compresses a sample from the middle: whole sections are only compressed when that pays.
fn worthwhile(raw: &[u8], percent: usize) -> Result<bool> {
    let start = raw.len().saturating_sub(SAMPLE_BYTES) / 2;
    let sample = &raw[start..(start + SAMPLE_BYTES).min(raw.len())];
    Ok(zstd_compress(sample)?.len() * 100 <= sample.len() * percent)
}

/// Bytes that ZSTD makes of `raw`.
pub(crate) fn compressed_length(raw: &[u8]) -> Result<usize> {
    Ok(zstd_compress(raw)?.len())
}

/// The percentage to which a sample shrinks.
pub(crate) fn sample_percent(fill: impl FnOnce(&mut Vec<u8>)) -> Result<usize> {
    let mut sample = Vec::new();
    fill(&mut sample);
    Ok(zstd_compress(&sample)?.len() * 100 / sample.len().max(1))
}

fn zstd_compress(raw: &[u8]) -> Result<Vec<u8>> {
    zstd::bulk::compress(raw, ZSTD_LEVEL).map_err(|error| Error::internal("zstd failed").with_source(error))
}

/// Decompresses with a context that the thread keeps: making one costs as much as a small section.
fn zstd_decompress(stored: &[u8], raw: &mut [u8]) -> std::io::Result<usize> {
    thread_local! {
        static CONTEXT: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
    }
    CONTEXT.with_borrow_mut(|context| {
        let context = match context {
            Some(context) => context,
            None => context.insert(Decompressor::new()?),
        };
        context.decompress_to_buffer(stored, raw)
    })
}

/// A parsed section, decompressed when asked.
#[derive(Debug, Clone)]
pub(crate) struct Section {
    codec: Codec,
    raw_length: usize,
    stored: Bytes,
}

impl Section {
    /// Parses the section at the reader's position; more than `most` raw bytes are refused before anything is allocated.
    pub(crate) fn read(reader: &mut Reader, most: usize) -> Result<Self> {
        let codec = match reader.u8()? {
            0 => Codec::None,
            1 => Codec::Lz4,
            2 => Codec::Zstd,
            other => return Err(Error::corrupt(format!("a block names compression {other}"))),
        };
        let raw_length = reader.count(most)?;
        let stored_length = reader.count(most)?;
        let stored = reader.take(stored_length)?;
        if codec == Codec::None && stored_length != raw_length {
            return Err(Error::corrupt("an uncompressed section has two lengths"));
        }
        Ok(Self { codec, raw_length, stored })
    }

    /// Length of the decompressed bytes.
    pub(crate) fn len(&self) -> usize {
        self.raw_length
    }

    /// The decompressed bytes. They are not kept: a cached block takes the memory of its encoded bytes.
    pub(crate) fn bytes(&self) -> Result<Bytes> {
        match self.codec {
            Codec::None => Ok(self.stored.clone()),
            Codec::Lz4 | Codec::Zstd => Ok(Bytes::from(self.decompress()?)),
        }
    }

    fn decompress(&self) -> Result<Vec<u8>> {
        let mut raw = vec![0; self.raw_length];
        let length = match self.codec {
            Codec::None => self.stored.len(),
            Codec::Lz4 => lz4_flex::block::decompress_into(&self.stored, &mut raw)
                .map_err(|error| Error::corrupt("a section does not decompress").with_source(error))?,
            Codec::Zstd => zstd_decompress(&self.stored, raw.as_mut_slice())
                .map_err(|error| Error::corrupt("a section does not decompress").with_source(error))?,
        };
        if length != self.raw_length {
            return Err(Error::corrupt("a section decompresses to another length than it claims"));
        }
        Ok(raw)
    }
}
