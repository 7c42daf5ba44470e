//! SQL types as clients see them: oid, length and modifier on the wire, name in messages, and the Arrow type that carries
//! their values through the engine.
//!
//! Several SQL types share one Arrow type (`oid` and `bigint`, `name` and `text`). The SQL type therefore travels as
//! metadata of the Arrow field, written by [`SqlType::field`] and read back by [`SqlType::from_field`]; a field without
//! the metadata has the type that its Arrow type suggests.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, FieldRef, IntervalUnit, TimeUnit};
use stoa_storage::ColumnType;

/// Key of the metadata entry of an Arrow field that names the SQL type.
pub const SQL_TYPE_KEY: &str = "stoa.sql_type";

/// The greatest precision of `numeric`.
pub const NUMERIC_PRECISION_MAX: u8 = 38;

/// A type of SQL.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum SqlType {
    /// `boolean`.
    Bool,
    /// `smallint`.
    Int2,
    /// `integer`.
    Int4,
    /// `bigint`.
    Int8,
    /// `real`.
    Float4,
    /// `double precision`.
    Float8,
    /// `numeric(precision, scale)`.
    Numeric {
        /// Total digits.
        precision: u8,
        /// Digits after the point.
        scale: i8,
    },
    /// `numeric` without a modifier.
    NumericAny,
    /// `text`.
    Text,
    /// `character varying`, with its limit in bytes.
    Varchar(Option<u32>),
    /// `character`, blank-padded, with its length.
    Bpchar(Option<u32>),
    /// `name`, the type of identifiers in catalogs.
    Name,
    /// `"char"`, one byte, the type of catalog codes.
    Char1,
    /// `oid`.
    Oid,
    /// `regclass`: the oid of a relation, shown as its name.
    Regclass,
    /// `regtype`: the oid of a type, shown as its name.
    Regtype,
    /// `regproc`: the oid of a function, shown as its name.
    Regproc,
    /// `regnamespace`: the oid of a schema, shown as its name.
    Regnamespace,
    /// `regrole`: the oid of a role, shown as its name.
    Regrole,
    /// `date`.
    Date,
    /// `time without time zone`.
    Time,
    /// `timestamp without time zone`.
    Timestamp,
    /// `timestamp with time zone`.
    Timestamptz,
    /// `interval`.
    Interval,
    /// `bytea`.
    Bytea,
    /// An array of one of the other types.
    Array(Box<SqlType>),
    /// `int2vector`.
    Int2Vector,
    /// `oidvector`.
    OidVector,
    /// A literal or parameter whose type nothing has decided.
    Unknown,
}

