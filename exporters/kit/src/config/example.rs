//! The commented example file, made of the raw types' doc comments, so that the two cannot differ.
//!
//! Prose is `# text`, a key that may be left out is `#key: value`: taking the `#` from before the keys ([`uncomment`])
//! gives the file with every key. Attributes of the raw types steer it: `#[schemars(example = …)]` is the value shown,
//! `#[schemars(extend("x-live" = true))]` leaves an optional key uncommented, `#[schemars(extend("x-key" = "web"))]` names
//! a map's one item.

use std::fmt::Write as _;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};

/// The configuration file that `T` reads, with everything it may contain and what that means.
#[must_use]
pub fn example<T: JsonSchema>() -> String {
    let schema =
        SchemaSettings::draft2020_12().for_deserialize().into_generator().into_root_schema_for::<T>();
    let root = schema.to_value();
    let printer = Printer { definitions: root.get("$defs").and_then(Value::as_object) };
    let mut lines = Vec::new();
    if let Some(description) = root.get("description").and_then(Value::as_str) {
        prose(&mut lines, 0, description);
        lines.push(Line { indent: 0, kind: Kind::Blank });
    }
    printer.value(&mut lines, &root, Place { indent: 0, live: true, depth: 0 }, "");
    let mut text = String::new();
    for line in lines {
        // Writing to a String cannot fail.
        let _ = match line.kind {
            Kind::Blank => writeln!(text),
            Kind::Prose(prose) => writeln!(text, "{:1$}# {prose}", "", line.indent),
            Kind::Yaml { text: yaml, live } => {
                writeln!(text, "{:1$}{2}{yaml}", "", line.indent, if live { "" } else { "#" })
            }
        };
    }
    text
}

/// An example with its optional keys uncommented.
#[must_use]
pub fn uncomment(example: &str) -> String {
    let mut text = String::with_capacity(example.len());
    for line in example.lines() {
        let (indent, rest) = line.split_at(line.len() - line.trim_start().len());
        text.push_str(indent);
        text.push_str(
            rest.strip_prefix('#').filter(|key| !key.starts_with(' ') && !key.is_empty()).unwrap_or(rest),
        );
        text.push('\n');
    }
    text
}

/// The JSON schema of the configuration file that `T` reads, for editors.
#[must_use]
pub fn schema_json<T: JsonSchema>() -> String {
    let schema =
        SchemaSettings::draft2020_12().for_deserialize().into_generator().into_root_schema_for::<T>();
    // A schema is made of maps with text as keys, which always serialize.
    serde_json::to_string_pretty(&schema).unwrap_or_default()
}

/// Prose is wrapped at this column.
const WIDTH: usize = 110;

/// A type that contains itself is shown to this depth.
const DEEPEST: usize = 12;

struct Line {
    indent: usize,
    kind: Kind,
}

enum Kind {
    Blank,
    Prose(String),
    Yaml { text: String, live: bool },
}

/// Where a value is printed.
#[derive(Clone, Copy)]
struct Place {
    indent: usize,
    /// Not commented out.
    live: bool,
    depth: usize,
}

impl Place {
    fn deeper(self) -> Self {
        Self { indent: self.indent + 2, depth: self.depth + 1, ..self }
    }
}

struct Printer<'s> {
    definitions: Option<&'s Map<String, Value>>,
}

