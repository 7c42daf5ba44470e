//! Casts with Postgres's meaning, where the engine's differ: text is read and written as Postgres does, numbers round
//! instead of being cut, strings fit their length, moments know the session's zone.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, PrimitiveArray, StringViewBuilder};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Date32Type, FieldRef, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type,
    IntervalMonthDayNanoType, IntervalUnit, Time64MicrosecondType, TimeUnit, TimestampMicrosecondType,
};
use datafusion::common::{Result, ScalarValue};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};

use super::builtin::{FunctionContext, fail};
use super::{calendar, decimal, interval, parse};
use crate::error::{SqlError, SqlState};
use crate::types::SqlType;

/// A cast to one type.
#[derive(Debug, Clone)]
pub(crate) struct PgCast {
    target: FieldRef,
    sql_type: SqlType,
    context: Arc<FunctionContext>,
    signature: Signature,
    assignment: bool,
}

impl PartialEq for PgCast {
    fn eq(&self, other: &Self) -> bool {
        self.target == other.target && self.assignment == other.assignment && self.context == other.context
    }
}

impl Eq for PgCast {}

impl Hash for PgCast {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.target.hash(state);
    }
}

impl PgCast {
    /// An explicit cast: strings that are too long are cut.
    pub(crate) fn new(target: FieldRef, context: Arc<FunctionContext>) -> Self {
        let sql_type = SqlType::from_field(&target);
        Self { target, sql_type, context, signature: Signature::any(1, Volatility::Immutable), assignment: false }
    }

    /// A cast on the way into a column: strings that are too long are refused (22001).
    pub(crate) fn assignment(target: FieldRef, context: Arc<FunctionContext>) -> Self {
        Self { assignment: true, ..Self::new(target, context) }
    }

    /// Casts one value.
    pub(crate) fn scalar(&self, value: &ScalarValue) -> Result<ScalarValue> {
        let array = self.array(&value.to_array_of_size(1)?)?;
        ScalarValue::try_from_array(&array, 0)
    }

    /// Casts an array.
    pub(crate) fn array(&self, array: &ArrayRef) -> Result<ArrayRef> {
        let plain = match array.data_type() {
            DataType::Dictionary(_, value) => arrow::compute::cast(array, value)?,
            DataType::Utf8 | DataType::LargeUtf8 => arrow::compute::cast(array, &DataType::Utf8View)?,
            _ => Arc::clone(array),
        };
        match &self.sql_type {
            SqlType::Varchar(Some(length)) => self.fit(&to_text(&plain, &self.context)?, *length, false),
            SqlType::Bpchar(Some(length)) => self.fit(&to_text(&plain, &self.context)?, *length, true),
            SqlType::Char1 => self.fit(&to_text(&plain, &self.context)?, 1, true),
            other if other.is_text() => to_text(&plain, &self.context),
            _ if matches!(plain.data_type(), DataType::Utf8View) => {
                from_text(&plain, self.target.data_type(), &self.context)
            }
            _ => between(&plain, self.target.data_type(), &self.context),
        }
    }

    /// Fits text to a length in bytes, at a character's boundary. Blanks at the end never count as too long, and
    /// `character(n)` is kept without them.
    fn fit(&self, array: &ArrayRef, length: u32, blank_padded: bool) -> Result<ArrayRef> {
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let texts = array.as_string_view();
        let mut fitted = StringViewBuilder::with_capacity(texts.len());
        for text in texts {
            let Some(text) = text else {
                fitted.append_null();
                continue;
            };
            let text = if blank_padded { text.trim_end_matches(' ') } else { text };
            if text.len() <= length {
                fitted.append_value(text);
                continue;
            }
            let cut = &text[..text.floor_char_boundary(length)];
            if self.assignment && !text[cut.len()..].chars().all(|c| c == ' ') {
                return Err(fail(
                    SqlState::StringDataRightTruncation,
                    format!("value too long for type {}", self.sql_type.name()),
                ));
            }
            fitted.append_value(if blank_padded { cut.trim_end_matches(' ') } else { cut });
        }
        Ok(Arc::new(fitted.finish()))
    }
}

