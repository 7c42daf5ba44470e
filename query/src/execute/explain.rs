//! EXPLAIN: a plan as indented text, near to how Postgres shows one.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use datafusion::physical_plan::aggregates::AggregateExec;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::joins::{CrossJoinExec, HashJoinExec, NestedLoopJoinExec, SortMergeJoinExec};
use datafusion::physical_plan::limit::{GlobalLimitExec, LocalLimitExec};
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::statistics::StatisticsContext;
use datafusion::physical_plan::{DisplayFormatType, ExecutionPlan};
use futures::TryStreamExt;
use stoa_storage::{Comparison, Predicate, Table, Value};

use super::scan::ScanExec;
use super::{bind, checked, physical, start};
use crate::error::SqlError;
use crate::outcome::Parameter;
use crate::plan::ExecContext;
use crate::plan::query::PlannedQuery;

/// The lines of EXPLAIN; with `analyze` the query is run and each operator shows what it did.
pub(crate) async fn explain(
    planned: &PlannedQuery,
    parameters: &[Parameter],
    analyze: bool,
    context: &ExecContext,
) -> Result<Vec<String>, SqlError> {
    let started = std::time::Instant::now();
    let logical = bind(planned.logical.clone(), &planned.parameters, parameters)?;
    let (plan, state) = context.cancel.run(physical(&logical, context)).await?;
    let planning = started.elapsed();
    if !analyze {
        return Ok(lines(&plan, false));
    }
    let started = std::time::Instant::now();
    let stream = checked(start(Arc::clone(&plan), &state)?, context.cancel.clone());
    stream.try_for_each(|_batch| async { Ok(()) }).await?;
    let execution = started.elapsed();
    let mut lines = lines(&plan, true);
    lines.push(format!("Planning Time: {:.3} ms", planning.as_secs_f64() * 1e3));
    lines.push(format!("Execution Time: {:.3} ms", execution.as_secs_f64() * 1e3));
    Ok(lines)
}

/// The operators of a plan, one or more lines each.
fn lines(plan: &Arc<dyn ExecutionPlan>, analyze: bool) -> Vec<String> {
    let mut lines = vec![];
    add(plan, 0, analyze, &mut lines);
    lines
}

fn add(plan: &Arc<dyn ExecutionPlan>, depth: usize, analyze: bool, lines: &mut Vec<String>) {
    // What only glues operators together says nothing to a reader.
    if is_glue(plan) && plan.children().len() == 1 {
        return add(plan.children()[0], depth, analyze, lines);
    }
    let (indent, arrow) = if depth == 0 { (String::new(), "") } else { (" ".repeat(depth * 6 - 4), "->  ") };
    let mut line = format!("{indent}{arrow}{}", title(plan));
    if let Some(rows) = estimated_rows(plan) {
        let _written = write!(line, "  (rows={rows})");
    }
    if analyze && let Some(actual) = actual(plan) {
        let _written = write!(line, " ({actual})");
    }
    lines.push(line);
    let detail_indent = " ".repeat(if depth == 0 { 2 } else { depth * 6 + 2 });
    for detail in details(plan, analyze) {
        lines.push(format!("{detail_indent}{detail}"));
    }
    for child in plan.children() {
        add(child, depth + 1, analyze, lines);
    }
}

fn is_glue(plan: &Arc<dyn ExecutionPlan>) -> bool {
    plan.downcast_ref::<ProjectionExec>().is_some()
        || matches!(
            plan.name(),
            "CooperativeExec" | "CoalesceBatchesExec" | "InterruptExec" | "OutputRequirementExec" | "BufferExec"
        )
}

fn title(plan: &Arc<dyn ExecutionPlan>) -> String {
    if let Some(scan) = plan.downcast_ref::<ScanExec>() {
        return format!("Seq Scan on {}", scan.table().name);
    }
    if let Some(join) = plan.downcast_ref::<HashJoinExec>() {
        return format!("Hash {} Join", join.join_type());
    }
    if let Some(join) = plan.downcast_ref::<NestedLoopJoinExec>() {
        return format!("Nested Loop {} Join", join.join_type());
    }
    if let Some(aggregate) = plan.downcast_ref::<AggregateExec>() {
        let kind = if aggregate.group_expr().is_empty() { "Aggregate" } else { "HashAggregate" };
        return format!("{:?} {kind}", aggregate.mode());
    }
    if let Some(sort) = plan.downcast_ref::<SortExec>() {
        return if sort.fetch().is_some() { "Top-N Sort".to_owned() } else { "Sort".to_owned() };
    }
    if plan.downcast_ref::<CrossJoinExec>().is_some() {
        return "Nested Loop Cross Join".to_owned();
    }
    if plan.downcast_ref::<SortMergeJoinExec>().is_some() {
        return "Merge Join".to_owned();
    }
    if plan.downcast_ref::<GlobalLimitExec>().is_some() || plan.downcast_ref::<LocalLimitExec>().is_some() {
        return "Limit".to_owned();
    }
    match plan.name() {
        "FilterExec" => "Filter".to_owned(),
        "RepartitionExec" => "Exchange".to_owned(),
        "CoalescePartitionsExec" => "Gather".to_owned(),
        "SortPreservingMergeExec" => "Gather Merge".to_owned(),
        "BoundedWindowAggExec" | "WindowAggExec" => "WindowAgg".to_owned(),
        "UnionExec" => "Append".to_owned(),
        "EmptyExec" | "PlaceholderRowExec" => "Result".to_owned(),
        "DataSourceExec" => "Values Scan".to_owned(),
        "RecursiveQueryExec" => "Recursive Union".to_owned(),
        other => other.trim_end_matches("Exec").to_owned(),
    }
}

