//! The syntax tree, brought into the forms that the planner below understands with Postgres's meaning.
//!
//! The engine's own reading of several forms differs from Postgres's (integer literals are `bigint`, `BETWEEN` and `TRIM`
//! have fixed functions behind them, unnamed columns are named after their expression). Each is replaced here by an
//! equivalent one that goes through our own functions and operators, before names are resolved.

use std::collections::HashMap;
use std::ops::ControlFlow;

use sqlparser::ast::{
    self, BinaryOperator, CastKind, DataType, ExactNumberInfo, Expr, GroupByExpr, Ident, LimitClause, ObjectNamePart,
    OrderByKind, Query, Select, SelectItem, SetExpr, UnaryOperator, Value, VisitMut, VisitorMut,
};

use super::call::call;
use super::{label, refuse};
use crate::error::SqlError;

/// Rewrites a query in place.
pub(crate) fn query(query: &mut Query) -> Result<(), SqlError> {
    finish(query.visit(&mut Normalizer::default()))?;
    crate::system::rewrite::query(query);
    Ok(())
}

/// Rewrites one expression in place.
pub(crate) fn expression(expr: &mut Expr) -> Result<(), SqlError> {
    finish(expr.visit(&mut Normalizer::default()))?;
    crate::system::rewrite::expression(expr);
    Ok(())
}

