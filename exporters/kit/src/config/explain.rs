//! What a mistake means in people's words, and the way out of it.

use granit_parser::ErrorKind;

use super::mistake::{Mistake, Spot, Why};
use super::problem::is_secret;
use super::scalar;
use super::tree::{Position, Tree};

/// Longer lists of known keys are cut: the example file has them all.
const MOST_KNOWN: usize = 60;

/// A mistake's key, cause and way out; and whether the value must not be shown. `text` is the document's.
pub(super) fn explain(tree: &Tree<'_>, mistake: &Mistake, text: &str) -> ([String; 3], bool) {
    let (why, key, position) = (mistake.why(), mistake.name(tree), mistake.position(tree));
    let value = match mistake.spot() {
        Spot::Key(id) | Spot::Value(id) => Some(id),
        _ => None,
    };
    // What is secret must not be shown as "the value found" either; nor what a misspelt key may have meant to be one.
    let hidden = is_secret(&key)
        || is_secret_at(tree, position)
        || value.is_some_and(|id| is_secret(&tree.name(tree.target(id))))
        || why.meant().is_some_and(is_secret);
    let (mut cause, mut way_out) = (why.cause(), why.way_out());
    match why {
        Why::Wanted { wanted, found } => {
            way_out = as_written(type_name(wanted), &key).unwrap_or(way_out);
            let found = match (value, found) {
                // As it is spelled, rather than as it was understood.
                (Some(id), found) if found.is_none() || tree.is_scalar(id) => tree.found(id, hidden),
                (_, found) => found.clone().filter(|found| !hidden || !found.contains('`')),
            };
            found.iter().for_each(|found| cause = format!("{cause}, found {found}"));
        }
        Why::UnknownValue { written, .. } if !hidden && !scalar::is_null(written) => {
            cause = format!("{cause} `{written}`");
        }
        Why::Syntax(_) => {
            if let Some((seen, way)) = by_sight(text, position.0) {
                (cause, way_out) = (seen.to_owned(), way.to_owned());
            }
        }
        _ => {}
    }
    ([key, cause, way_out], hidden)
}

/// Whether what stands at a position is called a secret where it is written.
pub(super) fn is_secret_at(tree: &Tree<'_>, at: Position) -> bool {
    tree.before(at).is_some_and(|id| is_secret(&tree.name(id)))
}

impl Why {
    /// What is wrong, in lower case. What stands there instead is added by [`explain`].
    pub(super) fn cause(&self) -> String {
        match self {
            Self::Said(text) => text.clone(),
            Self::UnknownKey { .. } => "unknown key".into(),
            Self::UnknownValue { written, .. } if scalar::is_null(written) => "no value".into(),
            Self::UnknownValue { .. } => "unknown value".into(),
            Self::Missing(key) => format!("`{key}` is missing"),
            Self::Repeated(key) => format!("`{key}` is there twice, by two of its names"),
            Self::Wanted { wanted, .. } => format!("expected {}", type_name(wanted)),
            Self::Length(length, wanted) => {
                format!("expected {}, found {length}", type_name(wanted))
            }
            Self::NoText => "no value".into(),
            Self::Twice(line) => format!("this key is already on line {line}"),
            Self::Merge => "`<<` takes an alias of keys with values, or a list of such aliases".into(),
            Self::Tag(tag) => format!("the tag `{tag}` does not fit here"),
            Self::NoAnchor => "this alias has no anchor".into(),
            Self::Itself => "this alias stands inside its own anchor".into(),
            Self::Deep(levels) => format!("nested deeper than {levels} levels"),
            Self::Large(_) => "larger than any configuration may be".into(),
            Self::Bomb => "aliases grow beyond any configuration's size".into(),
            Self::Second => "a second YAML document begins before here".into(),
            Self::Syntax(kind) => format!("not YAML: {kind}"),
        }
    }

