//! The extended protocol: prepared statements, portals, pipelines.
//!
//! The statements of a pipeline (all up to a `Sync`) are one transaction, unless they say otherwise. A portal keeps the
//! stream of its result between two `Execute`s; `max_rows` is only ever compared with a counter, never reserved.

use std::collections::HashMap;
use std::sync::Arc;

use pgwire::messages::PgWireBackendMessage;
use pgwire::messages::data::{NoData, ParameterDescription};
use pgwire::messages::extendedquery::{BindComplete, CloseComplete, ParseComplete, PortalSuspended};
use pgwire::messages::response::EmptyQueryResponse;
use stoa_query::{Outcome, Prepared, ScalarValue, Session, SqlError, SqlState, SqlType};

use super::connection::Connection;
use super::decode;
use super::encode::{Format, RowEncoder};
use super::error::Failure;
use super::message::{Bind, Target, violation};
use super::query::{Cursor, Portion};

/// Statements or portals that one client may have at a time.
const NAMES_MAX: usize = 100_000;

/// Statements and portals of one client.
#[derive(Debug, Default)]
pub(super) struct Extended {
    statements: HashMap<String, Statement>,
    portals: HashMap<String, Portal>,
    /// Whether something has run since the last `Sync`.
    pipeline: bool,
}

/// A prepared statement; `None` is an empty string of SQL.
type Statement = Option<Arc<Prepared>>;

/// A statement with its parameters.
#[derive(Debug)]
struct Portal {
    statement: Statement,
    formats: Vec<Format>,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Not run yet.
    Bound(Vec<ScalarValue>),
    /// Some rows have been sent.
    Open(Box<Cursor>),
    /// All has been sent.
    Done,
}

impl Extended {
    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.portals.clear();
        self.statements.clear();
    }

    /// Forgets the portals, whose life ends with the transaction.
    pub(super) fn drop_portals(&mut self) {
        self.portals.clear();
    }

    /// Forgets the unnamed statement and portal.
    pub(super) fn drop_unnamed(&mut self) {
        self.portals.remove("");
        self.statements.remove("");
    }
}

fn no_statement(name: &str) -> SqlError {
    let message = match name {
        "" => "unnamed prepared statement does not exist".to_owned(),
        name => format!("prepared statement \"{name}\" does not exist"),
    };
    SqlError::new(SqlState::InvalidStatementName, message)
}

fn no_portal(name: &str) -> SqlError {
    SqlError::new(SqlState::InvalidCursorName, format!("portal \"{name}\" does not exist"))
}

impl Connection {
    /// Prepares a statement under a name; the unnamed one may be replaced.
    pub(super) async fn parse(&mut self, name: String, query: &str, types: &[u32]) -> Result<(), Failure> {
        if name.is_empty() {
            self.extended.statements.remove("");
        } else if self.extended.statements.contains_key(&name) {
            let message = format!("prepared statement \"{name}\" already exists");
            return Err(SqlError::new(SqlState::DuplicatePreparedStatement, message).into());
        }
        if self.extended.statements.len() >= NAMES_MAX {
            return Err(SqlError::new(SqlState::ProgramLimitExceeded, "too many prepared statements").into());
        }
        let declared = types.iter().map(|oid| decode::declared_type(*oid)).collect::<Result<Vec<_>, _>>()?;
        let parsed = self.session.parse(query)?;
        let statement = match parsed.as_slice() {
            [] => None,
            [parsed] => {
                let session = Arc::clone(&self.session);
                Some(self.watched(session.prepare(parsed, &declared)).await??)
            }
            _ => return Err(SqlError::syntax("cannot insert multiple commands into a prepared statement").into()),
        };
        self.extended.statements.insert(name, statement);
        Ok(self.wire.put(&PgWireBackendMessage::ParseComplete(ParseComplete::new()))?)
    }

