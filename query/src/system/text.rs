//! How catalog facts are written as SQL text: quoted names, rights, keys, definitions.

use stoa_storage::{Acl, ColumnId, Constraint, ConstraintKind, Distribution, Privilege, RoleId, Table};

use crate::system::context::SystemContext;

/// Words that must be quoted to serve as names.
const RESERVED: &[&str] = &[
    "all",
    "analyse",
    "analyze",
    "and",
    "any",
    "array",
    "as",
    "asc",
    "asymmetric",
    "authorization",
    "between",
    "bigint",
    "binary",
    "bit",
    "boolean",
    "both",
    "case",
    "cast",
    "char",
    "character",
    "check",
    "coalesce",
    "collate",
    "collation",
    "column",
    "concurrently",
    "constraint",
    "create",
    "cross",
    "current_catalog",
    "current_date",
    "current_role",
    "current_schema",
    "current_time",
    "current_timestamp",
    "current_user",
    "dec",
    "decimal",
    "default",
    "deferrable",
    "desc",
    "distinct",
    "do",
    "else",
    "end",
    "except",
    "exists",
    "extract",
    "false",
    "fetch",
    "float",
    "for",
    "foreign",
    "freeze",
    "from",
    "full",
    "grant",
    "greatest",
    "group",
    "grouping",
    "having",
    "ilike",
    "in",
    "initially",
    "inner",
    "inout",
    "int",
    "integer",
    "intersect",
    "interval",
    "into",
    "is",
    "isnull",
    "join",
    "lateral",
    "leading",
    "least",
    "left",
    "like",
    "limit",
    "localtime",
    "localtimestamp",
    "national",
    "natural",
    "nchar",
    "none",
    "normalize",
    "not",
    "notnull",
    "null",
    "nullif",
    "numeric",
    "offset",
    "on",
    "only",
    "or",
    "order",
    "out",
    "outer",
    "overlaps",
    "overlay",
    "placing",
    "position",
    "precision",
    "primary",
    "real",
    "references",
    "returning",
    "right",
    "row",
    "select",
    "session_user",
    "setof",
    "similar",
    "smallint",
    "some",
    "substring",
    "symmetric",
    "table",
    "tablesample",
    "then",
    "time",
    "timestamp",
    "to",
    "trailing",
    "treat",
    "trim",
    "true",
    "union",
    "unique",
    "user",
    "using",
    "values",
    "varchar",
    "variadic",
    "verbose",
    "when",
    "where",
    "window",
    "with",
];

/// All words of Postgres's grammar that Stoa knows to be reserved.
pub(crate) fn reserved_words() -> &'static [&'static str] {
    RESERVED
}

