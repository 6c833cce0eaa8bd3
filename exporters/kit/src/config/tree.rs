//! A document as a tree: what stands where, and under which name. It is built once ([`super::builder`]), and knows nothing
//! of the types that are read from it ([`super::reader`]).

use std::borrow::Cow;
use std::fmt::Write as _;
use std::ops::Range;

use super::scalar;
use super::tag::Tag;

/// Line and column, both from 1, the column in characters.
pub(super) type Position = (u64, u64);

/// A node's place in its tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Id(usize);

/// The first document of a text; when the text is broken, as much of it as could be read.
#[derive(Debug)]
pub(super) struct Tree<'t> {
    text: &'t str,
    /// In the order of the text; the first is the root.
    nodes: Vec<Node<'t>>,
}

/// One node, as it is written: nothing says yet whether `5` is a number.
#[derive(Debug)]
pub(super) struct Node<'t> {
    /// Where it begins, after its tag and anchor.
    pub(super) at: Position,
    /// Its bytes in the text.
    pub(super) span: Range<usize>,
    pub(super) tag: Tag,
    pub(super) content: Content<'t>,
    pub(super) under: Under,
}

/// What a node is made of.
#[derive(Debug)]
pub(super) enum Content<'t> {
    Scalar {
        text: Cow<'t, str>,
        /// Neither quoted nor a block: `5` and `~` may be more than text.
        plain: bool,
    },
    List(Vec<Id>),
    /// Keys and values: first the mapping's own in their order, then those merged by `<<`, which lie elsewhere.
    Keys(Vec<(Id, Id)>),
    /// The same as another node, which is no alias.
    Alias(Id),
}

/// What a node lies under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Under {
    Nothing,
    /// It is an item.
    Item {
        list: Id,
        index: usize,
    },
    /// It is a key.
    Key {
        keys: Id,
    },
    /// It is a value.
    Value {
        keys: Id,
        key: Id,
    },
}

impl Node<'_> {
    /// Whether it stands for no value, unless its tag makes it one.
    pub(super) fn is_null(&self) -> bool {
        match &self.content {
            Content::Scalar { text, plain } => match self.tag {
                Tag::Null => true,
                Tag::None | Tag::Other(_) => *plain && scalar::is_null(text),
                _ => false,
            },
            _ => false,
        }
    }
}

impl<'t> Tree<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, nodes: Vec::new() }
    }

    /// Adds a node behind those that are there.
    pub(super) fn push(&mut self, node: Node<'t>) -> Id {
        self.nodes.push(node);
        Id(self.nodes.len() - 1)
    }

    /// `None` when there is no document in the text.
    pub(super) fn root(&self) -> Option<Id> {
        (!self.nodes.is_empty()).then_some(Id(0))
    }

    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// A node as it is written. An [`Id`] is only made by the tree itself, so that it is there.
    pub(super) fn node(&self, id: Id) -> &Node<'t> {
        &self.nodes[id.0]
    }

    pub(super) fn content_mut(&mut self, id: Id) -> &mut Content<'t> {
        &mut self.nodes[id.0].content
    }

    /// What an alias stands for; another node stands for itself.
    pub(super) fn target(&self, id: Id) -> Id {
        match self.node(id).content {
            Content::Alias(target) => target,
            _ => id,
        }
    }

    /// A node, or what it is an alias of.
    pub(super) fn resolve(&self, id: Id) -> &Node<'t> {
        self.node(self.target(id))
    }

    /// A scalar's text; for another node, which has no name when it is a key, `?`.
    pub(super) fn text_of(&self, id: Id) -> &str {
        match &self.resolve(id).content {
            Content::Scalar { text, .. } => text,
            _ => "?",
        }
    }

    /// Where a node begins that is called by its key: at the key, if it has one.
    pub(super) fn begin(&self, id: Id) -> Position {
        match self.node(id).under {
            Under::Value { key, .. } => self.node(key).at,
            _ => self.node(id).at,
        }
    }

    /// The last step of a node's name: a key, or `[2]`; nothing for the root.
    pub(super) fn step(&self, id: Id) -> String {
        match self.node(id).under {
            Under::Nothing => String::new(),
            Under::Item { index, .. } => format!("[{index}]"),
            Under::Key { .. } => self.text_of(id).to_owned(),
            Under::Value { key, .. } => self.text_of(key).to_owned(),
        }
    }

    /// The name of a key, or of a value: `targets[2].module`.
    pub(super) fn name(&self, id: Id) -> String {
        let mut steps = Vec::new();
        let mut at = id;
        loop {
            steps.push(self.step(at));
            at = match self.node(at).under {
                Under::Nothing => return join(&steps),
                Under::Item { list, .. } => list,
                Under::Key { keys } | Under::Value { keys, .. } => keys,
            };
        }
    }

    /// The last node that begins at or before a position, for what stands between nodes.
    pub(super) fn before(&self, at: Position) -> Option<Id> {
        self.nodes.iter().rposition(|node| node.at <= at).map(Id)
    }

    /// The value of a name, or the nearest of its ancestors that is there.
    pub(super) fn find(&self, name: &str) -> Option<Id> {
        let mut id = self.root()?;
        let mut rest = name;
        loop {
            let child = match &self.resolve(id).content {
                Content::List(items) => {
                    index(rest).and_then(|(index, after)| Some((*items.get(index)?, after)))
                }
                Content::Keys(entries) => entries
                    .iter()
                    .filter_map(|(key, value)| Some((*value, after_key(rest, self.text_of(*key))?)))
                    // A key may have a dot in it.
                    .min_by_key(|(_, after)| after.len()),
                _ => None,
            };
            let Some((child, after)) = child else { return Some(id) };
            (id, rest) = (child, after);
        }
    }

    /// The value that a mapping has under a key, with the key.
    pub(super) fn entry(&self, id: Id, name: &str) -> Option<(Id, Id)> {
        let Content::Keys(entries) = &self.resolve(id).content else { return None };
        entries.iter().rev().find(|(key, _)| self.text_of(*key) == name).copied()
    }

    /// Whether nothing is written there, not even `~` or a tag.
    pub(super) fn is_empty(&self, id: Id) -> bool {
        let node = self.node(id);
        let empty = matches!(&node.content, Content::Scalar { text, plain: true } if text.is_empty());
        empty && node.tag == Tag::None
    }

    pub(super) fn is_scalar(&self, id: Id) -> bool {
        matches!(self.resolve(id).content, Content::Scalar { .. })
    }

    /// What is written there, if it is short enough to be repeated. `hidden`: a text must not be shown.
    pub(super) fn found(&self, id: Id, hidden: bool) -> Option<String> {
        let node = self.resolve(id);
        match &node.content {
            Content::List(_) => Some("a list".to_owned()),
            Content::Keys(_) => Some("keys with values".to_owned()),
            Content::Scalar { text, plain: true } if text.is_empty() => Some("nothing".to_owned()),
            _ => {
                let written = self.text.get(node.span.clone())?.trim();
                let shown = !hidden && written.len() <= 60 && !written.contains(['\n', '\r']);
                shown.then(|| format!("`{written}`"))
            }
        }
    }
}

