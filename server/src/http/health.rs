//! Is the process alive, and does it take work?

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;

use crate::server::Shared;

/// `/health`: the process answers.
pub(super) async fn health() -> &'static str {
    "ok\n"
}

/// `/ready`: sessions are taken and writes can be committed.
pub(super) async fn ready(State(shared): State<Arc<Shared>>) -> (StatusCode, &'static str) {
    if shared.stopping.is_cancelled() {
        (StatusCode::SERVICE_UNAVAILABLE, "stopping\n")
    } else if shared.engine.warehouse().is_fenced() {
        (StatusCode::SERVICE_UNAVAILABLE, "another process has taken the warehouse over\n")
    } else {
        (StatusCode::OK, "ready\n")
    }
}
