//! Which key stands where in a document: gives a position its name (`modules.web.http`), and a name its position.

use std::fmt::Write as _;

use serde_saphyr::granit_parser::{Event, Parser};

/// Line and column, both from 1.
type Position = (u64, u64);

/// What stands where. Of a document with a syntax error, as much as can be read.
#[derive(Debug, Default)]
pub(super) struct Outline {
    nodes: Vec<Node>,
}

#[derive(Debug)]
struct Node {
    path: String,
    key: Option<Position>,
    value: Position,
}

/// A collection that is being read.
enum Open {
    List {
        path: String,
        next: usize,
    },
    /// `key` is set between a key and its value.
    Map {
        path: String,
        key: Option<(String, Position)>,
    },
    /// A collection used as a key: its contents have no name. Ends at depth 0.
    Skipped {
        depth: usize,
    },
}

/// An end of deeper nesting than any configuration has: a bomb is refused by the parser proper, not here.
const DEEPEST: usize = 64;

/// Files beyond this many nodes keep only the first ones' names.
const MOST: usize = 100_000;

impl Outline {
    /// Reads the first document of a text.
    pub(super) fn of(text: &str) -> Self {
        let mut nodes = Vec::new();
        let mut open: Vec<Open> = Vec::new();
        for event in Parser::new_from_str(text) {
            let Ok((event, span)) = event else { break };
            if open.len() > DEEPEST || nodes.len() > MOST {
                break;
            }
            let at = (span.start.line() as u64, span.start.col() as u64 + 1);
            match event {
                Event::DocumentEnd => break,
                Event::Scalar(text, ..) => scalar(&mut nodes, &mut open, &text, at),
                Event::Alias(..) | Event::UnresolvedAlias(..) => scalar(&mut nodes, &mut open, "*", at),
                Event::SequenceStart(..) => begin(&mut nodes, &mut open, at, true),
                Event::MappingStart(..) => begin(&mut nodes, &mut open, at, false),
                Event::SequenceEnd | Event::MappingEnd => match open.last_mut() {
                    Some(Open::Skipped { depth }) if *depth > 0 => *depth -= 1,
                    Some(Open::Skipped { .. }) => {
                        open.pop();
                        take_as_key(&mut open, "?", at);
                    }
                    _ => {
                        open.pop();
                    }
                },
                _ => {}
            }
        }
        Self { nodes }
    }

    /// The name of the key that is written at a position; else of the value.
    pub(super) fn key_at(&self, at: Position) -> Option<&str> {
        let key = self.nodes.iter().rev().find(|node| node.key == Some(at));
        key.or_else(|| self.nodes.iter().find(|node| node.value == at)).map(|node| node.path.as_str())
    }

    /// The name of the value that begins at a position; else of the key. A list and its first item may begin at the same
    /// position: then it is the one that is called `hint`.
    pub(super) fn value_at(&self, at: Position, hint: &str) -> Option<&str> {
        let values = || self.nodes.iter().filter(|node| node.value == at);
        let value = values().find(|node| node.path == hint).or_else(|| values().next());
        value.or_else(|| self.nodes.iter().find(|node| node.key == Some(at))).map(|node| node.path.as_str())
    }

    /// The name that serde's path leads to: in it, a `Spanned` adds a step `value` that is not in the file.
    pub(super) fn named(&self, serde_path: &str) -> String {
        let exists = |path: &str| self.nodes.iter().any(|node| node.path == path);
        let mut name = String::new();
        for step in serde_path.replace('[', ".[").split('.').filter(|step| !step.is_empty()) {
            let dot = if name.is_empty() || step.starts_with('[') { "" } else { "." };
            let next = format!("{name}{dot}{step}");
            if step != "value" || exists(&next) {
                name = next;
            }
        }
        name
    }

    /// The name of the mapping that has a key at a position.
    pub(super) fn mapping_at(&self, at: Position) -> Option<&str> {
        let node = self.nodes.iter().rev().find(|node| node.key == Some(at))?;
        Some(&node.path[..node.path.rfind('.').unwrap_or(0)])
    }

    /// Where a name is first written: its key, or its value when it has none.
    pub(super) fn begin_of(&self, path: &str) -> Option<Position> {
        let node = self.nodes.iter().find(|node| node.path == path)?;
        Some(node.key.unwrap_or(node.value))
    }

    /// The name of the last thing that begins at or before a position, for what stands between names.
    pub(super) fn before(&self, at: Position) -> Option<&str> {
        let begin = |node: &&Node| node.key.unwrap_or(node.value) <= at;
        self.nodes.iter().rev().find(begin).map(|node| node.path.as_str())
    }

