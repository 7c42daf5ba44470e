//! Arrow Flight SQL.
//!
//! A client proves who it is once (`Handshake`, basic authentication) and gets a random token that stands for a session;
//! every other call must carry it, see [`guard`].

mod error;
mod guard;
mod ingest;
mod metadata;
mod result;
mod service;
mod sql_info;
mod statement;
mod ticket;

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use arrow_flight::flight_service_server::FlightServiceServer;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tonic::transport::server::{Connected, TcpConnectInfo};
use tonic::transport::{Identity, Server, ServerTlsConfig};

use crate::config::ConfigError;
use crate::server::{Permit, Shared};
use guard::Guard;
use service::Service;
use ticket::Tokens;

/// How often expired tokens are looked for.
const EXPIRY_INTERVAL: Duration = Duration::from_secs(15);
/// Calls at the same time on one connection.
const STREAMS_PER_CONNECTION: u32 = 128;
/// A client that does not answer pings for that long is gone.
const KEEPALIVE: Duration = Duration::from_secs(60);

/// Serves Flight SQL until the server stops.
pub(crate) fn listen(listener: TcpListener, shared: Arc<Shared>) -> Result<(), ConfigError> {
    let tokens = Arc::new(Tokens::new(shared.config.token_lifetime.0));
    let service = Service::new(Arc::clone(&shared), Arc::clone(&tokens));
    let limit = shared.config.message_limit.0;
    let flight = FlightServiceServer::new(service).max_decoding_message_size(limit).max_encoding_message_size(limit);
    let mut server = Server::builder()
        .max_concurrent_streams(STREAMS_PER_CONNECTION)
        .http2_keepalive_interval(Some(KEEPALIVE))
        .http2_keepalive_timeout(Some(KEEPALIVE))
        .tcp_nodelay(true);
    if let Some(tls) = &shared.tls {
        let identity = Identity::from_pem(&tls.certificate_pem, &tls.key_pem);
        server = server
            .tls_config(ServerTlsConfig::new().identity(identity))
            .map_err(|error| ConfigError::new(format!("TLS for Flight SQL: {error}")))?;
    }
    let router = server.add_service(Guard::new(flight, Arc::clone(&tokens)));
    let (stopping, tasks) = (shared.stopping.clone(), shared.tasks.clone());
    let incoming = incoming(listener, Arc::clone(&shared));
    tasks.spawn(async move {
        if let Err(error) = router.serve_with_incoming_shutdown(incoming, stopping.cancelled_owned()).await {
            tracing::error!("Flight SQL ended: {error}");
        }
    });
    tasks.spawn(expire(tokens, shared));
    Ok(())
}

/// Closes the sessions whose tokens have expired; at the end all of them.
async fn expire(tokens: Arc<Tokens>, shared: Arc<Shared>) {
    loop {
        let stopping = tokio::select! {
            () = shared.stopping.cancelled() => true,
            () = tokio::time::sleep(EXPIRY_INTERVAL) => false,
        };
        for session in tokens.expire(stopping) {
            // A result that is still streamed at the end gets the grace period; the engine closes its session.
            if !stopping {
                session.session.close().await;
            }
        }
        if stopping {
            return;
        }
    }
}

/// Sockets as they come, as many as may wait for login. A socket gives its place back when it closes.
fn incoming(listener: TcpListener, shared: Arc<Shared>) -> impl futures::Stream<Item = io::Result<Limited>> {
    futures::stream::unfold((listener, shared), async |(listener, shared)| {
        loop {
            match listener.accept().await {
                Ok((socket, peer)) => match shared.admit_flight_socket() {
                    Some(permit) => return Some((Ok(Limited { socket, _permit: permit }), (listener, shared))),
                    None => tracing::warn!(client = %peer, "too many connections to Flight SQL; one was dropped"),
                },
                Err(error) => {
                    tracing::warn!("a connection could not be accepted: {error}");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
    })
}

/// A socket that holds its place among the connections.
#[derive(Debug)]
struct Limited {
    socket: TcpStream,
    _permit: Permit,
}

impl Connected for Limited {
    type ConnectInfo = TcpConnectInfo;

    fn connect_info(&self) -> TcpConnectInfo {
        self.socket.connect_info()
    }
}

impl AsyncRead for Limited {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_read(context, buffer)
    }
}

impl AsyncWrite for Limited {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().socket).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_shutdown(context)
    }
}
