//! SQL as clients send it to catalogs, brought into forms that the planner knows.
//!
//! A pure change of the syntax tree, after names were given to the columns of the result and before planning:
//!
//! - `x::regclass` and its kin become calls of `regclass_in`, and back to text of `regclass_out`;
//! - `ARRAY(SELECT …)` becomes an aggregate in a scalar subquery;
//! - `EXISTS` in the select list becomes a count;
//! - functions that return sets become `unnest` of functions that return arrays;
//! - the hidden columns `tableoid` and `xmin` become what they would hold.

use std::ops::ControlFlow;

use sqlparser::ast::{
    AccessExpr, BinaryOperator, CastKind, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentClause,
    FunctionArgumentList, FunctionArguments, Ident, ObjectName, ObjectNamePart, OrderByExpr, OrderByKind, Query,
    Select, SelectItem, SetExpr, Subscript, TableFactor, Value, VisitMut, VisitorMut,
};

use crate::system::table::{FUNCTION_KIND, PG_CATALOG, SystemTable, all, lookup};
use crate::types::SqlType;

mod exists;
mod relation;

/// Rewrites a query in place.
pub(crate) fn query(query: &mut Query) {
    if let SetExpr::Select(select) = query.body.as_mut() {
        relation::repeated_columns(select);
    }
    let ControlFlow::Continue(()) = query.visit(&mut Rewriter);
}

/// Rewrites one expression in place.
pub(crate) fn expression(expr: &mut Expr) {
    let ControlFlow::Continue(()) = expr.visit(&mut Rewriter);
}

/// Whether a function in FROM can number its rows: those that become `unnest`.
pub(crate) fn gives_ordinality(function: &ObjectName) -> bool {
    plain_name(function).is_some_and(|name| relation::returns_set(&name))
}

struct Rewriter;

impl VisitorMut for Rewriter {
    type Break = std::convert::Infallible;

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<Self::Break> {
        relation::hidden_columns(select);
        exists::in_select_list(select);
        ControlFlow::Continue(())
    }

