//! SQL types as clients see them: Postgres object ids, names and modifiers over the Arrow types that carry the values.
//!
//! Arrow cannot tell `varchar(10)` from `text` or `oid` from `bigint`. Where that matters, the Arrow field carries the
//! SQL type in its metadata under [`METADATA_KEY`]; a field without it has the plain type of its Arrow type. The metadata
//! follows plain column references and casts through a plan, and ends at the first expression, as a typmod does in
//! Postgres.

use std::collections::HashMap;
use std::fmt;

use arrow::datatypes::{DataType, Field, FieldRef, IntervalUnit, TimeUnit};
use sqlparser::ast;
use stoa_storage::{ColumnType, DECIMAL64_PRECISION_MAX};

use crate::error::{SqlError, SqlState};

/// Key of the Arrow field metadata that holds the SQL type where the Arrow type alone does not tell it.
pub(crate) const METADATA_KEY: &str = "stoa.type";

/// The greatest precision of `numeric`.
pub(crate) const NUMERIC_PRECISION_MAX: u8 = 38;

/// A type of a column, a parameter or a result.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum SqlType {
    /// `boolean`
    Bool,
    /// `smallint`
    Int2,
    /// `integer`
    Int4,
    /// `bigint`
    Int8,
    /// `real`
    Float4,
    /// `double precision`
    Float8,
    /// `numeric(precision, scale)`
    Numeric {
        /// Total digits.
        precision: u8,
        /// Digits after the point.
        scale: u8,
    },
    /// `numeric` without a modifier, as parameters declare it.
    NumericAny,
    /// `text`
    Text,
    /// `character varying(n)`
    Varchar(Option<u32>),
    /// `character(n)`
    Bpchar(Option<u32>),
    /// `name`
    Name,
    /// `"char"`: one byte
    Char1,
    /// `oid`
    Oid,
    /// `regclass`
    Regclass,
    /// `regtype`
    Regtype,
    /// `regproc`
    Regproc,
    /// `regnamespace`
    Regnamespace,
    /// `regrole`
    Regrole,
    /// `date`
    Date,
    /// `time without time zone`
    Time,
    /// `timestamp without time zone`
    Timestamp,
    /// `timestamp with time zone`
    Timestamptz,
    /// `interval`
    Interval,
    /// `bytea`
    Bytea,
    /// An array.
    Array(Box<SqlType>),
    /// `int2vector`
    Int2Vector,
    /// `oidvector`
    OidVector,
    /// A literal or parameter whose type nothing has fixed.
    Unknown,
}

/// One line a type: variant, oid, oid of its array, typlen, name in `pg_type`, name in SQL.
const FIXED: &[(SqlType, u32, u32, i16, &str, &str)] = &[
    (SqlType::Bool, 16, 1000, 1, "bool", "boolean"),
    (SqlType::Int2, 21, 1005, 2, "int2", "smallint"),
    (SqlType::Int4, 23, 1007, 4, "int4", "integer"),
    (SqlType::Int8, 20, 1016, 8, "int8", "bigint"),
    (SqlType::Float4, 700, 1021, 4, "float4", "real"),
    (SqlType::Float8, 701, 1022, 8, "float8", "double precision"),
    (SqlType::NumericAny, 1700, 1231, -1, "numeric", "numeric"),
    (SqlType::Text, 25, 1009, -1, "text", "text"),
    (SqlType::Varchar(None), 1043, 1015, -1, "varchar", "character varying"),
    (SqlType::Bpchar(None), 1042, 1014, -1, "bpchar", "character"),
    (SqlType::Name, 19, 1003, 64, "name", "name"),
    (SqlType::Char1, 18, 1002, 1, "char", "\"char\""),
    (SqlType::Oid, 26, 1028, 4, "oid", "oid"),
    (SqlType::Regclass, 2205, 2210, 4, "regclass", "regclass"),
    (SqlType::Regtype, 2206, 2211, 4, "regtype", "regtype"),
    (SqlType::Regproc, 24, 1008, 4, "regproc", "regproc"),
    (SqlType::Regnamespace, 4089, 4090, 4, "regnamespace", "regnamespace"),
    (SqlType::Regrole, 4096, 4097, 4, "regrole", "regrole"),
    (SqlType::Date, 1082, 1182, 4, "date", "date"),
    (SqlType::Time, 1083, 1183, 8, "time", "time without time zone"),
    (SqlType::Timestamp, 1114, 1115, 8, "timestamp", "timestamp without time zone"),
    (SqlType::Timestamptz, 1184, 1185, 8, "timestamptz", "timestamp with time zone"),
    (SqlType::Interval, 1186, 1187, 16, "interval", "interval"),
    (SqlType::Bytea, 17, 1001, -1, "bytea", "bytea"),
    (SqlType::Int2Vector, 22, 1006, -1, "int2vector", "int2vector"),
    (SqlType::OidVector, 30, 1013, -1, "oidvector", "oidvector"),
    (SqlType::Unknown, 705, 0, -2, "unknown", "unknown"),
];

