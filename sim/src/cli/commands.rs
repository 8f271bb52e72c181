//! The commands that the program tells its reader to type.

/// The name of the planted bug that is active, if one is.
pub(super) fn planted_bug() -> Option<&'static str> {
    #[cfg(feature = "mutants")]
    return coherence::mutants::active().map(coherence::mutants::Mutant::name);
    #[cfg(not(feature = "mutants"))]
    None
}

/// The command with these arguments, as it is typed, with the planted bug.
pub(super) fn command(arguments: &str) -> String {
    let bug = planted_bug().map(|name| format!("PLANTED_BUG={name} ")).unwrap_or_default();
    format!("{bug}cargo sim {arguments}")
}

/// What to do about a seed that fails.
pub(super) fn about_seed(seed: u64) -> String {
    let (run, shrink) = (command(&format!("run --seed {seed}")), command(&format!("shrink --seed {seed}")));
    format!("{run}  |  {shrink}")
}
