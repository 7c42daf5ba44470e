//! From the types of a Parquet file to those of columns: only where no value can change its meaning silently.

use std::sync::Arc;

use arrow_array::builder::StringViewBuilder;
use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, StringViewArray, make_array};
use arrow_cast::{CastOptions, can_cast_types, cast_with_options};
use arrow_schema::DataType;
use stoa_storage::{Column, ColumnType};

use crate::convert::string::StringRules;
use crate::error::Result;
use crate::options::CopyOptions;
use crate::reject::Fault;

/// How one column is cast.
#[derive(Debug)]
pub(crate) struct Caster {
    target: DataType,
    strings: Option<StringRules>,
}

impl Caster {
    /// A caster, or `None` where values of `source` do not belong into the column.
    pub(crate) fn new(source: &DataType, column: &Column, options: &CopyOptions) -> Option<Self> {
        let target = column.column_type.arrow();
        let allowed = *source == target || (is_allowed(source, &column.column_type) && can_cast_types(source, &target));
        let strings = match column.column_type {
            ColumnType::Char { length } => Some(StringRules::new(Some(length), true, options)),
            ColumnType::Varchar { length } => Some(StringRules::new(length, false, options)),
            _ => None,
        };
        allowed.then_some(Self { target, strings })
    }

    /// The column's array; `faults` gets row and fault of each value that has no place in it.
    pub(crate) fn cast(
        &self,
        source: &ArrayRef,
        column: &Column,
        faults: &mut Vec<(usize, Fault)>,
    ) -> Result<ArrayRef> {
        let mut array = Arc::clone(source);
        if *source.data_type() != self.target {
            // Safe: what does not fit becomes null, and is found by comparing the nulls.
            array = cast_values(source, &self.target)?;
            if array.null_count() > source.null_count() {
                let lost = (0..array.len()).filter(|row| array.is_null(*row) && source.is_valid(*row));
                faults.extend(lost.map(|row| (row, conversion_fault(&column.column_type))));
            }
        }
        if let Some(rules) = &self.strings {
            array = fit_strings(array, rules, faults);
        }
        if !column.nullable && array.null_count() > 0 {
            let null = (0..array.len()).filter(|row| array.is_null(*row));
            faults.extend(null.map(|row| (row, Fault::NotNull)));
        }
        Ok(array)
    }
}

/// Casts, with nulls where a value has no counterpart.
fn cast_values(source: &ArrayRef, target: &DataType) -> Result<ArrayRef> {
    let options = CastOptions { safe: true, ..Default::default() };
    // Instants are UTC whether a zone is written beside them or not, so the zone can be taken off and put on without
    // touching a value (the cast would look for a table of zones).
    let zoneless = |data_type: &DataType| match data_type {
        DataType::Timestamp(unit, _) => DataType::Timestamp(*unit, None),
        other => other.clone(),
    };
    let relabel = |array: ArrayRef, data_type: DataType| -> Result<ArrayRef> {
        if *array.data_type() == data_type {
            return Ok(array);
        }
        Ok(make_array(array.to_data().into_builder().data_type(data_type).build()?))
    };
    let plain = relabel(Arc::clone(source), zoneless(source.data_type()))?;
    relabel(cast_with_options(&plain, &zoneless(target), &options)?, target.clone())
}

fn conversion_fault(column_type: &ColumnType) -> Fault {
    match column_type {
        ColumnType::Char { .. } | ColumnType::Varchar { .. } => Fault::Encoding(0),
        ColumnType::Date | ColumnType::Timestamp | ColumnType::TimestampTz => Fault::DateRange,
        ColumnType::Bool | ColumnType::Bytes | ColumnType::Interval | ColumnType::Time => Fault::Conversion,
        ColumnType::Int16
        | ColumnType::Int32
        | ColumnType::Int64
        | ColumnType::Float32
        | ColumnType::Float64
        | ColumnType::Decimal { .. } => Fault::Overflow,
    }
}

/// Whether a value keeps its meaning. Numbers become text only where they are text already, fractions never integers.
fn is_allowed(source: &DataType, target: &ColumnType) -> bool {
    let integer = source.is_integer();
    let decimal = source.is_decimal();
    let float = source.is_floating();
    match target {
        ColumnType::Bool => *source == DataType::Boolean,
        ColumnType::Int16 | ColumnType::Int32 | ColumnType::Int64 => integer,
        ColumnType::Float32 | ColumnType::Float64 | ColumnType::Decimal { .. } => integer || decimal || float,
        ColumnType::Char { .. } | ColumnType::Varchar { .. } => is_text(source) || is_binary(source),
        ColumnType::Date => matches!(source, DataType::Date32 | DataType::Date64),
        ColumnType::Time => matches!(source, DataType::Time32(_) | DataType::Time64(_)),
        ColumnType::Timestamp | ColumnType::TimestampTz => {
            matches!(source, DataType::Timestamp(..) | DataType::Date32 | DataType::Date64)
        }
        ColumnType::Interval => matches!(source, DataType::Interval(_)),
        ColumnType::Bytes => is_binary(source) || is_text(source) || matches!(source, DataType::FixedSizeBinary(_)),
    }
}

fn is_text(source: &DataType) -> bool {
    matches!(source, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

fn is_binary(source: &DataType) -> bool {
    matches!(source, DataType::Binary | DataType::LargeBinary | DataType::BinaryView)
}

/// Applies length and blanks. Mostly every string fits as it is, and the array is handed on.
fn fit_strings(array: ArrayRef, rules: &StringRules, faults: &mut Vec<(usize, Fault)>) -> ArrayRef {
    let Some(strings) = array.as_string_view_opt() else {
        return array;
    };
    if strings.iter().flatten().all(|text| fits(text, rules)) {
        return array;
    }
    Arc::new(rebuild(strings, rules, faults))
}

fn fits(text: &str, rules: &StringRules) -> bool {
    !rules.is_null(text.as_bytes())
        && memchr::memchr(0, text.as_bytes()).is_none()
        && rules.fit(text).is_ok_and(|fitted| fitted.len() == text.len())
}

fn rebuild(strings: &StringViewArray, rules: &StringRules, faults: &mut Vec<(usize, Fault)>) -> StringViewArray {
    let mut builder = StringViewBuilder::with_capacity(strings.len());
    let mut owned = String::new();
    for (row, text) in strings.iter().enumerate() {
        let Some(text) = text.filter(|text| !rules.is_null(text.as_bytes())) else {
            builder.append_null();
            continue;
        };
        match rules.repair(text.as_bytes(), &mut owned).and_then(|text| rules.fit(text)) {
            Ok(text) => builder.append_value(text),
            Err(fault) => {
                builder.append_null();
                faults.push((row, fault));
            }
        }
    }
    builder.finish()
}
