//! The list of functions: which exist, and who computes them.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use datafusion::functions_aggregate::all_default_aggregate_functions;
use datafusion::functions_window::all_default_window_functions;
use datafusion::logical_expr::planner::ExprPlanner;
use datafusion::logical_expr::{AggregateUDF, ScalarUDF, WindowUDF};

/// What kind of function a row is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    /// One value a row.
    Scalar,
    /// One value a group.
    Aggregate,
    /// One value a row, over a window.
    Window,
    /// A table.
    Table,
}

/// Who computes a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// Stoa.
    Own,
    /// The engine, under this name of its own; its behaviour is Postgres's.
    Engine(&'static str),
    /// Rewritten before planning.
    Rewritten,
}

/// A function.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FunctionRow {
    /// Name in SQL.
    pub(crate) name: &'static str,
    /// Kind.
    pub(crate) family: Family,
    /// Who computes it.
    pub(crate) source: Source,
}

macro_rules! rows {
    ($($family:ident { own: [$($own:literal)*], engine: [$($engine:literal)*], renamed: [$($name:literal = $target:literal,)*], rewritten: [$($rewritten:literal)*] })*) => {
        &[$(
            $(FunctionRow { name: $own, family: Family::$family, source: Source::Own },)*
            $(FunctionRow { name: $engine, family: Family::$family, source: Source::Engine($engine) },)*
            $(FunctionRow { name: $name, family: Family::$family, source: Source::Engine($target) },)*
            $(FunctionRow { name: $rewritten, family: Family::$family, source: Source::Rewritten },)*
        )*]
    };
}

/// All functions that SQL can call, but for those of the system catalog.
pub(crate) static FUNCTIONS: &[FunctionRow] = rows! {
    Scalar {
        own: [
            "mod" "abs" "sign" "sqrt" "cbrt" "power" "pow" "exp" "dexp" "ln" "log" "dlog1" "dlog10" "round" "trunc" "ceil"
            "ceiling" "floor" "negate" "div" "extract" "extract_fraction" "date_part" "date_trunc" "dateadd" "date_add"
            "datediff" "date_diff" "now" "current_date" "current_timestamp" "transaction_timestamp" "statement_timestamp"
            "clock_timestamp" "getdate" "sysdate" "localtimestamp" "current_time" "localtime" "add_months" "last_day"
            "months_between" "next_day" "make_date" "date_part_year" "to_char" "to_date" "to_timestamp" "to_number"
            "timezone" "convert_timezone" "age" "charindex" "len" "length" "char_length" "character_length" "textlen"
            "regexp_substr" "quote_nullable" "similar_to" "datepart" "date" "strtol" "fnv_hash"
        ],
        engine: [
            "coalesce" "greatest" "least" "acos" "acosh" "asin" "asinh" "atan" "atan2" "atanh" "cos" "cosh" "cot" "degrees"
            "factorial" "gcd" "lcm" "pi" "radians" "random" "sin" "sinh" "tan" "tanh" "ascii" "bit_length" "btrim" "chr"
            "concat" "concat_ws" "initcap" "left" "levenshtein" "lower" "lpad" "ltrim" "md5" "octet_length" "overlay"
            "repeat" "replace" "reverse" "right" "rpad" "rtrim" "split_part" "sha224" "sha256" "sha384" "sha512" "starts_with" "strpos"
            "substr" "to_hex" "translate" "upper" "regexp_count" "regexp_instr" "regexp_like" "regexp_match"
            "regexp_replace" "encode" "decode" "array_append" "array_prepend" "array_length" "array_ndims" "array_position"
            "array_positions" "array_remove" "array_replace" "array_to_string" "string_to_array" "cardinality" "array_dims"
            "make_array" "array_concat" "array_element" "array_slice" "array_has" "array_has_all" "array_has_any" "array_distinct" "array_sort" "flatten"
            "get_field"
        ],
        renamed: [
            "nvl" = "coalesce", "substring" = "substr", "array_cat" = "array_concat", "array_flatten" = "flatten",
            "gen_random_uuid" = "uuid",
        ],
        rewritten: ["nullif" "nvl2" "iif"]
    }
    Aggregate {
        own: ["sum" "avg"],
        engine: [
            "count" "min" "max" "array_agg" "string_agg" "bool_and" "bool_or" "bit_and" "bit_or" "bit_xor" "corr"
            "covar_pop" "covar_samp" "regr_avgx" "regr_avgy" "regr_count" "regr_intercept" "regr_r2" "regr_slope" "regr_sxx"
            "regr_sxy" "regr_syy" "stddev" "stddev_pop" "stddev_samp" "var_pop" "var_samp" "percentile_cont"
            "first_value" "last_value" "nth_value" "any_value" "grouping"
        ],
        renamed: [
            "every" = "bool_and", "variance" = "var_samp", "approx_count_distinct" = "approx_distinct",
            "approximate_count_distinct" = "approx_distinct", "approx_percentile" = "approx_percentile_cont",
        ],
        rewritten: ["listagg" "median"]
    }
    Window {
        own: [],
        engine: [
            "row_number" "rank" "dense_rank" "percent_rank" "cume_dist" "ntile" "lag" "lead" "first_value" "last_value"
            "nth_value"
        ],
        renamed: [],
        rewritten: []
    }
    Table { own: ["generate_series"], engine: [], renamed: [], rewritten: [] }
};

