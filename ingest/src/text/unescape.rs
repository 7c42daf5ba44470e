//! What quotes and escapes stand for.

use memchr::{memchr, memchr2};

use crate::text::fields::Span;

/// A CSV field in which quotes occur, by Postgres's rule: quotes switch quoting on and off wherever they stand; within
/// them the escape before a quote or an escape makes it data.
pub(crate) fn quoted(data: &[u8], start: usize, end: usize, (quote, escape): (u8, u8), scratch: &mut Vec<u8>) -> Span {
    let field = &data[start..end];
    // The usual case needs no copy: quotes at both ends and none between.
    if let [first, inner @ .., last] = field
        && *first == quote
        && *last == quote
        && memchr2(quote, escape, inner).is_none()
    {
        return Span::chunk(start + 1, end - 1).quoted();
    }
    if memchr(quote, field).is_none() {
        return Span::chunk(start, end);
    }
    let from = scratch.len();
    let mut inside = false;
    let mut bytes = field.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        let next = bytes.peek().copied();
        if inside && byte == escape && (next == Some(quote) || (next == Some(escape) && escape != quote)) {
            scratch.extend(bytes.next());
        } else if byte == quote {
            inside = !inside;
        } else {
            scratch.push(byte);
        }
    }
    Span::scratch(from, scratch.len()).quoted()
}

/// Redshift's ESCAPE: the byte after the escape stands for itself.
pub(crate) fn redshift(field: &[u8], escape: u8, out: &mut Vec<u8>) {
    let mut rest = field;
    while let Some(at) = memchr(escape, rest) {
        out.extend_from_slice(&rest[..at]);
        match rest.get(at + 1) {
            Some(byte) => out.push(*byte),
            None => out.push(escape),
        }
        rest = rest.get(at + 2..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
}

/// Postgres's text format: `\b \f \n \r \t \v`, octal `\ooo`, hex `\xhh`; any other byte stands for itself.
pub(crate) fn postgres(field: &[u8], out: &mut Vec<u8>) {
    let mut rest = field;
    while let Some(at) = memchr(b'\\', rest) {
        out.extend_from_slice(&rest[..at]);
        let Some(byte) = rest.get(at + 1).copied() else {
            out.push(b'\\');
            return;
        };
        let after = &rest[at + 2..];
        let (value, used) = match byte {
            b'b' => (0x08, 0),
            b'f' => (0x0c, 0),
            b'n' => (b'\n', 0),
            b'r' => (b'\r', 0),
            b't' => (b'\t', 0),
            b'v' => (0x0b, 0),
            b'0'..=b'7' => octal(byte, after),
            b'x' => hex(after),
            other => (other, 0),
        };
        out.push(value);
        rest = &after[used..];
    }
    out.extend_from_slice(rest);
}

fn octal(first: u8, after: &[u8]) -> (u8, usize) {
    let mut value = first - b'0';
    let mut used = 0;
    while let Some(digit @ b'0'..=b'7') = after.get(used).copied().filter(|_| used < 2) {
        value = value << 3 | (digit - b'0');
        used += 1;
    }
    (value, used)
}

fn hex(after: &[u8]) -> (u8, usize) {
    let mut value = 0;
    let mut used = 0;
    while let Some(digit) = after.get(used).copied().filter(|_| used < 2).and_then(crate::convert::number::hex_digit) {
        value = value << 4 | digit;
        used += 1;
    }
    if used == 0 { (b'x', 0) } else { (value, used) }
}
