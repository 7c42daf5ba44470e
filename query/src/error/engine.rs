//! Errors of the engine and of Arrow → SQL errors.

use datafusion::arrow::error::ArrowError;
use datafusion::common::SchemaError;
use datafusion::error::DataFusionError;

use super::{SqlError, SqlState};

impl From<DataFusionError> for SqlError {
    fn from(error: DataFusionError) -> Self {
        classify(&error)
    }
}

impl From<ArrowError> for SqlError {
    fn from(error: ArrowError) -> Self {
        classify_arrow(&error)
    }
}

fn classify(error: &DataFusionError) -> SqlError {
    match error {
        DataFusionError::ArrowError(arrow, _) => classify_arrow(arrow),
        DataFusionError::External(source) => from_external(source.as_ref()),
        DataFusionError::Shared(shared) => classify(shared),
        DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => classify(inner),
        DataFusionError::Collection(errors) => match errors.first() {
            Some(first) => classify(first),
            None => SqlError::internal("an empty collection of errors"),
        },
        DataFusionError::NotImplemented(message) => SqlError::new(SqlState::FeatureNotSupported, tidy(message)),
        DataFusionError::SchemaError(schema, _) => classify_schema(schema),
        DataFusionError::Plan(message) => from_plan_message(message),
        DataFusionError::Configuration(message) => SqlError::new(SqlState::InvalidParameterValue, tidy(message)),
        DataFusionError::Execution(message) => from_run_message(message),
        DataFusionError::ResourcesExhausted(message) => SqlError::new(SqlState::OutOfMemory, "out of memory")
            .with_detail(format!("{message}."))
            .with_hint("The query needs more memory than the pool of the server has."),
        DataFusionError::ExecutionJoin(join) => SqlError::internal(format!("a task of the query died: {join}")),
        DataFusionError::Internal(message) => SqlError::internal(tidy(message)),
        DataFusionError::SQL(parser, _) => super::parser::parser_error((**parser).clone(), ""),
        DataFusionError::IoError(io) => SqlError::new(SqlState::IoError, io.to_string()),
        other => SqlError::internal(tidy(&other.to_string())),
    }
}

