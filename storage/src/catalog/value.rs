//! One value of a column, for zone maps, predicates and defaults.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

/// A non-null value, normalised by physical class so that two values of one column always compare.
///
/// Integers, dates, times, timestamps and decimals of up to 18 digits are [`Value::Int`] (the unscaled integer),
/// wider decimals [`Value::Wide`], both float types [`Value::Float`], strings and bytes [`Value::Bytes`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Value {
    /// `boolean`.
    Bool(bool),
    /// Every type held in up to 64 bits as an integer.
    Int(i64),
    /// Decimals above 18 digits, unscaled.
    Wide(i128),
    /// `real` and `double precision`. NaN sorts above everything, as in Postgres.
    Float(f64),
    /// Strings (UTF-8) and byte strings, compared byte by byte.
    Bytes(Vec<u8>),
}

impl Value {
    /// Orders two values of the same class; `None` when the classes differ.
    pub fn compare(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Bool(a), Self::Bool(b)) => Some(a.cmp(b)),
            (Self::Int(a), Self::Int(b)) => Some(a.cmp(b)),
            (Self::Wide(a), Self::Wide(b)) => Some(a.cmp(b)),
            (Self::Float(a), Self::Float(b)) => Some(compare_floats(*a, *b)),
            (Self::Bytes(a), Self::Bytes(b)) => Some(a.cmp(b)),
            _ => None,
        }
    }
}

/// Postgres's order of floats: -0 equals 0, NaN equals NaN and is greater than every number.
pub fn compare_floats(a: f64, b: f64) -> Ordering {
    a.partial_cmp(&b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
}
