//! The one error type of this crate: a prescriptive kind, a sentence, the cause, and the rows that were refused.

use std::fmt;

use crate::reject::RejectedRow;

/// What a caller can do about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The request is wrong and will stay wrong: options that exclude each other, a column that does not exist.
    Invalid,
    /// The request is right, but Stoa does not do this (yet).
    Unsupported,
    /// The location lies outside what the configuration allows.
    Denied,
    /// A file that must exist does not.
    NotFound,
    /// More rows were refused than MAXERROR allows; [`Error::rejected`] has them.
    Rejected,
    /// The bytes are not what the format says: truncated, damaged, or of another format.
    Corrupt,
    /// The file or object store cannot be read at the moment; later may work.
    Unavailable,
    /// A limit of this crate was reached; the message names it.
    Limit,
    /// The caller asked to stop.
    Cancelled,
    /// The storage layer refused what was loaded.
    Storage(stoa_storage::Kind),
    /// A bug in Stoa.
    Internal,
}

/// An error of a load or an export.
pub struct Error {
    kind: Kind,
    message: String,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
    rejected: Vec<RejectedRow>,
}

/// `Result` with the ingest [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error of `kind`; `message` is lower case, without a full stop, and names objects in double quotes.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), source: None, rejected: Vec::new() }
    }

    /// The same error with its cause attached.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The same error with the rows that led to it.
    #[must_use]
    pub fn with_rejected(mut self, rejected: Vec<RejectedRow>) -> Self {
        self.rejected = rejected;
        self
    }

    /// What a caller can do about it.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The sentence, without the causes.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The rows that were refused, in the order of files and lines; for `stl_load_errors` and for the client.
    pub fn rejected(&self) -> &[RejectedRow] {
        &self.rejected
    }

    /// Like [`Error::rejected`], but handed over.
    pub fn take_rejected(&mut self) -> Vec<RejectedRow> {
        std::mem::take(&mut self.rejected)
    }

    /// An input or output error while reading `name`.
    pub(crate) fn reading(name: &str, error: std::io::Error) -> Self {
        use std::io::ErrorKind;
        // Our own readers pass typed errors through `io::Read`; unwrap them again.
        if error.get_ref().is_some_and(|inner| inner.is::<Self>()) {
            return match error.into_inner().map(|inner| inner.downcast::<Self>()) {
                Some(Ok(own)) => *own,
                _ => Self::internal(format!("could not read \"{name}\"")),
            };
        }
        let kind = match error.kind() {
            ErrorKind::NotFound => Kind::NotFound,
            ErrorKind::PermissionDenied => Kind::Denied,
            ErrorKind::UnexpectedEof | ErrorKind::InvalidData | ErrorKind::InvalidInput | ErrorKind::Other => {
                Kind::Corrupt
            }
            _ => Kind::Unavailable,
        };
        let message = match kind {
            Kind::Corrupt => format!("file \"{name}\" is damaged or truncated"),
            _ => format!("could not read file \"{name}\""),
        };
        Self::new(kind, message).with_source(error)
    }
}

impl From<Error> for std::io::Error {
    fn from(error: Error) -> Self {
        Self::other(error)
    }
}

/// One short constructor a kind, so that call sites read as sentences.
macro_rules! constructors {
    ($($name:ident => $kind:ident),* $(,)?) => {
        impl Error {
            $(
                #[doc = concat!("An error of [`Kind::", stringify!($kind), "`].")]
                pub fn $name(message: impl Into<String>) -> Self {
                    Self::new(Kind::$kind, message)
                }
            )*
        }
    };
}
constructors! {
    invalid => Invalid, unsupported => Unsupported, denied => Denied, not_found => NotFound, corrupt => Corrupt,
    unavailable => Unavailable, limit => Limit, cancelled => Cancelled, internal => Internal,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        let mut cause = self.source.as_deref().map(|source| source as &dyn std::error::Error);
        while let Some(source) = cause {
            write!(f, ": {source}")?;
            cause = source.source();
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {self}", self.kind)
    }
}

impl std::error::Error for Error {}

impl From<stoa_storage::Error> for Error {
    fn from(error: stoa_storage::Error) -> Self {
        Self::new(Kind::Storage(error.kind()), error.to_string())
    }
}

impl From<arrow_schema::ArrowError> for Error {
    fn from(error: arrow_schema::ArrowError) -> Self {
        Self::internal("an array operation failed").with_source(error)
    }
}
