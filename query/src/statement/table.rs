//! CREATE TABLE, ALTER TABLE and TRUNCATE, with Redshift's column and table attributes.

use sqlparser::ast::{self, Ident, ObjectName};
use sqlparser::tokenizer::Token;

use super::Statement;
use super::grammar::Grammar;
use crate::error::SqlError;

/// TRUNCATE.
#[derive(Debug)]
pub(crate) struct Truncate {
    pub(crate) tables: Vec<ObjectName>,
}

/// CREATE TABLE with columns.
#[derive(Debug)]
pub(crate) struct CreateTable {
    pub(crate) name: ObjectName,
    pub(crate) temporary: bool,
    pub(crate) if_not_exists: bool,
    pub(crate) columns: Vec<ColumnDefinition>,
    pub(crate) constraints: Vec<TableConstraint>,
    /// LIKE table, and whether defaults come along.
    pub(crate) like: Vec<(ObjectName, bool)>,
    pub(crate) design: Design,
}

/// CREATE TABLE … AS query.
#[derive(Debug)]
pub(crate) struct CreateTableAs {
    pub(crate) name: ObjectName,
    pub(crate) temporary: bool,
    pub(crate) if_not_exists: bool,
    pub(crate) column_names: Vec<Ident>,
    pub(crate) design: Design,
    pub(crate) query: Box<ast::Query>,
    /// WITH NO DATA: only the definition.
    pub(crate) with_data: bool,
}

/// One column.
#[derive(Debug, Clone)]
pub(crate) struct ColumnDefinition {
    pub(crate) name: Ident,
    pub(crate) data_type: ast::DataType,
    pub(crate) nullable: Option<bool>,
    /// Text of the DEFAULT expression.
    pub(crate) default: Option<String>,
    pub(crate) identity: Option<IdentityDefinition>,
    pub(crate) encode: Option<String>,
    pub(crate) dist_key: bool,
    pub(crate) sort_key: bool,
    /// Keys declared on the column.
    pub(crate) constraints: Vec<TableConstraint>,
}

/// IDENTITY(seed, step).
#[derive(Debug, Clone, Copy)]
pub(crate) struct IdentityDefinition {
    pub(crate) seed: i64,
    pub(crate) step: i64,
    pub(crate) by_default: bool,
}

/// A declared key.
#[derive(Debug, Clone)]
pub(crate) struct TableConstraint {
    pub(crate) name: Option<Ident>,
    pub(crate) kind: KeyKind,
}

/// What a declared key says.
#[derive(Debug, Clone)]
pub(crate) enum KeyKind {
    PrimaryKey(Vec<Ident>),
    Unique(Vec<Ident>),
    ForeignKey {
        columns: Vec<Ident>,
        table: ObjectName,
        /// Empty: the primary key of the other table.
        referenced: Vec<Ident>,
    },
}

/// DISTSTYLE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DistributionStyle {
    Auto,
    Even,
    All,
    Key,
}

/// SORTKEY.
#[derive(Debug, Clone)]
pub(crate) enum SortDefinition {
    Auto,
    None,
    Columns { columns: Vec<Ident>, interleaved: bool },
}

/// Table attributes: how rows are spread and ordered.
#[derive(Debug, Clone, Default)]
pub(crate) struct Design {
    pub(crate) style: Option<DistributionStyle>,
    pub(crate) key: Option<Ident>,
    pub(crate) sort: Option<SortDefinition>,
    /// BACKUP was written: it has no effect, which a notice says.
    pub(crate) backup: bool,
}

/// ALTER TABLE, ALTER VIEW.
#[derive(Debug)]
pub(crate) struct AlterTable {
    pub(crate) name: ObjectName,
    pub(crate) if_exists: bool,
    /// ALTER VIEW was written.
    pub(crate) is_view: bool,
    pub(crate) actions: Vec<AlterAction>,
}

/// One action of ALTER TABLE.
#[derive(Debug)]
pub(crate) enum AlterAction {
    AddColumn { column: Box<ColumnDefinition>, if_not_exists: bool },
    DropColumn { name: Ident, if_exists: bool, cascade: bool },
    RenameColumn { name: Ident, to: Ident },
    RenameTo(Ident),
    OwnerTo(Ident),
    SetSchema(Ident),
    AddConstraint(TableConstraint),
    DropConstraint { name: Ident, if_exists: bool },
    SetDefault { name: Ident, default: Option<String> },
    SetNullable { name: Ident, nullable: bool },
    SetType { name: Ident, data_type: ast::DataType },
    SetEncode { name: Ident, encode: String },
    Distribute { style: DistributionStyle, key: Option<Ident> },
    Sort(SortDefinition),
}

