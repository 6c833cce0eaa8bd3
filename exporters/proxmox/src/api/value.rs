//! Values as Proxmox VE writes them: its answers come from Perl, where a number, a text and a truth are one thing. A
//! boolean is 0, 1, "1" or true, a number may be a text (`loadavg`, `mhz`, the pressure of containers in 9.0), and any
//! key may be missing. What cannot be understood is unknown, never an error: it must not cost its neighbours.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// A number, if it is one that can be counted with: finite.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Number(pub Option<f64>);

impl Number {
    /// The number, if it is above zero: for fields in which Proxmox VE writes 0 for what it does not know.
    #[must_use]
    pub fn positive(self) -> Option<f64> {
        self.0.filter(|number| *number > 0.0)
    }

    /// Whether it says yes: any number but 0.
    #[must_use]
    pub fn flag(self) -> Option<bool> {
        self.0.map(|number| number != 0.0)
    }
}

/// A text; a number in its place is its spelling. Empty when there is none. Of one that is longer than any name the beginning: it
/// becomes a label of series, which are kept, sent and stored.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Text(pub Box<str>);

/// No [`Text`] has more bytes.
const LONGEST: usize = 1024;

/// A text of any length, which becomes no label; a number in its place is its spelling.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prose(pub String);

/// The beginning of a text that is too long for a label, and a sign that it is not all.
pub(crate) fn shortened(text: &str) -> Box<str> {
    const SIGN: &str = "…";
    if text.len() <= LONGEST {
        return text.into();
    }
    (text[..text.floor_char_boundary(LONGEST - SIGN.len())].to_owned() + SIGN).into()
}

impl std::ops::Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

/// A list of objects. What is no object in it is left out and counted.
#[derive(Clone, Debug)]
pub struct Rows<T> {
    /// The objects, in their order.
    pub rows: Vec<T>,
    /// How many entries were something else.
    pub strange: usize,
}

/// What stands where a [`Number`] or a [`Text`] is read.
enum Scalar<'a> {
    None,
    Number(f64),
    Text(&'a str),
    Whole(i128),
    Flag(bool),
}

struct ScalarVisitor<T>(fn(Scalar<'_>) -> T);

impl<'de, T> Visitor<'de> for ScalarVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<T, E> {
        Ok((self.0)(Scalar::Flag(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<T, E> {
        Ok((self.0)(Scalar::Whole(value.into())))
    }

    fn visit_u64<E>(self, value: u64) -> Result<T, E> {
        Ok((self.0)(Scalar::Whole(value.into())))
    }

    fn visit_f64<E>(self, value: f64) -> Result<T, E> {
        Ok((self.0)(Scalar::Number(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<T, E> {
        Ok((self.0)(Scalar::Text(value)))
    }

    fn visit_unit<E>(self) -> Result<T, E> {
        Ok((self.0)(Scalar::None))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<T, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok((self.0)(Scalar::None))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<T, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok((self.0)(Scalar::None))
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[allow(clippy::cast_precision_loss, reason = "bytes and seconds stay below 2^53")]
        deserializer.deserialize_any(ScalarVisitor(|scalar| {
            let number = match scalar {
                Scalar::None => None,
                Scalar::Number(number) => Some(number),
                Scalar::Whole(number) => Some(number as f64),
                Scalar::Flag(flag) => Some(f64::from(u8::from(flag))),
                Scalar::Text(text) => text.trim().parse().ok(),
            };
            Number(number.filter(|number: &f64| number.is_finite()))
        }))
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarVisitor(|scalar| {
            Text(match scalar {
                Scalar::None => Box::default(),
                Scalar::Text(text) => shortened(text),
                Scalar::Number(number) => number.to_string().into(),
                Scalar::Whole(number) => number.to_string().into(),
                Scalar::Flag(flag) => u8::from(flag).to_string().into(),
            })
        }))
    }
}

impl<'de> Deserialize<'de> for Prose {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarVisitor(|scalar| match scalar {
            Scalar::Text(text) => Prose(text.to_owned()),
            Scalar::Whole(number) => Prose(number.to_string()),
            _ => Prose::default(),
        }))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Rows<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(RowsVisitor(PhantomData))
    }
}

struct RowsVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for RowsVisitor<T> {
    type Value = Rows<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Rows<T>, A::Error> {
        let mut found = Rows { rows: Vec::new(), strange: 0 };
        while let Some(row) = list.next_element::<Row<T>>()? {
            match row.0 {
                Some(row) => found.rows.push(row),
                None => found.strange += 1,
            }
        }
        Ok(found)
    }
}

/// An object; `None` for anything else.
struct Row<T>(Option<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Row<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RowVisitor(PhantomData))
    }
}

struct RowVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for RowVisitor<T> {
    type Value = Row<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Row<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(|row| Row(Some(row)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Row<T>, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Row(None))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Row<T>, E> {
        Ok(Row(None))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Row<T>, E> {
        Ok(Row(None))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Row<T>, E> {
        Ok(Row(None))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Row<T>, E> {
        Ok(Row(None))
    }

    fn visit_str<E>(self, _: &str) -> Result<Row<T>, E> {
        Ok(Row(None))
    }

    fn visit_unit<E>(self) -> Result<Row<T>, E> {
        Ok(Row(None))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default, Deserialize)]
    #[serde(default)]
    struct Guest {
        vmid: Text,
        cpu: Number,
        template: Number,
    }

    #[test]
    fn values_are_taken_as_they_come() {
        for (json, want) in [
            ("1", Some(1.0)),
            ("\"0.15\"", Some(0.15)),
            ("\" 7 \"", Some(7.0)),
            ("true", Some(1.0)),
            ("18446744073709551615", Some(18_446_744_073_709_551_615.0)),
            ("\"nan\"", None),
            ("\"inf\"", None),
            ("\"\"", None),
            ("null", None),
            ("[1, [2]]", None),
            ("{\"a\": 1}", None),
        ] {
            assert_eq!(serde_json::from_str::<Number>(json).unwrap().0, want, "{json}");
        }
        for (json, want) in
            [("\"a\"", "a"), ("100", "100"), ("1.5", "1.5"), ("null", ""), ("{}", ""), ("true", "1")]
        {
            assert_eq!(&*serde_json::from_str::<Text>(json).unwrap(), want, "{json}");
        }
    }

    #[test]
    fn a_name_without_end_is_cut() {
        for (text, want) in [("é".repeat(512), 1024), ("é".repeat(513), 1023), ("x".repeat(1 << 20), 1024)]
        {
            let json = serde_json::to_string(&text).unwrap();
            let cut: Text = serde_json::from_str(&json).unwrap();
            assert_eq!((cut.len(), cut.ends_with('…')), (want, text.len() > LONGEST));
            assert_eq!(serde_json::from_str::<Prose>(&json).unwrap().0, text);
        }
        assert_eq!(serde_json::from_str::<Prose>("null").unwrap(), Prose::default());
    }

    #[test]
    fn what_is_no_object_costs_only_itself() {
        let json = r#"[{"vmid": 100, "cpu": "0.5"}, null, 7, "x", [1], {"template": "1", "cpu": {}}, true, -1, 0.5]"#;
        let found: Rows<Guest> = serde_json::from_str(json).unwrap();
        assert_eq!((found.rows.len(), found.strange), (2, 7));
        assert_eq!((&*found.rows[0].vmid, found.rows[0].cpu.0), ("100", Some(0.5)));
        assert_eq!((found.rows[1].template.flag(), found.rows[1].cpu.0), (Some(true), None));
        assert!(serde_json::from_str::<Rows<Guest>>("{}").is_err());
    }
}
