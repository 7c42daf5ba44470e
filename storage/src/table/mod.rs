//! Tables: rows in, rows out.

pub(crate) mod append;
pub(crate) mod constant;
pub(crate) mod delete;
pub(crate) mod evaluate;
pub(crate) mod flush;
pub(crate) mod inline;
pub(crate) mod join;
pub(crate) mod part_id;
pub(crate) mod prune;
pub(crate) mod request;
pub(crate) mod scan;
pub(crate) mod slice;
pub(crate) mod sort;
pub(crate) mod write;
