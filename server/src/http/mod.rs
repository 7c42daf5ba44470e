//! Health and metrics over HTTP. No data, no login.

mod health;
mod metrics;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use tokio::net::TcpListener;

use crate::server::Shared;

/// Serves until the server stops.
pub(crate) async fn listen(listener: TcpListener, shared: Arc<Shared>) {
    let stopping = shared.stopping.clone();
    let router = Router::new()
        .route("/health", get(health::health))
        .route("/ready", get(health::ready))
        .route("/metrics", get(metrics::metrics))
        .with_state(shared);
    if let Err(error) = axum::serve(listener, router).with_graceful_shutdown(stopping.cancelled_owned()).await {
        tracing::error!("HTTP ended: {error}");
    }
}