impl SqlType {
    /// The type without its modifier, which is the key of the table above.
    fn base(&self) -> Self {
        match self {
            Self::Numeric { .. } => Self::NumericAny,
            Self::Varchar(_) => Self::Varchar(None),
            Self::Bpchar(_) => Self::Bpchar(None),
            other => other.clone(),
        }
    }

    fn facts(&self) -> Option<&'static (Self, u32, u32, i16, &'static str, &'static str)> {
        let base = self.base();
        FIXED.iter().find(|entry| entry.0 == base)
    }

    /// The `oid` in `pg_type`.
    pub fn oid(&self) -> u32 {
        match self {
            Self::Array(element) => element.facts().map_or(1009, |facts| facts.2),
            other => other.facts().map_or(25, |facts| facts.1),
        }
    }

    /// The type of that `oid`, if Stoa has it.
    pub fn from_oid(oid: u32) -> Option<Self> {
        if oid == 0 {
            return None;
        }
        FIXED.iter().find_map(|entry| {
            if entry.1 == oid {
                Some(entry.0.clone())
            } else if entry.2 == oid {
                Some(Self::Array(Box::new(entry.0.clone())))
            } else {
                None
            }
        })
    }

    /// `typlen`: bytes of a value, -1 where they vary.
    pub fn typlen(&self) -> i16 {
        self.facts().map_or(-1, |facts| facts.3)
    }

    /// `atttypmod` as Postgres encodes it, -1 without a modifier.
    pub fn typmod(&self) -> i32 {
        match self {
            Self::Numeric { precision, scale } => ((i32::from(*precision) << 16) | i32::from(*scale)) + 4,
            Self::Varchar(Some(length)) | Self::Bpchar(Some(length)) => {
                i32::try_from(*length).map_or(-1, |length| length.saturating_add(4))
            }
            _ => -1,
        }
    }

    /// The type that an oid and a `typmod` stand for.
    pub fn with_typmod(self, typmod: i32) -> Self {
        let length = u32::try_from(typmod.saturating_sub(4)).ok().filter(|length| *length > 0);
        match (self, length) {
            (Self::NumericAny, Some(packed)) => {
                let precision = u8::try_from(packed >> 16).unwrap_or(NUMERIC_PRECISION_MAX);
                let scale = u8::try_from(packed & 0xffff).unwrap_or(0);
                Self::Numeric { precision, scale }
            }
            (Self::Varchar(_), length) => Self::Varchar(length),
            (Self::Bpchar(_), length) => Self::Bpchar(length),
            (other, _) => other,
        }
    }

    /// The name in `pg_type`: `int4`, `varchar`, `_text`.
    pub fn type_name(&self) -> String {
        match self {
            Self::Array(element) => format!("_{}", element.type_name()),
            other => other.facts().map_or_else(|| "text".to_owned(), |facts| facts.4.to_owned()),
        }
    }

    /// The name in SQL with the modifier, as `format_type` gives it: `character varying(10)`.
    pub fn name(&self) -> String {
        let base = self.facts().map_or("text", |facts| facts.5);
        match self {
            Self::Numeric { precision, scale } => format!("numeric({precision},{scale})"),
            Self::Varchar(Some(length)) | Self::Bpchar(Some(length)) => format!("{base}({length})"),
            Self::Array(element) => format!("{}[]", element.name()),
            _ => base.to_owned(),
        }
    }

    /// The Arrow type in which values travel.
    pub fn arrow(&self) -> DataType {
        match self {
            Self::Bool => DataType::Boolean,
            Self::Int2 => DataType::Int16,
            Self::Int4 => DataType::Int32,
            Self::Int8
            | Self::Oid
            | Self::Regclass
            | Self::Regtype
            | Self::Regproc
            | Self::Regnamespace
            | Self::Regrole => DataType::Int64,
            Self::Float4 => DataType::Float32,
            Self::Float8 => DataType::Float64,
            Self::Numeric { precision, scale } => decimal_type(*precision, scale.cast_signed()),
            Self::NumericAny => DataType::Decimal128(NUMERIC_PRECISION_MAX, 10),
            Self::Text | Self::Varchar(_) | Self::Bpchar(_) | Self::Name | Self::Char1 => DataType::Utf8View,
            Self::Unknown => DataType::Utf8,
            Self::Date => DataType::Date32,
            Self::Time => DataType::Time64(TimeUnit::Microsecond),
            Self::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
            Self::Timestamptz => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Self::Interval => DataType::Interval(IntervalUnit::MonthDayNano),
            Self::Bytea => DataType::BinaryView,
            Self::Array(element) => DataType::List(Field::new_list_field(element.arrow(), true).into()),
            Self::Int2Vector => DataType::List(Field::new_list_field(DataType::Int16, true).into()),
            Self::OidVector => DataType::List(Field::new_list_field(DataType::Int64, true).into()),
        }
    }

    /// Whether values are text.
    pub fn is_text(&self) -> bool {
        matches!(self, Self::Text | Self::Varchar(_) | Self::Bpchar(_) | Self::Name | Self::Char1 | Self::Unknown)
    }

    /// Whether values are object ids that show as names.
    pub fn is_reg(&self) -> bool {
        matches!(self, Self::Regclass | Self::Regtype | Self::Regproc | Self::Regnamespace | Self::Regrole)
    }

    /// The type of a stored column.
    pub fn from_column(column_type: ColumnType) -> Self {
        match column_type {
            ColumnType::Bool => Self::Bool,
            ColumnType::Int16 => Self::Int2,
            ColumnType::Int32 => Self::Int4,
            ColumnType::Int64 => Self::Int8,
            ColumnType::Float32 => Self::Float4,
            ColumnType::Float64 => Self::Float8,
            ColumnType::Decimal { precision, scale } => Self::Numeric { precision, scale },
            ColumnType::Char { length } => Self::Bpchar(Some(length)),
            ColumnType::Varchar { length: None } => Self::Text,
            ColumnType::Varchar { length } => Self::Varchar(length),
            ColumnType::Date => Self::Date,
            ColumnType::Time => Self::Time,
            ColumnType::Timestamp => Self::Timestamp,
            ColumnType::TimestampTz => Self::Timestamptz,
            ColumnType::Interval => Self::Interval,
            ColumnType::Bytes => Self::Bytea,
        }
    }

    /// The type of a column that stores values of this type; `None` for types that cannot be stored.
    pub fn to_column(&self) -> Option<ColumnType> {
        Some(match self {
            Self::Bool => ColumnType::Bool,
            Self::Int2 => ColumnType::Int16,
            Self::Int4 => ColumnType::Int32,
            Self::Int8
            | Self::Oid
            | Self::Regclass
            | Self::Regtype
            | Self::Regproc
            | Self::Regnamespace
            | Self::Regrole => ColumnType::Int64,
            Self::Float4 => ColumnType::Float32,
            Self::Float8 => ColumnType::Float64,
            Self::Numeric { precision, scale } => ColumnType::Decimal { precision: *precision, scale: *scale },
            // Redshift's default.
            Self::NumericAny => ColumnType::Decimal { precision: 18, scale: 0 },
            Self::Text | Self::Varchar(None) | Self::Name | Self::Unknown => ColumnType::Varchar { length: None },
            Self::Varchar(length) => ColumnType::Varchar { length: *length },
            Self::Bpchar(length) => ColumnType::Char { length: length.unwrap_or(1) },
            Self::Char1 => ColumnType::Char { length: 1 },
            Self::Date => ColumnType::Date,
            Self::Time => ColumnType::Time,
            Self::Timestamp => ColumnType::Timestamp,
            Self::Timestamptz => ColumnType::TimestampTz,
            Self::Interval => ColumnType::Interval,
            Self::Bytea => ColumnType::Bytes,
            Self::Array(_) | Self::Int2Vector | Self::OidVector => return None,
        })
    }

    /// The plain SQL type of an Arrow type.
    pub fn from_arrow(data_type: &DataType) -> Self {
        match data_type {
            DataType::Boolean => Self::Bool,
            DataType::Int8 | DataType::UInt8 | DataType::Int16 => Self::Int2,
            DataType::UInt16 | DataType::Int32 => Self::Int4,
            DataType::UInt32 | DataType::Int64 | DataType::UInt64 | DataType::Duration(_) => Self::Int8,
            DataType::Float16 | DataType::Float32 => Self::Float4,
            DataType::Float64 => Self::Float8,
            DataType::Decimal32(precision, scale)
            | DataType::Decimal64(precision, scale)
            | DataType::Decimal128(precision, scale)
            | DataType::Decimal256(precision, scale) => Self::Numeric {
                precision: (*precision).min(NUMERIC_PRECISION_MAX),
                scale: u8::try_from(*scale).unwrap_or(0),
            },
            DataType::Date32 | DataType::Date64 => Self::Date,
            DataType::Time32(_) | DataType::Time64(_) => Self::Time,
            DataType::Timestamp(_, None) => Self::Timestamp,
            DataType::Timestamp(_, Some(_)) => Self::Timestamptz,
            DataType::Interval(_) => Self::Interval,
            DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
                Self::Bytea
            }
            DataType::List(field) | DataType::LargeList(field) | DataType::FixedSizeList(field, _) => {
                Self::Array(Box::new(Self::from_field(field)))
            }
            DataType::Dictionary(_, value) => Self::from_arrow(value),
            // Text, nulls and everything that only shows as text.
            _ => Self::Text,
        }
    }

    /// The SQL type of an Arrow field, from its metadata where it has some.
    pub fn from_field(field: &Field) -> Self {
        field
            .metadata()
            .get(METADATA_KEY)
            .and_then(|text| Self::parse(text))
            .unwrap_or_else(|| Self::from_arrow(field.data_type()))
    }

    /// The Arrow field of a column of this type.
    pub fn field(&self, name: &str, nullable: bool) -> Field {
        let field = Field::new(name, self.arrow(), nullable);
        if Self::from_arrow(field.data_type()) == *self {
            field
        } else {
            field.with_metadata(HashMap::from([(METADATA_KEY.to_owned(), self.name())]))
        }
    }

    /// The unnamed Arrow field that casts to this type carry.
    pub fn cast_field(&self) -> FieldRef {
        self.field("", true).into()
    }

    /// The type that `text` names, with Postgres's and Redshift's aliases and an optional modifier.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let text = text.strip_prefix("pg_catalog.").unwrap_or(text);
        if let Some(element) = text.strip_suffix("[]").or_else(|| text.strip_prefix('_')) {
            return Some(Self::Array(Box::new(Self::parse(element)?)));
        }
        let (name, modifier) = match text.split_once('(') {
            Some((name, rest)) => {
                let (modifier, tail) = rest.split_once(')')?;
                (format!("{}{tail}", name.trim_end()), Some(modifier.to_owned()))
            }
            None => (text.to_owned(), None),
        };
        let base = base_of_name(&name.to_ascii_lowercase())?;
        match (base, modifier) {
            (base, None) => Some(base),
            (Self::NumericAny, Some(modifier)) => {
                let (precision, scale) = modifier.split_once(',').unwrap_or((&modifier, "0"));
                Some(Self::Numeric { precision: precision.trim().parse().ok()?, scale: scale.trim().parse().ok()? })
            }
            (Self::Varchar(_), Some(length)) if length.eq_ignore_ascii_case("max") => {
                Some(Self::Varchar(Some(VARCHAR_MAX)))
            }
            (Self::Varchar(_), Some(length)) => Some(Self::Varchar(Some(length.trim().parse().ok()?))),
            (Self::Bpchar(_), Some(length)) => Some(Self::Bpchar(Some(length.trim().parse().ok()?))),
            // Precisions of times are accepted; values always have microseconds.
            (base, Some(_)) => Some(base),
        }
    }

    /// The type that a parsed type name stands for.
    pub fn from_ast(data_type: &ast::DataType) -> Result<Self, SqlError> {
        let text = data_type.to_string();
        let parsed = Self::parse(&text.replace('"', "")).map(|parsed| match (data_type, parsed) {
            // `"char"` in quotes is the one-byte type, `char` is `character(1)`.
            (ast::DataType::Custom(..), Self::Bpchar(None)) if text.contains('"') => Self::Char1,
            (_, Self::Bpchar(None)) if text.eq_ignore_ascii_case("char") || text.eq_ignore_ascii_case("character") => {
                Self::Bpchar(Some(1))
            }
            (_, parsed) => parsed,
        });
        match parsed {
            Some(Self::Numeric { precision, scale }) if precision == 0 || precision > 38 || scale > precision => {
                Err(SqlError::new(
                    SqlState::InvalidParameterValue,
                    format!("numeric precision {precision} and scale {scale} must be between 1 and 38"),
                ))
            }
            Some(Self::Varchar(Some(0)) | Self::Bpchar(Some(0))) => {
                Err(SqlError::new(SqlState::InvalidParameterValue, "length for type varchar must be at least 1"))
            }
            Some(parsed) => Ok(parsed),
            None => Err(SqlError::new(
                SqlState::UndefinedObject,
                format!("type \"{}\" does not exist", text.to_lowercase()),
            )),
        }
    }
}