/// `TRUNCATE [TABLE] t, …`
pub(crate) fn truncate(g: &mut Grammar) -> Result<Statement, SqlError> {
    g.expect("TRUNCATE")?;
    g.accept("TABLE");
    g.accept("ONLY");
    let tables = g.list(Grammar::name)?;
    for clause in ["RESTART IDENTITY", "CASCADE"] {
        if g.sees(clause) {
            return Err(g.unsupported(&format!("TRUNCATE … {clause}")));
        }
    }
    g.accept_one(&["CONTINUE IDENTITY", "RESTRICT"]);
    Ok(Statement::Truncate(Truncate { tables }))
}

/// After CREATE [TEMP].
pub(crate) fn create(g: &mut Grammar, temporary: bool) -> Result<Statement, SqlError> {
    g.expect("TABLE")?;
    let if_not_exists = g.accept("IF NOT EXISTS");
    let name = g.name()?;
    // Redshift: a name that begins with # is a temporary table. Postgres's tokenizer has no such names.
    let mut table = CreateTable {
        name,
        temporary,
        if_not_exists,
        columns: vec![],
        constraints: vec![],
        like: vec![],
        design: Design::default(),
    };
    if g.sees("PARTITION OF") || g.sees("OF") {
        return Err(g.unsupported("CREATE TABLE … OF"));
    }
    let only_names = g.sees_symbol(&Token::LParen) && is_list_of_names(g);
    if only_names {
        let column_names = g.in_parens(Grammar::ident)?;
        return create_as(g, table, column_names);
    }
    if !g.accept_symbol(&Token::LParen) {
        return create_as(g, table, vec![]);
    }
    if !g.accept_symbol(&Token::RParen) {
        g.list_into(|g| element(g, &mut table))?;
        g.expect_symbol(&Token::RParen)?;
    }
    table.design = design(g)?;
    if g.sees("AS") {
        return Err(g.unsupported("CREATE TABLE AS with column types"));
    }
    refuse_options(g)?;
    Ok(Statement::CreateTable(Box::new(table)))
}

/// `(a, b)` rather than `(a int, …)`.
fn is_list_of_names(g: &Grammar) -> bool {
    let mut at = 1;
    loop {
        if !matches!(g.token_at(at), Token::Word(_)) {
            return false;
        }
        match g.token_at(at + 1) {
            Token::Comma => at += 2,
            Token::RParen => return true,
            _ => return false,
        }
    }
}

fn create_as(g: &mut Grammar, table: CreateTable, column_names: Vec<Ident>) -> Result<Statement, SqlError> {
    let design = design(g)?;
    refuse_options(g)?;
    g.expect("AS")?;
    let query = g.query()?;
    let with_data = !g.accept("WITH NO DATA");
    g.accept("WITH DATA");
    let CreateTable { name, temporary, if_not_exists, columns: _, constraints: _, like: _, design: _ } = table;
    Ok(Statement::CreateTableAs(Box::new(CreateTableAs {
        name,
        temporary,
        if_not_exists,
        column_names,
        design,
        query,
        with_data,
    })))
}

fn refuse_options(g: &mut Grammar) -> Result<(), SqlError> {
    if g.accept("ON COMMIT PRESERVE ROWS") {
        return Ok(());
    }
    for clause in ["ON COMMIT", "INHERITS", "PARTITION", "WITH", "TABLESPACE", "USING", "ENCODE AUTO"] {
        if g.sees(clause) && !(clause == "WITH" && (g.sees("WITH NO") || g.sees("WITH DATA"))) {
            return Err(g.unsupported(&format!("CREATE TABLE … {clause}")));
        }
    }
    Ok(())
}

/// One item between the parentheses of CREATE TABLE.
fn element(g: &mut Grammar, table: &mut CreateTable) -> Result<(), SqlError> {
    if g.accept("LIKE") {
        let name = g.name()?;
        let defaults = g.accept("INCLUDING DEFAULTS") || g.accept("INCLUDING ALL");
        g.accept_one(&["EXCLUDING DEFAULTS", "EXCLUDING ALL"]);
        table.like.push((name, defaults));
        return Ok(());
    }
    if let Some(constraint) = table_constraint(g)? {
        table.constraints.push(constraint);
        return Ok(());
    }
    let column = column_definition(g)?;
    table.columns.push(column);
    Ok(())
}

