//! Errors and notices in the words of the Postgres protocol.

use pgwire::messages::PgWireBackendMessage;
use pgwire::messages::response::{ErrorResponse, NoticeResponse};
use stoa_query::{Notice, Severity, SqlError, SqlState};

/// Why a connection cannot go on as it was.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The client gets this error; a fatal one ends the connection.
    Sql(SqlError),
    /// The client is gone.
    Gone,
}

impl From<SqlError> for Failure {
    fn from(error: SqlError) -> Self {
        Self::Sql(error)
    }
}

impl From<std::io::Error> for Failure {
    /// A socket that cannot be written to has nobody at its other end.
    fn from(_error: std::io::Error) -> Self {
        Self::Gone
    }
}

/// The error as a message.
pub(crate) fn error_response(error: &SqlError) -> PgWireBackendMessage {
    let severity = match error.severity {
        Severity::Error => "ERROR",
        Severity::Fatal => "FATAL",
    };
    let optional = [
        (b'D', error.detail.clone()),
        (b'H', error.hint.clone()),
        (b'P', error.position.map(|position| position.to_string())),
    ];
    let mut fields = head(severity, error.state, &error.message);
    fields.extend(optional.into_iter().filter_map(|(code, text)| Some((code, text?))));
    PgWireBackendMessage::ErrorResponse(ErrorResponse::new(fields))
}

/// The notice as a message.
pub(crate) fn notice_response(notice: &Notice) -> PgWireBackendMessage {
    let mut fields = head(notice.severity.as_str(), notice.state, &notice.message);
    let optional = [(b'D', notice.detail.clone()), (b'H', notice.hint.clone())];
    fields.extend(optional.into_iter().filter_map(|(code, text)| Some((code, text?))));
    PgWireBackendMessage::NoticeResponse(NoticeResponse::new(fields))
}

/// Localised and plain severity, code and message: what every response has. Zero bytes would end a field early.
fn head(severity: &str, state: SqlState, message: &str) -> Vec<(u8, String)> {
    vec![
        (b'S', severity.to_owned()),
        (b'V', severity.to_owned()),
        (b'C', state.code().to_owned()),
        (b'M', message.replace('\0', "")),
    ]
}
