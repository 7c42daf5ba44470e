//! What zone statistics say about a predicate: nothing passes, everything passes, or what is left to be tested.

use std::cmp::Ordering;

use crate::catalog::part::ColumnSummary;
use crate::catalog::value::Value;
use crate::id::ColumnId;
use crate::predicate::{Comparison, Predicate};

/// What is left of a predicate for rows with these statistics. [`Predicate::True`] and [`Predicate::False`] come out
/// where the statistics decide, and then only as the whole answer. A column without statistics decides nothing.
pub(crate) fn simplify<'a>(
    predicate: &Predicate,
    rows: u64,
    zone: &impl Fn(ColumnId) -> Option<std::borrow::Cow<'a, ColumnSummary>>,
) -> Predicate {
    if rows == 0 {
        return Predicate::False;
    }
    match predicate {
        Predicate::True | Predicate::False => predicate.clone(),
        Predicate::And(conditions) => {
            let mut left = Vec::with_capacity(conditions.len());
            for condition in conditions {
                match simplify(condition, rows, zone) {
                    Predicate::True => {}
                    Predicate::False => return Predicate::False,
                    Predicate::And(nested) => left.extend(nested),
                    other => left.push(other),
                }
            }
            one_or(left, Predicate::True, Predicate::And)
        }
        Predicate::Or(conditions) => {
            let mut left = Vec::with_capacity(conditions.len());
            for condition in conditions {
                match simplify(condition, rows, zone) {
                    Predicate::False => {}
                    Predicate::True => return Predicate::True,
                    other => left.push(other),
                }
            }
            one_or(left, Predicate::False, Predicate::Or)
        }
        Predicate::Compare { column, .. }
        | Predicate::In { column, .. }
        | Predicate::IsNull { column, .. }
        | Predicate::StartsWith { column, .. } => match zone(*column).and_then(|zone| decide(predicate, rows, &zone)) {
            Some(true) => Predicate::True,
            Some(false) => Predicate::False,
            None => predicate.clone(),
        },
    }
}

fn one_or(mut left: Vec<Predicate>, none: Predicate, many: fn(Vec<Predicate>) -> Predicate) -> Predicate {
    match left.len() {
        0 => none,
        1 => left.pop().unwrap_or(none),
        _ => many(left),
    }
}

/// Whether all rows pass (`true`), none does (`false`), or the statistics cannot tell.
fn decide(predicate: &Predicate, rows: u64, zone: &ColumnSummary) -> Option<bool> {
    if let Predicate::IsNull { negated, .. } = predicate {
        return match zone.nulls {
            0 => Some(*negated),
            nulls if nulls == rows => Some(!negated),
            _ => None,
        };
    }
    if zone.nulls == rows {
        return Some(false);
    }
    let (min, max) = (zone.min.as_ref()?, zone.max.as_ref()?);
    let bounds = Bounds { min, max };
    let of_values = match predicate {
        Predicate::Compare { op, value, .. } => bounds.compare(*op, value)?,
        Predicate::In { values, negated, .. } => bounds.one_of(values)? != *negated,
        Predicate::StartsWith { prefix, .. } => bounds.starts_with(prefix)?,
        _ => return None,
    };
    // Rows that are null never pass; so "all values pass" is "all rows pass" only without nulls.
    if of_values && zone.nulls > 0 { None } else { Some(of_values) }
}

/// Bounds of all non-null values; not necessarily attained.
struct Bounds<'a> {
    min: &'a Value,
    max: &'a Value,
}

impl Bounds<'_> {
    fn compare(&self, op: Comparison, value: &Value) -> Option<bool> {
        let (min, max) = (self.min.compare(value)?, self.max.compare(value)?);
        match op {
            Comparison::Less => between(max == Ordering::Less, min != Ordering::Less),
            Comparison::LessOrEqual => between(max != Ordering::Greater, min == Ordering::Greater),
            Comparison::Greater => between(min == Ordering::Greater, max != Ordering::Greater),
            Comparison::GreaterOrEqual => between(min != Ordering::Less, max == Ordering::Less),
            Comparison::Equal => self.equal(min, max),
            Comparison::NotEqual => self.equal(min, max).map(|equal| !equal),
        }
    }

    fn equal(&self, min: Ordering, max: Ordering) -> Option<bool> {
        between(min == Ordering::Equal && max == Ordering::Equal, min == Ordering::Greater || max == Ordering::Less)
    }

    fn one_of(&self, values: &[Value]) -> Option<bool> {
        let mut inside = false;
        for value in values {
            match self.compare(Comparison::Equal, value) {
                Some(true) => return Some(true),
                Some(false) => {}
                None => inside = true,
            }
        }
        if inside { None } else { Some(false) }
    }

    fn starts_with(&self, prefix: &[u8]) -> Option<bool> {
        let (Value::Bytes(min), Value::Bytes(max)) = (self.min, self.max) else { return None };
        let all = min.starts_with(prefix) && max.starts_with(prefix);
        // Values with the prefix lie between the prefix itself and everything that continues it.
        let none = max.as_slice() < prefix || (min.as_slice() > prefix && !min.starts_with(prefix));
        between(all, none)
    }
}