impl ScalarUDFImpl for PgCast {
    fn name(&self) -> &str {
        "cast"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arg_types: &[DataType]) -> Result<DataType> {
        Ok(self.target.data_type().clone())
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        let nullable = args.arg_fields.first().is_none_or(|field| field.is_nullable());
        Ok(Arc::new(self.target.as_ref().clone().with_nullable(nullable)))
    }

    fn schema_name(&self, args: &[datafusion::logical_expr::Expr]) -> Result<String> {
        let shown: Vec<String> = args.iter().map(|arg| arg.schema_name().to_string()).collect();
        Ok(format!("{}::{}", shown.join(","), self.sql_type.name()))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        match args.args.first() {
            Some(ColumnarValue::Array(array)) => self.array(array).map(ColumnarValue::Array),
            Some(ColumnarValue::Scalar(value)) => self.scalar(value).map(ColumnarValue::Scalar),
            None => Err(fail(SqlState::InternalError, "a cast without an argument")),
        }
    }
}

/// Whether the engine's cast from `source` to `target` means something else than Postgres's.
pub(crate) fn needs_own_cast(source: &DataType, target: &FieldRef) -> bool {
    let is_text = |data_type: &DataType| matches!(data_type, DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8);
    let to = target.data_type();
    if source.is_null() {
        return false;
    }
    let sized =
        matches!(SqlType::from_field(target), SqlType::Varchar(Some(_)) | SqlType::Bpchar(Some(_)) | SqlType::Char1);
    if is_text(source) && is_text(to) {
        return sized;
    }
    if is_text(source) || is_text(to) {
        return true;
    }
    let widens = match (source, to) {
        (from, to) if from == to => true,
        (from, to) if from.is_integer() && to.is_integer() => {
            from.primitive_width() <= to.primitive_width() && from.is_signed_integer()
        }
        (from, to) if from.is_integer() && (to.is_floating() || is_decimal(to)) => true,
        (DataType::Float32, DataType::Float64) | (DataType::Boolean, DataType::Boolean) => true,
        (from, to) if is_decimal(from) && (is_decimal(to) || to.is_floating()) => true,
        (DataType::Date32, DataType::Timestamp(_, None)) => true,
        (DataType::List(_), DataType::List(_)) | (DataType::Binary, DataType::BinaryView) => true,
        _ => false,
    };
    !widens
}

fn is_decimal(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Decimal32(..) | DataType::Decimal64(..) | DataType::Decimal128(..))
}

fn external(error: SqlError) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

/// The engine's cast, with errors instead of nulls.
fn engine(array: &ArrayRef, target: &DataType) -> Result<ArrayRef> {
    let options = CastOptions { safe: false, ..CastOptions::default() };
    Ok(cast_with_options(array, target, &options)?)
}

/// Values → text, as Postgres writes them.
pub(crate) fn to_text(array: &ArrayRef, context: &FunctionContext) -> Result<ArrayRef> {
    fn show<T: ArrowPrimitiveType>(array: &ArrayRef, f: impl Fn(T::Native) -> String) -> ArrayRef {
        let mut texts = StringViewBuilder::with_capacity(array.len());
        for value in array.as_primitive::<T>() {
            texts.append_option(value.map(&f));
        }
        Arc::new(texts.finish())
    }
    Ok(match array.data_type() {
        DataType::Utf8View => Arc::clone(array),
        DataType::Float32 => show::<Float32Type>(array, |value| show_float(f64::from(value), &value.to_string())),
        DataType::Float64 => show::<Float64Type>(array, |value| show_float(value, &value.to_string())),
        DataType::Date32 => show::<Date32Type>(array, calendar::show_date),
        DataType::Time64(TimeUnit::Microsecond) => show::<Time64MicrosecondType>(array, calendar::show_time),
        DataType::Timestamp(TimeUnit::Microsecond, None) => {
            show::<TimestampMicrosecondType>(array, calendar::show_timestamp)
        }
        DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => {
            show::<TimestampMicrosecondType>(array, |value| calendar::show_timestamptz(context.time_zone, value))
        }
        DataType::Interval(IntervalUnit::MonthDayNano) => show::<IntervalMonthDayNanoType>(array, |value| {
            calendar::show_interval(value.months.into(), value.days.into(), value.nanoseconds / 1000)
        }),
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => bytes_to_text(array)?,
        DataType::List(_) => {
            return Err(fail(SqlState::FeatureNotSupported, "a cast of an array to text is not supported"));
        }
        _ => engine(array, &DataType::Utf8View)?,
    })
}

