//! Builds a document's tree from the parser's events, and refuses what no type could make good: a second document,
//! doubled keys, aliases of nothing or of themselves, and what grows beyond any configuration.

use std::collections::HashMap;

use granit_parser::{ErrorKind, Event, Parser, ScalarStyle, Span};

use super::keys::unite;
use super::mistake::{Mistake, Spot, Why};
use super::tag::Tag;
use super::tree::{Content, Id, Node, Tree, Under};

/// Deeper than any configuration is nested.
const DEEPEST: usize = 64;

/// More nodes than any configuration has.
const MOST: usize = 250_000;

/// More nodes than any configuration has when its aliases are written out: a few lines of aliases of aliases can stand
/// for billions, which would all be read.
const MOST_EXPANDED: usize = 1_000_000;

/// A text's tree, and the first thing that is wrong with it. The tree is there even so, for names.
pub(super) fn build(text: &str) -> (Tree<'_>, Option<Mistake>) {
    let mut builder = Builder {
        tree: Tree::new(text),
        open: Vec::new(),
        anchors: HashMap::new(),
        expanded: 0,
        documents: 0,
    };
    let options = granit_parser::options! { emit_unresolved_aliases: true };
    for event in Parser::new_from_str_with_options(text, options) {
        let step = match event {
            Ok((event, span)) => builder.step(event, &span),
            Err(error) => {
                let mark = error.marker();
                let at = (mark.line() as u64, mark.col() as u64 + 1);
                Err(match error.kind() {
                    ErrorKind::RecursionLimitExceeded => Mistake::new(Why::Deep(DEEPEST), Spot::At(at)),
                    kind => Mistake::new(Why::Syntax(kind.clone()), Spot::At(at)),
                })
            }
        };
        if let Err(mistake) = step {
            return (builder.tree, Some(mistake));
        }
    }
    (builder.tree, None)
}

struct Builder<'t> {
    tree: Tree<'t>,
    open: Vec<Open>,
    /// By the parser's numbers; a name that is given again has a new one.
    anchors: HashMap<usize, Anchor>,
    /// The nodes so far, with those that aliases stand for.
    expanded: usize,
    documents: usize,
}

/// A collection that is being read.
struct Open {
    id: Id,
    /// 0 for none.
    anchor: usize,
    /// The key that waits for its value.
    key: Option<Id>,
    /// The expanded nodes before it.
    before: usize,
    /// The collections in it, one in another.
    height: usize,
}

/// What an alias may stand for.
struct Anchor {
    id: Id,
    /// How many nodes it is, and how deep; `None` while it is being read.
    size: Option<(usize, usize)>,
}

