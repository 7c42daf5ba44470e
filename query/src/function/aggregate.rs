//! `sum` and `avg` with Postgres's and Redshift's types: exact, wide, and with an error on overflow.
//!
//! | input | `sum` | `avg` |
//! |---|---|---|
//! | smallint, integer | bigint | numeric(38, 6) |
//! | bigint | numeric(38, 0) | numeric(38, 6) |
//! | numeric(p, s) | numeric(38, s) | numeric(38, s + 4) |
//! | real | real | double precision |
//! | double precision | double precision | double precision |
//!
//! Redshift gives `avg(numeric(p, s))` only s digits; four more keep comparisons with an average right.

use std::collections::HashSet;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Decimal128Array, Int64Array};
use arrow::datatypes::{DataType, Decimal128Type, Field, FieldRef, Float32Type, Int64Type};
use datafusion::common::{Result, ScalarValue};
use datafusion::functions_aggregate::{average::avg_udaf, sum::sum_udaf};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, EmitTo, GroupsAccumulator, ReversedUDAF, Signature, Volatility,
};

use super::builtin::{fail, no_such};
use super::decimal::{self, Digits, digits, shape, sum_type};
use crate::error::SqlState;
use crate::types::{NUMERIC_PRECISION_MAX, decimal_type};

/// Digits that an average has beyond those of its input.
const AVERAGE_EXTRA_SCALE: i8 = 4;
/// Digits that an average has at least.
const AVERAGE_SCALE_MIN: i8 = 6;

/// Our aggregate of that name.
pub(crate) fn own(name: &str) -> Option<Arc<AggregateUDF>> {
    let kind = match name {
        "sum" => Kind::Sum,
        "avg" => Kind::Average,
        _ => return None,
    };
    Some(Arc::new(AggregateUDF::from(Total { kind, signature: Signature::user_defined(Volatility::Immutable) })))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    Sum,
    Average,
}

/// `sum` or `avg`.
#[derive(Debug, Clone)]
struct Total {
    kind: Kind,
    signature: Signature,
}

impl PartialEq for Total {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind
    }
}

impl Eq for Total {}

impl Hash for Total {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.kind.hash(state);
    }
}

impl Total {
    fn engine(&self) -> Arc<AggregateUDF> {
        match self.kind {
            Kind::Sum => sum_udaf(),
            Kind::Average => avg_udaf(),
        }
    }

    fn result(&self, input: &DataType) -> Result<DataType> {
        if input.is_floating() {
            let real = self.kind == Kind::Sum && *input == DataType::Float32;
            return Ok(if real { DataType::Float32 } else { DataType::Float64 });
        }
        let none = || no_such(self.name(), std::slice::from_ref(input));
        match self.kind {
            Kind::Sum => sum_type(input).ok_or_else(none),
            Kind::Average => {
                let scale = shape(input).ok_or_else(none)?.1;
                let scale = (scale + AVERAGE_EXTRA_SCALE).clamp(AVERAGE_SCALE_MIN, 38);
                Ok(decimal_type(NUMERIC_PRECISION_MAX, scale))
            }
        }
    }
}

fn input_type<'a>(args: &'a AccumulatorArgs<'_>) -> &'a DataType {
    args.expr_fields.first().map_or(&DataType::Null, |field| field.data_type())
}