fn bytes_to_text(array: &ArrayRef) -> Result<ArrayRef> {
    let array = arrow::compute::cast(array, &DataType::BinaryView)?;
    let mut texts = StringViewBuilder::with_capacity(array.len());
    for value in array.as_binary_view() {
        texts.append_option(value.map(|bytes| {
            let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("\\x{digits}")
        }));
    }
    Ok(Arc::new(texts.finish()))
}

/// A float as Postgres writes it: the shortest digits that read back, with an exponent from 1e+16 and below 1e-4.
pub(crate) fn show_float(value: f64, shortest: &str) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    let size = value.abs();
    if size != 0.0 && !(1e-4..1e15).contains(&size) {
        // Rust writes all digits; take the significant ones.
        let negative = shortest.starts_with('-');
        let body = shortest.trim_start_matches('-');
        let (whole, fraction) = body.split_once('.').unwrap_or((body, ""));
        let digits = format!("{whole}{fraction}");
        let lead = digits.find(|c| c != '0').unwrap_or(0);
        let exponent = i64::try_from(whole.len()).unwrap_or(0) - 1 - i64::try_from(lead).unwrap_or(0);
        let significant = digits[lead..].trim_end_matches('0');
        let (first, rest) = significant.split_at(significant.len().min(1));
        let point = if rest.is_empty() { "" } else { "." };
        let sign = if negative { "-" } else { "" };
        let exponent_sign = if exponent < 0 { '-' } else { '+' };
        return format!("{sign}{first}{point}{rest}e{exponent_sign}{:02}", exponent.abs());
    }
    shortest.to_owned()
}

fn parsed<T: ArrowPrimitiveType>(
    array: &ArrayRef,
    target: &DataType,
    f: impl Fn(&str) -> std::result::Result<T::Native, SqlError>,
) -> Result<ArrayRef> {
    let texts = array.as_string_view();
    let values: std::result::Result<PrimitiveArray<T>, SqlError> =
        texts.iter().map(|text| text.map(&f).transpose()).collect();
    Ok(Arc::new(values.map_err(external)?.with_data_type(target.clone())))
}

