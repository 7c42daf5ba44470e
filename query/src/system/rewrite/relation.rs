//! What stands in FROM: functions that return sets, and the hidden columns of system tables.

use std::collections::HashMap;
use std::ops::ControlFlow;

use sqlparser::ast::helpers::attached_token::AttachedToken;
use sqlparser::ast::{
    Expr, GroupByExpr, Ident, ObjectNamePart, Query, Select, SelectFlavor, SelectItem, SetExpr, TableAlias,
    TableAliasColumnDef, TableFactor, TableWithJoins, Value, VisitMut, VisitorMut,
};

use crate::plan::label;

use super::{call, plain_arguments, plain_name, rows_of_call};
use crate::system::table::{PG_CATALOG, lookup};

/// An alias with columns.
pub(super) fn alias(name: &str, columns: &[&str]) -> TableAlias {
    TableAlias {
        explicit: true,
        name: Ident::new(name),
        columns: columns.iter().map(|column| TableAliasColumnDef::from_name(*column)).collect(),
        at: None,
    }
}

/// `SELECT expr AS name, … [FROM relation]`.
pub(super) fn select(items: Vec<(Expr, &str)>, from: Option<TableFactor>) -> Query {
    let projection =
        items.into_iter().map(|(expr, name)| SelectItem::ExprWithAlias { expr, alias: Ident::with_quote('"', name) });
    let select = Select {
        select_token: AttachedToken::empty(),
        optimizer_hints: vec![],
        distinct: None,
        select_modifiers: None,
        top: None,
        top_before_distinct: false,
        projection: projection.collect(),
        exclude: None,
        into: None,
        from: from.into_iter().map(|relation| TableWithJoins { relation, joins: vec![] }).collect(),
        lateral_views: vec![],
        prewhere: None,
        selection: None,
        connect_by: vec![],
        group_by: GroupByExpr::Expressions(vec![], vec![]),
        cluster_by: vec![],
        distribute_by: vec![],
        sort_by: vec![],
        having: None,
        named_window: vec![],
        qualify: None,
        window_before_qualify: false,
        value_table_mode: None,
        flavor: SelectFlavor::Standard,
    };
    Query {
        with: None,
        body: Box::new(SetExpr::Select(Box::new(select))),
        order_by: None,
        limit_clause: None,
        fetch: None,
        locks: vec![],
        for_clause: None,
        settings: None,
        format_clause: None,
        pipe_operators: vec![],
    }
}

/// A function in FROM becomes a system table, or a derived table over `unnest`.
pub(super) fn set_returning(factor: &mut TableFactor) {
    let replaced = match factor {
        TableFactor::Table { name, args: arguments @ Some(_), with_ordinality, alias, .. } => {
            let Some(function) = plain_name(name) else { return };
            let Some(given) = arguments.as_mut().filter(|given| given.settings.is_none()) else { return };
            if given.args.is_empty() && rows_of_call(&function).is_some() {
                *arguments = None;
                return;
            }
            if !returns_set(&function) {
                return;
            }
            let Some(values) = plain_arguments(&mut given.args) else { return };
            derived(&function, values, alias.take(), *with_ordinality, false)
        }
        TableFactor::Function { lateral, name, args, with_ordinality, alias } => {
            let Some(function) = plain_name(name).filter(|function| returns_set(function)) else { return };
            let Some(values) = plain_arguments(args) else { return };
            derived(&function, values, alias.take(), *with_ordinality, *lateral)
        }
        TableFactor::UNNEST { alias, array_exprs, with_ordinality, with_offset: false, .. } => {
            let [array] = array_exprs.as_mut_slice() else { return };
            if !refers_to_columns(array) && !*with_ordinality {
                return;
            }
            let array = std::mem::replace(array, Expr::value(Value::Null));
            derived("unnest", vec![array], alias.take(), *with_ordinality, false)
        }
        _ => return,
    };
    *factor = replaced;
}

/// Whether a function gives several rows for one.
pub(super) fn returns_set(function: &str) -> bool {
    matches!(function, "unnest" | "generate_subscripts" | "pg_partition_ancestors" | "generate_series")
}

