//! A client of the Postgres wire for the tools: text in, text out, errors with everything that the server said.

use std::time::{Duration, Instant};

use bytes::Bytes;
use clap::Args;
use futures::SinkExt;
use tokio_postgres::{NoTls, SimpleQueryMessage};

use super::{Result, ToolError};

/// Where to connect, as psql names it.
#[derive(Debug, Clone, Args)]
pub struct Target {
    /// Host name or address.
    #[arg(long, default_value = "127.0.0.1", env = "PGHOST")]
    pub host: String,
    /// Port of the Postgres wire.
    #[arg(long, default_value_t = 5439, env = "PGPORT")]
    pub port: u16,
    /// User.
    #[arg(long, short = 'U', default_value = "admin", env = "PGUSER")]
    pub user: String,
    /// Database.
    #[arg(long, short = 'd', default_value = "dev", env = "PGDATABASE")]
    pub database: String,
    /// Password. Prefer the environment: a command line can be seen by other users of the machine.
    #[arg(long, env = "PGPASSWORD", hide_env_values = true, default_value = "")]
    pub password: String,
}

/// The answer to one statement.
#[derive(Debug, Default, Clone)]
pub struct Answer {
    /// Column names; empty for a statement without rows.
    pub columns: Vec<String>,
    /// Values in Postgres's text format; `None` is NULL.
    pub rows: Vec<Vec<Option<String>>>,
    /// Rows affected or returned, as the command tag says.
    pub affected: u64,
}

impl Answer {
    /// The value in the first row and column.
    pub fn scalar(&self) -> Option<&str> {
        self.rows.first()?.first()?.as_deref()
    }
}

/// A connection.
pub struct Client {
    inner: tokio_postgres::Client,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

impl Client {
    /// Connects and logs in.
    pub async fn connect(target: &Target) -> Result<Self> {
        let mut config = tokio_postgres::Config::new();
        config
            .host(&target.host)
            .port(target.port)
            .user(&target.user)
            .dbname(&target.database)
            .password(&target.password)
            .application_name("stoa")
            .connect_timeout(Duration::from_secs(10));
        let (inner, connection) = config.connect(NoTls).await.map_err(|error| {
            ToolError::new(format!("cannot connect to {}:{}: {}", target.host, target.port, describe(&error)))
        })?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "the connection ended");
            }
        });
        Ok(Self { inner })
    }

    /// Runs a text of one or more statements and returns one answer a statement.
    pub async fn query(&self, sql: &str) -> Result<Vec<Answer>> {
        let messages = self.inner.simple_query(sql).await.map_err(|error| ToolError::new(describe(&error)))?;
        let mut answers = Vec::new();
        let mut current = Answer::default();
        for message in messages {
            match message {
                SimpleQueryMessage::RowDescription(columns) => {
                    current.columns = columns.iter().map(|column| column.name().to_owned()).collect();
                }
                SimpleQueryMessage::Row(row) => {
                    current.rows.push((0..row.len()).map(|index| row.get(index).map(str::to_owned)).collect());
                }
                SimpleQueryMessage::CommandComplete(affected) => {
                    current.affected = affected;
                    answers.push(std::mem::take(&mut current));
                }
                _ => {}
            }
        }
        Ok(answers)
    }

    /// Runs one statement and measures from sending it to having all its rows.
    pub async fn timed(&self, sql: &str) -> Result<(Answer, Duration)> {
        let started = Instant::now();
        let mut answers = self.query(sql).await?;
        Ok((answers.pop().unwrap_or_default(), started.elapsed()))
    }

    /// Sends `data` to a `COPY … FROM STDIN` and returns the number of rows.
    pub async fn copy_in(&self, sql: &str, data: Bytes) -> Result<u64> {
        let sink = self.inner.copy_in(sql).await.map_err(|error| ToolError::new(describe(&error)))?;
        futures::pin_mut!(sink);
        sink.send(data).await.map_err(|error| ToolError::new(describe(&error)))?;
        sink.finish().await.map_err(|error| ToolError::new(describe(&error)))
    }

    /// A token that cancels the running statement from elsewhere.
    pub fn cancel_token(&self) -> tokio_postgres::CancelToken {
        self.inner.cancel_token()
    }
}

/// The server's message with SQLSTATE, detail and hint, or the client's own error.
fn describe(error: &tokio_postgres::Error) -> String {
    let Some(server) = error.as_db_error() else {
        let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
        return format!("{error}{cause}");
    };
    let mut text = format!("{}:  {} ({})", server.severity(), server.message(), server.code().code());
    if let Some(tokio_postgres::error::ErrorPosition::Original(position)) = server.position() {
        text.push_str(&format!("\nPOSITION:  {position}"));
    }
    if let Some(detail) = server.detail() {
        text.push_str(&format!("\nDETAIL:  {detail}"));
    }
    if let Some(hint) = server.hint() {
        text.push_str(&format!("\nHINT:  {hint}"));
    }
    text
}