/// Text → values, as Postgres reads it.
pub(crate) fn from_text(array: &ArrayRef, target: &DataType, context: &FunctionContext) -> Result<ArrayRef> {
    #[expect(clippy::cast_possible_truncation, reason = "the parser checks the range")]
    match target {
        DataType::Boolean => {
            let values: std::result::Result<arrow::array::BooleanArray, SqlError> =
                array.as_string_view().iter().map(|text| text.map(parse::boolean).transpose()).collect();
            Ok(Arc::new(values.map_err(external)?))
        }
        DataType::Int16 => parsed::<Int16Type>(array, target, |text| {
            parse::integer(text, "smallint", i16::MIN.into(), i16::MAX.into()).map(|value| value as i16)
        }),
        DataType::Int32 => parsed::<Int32Type>(array, target, |text| {
            parse::integer(text, "integer", i32::MIN.into(), i32::MAX.into()).map(|value| value as i32)
        }),
        DataType::Int64 => {
            parsed::<Int64Type>(array, target, |text| parse::integer(text, "bigint", i64::MIN, i64::MAX))
        }
        DataType::Float32 => parsed::<Float32Type>(array, target, |text| Ok(parse::float(text, "real")? as f32)),
        DataType::Float64 => parsed::<Float64Type>(array, target, |text| parse::float(text, "double precision")),
        DataType::Decimal64(..) | DataType::Decimal128(..) => decimals_from_text(array, target),
        DataType::Date32 => {
            let now = calendar::to_local(context.time_zone, context.transaction_micros);
            parsed::<Date32Type>(array, target, |text| parse::date(text, now))
        }
        DataType::Time64(TimeUnit::Microsecond) => parsed::<Time64MicrosecondType>(array, target, parse::time),
        DataType::Timestamp(TimeUnit::Microsecond, None) => {
            let now = calendar::to_local(context.time_zone, context.transaction_micros);
            parsed::<TimestampMicrosecondType>(array, target, |text| parse::timestamp(text, now))
        }
        DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => {
            parsed::<TimestampMicrosecondType>(array, target, |text| {
                parse::timestamptz(text, context.transaction_micros, context.time_zone)
            })
        }
        DataType::Interval(IntervalUnit::MonthDayNano) => {
            parsed::<IntervalMonthDayNanoType>(array, target, interval::parse)
        }
        DataType::BinaryView | DataType::Binary => bytes_from_text(array),
        other => {
            Err(fail(SqlState::CannotCoerce, format!("cannot cast type text to {}", SqlType::from_arrow(other).name())))
        }
    }
}

fn bytes_from_text(array: &ArrayRef) -> Result<ArrayRef> {
    let mut values = arrow::array::BinaryViewBuilder::with_capacity(array.len());
    for text in array.as_string_view() {
        match text.map(|text| (text, text.strip_prefix("\\x"))) {
            None => values.append_null(),
            Some((text, None)) => values.append_value(text.as_bytes()),
            Some((text, Some(digits))) => {
                let wrong = || external(parse::invalid("bytea", text));
                let pairs = digits.as_bytes().chunks(2).map(|pair| {
                    let pair = std::str::from_utf8(pair).ok().filter(|pair| pair.len() == 2)?;
                    u8::from_str_radix(pair, 16).ok()
                });
                let bytes: Option<Vec<u8>> = pairs.collect();
                values.append_value(bytes.ok_or_else(wrong)?);
            }
        }
    }
    Ok(Arc::new(values.finish()))
}

fn decimals_from_text(array: &ArrayRef, target: &DataType) -> Result<ArrayRef> {
    let Some((precision, scale)) = decimal::shape(target) else {
        return Err(fail(SqlState::InternalError, "not a decimal type"));
    };
    let read = |text: &str| {
        let (value, from) = parse::decimal(text)?;
        decimal::rescale(value, from, scale)
            .filter(|value| value.unsigned_abs() < decimal::power(precision.into()).unsigned_abs())
            .ok_or_else(|| {
                SqlError::new(SqlState::NumericValueOutOfRange, "numeric field overflow")
                    .with_detail(format!("A field with precision {precision}, scale {scale} cannot hold \"{text}\"."))
            })
    };
    let values: std::result::Result<Vec<Option<i128>>, SqlError> =
        array.as_string_view().iter().map(|text| text.map(read).transpose()).collect();
    let wide: arrow::array::Decimal128Array = values.map_err(external)?.into_iter().collect();
    let wide: ArrayRef = Arc::new(wide.with_precision_and_scale(38, scale)?);
    engine(&wide, target)
}