    /// Makes a portal of a statement and its parameters.
    pub(super) fn bind(&mut self, bind: Bind) -> Result<(), Failure> {
        let statement = self.extended.statements.get(&bind.statement).ok_or_else(|| no_statement(&bind.statement))?;
        let statement = statement.clone();
        let types: &[SqlType] = statement.as_ref().map_or(&[], |prepared| &prepared.parameters);
        if bind.parameters.len() != types.len() {
            let message = format!(
                "bind message supplies {} parameters, but prepared statement \"{}\" requires {}",
                bind.parameters.len(),
                bind.statement,
                types.len()
            );
            return Err(violation(message).into());
        }
        let formats = Format::spread(&bind.parameter_formats, types.len(), "parameter")?;
        let zone = self.display.zone;
        let values = bind.parameters.iter().zip(types).zip(formats).enumerate();
        let values = values.map(|(index, ((bytes, sql_type), format))| {
            decode::parameter(bytes.as_deref(), sql_type, format, &zone, index + 1)
        });
        let values = values.collect::<Result<Vec<_>, _>>()?;
        let columns = statement.as_ref().and_then(|prepared| prepared.columns.as_ref());
        let formats = match columns {
            Some(columns) => Format::spread(&bind.result_formats, columns.len(), "result column")?,
            None => Vec::new(),
        };
        self.insert_portal(bind.portal, Portal { statement, formats, state: State::Bound(values) })?;
        Ok(self.wire.put(&PgWireBackendMessage::BindComplete(BindComplete::new()))?)
    }

    fn insert_portal(&mut self, name: String, portal: Portal) -> Result<(), SqlError> {
        if !name.is_empty() && self.extended.portals.contains_key(&name) {
            let message = format!("portal \"{name}\" already exists");
            return Err(SqlError::new(SqlState::DuplicateCursor, message));
        }
        if self.extended.portals.len() >= NAMES_MAX {
            return Err(SqlError::new(SqlState::ProgramLimitExceeded, "too many portals"));
        }
        self.extended.portals.insert(name, portal);
        Ok(())
    }

    /// Describes parameters and result of a statement, or the result of a portal.
    pub(super) async fn describe(&mut self, target: Target, name: &str) -> Result<(), Failure> {
        let (statement, formats) = match target {
            Target::Statement => {
                let statement = self.extended.statements.get(name).ok_or_else(|| no_statement(name))?.clone();
                let types: &[SqlType] = statement.as_ref().map_or(&[], |prepared| &prepared.parameters);
                let oids = types.iter().map(|sql_type| match sql_type {
                    SqlType::Unknown => SqlType::Text.oid(),
                    known => known.oid(),
                });
                let description = ParameterDescription::new(oids.collect());
                self.wire.put(&PgWireBackendMessage::ParameterDescription(description))?;
                (statement, None)
            }
            Target::Portal => match self.extended.portals.get(name) {
                Some(portal) => (portal.statement.clone(), Some(portal.formats.clone())),
                None => (Some(cursor(Arc::clone(&self.session), name).await?), None),
            },
        };
        match statement.as_ref().and_then(|prepared| prepared.columns.as_ref()) {
            Some(columns) => {
                let formats = formats.unwrap_or_else(|| vec![Format::Text; columns.len()]);
                self.put_row_description(columns, &formats)
            }
            None => Ok(self.wire.put(&PgWireBackendMessage::NoData(NoData::new()))?),
        }
    }

    /// Runs a portal, or goes on with it. Zero or a negative number of rows means all.
    pub(super) async fn execute(&mut self, name: &str, rows_max: i32) -> Result<(), Failure> {
        let limit = u64::try_from(rows_max).ok().filter(|limit| *limit > 0);
        // The portal is taken out while it runs, so that an error leaves no half-run portal behind.
        let mut portal = self.extended.portals.remove(name).ok_or_else(|| no_portal(name))?;
        let Some(statement) = portal.statement.clone() else {
            self.extended.portals.insert(name.to_owned(), portal);
            return Ok(self.wire.put(&PgWireBackendMessage::EmptyQueryResponse(EmptyQueryResponse::new()))?);
        };
        portal.state = match std::mem::replace(&mut portal.state, State::Done) {
            State::Bound(parameters) => self.open(&statement, parameters, &portal.formats, limit).await?,
            State::Open(cursor) => self.go_on(cursor, limit).await?,
            State::Done if statement.columns.is_some() => {
                self.put_complete("SELECT 0".to_owned())?;
                State::Done
            }
            State::Done => {
                let message = format!("portal \"{name}\" cannot be run");
                return Err(SqlError::new(SqlState::ObjectNotInPrerequisiteState, message).into());
            }
        };
        self.extended.portals.insert(name.to_owned(), portal);
        self.put_parameter_changes()
    }

