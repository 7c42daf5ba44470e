//! The tools of our own grammars: words, names, literals over sqlparser's token stream, whose expression, type and query
//! grammars are used as they are.

use std::sync::Arc;

use sqlparser::ast::{self, Expr, Ident, ObjectName};
use sqlparser::dialect::{Dialect as _, Precedence};
use sqlparser::parser::{Parser, ParserOptions};
use sqlparser::tokenizer::{Location, Token, TokenWithSpan};

use super::dialect::StoaDialect;
use super::split::Piece;
use crate::error::parser::{parser_error, position_of};
use crate::error::{SqlError, SqlState};

/// Depth that sqlparser may recurse to; [`super::split`] bounds the shape before, and the stack is sized for this.
const RECURSION_MAX: usize = 1_024;
const DIALECT: StoaDialect = StoaDialect;

/// A position in the tokens of one statement.
pub(crate) struct Grammar {
    parser: Parser<'static>,
    source: Arc<str>,
    /// Where the last token of the statement ends.
    end: Location,
}

impl Grammar {
    /// At the start of a statement.
    pub(crate) fn new(piece: Piece, source: &Arc<str>) -> Self {
        let options = ParserOptions::new().with_unescape(true);
        let last = piece.tokens.iter().rev().find(|token| !matches!(token.token, Token::Whitespace(_) | Token::EOF));
        let end = last.map_or_else(Location::empty, |token| token.span.end);
        let parser = Parser::new(&DIALECT)
            .with_options(options)
            .with_recursion_limit(RECURSION_MAX)
            .with_tokens_with_locations(piece.tokens);
        Self { parser, source: Arc::clone(source), end }
    }

