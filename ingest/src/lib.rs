//! Bytes from outside become rows: COPY, file formats, compression, and rows become text again.
//!
//! A [`CopyJob`] is the resolved description of one COPY. It runs one worker for each appender it is given; a worker
//! takes chunks of files, converts them to Arrow batches and appends these, encoding included, on its own thread.
//! Nothing becomes visible before the caller commits.
//!
//! ```text
//! resolve ─► InputFile… ─► Feed ─► worker: open, decompress ─► Chunk (whole records) ─► Fields ─► columns ─► Appender
//!                              └─► worker: row group of Parquet ──────────────────────────────► columns ─► Appender
//! ```
//!
//! # Where is what
//! | module | one job |
//! |---|---|
//! | `location`, `manifest` | which files a COPY means, and whether it may read them |
//! | `source` | bytes of a file or a client: open, decompress, cut into chunks of whole records |
//! | `text` | chunk to fields: delimiters, quotes, escapes, JSON |
//! | `convert` | field to value: the one place that knows how each type is written |
//! | `load` | the job, its workers, Parquet, defaults, refused rows |
//! | `reject` | why a row was refused, in Redshift's and in Postgres's words |
//! | `export` | rows to text: COPY … TO |

mod convert;
mod error;
mod export;
pub mod limit;
mod load;
mod location;
mod manifest;
mod options;
mod reject;
mod source;
mod text;

/// The converters of single values, for whoever else turns text into values and must agree with COPY.
pub mod parse {
    pub use crate::convert::datetime::{parse_date, parse_time, parse_timestamp, parse_timestamp_tz};
    pub use crate::convert::interval::parse_interval;
    pub use crate::convert::number::{
        DecimalShape, parse_boolean, parse_bytes, parse_double, parse_integer, parse_real,
    };
}

pub use convert::calendar::Zone;
pub use convert::pattern::Pattern;
pub use error::{Error, Kind, Result};
pub use export::{ExportFormat, ExportOptions, TextExport};
pub use load::batch::{Fill, ReserveIdentity};
pub use load::job::{CopyJob, CopyReport, CopyTotals, Input, target_columns};
pub use load::progress::CopyProgress;
pub use load::sink::{Discard, Sink};
pub use location::{FileAccess, InputFile, resolve};
pub use options::{Compression, CopyOptions, DateFormat, Format, Rounding, TimeFormat};
pub use reject::{Cause, Fault, JsonFault, RAW_BYTES_MAX, REJECTED_ROWS_KEPT, RejectedRow};
