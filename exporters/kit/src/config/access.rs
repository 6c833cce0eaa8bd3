//! How serde walks through a node: the items of a list, the entries of a mapping, a variant, a value with its position.
//! Each tells a mistake that comes up through it which way it came.

use serde::de::value::{StrDeserializer, U64Deserializer};
use serde::de::{DeserializeSeed, EnumAccess, Error as _, MapAccess, SeqAccess, VariantAccess, Visitor};
use serde::{Deserializer as _, de};

use super::mistake::Mistake;
use super::reader::Reader;
use super::tree::{Id, Tree};

/// Reads a node; `result` is the mistake's way up.
fn read<'de, S: DeserializeSeed<'de>>(reader: Reader<'_>, seed: S) -> Result<S::Value, Mistake> {
    let mut result = seed.deserialize(reader);
    // Not by `map_err`: a value may be large, and this would move it.
    if let Err(mistake) = &mut result {
        mistake.rise(reader.tree, reader.id);
    }
    result
}

/// The items of a list.
pub(super) struct Items<'r> {
    tree: &'r Tree<'r>,
    rest: std::slice::Iter<'r, Id>,
}

impl<'r> Items<'r> {
    pub(super) fn new(tree: &'r Tree<'r>, items: &'r [Id]) -> Self {
        Self { tree, rest: items.iter() }
    }

    pub(super) fn len(&self) -> usize {
        self.rest.len()
    }
}

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = Mistake;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Mistake> {
        match self.rest.next() {
            Some(item) => read(Reader::new(self.tree, *item), seed).map(Some),
            None => Ok(None),
        }
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.rest.len())
    }
}

/// The entries of a mapping.
pub(super) struct Entries<'r> {
    tree: &'r Tree<'r>,
    rest: std::slice::Iter<'r, (Id, Id)>,
    /// The value of the key that was last read.
    value: Option<Id>,
}

impl<'r> Entries<'r> {
    pub(super) fn new(tree: &'r Tree<'r>, entries: &'r [(Id, Id)]) -> Self {
        Self { tree, rest: entries.iter(), value: None }
    }

    fn value(&mut self) -> Result<Reader<'r>, Mistake> {
        let value = self.value.take().ok_or_else(|| Mistake::custom("a value is read before its key"))?;
        Ok(Reader::new(self.tree, value))
    }
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = Mistake;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Mistake> {
        let Some((key, value)) = self.rest.next() else { return Ok(None) };
        self.value = Some(*value);
        read(Reader::new(self.tree, *key), seed).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Mistake> {
        read(self.value()?, seed)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.rest.len())
    }
}

/// A value with its position: line, column, value ([`super::Spanned`]).
pub(super) struct Located<'r> {
    reader: Reader<'r>,
    next: u8,
}

impl<'r> Located<'r> {
    pub(super) fn new(reader: Reader<'r>) -> Self {
        Self { reader, next: 0 }
    }
}

impl<'de> SeqAccess<'de> for Located<'_> {
    type Error = Mistake;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Mistake> {
        let (line, column) = self.reader.tree.node(self.reader.id).at;
        self.next += 1;
        match self.next {
            1 => seed.deserialize(U64Deserializer::new(line)).map(Some),
            2 => seed.deserialize(U64Deserializer::new(column)).map(Some),
            3 => seed.deserialize(self.reader).map(Some),
            _ => Ok(None),
        }
    }
}

/// A variant of an enum.
pub(super) struct Variant<'r> {
    pub(super) tree: &'r Tree<'r>,
    pub(super) name: &'r str,
    /// Where the name is written, when it is a key.
    pub(super) key: Option<Id>,
    /// `None` when the name stands alone.
    pub(super) content: Option<Reader<'r>>,
}

impl<'r> Variant<'r> {
    /// What the variant holds, for one that holds something.
    fn content(&self) -> Result<Reader<'r>, Mistake> {
        self.content.ok_or_else(|| Mistake::wanted("this value as a key, with what belongs to it"))
    }

    /// A mistake in the content of a key; that of a tag is the node itself, which tells it later.
    fn through<T>(&self, mut result: Result<T, Mistake>) -> Result<T, Mistake> {
        if let (Err(mistake), Some(_), Some(content)) = (&mut result, self.key, self.content) {
            mistake.rise(self.tree, content.id);
        }
        result
    }
}

impl<'de> EnumAccess<'de> for Variant<'_> {
    type Error = Mistake;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), Mistake> {
        let mut result = seed.deserialize(StrDeserializer::<Mistake>::new(self.name));
        if let (Err(mistake), Some(key)) = (&mut result, self.key) {
            mistake.rise(self.tree, key);
        }
        Ok((result?, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'_> {
    type Error = Mistake;

    fn unit_variant(self) -> Result<(), Mistake> {
        match self.content {
            Some(content) => self.through(de::Deserialize::deserialize(content)),
            None => Ok(()),
        }
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Mistake> {
        self.through(seed.deserialize(self.content()?))
    }

    fn tuple_variant<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, Mistake> {
        self.through(self.content()?.deserialize_tuple(length, visitor))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mistake> {
        self.through(self.content()?.deserialize_map(visitor))
    }
}
