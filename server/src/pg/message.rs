//! Messages from the client, decoded from a frame that is known to be whole.
//!
//! `pgwire`'s own decoders read from the shared socket buffer: a `Bind` that is shorter than it says panics or eats the
//! next message, and text that is not UTF-8 is silently changed. Here a reader is bound to one frame, every read is
//! checked, and bytes that are left over are an error.

use bytes::{Buf, Bytes};
use stoa_query::{SqlError, SqlState};

/// A message of a client that has logged in.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Message {
    /// One string of statements.
    Query(String),
    /// Prepare a statement.
    Parse { name: String, query: String, types: Vec<u32> },
    /// Give a statement its parameters.
    Bind(Bind),
    /// Ask for the shape of a statement or portal.
    Describe(Target, String),
    /// Run a portal.
    Execute { portal: String, rows_max: i32 },
    /// Forget a statement or portal.
    Close(Target, String),
    /// End of a pipeline.
    Sync,
    /// Send what there is.
    Flush,
    /// Bytes of a COPY.
    CopyData(Bytes),
    /// End of a COPY.
    CopyDone,
    /// The client gives a COPY up.
    CopyFail(String),
    /// An answer to a password request. After login it is out of place.
    Password,
    /// The client leaves.
    Terminate,
}

/// What `Describe` and `Close` name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    Statement,
    Portal,
}

/// The fields of a `Bind`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Bind {
    pub(crate) portal: String,
    pub(crate) statement: String,
    pub(crate) parameter_formats: Vec<i16>,
    pub(crate) parameters: Vec<Option<Bytes>>,
    pub(crate) result_formats: Vec<i16>,
}

impl Message {
    /// Decodes the body of a frame of type `kind`.
    pub(crate) fn decode(kind: u8, body: Bytes) -> Result<Self, SqlError> {
        let mut reader = Reader { body };
        let message = match kind {
            b'Q' => Self::Query(reader.text()?),
            b'P' => Self::Parse { name: reader.text()?, query: reader.text()?, types: reader.types()? },
            b'B' => Self::Bind(reader.bind()?),
            b'D' => Self::Describe(reader.target()?, reader.text()?),
            b'E' => Self::Execute { portal: reader.text()?, rows_max: reader.int32()? },
            b'C' => Self::Close(reader.target()?, reader.text()?),
            b'S' => Self::Sync,
            b'H' => Self::Flush,
            b'd' => Self::CopyData(reader.rest()),
            b'c' => Self::CopyDone,
            b'f' => Self::CopyFail(reader.text()?),
            b'p' => {
                reader.rest();
                Self::Password
            }
            b'X' => Self::Terminate,
            _ => return Err(violation(format!("invalid frontend message type {kind}")).fatal()),
        };
        reader.end()?;
        Ok(message)
    }

    /// Whether an error in this message makes the server skip all up to the next `Sync`.
    pub(crate) fn is_extended(kind: u8) -> bool {
        matches!(kind, b'P' | b'B' | b'D' | b'E' | b'C' | b'H')
    }
}

/// 08P01.
pub(crate) fn violation(message: impl Into<String>) -> SqlError {
    SqlError::new(SqlState::ProtocolViolation, message)
}

/// Reads the fields of one frame.
pub(crate) struct Reader {
    body: Bytes,
}

impl Reader {
    /// A reader of `body`.
    pub(crate) fn new(body: Bytes) -> Self {
        Self { body }
    }

    fn need(&self, count: usize) -> Result<(), SqlError> {
        if self.body.len() < count { Err(violation("insufficient data left in message")) } else { Ok(()) }
    }

    /// A string up to its zero byte.
    pub(crate) fn text(&mut self) -> Result<String, SqlError> {
        let Some(end) = self.body.iter().position(|byte| *byte == 0) else {
            return Err(violation("invalid string in message"));
        };
        let bytes = self.body.split_to(end);
        self.body.advance(1);
        utf8(&bytes)
    }

    pub(crate) fn int32(&mut self) -> Result<i32, SqlError> {
        self.need(4)?;
        Ok(self.body.get_i32())
    }

    fn uint16(&mut self) -> Result<u16, SqlError> {
        self.need(2)?;
        Ok(self.body.get_u16())
    }

    fn target(&mut self) -> Result<Target, SqlError> {
        self.need(1)?;
        match self.body.get_u8() {
            b'S' => Ok(Target::Statement),
            b'P' => Ok(Target::Portal),
            other => Err(violation(format!("invalid statement or portal subtype {other}"))),
        }
    }

    fn types(&mut self) -> Result<Vec<u32>, SqlError> {
        let count = usize::from(self.uint16()?);
        self.need(count * 4)?;
        Ok((0..count).map(|_| self.body.get_u32()).collect())
    }

    fn formats(&mut self) -> Result<Vec<i16>, SqlError> {
        let count = usize::from(self.uint16()?);
        self.need(count * 2)?;
        Ok((0..count).map(|_| self.body.get_i16()).collect())
    }

