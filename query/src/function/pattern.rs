//! Functions on patterns that the engine does not have as Postgres and Redshift have them.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray};
use arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::logical_expr::Volatility;
use regex::Regex;

use super::builtin::{Builtin, Call, fail, no_such};
use crate::error::SqlState;

pub(super) const FUNCTIONS: &[Builtin] = &[
    Builtin {
        name: "regexp_substr",
        volatility: Volatility::Immutable,
        arguments: substr_arguments,
        result: |_types| Ok(DataType::Utf8View),
        run: regexp_substr,
    },
    Builtin {
        name: "similar_to",
        volatility: Volatility::Immutable,
        arguments: |types| match types.len() {
            2 | 3 => super::string::texts("similar_to", types, types.len()),
            _ => Err(no_such("similar_to", types)),
        },
        result: |_types| Ok(DataType::Boolean),
        run: similar_to,
    },
];

fn substr_arguments(types: &[DataType]) -> Result<Vec<DataType>> {
    let wanted = [DataType::Utf8View, DataType::Utf8View, DataType::Int64, DataType::Int64, DataType::Utf8View];
    if !(2..=5).contains(&types.len()) {
        return Err(no_such("regexp_substr", types));
    }
    Ok(wanted[..types.len()].to_vec())
}

/// Compiles a pattern, or gives 2201B.
pub(super) fn compile(pattern: &str) -> Result<Regex> {
    Regex::new(pattern).map_err(|error| {
        let reason = error.to_string();
        let reason = reason.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
        fail(SqlState::InvalidRegularExpression, format!("invalid regular expression: {reason}"))
    })
}

/// Remembers the last pattern, as most calls have one.
struct Compiled {
    pattern: String,
    regex: Option<Regex>,
}

impl Compiled {
    fn get(&mut self, pattern: &str, translate: impl Fn(&str) -> Result<String>) -> Result<&Regex> {
        if self.pattern != pattern || self.regex.is_none() {
            self.regex = Some(compile(&translate(pattern)?)?);
            pattern.clone_into(&mut self.pattern);
        }
        self.regex.as_ref().ok_or_else(|| fail(SqlState::InternalError, "no pattern"))
    }
}

/// REGEXP_SUBSTR(text, pattern [, position [, occurrence [, parameters]]]): the empty text when nothing matches.
fn regexp_substr(call: &Call<'_>) -> Result<ArrayRef> {
    let compiled = std::cell::RefCell::new(Compiled { pattern: String::new(), regex: None });
    call.texts(|row| {
        let text = call.text(0, row);
        let start = if call.arity() > 2 { call.int(2, row) } else { 1 };
        let occurrence = if call.arity() > 3 { call.int(3, row) } else { 1 };
        if start < 1 || occurrence < 1 {
            return Err(fail(SqlState::InvalidParameterValue, "position and occurrence must be positive"));
        }
        let skip = usize::try_from(start - 1).unwrap_or(usize::MAX);
        let from = text.char_indices().nth(skip).map_or(text.len(), |(at, _)| at);
        let parameters = if call.arity() > 4 { call.text(4, row) } else { "" };
        let pattern =
            if parameters.contains('i') { format!("(?i){}", call.text(1, row)) } else { call.text(1, row).to_owned() };
        let mut compiled = compiled.borrow_mut();
        let regex = compiled.get(&pattern, |pattern| Ok(pattern.to_owned()))?;
        let nth = usize::try_from(occurrence - 1).unwrap_or(usize::MAX);
        if parameters.contains('e') {
            let found = regex.captures_iter(&text[from..]).nth(nth);
            return Ok(Some(found.and_then(|found| found.get(1)).map_or("", |group| group.as_str()).to_owned()));
        }
        Ok(Some(regex.find_iter(&text[from..]).nth(nth).map_or("", |found| found.as_str()).to_owned()))
    })
}

/// SIMILAR TO: SQL's patterns over the whole text.
fn similar_to(call: &Call<'_>) -> Result<ArrayRef> {
    let compiled = std::cell::RefCell::new(Compiled { pattern: String::new(), regex: None });
    let matched: Result<BooleanArray> = (0..call.rows)
        .map(|row| {
            if call.any_null(row) {
                return Ok(None);
            }
            let escape = if call.arity() > 2 { call.text(2, row).chars().next() } else { Some('\\') };
            let mut compiled = compiled.borrow_mut();
            let regex = compiled.get(call.text(1, row), |pattern| Ok(similar_pattern(pattern, escape)))?;
            Ok(Some(regex.is_match(call.text(0, row))))
        })
        .collect();
    Ok(Arc::new(matched?))
}

/// An SQL pattern as a regular expression.
fn similar_pattern(pattern: &str, escape: Option<char>) -> String {
    let mut out = String::from("(?s)^(?:");
    let mut in_class = false;
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        match c {
            _ if Some(c) == escape => {
                if let Some(next) = chars.next() {
                    out.push_str(&regex::escape(&next.to_string()));
                }
            }
            ']' if in_class => {
                in_class = false;
                out.push(c);
            }
            '[' if !in_class => {
                in_class = true;
                out.push(c);
            }
            _ if in_class => out.push(c),
            '%' => out.push_str(".*"),
            '_' => out.push('.'),
            '|' | '*' | '+' | '?' | '{' | '}' | '(' | ')' => out.push(c),
            _ => out.push_str(&regex::escape(&c.to_string())),
        }
    }
    out.push_str(")$");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn similar_to_matches_the_whole_text() {
        let check = |text: &str, pattern: &str, expect: bool| {
            let regex = compile(&similar_pattern(pattern, Some('\\'))).unwrap();
            assert_eq!(regex.is_match(text), expect, "{text} ~ {pattern}");
        };
        check("abc", "abc", true);
        check("abc", "a", false);
        check("abc", "%(b|d)%", true);
        check("abc", "(b|c)%", false);
        check("a.c", "a.c", true);
        check("abc", "a.c", false);
    }
}
