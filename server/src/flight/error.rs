//! Errors as gRPC statuses. The SQLSTATE travels in the metadata key `sqlstate`.

use arrow_flight::error::FlightError;
use stoa_query::{SqlError, SqlState};
use tonic::{Code, Status};

/// The status of an error: a code that drivers map to their own classes of errors, the message, the SQLSTATE.
pub(super) fn status(error: &SqlError) -> Status {
    if error.state == SqlState::InternalError {
        tracing::error!("internal error: {}", error.message);
    }
    let mut text = error.message.clone();
    for more in [&error.detail, &error.hint].into_iter().flatten() {
        text.push('\n');
        text.push_str(more);
    }
    let mut status = Status::new(code(error.state), text);
    if let Ok(value) = error.state.code().parse() {
        status.metadata_mut().insert("sqlstate", value);
    }
    status
}

/// The same for an error in the middle of a stream.
pub(super) fn in_stream(error: &SqlError) -> FlightError {
    FlightError::Tonic(Box::new(status(error)))
}

/// An error of Arrow itself, which means a bug here or a malformed upload.
pub(super) fn arrow(error: &arrow::error::ArrowError) -> Status {
    Status::internal(format!("an Arrow operation failed: {error}"))
}

/// Which code a class of SQLSTATEs has.
fn code(state: SqlState) -> Code {
    match state {
        SqlState::QueryCanceled => return Code::Cancelled,
        SqlState::InsufficientPrivilege => return Code::PermissionDenied,
        SqlState::DuplicateTable
        | SqlState::DuplicateSchema
        | SqlState::DuplicateDatabase
        | SqlState::DuplicateObject => {
            return Code::AlreadyExists;
        }
        SqlState::UndefinedTable
        | SqlState::UndefinedObject
        | SqlState::InvalidSchemaName
        | SqlState::InvalidCatalogName => {
            return Code::NotFound;
        }
        _ => {}
    }
    match &state.code()[..2] {
        "0A" => Code::Unimplemented,
        "22" | "42" | "26" | "34" | "21" => Code::InvalidArgument,
        "23" | "24" | "25" | "2B" | "3B" | "55" => Code::FailedPrecondition,
        "28" => Code::Unauthenticated,
        "40" => Code::Aborted,
        "53" | "54" => Code::ResourceExhausted,
        "57" | "58" | "08" => Code::Unavailable,
        _ => Code::Internal,
    }
}
