//! The port: templates that were checked, and their rendering.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

use domain::ports::{MailTemplates, RenderError, RenderedMail, TemplateData, TemplateId, UnknownPolicy};
use minijinja::{AutoEscape, Environment, Template, UndefinedBehavior, Value};

use super::catalogue::{self, Catalogue, HTML, TEXT};
use super::check::{LINK, check};
use super::error::TemplatesError;
use super::front;
use super::limits::{DATA_BYTES_MAX, FUEL, PART_BYTES_MAX};

/// Templates of mails, checked.
#[derive(Debug)]
pub struct Templates {
    environment: Environment<'static>,
    known: BTreeMap<String, Known>,
}

/// What is known of a template.
#[derive(Debug)]
struct Known {
    unknown: UnknownPolicy,
    /// The values that it names.
    needs: BTreeSet<String>,
}

impl Templates {
    /// The built-in templates.
    ///
    /// # Errors
    /// None: a test holds them to it.
    pub fn built_in() -> Result<Self, TemplatesError> {
        Self::of(catalogue::built_in())
    }

    /// The built-in templates with those of `folder` in their place or beside them. Both parts of one come from one
    /// place.
    ///
    /// # Errors
    /// The folder cannot be read, or one of its files is not as it must be; the error names it.
    pub fn with_folder(folder: &Path) -> Result<Self, TemplatesError> {
        let mut templates = catalogue::built_in();
        templates.extend(catalogue::folder(folder)?);
        Self::of(templates)
    }

    /// The names of all templates.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.known.keys().map(String::as_str)
    }

    fn of(templates: Catalogue) -> Result<Self, TemplatesError> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_fuel(Some(FUEL));
        environment.set_auto_escape_callback(|name| match name.ends_with(HTML) {
            true => AutoEscape::Html,
            false => AutoEscape::None,
        });
        let mut known = BTreeMap::new();
        for (name, parts) in templates {
            let missing = |missing| TemplatesError::Part { template: name.clone(), missing };
            let text = parts.text.ok_or_else(|| missing(TEXT))?;
            let html = parts.html.ok_or_else(|| missing(HTML))?;
            let [text_file, html_file] = [file_of(&name, TEXT), file_of(&name, HTML)];
            let front = front::split(&text_file, &text)?;
            let mut needs = BTreeSet::new();
            for (file, source) in [(text_file, front.body.to_owned()), (html_file, html)] {
                let added = environment.add_template_owned(file.clone(), source);
                added.map_err(|error| TemplatesError::Broken { file: file.clone(), reason: error.to_string() })?;
                needs.extend(check(&environment, &file)?);
            }
            known.insert(name, Known { unknown: front.unknown, needs });
        }
        Ok(Self { environment, known })
    }

    fn part(&self, name: &str, ending: &str, data: &TemplateData) -> Result<String, RenderError> {
        let failed = |reason: String| RenderError::Failed { template: name.to_owned(), reason };
        let template = self.environment.get_template(&file_of(name, ending));
        render_part(&template.map_err(|error| failed(error.to_string()))?, data).map_err(failed)
    }
}

impl MailTemplates for Templates {
    fn render(&self, template: &TemplateId, data: &TemplateData) -> Result<RenderedMail, RenderError> {
        let name = template.0.as_str();
        let known = self.known.get(name).ok_or_else(|| RenderError::Unknown(name.to_owned()))?;
        check_data(&known.needs, data).map_err(|reason| RenderError::Failed { template: name.to_owned(), reason })?;
        Ok(RenderedMail { text: self.part(name, TEXT, data)?, html: self.part(name, HTML, data)? })
    }

    fn unknown_policy(&self, template: &TemplateId) -> UnknownPolicy {
        self.known.get(&template.0).map_or(UnknownPolicy::Hold, |known| known.unknown)
    }
}

fn file_of(name: &str, ending: &str) -> String {
    format!("{name}.{ending}")
}

fn check_data(needs: &BTreeSet<String>, data: &TemplateData) -> Result<(), String> {
    if let Some(missing) = needs.iter().find(|name| !data.contains_key(*name)) {
        return Err(format!("it needs the value {missing}"));
    }
    let bytes: usize = data.iter().map(|(name, value)| name.len() + value.len()).sum();
    if bytes > DATA_BYTES_MAX {
        return Err(format!("its values have {bytes} bytes, more than {DATA_BYTES_MAX}"));
    }
    match data.get(LINK) {
        Some(link) if !is_link(link) => Err(format!("{LINK} is not an http or https URL")),
        _ => Ok(()),
    }
}

/// Nothing, or a URL that a click may open. Escaping alone would let `javascript:` through.
fn is_link(link: &str) -> bool {
    let is_http = ["https://", "http://"].iter().any(|scheme| link.starts_with(scheme));
    link.is_empty() || is_http && !link.contains(|c: char| c.is_whitespace() || c.is_control())
}

/// Renders one part; the error says why, without any value.
pub(super) fn render_part(template: &Template<'_, '_>, data: &TemplateData) -> Result<String, String> {
    let values = Value::from(data.clone());
    let mut part = Part(Vec::new());
    template.render_captured_to(values, &mut part).map_err(|error| match part.0.len() >= PART_BYTES_MAX {
        true => format!("{}: it makes more than {PART_BYTES_MAX} bytes", template.name()),
        false => error.to_string(),
    })?;
    String::from_utf8(part.0).map_err(|error| error.to_string())
}

/// Where a part is written, up to its limit.
struct Part(Vec<u8>);

impl io::Write for Part {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = PART_BYTES_MAX - self.0.len();
        let taken = &bytes[..bytes.len().min(room)];
        self.0.extend_from_slice(taken);
        // Zero bytes taken is an error to whoever writes all.
        Ok(taken.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
