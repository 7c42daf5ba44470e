//! The functions of `pg_catalog`: one row each, evaluated value by value. Catalogs are small, so plainness wins over
//! vectors here.

mod array;
mod definition;
mod name;
mod privilege;
mod session;
mod size;

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::common::ScalarValue;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{
    ColumnarValue, Expr, LogicalPlan, LogicalPlanBuilder, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature, Volatility,
};

use crate::error::SqlError;
use crate::system::cell::{Cell, from_array, to_array};
use crate::system::context::{FunctionFact, SystemContext};
use crate::types::SqlType;

pub(crate) use array::array_or_empty;

/// What an argument is brought to before the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `text`.
    Text,
    /// `bigint`; oids, too.
    Int,
    /// `boolean`.
    Bool,
    /// Whatever it is: an oid or a name, an array.
    Any,
}

/// One call of one row.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    /// The world.
    pub context: &'a SystemContext,
    /// The arguments.
    pub arguments: &'a [Cell],
    /// Their fields.
    pub fields: &'a [FieldRef],
}

impl Call<'_> {
    /// An argument; NULL when it was not given.
    pub(crate) fn get(&self, index: usize) -> &Cell {
        self.arguments.get(index).unwrap_or(&Cell::Null)
    }

    /// A text argument; empty when it was not given.
    pub(crate) fn text(&self, index: usize) -> &str {
        self.get(index).as_text().unwrap_or_default()
    }

    /// An oid; 0 when the argument is none.
    pub(crate) fn oid(&self, index: usize) -> u32 {
        self.get(index).as_oid().unwrap_or(0)
    }

    /// An integer; 0 when it was not given.
    pub(crate) fn int(&self, index: usize) -> i64 {
        self.get(index).as_int().unwrap_or(0)
    }

    /// Number of arguments.
    pub(crate) fn count(&self) -> usize {
        self.arguments.len()
    }
}

/// Computes one value.
pub(crate) type Code = fn(&Call<'_>) -> Result<Cell, SqlError>;

/// The declaration of a function.
#[derive(Debug)]
pub(crate) struct SystemFunction {
    /// Name.
    pub name: &'static str,
    /// Arguments; those after `required` may be left out.
    pub arguments: &'static [Kind],
    /// Number of arguments that must be given.
    pub required: usize,
    /// Name of the type of the result.
    pub result: &'static str,
    /// Volatility.
    pub volatility: Volatility,
    /// Whether any NULL argument makes the result NULL without a call.
    pub strict: bool,
    /// The code.
    pub code: Code,
}

impl SystemFunction {
    /// SQL type of the result.
    pub(crate) fn result_type(&self) -> SqlType {
        SqlType::parse(self.result).unwrap_or(SqlType::Text)
    }
}

/// Declares functions: `name(kinds; optional kinds) -> type, volatility, strict|called, code;`.
macro_rules! declare_functions {
    (@strict strict) => { true };
    (@strict called) => { false };
    ($($name:literal($($kind:ident)* $(; $($optional:ident)+)?) -> $result:literal, $volatility:ident, $strict:ident,
        $code:expr;)*) => {
        /// The functions declared here.
        pub(super) static FUNCTIONS: &[$crate::system::function::SystemFunction] = &[$(
            $crate::system::function::SystemFunction {
                name: $name,
                arguments: &[$($crate::system::function::Kind::$kind,)*
                    $($($crate::system::function::Kind::$optional,)+)?],
                required: <[&str]>::len(&[$(stringify!($kind)),*]),
                result: $result,
                volatility: datafusion::logical_expr::Volatility::$volatility,
                strict: declare_functions!(@strict $strict),
                code: $code,
            },
        )*];
    };
}
use declare_functions;

fn all() -> impl Iterator<Item = &'static SystemFunction> {
    [
        array::FUNCTIONS,
        definition::FUNCTIONS,
        name::FUNCTIONS,
        privilege::FUNCTIONS,
        session::FUNCTIONS,
        size::FUNCTIONS,
    ]
    .into_iter()
    .flatten()
}

/// All functions over one context.
pub(crate) fn functions(context: &Arc<SystemContext>) -> Vec<ScalarUDF> {
    let own = all().map(|function| udf(function, context));
    own.chain([array_or_empty()]).collect()
}

