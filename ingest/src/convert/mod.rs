//! Text to values: the one place that knows how each type is written.

pub(crate) mod calendar;
pub(crate) mod column;
pub(crate) mod datetime;
pub(crate) mod interval;
pub(crate) mod number;
pub(crate) mod pattern;
pub(crate) mod string;
