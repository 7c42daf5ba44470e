//! Operators and type names with Postgres's meaning, for the engine's planner.

use std::sync::Arc;

use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr, TypePlanner};
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, Operator, ScalarUDF};
use sqlparser::ast::{self, BinaryOperator};

use super::query::external;
use crate::function::{self, FunctionContext, operator};
use crate::optimize::coerce;
use crate::types::SqlType;

/// Plans binary operators.
#[derive(Debug)]
pub(crate) struct Operators {
    context: Arc<FunctionContext>,
}

impl Operators {
    /// Operators in one session.
    pub(crate) fn new(context: Arc<FunctionContext>) -> Self {
        Self { context }
    }

    fn function(&self, name: &str, left: Expr, right: Expr, schema: &DFSchema) -> Result<Expr> {
        let (left, right) =
            (coerce::folded(left, schema, &self.context)?, coerce::folded(right, schema, &self.context)?);
        let (left, right) = coerce::operands(name, left, right, schema, &self.context)?;
        let Some(udf) = function::scalar(name, &self.context) else {
            return Err(external(crate::error::SqlError::internal(format!("operator {name} has no function"))));
        };
        let temporal = |expr: &Expr| expr.get_type(schema).is_ok_and(|data_type| data_type.is_temporal());
        let mut args = vec![left, right];
        if args.iter().any(temporal) {
            // Constants of the calendar are known here already, so that comparisons with them stay plain.
            let wanted = types_of(&udf, schema, &args)?;
            for (arg, wanted) in args.iter_mut().zip(wanted) {
                let taken = std::mem::replace(arg, Expr::Literal(ScalarValue::Null, None));
                *arg = coerce::cast_to(taken, &wanted, schema, &self.context)?;
                let taken = std::mem::replace(arg, Expr::Literal(ScalarValue::Null, None));
                *arg = coerce::folded(taken, schema, &self.context)?;
            }
            if let Some(value) = coerce::computed(&udf, &args) {
                return Ok(value);
            }
        }
        // Asked first, because the engine would wrap the error in words of its own.
        types_of(&udf, schema, &args)?;
        let call = Expr::ScalarFunction(ScalarFunction::new_udf(udf, args));
        // Types that do not fit are reported here, where the operator is.
        call.get_type(schema)?;
        Ok(call)
    }
}

/// The types that a function wants its arguments in.
fn types_of(udf: &ScalarUDF, schema: &DFSchema, args: &[Expr]) -> Result<Vec<DataType>> {
    let types: Vec<DataType> = args.iter().map(|arg| arg.get_type(schema)).collect::<Result<_>>()?;
    udf.coerce_types(&types)
}

fn comparison(op: &BinaryOperator) -> Option<Operator> {
    Some(match op {
        BinaryOperator::Eq => Operator::Eq,
        BinaryOperator::NotEq => Operator::NotEq,
        BinaryOperator::Lt => Operator::Lt,
        BinaryOperator::LtEq => Operator::LtEq,
        BinaryOperator::Gt => Operator::Gt,
        BinaryOperator::GtEq => Operator::GtEq,
        _ => return None,
    })
}

fn arithmetic(op: &BinaryOperator) -> Option<&'static str> {
    Some(match op {
        BinaryOperator::Plus => operator::ADD,
        BinaryOperator::Minus => operator::SUBTRACT,
        BinaryOperator::Multiply => operator::MULTIPLY,
        BinaryOperator::Divide => operator::DIVIDE,
        BinaryOperator::Modulo => operator::MODULO,
        BinaryOperator::PGExp => "power",
        _ => return None,
    })
}

fn is_list(expr: &Expr, schema: &DFSchema) -> Result<bool> {
    Ok(matches!(expr.get_type(schema)?, DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..)))
}

impl ExprPlanner for Operators {
    fn plan_binary_op(&self, expr: RawBinaryExpr, schema: &DFSchema) -> Result<PlannerResult<RawBinaryExpr>> {
        if let Some(op) = comparison(&expr.op) {
            let (left, right) = coerce::comparison(expr.left, expr.right, schema, &self.context)?;
            let compared = Expr::BinaryExpr(BinaryExpr::new(Box::new(left), op, Box::new(right)));
            return Ok(PlannerResult::Planned(compared));
        }
        if let Some(name) = arithmetic(&expr.op) {
            return self.function(name, expr.left, expr.right, schema).map(PlannerResult::Planned);
        }
        if expr.op == BinaryOperator::StringConcat && !is_list(&expr.left, schema)? && !is_list(&expr.right, schema)? {
            return self.function(operator::CONCAT, expr.left, expr.right, schema).map(PlannerResult::Planned);
        }
        Ok(PlannerResult::Original(expr))
    }
}

/// Type names → Arrow fields that carry the SQL type.
#[derive(Debug)]
pub(crate) struct Types;

impl TypePlanner for Types {
    fn plan_type_field(&self, sql_type: &ast::DataType) -> Result<Option<FieldRef>> {
        if let ast::DataType::Array(element) = sql_type {
            let inner = match element {
                ast::ArrayElemTypeDef::AngleBracket(inner)
                | ast::ArrayElemTypeDef::SquareBracket(inner, _)
                | ast::ArrayElemTypeDef::Parenthesis(inner) => inner,
                ast::ArrayElemTypeDef::None => return Ok(None),
            };
            let element = SqlType::from_ast(inner).map_err(external)?;
            return Ok(Some(SqlType::Array(Box::new(element)).cast_field()));
        }
        SqlType::from_ast(sql_type).map(|parsed| Some(parsed.cast_field())).map_err(external)
    }
}

/// The value of a literal, seen through the cast that gives an integer literal its type.
pub(crate) fn literal(expr: &Expr) -> Option<ScalarValue> {
    match expr {
        Expr::Literal(value, _) => Some(value.clone()),
        Expr::Alias(alias) => literal(&alias.expr),
        Expr::Cast(cast) => match (cast.expr.as_ref(), cast.field.data_type()) {
            (Expr::Literal(value @ ScalarValue::Int64(Some(_)), _), DataType::Int32) => {
                value.cast_to(&DataType::Int32).ok()
            }
            _ => None,
        },
        _ => None,
    }
}
