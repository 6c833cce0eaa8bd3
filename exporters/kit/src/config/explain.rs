//! What the YAML library's errors mean, and the way out of each.

use serde_saphyr::Error;

/// Longer lists of known keys are cut: the example file has them all.
const MOST_KNOWN: usize = 60;

/// What stands at an error's position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A key.
    Key,
    /// A value.
    Value,
    /// A key, and what is wrong is the mapping it is in.
    Mapping,
    /// None of these: the text is not YAML there.
    Between,
}

impl Place {
    /// What stands at this error's position.
    pub(super) fn of(error: &Error) -> Self {
        match error.without_snippet() {
            Error::SerdeUnknownField { .. }
            | Error::DuplicateMappingKey { .. }
            | Error::TaggedStructFieldName { .. }
            | Error::MergeKeyNotAllowed { .. } => Self::Key,
            Error::SerdeMissingField { .. } => Self::Mapping,
            Error::ExternalMessage { .. }
            | Error::Eof { .. }
            | Error::UnknownAnchor { .. }
            | Error::MultipleDocuments { .. }
            | Error::ContainerEndMismatch { .. }
            | Error::UnexpectedSequenceEnd { .. }
            | Error::UnexpectedMappingEnd { .. } => Self::Between,
            Error::AliasError { error, .. } => Self::of(error),
            _ => Self::Value,
        }
    }
}

/// The key that an unknown one was perhaps meant to be.
pub(super) fn meant(error: &Error) -> Option<&'static str> {
    match error.without_snippet() {
        Error::SerdeUnknownField { field, expected, .. } => nearest(field, expected),
        Error::AliasError { error, .. } => meant(error),
        _ => None,
    }
}

/// The cause and the way out. `hidden`: the value found must not be shown.
pub(super) fn explain(error: &Error, text: &str, hidden: bool) -> (String, String) {
    let found = |unexpected: &str| if hidden { "something else".to_owned() } else { unexpected.to_owned() };
    let plain = |cause: &str| (cause.to_owned(), String::new());
    match error.without_snippet() {
        Error::SerdeUnknownField { field, expected, .. } => {
            ("unknown key".into(), alternatives(field, expected, "keys"))
        }
        Error::SerdeUnknownVariant { variant, expected, .. } => {
            let shown = if hidden { String::new() } else { format!(" `{variant}`") };
            (format!("unknown value{shown}"), alternatives(variant, expected, "values"))
        }
        Error::SerdeMissingField { field, .. } => {
            (format!("`{field}` is missing"), format!("add the key `{field}`"))
        }
        Error::DuplicateMappingKey { .. } => ("this key is there twice".into(), "keep one of the two".into()),
        Error::SerdeInvalidType { unexpected, expected, .. }
        | Error::SerdeInvalidValue { unexpected, expected, .. } => (
            format!("expected {}, found {}", type_name(expected), found(&found_name(unexpected))),
            String::new(),
        ),
        Error::SerdeInvalidLength { len, expected, .. } => {
            plain(&format!("expected {expected}, found {len} elements"))
        }
        Error::InvalidScalar { ty, .. } => {
            plain(&format!("expected {}{}", type_name(ty), instead(error, text, hidden)))
        }
        Error::InvalidBooleanStrict { .. } => plain("expected true or false"),
        Error::NullIntoString { .. } => ("no value".into(), "write a text, or \"\" for an empty one".into()),
        Error::Unexpected { expected, .. } => {
            plain(&format!("expected {}{}", type_name(expected), instead(error, text, hidden)))
        }
        Error::ExternallyTaggedEnumExpectedScalarOrMapping { .. } => {
            plain("expected one of the known values")
        }
        Error::MultipleDocuments { .. } => (
            "a second YAML document begins before here".into(),
            "keep one document; take out the `---` line".into(),
        ),
        Error::Eof { .. } => ("the file ends too early".into(), "write the value that is missing".into()),
        Error::UnknownAnchor { .. } => (
            "this alias has no anchor".into(),
            "put a text that begins with `*` in quotes, or define the `&anchor` above".into(),
        ),
        Error::UnsupportedTag { tag, .. } => (format!("the tag `{tag}` is not known"), "leave it out".into()),
        Error::Budget { breach, .. } => {
            ("larger than any configuration may be".into(), format!("make it smaller ({breach:?})"))
        }
        Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => {
            ("aliases grow beyond any configuration's size".into(), "write the values out".into())
        }
        Error::AliasError { error, .. } => explain(error, text, hidden),
        Error::ExternalMessage { msg, .. } => syntax(error, text, msg),
        Error::Message { msg, .. } | Error::HookError { msg, .. } => plain(msg),
        other => plain(&render(other)),
    }
}

/// The library's own words, in one line and without its position.
fn render(error: &Error) -> String {
    let text = error.to_string();
    let text = text.trim_start_matches("error: ");
    let line = text.lines().next().unwrap_or("not valid");
    line.split(" at line ").next().unwrap_or(line).to_owned()
}