/// `[CONSTRAINT name] PRIMARY KEY (…) | UNIQUE (…) | FOREIGN KEY (…) REFERENCES …`, if that is next.
fn table_constraint(g: &mut Grammar) -> Result<Option<TableConstraint>, SqlError> {
    let name = if g.accept("CONSTRAINT") { Some(g.ident()?) } else { None };
    if g.accept("PRIMARY KEY") {
        return Ok(Some(TableConstraint { name, kind: KeyKind::PrimaryKey(g.in_parens(Grammar::ident)?) }));
    }
    if g.sees("UNIQUE") && g.token_at(1) == Token::LParen {
        g.step();
        return Ok(Some(TableConstraint { name, kind: KeyKind::Unique(g.in_parens(Grammar::ident)?) }));
    }
    if g.accept("FOREIGN KEY") {
        let columns = g.in_parens(Grammar::ident)?;
        let kind = references(g, columns)?;
        return Ok(Some(TableConstraint { name, kind }));
    }
    if g.sees("CHECK") || g.sees("EXCLUDE") {
        return Err(g.unsupported("a CHECK constraint"));
    }
    if name.is_some() { Err(g.unexpected()) } else { Ok(None) }
}

fn references(g: &mut Grammar, columns: Vec<Ident>) -> Result<KeyKind, SqlError> {
    g.expect("REFERENCES")?;
    let table = g.name()?;
    let referenced = if g.sees_symbol(&Token::LParen) { g.in_parens(Grammar::ident)? } else { vec![] };
    loop {
        // Keys are not enforced, so only the actions that do nothing can be kept.
        if g.accept_one(&["ON DELETE NO ACTION", "ON UPDATE NO ACTION", "NOT DEFERRABLE", "INITIALLY IMMEDIATE"])
            .is_none()
        {
            break;
        }
    }
    for clause in ["MATCH", "ON", "DEFERRABLE", "INITIALLY"] {
        if g.sees(clause) {
            return Err(g.unsupported(&format!("FOREIGN KEY … {clause}")));
        }
    }
    Ok(KeyKind::ForeignKey { columns, table, referenced })
}

/// `name type attribute …`
pub(crate) fn column_definition(g: &mut Grammar) -> Result<ColumnDefinition, SqlError> {
    let name = g.ident()?;
    if g.accept_one(&["SERIAL", "BIGSERIAL"]).is_some() {
        return Err(g.unsupported("type serial").with_hint("Use IDENTITY(1,1)."));
    }
    let mut column = ColumnDefinition {
        name,
        data_type: g.data_type()?,
        nullable: None,
        default: None,
        identity: None,
        encode: None,
        dist_key: false,
        sort_key: false,
        constraints: vec![],
    };
    while column_attribute(g, &mut column)? {}
    Ok(column)
}

/// One attribute of a column; `false` when there is none.
fn column_attribute(g: &mut Grammar, column: &mut ColumnDefinition) -> Result<bool, SqlError> {
    let name = if g.accept("CONSTRAINT") { Some(g.ident()?) } else { None };
    let this = vec![column.name.clone()];
    if g.accept("NOT NULL") {
        column.nullable = Some(false);
    } else if g.accept("NULL") {
        column.nullable = Some(true);
    } else if g.accept("DEFAULT") {
        column.default = Some(default_expression(g)?);
    } else if g.accept("IDENTITY") {
        column.identity = Some(identity_numbers(g, false)?);
    } else if g.accept("GENERATED") {
        column.identity = Some(generated(g)?);
    } else if g.accept("ENCODE") {
        column.encode = Some(g.folded()?);
    } else if g.accept("DISTKEY") {
        column.dist_key = true;
    } else if g.accept("SORTKEY") {
        column.sort_key = true;
    } else if g.accept("PRIMARY KEY") {
        column.constraints.push(TableConstraint { name, kind: KeyKind::PrimaryKey(this) });
    } else if g.accept("UNIQUE") {
        column.constraints.push(TableConstraint { name, kind: KeyKind::Unique(this) });
    } else if g.sees("REFERENCES") {
        let kind = references(g, this)?;
        column.constraints.push(TableConstraint { name, kind });
    } else if g.accept("COLLATE") {
        return collation(g);
    } else if g.sees("CHECK") {
        return Err(g.unsupported("a CHECK constraint"));
    } else if name.is_some() {
        return Err(g.unexpected());
    } else {
        return Ok(false);
    }
    Ok(true)
}

