//! The warehouse from end to end, through its public interface only.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod check;
mod common;
mod identity;
mod scan;
mod scan_property;
mod temporary;
mod transaction;