fn details(plan: &Arc<dyn ExecutionPlan>, analyze: bool) -> Vec<String> {
    let mut details = vec![];
    if let Some(scan) = plan.downcast_ref::<ScanExec>() {
        details.extend(scan.describe());
        if analyze && let Some(counts) = scan.storage_metrics() {
            details.push(format!(
                "Parts: {} of {} read, Blocks: {} of {} read",
                counts.parts() - counts.parts_pruned(),
                counts.parts(),
                counts.blocks() - counts.blocks_pruned(),
                counts.blocks()
            ));
            details.push(format!(
                "Rows: {} read, {} returned, Bytes fetched: {}, Cache: {} hits, {} misses",
                counts.rows_read(),
                counts.rows_returned(),
                counts.bytes_fetched(),
                counts.cache_hits(),
                counts.cache_misses()
            ));
        }
    } else if let Some(filter) = plan.downcast_ref::<FilterExec>() {
        details.push(format!("Filter: {}", filter.predicate()));
    } else if let Some(join) = plan.downcast_ref::<HashJoinExec>() {
        let on: Vec<String> = join.on().iter().map(|(left, right)| format!("{left} = {right}")).collect();
        details.push(format!("Hash Cond: {}", on.join(" AND ")));
        details.extend(join.filter().map(|filter| format!("Join Filter: {}", filter.expression())));
    } else if let Some(join) = plan.downcast_ref::<NestedLoopJoinExec>() {
        details.extend(join.filter().map(|filter| format!("Join Filter: {}", filter.expression())));
    } else if let Some(aggregate) = plan.downcast_ref::<AggregateExec>() {
        let keys: Vec<&str> = aggregate.group_expr().expr().iter().map(|(_, name)| name.as_str()).collect();
        if !keys.is_empty() {
            details.push(format!("Group Key: {}", keys.join(", ")));
        }
    } else if let Some(sort) = plan.downcast_ref::<SortExec>() {
        let keys: Vec<String> = sort.expr().iter().map(ToString::to_string).collect();
        details.push(format!("Sort Key: {}", keys.join(", ")));
    } else if matches!(plan.name(), "RepartitionExec" | "RecursiveQueryExec") {
        details.push(format!("{}", Displayed(plan.as_ref())));
    }
    details
}

/// An operator in its own words.
struct Displayed<'a>(&'a dyn ExecutionPlan);

impl std::fmt::Display for Displayed<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt_as(DisplayFormatType::Default, f)
    }
}

fn estimated_rows(plan: &Arc<dyn ExecutionPlan>) -> Option<usize> {
    let statistics = StatisticsContext::new().compute(plan.as_ref(), &Default::default()).ok()?;
    statistics.num_rows.get_value().copied()
}

fn actual(plan: &Arc<dyn ExecutionPlan>) -> Option<String> {
    let metrics = plan.metrics()?;
    let rows = metrics.output_rows()?;
    let nanos = metrics.elapsed_compute().and_then(|nanos| u64::try_from(nanos).ok()).unwrap_or(0);
    Some(format!("actual time={:.3} ms rows={rows}", Duration::from_nanos(nanos).as_secs_f64() * 1e3))
}

/// A predicate in SQL's spelling.
pub(crate) fn predicate(predicate: &Predicate, table: &Table) -> String {
    let name = |id: &stoa_storage::ColumnId| table.column(*id).map_or("?", |column| column.name.as_str()).to_owned();
    let joined = |parts: &[Predicate], word: &str| {
        let shown: Vec<String> = parts.iter().map(|part| self::predicate(part, table)).collect();
        format!("({})", shown.join(word))
    };
    match predicate {
        Predicate::True => "true".to_owned(),
        Predicate::False => "false".to_owned(),
        Predicate::And(parts) => joined(parts, " AND "),
        Predicate::Or(parts) => joined(parts, " OR "),
        Predicate::Compare { column, op, value } => {
            let op = match op {
                Comparison::Equal => "=",
                Comparison::NotEqual => "<>",
                Comparison::Less => "<",
                Comparison::LessOrEqual => "<=",
                Comparison::Greater => ">",
                Comparison::GreaterOrEqual => ">=",
            };
            format!("({} {op} {})", name(column), literal(value, table, *column))
        }
        Predicate::In { column, values, negated } => {
            let shown: Vec<String> = values.iter().take(10).map(|value| literal(value, table, *column)).collect();
            let more = if values.len() > 10 { ", …" } else { "" };
            let not = if *negated { "NOT " } else { "" };
            format!("({} {not}IN ({}{more}))", name(column), shown.join(", "))
        }
        Predicate::IsNull { column, negated } => {
            format!("({} IS {}NULL)", name(column), if *negated { "NOT " } else { "" })
        }
        Predicate::StartsWith { column, prefix } => {
            format!("({} LIKE '{}%')", name(column), String::from_utf8_lossy(prefix))
        }
    }
}

fn literal(value: &Value, table: &Table, column: stoa_storage::ColumnId) -> String {
    if let Value::Bytes(bytes) = value {
        return format!("'{}'", String::from_utf8_lossy(bytes));
    }
    let column_type = table.column(column).map(|column| column.column_type);
    match column_type.and_then(|column_type| super::statistics::scalar(column_type, value)) {
        Some(scalar) => scalar.to_string(),
        None => match value {
            Value::Bool(value) => value.to_string(),
            Value::Int(value) => value.to_string(),
            Value::Wide(value) => value.to_string(),
            Value::Float(value) => value.to_string(),
            Value::Bytes(_) => String::new(),
        },
    }
}
