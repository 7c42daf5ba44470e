//! The fields of one chunk of text: where each starts and ends, row by row.

use crate::reject::Fault;

/// A field: a range of the chunk, or of the scratch text where escapes had to be resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    start: u32,
    end: u32,
}

/// Set in `start` when the range is one of the scratch text.
const SCRATCH: u32 = 1 << 31;
/// Set in `start` when the field was in quotes.
const QUOTED: u32 = 1 << 30;
/// Chunks must be shorter than this, so that the flags have room.
pub(crate) const CHUNK_BYTES_MAX: usize = 1 << 30;

impl Span {
    /// No value.
    pub(crate) const NULL: Self = Self { start: u32::MAX, end: u32::MAX };
    /// The empty text.
    pub(crate) const EMPTY: Self = Self { start: 0, end: 0 };

    /// A range of the chunk.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "chunks are shorter than 2^30")]
    pub(crate) fn chunk(start: usize, end: usize) -> Self {
        Self { start: start as u32, end: end as u32 }
    }

    /// A range of the scratch text.
    #[expect(clippy::cast_possible_truncation, reason = "scratch is not longer than its chunk")]
    pub(crate) fn scratch(start: usize, end: usize) -> Self {
        Self { start: start as u32 | SCRATCH, end: end as u32 }
    }

    /// The same range, marked as in quotes.
    pub(crate) fn quoted(self) -> Self {
        Self { start: self.start | QUOTED, end: self.end }
    }
}

/// Fields of a chunk, `width` a row.
#[derive(Debug, Default)]
pub(crate) struct Fields {
    pub(crate) width: usize,
    pub(crate) spans: Vec<Span>,
    /// Where each row starts in the chunk.
    pub(crate) starts: Vec<u32>,
    /// Text of fields that differ from what the chunk has.
    pub(crate) scratch: Vec<u8>,
    /// Rows that have no fields here because their form is wrong: start, end, why.
    pub(crate) broken: Vec<(u32, u32, Fault)>,
}

impl Fields {
    /// Forgets the rows, keeps the memory.
    pub(crate) fn reset(&mut self, width: usize) {
        self.width = width;
        self.spans.clear();
        self.starts.clear();
        self.scratch.clear();
        self.broken.clear();
    }

    /// Number of whole rows.
    pub(crate) fn rows(&self) -> usize {
        self.starts.len()
    }

    /// Notes a row whose form is wrong.
    #[expect(clippy::cast_possible_truncation, reason = "chunks are shorter than 2^30")]
    pub(crate) fn break_row(&mut self, start: usize, end: usize, fault: Fault) {
        self.spans.truncate(self.starts.len() * self.width);
        self.broken.push((start as u32, end as u32, fault));
    }

    /// Ends a row whose spans have been pushed.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "chunks are shorter than 2^30")]
    pub(crate) fn end_row(&mut self, start: usize) {
        self.starts.push(start as u32);
    }
}

/// The text that spans point into.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Text<'a> {
    pub(crate) chunk: &'a [u8],
    pub(crate) scratch: &'a [u8],
    /// The same as strings, where all of it is UTF-8.
    pub(crate) chunk_utf8: Option<&'a str>,
    pub(crate) scratch_utf8: Option<&'a str>,
    /// Whether there is no NUL byte anywhere.
    pub(crate) free_of_nul: bool,
}

impl<'a> Text<'a> {
    /// Looks at the bytes once, so that fields need not be looked at again.
    pub(crate) fn new(chunk: &'a [u8], scratch: &'a [u8]) -> Self {
        Self {
            chunk,
            scratch,
            chunk_utf8: std::str::from_utf8(chunk).ok(),
            scratch_utf8: std::str::from_utf8(scratch).ok(),
            free_of_nul: memchr::memchr(0, chunk).is_none() && memchr::memchr(0, scratch).is_none(),
        }
    }

    /// The bytes of a field; `None` for [`Span::NULL`].
    #[inline]
    pub(crate) fn bytes(&self, span: Span) -> Option<&'a [u8]> {
        let start = (span.start & !(SCRATCH | QUOTED)) as usize;
        let source = if span.start & SCRATCH == 0 { self.chunk } else { self.scratch };
        // NULL lies beyond every chunk, so one check serves both.
        source.get(start..span.end as usize)
    }

    /// The field as a string, where its text is known to be UTF-8.
    #[inline]
    pub(crate) fn utf8(&self, span: Span) -> Option<&'a str> {
        let start = (span.start & !(SCRATCH | QUOTED)) as usize;
        let source = if span.start & SCRATCH == 0 { self.chunk_utf8 } else { self.scratch_utf8 };
        source?.get(start..span.end as usize)
    }

    /// Whether the field was in quotes.
    #[inline]
    pub(crate) fn is_quoted(span: Span) -> bool {
        span.start & QUOTED != 0 && span != Span::NULL
    }
}
