//! COPY: Redshift's options as words, Postgres's options in parentheses.

use sqlparser::ast::{self, Ident, ObjectName};
use sqlparser::tokenizer::Token;

use super::Statement;
use super::grammar::Grammar;
use crate::error::SqlError;

/// COPY.
#[derive(Debug)]
pub(crate) struct Copy {
    pub(crate) subject: Subject,
    pub(crate) end: End,
    pub(crate) options: Vec<CopyOption>,
}

/// What is copied.
#[derive(Debug)]
pub(crate) enum Subject {
    Table { name: ObjectName, columns: Vec<Ident> },
    Query(Box<ast::Query>),
}

/// Where from, where to.
#[derive(Debug)]
pub(crate) enum End {
    FromStdin,
    FromLocation(String),
    ToStdout,
}

/// One option; its meaning is settled by the command.
#[derive(Debug, Clone)]
pub(crate) struct CopyOption {
    /// Upper case, words separated by one blank.
    pub(crate) name: &'static str,
    pub(crate) value: OptionValue,
    /// Postgres's notation, whose options mean slightly different things.
    pub(crate) parenthesised: bool,
}

/// What was written after an option's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum OptionValue {
    None,
    Text(String),
    Number(i64),
    Names(Vec<String>),
}

impl Copy {
    /// Whether the client shall send the data.
    pub(crate) fn reads_stdin(&self) -> bool {
        matches!(self.end, End::FromStdin)
    }
}

/// What may follow an option's name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Takes {
    Nothing,
    Text,
    OptionalText,
    Number,
    Names,
}

/// Redshift's and old Postgres's options as words. Longer names come first.
const WORDS: &[(&str, Takes)] = &[
    ("IGNOREALLERRORS", Takes::Nothing),
    ("IGNOREBLANKLINES", Takes::Nothing),
    ("IGNOREHEADER", Takes::Number),
    ("ACCEPTANYDATE", Takes::Nothing),
    ("ACCEPTINVCHARS", Takes::OptionalText),
    ("BLANKSASNULL", Takes::Nothing),
    ("EMPTYASNULL", Takes::Nothing),
    ("TRUNCATECOLUMNS", Takes::Nothing),
    ("TRIMBLANKS", Takes::Nothing),
    ("FILLRECORD", Takes::Nothing),
    ("REMOVEQUOTES", Takes::Nothing),
    ("ROUNDEC", Takes::Nothing),
    ("EXPLICIT_IDS", Takes::Nothing),
    ("MAXERROR", Takes::Number),
    ("DATEFORMAT", Takes::Text),
    ("TIMEFORMAT", Takes::Text),
    ("DELIMITER", Takes::Text),
    ("QUOTE", Takes::Text),
    ("ESCAPE", Takes::OptionalText),
    ("NULL", Takes::Text),
    ("ENCODING", Takes::Text),
    ("HEADER", Takes::Nothing),
    ("GZIP", Takes::Nothing),
    ("ZSTD", Takes::Nothing),
    ("MANIFEST", Takes::Nothing),
    ("COMPUPDATE", Takes::OptionalText),
    ("STATUPDATE", Takes::OptionalText),
    ("COMPROWS", Takes::Number),
    ("NOLOAD", Takes::Nothing),
    ("IAM_ROLE", Takes::Text),
    ("CREDENTIALS", Takes::Text),
    ("ACCESS_KEY_ID", Takes::Text),
    ("SECRET_ACCESS_KEY", Takes::Text),
    ("SESSION_TOKEN", Takes::Text),
    ("REGION", Takes::Text),
    ("PARALLEL", Takes::OptionalText),
    ("JSON", Takes::OptionalText),
    ("PARQUET", Takes::Nothing),
    ("CSV", Takes::Nothing),
    ("TEXT", Takes::Nothing),
    ("BINARY", Takes::Nothing),
];

/// Postgres's options in parentheses.
const PARENTHESISED: &[(&str, Takes)] = &[
    ("FORMAT", Takes::Text),
    ("FREEZE", Takes::OptionalText),
    ("DELIMITER", Takes::Text),
    ("NULL", Takes::Text),
    ("HEADER", Takes::OptionalText),
    ("QUOTE", Takes::Text),
    ("ESCAPE", Takes::Text),
    ("FORCE_QUOTE", Takes::Names),
    ("FORCE_NOT_NULL", Takes::Names),
    ("FORCE_NULL", Takes::Names),
    ("ENCODING", Takes::Text),
    ("ON_ERROR", Takes::Text),
    ("LOG_VERBOSITY", Takes::Text),
];

