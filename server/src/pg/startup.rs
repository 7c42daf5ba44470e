//! From an accepted socket to a session: TLS, the startup packet, the password, the greeting.
//!
//! Everything before the greeting runs under one deadline, with frames of 64 KiB at most, and every error is fatal:
//! it is sent, and the socket is closed. There is no way from here into statements but through [`Authenticated`].

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use pgwire::messages::PgWireBackendMessage;
use pgwire::messages::response::{GssEncResponse, ReadyForQuery, SslResponse, TransactionStatus};
use pgwire::messages::startup::{Authentication, BackendKeyData, NegotiateProtocolVersion, ParameterStatus, SecretKey};
use stoa_query::{ConnectRequest, Protocol, Session, SqlError, SqlState};
use tokio::net::TcpStream;

use super::error::{Failure, error_response};
use super::message::{Reader, violation};
use super::wire::{FrameError, Stream, Wire};
use crate::authenticate::{Authenticated, ExchangeStarted};
use crate::server::{Permit, Shared};

const SSL_REQUEST: i32 = 80_877_103;
const GSS_REQUEST: i32 = 80_877_104;
const CANCEL_REQUEST: i32 = 80_877_102;
const PROTOCOL_MAJOR: i32 = 3;
/// Protocol 3.0, the only one spoken.
const PROTOCOL_VERSION: i32 = PROTOCOL_MAJOR << 16;
/// First byte of a TLS session that a client begins without asking.
const TLS_HANDSHAKE: u8 = 0x16;
/// SSL and GSS requests that a client may make before its startup packet.
const NEGOTIATIONS_MAX: usize = 3;

/// A client that has logged in.
#[derive(Debug)]
pub(crate) struct Started {
    /// Its socket.
    pub(crate) wire: Wire,
    /// Its session.
    pub(crate) session: Arc<Session>,
    /// Its place among the connections.
    pub(crate) permit: Permit,
}

/// What the first packets asked for.
enum Opening {
    /// A session, with these startup parameters.
    Session(Startup),
    /// To stop another session's statement.
    Cancel { process_id: i32, secret: i32 },
}

/// The startup packet.
#[derive(Debug, Default, PartialEq, Eq)]
struct Startup {
    minor_version: i32,
    user: String,
    database: String,
    application_name: String,
    settings: Vec<(String, String)>,
    /// Protocol options that are not known here; the client is told.
    unknown_options: Vec<String>,
}

/// Brings a socket up to its session; `None` when there is none (a cancel request, a refused or vanished client).
pub(crate) async fn start(socket: TcpStream, peer: SocketAddr, shared: &Shared) -> Option<Started> {
    let mut wire = match secure(socket, shared).await {
        Ok(wire) => wire,
        Err(_) => return None,
    };
    match login(&mut wire, peer, shared).await {
        Ok(Some((session, permit))) => Some(Started { wire, session, permit }),
        Ok(None) | Err(Failure::Gone) => {
            wire.close().await;
            None
        }
        Err(Failure::Sql(error)) => {
            tracing::info!(client = %peer, state = error.state.code(), "login refused: {}", error.message);
            refuse(&mut wire, error).await;
            None
        }
    }
}

/// Sends a fatal error and closes.
pub(crate) async fn refuse(wire: &mut Wire, error: SqlError) {
    // The client may be gone already; there is nobody to tell.
    _ = wire.put(&error_response(&error.fatal()));
    wire.close().await;
}

/// Starts TLS at once where the client does (Postgres 17's direct negotiation).
async fn secure(socket: TcpStream, shared: &Shared) -> std::io::Result<Wire> {
    let mut first = [0_u8; 1];
    socket.peek(&mut first).await?;
    match (&shared.tls, first) {
        (Some(tls), [TLS_HANDSHAKE]) => {
            let stream = tls.postgres.accept(socket).await?;
            if stream.get_ref().1.alpn_protocol().is_none() {
                return Err(std::io::ErrorKind::InvalidData.into());
            }
            Ok(Wire::new(Stream::Tls(Box::new(stream))))
        }
        _ => Ok(Wire::new(Stream::Plain(socket))),
    }
}

async fn login(wire: &mut Wire, peer: SocketAddr, shared: &Shared) -> Result<Option<(Arc<Session>, Permit)>, Failure> {
    let startup = match opening(wire, shared).await? {
        Opening::Session(startup) => startup,
        Opening::Cancel { process_id, secret } => {
            shared.engine.cancel(process_id, secret);
            return Ok(None);
        }
    };
    if shared.config.tls_required && !wire.is_secure() {
        let message = "this server accepts TLS connections only";
        return Err(SqlError::new(SqlState::InvalidAuthorization, message).into());
    }
    if startup.minor_version > 0 || !startup.unknown_options.is_empty() {
        let answer = NegotiateProtocolVersion::new(PROTOCOL_VERSION, startup.unknown_options.clone());
        wire.put(&PgWireBackendMessage::NegotiateProtocolVersion(answer))?;
    }
    let authenticated = authenticate(wire, &startup.user, shared).await?;
    let permit = shared.admit()?;
    let session = shared.engine.connect(ConnectRequest {
        user: authenticated.user().to_owned(),
        database: startup.database,
        client_address: peer.to_string(),
        application_name: startup.application_name,
        settings: startup.settings,
        protocol: Protocol::Postgres,
    })?;
    wire.set_frame_bytes_max(shared.config.message_limit.0);
    greet(wire, &session, authenticated).await?;
    Ok(Some((session, permit)))
}