impl<'s> Printer<'s> {
    /// What a schema refers to.
    fn resolve(&self, schema: &'s Value) -> &'s Value {
        let mut schema = schema;
        for _ in 0..DEEPEST {
            let name =
                schema.get("$ref").and_then(Value::as_str).and_then(|path| path.strip_prefix("#/$defs/"));
            let Some(target) = name.and_then(|name| self.definitions?.get(name)) else { break };
            schema = target;
        }
        schema
    }

    /// The alternative of a schema to show: not null, and rather one with keys.
    fn choose(&self, schema: &'s Value) -> &'s Value {
        self.chain(schema).pop().unwrap_or(schema)
    }

    /// The way from a schema to the alternative to show: what stands in an earlier one goes before what stands in a later.
    fn chain(&self, schema: &'s Value) -> Vec<&'s Value> {
        let mut chain = vec![schema];
        let mut last = schema;
        while chain.len() < DEEPEST {
            let resolved = self.resolve(last);
            let next = if std::ptr::eq(resolved, last) { self.alternative(last) } else { Some(resolved) };
            let Some(next) = next else { break };
            chain.push(next);
            last = next;
        }
        chain
    }

    fn alternative(&self, schema: &'s Value) -> Option<&'s Value> {
        let all = alternatives(schema)?;
        let solid = || all.iter().filter(|one| !is_type(self.resolve(one), "null"));
        solid().find(|one| self.resolve(one).get("properties").is_some()).or_else(|| solid().next())
    }

    /// The value that stands in the schema itself, if one does: its example, its default, its only or first value.
    fn given(&self, schema: &'s Value) -> Option<&'s Value> {
        let chain = self.chain(schema);
        let chosen = chain.last()?;
        let find = |name: &str| chain.iter().find_map(|schema| schema.get(name));
        let container = chosen.get("properties").is_some() || chosen.get("items").is_some();
        find("examples")
            .and_then(|examples| examples.get(0))
            // A container's keys are shown one by one, with what they mean.
            .or_else(|| if container { None } else { find("default").filter(|value| !is_nothing(value)) })
            .or_else(|| find("x-example"))
            .or_else(|| find("const"))
            .or_else(|| find("enum").and_then(|values| values.get(0)))
    }

    /// Prints a value after `head` (`key:`, or nothing at the root).
    fn value(&self, lines: &mut Vec<Line>, schema: &'s Value, place: Place, head: &str) {
        let inner = if head.is_empty() { place } else { place.deeper() };
        let one_line = |lines: &mut Vec<Line>, value: &str| {
            let space = if head.is_empty() { "" } else { " " };
            let text = format!("{head}{space}{value}");
            lines.push(Line { indent: place.indent, kind: Kind::Yaml { text, live: place.live } });
        };
        let begin = |lines: &mut Vec<Line>| {
            if !head.is_empty() {
                let kind = Kind::Yaml { text: head.to_owned(), live: place.live };
                lines.push(Line { indent: place.indent, kind });
            }
        };
        if let Some(given) = self.given(schema) {
            return match given {
                Value::Object(keys) => {
                    begin(lines);
                    for (key, value) in keys {
                        let text = format!("{}: {}", scalar(&Value::String(key.clone())), flow(value));
                        lines
                            .push(Line { indent: inner.indent, kind: Kind::Yaml { text, live: place.live } });
                    }
                }
                value => one_line(lines, &flow(value)),
            };
        }
        let chosen = self.choose(schema);
        if place.depth > DEEPEST {
            return one_line(lines, "{}");
        }
        if let Some(properties) =
            chosen.get("properties").and_then(Value::as_object).filter(|all| !all.is_empty())
        {
            begin(lines);
            return self.keys(lines, chosen, properties, inner);
        }
        if let Some(items) = chosen.get("items") {
            let mut item = Vec::new();
            self.value(&mut item, items, Place { indent: inner.indent + 2, ..inner }, "");
            if let [Line { kind: Kind::Yaml { text, .. }, .. }] = item.as_slice()
                && !text.ends_with(':')
                && !text.contains(": ")
            {
                return one_line(lines, &format!("[{text}]"));
            }
            begin(lines);
            for line in &mut item {
                line.indent -= 2;
                if let Kind::Yaml { text, .. } = &mut line.kind {
                    text.insert_str(0, "- ");
                    break;
                }
            }
            return lines.extend(item);
        }
        if let Some(values) =
            chosen.get("additionalProperties").filter(|values| values.is_object() || **values == true)
        {
            begin(lines);
            let key =
                [schema, self.resolve(schema), chosen].into_iter().find_map(|schema| schema.get("x-key"));
            let key = key.and_then(Value::as_str).unwrap_or("example");
            return self.value(lines, values, inner, &format!("{key}:"));
        }
        let number = chosen.get("minimum").map_or_else(|| "0".to_owned(), Value::to_string);
        one_line(
            lines,
            match first_type(chosen) {
                Some("boolean") => "false",
                Some("integer" | "number") => &number,
                Some("array") => "[]",
                Some("object") => "{}",
                Some("null") => "null",
                _ => "text",
            },
        );
    }

    /// Prints an object's keys: first those that are there, then those that may be.
    fn keys(
        &self,
        lines: &mut Vec<Line>,
        schema: &'s Value,
        properties: &'s Map<String, Value>,
        place: Place,
    ) {
        let required = |name: &str| {
            let names = schema.get("required").and_then(Value::as_array);
            names.is_some_and(|names| names.iter().any(|required| required == name))
        };
        let is_live =
            |name: &str, schema: &Value| required(name) || schema.get("x-live") == Some(&Value::Bool(true));
        // Without any key, an object would be null.
        let none = !properties.iter().any(|(name, schema)| is_live(name, schema));
        let live = |at: usize, name: &str, schema: &Value| is_live(name, schema) || (none && at == 0);
        let (first, second): (Vec<_>, Vec<_>) = properties
            .iter()
            .enumerate()
            .map(|(at, (name, schema))| (live(at, name, schema), name, schema))
            .partition(|(live, ..)| *live);
        for (at, (live, name, schema)) in first.into_iter().chain(second).enumerate() {
            if place.depth == 0 && at > 0 {
                lines.push(Line { indent: 0, kind: Kind::Blank });
            }
            self.describe(lines, schema, place.indent);
            let head = format!("{}:", scalar(&Value::String(name.clone())));
            self.value(lines, schema, Place { live: place.live && live, ..place }, &head);
        }
    }

    /// Prints what a key means and which values it takes.
    fn describe(&self, lines: &mut Vec<Line>, schema: &'s Value, indent: usize) {
        let resolved = self.resolve(schema);
        let description = [schema, resolved].into_iter().find_map(|schema| schema.get("description"));
        if let Some(text) = description.and_then(Value::as_str) {
            prose(lines, indent, text);
        }
        let mut values = Vec::new();
        self.values(schema, &mut values);
        if !values.is_empty() {
            let plain: Vec<&str> = values.iter().map(|(value, _)| value.as_str()).collect();
            prose(lines, indent, &format!("One of: {}.", plain.join(", ")));
            for (value, meaning) in values.iter().filter_map(|(value, meaning)| Some((value, (*meaning)?))) {
                prose(lines, indent, &format!("- {value}: {meaning}"));
            }
        }
        let default = schema.get("default").filter(|value| !is_nothing(value));
        let shown = self.given(schema);
        if let (Some(default), Some(shown)) = (default, shown)
            && default != shown
            && !default.is_object()
        {
            prose(lines, indent, &format!("Default: {}", flow(default)));
        }
    }

    /// The values that a schema lists, each with what it means.
    fn values(&self, schema: &'s Value, values: &mut Vec<(String, Option<&'s str>)>) {
        let schema = self.resolve(schema);
        if let Some(listed) = schema.get("enum").and_then(Value::as_array) {
            values.extend(listed.iter().filter(|value| !value.is_null()).map(|value| (scalar(value), None)));
        } else if let Some(value) = schema.get("const") {
            values.push((scalar(value), schema.get("description").and_then(Value::as_str)));
        } else if let Some(all) = alternatives(schema) {
            for one in all {
                self.values(one, values);
            }
        }
    }
}

/// The alternatives of a schema, if it has any.
fn alternatives(schema: &Value) -> Option<&Vec<Value>> {
    ["anyOf", "oneOf", "allOf"].into_iter().find_map(|name| schema.get(name)?.as_array())
}

/// Whether a value says nothing: null, or empty.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(keys) => keys.is_empty(),
        Value::String(text) => text.is_empty(),
        _ => false,
    }
}

/// The first type that is not null.
fn first_type(schema: &Value) -> Option<&str> {
    match schema.get("type")? {
        Value::String(name) => Some(name),
        Value::Array(names) => names.iter().filter_map(Value::as_str).find(|name| *name != "null"),
        _ => None,
    }
}

fn is_type(schema: &Value, name: &str) -> bool {
    schema.get("type").is_some_and(|of| of == name)
}

/// A scalar as YAML writes it in a line.
fn scalar(value: &Value) -> String {
    match serde_saphyr::to_string(value) {
        Ok(text) if !text.trim().contains('\n') && !text.contains(['[', ']', '{', '}', ',']) => {
            text.trim().to_owned()
        }
        // JSON is YAML.
        _ => value.to_string(),
    }
}

/// A value in a line.
fn flow(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Value::Object(keys) => {
            let pairs = keys
                .iter()
                .map(|(key, value)| format!("{}: {}", scalar(&Value::String(key.clone())), flow(value)));
            format!("{{{}}}", pairs.collect::<Vec<_>>().join(", "))
        }
        value => scalar(value),
    }
}

/// Adds prose: a doc comment, without the marks that only rustdoc reads, wrapped.
fn prose(lines: &mut Vec<Line>, indent: usize, text: &str) {
    let text = text.replace("[`", "`").replace("`]", "`");
    for paragraph in text.split("\n\n") {
        let mut line = String::new();
        let flush = |line: &mut String, lines: &mut Vec<Line>| {
            if !line.is_empty() {
                lines.push(Line { indent, kind: Kind::Prose(std::mem::take(line)) });
            }
        };
        for source in paragraph.lines() {
            if source.trim_start().starts_with(['-', '*', '|']) {
                flush(&mut line, lines);
            }
            for word in source.split_whitespace() {
                if !line.is_empty() && indent + 2 + line.chars().count() + 1 + word.chars().count() > WIDTH {
                    flush(&mut line, lines);
                }
                if !line.is_empty() {
                    line.push(' ');
                }
                line.push_str(word);
            }
        }
        flush(&mut line, lines);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;
    use crate::allow::AllowedTargets;
    use crate::config::{ByteSize, Bytes, Document, HumanDuration, Pattern, Secret, SecretSource, Spanned};

    /// What this program does.
    #[derive(Debug, Default, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields, default)]
    #[allow(dead_code)]
    struct File {
        /// How to probe.
        #[schemars(extend("x-key" = "web"))]
        modules: BTreeMap<String, Module>,
        /// What to probe.
        targets: Vec<Target>,
        /// What a URL may name.
        allowed_targets: Option<AllowedTargets>,
        /// How often.
        ///
        /// Not more often than this, and a sentence that is so long that it has to be wrapped somewhere, for nobody reads lines as long as this.
        #[serde(default = "minute")]
        interval: Spanned<HumanDuration>,
    }

    fn minute() -> Spanned<HumanDuration> {
        HumanDuration::from_secs(60).into()
    }

    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code)]
    struct Module {
        /// Which prober.
        prober: Kind,
        /// At most this long.
        #[schemars(example = "9s")]
        timeout: Option<HumanDuration>,
        /// The body's limit.
        body_size_limit: Option<ByteSize>,
        /// What must match.
        #[serde(default)]
        fail_if: Vec<Pattern>,
        /// Which codes are good.
        #[serde(default)]
        #[schemars(example = [200, 204])]
        codes: Vec<u16>,
        /// How to log in.
        login: Option<Login>,
        /// The bytes to send.
        send: Option<Bytes>,
        /// Follow them.
        #[serde(default = "yes")]
        follow: bool,
        /// Port or so.
        port: Option<u16>,
        #[serde(default)]
        headers: BTreeMap<String, String>,
    }

