//! Planning recurses over the shape of a statement. It runs on a stack that is large enough for every shape that
//! [`crate::statement::split`] lets through, away from the threads that serve connections, and for a limited time.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use crate::cancel::Cancel;
use crate::error::SqlError;
use crate::error::parser::too_complex;

/// Stack of planning and parsing. Only pages that are touched take memory.
const STACK_BYTES: usize = 256 << 20;
/// Time that planning one statement may take.
const PLANNING_MAX: Duration = Duration::from_secs(60);

/// Runs `work` on a large stack of this thread; a panic in it becomes XX000.
pub(crate) fn grown<T>(work: impl FnOnce() -> Result<T, SqlError>) -> Result<T, SqlError> {
    stacker::grow(STACK_BYTES, || catch_unwind(AssertUnwindSafe(work)))
        .unwrap_or_else(|panic| Err(panicked(panic.as_ref())))
}

/// Runs `work` on a large stack of another thread, until it ends, the statement is cancelled, or time is up. A thread
/// cannot be stopped from outside: what was given up runs to its end without anybody waiting for it.
pub(crate) async fn planning<T: Send + 'static>(
    cancel: &Cancel,
    work: impl FnOnce() -> Result<T, SqlError> + Send + 'static,
) -> Result<T, SqlError> {
    cancel.check()?;
    let task = tokio::task::spawn_blocking(move || grown(work));
    tokio::select! {
        biased;
        () = cancel.fired() => Err(cancel.error()),
        joined = task => joined.unwrap_or_else(|died| Err(SqlError::internal(format!("planning died: {died}")))),
        () = tokio::time::sleep(PLANNING_MAX) => {
            Err(too_complex(&format!("planning took longer than {} seconds", PLANNING_MAX.as_secs())))
        }
    }
}

/// The error of a statement that panicked. The message is logged, for it may hold values.
pub(crate) fn panicked(panic: &(dyn Any + Send)) -> SqlError {
    let message = match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
        (Some(text), _) => (*text).to_owned(),
        (None, Some(text)) => text.clone(),
        (None, None) => "a panic without a message".to_owned(),
    };
    let id = uuid::Uuid::new_v4();
    tracing::error!(%id, message, "a statement panicked");
    SqlError::internal(format!("internal error {id}"))
        .with_detail("The statement was stopped. The session and its other statements are not affected.")
        .with_hint("The server's log has the cause under this id.")
}
