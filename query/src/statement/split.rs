//! Text → tokens → single statements, and the limits that hold before any recursive code sees them.
//!
//! Parser, planner and optimiser recurse over the shape of a statement. The shape is bounded here, on tokens, by counting:
//! nothing in this file recurses.

use sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};

use super::dialect::StoaDialect;
use crate::error::SqlError;
use crate::error::parser::{parser_error, too_complex};

/// Bytes of one message's SQL text.
const TEXT_BYTES_MAX: usize = 16 << 20;
/// Nesting of parentheses, brackets and CASE.
const NESTING_MAX: usize = 128;
/// Levels that the operators of one expression may add up to: `a OR b OR …`, `a + b + …` are one level an operator.
const CHAIN_MAX: usize = 1_000;
/// Set operations in one chain; each is a whole plan.
const SET_OPERATIONS_MAX: usize = 500;

/// Tokens of one statement, without the semicolon.
#[derive(Debug)]
pub(crate) struct Piece {
    /// The tokens, whitespace included (it matters between string literals).
    pub(crate) tokens: Vec<TokenWithSpan>,
}

/// Splits the text at semicolons. Pieces without any token that matters are left out.
pub(crate) fn split(source: &str) -> Result<Vec<Piece>, SqlError> {
    if source.len() > TEXT_BYTES_MAX {
        return Err(too_complex(&format!("its text is longer than {TEXT_BYTES_MAX} bytes")));
    }
    if source.contains('\0') {
        return Err(SqlError::new(
            crate::error::SqlState::CharacterNotInRepertoire,
            "invalid byte sequence for encoding \"UTF8\": 0x00",
        ));
    }
    let dialect = StoaDialect;
    let tokens = Tokenizer::new(&dialect, source)
        .tokenize_with_location()
        .map_err(|error| parser_error(error.into(), source))?;
    let mut pieces = Vec::new();
    let mut current = Vec::new();
    for token in tokens {
        match token.token {
            Token::SemiColon => push(&mut pieces, std::mem::take(&mut current))?,
            _ => current.push(token),
        }
    }
    push(&mut pieces, current)?;
    Ok(pieces)
}

fn push(pieces: &mut Vec<Piece>, tokens: Vec<TokenWithSpan>) -> Result<(), SqlError> {
    if tokens.iter().all(|token| matches!(token.token, Token::Whitespace(_) | Token::EOF)) {
        return Ok(());
    }
    check_shape(&tokens)?;
    pieces.push(Piece { tokens });
    Ok(())
}

/// One open parenthesis, bracket or CASE.
#[derive(Default)]
struct Level {
    /// AND and OR so far.
    logic: usize,
    /// Comparisons since.
    comparisons: usize,
    /// Other operators since.
    others: usize,
    set_operations: usize,
    is_case: bool,
}

/// How tightly an operator binds: a looser one ends the chain of tighter ones.
enum Binding {
    Logic,
    Comparison,
    Other,
}

impl Level {
    fn count(&mut self, binding: &Binding) {
        match binding {
            Binding::Logic => (self.logic, self.comparisons, self.others) = (self.logic + 1, 0, 0),
            Binding::Comparison => (self.comparisons, self.others) = (self.comparisons + 1, 0),
            Binding::Other => self.others += 1,
        }
    }

    /// Levels of the syntax tree that the expression may have so far.
    fn chain(&self) -> usize {
        self.logic + self.comparisons + self.others
    }
}

/// Counts nesting and chains. The counts are upper bounds of what the parser builds: a comma or a clause begins anew.
fn check_shape(tokens: &[TokenWithSpan]) -> Result<(), SqlError> {
    let mut levels = vec![Level::default()];
    for token in tokens {
        match &token.token {
            Token::LParen | Token::LBracket | Token::LBrace => levels.push(Level::default()),
            Token::RParen | Token::RBracket | Token::RBrace => close(&mut levels, false),
            Token::Comma => restart(&mut levels),
            Token::Word(word) if word.quote_style.is_none() => count_word(&mut levels, &word.value),
            Token::Eq | Token::Neq | Token::Lt | Token::Gt | Token::LtEq | Token::GtEq => {
                count(&mut levels, &Binding::Comparison);
            }
            token if is_operator(token) => count(&mut levels, &Binding::Other),
            _ => {}
        }
        if levels.len() > NESTING_MAX {
            return Err(too_complex(&format!("it is nested deeper than {NESTING_MAX} levels"))
                .with_hint("Write it with fewer nested parentheses, subqueries or CASE expressions."));
        }
        let Some(level) = levels.last() else { continue };
        if level.chain() > CHAIN_MAX {
            return Err(too_complex(&format!("an expression has more than {CHAIN_MAX} operators in one chain"))
                .with_hint("Use IN (…) instead of a chain of OR, or a join with a table of values."));
        }
        if level.set_operations > SET_OPERATIONS_MAX {
            return Err(too_complex(&format!("it has more than {SET_OPERATIONS_MAX} set operations")));
        }
    }
    Ok(())
}

