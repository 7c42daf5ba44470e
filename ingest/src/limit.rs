//! Every limit of the ingest layer, named.

/// Bytes of text that one worker parses at a time. Large enough to hide the lock, small enough to stay in cache.
pub const CHUNK_BYTES: usize = 1 << 20;
/// Length of one record (line) at most. A quote that is never closed runs into this instead of into all memory.
pub const RECORD_BYTES_MAX: usize = 64 << 20;
/// Rows of a batch that is handed to storage.
pub const BATCH_ROWS: usize = 65_536;
/// Bytes of text that are gathered into one batch at most, so that wide rows make smaller batches.
pub const BATCH_TEXT_BYTES: usize = 16 << 20;
/// Nesting of JSON values at most.
pub const JSON_DEPTH_MAX: usize = 128;
/// Files of one COPY at most.
pub const FILES_MAX: usize = 1_000_000;
/// Folders below a local prefix that a listing descends at most.
pub const FOLDER_DEPTH_MAX: usize = 16;
/// Length of a manifest at most.
pub const MANIFEST_BYTES_MAX: u64 = 256 << 20;
/// Compressed bytes of one Parquet row group at most: they are read at once.
pub const ROW_GROUP_BYTES_MAX: u64 = 4 << 30;
/// Length of a Parquet footer at most.
pub const FOOTER_BYTES_MAX: u64 = 256 << 20;
/// Rows of Parquet that are decoded at a time.
pub const PARQUET_BATCH_ROWS: usize = 32_768;
/// MAXERROR's greatest value, as in Redshift.
pub const ERRORS_MAX: u64 = 100_000;
