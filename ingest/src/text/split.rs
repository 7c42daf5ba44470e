//! Splits a chunk of delimited text into fields.
//!
//! Works on blocks of 64 bytes as bit masks (the way of simdjson): delimiters and line feeds that are neither in quotes
//! nor escaped end fields. Blocks without quotes and escapes, which are most, cost two comparisons and one step a field.

use crate::options::{CopyOptions, Format};
use crate::reject::Fault;
use crate::text::fields::{Fields, Span};
use crate::text::mask::{BLOCK, find, prefix_xor};
use crate::text::unescape;

/// Bytes that change the meaning of what follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Special {
    /// None: every delimiter counts.
    None,
    /// A quote, doubled within quotes.
    Quote(u8),
    /// An escape takes the next byte's meaning away.
    Escape(u8),
    /// A quote, and within quotes an escape before a quote or an escape.
    QuoteEscape(u8, u8),
}

/// What a delimited format looks like.
#[derive(Debug, Clone)]
pub(crate) struct Rules {
    pub(crate) delimiter: Vec<u8>,
    pub(crate) special: Special,
    pub(crate) null: Option<Vec<u8>>,
    pub(crate) postgres: bool,
    pub(crate) remove_quotes: bool,
    fill_record: bool,
    ignore_blank_lines: bool,
}

impl Rules {
    /// The rules of a text format with its options.
    pub(crate) fn new(format: Format, options: &CopyOptions) -> Self {
        let special = match (format, options.escape) {
            (Format::Csv | Format::PostgresCsv, Some(escape)) if escape != options.quote => {
                Special::QuoteEscape(options.quote, escape)
            }
            (Format::Csv | Format::PostgresCsv, _) => Special::Quote(options.quote),
            (_, Some(escape)) => Special::Escape(escape),
            (_, None) => Special::None,
        };
        Self {
            delimiter: options.delimiter.clone(),
            special,
            null: options.null.clone(),
            postgres: format.is_postgres(),
            remove_quotes: options.remove_quotes,
            fill_record: options.fill_record,
            ignore_blank_lines: options.ignore_blank_lines,
        }
    }

    /// Whether [`split`] applies; else [`crate::text::plain::split`] does.
    pub(crate) fn is_simple(&self) -> bool {
        self.delimiter.len() == 1 && !self.remove_quotes
    }

    /// Ends a row that starts at `start` and whose line ends before `end`.
    #[inline]
    pub(crate) fn finish_row(&self, fields: &mut Fields, start: usize, end: usize) {
        let count = fields.spans.len() - fields.rows() * fields.width;
        if count == fields.width && count > 1 {
            fields.end_row(start);
        } else {
            self.finish_odd_row(fields, start, end, count);
        }
    }

    #[cold]
    fn finish_odd_row(&self, fields: &mut Fields, start: usize, end: usize, count: usize) {
        let last_is_empty = fields.spans.last().is_some_and(|span| *span == Span::chunk(end, end));
        let blank = count == 1 && last_is_empty && start == end;
        if blank && self.ignore_blank_lines {
            fields.spans.pop();
        } else if count == fields.width {
            fields.end_row(start);
        } else if blank && !self.fill_record {
            fields.break_row(start, end, Fault::BlankLine);
        } else if count == fields.width + 1 && last_is_empty && !self.postgres {
            // The trailing delimiter of TPC-H's .tbl files, which Redshift takes as well.
            fields.spans.pop();
            fields.end_row(start);
        } else if count > fields.width {
            fields.break_row(start, end, Fault::ExtraFields);
        } else if self.fill_record {
            fields.spans.extend(std::iter::repeat_n(Span::EMPTY, fields.width - count));
            fields.end_row(start);
        } else {
            let found = u32::try_from(count).unwrap_or(u32::MAX);
            fields.break_row(start, end, Fault::MissingFields(found));
        }
    }

    /// The span of a field in which quotes or escapes occur.
    pub(crate) fn special_field(&self, data: &[u8], start: usize, end: usize, scratch: &mut Vec<u8>) -> Span {
        match self.special {
            Special::None => Span::chunk(start, end),
            Special::Quote(quote) => unescape::quoted(data, start, end, (quote, quote), scratch),
            Special::QuoteEscape(quote, escape) => unescape::quoted(data, start, end, (quote, escape), scratch),
            Special::Escape(escape) => {
                if self.null.as_deref() == Some(&data[start..end]) {
                    return Span::NULL;
                }
                let from = scratch.len();
                if self.postgres {
                    unescape::postgres(&data[start..end], scratch);
                } else {
                    unescape::redshift(&data[start..end], escape, scratch);
                }
                // Quoted in the sense that it is data, even if it now looks like the NULL string.
                Span::scratch(from, scratch.len()).quoted()
            }
        }
    }
}

/// Where the splitter stands between two blocks.
struct Scan<'a> {
    rules: &'a Rules,
    data: &'a [u8],
    delimiter: u8,
    field_start: usize,
    row_start: usize,
    /// Whether the field so far contains quotes or escapes.
    dirty: bool,
    /// All ones within quotes.
    quoted: u64,
    /// Whether the first byte of the next block is escaped.
    escaped: bool,
}