/// What does not depend on a modifier: oid, oid of the array type, length in bytes (-1: varying), name.
struct Fixed(u32, u32, i16, &'static str);

impl SqlType {
    fn fixed(&self) -> Fixed {
        match self {
            Self::Bool => Fixed(16, 1000, 1, "boolean"),
            Self::Int2 => Fixed(21, 1005, 2, "smallint"),
            Self::Int4 => Fixed(23, 1007, 4, "integer"),
            Self::Int8 => Fixed(20, 1016, 8, "bigint"),
            Self::Float4 => Fixed(700, 1021, 4, "real"),
            Self::Float8 => Fixed(701, 1022, 8, "double precision"),
            Self::Numeric { .. } | Self::NumericAny => Fixed(1700, 1231, -1, "numeric"),
            Self::Text => Fixed(25, 1009, -1, "text"),
            Self::Varchar(_) => Fixed(1043, 1015, -1, "character varying"),
            Self::Bpchar(_) => Fixed(1042, 1014, -1, "character"),
            Self::Name => Fixed(19, 1003, 64, "name"),
            Self::Char1 => Fixed(18, 1002, 1, "\"char\""),
            Self::Oid => Fixed(26, 1028, 4, "oid"),
            Self::Regclass => Fixed(2205, 2210, 4, "regclass"),
            Self::Regtype => Fixed(2206, 2211, 4, "regtype"),
            Self::Regproc => Fixed(24, 1008, 4, "regproc"),
            Self::Regnamespace => Fixed(4089, 4090, 4, "regnamespace"),
            Self::Regrole => Fixed(4096, 4097, 4, "regrole"),
            Self::Date => Fixed(1082, 1182, 4, "date"),
            Self::Time => Fixed(1083, 1183, 8, "time without time zone"),
            Self::Timestamp => Fixed(1114, 1115, 8, "timestamp without time zone"),
            Self::Timestamptz => Fixed(1184, 1185, 8, "timestamp with time zone"),
            Self::Interval => Fixed(1186, 1187, 16, "interval"),
            Self::Bytea => Fixed(17, 1001, -1, "bytea"),
            Self::Array(element) => Fixed(element.array_oid(), 0, -1, "array"),
            Self::Int2Vector => Fixed(22, 1006, -1, "int2vector"),
            Self::OidVector => Fixed(30, 1013, -1, "oidvector"),
            Self::Unknown => Fixed(705, 1009, -2, "unknown"),
        }
    }

    /// Postgres's oid of the type.
    pub fn oid(&self) -> u32 {
        self.fixed().0
    }

    /// Postgres's oid of the type of arrays of this one; 0 for arrays, which have none.
    pub fn array_oid(&self) -> u32 {
        self.fixed().1
    }

    /// Length of a value in bytes; -1 when it varies.
    pub fn typlen(&self) -> i16 {
        self.fixed().2
    }

    /// Postgres's type modifier: precision and scale, or length; -1 where there is none.
    pub fn typmod(&self) -> i32 {
        match self {
            Self::Numeric { precision, scale } => ((i32::from(*precision) << 16) | (i32::from(*scale) & 0x7ff)) + 4,
            Self::Varchar(Some(length)) | Self::Bpchar(Some(length)) => {
                i32::try_from(*length).unwrap_or(i32::MAX - 4).saturating_add(4)
            }
            Self::Array(element) => element.typmod(),
            _ => -1,
        }
    }

    /// The name without its modifier, as Postgres prints it.
    pub fn name(&self) -> String {
        match self {
            Self::Array(element) => format!("{}[]", element.name()),
            other => other.fixed().3.to_owned(),
        }
    }

    /// The Arrow type that carries the values.
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
            Self::Numeric { precision, scale } if *precision <= 18 => DataType::Decimal64(*precision, *scale),
            Self::Numeric { precision, scale } => DataType::Decimal128(*precision, *scale),
            Self::NumericAny => DataType::Decimal128(NUMERIC_PRECISION_MAX, 10),
            Self::Text | Self::Varchar(_) | Self::Bpchar(_) | Self::Name | Self::Char1 | Self::Unknown => {
                DataType::Utf8View
            }
            Self::Date => DataType::Date32,
            Self::Time => DataType::Time64(TimeUnit::Microsecond),
            Self::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
            Self::Timestamptz => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Self::Interval => DataType::Interval(IntervalUnit::MonthDayNano),
            Self::Bytea => DataType::BinaryView,
            Self::Array(element) => DataType::List(element.field("item", true)),
            Self::Int2Vector => DataType::List(Self::Int2.field("item", true)),
            Self::OidVector => DataType::List(Self::Oid.field("item", true)),
        }
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
            ColumnType::Decimal { precision, scale } => Self::Numeric { precision, scale: scale.cast_signed() },
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

    /// The type that an Arrow type without metadata stands for.
    pub fn from_arrow(data_type: &DataType) -> Self {
        match data_type {
            DataType::Boolean => Self::Bool,
            DataType::Int8 | DataType::UInt8 | DataType::Int16 => Self::Int2,
            DataType::Int32 | DataType::UInt16 => Self::Int4,
            DataType::Int64 | DataType::UInt32 | DataType::UInt64 => Self::Int8,
            DataType::Float16 | DataType::Float32 => Self::Float4,
            DataType::Float64 => Self::Float8,
            DataType::Decimal32(precision, scale)
            | DataType::Decimal64(precision, scale)
            | DataType::Decimal128(precision, scale) => Self::Numeric { precision: *precision, scale: *scale },
            DataType::Decimal256(_, _) => Self::NumericAny,
            DataType::Date32 | DataType::Date64 => Self::Date,
            DataType::Time32(_) | DataType::Time64(_) => Self::Time,
            DataType::Timestamp(_, None) => Self::Timestamp,
            DataType::Timestamp(_, Some(_)) => Self::Timestamptz,
            DataType::Interval(_) | DataType::Duration(_) => Self::Interval,
            DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => Self::Bytea,
            DataType::List(item)
            | DataType::LargeList(item)
            | DataType::ListView(item)
            | DataType::LargeListView(item)
            | DataType::FixedSizeList(item, _) => Self::Array(Box::new(Self::from_field(item))),
            DataType::Dictionary(_, values) => Self::from_arrow(values),
            DataType::Null => Self::Unknown,
            _ => Self::Text,
        }
    }

    /// The type of an Arrow field: that of its metadata, else what its Arrow type stands for.
    pub fn from_field(field: &Field) -> Self {
        let named = field.metadata().get(SQL_TYPE_KEY).and_then(|text| Self::parse(text));
        named.unwrap_or_else(|| Self::from_arrow(field.data_type()))
    }

    /// An Arrow field of this type; the metadata is written only where the Arrow type alone would be read back as
    /// another type.
    pub fn field(&self, name: &str, nullable: bool) -> FieldRef {
        Arc::new(Field::new(name, self.arrow(), nullable).with_metadata(self.metadata()))
    }

    /// The metadata that a field of this type carries.
    pub fn metadata(&self) -> HashMap<String, String> {
        if Self::from_arrow(&self.arrow()) == *self {
            HashMap::new()
        } else {
            HashMap::from([(SQL_TYPE_KEY.to_owned(), self.to_string())])
        }
    }

    /// Reads a type's name with an optional modifier, in any spelling of Postgres or Redshift (`int4`, `varchar(10)`,
    /// `timestamp with time zone`, `text[]`, `_text`), folded to lower case; `None` when there is no such type.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let text = text.strip_prefix("pg_catalog.").unwrap_or(text);
        if let Some(element) = text.strip_suffix("[]") {
            return Some(Self::Array(Box::new(Self::parse(element)?)));
        }
        if text == "\"char\"" {
            return Some(Self::Char1);
        }
        let lower = text.to_ascii_lowercase();
        let (name, arguments) = match lower.split_once('(') {
            None => (lower.trim().to_owned(), Vec::new()),
            Some((name, rest)) => {
                let (inside, after) = rest.split_once(')')?;
                let arguments = inside.split(',').map(|part| part.trim().parse::<u32>().ok()).collect::<Option<_>>()?;
                (format!("{}{after}", name.trim_end()), arguments)
            }
        };
        if let Some(element) = name.strip_prefix('_') {
            return Some(Self::Array(Box::new(Self::parse(element)?)));
        }
        Self::named(&name, &arguments)
    }

    fn named(name: &str, arguments: &[u32]) -> Option<Self> {
        let length = arguments.first().copied();
        Some(match name {
            "bool" | "boolean" => Self::Bool,
            "int2" | "smallint" => Self::Int2,
            "int4" | "int" | "integer" => Self::Int4,
            "int8" | "bigint" => Self::Int8,
            "float4" | "real" => Self::Float4,
            "float8" | "float" | "double precision" => Self::Float8,
            "numeric" | "decimal" => match (length, arguments.get(1)) {
                (None, _) => Self::NumericAny,
                (Some(precision), scale) => Self::Numeric {
                    precision: u8::try_from(precision).ok().filter(|p| *p <= NUMERIC_PRECISION_MAX)?,
                    scale: i8::try_from(scale.copied().unwrap_or(0)).ok()?,
                },
            },
            "text" => Self::Text,
            "varchar" | "character varying" | "nvarchar" => Self::Varchar(length),
            "char" | "character" | "nchar" => Self::Bpchar(Some(length.unwrap_or(1))),
            "bpchar" => Self::Bpchar(length),
            "name" => Self::Name,
            "oid" => Self::Oid,
            "regclass" => Self::Regclass,
            "regtype" => Self::Regtype,
            "regproc" | "regprocedure" => Self::Regproc,
            "regnamespace" => Self::Regnamespace,
            "regrole" => Self::Regrole,
            "date" => Self::Date,
            "time" | "time without time zone" => Self::Time,
            "timestamp" | "timestamp without time zone" => Self::Timestamp,
            "timestamptz" | "timestamp with time zone" => Self::Timestamptz,
            "interval" => Self::Interval,
            "bytea" | "varbyte" | "varbinary" | "binary varying" => Self::Bytea,
            "int2vector" => Self::Int2Vector,
            "oidvector" => Self::OidVector,
            "unknown" => Self::Unknown,
            _ => return None,
        })
    }
}

