//! SQL logic tests: one `.slt` file a test, each on an empty warehouse, in process and over the wire.

use std::fmt;

use async_trait::async_trait;
use sqllogictest::{AsyncDB, DBOutput, DefaultColumnType};
use tokio_postgres::{NoTls, SimpleQueryMessage};

/// An error as a test sees it: the message with its SQLSTATE, e.g. `42P01: relation "t" does not exist`.
#[derive(Debug, Clone)]
pub struct LogicError {
    /// SQLSTATE.
    pub state: String,
    /// Primary message.
    pub message: String,
}

impl fmt::Display for LogicError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.state, self.message)
    }
}

impl std::error::Error for LogicError {}

impl From<tokio_postgres::Error> for LogicError {
    fn from(error: tokio_postgres::Error) -> Self {
        match error.as_db_error() {
            Some(server) => Self { state: server.code().code().to_owned(), message: server.message().to_owned() },
            None => Self { state: "client".to_owned(), message: error.to_string() },
        }
    }
}

/// A value in the form that `.slt` files use.
pub fn cell(value: Option<&str>) -> String {
    match value {
        None => "NULL".to_owned(),
        Some("") => "(empty)".to_owned(),
        Some(text) => text.to_owned(),
    }
}

/// A connection over the Postgres wire.
pub struct WireDatabase {
    client: tokio_postgres::Client,
}

impl WireDatabase {
    /// Connects with a `host=… port=… user=… password=… dbname=…` text.
    pub async fn connect(settings: &str) -> Result<Self, LogicError> {
        let (client, connection) = tokio_postgres::connect(settings, NoTls).await?;
        tokio::spawn(connection);
        Ok(Self { client })
    }
}

#[async_trait]
impl AsyncDB for WireDatabase {
    type Error = LogicError;
    type ColumnType = DefaultColumnType;

    async fn run(&mut self, sql: &str) -> Result<DBOutput<DefaultColumnType>, LogicError> {
        let mut types = Vec::new();
        let mut rows = Vec::new();
        let mut affected = 0;
        for message in self.client.simple_query(sql).await? {
            match message {
                SimpleQueryMessage::RowDescription(columns) => types = vec![DefaultColumnType::Text; columns.len()],
                SimpleQueryMessage::Row(row) => rows.push((0..row.len()).map(|index| cell(row.get(index))).collect()),
                SimpleQueryMessage::CommandComplete(count) => affected = count,
                _ => {}
            }
        }
        if types.is_empty() {
            return Ok(DBOutput::StatementComplete(affected));
        }
        Ok(DBOutput::Rows { types, rows })
    }

    async fn shutdown(&mut self) {}

    fn engine_name(&self) -> &str {
        "wire"
    }

    fn error_sql_state(error: &LogicError) -> Option<String> {
        Some(error.state.clone())
    }
}
