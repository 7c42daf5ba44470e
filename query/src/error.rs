//! Errors as SQL clients see them. The only place of SQLSTATE codes.
//!
//! Every error of a lower layer becomes a [`SqlError`] through an exhaustive `From`, so that a new kind below forces a
//! decision here.

mod engine;
pub(crate) mod parser;

use std::fmt;

use stoa_storage::Kind;

/// Declares the SQLSTATEs that Stoa uses: one line each.
macro_rules! sql_states {
    ($($(#[$doc:meta])* $name:ident = $code:literal;)*) => {
        /// An SQLSTATE.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum SqlState { $($(#[$doc])* $name,)* }

        impl SqlState {
            /// The five characters.
            pub fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// The state of that code, if Stoa uses it.
            pub fn from_code(code: &str) -> Option<Self> {
                match code { $($code => Some(Self::$name),)* _ => None }
            }
        }
    };
}

sql_states! {
    /// Success, the state of notices.
    SuccessfulCompletion = "00000";
    /// A warning.
    Warning = "01000";
    /// The peer broke the protocol.
    ProtocolViolation = "08P01";
    /// Not supported; the message names the clause.
    FeatureNotSupported = "0A000";
    /// A scalar subquery gave several rows.
    CardinalityViolation = "21000";
    /// Any other wrong value.
    DataException = "22000";
    /// A string does not fit its column.
    StringDataRightTruncation = "22001";
    /// A number does not fit its type.
    NumericValueOutOfRange = "22003";
    /// A null where none is allowed.
    NullValueNotAllowed = "22004";
    /// A date or time cannot be read.
    InvalidDatetimeFormat = "22007";
    /// A date or time is outside of its range.
    DatetimeFieldOverflow = "22008";
    /// Division by zero.
    DivisionByZero = "22012";
    /// An argument of a function is outside of its domain.
    InvalidParameterValue = "22023";
    /// Bytes that are not UTF-8.
    CharacterNotInRepertoire = "22021";
    /// The logarithm of a number that has none.
    InvalidArgumentForLogarithm = "2201E";
    /// A root or power of a number that has none.
    InvalidArgumentForPower = "2201F";
    /// A regular expression cannot be read.
    InvalidRegularExpression = "2201B";
    /// LIMIT is negative.
    InvalidRowCountInLimit = "2201W";
    /// OFFSET is negative.
    InvalidRowCountInOffset = "2201X";
    /// A text is not a value of the type.
    InvalidTextRepresentation = "22P02";
    /// Binary parameter bytes are not a value of the type.
    InvalidBinaryRepresentation = "22P03";
    /// A file given to COPY cannot be read.
    BadCopyFileFormat = "22P04";
    /// A null in a NOT NULL column.
    NotNullViolation = "23502";
    /// A cursor is not in the state that the statement needs.
    InvalidCursorState = "24000";
    /// The statement does not fit the state of the transaction.
    InvalidTransactionState = "25000";
    /// The statement cannot run inside a transaction block.
    ActiveTransaction = "25001";
    /// A write in a read-only transaction.
    ReadOnlyTransaction = "25006";
    /// The statement needs a transaction block.
    NoActiveTransaction = "25P01";
    /// The transaction has failed; only its end is accepted.
    InFailedTransaction = "25P02";
    /// No prepared statement of that name.
    InvalidStatementName = "26000";
    /// The user may not log in.
    InvalidAuthorization = "28000";
    /// Wrong password.
    InvalidPassword = "28P01";
    /// Other objects depend on the one to be dropped.
    DependentObjectsExist = "2BP01";
    /// No cursor of that name.
    InvalidCursorName = "34000";
    /// No savepoint of that name.
    InvalidSavepoint = "3B001";
    /// No database of that name.
    InvalidCatalogName = "3D000";
    /// No schema of that name.
    InvalidSchemaName = "3F000";
    /// A concurrent transaction won; running it again may succeed.
    SerializationFailure = "40001";
    /// The outcome of the commit is not known.
    StatementCompletionUnknown = "40003";
    /// Missing right.
    InsufficientPrivilege = "42501";
    /// Not SQL.
    SyntaxError = "42601";
    /// Not a name.
    InvalidName = "42602";
    /// A column definition contradicts itself.
    InvalidColumnDefinition = "42611";
    /// A name is too long.
    NameTooLong = "42622";
    /// A column name is used twice.
    DuplicateColumn = "42701";
    /// A column name fits several columns.
    AmbiguousColumn = "42702";
    /// No column of that name.
    UndefinedColumn = "42703";
    /// No object of that name (roles, settings, types, constraints).
    UndefinedObject = "42704";
    /// An object of that name exists.
    DuplicateObject = "42710";
    /// A table alias is used twice.
    DuplicateAlias = "42712";
    /// A function call fits several functions.
    AmbiguousFunction = "42725";
    /// A column outside of GROUP BY.
    GroupingError = "42803";
    /// Types do not fit.
    DatatypeMismatch = "42804";
    /// The object is of another kind.
    WrongObjectType = "42809";
    /// No cast between the types.
    CannotCoerce = "42846";
    /// No such function or operator.
    UndefinedFunction = "42883";
    /// No table of that name.
    UndefinedTable = "42P01";
    /// No such parameter.
    UndefinedParameter = "42P02";
    /// A cursor of that name exists.
    DuplicateCursor = "42P03";
    /// A database of that name exists.
    DuplicateDatabase = "42P04";
    /// A prepared statement of that name exists.
    DuplicatePreparedStatement = "42P05";
    /// A schema of that name exists.
    DuplicateSchema = "42P06";
    /// A table or view of that name exists.
    DuplicateTable = "42P07";
    /// ORDER BY or GROUP BY position is wrong.
    InvalidColumnReference = "42P10";
    /// A table definition contradicts itself.
    InvalidTableDefinition = "42P16";
    /// The type of a parameter cannot be inferred.
    IndeterminateDatatype = "42P18";
    /// A recursive query is not well-formed.
    InvalidRecursion = "42P19";
    /// A window is not well-formed.
    WindowingError = "42P20";
    /// Some resource is used up.
    InsufficientResources = "53000";
    /// The store is full.
    DiskFull = "53100";
    /// The memory for queries is used up.
    OutOfMemory = "53200";
    /// Too many sessions.
    TooManyConnections = "53300";
    /// A configured limit was reached.
    ConfigurationLimitExceeded = "53400";
    /// A limit of Stoa was reached.
    ProgramLimitExceeded = "54000";
    /// The statement is too deep or too long.
    StatementTooComplex = "54001";
    /// Too many columns.
    TooManyColumns = "54011";
    /// The object is not in the state that the statement needs.
    ObjectNotInPrerequisiteState = "55000";
    /// The object is in use.
    ObjectInUse = "55006";
    /// The setting cannot be changed now.
    CannotChangeRuntimeParameter = "55P02";
    /// Cancelled, or statement_timeout passed.
    QueryCanceled = "57014";
    /// The server stops, or another process has taken over.
    AdminShutdown = "57P01";
    /// The session was idle for too long.
    IdleSessionTimeout = "57P05";
    /// The server does not take sessions now.
    CannotConnectNow = "57P03";
    /// The object store cannot be reached.
    IoError = "58030";
    /// A file does not exist.
    UndefinedFile = "58P01";
    /// The version asked for is no longer kept.
    SnapshotTooOld = "72000";
    /// A bug in Stoa.
    InternalError = "XX000";
    /// Stored bytes are damaged.
    DataCorrupted = "XX001";
}

/// How bad it is, in the words of the Postgres protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Severity {
    /// The statement failed.
    Error,
    /// The session ends.
    Fatal,
}

impl Severity {
    /// The word of the protocol.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "ERROR",
            Self::Fatal => "FATAL",
        }
    }
}

