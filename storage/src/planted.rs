//! Where the simulator plants bugs, to prove that it would find them. Outside tests every place is the constant `false`.

/// Whether a bug is planted here.
macro_rules! planted {
    ($mutant:ident) => {{
        #[cfg(test)]
        {
            crate::simulate::is_planted(crate::simulate::Mutant::$mutant)
        }
        #[cfg(not(test))]
        {
            false
        }
    }};
}
pub(crate) use planted;
