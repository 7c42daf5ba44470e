//! The life of a logged-in client: read a message, act on it, until it leaves or the server stops.

use std::sync::Arc;
use std::time::Duration;

use pgwire::messages::PgWireBackendMessage;
use pgwire::messages::response::{CommandComplete, ReadyForQuery, TransactionStatus as WireStatus};
use pgwire::messages::startup::ParameterStatus;
use stoa_query::{Session, SqlError, SqlState, TransactionStatus};

use super::encode::{Display, Zone};
use super::error::{Failure, error_response, notice_response};
use super::extended::Extended;
use super::message::{Message, violation};
use super::startup::{Started, refuse};
use super::wire::{FrameError, Wire};
use crate::server::{Permit, Shared};

/// A logged-in client.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) wire: Wire,
    pub(super) session: Arc<Session>,
    pub(super) display: Display,
    pub(super) extended: Extended,
    /// After an error in the extended protocol everything up to the next `Sync` is skipped.
    skip_to_sync: bool,
    shared: Arc<Shared>,
    /// Given back when the connection ends.
    _permit: Permit,
}

/// What ended the wait for a message.
enum Next {
    Frame(u8, bytes::Bytes),
    End(Option<SqlError>),
}

impl Connection {
    /// Takes over a client that has logged in.
    pub(super) fn new(started: Started, shared: Arc<Shared>) -> Self {
        let Started { wire, session, permit } = started;
        let mut connection = Self {
            wire,
            session,
            display: Display::default(),
            extended: Extended::default(),
            skip_to_sync: false,
            shared,
            _permit: permit,
        };
        for (name, value) in connection.session.parameter_status() {
            connection.note_parameter(&name, &value);
        }
        connection
    }

    /// Serves the client to its end.
    pub(super) async fn run(mut self) {
        loop {
            let error = match self.next().await {
                Next::Frame(kind, body) => match self.handle(kind, body).await {
                    Ok(true) => continue,
                    Ok(false) | Err(Failure::Gone) => None,
                    Err(Failure::Sql(error)) => Some(error),
                },
                Next::End(error) => error,
            };
            match error {
                Some(error) => refuse(&mut self.wire, error).await,
                None => self.wire.close().await,
            }
            break;
        }
        // Portals hold streams, and streams hold transactions: they go before the session.
        self.extended.clear();
        self.session.close().await;
    }

    /// Waits for the next message, or for a reason to end.
    async fn next(&mut self) -> Next {
        let idle = self.shared.config.idle_timeout.0;
        tokio::select! {
            biased;
            () = self.shared.stopping.cancelled() => Next::End(Some(shutting_down())),
            () = self.session.terminated() => Next::End(Some(shutting_down())),
            frame = self.wire.frame() => match frame {
                Ok((kind, body)) => Next::Frame(kind, body),
                Err(FrameError::Closed) => Next::End(None),
                Err(FrameError::Length(length)) => Next::End(Some(violation(format!("invalid message length {length}")))),
            },
            () = sleep_if(idle) => {
                let message = "terminating connection due to idle-session timeout";
                Next::End(Some(SqlError::new(SqlState::IdleSessionTimeout, message)))
            }
        }
    }

    /// Acts on a message; false ends the connection in peace, an error ends it with that error.
    async fn handle(&mut self, kind: u8, body: bytes::Bytes) -> Result<bool, Failure> {
        if self.skip_to_sync && !matches!(kind, b'S' | b'X') {
            return Ok(true);
        }
        let result = match Message::decode(kind, body) {
            Ok(Message::Terminate) => return Ok(false),
            Ok(message) => self.act(message).await,
            Err(error) => Err(error.into()),
        };
        match result {
            Ok(()) => Ok(true),
            Err(Failure::Gone) => Err(Failure::Gone),
            Err(Failure::Sql(error)) if error.severity == stoa_query::Severity::Fatal => Err(error.into()),
            Err(Failure::Sql(error)) => {
                self.report(kind, &error).await?;
                Ok(true)
            }
        }
    }

