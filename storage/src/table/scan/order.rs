//! Runs of parts that follow one another in the order of the SORTKEY.

use std::cmp::Ordering;

use super::PlannedPart;
use crate::catalog::part::ColumnSummary;
use crate::catalog::table::Table;
use crate::catalog::value::Value;
use crate::id::ColumnId;

/// Runs at most: the engine merges them, and a wide merge costs more than a sort.
const RUNS_MAX: usize = 16;

/// Parts (by their places) in runs, each ordered by the sort key; `None` where a part is not sorted, or too many runs
/// would result. Parts follow one another in a run where the first key column's values do not overlap.
pub(super) fn ordered_runs(table: &Table, parts: &[PlannedPart]) -> Option<Vec<Vec<usize>>> {
    let first_key = *table.sort_key.columns.first()?;
    if !parts.iter().all(|planned| planned.part.sorted) {
        return None;
    }
    let mut order: Vec<usize> = (0..parts.len()).collect();
    order.sort_by(|a, b| compare_minima(least(&parts[*a], first_key), least(&parts[*b], first_key)));
    let mut runs: Vec<Vec<usize>> = Vec::new();
    for place in order {
        let fits =
            runs.iter_mut().find(|run| run.last().is_some_and(|last| follows(&parts[*last], &parts[place], first_key)));
        match fits {
            Some(run) => run.push(place),
            None => runs.push(vec![place]),
        }
        if runs.len() > RUNS_MAX {
            return None;
        }
    }
    if runs.is_empty() {
        runs.push(Vec::new());
    }
    Some(runs)
}

fn summary(planned: &PlannedPart, key: ColumnId) -> Option<&ColumnSummary> {
    planned.part.columns.iter().find(|summary| summary.column == key)
}

fn least(planned: &PlannedPart, key: ColumnId) -> Option<&Value> {
    summary(planned, key)?.min.as_ref()
}

fn compare_minima(a: Option<&Value>, b: Option<&Value>) -> Ordering {
    match (a, b) {
        (Some(a), Some(b)) => a.compare(b).unwrap_or(Ordering::Equal),
        (a, b) => a.is_none().cmp(&b.is_none()),
    }
}

/// Whether every row of `after` comes strictly after every row of `before`. Nulls come last, so a part with nulls ends
/// its run.
fn follows(before: &PlannedPart, after: &PlannedPart, key: ColumnId) -> bool {
    let Some(before) = summary(before, key).filter(|summary| summary.nulls == 0) else { return false };
    match (&before.max, least(after, key)) {
        (Some(max), Some(min)) => max.compare(min) == Some(Ordering::Less),
        _ => false,
    }
}
