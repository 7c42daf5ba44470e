//! What a scalar function of ours is: a row of types and code, and the adapter that lets the engine call it.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int32Array, Int64Array, StringViewArray};
use arrow::datatypes::{
    DataType, Date32Type, Field, FieldRef, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType,
};
use datafusion::common::{Result, ScalarValue};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use crate::error::{SqlError, SqlState};

/// Facts of the session that functions depend on. A statement is planned anew each time it runs, so they may be fixed in
/// the plan.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct FunctionContext {
    /// `now()`: start of the transaction, microseconds since 1970.
    pub(crate) transaction_micros: i64,
    /// Start of the statement.
    pub(crate) statement_micros: i64,
    /// `TimeZone`.
    pub(crate) time_zone: chrono_tz::Tz,
}

/// A scalar function of ours.
pub(crate) struct Builtin {
    /// Name in SQL.
    pub(crate) name: &'static str,
    /// Whether equal arguments give equal results.
    pub(crate) volatility: Volatility,
    /// The types that arguments are brought to, or why there is no such function.
    pub(crate) arguments: fn(&[DataType]) -> Result<Vec<DataType>>,
    /// The type of the result for brought arguments.
    pub(crate) result: fn(&[DataType]) -> Result<DataType>,
    /// The code.
    pub(crate) run: fn(&Call<'_>) -> Result<ArrayRef>,
}

impl std::fmt::Debug for Builtin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// The function of that name.
pub(crate) fn find(name: &str) -> Option<&'static Builtin> {
    [
        super::arithmetic::FUNCTIONS,
        super::string::FUNCTIONS,
        super::pattern::FUNCTIONS,
        super::number::FUNCTIONS,
        super::date::FUNCTIONS,
        super::format::FUNCTIONS,
    ]
    .into_iter()
    .flatten()
    .find(|builtin| builtin.name == name)
}

/// An argument: one value for all rows, or one a row.
pub(crate) struct Column {
    /// The values; one where `constant`.
    pub(crate) array: ArrayRef,
    /// One value for all rows.
    pub(crate) constant: bool,
}

impl Column {
    /// Where the value of `row` is.
    pub(crate) fn at(&self, row: usize) -> usize {
        if self.constant { 0 } else { row }
    }

    /// Whether the value of `row` is null.
    pub(crate) fn is_null(&self, row: usize) -> bool {
        self.array.is_null(self.at(row))
    }
}

/// One call over a batch.
pub(crate) struct Call<'a> {
    /// The arguments.
    pub(crate) columns: &'a [Column],
    /// Number of rows.
    pub(crate) rows: usize,
    /// Type of the result.
    pub(crate) result: &'a DataType,
    /// The session.
    pub(crate) context: &'a FunctionContext,
}

/// Typed access to the arguments. Arguments have the types that [`Builtin::arguments`] asked for.
impl Call<'_> {
    /// Number of arguments.
    pub(crate) fn arity(&self) -> usize {
        self.columns.len()
    }

    /// Whether argument `k` is null in `row`; absent arguments are not null.
    pub(crate) fn is_null(&self, k: usize, row: usize) -> bool {
        self.columns.get(k).is_some_and(|column| column.is_null(row))
    }

    /// Whether any argument is null in `row`.
    pub(crate) fn any_null(&self, row: usize) -> bool {
        self.columns.iter().any(|column| column.is_null(row))
    }

    /// Text argument `k` of `row`.
    pub(crate) fn text(&self, k: usize, row: usize) -> &str {
        match self.columns.get(k) {
            Some(column) => match column.array.as_string_view_opt() {
                Some(array) => array.value(column.at(row)),
                None => "",
            },
            None => "",
        }
    }

    /// `bigint` argument `k` of `row`.
    pub(crate) fn int(&self, k: usize, row: usize) -> i64 {
        match self.columns.get(k) {
            Some(column) => column.array.as_primitive_opt::<Int64Type>().map_or(0, |array| array.value(column.at(row))),
            None => 0,
        }
    }

    /// `double precision` argument `k` of `row`.
    pub(crate) fn float(&self, k: usize, row: usize) -> f64 {
        match self.columns.get(k) {
            Some(column) => {
                column.array.as_primitive_opt::<Float64Type>().map_or(0.0, |array| array.value(column.at(row)))
            }
            None => 0.0,
        }
    }

    /// Date argument `k` of `row`, days since 1970.
    pub(crate) fn days(&self, k: usize, row: usize) -> i32 {
        match self.columns.get(k) {
            Some(column) => {
                column.array.as_primitive_opt::<Date32Type>().map_or(0, |array| array.value(column.at(row)))
            }
            None => 0,
        }
    }

    /// Timestamp argument `k` of `row`, microseconds since 1970.
    pub(crate) fn micros(&self, k: usize, row: usize) -> i64 {
        match self.columns.get(k) {
            Some(column) => column
                .array
                .as_primitive_opt::<TimestampMicrosecondType>()
                .map_or(0, |array| array.value(column.at(row))),
            None => 0,
        }
    }

    /// Type of argument `k`.
    pub(crate) fn type_of(&self, k: usize) -> &DataType {
        self.columns.get(k).map_or(&DataType::Null, |column| column.array.data_type())
    }

    /// Text results; a null argument gives null.
    pub(crate) fn texts<S: AsRef<str>>(&self, f: impl Fn(usize) -> Result<Option<S>>) -> Result<ArrayRef> {
        let mut values = arrow::array::StringViewBuilder::with_capacity(self.rows);
        for row in 0..self.rows {
            match if self.any_null(row) { None } else { f(row)? } {
                Some(value) => values.append_value(value),
                None => values.append_null(),
            }
        }
        Ok(Arc::new(values.finish()))
    }

    /// `integer` results; a null argument gives null.
    pub(crate) fn ints32(&self, f: impl Fn(usize) -> Result<Option<i32>>) -> Result<ArrayRef> {
        let values: Result<Int32Array> =
            (0..self.rows).map(|row| if self.any_null(row) { Ok(None) } else { f(row) }).collect();
        Ok(Arc::new(values?))
    }

    /// `bigint` results; a null argument gives null.
    pub(crate) fn ints(&self, f: impl Fn(usize) -> Result<Option<i64>>) -> Result<ArrayRef> {
        let values: Result<Int64Array> =
            (0..self.rows).map(|row| if self.any_null(row) { Ok(None) } else { f(row) }).collect();
        Ok(Arc::new(values?))
    }

    /// `double precision` results; a null argument gives null.
    pub(crate) fn floats(&self, f: impl Fn(usize) -> Result<Option<f64>>) -> Result<ArrayRef> {
        let values: Result<Float64Array> =
            (0..self.rows).map(|row| if self.any_null(row) { Ok(None) } else { f(row) }).collect();
        Ok(Arc::new(values?))
    }

    /// The text array of argument `k`, where it is one value a row.
    pub(crate) fn text_array(&self, k: usize) -> Option<&StringViewArray> {
        self.columns.get(k).filter(|column| !column.constant).and_then(|column| column.array.as_string_view_opt())
    }

    /// Integer argument `k` of `row` where it came as `integer`.
    pub(crate) fn int32(&self, k: usize, row: usize) -> i32 {
        match self.columns.get(k) {
            Some(column) => column.array.as_primitive_opt::<Int32Type>().map_or(0, |array| array.value(column.at(row))),
            None => 0,
        }
    }
}

