//! Schemas, databases, views, comments, and DROP of everything.

use sqlparser::ast::{self, Ident, ObjectName};
use sqlparser::tokenizer::Token;

use super::Statement;
use super::grammar::Grammar;
use super::session::{SettingValue, assignment};
use crate::error::SqlError;

/// CREATE VIEW.
#[derive(Debug)]
pub(crate) struct CreateView {
    pub(crate) name: ObjectName,
    pub(crate) or_replace: bool,
    pub(crate) temporary: bool,
    pub(crate) column_names: Vec<Ident>,
    pub(crate) query: Box<ast::Query>,
    /// The query as written.
    pub(crate) text: String,
    /// WITH NO SCHEMA BINDING.
    pub(crate) late_binding: bool,
}

/// DROP of any kind of object.
#[derive(Debug)]
pub(crate) struct Drop {
    /// `TABLE`, `VIEW`, `SCHEMA`, `DATABASE`, `ROLE`.
    pub(crate) kind: &'static str,
    pub(crate) names: Vec<ObjectName>,
    pub(crate) if_exists: bool,
    pub(crate) cascade: bool,
}

/// CREATE SCHEMA.
#[derive(Debug)]
pub(crate) struct CreateSchema {
    pub(crate) name: Option<Ident>,
    pub(crate) if_not_exists: bool,
    pub(crate) owner: Option<Ident>,
}

/// ALTER SCHEMA.
#[derive(Debug)]
pub(crate) struct AlterSchema {
    pub(crate) name: Ident,
    pub(crate) action: AlterNamed,
}

/// What every named object can be altered to.
#[derive(Debug)]
pub(crate) enum AlterNamed {
    RenameTo(Ident),
    OwnerTo(Ident),
}

/// CREATE DATABASE.
#[derive(Debug)]
pub(crate) struct CreateDatabase {
    pub(crate) name: Ident,
    pub(crate) owner: Option<Ident>,
}

/// ALTER DATABASE.
#[derive(Debug)]
pub(crate) struct AlterDatabase {
    pub(crate) name: Ident,
    pub(crate) action: AlterDatabaseAction,
}

/// One action of ALTER DATABASE.
#[derive(Debug)]
pub(crate) enum AlterDatabaseAction {
    Named(AlterNamed),
    /// SET and RESET; no name: RESET ALL.
    Setting(Option<String>, SettingValue),
}

/// COMMENT ON.
#[derive(Debug)]
pub(crate) struct Comment {
    /// `DATABASE`, `SCHEMA`, `TABLE`, `VIEW`, `COLUMN`.
    pub(crate) kind: &'static str,
    pub(crate) name: ObjectName,
    pub(crate) text: Option<String>,
}

/// After CREATE [OR REPLACE] [TEMP].
pub(crate) fn create_view(g: &mut Grammar, or_replace: bool, temporary: bool) -> Result<Statement, SqlError> {
    g.expect("VIEW")?;
    if g.sees("IF NOT EXISTS") {
        return Err(g.unsupported("CREATE VIEW IF NOT EXISTS"));
    }
    let name = g.name()?;
    let column_names = if g.sees_symbol(&Token::LParen) { g.in_parens(Grammar::ident)? } else { vec![] };
    if g.sees("WITH") {
        return Err(g.unsupported("CREATE VIEW … WITH (options)"));
    }
    g.expect("AS")?;
    let (query, text) = g.text_of(Grammar::query)?;
    let late_binding = g.accept("WITH NO SCHEMA BINDING");
    if g.sees("WITH") {
        return Err(g.unsupported("CREATE VIEW … WITH CHECK OPTION"));
    }
    Ok(Statement::CreateView(Box::new(CreateView {
        name,
        or_replace,
        temporary,
        column_names,
        query,
        text,
        late_binding,
    })))
}

/// After DROP: `TABLE [IF EXISTS] a, b [CASCADE]`.
pub(crate) fn drop(g: &mut Grammar) -> Result<Drop, SqlError> {
    let kind = match g.accept_one(&["TABLE", "VIEW", "SCHEMA", "DATABASE", "USER", "ROLE", "GROUP"]) {
        Some("TABLE") => "TABLE",
        Some("VIEW") => "VIEW",
        Some("SCHEMA") => "SCHEMA",
        Some("DATABASE") => "DATABASE",
        Some(_) => "ROLE",
        None => return Err(g.unexpected()),
    };
    let if_exists = g.accept("IF EXISTS");
    let names = g.list(Grammar::name)?;
    let cascade = g.accept_one(&["CASCADE", "RESTRICT", "FORCE"]);
    if cascade == Some("FORCE") {
        return Err(g.unsupported(&format!("DROP {kind} … FORCE")));
    }
    Ok(Drop { kind, names, if_exists, cascade: cascade == Some("CASCADE") })
}

