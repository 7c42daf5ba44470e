//! What COPY was told: format and options. The SQL layer fills these in; nothing here parses SQL.

use crate::convert::calendar::Zone;
use crate::convert::pattern::Pattern;
use crate::error::{Error, Result};
use crate::limit::CHUNK_BYTES;

/// The form of the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// Redshift's default: fields separated by a delimiter (`|`), no quotes unless REMOVEQUOTES, `\` only with ESCAPE.
    Delimited,
    /// Redshift's CSV: quotes doubled inside quotes, empty fields are empty strings (NULL in columns of other types).
    Csv,
    /// Postgres's COPY text: tabs, `\` escapes, `\N`, ended by `\.`.
    PostgresText,
    /// Postgres's CSV: an unquoted empty field is NULL.
    PostgresCsv,
    /// One JSON object a row, on a line each or one after the other; keys are matched with column names.
    Json {
        /// `'auto ignorecase'`: keys match without regard to case.
        ignore_case: bool,
    },
    /// Apache Parquet.
    Parquet,
}

impl Format {
    /// Whether the rules are those of Postgres's COPY rather than Redshift's.
    pub fn is_postgres(self) -> bool {
        matches!(self, Self::PostgresText | Self::PostgresCsv)
    }
}

/// How the bytes are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Compression {
    /// By the first bytes of each file; a name that ends in `.gz` or `.zst` must keep its word.
    #[default]
    Auto,
    /// As they are, whatever the name says.
    None,
    /// gzip, one or more members.
    Gzip,
    /// Zstandard, one or more frames.
    Zstd,
}

/// What becomes of fractional digits that a decimal column has no room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rounding {
    /// Cut off: what Redshift does by default.
    Truncate,
    /// Rounded, halves away from zero: ROUNDEC, and Postgres.
    HalfAway,
    /// The row is refused.
    Reject,
}

/// DATEFORMAT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DateFormat {
    /// ISO first, then every form that is unambiguous or month-first (`'auto'`, and Postgres's DateStyle ISO, MDY).
    Auto,
    /// Exactly that.
    Pattern(Pattern),
}

/// TIMEFORMAT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TimeFormat {
    /// ISO 8601 with `T` or a blank, fraction and zone optional, and what DATEFORMAT 'auto' takes before a time.
    Auto,
    /// Seconds since 1970-01-01 UTC, fraction optional.
    EpochSeconds,
    /// Milliseconds since 1970-01-01 UTC, fraction optional.
    EpochMilliseconds,
    /// Exactly that.
    Pattern(Pattern),
}

impl DateFormat {
    /// Understands the string of DATEFORMAT.
    pub fn parse(text: &str) -> Result<Self> {
        if text.eq_ignore_ascii_case("auto") { Ok(Self::Auto) } else { Ok(Self::Pattern(Pattern::parse(text)?)) }
    }
}

impl TimeFormat {
    /// Understands the string of TIMEFORMAT.
    pub fn parse(text: &str) -> Result<Self> {
        Ok(match text.to_ascii_lowercase().as_str() {
            "auto" => Self::Auto,
            "epochsecs" => Self::EpochSeconds,
            "epochmillisecs" => Self::EpochMilliseconds,
            _ => Self::Pattern(Pattern::parse(text)?),
        })
    }
}

/// COPY's options. [`CopyOptions::new`] gives each format its defaults; fields are then set as written.
#[derive(Debug, Clone)]
pub struct CopyOptions {
    /// DELIMITER: one byte, or several for [`Format::Delimited`].
    pub delimiter: Vec<u8>,
    /// QUOTE of CSV.
    pub quote: u8,
    /// ESCAPE. For Delimited `Some(b'\\')` is Redshift's ESCAPE. For CSV the character before a quote inside quotes;
    /// `None` or the quote itself means that quotes are doubled.
    pub escape: Option<u8>,
    /// NULL AS: fields that are exactly this are NULL.
    pub null: Option<Vec<u8>>,
    /// IGNOREHEADER n, or 1 for HEADER: records to leave out at the start of each file.
    pub skip_records: u64,
    /// GZIP, ZSTD or found out.
    pub compression: Compression,
    /// DATEFORMAT.
    pub date_format: DateFormat,
    /// TIMEFORMAT.
    pub time_format: TimeFormat,
    /// The zone of timestamps with zone whose text names none: the session's.
    pub time_zone: Zone,
    /// MAXERROR: the load fails when that many rows are refused (0 and 1: the first one fails it). `u64::MAX` is
    /// IGNOREALLERRORS.
    pub max_errors: u64,
    /// ACCEPTINVCHARS: each byte that is not UTF-8 becomes this character.
    pub replace_invalid: Option<u8>,
    /// BLANKSASNULL: strings of white space only are NULL.
    pub blanks_as_null: bool,
    /// EMPTYASNULL: empty strings are NULL.
    pub empty_as_null: bool,
    /// TRUNCATECOLUMNS: strings are cut to the column's length.
    pub truncate_columns: bool,
    /// TRIMBLANKS: white space at the end of varchar values is dropped.
    pub trim_blanks: bool,
    /// FILLRECORD: missing fields at the end of a record are empty.
    pub fill_record: bool,
    /// IGNOREBLANKLINES.
    pub ignore_blank_lines: bool,
    /// REMOVEQUOTES: quotes around fields of [`Format::Delimited`] are dropped, delimiters between them are data.
    pub remove_quotes: bool,
    /// ROUNDEC and its absence.
    pub rounding: Rounding,
    /// Bytes of text that a worker parses at a time; smaller values are for tests of what happens between two chunks.
    pub chunk_bytes: usize,
    /// ACCEPTANYDATE: dates and timestamps that cannot be read are NULL.
    pub accept_any_date: bool,
}

