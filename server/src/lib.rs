//! Protocols and process: the Postgres wire protocol, Arrow Flight SQL, health and metrics, login, TLS, configuration.
//!
//! The only crate that opens a socket. It knows no SQL: both protocols drive `stoa_query::Session`.

mod authenticate;
mod check;
mod config;
mod flight;
mod http;
mod log;
mod pg;
mod serve;
mod server;
mod tls;
pub mod tool;

pub use check::check;
pub use config::{ByteSize, Config, ConfigError, Directories, Listen, LogFormat, OPTIONS, OptionRow, Secret, Span};
pub use serve::serve;
pub use server::{Server, Service, StartError};

/// What went wrong in a command of the program, with the exit code that tells it.
#[derive(Debug)]
pub enum CommandError {
    /// It failed, for the reason in this sentence.
    Failed(String),
    /// It was called wrongly.
    Usage(clap::Error),
    /// `stoa check` found these many problems, which it has printed.
    Problems(usize),
}

impl CommandError {
    /// The exit code: 1 failed, 2 wrong usage, 3 problems found.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Failed(_) => 1,
            Self::Usage(error) if !error.use_stderr() => 0,
            Self::Usage(_) => 2,
            Self::Problems(_) => 3,
        }
    }
}

impl From<clap::Error> for CommandError {
    fn from(error: clap::Error) -> Self {
        Self::Usage(error)
    }
}

impl From<ConfigError> for CommandError {
    fn from(error: ConfigError) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<StartError> for CommandError {
    fn from(error: StartError) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<std::io::Error> for CommandError {
    fn from(error: std::io::Error) -> Self {
        Self::Failed(error.to_string())
    }
}
