//! Redshift's manifest: a JSON document that lists the files of a COPY.
//!
//! ```json
//! {"entries": [{"url": "s3://bucket/part-0", "mandatory": true, "meta": {"content_length": 1024}}]}
//! ```

use serde::Deserialize;

use crate::error::{Error, Result};

/// One file of a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) url: String,
    /// Whether the load fails when the file is missing.
    pub(crate) mandatory: bool,
    pub(crate) content_length: Option<u64>,
}

#[derive(Deserialize)]
struct Document {
    entries: Vec<RawEntry>,
}

#[derive(Deserialize)]
struct RawEntry {
    url: String,
    #[serde(default)]
    mandatory: bool,
    meta: Option<Meta>,
}

#[derive(Deserialize)]
struct Meta {
    content_length: Option<u64>,
}

/// Reads a manifest; `name` is for errors.
pub(crate) fn parse(bytes: &[u8], name: &str) -> Result<Vec<Entry>> {
    let document: Document = serde_json::from_slice(bytes)
        .map_err(|error| Error::corrupt(format!("manifest \"{name}\" is not valid")).with_source(error))?;
    if document.entries.is_empty() {
        return Err(Error::invalid(format!("manifest \"{name}\" lists no files")));
    }
    let entries = document.entries.into_iter().map(|entry| Entry {
        url: entry.url,
        mandatory: entry.mandatory,
        content_length: entry.meta.and_then(|meta| meta.content_length),
    });
    Ok(entries.collect())
}
