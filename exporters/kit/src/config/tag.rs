//! Tags, as far as they change what is read.

use super::tree::Content;

/// The namespace of the tags that are written `!!name`.
const YAML: &str = "tag:yaml.org,2002:";

/// A node's tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Tag {
    None,
    /// `!!str`, and `!`.
    Text,
    Null,
    Boolean,
    Integer,
    Float,
    List,
    Keys,
    Binary,
    Merge,
    /// Any other, as it is written: it may name an enum's variant, else it is passed over.
    Other(Box<str>),
}

impl Tag {
    /// The parser's tag by its meaning, however it is written.
    pub(super) fn of(tag: Option<&granit_parser::Tag>) -> Self {
        let Some(tag) = tag else { return Self::None };
        match tag.suffix_in_namespace(YAML).as_deref() {
            Some("str") => Self::Text,
            Some("null") => Self::Null,
            Some("bool") => Self::Boolean,
            Some("int") => Self::Integer,
            Some("float") => Self::Float,
            Some("seq") => Self::List,
            Some("map") => Self::Keys,
            Some("binary") => Self::Binary,
            Some("merge") => Self::Merge,
            _ if tag.suffix_in_namespace("!").is_some_and(|name| name.is_empty() || name == "!") => {
                Self::Text
            }
            _ => Self::Other(tag.original().into()),
        }
    }

    /// As it is written, or would be.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::None => "",
            Self::Text => "!!str",
            Self::Null => "!!null",
            Self::Boolean => "!!bool",
            Self::Integer => "!!int",
            Self::Float => "!!float",
            Self::List => "!!seq",
            Self::Keys => "!!map",
            Self::Binary => "!!binary",
            Self::Merge => "!!merge",
            Self::Other(name) => name,
        }
    }

    /// Whether it can be a tag of this.
    pub(super) fn fits(&self, content: &Content<'_>) -> bool {
        match self {
            Self::None | Self::Other(_) => true,
            Self::List => matches!(content, Content::List(_)),
            Self::Keys => matches!(content, Content::Keys(_)),
            _ => matches!(content, Content::Scalar { .. }),
        }
    }

    /// Whether a scalar with it may be read as what `own` is the tag of.
    pub(super) fn allows(&self, own: &Self) -> bool {
        matches!(self, Self::None | Self::Other(_) | Self::Merge) || self == own
    }

    /// The variant that a tag such as `!Name` selects.
    pub(super) fn variant(&self) -> Option<&str> {
        match self {
            Self::Other(name) => name.strip_prefix('!').filter(|name| !name.contains(['!', '<'])),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::builder::build;

    #[test]
    fn tags_go_by_their_meaning() {
        let other = |name: &str| Tag::Other(name.into());
        for (text, want, variant) in [
            ("!!int 5", Tag::Integer, None),
            ("!<tag:yaml.org,2002:int> 5", Tag::Integer, None),
            ("%TAG !y! tag:yaml.org,2002:\n---\n!y!int 5", Tag::Integer, None),
            ("%TAG !y! tag:yaml.org,2002:i\n---\n!y!nt 5", Tag::Integer, None),
            ("! 5", Tag::Text, None),
            ("!int 5", other("!int"), Some("int")),
            ("!!omap 5", other("!!omap"), None),
            ("!<x> 5", other("!<x>"), None),
            ("5", Tag::None, None),
        ] {
            let (tree, refusal) = build(text);
            let tag = &tree.node(tree.root().unwrap()).tag;
            assert_eq!((tag, tag.variant(), refusal.is_none()), (&want, variant, true), "{text}");
        }
    }
}