/// A name, made of its steps from the last to the first.
pub(super) fn join(steps: &[String]) -> String {
    let mut name = String::new();
    for step in steps.iter().rev().filter(|step| !step.is_empty()) {
        let dot = if name.is_empty() || step.starts_with('[') { "" } else { "." };
        // Writing to a String cannot fail.
        let _ = write!(name, "{dot}{step}");
    }
    name
}

/// What comes after `[2]` at a name's beginning.
fn index(name: &str) -> Option<(usize, &str)> {
    let (index, after) = name.strip_prefix('[')?.split_once(']')?;
    Some((index.parse().ok()?, after.strip_prefix('.').unwrap_or(after)))
}

/// What comes after a key at a name's beginning.
fn after_key<'n>(name: &'n str, key: &str) -> Option<&'n str> {
    let after = name.strip_prefix(key).filter(|_| !name.is_empty())?;
    if after.is_empty() || after.starts_with('[') { Some(after) } else { after.strip_prefix('.') }
}

#[cfg(test)]
mod tests {
    use crate::config::builder::build;

    const TEXT: &str = "modules:\n  web:\n    codes: [200, 204]\n  ? [a, b]\n  : odd\ntargets:\n- name: x\n  url: y\n\"a.b\": {c: 1}\n";

    #[test]
    fn positions_have_names() {
        let (tree, refusal) = build(TEXT);
        assert!(refusal.is_none());
        for (at, name) in [
            ((1, 1), "modules"),
            ((2, 3), "modules.web"),
            ((3, 12), "modules.web.codes"),
            ((3, 15), "modules.web.codes[0]"),
            ((3, 18), "modules.web.codes[1]"),
            ((5, 5), "modules.?"),
            ((7, 3), "targets[0].name"),
            ((8, 8), "targets[0].url"),
            ((9, 9), "a.b.c"),
        ] {
            assert_eq!(tree.before(at).map(|id| tree.name(id)).as_deref(), Some(name), "{at:?}");
        }
    }

    #[test]
    fn names_have_positions() {
        let (tree, _) = build(TEXT);
        for (name, at, begin) in [
            ("", (1, 1), (1, 1)),
            ("modules.web.codes[1]", (3, 18), (3, 18)),
            ("modules.web.codes[7]", (3, 12), (3, 5)),
            ("modules.we", (2, 3), (1, 1)),
            ("targets[0]", (7, 3), (7, 3)),
            ("targets[0].url", (8, 8), (8, 3)),
            ("targets[0].url.deep", (8, 8), (8, 3)),
            ("a.b.c", (9, 12), (9, 9)),
            ("nothing", (1, 1), (1, 1)),
        ] {
            let id = tree.find(name).unwrap();
            assert_eq!((tree.node(id).at, tree.begin(id)), (at, begin), "{name}");
        }
        assert!(build("").0.find("a").is_none());
        let (tree, _) = build("a: &a {b: [c]}\nd: *a\ne: {<<: *a}\n");
        let at = |name| tree.node(tree.find(name).unwrap()).at;
        assert_eq!((at("d"), at("d.b[0]"), at("e.b")), ((2, 4), (1, 12), (1, 11)));
    }

    #[test]
    fn a_broken_text_is_a_tree_as_far_as_it_goes() {
        let (tree, refusal) = build("a: 1\nb: [1,\n");
        assert!(refusal.is_some());
        assert_eq!(tree.name(tree.before((9, 1)).unwrap()), "b[0]");
    }
}