    fn post_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<Self::Break> {
        relation::set_returning(factor);
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Self::Break> {
        match expr {
            Expr::Cast { .. } | Expr::TypedString(_) => reg_cast(expr),
            Expr::Function(function) => {
                if let Some(replaced) = array_of_query(function).or_else(|| set_in_list(function)) {
                    *expr = replaced;
                }
            }
            Expr::CompoundFieldAccess { root, access_chain } => vector_subscript(root, access_chain),
            Expr::BinaryOp { left, op: BinaryOperator::Eq | BinaryOperator::NotEq, right } => {
                array_literal(left, right);
                array_literal(right, left);
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

fn take(expr: &mut Expr) -> Expr {
    std::mem::replace(expr, Expr::value(Value::Null))
}

/// A call of a function of ours.
pub(super) fn call(name: &str, arguments: Vec<Expr>) -> Expr {
    let arguments = arguments.into_iter().map(|argument| FunctionArg::Unnamed(FunctionArgExpr::Expr(argument)));
    Expr::Function(Function {
        name: ObjectName(vec![ObjectNamePart::Identifier(Ident::new(name))]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList {
            duplicate_treatment: None,
            args: arguments.collect(),
            clauses: vec![],
        }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: vec![],
    })
}

/// The last part of a name, which is all of it but `pg_catalog.`; `None` when it stands in another schema.
pub(super) fn plain_name(name: &ObjectName) -> Option<String> {
    let mut parts = name.0.iter().map(|part| match part {
        ObjectNamePart::Identifier(ident) if ident.quote_style.is_none() => Some(ident.value.to_lowercase()),
        ObjectNamePart::Identifier(ident) => Some(ident.value.clone()),
        ObjectNamePart::Function(_) => None,
    });
    match (parts.next()??, parts.next(), parts.next()) {
        (name, None, None) => Some(name),
        (schema, Some(Some(name)), None) if schema == PG_CATALOG => Some(name),
        _ => None,
    }
}

/// The plain arguments of a call; `None` when it has others.
fn arguments(function: &mut Function) -> Option<Vec<Expr>> {
    let FunctionArguments::List(list) = &mut function.args else { return None };
    plain_arguments(&mut list.args)
}

/// Takes plain arguments out of a list; `None`, and nothing taken, when there are others.
pub(super) fn plain_arguments(list: &mut [FunctionArg]) -> Option<Vec<Expr>> {
    if !list.iter().all(|argument| matches!(argument, FunctionArg::Unnamed(FunctionArgExpr::Expr(_)))) {
        return None;
    }
    let taken = list.iter_mut().filter_map(|argument| match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(take(expr)),
        _ => None,
    });
    Some(taken.collect())
}

/// `x::regclass` → `regclass_in(x)`; `regclass_in(x)::text` → `regclass_out(regclass_in(x))`.
fn reg_cast(expr: &mut Expr) {
    let replaced = match expr {
        Expr::TypedString(typed) => match reg_type(&typed.data_type) {
            Some(name) => call(&format!("{name}_in"), vec![Expr::Value(typed.value.clone())]),
            None => return,
        },
        Expr::Cast { kind: CastKind::Cast | CastKind::DoubleColon, expr: inner, data_type, .. } => {
            if let Some(name) = reg_type(data_type) {
                call(&format!("{name}_in"), vec![take(inner)])
            } else if let Some(name) = made_of_reg(inner)
                && SqlType::from_ast(data_type).is_ok_and(|target| target.is_text())
            {
                call(&format!("{name}_out"), vec![take(inner)])
            } else {
                return;
            }
        }
        _ => return,
    };
    *expr = replaced;
}

fn reg_type(data_type: &sqlparser::ast::DataType) -> Option<String> {
    let text = data_type.to_string().to_lowercase();
    let name = text.strip_prefix("pg_catalog.").unwrap_or(&text);
    match name {
        "regclass" | "regtype" | "regproc" | "regnamespace" | "regrole" => Some(name.to_owned()),
        // The arguments of a function do not tell functions of one name apart here.
        "regprocedure" => Some("regproc".to_owned()),
        _ => None,
    }
}

/// The `reg*` type of an expression that was rewritten just before.
fn made_of_reg(expr: &Expr) -> Option<String> {
    let Expr::Function(function) = expr else { return None };
    let name = plain_name(&function.name)?;
    let name = name.strip_suffix("_in")?;
    name.starts_with("reg").then(|| name.to_owned())
}

/// `ARRAY(SELECT x … ORDER BY y)` → `array_or_empty((SELECT array_agg(x ORDER BY y) …))`.
fn array_of_query(function: &mut Function) -> Option<Expr> {
    if plain_name(&function.name)? != "array" {
        return None;
    }
    let FunctionArguments::Subquery(inner) = &mut function.args else { return None };
    let aggregated = if is_plain(inner) { aggregate_inside(inner)? } else { aggregate_around(inner)? };
    Some(call("array_or_empty", vec![Expr::Subquery(Box::new(aggregated))]))
}

/// Whether the rows of a query are those of its FROM and WHERE, so that its column can be aggregated in place.
fn is_plain(query: &Query) -> bool {
    let SetExpr::Select(select) = query.body.as_ref() else { return false };
    let grouped = match &select.group_by {
        sqlparser::ast::GroupByExpr::Expressions(exprs, modifiers) => !exprs.is_empty() || !modifiers.is_empty(),
        sqlparser::ast::GroupByExpr::All(_) => true,
    };
    query.limit_clause.is_none()
        && query.fetch.is_none()
        && select.distinct.is_none()
        && select.top.is_none()
        && select.having.is_none()
        && select.qualify.is_none()
        && !grouped
        && !select.projection.iter().any(aggregates)
}

/// Whether an item of a select list calls a function that makes one row of all, or several of one.
fn aggregates(item: &SelectItem) -> bool {
    let mut item = item.clone();
    item.visit(&mut Aggregates).is_break()
}

struct Aggregates;

impl VisitorMut for Aggregates {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::Function(function) = expr
            && function.over.is_none()
            && let Some(name) = plain_name(&function.name)
            && (crate::function::aggregate(&name).is_some() || relation::returns_set(&name))
        {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }
}

fn aggregate_inside(query: &mut Query) -> Option<Query> {
    let order = take_order(query)?;
    let mut query = query.clone();
    let SetExpr::Select(select) = query.body.as_mut() else { return None };
    let item = select.projection.first_mut().filter(|_| true)?;
    let (SelectItem::ExprWithAlias { expr, .. } | SelectItem::UnnamedExpr(expr)) = item else { return None };
    let value = take(expr);
    let order = order.into_iter().map(|mut by| {
        // ORDER BY 1 is the value itself.
        if is_position(&by.expr) {
            by.expr = value.clone();
        }
        by
    });
    let order: Vec<OrderByExpr> = order.collect();
    *item = SelectItem::ExprWithAlias { expr: aggregate(value, order), alias: Ident::new("array") };
    select.projection.truncate(1);
    Some(query)
}

/// The number may have been given its type by then.
fn is_position(expr: &Expr) -> bool {
    match expr {
        Expr::Value(value) => matches!(value.value, Value::Number(..)),
        Expr::Cast { expr, .. } => is_position(expr),
        _ => false,
    }
}

/// Takes ORDER BY out of a query; `None` for a form that is not a list of expressions.
fn take_order(query: &mut Query) -> Option<Vec<OrderByExpr>> {
    match query.order_by.take() {
        None => Some(Vec::new()),
        Some(order) => match order.kind {
            OrderByKind::Expressions(exprs) => Some(exprs),
            OrderByKind::All(_) => None,
        },
    }
}

fn aggregate(value: Expr, order: Vec<OrderByExpr>) -> Expr {
    let mut aggregate = call("array_agg", vec![value]);
    if let Expr::Function(function) = &mut aggregate
        && let FunctionArguments::List(list) = &mut function.args
        && !order.is_empty()
    {
        list.clauses.push(FunctionArgumentClause::OrderBy(order));
    }
    aggregate
}

/// Wraps a query that groups, limits or unites: `SELECT array_agg(v) FROM (…) AS q (v)`, in the order of `v` where the
/// query is ordered by its one column.
fn aggregate_around(query: &mut Query) -> Option<Query> {
    let order = match query.order_by.as_ref().map(|order| &order.kind) {
        Some(OrderByKind::Expressions(exprs)) => {
            let first = exprs.first().filter(|by| exprs.len() == 1 && is_position(&by.expr));
            first.map(|by| OrderByExpr { expr: Expr::Identifier(Ident::new("v")), ..by.clone() })
        }
        _ => None,
    };
    let value = aggregate(Expr::Identifier(Ident::new("v")), order.into_iter().collect());
    let inner = TableFactor::Derived {
        lateral: false,
        subquery: Box::new(query.clone()),
        alias: Some(relation::alias("q", &["v"])),
        sample: None,
    };
    Some(relation::select(vec![(value, "array")], Some(inner)))
}

/// Functions that return sets and may stand in the select list.
fn set_in_list(function: &mut Function) -> Option<Expr> {
    let name = plain_name(&function.name)?;
    if !matches!(name.as_str(), "generate_subscripts" | "pg_partition_ancestors") {
        return None;
    }
    let array = call(&name, arguments(function)?);
    // The inner call must not be rewritten again: it is only visited before this point.
    Some(call("unnest", vec![array]))
}

/// `polroles = '{0}'`: the literal of an array beside a column that is one.
fn array_literal(column: &Expr, literal: &mut Expr) {
    let Some(ident) = last_part(column) else { return };
    let Some(column_type) = array_column(&ident.value) else { return };
    let Expr::Value(value) = literal else { return };
    let Value::SingleQuotedString(text) = &value.value else { return };
    let Some(inside) = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')) else { return };
    let number = matches!(column_type, SqlType::Oid | SqlType::Int2 | SqlType::Int4 | SqlType::Int8);
    let items = inside.split(',').filter(|item| !item.is_empty()).map(|item| {
        let item = item.trim().trim_matches('"').to_owned();
        Expr::value(if number { Value::Number(item, false) } else { Value::SingleQuotedString(item) })
    });
    *literal = Expr::Array(sqlparser::ast::Array { elem: items.collect(), named: true });
}

/// `indkey[0]`: the vectors of the catalog count from 0, lists from 1.
fn vector_subscript(root: &Expr, chain: &mut [AccessExpr]) {
    let is_vector = last_part(root).is_some_and(|ident| {
        let mut columns = all().flat_map(|table: &SystemTable| table.columns.iter());
        columns.any(|column| {
            column.name == ident.value && matches!(column.sql_type(), SqlType::Int2Vector | SqlType::OidVector)
        })
    });
    if is_vector && let [AccessExpr::Subscript(Subscript::Index { index })] = chain {
        let one = Expr::value(Value::Number("1".to_owned(), false));
        *index = Expr::BinaryOp { left: Box::new(take(index)), op: BinaryOperator::Plus, right: Box::new(one) };
    }
}

fn last_part(expr: &Expr) -> Option<&Ident> {
    match expr {
        Expr::CompoundIdentifier(parts) => parts.last(),
        Expr::Identifier(ident) => Some(ident),
        _ => None,
    }
}

/// The type of the elements, where some system table has an array of that name.
fn array_column(name: &str) -> Option<SqlType> {
    let mut columns = all().flat_map(|table: &SystemTable| table.columns.iter());
    columns.find(|column| column.name == name).and_then(|column| match column.sql_type() {
        SqlType::Array(element) => Some(*element),
        _ => None,
    })
}

/// The rows that a call without arguments stands for: `pg_get_keywords()`.
pub(super) fn rows_of_call(name: &str) -> Option<&'static SystemTable> {
    lookup(PG_CATALOG, name).filter(|table| table.kind == FUNCTION_KIND)
}