impl CopyOptions {
    /// The defaults of a format.
    pub fn new(format: Format) -> Self {
        let postgres = format.is_postgres();
        Self {
            delimiter: match format {
                Format::Delimited => b"|".to_vec(),
                Format::PostgresText => b"\t".to_vec(),
                _ => b",".to_vec(),
            },
            quote: b'"',
            escape: (format == Format::PostgresText).then_some(b'\\'),
            null: match format {
                Format::PostgresCsv => Some(Vec::new()),
                Format::Json { .. } | Format::Parquet => None,
                Format::Delimited | Format::Csv | Format::PostgresText => Some(b"\\N".to_vec()),
            },
            skip_records: 0,
            compression: Compression::Auto,
            date_format: DateFormat::Auto,
            time_format: TimeFormat::Auto,
            time_zone: Zone::UTC,
            max_errors: 0,
            replace_invalid: None,
            blanks_as_null: false,
            empty_as_null: false,
            truncate_columns: false,
            trim_blanks: false,
            fill_record: false,
            ignore_blank_lines: false,
            remove_quotes: false,
            rounding: if postgres { Rounding::HalfAway } else { Rounding::Truncate },
            chunk_bytes: CHUNK_BYTES,
            accept_any_date: false,
        }
    }

    /// Refuses options that exclude each other or that the format does not have.
    pub fn validate(&self, format: Format) -> Result<()> {
        self.validate_characters(format)?;
        if self.remove_quotes && format != Format::Delimited {
            return Err(Error::invalid(
                "option REMOVEQUOTES is for delimited text only, not with CSV, JSON or PARQUET",
            ));
        }
        if matches!(format, Format::Json { .. } | Format::Parquet) && (self.skip_records > 0 || self.fill_record) {
            return Err(Error::invalid("options IGNOREHEADER, HEADER and FILLRECORD are for text formats only"));
        }
        if format == Format::Parquet && !matches!(self.compression, Compression::Auto | Compression::None) {
            return Err(Error::invalid("parquet files are compressed inside; GZIP and ZSTD do not apply"));
        }
        if self.replace_invalid.is_some_and(|character| !(0x20..0x7f).contains(&character)) {
            return Err(Error::invalid("the replacement character of ACCEPTINVCHARS must be printable ASCII"));
        }
        Ok(())
    }

    fn validate_characters(&self, format: Format) -> Result<()> {
        if matches!(format, Format::Json { .. } | Format::Parquet) {
            return Ok(());
        }
        let is_break = |byte: &u8| matches!(byte, b'\n' | b'\r');
        if self.delimiter.is_empty() || self.delimiter.iter().any(is_break) {
            return Err(Error::invalid("the delimiter must not be empty and must not contain line breaks"));
        }
        if self.delimiter.len() > 1 && format != Format::Delimited {
            return Err(Error::invalid("the delimiter must be a single one-byte character"));
        }
        let csv = matches!(format, Format::Csv | Format::PostgresCsv);
        if csv && (is_break(&self.quote) || self.delimiter.contains(&self.quote)) {
            return Err(Error::invalid("the quote must differ from the delimiter and must not be a line break"));
        }
        if self.escape.is_some_and(|escape| self.delimiter.contains(&escape) || is_break(&escape)) {
            return Err(Error::invalid("the escape must differ from the delimiter and must not be a line break"));
        }
        if self.null.as_ref().is_some_and(|null| null.iter().any(is_break)) {
            return Err(Error::invalid("the NULL string must not contain line breaks"));
        }
        Ok(())
    }
}
