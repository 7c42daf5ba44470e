//! The settings of one session through its transactions: SET rolls back with its transaction, SET LOCAL ends with it.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::error::SqlError;
use crate::settings::{SETTINGS, Settings};

/// Current values, and what to go back to.
#[derive(Debug)]
pub(crate) struct SettingState {
    current: Arc<Settings>,
    defaults: Arc<Settings>,
    /// Values at the start of the open transaction.
    before: Option<Arc<Settings>>,
    /// Names set by SET LOCAL, with the session's value to go back to.
    local: BTreeMap<String, Option<String>>,
    /// Reported settings that the client has not been told of.
    unreported: BTreeMap<&'static str, String>,
}

/// A point to roll back to.
#[derive(Debug, Clone)]
pub(crate) struct SettingMark {
    current: Arc<Settings>,
    local: BTreeMap<String, Option<String>>,
}

impl SettingState {
    /// The state of a new session.
    pub(crate) fn new(defaults: Settings) -> Self {
        let defaults = Arc::new(defaults);
        Self {
            current: Arc::clone(&defaults),
            defaults,
            before: None,
            local: BTreeMap::new(),
            unreported: BTreeMap::new(),
        }
    }

    /// The values now.
    pub(crate) fn current(&self) -> &Arc<Settings> {
        &self.current
    }

    /// SET and SET LOCAL.
    pub(crate) fn set(&mut self, name: &str, value: &str, local: bool) -> Result<(), SqlError> {
        self.change(name, local, |settings| settings.set(name, value))
    }

    /// SET … TO DEFAULT and RESET.
    pub(crate) fn reset(&mut self, name: &str, local: bool) -> Result<(), SqlError> {
        let defaults = Arc::clone(&self.defaults);
        self.change(name, local, |settings| settings.reset(name, &defaults))
    }

    /// RESET ALL.
    pub(crate) fn reset_all(&mut self) {
        let mut next = Settings::clone(&self.defaults);
        for name in ["is_superuser", "session_authorization"] {
            next.force(name, self.current.get(name).unwrap_or_default());
        }
        self.local.clear();
        self.replace(Arc::new(next));
    }

    /// A value that only the session sets.
    pub(crate) fn force(&mut self, name: &str, value: &str) {
        let mut next = Settings::clone(&self.current);
        next.force(name, value);
        self.replace(Arc::new(next));
    }

    /// A transaction begins.
    pub(crate) fn begin(&mut self) {
        self.before = Some(Arc::clone(&self.current));
        self.local.clear();
    }

    /// It ends well: what was local goes back.
    pub(crate) fn commit(&mut self) {
        self.before = None;
        let local = std::mem::take(&mut self.local);
        if local.is_empty() {
            return;
        }
        let mut next = Settings::clone(&self.current);
        for (name, value) in local {
            next.restore(&name, value);
        }
        self.replace(Arc::new(next));
    }

    /// It fails: everything goes back.
    pub(crate) fn rollback(&mut self) {
        self.local.clear();
        if let Some(before) = self.before.take() {
            self.replace(before);
        }
    }

    /// A savepoint.
    pub(crate) fn mark(&self) -> SettingMark {
        SettingMark { current: Arc::clone(&self.current), local: self.local.clone() }
    }

    /// ROLLBACK TO.
    pub(crate) fn rollback_to(&mut self, mark: &SettingMark) {
        self.local.clone_from(&mark.local);
        self.replace(Arc::clone(&mark.current));
    }

    /// Changes of reported settings since the last call.
    pub(crate) fn take_unreported(&mut self) -> Vec<(String, String)> {
        std::mem::take(&mut self.unreported).into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    fn change(
        &mut self,
        name: &str,
        local: bool,
        change: impl FnOnce(&mut Settings) -> Result<(), SqlError>,
    ) -> Result<(), SqlError> {
        let mut next = Settings::clone(&self.current);
        change(&mut next)?;
        if local && self.before.is_none() {
            // Outside of a transaction there is nothing that the value could last for.
            return Ok(());
        }
        let key = name.to_ascii_lowercase();
        if local {
            let value = self.current.get(name).map(str::to_owned);
            self.local.entry(key).or_insert(value);
        } else {
            self.local.remove(&key);
        }
        self.replace(Arc::new(next));
        Ok(())
    }

    fn replace(&mut self, next: Arc<Settings>) {
        for setting in SETTINGS.iter().filter(|setting| setting.reported) {
            if let Some(value) = next.get(setting.name)
                && self.current.get(setting.name) != Some(value)
            {
                self.unreported.insert(setting.name, value.to_owned());
            }
        }
        self.current = next;
    }
}