    fn bind(&mut self) -> Result<Bind, SqlError> {
        let (portal, statement) = (self.text()?, self.text()?);
        let parameter_formats = self.formats()?;
        let count = usize::from(self.uint16()?);
        self.need(count * 4)?;
        let mut parameters = Vec::with_capacity(count);
        for _ in 0..count {
            parameters.push(match usize::try_from(self.int32()?) {
                Err(_) => None,
                Ok(length) => {
                    self.need(length)?;
                    Some(self.body.split_to(length))
                }
            });
        }
        Ok(Bind { portal, statement, parameter_formats, parameters, result_formats: self.formats()? })
    }

    /// All bytes that are left.
    pub(crate) fn rest(&mut self) -> Bytes {
        self.body.split_to(self.body.len())
    }

    /// Checks that nothing is left.
    pub(crate) fn end(&self) -> Result<(), SqlError> {
        if self.body.is_empty() { Ok(()) } else { Err(violation("invalid message format")) }
    }
}

/// Bytes as text, or 22021 with the first wrong byte as Postgres words it.
pub(crate) fn utf8(bytes: &[u8]) -> Result<String, SqlError> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.to_owned()),
        Err(error) => {
            let wrong = bytes.get(error.valid_up_to()).copied().unwrap_or(0);
            Err(SqlError::new(
                SqlState::CharacterNotInRepertoire,
                format!("invalid byte sequence for encoding \"UTF8\": 0x{wrong:02x}"),
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(kind: u8, body: &[u8]) -> Result<Message, SqlState> {
        Message::decode(kind, Bytes::copy_from_slice(body)).map_err(|error| error.state)
    }

    #[test]
    fn whole_messages_are_read() {
        assert_eq!(decode(b'Q', b"select 1\0"), Ok(Message::Query("select 1".to_owned())));
        assert_eq!(
            decode(b'P', b"s\0select $1\0\0\x01\0\0\0\x17"),
            Ok(Message::Parse { name: "s".to_owned(), query: "select $1".to_owned(), types: vec![23] })
        );
        let bind = b"p\0s\0\0\x01\0\x01\0\x02\0\0\0\x01x\xff\xff\xff\xff\0\0";
        let expected = Bind {
            portal: "p".to_owned(),
            statement: "s".to_owned(),
            parameter_formats: vec![1],
            parameters: vec![Some(Bytes::from_static(b"x")), None],
            result_formats: vec![],
        };
        assert_eq!(decode(b'B', bind), Ok(Message::Bind(expected)));
        assert_eq!(decode(b'E', b"\0\xff\xff\xff\xff"), Ok(Message::Execute { portal: String::new(), rows_max: -1 }));
    }

    #[test]
    fn every_cut_of_a_message_is_a_protocol_violation() {
        let bodies: [(u8, &[u8]); 5] = [
            (b'Q', b"select 1\0"),
            (b'P', b"s\0select $1\0\0\x01\0\0\0\x17"),
            (b'B', b"p\0s\0\0\x01\0\x01\0\x02\0\0\0\x01x\xff\xff\xff\xff\0\0"),
            (b'D', b"Sname\0"),
            (b'E', b"\0\0\0\0\x01"),
        ];
        for (kind, body) in bodies {
            assert!(decode(kind, body).is_ok());
            for cut in 0..body.len() {
                assert_eq!(decode(kind, &body[..cut]), Err(SqlState::ProtocolViolation), "{} at {cut}", kind as char);
            }
            let longer = [body, b"\0"].concat();
            assert_eq!(decode(kind, &longer), Err(SqlState::ProtocolViolation), "{} with more", kind as char);
        }
    }

    #[test]
    fn counts_are_checked_before_memory_is_taken() {
        assert_eq!(decode(b'P', b"\0\0\xff\xff"), Err(SqlState::ProtocolViolation));
        assert_eq!(decode(b'B', b"\0\0\0\0\0\x01\x7f\xff\xff\xff"), Err(SqlState::ProtocolViolation));
    }

    #[test]
    fn random_bytes_are_messages_or_errors() {
        use rand::{Rng, SeedableRng};
        let mut random = rand::rngs::StdRng::seed_from_u64(17);
        for _ in 0..100_000 {
            let kind = b"QPBDECSHdcfpX"[random.random_range(0..13)];
            let length = random.random_range(0..40);
            // Small numbers and zeros come often, as in real messages.
            let body: Vec<u8> = (0..length)
                .map(|_| if random.random_bool(0.5) { random.random_range(0..4) } else { random.random() })
                .collect();
            match decode(kind, &body) {
                Ok(_) | Err(SqlState::ProtocolViolation | SqlState::CharacterNotInRepertoire) => {}
                Err(other) => panic!("{kind} {body:?}: {other:?}"),
            }
        }
    }

    #[test]
    fn text_that_is_not_utf8_is_refused() {
        assert_eq!(decode(b'Q', b"select '\xff'\0"), Err(SqlState::CharacterNotInRepertoire));
    }
}