/// Splits whole records; the last one may lack its line feed.
pub(crate) fn split(rules: &Rules, data: &[u8], fields: &mut Fields) {
    let mut scan = Scan {
        rules,
        data,
        delimiter: rules.delimiter.first().copied().unwrap_or(b'|'),
        field_start: 0,
        row_start: 0,
        dirty: false,
        quoted: 0,
        escaped: false,
    };
    let (blocks, tail) = data.as_chunks::<BLOCK>();
    for (index, block) in blocks.iter().enumerate() {
        scan.block(block, u64::MAX, index * BLOCK, fields);
    }
    if !tail.is_empty() {
        let mut block = [0_u8; BLOCK];
        block[..tail.len()].copy_from_slice(tail);
        scan.block(&block, (1 << tail.len()) - 1, blocks.len() * BLOCK, fields);
    }
    scan.end(fields);
}

impl Scan<'_> {
    #[inline]
    fn block(&mut self, block: &[u8; BLOCK], valid: u64, base: usize, fields: &mut Fields) {
        let line_feeds = find(block, b'\n');
        let ends = (find(block, self.delimiter) | line_feeds) & valid;
        let (inside, special) = match self.rules.special {
            Special::None => (0, 0),
            Special::Quote(quote) => self.inside_quotes(find(block, quote) & valid),
            Special::Escape(escape) => self.after_escapes(find(block, escape) & valid),
            Special::QuoteEscape(quote, escape) => {
                self.inside_quotes_with_escape(find(block, quote) & valid, find(block, escape) & valid)
            }
        };
        let ends = ends & !inside;
        if special == 0 && !self.dirty {
            self.clean_fields(ends, line_feeds, base, fields);
        } else {
            self.dirty_fields(ends, line_feeds, special, base, fields);
        }
    }

    /// Doubled quotes toggle twice, so parity alone tells inside from outside.
    #[inline]
    fn inside_quotes(&mut self, quotes: u64) -> (u64, u64) {
        if quotes == 0 {
            return (self.quoted, 0);
        }
        let inside = prefix_xor(quotes) ^ self.quoted;
        self.quoted = if inside >> 63 == 1 { u64::MAX } else { 0 };
        (inside, quotes)
    }

    /// The bytes that follow an escape which is not itself escaped.
    #[inline]
    fn after_escapes(&mut self, escapes: u64) -> (u64, u64) {
        let mut escaped = u64::from(self.escaped);
        let mut active = escapes & !escaped;
        self.escaped = false;
        while active != 0 {
            let bit = active & active.wrapping_neg();
            let next = bit << 1;
            self.escaped |= next == 0;
            escaped |= next;
            active &= !(bit | next);
        }
        (escaped, escapes)
    }

    fn inside_quotes_with_escape(&mut self, quotes: u64, escapes: u64) -> (u64, u64) {
        let special = quotes | escapes;
        let mut toggles = 0_u64;
        let mut quoted = self.quoted != 0;
        let mut literal = u64::from(self.escaped);
        self.escaped = false;
        let mut rest = special;
        while rest != 0 {
            let bit = rest & rest.wrapping_neg();
            rest &= rest - 1;
            if literal & bit != 0 {
                continue;
            }
            if quoted && escapes & bit != 0 {
                literal = bit << 1;
                self.escaped = literal == 0;
            } else if quotes & bit != 0 {
                toggles |= bit;
                quoted = !quoted;
            }
        }
        let inside = prefix_xor(toggles) ^ self.quoted;
        self.quoted = if quoted { u64::MAX } else { 0 };
        (inside, special)
    }

    #[inline]
    fn clean_fields(&mut self, mut ends: u64, line_feeds: u64, base: usize, fields: &mut Fields) {
        while ends != 0 {
            let bit = ends & ends.wrapping_neg();
            ends &= ends - 1;
            let at = base + bit.trailing_zeros() as usize;
            if line_feeds & bit == 0 {
                fields.spans.push(Span::chunk(self.field_start, at));
                self.field_start = at + 1;
            } else {
                self.end_line(at, fields);
            }
        }
    }

    fn dirty_fields(&mut self, mut ends: u64, line_feeds: u64, mut special: u64, base: usize, fields: &mut Fields) {
        while ends != 0 {
            let bit = ends & ends.wrapping_neg();
            ends &= ends - 1;
            let before = bit - 1;
            self.dirty |= special & before != 0;
            special &= !before;
            let at = base + bit.trailing_zeros() as usize;
            if line_feeds & bit == 0 {
                self.push(at, fields);
                self.field_start = at + 1;
            } else {
                self.end_line(at, fields);
            }
        }
        self.dirty |= special != 0;
    }

    #[inline]
    fn push(&mut self, end: usize, fields: &mut Fields) {
        let span = if self.dirty {
            self.dirty = false;
            self.rules.special_field(self.data, self.field_start, end, &mut fields.scratch)
        } else {
            Span::chunk(self.field_start, end)
        };
        fields.spans.push(span);
    }

    #[inline]
    fn end_line(&mut self, at: usize, fields: &mut Fields) {
        let carriage_return = at > self.field_start && self.data[at - 1] == b'\r';
        let end = at - usize::from(carriage_return);
        self.push(end, fields);
        self.rules.finish_row(fields, self.row_start, end);
        self.field_start = at + 1;
        self.row_start = at + 1;
    }

    fn end(&mut self, fields: &mut Fields) {
        let length = self.data.len();
        if self.row_start >= length {
            return;
        }
        if self.quoted != 0 {
            fields.break_row(self.row_start, length, Fault::Quote);
        } else {
            self.end_line(length, fields);
        }
    }
}
