//! Predicates of one column, compiled for evaluation on encoded data.
//!
//! There is no NOT in [`Predicate`], and every atom is NULL on a null and TRUE or FALSE on a value. So a condition on one
//! column is fully described by whether a null passes and by the set of values that pass. For integers that set is a union
//! of intervals, which encodings can rebase, shift and compare without decoding.

use std::cmp::Ordering;

use crate::catalog::value::Value;
use crate::error::{Error, Result};
use crate::id::ColumnId;
use crate::predicate::{Comparison, Predicate};

/// Disjoint closed intervals of integers, ascending, no two adjacent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Intervals(Vec<(i128, i128)>);

/// The least and greatest number that any integer class can hold.
const EVERYTHING: (i128, i128) = (i128::MIN, i128::MAX);

impl Intervals {
    fn one(low: i128, high: i128) -> Self {
        Self(if low <= high { vec![(low, high)] } else { Vec::new() })
    }

    /// Joins intervals given in any order.
    pub(crate) fn union(mut intervals: Vec<(i128, i128)>) -> Self {
        intervals.sort_unstable();
        let mut joined: Vec<(i128, i128)> = Vec::with_capacity(intervals.len());
        for (low, high) in intervals {
            match joined.last_mut() {
                Some(last) if low <= last.1.saturating_add(1) => last.1 = last.1.max(high),
                _ => joined.push((low, high)),
            }
        }
        Self(joined)
    }

    fn intersect(&self, other: &Self) -> Self {
        let (mut a, mut b) = (0, 0);
        let mut both = Vec::new();
        while let (Some(x), Some(y)) = (self.0.get(a), other.0.get(b)) {
            let (low, high) = (x.0.max(y.0), x.1.min(y.1));
            if low <= high {
                both.push((low, high));
            }
            if x.1 <= y.1 { a += 1 } else { b += 1 }
        }
        Self(both)
    }

    fn complement(&self) -> Self {
        let mut gaps = Vec::with_capacity(self.0.len() + 1);
        let mut low = Some(EVERYTHING.0);
        for interval in &self.0 {
            if let Some(start) = low
                && start < interval.0
            {
                gaps.push((start, interval.0 - 1));
            }
            low = interval.1.checked_add(1);
        }
        if let Some(start) = low {
            gaps.push((start, EVERYTHING.1));
        }
        Self(gaps)
    }

    /// Whether a number is inside.
    pub(crate) fn contains(&self, value: i128) -> bool {
        let after = self.0.partition_point(|interval| interval.0 <= value);
        after > 0 && value <= self.0[after - 1].1
    }

    /// The intervals cut to `low..=high`.
    pub(crate) fn within(&self, low: i128, high: i128) -> Vec<(i128, i128)> {
        let start = self.0.partition_point(|interval| interval.1 < low);
        let end = self.0.partition_point(|interval| interval.0 <= high);
        self.0.get(start..end).unwrap_or_default().iter().map(|cut| (cut.0.max(low), cut.1.min(high))).collect()
    }
}

/// The class of a column's values, as far as predicates see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ValueClass {
    /// Boolean.
    Bool,
    /// Integers of up to 128 bits.
    Int,
    /// Floats.
    Float,
    /// Strings and byte strings.
    Bytes,
}

/// A compiled predicate.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Matcher {
    /// Whether a null passes.
    pub(crate) null: bool,
    /// Which values pass.
    pub(crate) values: ValueTest,
}

/// The values that pass.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ValueTest {
    /// `false` and `true`.
    Bool([bool; 2]),
    /// Integers, decimals, dates, times.
    Int(Intervals),
    /// Floats, evaluated value by value.
    Float(Predicate),
    /// Strings, evaluated value by value.
    Bytes(Predicate),
}

