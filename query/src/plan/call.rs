//! Calls that are another spelling of something else: Redshift's conditionals, units as bare words, LISTAGG, MEDIAN.

use sqlparser::ast::helpers::attached_token::AttachedToken;
use sqlparser::ast::{
    BinaryOperator, CaseWhen, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentClause,
    FunctionArgumentList, FunctionArguments, Ident, ObjectName, ObjectNamePart, Value, WindowType,
};

use super::normalize::{binary, restore_frame, take, text};

/// A call of one of our functions.
pub(crate) fn call(name: &str, args: Vec<Expr>) -> Expr {
    Expr::Function(Function {
        name: ObjectName(vec![ObjectNamePart::Identifier(Ident::new(name))]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList {
            duplicate_treatment: None,
            args: args.into_iter().map(|arg| FunctionArg::Unnamed(FunctionArgExpr::Expr(arg))).collect(),
            clauses: vec![],
        }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: vec![],
    })
}

/// The plain arguments of a call; `None` when it has named or wildcard ones.
fn plain_args(function: &mut Function) -> Option<&mut Vec<FunctionArg>> {
    match &mut function.args {
        FunctionArguments::List(list)
            if list.args.iter().all(|arg| matches!(arg, FunctionArg::Unnamed(FunctionArgExpr::Expr(_)))) =>
        {
            Some(&mut list.args)
        }
        _ => None,
    }
}

fn take_arg(arg: &mut FunctionArg) -> Expr {
    match arg {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => take(expr),
        _ => Expr::value(Value::Null),
    }
}

fn function_name(function: &Function) -> String {
    match function.name.0.last() {
        Some(ObjectNamePart::Identifier(ident)) => super::name::fold(ident),
        _ => String::new(),
    }
}

/// Another form of a call, where it has one; smaller changes are made in place.
pub(super) fn rewrite(function: &mut Function) -> Option<Expr> {
    let name = function_name(function);
    if let Some(WindowType::WindowSpec(window)) = &mut function.over {
        restore_frame(window);
    }
    match name.as_str() {
        "dateadd" | "datediff" | "date_add" | "date_diff" | "date_trunc" | "date_part" | "datepart" | "extract" => {
            unit_to_text(function);
            None
        }
        "listagg" | "string_agg" | "group_concat" => {
            string_aggregate(function);
            None
        }
        "median" => Some(median(function)),
        "nvl2" | "decode" | "nullif" | "iif" | "isnull" => conditional(&name, function),
        _ => None,
    }
}

/// `dateadd(day, 1, d)`: the unit is a bare word.
fn unit_to_text(function: &mut Function) {
    if let Some(args) = plain_args(function)
        && let Some(FunctionArg::Unnamed(FunctionArgExpr::Expr(first))) = args.first_mut()
        && let Expr::Identifier(ident) = first
        && ident.quote_style.is_none()
    {
        *first = text(ident.value.to_lowercase());
    }
}

/// LISTAGG(x, ',') WITHIN GROUP (ORDER BY y) is string_agg(x, ',' ORDER BY y).
fn string_aggregate(function: &mut Function) {
    function.name = ObjectName(vec![ObjectNamePart::Identifier(Ident::new("string_agg"))]);
    let order = std::mem::take(&mut function.within_group);
    if let FunctionArguments::List(list) = &mut function.args {
        if list.args.len() == 1 {
            list.args.push(FunctionArg::Unnamed(FunctionArgExpr::Expr(text(""))));
        }
        if !order.is_empty() {
            list.clauses.push(FunctionArgumentClause::OrderBy(order));
        }
    }
}

/// MEDIAN(x) is PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY x).
fn median(function: &mut Function) -> Expr {
    let mut replaced = function.clone();
    if let Some([value]) = plain_args(function).map(Vec::as_mut_slice) {
        let Expr::Function(percentile) =
            call("percentile_cont", vec![take_arg(value), Expr::value(Value::Number("0.5".into(), false))])
        else {
            return Expr::Function(replaced);
        };
        replaced.name = percentile.name;
        replaced.args = percentile.args;
    }
    Expr::Function(replaced)
}

/// Functions that are only another spelling of CASE.
fn conditional(name: &str, function: &mut Function) -> Option<Expr> {
    let mut args: Vec<Expr> = plain_args(function)?.iter_mut().map(take_arg).collect();
    match (name, args.len()) {
        ("nvl2", 3) => {
            let otherwise = args.pop()?;
            let then = args.pop()?;
            let tested = args.pop()?;
            Some(case(vec![(Expr::IsNotNull(Box::new(tested)), then)], Some(otherwise)))
        }
        ("nullif", 2) => {
            let other = args.pop()?;
            let value = args.pop()?;
            let equal = binary(value.clone(), BinaryOperator::Eq, other);
            Some(case(vec![(equal, Expr::value(Value::Null))], Some(value)))
        }
        ("iif", 3) => {
            let otherwise = args.pop()?;
            let then = args.pop()?;
            Some(case(vec![(args.pop()?, then)], Some(otherwise)))
        }
        ("isnull", 2) => Some(call("coalesce", args)),
        // DECODE(value, search, result [, …] [, default]); two arguments are Postgres's decode of bytes.
        ("decode", count) if count >= 3 => {
            let mut rest = args.into_iter();
            let value = rest.next()?;
            let mut branches = vec![];
            let mut otherwise = None;
            while let Some(search) = rest.next() {
                match rest.next() {
                    Some(result) => {
                        let same = Expr::IsNotDistinctFrom(Box::new(value.clone()), Box::new(search));
                        branches.push((same, result));
                    }
                    None => otherwise = Some(search),
                }
            }
            Some(case(branches, otherwise))
        }
        _ => {
            let function_args = args.into_iter().map(|arg| FunctionArg::Unnamed(FunctionArgExpr::Expr(arg))).collect();
            if let Some(slot) = plain_args(function) {
                *slot = function_args;
            }
            None
        }
    }
}

fn case(branches: Vec<(Expr, Expr)>, otherwise: Option<Expr>) -> Expr {
    Expr::Case {
        case_token: AttachedToken::empty(),
        end_token: AttachedToken::empty(),
        operand: None,
        conditions: branches.into_iter().map(|(condition, result)| CaseWhen { condition, result }).collect(),
        else_result: otherwise.map(Box::new),
    }
}
