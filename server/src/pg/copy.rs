//! COPY … FROM STDIN and COPY … TO STDOUT.

use bytes::BufMut;
use futures::StreamExt;
use pgwire::messages::PgWireBackendMessage;
use pgwire::messages::copy::{CopyDone, CopyInResponse, CopyOutResponse, MESSAGE_TYPE_BYTE_COPY_DATA};
use stoa_query::{CopyIn, CopyOut, SqlError, SqlState};

use super::connection::Connection;
use super::error::Failure;
use super::message::{Message, violation};
use super::wire::FrameError;

/// Bytes of one CopyData message at most; longer chunks are cut.
const COPY_DATA_BYTES: usize = 1 << 20;

/// How the client ended its data.
enum Upload {
    /// All is there.
    Done,
    /// The client gave up.
    Failed(String),
    /// The load ended before the data did; it knows why.
    LoadEnded,
}

impl Connection {
    /// Takes the client's data.
    pub(super) async fn copy_in(&mut self, copy: CopyIn) -> Result<(), Failure> {
        let format = i8::from(copy.binary);
        let columns = i16::try_from(copy.columns).unwrap_or(i16::MAX);
        let formats = vec![i16::from(format); usize::try_from(columns).unwrap_or(0)];
        self.put_notices()?;
        self.wire.put(&PgWireBackendMessage::CopyInResponse(CopyInResponse::new(format, columns, formats)))?;
        self.wire.flush().await?;
        match self.upload(&copy).await {
            Ok(Upload::Done | Upload::LoadEnded) => {
                let tag = self.watched(copy.finish()).await??;
                self.put_complete(tag)
            }
            Ok(Upload::Failed(reason)) => Err(copy.fail(&reason).await.into()),
            Err(failure) => {
                let reason = match &failure {
                    Failure::Gone => "the client is gone",
                    Failure::Sql(error) => &error.message,
                };
                copy.fail(reason).await;
                Err(failure)
            }
        }
    }

    /// Passes data on until the client ends it. A load that is slower than the client makes the client wait.
    async fn upload(&mut self, copy: &CopyIn) -> Result<Upload, Failure> {
        loop {
            let frame = tokio::select! {
                biased;
                () = copy.sender.closed() => return Ok(Upload::LoadEnded),
                frame = self.wire.frame() => frame,
            };
            let (kind, body) = match frame {
                Ok(frame) => frame,
                Err(FrameError::Closed) => return Err(Failure::Gone),
                Err(FrameError::Length(length)) => {
                    return Err(violation(format!("invalid message length {length}")).fatal().into());
                }
            };
            match Message::decode(kind, body)? {
                Message::CopyData(bytes) => {
                    if copy.sender.send(Ok(bytes)).await.is_err() {
                        return Ok(Upload::LoadEnded);
                    }
                }
                Message::CopyDone => return Ok(Upload::Done),
                Message::CopyFail(reason) => return Ok(Upload::Failed(reason)),
                // Drivers send a Sync right behind the Execute that starts a COPY.
                Message::Sync | Message::Flush => {}
                Message::Terminate => return Err(Failure::Gone),
                Message::Query(_)
                | Message::Parse { .. }
                | Message::Bind(_)
                | Message::Describe(..)
                | Message::Execute { .. }
                | Message::Close(..)
                | Message::Password => {
                    let message = format!("unexpected message type 0x{kind:02X} during COPY from stdin");
                    return Err(violation(message).into());
                }
            }
        }
    }

    /// Sends data to the client.
    pub(super) async fn copy_out(&mut self, mut copy: CopyOut) -> Result<(), Failure> {
        let format = i8::from(copy.binary);
        let columns = i16::try_from(copy.columns).unwrap_or(i16::MAX);
        let formats = vec![i16::from(format); usize::try_from(columns).unwrap_or(0)];
        self.put_notices()?;
        self.wire.put(&PgWireBackendMessage::CopyOutResponse(CopyOutResponse::new(format, columns, formats)))?;
        let tag = copy.tag();
        while let Some(chunk) = self.watched(copy.stream.next()).await? {
            for piece in chunk?.chunks(COPY_DATA_BYTES) {
                let length = i32::try_from(piece.len() + 4).map_err(|_cause| too_long())?;
                let out = self.wire.output();
                out.put_u8(MESSAGE_TYPE_BYTE_COPY_DATA);
                out.put_i32(length);
                out.put_slice(piece);
                self.wire.flush_if_full().await?;
            }
        }
        self.wire.put(&PgWireBackendMessage::CopyDone(CopyDone::new()))?;
        self.put_complete(tag())
    }
}

fn too_long() -> SqlError {
    SqlError::new(SqlState::ProgramLimitExceeded, "a chunk is longer than the protocol can carry")
}
