//! Reads a tree's nodes into types. The type says what a scalar is: `1.10` is a text for one, a number for another.
//!
//! Everything with a visitor is compiled anew for every type of every configuration: what does not need the visitor is
//! in functions that are not generic.

use serde::Deserializer;
use serde::de::{Error as _, Visitor};

use super::access::{Entries, Items, Located, Variant};
use super::bytes;
use super::mistake::{Mistake, Spot, Why};
use super::scalar::{self, Guess};
use super::spanned::LOCATED;
use super::tag::Tag;
use super::tree::{Content, Id, Node, Tree};

/// A node that is to be read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'r> {
    pub(super) tree: &'r Tree<'r>,
    pub(super) id: Id,
    /// Its tag has named an enum's variant already, and does not name another in it.
    pub(super) untagged: bool,
}

const BOOLEAN: &str = "true or false";
const LIST: &str = "a list";
const KEYS: &str = "keys with values";
const TEXT: &str = "a text";
const NUMBER: &str = "a number";

impl<'r> Reader<'r> {
    pub(super) fn new(tree: &'r Tree<'r>, id: Id) -> Self {
        Self { tree, id, untagged: false }
    }

    fn node(self) -> &'r Node<'r> {
        self.tree.resolve(self.id)
    }

    /// A scalar's text, if its tag lets it be what `tag` is the tag of.
    fn scalar(self, tag: &Tag, wanted: &'static str) -> Result<&'r str, Mistake> {
        match &self.node().content {
            Content::Scalar { text, .. } if self.node().tag.allows(tag) => Ok(text),
            _ => Err(Mistake::wanted(wanted)),
        }
    }

    fn boolean(self) -> Result<bool, Mistake> {
        scalar::boolean(self.scalar(&Tag::Boolean, BOOLEAN)?).ok_or_else(|| Mistake::wanted(BOOLEAN))
    }

    fn unsigned(self, largest: u64, wanted: &'static str) -> Result<u64, Mistake> {
        let number = scalar::unsigned(self.scalar(&Tag::Integer, wanted)?, largest.into());
        number.and_then(|number| u64::try_from(number).ok()).ok_or_else(|| Mistake::wanted(wanted))
    }

    fn signed(self, largest: i64) -> Result<i64, Mistake> {
        const WANTED: &str = "a whole number";
        let number = scalar::signed(self.scalar(&Tag::Integer, WANTED)?, largest.into());
        number.and_then(|number| i64::try_from(number).ok()).ok_or_else(|| Mistake::wanted(WANTED))
    }

    fn float(self, largest: f64) -> Result<f64, Mistake> {
        scalar::float(self.scalar(&Tag::Float, NUMBER)?)
            .filter(|number| !number.is_finite() || number.abs() <= largest)
            .ok_or_else(|| Mistake::wanted(NUMBER))
    }

    /// A text as it is written, whatever else it could be; `!!binary` still packed.
    fn text(self) -> Result<&'r str, Mistake> {
        let node = self.node();
        if node.is_null() {
            return Err(Mistake::new(Why::NoText, Spot::Unknown));
        }
        match &node.content {
            Content::Scalar { text, .. } if node.tag == Tag::Binary || node.tag.allows(&Tag::Text) => {
                Ok(text)
            }
            _ => Err(Mistake::wanted(TEXT)),
        }
    }

    fn character(self) -> Result<char, Mistake> {
        let mut characters = self.text()?.chars();
        match (characters.next(), characters.next()) {
            (Some(character), None) => Ok(character),
            _ => Err(Mistake::wanted("one character")),
        }
    }

    fn bytes(self) -> Result<Vec<u8>, Mistake> {
        let text = self.text()?;
        if self.node().tag != Tag::Binary {
            return Ok(text.as_bytes().to_vec());
        }
        bytes::unpack(text).map_err(Mistake::custom)
    }

    fn null(self) -> Result<(), Mistake> {
        if self.node().is_null() { Ok(()) } else { Err(Mistake::wanted("no value")) }
    }

