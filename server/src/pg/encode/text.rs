//! The text format: exactly what Postgres prints.

use std::fmt::Write as _;

use bytes::{BufMut, BytesMut};
use stoa_query::SqlType;

use super::calendar::{Zone, date_of_days};
use super::cell::{Cell, Column};

const MICROSECONDS_A_DAY: i64 = 86_400_000_000;

/// Appends the text of `cell`, a value of `sql_type`.
pub(super) fn write(cell: Cell<'_>, sql_type: &SqlType, zone: &Zone, out: &mut BytesMut) {
    match cell {
        Cell::Bool(value) => out.put_u8(if value { b't' } else { b'f' }),
        Cell::Int2(value) => integer(value, out),
        Cell::Int4(value) => integer(value, out),
        Cell::Int8(value) => integer(value, out),
        // An object that does not exist shows as a dash where a name is expected.
        Cell::Oid(0) if sql_type.is_reg() => out.put_u8(b'-'),
        Cell::Oid(value) => integer(value, out),
        Cell::Float4(value) => float4(value, out),
        Cell::Float8(value) => float8(value, out),
        Cell::Numeric(value, scale) => numeric(value, scale, out),
        Cell::Text(value) => out.put_slice(value.as_bytes()),
        Cell::Padded(value, length) => padded(value, length, out),
        Cell::Bytes(value) => bytea(value, out),
        Cell::Date(days) => date(i64::from(days), out, |_| ()),
        Cell::Time(microseconds) => time(microseconds, out),
        Cell::Timestamp(microseconds) => timestamp(microseconds, out, |_| ()),
        Cell::Timestamptz(microseconds) => timestamptz(microseconds, zone, out),
        Cell::Interval { months, days, microseconds } => interval(months, days, microseconds, out),
        Cell::List(elements, from, to) => list(elements, from..to, zone, out),
        Cell::Vector(elements, from, to) => vector(elements, from..to, zone, out),
    }
}

fn integer(value: impl itoa::Integer, out: &mut BytesMut) {
    out.put_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// Postgres prints a `double precision` in fixed notation when the decimal exponent lies in -4..15.
fn float8(value: f64, out: &mut BytesMut) {
    if value.is_finite() {
        shortest(&format!("{value:e}"), 15, out);
    } else {
        special(value, out);
    }
}

/// As [`float8`], with the limit of `real`: -4..6.
fn float4(value: f32, out: &mut BytesMut) {
    if value.is_finite() {
        shortest(&format!("{value:e}"), 6, out);
    } else {
        special(f64::from(value), out);
    }
}

fn special(value: f64, out: &mut BytesMut) {
    out.put_slice(match (value.is_nan(), value.is_sign_negative()) {
        (true, _) => b"NaN",
        (false, false) => b"Infinity",
        (false, true) => b"-Infinity",
    });
}

/// Lays out the shortest digits that read back as the same number; `scientific` is Rust's `-d.ddde-x` of it.
fn shortest(scientific: &str, exponent_limit: i32, out: &mut BytesMut) {
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let (sign, mantissa) = match mantissa.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", mantissa),
    };
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    out.put_slice(sign.as_bytes());
    if exponent < -4 || exponent >= exponent_limit {
        out.put_slice(mantissa.as_bytes());
        let sign = if exponent < 0 { '-' } else { '+' };
        out.put_slice(format!("e{sign}{:02}", exponent.unsigned_abs()).as_bytes());
        return;
    }
    let Ok(whole) = usize::try_from(exponent) else {
        out.put_slice(b"0.");
        out.put_bytes(b'0', usize::try_from(-exponent - 1).unwrap_or(0));
        out.put_slice(digits.as_bytes());
        return;
    };
    let whole = whole + 1;
    let (before, after) = digits.split_at(whole.min(digits.len()));
    out.put_slice(before.as_bytes());
    out.put_bytes(b'0', whole - before.len());
    if !after.is_empty() {
        out.put_u8(b'.');
        out.put_slice(after.as_bytes());
    }
}

/// All digits of the scale are kept: `1.50` stays `1.50`.
pub(super) fn numeric(value: i128, scale: u32, out: &mut BytesMut) {
    let scale = scale as usize;
    if value < 0 {
        out.put_u8(b'-');
    }
    let mut buffer = itoa::Buffer::new();
    let digits = buffer.format(value.unsigned_abs()).as_bytes();
    if scale == 0 {
        out.put_slice(digits);
        return;
    }
    match digits.len().checked_sub(scale) {
        None | Some(0) => {
            out.put_slice(b"0.");
            out.put_bytes(b'0', scale - digits.len());
            out.put_slice(digits);
        }
        Some(whole) => {
            let (before, after) = digits.split_at(whole);
            out.put_slice(before);
            out.put_u8(b'.');
            out.put_slice(after);
        }
    }
}

pub(super) fn padded(value: &str, length: u32, out: &mut BytesMut) {
    out.put_slice(value.as_bytes());
    let missing = (length as usize).saturating_sub(value.chars().count());
    out.put_bytes(b' ', missing);
}

fn bytea(value: &[u8], out: &mut BytesMut) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.put_slice(b"\\x");
    out.reserve(value.len() * 2);
    for byte in value {
        out.put_u8(DIGITS[usize::from(byte >> 4)]);
        out.put_u8(DIGITS[usize::from(byte & 15)]);
    }
}

/// Appends a number of at least two digits, zeros in front.
fn two(value: i64, out: &mut BytesMut) {
    if (0..10).contains(&value) {
        out.put_u8(b'0');
    }
    integer(value, out);
}

