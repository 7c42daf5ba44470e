//! The parts of `stoa` that a person runs in a terminal against a server: `sql`, `demo` and `bench`.
//!
//! They are clients: everything they do goes through the Postgres wire or Flight SQL, as any other client's work does.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "terminal tools talk to the person at the terminal")]

pub mod bench;
pub mod child;
pub mod client;
pub mod demo;
pub mod report;
pub mod sql;
pub mod tpch;

use std::fmt;

/// Why a tool stopped: a sentence for the person at the terminal.
#[derive(Debug)]
pub struct ToolError {
    message: String,
}

impl ToolError {
    /// An error with this sentence.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into() }
    }

    /// A function for `map_err` that puts what was being done before the cause.
    pub fn while_doing<E: fmt::Display>(what: impl fmt::Display) -> impl FnOnce(E) -> Self {
        move |cause| Self::new(format!("{what}: {cause}"))
    }
}

impl fmt::Display for ToolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ToolError {}

/// `Result` of the tools.
pub type Result<T, E = ToolError> = std::result::Result<T, E>;