impl Matcher {
    /// Compiles a predicate that speaks of `column` only.
    pub(crate) fn compile(predicate: &Predicate, column: ColumnId, class: ValueClass) -> Result<Self> {
        check(predicate, column, class)?;
        let null = truth_of_null(predicate) == Some(true);
        let values = match class {
            ValueClass::Bool => ValueTest::Bool([false, true].map(|value| {
                test(predicate, &|literal| match literal {
                    Value::Bool(literal) => value.cmp(literal),
                    _ => Ordering::Greater,
                })
            })),
            ValueClass::Int => ValueTest::Int(intervals(predicate)),
            ValueClass::Float => ValueTest::Float(predicate.clone()),
            ValueClass::Bytes => ValueTest::Bytes(predicate.clone()),
        };
        Ok(Self { null, values })
    }

    /// Whether a boolean passes.
    pub(crate) fn bool(&self, value: bool) -> bool {
        matches!(&self.values, ValueTest::Bool(passes) if passes[usize::from(value)])
    }

    /// Whether an integer passes.
    pub(crate) fn int(&self, value: i128) -> bool {
        matches!(&self.values, ValueTest::Int(intervals) if intervals.contains(value))
    }

    /// Whether a float passes.
    pub(crate) fn float(&self, value: f64) -> bool {
        matches!(&self.values, ValueTest::Float(predicate) if test(predicate, &|literal| match literal {
            Value::Float(literal) => crate::catalog::value::compare_floats(value, *literal),
            _ => Ordering::Greater,
        }))
    }

    /// Whether any string of this length could pass.
    pub(crate) fn length(&self, length: usize) -> bool {
        matches!(&self.values, ValueTest::Bytes(predicate) if test_length(predicate, length))
    }

    /// Whether a string passes.
    pub(crate) fn bytes(&self, value: &[u8]) -> bool {
        matches!(&self.values, ValueTest::Bytes(predicate) if test_bytes(predicate, value))
    }
}

/// Refuses what the caller may not ask: another column, or literals of another class.
fn check(predicate: &Predicate, expected: ColumnId, class: ValueClass) -> Result<()> {
    let fits = |value: &Value| {
        matches!(
            (class, value),
            (ValueClass::Bool, Value::Bool(_))
                | (ValueClass::Int, Value::Int(_) | Value::Wide(_))
                | (ValueClass::Float, Value::Float(_))
                | (ValueClass::Bytes, Value::Bytes(_))
        )
    };
    let (column, fits) = match predicate {
        Predicate::True | Predicate::False => return Ok(()),
        Predicate::And(parts) | Predicate::Or(parts) => {
            return parts.iter().try_for_each(|part| check(part, expected, class));
        }
        Predicate::Compare { column, value, .. } => (column, fits(value)),
        Predicate::In { column, values, .. } => (column, values.iter().all(fits)),
        Predicate::IsNull { column, .. } => (column, true),
        Predicate::StartsWith { column, .. } => (column, class == ValueClass::Bytes),
    };
    if *column != expected {
        return Err(Error::internal(format!("a predicate of column {column} was asked of column {expected}")));
    }
    if !fits {
        return Err(Error::internal(format!("a predicate of column {column} has a literal of another class")));
    }
    Ok(())
}

/// What the predicate says of a null, in three-valued logic.
fn truth_of_null(predicate: &Predicate) -> Option<bool> {
    match predicate {
        Predicate::True => Some(true),
        Predicate::False => Some(false),
        Predicate::And(parts) => {
            let truths = || parts.iter().map(truth_of_null);
            if truths().any(|truth| truth == Some(false)) {
                return Some(false);
            }
            truths().all(|truth| truth.is_some()).then_some(true)
        }
        Predicate::Or(parts) => {
            let truths = || parts.iter().map(truth_of_null);
            if truths().any(|truth| truth == Some(true)) {
                return Some(true);
            }
            truths().all(|truth| truth.is_some()).then_some(false)
        }
        Predicate::IsNull { negated, .. } => Some(!negated),
        Predicate::Compare { .. } | Predicate::In { .. } | Predicate::StartsWith { .. } => None,
    }
}