/// The engine's view of a [`Builtin`].
#[derive(Debug, Clone)]
pub(crate) struct Scalar {
    pub(crate) builtin: &'static Builtin,
    context: Arc<FunctionContext>,
    signature: Signature,
}

impl Scalar {
    /// The engine's function for a builtin.
    pub(crate) fn udf(builtin: &'static Builtin, context: Arc<FunctionContext>) -> ScalarUDF {
        ScalarUDF::from(Self { builtin, context, signature: Signature::user_defined(builtin.volatility) })
    }
}

impl PartialEq for Scalar {
    fn eq(&self, other: &Self) -> bool {
        self.builtin.name == other.builtin.name && self.context == other.context
    }
}

impl Eq for Scalar {}

impl Hash for Scalar {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.builtin.name.hash(state);
    }
}

impl ScalarUDFImpl for Scalar {
    fn name(&self) -> &str {
        self.builtin.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        (self.builtin.arguments)(arg_types)
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        (self.builtin.result)(arg_types)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        let types: Vec<DataType> = args.arg_fields.iter().map(|field| field.data_type().clone()).collect();
        let plain = self.return_type(&types)?;
        let result = match args.scalar_arguments.get(1) {
            Some(Some(places)) if super::number::has_places(self.builtin.name) => {
                super::number::type_at_places(plain, places)
            }
            _ => plain,
        };
        Ok(Arc::new(Field::new(self.builtin.name, result, true)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let constant = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)))
            && self.builtin.volatility != Volatility::Volatile;
        let rows = if constant { 1 } else { args.number_rows };
        let columns: Vec<Column> = args
            .args
            .iter()
            .map(|arg| match arg {
                ColumnarValue::Array(array) => Ok(Column { array: Arc::clone(array), constant: false }),
                ColumnarValue::Scalar(value) => Ok(Column { array: value.to_array_of_size(1)?, constant: true }),
            })
            .collect::<Result<_>>()?;
        let result = args.return_field.data_type();
        let call = Call { columns: &columns, rows, result, context: &self.context };
        let array = (self.builtin.run)(&call)?;
        if constant {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&array, 0)?));
        }
        Ok(ColumnarValue::Array(array))
    }
}

/// An SQL error inside of the engine.
pub(crate) fn fail(state: SqlState, message: impl Into<String>) -> DataFusionError {
    DataFusionError::External(Box::new(SqlError::new(state, message)))
}

/// 42883 for a call whose arguments fit no function.
pub(crate) fn no_such(name: &str, types: &[DataType]) -> DataFusionError {
    let types: Vec<String> = types.iter().map(type_name).collect();
    DataFusionError::External(Box::new(
        SqlError::new(SqlState::UndefinedFunction, format!("function {name}({}) does not exist", types.join(", ")))
            .with_hint(
                "No function matches the given name and argument types. You might need to add explicit type casts.",
            ),
    ))
}

/// The name of a type in error messages.
pub(crate) fn type_name(data_type: &DataType) -> String {
    match data_type {
        DataType::Null => "unknown".to_owned(),
        DataType::Decimal32(..) | DataType::Decimal64(..) | DataType::Decimal128(..) | DataType::Decimal256(..) => {
            "numeric".to_owned()
        }
        other => crate::types::SqlType::from_arrow(other).name(),
    }
}
