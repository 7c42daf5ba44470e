//! Bugs that were made in real systems of this kind, planted one at a time: the simulator must find each.

/// A planted bug.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Mutant {
    /// Truncation deletes seals (SlateDB #1622).
    SealsDeleted,
    /// A time-out of an append is reported as failure.
    TimeoutIsFailure,
    /// A time-out of an append is reported as success.
    TimeoutIsSuccess,
    /// Garbage collection takes files of open transactions (SlateDB #1029).
    CollectTakesOpenFiles,
    /// A rewrite of parts ignores rows deleted meanwhile.
    ReplaceIgnoresDeletes,
    /// Garbage collection ignores held snapshots.
    NoPins,
    /// The list of checkpoints is not looked at after a seal (split brain).
    NoPostSealCheck,
    /// The log is truncated before its checkpoint is durable.
    TruncateEarly,
    /// Objects are deleted before the Collect entry is committed.
    DeleteBeforeCollect,
    /// "Already exists" is taken for a lost race (icechunk #2099).
    ExistsIsConflict,
    /// Two deletions of one row both commit.
    NoWriteWriteCheck,
    /// The log is written with plain puts.
    PlainPut,
    /// Commits are acknowledged before they are written.
    AcknowledgeEarly,
    /// A transaction is spread over two log entries.
    SplitEntry,
    /// Files are deleted when the outcome of their commit is not known (ClickHouse #112096).
    DeleteOnUnknown,
    /// Garbage collection works from the hint's checkpoint (ClickHouse #114194).
    CollectFromHint,
    /// The list of checkpoints is not looked at before a seal (the log is damaged by a seal that does not fit).
    NoPreSealCheck,
    /// A leader that was fenced goes on after its successor's seal.
    IgnoreFence,
}

impl Mutant {
    /// Every planted bug.
    pub(crate) const ALL: [Self; 18] = [
        Self::SealsDeleted,
        Self::TimeoutIsFailure,
        Self::TimeoutIsSuccess,
        Self::CollectTakesOpenFiles,
        Self::ReplaceIgnoresDeletes,
        Self::NoPins,
        Self::NoPostSealCheck,
        Self::TruncateEarly,
        Self::DeleteBeforeCollect,
        Self::ExistsIsConflict,
        Self::NoWriteWriteCheck,
        Self::PlainPut,
        Self::AcknowledgeEarly,
        Self::SplitEntry,
        Self::DeleteOnUnknown,
        Self::CollectFromHint,
        Self::NoPreSealCheck,
        Self::IgnoreFence,
    ];
}
