//! Every limit of the storage layer, named.

/// Rows of a block: the unit of encoding, pruning and reading within a segment.
pub const BLOCK_ROWS: usize = 65_536;
/// Rows of a part at most. A part is the unit of rewriting and of deletion vectors.
pub const PART_ROWS_MAX: usize = 1_048_576;
/// Slices that a DISTKEY hashes rows into.
pub const SLICES: u16 = 16;
/// Inserts up to this many bytes of Arrow data ride inside the log entry.
pub const INLINE_BYTES_MAX: usize = 65_536;
/// Inline bytes of one table from which a flush to segments starts.
pub const INLINE_TABLE_BYTES_MAX: usize = 8 << 20;
/// Inline rows of one table from which a flush to segments starts.
pub const INLINE_TABLE_ROWS_MAX: u64 = 65_536;
/// Inline bytes of all tables; above it, small inserts become segments at once (back-pressure).
pub const INLINE_TOTAL_BYTES_MAX: usize = 256 << 20;
/// Deletion bitmaps up to this size ride inside the log entry.
pub const DELETE_INLINE_BYTES_MAX: usize = 1024;
/// Length of one log entry at most.
pub const ENTRY_BYTES_MAX: usize = 64 << 20;
/// Transactions in one log entry at most.
pub const GROUP_TRANSACTIONS_MAX: usize = 1024;
/// Bytes of a string kept in a zone map.
pub const ZONE_BYTES_MAX: usize = 32;
/// Length of an object's name in bytes, as in Postgres (`NAMEDATALEN` - 1 is 63; Redshift has 127).
pub const NAME_BYTES_MAX: usize = 127;
/// Columns of a table (Redshift's limit).
pub const COLUMNS_MAX: usize = 1_600;
/// Committed transactions whose outcome can still be asked for.
pub const RECENT_TRANSACTIONS_MAX: usize = 4_096;
/// Commits waiting for the log at most; more wait to be queued.
pub const COMMIT_QUEUE_MAX: usize = 4_096;
/// Paths named by one garbage-collection entry at most.
pub const COLLECT_PATHS_MAX: usize = 10_000;
/// Log entries after which a checkpoint is due.
pub const CHECKPOINT_ENTRIES: u64 = 512;
