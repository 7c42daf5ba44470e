//! Rows to text: COPY … TO in Postgres's text and CSV forms.

mod value;

use arrow_array::RecordBatch;
use arrow_schema::DataType;

use crate::error::{Error, Result};
use crate::export::value::Values;

/// The form of exported text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportFormat {
    /// Postgres's COPY text: tabs, `\` escapes, `\N`.
    Text,
    /// CSV: quotes where needed, NULL as an empty field.
    Csv,
}

/// How rows are written.
#[derive(Debug, Clone)]
pub struct ExportOptions {
    /// Text or CSV.
    pub format: ExportFormat,
    /// Between fields.
    pub delimiter: u8,
    /// What NULL is written as.
    pub null: Vec<u8>,
    /// Around CSV fields that need it.
    pub quote: u8,
    /// Before a quote within quotes.
    pub escape: u8,
    /// CSV: quote every field that is not NULL (FORCE_QUOTE *).
    pub force_quote: bool,
    /// A first line with the columns' names.
    pub header: bool,
}

impl ExportOptions {
    /// Postgres's defaults of a form.
    pub fn new(format: ExportFormat) -> Self {
        let csv = format == ExportFormat::Csv;
        Self {
            format,
            delimiter: if csv { b',' } else { b'\t' },
            null: if csv { Vec::new() } else { b"\\N".to_vec() },
            quote: b'"',
            escape: b'"',
            force_quote: false,
            header: false,
        }
    }

    fn validate(&self) -> Result<()> {
        let is_break = |byte: u8| matches!(byte, b'\n' | b'\r');
        let csv = self.format == ExportFormat::Csv;
        if is_break(self.delimiter) || self.null.iter().copied().any(is_break) {
            return Err(Error::invalid("the delimiter and the NULL string must not contain line breaks"));
        }
        if csv && (is_break(self.quote) || self.quote == self.delimiter || is_break(self.escape)) {
            return Err(Error::invalid("the quote must differ from the delimiter and must not be a line break"));
        }
        if self.null.contains(&self.delimiter) || (csv && self.null.contains(&self.quote)) {
            return Err(Error::invalid("the NULL string must contain neither the delimiter nor the quote"));
        }
        if !csv && (self.delimiter == b'\\' || self.delimiter == b'.' || self.delimiter.is_ascii_alphanumeric()) {
            return Err(Error::invalid("the delimiter must not be a letter, a digit, a point or a backslash"));
        }
        Ok(())
    }
}

/// Writes batches as lines of text. A value of its own per statement, because it keeps a buffer.
#[derive(Debug)]
pub struct TextExport {
    options: ExportOptions,
    /// One field's text before quoting.
    field: Vec<u8>,
}

impl TextExport {
    /// A writer with these options.
    pub fn new(options: ExportOptions) -> Result<Self> {
        options.validate()?;
        Ok(Self { options, field: Vec::new() })
    }

    /// Whether a column of this type can be written.
    pub fn supports(data_type: &DataType) -> bool {
        value::supports(data_type)
    }

    /// Appends the header line, if the options ask for one.
    pub fn header<'a>(&mut self, names: impl Iterator<Item = &'a str>, out: &mut Vec<u8>) {
        if !self.options.header {
            return;
        }
        let names: Vec<&str> = names.collect();
        let alone = names.len() == 1;
        for (index, name) in names.iter().enumerate() {
            self.separate(index, out);
            self.field.clear();
            self.field.extend_from_slice(name.as_bytes());
            self.put_field(alone, out);
        }
        out.push(b'\n');
    }

    /// Appends the rows of a batch, a line each, and returns where in `out` each line ends (a line break within quotes
    /// ends none). COPY TO STDOUT sends one message a row.
    pub fn encode(&mut self, batch: &RecordBatch, out: &mut Vec<u8>) -> Result<Vec<usize>> {
        let columns = batch.columns().iter().map(Values::new).collect::<Result<Vec<_>>>()?;
        let alone = columns.len() == 1;
        let mut ends = Vec::with_capacity(batch.num_rows());
        for row in 0..batch.num_rows() {
            for (index, column) in columns.iter().enumerate() {
                self.separate(index, out);
                self.field.clear();
                if column.write(row, &mut self.field) {
                    self.put_field(alone, out);
                } else {
                    out.extend_from_slice(&self.options.null);
                }
            }
            out.push(b'\n');
            ends.push(out.len());
        }
        Ok(ends)
    }

    fn separate(&self, index: usize, out: &mut Vec<u8>) {
        if index > 0 {
            out.push(self.options.delimiter);
        }
    }

    fn put_field(&self, alone: bool, out: &mut Vec<u8>) {
        match self.options.format {
            ExportFormat::Text => self.put_escaped(out),
            ExportFormat::Csv => self.put_quoted(alone, out),
        }
    }

    fn put_escaped(&self, out: &mut Vec<u8>) {
        for &byte in &self.field {
            let letter = match byte {
                b'\\' => b'\\',
                0x08 => b'b',
                0x0c => b'f',
                b'\n' => b'n',
                b'\r' => b'r',
                b'\t' => b't',
                0x0b => b'v',
                _ if byte == self.options.delimiter => byte,
                _ => {
                    out.push(byte);
                    continue;
                }
            };
            out.extend_from_slice(&[b'\\', letter]);
        }
    }

    fn put_quoted(&self, alone: bool, out: &mut Vec<u8>) {
        let options = &self.options;
        let special =
            |byte: &u8| matches!(*byte, b'\n' | b'\r') || *byte == options.delimiter || *byte == options.quote;
        let quoted = options.force_quote
            || self.field == options.null
            || self.field.iter().any(special)
            // Alone on its line this would be the end marker.
            || (alone && self.field == b"\\.");
        if !quoted {
            out.extend_from_slice(&self.field);
            return;
        }
        out.push(options.quote);
        for &byte in &self.field {
            if byte == options.quote || byte == options.escape {
                out.push(options.escape);
            }
            out.push(byte);
        }
        out.push(options.quote);
    }
}