    /// What to do about it; may be empty.
    pub(super) fn way_out(&self) -> String {
        match self {
            Self::UnknownKey { written, known } => alternatives(written, known, "keys"),
            Self::UnknownValue { written, known } => alternatives(written, known, "values"),
            Self::Missing(key) => format!("add the key `{key}`"),
            Self::Repeated(_) | Self::Twice(_) => "keep one of the two".into(),
            Self::NoText => "write a text, or \"\" for an empty one".into(),
            Self::Tag(_) => "leave it out".into(),
            Self::NoAnchor => {
                "put a text that begins with `*` in quotes, or define the `&anchor` above".into()
            }
            Self::Large(nodes) => format!("make it smaller: at most {nodes} keys and values"),
            Self::Itself | Self::Bomb => "write the values out".into(),
            Self::Second => "keep one document; take out the `---` line".into(),
            Self::Syntax(kind) => way_out_of(kind).into(),
            Self::Said(_) | Self::Wanted { .. } | Self::Length(..) | Self::Merge | Self::Deep(_) => {
                String::new()
            }
        }
    }

    /// The key that an unknown one was perhaps meant to be.
    fn meant(&self) -> Option<&'static str> {
        match self {
            Self::UnknownKey { written, known } => nearest(written, known),
            _ => None,
        }
    }
}

/// Cause and way out of a syntax error that the line it is in, or the next, gives away.
fn by_sight(text: &str, line: u64) -> Option<(&'static str, &'static str)> {
    let before = usize::try_from(line.checked_sub(1)?).ok()?;
    let tab = |line: &str| line.chars().take_while(|c| c.is_whitespace()).any(|c| c == '\t');
    let seen = text.lines().skip(before).take(2).any(tab);
    seen.then_some(("not YAML: a tab in the indentation", "indent with spaces"))
}

/// What usually is behind a syntax error.
fn way_out_of(kind: &ErrorKind) -> &'static str {
    match kind {
        ErrorKind::MappingValueNotAllowed => "put a text that contains `: ` in quotes",
        ErrorKind::UnexpectedCharacter { .. }
        | ErrorKind::MissingAnchorOrAliasName
        | ErrorKind::UndeclaredTagHandle
        | ErrorKind::InvalidTagTerminator
        | ErrorKind::MissingTagUri
        | ErrorKind::InvalidBlockScalarHeader => "put a text that begins with a special character in quotes",
        ErrorKind::ExpectedBlockMappingKey
        | ErrorKind::InvalidIndentation
        | ErrorKind::InvalidBlockScalarIndent
        | ErrorKind::InvalidQuotedScalarIndent
        | ErrorKind::InvalidFlowScalarIndent
        | ErrorKind::TabInBlockIndentation
        | ErrorKind::TabInIndentation
        | ErrorKind::SimpleKeyExpected
        | ErrorKind::InvalidSimpleKey => {
            "check the indentation of this line and the one above, and that each key ends with `: `"
        }
        _ => "check quotes, brackets and indentation of this line and those above",
    }
}

/// What serde calls a type, in people's words.
fn type_name(name: &str) -> &str {
    match name {
        "u8" => "a whole number from 0 to 255",
        "u16" => "a whole number from 0 to 65535",
        "u32" | "u64" | "usize" | "u128" => "a whole number from 0",
        "i8" | "i16" | "i32" | "i64" | "isize" | "i128" => "a whole number",
        "f32" | "f64" => "a number",
        "a boolean" => "true or false",
        "a string" => "a text",
        "a sequence" => "a list",
        "a map" => "keys with values",
        other if other.starts_with("struct ") => "keys with values",
        other => other,
    }
}

/// How a list or keys are written as the value of a key. The path of what is in a list ends in `]`.
fn as_written(wanted: &str, key: &str) -> Option<String> {
    let key = key.rsplit('.').next().filter(|key| !key.is_empty())?;
    let before = if key.ends_with(']') { String::new() } else { format!("{key}: ") };
    match wanted {
        "a list" => {
            Some(format!("write it as `{before}[value]`, or each value on a line that begins with `- `"))
        }
        "keys with values" => Some(format!("write it as `{before}{{key: value}}`, or each key on a line")),
        _ => None,
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
fn nearest<'k>(written: &str, known: &[&'k str]) -> Option<&'k str> {
    let fold = |text: &str| text.to_ascii_lowercase().replace(['-', ' ', '.'], "_");
    let written = fold(written);
    known
        .iter()
        .map(|known| (strsim::normalized_damerau_levenshtein(&written, &fold(known)), *known))
        .filter(|(likeness, _)| *likeness >= 0.6)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, known)| known)
}
