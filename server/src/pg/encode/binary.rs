//! The binary format: exactly what Postgres's send functions give.

use bytes::{BufMut, BytesMut};

use super::cell::{Cell, Column};
use super::{put_sized, text};

/// Days from 1970-01-01 to 2000-01-01, where Postgres counts from.
pub(crate) const EPOCH_DAYS: i32 = 10_957;
/// The same in microseconds.
pub(crate) const EPOCH_MICROSECONDS: i64 = 946_684_800_000_000;

/// Signs of the binary numeric.
const NUMERIC_POSITIVE: u16 = 0x0000;
const NUMERIC_NEGATIVE: u16 = 0x4000;

/// Appends the bytes of `cell`.
pub(super) fn write(cell: Cell<'_>, out: &mut BytesMut) {
    match cell {
        Cell::Bool(value) => out.put_u8(u8::from(value)),
        Cell::Int2(value) => out.put_i16(value),
        Cell::Int4(value) => out.put_i32(value),
        Cell::Int8(value) => out.put_i64(value),
        Cell::Oid(value) => out.put_u32(value),
        Cell::Float4(value) => out.put_f32(value),
        Cell::Float8(value) => out.put_f64(value),
        Cell::Numeric(value, scale) => numeric(value, scale, out),
        Cell::Text(value) => out.put_slice(value.as_bytes()),
        Cell::Padded(value, length) => text::padded(value, length, out),
        Cell::Bytes(value) => out.put_slice(value),
        Cell::Date(days) => out.put_i32(days.saturating_sub(EPOCH_DAYS)),
        Cell::Time(microseconds) => out.put_i64(microseconds),
        Cell::Timestamp(microseconds) | Cell::Timestamptz(microseconds) => {
            out.put_i64(microseconds.saturating_sub(EPOCH_MICROSECONDS));
        }
        Cell::Interval { months, days, microseconds } => {
            out.put_i64(microseconds);
            out.put_i32(days);
            out.put_i32(months);
        }
        Cell::List(elements, from, to) => array(elements, from..to, 1, out),
        Cell::Vector(elements, from, to) => array(elements, from..to, 0, out),
    }
}

/// Groups of four digits, most significant first, each group a number below 10,000; zero groups at both ends are left
/// out; the digits after the point (`dscale`) are told separately, so that `1.50` keeps its zero.
fn numeric(value: i128, scale: u32, out: &mut BytesMut) {
    let sign = if value < 0 { NUMERIC_NEGATIVE } else { NUMERIC_POSITIVE };
    let mut rest = value.unsigned_abs();
    // Digits after the point are filled up to whole groups.
    let fraction_groups = scale.div_ceil(4);
    let missing = fraction_groups * 4 - scale;
    let mut groups = [0_u16; 12];
    let mut count = 0;
    // Filling up could overflow 128 bits, so the lowest group is cut first and shifted by itself.
    if missing != 0 {
        let keep = 10_u128.pow(4 - missing);
        groups[count] = group(rest % keep) * 10_u16.pow(missing);
        count += 1;
        rest /= keep;
    }
    while rest != 0 {
        groups[count] = group(rest % 10_000);
        count += 1;
        rest /= 10_000;
    }
    let groups = &groups[..count];
    let lowest = groups.iter().take_while(|group| **group == 0).count();
    let significant = &groups[lowest..];
    // The weight of the first group in powers of 10,000; zero has none.
    let weight = if significant.is_empty() { 0 } else { small(count) - 1 - small(fraction_groups as usize) };
    out.put_i16(small(significant.len()));
    out.put_i16(weight);
    out.put_u16(if significant.is_empty() { NUMERIC_POSITIVE } else { sign });
    out.put_i16(small(scale as usize));
    for group in significant.iter().rev() {
        out.put_u16(*group);
    }
}

/// A group of digits; the caller has taken a remainder below 10,000.
fn group(value: u128) -> u16 {
    u16::try_from(value).unwrap_or(0)
}

/// A count that is bounded by the 39 digits of 128 bits.
fn small(value: usize) -> i16 {
    i16::try_from(value).unwrap_or(i16::MAX)
}

/// Dimensions, whether there are nulls, type of the elements; then each dimension's length and lower bound; then the
/// elements. Only rectangular nesting has a binary form, which is what Postgres has, too.
fn array(elements: &Column, rows: std::ops::Range<usize>, lower_bound: i32, out: &mut BytesMut) {
    let mut dimensions = Vec::new();
    let mut leaves = Vec::new();
    collect(elements, rows, 0, &mut dimensions, &mut leaves);
    let leaf_type = leaf(elements);
    if leaves.is_empty() {
        dimensions.clear();
    }
    out.put_i32(i32::try_from(dimensions.len()).unwrap_or(0));
    out.put_i32(i32::from(leaves.iter().any(Option::is_none)));
    out.put_u32(leaf_type);
    for length in &dimensions {
        out.put_i32(i32::try_from(*length).unwrap_or(i32::MAX));
        out.put_i32(lower_bound);
    }
    for cell in leaves {
        match cell {
            None => out.put_i32(-1),
            Some(cell) => put_sized(out, |out| write(cell, out)),
        }
    }
}

/// The oid of the innermost elements' type.
fn leaf(elements: &Column) -> u32 {
    let mut sql_type = &elements.sql_type;
    while let stoa_query::SqlType::Array(inner) = sql_type {
        sql_type = inner;
    }
    sql_type.oid()
}

fn collect<'a>(
    elements: &'a Column,
    rows: std::ops::Range<usize>,
    depth: usize,
    dimensions: &mut Vec<usize>,
    leaves: &mut Vec<Option<Cell<'a>>>,
) {
    if dimensions.len() == depth {
        dimensions.push(rows.len());
    }
    for row in rows {
        match elements.cell(row) {
            Some(Cell::List(inner, from, to)) => collect(inner, from..to, depth + 1, dimensions, leaves),
            cell => leaves.push(cell),
        }
    }
}
