//! Where a block of text may be cut: after the last record that is whole.

use memchr::{memchr_iter, memchr2, memchr3, memrchr};

use crate::text::split::Special;

/// How records end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Boundary {
    /// At line feeds that are neither in quotes nor escaped.
    Text(Special),
    /// At the brace that closes an object.
    JsonObjects,
}

impl Boundary {
    /// The end of the last whole record in `data`, which starts at the start of a record.
    pub(crate) fn last_end(self, data: &[u8]) -> Option<usize> {
        match self {
            Self::Text(Special::None) => memrchr(b'\n', data).map(|at| at + 1),
            Self::Text(Special::Escape(escape)) => last_unescaped(data, escape),
            Self::Text(Special::Quote(quote)) => last_unquoted(data, quote),
            Self::Text(Special::QuoteEscape(quote, escape)) => {
                let mut ends = QuotedEnds { data, quote, escape, at: 0 };
                std::iter::from_fn(|| ends.next()).last()
            }
            Self::JsonObjects => {
                let mut ends = ObjectEnds { data, at: 0 };
                std::iter::from_fn(|| ends.next()).last()
            }
        }
    }

    /// The end of the first record in `data`.
    pub(crate) fn first_end(self, data: &[u8]) -> Option<usize> {
        match self {
            Self::Text(Special::None) => memchr::memchr(b'\n', data).map(|at| at + 1),
            Self::Text(Special::Escape(escape)) => {
                memchr_iter(b'\n', data).find(|at| !escaped_at(data, *at, escape)).map(|at| at + 1)
            }
            Self::Text(Special::Quote(quote)) => QuotedEnds { data, quote, escape: quote, at: 0 }.next(),
            Self::Text(Special::QuoteEscape(quote, escape)) => QuotedEnds { data, quote, escape, at: 0 }.next(),
            Self::JsonObjects => ObjectEnds { data, at: 0 }.next(),
        }
    }

    /// Whether the place `at` lies within quotes.
    pub(crate) fn is_quoted(self, data: &[u8], at: usize) -> bool {
        match self {
            Self::Text(Special::Quote(quote)) => memchr_iter(quote, &data[..at]).count() % 2 == 1,
            Self::Text(Special::QuoteEscape(quote, escape)) => {
                let mut ends = QuotedEnds { data: &data[..at], quote, escape, at: 0 };
                // A record end just before `at` means that it is outside; so does no open quote after the last end.
                let mut last = 0;
                while let Some(end) = ends.next() {
                    last = end;
                }
                last != at
            }
            Self::Text(Special::None | Special::Escape(_)) | Self::JsonObjects => false,
        }
    }
}

/// Whether an odd number of escapes stands before `at`. No record starts within such a run.
pub(crate) fn escaped_at(data: &[u8], at: usize, escape: u8) -> bool {
    data[..at].iter().rev().take_while(|byte| **byte == escape).count() % 2 == 1
}

fn last_unescaped(data: &[u8], escape: u8) -> Option<usize> {
    let mut end = data.len();
    loop {
        let at = memrchr(b'\n', &data[..end])?;
        if !escaped_at(data, at, escape) {
            return Some(at + 1);
        }
        end = at;
    }
}

/// Counts all quotes once, then walks back: a line feed with an even number of quotes before it ends a record.
fn last_unquoted(data: &[u8], quote: u8) -> Option<usize> {
    let mut quotes = memchr_iter(quote, data).count();
    let mut end = data.len();
    loop {
        let at = memrchr(b'\n', &data[..end])?;
        quotes -= memchr_iter(quote, &data[at..end]).count();
        if quotes.is_multiple_of(2) {
            return Some(at + 1);
        }
        end = at;
    }
}

/// The ends of records of CSV, forward.
struct QuotedEnds<'a> {
    data: &'a [u8],
    quote: u8,
    escape: u8,
    at: usize,
}

impl QuotedEnds<'_> {
    fn next(&mut self) -> Option<usize> {
        loop {
            let found = self.at + memchr2(self.quote, b'\n', self.data.get(self.at..)?)?;
            self.at = found + 1;
            if self.data[found] == b'\n' {
                return Some(self.at);
            }
            self.skip_quoted()?;
        }
    }

    /// To behind the closing quote.
    fn skip_quoted(&mut self) -> Option<()> {
        loop {
            let found = self.at + memchr2(self.quote, self.escape, self.data.get(self.at..)?)?;
            let next = self.data.get(found + 1).copied();
            let is_escape = self.data[found] == self.escape && (self.escape != self.quote || next == Some(self.quote));
            let literal = is_escape && (next == Some(self.quote) || next == Some(self.escape));
            self.at = found + 1 + usize::from(literal);
            if !literal && self.data[found] == self.quote {
                return Some(());
            }
        }
    }
}

/// The ends of JSON objects that follow one another, forward.
struct ObjectEnds<'a> {
    data: &'a [u8],
    at: usize,
}

impl ObjectEnds<'_> {
    fn next(&mut self) -> Option<usize> {
        let mut depth = 0_usize;
        loop {
            let found = self.at + memchr3(b'"', b'{', b'}', self.data.get(self.at..)?)?;
            self.at = found + 1;
            match self.data[found] {
                b'"' => self.skip_string()?,
                b'{' => depth += 1,
                // A brace too many ends the damaged record, so that the next one is read afresh.
                _ if depth <= 1 => return Some(self.at),
                _ => depth -= 1,
            }
        }
    }

    fn skip_string(&mut self) -> Option<()> {
        loop {
            let found = self.at + memchr2(b'"', b'\\', self.data.get(self.at..)?)?;
            if self.data[found] == b'"' {
                self.at = found + 1;
                return Some(());
            }
            self.at = found + 2;
        }
    }
}