fn between(all: bool, none: bool) -> Option<bool> {
    match (all, none) {
        (true, _) => Some(true),
        (_, true) => Some(false),
        _ => None,
    }
}

/// The columns that a predicate speaks of, each once, in the order of first mention.
pub(crate) fn columns_of(predicate: &Predicate) -> Vec<ColumnId> {
    let mut found = Vec::new();
    collect_columns(predicate, &mut found);
    found
}

fn collect_columns(predicate: &Predicate, found: &mut Vec<ColumnId>) {
    match predicate {
        Predicate::True | Predicate::False => {}
        Predicate::And(conditions) | Predicate::Or(conditions) => {
            conditions.iter().for_each(|condition| collect_columns(condition, found));
        }
        Predicate::Compare { column, .. }
        | Predicate::In { column, .. }
        | Predicate::IsNull { column, .. }
        | Predicate::StartsWith { column, .. } => {
            if !found.contains(column) {
                found.push(*column);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;

    const A: ColumnId = ColumnId(1);

    fn zone(min: i64, max: i64, nulls: u64) -> ColumnSummary {
        let (min, max) = (Some(Value::Int(min)), Some(Value::Int(max)));
        ColumnSummary { column: A, nulls, min, max, exact: false, distinct: 2, bytes: 0 }
    }

    fn compare(op: Comparison, value: i64) -> Predicate {
        Predicate::Compare { column: A, op, value: Value::Int(value) }
    }

    fn of(predicate: &Predicate, summary: &ColumnSummary) -> Predicate {
        simplify(predicate, 10, &|id| (id == A).then_some(Cow::Borrowed(summary)))
    }

    #[test]
    fn bounds_decide_what_they_can() {
        use Comparison::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
        let between = zone(10, 20, 0);
        for (op, value, expected) in [
            (Less, 10, Some(false)),
            (Less, 21, Some(true)),
            (Less, 20, None),
            (LessOrEqual, 20, Some(true)),
            (LessOrEqual, 9, Some(false)),
            (Greater, 20, Some(false)),
            (Greater, 9, Some(true)),
            (GreaterOrEqual, 10, Some(true)),
            (GreaterOrEqual, 21, Some(false)),
            (Equal, 9, Some(false)),
            (Equal, 10, None),
            (NotEqual, 21, Some(true)),
            (NotEqual, 20, None),
        ] {
            let predicate = compare(op, value);
            let expected = match expected {
                Some(true) => Predicate::True,
                Some(false) => Predicate::False,
                None => predicate.clone(),
            };
            assert_eq!(of(&predicate, &between), expected, "{predicate:?}");
        }
        assert_eq!(of(&compare(Equal, 5), &zone(5, 5, 0)), Predicate::True);
        assert_eq!(of(&compare(NotEqual, 5), &zone(5, 5, 3)), Predicate::False);
    }

    #[test]
    fn nulls_never_pass() {
        let some = compare(Comparison::Less, 100);
        assert_eq!(of(&some, &zone(1, 2, 3)), some, "the three nulls do not pass");
        let all_null = ColumnSummary { min: None, max: None, nulls: 10, ..zone(0, 0, 0) };
        assert_eq!(of(&some, &all_null), Predicate::False);
        assert_eq!(of(&Predicate::IsNull { column: A, negated: false }, &all_null), Predicate::True);
        let unknown = ColumnSummary { min: None, max: None, ..zone(0, 0, 0) };
        assert_eq!(of(&some, &unknown), some);
    }

    #[test]
    fn connectives_shrink() {
        let (yes, no, open) =
            (compare(Comparison::Less, 100), compare(Comparison::Less, 0), compare(Comparison::Less, 15));
        let summary = zone(10, 20, 0);
        let and = |conditions: &[&Predicate]| Predicate::And(conditions.iter().map(|one| (*one).clone()).collect());
        let or = |conditions: &[&Predicate]| Predicate::Or(conditions.iter().map(|one| (*one).clone()).collect());
        assert_eq!(of(&and(&[&yes, &open]), &summary), open);
        assert_eq!(of(&and(&[&open, &no]), &summary), Predicate::False);
        assert_eq!(of(&or(&[&no, &open]), &summary), open);
        assert_eq!(of(&or(&[&open, &yes]), &summary), Predicate::True);
        assert_eq!(of(&or(&[]), &summary), Predicate::False);
        assert_eq!(of(&and(&[]), &summary), Predicate::True);
    }

    #[test]
    fn prefixes_lie_between_their_continuations() {
        let text = |min: &str, max: &str| {
            let (min, max) = (Some(Value::Bytes(min.into())), Some(Value::Bytes(max.into())));
            ColumnSummary { min, max, ..zone(0, 0, 0) }
        };
        let prefix = Predicate::StartsWith { column: A, prefix: b"ab".to_vec() };
        assert_eq!(of(&prefix, &text("aba", "abz")), Predicate::True);
        assert_eq!(of(&prefix, &text("ac", "b")), Predicate::False);
        assert_eq!(of(&prefix, &text("a", "aa")), Predicate::False);
        assert_eq!(of(&prefix, &text("a", "b")), prefix);
    }
}