/// An error as the client sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqlError {
    /// SQLSTATE.
    pub state: SqlState,
    /// Lower case, without a full stop.
    pub message: String,
    /// A full sentence with more facts.
    pub detail: Option<String>,
    /// A full sentence with advice.
    pub hint: Option<String>,
    /// Where in the statement's text, in characters from 1.
    pub position: Option<usize>,
    /// How bad it is.
    pub severity: Severity,
}

impl SqlError {
    /// An error of that state.
    pub fn new(state: SqlState, message: impl Into<String>) -> Self {
        Self { state, message: message.into(), detail: None, hint: None, position: None, severity: Severity::Error }
    }

    /// The same error with a detail.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// The same error with a hint.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same error with a position (characters from 1).
    #[must_use]
    pub fn with_position(mut self, position: usize) -> Self {
        self.position = Some(position);
        self
    }

    /// The same error, ending the session.
    #[must_use]
    pub fn fatal(mut self) -> Self {
        self.severity = Severity::Fatal;
        self
    }

    /// 0A000: `what` is not supported.
    pub fn unsupported(what: impl fmt::Display) -> Self {
        Self::new(SqlState::FeatureNotSupported, format!("{what} is not supported"))
    }

    /// 42601.
    pub fn syntax(message: impl Into<String>) -> Self {
        Self::new(SqlState::SyntaxError, message)
    }