/// A syntax error: first what usually is behind it.
fn syntax(error: &Error, text: &str, message: &str) -> (String, String) {
    let line = error.location().and_then(|at| usize::try_from(at.line()).ok()).unwrap_or(0);
    let source =
        |number: usize| number.checked_sub(1).and_then(|index| text.lines().nth(index)).unwrap_or("");
    let tab = |source: &str| source.chars().take_while(|c| c.is_whitespace()).any(|c| c == '\t');
    if tab(source(line)) || tab(source(line + 1)) {
        return ("not YAML: a tab in the indentation".into(), "indent with spaces".into());
    }
    let here = source(line).trim();
    let way_out = if message.contains("mapping values are not allowed") {
        "put a text that contains `: ` in quotes"
    } else if message.starts_with("unexpected character")
        || here.split(": ").nth(1).is_some_and(|value| value.starts_with(['%', '*', '&', '!', '|', '>']))
    {
        "put a text that begins with a special character in quotes"
    } else if message.contains("indent")
        || message.contains("block mapping")
        || message.contains("simple key")
    {
        "check the indentation of this line and the one above, and that each key ends with `: `"
    } else {
        "check quotes, brackets and indentation of this line and those above"
    };
    (format!("not YAML: {message}"), way_out.to_owned())
}

/// `, found …`: what is written at an error's position, if it is short enough to be repeated and may be shown.
fn instead(error: &Error, text: &str, hidden: bool) -> String {
    let found = || {
        let span = error.location()?.span();
        let begin = usize::try_from(span.byte_offset()?).ok()?;
        let length = usize::try_from(span.byte_len()?).ok()?;
        // What is not there begins at the colon before it.
        let rest = text.get(begin..)?.trim_start_matches([' ', ':']);
        let value = text.get(begin..begin.checked_add(length)?)?.trim();
        Some(match value {
            _ if rest.is_empty() || rest.starts_with(['\n', '\r', '#', ',', '}']) => "nothing".to_owned(),
            "[" | "-" => "a list".to_owned(),
            "" if rest.starts_with("- ") => "a list".to_owned(),
            "{" | "" => "keys with values".to_owned(),
            _ if hidden || value.len() > 60 || value.contains('\n') => return None,
            value => format!("`{value}`"),
        })
    };
    found().map_or_else(String::new, |found| format!(", found {found}"))
}

/// A type's name in people's words.
fn type_name(name: &str) -> &str {
    match name {
        "u8" | "integer u8" => "a whole number from 0 to 255",
        "u16" | "integer u16" => "a whole number from 0 to 65535",
        "u32" | "u64" | "usize" | "u128" => "a whole number from 0",
        "i8" | "i16" | "i32" | "i64" | "isize" | "i128" | "integer" => "a whole number",
        "f32" | "f64" | "float" | "floating point" => "a number",
        "bool" | "boolean" | "a boolean" => "true or false",
        "a string" | "string" | "string scalar" => "a text",
        "a sequence" | "sequence" | "sequence start" => "a list",
        "a map" | "map" | "mapping" | "mapping start" => "keys with values",
        other if other.starts_with("struct ") => "keys with values",
        other => other,
    }
}

/// What was found in people's words.
fn found_name(unexpected: &str) -> String {
    let (kind, value) = unexpected.split_once(' ').unwrap_or((unexpected, ""));
    match (kind, value) {
        ("map", _) => "keys with values".into(),
        ("sequence", _) => "a list".into(),
        ("unit", _) | ("Option", _) | ("null", _) => "no value".into(),
        ("string", value) => value.to_owned(),
        ("boolean" | "integer", value) => value.to_owned(),
        _ => unexpected.to_owned(),
    }
}

/// What might have been meant, and what there is.
fn alternatives(written: &str, known: &[&str], what: &str) -> String {
    if known.is_empty() {
        return format!("there are no {what} here");
    }
    let near = nearest(written, known).map_or_else(String::new, |near| format!("did you mean `{near}`? "));
    let shown = known.iter().take(MOST_KNOWN).copied().collect::<Vec<_>>().join(", ");
    let more = if known.len() > MOST_KNOWN { ", …" } else { "" };
    format!("{near}known {what}: {shown}{more}")
}

/// The known name that is most like a written one, if one is like it.
pub(super) fn nearest<'k>(written: &str, known: &[&'k str]) -> Option<&'k str> {
    let fold = |text: &str| text.to_ascii_lowercase().replace(['-', ' ', '.'], "_");
    let written = fold(written);
    known
        .iter()
        .map(|known| (strsim::normalized_damerau_levenshtein(&written, &fold(known)), *known))
        .filter(|(likeness, _)| *likeness >= 0.6)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, known)| known)
}
