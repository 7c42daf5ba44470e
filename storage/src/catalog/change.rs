//! Every durable effect, one variant each. A transaction is a list of these; a log entry is a list of transactions.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::catalog::access::{Privilege, Role};
use crate::catalog::part::{DeleteSet, Part};
use crate::catalog::snapshot::{Database, Schema, SettingScope, View};
use crate::catalog::table::{Column, Constraint, Distribution, SortKey, Table};
use crate::id::{ColumnId, DatabaseId, PartId, RoleId, SchemaId, TableId, Version, ViewId};

/// One durable effect. `apply` (in `catalog::apply`) is the only code that changes a [`crate::Snapshot`].
///
/// Ids inside are already chosen by the staging transaction (`Transaction::new_id`), so applying is a pure function of
/// the snapshot and the change, and replay gives the same result for ever.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Change {
    /// CREATE DATABASE.
    CreateDatabase(Arc<Database>),
    /// DROP DATABASE; it must hold no schema.
    DropDatabase(DatabaseId),
    /// CREATE SCHEMA.
    CreateSchema(Arc<Schema>),
    /// DROP SCHEMA; it must be empty (CASCADE stages the drops of its objects first).
    DropSchema(SchemaId),
    /// CREATE TABLE.
    CreateTable(Arc<Table>),
    /// DROP TABLE.
    DropTable(TableId),
    /// CREATE VIEW, or with an existing id CREATE OR REPLACE VIEW.
    PutView(Arc<View>),
    /// DROP VIEW.
    DropView(ViewId),
    /// CREATE USER / ROLE / GROUP, or with an existing id ALTER.
    PutRole(Arc<Role>),
    /// DROP USER / ROLE / GROUP; grants to it go with it.
    DropRole(RoleId),
    /// A change of a table's definition.
    AlterTable {
        /// The table.
        table: TableId,
        /// What changes.
        action: TableAction,
    },
    /// RENAME TO, OWNER TO, SET SCHEMA and COMMENT ON of any named object.
    AlterObject {
        /// The object.
        object: ObjectRef,
        /// What changes.
        action: ObjectAction,
    },
    /// GRANT.
    Grant {
        /// On what.
        object: ObjectRef,
        /// To whom.
        role: RoleId,
        /// Which rights.
        privileges: Vec<Privilege>,
        /// WITH GRANT OPTION.
        grant_option: bool,
    },
    /// REVOKE.
    Revoke {
        /// On what.
        object: ObjectRef,
        /// From whom.
        role: RoleId,
        /// Which rights.
        privileges: Vec<Privilege>,
    },
    /// ALTER USER / DATABASE … SET; `None` is RESET.
    PutSetting {
        /// Where it applies.
        scope: SettingScope,
        /// Name of the setting.
        name: String,
        /// Its value as text.
        value: Option<String>,
    },
    /// New rows. Never conflicts with other appends; conflicts with a changed definition and with DROP.
    Append {
        /// The table.
        table: TableId,
        /// The new parts.
        parts: Vec<Arc<Part>>,
    },
    /// Rows of one part become invisible. Conflicts when the part is gone or one of the rows is deleted already
    /// (first committer wins, by row).
    Delete {
        /// The table.
        table: TableId,
        /// The part.
        part: PartId,
        /// The rows, disjoint from all earlier sets of the part.
        rows: Arc<DeleteSet>,
    },
    /// All rows seen by the transaction go. Conflicts when parts were added or rows deleted since.
    Truncate {
        /// The table.
        table: TableId,
        /// The parts seen.
        parts: Vec<PartId>,
    },
    /// Parts are rewritten with the same visible rows (flush of inline chunks, clustering, purge). Conflicts unless every
    /// input is present with exactly the given number of deleted rows.
    Replace {
        /// The table.
        table: TableId,
        /// Inputs with their number of deleted rows.
        remove: Vec<(PartId, u64)>,
        /// Outputs.
        add: Vec<Arc<Part>>,
    },
    /// Values of an IDENTITY column were handed out; the stored mark only moves away from the seed.
    AdvanceIdentity {
        /// The table.
        table: TableId,
        /// The column.
        column: ColumnId,
        /// The next value not handed out.
        next: i64,
    },
    /// Garbage collection: versions below `horizon` may no longer be read, and exactly `paths` may be deleted from the
    /// store after this change is durable (invariant I10).
    Collect {
        /// New horizon.
        horizon: Version,
        /// Objects that will be deleted.
        paths: Vec<String>,
    },
}

/// A change of a table's definition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum TableAction {
    /// ADD COLUMN; the column's id must be the table's `next_column`.
    AddColumn(Column),
    /// DROP COLUMN. Key columns cannot be dropped.
    DropColumn(ColumnId),
    /// RENAME COLUMN.
    RenameColumn {
        /// The column.
        column: ColumnId,
        /// New name.
        name: String,
    },
    /// ALTER COLUMN: everything but id and name is replaced (type must keep the Arrow type).
    AlterColumn(Column),
    /// ALTER DISTSTYLE / DISTKEY: concerns rows written from now on.
    Distribute(Distribution),
    /// ALTER SORTKEY: concerns rows written from now on.
    Sort(SortKey),
    /// ADD CONSTRAINT.
    AddConstraint(Constraint),
    /// DROP CONSTRAINT, by name.
    DropConstraint(String),
}

/// Any object that has a name, an owner and rights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ObjectRef {
    /// A database.
    Database(DatabaseId),
    /// A schema.
    Schema(SchemaId),
    /// A table.
    Table(TableId),
    /// A view.
    View(ViewId),
}

/// A change that every named object knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum ObjectAction {
    /// RENAME TO.
    Rename(String),
    /// OWNER TO.
    Own(RoleId),
    /// SET SCHEMA (tables and views).
    Move(SchemaId),
    /// COMMENT ON; `None` removes it.
    Comment(Option<String>),
    /// COMMENT ON COLUMN (tables).
    CommentColumn(ColumnId, Option<String>),
}
