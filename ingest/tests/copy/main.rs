//! Loads through the public interface: every format and option, refused rows, files, hostile input.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;
mod export;
mod files;
mod hostile;
mod options;
mod parquet;
mod property;
mod reject;
mod text;
mod values;
