//! The rule that gives expressions Postgres's meaning after names are resolved, before the engine settles types.
//!
//! Casts become ours where the engine's differ, comparisons and CASE get Postgres's common types, and arguments of our
//! functions are converted with our casts. It runs bottom-up over the whole plan, so that types below are final.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchemaRef, ExprSchema, Result};
use datafusion::logical_expr::expr::{Case, InList, ScalarFunction};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, LogicalPlan, Operator, Subquery};
use datafusion::optimizer::AnalyzerRule;

use super::coerce;
use crate::function::{FunctionContext, Scalar};
use crate::types::SqlType;

/// See the module.
#[derive(Debug)]
pub(crate) struct Semantics {
    context: Arc<FunctionContext>,
}

impl Semantics {
    /// The rule for one session.
    pub(crate) fn new(context: Arc<FunctionContext>) -> Self {
        Self { context }
    }
}

impl AnalyzerRule for Semantics {
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        Pass { context: &self.context, outer: vec![] }.plan(plan)
    }

    fn name(&self) -> &str {
        "postgres_semantics"
    }
}

/// One descent; `outer` are the schemas of the queries around a subquery, outermost first.
struct Pass<'a> {
    context: &'a Arc<FunctionContext>,
    outer: Vec<DFSchemaRef>,
}