    /// XX000: a bug in Stoa.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(SqlState::InternalError, message)
    }

    /// 57014 by the user's request.
    pub fn cancelled() -> Self {
        Self::new(SqlState::QueryCanceled, "canceling statement due to user request")
    }

    /// 57014 by `statement_timeout`.
    pub fn timed_out() -> Self {
        Self::new(SqlState::QueryCanceled, "canceling statement due to statement timeout")
    }

    /// 42501 as Postgres words it: `permission denied for table t`.
    pub fn denied(kind: &str, name: &str) -> Self {
        Self::new(SqlState::InsufficientPrivilege, format!("permission denied for {kind} {name}"))
    }

    /// 42501 as Postgres words it: `must be owner of table t`.
    pub fn not_owner(kind: &str, name: &str) -> Self {
        Self::new(SqlState::InsufficientPrivilege, format!("must be owner of {kind} {name}"))
    }

    /// 42P01.
    pub fn undefined_table(name: &str) -> Self {
        Self::new(SqlState::UndefinedTable, format!("relation \"{name}\" does not exist"))
    }

    /// 3F000.
    pub fn undefined_schema(name: &str) -> Self {
        Self::new(SqlState::InvalidSchemaName, format!("schema \"{name}\" does not exist"))
    }

    /// 3D000.
    pub fn undefined_database(name: &str) -> Self {
        Self::new(SqlState::InvalidCatalogName, format!("database \"{name}\" does not exist"))
    }

    /// 42704 for a role.
    pub fn undefined_role(name: &str) -> Self {
        Self::new(SqlState::UndefinedObject, format!("role \"{name}\" does not exist"))
    }

    /// 42703.
    pub fn undefined_column(column: &str, relation: &str) -> Self {
        Self::new(SqlState::UndefinedColumn, format!("column \"{column}\" of relation \"{relation}\" does not exist"))
    }

    /// Whether running the whole transaction again may succeed.
    pub fn is_retryable(&self) -> bool {
        self.state == SqlState::SerializationFailure
    }
}

impl fmt::Display for SqlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (SQLSTATE {})", self.message, self.state.code())
    }
}

impl std::error::Error for SqlError {}

impl From<stoa_storage::Error> for SqlError {
    fn from(error: stoa_storage::Error) -> Self {
        let state = match error.kind() {
            Kind::Conflict => return conflict(&error),
            Kind::NotFound => SqlState::UndefinedObject,
            Kind::Exists => SqlState::DuplicateObject,
            Kind::Invalid => SqlState::InvalidParameterValue,
            Kind::Corrupt => SqlState::DataCorrupted,
            Kind::Unavailable => SqlState::IoError,
            Kind::OutcomeUnknown => SqlState::StatementCompletionUnknown,
            Kind::Fenced => SqlState::AdminShutdown,
            Kind::Cancelled => return Self::cancelled(),
            Kind::Limit => SqlState::ProgramLimitExceeded,
            Kind::Full => SqlState::DiskFull,
            Kind::TooOld => SqlState::SnapshotTooOld,
            Kind::Internal => SqlState::InternalError,
        };
        Self::new(state, error.to_string())
    }
}

