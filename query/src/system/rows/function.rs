//! `pg_proc`, `pg_aggregate`.

use crate::error::SqlError;
use crate::system::catalog::PG_CATALOG_OID;
use crate::system::context::{FunctionFact, SystemContext};
use crate::system::row::Rows;
use crate::system::type_function::TYPE_FUNCTIONS;

/// First oid of functions that `pg_type` does not refer to; they are numbered in the order of their names.
const FIRST_FUNCTION: u32 = 10_000;
/// Postgres's oid of the pseudo-type `any`.
const ANY: u32 = 2276;

/// Oid and facts of every callable function, in the order of their names.
fn numbered(context: &SystemContext) -> impl Iterator<Item = (u32, &FunctionFact)> {
    (FIRST_FUNCTION..).zip(context.functions.iter())
}

/// The oid of a function.
pub(crate) fn oid_of(context: &SystemContext, name: &str) -> Option<u32> {
    let built_in = TYPE_FUNCTIONS.iter().find(|function| function.name == name).map(|function| function.oid);
    built_in.or_else(|| {
        let index = context.functions.binary_search_by(|function| function.name.as_str().cmp(name)).ok()?;
        Some(FIRST_FUNCTION + u32::try_from(index).ok()?)
    })
}

/// The name of a function.
pub(crate) fn name_of(context: &SystemContext, oid: u32) -> Option<String> {
    if let Ok(index) = TYPE_FUNCTIONS.binary_search_by_key(&oid, |function| function.oid) {
        return TYPE_FUNCTIONS.get(index).map(|function| function.name.to_owned());
    }
    let index = usize::try_from(oid.checked_sub(FIRST_FUNCTION)?).ok()?;
    context.functions.get(index).map(|function| function.name.clone())
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
    for (oid, function) in numbered(context) {
        let name = &function.name;
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
    for (oid, function) in numbered(context) {
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