    async fn act(&mut self, message: Message) -> Result<(), Failure> {
        match message {
            Message::Query(query) => self.query(&query).await,
            Message::Parse { name, query, types } => self.parse(name, &query, &types).await,
            Message::Bind(bind) => self.bind(bind),
            Message::Describe(target, name) => self.describe(target, &name).await,
            Message::Execute { portal, rows_max } => self.execute(&portal, rows_max).await,
            Message::Close(target, name) => self.close(target, &name),
            Message::Sync => self.sync().await,
            Message::Flush => Ok(self.wire.flush().await?),
            // What a client still sends after a COPY has failed under its hands; Postgres ignores it, too.
            Message::CopyData(_) | Message::CopyDone | Message::CopyFail(_) => Ok(()),
            Message::Password => Err(violation("unexpected password message").fatal().into()),
            Message::Terminate => Ok(()),
        }
    }

    /// Tells the client of an error that does not end the connection.
    async fn report(&mut self, kind: u8, error: &SqlError) -> Result<(), Failure> {
        if error.state == SqlState::InternalError {
            tracing::error!(process_id = self.session.process_id(), "internal error: {}", error.message);
        }
        self.put_notices()?;
        self.wire.put(&error_response(error))?;
        if Message::is_extended(kind) {
            self.skip_to_sync = true;
            return Ok(self.wire.flush().await?);
        }
        if kind == b'S' {
            self.skip_to_sync = false;
        }
        self.ready().await
    }

    /// End of a pipeline: ends its transaction unless a block is open.
    async fn sync(&mut self) -> Result<(), Failure> {
        let success = !std::mem::take(&mut self.skip_to_sync);
        let ended = self.end_pipeline(success).await;
        if self.session.status() == TransactionStatus::Idle {
            self.extended.drop_portals();
        }
        ended?;
        self.put_notices()?;
        self.ready().await
    }

    /// Reports changed settings and the state of the transaction, and sends everything.
    pub(super) async fn ready(&mut self) -> Result<(), Failure> {
        for (name, value) in self.session.take_parameter_changes() {
            self.note_parameter(&name, &value);
            self.wire.put(&PgWireBackendMessage::ParameterStatus(ParameterStatus::new(name, value)))?;
        }
        let status = match self.session.status() {
            TransactionStatus::Idle => WireStatus::Idle,
            TransactionStatus::Open => WireStatus::Transaction,
            TransactionStatus::Failed => WireStatus::Error,
        };
        self.wire.put(&PgWireBackendMessage::ReadyForQuery(ReadyForQuery::new(status)))?;
        Ok(self.wire.flush().await?)
    }

    /// Sends the notices that the session has collected.
    pub(super) fn put_notices(&mut self) -> Result<(), Failure> {
        for notice in self.session.take_notices() {
            self.wire.put(&notice_response(&notice))?;
        }
        Ok(())
    }

    /// Ends a statement: its notices, then its tag.
    pub(super) fn put_complete(&mut self, tag: String) -> Result<(), Failure> {
        self.put_notices()?;
        Ok(self.wire.put(&PgWireBackendMessage::CommandComplete(CommandComplete::new(tag)))?)
    }

    /// Settings that change how values are written take effect at once, within a string of statements, too.
    pub(super) fn put_parameter_changes(&mut self) -> Result<(), Failure> {
        for (name, value) in self.session.take_parameter_changes() {
            self.note_parameter(&name, &value);
            self.wire.put(&PgWireBackendMessage::ParameterStatus(ParameterStatus::new(name, value)))?;
        }
        Ok(())
    }

    fn note_parameter(&mut self, name: &str, value: &str) {
        if name == "TimeZone" {
            self.display.zone = Zone::parse(value).unwrap_or(Zone::UTC);
        }
    }

    /// Waits for `work`, unless the client goes: then the statement is cancelled and the wait ends with it.
    pub(super) async fn watched<T>(&mut self, work: impl Future<Output = T>) -> Result<T, Failure> {
        tokio::pin!(work);
        tokio::select! {
            biased;
            result = &mut work => Ok(result),
            () = self.wire.gone() => {
                self.session.cancel();
                work.await;
                Err(Failure::Gone)
            }
        }
    }
}

/// 57P01.
fn shutting_down() -> SqlError {
    SqlError::new(SqlState::AdminShutdown, "terminating connection due to administrator command")
}

/// Sleeps; for ever where the time is zero.
async fn sleep_if(time: Duration) {
    if time.is_zero() {
        std::future::pending().await
    } else {
        tokio::time::sleep(time).await;
    }
}
