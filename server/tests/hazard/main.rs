//! What a hostile or broken client can do to the server: nothing.
//!
//! Each hazard that `pgwire` 0.42's own loop has is a test here, beside others of the same kind.

#![expect(clippy::expect_used, reason = "a test ends where something is not as expected")]

mod flight;
mod limit;
mod login;
mod message;
mod raw;
mod tls;
