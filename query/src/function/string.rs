//! Functions on text.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Array, StringViewBuilder};
use arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::logical_expr::Volatility;

use super::builtin::{Builtin, Call, no_such};
use super::operator;

pub(super) const FUNCTIONS: &[Builtin] = &[
    Builtin {
        name: operator::CONCAT,
        volatility: Volatility::Immutable,
        arguments: |types| concat_arguments(types),
        result: |_types| Ok(DataType::Utf8View),
        run: concat,
    },
    length("len"),
    length("length"),
    length("textlen"),
    length("char_length"),
    length("character_length"),
    text_function("charindex", 2, Kind::Int32, |call| {
        call.ints32(|row| Ok(Some(position(call.text(1, row), call.text(0, row)))))
    }),
    text_function("quote_nullable", 1, Kind::Text, quote_nullable),
    text_function("fnv_hash", 1, Kind::Int64, |call| call.ints(|row| Ok(Some(fnv_hash(call.text(0, row).as_bytes()))))),
];

const fn length(name: &'static str) -> Builtin {
    text_function(name, 1, Kind::Int32, |call| {
        if let Some(texts) = call.text_array(0) {
            let lengths: Int32Array = texts.iter().map(|text| text.map(characters)).collect();
            return Ok(Arc::new(lengths));
        }
        call.ints32(|row| Ok(Some(characters(call.text(0, row)))))
    })
}

/// A function whose arguments are all text.
macro_rules! text_arguments {
    ($($count:literal => $name:ident,)*) => {$(
        fn $name(types: &[DataType]) -> Result<Vec<DataType>> {
            texts("", types, $count)
        }
    )*};
}
text_arguments! { 1 => one_text, 2 => two_texts, }

/// Types of results.
#[derive(Clone, Copy)]
enum Kind {
    Int32,
    Int64,
    Text,
}

const fn text_function(
    name: &'static str,
    count: usize,
    result: Kind,
    run: fn(&Call<'_>) -> Result<ArrayRef>,
) -> Builtin {
    let arguments: fn(&[DataType]) -> Result<Vec<DataType>> = if count == 1 { one_text } else { two_texts };
    let result: fn(&[DataType]) -> Result<DataType> = match result {
        Kind::Int32 => |_types| Ok(DataType::Int32),
        Kind::Int64 => |_types| Ok(DataType::Int64),
        Kind::Text => |_types| Ok(DataType::Utf8View),
    };
    Builtin { name, volatility: Volatility::Immutable, arguments, result, run }
}

fn is_text(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8 | DataType::Null)
}

/// `count` text arguments.
pub(super) fn texts(name: &str, types: &[DataType], count: usize) -> Result<Vec<DataType>> {
    if types.len() != count || !types.iter().all(is_text) {
        return Err(no_such(name, types));
    }
    Ok(vec![DataType::Utf8View; count])
}

fn characters(text: &str) -> i32 {
    let count = if text.is_ascii() { text.len() } else { text.chars().count() };
    i32::try_from(count).unwrap_or(i32::MAX)
}

/// Character at which `what` begins, from 1; 0 when it does not occur.
pub(super) fn position(text: &str, what: &str) -> i32 {
    match text.find(what) {
        Some(at) => characters(&text[..at]).saturating_add(1),
        None => 0,
    }
}

/// One side of `||` must be text; the other is brought to it.
fn concat_arguments(types: &[DataType]) -> Result<Vec<DataType>> {
    let [left, right] = types else { return Err(no_such(operator::CONCAT, types)) };
    let is_bytes = |data_type: &DataType| matches!(data_type, DataType::Binary | DataType::BinaryView);
    if !is_text(left) && !is_text(right) || is_bytes(left) || is_bytes(right) {
        return Err(no_such(operator::CONCAT, types));
    }
    Ok(vec![DataType::Utf8View; 2])
}

fn concat(call: &Call<'_>) -> Result<ArrayRef> {
    let mut joined = StringViewBuilder::with_capacity(call.rows);
    let mut buffer = String::new();
    for row in 0..call.rows {
        if call.any_null(row) {
            joined.append_null();
            continue;
        }
        buffer.clear();
        buffer.push_str(call.text(0, row));
        buffer.push_str(call.text(1, row));
        joined.append_value(&buffer);
    }
    Ok(Arc::new(joined.finish()))
}

fn quote_nullable(call: &Call<'_>) -> Result<ArrayRef> {
    let mut quoted = StringViewBuilder::with_capacity(call.rows);
    for row in 0..call.rows {
        if call.is_null(0, row) {
            quoted.append_value("NULL");
        } else {
            quoted.append_value(format!("'{}'", call.text(0, row).replace('\'', "''")));
        }
    }
    Ok(Arc::new(quoted.finish()))
}

/// FNV-1a over the bytes, as Redshift's `FNV_HASH` without a seed.
fn fnv_hash(bytes: &[u8]) -> i64 {
    let hash = bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
    hash.cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_characters() {
        assert_eq!(position("häuser", "user"), 3);
        assert_eq!(position("abc", ""), 1);
        assert_eq!(position("abc", "x"), 0);
    }
}
