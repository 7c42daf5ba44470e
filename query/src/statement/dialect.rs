//! The dialect: Postgres's, with the spellings that Redshift adds.

use std::any::TypeId;
use std::iter::Peekable;
use std::str::Chars;

use sqlparser::dialect::{Dialect, PostgreSqlDialect, Precedence};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};

const POSTGRES: PostgreSqlDialect = PostgreSqlDialect {};

/// Postgres with Redshift's additions (TOP, EXCLUDE, QUALIFY, CONVERT(type, x)).
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct StoaDialect;

/// Forwards a method to the Postgres dialect.
macro_rules! as_postgres {
    ($($name:ident($($argument:ident: $type:ty),*) -> $result:ty;)*) => {
        $(fn $name(&self, $($argument: $type),*) -> $result {
            POSTGRES.$name($($argument),*)
        })*
    };
}

/// Switches a feature on.
macro_rules! with_feature {
    ($($name:ident;)*) => {
        $(fn $name(&self) -> bool {
            true
        })*
    };
}

impl Dialect for StoaDialect {
    // sqlparser asks in a few places whether the dialect *is* Postgres's; here it is.
    fn dialect(&self) -> TypeId {
        POSTGRES.dialect()
    }

    fn get_next_precedence(&self, parser: &Parser<'_>) -> Option<Result<u8, ParserError>> {
        POSTGRES.get_next_precedence(parser)
    }

    fn is_nested_delimited_identifier_start(&self, _character: char) -> bool {
        false
    }

    fn peek_nested_delimited_identifier_quotes(
        &self,
        _characters: Peekable<Chars<'_>>,
    ) -> Option<(char, Option<char>)> {
        None
    }

    as_postgres! {
        identifier_quote_style(identifier: &str) -> Option<char>;
        is_delimited_identifier_start(character: char) -> bool;
        is_identifier_start(character: char) -> bool;
        is_identifier_part(character: char) -> bool;
        supports_unicode_string_literal() -> bool;
        is_reserved_for_identifier(keyword: Keyword) -> bool;
        is_custom_operator_part(character: char) -> bool;
        supports_filter_during_aggregation() -> bool;
        supports_group_by_expr() -> bool;
        prec_value(precedence: Precedence) -> u8;
        allow_extract_custom() -> bool;
        allow_extract_single_quotes() -> bool;
        supports_create_index_with_clause() -> bool;
        supports_explain_with_utility_options() -> bool;
        supports_listen_notify() -> bool;
        supports_bitwise_shift_operators() -> bool;
        supports_comment_on() -> bool;
        supports_load_extension() -> bool;
        supports_named_fn_args_with_colon_operator() -> bool;
        supports_named_fn_args_with_expr_name() -> bool;
        supports_empty_projections() -> bool;
        supports_nested_comments() -> bool;
        supports_string_escape_constant() -> bool;
        supports_numeric_literal_underscores() -> bool;
        supports_array_typedef_with_brackets() -> bool;
        supports_set_names() -> bool;
        supports_alter_column_type_using() -> bool;
        supports_notnull_operator() -> bool;
        supports_interval_options() -> bool;
        supports_insert_table_alias() -> bool;
        supports_comma_separated_trim() -> bool;
    }

    with_feature! {
        supports_top_before_distinct;
        convert_type_before_value;
        supports_select_wildcard_exclude;
        supports_select_exclude;
        supports_select_wildcard_with_alias;
        supports_window_function_null_treatment_arg;
        supports_string_literal_concatenation_with_newline;
        supports_window_clause_named_window_reference;
    }
}
