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
    assert!(
        width <= 8 * size_of::<U>() && packed.len() == packed_words::<U>(width),
        "the packed length fits the width"
    );
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

/// Up to 8 bytes, of which a length counts.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Piece {
    bytes: u64,
    length: usize,
}

impl Piece {
    /// A piece; `None` where its length is above 8, which [`Room::put`] relies on.
    pub(crate) fn new(bytes: u64, length: u8) -> Option<Self> {
        (length <= 8).then_some(Self { bytes, length: usize::from(length) })
    }

    /// One byte.
    pub(crate) fn byte(byte: u8) -> Self {
        Self { bytes: u64::from(byte), length: 1 }
    }
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

    /// Writes the piece of each code: 8 bytes, which count for the piece's length only and are overwritten by the next. Answers false, having written nothing, where 8 bytes a piece are not left.
    #[inline(always)]
    pub(crate) fn put<const N: usize>(&mut self, codes: [u8; N], piece: impl Fn(u8) -> Piece) -> bool {
        let Some(window) = self.bytes.get_mut(self.written..).and_then(|rest| rest.get_mut(..8 * N)) else {
            return false;
        };
        let mut at = 0;
        for code in codes {
            let Piece { bytes, length } = piece(code);
            if let Some(place) = window.get_mut(at..at + 8) {
                place.write_copy_of_slice(&bytes.to_le_bytes());
            }
            at += length;
        }
        self.written += at;
        true
    }
}
