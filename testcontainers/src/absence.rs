//! Why there is no server, and the order in which it is looked for.

/// Why a suite has no server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Absence {
    /// It is not here: cases are ignored, unless it is required.
    Missing(String),
    /// It is here and does not work, such as a program that ends at once: cases fail.
    Broken(String),
}

impl Absence {
    /// The reason, for people.
    pub fn reason(&self) -> &str {
        match self {
            Self::Missing(reason) | Self::Broken(reason) => reason,
        }
    }
}

/// One way to a server. It may take a minute; it blocks.
pub type Way<S> = fn() -> Result<S, Absence>;

/// The server of the first way that has one.
///
/// # Errors
/// None of them has one: all their reasons. One that is there and does not work ends the search.
pub fn first_of<S>(ways: &[Way<S>]) -> Result<S, Absence> {
    let mut reasons = Vec::new();
    for way in ways {
        match way() {
            Err(Absence::Missing(reason)) => reasons.push(reason),
            found_or_broken => return found_or_broken,
        }
    }
    Err(Absence::Missing(reasons.join("; ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MISSING: Way<u8> = || Err(Absence::Missing("not here".to_owned()));
    const BROKEN: Way<u8> = || Err(Absence::Broken("ends at once".to_owned()));

    #[test]
    fn the_first_that_is_there() {
        assert_eq!(first_of::<u8>(&[MISSING, || Ok(1), || Ok(2)]), Ok(1));
        assert_eq!(first_of(&[MISSING, MISSING]), Err(Absence::Missing("not here; not here".to_owned())));
    }

    #[test]
    fn one_that_does_not_work_is_not_passed_over() {
        assert_eq!(first_of::<u8>(&[MISSING, BROKEN, || Ok(2)]), Err(Absence::Broken("ends at once".to_owned())));
    }
}
