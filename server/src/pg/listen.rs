//! The Postgres port.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};

use super::connection::Connection;
use super::startup;
use crate::server::Shared;

/// Pause after the system refused to give a socket (too many open files), so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Accepts clients until the server stops.
pub(crate) async fn listen(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        let accepted = tokio::select! {
            biased;
            () = shared.stopping.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((socket, peer)) => admit(socket, peer, &shared),
            Err(error) => {
                tracing::warn!("a connection could not be accepted: {error}");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Gives the client a task of its own; a client beyond what may wait for login is dropped at once.
fn admit(socket: TcpStream, peer: SocketAddr, shared: &Arc<Shared>) {
    let Some(waiting) = shared.admit_waiting() else {
        tracing::warn!(client = %peer, "too many clients wait for login; one was dropped");
        return;
    };
    // Rows are collected before they are sent, so Nagle's algorithm would only delay the last of them.
    _ = socket.set_nodelay(true);
    let shared = Arc::clone(shared);
    let tasks = shared.tasks.clone();
    tasks.spawn(async move {
        let login = startup::start(socket, peer, &shared);
        let started = tokio::select! {
            biased;
            () = shared.stopping.cancelled() => None,
            started = tokio::time::timeout(shared.config.startup_timeout.0, login) => match started {
                Ok(started) => started,
                Err(_) => {
                    tracing::info!(client = %peer, "login took too long");
                    None
                }
            },
        };
        drop(waiting);
        if let Some(started) = started {
            shared.count_session();
            tracing::debug!(client = %peer, process_id = started.session.process_id(), "session opened");
            Connection::new(started, Arc::clone(&shared)).run().await;
            tracing::debug!(client = %peer, "session closed");
        }
    });
}