    async fn open(
        &mut self,
        statement: &Prepared,
        parameters: Vec<ScalarValue>,
        formats: &[Format],
        limit: Option<u64>,
    ) -> Result<State, Failure> {
        self.begin_pipeline();
        let session = Arc::clone(&self.session);
        match self.watched(session.run(statement, parameters)).await?? {
            Outcome::Rows(rows) => {
                check_unchanged(statement, &rows.columns)?;
                let formats = if formats.len() == rows.columns.len() {
                    formats.to_vec()
                } else {
                    vec![Format::Text; rows.columns.len()]
                };
                let encoder = RowEncoder::new(&rows.columns, &formats, self.display);
                return self.go_on(Box::new(Cursor::new(rows, encoder)), limit).await;
            }
            Outcome::Command { tag } => self.put_complete(tag)?,
            Outcome::CopyIn(copy) => self.copy_in(copy).await?,
            Outcome::CopyOut(copy) => self.copy_out(copy).await?,
            Outcome::Empty => self.wire.put(&PgWireBackendMessage::EmptyQueryResponse(EmptyQueryResponse::new()))?,
        }
        Ok(State::Done)
    }

    async fn go_on(&mut self, mut cursor: Box<Cursor>, limit: Option<u64>) -> Result<State, Failure> {
        match self.send_rows(&mut cursor, limit).await? {
            Portion::End(sent) => {
                self.put_complete(cursor.tag(sent))?;
                Ok(State::Done)
            }
            Portion::Suspended => {
                self.put_notices()?;
                self.wire.put(&PgWireBackendMessage::PortalSuspended(PortalSuspended::new()))?;
                Ok(State::Open(cursor))
            }
        }
    }

    /// Forgets a statement or portal; one that does not exist is no error.
    pub(super) fn close(&mut self, target: Target, name: &str) -> Result<(), Failure> {
        match target {
            Target::Statement => drop(self.extended.statements.remove(name)),
            Target::Portal => drop(self.extended.portals.remove(name)),
        }
        Ok(self.wire.put(&PgWireBackendMessage::CloseComplete(CloseComplete::new()))?)
    }

    /// The first thing that runs after a `Sync` begins the pipeline's transaction. Where the next `Sync` has arrived
    /// already, the statement stands alone: it commits by itself, may be one that cannot run inside a transaction, and is
    /// run again by the session where it lost a race.
    fn begin_pipeline(&mut self) {
        if !self.extended.pipeline && self.wire.next_kind() == Some(b'S') {
            return;
        }
        if !std::mem::replace(&mut self.extended.pipeline, true) {
            self.session.begin_implicit();
        }
    }

    /// Ends the pipeline's transaction.
    pub(super) async fn end_pipeline(&mut self, success: bool) -> Result<(), SqlError> {
        if std::mem::take(&mut self.extended.pipeline) { self.session.end_implicit(success).await } else { Ok(()) }
    }
}

/// A cursor made by DECLARE, which Postgres lets clients describe as the portal that it is there.
async fn cursor(session: Arc<Session>, name: &str) -> Result<Arc<Prepared>, SqlError> {
    let fetch = format!("fetch 1 from \"{}\"", name.replace('"', "\"\""));
    let parsed = session.parse(&fetch)?;
    match parsed.as_slice() {
        [parsed] if !name.is_empty() => session.prepare(parsed, &[]).await.map_err(|_cause| no_portal(name)),
        _ => Err(no_portal(name)),
    }
}

/// The client has been told the columns already. The text is the one that drivers look for to prepare again.
fn check_unchanged(statement: &Prepared, columns: &[stoa_query::ResultColumn]) -> Result<(), SqlError> {
    let shape = |columns: &[stoa_query::ResultColumn]| -> Vec<u32> {
        columns.iter().map(|column| column.sql_type.oid()).collect()
    };
    match &statement.columns {
        Some(described) if shape(described) != shape(columns) => {
            Err(SqlError::new(SqlState::FeatureNotSupported, "cached plan must not change result type"))
        }
        _ => Ok(()),
    }
}
