//! Hands work to workers: each takes a file of its own while there are some, then helps with those that are open.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;

/// Files to be opened and files that are open. `T` is what a worker makes of a file when it is the first to take it.
#[derive(Debug)]
pub(crate) struct Feed<P, T> {
    state: Mutex<State<P, T>>,
}

#[derive(Debug)]
struct State<P, T> {
    pending: VecDeque<P>,
    active: Vec<Arc<T>>,
    /// Where the next helper starts to look, so that helpers spread.
    next: usize,
}

impl<P, T> Feed<P, T> {
    pub(crate) fn new(pending: impl IntoIterator<Item = P>) -> Self {
        let state = State { pending: pending.into_iter().collect(), active: Vec::new(), next: 0 };
        Self { state: Mutex::new(state) }
    }

    /// A file to work on, or `None` when all that remains is in others' hands. `open` must be quick: it holds the lock.
    pub(crate) fn take(&self, open: impl FnOnce(P) -> T) -> Option<Arc<T>> {
        let mut state = self.state.lock();
        if let Some(pending) = state.pending.pop_front() {
            let opened = Arc::new(open(pending));
            state.active.push(Arc::clone(&opened));
            return Some(opened);
        }
        let count = state.active.len();
        let at = state.next.checked_rem(count)?;
        state.next = at + 1;
        state.active.get(at).cloned()
    }

    /// Takes a finished file out; true for the first who says so.
    pub(crate) fn retire(&self, finished: &Arc<T>) -> bool {
        let mut state = self.state.lock();
        let before = state.active.len();
        state.active.retain(|active| !Arc::ptr_eq(active, finished));
        state.active.len() < before
    }
}
