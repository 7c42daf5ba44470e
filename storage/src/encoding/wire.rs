//! Reading and writing of the little-endian bytes inside a block. Every read is checked: bytes are hostile.

use bytes::Bytes;

use crate::error::{Error, Result};

/// A cursor over the bytes of a block. What it hands out shares the block's buffer.
#[derive(Debug, Clone)]
pub(crate) struct Reader {
    bytes: Bytes,
}

impl Reader {
    /// Reads from the start of `bytes`.
    pub(crate) fn new(bytes: Bytes) -> Self {
        Self { bytes }
    }

    /// The next `length` bytes.
    pub(crate) fn take(&mut self, length: usize) -> Result<Bytes> {
        if length > self.bytes.len() {
            return Err(Error::corrupt(format!("a block ends {} bytes early", length - self.bytes.len())));
        }
        Ok(self.bytes.split_to(length))
    }

    /// The next `N` bytes as an array.
    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut array = [0; N];
        array.copy_from_slice(&self.take(N)?);
        Ok(array)
    }

    /// One byte.
    pub(crate) fn u8(&mut self) -> Result<u8> {
        Ok(self.array::<1>()?[0])
    }

    /// Four bytes.
    pub(crate) fn u32(&mut self) -> Result<u32> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    /// Eight bytes.
    pub(crate) fn u64(&mut self) -> Result<u64> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    /// A `u32` that counts something of which there can be at most `most`.
    pub(crate) fn count(&mut self, most: usize) -> Result<usize> {
        let count = self.u32()? as usize;
        if count > most {
            return Err(Error::corrupt(format!("a block counts {count} where at most {most} are possible")));
        }
        Ok(count)
    }

    /// Whether nothing is left; a well-formed block is read to its end.
    pub(crate) fn finish(&self) -> Result<()> {
        if self.bytes.is_empty() {
            return Ok(());
        }
        Err(Error::corrupt(format!("a block has {} bytes too many", self.bytes.len())))
    }
}

/// The writing counterpart of [`Reader`], on any byte vector.
pub(crate) trait Write {
    /// One byte.
    fn put_u8(&mut self, value: u8);
    /// Four bytes.
    fn put_u32(&mut self, value: u32);
    /// Eight bytes.
    fn put_u64(&mut self, value: u64);
    /// A count or length; those of a block always fit 32 bits.
    fn put_count(&mut self, value: usize);
}

impl Write for Vec<u8> {
    fn put_u8(&mut self, value: u8) {
        self.push(value);
    }

    fn put_u32(&mut self, value: u32) {
        self.extend_from_slice(&value.to_le_bytes());
    }

    fn put_u64(&mut self, value: u64) {
        self.extend_from_slice(&value.to_le_bytes());
    }

    fn put_count(&mut self, value: usize) {
        // A block never exceeds 4 GiB (see `BLOCK_BYTES_MAX`); were it to, the reader's length checks refuse the block.
        self.put_u32(u32::try_from(value).unwrap_or(u32::MAX));
    }
}
