//! The API description as a contract: every answer that any test of a router gets is held
//! against it.

use http::Method;
use serde_json::{Map, Value};
use smartpulse::app::openapi;
use smartpulse::http::forecasts;

use utoipa::openapi::OpenApi;

use super::client::Reply;

/// The API description, parsed.
pub(crate) struct Contract(pub(crate) Value);

impl Contract {
    /// That of ProductionForecast.
    pub(crate) fn current() -> Self {
        Self::of(forecasts::routes().split_for_parts().1)
    }

    pub(crate) fn of(api: OpenApi) -> Self {
        Self(serde_json::from_str(&openapi(api).to_json().unwrap()).unwrap())
    }

    /// The operation that answers, if it is described.
    pub(crate) fn operation(&self, method: &Method, path: &str) -> Option<&Value> {
        let paths = self.0["paths"].as_object().unwrap();
        // A literal path is preferred to a parameter, as the router does.
        let template = match paths.contains_key(path) {
            true => path,
            false => paths.keys().find(|template| is_of(template, path))?,
        };
        // The router answers HEAD as it does GET.
        let method = if method == Method::HEAD { "get".to_owned() } else { method.as_str().to_lowercase() };
        paths.get(template)?.get(&method)
    }

    /// Panics unless the answer is among the described ones, in its described form.
    pub(crate) fn check(&self, method: &Method, path: &str, reply: &Reply) {
        let Some(operation) = self.operation(method, path) else { return };
        let described = &operation["responses"][reply.status.as_str()];
        assert!(described.is_object(), "{method} {path} answers {}, which is not described: {reply:?}", reply.status);
        for name in described["headers"].as_object().into_iter().flat_map(Map::keys) {
            let sometimes = described["headers"][name]["required"] != true;
            assert!(sometimes || reply.headers.contains_key(name), "{method} {path} lacks {name}: {reply:?}");
        }
        let Some(content) = described["content"].as_object() else {
            assert!(reply.body.is_empty(), "{method} {path}: no body is described: {reply:?}");
            return;
        };
        if method == Method::HEAD {
            assert!(reply.body.is_empty(), "HEAD has no body: {reply:?}");
            return;
        }
        let kind = reply.header("content-type").unwrap();
        let schema = content.get(kind).unwrap_or_else(|| panic!("{method} {path}: {kind} is not described: {reply:?}"));
        if kind.starts_with("text/html") {
            return;
        }
        if let Err(error) = self.fits(&schema["schema"], &reply.json()) {
            panic!("{method} {path} answers what is not described: {error}: {reply:?}");
        }
    }

    pub(crate) fn schema<'a>(&'a self, mut schema: &'a Value) -> &'a Value {
        while let Some(reference) = schema["$ref"].as_str() {
            schema = self.0.pointer(reference.trim_start_matches('#')).unwrap();
        }
        schema
    }

    /// Whether `value` is what `schema` says, in the part of JSON Schema that the description uses. A member that is not
    /// described does not fit: the description would be incomplete.
    pub(crate) fn fits(&self, schema: &Value, value: &Value) -> Result<(), String> {
        let schema = self.schema(schema);
        if let Some(choices) = schema["oneOf"].as_array() {
            let found = choices.iter().any(|choice| self.fits(choice, value).is_ok());
            return if found { Ok(()) } else { Err(format!("{value} is none of {choices:?}")) };
        }
        let types: Vec<&str> = match &schema["type"] {
            Value::String(one) => vec![one],
            Value::Array(many) => many.iter().map(|one| one.as_str().unwrap()).collect(),
            _ => return Err(format!("no type in {schema}")),
        };
        let found = match value {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(number) if types.contains(&"integer") && number.is_u64() => "integer",
            Value::Number(_) => "number",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        };
        if !types.contains(&found) {
            return Err(format!("{value} is no {types:?}"));
        }
        self.in_range(schema, value)?;
        match value {
            Value::Array(items) => items.iter().try_for_each(|item| self.fits(&schema["items"], item)),
            Value::Object(members) => self.members_fit(schema, members),
            _ => Ok(()),
        }
    }

    fn in_range(&self, schema: &Value, value: &Value) -> Result<(), String> {
        let Some(number) = value.as_f64() else { return Ok(()) };
        let below = schema["minimum"].as_f64().is_some_and(|least| number < least);
        let above = schema["maximum"].as_f64().is_some_and(|most| number > most);
        if below || above { Err(format!("{value} is out of the range of {schema}")) } else { Ok(()) }
    }

    fn members_fit(&self, schema: &Value, members: &Map<String, Value>) -> Result<(), String> {
        for name in schema["required"].as_array().into_iter().flatten() {
            if !members.contains_key(name.as_str().unwrap()) {
                return Err(format!("{name} is missing"));
            }
        }
        for (name, value) in members {
            let described = schema["properties"].get(name).ok_or_else(|| format!("{name} is not described"))?;
            self.fits(described, value).map_err(|error| format!("{name}: {error}"))?;
        }
        Ok(())
    }
}

/// Whether a path is of this template.
fn is_of(template: &str, path: &str) -> bool {
    let (mut known, mut given) = (template.split('/'), path.split('/'));
    loop {
        match (known.next(), given.next()) {
            (None, None) => return true,
            (Some(known), Some(given)) if known == given || (known.starts_with('{') && !given.is_empty()) => {}
            _ => return false,
        }
    }
}