    /// Where the value of a name begins, or that of its nearest ancestor that exists.
    pub(super) fn find(&self, path: &str) -> Option<Position> {
        let mut path = path;
        loop {
            if let Some(node) = self.nodes.iter().find(|node| node.path == path) {
                return Some(node.value);
            }
            if path.is_empty() {
                return None;
            }
            path = &path[..path.rfind(['.', '[']).unwrap_or(0)];
        }
    }
}

/// A scalar is a key, or a value.
fn scalar(nodes: &mut Vec<Node>, open: &mut [Open], text: &str, at: Position) {
    if !take_as_key(open, text, at) {
        add(nodes, open, at);
    }
}

/// Whether a scalar is a key; then it is kept.
fn take_as_key(open: &mut [Open], text: &str, at: Position) -> bool {
    match open.last_mut() {
        Some(Open::Map { key: key @ None, .. }) => {
            *key = Some((text.to_owned(), at));
            true
        }
        Some(Open::Skipped { .. }) => true,
        _ => false,
    }
}

/// Adds the node that begins here; returns its path.
fn add(nodes: &mut Vec<Node>, open: &mut [Open], at: Position) -> String {
    let (path, key) = match open.last_mut() {
        None | Some(Open::Skipped { .. }) => (String::new(), None),
        Some(Open::List { path, next }) => {
            let mut item = path.clone();
            // Writing to a String cannot fail.
            let _ = write!(item, "[{next}]");
            *next += 1;
            (item, None)
        }
        Some(Open::Map { path, key }) => {
            let (name, key) = key.take().unwrap_or_default();
            (if path.is_empty() { name } else { format!("{path}.{name}") }, Some(key))
        }
    };
    nodes.push(Node { path: path.clone(), key, value: at });
    path
}

/// A collection begins.
fn begin(nodes: &mut Vec<Node>, open: &mut Vec<Open>, at: Position, list: bool) {
    match open.last_mut() {
        Some(Open::Skipped { depth }) => *depth += 1,
        Some(Open::Map { key: None, .. }) => open.push(Open::Skipped { depth: 0 }),
        _ => {
            let path = add(nodes, open, at);
            open.push(if list { Open::List { path, next: 0 } } else { Open::Map { path, key: None } });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str =
        "modules:\n  web:\n    codes: [200, 204]\n  ? [a, b]\n  : odd\ntargets:\n- name: x\n  url: y\n";

    #[test]
    fn positions_have_names() {
        let outline = Outline::of(TEXT);
        for (at, key, value) in [
            ((1, 1), "modules", ""),
            ((2, 3), "modules.web", "modules"),
            ((3, 5), "modules.web.codes", "modules.web"),
            ((3, 18), "modules.web.codes[1]", "modules.web.codes[1]"),
            ((7, 3), "targets[0].name", "targets"),
            ((8, 8), "targets[0].url", "targets[0].url"),
        ] {
            assert_eq!(outline.key_at(at), Some(key), "{at:?}");
            assert_eq!(outline.value_at(at, ""), Some(value), "{at:?}");
        }
        assert_eq!(outline.value_at((7, 3), "targets[0]"), Some("targets[0]"));
        assert_eq!(outline.named("targets.value[0].value.url.value"), "targets[0].url");
        assert_eq!(outline.mapping_at((8, 3)), Some("targets[0]"));
        assert_eq!(
            (outline.begin_of("modules.web"), outline.begin_of("targets[0]")),
            (Some((2, 3)), Some((7, 3)))
        );
        assert_eq!(outline.key_at((3, 6)), None);
        assert_eq!(outline.before((3, 13)), Some("modules.web.codes[0]"));
    }

    #[test]
    fn names_have_positions() {
        let outline = Outline::of(TEXT);
        for (path, at) in [
            ("modules.web.codes[1]", (3, 18)),
            ("modules.web.codes[7]", (3, 12)),
            ("targets[0].url", (8, 8)),
            ("targets[0].url.deep", (8, 8)),
            ("nothing", (1, 1)),
        ] {
            assert_eq!(outline.find(path), Some(at), "{path}");
        }
        assert_eq!(Outline::of("").find("a"), None);
    }

    #[test]
    fn a_broken_text_is_outlined_as_far_as_it_goes() {
        assert_eq!(Outline::of("a: 1\nb: [1,\n").before((9, 1)), Some("b[0]"));
    }
}
