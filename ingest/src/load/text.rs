//! A worker of text formats: takes chunks, splits them into fields, converts column by column, hands on batches.

use std::collections::HashSet;
use std::sync::Arc;

use arrow_array::BooleanArray;
use arrow_buffer::BooleanBufferBuilder;
use memchr::memchr_iter;
use parking_lot::Mutex;
use stoa_storage::Column;

use crate::convert::column::{ColumnBuilder, ColumnFields, Conventions};
use crate::error::Result;
use crate::limit::{BATCH_ROWS, BATCH_TEXT_BYTES};
use crate::load::batch::Assembly;
use crate::load::feed::Feed;
use crate::load::progress::CopyProgress;
use crate::load::rejects::Rejects;
use crate::load::sink::Sink;
use crate::options::{CopyOptions, Format};
use crate::reject::{Fault, Place, RejectedRow};
use crate::source::chunk::{Chunk, ChunkReader};
use crate::source::open::{Opener, Source};
use crate::text::fields::{CHUNK_BYTES_MAX, Fields, Text};
use crate::text::json::Keys;
use crate::text::split::Rules;
use crate::text::{json, plain, split};

/// What all workers of a text load share.
pub(crate) struct TextLoad {
    pub(crate) feed: Feed<Source, Mutex<ChunkReader>>,
    pub(crate) format: Format,
    pub(crate) options: CopyOptions,
    /// The columns of the file, in its order.
    pub(crate) targets: Vec<Column>,
    pub(crate) rules: Rules,
    pub(crate) keys: Keys,
    pub(crate) conventions: Conventions,
    pub(crate) assembly: Assembly,
    pub(crate) rejects: Rejects,
    pub(crate) progress: Arc<CopyProgress>,
    pub(crate) opener: Opener,
}

/// One worker, with the batch that it is building.
pub(crate) struct TextWorker<S> {
    load: Arc<TextLoad>,
    sink: S,
    fields: Fields,
    builders: Vec<ColumnBuilder>,
    faults: Vec<(usize, Fault)>,
    rows: usize,
    bytes: usize,
    /// Rows of the batch that were refused after they had been added.
    refused: HashSet<usize>,
}

impl<S: Sink> TextWorker<S> {
    pub(crate) fn new(load: Arc<TextLoad>, sink: S) -> Self {
        let builders = load.targets.iter().map(|column| ColumnBuilder::new(column, &load.options)).collect();
        Self {
            load,
            sink,
            fields: Fields::default(),
            builders,
            faults: Vec::new(),
            rows: 0,
            bytes: 0,
            refused: HashSet::new(),
        }
    }

    /// Works until nothing is left, and finishes the sink.
    pub(crate) fn run(mut self) -> Result<S::Output> {
        let load = Arc::clone(&self.load);
        let open = |source| {
            let opener = load.opener.clone();
            Mutex::new(ChunkReader::new(source, load.format, &load.rules, &load.options, opener))
        };
        while let Some(reader) = load.feed.take(open) {
            let mut done_with = Vec::new();
            loop {
                let (chunk, name) = {
                    let mut reader = reader.lock();
                    reader.recycle(done_with);
                    (reader.next()?, Arc::clone(reader.name()))
                };
                let Some(chunk) = chunk else {
                    break;
                };
                self.chunk(&chunk, &name)?;
                done_with = chunk.data;
            }
            if load.feed.retire(&reader) {
                load.progress.add_file();
            }
        }
        self.flush()?;
        self.sink.finish()
    }

    /// Converts a chunk and adds it to the batch.
    pub(crate) fn chunk(&mut self, chunk: &Chunk, name: &str) -> Result<()> {
        let load = Arc::clone(&self.load);
        self.fields.reset(self.builders.len());
        // Spans have no room for more; a single record is far shorter.
        let data = &chunk.data[..chunk.data.len().min(CHUNK_BYTES_MAX)];
        if matches!(load.format, Format::Json { .. }) {
            json::split(&load.keys, chunk.boundary, data, &mut self.fields);
        } else if load.rules.is_simple() {
            split::split(&load.rules, data, &mut self.fields);
        } else {
            plain::split(&load.rules, data, &mut self.fields);
        }
        for (start, end, fault) in std::mem::take(&mut self.fields.broken) {
            let place = place(chunk, name, start as usize, end as usize);
            load.rejects.add(RejectedRow::row(place, fault, &load.targets))?;
        }
        let text = Text::new(data, &self.fields.scratch);
        for (index, builder) in self.builders.iter_mut().enumerate() {
            let Some(column) = load.targets.get(index) else {
                continue;
            };
            self.faults.clear();
            let fields = &self.fields;
            let source =
                ColumnFields { fields, text, index, conventions: &load.conventions, nullable: column.nullable };
            builder.extend(source, &mut self.faults);
            for (row, fault) in self.faults.drain(..) {
                // The first column with a fault speaks for the row.
                if !self.refused.insert(self.rows + row) {
                    continue;
                }
                let raw = text.bytes(fields.spans[row * fields.width + index]).unwrap_or_default();
                let (start, end) = record_range(chunk, fields, row);
                load.rejects.add(RejectedRow::field(place(chunk, name, start, end), fault, column, raw))?;
            }
        }
        self.rows += self.fields.rows();
        self.bytes += data.len();
        if self.rows >= BATCH_ROWS || self.bytes >= BATCH_TEXT_BYTES { self.flush() } else { Ok(()) }
    }

    /// Hands the batch to the sink.
    fn flush(&mut self) -> Result<()> {
        let rows = std::mem::take(&mut self.rows);
        self.bytes = 0;
        if rows == 0 {
            return Ok(());
        }
        let keep = self.kept(rows);
        let columns = self.builders.iter_mut().map(ColumnBuilder::finish).collect();
        let batch = self.load.assembly.assemble(columns, rows, keep.as_ref())?;
        let kept = batch.num_rows() as u64;
        if kept > 0 {
            self.sink.write(batch)?;
            self.load.progress.add_rows(kept);
        }
        Ok(())
    }

    fn kept(&mut self, rows: usize) -> Option<BooleanArray> {
        if self.refused.is_empty() {
            return None;
        }
        let mut keep = BooleanBufferBuilder::new(rows);
        keep.append_n(rows, true);
        for row in self.refused.drain() {
            keep.set_bit(row, false);
        }
        Some(BooleanArray::new(keep.finish(), None))
    }
}

/// The bytes of a row: up to where the next record starts, which is a whole row or a broken one.
fn record_range(chunk: &Chunk, fields: &Fields, row: usize) -> (usize, usize) {
    let start = fields.starts[row] as usize;
    let length = chunk.boundary.first_end(&chunk.data[start..]).unwrap_or(chunk.data.len() - start);
    (start, start + length)
}

fn place<'a>(chunk: &'a Chunk, name: &'a str, start: usize, end: usize) -> Place<'a> {
    let lines = memchr_iter(b'\n', &chunk.data[..start]).count() as u64;
    Place { file: name, line: chunk.first_line + lines, raw_line: &chunk.data[start..end] }
}
