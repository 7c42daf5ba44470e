//! What the server can do and which types it has, in the terms of Flight SQL.

use arrow::array::RecordBatch;
use arrow_flight::sql::metadata::{SqlInfoDataBuilder, XdbcTypeInfo, XdbcTypeInfoDataBuilder};
use arrow_flight::sql::{
    CommandGetSqlInfo, CommandGetXdbcTypeInfo, Nullable, Searchable, SqlInfo, SqlNullOrdering,
    SqlSupportedCaseSensitivity, SqlSupportedTransaction, XdbcDataType, XdbcDatetimeSubcode,
};
use tonic::Status;

use super::ticket::FlightSession;

/// Version of the Arrow format library.
const ARROW_VERSION: &str = "59.3";

/// `GetSqlInfo`. The answer is the same with and without a session.
pub(super) async fn server(query: &CommandGetSqlInfo, _session: Option<&FlightSession>) -> Result<RecordBatch, Status> {
    let mut builder = SqlInfoDataBuilder::new();
    builder.append(SqlInfo::FlightSqlServerName, "Stoa");
    builder.append(SqlInfo::FlightSqlServerVersion, env!("CARGO_PKG_VERSION"));
    builder.append(SqlInfo::FlightSqlServerArrowVersion, ARROW_VERSION);
    builder.append(SqlInfo::FlightSqlServerReadOnly, false);
    builder.append(SqlInfo::FlightSqlServerSql, true);
    builder.append(SqlInfo::FlightSqlServerSubstrait, false);
    builder.append(SqlInfo::FlightSqlServerTransaction, SqlSupportedTransaction::Transaction as i32);
    builder.append(SqlInfo::FlightSqlServerCancel, true);
    builder.append(SqlInfo::FlightSqlServerBulkIngestion, true);
    builder.append(SqlInfo::FlightSqlServerIngestTransactionsSupported, true);
    builder.append(SqlInfo::SqlDdlCatalog, false);
    builder.append(SqlInfo::SqlDdlSchema, true);
    builder.append(SqlInfo::SqlDdlTable, true);
    builder.append(SqlInfo::SqlIdentifierCase, SqlSupportedCaseSensitivity::SqlCaseSensitivityLowercase as i32);
    builder.append(
        SqlInfo::SqlQuotedIdentifierCase,
        SqlSupportedCaseSensitivity::SqlCaseSensitivityCaseInsensitive as i32,
    );
    builder.append(SqlInfo::SqlIdentifierQuoteChar, "\"");
    builder.append(SqlInfo::SqlNullOrdering, SqlNullOrdering::SqlNullsSortedHigh as i32);
    builder.append(SqlInfo::SqlTransactionsSupported, true);
    let data = builder.build().map_err(Status::from)?;
    query.clone().into_builder(&data).build().map_err(Status::from)
}

/// A type in the few facts that differ: name, code, digits or length, what literals are put in.
struct Type(&'static str, XdbcDataType, Option<i32>, &'static str);

const TYPES: [Type; 13] = [
    Type("boolean", XdbcDataType::XdbcBit, Some(1), ""),
    Type("smallint", XdbcDataType::XdbcSmallint, Some(5), ""),
    Type("integer", XdbcDataType::XdbcInteger, Some(10), ""),
    Type("bigint", XdbcDataType::XdbcBigint, Some(19), ""),
    Type("real", XdbcDataType::XdbcReal, Some(24), ""),
    Type("double precision", XdbcDataType::XdbcDouble, Some(53), ""),
    Type("numeric", XdbcDataType::XdbcNumeric, Some(38), ""),
    Type("character", XdbcDataType::XdbcChar, Some(65_535), "'"),
    Type("character varying", XdbcDataType::XdbcVarchar, Some(65_535), "'"),
    Type("date", XdbcDataType::XdbcDate, Some(10), "'"),
    Type("time without time zone", XdbcDataType::XdbcTime, Some(15), "'"),
    Type("timestamp without time zone", XdbcDataType::XdbcTimestamp, Some(26), "'"),
    Type("bytea", XdbcDataType::XdbcVarbinary, Some(16_777_216), "'"),
];

/// `GetXdbcTypeInfo`. The answer is the same with and without a session.
pub(super) async fn types(
    query: &CommandGetXdbcTypeInfo,
    _session: Option<&FlightSession>,
) -> Result<RecordBatch, Status> {
    let mut builder = XdbcTypeInfoDataBuilder::new();
    for Type(name, code, size, quote) in TYPES {
        let is_number = quote.is_empty() && code != XdbcDataType::XdbcBit;
        let is_text = matches!(code, XdbcDataType::XdbcChar | XdbcDataType::XdbcVarchar);
        let subcode = match code {
            // ODBC's code 1, which the protocol's list names after the first of its two meanings.
            XdbcDataType::XdbcDate => Some(XdbcDatetimeSubcode::XdbcSubcodeYear),
            XdbcDataType::XdbcTime => Some(XdbcDatetimeSubcode::XdbcSubcodeTime),
            XdbcDataType::XdbcTimestamp => Some(XdbcDatetimeSubcode::XdbcSubcodeTimestamp),
            _ => None,
        };
        builder.append(XdbcTypeInfo {
            type_name: name.to_owned(),
            data_type: code,
            column_size: size,
            literal_prefix: (!quote.is_empty()).then(|| quote.to_owned()),
            literal_suffix: (!quote.is_empty()).then(|| quote.to_owned()),
            create_params: match code {
                XdbcDataType::XdbcNumeric => Some(vec!["precision".to_owned(), "scale".to_owned()]),
                XdbcDataType::XdbcChar | XdbcDataType::XdbcVarchar => Some(vec!["length".to_owned()]),
                _ => None,
            },
            nullable: Nullable::NullabilityNullable,
            case_sensitive: is_text,
            searchable: if is_text { Searchable::Full } else { Searchable::Basic },
            unsigned_attribute: is_number.then_some(false),
            fixed_prec_scale: false,
            auto_increment: is_number.then_some(false),
            local_type_name: Some(name.to_owned()),
            minimum_scale: (code == XdbcDataType::XdbcNumeric).then_some(0),
            maximum_scale: (code == XdbcDataType::XdbcNumeric).then_some(38),
            sql_data_type: code,
            datetime_subcode: subcode,
            num_prec_radix: is_number.then_some(10),
            interval_precision: None,
        });
    }
    let data = builder.build().map_err(Status::from)?;
    query.into_builder(&data).build().map_err(Status::from)
}