/// Casts between types that are not text.
fn between(array: &ArrayRef, target: &DataType, context: &FunctionContext) -> Result<ArrayRef> {
    match (array.data_type(), target) {
        (DataType::Float32 | DataType::Float64, to) if to.is_integer() => float_to_integer(array, to),
        (from, to) if is_decimal(from) && to.is_integer() => {
            let whole = engine(array, &DataType::Decimal128(38, 0))?;
            engine(&whole, to).map_err(|_overflow| out_of_range(to))
        }
        (from, to) if from.is_integer() && to.is_integer() => engine(array, to).map_err(|_overflow| out_of_range(to)),
        (DataType::Float32 | DataType::Float64, to) if is_decimal(to) => float_to_decimal(array, to, context),
        (DataType::Float64, DataType::Float32) => engine(array, target),
        (DataType::Timestamp(_, Some(_)), DataType::Timestamp(_, None) | DataType::Date32 | DataType::Time64(_)) => {
            let local: PrimitiveArray<TimestampMicrosecondType> = array
                .as_primitive::<TimestampMicrosecondType>()
                .unary(|micros| calendar::to_local(context.time_zone, micros));
            let local: ArrayRef = Arc::new(local.with_data_type(DataType::Timestamp(TimeUnit::Microsecond, None)));
            if *target == *local.data_type() { Ok(local) } else { between(&local, target, context) }
        }
        (DataType::Timestamp(_, None), DataType::Timestamp(_, Some(_))) => {
            let moments: PrimitiveArray<TimestampMicrosecondType> = array
                .as_primitive::<TimestampMicrosecondType>()
                .unary(|micros| calendar::from_local(context.time_zone, micros));
            Ok(Arc::new(moments.with_data_type(target.clone())))
        }
        (DataType::Date32, DataType::Timestamp(_, Some(_))) => {
            let local = engine(array, &DataType::Timestamp(TimeUnit::Microsecond, None))?;
            between(&local, target, context)
        }
        (DataType::Timestamp(_, None), DataType::Date32) => {
            let days: PrimitiveArray<Date32Type> =
                array.as_primitive::<TimestampMicrosecondType>().unary(|micros| calendar::split(micros).0);
            Ok(Arc::new(days))
        }
        (DataType::Timestamp(_, None), DataType::Time64(_)) => {
            let times: PrimitiveArray<Time64MicrosecondType> =
                array.as_primitive::<TimestampMicrosecondType>().unary(|micros| calendar::split(micros).1);
            Ok(Arc::new(times))
        }
        (DataType::Boolean, to) if to.is_integer() => engine(array, to),
        (from, DataType::Boolean) if from.is_integer() => engine(array, &DataType::Boolean),
        (DataType::Interval(_), DataType::Interval(_)) | (DataType::Binary, DataType::BinaryView) => {
            engine(array, target)
        }
        (from, to) if from == to => Ok(Arc::clone(array)),
        (from, to) if from.is_integer() && (to.is_floating() || is_decimal(to)) => engine(array, to),
        (from, to) => Err(fail(
            SqlState::CannotCoerce,
            format!("cannot cast type {} to {}", SqlType::from_arrow(from).name(), SqlType::from_arrow(to).name()),
        )),
    }
}

fn out_of_range(target: &DataType) -> DataFusionError {
    fail(SqlState::NumericValueOutOfRange, format!("{} out of range", SqlType::from_arrow(target).name()))
}

/// Rounds half to even, as Postgres does.
fn float_to_integer(array: &ArrayRef, target: &DataType) -> Result<ArrayRef> {
    let wide = engine(array, &DataType::Float64)?;
    let rounded: PrimitiveArray<Int64Type> = wide.as_primitive::<Float64Type>().try_unary(|value| {
        let rounded = value.round_ties_even();
        // 2^63 is exact as a float; anything below it fits.
        if rounded.is_nan() || !(-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&rounded) {
            return Err(out_of_range(target));
        }
        #[expect(clippy::cast_possible_truncation, reason = "checked above")]
        Ok(rounded as i64)
    })?;
    let rounded: ArrayRef = Arc::new(rounded);
    engine(&rounded, target).map_err(|_overflow| out_of_range(target))
}

/// Through the shortest text, so that 0.1 is 0.1.
fn float_to_decimal(array: &ArrayRef, target: &DataType, context: &FunctionContext) -> Result<ArrayRef> {
    from_text(&to_text(array, context)?, target, context)
}
