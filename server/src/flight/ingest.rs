//! Bulk ingest: batches of a client become rows of a table.
//!
//! The batches are written as CSV into the session's own `COPY … FROM STDIN`, so that there is one path for bulk data,
//! with its checks of rights and types, its transaction and its back-pressure. Nothing is held whole.

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Schema};
use arrow_flight::decode::FlightRecordBatchStream;
use arrow_flight::sql::{CommandStatementIngest, TableExistsOption, TableNotExistOption};
use bytes::{Bytes, BytesMut};
use futures::TryStreamExt;
use stoa_query::{CopyIn, Outcome, ResultColumn, SqlError, SqlState, SqlType};
use tonic::Status;

use super::error::status;
use super::statement::rows_of_tag;
use super::ticket::FlightSession;
use crate::pg::encode::{Display, Format, RowEncoder};

/// Bytes of CSV that are collected before they are passed on.
const CHUNK_BYTES: usize = 256 << 10;

/// Loads an upload; the number of rows.
pub(super) async fn run(
    session: &FlightSession,
    command: CommandStatementIngest,
    mut upload: FlightRecordBatchStream,
) -> Result<i64, Status> {
    let table = Table::of(&command).map_err(|error| status(&error))?;
    // The schema comes with the first message; an upload without a batch still has one.
    let first = upload.try_next().await.map_err(Status::from)?;
    let schema = match (&first, upload.schema()) {
        (Some(batch), _) => batch.schema(),
        (None, Some(schema)) => schema.clone(),
        (None, None) => return Err(Status::invalid_argument("the upload has no schema")),
    };
    session.session.begin_implicit();
    let loaded = load(session, &table, &schema, first, upload).await;
    let ended = session.session.end_implicit(loaded.is_ok()).await;
    loaded.and_then(|rows| ended.map(|()| rows)).map_err(|error| status(&error))
}

/// Where the rows go, and what is to be done about the table.
struct Table {
    quoted_name: String,
    name: String,
    schema: Option<String>,
    temporary: bool,
    if_missing: TableNotExistOption,
    if_exists: TableExistsOption,
}