/// The array whose elements a function returns as rows.
fn array_of(function: &str, mut values: Vec<Expr>) -> Option<Expr> {
    match function {
        "unnest" if values.len() == 1 => values.pop(),
        "generate_series" => Some(call("series_array", values)),
        "generate_subscripts" | "pg_partition_ancestors" => Some(call(function, values)),
        _ => None,
    }
}

/// `(SELECT unnest(array) AS x [, unnest(ordinals) AS ordinality]) AS alias`.
fn derived(
    function: &str,
    values: Vec<Expr>,
    alias: Option<TableAlias>,
    with_ordinality: bool,
    lateral: bool,
) -> TableFactor {
    let name = alias.as_ref().map_or_else(|| Ident::new(function), |alias| alias.name.clone());
    let given = alias.map(|alias| alias.columns).unwrap_or_default();
    let column = |index: usize, otherwise: &str| {
        given.get(index).map_or_else(|| otherwise.to_owned(), |column| fold(&column.name))
    };
    let array = array_of(function, values).unwrap_or_else(|| Expr::value(Value::Null));
    let first = column(0, &fold(&name));
    let second = column(1, "ordinality");
    let mut items = vec![(call("unnest", vec![array.clone()]), first.as_str())];
    if with_ordinality {
        items.push((call("unnest", vec![call("ordinal_array", vec![array])]), second.as_str()));
    }
    let alias = TableAlias { explicit: true, name, columns: vec![], at: None };
    TableFactor::Derived { lateral, subquery: Box::new(select(items, None)), alias: Some(alias), sample: None }
}

fn fold(ident: &Ident) -> String {
    if ident.quote_style.is_some() { ident.value.clone() } else { ident.value.to_lowercase() }
}

/// Whether an expression has a name in it: the planner's own table functions take constants only.
fn refers_to_columns(expr: &mut Expr) -> bool {
    struct Names;
    impl VisitorMut for Names {
        type Break = ();
        fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
            match expr {
                Expr::Identifier(_) | Expr::CompoundIdentifier(_) => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            }
        }
    }
    expr.visit(&mut Names).is_break()
}

/// `SELECT t.a, t.*` gives two columns of one name, which the planner refuses: those that stand beside a star get names
/// of their own, shown to the client without the mark. Only where nothing but the client reads the names.
pub(super) fn repeated_columns(select: &mut Select) {
    let star = |item: &SelectItem| matches!(item, SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..));
    if !select.projection.iter().any(star) {
        return;
    }
    for (index, item) in select.projection.iter_mut().enumerate() {
        if let SelectItem::UnnamedExpr(expr @ (Expr::Identifier(_) | Expr::CompoundIdentifier(_))) = item {
            let name = label::unique(&label::of(expr), index + 2);
            let expr = std::mem::replace(expr, Expr::value(Value::Null));
            *item = SelectItem::ExprWithAlias { expr, alias: Ident::with_quote('"', name) };
        }
    }
}

/// `c.tableoid` and `c.xmin`, where `c` is a system table of this SELECT.
pub(super) fn hidden_columns(select: &mut Select) {
    let mut tables = HashMap::new();
    for joined in &select.from {
        let joins = joined.joins.iter().map(|join| &join.relation);
        for factor in std::iter::once(&joined.relation).chain(joins) {
            if let TableFactor::Table { name, alias, args: None, .. } = factor
                && let Some(plain) = plain_name(name)
                && let Some(table) = lookup(PG_CATALOG, &plain)
                && let Some(ObjectNamePart::Identifier(_)) = name.0.last()
            {
                tables.insert(alias.as_ref().map_or(plain, |alias| fold(&alias.name)), table.oid);
            }
        }
    }
    if !tables.is_empty() {
        let ControlFlow::Continue(()) = select.visit(&mut Hidden { tables });
    }
}

struct Hidden {
    tables: HashMap<String, u32>,
}

impl VisitorMut for Hidden {
    type Break = std::convert::Infallible;

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Self::Break> {
        if let Expr::CompoundIdentifier(parts) = expr
            && let [table, column] = parts.as_slice()
            && let Some(oid) = self.tables.get(&fold(table))
        {
            let value = match fold(column).as_str() {
                "tableoid" => oid.to_string(),
                "xmin" => "0".to_owned(),
                _ => return ControlFlow::Continue(()),
            };
            *expr = Expr::value(Value::Number(value, false));
        }
        ControlFlow::Continue(())
    }
}