/// Evaluates on a value that `order` compares with a literal.
fn test(predicate: &Predicate, order: &dyn Fn(&Value) -> Ordering) -> bool {
    match predicate {
        Predicate::True => true,
        Predicate::False | Predicate::StartsWith { .. } => false,
        Predicate::And(parts) => parts.iter().all(|part| test(part, order)),
        Predicate::Or(parts) => parts.iter().any(|part| test(part, order)),
        Predicate::Compare { op, value, .. } => holds(*op, order(value)),
        Predicate::In { values, negated, .. } => {
            values.binary_search_by(|literal| order(literal).reverse()).is_ok() != *negated
        }
        Predicate::IsNull { negated, .. } => *negated,
    }
}

/// [`test`] for strings, which alone know prefixes.
fn test_bytes(predicate: &Predicate, value: &[u8]) -> bool {
    match predicate {
        Predicate::And(parts) => parts.iter().all(|part| test_bytes(part, value)),
        Predicate::Or(parts) => parts.iter().any(|part| test_bytes(part, value)),
        Predicate::StartsWith { prefix, .. } => value.starts_with(prefix),
        other => test(other, &|literal| match literal {
            Value::Bytes(literal) => value.cmp(literal),
            _ => Ordering::Greater,
        }),
    }
}

/// Whether a string of this length could pass.
fn test_length(predicate: &Predicate, length: usize) -> bool {
    match predicate {
        Predicate::True => true,
        Predicate::False => false,
        Predicate::And(parts) => parts.iter().all(|part| test_length(part, length)),
        Predicate::Or(parts) => parts.iter().any(|part| test_length(part, length)),
        Predicate::Compare { op: Comparison::Equal, value: Value::Bytes(value), .. } => value.len() == length,
        Predicate::In { values, negated: false, .. } => {
            values.iter().any(|value| matches!(value, Value::Bytes(value) if value.len() == length))
        }
        Predicate::Compare { .. } | Predicate::In { .. } => true,
        Predicate::IsNull { negated, .. } => *negated,
        Predicate::StartsWith { prefix, .. } => length >= prefix.len(),
    }
}

/// Whether a comparison holds for two values so ordered.
pub(crate) fn holds(op: Comparison, order: Ordering) -> bool {
    match op {
        Comparison::Equal => order.is_eq(),
        Comparison::NotEqual => order.is_ne(),
        Comparison::Less => order.is_lt(),
        Comparison::LessOrEqual => order.is_le(),
        Comparison::Greater => order.is_gt(),
        Comparison::GreaterOrEqual => order.is_ge(),
    }
}

fn int_of(value: &Value) -> i128 {
    match value {
        Value::Int(value) => i128::from(*value),
        Value::Wide(value) => *value,
        // Refused by `check`; an answer is needed only for the types.
        Value::Bool(_) | Value::Float(_) | Value::Bytes(_) => 0,
    }
}

/// The integers that pass.
fn intervals(predicate: &Predicate) -> Intervals {
    let (least, most) = EVERYTHING;
    match predicate {
        Predicate::True => Intervals::one(least, most),
        Predicate::False | Predicate::StartsWith { .. } => Intervals(Vec::new()),
        Predicate::And(parts) => {
            parts.iter().fold(Intervals::one(least, most), |all, part| all.intersect(&intervals(part)))
        }
        Predicate::Or(parts) => Intervals::union(parts.iter().flat_map(|part| intervals(part).0).collect()),
        Predicate::Compare { op, value, .. } => {
            let value = int_of(value);
            match op {
                Comparison::Equal => Intervals::one(value, value),
                Comparison::NotEqual => Intervals::one(value, value).complement(),
                Comparison::LessOrEqual => Intervals::one(least, value),
                Comparison::Greater => Intervals::one(least, value).complement(),
                Comparison::GreaterOrEqual => Intervals::one(value, most),
                Comparison::Less => Intervals::one(value, most).complement(),
            }
        }
        Predicate::In { values, negated, .. } => {
            let points = Intervals::union(values.iter().map(|value| (int_of(value), int_of(value))).collect());
            if *negated { points.complement() } else { points }
        }
        Predicate::IsNull { negated, .. } => {
            if *negated {
                Intervals::one(least, most)
            } else {
                Intervals(Vec::new())
            }
        }
    }
}