fn collation(g: &mut Grammar) -> Result<bool, SqlError> {
    if g.accept_one(&["CASE_SENSITIVE", "CS"]).is_some() {
        return Ok(true);
    }
    if matches!(&g.token().token, Token::Word(word) if matches!(word.value.as_str(), "C" | "default" | "POSIX")) {
        g.step();
        return Ok(true);
    }
    Err(g.unsupported("a collation other than \"C\""))
}

fn default_expression(g: &mut Grammar) -> Result<String, SqlError> {
    // An expression would take `NOT` of `DEFAULT 1 NOT NULL` for an operator only if IN, LIKE or BETWEEN followed.
    g.text_of(Grammar::default_value).map(|(_, text)| text)
}

fn identity_numbers(g: &mut Grammar, by_default: bool) -> Result<IdentityDefinition, SqlError> {
    let mut definition = IdentityDefinition { seed: 1, step: 1, by_default };
    if g.accept_symbol(&Token::LParen) {
        definition.seed = g.integer()?;
        if g.accept_symbol(&Token::Comma) {
            definition.step = g.integer()?;
        }
        g.expect_symbol(&Token::RParen)?;
    }
    if definition.step == 0 {
        return Err(g.at_token(SqlError::new(
            crate::error::SqlState::InvalidTableDefinition,
            "the step of an identity column must not be 0",
        )));
    }
    Ok(definition)
}

/// `ALWAYS | BY DEFAULT AS IDENTITY (…)`
fn generated(g: &mut Grammar) -> Result<IdentityDefinition, SqlError> {
    let by_default = g.accept("BY DEFAULT");
    if !by_default {
        g.expect("ALWAYS")?;
    }
    g.expect("AS")?;
    if !g.sees("IDENTITY") {
        return Err(g.unsupported("a generated column"));
    }
    g.step();
    if g.sees_symbol(&Token::LParen) && g.word_at(1).is_some() {
        return sequence_options(g, by_default);
    }
    identity_numbers(g, by_default)
}

/// `(START WITH 10 INCREMENT BY 5)`
fn sequence_options(g: &mut Grammar, by_default: bool) -> Result<IdentityDefinition, SqlError> {
    let mut definition = IdentityDefinition { seed: 1, step: 1, by_default };
    g.expect_symbol(&Token::LParen)?;
    while !g.accept_symbol(&Token::RParen) {
        if g.accept("START") {
            g.accept("WITH");
            definition.seed = g.integer()?;
        } else if g.accept("INCREMENT") {
            g.accept("BY");
            definition.step = g.integer()?;
        } else {
            return Err(g.unsupported("this option of an identity column"));
        }
    }
    Ok(definition)
}

/// `DISTSTYLE x DISTKEY (a) [COMPOUND | INTERLEAVED] SORTKEY (a, b)`, in any order.
fn design(g: &mut Grammar) -> Result<Design, SqlError> {
    let mut design = Design::default();
    loop {
        if g.accept("DISTSTYLE") {
            design.style = Some(style(g)?);
        } else if g.accept("DISTKEY") {
            design.key = g.in_parens(Grammar::ident)?.into_iter().next();
        } else if g.sees("SORTKEY") || g.sees("COMPOUND") || g.sees("INTERLEAVED") {
            design.sort = Some(sort(g)?);
        } else if g.accept("BACKUP YES") || g.accept("BACKUP NO") {
            design.backup = true;
        } else if !g.accept("ENCODE AUTO") {
            return Ok(design);
        }
    }
}

fn style(g: &mut Grammar) -> Result<DistributionStyle, SqlError> {
    match g.accept_one(&["AUTO", "EVEN", "ALL", "KEY"]) {
        Some("AUTO") => Ok(DistributionStyle::Auto),
        Some("EVEN") => Ok(DistributionStyle::Even),
        Some("ALL") => Ok(DistributionStyle::All),
        Some(_) => Ok(DistributionStyle::Key),
        None => Err(g.unexpected()),
    }
}

fn sort(g: &mut Grammar) -> Result<SortDefinition, SqlError> {
    let interleaved = g.accept_one(&["COMPOUND", "INTERLEAVED"]) == Some("INTERLEAVED");
    g.expect("SORTKEY")?;
    match g.accept_one(&["AUTO", "NONE"]) {
        Some("AUTO") => Ok(SortDefinition::Auto),
        Some(_) => Ok(SortDefinition::None),
        None => Ok(SortDefinition::Columns { columns: g.in_parens(Grammar::ident)?, interleaved }),
    }
}