impl From<stoa_ingest::Error> for SqlError {
    fn from(error: stoa_ingest::Error) -> Self {
        use stoa_ingest::Kind as Ingest;
        let state = match error.kind() {
            Ingest::Invalid => SqlState::InvalidParameterValue,
            Ingest::Unsupported => SqlState::FeatureNotSupported,
            Ingest::Denied => SqlState::InsufficientPrivilege,
            Ingest::NotFound => SqlState::UndefinedFile,
            Ingest::Rejected => return rejected(&error),
            Ingest::Corrupt => SqlState::BadCopyFileFormat,
            Ingest::Unavailable => SqlState::IoError,
            Ingest::Limit => SqlState::ProgramLimitExceeded,
            Ingest::Cancelled => return Self::cancelled(),
            Ingest::Storage(kind) => return stoa_storage::Error::new(kind, error.to_string()).into(),
            Ingest::Internal => SqlState::InternalError,
        };
        Self::new(state, error.to_string())
    }
}

/// A load that refused too many rows: the state of the first one's mistake.
fn rejected(error: &stoa_ingest::Error) -> SqlError {
    use stoa_ingest::Cause;
    let first = error.rejected().first();
    let state = match first.map(|row| row.cause) {
        Some(Cause::NullViolation) => SqlState::NotNullViolation,
        Some(Cause::TooLong) => SqlState::StringDataRightTruncation,
        Some(Cause::OutOfRange) => SqlState::NumericValueOutOfRange,
        Some(Cause::DateTimeFormat) => SqlState::InvalidDatetimeFormat,
        Some(Cause::DateTimeRange) => SqlState::DatetimeFieldOverflow,
        Some(Cause::Encoding) => SqlState::CharacterNotInRepertoire,
        Some(Cause::InvalidText) => SqlState::InvalidTextRepresentation,
        Some(Cause::RowFormat) | None => SqlState::BadCopyFileFormat,
    };
    let sql = SqlError::new(state, error.message());
    match first {
        Some(row) => sql.with_detail(format!("{}, line {}: {}.", row.file, row.line, row.reason)),
        None => sql,
    }
}

/// Postgres's words for a lost race, which drivers and retry loops look for.
fn conflict(error: &stoa_storage::Error) -> SqlError {
    SqlError::new(SqlState::SerializationFailure, "could not serialize access due to concurrent update")
        .with_detail(format!("The cause: {error}."))
        .with_hint("The transaction might succeed if retried.")
}

/// A message that does not fail the statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Which kind.
    pub severity: NoticeSeverity,
    /// SQLSTATE.
    pub state: SqlState,
    /// The message.
    pub message: String,
    /// More facts.
    pub detail: Option<String>,
    /// Advice.
    pub hint: Option<String>,
}

/// The kinds of notices, least important first (`client_min_messages` compares them).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NoticeSeverity {
    /// NOTICE.
    Notice,
    /// WARNING.
    Warning,
    /// INFO: always sent.
    Info,
}

impl NoticeSeverity {
    /// The word of the protocol.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Notice => "NOTICE",
            Self::Warning => "WARNING",
            Self::Info => "INFO",
        }
    }
}

impl Notice {
    /// A notice of that severity.
    pub fn new(severity: NoticeSeverity, message: impl Into<String>) -> Self {
        let state = match severity {
            NoticeSeverity::Warning => SqlState::Warning,
            NoticeSeverity::Notice | NoticeSeverity::Info => SqlState::SuccessfulCompletion,
        };
        Self { severity, state, message: message.into(), detail: None, hint: None }
    }
}
