//! Splits delimited text whose delimiter has several bytes or whose fields may be in quotes (REMOVEQUOTES): line by
//! line and byte by byte, because neither fits the bit masks of [`crate::text::split`].

use memchr::memchr;

use crate::reject::Fault;
use crate::text::boundary::escaped_at;
use crate::text::fields::{Fields, Span};
use crate::text::split::{Rules, Special};

/// Splits whole records; the last one may lack its line feed.
pub(crate) fn split(rules: &Rules, data: &[u8], fields: &mut Fields) {
    let escape = match rules.special {
        Special::Escape(escape) => Some(escape),
        Special::None | Special::Quote(_) | Special::QuoteEscape(..) => None,
    };
    let mut start = 0;
    while start < data.len() {
        let feed = line_end(data, start, escape);
        let end = if feed > start && data[feed - 1] == b'\r' { feed - 1 } else { feed };
        let mut line = Line { rules, data, escape, end, at: start };
        if line.split(fields) {
            rules.finish_row(fields, start, end);
        } else {
            fields.break_row(start, end, Fault::Quote);
        }
        start = feed + 1;
    }
}

/// The place of the line feed that ends the line, or the end of the data.
fn line_end(data: &[u8], start: usize, escape: Option<u8>) -> usize {
    let mut from = start;
    while let Some(found) = memchr(b'\n', &data[from..]) {
        let at = from + found;
        if !escape.is_some_and(|escape| escaped_at(&data[start..], at - start, escape)) {
            return at;
        }
        from = at + 1;
    }
    data.len()
}

struct Line<'a> {
    rules: &'a Rules,
    data: &'a [u8],
    escape: Option<u8>,
    end: usize,
    at: usize,
}

impl Line<'_> {
    /// Pushes the line's fields; false when a quote does not end.
    fn split(&mut self, fields: &mut Fields) -> bool {
        loop {
            let quote = self.data[self.at..self.end].first().copied().filter(|byte| matches!(byte, b'"' | b'\''));
            let (start, end, quoted) = match quote.filter(|_| self.rules.remove_quotes) {
                Some(quote) => match self.closing(quote) {
                    Some(closing) => (self.at + 1, closing, true),
                    None => return false,
                },
                None => (self.at, self.delimiter_from(self.at), false),
            };
            let dirty = self.escape.is_some_and(|escape| memchr(escape, &self.data[start..end]).is_some());
            let span = if dirty {
                self.rules.special_field(self.data, start, end, &mut fields.scratch)
            } else {
                Span::chunk(start, end)
            };
            fields.spans.push(if quoted && span != Span::NULL { span.quoted() } else { span });
            let after = end + usize::from(quoted);
            if after >= self.end {
                return true;
            }
            self.at = after + self.rules.delimiter.len();
        }
    }

    /// Where the next delimiter starts, or the end of the line.
    fn delimiter_from(&self, from: usize) -> usize {
        let mut at = from;
        while at < self.end {
            if Some(self.data[at]) == self.escape {
                at += 2;
            } else if self.data[at..self.end].starts_with(&self.rules.delimiter) {
                return at;
            } else {
                at += 1;
            }
        }
        self.end
    }

    /// The quote that ends a quoted field: the first one before a delimiter or the end of the line.
    fn closing(&self, quote: u8) -> Option<usize> {
        let mut at = self.at + 1;
        while at < self.end {
            let after = &self.data[at + 1..self.end];
            if Some(self.data[at]) == self.escape {
                at += 1;
            } else if self.data[at] == quote && (after.is_empty() || after.starts_with(&self.rules.delimiter)) {
                return Some(at);
            }
            at += 1;
        }
        None
    }
}