/// Appends a date; `between` writes what stands between the day and the era (a time of day, a zone).
fn date(days: i64, out: &mut BytesMut, between: impl FnOnce(&mut BytesMut)) {
    let (year, month, day) = date_of_days(days);
    // The calendar has no year 0: the year before 1 is 1 BC.
    let (shown, before_christ) = if year <= 0 { (1 - year, true) } else { (year, false) };
    let digits = itoa::Buffer::new().format(shown).len();
    out.put_bytes(b'0', 4_usize.saturating_sub(digits));
    integer(shown, out);
    out.put_u8(b'-');
    two(month, out);
    out.put_u8(b'-');
    two(day, out);
    between(out);
    if before_christ {
        out.put_slice(b" BC");
    }
}

/// Appends `hh:mm:ss[.ffffff]`, zeros at the end of the fraction left out.
fn time(microseconds: i64, out: &mut BytesMut) {
    let (seconds, fraction) = (microseconds / 1_000_000, microseconds % 1_000_000);
    two(seconds / 3_600, out);
    out.put_u8(b':');
    two(seconds / 60 % 60, out);
    out.put_u8(b':');
    two(seconds % 60, out);
    if fraction != 0 {
        let digits = format!("{fraction:06}");
        out.put_u8(b'.');
        out.put_slice(digits.trim_end_matches('0').as_bytes());
    }
}

fn timestamp(microseconds: i64, out: &mut BytesMut, zone: impl FnOnce(&mut BytesMut)) {
    let days = microseconds.div_euclid(MICROSECONDS_A_DAY);
    let rest = microseconds.rem_euclid(MICROSECONDS_A_DAY);
    date(days, out, |out| {
        out.put_u8(b' ');
        time(rest, out);
        zone(out);
    });
}

fn timestamptz(microseconds: i64, zone: &Zone, out: &mut BytesMut) {
    let offset = i64::from(zone.offset_seconds(microseconds));
    let local = microseconds.saturating_add(offset * 1_000_000);
    timestamp(local, out, |out| {
        out.put_u8(if offset < 0 { b'-' } else { b'+' });
        let seconds = offset.abs();
        two(seconds / 3_600, out);
        if seconds % 3_600 != 0 {
            out.put_u8(b':');
            two(seconds / 60 % 60, out);
        }
        if seconds % 60 != 0 {
            out.put_u8(b':');
            two(seconds % 60, out);
        }
    });
}

/// Appends an interval in the style `postgres`: `1 year 2 mons -3 days +04:05:06.7`.
fn interval(months: i32, days: i32, microseconds: i64, out: &mut BytesMut) {
    let mut text = String::new();
    // A positive part after a negative one carries a sign, so that the text reads back as the same interval.
    let mut after_negative = false;
    let parts = [(months / 12, "year"), (months % 12, "mon"), (days, "day")];
    for (value, unit) in parts.into_iter().filter(|(value, _)| *value != 0) {
        let space = if text.is_empty() { "" } else { " " };
        let sign = if after_negative && value > 0 { "+" } else { "" };
        let plural = if value == 1 { "" } else { "s" };
        // Writing to a String cannot fail.
        _ = write!(text, "{space}{sign}{value} {unit}{plural}");
        after_negative = value < 0;
    }
    if text.is_empty() || microseconds != 0 {
        let space = if text.is_empty() { "" } else { " " };
        let sign = match (microseconds < 0, after_negative) {
            (true, _) => "-",
            (false, true) => "+",
            (false, false) => "",
        };
        text.push_str(space);
        text.push_str(sign);
        out.put_slice(text.as_bytes());
        time(microseconds.checked_abs().unwrap_or(i64::MAX), out);
    } else {
        out.put_slice(text.as_bytes());
    }
}

/// Appends `{a,b,"c d",NULL}`; lists of lists nest.
fn list(elements: &Column, rows: std::ops::Range<usize>, zone: &Zone, out: &mut BytesMut) {
    out.put_u8(b'{');
    let first = rows.start;
    for row in rows {
        if row > first {
            out.put_u8(b',');
        }
        match elements.cell(row) {
            None => out.put_slice(b"NULL"),
            Some(nested @ Cell::List(..)) => write(nested, &elements.sql_type, zone, out),
            Some(cell) => {
                let mut text = BytesMut::new();
                write(cell, &elements.sql_type, zone, &mut text);
                element(&text, out);
            }
        }
    }
    out.put_u8(b'}');
}

/// Appends an element of an array, in quotes where it would otherwise not read back.
fn element(text: &[u8], out: &mut BytesMut) {
    let special =
        |byte: &u8| matches!(byte, b'{' | b'}' | b',' | b'"' | b'\\') || byte.is_ascii_whitespace() || *byte == 0x0b;
    if !text.is_empty() && !text.iter().any(special) && !text.eq_ignore_ascii_case(b"null") {
        out.put_slice(text);
        return;
    }
    out.put_u8(b'"');
    for byte in text {
        if matches!(byte, b'"' | b'\\') {
            out.put_u8(b'\\');
        }
        out.put_u8(*byte);
    }
    out.put_u8(b'"');
}

fn vector(elements: &Column, rows: std::ops::Range<usize>, zone: &Zone, out: &mut BytesMut) {
    let first = rows.start;
    for row in rows {
        if row > first {
            out.put_u8(b' ');
        }
        if let Some(cell) = elements.cell(row) {
            write(cell, &elements.sql_type, zone, out);
        }
    }
}
