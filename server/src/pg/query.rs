//! The simple protocol: a string of statements, and the sending of results that both protocols share.

use pgwire::messages::PgWireBackendMessage;
use pgwire::messages::data::{FieldDescription, RowDescription};
use pgwire::messages::response::EmptyQueryResponse;
use stoa_query::{Outcome, Parsed, ResultColumn, Rows, SqlType};

use futures::StreamExt;

use super::connection::Connection;
use super::encode::{BoundBatch, Format, RowEncoder};
use super::error::Failure;

/// Most columns that a message can describe.
const COLUMNS_MAX: usize = i16::MAX as usize;

/// A result that is being sent, perhaps in several portions.
#[derive(Debug)]
pub(super) struct Cursor {
    rows: Rows,
    encoder: RowEncoder,
    /// The batch that is being sent and its next row.
    batch: Option<(BoundBatch, std::ops::Range<usize>)>,
    ended: bool,
}

impl Cursor {
    /// A cursor before the first row.
    pub(super) fn new(rows: Rows, encoder: RowEncoder) -> Self {
        Self { rows, encoder, batch: None, ended: false }
    }

    /// The tag of CommandComplete after `sent` rows.
    pub(super) fn tag(&self, sent: u64) -> String {
        if self.rows.tag_has_count() { format!("{} {sent}", self.rows.tag) } else { self.rows.tag.to_owned() }
    }
}

/// How a portion of a result ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Portion {
    /// All rows have been sent; this many in this portion.
    End(u64),
    /// The limit was reached first.
    Suspended,
}

impl Connection {
    /// Runs a string of statements. Several are one transaction, unless they say otherwise.
    pub(super) async fn query(&mut self, text: &str) -> Result<(), Failure> {
        // As in Postgres, a simple query takes the unnamed statement and portal away.
        self.extended.drop_unnamed();
        let statements = self.session.parse(text)?;
        if statements.is_empty() {
            self.wire.put(&PgWireBackendMessage::EmptyQueryResponse(EmptyQueryResponse::new()))?;
            return self.ready().await;
        }
        let implicit = statements.len() > 1;
        if implicit {
            self.session.begin_implicit();
        }
        let mut result = Ok(());
        for statement in &statements {
            result = self.statement(statement).await;
            if result.is_err() {
                break;
            }
        }
        if implicit {
            let ended = self.session.end_implicit(result.is_ok()).await;
            // The first error is the one to tell.
            result = result.and_then(|()| ended.map_err(Failure::from));
        }
        result?;
        self.ready().await
    }

    async fn statement(&mut self, statement: &Parsed) -> Result<(), Failure> {
        let session = std::sync::Arc::clone(&self.session);
        let outcome = self.watched(session.execute(statement)).await??;
        match outcome {
            Outcome::Rows(rows) => {
                let formats = vec![Format::Text; rows.columns.len()];
                self.put_row_description(&rows.columns, &formats)?;
                let encoder = RowEncoder::new(&rows.columns, &formats, self.display);
                let mut cursor = Cursor::new(rows, encoder);
                match self.send_rows(&mut cursor, None).await? {
                    Portion::End(sent) => self.put_complete(cursor.tag(sent))?,
                    Portion::Suspended => {}
                }
            }
            Outcome::Command { tag } => self.put_complete(tag)?,
            Outcome::CopyIn(copy) => self.copy_in(copy).await?,
            Outcome::CopyOut(copy) => self.copy_out(copy).await?,
            Outcome::Empty => self.wire.put(&PgWireBackendMessage::EmptyQueryResponse(EmptyQueryResponse::new()))?,
        }
        self.put_parameter_changes()
    }

    /// Sends rows up to `limit`; the result is pulled batch by batch and never held whole.
    pub(super) async fn send_rows(&mut self, cursor: &mut Cursor, limit: Option<u64>) -> Result<Portion, Failure> {
        let mut sent = 0;
        loop {
            if let Some((batch, rows)) = &mut cursor.batch {
                for row in rows.by_ref() {
                    batch.write_data_row(row, self.wire.output())?;
                    self.wire.flush_if_full().await?;
                    sent += 1;
                    if limit == Some(sent) {
                        return Ok(Portion::Suspended);
                    }
                }
                cursor.batch = None;
            }
            if cursor.ended {
                return Ok(Portion::End(sent));
            }
            match self.watched(cursor.rows.stream.next()).await? {
                Some(batch) => {
                    let batch = batch?;
                    cursor.batch = Some((cursor.encoder.bind(&batch)?, 0..batch.num_rows()));
                }
                None => cursor.ended = true,
            }
        }
    }

    /// Describes the columns of a result.
    pub(super) fn put_row_description(&mut self, columns: &[ResultColumn], formats: &[Format]) -> Result<(), Failure> {
        if columns.len() > COLUMNS_MAX {
            return Err(super::message::violation("a result has too many columns to be described").into());
        }
        let fields = columns.iter().zip(formats).map(|(column, format)| field(column, *format)).collect();
        Ok(self.wire.put(&PgWireBackendMessage::RowDescription(RowDescription::new(fields)))?)
    }
}

fn field(column: &ResultColumn, format: Format) -> FieldDescription {
    // A literal whose type nothing decided is text to the client, as in Postgres.
    let sql_type = if column.sql_type == SqlType::Unknown { &SqlType::Text } else { &column.sql_type };
    let (table, number) = column.table.unwrap_or((0, 0));
    FieldDescription::new(
        column.name.clone(),
        table.cast_signed(),
        number,
        sql_type.oid(),
        sql_type.typlen(),
        sql_type.typmod(),
        format.code(),
    )
}