/// The engine's functions by name and alias.
struct Registry {
    scalar: HashMap<String, Arc<ScalarUDF>>,
    aggregate: HashMap<String, Arc<AggregateUDF>>,
    window: HashMap<String, Arc<WindowUDF>>,
    planners: Vec<Arc<dyn ExprPlanner>>,
}

static REGISTRY: LazyLock<Registry> = LazyLock::new(|| {
    let mut scalar = HashMap::new();
    let scalars = datafusion::functions::all_default_functions();
    for udf in scalars.into_iter().chain(datafusion::functions_nested::all_default_nested_functions()) {
        for name in std::iter::once(udf.name()).chain(udf.aliases().iter().map(String::as_str)) {
            scalar.insert(name.to_owned(), Arc::clone(&udf));
        }
    }
    let mut aggregate = HashMap::new();
    for udf in all_default_aggregate_functions() {
        for name in std::iter::once(udf.name()).chain(udf.aliases().iter().map(String::as_str)) {
            aggregate.insert(name.to_owned(), Arc::clone(&udf));
        }
    }
    let mut window = HashMap::new();
    for udf in all_default_window_functions() {
        for name in std::iter::once(udf.name()).chain(udf.aliases().iter().map(String::as_str)) {
            window.insert(name.to_owned(), Arc::clone(&udf));
        }
    }
    let planners: Vec<Arc<dyn ExprPlanner>> = vec![
        Arc::new(datafusion::functions::core::planner::CoreFunctionPlanner::default()),
        Arc::new(datafusion::functions_nested::planner::NestedFunctionPlanner),
        Arc::new(datafusion::functions_nested::planner::FieldAccessPlanner),
        Arc::new(datafusion::functions_aggregate::planner::AggregateFunctionPlanner),
        Arc::new(datafusion::functions_window::planner::WindowFunctionPlanner),
    ];
    Registry { scalar, aggregate, window, planners }
});

fn engine_name(name: &str, family: Family) -> Option<&'static str> {
    FUNCTIONS.iter().find_map(|row| match row.source {
        Source::Engine(target) if row.name == name && row.family == family => Some(target),
        _ => None,
    })
}

/// The engine's scalar function behind a name, if the list has it.
pub(super) fn engine_scalar(name: &str) -> Option<Arc<ScalarUDF>> {
    REGISTRY.scalar.get(engine_name(name, Family::Scalar)?).cloned()
}

/// The engine's aggregate behind a name, if the list has it.
pub(super) fn engine_aggregate(name: &str) -> Option<Arc<AggregateUDF>> {
    REGISTRY.aggregate.get(engine_name(name, Family::Aggregate)?).cloned()
}

/// The engine's window function behind a name, if the list has it.
pub(super) fn engine_window(name: &str) -> Option<Arc<WindowUDF>> {
    REGISTRY.window.get(engine_name(name, Family::Window)?).cloned()
}

/// The engine's planners of array literals, subscripts, `count(*)` and their like.
pub(crate) fn engine_planners() -> Vec<Arc<dyn ExprPlanner>> {
    REGISTRY.planners.clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_has_a_function_behind_it() {
        for row in FUNCTIONS {
            let found = match (row.source, row.family) {
                (Source::Own, Family::Scalar) => super::super::builtin::find(row.name).is_some(),
                (Source::Own, Family::Aggregate) => super::super::aggregate::own(row.name).is_some(),
                (Source::Engine(_), Family::Scalar) => engine_scalar(row.name).is_some(),
                (Source::Engine(_), Family::Aggregate) => engine_aggregate(row.name).is_some(),
                (Source::Engine(_), Family::Window) => engine_window(row.name).is_some(),
                _ => true,
            };
            assert!(found, "{row:?}");
        }
    }
}
