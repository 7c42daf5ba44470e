//! Statements: what the client's text says, before any name is looked up.
//!
//! One table, [`statements!`], declares every statement once. It generates the [`Statement`] enum, [`StatementKind`], the
//! routing rows and COMPATIBILITY.md. A new statement is one row; the compiler then lists the arms that are missing.

pub(crate) mod copy;
pub(crate) mod dialect;
pub(crate) mod grammar;
pub(crate) mod object;
pub(crate) mod parse;
pub(crate) mod query;
pub(crate) mod role;
pub(crate) mod session;
pub(crate) mod split;
pub(crate) mod table;
#[cfg(test)]
mod tests;

use std::fmt::Write as _;
use std::ops::Range;
use std::sync::Arc;

use sqlparser::ast;

/// How a statement stands to transactions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transactional {
    /// Begins, ends or marks transactions.
    Control,
    /// Reads one snapshot.
    Read,
    /// Stages changes; refused in read-only transactions; run again after a conflict when it stands alone.
    Write,
    /// Changes the session only.
    Session,
    /// Cannot run inside a transaction block.
    Outside,
}

/// How far a statement is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// As in Postgres or Redshift.
    Full,
    /// The note says what is missing; missing clauses are refused by name.
    Partial,
    /// Accepted because clients send it, and does what Stoa's design leaves to do, which may be nothing. The note says so.
    NoEffect,
}

/// One statement's row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// Which statement.
    pub kind: StatementKind,
    /// Its words.
    pub words: &'static str,
    /// Heading under which it is documented.
    pub family: &'static str,
    /// Module of `command` that runs it.
    pub handler: &'static str,
    /// Rights that it needs, in words (the decision is made by `access`).
    pub access: &'static str,
    /// How it stands to transactions.
    pub transactional: Transactional,
    /// How far it is there.
    pub status: Status,
    /// What to know about it.
    pub note: &'static str,
}

/// Declares every statement: variant, syntax node, words; family, handler; rights; transactions, status; note.
macro_rules! statements {
    ($($name:ident($node:ty) $words:literal, $family:literal, $handler:literal, $access:literal,
       $transactional:ident, $status:ident, $note:literal;)*) => {
        /// What a statement says.
        #[derive(Debug)]
        #[expect(clippy::enum_variant_names, reason = "CANCEL is a statement that is named after what it stops")]
        pub(crate) enum Statement { $($name($node),)* }

        /// Which statement.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum StatementKind { $(#[doc = concat!("`", $words, "`")] $name,)* }

        impl Statement {
            /// Which statement it is.
            pub(crate) fn kind(&self) -> StatementKind {
                match self { $(Self::$name(_) => StatementKind::$name,)* }
            }
        }

        impl StatementKind {
            /// Every statement, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Its row of the table.
            pub fn row(self) -> &'static Row {
                match self { $(Self::$name => &Row {
                    kind: Self::$name, words: $words, family: $family, handler: $handler, access: $access,
                    transactional: Transactional::$transactional, status: Status::$status, note: $note,
                },)* }
            }
        }
    };
}