/// `varchar(max)` of Redshift.
const VARCHAR_MAX: u32 = 65_535;

/// The decimal type of that precision and scale: 64-bit integers wherever the digits fit.
pub(crate) fn decimal_type(precision: u8, scale: i8) -> DataType {
    if precision <= DECIMAL64_PRECISION_MAX {
        DataType::Decimal64(precision, scale)
    } else {
        DataType::Decimal128(precision, scale)
    }
}

fn base_of_name(name: &str) -> Option<SqlType> {
    Some(match name {
        "int" => SqlType::Int4,
        "float" | "double" => SqlType::Float8,
        "decimal" | "dec" => SqlType::NumericAny,
        "nvarchar" | "char varying" | "national character varying" => SqlType::Varchar(None),
        "string" => SqlType::Text,
        "\"char\"" => SqlType::Char1,
        "char" | "nchar" | "national character" => SqlType::Bpchar(None),
        "timestamp with time zone" => SqlType::Timestamptz,
        "datetime" => SqlType::Timestamp,
        "time" => SqlType::Time,
        "varbyte" | "varbinary" | "binary varying" => SqlType::Bytea,
        "regprocedure" => SqlType::Regproc,
        _ => FIXED.iter().find(|entry| entry.4 == name || entry.5 == name)?.0.clone(),
    })
}