/// A plan whose columns of oids with names (`regclass` and its kin) give the names.
pub(crate) fn show_names(plan: LogicalPlan, context: &Arc<SystemContext>) -> Result<LogicalPlan, SqlError> {
    let schema = Arc::clone(plan.schema());
    let output = |field: &FieldRef| match SqlType::from_field(field) {
        SqlType::Regclass => Some("regclass_out"),
        SqlType::Regtype => Some("regtype_out"),
        SqlType::Regproc => Some("regproc_out"),
        SqlType::Regnamespace => Some("regnamespace_out"),
        SqlType::Regrole => Some("regrole_out"),
        _ => None,
    };
    if schema.fields().iter().all(|field| output(field).is_none()) {
        return Ok(plan);
    }
    let exprs = schema.iter().map(|(qualifier, field)| {
        let column = Expr::from((qualifier, field));
        match output(field).and_then(|name| find(name, context)) {
            Some(function) => function.call(vec![column]).alias_qualified(qualifier.cloned(), field.name()),
            None => column,
        }
    });
    let exprs: Vec<Expr> = exprs.collect();
    Ok(LogicalPlanBuilder::from(plan).project(exprs)?.build()?)
}

fn find(name: &str, context: &Arc<SystemContext>) -> Option<ScalarUDF> {
    all().find(|function| function.name == name).map(|function| udf(function, context))
}

fn udf(function: &'static SystemFunction, context: &Arc<SystemContext>) -> ScalarUDF {
    ScalarUDF::new_from_impl(Bound {
        function,
        context: Arc::clone(context),
        signature: Signature::user_defined(function.volatility),
    })
}

/// The functions of this module as `pg_proc` shows them.
pub(crate) fn function_facts() -> impl Iterator<Item = FunctionFact> {
    all().map(|function| FunctionFact {
        name: function.name.to_owned(),
        kind: 'f',
        volatility: match function.volatility {
            Volatility::Immutable => 'i',
            Volatility::Stable => 's',
            Volatility::Volatile => 'v',
        },
    })
}

/// A function bound to the context of a statement.
#[derive(Debug)]
struct Bound {
    function: &'static SystemFunction,
    context: Arc<SystemContext>,
    signature: Signature,
}

// Two calls are the same expression when they call the same function in the same world.
impl PartialEq for Bound {
    fn eq(&self, other: &Self) -> bool {
        self.function.name == other.function.name && Arc::ptr_eq(&self.context, &other.context)
    }
}
impl Eq for Bound {}
impl Hash for Bound {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.function.name.hash(state);
    }
}

impl ScalarUDFImpl for Bound {
    fn name(&self) -> &str {
        self.function.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(self.function.result_type().arrow())
    }

    fn return_field_from_args(&self, _arguments: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        Ok(Arc::new(self.function.result_type().field(self.function.name, true)))
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        let function = self.function;
        if given.len() < function.required || given.len() > function.arguments.len() {
            let error = SqlError::new(
                crate::error::SqlState::UndefinedFunction,
                format!("function {} does not take {} arguments", function.name, given.len()),
            );
            return Err(DataFusionError::External(Box::new(error)));
        }
        let kinds = function.arguments.iter().zip(given);
        Ok(kinds.map(|(kind, data_type)| coerced(*kind, data_type)).collect())
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let constant = call.args.iter().all(|argument| matches!(argument, ColumnarValue::Scalar(_)))
            && self.function.volatility != Volatility::Volatile;
        let rows = if constant { 1 } else { call.number_rows };
        let columns = call
            .args
            .iter()
            .map(|argument| from_array(&argument.to_array(rows)?).map_err(DataFusionError::from))
            .collect::<Result<Vec<Vec<Cell>>>>()?;
        let mut arguments = Vec::with_capacity(columns.len());
        let mut results = Vec::with_capacity(rows);
        for row in 0..rows {
            arguments.clear();
            arguments.extend(columns.iter().map(|column| column.get(row).cloned().unwrap_or_default()));
            results.push(self.evaluate(&arguments, &call.arg_fields)?);
        }
        let array: ArrayRef = to_array(&results, call.return_field.data_type())?;
        if constant { Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&array, 0)?)) } else { Ok(array.into()) }
    }
}

impl Bound {
    fn evaluate(&self, arguments: &[Cell], fields: &[FieldRef]) -> Result<Cell, SqlError> {
        if self.function.strict && arguments.iter().any(Cell::is_null) {
            return Ok(Cell::Null);
        }
        (self.function.code)(&Call { context: &self.context, arguments, fields })
    }
}

fn coerced(kind: Kind, data_type: &DataType) -> DataType {
    match kind {
        Kind::Text => DataType::Utf8View,
        Kind::Int => DataType::Int64,
        Kind::Bool => DataType::Boolean,
        Kind::Any => match data_type {
            DataType::Utf8 | DataType::LargeUtf8 => DataType::Utf8View,
            other => other.clone(),
        },
    }
}

impl From<SqlError> for DataFusionError {
    fn from(error: SqlError) -> Self {
        Self::External(Box::new(error))
    }
}