fn finish(flow: ControlFlow<SqlError>) -> Result<(), SqlError> {
    match flow {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}

fn flow(result: Result<(), SqlError>) -> ControlFlow<SqlError> {
    match result {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => ControlFlow::Break(error),
    }
}

/// Walks a statement; `depth` counts the queries around.
#[derive(Default)]
struct Normalizer {
    depth: usize,
}

impl VisitorMut for Normalizer {
    type Break = SqlError;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<SqlError> {
        minus_is_except(&mut query.body);
        name_columns(&mut query.body);
        if self.depth == 0 {
            tell_apart(&mut query.body);
        }
        self.depth += 1;
        flow(refuse::query(query).and_then(|()| move_limits(query)))
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<SqlError> {
        flow(refuse::select(select))
    }

    fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<SqlError> {
        self.depth -= 1;
        restore_positions(query);
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<SqlError> {
        // The number under a minus sign is one literal: -2147483648 is an integer.
        if let Expr::UnaryOp { op: UnaryOperator::Minus, expr: inner } = expr
            && let Expr::Value(value) = inner.as_mut()
            && let Value::Number(text, _) = &mut value.value
            && !text.starts_with('-')
        {
            text.insert(0, '-');
            *expr = std::mem::replace(inner.as_mut(), Expr::value(Value::Null));
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &mut ast::TableFactor) -> ControlFlow<SqlError> {
        if let Err(error) = refuse::table_factor(factor) {
            return ControlFlow::Break(error);
        }
        name_series(factor);
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<SqlError> {
        flow(rewrite(expr))
    }
}

/// Redshift's and Oracle's MINUS is EXCEPT.
fn minus_is_except(body: &mut SetExpr) {
    if let SetExpr::SetOperation { op, left, right, .. } = body {
        if *op == ast::SetOperator::Minus {
            *op = ast::SetOperator::Except;
        }
        minus_is_except(left);
        minus_is_except(right);
    }
}

pub(super) fn text(value: impl Into<String>) -> Expr {
    Expr::value(Value::SingleQuotedString(value.into()))
}

pub(super) fn take(expr: &mut Expr) -> Expr {
    std::mem::replace(expr, Expr::value(Value::Null))
}

pub(super) fn binary(left: Expr, op: BinaryOperator, right: Expr) -> Expr {
    Expr::BinaryOp { left: Box::new(left), op, right: Box::new(right) }
}

fn cast(expr: Expr, data_type: DataType) -> Expr {
    Expr::Cast { kind: CastKind::Cast, expr: Box::new(expr), data_type, array: false, format: None }
}

fn rewrite(expr: &mut Expr) -> Result<(), SqlError> {
    match expr {
        Expr::Value(value) => {
            if let Value::Number(digits, _) = &value.value
                && let Some(typed) = number(digits)
            {
                *expr = typed;
            }
        }
        Expr::Interval(written) => {
            if let Some(typed) = interval(written) {
                *expr = typed;
            }
        }
        Expr::Identifier(ident) if ident.quote_style.is_none() && ident.value.eq_ignore_ascii_case("sysdate") => {
            *expr = call("sysdate", vec![]);
        }
        Expr::Nested(inner) => *expr = take(inner),
        // Checked, unlike the engine's; a negative literal was put together before.
        Expr::UnaryOp { op: UnaryOperator::Minus, expr: inner } => *expr = call("negate", vec![take(inner)]),
        Expr::UnaryOp { op: UnaryOperator::BitwiseNot, expr: inner } => {
            let ones = cast(Expr::value(Value::Number("-1".into(), false)), DataType::Int4(None));
            *expr = binary(take(inner), BinaryOperator::PGBitwiseXor, ones);
        }
        Expr::AllOp { right, .. } | Expr::AnyOp { right, .. } if matches!(right.as_ref(), Expr::Subquery(_)) => {
            return Err(SqlError::unsupported("ANY or ALL over a subquery")
                .with_hint("Compare with the minimum or maximum of the subquery, or use IN or EXISTS."));
        }
        Expr::Collate { expr: inner, .. } => *expr = take(inner),
        Expr::Between { expr: value, negated, low, high } => {
            let (value, low, high, negated) = (take(value), take(low), take(high), *negated);
            let (lower, upper, both) = if negated {
                (BinaryOperator::Lt, BinaryOperator::Gt, BinaryOperator::Or)
            } else {
                (BinaryOperator::GtEq, BinaryOperator::LtEq, BinaryOperator::And)
            };
            *expr = binary(binary(value.clone(), lower, low), both, binary(value, upper, high));
        }
        Expr::BinaryOp { op, .. } => operator(op),
        Expr::Extract { field, expr: value, .. } => {
            let field = field.to_string().to_lowercase();
            let fractional = field.starts_with("sec") || field.starts_with("milli") || field == "epoch";
            let name = if fractional { "extract_fraction" } else { "extract" };
            *expr = call(name, vec![text(field), take(value)]);
        }
        Expr::Trim { .. } | Expr::Substring { .. } | Expr::Position { .. } | Expr::Overlay { .. } => keyword_call(expr),
        Expr::Like { pattern, escape_char, .. } | Expr::ILike { pattern, escape_char, .. } => {
            backslash_escape(pattern, escape_char);
        }
        Expr::SimilarTo { negated, expr: value, pattern, escape_char } => {
            let mut args = vec![take(value), take(pattern)];
            args.extend(escape_char.take().map(Expr::Value));
            let matched = call("similar_to", args);
            *expr = if *negated { Expr::UnaryOp { op: UnaryOperator::Not, expr: Box::new(matched) } } else { matched };
        }
        Expr::AtTimeZone { timestamp, time_zone } => *expr = call("timezone", vec![take(time_zone), take(timestamp)]),
        Expr::Convert { expr: value, data_type: Some(data_type), styles, .. } if styles.is_empty() => {
            *expr = cast(take(value), data_type.clone());
        }
        Expr::Function(function) => {
            if let Some(replaced) = super::call::rewrite(function) {
                *expr = replaced;
            }
        }
        _ => {}
    }
    Ok(())
}

/// An integer literal has the smallest of int4, int8 and numeric that holds it.
fn number(digits: &str) -> Option<Expr> {
    let mut plain = digits.replace('_', "");
    if plain.contains(['e', 'E']) {
        match without_exponent(&plain) {
            Some(expanded) => plain = expanded,
            None => return Some(cast(text(plain), DataType::DoublePrecision)),
        }
        if plain.contains('.') {
            return Some(Expr::value(Value::Number(plain, false)));
        }
    }
    if !plain.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-') {
        return None;
    }
    let literal = || Expr::value(Value::Number(plain.clone(), false));
    if plain.parse::<i32>().is_ok() {
        return Some(cast(literal(), DataType::Int4(None)));
    }
    if plain.parse::<i64>().is_ok() {
        return (plain != digits).then(literal);
    }
    let precision = i64::try_from(plain.trim_start_matches('-').len()).unwrap_or(39);
    Some(cast(text(plain), DataType::Numeric(ExactNumberInfo::PrecisionAndScale(precision.unsigned_abs(), 0))))
}

/// `1.5e3` as `1500`, exactly; `None` where that takes more digits than a decimal has.
fn without_exponent(written: &str) -> Option<String> {
    let (mantissa, exponent) = written.split_once(['e', 'E'])?;
    let exponent: i32 = exponent.parse().ok()?;
    let (sign, mantissa) = mantissa.strip_prefix('-').map_or(("", mantissa), |rest| ("-", rest));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let point = i32::try_from(whole.len()).ok()?.checked_add(exponent)?;
    if !(-37..=38).contains(&point) || digits.len() > 38 {
        return None;
    }
    let length = i32::try_from(digits.len()).ok()?;
    let zeros = |count: i32| "0".repeat(usize::try_from(count).unwrap_or_default());
    let text = if point >= length {
        format!("{digits}{}", zeros(point - length))
    } else if point > 0 {
        let (before, after) = digits.split_at(usize::try_from(point).ok()?);
        format!("{before}.{after}")
    } else {
        format!("0.{}{digits}", zeros(-point))
    };
    (text.len() <= 39).then(|| format!("{sign}{text}"))
}

/// The number inside what [`number`] made, for places where a position or a count is meant.
fn plain_number(expr: &mut Expr) {
    if let Expr::Cast { kind: CastKind::Cast, expr: inner, data_type: DataType::Int4(None), .. } = expr
        && matches!(inner.as_ref(), Expr::Value(value) if matches!(value.value, Value::Number(..)))
    {
        *expr = take(inner);
    }
}

/// LIMIT and OFFSET are numbers; a parameter there is a bigint.
fn count(expr: &mut Expr) {
    plain_number(expr);
    if matches!(expr, Expr::Value(value) if matches!(value.value, Value::Placeholder(_))) {
        *expr = cast(take(expr), DataType::BigInt(None));
    }
}

/// `INTERVAL '3' MONTH` is the text with its unit, read as every interval is.
fn interval(interval: &mut ast::Interval) -> Option<Expr> {
    let ast::Interval { value, leading_field, last_field: None, .. } = interval else { return None };
    let Expr::Value(value) = value.as_ref() else { return None };
    let Value::SingleQuotedString(number) = &value.value else { return None };
    let written = match leading_field {
        Some(unit) => format!("{number} {unit}"),
        None => number.clone(),
    };
    Some(cast(text(written), DataType::Interval { fields: None, precision: None }))
}

/// A pattern with another escape character, written with a backslash. Only literals can be; the engine refuses the rest.
fn backslash_escape(pattern: &mut Expr, escape: &mut Option<ast::ValueWithSpan>) {
    let Some(ast::ValueWithSpan { value: Value::SingleQuotedString(character), .. }) = escape else { return };
    let Expr::Value(ast::ValueWithSpan { value: Value::SingleQuotedString(written), .. }) = pattern else { return };
    let wanted = character.chars().next();
    let mut rewritten = String::with_capacity(written.len());
    let mut letters = written.chars();
    while let Some(letter) = letters.next() {
        if Some(letter) == wanted {
            rewritten.push('\\');
            rewritten.extend(letters.next());
        } else if letter == '\\' {
            rewritten.push_str("\\\\");
        } else {
            rewritten.push(letter);
        }
    }
    *written = rewritten;
    *escape = None;
}

/// `OPERATOR(pg_catalog.~)` is `~`.
fn operator(op: &mut BinaryOperator) {
    if let BinaryOperator::PGCustomBinaryOperator(parts) = op {
        let known = match parts.last().map(String::as_str) {
            Some("~") => BinaryOperator::PGRegexMatch,
            Some("~*") => BinaryOperator::PGRegexIMatch,
            Some("!~") => BinaryOperator::PGRegexNotMatch,
            Some("!~*") => BinaryOperator::PGRegexNotIMatch,
            Some("=") => BinaryOperator::Eq,
            Some("<>") => BinaryOperator::NotEq,
            Some("+") => BinaryOperator::Plus,
            Some("||") => BinaryOperator::StringConcat,
            _ => return,
        };
        *op = known;
    }
}

/// Keyword forms of functions.
fn keyword_call(expr: &mut Expr) {
    let replaced = match expr {
        Expr::Trim { trim_where, trim_what, expr: value, trim_characters } => {
            let name = match trim_where {
                None | Some(ast::TrimWhereField::Both) => "btrim",
                Some(ast::TrimWhereField::Leading) => "ltrim",
                Some(ast::TrimWhereField::Trailing) => "rtrim",
            };
            let mut args = vec![take(value)];
            args.extend(trim_what.as_mut().map(|what| take(what)));
            args.extend(trim_characters.iter_mut().flatten().map(take));
            call(name, args)
        }
        Expr::Substring { expr: value, substring_from, substring_for, .. } => {
            let mut args = vec![take(value)];
            let from = substring_from.as_mut().map(|from| take(from));
            args.push(
                from.unwrap_or_else(|| cast(Expr::value(Value::Number("1".into(), false)), DataType::Int4(None))),
            );
            args.extend(substring_for.as_mut().map(|length| take(length)));
            call("substring", args)
        }
        Expr::Position { expr: what, r#in } => call("strpos", vec![take(r#in), take(what)]),
        Expr::Overlay { expr: value, overlay_what, overlay_from, overlay_for } => {
            let mut args = vec![take(value), take(overlay_what), take(overlay_from)];
            args.extend(overlay_for.as_mut().map(|length| take(length)));
            call("overlay", args)
        }
        _ => return,
    };
    *expr = replaced;
}

/// Gives each unnamed output column the name that Postgres gives it, made unique within its SELECT.
fn name_columns(body: &mut SetExpr) {
    match body {
        SetExpr::Select(select) => name_select(select),
        SetExpr::SetOperation { left, right, .. } => {
            name_columns(left);
            name_columns(right);
        }
        // A parenthesised query is visited on its own.
        _ => {}
    }
}

fn name_select(select: &mut Select) {
    let mut taken: HashMap<String, usize> = HashMap::new();
    for item in &select.projection {
        match item {
            SelectItem::ExprWithAlias { alias, .. } => *taken.entry(super::name::fold(alias)).or_default() += 1,
            SelectItem::UnnamedExpr(Expr::Identifier(ident)) => {
                *taken.entry(super::name::fold(ident)).or_default() += 1
            }
            _ => {}
        }
    }
    for item in &mut select.projection {
        if let SelectItem::UnnamedExpr(expr) = item {
            if matches!(expr, Expr::Identifier(_) | Expr::CompoundIdentifier(_)) {
                continue;
            }
            let name = label::of(expr);
            let count = taken.entry(name.clone()).or_default();
            *count += 1;
            let alias = label::unique(&name, *count);
            *item = SelectItem::ExprWithAlias { expr: take(expr), alias: Ident::with_quote('"', alias) };
        }
    }
}

/// Postgres lets columns of a result share a name. Inside, the later ones carry a mark that is not shown.
fn tell_apart(body: &mut SetExpr) {
    let SetExpr::Select(select) = body else { return };
    let is_wildcard = |item: &SelectItem| matches!(item, SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..));
    let beside_all = select.projection.iter().any(is_wildcard);
    let mut seen: HashMap<String, usize> = HashMap::new();
    for item in &mut select.projection {
        let (name, marked) = match item {
            SelectItem::ExprWithAlias { alias, .. } => (super::name::fold(alias), false),
            SelectItem::UnnamedExpr(expr @ (Expr::Identifier(_) | Expr::CompoundIdentifier(_))) => {
                (label::of(expr), beside_all)
            }
            _ => continue,
        };
        let count = seen.entry(name.clone()).or_default();
        *count += 1;
        if *count == 1 && !marked {
            continue;
        }
        let unique = Ident::with_quote('"', label::unique(&name, *count + 1));
        match item {
            SelectItem::ExprWithAlias { alias, .. } => *alias = unique,
            SelectItem::UnnamedExpr(expr) => *item = SelectItem::ExprWithAlias { expr: take(expr), alias: unique },
            _ => {}
        }
    }
}

/// TOP n and FETCH FIRST n ROWS are LIMIT n.
fn move_limits(query: &mut Query) -> Result<(), SqlError> {
    let mut count = None;
    if let SetExpr::Select(select) = query.body.as_mut()
        && let Some(top) = select.top.take()
    {
        if top.with_ties || top.percent {
            return Err(SqlError::unsupported("TOP with PERCENT or WITH TIES"));
        }
        count = match top.quantity {
            Some(ast::TopQuantity::Constant(count)) => Some(Expr::value(Value::Number(count.to_string(), false))),
            Some(ast::TopQuantity::Expr(expr)) => Some(expr),
            None => None,
        };
    }
    if let Some(fetch) = query.fetch.take() {
        if fetch.with_ties || fetch.percent {
            return Err(SqlError::unsupported("FETCH with PERCENT or WITH TIES"));
        }
        count = Some(fetch.quantity.unwrap_or_else(|| Expr::value(Value::Number("1".into(), false))));
    }
    if let Some(count) = count {
        match &mut query.limit_clause {
            None => {
                let clause = LimitClause::LimitOffset { limit: Some(count), offset: None, limit_by: vec![] };
                query.limit_clause = Some(clause);
            }
            Some(LimitClause::LimitOffset { limit: limit @ None, .. }) => *limit = Some(count),
            Some(_) => return Err(SqlError::syntax("multiple LIMIT clauses not allowed")),
        }
    }
    if !query.locks.is_empty() {
        return Err(SqlError::unsupported("SELECT FOR UPDATE or FOR SHARE"));
    }
    Ok(())
}

/// Numbers that are positions or counts stay plain numbers.
fn restore_positions(query: &mut Query) {
    if let Some(order) = &mut query.order_by
        && let OrderByKind::Expressions(exprs) = &mut order.kind
    {
        exprs.iter_mut().for_each(|order| plain_number(&mut order.expr));
    }
    match &mut query.limit_clause {
        Some(LimitClause::LimitOffset { limit, offset, .. }) => {
            limit.iter_mut().for_each(count);
            offset.iter_mut().for_each(|offset| count(&mut offset.value));
        }
        Some(LimitClause::OffsetCommaLimit { offset, limit }) => {
            count(offset);
            count(limit);
        }
        None => {}
    }
    restore_groups(&mut query.body);
}

fn restore_groups(body: &mut SetExpr) {
    match body {
        SetExpr::Select(select) => {
            if let GroupByExpr::Expressions(exprs, _) = &mut select.group_by {
                exprs.iter_mut().for_each(plain_number);
            }
            for window in &mut select.named_window {
                if let ast::NamedWindowExpr::WindowSpec(spec) = &mut window.1 {
                    restore_frame(spec);
                }
            }
        }
        SetExpr::SetOperation { left, right, .. } => {
            restore_groups(left);
            restore_groups(right);
        }
        _ => {}
    }
}

pub(super) fn restore_frame(window: &mut ast::WindowSpec) {
    let Some(frame) = &mut window.window_frame else { return };
    for bound in std::iter::once(&mut frame.start_bound).chain(frame.end_bound.iter_mut()) {
        if let ast::WindowFrameBound::Preceding(Some(expr)) | ast::WindowFrameBound::Following(Some(expr)) = bound {
            plain_number(expr);
        }
    }
}

/// `generate_series(1, 3) AS n` names its one column, too.
fn name_series(factor: &mut ast::TableFactor) {
    let (name, alias) = match factor {
        ast::TableFactor::Table { name, alias: Some(alias), args: Some(_), .. }
        | ast::TableFactor::Function { name, alias: Some(alias), .. } => (name, alias),
        _ => return,
    };
    let is_series = matches!(name.0.last(), Some(ObjectNamePart::Identifier(ident))
        if ident.value.eq_ignore_ascii_case("generate_series"));
    if is_series && alias.columns.is_empty() {
        alias.columns.push(ast::TableAliasColumnDef { name: alias.name.clone(), data_type: None });
    }
}