impl<'t> Builder<'t> {
    fn step(&mut self, event: Event<'t>, span: &Span) -> Result<(), Mistake> {
        match event {
            Event::DocumentStart(..) => self.documents += 1,
            Event::Scalar(text, style, anchor, tag) => {
                let plain = style == ScalarStyle::Plain;
                // The parser calls what is not there `~`.
                let text = if plain && span.is_empty() { "".into() } else { text };
                let id = self.add(span, Tag::of(tag.as_deref()), Content::Scalar { text, plain })?;
                self.name(anchor, id, Some((1, 0)));
            }
            Event::SequenceStart(_, anchor, tag) => {
                let id = self.add(span, Tag::of(tag.as_deref()), Content::List(Vec::new()))?;
                self.begin(id, anchor)?;
            }
            Event::MappingStart(_, anchor, tag) => {
                let id = self.add(span, Tag::of(tag.as_deref()), Content::Keys(Vec::new()))?;
                self.begin(id, anchor)?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.end()?,
            Event::Alias(anchor) => {
                self.alias(span, self.anchors.get(&anchor).map(|anchor| (anchor.id, anchor.size)))?
            }
            Event::UnresolvedAlias(_) => self.alias(span, None)?,
            _ => {}
        }
        Ok(())
    }

    /// Adds a node to the collection that is open.
    fn add(&mut self, span: &Span, tag: Tag, content: Content<'t>) -> Result<Id, Mistake> {
        let at = (span.start.line() as u64, span.start.col() as u64 + 1);
        if self.documents > 1 {
            return Err(Mistake::new(Why::Second, Spot::At(at)));
        }
        let under = match self.open.last() {
            None => Under::Nothing,
            Some(open) => match (&self.tree.node(open.id).content, open.key) {
                (Content::List(items), _) => Under::Item { list: open.id, index: items.len() },
                (_, None) => Under::Key { keys: open.id },
                (_, Some(key)) => Under::Value { keys: open.id, key },
            },
        };
        let fits = tag.fits(&content);
        let id =
            self.tree.push(Node { at, span: span.byte_range().unwrap_or_default(), tag, content, under });
        match under {
            Under::Nothing => {}
            Under::Item { list, .. } => {
                if let Content::List(items) = self.tree.content_mut(list) {
                    items.push(id);
                }
            }
            Under::Key { .. } => self.open.last_mut().into_iter().for_each(|open| open.key = Some(id)),
            Under::Value { keys, key } => {
                self.open.last_mut().into_iter().for_each(|open| open.key = None);
                if let Content::Keys(entries) = self.tree.content_mut(keys) {
                    entries.push((key, id));
                }
            }
        }
        self.expanded += 1;
        if self.tree.len() > MOST {
            return Err(Mistake::new(Why::Large(MOST), Spot::Value(id)));
        }
        if fits {
            Ok(id)
        } else {
            Err(Mistake::new(Why::Tag(self.tree.node(id).tag.name().to_owned()), Spot::Value(id)))
        }
    }

    fn begin(&mut self, id: Id, anchor: usize) -> Result<(), Mistake> {
        self.name(anchor, id, None);
        self.open.push(Open { id, anchor, key: None, before: self.expanded - 1, height: 1 });
        if self.open.len() > DEEPEST {
            return Err(Mistake::new(Why::Deep(DEEPEST), Spot::Value(id)));
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), Mistake> {
        let Some(open) = self.open.pop() else { return Ok(()) };
        self.name(open.anchor, open.id, Some((self.expanded - open.before, open.height)));
        self.rise(open.height);
        let united = match &self.tree.node(open.id).content {
            Content::Keys(entries) => unite(&self.tree, entries)?,
            _ => return Ok(()),
        };
        *self.tree.content_mut(open.id) = Content::Keys(united);
        Ok(())
    }

    /// Keeps what an anchor is put on; 0 is none.
    fn name(&mut self, anchor: usize, id: Id, size: Option<(usize, usize)>) {
        if anchor != 0 {
            self.anchors.insert(anchor, Anchor { id, size });
        }
    }

    /// Tells the open collection how high one in it is.
    fn rise(&mut self, height: usize) {
        if let Some(open) = self.open.last_mut() {
            open.height = open.height.max(height + 1);
        }
    }

    fn alias(&mut self, span: &Span, of: Option<(Id, Option<(usize, usize)>)>) -> Result<(), Mistake> {
        let content = match of {
            Some((target, _)) => Content::Alias(target),
            // It is refused below; the tree only has to name it.
            None => Content::Scalar { text: "".into(), plain: false },
        };
        let id = self.add(span, Tag::None, content)?;
        let refuse = |why| Err(Mistake::new(why, Spot::Value(id)));
        let Some((_, size)) = of else { return refuse(Why::NoAnchor) };
        let Some((nodes, height)) = size else { return refuse(Why::Itself) };
        self.expanded += nodes;
        self.rise(height);
        if self.expanded > MOST_EXPANDED {
            return refuse(Why::Bomb);
        }
        if self.open.len() + height > DEEPEST { refuse(Why::Deep(DEEPEST)) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_refused_and_where() {
        let deep = |levels: usize| format!("a: {}{}", "[".repeat(levels), "]".repeat(levels));
        let mut bomb = "a: &a [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for (letter, next) in ('a'..'h').zip('b'..) {
            bomb += &format!("{next}: &{next} [{}]\n", vec![format!("*{letter}"); 10].join(", "));
        }
        let ladder: String = ('a'..='z')
            .zip('b'..)
            .map(|(letter, next)| format!("{next}: &{next} [[[*{letter}]]]\n"))
            .collect();
        for (text, why, name) in [
            (deep(64), "nested deeper than 64 levels", "a".to_owned() + &"[0]".repeat(63)),
            ("a: ".to_owned() + &"[".repeat(300), "nested deeper than 64 levels", String::new()),
            (format!("a: &a []\n{ladder}"), "nested deeper than 64 levels", "v[0][0][0]".into()),
            (bomb, "aliases grow beyond any configuration's size", "f[7]".into()),
            ("a: [*b]".into(), "this alias has no anchor", "a[0]".into()),
            ("a: *b\nc: &b 1".into(), "this alias has no anchor", "a".into()),
            ("a: &a [b, *a]".into(), "this alias stands inside its own anchor", "a[1]".into()),
            ("a: &a\n  b: &b {c: *a}".into(), "this alias stands inside its own anchor", "a.b.c".into()),
            ("a: !!seq b".into(), "the tag `!!seq` does not fit here", "a".into()),
            ("a: [!!str {b: c}]".into(), "the tag `!!str` does not fit here", "a[0]".into()),
            ("a: b\n---\nc: d".into(), "a second YAML document begins before here", String::new()),
            ("- a\n".repeat(MOST), "larger than any configuration may be", "[249999]".into()),
        ] {
            let (tree, refusal) = build(&text);
            let refusal = refusal.unwrap_or_else(|| panic!("{}", &text[..text.len().min(99)]));
            assert_eq!((refusal.why().cause().as_str(), refusal.name(&tree)), (why, name));
        }
        for text in [deep(63), "a: &a {b: 1}\nc: [*a, *a]".into(), "- a\n".repeat(MOST - 1)] {
            assert!(build(&text).1.is_none());
        }
    }
}