/// Reads packets up to the startup packet or cancel request.
async fn opening(wire: &mut Wire, shared: &Shared) -> Result<Opening, Failure> {
    for _ in 0..=NEGOTIATIONS_MAX {
        let mut packet = Reader::new(packet(wire).await?);
        match packet.int32()? {
            SSL_REQUEST => answer_ssl_request(wire, shared).await?,
            GSS_REQUEST => {
                wire.put(&PgWireBackendMessage::GssEncResponse(GssEncResponse::Refuse))?;
                wire.flush().await?;
            }
            CANCEL_REQUEST => {
                return Ok(Opening::Cancel { process_id: packet.int32()?, secret: packet.int32()? });
            }
            version if version >> 16 == PROTOCOL_MAJOR => {
                return Ok(Opening::Session(read_startup(version & 0xffff, packet)?));
            }
            version => {
                let message = format!(
                    "unsupported frontend protocol {}.{}: server supports 3.0 to 3.0",
                    version >> 16,
                    version & 0xffff
                );
                return Err(SqlError::new(SqlState::FeatureNotSupported, message).into());
            }
        }
    }
    Err(violation("too many requests before the startup packet").into())
}

async fn packet(wire: &mut Wire) -> Result<Bytes, Failure> {
    wire.startup_packet().await.map_err(|error| match error {
        FrameError::Closed => Failure::Gone,
        FrameError::Length(_) => violation("invalid length of startup packet").into(),
    })
}

async fn answer_ssl_request(wire: &mut Wire, shared: &Shared) -> Result<(), Failure> {
    if wire.is_secure() {
        return Err(violation("TLS is in use already").into());
    }
    let Some(tls) = &shared.tls else {
        wire.put(&PgWireBackendMessage::SslResponse(SslResponse::Refuse))?;
        return Ok(wire.flush().await?);
    };
    // What came in clear before TLS could have been put there by somebody in between (CVE-2021-23222).
    if wire.has_input() {
        return Err(violation("received unencrypted data after SSL request").into());
    }
    wire.put(&PgWireBackendMessage::SslResponse(SslResponse::Accept))?;
    wire.flush().await?;
    wire.upgrade(&tls.postgres).await?;
    Ok(())
}

/// Reads names and values up to the empty name.
fn read_startup(minor_version: i32, mut packet: Reader) -> Result<Startup, SqlError> {
    let mut startup = Startup { minor_version, ..Startup::default() };
    loop {
        let name = packet.text()?;
        if name.is_empty() {
            break;
        }
        let value = packet.text()?;
        match name.as_str() {
            "user" => startup.user = value,
            "database" => startup.database = value,
            "application_name" => startup.application_name = value,
            "options" => startup.settings.extend(command_line_options(&value)?),
            "replication" if !matches!(value.as_str(), "false" | "off" | "no" | "0") => {
                return Err(SqlError::unsupported("a replication connection"));
            }
            "replication" => {}
            name if name.starts_with("_pq_.") => startup.unknown_options.push(name.to_owned()),
            _ => startup.settings.push((name, value)),
        }
    }
    packet.end()?;
    if startup.user.is_empty() {
        let message = "no PostgreSQL user name specified in startup packet";
        return Err(SqlError::new(SqlState::InvalidAuthorization, message));
    }
    if startup.database.is_empty() {
        startup.database.clone_from(&startup.user);
    }
    Ok(startup)
}

/// Reads `-c name=value --name=value`; a backslash keeps the space that follows it.
fn command_line_options(text: &str) -> Result<Vec<(String, String)>, SqlError> {
    let mut words = vec![String::new()];
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match (character, words.last_mut()) {
            ('\\', Some(word)) => word.extend(characters.next()),
            (character, Some(word)) if !character.is_whitespace() => word.push(character),
            _ => words.push(String::new()),
        }
    }
    let mut settings = Vec::new();
    let mut words = words.into_iter().filter(|word| !word.is_empty());
    while let Some(word) = words.next() {
        let wrong = || {
            SqlError::new(SqlState::SyntaxError, format!("invalid command-line argument for server process: {word}"))
        };
        let assignment = match (word.strip_prefix("--"), word.strip_prefix("-c")) {
            (Some(rest), _) => rest.to_owned(),
            (None, Some("")) => words.next().ok_or_else(wrong)?,
            (None, Some(rest)) => rest.to_owned(),
            (None, None) => return Err(wrong()),
        };
        let (name, value) = assignment.split_once('=').ok_or_else(wrong)?;
        settings.push((name.replace('-', "_"), value.to_owned()));
    }
    Ok(settings)
}

