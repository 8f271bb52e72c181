//! The scenarios that come with the program.

use std::path::Path;

use super::file::Scenario;
use crate::failure::Failure;

/// The longest file of a scenario.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// By name.
pub const BUILTIN: [(&str, &str); 7] = [
    ("reads", include_str!("../../scenarios/reads.toml")),
    ("propagation", include_str!("../../scenarios/propagation.toml")),
    ("mixed", include_str!("../../scenarios/mixed.toml")),
    ("stampede", include_str!("../../scenarios/stampede.toml")),
    ("soak", include_str!("../../scenarios/soak.toml")),
    ("outage", include_str!("../../scenarios/outage.toml")),
    ("notifications", include_str!("../../scenarios/notifications.toml")),
];

/// A built-in scenario, or that of a file.
///
/// # Errors
/// [`Failure::Usage`].
pub fn load(name: &str) -> Result<Scenario, Failure> {
    if let Some((_, text)) = BUILTIN.iter().find(|(known, _)| *known == name) {
        return Scenario::parse(text);
    }
    let path = Path::new(name);
    let known = || BUILTIN.map(|(name, _)| name).join(", ");
    let metadata = path
        .metadata()
        .map_err(|error| Failure::Usage(format!("{name}: {error}; the built-in scenarios are {}", known())))?;
    if metadata.len() > FILE_BYTES_MAX {
        return Err(Failure::Usage(format!("{name} is longer than a scenario is")));
    }
    let text = std::fs::read_to_string(path).map_err(|error| Failure::Usage(format!("{name}: {error}")))?;
    Scenario::parse(&text).map_err(|failure| Failure::Usage(format!("{name}: {failure}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_scenarios_are_good() {
        for (name, _) in BUILTIN {
            let scenario = load(name).unwrap();
            assert_eq!((scenario.name.as_str(), scenario.kind.name()), (name, name));
            assert!(!scenario.thresholds.is_empty() && !scenario.about.is_empty(), "{name}");
        }
    }

    #[test]
    fn bad_files_say_what_is_wrong() {
        let good = BUILTIN[0].1;
        for (from, to, said) in [
            ("kind = \"reads\"", "kind = \"writes\"", "unknown variant"),
            ("size = 6000", "size = 0", "population.size"),
            ("get = 0.9", "get = -1", "mix"),
            ("get = 0.9", "gett = 0.9", "unknown field"),
            ("rate = 2000", "rate = 3e9", "rate is between"),
            ("warm_up_s = 20", "warm_up_s = 100", "warm-up"),
            ("name = \"reads\"", "name = \"../x\"", "a name is made of"),
            ("metric = \"errors\"\nmax = 0", "metric = \"errors\"", "neither min nor max"),
            ("[[stages]]\nseconds = 80\nrate = 2000", "stages = []", "stages"),
            ("revalidate = 0.1", "patch = 0.1", "kind reads"),
            ("seconds = 80", "times = 4000000000\nseconds = 80", "times is"),
            ("seconds = 80", "times = 0\nseconds = 80", "times is"),
            ("warm_up_s = 20", "timeout_ms = 0\nwarm_up_s = 20", "timeout_ms"),
            ("warm_up_s = 20", "timeout_ms = 600001\nwarm_up_s = 20", "timeout_ms"),
            ("[mix]", "[stall]\nat_s = nan\nseconds = 1\n[mix]", "no length"),
            ("[mix]", "[stall]\nat_s = 5\nseconds = -1\n[mix]", "no length"),
            ("[mix]", "[stall]\nat_s = 5\nseconds = 0\n[mix]", "[stall]"),
            ("[mix]", "[stall]\nat_s = 79\nseconds = 1\n[mix]", "[stall]"),
            ("[mix]", "[stall]\nat_s = 1e300\nseconds = 1\n[mix]", "no length"),
        ] {
            assert!(good.contains(from), "{from}");
            let error = Scenario::parse(&good.replace(from, to)).unwrap_err();
            assert!(error.to_string().contains(said), "{to}: {error}");
            assert_eq!(error.exit_code(), 2);
        }
        assert!(load("/nowhere.toml").unwrap_err().to_string().contains("built-in"));
    }
}