/// After ALTER.
pub(crate) fn alter(g: &mut Grammar) -> Result<Statement, SqlError> {
    let is_view = g.accept("VIEW");
    if !is_view {
        g.expect("TABLE")?;
    }
    let if_exists = g.accept("IF EXISTS");
    g.accept("ONLY");
    let name = g.name()?;
    let actions = g.list(action)?;
    Ok(Statement::AlterTable(Box::new(AlterTable { name, if_exists, is_view, actions })))
}

fn action(g: &mut Grammar) -> Result<AlterAction, SqlError> {
    if g.accept("ADD") {
        return add(g);
    }
    if g.accept("DROP CONSTRAINT") {
        let if_exists = g.accept("IF EXISTS");
        let name = g.ident()?;
        g.accept_one(&["RESTRICT", "CASCADE"]);
        return Ok(AlterAction::DropConstraint { name, if_exists });
    }
    if g.accept("DROP") {
        g.accept("COLUMN");
        let if_exists = g.accept("IF EXISTS");
        let name = g.ident()?;
        let cascade = g.accept_one(&["RESTRICT", "CASCADE"]) == Some("CASCADE");
        return Ok(AlterAction::DropColumn { name, if_exists, cascade });
    }
    if g.accept("RENAME TO") {
        return g.ident().map(AlterAction::RenameTo);
    }
    if g.accept("RENAME") {
        g.accept("COLUMN");
        let name = g.ident()?;
        g.expect("TO")?;
        return Ok(AlterAction::RenameColumn { name, to: g.ident()? });
    }
    if g.accept("OWNER TO") {
        return g.ident().map(AlterAction::OwnerTo);
    }
    if g.accept("SET SCHEMA") {
        return g.ident().map(AlterAction::SetSchema);
    }
    if g.accept("ALTER") {
        return alter_part(g);
    }
    Err(g.unsupported("this form of ALTER TABLE"))
}

fn add(g: &mut Grammar) -> Result<AlterAction, SqlError> {
    if let Some(constraint) = table_constraint(g)? {
        return Ok(AlterAction::AddConstraint(constraint));
    }
    g.accept("COLUMN");
    let if_not_exists = g.accept("IF NOT EXISTS");
    Ok(AlterAction::AddColumn { column: Box::new(column_definition(g)?), if_not_exists })
}

/// After ALTER TABLE t ALTER.
fn alter_part(g: &mut Grammar) -> Result<AlterAction, SqlError> {
    if g.accept("DISTSTYLE") {
        let style = style(g)?;
        let key = if g.accept("DISTKEY") { Some(key_name(g)?) } else { None };
        return Ok(AlterAction::Distribute { style, key });
    }
    if g.accept("DISTKEY") {
        return Ok(AlterAction::Distribute { style: DistributionStyle::Key, key: Some(key_name(g)?) });
    }
    if g.sees("SORTKEY") || g.sees("COMPOUND SORTKEY") || g.sees("INTERLEAVED SORTKEY") {
        return sort(g).map(AlterAction::Sort);
    }
    g.accept("COLUMN");
    let name = g.ident()?;
    if g.accept("SET DEFAULT") {
        return Ok(AlterAction::SetDefault { name, default: Some(default_expression(g)?) });
    }
    if g.accept("DROP DEFAULT") {
        return Ok(AlterAction::SetDefault { name, default: None });
    }
    if g.accept("SET NOT NULL") {
        return Ok(AlterAction::SetNullable { name, nullable: false });
    }
    if g.accept("DROP NOT NULL") {
        return Ok(AlterAction::SetNullable { name, nullable: true });
    }
    if g.accept("TYPE") || g.accept("SET DATA TYPE") {
        let data_type = g.data_type()?;
        return Ok(AlterAction::SetType { name, data_type });
    }
    if g.accept("ENCODE") {
        return Ok(AlterAction::SetEncode { name, encode: g.folded()? });
    }
    Err(g.unsupported("this form of ALTER COLUMN"))
}

fn key_name(g: &mut Grammar) -> Result<Ident, SqlError> {
    if !g.sees_symbol(&Token::LParen) {
        return g.ident();
    }
    let mut names = g.in_parens(Grammar::ident)?;
    match (names.pop(), names.is_empty()) {
        (Some(name), true) => Ok(name),
        _ => Err(g.unexpected()),
    }
}
