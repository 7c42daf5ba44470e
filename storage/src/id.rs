//! Identifiers. All catalog objects share one counter, so an id is unique over kinds and can serve as a Postgres `oid`.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident($repr:ty);)*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
            #[serde(transparent)]
            pub struct $name(pub $repr);

            impl fmt::Display for $name {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    self.0.fmt(f)
                }
            }
        )*
    };
}

ids! {
    /// A database. Never reused.
    DatabaseId(u32);
    /// A schema. Never reused.
    SchemaId(u32);
    /// A table. Never reused, survives renames.
    TableId(u32);
    /// A view. Never reused, survives renames.
    ViewId(u32);
    /// A role (user or group). Never reused.
    RoleId(u32);
    /// A column within its table, from 1; never reused within the table, survives renames. Postgres's `attnum`.
    ColumnId(u32);
    /// A run of rows of a table (a segment or an inline chunk). Never reused; also part of the object's name.
    PartId(uuid::Uuid);
    /// A transaction. Chosen at begin, unique for ever, and the idempotency key of its commit.
    TxnId(uuid::Uuid);
    /// A version of the whole warehouse: the number of the log entry that made it. Strictly increasing.
    Version(u64);
}

/// The first id given to an object of a user; smaller ones belong to what is built in (as in Postgres).
pub const FIRST_USER_ID: u32 = 16_384;
