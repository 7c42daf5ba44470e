//! SQL: session, parse, plan, authorise, optimise, run; system tables.
//!
//! The life of a statement: [`Session::parse`] turns text into [`Parsed`] statements, `plan` turns names into ids against
//! the transaction's snapshot, `access` decides on every field of the plan, and a command or the engine runs it. Nothing
//! reaches the engine but through this path, and nothing is durable but through a `stoa_storage::Transaction`.

mod access;
mod cancel;
mod command;
mod engine;
mod error;
mod execute;
mod function;
mod optimize;
mod outcome;
mod plan;
pub mod scram;
mod session;
mod settings;
mod statement;
mod system;
mod types;

pub use datafusion::common::ScalarValue;
pub use engine::{ConnectRequest, Engine, EngineOptions, Protocol};
pub use error::{Notice, NoticeSeverity, Severity, SqlError, SqlState};
pub use outcome::{
    ByteStream, Collected, CopyIn, CopyOut, Outcome, Parameter, Prepared, ResultColumn, RowStream, Rows,
    TransactionStatus,
};
pub use session::Session;
pub use settings::{SETTINGS, Setting, SettingKind};
pub use statement::{Parsed, Row as StatementRow, StatementKind, compatibility_page};
pub use types::SqlType;
