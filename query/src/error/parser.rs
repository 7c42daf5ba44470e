//! Parser errors → SQL errors, in Postgres's words and with a position.

use sqlparser::parser::ParserError;
use sqlparser::tokenizer::Location;

use super::{SqlError, SqlState};

/// The error for a statement that starts somewhere in `source` (the whole text that the client sent).
pub(crate) fn parser_error(error: ParserError, source: &str) -> SqlError {
    match error {
        ParserError::TokenizerError(message) => with_location(&message, source),
        ParserError::ParserError(message) => with_location(&message, source),
        ParserError::RecursionLimitExceeded => too_complex("it is nested too deeply"),
    }
}

/// 54001.
pub(crate) fn too_complex(why: &str) -> SqlError {
    SqlError::new(SqlState::StatementTooComplex, format!("statement is too complex: {why}"))
}

/// Character position (from 1) of a line and column (from 1) in `source`. Lines end as the tokenizer counts them.
pub(crate) fn position_of(source: &str, location: Location) -> Option<usize> {
    if location.line == 0 {
        return None;
    }
    let line = usize::try_from(location.line).ok()?;
    let column = usize::try_from(location.column).ok()?;
    let mut characters_before = 0;
    for (index, text) in source.split('\n').enumerate() {
        if index + 1 == line {
            return Some(characters_before + column);
        }
        characters_before += text.chars().count() + 1;
    }
    None
}

/// `Expected: x, found: y at Line: 1, Column: 8` → `syntax error at or near "y"` at that character.
fn with_location(message: &str, source: &str) -> SqlError {
    let (text, location) = split_location(message);
    let error = match text.split_once(", found: ") {
        Some((_, "EOF")) => SqlError::syntax("syntax error at end of input"),
        Some((expected, found)) => {
            let error = SqlError::syntax(format!("syntax error at or near \"{found}\""));
            match expected.strip_prefix("Expected: ") {
                Some(wanted) => error.with_detail(format!("Expected {wanted}.")),
                None => error,
            }
        }
        None => SqlError::syntax(lower_first(text)),
    };
    match location.and_then(|location| position_of(source, location)) {
        Some(position) => error.with_position(position),
        None => error,
    }
}

/// Cuts ` at Line: 1, Column: 8` off.
fn split_location(message: &str) -> (&str, Option<Location>) {
    let Some((text, rest)) = message.rsplit_once(" at Line: ") else {
        return (message.trim_end(), None);
    };
    let location = rest.split_once(", Column: ").and_then(|(line, column)| {
        Some(Location { line: line.trim().parse().ok()?, column: column.trim().parse().ok()? })
    });
    (text.trim_end(), location)
}

fn lower_first(text: &str) -> String {
    let mut characters = text.chars();
    match characters.next() {
        Some(first) => first.to_lowercase().chain(characters).collect(),
        None => String::new(),
    }
}
