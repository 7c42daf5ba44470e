//! `pg_type`, `pg_cast`, `pg_collation`, `pg_operator`, `pg_opclass`, `pg_opfamily`.

use crate::error::SqlError;
use crate::system::catalog::PG_CATALOG_OID;
use crate::system::context::SystemContext;
use crate::system::datatype::TYPES;
use crate::system::row::Rows;
use crate::system::rows::database::UTF8;
use crate::system::rows::relation::BTREE;

/// `pg_type`.
pub(crate) fn types(context: &SystemContext, rows: &mut Rows) -> Result<(), SqlError> {
    for fact in TYPES {
        let [input, output, receive, send] = fact.functions;
        rows.add()
            .set("oid", fact.oid)
            .set("typname", fact.name)
            .set("typnamespace", PG_CATALOG_OID)
            .set("typowner", context.system_owner().0)
            .set("typlen", fact.length)
            .set("typbyval", fact.by_value)
            .set("typtype", fact.kind)
            .set("typcategory", fact.category)
            .set("typispreferred", fact.preferred)
            .set("typisdefined", true)
            .set("typdelim", ",")
            .set("typsubscript", fact.subscript)
            .set("typelem", fact.element)
            .set("typarray", fact.array)
            .set("typinput", input)
            .set("typoutput", output)
            .set("typreceive", receive)
            .set("typsend", send)
            .set("typalign", fact.align)
            .set("typstorage", fact.storage)
            .set("typtypmod", -1_i64)
            .set("typcollation", fact.collation);
    }
    Ok(())
}

/// Casts among numbers, texts and times, by oid of source and target, with `pg_cast`'s context: `i`mplicit, in
/// `a`ssignment or `e`xplicit only.
const CASTS: &[(u32, u32, &str)] = &[
    (16, 23, "e"),
    (16, 25, "a"),
    (16, 1042, "a"),
    (16, 1043, "a"),
    (19, 25, "i"),
    (19, 1042, "a"),
    (19, 1043, "a"),
    (20, 21, "a"),
    (20, 23, "a"),
    (20, 24, "i"),
    (20, 26, "i"),
    (20, 700, "i"),
    (20, 701, "i"),
    (20, 1700, "i"),
    (20, 2205, "i"),
    (20, 2206, "i"),
    (21, 20, "i"),
    (21, 23, "i"),
    (21, 24, "i"),
    (21, 26, "i"),
    (21, 700, "i"),
    (21, 701, "i"),
    (21, 1700, "i"),
    (21, 2205, "i"),
    (21, 2206, "i"),
    (23, 16, "e"),
    (23, 20, "i"),
    (23, 21, "a"),
    (23, 24, "i"),
    (23, 26, "i"),
    (23, 700, "i"),
    (23, 701, "i"),
    (23, 1700, "i"),
    (23, 2205, "i"),
    (23, 2206, "i"),
    (24, 20, "a"),
    (24, 23, "a"),
    (24, 26, "i"),
    (25, 19, "i"),
    (25, 1042, "i"),
    (25, 1043, "i"),
    (25, 2205, "i"),
    (26, 20, "a"),
    (26, 23, "a"),
    (26, 24, "i"),
    (26, 2205, "i"),
    (26, 2206, "i"),
    (700, 20, "a"),
    (700, 21, "a"),
    (700, 23, "a"),
    (700, 701, "i"),
    (700, 1700, "a"),
    (701, 20, "a"),
    (701, 21, "a"),
    (701, 23, "a"),
    (701, 700, "a"),
    (701, 1700, "a"),
    (1042, 19, "i"),
    (1042, 25, "i"),
    (1042, 1043, "i"),
    (1043, 19, "i"),
    (1043, 25, "i"),
    (1043, 1042, "i"),
    (1043, 2205, "i"),
    (1082, 1114, "i"),
    (1082, 1184, "i"),
    (1083, 1186, "i"),
    (1114, 1082, "a"),
    (1114, 1083, "a"),
    (1114, 1184, "i"),
    (1184, 1082, "a"),
    (1184, 1083, "a"),
    (1184, 1114, "a"),
    (1186, 1083, "a"),
    (1700, 20, "a"),
    (1700, 21, "a"),
    (1700, 23, "a"),
    (1700, 700, "i"),
    (1700, 701, "i"),
    (2205, 20, "a"),
    (2205, 23, "a"),
    (2205, 26, "i"),
    (2206, 20, "a"),
    (2206, 23, "a"),
    (2206, 26, "i"),
];