impl fmt::Display for SqlType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_modifiers_round_trip() {
        for text in ["integer", "character varying(10)", "numeric(12,2)", "character(3)", "timestamp with time zone"] {
            assert_eq!(SqlType::parse(text).map(|parsed| parsed.name()).as_deref(), Some(text));
        }
        assert_eq!(SqlType::parse("varchar(max)"), Some(SqlType::Varchar(Some(VARCHAR_MAX))));
        assert_eq!(SqlType::parse("timestamp(3) with time zone"), Some(SqlType::Timestamptz));
        assert_eq!(SqlType::parse("_int4"), Some(SqlType::Array(Box::new(SqlType::Int4))));
        assert_eq!(SqlType::parse("nonsense"), None);
    }

    #[test]
    fn modifiers_are_encoded_as_postgres_does() {
        assert_eq!(SqlType::Numeric { precision: 12, scale: 2 }.typmod(), 786_438);
        assert_eq!(SqlType::Varchar(Some(10)).typmod(), 14);
        assert_eq!(SqlType::Text.typmod(), -1);
        assert_eq!(SqlType::NumericAny.with_typmod(786_438), SqlType::Numeric { precision: 12, scale: 2 });
    }

    #[test]
    fn fields_keep_what_arrow_cannot_say() {
        for sql_type in
            [SqlType::Varchar(Some(5)), SqlType::Oid, SqlType::Text, SqlType::Bpchar(Some(2)), SqlType::Char1]
        {
            assert_eq!(SqlType::from_field(&sql_type.field("a", true)), sql_type);
        }
        assert!(SqlType::Int4.field("a", true).metadata().is_empty());
    }

    #[test]
    fn object_ids_are_known_both_ways() {
        assert_eq!(SqlType::from_oid(1007), Some(SqlType::Array(Box::new(SqlType::Int4))));
        assert_eq!(SqlType::from_oid(SqlType::Timestamptz.oid()), Some(SqlType::Timestamptz));
        assert_eq!(SqlType::from_oid(0), None);
    }
}