statements! {
    Query(Box<ast::Query>) "SELECT", "Queries", "query", "SELECT on every relation read, USAGE on its schema", Read, Full,
        "Also VALUES, TABLE and WITH. FOR UPDATE and FOR SHARE are refused.";
    Explain(session::Explain) "EXPLAIN", "Queries", "explain", "as the statement explained", Read, Partial,
        "ANALYZE and VERBOSE; FORMAT TEXT only. Of queries only.";
    Insert(Box<ast::Insert>) "INSERT", "Rows", "write", "INSERT on the table, SELECT on what is read", Write, Partial,
        "VALUES, queries and DEFAULT VALUES. ON CONFLICT and RETURNING are refused.";
    Update(Box<ast::Update>) "UPDATE", "Rows", "write", "UPDATE on the table, SELECT on what is read", Write, Partial,
        "RETURNING is refused.";
    Delete(Box<ast::Delete>) "DELETE", "Rows", "write", "DELETE on the table, SELECT on what is read", Write, Partial,
        "RETURNING is refused.";
    Truncate(table::Truncate) "TRUNCATE", "Rows", "write", "TRUNCATE on the table", Write, Full,
        "Transactional, unlike Redshift's.";
    Copy(Box<copy::Copy>) "COPY", "Rows", "copy", "INSERT on the table (FROM) or SELECT (TO); superuser for local files",
        Write, Partial, "FROM files, s3:// and STDIN; TO STDOUT. Binary format is refused.";
    CreateTable(Box<table::CreateTable>) "CREATE TABLE", "Tables and views", "table",
        "CREATE on the schema, or TEMPORARY on the database", Write, Partial,
        "With ENCODE, DISTSTYLE, DISTKEY, SORTKEY, IDENTITY, DEFAULT, LIKE. Keys are information, not enforced. CHECK is refused.";
    CreateTableAs(Box<table::CreateTableAs>) "CREATE TABLE AS", "Tables and views", "table",
        "CREATE on the schema, SELECT on what is read", Write, Full, "With DISTSTYLE, DISTKEY, SORTKEY.";
    AlterTable(Box<table::AlterTable>) "ALTER TABLE", "Tables and views", "alter", "owner of the table", Write, Partial,
        "ADD, DROP, RENAME COLUMN; RENAME, OWNER, SET SCHEMA; DISTSTYLE, DISTKEY, SORTKEY; constraints; column defaults, NOT NULL and varchar length.";
    CreateView(Box<object::CreateView>) "CREATE VIEW", "Tables and views", "view",
        "CREATE on the schema, SELECT on what is read", Write, Partial,
        "OR REPLACE, WITH NO SCHEMA BINDING. Materialized views are refused.";
    DropRelation(object::Drop) "DROP TABLE", "Tables and views", "drop", "owner", Write, Full,
        "Also DROP VIEW; IF EXISTS, CASCADE, RESTRICT.";
    CreateSchema(object::CreateSchema) "CREATE SCHEMA", "Schemas and databases", "schema", "CREATE on the database", Write,
        Partial, "IF NOT EXISTS, AUTHORIZATION. QUOTA and embedded objects are refused.";
    AlterSchema(object::AlterSchema) "ALTER SCHEMA", "Schemas and databases", "schema", "owner of the schema", Write,
        Partial, "RENAME TO, OWNER TO.";
    DropSchema(object::Drop) "DROP SCHEMA", "Schemas and databases", "schema", "owner of the schema", Write, Full,
        "CASCADE drops what is inside.";
    CreateDatabase(object::CreateDatabase) "CREATE DATABASE", "Schemas and databases", "database",
        "CREATEDB or superuser", Outside, Partial, "OWNER, ENCODING UTF8, CONNECTION LIMIT UNLIMITED.";
    AlterDatabase(object::AlterDatabase) "ALTER DATABASE", "Schemas and databases", "database", "owner of the database",
        Write, Partial, "RENAME TO, OWNER TO, SET, RESET.";
    DropDatabase(object::Drop) "DROP DATABASE", "Schemas and databases", "database", "owner of the database", Outside, Full,
        "With all that is inside; not the session's own.";
    Comment(object::Comment) "COMMENT ON", "Schemas and databases", "comment", "owner of the object", Write, Partial,
        "On databases, schemas, tables, views and columns.";
    CreateRole(Box<role::CreateRole>) "CREATE USER", "Rights", "role", "CREATEROLE or superuser", Write, Partial,
        "Also CREATE ROLE and CREATE GROUP. Passwords are kept as SCRAM-SHA-256 verifiers.";
    AlterRole(Box<role::AlterRole>) "ALTER USER", "Rights", "role", "superuser, CREATEROLE, or oneself for password and settings",
        Write, Partial, "Also ALTER ROLE and ALTER GROUP: options, RENAME TO, SET, RESET, ADD USER, DROP USER.";
    DropRole(object::Drop) "DROP USER", "Rights", "role", "CREATEROLE or superuser", Write, Full,
        "Also DROP ROLE and DROP GROUP. Refused while the role owns objects.";
    Grant(Box<role::Grant>) "GRANT", "Rights", "grant", "owner or grant option", Write, Partial,
        "Also REVOKE. On databases, schemas, tables, ALL TABLES IN SCHEMA, and roles. Column rights are refused.";
    Begin(session::Begin) "BEGIN", "Transactions", "transaction", "none", Control, Full,
        "Also START TRANSACTION. Every isolation level runs as snapshot isolation.";
    Commit(session::EndOfTransaction) "COMMIT", "Transactions", "transaction", "none", Control, Full, "Also END.";
    Rollback(session::EndOfTransaction) "ROLLBACK", "Transactions", "transaction", "none", Control, Full, "Also ABORT.";
    Savepoint(String) "SAVEPOINT", "Transactions", "transaction", "none", Control, Full, "";
    ReleaseSavepoint(String) "RELEASE SAVEPOINT", "Transactions", "transaction", "none", Control, Full, "";
    RollbackTo(String) "ROLLBACK TO SAVEPOINT", "Transactions", "transaction", "none", Control, Full, "";
    Lock(session::Lock) "LOCK", "Transactions", "transaction", "SELECT on the tables", Read, NoEffect,
        "Readers and writers do not block; conflicts between writers end in 40001.";
    Set(session::Set) "SET", "Session", "setting", "none", Session, Full,
        "SESSION and LOCAL; TIME ZONE, NAMES, TRANSACTION, SESSION CHARACTERISTICS. Engine settings cannot be reached.";
    SetRole(session::SetRole) "SET ROLE", "Session", "setting", "membership in the role", Session, Full,
        "Also SET SESSION AUTHORIZATION (superuser) and their RESET.";
    Show(String) "SHOW", "Session", "setting", "none", Session, Full, "SHOW name and SHOW ALL.";
    Reset(session::Reset) "RESET", "Session", "setting", "none", Session, Full, "RESET name and RESET ALL.";
    Discard(session::Discard) "DISCARD", "Session", "setting", "none", Session, Full, "ALL, PLANS, SEQUENCES, TEMP.";
    Prepare(session::Prepare) "PREPARE", "Session", "prepare", "none", Session, Full, "";
    Execute(session::Execute) "EXECUTE", "Session", "prepare", "as the statement prepared", Control, Full, "";
    Deallocate(Option<String>) "DEALLOCATE", "Session", "prepare", "none", Session, Full, "One or ALL.";
    Listen(String) "LISTEN", "Session", "setting", "none", Session, NoEffect,
        "Also UNLISTEN. There are no notifications.";
    CancelStatement(i32) "CANCEL", "Session", "setting", "oneself or superuser", Session, Full, "Redshift's spelling of pg_cancel_backend.";
    Declare(session::Declare) "DECLARE", "Cursors", "cursor", "as the query", Read, Partial,
        "Forward-only; WITH HOLD and BINARY are refused.";
    Fetch(session::Fetch) "FETCH", "Cursors", "cursor", "none", Control, Partial, "Forward only.";
    Close(Option<String>) "CLOSE", "Cursors", "cursor", "none", Session, Full, "One or ALL.";
    Vacuum(session::Vacuum) "VACUUM", "Maintenance", "vacuum", "owner of the table", Outside, Partial,
        "Turns small inserts into segments. Deleted rows and order are kept by the background jobs.";
    Analyze(session::Analyze) "ANALYZE", "Maintenance", "vacuum", "SELECT on the table", Read, NoEffect,
        "Statistics are kept as rows are written, so there is nothing to compute.";
    Empty(()) "(empty)", "Session", "query", "none", Session, Full, "";
}

