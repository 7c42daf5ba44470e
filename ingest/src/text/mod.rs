//! Text to fields: where records end, where fields end, and what escapes and quotes stand for.

pub(crate) mod boundary;
pub(crate) mod fields;
pub(crate) mod json;
pub(crate) mod mask;
pub(crate) mod plain;
pub(crate) mod split;
pub(crate) mod unescape;
