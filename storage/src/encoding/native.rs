//! The machine integers that encodings work on: unsigned words that hold the bits of signed values.

use std::fmt::Debug;

use arrow_buffer::{ArrowNativeType, ScalarBuffer};

/// Rows of a chunk, the unit in which integers are packed and opened.
pub(crate) use crate::segment::selection::CHUNK_ROWS;

/// An unsigned word of 16, 32 or 64 bits that holds the bits of a signed integer (or of a float).
pub(crate) trait Native: Copy + Eq + Default + Debug + Send + Sync + ArrowNativeType + 'static {
    /// Bits of the word.
    const BITS: usize;
    /// Bytes of the word.
    const BYTES: usize = Self::BITS / 8;

    /// The signed value.
    fn signed(self) -> i64;
    /// The word of a signed value; higher bits are cut off.
    fn wrap(value: i64) -> Self;
    /// The bits, zero-extended.
    fn bits(self) -> u64;
    /// The low bits of a word.
    fn from_bits(bits: u64) -> Self;
    /// Sum modulo the word size.
    fn add(self, other: Self) -> Self;
    /// Difference modulo the word size.
    fn sub(self, other: Self) -> Self;
    /// Product modulo the word size.
    fn mul(self, other: Self) -> Self;
    /// Whether `self`, as unsigned, is at most `other`.
    fn at_most(self, other: Self) -> bool;
    /// Reads words from little-endian bytes; `bytes` holds at least as many.
    fn read_words(bytes: &[u8], out: &mut [Self]);
    /// Appends words as little-endian bytes.
    fn write_words(words: &[Self], out: &mut Vec<u8>);
    /// Packs 1024 values of at most `width` bits (see [`crate::encoding::kernel`]).
    fn pack(width: usize, values: &[Self; CHUNK_ROWS], packed: &mut [Self]);
    /// Unpacks 1024 values of `width` bits and adds `base` to each.
    fn unpack(width: usize, packed: &[u8], base: Self, values: &mut [Self; CHUNK_ROWS]);
    /// The word that little-endian bytes start with.
    fn read(bytes: &[u8]) -> Self;
}

macro_rules! native {
    ($($word:ident $signed:ident;)*) => {$(
        impl Native for $word {
            const BITS: usize = $word::BITS as usize;

            fn signed(self) -> i64 {
                self.cast_signed() as i64
            }
            fn wrap(value: i64) -> Self {
                Self::read(&value.to_le_bytes())
            }
            fn bits(self) -> u64 {
                self as u64
            }
            fn from_bits(bits: u64) -> Self {
                Self::read(&bits.to_le_bytes())
            }
            fn add(self, other: Self) -> Self {
                self.wrapping_add(other)
            }
            fn sub(self, other: Self) -> Self {
                self.wrapping_sub(other)
            }
            fn mul(self, other: Self) -> Self {
                self.wrapping_mul(other)
            }
            fn at_most(self, other: Self) -> bool {
                self <= other
            }
            fn read_words(bytes: &[u8], out: &mut [Self]) {
                for (word, bytes) in out.iter_mut().zip(bytes.as_chunks().0) {
                    *word = Self::from_le_bytes(*bytes);
                }
            }
            fn write_words(words: &[Self], out: &mut Vec<u8>) {
                out.extend(words.iter().flat_map(|word| word.to_le_bytes()));
            }
            fn pack(width: usize, values: &[Self; CHUNK_ROWS], packed: &mut [Self]) {
                super::kernel::pack(width, values, packed);
            }
            fn unpack(width: usize, packed: &[u8], base: Self, values: &mut [Self; CHUNK_ROWS]) {
                super::kernel::unpack(width, packed, base, values);
            }
            #[inline]
            fn read(bytes: &[u8]) -> Self {
                bytes.first_chunk().map_or(0, |bytes| Self::from_le_bytes(*bytes))
            }
        }
    )*};
}
native! { u16 i16; u32 i32; u64 i64; }

/// A chunk of fewer than 1024 values, filled up.
pub(crate) fn pad_chunk<U: Native>(values: &[U], filler: U) -> [U; CHUNK_ROWS] {
    let mut chunk = [filler; CHUNK_ROWS];
    chunk[..values.len()].copy_from_slice(values);
    chunk
}

/// The words of a buffer of any fixed-width Arrow array, without a copy.
pub(crate) fn words_of<U: Native>(data: &arrow_data::ArrayData) -> ScalarBuffer<U> {
    ScalarBuffer::new(data.buffers()[0].clone(), data.offset(), data.len())
}