/// A name as SQL text, in double quotes where it needs them.
pub(crate) fn quote_ident(name: &str) -> String {
    let mut characters = name.chars();
    let plain = characters.next().is_some_and(|first| first.is_ascii_lowercase() || first == '_')
        && characters.all(|next| next.is_ascii_lowercase() || next.is_ascii_digit() || next == '_' || next == '$')
        && RESERVED.binary_search(&name).is_err();
    if plain { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

/// A text as an SQL literal.
pub(crate) fn quote_literal(text: &str) -> String {
    let quoted = text.replace('\'', "''");
    if text.contains('\\') { format!("E'{}'", quoted.replace('\\', "\\\\")) } else { format!("'{quoted}'") }
}

/// The parts of a possibly quoted, possibly qualified name, folded as SQL folds them; `None` when it is not one.
pub(crate) fn parse_ident(text: &str) -> Option<Vec<String>> {
    let mut parts = Vec::new();
    let mut rest = text.trim();
    loop {
        let after = if let Some(quoted) = rest.strip_prefix('"') {
            let mut name = String::new();
            let mut tail = quoted;
            loop {
                let end = tail.find('"')?;
                name.push_str(tail.get(..end)?);
                tail = tail.get(end + 1..)?;
                match tail.strip_prefix('"') {
                    Some(more) => {
                        name.push('"');
                        tail = more;
                    }
                    None => break,
                }
            }
            parts.push(name);
            tail
        } else {
            let end = rest.find('.').unwrap_or(rest.len());
            let name = rest.get(..end)?.trim();
            if name.is_empty() || name.contains(|c: char| c.is_whitespace() || c == '"' || c == '(') {
                return None;
            }
            parts.push(name.to_lowercase());
            rest.get(end..)?
        };
        match after.trim_start().strip_prefix('.') {
            Some(more) => rest = more.trim_start(),
            None if after.trim().is_empty() => return Some(parts),
            None => return None,
        }
    }
}

/// Letters of rights in the order in which Postgres prints them.
const LETTERS: &[(Privilege, char)] = &[
    (Privilege::Insert, 'a'),
    (Privilege::Select, 'r'),
    (Privilege::Update, 'w'),
    (Privilege::Delete, 'd'),
    (Privilege::Truncate, 'D'),
    (Privilege::References, 'x'),
    (Privilege::Usage, 'U'),
    (Privilege::Create, 'C'),
    (Privilege::Temporary, 'T'),
    (Privilege::Connect, 'c'),
];

/// What an owner holds by itself, by the kind of object.
pub(crate) const TABLE_RIGHTS: &[Privilege] = &[
    Privilege::Insert,
    Privilege::Select,
    Privilege::Update,
    Privilege::Delete,
    Privilege::Truncate,
    Privilege::References,
];
/// See [`TABLE_RIGHTS`].
pub(crate) const SCHEMA_RIGHTS: &[Privilege] = &[Privilege::Usage, Privilege::Create];
/// See [`TABLE_RIGHTS`].
pub(crate) const DATABASE_RIGHTS: &[Privilege] = &[Privilege::Create, Privilege::Temporary, Privilege::Connect];

/// The name of a right as `information_schema` and `has_table_privilege` spell it.
pub(crate) fn privilege_name(privilege: Privilege) -> &'static str {
    match privilege {
        Privilege::Select => "SELECT",
        Privilege::Insert => "INSERT",
        Privilege::Update => "UPDATE",
        Privilege::Delete => "DELETE",
        Privilege::Truncate => "TRUNCATE",
        Privilege::References => "REFERENCES",
        Privilege::Create => "CREATE",
        Privilege::Usage => "USAGE",
        Privilege::Connect => "CONNECT",
        Privilege::Temporary => "TEMPORARY",
    }
}

/// Rights as Postgres's `aclitem`s; `None` while nothing was granted, as in Postgres.
pub(crate) fn acl_items(context: &SystemContext, owner: RoleId, acl: &Acl, all: &[Privilege]) -> Option<Vec<String>> {
    if acl.entries.is_empty() {
        return None;
    }
    let grantor = quote_ident(&context.role_name(owner));
    let letters = |holds: &dyn Fn(Privilege) -> Option<bool>| -> String {
        let held = LETTERS.iter().filter_map(|(privilege, letter)| Some((*letter, holds(*privilege)?)));
        held.flat_map(|(letter, option)| std::iter::once(letter).chain(option.then_some('*'))).collect()
    };
    let own = letters(&|privilege| all.contains(&privilege).then_some(false));
    let mut items = vec![format!("{grantor}={own}/{grantor}")];
    for (role, held) in acl.entries.iter().filter(|(role, _)| **role != owner) {
        let grantee =
            if *role == stoa_storage::PUBLIC { String::new() } else { quote_ident(&context.role_name(*role)) };
        items.push(format!("{grantee}={}/{grantor}", letters(&|privilege| held.get(&privilege).copied())));
    }
    Some(items)
}

/// The columns of a key as `a, b`.
pub(crate) fn column_list(table: &Table, columns: &[ColumnId]) -> String {
    let names = columns.iter().map(|id| table.column(*id).map_or_else(|| format!("?{id}"), |c| quote_ident(&c.name)));
    names.collect::<Vec<_>>().join(", ")
}

/// A declared key as `pg_get_constraintdef` prints it.
pub(crate) fn constraint_definition(context: &SystemContext, table: &Table, constraint: &Constraint) -> String {
    match &constraint.kind {
        ConstraintKind::PrimaryKey(columns) => format!("PRIMARY KEY ({})", column_list(table, columns)),
        ConstraintKind::Unique(columns) => format!("UNIQUE ({})", column_list(table, columns)),
        ConstraintKind::ForeignKey { columns, references, referenced } => {
            let target = context.snapshot.tables.get(references);
            let name = context.relation_text(references.0);
            let there = target.map(|target| column_list(target, referenced)).unwrap_or_default();
            format!("FOREIGN KEY ({}) REFERENCES {name}({there})", column_list(table, columns))
        }
    }
}

/// A declared primary or unique key as `pg_get_indexdef` prints it.
pub(crate) fn index_definition(context: &SystemContext, table: &Table, constraint: &Constraint) -> Option<String> {
    let columns = key_columns(constraint)?;
    let schema = context.namespace_name(table.schema.0).map(|name| quote_ident(&name)).unwrap_or_default();
    Some(format!(
        "CREATE UNIQUE INDEX {} ON {schema}.{} USING btree ({})",
        quote_ident(&constraint.name),
        quote_ident(&table.name),
        column_list(table, columns)
    ))
}

/// The columns of a primary or unique key, which clients see as an index; `None` for foreign keys.
pub(crate) fn key_columns(constraint: &Constraint) -> Option<&[ColumnId]> {
    match &constraint.kind {
        ConstraintKind::PrimaryKey(columns) | ConstraintKind::Unique(columns) => Some(columns),
        ConstraintKind::ForeignKey { .. } => None,
    }
}

/// DISTSTYLE and SORTKEY as `name=value` options, which psql shows below a table.
pub(crate) fn table_options(table: &Table) -> Vec<String> {
    let mut options = match &table.distribution {
        Distribution::Auto => vec!["DISTSTYLE=AUTO".to_owned()],
        Distribution::Even => vec!["DISTSTYLE=EVEN".to_owned()],
        Distribution::All => vec!["DISTSTYLE=ALL".to_owned()],
        Distribution::Key(column) => {
            vec!["DISTSTYLE=KEY".to_owned(), format!("DISTKEY=({})", column_list(table, &[*column]))]
        }
    };
    let sort = &table.sort_key;
    if sort.auto {
        options.push("SORTKEY=AUTO".to_owned());
    }
    if !sort.columns.is_empty() {
        let kind = if sort.interleaved { "INTERLEAVED SORTKEY" } else { "SORTKEY" };
        options.push(format!("{kind}=({})", column_list(table, &sort.columns)));
    }
    options
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted_where_they_must_be() {
        assert!(RESERVED.is_sorted());
        assert_eq!(quote_ident("orders_2"), "orders_2");
        assert_eq!(quote_ident("Order"), "\"Order\"");
        assert_eq!(quote_ident("order"), "\"order\"");
        assert_eq!(quote_ident("a\"b"), "\"a\"\"b\"");
        assert_eq!(quote_literal("it's"), "'it''s'");
        assert_eq!(quote_literal("a\\b"), "E'a\\\\b'");
    }

    #[test]
    fn qualified_names_are_read_as_sql_reads_them() {
        assert_eq!(parse_ident("Public.\"Games \"\"A\"\"\"").unwrap(), ["public", "Games \"A\""]);
        assert_eq!(parse_ident(" t ").unwrap(), ["t"]);
        assert_eq!(parse_ident("a b"), None);
        assert_eq!(parse_ident("\"open"), None);
        assert_eq!(parse_ident("a."), None);
    }
}
