//! The one error type of this crate: a prescriptive kind, a sentence, and the cause.
//!
//! A kind exists only if a caller acts differently on it (SlateDB RFC 0007). SQLSTATE is an SQL idea and lives in
//! `stoa-query`; there each kind maps to one.

use std::fmt;

/// What a caller can do about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A concurrent transaction won; running the whole transaction again may succeed.
    Conflict,
    /// The named object does not exist (or no longer does).
    NotFound,
    /// An object of that name exists already.
    Exists,
    /// The request itself is wrong and will stay wrong.
    Invalid,
    /// Stored bytes are damaged: a checksum, a magic number or a structure does not hold.
    Corrupt,
    /// The object store or the leader cannot be reached at the moment; later may work.
    Unavailable,
    /// The commit was sent and its outcome is not known. Neither success nor failure may be assumed.
    OutcomeUnknown,
    /// Another process has taken over; this one must not write any more.
    Fenced,
    /// The caller asked to stop, or its deadline passed.
    Cancelled,
    /// A limit of this system was reached; the message names it.
    Limit,
    /// The device or bucket is full.
    Full,
    /// The version asked for is older than what is kept.
    TooOld,
    /// A bug in Stoa.
    Internal,
}

/// An error of the storage layer.
pub struct Error {
    kind: Kind,
    message: String,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// `Result` with the storage [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error of `kind`; `message` is lower case, without a full stop, and names objects in double quotes.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), source: None }
    }

    /// The same error with its cause attached.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The same error for another caller; the causes become part of the sentence.
    pub(crate) fn duplicate(&self) -> Self {
        Self::new(self.kind, self.to_string())
    }

    /// What a caller can do about it.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The sentence, without the causes.
    pub fn message(&self) -> &str {
        &self.message
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
    conflict => Conflict, not_found => NotFound, exists => Exists, invalid => Invalid, corrupt => Corrupt,
    unavailable => Unavailable, outcome_unknown => OutcomeUnknown, fenced => Fenced, cancelled => Cancelled,
    limit => Limit, full => Full, too_old => TooOld, internal => Internal,
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

impl From<arrow_schema::ArrowError> for Error {
    fn from(error: arrow_schema::ArrowError) -> Self {
        Self::internal("an array operation failed").with_source(error)
    }
}
