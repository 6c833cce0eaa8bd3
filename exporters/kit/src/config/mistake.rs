//! What is wrong with a document, and where: made by the builder and the reader, told by [`super::Document`].

use std::borrow::Cow;
use std::fmt;

use granit_parser::ErrorKind;
use serde::de::{Expected, Unexpected};

use super::tree::{Id, Position, Tree, Under, join};

/// One mistake. It finds its place on its way up: whoever made it need not know where it is. Boxed, for it is part of
/// the result of everything that is read.
#[derive(Debug)]
pub(super) struct Mistake(Box<Parts>);

#[derive(Debug)]
struct Parts {
    why: Why,
    spot: Spot,
    /// The way to it, from the last step to the first, as far as it is known: through aliases, by their own names.
    steps: Vec<String>,
}

/// What is wrong.
#[derive(Debug)]
pub(super) enum Why {
    /// A type's own words.
    Said(String),
    UnknownKey {
        written: String,
        known: &'static [&'static str],
    },
    UnknownValue {
        written: String,
        known: &'static [&'static str],
    },
    Missing(&'static str),
    /// A key under two names that mean the same.
    Repeated(&'static str),
    /// Another kind of value: what is wanted, and what was found when it is not what stands there.
    Wanted {
        wanted: Cow<'static, str>,
        found: Option<String>,
    },
    /// How many there are, and what is wanted.
    Length(usize, String),
    /// No value where a text should be.
    NoText,
    /// A key that is there already, on this line.
    Twice(u64),
    /// `<<` with something that has no keys.
    Merge,
    /// A tag on what it cannot be a tag of.
    Tag(String),
    /// An alias of nothing.
    NoAnchor,
    /// An alias of what it is a part of.
    Itself,
    /// Deeper than this.
    Deep(usize),
    /// More nodes than this.
    Large(usize),
    /// Aliases of aliases.
    Bomb,
    /// A second document.
    Second,
    /// Not YAML.
    Syntax(ErrorKind),
}

/// Where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spot {
    /// Not known yet.
    Unknown,
    /// Between the names.
    At(Position),
    Key(Id),
    Value(Id),
    /// The value as a whole, which is found by its key.
    Whole(Id),
}

impl Mistake {
    #[cold]
    pub(super) fn new(why: Why, spot: Spot) -> Self {
        Self(Box::new(Parts { why, spot, steps: Vec::new() }))
    }

    /// Something else is wanted there.
    #[cold]
    pub(super) fn wanted(wanted: &'static str) -> Self {
        Self::new(Why::Wanted { wanted: wanted.into(), found: None }, Spot::Unknown)
    }

    pub(super) fn why(&self) -> &Why {
        &self.0.why
    }

    pub(super) fn spot(&self) -> Spot {
        self.0.spot
    }

    /// It happened in this key, or in this value or one in it.
    #[cold]
    pub(super) fn rise(&mut self, tree: &Tree<'_>, through: Id) {
        let Parts { why, spot, steps } = &mut *self.0;
        if *spot == Spot::Unknown {
            let named = match why {
                Why::UnknownKey { written, .. } => tree.entry(through, written),
                Why::Repeated(name) => tree.entry(through, name),
                _ => None,
            };
            *spot = match (&*why, named, tree.node(through).under) {
                // The mapping was asked, and only it knows which of its keys is meant.
                (_, Some((key, _)), _) => {
                    steps.push(tree.text_of(key).to_owned());
                    Spot::Key(key)
                }
                (_, _, Under::Key { .. }) => Spot::Key(through),
                (Why::Missing(_), ..) => Spot::Whole(through),
                _ => Spot::Value(through),
            };
        }
        steps.push(tree.step(through));
    }

    /// The name of what is wrong; empty for the document.
    pub(super) fn name(&self, tree: &Tree<'_>) -> String {
        match self.0.spot {
            Spot::Key(id) | Spot::Value(id) | Spot::Whole(id) if self.0.steps.is_empty() => tree.name(id),
            _ => join(&self.0.steps),
        }
    }

    /// Where it is in the text; 0 when that is not known.
    pub(super) fn position(&self, tree: &Tree<'_>) -> Position {
        match self.0.spot {
            Spot::Unknown => (0, 0),
            Spot::At(at) => at,
            Spot::Key(id) | Spot::Value(id) => tree.node(id).at,
            Spot::Whole(id) => tree.begin(id),
        }
    }
}

/// For whoever wraps it: the cause alone.
impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.why.cause())
    }
}

impl std::error::Error for Mistake {}

impl serde::de::Error for Mistake {
    fn custom<T: fmt::Display>(text: T) -> Self {
        Self::new(Why::Said(text.to_string()), Spot::Unknown)
    }

    fn invalid_type(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let found = match unexpected {
            Unexpected::Map => "keys with values".to_owned(),
            Unexpected::Seq => "a list".to_owned(),
            Unexpected::Unit | Unexpected::Option => "nothing".to_owned(),
            Unexpected::Bool(value) => format!("`{value}`"),
            Unexpected::Unsigned(value) => format!("`{value}`"),
            Unexpected::Signed(value) => format!("`{value}`"),
            Unexpected::Float(value) => format!("`{value}`"),
            Unexpected::Str(value) => format!("`{value}`"),
            other => other.to_string(),
        };
        Self::new(Why::Wanted { wanted: expected.to_string().into(), found: Some(found) }, Spot::Unknown)
    }

    fn invalid_value(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::invalid_type(unexpected, expected)
    }

    fn invalid_length(length: usize, expected: &dyn Expected) -> Self {
        Self::new(Why::Length(length, expected.to_string()), Spot::Unknown)
    }

    fn unknown_variant(variant: &str, known: &'static [&'static str]) -> Self {
        Self::new(Why::UnknownValue { written: variant.to_owned(), known }, Spot::Unknown)
    }

    fn unknown_field(field: &str, known: &'static [&'static str]) -> Self {
        Self::new(Why::UnknownKey { written: field.to_owned(), known }, Spot::Unknown)
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(Why::Missing(field), Spot::Unknown)
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::new(Why::Repeated(field), Spot::Unknown)
    }
}