impl AggregateUDFImpl for Total {
    fn name(&self) -> &str {
        match self.kind {
            Kind::Sum => "sum",
            Kind::Average => "avg",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        let [input] = arg_types else { return Err(no_such(self.name(), arg_types)) };
        if self.kind == Kind::Sum && *input == DataType::Float32 {
            return Ok(vec![DataType::Float32]);
        }
        if input.is_floating() || input.is_null() {
            return Ok(vec![DataType::Float64]);
        }
        if shape(input).is_none() {
            return Err(no_such(self.name(), arg_types));
        }
        Ok(vec![input.clone()])
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        match arg_types {
            [DataType::Null] => Ok(DataType::Float64),
            [input] => self.result(input),
            _ => Err(no_such(self.name(), arg_types)),
        }
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let input = args.input_fields.first().map_or(&DataType::Null, |field| field.data_type());
        if *input == DataType::Float32 {
            return Ok(vec![Field::new(format!("{}[sum]", args.name), DataType::Float32, true).into()]);
        }
        if input.is_floating() {
            return self.engine().state_fields(args);
        }
        let scale = shape(input).map_or(0, |shape| shape.1);
        let sum = DataType::Decimal128(NUMERIC_PRECISION_MAX, scale);
        if args.is_distinct {
            let list = DataType::List(Field::new_list_field(sum, true).into());
            return Ok(vec![Field::new(format!("{}[values]", args.name), list, true).into()]);
        }
        Ok(vec![
            Field::new(format!("{}[sum]", args.name), sum, true).into(),
            Field::new(format!("{}[count]", args.name), DataType::Int64, true).into(),
        ])
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        if *input_type(&args) == DataType::Float32 {
            if args.is_distinct {
                return Err(fail(SqlState::FeatureNotSupported, "sum(DISTINCT real) is not supported")
                    .context("cast the argument to double precision"));
            }
            return Ok(Box::new(Real { sum: None }));
        }
        if input_type(&args).is_floating() {
            return self.engine().accumulator(args);
        }
        let totals = Totals::new(self.kind, input_type(&args), args.return_field.data_type());
        if args.is_distinct {
            return Ok(Box::new(Distinct { totals, values: HashSet::new() }));
        }
        Ok(Box::new(Single { totals }))
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs<'_>) -> bool {
        if *input_type(&args) == DataType::Float32 {
            return false;
        }
        if input_type(&args).is_floating() {
            return self.engine().groups_accumulator_supported(args);
        }
        !args.is_distinct
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn GroupsAccumulator>> {
        if input_type(&args).is_floating() {
            return self.engine().create_groups_accumulator(args);
        }
        Ok(Box::new(Totals::new(self.kind, input_type(&args), args.return_field.data_type())))
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        if *input_type(&args) == DataType::Float64 {
            return self.engine().create_sliding_accumulator(args);
        }
        self.accumulator(args)
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        ReversedUDAF::Identical
    }

    fn order_sensitivity(&self) -> datafusion::logical_expr::utils::AggregateOrderSensitivity {
        datafusion::logical_expr::utils::AggregateOrderSensitivity::Insensitive
    }
}

/// Sums and counts, one a group.
#[derive(Debug)]
struct Totals {
    kind: Kind,
    scale: i8,
    output: DataType,
    sums: Vec<i128>,
    counts: Vec<i64>,
}

impl Totals {
    fn new(kind: Kind, input: &DataType, output: &DataType) -> Self {
        let scale = shape(input).map_or(0, |shape| shape.1);
        Self { kind, scale, output: output.clone(), sums: vec![], counts: vec![] }
    }

    fn grow(&mut self, groups: usize) {
        self.sums.resize(groups, 0);
        self.counts.resize(groups, 0);
    }

    /// Adds rows; the loop without nulls is the hot one.
    fn add(
        &mut self,
        values: &ArrayRef,
        groups: impl Iterator<Item = usize>,
        kept: Option<&BooleanArray>,
    ) -> Result<()> {
        let Some(values_of) = digits(values) else {
            return Err(fail(SqlState::InternalError, "a sum over values that are not numbers"));
        };
        let skip = |row: usize| values.is_null(row) || kept.is_some_and(|kept| kept.is_null(row) || !kept.value(row));
        let plain = values.null_count() == 0 && kept.is_none();
        match values_of {
            Digits::Small(numbers) => {
                for (row, (group, number)) in groups.zip(numbers.iter()).enumerate() {
                    if plain || !skip(row) {
                        // 2^64 values of 64 bits fit 128 bits.
                        self.sums[group] += i128::from(*number);
                        self.counts[group] += 1;
                    }
                }
            }
            Digits::Wide(numbers) => {
                for (row, (group, number)) in groups.zip(numbers.iter()).enumerate() {
                    if plain || !skip(row) {
                        self.sums[group] = self.sums[group].checked_add(*number).ok_or_else(decimal::overflow)?;
                        self.counts[group] += 1;
                    }
                }
            }
        }
        Ok(())
    }

    fn merge(&mut self, states: &[ArrayRef], groups: impl Iterator<Item = usize>) -> Result<()> {
        let [sums, counts] = states else {
            return Err(fail(SqlState::InternalError, "a sum's state has two columns"));
        };
        let (sums, counts) = (sums.as_primitive::<Decimal128Type>(), counts.as_primitive::<Int64Type>());
        for (row, group) in groups.enumerate() {
            if sums.is_valid(row) {
                let sum = self.sums[group].checked_add(sums.value(row));
                self.sums[group] = sum.ok_or_else(decimal::overflow)?;
                self.counts[group] += counts.value(row);
            }
        }
        Ok(())
    }

    /// The result of one group.
    fn value(&self, sum: i128, count: i64) -> Result<i128> {
        if self.kind == Kind::Sum {
            return Ok(sum);
        }
        let scale = shape(&self.output).map_or(0, |shape| shape.1);
        super::arithmetic::wide_divide(sum, i128::from(count), i16::from(scale - self.scale))
            .ok_or_else(decimal::overflow)
    }

    fn results(&self, sums: &[i128], counts: &[i64]) -> Result<ArrayRef> {
        let values = sums
            .iter()
            .zip(counts)
            .map(|(sum, count)| if *count == 0 { Ok(None) } else { self.value(*sum, *count).map(Some) });
        match &self.output {
            DataType::Int64 => {
                let values: Result<Int64Array> = values
                    .map(|value| {
                        let value = value?.map(i64::try_from).transpose();
                        value.map_err(|_error| fail(SqlState::NumericValueOutOfRange, "bigint out of range"))
                    })
                    .collect();
                Ok(Arc::new(values?))
            }
            output => {
                let most = decimal::power(38);
                let values: Result<Decimal128Array> = values
                    .map(|value| match value? {
                        Some(value) if value.abs() >= most => Err(decimal::overflow()),
                        value => Ok(value),
                    })
                    .collect();
                Ok(Arc::new(values?.with_data_type(output.clone())))
            }
        }
    }

    fn states(&self, sums: Vec<i128>, counts: Vec<i64>) -> Result<Vec<ArrayRef>> {
        let sums: Decimal128Array =
            sums.into_iter().zip(&counts).map(|(sum, count)| (*count > 0).then_some(sum)).collect();
        let sums = sums.with_data_type(DataType::Decimal128(NUMERIC_PRECISION_MAX, self.scale));
        Ok(vec![Arc::new(sums), Arc::new(Int64Array::from(counts))])
    }

    fn bytes(&self) -> usize {
        self.sums.capacity() * size_of::<i128>() + self.counts.capacity() * size_of::<i64>()
    }
}

impl GroupsAccumulator for Totals {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        opt_filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        self.grow(total_num_groups);
        self.add(&values[0], group_indices.iter().copied(), opt_filter)
    }

    fn merge_batch(&mut self, values: &[ArrayRef], group_indices: &[usize], total_num_groups: usize) -> Result<()> {
        self.grow(total_num_groups);
        self.merge(values, group_indices.iter().copied())
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let (sums, counts) = (emit_to.take_needed(&mut self.sums), emit_to.take_needed(&mut self.counts));
        self.results(&sums, &counts)
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let (sums, counts) = (emit_to.take_needed(&mut self.sums), emit_to.take_needed(&mut self.counts));
        self.states(sums, counts)
    }

    fn convert_to_state(&self, values: &[ArrayRef], opt_filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        let rows = values[0].len();
        let mut each = Self { sums: vec![0; rows], counts: vec![0; rows], output: self.output.clone(), ..*self };
        each.add(&values[0], 0..rows, opt_filter)?;
        let (sums, counts) = (std::mem::take(&mut each.sums), std::mem::take(&mut each.counts));
        each.states(sums, counts)
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.bytes()
    }
}

/// One group, as windows and ungrouped queries use it.
#[derive(Debug)]
struct Single {
    totals: Totals,
}

impl Accumulator for Single {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.totals.grow(1);
        self.totals.add(&values[0], std::iter::repeat_n(0, values[0].len()), None)
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.totals.grow(1);
        let mut gone = Totals::new(self.totals.kind, values[0].data_type(), &self.totals.output);
        gone.grow(1);
        gone.add(&values[0], std::iter::repeat_n(0, values[0].len()), None)?;
        self.totals.sums[0] -= gone.sums[0];
        self.totals.counts[0] -= gone.counts[0];
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.totals.grow(1);
        ScalarValue::try_from_array(&self.totals.results(&self.totals.sums, &self.totals.counts)?, 0)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.totals.grow(1);
        let states = self.totals.states(self.totals.sums.clone(), self.totals.counts.clone())?;
        states.iter().map(|state| ScalarValue::try_from_array(state, 0)).collect()
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.totals.grow(1);
        self.totals.merge(states, std::iter::repeat_n(0, states[0].len()))
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.totals.bytes()
    }
}

