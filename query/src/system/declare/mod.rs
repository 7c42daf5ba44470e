//! The declarations of all system tables: names, oids, columns and row sources.

pub(crate) mod absent;
pub(crate) mod database;
pub(crate) mod datatype;
pub(crate) mod information;
pub(crate) mod redshift;
pub(crate) mod relation;
pub(crate) mod role;
pub(crate) mod view;
