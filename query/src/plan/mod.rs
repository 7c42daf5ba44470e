//! From statements to plans: names become ids, types are settled. Pure and synchronous, so that a plan can be made again
//! at any time; whatever must be read from outside (file listings) was read before, by [`purify`].

pub(crate) mod describe;
pub(crate) mod name;
pub(crate) mod purify;
pub(crate) mod query;
pub(crate) mod relation;
pub(crate) mod write;

use std::sync::Arc;

use stoa_storage::{ColumnId, Relation, RoleId, Snapshot};

use crate::engine::Engine;
use crate::session::SessionFacts;
use crate::types::SqlType;

/// Everything that planning may look at.
#[derive(Clone)]
pub(crate) struct PlanContext {
    /// Shared state.
    pub(crate) engine: Arc<Engine>,
    /// The catalog: the transaction's snapshot with its own changes.
    pub(crate) snapshot: Arc<Snapshot>,
    /// The session: user, database, search path, settings, clocks.
    pub(crate) facts: Arc<SessionFacts>,
    /// Types of parameters that the client declared (`$1` first); `None` where it left them open.
    pub(crate) declared: Vec<Option<SqlType>>,
    /// The whole text that the client sent, for positions in errors (spans of the syntax tree refer to it).
    pub(crate) source: Arc<str>,
}

/// Everything that running a planned statement needs besides the plan.
#[derive(Clone)]
pub(crate) struct ExecContext {
    /// Shared state.
    pub(crate) engine: Arc<Engine>,
    /// The catalog that the plan was made on.
    pub(crate) snapshot: Arc<Snapshot>,
    /// The session.
    pub(crate) facts: Arc<SessionFacts>,
    /// Fires on cancel, on `statement_timeout` (see [`crate::cancel::Reason`]) and when the session ends.
    pub(crate) cancel: Cancel,
}

pub(crate) use crate::cancel::Cancel;

/// A relation that a plan reads, for the check of rights.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ReadRelation {
    /// The table or view.
    pub(crate) relation: Relation,
    /// With whose rights: the user's, or for what a view reads, the view owner's.
    pub(crate) reader: RoleId,
    /// Columns that are read (empty: none by name, as in `count(*)`).
    pub(crate) columns: Vec<ColumnId>,
}
