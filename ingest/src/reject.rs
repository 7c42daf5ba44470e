//! Why a row was refused, in Redshift's codes and words and in Postgres's words.
//!
//! The hot loops of the converters return the small [`Fault`]; sentences are made only for rows that are refused.

use stoa_storage::{Column, ColumnType};

/// Bytes of a raw line or a raw field that are kept (`stl_load_errors` has `char(1024)`).
pub const RAW_BYTES_MAX: usize = 1024;
/// Refused rows whose particulars are kept; more are only counted.
pub const REJECTED_ROWS_KEPT: usize = 100_000;

/// What is wrong with a value or a row. `u32` is the place within the field, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Something else than a digit in a number.
    Digit(u32),
    /// A number outside its type's range.
    Overflow,
    /// Not a number with a fraction or exponent.
    Float,
    /// More fractional digits than the column has, where rounding is forbidden.
    Inexact,
    /// No spelling of true or false.
    Boolean,
    /// Not a date of the format asked for.
    Date,
    /// Not a time of day.
    Time,
    /// Not a timestamp of the format asked for.
    Timestamp,
    /// A date or time of the right form that does not exist or is out of range.
    DateRange,
    /// Not an interval.
    Interval,
    /// Not a byte string.
    Hex(u32),
    /// A string of that many bytes, longer than the column.
    TooLong(u32),
    /// Bytes that are not UTF-8.
    Encoding(u32),
    /// A NUL byte in a string.
    Nul(u32),
    /// No value in a column that is NOT NULL.
    NotNull,
    /// Fewer fields than columns: only that many.
    MissingFields(u32),
    /// More fields than columns.
    ExtraFields,
    /// A blank line.
    BlankLine,
    /// A quoted field that does not end.
    Quote,
    /// Not a JSON object, or a damaged one.
    Json(JsonFault),
    /// A value of the file that has no counterpart in the column's type (Parquet).
    Conversion,
}

/// What is wrong with a JSON object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JsonFault {
    /// The line does not start an object.
    NotObject,
    /// It ends in the middle.
    Truncated,
    /// A character that may not stand there.
    Unexpected,
    /// A `\` sequence in a string that JSON does not have.
    Escape,
    /// Deeper than [`crate::limit::JSON_DEPTH_MAX`].
    Depth,
    /// Something after the object on the same line.
    Trailing,
}

/// What a client can do about a refused row; SQL gives each its SQLSTATE.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cause {
    /// The text is not of the column's type.
    InvalidText,
    /// A number outside the range.
    OutOfRange,
    /// A date or time of the wrong form.
    DateTimeFormat,
    /// A date or time out of range.
    DateTimeRange,
    /// A string longer than the column.
    TooLong,
    /// NULL in a NOT NULL column.
    NullViolation,
    /// Characters outside the encoding.
    Encoding,
    /// The row as a whole has the wrong form.
    RowFormat,
}

/// A row that was not loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RejectedRow {
    /// The file, as a URL or path; `STDIN` for an upload.
    pub file: String,
    /// Line of the file where the row starts, from 1. The row's number for formats without lines.
    pub line: u64,
    /// The column, where one is to blame.
    pub column: Option<String>,
    /// Its type, as Redshift names it (`int4`, `varchar`).
    pub column_type: Option<&'static str>,
    /// Its length: the declared one for strings, `precision,scale` for decimals.
    pub column_length: Option<String>,
    /// Place of the error in the field, in bytes from 0.
    pub position: u32,
    /// The field as it is in the file, at most [`RAW_BYTES_MAX`] bytes.
    pub raw_field: String,
    /// The line as it is in the file, at most [`RAW_BYTES_MAX`] bytes.
    pub raw_line: String,
    /// Redshift's error code.
    pub code: i32,
    /// Redshift's words.
    pub reason: String,
    /// Postgres's words.
    pub message: String,
    /// What kind of mistake it is.
    pub cause: Cause,
}

/// Where a refused row stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) file: &'a str,
    pub(crate) line: u64,
    pub(crate) raw_line: &'a [u8],
}

impl RejectedRow {
    /// Describes a fault of a whole row. Of missing fields the first one's column is named.
    pub(crate) fn row(place: Place<'_>, fault: Fault, columns: &[Column]) -> Self {
        let missing = match fault {
            Fault::MissingFields(found) => Some(found as usize),
            Fault::BlankLine => Some(columns.len().saturating_sub(1).min(1)),
            _ => None,
        };
        Self::new(place, fault, missing.and_then(|missing| columns.get(missing)), b"")
    }

    /// Describes a fault of one field.
    pub(crate) fn field(place: Place<'_>, fault: Fault, column: &Column, raw: &[u8]) -> Self {
        Self::new(place, fault, Some(column), raw)
    }

    fn new(place: Place<'_>, fault: Fault, column: Option<&Column>, raw: &[u8]) -> Self {
        let raw_field = shown(raw);
        Self {
            file: place.file.to_owned(),
            line: place.line,
            column: column.map(|column| column.name.clone()),
            column_type: column.map(|column| redshift_type(&column.column_type)),
            column_length: column.and_then(|column| redshift_length(&column.column_type)),
            position: fault.position(),
            code: fault.code(column.map(|column| &column.column_type)),
            reason: fault.reason(column, &raw_field),
            message: fault.message(column, &raw_field),
            cause: fault.cause(),
            raw_line: shown(place.raw_line),
            raw_field,
        }
    }
}