/// After CREATE.
pub(crate) fn create_schema(g: &mut Grammar) -> Result<Statement, SqlError> {
    g.expect("SCHEMA")?;
    let if_not_exists = g.accept("IF NOT EXISTS");
    let name = if g.sees("AUTHORIZATION") { None } else { Some(g.ident()?) };
    let owner = if g.accept("AUTHORIZATION") { Some(g.ident()?) } else { None };
    if g.accept("QUOTA UNLIMITED") {
        // Nothing to remember: there are no quotas.
    } else if g.sees("QUOTA") {
        return Err(g.unsupported("CREATE SCHEMA … QUOTA"));
    }
    if !g.at_end() && ["CREATE", "GRANT"].iter().any(|word| g.sees(word)) {
        return Err(g.unsupported("CREATE SCHEMA with objects inside"));
    }
    Ok(Statement::CreateSchema(CreateSchema { name, if_not_exists, owner }))
}

fn alter_named(g: &mut Grammar) -> Result<Option<AlterNamed>, SqlError> {
    if g.accept("RENAME TO") {
        return g.ident().map(|name| Some(AlterNamed::RenameTo(name)));
    }
    if g.accept("OWNER TO") {
        return g.ident().map(|name| Some(AlterNamed::OwnerTo(name)));
    }
    Ok(None)
}

/// After ALTER.
pub(crate) fn alter_schema(g: &mut Grammar) -> Result<Statement, SqlError> {
    g.expect("SCHEMA")?;
    let name = g.ident()?;
    match alter_named(g)? {
        Some(action) => Ok(Statement::AlterSchema(AlterSchema { name, action })),
        None => Err(g.unsupported("this form of ALTER SCHEMA")),
    }
}

/// After CREATE.
pub(crate) fn create_database(g: &mut Grammar) -> Result<Statement, SqlError> {
    g.expect("DATABASE")?;
    let name = g.ident()?;
    g.accept("WITH");
    let mut owner = None;
    while !g.at_end() {
        if g.accept("OWNER") {
            g.accept_symbol(&Token::Eq);
            owner = Some(g.ident()?);
        } else if g.accept("ENCODING") {
            g.accept_symbol(&Token::Eq);
            let encoding = g.string()?.to_ascii_uppercase();
            if !matches!(encoding.as_str(), "UTF8" | "UTF-8" | "UNICODE") {
                return Err(g.unsupported(&format!("encoding \"{encoding}\"")));
            }
        } else if !g.accept("CONNECTION LIMIT UNLIMITED") && !g.accept("COLLATE CASE_SENSITIVE") {
            return Err(g.unsupported("this option of CREATE DATABASE"));
        }
    }
    Ok(Statement::CreateDatabase(CreateDatabase { name, owner }))
}

/// After ALTER.
pub(crate) fn alter_database(g: &mut Grammar) -> Result<Statement, SqlError> {
    g.expect("DATABASE")?;
    let name = g.ident()?;
    let action = match alter_named(g)? {
        Some(action) => AlterDatabaseAction::Named(action),
        None => setting_of(g, "this form of ALTER DATABASE")
            .map(|(name, value)| AlterDatabaseAction::Setting(name, value))?,
    };
    Ok(Statement::AlterDatabase(AlterDatabase { name, action }))
}

/// `SET name = value`, `RESET name`, `RESET ALL`.
pub(crate) fn setting_of(g: &mut Grammar, refused: &str) -> Result<(Option<String>, SettingValue), SqlError> {
    if g.accept("RESET ALL") {
        return Ok((None, SettingValue::Default));
    }
    if g.accept("RESET") {
        return Ok((Some(super::session::setting_name(g)?), SettingValue::Default));
    }
    if g.accept("SET") {
        return assignment(g).map(|(name, value)| (Some(name), value));
    }
    Err(g.unsupported(refused))
}

/// `COMMENT ON kind name IS 'text' | NULL`
pub(crate) fn comment(g: &mut Grammar) -> Result<Statement, SqlError> {
    g.expect("COMMENT ON")?;
    let kinds = ["DATABASE", "SCHEMA", "TABLE", "VIEW", "COLUMN"];
    let Some(kind) = g.accept_one(&kinds) else {
        return Err(g.unsupported(&format!("COMMENT ON {}", g.word().unwrap_or_default())));
    };
    let name = g.name()?;
    g.expect("IS")?;
    let text = if g.accept("NULL") { None } else { Some(g.string()?) };
    Ok(Statement::Comment(Comment { kind, name, text: text.filter(|text| !text.is_empty()) }))
}
