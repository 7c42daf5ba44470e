//! Splits JSON objects into fields: each value whose key names a column becomes that column's text.
//!
//! A scanner of our own rather than serde: it copies nothing that has no escapes, keeps numbers and nested values as
//! they are written, and says where a line is damaged.

use std::collections::HashMap;

use memchr::{memchr, memchr2};

use crate::limit::JSON_DEPTH_MAX;
use crate::reject::{Fault, JsonFault};
use crate::text::boundary::Boundary;
use crate::text::fields::{Fields, Span};

/// The columns that keys may name.
#[derive(Debug, Clone)]
pub(crate) struct Keys {
    names: Vec<Vec<u8>>,
    index: HashMap<Vec<u8>, usize>,
    ignore_case: bool,
}

impl Keys {
    /// Keys of columns in the order of fields.
    pub(crate) fn new<'a>(names: impl Iterator<Item = &'a str>, ignore_case: bool) -> Self {
        let fold = |name: &str| if ignore_case { name.to_lowercase() } else { name.to_owned() };
        let names: Vec<Vec<u8>> = names.map(|name| fold(name).into_bytes()).collect();
        let index = names.iter().cloned().enumerate().map(|(at, name)| (name, at)).collect();
        Self { names, index, ignore_case }
    }

    /// The field of a key. Objects mostly have their keys in one order, so the one after the last is tried first.
    fn find(&self, key: &[u8], hint: usize) -> Option<usize> {
        if self.names.get(hint).is_some_and(|name| name == key) {
            return Some(hint);
        }
        match self.index.get(key) {
            Some(at) => Some(*at),
            None if self.ignore_case => {
                let folded = std::str::from_utf8(key).ok()?.to_lowercase();
                self.index.get(folded.as_bytes()).copied()
            }
            None => None,
        }
    }
}

/// Splits whole records.
pub(crate) fn split(keys: &Keys, boundary: Boundary, data: &[u8], fields: &mut Fields) {
    let mut start = 0;
    while start < data.len() {
        let end = start + boundary.first_end(&data[start..]).unwrap_or(data.len() - start);
        object_record(keys, data, (start, end), fields);
        start = end;
    }
}

fn object_record(keys: &Keys, data: &[u8], (start, end): (usize, usize), fields: &mut Fields) {
    let blank = data[start..end].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    let start = start + blank;
    if start == end {
        return;
    }
    let row = fields.spans.len();
    fields.spans.resize(row + fields.width, Span::NULL);
    let mut cursor = Cursor { data: &data[..end], at: start };
    match cursor.row(keys, fields, row) {
        Ok(()) => fields.end_row(start),
        Err(fault) => fields.break_row(start, end, Fault::Json(fault)),
    }
}