/// One group of distinct values.
#[derive(Debug)]
struct Distinct {
    totals: Totals,
    values: HashSet<i128>,
}

impl Distinct {
    fn insert(&mut self, values: &ArrayRef) -> Result<()> {
        match digits(values) {
            Some(Digits::Small(numbers)) => {
                let valid = numbers.iter().enumerate().filter(|(row, _)| values.is_valid(*row));
                self.values.extend(valid.map(|(_, number)| i128::from(*number)));
            }
            Some(Digits::Wide(numbers)) => {
                let valid = numbers.iter().enumerate().filter(|(row, _)| values.is_valid(*row));
                self.values.extend(valid.map(|(_, number)| *number));
            }
            None => return Err(fail(SqlState::InternalError, "a sum over values that are not numbers")),
        }
        Ok(())
    }
}

impl Accumulator for Distinct {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.insert(&values[0])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let mut sum: i128 = 0;
        for value in &self.values {
            sum = sum.checked_add(*value).ok_or_else(decimal::overflow)?;
        }
        let count = i64::try_from(self.values.len()).unwrap_or(i64::MAX);
        ScalarValue::try_from_array(&self.totals.results(&[sum], &[count])?, 0)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let data_type = DataType::Decimal128(NUMERIC_PRECISION_MAX, self.totals.scale);
        let values: Vec<ScalarValue> = self
            .values
            .iter()
            .map(|value| ScalarValue::Decimal128(Some(*value), NUMERIC_PRECISION_MAX, self.totals.scale))
            .collect();
        Ok(vec![ScalarValue::List(ScalarValue::new_list_nullable(&values, &data_type))])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        for list in states[0].as_list::<i32>().iter().flatten() {
            self.insert(&list)?;
        }
        Ok(())
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.values.capacity() * size_of::<i128>()
    }
}

/// `sum(real)` is `real`; it is computed in doubles.
#[derive(Debug)]
struct Real {
    sum: Option<f64>,
}

impl Real {
    fn add(&mut self, values: &ArrayRef, sign: f64) {
        for value in values.as_primitive::<Float32Type>().iter().flatten() {
            self.sum = Some(self.sum.unwrap_or(0.0) + sign * f64::from(value));
        }
    }
}

impl Accumulator for Real {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.add(&values[0], 1.0);
        Ok(())
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.add(&values[0], -1.0);
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        #[expect(clippy::cast_possible_truncation, reason = "the type of the result")]
        Ok(ScalarValue::Float32(self.sum.map(|sum| sum as f32)))
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.evaluate()?])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.add(&states[0], 1.0);
        Ok(())
    }

    fn size(&self) -> usize {
        size_of::<Self>()
    }
}
