//! Cuts a stream of text into chunks of whole records, which can then be parsed independently of one another.
//!
//! This is the one sequential step of a load (workers take turns at it), so it does as little as possible: read, find
//! the end of the last whole record, count lines.

use std::io::Read;
use std::sync::Arc;

use memchr::{memchr_iter, memmem};

use crate::error::{Error, Kind, Result};
use crate::limit::{CHUNK_BYTES, RECORD_BYTES_MAX};
use crate::options::{CopyOptions, Format};
use crate::source::open::{Opener, Source};
use crate::text::boundary::Boundary;
use crate::text::split::{Rules, Special};

/// Whole records of one file.
#[derive(Debug)]
pub(crate) struct Chunk {
    pub(crate) data: Vec<u8>,
    /// The line that the chunk starts with, from 1.
    pub(crate) first_line: u64,
    pub(crate) boundary: Boundary,
}

/// A stream and the place where the next chunk starts.
pub(crate) struct ChunkReader {
    name: Arc<str>,
    state: State,
    opener: Opener,
    boundary: Boundary,
    format: Format,
    skip_records: u64,
    chunk_bytes: usize,
    /// The start of a record whose end has not been read yet.
    carry: Vec<u8>,
    /// Memory of a chunk that is done with: fresh memory for each would cost as much as reading.
    spare: Vec<u8>,
    next_line: u64,
}

enum State {
    Closed(Source),
    Open(Box<dyn Read + Send>),
    Finished,
}

impl ChunkReader {
    /// A reader that opens its source when the first chunk is asked for.
    pub(crate) fn new(source: Source, format: Format, rules: &Rules, options: &CopyOptions, opener: Opener) -> Self {
        let name = match &source {
            Source::File(file) => Arc::from(file.name()),
            Source::Upload(_) => Arc::from("STDIN"),
        };
        let special = if matches!(format, Format::Json { .. }) { Special::None } else { rules.special };
        Self {
            name,
            state: State::Closed(source),
            opener,
            boundary: Boundary::Text(special),
            format,
            skip_records: options.skip_records,
            chunk_bytes: options.chunk_bytes.clamp(1, CHUNK_BYTES),
            spare: Vec::new(),
            carry: Vec::new(),
            next_line: 1,
        }
    }

    /// The file's name.
    pub(crate) fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Takes back the memory of a chunk.
    pub(crate) fn recycle(&mut self, data: Vec<u8>) {
        if data.capacity() <= 4 * CHUNK_BYTES {
            self.spare = data;
        }
    }

    /// The next chunk, or `None` at the end.
    pub(crate) fn next(&mut self) -> Result<Option<Chunk>> {
        self.opener.waiter.check()?;
        let mut reader = match std::mem::replace(&mut self.state, State::Finished) {
            State::Finished => return Ok(None),
            State::Open(reader) => reader,
            State::Closed(source) => {
                let mut reader = self.opener.open(source)?;
                self.start(reader.as_mut())?;
                reader
            }
        };
        let mut data = std::mem::take(&mut self.spare);
        data.clear();
        data.append(&mut self.carry);
        let at_end = self.fill(reader.as_mut(), &mut data)?;
        let marker = self.end_marker(&data, at_end);
        if let Some(marker) = marker {
            data.truncate(marker);
            // The client's sender must not be left waiting.
            std::io::copy(&mut reader, &mut std::io::sink()).map_err(|error| Error::reading(&self.name, error))?;
        }
        if !at_end && marker.is_none() {
            self.state = State::Open(reader);
        }
        if data.is_empty() {
            return Ok(None);
        }
        let first_line = self.next_line;
        self.next_line += memchr_iter(b'\n', &data).count() as u64;
        Ok(Some(Chunk { data, first_line, boundary: self.boundary }))
    }