/// What our own operators wrapped comes out as it went in.
fn from_external(source: &(dyn std::error::Error + Send + Sync + 'static)) -> SqlError {
    if let Some(error) = source.downcast_ref::<SqlError>() {
        return error.clone();
    }
    if let Some(error) = source.downcast_ref::<DataFusionError>() {
        return classify(error);
    }
    if let Some(error) = source.downcast_ref::<ArrowError>() {
        return classify_arrow(error);
    }
    if let Some(error) = source.downcast_ref::<stoa_storage::Error>() {
        // `From` takes an owned error; kind and text are what it reads.
        return stoa_storage::Error::new(error.kind(), error.to_string()).into();
    }
    SqlError::internal(source.to_string())
}

fn classify_arrow(error: &ArrowError) -> SqlError {
    match error {
        ArrowError::DivideByZero => SqlError::new(SqlState::DivisionByZero, "division by zero"),
        ArrowError::ArithmeticOverflow(message) => {
            SqlError::new(SqlState::NumericValueOutOfRange, "value is out of range").with_detail(format!("{message}."))
        }
        ArrowError::ExternalError(source) => from_external(source.as_ref()),
        ArrowError::CastError(message) | ArrowError::ParseError(message) => from_cast_message(message),
        ArrowError::ComputeError(message) => from_run_message(message),
        ArrowError::InvalidArgumentError(message) => from_run_message(message),
        ArrowError::MemoryError(message) => SqlError::new(SqlState::OutOfMemory, message.clone()),
        other => SqlError::internal(tidy(&other.to_string())),
    }
}

fn from_cast_message(message: &str) -> SqlError {
    let lower = message.to_ascii_lowercase();
    if lower.contains("overflow") || lower.contains("too large") || lower.contains("out of range") || is_range(&lower) {
        return SqlError::new(SqlState::NumericValueOutOfRange, "value is out of range")
            .with_detail(format!("{message}."));
    }
    SqlError::new(SqlState::InvalidTextRepresentation, tidy(message))
}

fn is_range(lower: &str) -> bool {
    lower.starts_with("can't cast value")
}

fn from_run_message(message: &str) -> SqlError {
    let lower = message.to_ascii_lowercase();
    if lower.contains("divide by zero") || lower.contains("division by zero") {
        return SqlError::new(SqlState::DivisionByZero, "division by zero");
    }
    if lower.contains("overflow") || lower.contains("out of range") || lower.contains("to store in a decimal") {
        return SqlError::new(SqlState::NumericValueOutOfRange, "value is out of range")
            .with_detail(format!("{message}."));
    }
    if lower.contains("regular expression") || lower.contains("regex") {
        return SqlError::new(SqlState::InvalidRegularExpression, tidy(message));
    }
    if lower.contains("returned more than one row") || lower.contains("more than one row") {
        return SqlError::new(
            SqlState::CardinalityViolation,
            "more than one row returned by a subquery used as an expression",
        );
    }
    if lower.contains("cast error") || lower.contains("cannot cast") || lower.contains("error parsing") {
        return from_cast_message(message);
    }
    SqlError::new(SqlState::DataException, tidy(message))
}

fn classify_schema(error: &SchemaError) -> SqlError {
    match error {
        SchemaError::AmbiguousReference { field } => {
            SqlError::new(SqlState::AmbiguousColumn, format!("column reference \"{}\" is ambiguous", field.name))
        }
        SchemaError::DuplicateQualifiedField { qualifier, name } => SqlError::new(
            SqlState::DuplicateAlias,
            format!("table name \"{qualifier}\" specified more than once").replace('\n', " "),
        )
        .with_detail(format!("Column \"{name}\" would be ambiguous.")),
        SchemaError::DuplicateUnqualifiedField { name } => {
            SqlError::new(SqlState::DuplicateColumn, format!("column \"{name}\" specified more than once"))
        }
        SchemaError::FieldNotFound { field, valid_fields } => {
            let shown = match &field.relation {
                Some(relation) => format!("{}.{}", relation.table(), field.name),
                None => format!("\"{}\"", field.name),
            };
            let error = SqlError::new(SqlState::UndefinedColumn, format!("column {shown} does not exist"));
            match nearest(&field.name, valid_fields.iter().map(|valid| valid.name.as_str())) {
                Some(name) => error.with_hint(format!("Perhaps you meant to reference the column \"{name}\".")),
                None => error,
            }
        }
    }
}

fn from_plan_message(message: &str) -> SqlError {
    let lower = message.to_ascii_lowercase();
    if lower.starts_with("limit must be") {
        return SqlError::new(SqlState::InvalidRowCountInLimit, "LIMIT must not be negative");
    }
    if lower.starts_with("offset must be") {
        return SqlError::new(SqlState::InvalidRowCountInOffset, "OFFSET must not be negative");
    }
    if lower.starts_with("order by column out of bounds") {
        return SqlError::new(SqlState::InvalidColumnReference, "ORDER BY position is not in select list");
    }
    if lower.contains("non-boolean predicate") {
        return SqlError::new(SqlState::DatatypeMismatch, "argument of WHERE must be type boolean");
    }
    if lower.starts_with("aggregate functions are not allowed")
        || lower.contains("must appear in the group by")
        || lower.contains("not in group by")
    {
        return SqlError::new(SqlState::GroupingError, tidy(message));
    }
    if lower.contains("invalid function") || lower.contains("no function matches") {
        return SqlError::new(SqlState::UndefinedFunction, tidy(message));
    }
    if lower.contains("cannot coerce") || lower.contains("cannot cast") || lower.contains("cannot infer common") {
        return SqlError::new(SqlState::DatatypeMismatch, tidy(message));
    }
    if lower.contains("divide by zero") {
        return SqlError::new(SqlState::DivisionByZero, "division by zero");
    }
    if lower.contains("unsupported") || lower.contains("not supported") || lower.contains("not implemented") {
        return SqlError::new(SqlState::FeatureNotSupported, tidy(message));
    }
    if lower.contains("placeholder") {
        return SqlError::new(SqlState::IndeterminateDatatype, tidy(message));
    }
    SqlError::syntax(tidy(message))
}

/// The first line, lower-cased at its start, without a trailing full stop: what Postgres's style asks of a message.
fn tidy(message: &str) -> String {
    let line = message.lines().next().unwrap_or_default().trim().trim_end_matches('.');
    let mut characters = line.chars();
    match characters.next() {
        Some(first) => first.to_lowercase().chain(characters).collect(),
        None => "unknown error".to_owned(),
    }
}

/// The candidate nearest to `name`, if it is near enough to be a slip of the keyboard.
pub(crate) fn nearest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let longest = name.chars().count().div_ceil(3).max(1);
    candidates
        .map(|candidate| (distance(name, candidate), candidate))
        .filter(|(distance, _)| *distance <= longest)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Levenshtein distance.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
