//! Encodings of one block of one column: how values become few bytes, and how questions are answered on those bytes.
//!
//! One encoding is one file, which estimates its size, writes, reads (checking everything: bytes are hostile), opens chunks
//! of 1024 rows and, where it can, filters without decoding:
//!
//! | file | stores | filters |
//! |---|---|---|
//! | [`constant`] | one value | once |
//! | [`run_length`] | values and where their runs end | once a run |
//! | [`frame`] | distance to the least value of the chunk, divided by the common step, bit-packed | on packed integers after rebasing the literal |
//! | [`delta`] | distance to the row before, bit-packed | after a prefix sum, chunk by chunk |
//! | [`dictionary`] | bit-packed codes into the segment's sorted dictionary | once an entry, then on codes |
//! | [`fsst`] | strings in symbols of up to 8 bytes | by length first, then on decoded chunks |
//! | [`plain`] | fixed-width values | on values |
//!
//! [`ints`] is the one path of everything that is an integer underneath, [`text`] that of strings, and [`block`] puts a
//! column type on top. General compression ([`section`]) goes over what still shrinks.

pub(crate) mod block;
pub(crate) mod constant;
pub(crate) mod delta;
pub(crate) mod dictionary;
pub(crate) mod frame;
pub(crate) mod fsst;
pub(crate) mod hint;
pub(crate) mod ints;
pub(crate) mod kernel;
pub(crate) mod matcher;
pub(crate) mod native;
pub(crate) mod plain;
pub(crate) mod run_length;
pub(crate) mod section;
pub(crate) mod text;
pub(crate) mod validity;
pub(crate) mod view;
pub(crate) mod wire;

use crate::error::{Error, Result};

/// An encoding, as its byte on disk. Numbers are never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub(crate) enum Encoding {
    /// One value for all rows.
    Constant = 0,
    /// Values one after another.
    Plain = 1,
    /// Values and the ends of their runs.
    RunLength = 2,
    /// Codes into the dictionary of the segment and column.
    Dictionary = 3,
    /// Bit-packed distances to a reference.
    Frame = 4,
    /// Bit-packed distances to the row before.
    Delta = 5,
    /// Strings in symbols.
    Fsst = 6,
}

impl Encoding {
    /// The encoding of that byte.
    pub(crate) fn from_byte(byte: u8) -> Result<Self> {
        const ALL: [Encoding; 7] = [
            Encoding::Constant,
            Encoding::Plain,
            Encoding::RunLength,
            Encoding::Dictionary,
            Encoding::Frame,
            Encoding::Delta,
            Encoding::Fsst,
        ];
        ALL.get(usize::from(byte)).copied().ok_or_else(|| Error::corrupt(format!("a block names encoding {byte}")))
    }

    /// Its name in messages and system tables.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Constant => "constant",
            Self::Plain => "plain",
            Self::RunLength => "runlength",
            Self::Dictionary => "dictionary",
            Self::Frame => "frame",
            Self::Delta => "delta",
            Self::Fsst => "fsst",
        }
    }
}