/// Asks for the password.
async fn authenticate(wire: &mut Wire, user: &str, shared: &Shared) -> Result<Authenticated, Failure> {
    if shared.config.cleartext_passwords && wire.is_secure() {
        ask(wire, Authentication::CleartextPassword).await?;
        let mut answer = Reader::new(password_message(wire).await?);
        let password = answer.text()?;
        answer.end()?;
        return Ok(shared.authenticator.check_password(user, &password)?);
    }
    let exchange = shared.authenticator.exchange(user, wire.is_secure());
    ask(wire, Authentication::SASL(exchange.mechanisms())).await?;
    let mut answer = Reader::new(password_message(wire).await?);
    let mechanism = answer.text()?;
    let length = usize::try_from(answer.int32()?).map_err(|_cause| violation("a SASL response is missing"))?;
    let message = answer.rest();
    if message.len() != length {
        return Err(violation("invalid SASL response length").into());
    }
    let (challenge, started) = exchange.first(&mechanism, &message)?;
    ask(wire, Authentication::SASLContinue(challenge.into())).await?;
    finish_exchange(wire, started).await
}

async fn finish_exchange(wire: &mut Wire, started: ExchangeStarted) -> Result<Authenticated, Failure> {
    let proof = password_message(wire).await?;
    let (answer, authenticated) = started.last(&proof)?;
    wire.put(&PgWireBackendMessage::Authentication(Authentication::SASLFinal(answer.into())))?;
    Ok(authenticated)
}

async fn ask(wire: &mut Wire, request: Authentication) -> Result<(), Failure> {
    wire.put(&PgWireBackendMessage::Authentication(request))?;
    Ok(wire.flush().await?)
}

/// The next frame, which before login can only be an answer to a password request.
async fn password_message(wire: &mut Wire) -> Result<Bytes, Failure> {
    match wire.frame().await {
        Ok((b'p', body)) => Ok(body),
        Ok((kind, _)) => Err(violation(format!("expected password response, got message type {kind}")).into()),
        Err(FrameError::Length(_)) => Err(violation("invalid message length").into()),
        Err(FrameError::Closed) => Err(Failure::Gone),
    }
}

/// Tells the client that it is in. Takes the proof of that.
async fn greet(wire: &mut Wire, session: &Session, _authenticated: Authenticated) -> Result<(), Failure> {
    wire.put(&PgWireBackendMessage::Authentication(Authentication::Ok))?;
    for (name, value) in session.parameter_status() {
        wire.put(&PgWireBackendMessage::ParameterStatus(ParameterStatus::new(name, value)))?;
    }
    let key = BackendKeyData::new(session.process_id(), SecretKey::I32(session.secret()));
    wire.put(&PgWireBackendMessage::BackendKeyData(key))?;
    wire.put(&PgWireBackendMessage::ReadyForQuery(ReadyForQuery::new(TransactionStatus::Idle)))?;
    Ok(wire.flush().await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn startup(body: &[u8]) -> Result<Startup, SqlState> {
        read_startup(0, Reader::new(Bytes::copy_from_slice(body))).map_err(|error| error.state)
    }

    #[test]
    fn unknown_keys_are_settings_and_the_database_is_the_user_s() {
        let read = startup(b"user\0ann\0driver_version\0Redshift 2\0client_protocol_version\x002\0\0").expect("valid");
        assert_eq!(read.database, "ann");
        assert_eq!(
            read.settings,
            [
                ("driver_version".to_owned(), "Redshift 2".to_owned()),
                ("client_protocol_version".to_owned(), "2".to_owned()),
            ]
        );
        assert_eq!(startup(b"database\0dev\0\0"), Err(SqlState::InvalidAuthorization));
        assert_eq!(startup(b"user\0ann\0"), Err(SqlState::ProtocolViolation));
        assert_eq!(startup(b"user\0ann\0replication\0database\0\0"), Err(SqlState::FeatureNotSupported));
        let newer = startup(b"user\0ann\0_pq_.command_compression\0on\0\0").expect("valid");
        assert_eq!(newer.unknown_options, ["_pq_.command_compression"]);
    }

    #[test]
    fn options_are_read_as_a_command_line() {
        let read = |text: &str| command_line_options(text).map_err(|error| error.state);
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            read("-c statement_timeout=5s -csearch_path=a,b"),
            Ok(vec![pair("statement_timeout", "5s"), pair("search_path", "a,b"),])
        );
        assert_eq!(read(r"--search-path=my\ schema"), Ok(vec![pair("search_path", "my schema")]));
        assert_eq!(read("-d 5"), Err(SqlState::SyntaxError));
        assert_eq!(read("-c"), Err(SqlState::SyntaxError));
    }
}
