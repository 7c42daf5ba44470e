//! The Postgres wire protocol.
//!
//! `pgwire` gives the messages and the SCRAM arithmetic. The loop that reads them is ours, because the one of `pgwire`
//! 0.42 would let an error that is not fatal end a login in the state "ready for query", buffer up to 1 GiB for clients
//! that have not logged in, reserve memory for whatever `max_rows` says, and take any number of connections. Here a
//! session exists only behind [`crate::authenticate::Authenticated`], frames are limited in [`wire`], `max_rows` is only
//! compared, and [`crate::server::Shared`] counts who may come in.

mod connection;
mod copy;
mod decode;
pub(crate) mod encode;
mod error;
mod extended;
pub(crate) mod listen;
mod message;
mod query;
mod startup;
mod wire;
