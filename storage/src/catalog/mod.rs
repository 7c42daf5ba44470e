//! The catalog: an immutable [`Snapshot`] of all objects, and the [`Change`]s that lead from one to the next.

pub(crate) mod access;
pub(crate) mod apply;
pub(crate) mod change;
pub(crate) mod part;
pub(crate) mod snapshot;
pub(crate) mod table;
pub(crate) mod types;
pub(crate) mod value;
