//! Bit-packing of 1024 values in the FastLanes order (crate `fastlanes`), with the width known at run time only; and
//! writing into fresh memory.
#![expect(
    unsafe_code,
    reason = "the crate offers run-time widths only unchecked, and its lengths are asserted here; zeroing buffers that are \
              overwritten at once took a fifth of the time of decoding"
)]

use std::mem::MaybeUninit;

use fastlanes::{BitPacking, FoR};

use crate::encoding::native::{CHUNK_ROWS, Native};
use crate::error::Result;

/// Words that 1024 values of `width` bits take.
pub(crate) fn packed_words<U>(width: usize) -> usize {
    CHUNK_ROWS * width / (8 * size_of::<U>())
}

/// Packs 1024 values into `width` bits each; higher bits are cut off.
pub(crate) fn pack<U: BitPacking>(width: usize, values: &[U; CHUNK_ROWS], packed: &mut [U]) {
    assert!(width <= 8 * size_of::<U>() && packed.len() == packed_words::<U>(width), "the packed length fits the width");
    // SAFETY: the width is at most that of the word, and both lengths are those asked for (just asserted).
    unsafe { U::unchecked_pack(width, values, packed) }
}

/// Unpacks 1024 values of `width` bits from little-endian bytes, adding `base` to each, modulo the word size.
pub(crate) fn unpack<U: FoR + Native>(width: usize, packed: &[u8], base: U, values: &mut [U; CHUNK_ROWS]) {
    let count = packed_words::<U>(width);
    assert!(width <= U::BITS && packed.len() == count * U::BYTES, "the packed length fits the width");
    let mut words = [const { MaybeUninit::<U>::uninit() }; CHUNK_ROWS];
    for (word, bytes) in words.iter_mut().zip(packed.chunks_exact(U::BYTES)) {
        word.write(U::read(bytes));
    }
    // SAFETY: the loop has written as many words as there are in `packed`, which is `count` (asserted above).
    let words = unsafe { words[..count].assume_init_ref() };
    // SAFETY: the width is at most that of the word, and both lengths are those asked for.
    unsafe { U::unchecked_unfor_pack(width, words, base, values) }
}

/// Appends what `fill` writes into the spare capacity of `bytes`, from its start on without gaps; it answers how much.
pub(crate) fn append_with(
    bytes: &mut Vec<u8>,
    room: usize,
    fill: impl FnOnce(&mut Room<'_>) -> Result<()>,
) -> Result<()> {
    bytes.reserve(room);
    let mut spare = Room { bytes: bytes.spare_capacity_mut(), written: 0 };
    fill(&mut spare)?;
    let length = spare.written;
    // SAFETY: `Room` counts as written only what lies below a place up to which everything was written.
    unsafe { bytes.set_len(bytes.len() + length) };
    Ok(())
}

/// Room for bytes that is written from its start on.
#[derive(Debug)]
pub(crate) struct Room<'a> {
    bytes: &'a mut [MaybeUninit<u8>],
    written: usize,
}

impl Room<'_> {
    /// Bytes written so far.
    pub(crate) fn written(&self) -> usize {
        self.written
    }

    /// Writes several pieces of 8 bytes, each of which counts for its length only (at most 8) and is then overwritten by
    /// the next. Answers false, having written nothing, where 8 bytes a piece are not left.
    #[inline(always)]
    pub(crate) fn put<const N: usize>(&mut self, pieces: [(u64, u8); N]) -> bool {
        let Some(window) = self.bytes.get_mut(self.written..).and_then(|rest| rest.get_mut(..8 * N)) else {
            return false;
        };
        let mut at = 0;
        for (piece, length) in pieces {
            if let Some(place) = window.get_mut(at..at + 8) {
                place.write_copy_of_slice(&piece.to_le_bytes());
            }
            at += usize::from(length.min(8));
        }
        self.written += at;
        true
    }
}
