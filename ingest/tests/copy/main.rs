//! Loads through the public interface: every format and option, refused rows, files, hostile input.
#![expect(clippy::unwrap_used, clippy::unwrap_in_result, reason = "a test fails by panicking")]

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