/// `pg_cast`.
pub(crate) fn casts(_context: &SystemContext, rows: &mut Rows) -> Result<(), SqlError> {
    for ((source, target, context), number) in CASTS.iter().zip(1_u32..) {
        rows.add()
            .set("oid", 10_000 + number)
            .set("castsource", *source)
            .set("casttarget", *target)
            .set("castcontext", *context)
            .set("castmethod", "b");
    }
    Ok(())
}

/// Collations with Postgres's oids. Text is always ordered by its bytes.
pub(crate) const COLLATIONS: &[(u32, &str)] = &[(100, "default"), (950, "C"), (951, "POSIX")];

/// `pg_collation`.
pub(crate) fn collations(context: &SystemContext, rows: &mut Rows) -> Result<(), SqlError> {
    for (oid, name) in COLLATIONS {
        let is_default = *name == "default";
        let locale = (!is_default).then_some(*name);
        rows.add()
            .set("oid", *oid)
            .set("collname", *name)
            .set("collnamespace", PG_CATALOG_OID)
            .set("collowner", context.system_owner().0)
            .set("collprovider", if is_default { "d" } else { "c" })
            .set("collisdeterministic", true)
            .set("collencoding", if is_default { -1 } else { UTF8 })
            .set("collcollate", locale)
            .set("collctype", locale);
    }
    Ok(())
}

/// Equality and order of the types that keys are made of: type, oids of `=` and `<`, oid and name of the operator class.
const OPERATORS: &[(u32, u32, u32, u32, &str)] = &[
    (16, 91, 58, 10_003, "bool_ops"),
    (20, 410, 412, 3124, "int8_ops"),
    (21, 94, 95, 1979, "int2_ops"),
    (23, 96, 97, 1978, "int4_ops"),
    (25, 98, 664, 3126, "text_ops"),
    (26, 607, 609, 1981, "oid_ops"),
    (701, 670, 672, 3123, "float8_ops"),
    (1042, 1054, 1058, 10_004, "bpchar_ops"),
    (1082, 1093, 1095, 3122, "date_ops"),
    (1114, 2060, 2062, 3128, "timestamp_ops"),
    (1184, 1320, 1322, 3127, "timestamptz_ops"),
    (1700, 1752, 1754, 3125, "numeric_ops"),
];

/// `pg_operator`.
pub(crate) fn operators(context: &SystemContext, rows: &mut Rows) -> Result<(), SqlError> {
    for (operand, equal, less, _, _) in OPERATORS {
        for (oid, name) in [(*equal, "="), (*less, "<")] {
            rows.add()
                .set("oid", oid)
                .set("oprname", name)
                .set("oprnamespace", PG_CATALOG_OID)
                .set("oprowner", context.system_owner().0)
                .set("oprkind", "b")
                .set("oprcanmerge", name == "=")
                .set("oprcanhash", name == "=")
                .set("oprleft", *operand)
                .set("oprright", *operand)
                .set("oprresult", 16_i64);
        }
    }
    Ok(())
}

/// `pg_opclass`.
pub(crate) fn operator_classes(context: &SystemContext, rows: &mut Rows) -> Result<(), SqlError> {
    for (operand, _, _, oid, name) in OPERATORS {
        rows.add()
            .set("oid", *oid)
            .set("opcmethod", BTREE)
            .set("opcname", *name)
            .set("opcnamespace", PG_CATALOG_OID)
            .set("opcowner", context.system_owner().0)
            .set("opcfamily", *oid)
            .set("opcintype", *operand)
            .set("opcdefault", true);
    }
    Ok(())
}

/// `pg_opfamily`: each class is a family of its own.
pub(crate) fn operator_families(context: &SystemContext, rows: &mut Rows) -> Result<(), SqlError> {
    for (_, _, _, oid, name) in OPERATORS {
        rows.add()
            .set("oid", *oid)
            .set("opfmethod", BTREE)
            .set("opfname", *name)
            .set("opfnamespace", PG_CATALOG_OID)
            .set("opfowner", context.system_owner().0);
    }
    Ok(())
}
