//! Our rules over plans: Postgres's meaning of expressions, and what of a filter the storage can evaluate.

pub(crate) mod coerce;
pub(crate) mod predicate;
pub(crate) mod semantics;
