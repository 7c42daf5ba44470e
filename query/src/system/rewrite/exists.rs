//! EXISTS in the select list, which the engine knows in WHERE only: `EXISTS (q)` becomes `(SELECT count(1) > 0 …)`.

use std::ops::ControlFlow;

use sqlparser::ast::{
    BinaryOperator, Expr, Query, Select, SelectItem, SetExpr, TableFactor, Value, VisitMut, VisitorMut,
};

use super::{call, is_plain, relation};

/// Rewrites the select list of one SELECT; subqueries are left to their own turn.
pub(super) fn in_select_list(select: &mut Select) {
    for item in &mut select.projection {
        if let SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } = item {
            let ControlFlow::Continue(()) = expr.visit(&mut TopLevel { depth: 0 });
        }
    }
}

struct TopLevel {
    /// How many subqueries are around what is being visited.
    depth: usize,
}

impl VisitorMut for TopLevel {
    type Break = std::convert::Infallible;

    fn pre_visit_query(&mut self, _query: &mut Query) -> ControlFlow<Self::Break> {
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _query: &mut Query) -> ControlFlow<Self::Break> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Self::Break> {
        if self.depth == 0
            && let Expr::Exists { subquery, negated } = expr
        {
            let counted = counted(subquery, *negated);
            *expr = Expr::Subquery(Box::new(counted));
        }
        ControlFlow::Continue(())
    }
}

/// `SELECT count(1) > 0` over the rows of a query.
fn counted(query: &Query, negated: bool) -> Query {
    let zero = Expr::value(Value::Number("0".to_owned(), false));
    let one = Expr::value(Value::Number("1".to_owned(), false));
    let test = Expr::BinaryOp {
        left: Box::new(call("count", vec![one])),
        op: if negated { BinaryOperator::Eq } else { BinaryOperator::Gt },
        right: Box::new(zero),
    };
    let mut inner = query.clone();
    if is_plain(query)
        && let SetExpr::Select(select) = inner.body.as_mut()
    {
        inner.order_by = None;
        select.projection = vec![SelectItem::ExprWithAlias { expr: test, alias: sqlparser::ast::Ident::new("exists") }];
        return inner;
    }
    let rows = TableFactor::Derived {
        lateral: false,
        subquery: Box::new(inner),
        alias: Some(relation::alias("q", &[])),
        sample: None,
    };
    relation::select(vec![(test, "exists")], Some(rows))
}