    /// Runs one of sqlparser's own grammars.
    pub(crate) fn with_parser<T>(
        &mut self,
        parse: impl FnOnce(&mut Parser<'static>) -> Result<T, sqlparser::parser::ParserError>,
    ) -> Result<T, SqlError> {
        parse(&mut self.parser).map_err(|error| parser_error(error, &self.source))
    }

    /// The unquoted word `ahead` tokens from here, in upper case.
    pub(crate) fn word_at(&self, ahead: usize) -> Option<String> {
        match &self.parser.peek_nth_token_ref(ahead).token {
            Token::Word(word) if word.quote_style.is_none() => Some(word.value.to_ascii_uppercase()),
            _ => None,
        }
    }

    /// The unquoted word here, in upper case.
    pub(crate) fn word(&self) -> Option<String> {
        self.word_at(0)
    }

    /// Whether the next words are these (separated by blanks).
    pub(crate) fn sees(&self, words: &str) -> bool {
        words.split(' ').enumerate().all(|(ahead, word)| self.word_at(ahead).is_some_and(|found| found == word))
    }

    /// Steps over these words, if they are next.
    pub(crate) fn accept(&mut self, words: &str) -> bool {
        let sees = self.sees(words);
        if sees {
            words.split(' ').for_each(|_| self.step());
        }
        sees
    }

    /// Steps over one of these words, if one is next; gives which.
    pub(crate) fn accept_one<'w>(&mut self, words: &[&'w str]) -> Option<&'w str> {
        let found = words.iter().find(|word| self.sees(word)).copied()?;
        found.split(' ').for_each(|_| self.step());
        Some(found)
    }

    /// Steps over these words, or fails.
    pub(crate) fn expect(&mut self, words: &str) -> Result<(), SqlError> {
        if self.accept(words) { Ok(()) } else { Err(self.unexpected()) }
    }

    /// Whether the next token is this one.
    pub(crate) fn sees_symbol(&self, token: &Token) -> bool {
        self.parser.peek_token_ref().token == *token
    }

    /// Steps over a symbol, if it is next.
    pub(crate) fn accept_symbol(&mut self, token: &Token) -> bool {
        let sees = self.sees_symbol(token);
        if sees {
            self.step();
        }
        sees
    }

    /// Steps over a symbol, or fails.
    pub(crate) fn expect_symbol(&mut self, token: &Token) -> Result<(), SqlError> {
        if self.accept_symbol(token) { Ok(()) } else { Err(self.unexpected()) }
    }

    /// Steps over one token.
    pub(crate) fn step(&mut self) {
        self.parser.next_token();
    }

    /// The token here.
    pub(crate) fn token(&self) -> &TokenWithSpan {
        self.parser.peek_token_ref()
    }

    /// Whether the statement ends here.
    pub(crate) fn at_end(&self) -> bool {
        self.token().token == Token::EOF
    }

    /// Fails unless the statement ends here.
    pub(crate) fn expect_end(&self) -> Result<(), SqlError> {
        if self.at_end() { Ok(()) } else { Err(self.unexpected()) }
    }

    /// 42601 at the token here.
    pub(crate) fn unexpected(&self) -> SqlError {
        let token = self.token();
        if token.token == Token::EOF {
            return SqlError::syntax("syntax error at end of input");
        }
        self.at_token(SqlError::syntax(format!("syntax error at or near \"{}\"", token.token)))
    }

    /// 0A000 at the token here.
    pub(crate) fn unsupported(&self, what: &str) -> SqlError {
        self.at_token(SqlError::unsupported(what))
    }

    /// The error with the position of the token here.
    pub(crate) fn at_token(&self, error: SqlError) -> SqlError {
        match position_of(&self.source, self.token().span.start) {
            Some(position) => error.with_position(position),
            None => error,
        }
    }

    /// A name without dots. Any word is accepted, as after `CREATE TABLE` nothing else can follow.
    pub(crate) fn ident(&mut self) -> Result<Ident, SqlError> {
        match self.token().token {
            Token::Word(_) => self.with_parser(Parser::parse_identifier),
            _ => Err(self.unexpected()),
        }
    }

    /// A name without dots, folded.
    pub(crate) fn folded(&mut self) -> Result<String, SqlError> {
        self.ident().map(|ident| crate::plan::name::fold(&ident))
    }

    /// A dotted name.
    pub(crate) fn name(&mut self) -> Result<ObjectName, SqlError> {
        match self.token().token {
            Token::Word(_) => self.with_parser(|parser| parser.parse_object_name(false)),
            _ => Err(self.unexpected()),
        }
    }

    /// `item, item, …`
    pub(crate) fn list<T>(&mut self, item: impl Fn(&mut Self) -> Result<T, SqlError>) -> Result<Vec<T>, SqlError> {
        let mut items = vec![item(self)?];
        while self.accept_symbol(&Token::Comma) {
            items.push(item(self)?);
        }
        Ok(items)
    }

    /// `item, item, …` where items go somewhere else.
    pub(crate) fn list_into(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<(), SqlError>,
    ) -> Result<(), SqlError> {
        item(self)?;
        while self.accept_symbol(&Token::Comma) {
            item(self)?;
        }
        Ok(())
    }

    /// The token `ahead` tokens from here.
    pub(crate) fn token_at(&self, ahead: usize) -> Token {
        self.parser.peek_nth_token_ref(ahead).token.clone()
    }

    /// The expression of DEFAULT: an operand with casts and arithmetic, but without the boolean operators, because
    /// `NOT NULL` may follow.
    pub(crate) fn default_value(&mut self) -> Result<Expr, SqlError> {
        let above_not = DIALECT.prec_value(Precedence::Is);
        self.with_parser(|parser| parser.parse_subexpr(above_not))
    }

    /// `(item, item, …)`
    pub(crate) fn in_parens<T>(&mut self, item: impl Fn(&mut Self) -> Result<T, SqlError>) -> Result<Vec<T>, SqlError> {
        self.expect_symbol(&Token::LParen)?;
        let items = self.list(item)?;
        self.expect_symbol(&Token::RParen)?;
        Ok(items)
    }

    /// A string literal of any notation.
    pub(crate) fn string(&mut self) -> Result<String, SqlError> {
        let value = match &self.token().token {
            Token::SingleQuotedString(text) | Token::EscapedStringLiteral(text) | Token::UnicodeStringLiteral(text) => {
                text.clone()
            }
            Token::DollarQuotedString(quoted) => quoted.value.clone(),
            _ => return Err(self.unexpected()),
        };
        self.step();
        Ok(value)
    }

    /// Whether a string literal is next.
    pub(crate) fn sees_string(&self) -> bool {
        matches!(
            self.token().token,
            Token::SingleQuotedString(_)
                | Token::EscapedStringLiteral(_)
                | Token::UnicodeStringLiteral(_)
                | Token::DollarQuotedString(_)
        )
    }

    /// An integer, with or without a sign.
    pub(crate) fn integer(&mut self) -> Result<i64, SqlError> {
        let negative = self.accept_symbol(&Token::Minus);
        if !negative {
            self.accept_symbol(&Token::Plus);
        }
        let Token::Number(digits, false) = &self.token().token else { return Err(self.unexpected()) };
        let text = if negative { format!("-{digits}") } else { digits.clone() };
        match text.parse() {
            Ok(value) => {
                self.step();
                Ok(value)
            }
            Err(_) => Err(self.at_token(SqlError::new(
                SqlState::NumericValueOutOfRange,
                format!("value \"{text}\" is out of range for type bigint"),
            ))),
        }
    }

    /// An integer of 0 or more.
    pub(crate) fn count(&mut self) -> Result<u64, SqlError> {
        let here = self.unexpected();
        self.integer().and_then(|value| u64::try_from(value).ok().ok_or(here))
    }

    /// An expression.
    pub(crate) fn expression(&mut self) -> Result<Expr, SqlError> {
        self.with_parser(Parser::parse_expr)
    }

    /// A type.
    pub(crate) fn data_type(&mut self) -> Result<ast::DataType, SqlError> {
        self.with_parser(Parser::parse_data_type)
    }

    /// A query: SELECT, VALUES, TABLE, WITH, with or without parentheses.
    pub(crate) fn query(&mut self) -> Result<Box<ast::Query>, SqlError> {
        self.with_parser(Parser::parse_query)
    }

    /// The text of the tokens that `parse` steps over, as the client wrote it.
    pub(crate) fn text_of<T>(
        &mut self,
        parse: impl FnOnce(&mut Self) -> Result<T, SqlError>,
    ) -> Result<(T, String), SqlError> {
        let start = self.byte_offset(self.token().span.start);
        let parsed = parse(self)?;
        let end = match &self.token().token {
            Token::EOF => self.byte_offset(self.end),
            _ => self.byte_offset(self.token().span.start),
        };
        let text = self.source.get(start..end).unwrap_or_default().trim_end();
        Ok((parsed, text.to_owned()))
    }

    /// Byte offset of a location in the source.
    pub(crate) fn byte_offset(&self, location: Location) -> usize {
        match position_of(&self.source, location) {
            Some(position) => {
                self.source.char_indices().nth(position - 1).map_or(self.source.len(), |(offset, _)| offset)
            }
            None => self.source.len(),
        }
    }
}
