//! Arrays as catalogs use them.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, ListArray, new_empty_array};
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::compute::concat;
use datafusion::arrow::datatypes::DataType;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};

use crate::error::{SqlError, SqlState};
use crate::system::cell::Cell;
use crate::system::function::{Call, declare_functions};

declare_functions! {
    "array_to_string"(Any Text; Text) -> "text", Immutable, called, to_string;
    "array_upper"(Any Int) -> "int4", Immutable, strict, |call| Ok(bounds(call).map(|(_, upper)| upper).into());
    "array_lower"(Any Int) -> "int4", Immutable, strict, |call| Ok(bounds(call).map(|(lower, _)| lower).into());
    // What set-returning functions become below unnest(); see `rewrite`.
    "series_array"(Int Int; Int) -> "_int8", Immutable, strict, series;
    "ordinal_array"(Any) -> "_int8", Immutable, strict, ordinals;
    "generate_subscripts"(Any Int; Bool) -> "_int4", Immutable, strict, subscripts;
}

fn to_string(call: &Call<'_>) -> Result<Cell, SqlError> {
    let (Cell::List(items), Cell::Text(separator)) = (call.get(0), call.get(1)) else { return Ok(Cell::Null) };
    let null = call.get(2).as_text();
    let texts: Vec<String> = items.iter().filter_map(|item| item.print().or_else(|| null.map(str::to_owned))).collect();
    Ok(texts.join(separator).into())
}

/// First and last subscript of the first dimension; vectors of the catalog count from 0.
fn bounds(call: &Call<'_>) -> Option<(i64, i64)> {
    let Cell::List(items) = call.get(0) else { return None };
    let vector = call.fields.first().is_some_and(|field| {
        let sql_type = crate::types::SqlType::from_field(field);
        matches!(sql_type, crate::types::SqlType::Int2Vector | crate::types::SqlType::OidVector)
    });
    let length = i64::try_from(items.len()).ok().filter(|length| *length > 0 && call.int(1) == 1)?;
    Some(if vector { (0, length - 1) } else { (1, length) })
}

/// Values of a series that is made in one piece, at most.
const SERIES_MAX: usize = 1_000_000;

fn series(call: &Call<'_>) -> Result<Cell, SqlError> {
    let (start, stop) = (call.int(0), call.int(1));
    let step = if call.count() > 2 { call.int(2) } else { 1 };
    if step == 0 {
        return Err(SqlError::new(SqlState::InvalidParameterValue, "step size cannot equal zero"));
    }
    let values = std::iter::successors(Some(start), |value| value.checked_add(step));
    let inside = values.take_while(|value| if step > 0 { *value <= stop } else { *value >= stop });
    let values: Vec<i64> = inside.take(SERIES_MAX + 1).collect();
    if values.len() > SERIES_MAX {
        return Err(SqlError::new(
            SqlState::ProgramLimitExceeded,
            format!("a series has more than {SERIES_MAX} values"),
        ));
    }
    Ok(values.into())
}

/// 1, 2, … for each element.
fn ordinals(call: &Call<'_>) -> Result<Cell, SqlError> {
    let Cell::List(items) = call.get(0) else { return Ok(Cell::Null) };
    Ok((1_i64..).take(items.len()).collect::<Vec<_>>().into())
}

fn subscripts(call: &Call<'_>) -> Result<Cell, SqlError> {
    let Some((lower, upper)) = bounds(call) else { return Ok(Cell::List(Vec::new())) };
    let forward = lower..=upper;
    Ok(if call.get(2).as_bool() == Some(true) {
        forward.rev().collect::<Vec<_>>().into()
    } else {
        forward.collect::<Vec<_>>().into()
    })
}

/// `array_or_empty(list)`: what `ARRAY(SELECT …)` is over the aggregate of its rows. No rows are an empty array.
pub(crate) fn array_or_empty() -> ScalarUDF {
    ScalarUDF::new_from_impl(ArrayOrEmpty { signature: Signature::any(1, Volatility::Immutable) })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct ArrayOrEmpty {
    signature: Signature,
}

impl ScalarUDFImpl for ArrayOrEmpty {
    fn name(&self) -> &str {
        "array_or_empty"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        match arguments {
            [list @ DataType::List(_)] => Ok(list.clone()),
            _ => Err(DataFusionError::Plan("array_or_empty takes one list".to_owned())),
        }
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [argument] = call.args.as_slice() else {
            return Err(DataFusionError::Internal("array_or_empty takes one list".to_owned()));
        };
        let array = argument.to_array(call.number_rows)?;
        let lists = array.as_list::<i32>();
        let DataType::List(item) = array.data_type() else {
            return Err(DataFusionError::Internal("array_or_empty takes one list".to_owned()));
        };
        let kept = lists.iter().flatten().collect::<Vec<ArrayRef>>();
        let lengths = lists.iter().map(|list| list.map_or(0, |list| list.len()));
        let values = if kept.is_empty() {
            new_empty_array(item.data_type())
        } else {
            concat(&kept.iter().map(AsRef::as_ref).collect::<Vec<_>>())?
        };
        let offsets = OffsetBuffer::from_lengths(lengths);
        let list: ArrayRef = Arc::new(ListArray::try_new(Arc::clone(item), offsets, values, None)?);
        Ok(list.into())
    }
}
