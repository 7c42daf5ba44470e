//! Redshift's ENCODE names, and what they mean here.

use crate::error::{Error, Result};

/// What a column's ENCODE asks of the writer. An encoding that cannot hold the values gives way to the best that can.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Hint {
    /// By sampling.
    #[default]
    Auto,
    /// `raw`.
    Plain,
    /// `lzo`: fast general compression.
    Lz4,
    /// `zstd`.
    Zstd,
    /// `bytedict`, `text255`, `text32k`.
    Dictionary,
    /// `az64` and `mostly8`, `mostly16`, `mostly32`.
    Frame,
    /// `delta`, `delta32k`.
    Delta,
    /// `runlength`.
    RunLength,
}

impl Hint {
    /// The hint of a Redshift name, in any case.
    pub(crate) fn from_redshift(name: Option<&str>) -> Result<Self> {
        let Some(name) = name else { return Ok(Self::Auto) };
        Ok(match name.to_ascii_lowercase().as_str() {
            "auto" => Self::Auto,
            "raw" | "none" => Self::Plain,
            "lzo" => Self::Lz4,
            "zstd" => Self::Zstd,
            "bytedict" | "text255" | "text32k" => Self::Dictionary,
            "az64" | "mostly8" | "mostly16" | "mostly32" => Self::Frame,
            "delta" | "delta32k" => Self::Delta,
            "runlength" => Self::RunLength,
            _ => return Err(Error::invalid(format!("there is no column encoding \"{name}\""))),
        })
    }
}
