//! The real modules on a simulated store, everything from one seed. See `docs` at the top of `run`.

mod mutant;

pub(crate) use mutant::Mutant;