/// Readable text of raw bytes, cut at [`RAW_BYTES_MAX`].
pub(crate) fn shown(raw: &[u8]) -> String {
    let cut = &raw[..raw.len().min(RAW_BYTES_MAX)];
    let text = String::from_utf8_lossy(cut);
    let text = text.trim_end_matches(['\n', '\r']);
    // A character cut in half at the limit is no news to the reader.
    if raw.len() > RAW_BYTES_MAX { text.trim_end_matches('\u{fffd}').to_owned() } else { text.to_owned() }
}

impl Fault {
    fn position(self) -> u32 {
        match self {
            Self::Digit(at) | Self::Hex(at) | Self::Encoding(at) | Self::Nul(at) => at,
            _ => 0,
        }
    }

    /// Redshift's number for it ("Load error reference").
    fn code(self, column_type: Option<&ColumnType>) -> i32 {
        match self {
            Self::ExtraFields => 1202,
            Self::Overflow | Self::TooLong(_) | Self::Inexact => 1204,
            Self::Date => 1205,
            Self::Time | Self::Timestamp | Self::Interval => 1206,
            Self::DateRange if matches!(column_type, Some(ColumnType::Date)) => 1205,
            Self::DateRange => 1206,
            Self::Digit(_) if matches!(column_type, Some(ColumnType::Decimal { .. })) => 1209,
            Self::Digit(_) | Self::Hex(_) => 1207,
            Self::Float => 1208,
            Self::Boolean => 1210,
            Self::BlankLine => 1211,
            Self::NotNull => 1213,
            Self::MissingFields(_) => 1214,
            Self::Quote | Self::Json(_) | Self::Conversion => 1216,
            Self::Encoding(_) | Self::Nul(_) => 1220,
        }
    }

    fn cause(self) -> Cause {
        match self {
            Self::Digit(_) | Self::Float | Self::Boolean | Self::Hex(_) | Self::Conversion => Cause::InvalidText,
            Self::Overflow | Self::Inexact => Cause::OutOfRange,
            Self::Date | Self::Time | Self::Timestamp | Self::Interval => Cause::DateTimeFormat,
            Self::DateRange => Cause::DateTimeRange,
            Self::TooLong(_) => Cause::TooLong,
            Self::NotNull => Cause::NullViolation,
            Self::Encoding(_) | Self::Nul(_) => Cause::Encoding,
            Self::MissingFields(_) | Self::ExtraFields | Self::BlankLine | Self::Quote | Self::Json(_) => {
                Cause::RowFormat
            }
        }
    }

    /// Redshift's words, as `stl_load_errors.err_reason` shows them.
    fn reason(self, column: Option<&Column>, raw: &str) -> String {
        let short: String = raw.chars().take(40).collect();
        let type_name = column.map_or("Row", |column| redshift_word(&column.column_type));
        match self {
            Self::Digit(at) | Self::Hex(at) => {
                let value =
                    raw.get(at as usize..).and_then(|rest| rest.chars().next()).map_or_else(String::new, String::from);
                format!("Invalid digit, Value '{value}', Pos {at}, Type: {type_name}")
            }
            Self::Float => format!("Invalid digit, Value '{short}', Pos 0, Type: {type_name}"),
            Self::Overflow => match column.map(|column| column.column_type) {
                Some(ColumnType::Decimal { precision, scale }) => format!("Overflow for NUMERIC({precision},{scale})"),
                _ => format!("Overflow, Value '{short}', Type: {type_name}"),
            },
            Self::Inexact => format!("Numeric data would lose digits, Value '{short}'"),
            Self::Boolean => "Unknown boolean format".to_owned(),
            Self::Date => "Invalid Date Format".to_owned(),
            Self::Time => "Invalid time format".to_owned(),
            Self::Timestamp => "Invalid timestamp format or value".to_owned(),
            Self::DateRange => "Date or timestamp out of range".to_owned(),
            Self::Interval => "Invalid interval format".to_owned(),
            Self::TooLong(_) => match column.map(|column| column.column_type) {
                Some(ColumnType::Char { .. }) => "Char length exceeds DDL length".to_owned(),
                _ => "String length exceeds DDL length".to_owned(),
            },
            Self::Encoding(at) => format!("String contains invalid or unsupported UTF8 codepoints at byte {at}"),
            Self::Nul(at) => format!("Missing newline: Unexpected character 0x0 found at location {at}"),
            Self::NotNull => "Missing data for not-null field".to_owned(),
            Self::MissingFields(_) => "Delimiter not found".to_owned(),
            Self::ExtraFields => "Extra column(s) found".to_owned(),
            Self::BlankLine => "Input line contained no data".to_owned(),
            Self::Quote => "Invalid quote formatting for CSV".to_owned(),
            Self::Json(fault) => format!("Invalid JSON: {}", fault.text()),
            Self::Conversion => format!("Value '{short}' has no {type_name} counterpart"),
        }
    }

