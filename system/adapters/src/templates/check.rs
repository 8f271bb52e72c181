//! What is checked of a part when the process starts.

use domain::ports::TemplateData;
use minijinja::Environment;

use super::error::TemplatesError;
use super::render::render_part;

/// The values that a template may name: those of the specification's mail item (5.1).
pub(super) const VALUES: [&str; 3] = ["userName", "alertMessage", "forecastLink"];

/// The value that holds a link.
pub(super) const LINK: &str = "forecastLink";

/// Values as they may come.
fn samples() -> TemplateData {
    let sample = |name: &str| if name == LINK { "https://example.org/forecasts/1".to_owned() } else { name.to_owned() };
    VALUES.iter().map(|name| ((*name).to_owned(), sample(name))).collect()
}

/// Checks the part `file`, which the environment holds; answers the values that it names.
pub(super) fn check(environment: &Environment<'_>, file: &str) -> Result<Vec<String>, TemplatesError> {
    let broken = |reason: String| TemplatesError::Broken { file: file.to_owned(), reason };
    let template = environment.get_template(file).map_err(|error| broken(error.to_string()))?;
    let is_value = |name: &String| VALUES.contains(&name.as_str());
    // What minijinja itself brings, `range` among others, is named as values are.
    let is_ours = |name: &String| environment.globals().all(|(global, _)| global != name.as_str());
    let named = template.undeclared_variables(false).into_iter().filter(is_ours);
    let (needs, mut names): (Vec<_>, Vec<_>) = named.partition(is_value);
    if !names.is_empty() {
        names.sort();
        return Err(TemplatesError::Values { file: file.to_owned(), names, known: VALUES.to_vec() });
    }
    render_part(&template, &samples()).map(|_| needs).map_err(broken)
}
