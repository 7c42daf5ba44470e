//! One client's socket: frames in, messages out, with limits.
//!
//! Before login a frame may be 64 KiB at most, so that nobody who has not proved who they are can make the server
//! keep more; after login the configured limit holds. Memory grows with the bytes that have arrived, never with
//! the length that a frame claims.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes, BytesMut};
use pgwire::messages::PgWireBackendMessage;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

/// Longest frame of a client that has not logged in.
pub(crate) const FRAME_BYTES_BEFORE_LOGIN: usize = 64 << 10;
/// Output that is collected before it is sent.
const OUTPUT_BYTES: usize = 64 << 10;
/// Input that is read ahead while a statement runs, to notice that the client has gone.
const READ_AHEAD_BYTES: usize = 64 << 10;
/// A read buffer longer than this is given back once it is empty.
const IDLE_BUFFER_BYTES: usize = 1 << 20;

/// The two kinds of sockets.
#[derive(Debug)]
pub(crate) enum Stream {
    /// In clear.
    Plain(TcpStream),
    /// Through TLS.
    Tls(Box<TlsStream<TcpStream>>),
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(context),
            Self::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}

/// Why no frame could be read.
#[derive(Debug)]
pub(crate) enum FrameError {
    /// The client is gone.
    Closed,
    /// The frame says that it is longer than allowed, or shorter than its own length field.
    Length(usize),
}

impl From<io::Error> for FrameError {
    /// Whatever broke the connection, the client cannot be answered any more.
    fn from(_error: io::Error) -> Self {
        Self::Closed
    }
}

/// A socket with its buffers.
#[derive(Debug)]
pub(crate) struct Wire {
    /// Absent only while TLS is being started, and after that has failed.
    stream: Option<Stream>,
    input: BytesMut,
    output: BytesMut,
    frame_bytes_max: usize,
    closed: bool,
}

impl Wire {
    /// A socket of a client that has not logged in.
    pub(crate) fn new(stream: Stream) -> Self {
        Self {
            stream: Some(stream),
            input: BytesMut::new(),
            output: BytesMut::new(),
            frame_bytes_max: FRAME_BYTES_BEFORE_LOGIN,
            closed: false,
        }
    }

    /// Whether the client speaks through TLS.
    pub(crate) fn is_secure(&self) -> bool {
        matches!(self.stream, Some(Stream::Tls(_)))
    }

    /// Starts TLS on a socket in clear whose buffers are empty.
    pub(crate) async fn upgrade(&mut self, acceptor: &tokio_rustls::TlsAcceptor) -> io::Result<()> {
        // The socket moves into the TLS session; what stands in its place for that moment is never used.
        match self.stream.take() {
            Some(Stream::Plain(socket)) => {
                self.stream = Some(Stream::Tls(Box::new(acceptor.accept(socket).await?)));
                Ok(())
            }
            other => {
                self.stream = other;
                Err(io::ErrorKind::InvalidInput.into())
            }
        }
    }

    /// The client has logged in: longer frames are allowed.
    pub(crate) fn set_frame_bytes_max(&mut self, limit: usize) {
        self.frame_bytes_max = limit;
    }

    /// Reads more input; false at its end.
    async fn fill(&mut self) -> io::Result<bool> {
        if self.closed {
            return Ok(false);
        }
        if self.input.is_empty() && self.input.capacity() > IDLE_BUFFER_BYTES {
            self.input = BytesMut::new();
        }
        self.input.reserve(8 << 10);
        let stream = self.stream.as_mut().ok_or(io::ErrorKind::NotConnected)?;
        let count = stream.read_buf(&mut self.input).await?;
        self.closed = count == 0;
        Ok(count > 0)
    }

    /// The next frame: its type byte and its body. Dropping the future loses nothing.
    pub(crate) async fn frame(&mut self) -> Result<(u8, Bytes), FrameError> {
        while self.input.len() < 5 {
            if !self.fill().await? {
                return Err(FrameError::Closed);
            }
        }
        let kind = self.input[0];
        let length = self.length_at(1)?;
        self.fill_to(length + 1).await?;
        self.input.advance(5);
        Ok((kind, self.input.split_to(length - 4).freeze()))
    }

    /// A packet without a type byte: what a connection starts with.
    pub(crate) async fn startup_packet(&mut self) -> Result<Bytes, FrameError> {
        while self.input.len() < 4 {
            if !self.fill().await? {
                return Err(FrameError::Closed);
            }
        }
        let length = self.length_at(0)?;
        self.fill_to(length).await?;
        self.input.advance(4);
        Ok(self.input.split_to(length - 4).freeze())
    }

    /// Whether input has arrived that nobody has asked for yet.
    pub(crate) fn has_input(&self) -> bool {
        !self.input.is_empty()
    }

    /// Type of the next frame, if it has arrived.
    pub(crate) fn next_kind(&self) -> Option<u8> {
        self.input.first().copied()
    }

    fn length_at(&self, offset: usize) -> Result<usize, FrameError> {
        let bytes = (&self.input[offset..offset + 4]).get_u32() as usize;
        if bytes < 4 || bytes > self.frame_bytes_max { Err(FrameError::Length(bytes)) } else { Ok(bytes) }
    }

    async fn fill_to(&mut self, length: usize) -> Result<(), FrameError> {
        while self.input.len() < length {
            if !self.fill().await? {
                return Err(FrameError::Closed);
            }
        }
        Ok(())
    }

    /// Ends when the client has gone; until then keeps what it sends, up to a limit. Dropping the future loses nothing.
    pub(crate) async fn gone(&mut self) {
        while self.input.len() < READ_AHEAD_BYTES {
            match self.fill().await {
                Ok(true) => {}
                Ok(false) | Err(_) => {
                    self.closed = true;
                    return;
                }
            }
        }
        std::future::pending::<()>().await;
    }

    /// Appends a message to the output.
    pub(crate) fn put(&mut self, message: &PgWireBackendMessage) -> io::Result<()> {
        message.encode(&mut self.output).map_err(io::Error::other)
    }

    /// The output buffer, for rows.
    pub(crate) fn output(&mut self) -> &mut BytesMut {
        &mut self.output
    }

    /// Sends the output if there is much of it. A client that does not read makes this wait.
    pub(crate) async fn flush_if_full(&mut self) -> io::Result<()> {
        if self.output.len() >= OUTPUT_BYTES { self.flush().await } else { Ok(()) }
    }

    /// Sends the output.
    pub(crate) async fn flush(&mut self) -> io::Result<()> {
        let stream = self.stream.as_mut().ok_or(io::ErrorKind::NotConnected)?;
        if !self.output.is_empty() {
            stream.write_all(&self.output).await?;
            if self.output.capacity() > IDLE_BUFFER_BYTES {
                self.output = BytesMut::new();
            } else {
                self.output.clear();
            }
        }
        stream.flush().await
    }

    /// Sends what is left and says goodbye.
    pub(crate) async fn close(&mut self) {
        // The client may be gone already; there is nobody to tell.
        _ = self.flush().await;
        if let Some(stream) = &mut self.stream {
            _ = stream.shutdown().await;
        }
    }
}
