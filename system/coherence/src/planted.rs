//! Bugs planted on purpose, for the simulation that must find each of them. Builds with the feature `mutants` have them
//! (`mutants.rs` lists them, and one at most is active); in all others the condition at their places is the constant
//! `false`, and nothing of them is left.

/// Whether this build has planted bugs. What is built so must say so, and serve nobody.
pub const PLANTED_BUGS: bool = cfg!(feature = "mutants");

/// Whether the named bug ([`crate::mutants::Mutant`]) is active in this process.
#[cfg(feature = "mutants")]
#[doc(hidden)]
#[macro_export]
macro_rules! mutant {
    ($name:ident) => {
        $crate::mutants::is_active($crate::mutants::Mutant::$name)
    };
}

/// No bug is planted in this build.
#[cfg(not(feature = "mutants"))]
#[doc(hidden)]
#[macro_export]
macro_rules! mutant {
    ($name:ident) => {
        false
    };
}