struct Cursor<'a> {
    data: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn row(&mut self, keys: &Keys, fields: &mut Fields, row: usize) -> Result<(), JsonFault> {
        if self.peek() != Some(b'{') {
            return Err(JsonFault::NotObject);
        }
        self.at += 1;
        self.blanks();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return self.end();
        }
        let mut hint = 0;
        loop {
            self.blanks();
            let column = self.key(keys, hint, fields)?;
            self.blanks();
            self.expect(b':')?;
            self.blanks();
            match column {
                Some(column) => {
                    let span = self.value(&mut fields.scratch)?;
                    fields.spans[row + column] = span;
                    hint = column + 1;
                }
                None => self.skip_value(1)?,
            }
            self.blanks();
            match self.next()? {
                b',' => {}
                b'}' => return self.end(),
                _ => return Err(JsonFault::Unexpected),
            }
        }
    }

    fn end(&mut self) -> Result<(), JsonFault> {
        self.blanks();
        if self.at == self.data.len() { Ok(()) } else { Err(JsonFault::Trailing) }
    }

    fn key(&mut self, keys: &Keys, hint: usize, fields: &mut Fields) -> Result<Option<usize>, JsonFault> {
        self.expect(b'"')?;
        let (start, end, escaped) = self.string()?;
        let raw = &self.data[start..end];
        if !escaped {
            return Ok(keys.find(raw, hint));
        }
        let from = fields.scratch.len();
        unescape_string(raw, &mut fields.scratch)?;
        let found = keys.find(&fields.scratch[from..], hint);
        fields.scratch.truncate(from);
        Ok(found)
    }

    /// A value as text: strings without their quotes, `null` as no value, everything else as it is written.
    fn value(&mut self, scratch: &mut Vec<u8>) -> Result<Span, JsonFault> {
        let start = self.at;
        match self.peek() {
            Some(b'"') => {
                self.at += 1;
                let (start, end, escaped) = self.string()?;
                if !escaped {
                    return Ok(Span::chunk(start, end));
                }
                let from = scratch.len();
                unescape_string(&self.data[start..end], scratch)?;
                Ok(Span::scratch(from, scratch.len()))
            }
            Some(b'n') => {
                self.word(b"null")?;
                Ok(Span::NULL)
            }
            _ => {
                self.skip_value(1)?;
                Ok(Span::chunk(start, self.at))
            }
        }
    }

    /// After the opening quote: the range up to the closing one, and whether it contains escapes.
    fn string(&mut self) -> Result<(usize, usize, bool), JsonFault> {
        let start = self.at;
        let mut escaped = false;
        loop {
            let rest = self.data.get(self.at..).ok_or(JsonFault::Truncated)?;
            let found = self.at + memchr2(b'"', b'\\', rest).ok_or(JsonFault::Truncated)?;
            if self.data[found] == b'"' {
                self.at = found + 1;
                return Ok((start, found, escaped));
            }
            escaped = true;
            self.at = found + 2;
        }
    }

    fn skip_value(&mut self, depth: usize) -> Result<(), JsonFault> {
        if depth > JSON_DEPTH_MAX {
            return Err(JsonFault::Depth);
        }
        match self.peek().ok_or(JsonFault::Truncated)? {
            b'"' => {
                self.at += 1;
                self.string().map(|_| ())
            }
            b'{' => self.skip_members(b'}', depth),
            b'[' => self.skip_members(b']', depth),
            b't' => self.word(b"true"),
            b'f' => self.word(b"false"),
            b'n' => self.word(b"null"),
            b'-' | b'0'..=b'9' => self.number(),
            _ => Err(JsonFault::Unexpected),
        }
    }

    fn skip_members(&mut self, close: u8, depth: usize) -> Result<(), JsonFault> {
        self.at += 1;
        self.blanks();
        if self.peek() == Some(close) {
            self.at += 1;
            return Ok(());
        }
        loop {
            self.blanks();
            if close == b'}' {
                self.expect(b'"')?;
                self.string()?;
                self.blanks();
                self.expect(b':')?;
                self.blanks();
            }
            self.skip_value(depth + 1)?;
            self.blanks();
            match self.next()? {
                b',' => {}
                byte if byte == close => return Ok(()),
                _ => return Err(JsonFault::Unexpected),
            }
        }
    }

    fn number(&mut self) -> Result<(), JsonFault> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        self.digits()?;
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), JsonFault> {
        let length = self.data[self.at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += length;
        if length == 0 { Err(JsonFault::Unexpected) } else { Ok(()) }
    }

    fn word(&mut self, word: &[u8]) -> Result<(), JsonFault> {
        if !self.data[self.at..].starts_with(word) {
            return Err(JsonFault::Unexpected);
        }
        self.at += word.len();
        Ok(())
    }

    fn expect(&mut self, byte: u8) -> Result<(), JsonFault> {
        if self.next()? == byte { Ok(()) } else { Err(JsonFault::Unexpected) }
    }

    fn next(&mut self) -> Result<u8, JsonFault> {
        let byte = self.peek().ok_or(JsonFault::Truncated)?;
        self.at += 1;
        Ok(byte)
    }

    fn peek(&self) -> Option<u8> {
        self.data.get(self.at).copied()
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }
}

/// Resolves a string's escapes.
fn unescape_string(raw: &[u8], out: &mut Vec<u8>) -> Result<(), JsonFault> {
    let mut rest = raw;
    while let Some(at) = memchr(b'\\', rest) {
        out.extend_from_slice(&rest[..at]);
        let byte = rest.get(at + 1).copied().ok_or(JsonFault::Escape)?;
        rest = &rest[at + 2..];
        match byte {
            b'"' | b'\\' | b'/' => out.push(byte),
            b'b' => out.push(0x08),
            b'f' => out.push(0x0c),
            b'n' => out.push(b'\n'),
            b'r' => out.push(b'\r'),
            b't' => out.push(b'\t'),
            b'u' => rest = unicode_escape(rest, out)?,
            _ => return Err(JsonFault::Escape),
        }
    }
    out.extend_from_slice(rest);
    Ok(())
}

/// After `\u`: four hex digits, or two such escapes for a character beyond the first plane.
fn unicode_escape<'a>(rest: &'a [u8], out: &mut Vec<u8>) -> Result<&'a [u8], JsonFault> {
    let (first, mut rest) = four_digits(rest)?;
    let code = if (0xd800..0xdc00).contains(&first) {
        let tail = rest.strip_prefix(b"\\u").ok_or(JsonFault::Escape)?;
        let (second, after) = four_digits(tail)?;
        if !(0xdc00..0xe000).contains(&second) {
            return Err(JsonFault::Escape);
        }
        rest = after;
        0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00)
    } else {
        first
    };
    let character = char::from_u32(code).ok_or(JsonFault::Escape)?;
    out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    Ok(rest)
}

fn four_digits(rest: &[u8]) -> Result<(u32, &[u8]), JsonFault> {
    let (digits, after) = rest.split_at_checked(4).ok_or(JsonFault::Escape)?;
    let mut value = 0;
    for digit in digits {
        value = value << 4 | u32::from(crate::convert::number::hex_digit(*digit).ok_or(JsonFault::Escape)?);
    }
    Ok((value, after))
}