/// A parsed statement with its text.
#[derive(Clone)]
pub struct Parsed {
    source: Arc<str>,
    range: Range<usize>,
    statement: Arc<Statement>,
}

impl std::fmt::Debug for Parsed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parsed").field("kind", &self.kind()).field("sql", &self.sql()).finish()
    }
}

impl Parsed {
    pub(crate) fn new(source: Arc<str>, range: Range<usize>, statement: Statement) -> Self {
        Self { source, range, statement: Arc::new(statement) }
    }

    /// The statement's own text.
    pub fn sql(&self) -> &str {
        self.source.get(self.range.clone()).unwrap_or_default()
    }

    /// Which statement it is.
    pub fn kind(&self) -> StatementKind {
        self.statement.kind()
    }

    /// Whether the text held no statement at all.
    pub fn is_empty(&self) -> bool {
        self.kind() == StatementKind::Empty
    }

    pub(crate) fn statement(&self) -> &Arc<Statement> {
        &self.statement
    }

    pub(crate) fn source(&self) -> &Arc<str> {
        &self.source
    }

    /// The same text as another statement (EXPLAIN and EXECUTE hold one inside).
    pub(crate) fn with_statement(&self, statement: Arc<Statement>) -> Self {
        Self { source: Arc::clone(&self.source), range: self.range.clone(), statement }
    }
}

/// COMPATIBILITY.md, made from the table.
pub fn compatibility_page() -> String {
    let mut page = String::from(
        "# Statements\n\nMade from the table in `query/src/statement/mod.rs`; a test fails when this page is stale, and writes it anew\n\
         with `STOA_BLESS=1`. What is not listed here is refused with 0A000 or 42601, and so is every clause that a statement\n\
         does not handle: nothing is ignored silently.\n",
    );
    let mut family = "";
    for row in StatementKind::ALL.iter().map(|kind| kind.row()).filter(|row| row.kind != StatementKind::Empty) {
        if row.family != family {
            family = row.family;
            // Writing to a String cannot fail.
            let _ = write!(
                page,
                "\n## {family}\n\n| statement | status | rights | transactions | notes |\n|---|---|---|---|---|\n"
            );
        }
        let status = match row.status {
            Status::Full => "full",
            Status::Partial => "partial",
            Status::NoEffect => "accepted",
        };
        let transactional = match row.transactional {
            Transactional::Control => "controls them",
            Transactional::Read => "reads a snapshot",
            Transactional::Write => "transactional",
            Transactional::Session => "session only",
            Transactional::Outside => "not inside a block",
        };
        let _ = writeln!(page, "| {} | {status} | {} | {transactional} | {} |", row.words, row.access, row.note);
    }
    page
}