    /// Looks at the first bytes: byte order marks, the layout of JSON, the header.
    fn start(&mut self, reader: &mut dyn Read) -> Result<()> {
        let mut data = std::mem::take(&mut self.carry);
        self.read(reader, &mut data, self.chunk_bytes.max(4))?;
        if data.starts_with(&[0xff, 0xfe]) || data.starts_with(&[0xfe, 0xff]) {
            return Err(Error::unsupported(format!("file \"{}\" is UTF-16; only UTF-8 is supported", self.name)));
        }
        if data.starts_with(b"\xef\xbb\xbf") {
            data.drain(..3);
        }
        if matches!(self.format, Format::Json { .. }) {
            let mut at_end = false;
            let lines = loop {
                match is_json_lines(&data, at_end) {
                    Some(lines) => break lines,
                    None => at_end = !self.grow(reader, &mut data)?,
                }
            };
            if !lines {
                self.boundary = Boundary::JsonObjects;
            }
        }
        let mut at_end = false;
        while self.skip_records > 0 {
            match self.boundary.first_end(&data) {
                Some(end) => {
                    self.next_line += memchr_iter(b'\n', &data[..end]).count() as u64;
                    data.drain(..end);
                    self.skip_records -= 1;
                }
                None if at_end => {
                    data.clear();
                    break;
                }
                None => at_end = !self.grow(reader, &mut data)?,
            }
        }
        self.carry = data;
        Ok(())
    }

    /// Reads until `data` ends with a whole record, the rest becoming the carry; true at the end of the stream.
    fn fill(&mut self, reader: &mut dyn Read, data: &mut Vec<u8>) -> Result<bool> {
        let missing = self.chunk_bytes.saturating_sub(data.len());
        let mut at_end = missing > 0 && self.read(reader, data, missing)? < missing;
        while !at_end {
            if let Some(end) = self.boundary.last_end(data) {
                self.carry.extend_from_slice(&data[end..]);
                data.truncate(end);
                return Ok(false);
            }
            at_end = !self.grow(reader, data)?;
        }
        Ok(true)
    }

    /// Reads as much again as there is, for a record longer than that; false at the end of the stream.
    fn grow(&self, reader: &mut dyn Read, data: &mut Vec<u8>) -> Result<bool> {
        if data.len() >= RECORD_BYTES_MAX {
            return Err(Error::limit(format!(
                "file \"{}\", line {}: the record is longer than {RECORD_BYTES_MAX} bytes (is a quote not closed?)",
                self.name, self.next_line
            )));
        }
        let wanted = data.len().max(self.chunk_bytes);
        Ok(self.read(reader, data, wanted)? == wanted)
    }

    fn read(&self, reader: &mut dyn Read, data: &mut Vec<u8>, wanted: usize) -> Result<usize> {
        data.reserve(wanted);
        reader.take(wanted as u64).read_to_end(data).map_err(|error| {
            let error = Error::reading(&self.name, error);
            if error.kind() != Kind::Corrupt {
                return error;
            }
            let line = self.next_line + memchr_iter(b'\n', data).count() as u64;
            Error::corrupt(format!("file \"{}\" is damaged or truncated near line {line}", self.name))
                .with_source(error)
        })
    }

    /// Where Postgres's end marker, a line of `\.`, starts.
    fn end_marker(&self, data: &[u8], at_end: bool) -> Option<usize> {
        if !self.format.is_postgres() {
            return None;
        }
        let ends = |at: usize| match data.get(at + 2..) {
            Some([b'\n', ..] | [b'\r', b'\n', ..]) => true,
            Some([] | [b'\r']) => at_end,
            _ => false,
        };
        if data.starts_with(b"\\.") && ends(0) {
            return Some(0);
        }
        let found = memmem::find_iter(data, b"\n\\.").map(|at| at + 1);
        found.filter(|at| ends(*at)).find(|at| !self.boundary.is_quoted(data, *at))
    }
}

/// Whether each line is an object of its own, judged by the first line, and by the second where the first is damaged.
/// `None` when the lines that decide are not there yet.
fn is_json_lines(data: &[u8], at_end: bool) -> Option<bool> {
    let whole = if at_end { data } else { &data[..memchr::memrchr(b'\n', data)?] };
    let mut lines = whole.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty());
    match (lines.next(), lines.next()) {
        (Some(first), _) if first.ends_with(b"}") => Some(true),
        (Some(_), Some(second)) => Some(second.starts_with(b"{")),
        (Some(_) | None, None) if at_end => Some(true),
        _ => None,
    }
}