fn count_word(levels: &mut Vec<Level>, word: &str) {
    // The longest word of interest has nine characters.
    if word.len() > 9 {
        return;
    }
    match word.to_ascii_uppercase().as_str() {
        "CASE" => levels.push(Level { is_case: true, ..Level::default() }),
        "END" => close(levels, true),
        "AND" | "OR" => count(levels, &Binding::Logic),
        "LIKE" | "ILIKE" | "IS" | "BETWEEN" | "IN" | "SIMILAR" => count(levels, &Binding::Comparison),
        "NOT" | "COLLATE" | "OPERATOR" | "AT" | "JOIN" => count(levels, &Binding::Other),
        "UNION" | "EXCEPT" | "INTERSECT" | "MINUS" => {
            restart(levels);
            if let Some(level) = levels.last_mut() {
                level.set_operations += 1;
            }
        }
        "SELECT" | "WHERE" | "HAVING" | "QUALIFY" | "FROM" | "VALUES" | "SET" | "WHEN" | "THEN" | "ELSE" => {
            restart(levels);
        }
        _ => {}
    }
}

fn count(levels: &mut [Level], binding: &Binding) {
    if let Some(level) = levels.last_mut() {
        level.count(binding);
    }
}

fn restart(levels: &mut [Level]) {
    if let Some(level) = levels.last_mut() {
        (level.logic, level.comparisons, level.others) = (0, 0, 0);
    }
}

/// Closes the innermost level of that kind; an END that closes no CASE (the statement END) changes nothing.
fn close(levels: &mut Vec<Level>, case: bool) {
    if levels.len() > 1 && levels.last().is_some_and(|level| level.is_case == case) {
        levels.pop();
        count(levels, &Binding::Other);
    }
}

fn is_operator(token: &Token) -> bool {
    !matches!(
        token,
        Token::EOF
            | Token::Word(_)
            | Token::Number(..)
            | Token::Char(_)
            | Token::SingleQuotedString(_)
            | Token::DollarQuotedString(_)
            | Token::EscapedStringLiteral(_)
            | Token::NationalStringLiteral(_)
            | Token::UnicodeStringLiteral(_)
            | Token::HexStringLiteral(_)
            | Token::SingleQuotedByteStringLiteral(_)
            | Token::Whitespace(_)
            | Token::Placeholder(_)
            | Token::Period
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::SqlState;

    #[test]
    fn semicolons_inside_literals_and_comments_do_not_split() {
        let pieces = split("select ';' ; -- a;b\n select $$;$$; ;").unwrap();
        assert_eq!(pieces.len(), 2);
    }

    #[test]
    fn deep_and_long_statements_are_refused_by_counting() {
        let nested = format!("select {}1{}", "(".repeat(5_000), ")".repeat(5_000));
        assert_eq!(split(&nested).unwrap_err().state, SqlState::StatementTooComplex);
        let chain = format!("select {}", vec!["a = 1"; 100_000].join(" or "));
        assert_eq!(split(&chain).unwrap_err().state, SqlState::StatementTooComplex);
        let minus = format!("select {}1", "- ".repeat(100_000));
        assert_eq!(split(&minus).unwrap_err().state, SqlState::StatementTooComplex);
        let cases = format!("select {}1{}", "case when a then ".repeat(1_000), " end".repeat(1_000));
        assert_eq!(split(&cases).unwrap_err().state, SqlState::StatementTooComplex);
    }

    #[test]
    fn long_lists_are_no_chains() {
        let list: Vec<String> = (0..100_000).map(|number| format!("-{number}")).collect();
        assert!(split(&format!("select 1 where a in ({})", list.join(","))).is_ok());
    }
}
