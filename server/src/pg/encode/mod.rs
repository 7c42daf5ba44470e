//! Result rows on the Postgres wire.
//!
//! A batch is bound once (every column downcast to its Arrow array), then rows are written straight into the socket's
//! buffer as `DataRow` messages: no row object, no allocation a value.

mod binary;
mod calendar;
mod cell;
#[cfg(test)]
mod tests;
mod text;

use arrow::array::RecordBatch;
use bytes::{BufMut, BytesMut};
use stoa_query::{ResultColumn, SqlError, SqlState, SqlType};

pub(crate) use binary::{EPOCH_DAYS, EPOCH_MICROSECONDS};
pub(crate) use calendar::Zone;
use cell::Column;

/// How values are written: per column, as the client asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// As Postgres prints them.
    Text,
    /// As Postgres's send functions give them.
    Binary,
}

impl Format {
    /// The format of a code of the protocol.
    pub(crate) fn from_code(code: i16) -> Result<Self, SqlError> {
        match code {
            0 => Ok(Self::Text),
            1 => Ok(Self::Binary),
            _ => Err(SqlError::new(SqlState::ProtocolViolation, format!("unsupported format code: {code}"))),
        }
    }

    /// The code of the protocol.
    pub(crate) fn code(self) -> i16 {
        match self {
            Self::Text => 0,
            Self::Binary => 1,
        }
    }

    /// Spreads a message's format codes over `count` values: none means text for all, one means that one for all.
    pub(crate) fn spread(codes: &[i16], count: usize, what: &str) -> Result<Vec<Self>, SqlError> {
        match codes {
            [] => Ok(vec![Self::Text; count]),
            [code] => Ok(vec![Self::from_code(*code)?; count]),
            codes if codes.len() == count => codes.iter().map(|code| Self::from_code(*code)).collect(),
            codes => Err(SqlError::new(
                SqlState::ProtocolViolation,
                format!("bind message has {} {what} formats but {count} {what}s", codes.len()),
            )),
        }
    }
}

/// What the text form of values depends on in a session.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Display {
    /// The session's `TimeZone`.
    pub(crate) zone: Zone,
}

impl Default for Display {
    fn default() -> Self {
        Self { zone: Zone::UTC }
    }
}

/// Writes the rows of one result.
#[derive(Debug, Clone)]
pub(crate) struct RowEncoder {
    columns: Vec<(SqlType, Format)>,
    display: Display,
}

impl RowEncoder {
    /// An encoder of results with those columns; `formats` has one entry a column.
    pub(crate) fn new(columns: &[ResultColumn], formats: &[Format], display: Display) -> Self {
        let columns = columns.iter().zip(formats).map(|(column, format)| (column.sql_type.clone(), *format));
        Self { columns: columns.collect(), display }
    }

    /// Makes a batch ready to be written row by row.
    pub(crate) fn bind(&self, batch: &RecordBatch) -> Result<BoundBatch, SqlError> {
        if batch.num_columns() != self.columns.len() {
            return Err(SqlError::internal(format!(
                "a result of {} columns came with {}",
                self.columns.len(),
                batch.num_columns()
            )));
        }
        let columns = batch.columns().iter().zip(&self.columns);
        let columns = columns.map(|(array, (sql_type, format))| Ok((Column::new(array, sql_type)?, *format)));
        Ok(BoundBatch { columns: columns.collect::<Result<_, SqlError>>()?, display: self.display })
    }
}

/// A batch whose rows can be written.
#[derive(Debug)]
pub(crate) struct BoundBatch {
    columns: Vec<(Column, Format)>,
    display: Display,
}

impl BoundBatch {
    /// Appends row `row` as a `DataRow` message.
    pub(crate) fn write_data_row(&self, row: usize, out: &mut BytesMut) -> Result<(), SqlError> {
        out.put_u8(pgwire::messages::data::MESSAGE_TYPE_BYTE_DATA_ROW);
        let start = out.len();
        out.put_i32(0);
        self.write_fields(row, out);
        let Ok(length) = i32::try_from(out.len() - start) else {
            // No half message may stay in the buffer.
            out.truncate(start - 1);
            return Err(SqlError::new(SqlState::ProgramLimitExceeded, "a row is longer than the protocol can carry"));
        };
        out[start..start + 4].copy_from_slice(&length.to_be_bytes());
        Ok(())
    }

    /// Appends row `row` as a line of CSV: nulls are empty, text is always in quotes, so that the two stay apart.
    pub(crate) fn write_csv_line(&self, row: usize, out: &mut BytesMut) {
        let mut value = BytesMut::new();
        for (index, (column, _)) in self.columns.iter().enumerate() {
            if index > 0 {
                out.put_u8(b',');
            }
            let Some(cell) = column.cell(row) else {
                continue;
            };
            value.clear();
            text::write(cell, &column.sql_type, &self.display.zone, &mut value);
            out.put_u8(b'"');
            for byte in &value {
                if *byte == b'"' {
                    out.put_u8(b'"');
                }
                out.put_u8(*byte);
            }
            out.put_u8(b'"');
        }
        out.put_u8(b'\n');
    }

    /// Appends the number of fields and each with its length in front: the body of a `DataRow`, and a tuple of a
    /// binary COPY.
    pub(crate) fn write_fields(&self, row: usize, out: &mut BytesMut) {
        out.put_i16(i16::try_from(self.columns.len()).unwrap_or(i16::MAX));
        for (column, format) in &self.columns {
            match column.cell(row) {
                None => out.put_i32(-1),
                Some(cell) => put_sized(out, |out| match format {
                    Format::Text => text::write(cell, &column.sql_type, &self.display.zone, out),
                    Format::Binary => binary::write(cell, out),
                }),
            }
        }
    }
}

/// Appends what `write` writes with its length in front.
fn put_sized(out: &mut BytesMut, write: impl FnOnce(&mut BytesMut)) {
    let start = out.len();
    out.put_i32(0);
    write(out);
    // A value longer than 2 GiB would need an array longer than Arrow's own offsets; the row's check catches it.
    let length = i32::try_from(out.len() - start - 4).unwrap_or(i32::MAX);
    out[start..start + 4].copy_from_slice(&length.to_be_bytes());
}