    fn yes() -> bool {
        true
    }

    /// Prober kinds.
    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(rename_all = "lowercase")]
    enum Kind {
        /// Over HTTP.
        Http,
        /// Over TCP.
        Tcp,
    }

    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code)]
    struct Login {
        /// Who.
        username: String,
        /// The password.
        password: Option<Secret>,
        /// The token.
        token: Option<SecretSource>,
    }

    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code)]
    struct Target {
        /// By which module.
        module: Option<Spanned<String>>,
        /// Its URL.
        #[schemars(example = "https://example.org")]
        url: Spanned<String>,
    }

    #[test]
    fn the_example_says_it_all() {
        let text = example::<File>();
        insta::assert_snapshot!(text);
    }

    #[test]
    fn the_example_is_a_configuration() {
        let text = example::<File>();
        let file: File = Document::embedded("example", &text).parse().unwrap();
        assert!(file.modules.contains_key("web") && file.targets.is_empty());
        let all = uncomment(&text);
        let file: File =
            Document::embedded("example", &all).parse().unwrap_or_else(|error| panic!("{error}\n{all}"));
        assert_eq!(file.targets[0].url.as_str(), "https://example.org");
        assert_eq!(file.modules["web"].codes, [200, 204]);
        assert_eq!(file.interval.as_secs(), 60);
    }

    #[test]
    fn the_schema_is_json() {
        let schema: Value = serde_json::from_str(&schema_json::<File>()).unwrap();
        assert_eq!(schema["description"], "What this program does.");
    }
}