    fn items(self) -> Result<Items<'r>, Mistake> {
        match &self.node().content {
            Content::List(items) => Ok(Items::new(self.tree, items)),
            _ => Err(Mistake::wanted(LIST)),
        }
    }

    /// A list of this many items.
    fn items_of(self, length: usize) -> Result<Items<'r>, Mistake> {
        let items = self.items()?;
        if items.len() == length {
            return Ok(items);
        }
        Err(Mistake::new(Why::Length(items.len(), format!("a list of {length} elements")), Spot::Unknown))
    }

    fn entries(self) -> Result<Entries<'r>, Mistake> {
        match &self.node().content {
            Content::Keys(entries) => Ok(Entries::new(self.tree, entries)),
            _ => Err(Mistake::wanted(KEYS)),
        }
    }

    /// A variant: its name alone, its name as the one key of its content, or its name as the content's tag.
    fn variant(self, name: &str, known: &'static [&'static str]) -> Result<Variant<'r>, Mistake> {
        let node = self.node();
        let tag = node.tag.variant().filter(|_| !self.untagged);
        if let Some(tag) = tag.filter(|tag| known.contains(tag)) {
            return Ok(Variant {
                tree: self.tree,
                name: tag,
                key: None,
                content: Some(Self { untagged: true, ..self }),
            });
        }
        match &node.content {
            Content::Scalar { text, .. } if node.is_null() => {
                Err(Mistake::new(Why::UnknownValue { written: text.to_string(), known }, Spot::Unknown))
            }
            _ if tag.is_some_and(|tag| tag != name) => {
                Err(Mistake::new(Why::Tag(node.tag.name().to_owned()), Spot::Unknown))
            }
            Content::Scalar { text, .. } if node.tag.allows(&Tag::Text) => {
                Ok(Variant { tree: self.tree, name: text, key: None, content: None })
            }
            Content::Keys(entries) => match entries.as_slice() {
                [(key, value)] => {
                    let content = Some(Self::new(self.tree, *value));
                    Ok(Variant { tree: self.tree, name: self.tree.text_of(*key), key: Some(*key), content })
                }
                _ => Err(Mistake::wanted("one of the known values, alone or as the only key")),
            },
            _ => Err(Mistake::wanted("one of the known values")),
        }
    }

    /// What a node is when nobody says what it should be.
    fn any(self) -> Result<Any<'r>, Mistake> {
        let node = self.node();
        let (text, plain) = match &node.content {
            Content::List(_) => return self.items().map(Any::Items),
            Content::Keys(_) => return self.entries().map(Any::Entries),
            Content::Scalar { text, plain } => (text, *plain),
            // What an alias stands for is no alias.
            Content::Alias(_) => return Ok(Any::Scalar(Guess::Null)),
        };
        Ok(match node.tag {
            Tag::Null => Any::Scalar(Guess::Null),
            Tag::Boolean => Any::Scalar(Guess::Boolean(self.boolean()?)),
            Tag::Integer => match self.unsigned(u64::MAX, "a whole number") {
                Ok(number) => Any::Scalar(Guess::Unsigned(number)),
                Err(_) => Any::Scalar(Guess::Signed(self.signed(i64::MAX)?)),
            },
            Tag::Float => Any::Scalar(Guess::Float(self.float(f64::MAX)?)),
            Tag::None | Tag::Other(_) if plain => match scalar::guess(text) {
                Guess::Text => Any::Text(text),
                guess => Any::Scalar(guess),
            },
            _ => Any::Text(text),
        })
    }
}

/// What is found where anything may be.
enum Any<'r> {
    Scalar(Guess),
    Text(&'r str),
    Items(Items<'r>),
    Entries(Entries<'r>),
}

/// Each kind of number is read by its range, and handed over as the largest of its sort.
macro_rules! numbers {
    ($($method:ident, $visit:ident, $read:ident($($argument:expr),*);)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
            visitor.$visit(self.$read($($argument),*)?)
        }
    )*};
}

impl<'de> Deserializer<'de> for Reader<'_> {
    type Error = Mistake;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        match self.any()? {
            Any::Text(text) => visitor.visit_str(text),
            Any::Items(items) => visitor.visit_seq(items),
            Any::Entries(entries) => visitor.visit_map(entries),
            Any::Scalar(Guess::Boolean(value)) => visitor.visit_bool(value),
            Any::Scalar(Guess::Unsigned(value)) => visitor.visit_u64(value),
            Any::Scalar(Guess::Signed(value)) => visitor.visit_i64(value),
            Any::Scalar(Guess::Float(value)) => visitor.visit_f64(value),
            Any::Scalar(Guess::Null | Guess::Text) => visitor.visit_unit(),
        }
    }

    numbers! {
        deserialize_bool, visit_bool, boolean();
        deserialize_u8, visit_u64, unsigned(u8::MAX.into(), "a whole number from 0 to 255");
        deserialize_u16, visit_u64, unsigned(u16::MAX.into(), "a whole number from 0 to 65535");
        deserialize_u32, visit_u64, unsigned(u32::MAX.into(), "a whole number from 0");
        deserialize_u64, visit_u64, unsigned(u64::MAX, "a whole number from 0");
        deserialize_i8, visit_i64, signed(i8::MAX.into());
        deserialize_i16, visit_i64, signed(i16::MAX.into());
        deserialize_i32, visit_i64, signed(i32::MAX.into());
        deserialize_i64, visit_i64, signed(i64::MAX);
        deserialize_f32, visit_f64, float(f32::MAX.into());
        deserialize_f64, visit_f64, float(f64::MAX);
        deserialize_str, visit_str, text();
        deserialize_string, visit_str, text();
        deserialize_char, visit_char, character();
        deserialize_bytes, visit_byte_buf, bytes();
        deserialize_byte_buf, visit_byte_buf, bytes();
        deserialize_identifier, visit_str, text();
        deserialize_seq, visit_seq, items();
        deserialize_map, visit_map, entries();
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        if self.node().is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        self.null()?;
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Mistake> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Mistake> {
        if name == LOCATED {
            visitor.visit_seq(Located::new(self))
        } else {
            visitor.visit_newtype_struct(self)
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, Mistake> {
        visitor.visit_seq(self.items_of(length)?)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Mistake> {
        self.deserialize_tuple(length, visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mistake> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        known: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mistake> {
        visitor.visit_enum(self.variant(name, known)?)
    }

    /// What could be wrong with it whoever reads it was found when the tree was built.
    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        visitor.visit_unit()
    }
}