    /// Postgres's words, as `COPY … FROM STDIN` reports them.
    fn message(self, column: Option<&Column>, raw: &str) -> String {
        let name = column.map_or("", |column| column.name.as_str());
        let type_name = column.map_or_else(|| "row".to_owned(), |column| postgres_type(&column.column_type));
        match self {
            Self::Overflow => match column.map(|column| column.column_type) {
                Some(ColumnType::Decimal { .. }) => "numeric field overflow".to_owned(),
                _ => format!("value \"{raw}\" is out of range for type {type_name}"),
            },
            Self::Inexact => format!("value \"{raw}\" has more fractional digits than type {type_name}"),
            Self::DateRange => format!("date/time field value out of range: \"{raw}\""),
            Self::TooLong(_) => format!("value too long for type {type_name}"),
            Self::Encoding(_) => "invalid byte sequence for encoding \"UTF8\"".to_owned(),
            Self::Nul(_) => "invalid byte sequence for encoding \"UTF8\": 0x00".to_owned(),
            Self::NotNull => format!("null value in column \"{name}\" violates not-null constraint"),
            Self::MissingFields(_) | Self::BlankLine => format!("missing data for column \"{name}\""),
            Self::ExtraFields => "extra data after last expected column".to_owned(),
            Self::Quote => "unterminated CSV quoted field".to_owned(),
            Self::Json(fault) => format!("invalid JSON: {}", fault.text()),
            _ => format!("invalid input syntax for type {type_name}: \"{raw}\""),
        }
    }
}

impl JsonFault {
    fn text(self) -> &'static str {
        match self {
            Self::NotObject => "expected an object",
            Self::Truncated => "the object does not end",
            Self::Unexpected => "unexpected character",
            Self::Escape => "invalid escape sequence in a string",
            Self::Depth => "nested too deeply",
            Self::Trailing => "unexpected text after the object",
        }
    }
}

/// The name in `stl_load_errors.type`.
pub(crate) fn redshift_type(column_type: &ColumnType) -> &'static str {
    match column_type {
        ColumnType::Bool => "bool",
        ColumnType::Int16 => "int2",
        ColumnType::Int32 => "int4",
        ColumnType::Int64 => "int8",
        ColumnType::Float32 => "float4",
        ColumnType::Float64 => "float8",
        ColumnType::Decimal { .. } => "numeric",
        ColumnType::Char { .. } => "char",
        ColumnType::Varchar { .. } => "varchar",
        ColumnType::Date => "date",
        ColumnType::Time => "time",
        ColumnType::Timestamp => "timestamp",
        ColumnType::TimestampTz => "timestamptz",
        ColumnType::Interval => "interval",
        ColumnType::Bytes => "varbyte",
    }
}

/// The type as Redshift's reasons spell it.
fn redshift_word(column_type: &ColumnType) -> &'static str {
    match column_type {
        ColumnType::Bool => "Boolean",
        ColumnType::Int16 => "Short",
        ColumnType::Int32 => "Integer",
        ColumnType::Int64 => "Long",
        ColumnType::Float32 => "Float",
        ColumnType::Float64 => "Double",
        ColumnType::Decimal { .. } => "Decimal",
        ColumnType::Char { .. } => "Char",
        ColumnType::Varchar { .. } => "Varchar",
        ColumnType::Date => "Date",
        ColumnType::Time => "Time",
        ColumnType::Timestamp => "Timestamp",
        ColumnType::TimestampTz => "Timestamptz",
        ColumnType::Interval => "Interval",
        ColumnType::Bytes => "Varbyte",
    }
}

fn redshift_length(column_type: &ColumnType) -> Option<String> {
    match column_type {
        ColumnType::Char { length } | ColumnType::Varchar { length: Some(length) } => Some(length.to_string()),
        ColumnType::Decimal { precision, scale } => Some(format!("{precision},{scale}")),
        _ => None,
    }
}

fn postgres_type(column_type: &ColumnType) -> String {
    match column_type {
        ColumnType::Bool => "boolean".to_owned(),
        ColumnType::Int16 => "smallint".to_owned(),
        ColumnType::Int32 => "integer".to_owned(),
        ColumnType::Int64 => "bigint".to_owned(),
        ColumnType::Float32 => "real".to_owned(),
        ColumnType::Float64 => "double precision".to_owned(),
        ColumnType::Decimal { .. } => "numeric".to_owned(),
        ColumnType::Char { length } => format!("character({length})"),
        ColumnType::Varchar { length: Some(length) } => format!("character varying({length})"),
        ColumnType::Varchar { length: None } => "text".to_owned(),
        ColumnType::Date => "date".to_owned(),
        ColumnType::Time => "time".to_owned(),
        ColumnType::Timestamp => "timestamp".to_owned(),
        ColumnType::TimestampTz => "timestamp with time zone".to_owned(),
        ColumnType::Interval => "interval".to_owned(),
        ColumnType::Bytes => "bytea".to_owned(),
    }
}