impl Table {
    fn of(command: &CommandStatementIngest) -> Result<Self, SqlError> {
        if let Some(catalog) = command.catalog.as_deref().filter(|catalog| !catalog.is_empty()) {
            // A session belongs to one database; its own name is the only one that could be meant.
            tracing::debug!("ingest names the catalog \"{catalog}\"");
        }
        let schema = command.schema.clone().filter(|schema| !schema.is_empty());
        if command.temporary && schema.is_some() {
            return Err(SqlError::new(
                SqlState::InvalidTableDefinition,
                "cannot create temporary relation in non-temporary schema",
            ));
        }
        let quoted = quoted(&command.table);
        let (if_missing, if_exists) = match &command.table_definition_options {
            None => (TableNotExistOption::Unspecified, TableExistsOption::Unspecified),
            Some(options) => (options.if_not_exist(), options.if_exists()),
        };
        Ok(Self {
            quoted_name: schema
                .as_ref()
                .map_or_else(|| quoted.clone(), |schema| format!("{}.{quoted}", self::quoted(schema))),
            name: command.table.clone(),
            schema,
            temporary: command.temporary,
            if_missing,
            if_exists,
        })
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

async fn load(
    session: &FlightSession,
    table: &Table,
    schema: &Schema,
    first: Option<RecordBatch>,
    upload: FlightRecordBatchStream,
) -> Result<i64, SqlError> {
    let columns = columns(schema)?;
    define(session, table, &columns).await?;
    let names: Vec<String> = columns.iter().map(|column| quoted(&column.name)).collect();
    let copy = format!("copy {} ({}) from stdin with (format csv)", table.quoted_name, names.join(", "));
    let Outcome::CopyIn(copy) = one(session, &copy).await? else {
        return Err(SqlError::internal("COPY from STDIN did not ask for data"));
    };
    let formats = vec![Format::Text; columns.len()];
    let encoder = RowEncoder::new(&columns, &formats, Display::default());
    match send(&copy, &encoder, first, upload).await {
        Ok(()) => Ok(rows_of_tag(&copy.finish().await?)),
        Err(error) => Err(copy.fail(&error.message).await),
    }
}

async fn send(
    copy: &CopyIn,
    encoder: &RowEncoder,
    first: Option<RecordBatch>,
    mut upload: FlightRecordBatchStream,
) -> Result<(), SqlError> {
    let mut next = first;
    let mut chunk = BytesMut::with_capacity(CHUNK_BYTES);
    while let Some(batch) = next {
        let bound = encoder.bind(&batch)?;
        for row in 0..batch.num_rows() {
            bound.write_csv_line(row, &mut chunk);
            // A load that has ended early says why when it is finished.
            if chunk.len() >= CHUNK_BYTES && !pass_on(copy, chunk.split().freeze()).await {
                return Ok(());
            }
        }
        let received = upload.try_next().await;
        next = received
            .map_err(|error| SqlError::new(SqlState::ProtocolViolation, format!("the upload broke off: {error}")))?;
    }
    pass_on(copy, chunk.freeze()).await;
    Ok(())
}

async fn pass_on(copy: &CopyIn, chunk: Bytes) -> bool {
    chunk.is_empty() || copy.sender.send(Ok(chunk)).await.is_ok()
}

/// Makes, keeps, replaces or refuses the table, as the client has asked.
async fn define(session: &FlightSession, table: &Table, columns: &[ResultColumn]) -> Result<(), SqlError> {
    let exists = exists(session, table).await?;
    match (exists, table.if_exists, table.if_missing) {
        (true, TableExistsOption::Fail, _) => {
            let message = format!("relation \"{}\" already exists", table.name);
            return Err(SqlError::new(SqlState::DuplicateTable, message));
        }
        (true, TableExistsOption::Append | TableExistsOption::Unspecified, _) => return Ok(()),
        (true, TableExistsOption::Replace, _) => {
            one(session, &format!("drop table {}", table.quoted_name)).await?;
        }
        (false, _, TableNotExistOption::Create) => {}
        (false, _, TableNotExistOption::Fail | TableNotExistOption::Unspecified) => {
            return Err(SqlError::undefined_table(&table.name));
        }
    }
    let temporary = if table.temporary { "temporary " } else { "" };
    let columns: Vec<String> =
        columns.iter().map(|column| format!("{} {}", quoted(&column.name), column.sql_type)).collect();
    one(session, &format!("create {temporary}table {} ({})", table.quoted_name, columns.join(", "))).await?;
    Ok(())
}

async fn exists(session: &FlightSession, table: &Table) -> Result<bool, SqlError> {
    let literal = |text: &str| format!("'{}'", text.replace('\'', "''"));
    let place = match (&table.schema, table.temporary) {
        (Some(schema), _) => format!("table_schema = {}", literal(schema)),
        (None, true) => "table_type = 'LOCAL TEMPORARY'".to_owned(),
        (None, false) => "table_schema = current_schema()".to_owned(),
    };
    let name = literal(&table.name);
    let query = format!("select 1 from information_schema.tables where table_name = {name} and {place}");
    let Outcome::Rows(mut rows) = one(session, &query).await? else {
        return Ok(false);
    };
    let mut found = false;
    while let Some(batch) = rows.stream.try_next().await? {
        found |= batch.num_rows() > 0;
    }
    Ok(found)
}

async fn one(session: &FlightSession, query: &str) -> Result<Outcome, SqlError> {
    let parsed = session.session.parse(query)?;
    match parsed.as_slice() {
        [parsed] => session.session.execute(parsed).await,
        _ => Err(SqlError::internal("one statement was meant")),
    }
}

/// The columns of an upload with the SQL types that they would have in a table made for them.
fn columns(schema: &Schema) -> Result<Vec<ResultColumn>, SqlError> {
    let column = |field: &arrow::datatypes::FieldRef| {
        let sql_type = match field.data_type() {
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null => SqlType::Text,
            DataType::UInt64 => SqlType::Numeric { precision: 20, scale: 0 },
            DataType::UInt32 => SqlType::Int8,
            DataType::Decimal256(..)
            | DataType::Struct(_)
            | DataType::Map(..)
            | DataType::Union(..)
            | DataType::List(_)
            | DataType::LargeList(_)
            | DataType::FixedSizeList(..)
            | DataType::RunEndEncoded(..) => {
                let message = format!("column \"{}\" of type {}", field.name(), field.data_type());
                return Err(SqlError::unsupported(message));
            }
            other => SqlType::from_arrow(other),
        };
        Ok(ResultColumn { name: field.name().clone(), sql_type, table: None, nullable: field.is_nullable() })
    };
    schema.fields().iter().map(column).collect()
}
