//! Finding bytes, 64 at a time: bit `i` of a mask is set where byte `i` of the block is the one looked for.

/// Bytes of a block.
pub(crate) const BLOCK: usize = 64;

/// The positions of `needle` in a block.
///
/// By arithmetic on 64-bit words rather than SSE2: that would need `unsafe`, and this is not what limits a load.
#[inline]
pub(crate) fn find(block: &[u8; BLOCK], needle: u8) -> u64 {
    const LOW: u64 = 0x7f7f_7f7f_7f7f_7f7f;
    let wanted = u64::from_le_bytes([needle; 8]);
    let (words, _) = block.as_chunks::<8>();
    let mut mask = 0_u64;
    for (index, word) in words.iter().enumerate() {
        let difference = u64::from_le_bytes(*word) ^ wanted;
        // The high bit of each byte that is zero; exact, carries cannot cross bytes.
        let zero = !(((difference & LOW) + LOW) | difference | LOW);
        // Gather the eight high bits into one byte.
        let bits = (zero >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56;
        mask |= bits << (index * 8);
    }
    mask
}

/// Bit `i` is the parity of bits `0..=i`: between an odd and an even quote all bits are set.
#[inline]
pub(crate) fn prefix_xor(mut mask: u64) -> u64 {
    mask ^= mask << 1;
    mask ^= mask << 2;
    mask ^= mask << 4;
    mask ^= mask << 8;
    mask ^= mask << 16;
    mask ^ (mask << 32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn finds_each_place_and_no_other(bytes in proptest::collection::vec(0_u8..6, BLOCK), needle in 0_u8..6) {
            let block: [u8; BLOCK] = bytes.clone().try_into().unwrap();
            let expected = bytes.iter().enumerate().filter(|(_, byte)| **byte == needle).fold(0_u64, |mask, (at, _)| mask | 1 << at);
            prop_assert_eq!(find(&block, needle), expected);
        }

        #[test]
        fn parity_of_all_bits_before(mask in any::<u64>()) {
            let mut parity = 0;
            let mut expected = 0_u64;
            for at in 0..64 {
                parity ^= mask >> at & 1;
                expected |= parity << at;
            }
            prop_assert_eq!(prefix_xor(mask), expected);
        }
    }
}
