//! A mapping's keys as one: none is there twice, and what `<<` names is merged in.

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::mistake::{Mistake, Spot, Why};
use super::scalar;
use super::tag::Tag;
use super::tree::{Content, Id, Tree};

/// What is known to be there, and by which key.
type Seen<'r> = HashMap<Cow<'r, str>, Id>;

/// A mapping's own keys, and behind them those that `<<` merges and that it does not have. Of two merged keys of a name
/// the first counts (<https://yaml.org/type/merge.html>).
pub(super) fn unite(tree: &Tree<'_>, entries: &[(Id, Id)]) -> Result<Vec<(Id, Id)>, Mistake> {
    let mut seen = Seen::with_capacity(entries.len());
    let mut united = Vec::with_capacity(entries.len());
    let mut merges = Vec::new();
    for (key, value) in entries {
        if is_merge(tree, *key) {
            merges.push(*value);
            continue;
        }
        match seen.entry(print(tree, *key)) {
            Entry::Occupied(first) => {
                let (line, _) = tree.node(*first.get()).at;
                return Err(Mistake::new(Why::Twice(line), Spot::Key(*key)));
            }
            Entry::Vacant(place) => place.insert(*key),
        };
        united.push((*key, *value));
    }
    for value in merges {
        merge(tree, value, &mut seen, &mut united)?;
    }
    Ok(united)
}

/// Adds the keys of a mapping, or of the mappings in a list; nothing adds nothing.
fn merge<'r>(
    tree: &'r Tree<'_>,
    value: Id,
    seen: &mut Seen<'r>,
    united: &mut Vec<(Id, Id)>,
) -> Result<(), Mistake> {
    match &tree.resolve(value).content {
        Content::Keys(entries) => {
            for (key, value) in entries {
                if let Entry::Vacant(place) = seen.entry(print(tree, *key)) {
                    place.insert(*key);
                    united.push((*key, *value));
                }
            }
            Ok(())
        }
        Content::List(items) => items.iter().try_for_each(|item| merge(tree, *item, seen, united)),
        _ if tree.resolve(value).is_null() => Ok(()),
        _ => Err(Mistake::new(Why::Merge, Spot::Value(value))),
    }
}

/// Whether a key is the merge key: written plain, or tagged as it.
fn is_merge(tree: &Tree<'_>, key: Id) -> bool {
    let node = tree.node(key);
    match &node.content {
        Content::Scalar { text, plain } => {
            text == "<<" && (node.tag == Tag::Merge || (*plain && node.tag == Tag::None))
        }
        _ => false,
    }
}

/// What makes two keys the same: their text, for a type may read both as text, and of whole numbers the value, for a type
/// may read them as numbers. A collection is the sum of its parts; a mapping's have no order.
fn print<'r>(tree: &'r Tree<'_>, id: Id) -> Cow<'r, str> {
    match &tree.resolve(id).content {
        Content::Scalar { text, plain } => match scalar::integer(text).filter(|_| *plain) {
            Some((negative, size)) => format!("{}{size}", if negative && size > 0 { "-" } else { "" }).into(),
            None => Cow::Borrowed(text),
        },
        Content::List(items) => {
            let parts: Vec<_> = items.iter().map(|item| quote(&print(tree, *item))).collect();
            format!("\0[{}]", parts.join(",")).into()
        }
        Content::Keys(entries) => {
            let pair = |(key, value): &(Id, Id)| {
                format!("{}:{}", quote(&print(tree, *key)), quote(&print(tree, *value)))
            };
            let mut parts: Vec<_> = entries.iter().map(pair).collect();
            parts.sort();
            format!("\0{{{}}}", parts.join(",")).into()
        }
        // What an alias stands for is no alias.
        Content::Alias(_) => Cow::Borrowed(""),
    }
}

/// With its length before it, so that no text can pass for two.
fn quote(part: &str) -> String {
    format!("{}'{part}", part.len())
}

#[cfg(test)]
mod tests {
    use crate::config::builder::build;
    use crate::config::tree::Content;

    #[test]
    fn merged_keys_and_their_order() {
        let base = "a: &a {x: 1, y: 2}\nb: &b {y: 3, z: 4}\nn: &n {<<: *a, w: 5}\nm:\n  ";
        for (text, want) in [
            ("<<: *a", "x=1 y=2"),
            ("y: 9\n  <<: *a", "y=9 x=1"),
            ("<<: *a\n  y: 9", "y=9 x=1"),
            ("<<: [*a, *b]", "x=1 y=2 z=4"),
            ("<<: [*b, [*a]]", "y=3 z=4 x=1"),
            ("<<: *a\n  <<: *b", "x=1 y=2 z=4"),
            ("<<: *n\n  x: 0", "x=0 w=5 y=2"),
            ("<<: {q: 1}", "q=1"),
            ("<<:", ""),
            ("<<: [~, *a]", "x=1 y=2"),
            ("!!merge <<: *a", "x=1 y=2"),
            ("\"<<\": 1", "<<=1"),
            ("!!str <<: 1", "<<=1"),
        ] {
            let text = format!("{base}{text}\n");
            let (tree, refusal) = build(&text);
            assert!(refusal.is_none(), "{text}");
            let Content::Keys(entries) = &tree.node(tree.find("m").unwrap()).content else {
                panic!("{text}")
            };
            let shown: Vec<_> = entries
                .iter()
                .map(|(key, value)| format!("{}={}", tree.text_of(*key), tree.text_of(*value)))
                .collect();
            assert_eq!(shown.join(" "), want, "{text}");
        }
    }

    #[test]
    fn doubled_keys_and_bad_merges() {
        let twice = "this key is already on line 1";
        let merge = "`<<` takes an alias of keys with values, or a list of such aliases";
        for (text, why, name, at) in [
            ("a: 1\nb: 2\na: 3", twice, "a", (3, 1)),
            ("{a: 1, \"a\": 2}", twice, "a", (1, 8)),
            ("{1: a, 0x1: b}", twice, "0x1", (1, 8)),
            ("{1: a, \"1\": b}", twice, "1", (1, 8)),
            ("{-0: a, 0: b}", twice, "0", (1, 9)),
            ("{[a]: 1, [a]: 2}", twice, "?", (1, 10)),
            ("{{a: 1, b: 2}: 1, {b: 2, a: 1}: 2}", twice, "?", (1, 19)),
            ("{<<: {a: 1, a: 2}}", twice, "<<.a", (1, 13)),
            ("{&a x: 1, *a : 2}", twice, "x", (1, 11)),
            ("{a: {<<: 5}}", merge, "a.<<", (1, 10)),
            ("{<<: [~, 5]}", merge, "<<[1]", (1, 10)),
        ] {
            let (tree, refusal) = build(text);
            let refusal = refusal.unwrap_or_else(|| panic!("{text}"));
            assert_eq!((refusal.why().cause().as_str(), refusal.name(&tree).as_str()), (why, name), "{text}");
            assert_eq!(refusal.position(&tree), at, "{text}");
        }
        for text in [
            "{a: 1, A: 2}",
            "{1: a, 01: b, 1.0: c, x1: d}",
            "{[a, b]: 1, [ab]: 2, [\"a,b\"]: 3}",
            "{a: {b: 1}, c: {b: 1}}",
        ] {
            assert!(build(text).1.is_none(), "{text}");
        }
    }
}
