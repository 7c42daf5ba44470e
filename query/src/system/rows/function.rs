//! `pg_proc`, `pg_aggregate`.

use std::collections::BTreeMap;

use crate::error::SqlError;
use crate::system::catalog::PG_CATALOG_OID;
use crate::system::context::{FunctionFact, SystemContext};
use crate::system::row::Rows;
use crate::system::type_function::TYPE_FUNCTIONS;

/// First oid of functions that `pg_type` does not refer to; they are numbered in the order of their names.
const FIRST_FUNCTION: u32 = 10_000;
/// Postgres's oid of the pseudo-type `any`.
const ANY: u32 = 2276;

/// Oid and facts of every callable function, by name.
pub(crate) fn numbered(context: &SystemContext) -> BTreeMap<&str, (u32, &FunctionFact)> {
    let by_name: BTreeMap<&str, &FunctionFact> =
        context.functions.iter().map(|function| (function.name.as_str(), function)).collect();
    by_name.into_iter().zip(FIRST_FUNCTION..).map(|((name, function), oid)| (name, (oid, function))).collect()
}

/// The oid of a function.
pub(crate) fn oid_of(context: &SystemContext, name: &str) -> Option<u32> {
    let built_in = TYPE_FUNCTIONS.iter().find(|function| function.name == name).map(|function| function.oid);
    built_in.or_else(|| numbered(context).get(name).map(|(oid, _)| *oid))
}

/// The name of a function.
pub(crate) fn name_of(context: &SystemContext, oid: u32) -> Option<String> {
    let built_in = TYPE_FUNCTIONS.iter().find(|function| function.oid == oid);
    match built_in {
        Some(function) => Some(function.name.to_owned()),
        None => numbered(context).into_iter().find(|(_, (number, _))| *number == oid).map(|(name, _)| name.to_owned()),
    }
}

/// `pg_proc`.
pub(crate) fn procedures(context: &SystemContext, rows: &mut Rows) -> Result<(), SqlError> {
    let owner = context.system_owner().0;
    for function in TYPE_FUNCTIONS {
        rows.add()
            .set("oid", function.oid)
            .set("proname", function.name)
            .set("pronamespace", PG_CATALOG_OID)
            .set("proowner", owner)
            .set("prolang", 12_i64)
            .set("procost", 1.0)
            .set("prokind", "f")
            .set("proisstrict", true)
            .set("provolatile", "i")
            .set("proparallel", "s")
            .set("pronargs", function.arguments.len())
            .set("prorettype", function.result)
            .set("proargtypes", function.arguments.to_vec())
            .set("prosrc", function.name);
    }
    for (name, (oid, function)) in numbered(context) {
        rows.add()
            .set("oid", oid)
            .set("proname", name)
            .set("pronamespace", PG_CATALOG_OID)
            .set("proowner", owner)
            .set("prolang", 12_i64)
            .set("procost", 1.0)
            .set("prokind", function.kind)
            .set("provolatile", function.volatility)
            .set("proparallel", "s")
            .set("provariadic", ANY)
            .set("prorettype", ANY)
            .set("prosrc", name);
    }
    Ok(())
}

/// `pg_aggregate`.
pub(crate) fn aggregates(context: &SystemContext, rows: &mut Rows) -> Result<(), SqlError> {
    for (_, (oid, function)) in numbered(context) {
        if function.kind == 'a' {
            rows.add()
                .set("aggfnoid", oid)
                .set("aggkind", "n")
                .set("aggfinalmodify", "r")
                .set("aggmfinalmodify", "r")
                .set("aggtranstype", ANY);
        }
    }
    Ok(())
}
