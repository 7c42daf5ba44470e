//! The names that Postgres gives to output columns without an alias.

use sqlparser::ast::{self, Expr, ObjectNamePart, SelectItem, SetExpr, Value};

use super::name::fold;
use crate::types::SqlType;

/// What Postgres shows when an expression suggests no name.
const UNNAMED: &str = "?column?";

/// Separates a name from the number that makes it unique inside the plan; never shown.
const MARK: char = '\u{1}';

/// The name of an unnamed output column.
pub(crate) fn of(expr: &Expr) -> String {
    suggest(expr).unwrap_or_else(|| UNNAMED.to_owned())
}

/// A name for the `count`-th column of that name in one SELECT.
pub(crate) fn unique(name: &str, count: usize) -> String {
    if count <= 1 { name.to_owned() } else { format!("{name}{MARK}{count}") }
}

/// The name that the client sees.
pub(crate) fn shown(name: &str) -> &str {
    name.split(MARK).next().unwrap_or(name)
}

fn suggest(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Identifier(ident) => Some(fold(ident)),
        Expr::CompoundIdentifier(idents) => idents.last().map(fold),
        Expr::Nested(inner) | Expr::Collate { expr: inner, .. } => suggest(inner),
        Expr::CompoundFieldAccess { root, .. } => suggest(root),
        Expr::Cast { expr, data_type, .. } => suggest(expr)
            .filter(|name| name != UNNAMED)
            .or_else(|| SqlType::from_ast(data_type).ok().map(|sql_type| sql_type.type_name())),
        Expr::TypedString(typed) => SqlType::from_ast(&typed.data_type).ok().map(|sql_type| sql_type.type_name()),
        Expr::Interval(_) => Some("interval".to_owned()),
        Expr::Value(value) => matches!(value.value, Value::Boolean(_)).then(|| "bool".to_owned()),
        Expr::Case { else_result, .. } => {
            let named = else_result.as_deref().filter(|result| !matches!(result, Expr::Value(_))).and_then(suggest);
            Some(named.unwrap_or_else(|| "case".to_owned()))
        }
        Expr::Function(function) => match function.name.0.last() {
            Some(ObjectNamePart::Identifier(ident)) => Some(fold(ident)),
            _ => None,
        },
        Expr::Extract { .. } => Some("extract".to_owned()),
        Expr::Substring { shorthand, .. } => Some(if *shorthand { "substr" } else { "substring" }.to_owned()),
        Expr::Position { .. } => Some("position".to_owned()),
        Expr::Overlay { .. } => Some("overlay".to_owned()),
        Expr::Ceil { .. } => Some("ceil".to_owned()),
        Expr::Floor { .. } => Some("floor".to_owned()),
        Expr::Convert { data_type: Some(data_type), .. } => {
            SqlType::from_ast(data_type).ok().map(|sql_type| sql_type.type_name())
        }
        Expr::Trim { trim_where, .. } => Some(
            match trim_where {
                None | Some(ast::TrimWhereField::Both) => "btrim",
                Some(ast::TrimWhereField::Leading) => "ltrim",
                Some(ast::TrimWhereField::Trailing) => "rtrim",
            }
            .to_owned(),
        ),
        Expr::AtTimeZone { .. } => Some("timezone".to_owned()),
        Expr::Exists { .. } => Some("exists".to_owned()),
        Expr::Array(_) => Some("array".to_owned()),
        Expr::Tuple(_) => Some("row".to_owned()),
        Expr::Subquery(query) => subquery(&query.body),
        _ => None,
    }
}

/// A scalar subquery is named after its column.
fn subquery(body: &SetExpr) -> Option<String> {
    match body {
        SetExpr::Select(select) => match select.projection.first()? {
            SelectItem::ExprWithAlias { alias, .. } => Some(fold(alias)),
            SelectItem::UnnamedExpr(expr) => suggest(expr),
            _ => None,
        },
        SetExpr::Query(query) => subquery(&query.body),
        SetExpr::SetOperation { left, .. } => subquery(left),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use sqlparser::dialect::PostgreSqlDialect;
    use sqlparser::parser::Parser;

    use super::*;

    fn check(sql: &str, expect: &str) {
        let expr = Parser::new(&PostgreSqlDialect {}).try_with_sql(sql).unwrap().parse_expr().unwrap();
        assert_eq!(of(&expr), expect, "{sql}");
    }

    #[test]
    fn columns_are_named_as_postgres_names_them() {
        check("1 + 1", "?column?");
        check("sum(x)", "sum");
        check("t.a", "a");
        check("a::text", "a");
        check("'5'::int", "int4");
        check("case when a then 1 end", "case");
        check("case when a then 1 else b end", "b");
        check("(select max(x) from t)", "max");
        check("extract(year from d)", "extract");
        check("true", "bool");
    }

    #[test]
    fn marks_are_not_shown() {
        assert_eq!(shown(&unique("sum", 3)), "sum");
    }
}
