//! Bit-packing of 1024 values in the FastLanes order (crate `fastlanes`), with the width known at run time only.
#![expect(
    unsafe_code,
    reason = "the crate offers run-time widths only unchecked; the lengths that it asks for are asserted here"
)]

use fastlanes::{BitPacking, FoR};

use crate::encoding::native::CHUNK_ROWS;

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

/// Unpacks 1024 values of `width` bits, adding `base` to each, modulo the word size.
pub(crate) fn unpack<U: FoR>(width: usize, packed: &[U], base: U, values: &mut [U; CHUNK_ROWS]) {
    assert!(width <= 8 * size_of::<U>() && packed.len() == packed_words::<U>(width), "the packed length fits the width");
    // SAFETY: the width is at most that of the word, and both lengths are those asked for (just asserted).
    unsafe { U::unchecked_unfor_pack(width, packed, base, values) }
}