impl Pass<'_> {
    fn plan(&self, plan: LogicalPlan) -> Result<LogicalPlan> {
        // Children first: the types of this node's expressions depend on theirs.
        let plan = plan.map_children(|child| self.plan(child).map(Transformed::yes))?.data;
        let mut schema = merge_schema(&plan.inputs());
        if let LogicalPlan::TableScan(scan) = &plan {
            schema.merge(&scan.projected_schema);
        }
        let preserver = NamePreserver::new(&plan);
        let schema = Arc::new(schema);
        let plan = plan.map_expressions(|expr| {
            let name = preserver.save(&expr);
            let rewritten = self.tree(expr, &schema)?;
            Ok(Transformed::yes(name.restore(rewritten)))
        })?;
        if matches!(plan.data, LogicalPlan::Values(_) | LogicalPlan::TableScan(_)) {
            return Ok(plan.data);
        }
        plan.data.recompute_schema()
    }

    fn tree(&self, expr: Expr, schema: &DFSchemaRef) -> Result<Expr> {
        expr.transform_up(|expr| self.expression(expr, schema).map(Transformed::yes)).map(|done| done.data)
    }

    fn subquery(&self, subquery: Subquery, schema: &DFSchemaRef) -> Result<Subquery> {
        let mut outer = self.outer.clone();
        outer.push(Arc::clone(schema));
        let inner = Pass { context: self.context, outer };
        let plan = inner.plan(Arc::unwrap_or_clone(subquery.subquery))?;
        let columns = subquery.outer_ref_columns.into_iter().map(|column| inner.refreshed(column));
        Ok(Subquery { subquery: Arc::new(plan), outer_ref_columns: columns.collect(), spans: subquery.spans })
    }

    /// A reference to an outer query's column has the type that the column has by now.
    fn refreshed(&self, expr: Expr) -> Expr {
        let Expr::OuterReferenceColumn(field, column) = expr else { return expr };
        match self.outer.iter().rev().find_map(|schema| schema.field_from_column(&column).ok().cloned()) {
            Some(found) => Expr::OuterReferenceColumn(found, column),
            None => Expr::OuterReferenceColumn(field, column),
        }
    }

    fn expression(&self, expr: Expr, schema: &DFSchemaRef) -> Result<Expr> {
        match expr {
            Expr::OuterReferenceColumn(..) => Ok(self.refreshed(expr)),
            Expr::Cast(cast) => coerce::cast(*cast.expr, &cast.field, schema.as_ref(), self.context),
            Expr::BinaryExpr(binary) if compares(binary.op) => {
                let (left, right) = coerce::comparison(*binary.left, *binary.right, schema.as_ref(), self.context)?;
                Ok(Expr::BinaryExpr(BinaryExpr::new(Box::new(left), binary.op, Box::new(right))))
            }
            Expr::Like(mut like) => {
                let text = SqlType::Text.cast_field();
                if coerce::is_open(&like.pattern) {
                    like.pattern = Box::new(coerce::cast(*like.pattern, &text, schema.as_ref(), self.context)?);
                }
                if coerce::is_open(&like.expr) {
                    like.expr = Box::new(coerce::cast(*like.expr, &text, schema.as_ref(), self.context)?);
                }
                Ok(Expr::Like(like))
            }
            Expr::InList(list) => self.in_list(list, schema),
            Expr::Case(case) => self.case(case, schema),
            Expr::ScalarFunction(call) => self.call(call, schema),
            Expr::ScalarSubquery(subquery) => Ok(Expr::ScalarSubquery(self.subquery(subquery, schema)?)),
            Expr::Exists(mut exists) => {
                exists.subquery = self.subquery(exists.subquery, schema)?;
                Ok(Expr::Exists(exists))
            }
            Expr::InSubquery(mut tested) => {
                tested.subquery = self.subquery(tested.subquery, schema)?;
                Ok(Expr::InSubquery(tested))
            }
            Expr::SetComparison(mut compared) => {
                compared.subquery = self.subquery(compared.subquery, schema)?;
                Ok(Expr::SetComparison(compared))
            }
            other => Ok(other),
        }
    }

    fn in_list(&self, list: InList, schema: &DFSchemaRef) -> Result<Expr> {
        let InList { expr, list, negated } = list;
        let mut items = Vec::with_capacity(list.len());
        for item in list {
            let (left, right) = coerce::comparison(expr.as_ref().clone(), item, schema.as_ref(), self.context)?;
            if left != *expr {
                // No common type with a plain list: the engine finds one for all items.
                items.push(right);
                continue;
            }
            items.push(right);
        }
        Ok(Expr::InList(InList { expr, list: items, negated }))
    }

    fn case(&self, case: Case, schema: &DFSchemaRef) -> Result<Expr> {
        let Case { expr, when_then_expr, else_expr } = case;
        let mut branches: Vec<Expr> = when_then_expr.iter().map(|(_, then)| then.as_ref().clone()).collect();
        branches.extend(else_expr.as_deref().cloned());
        let Some(target) = coerce::common_type(&branches, schema.as_ref())? else {
            return Ok(Expr::Case(Case { expr, when_then_expr, else_expr }));
        };
        let fit = |branch: Box<Expr>| coerce::cast(*branch, &target, schema.as_ref(), self.context).map(Box::new);
        let mut pairs = Vec::with_capacity(when_then_expr.len());
        for (when, then) in when_then_expr {
            let when = match &expr {
                Some(operand) => {
                    let (_, when) = coerce::comparison(operand.as_ref().clone(), *when, schema.as_ref(), self.context)?;
                    Box::new(when)
                }
                None => when,
            };
            pairs.push((when, fit(then)?));
        }
        let else_expr = else_expr.map(fit).transpose()?;
        Ok(Expr::Case(Case { expr, when_then_expr: pairs, else_expr }))
    }

    fn call(&self, call: ScalarFunction, schema: &DFSchemaRef) -> Result<Expr> {
        let ScalarFunction { func, args } = call;
        if let Some(scalar) = func.inner().downcast_ref::<Scalar>() {
            let types: Vec<DataType> = args.iter().map(|arg| arg.get_type(schema.as_ref())).collect::<Result<_>>()?;
            let wanted = (scalar.builtin.arguments)(&types)?;
            let args = args
                .into_iter()
                .zip(wanted)
                .map(|(arg, wanted)| coerce::cast_to(arg, &wanted, schema.as_ref(), self.context))
                .collect::<Result<_>>()?;
            return Ok(Expr::ScalarFunction(ScalarFunction::new_udf(func, args)));
        }
        if matches!(func.name(), "coalesce" | "greatest" | "least")
            && let Some(target) = coerce::common_type(&args, schema.as_ref())?
        {
            let args = args
                .into_iter()
                .map(|arg| coerce::cast(arg, &target, schema.as_ref(), self.context))
                .collect::<Result<_>>()?;
            return Ok(Expr::ScalarFunction(ScalarFunction::new_udf(func, args)));
        }
        Ok(Expr::ScalarFunction(ScalarFunction::new_udf(func, args)))
    }
}

fn compares(op: Operator) -> bool {
    matches!(
        op,
        Operator::Eq
            | Operator::NotEq
            | Operator::Lt
            | Operator::LtEq
            | Operator::Gt
            | Operator::GtEq
            | Operator::IsDistinctFrom
            | Operator::IsNotDistinctFrom
    )
}