/// Options of Redshift that are known and not there.
const UNSUPPORTED: &[&str] = &[
    "BZIP2",
    "LZOP",
    "AVRO",
    "ORC",
    "SHAPEFILE",
    "FIXEDWIDTH",
    "SSH",
    "ENCRYPTED",
    "MASTER_SYMMETRIC_KEY",
    "READRATIO",
    "JOB",
    "KMS_KEY_ID",
];

/// `COPY table [(columns)] | (query) FROM | TO … options`
pub(crate) fn copy(g: &mut Grammar) -> Result<Statement, SqlError> {
    g.expect("COPY")?;
    let subject = if g.accept_symbol(&Token::LParen) {
        let query = g.query()?;
        g.expect_symbol(&Token::RParen)?;
        Subject::Query(query)
    } else {
        let name = g.name()?;
        let columns = if g.sees_symbol(&Token::LParen) { g.in_parens(Grammar::ident)? } else { vec![] };
        Subject::Table { name, columns }
    };
    let end = end(g, &subject)?;
    let options = options(g)?;
    Ok(Statement::Copy(Box::new(Copy { subject, end, options })))
}

fn end(g: &mut Grammar, subject: &Subject) -> Result<End, SqlError> {
    if g.accept("TO") {
        if g.accept("STDOUT") {
            return Ok(End::ToStdout);
        }
        return Err(g.unsupported("COPY TO a file or program").with_hint("Use COPY … TO STDOUT."));
    }
    g.expect("FROM")?;
    if matches!(subject, Subject::Query(_)) {
        return Err(g.unexpected());
    }
    if g.accept("STDIN") {
        return Ok(End::FromStdin);
    }
    if g.sees("PROGRAM") {
        return Err(g.unsupported("COPY FROM PROGRAM"));
    }
    g.string().map(End::FromLocation)
}

fn options(g: &mut Grammar) -> Result<Vec<CopyOption>, SqlError> {
    let mut options = vec![];
    g.accept("WITH");
    if g.accept_symbol(&Token::LParen) {
        loop {
            options.push(option(g, PARENTHESISED, true)?);
            if !g.accept_symbol(&Token::Comma) {
                break;
            }
        }
        g.expect_symbol(&Token::RParen)?;
        return Ok(options);
    }
    while !g.at_end() {
        // FORMAT [AS] introduces the name of a format; JSON and PARQUET may stand alone, too.
        if g.accept("FORMAT") {
            g.accept("AS");
        }
        g.accept("WITH");
        if let Some(word) = g.word().filter(|word| UNSUPPORTED.contains(&word.as_str())) {
            return Err(g.unsupported(&format!("COPY … {word}")));
        }
        options.push(option(g, WORDS, false)?);
        g.accept_symbol(&Token::Comma);
    }
    Ok(options)
}

fn option(g: &mut Grammar, known: &[(&'static str, Takes)], parenthesised: bool) -> Result<CopyOption, SqlError> {
    let Some((name, takes)) = known.iter().find(|(name, _)| g.accept(name)) else { return Err(g.unexpected()) };
    if !parenthesised {
        g.accept("AS");
    }
    let value = match takes {
        Takes::Nothing => OptionValue::None,
        Takes::Text => OptionValue::Text(text(g)?),
        Takes::OptionalText if value_follows(g, name, parenthesised) => OptionValue::Text(text(g)?),
        Takes::Number => OptionValue::Number(g.integer()?),
        Takes::OptionalText => OptionValue::None,
        Takes::Names => names(g)?,
    };
    Ok(CopyOption { name, value, parenthesised })
}

/// Whether an optional value is there, rather than the next option.
fn value_follows(g: &Grammar, name: &str, parenthesised: bool) -> bool {
    if g.sees_string() {
        return true;
    }
    if parenthesised {
        return matches!(g.token_at(0), Token::Word(_) | Token::Number(..));
    }
    matches!(name, "COMPUPDATE" | "STATUPDATE" | "PARALLEL")
        && ["ON", "OFF", "TRUE", "FALSE", "PRESET"].iter().any(|word| g.sees(word))
}

fn text(g: &mut Grammar) -> Result<String, SqlError> {
    if g.sees_string() {
        return g.string();
    }
    match g.token_at(0) {
        Token::Word(word) => {
            g.step();
            Ok(word.value)
        }
        Token::Number(digits, _) => {
            g.step();
            Ok(digits)
        }
        _ => Err(g.unexpected()),
    }
}

fn names(g: &mut Grammar) -> Result<OptionValue, SqlError> {
    if g.accept_symbol(&Token::Mul) {
        return Ok(OptionValue::Names(vec!["*".to_owned()]));
    }
    g.in_parens(Grammar::folded).map(OptionValue::Names)
}