/// The name with its modifier, as Postgres's `format_type` prints it.
impl fmt::Display for SqlType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Numeric { precision, scale } => write!(f, "numeric({precision},{scale})"),
            Self::Varchar(Some(length)) => write!(f, "character varying({length})"),
            Self::Bpchar(Some(length)) => write!(f, "character({length})"),
            Self::Bpchar(None) => f.write_str("bpchar"),
            Self::Array(element) => write!(f, "{element}[]"),
            other => f.write_str(other.fixed().3),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_gives_back_the_type_that_it_was_made_of() {
        for text in ["oid", "name", "\"char\"", "regclass", "character varying(10)", "character(3)", "numeric(12,2)",
            "integer[]", "name[]", "int2vector", "timestamp with time zone", "bigint", "text", "character varying"]
        {
            let parsed = SqlType::parse(text).unwrap();
            assert_eq!(parsed.to_string(), text);
            assert_eq!(SqlType::from_field(&parsed.field("x", true)), parsed, "{text}");
        }
    }

    #[test]
    fn modifiers_are_those_of_postgres() {
        assert_eq!(SqlType::Varchar(Some(40)).typmod(), 44);
        assert_eq!(SqlType::Numeric { precision: 10, scale: 2 }.typmod(), 655_366);
        assert_eq!(SqlType::Int4.typmod(), -1);
        assert_eq!(SqlType::Array(Box::new(SqlType::Int4)).oid(), 1007);
    }
}
