//! Bytes of a file or an upload: opening, decompressing, cutting into chunks of whole records.

pub(crate) mod chunk;
pub(crate) mod open;
