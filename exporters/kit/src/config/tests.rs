//! What is read from YAML of every shape, and what is written back.

use std::collections::BTreeMap;
use std::fmt::Debug;

use proptest::prelude::*;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};

use super::{Bytes, Document, Spanned};

type Texts = BTreeMap<String, String>;

fn parse<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    Document::embedded("t", text).parse().map_err(|error| error.problems[0].one_line())
}

/// What every text is read as.
#[track_caller]
fn good<T: DeserializeOwned + Debug + PartialEq>(table: &[(&str, T)]) {
    for (text, want) in table {
        match parse::<T>(text) {
            Ok(got) => assert_eq!(&got, want, "{text}"),
            Err(error) => panic!("{text}\n{error}"),
        }
    }
}

/// Why every text is refused.
#[track_caller]
fn bad<T: DeserializeOwned + Debug>(table: &[(&str, &str)]) {
    for (text, want) in table {
        assert_eq!(parse::<T>(text).unwrap_err(), format!("t:{want}"), "{text}");
    }
}

#[test]
fn the_type_says_what_a_scalar_is() {
    let text =
        "[1.10, 007, yes, 0x1F, '~', \"null\", !!str ~, !!str, .inf, 2001-01-01, 1e3, a b, <<, ! 5, !x y]";
    let texts = "1.10|007|yes|0x1F|~|null|~||.inf|2001-01-01|1e3|a b|<<|5|y"
        .split('|')
        .map(str::to_owned)
        .collect::<Vec<_>>();
    good(&[(text, texts)]);
    good(&[("[200, '200', 0xC8, 2_00, +200, !!int '200', ' 200 ']", vec![200_u8; 7])]);
    good(&[("[-1, -0x1, 1]", vec![-1_i64, -1, 1])]);
    good(&[("[1, 1.0, 1e0, !!float 1]", vec![1.0_f32; 4])]);
    good(&[
        ("[true, YES, on, y, 'true', !!bool on]", vec![true; 6]),
        ("[false, No, off, n]", vec![false; 4]),
    ]);
    good(&[("- ~\n- null\n- NULL\n- !!null x\n-", vec![None::<u8>; 5])]);
    good(&[("[a, 5, 'é']", vec!['a', '5', 'é'])]);
    good(&[("[[1, a], [2, ~]]", vec![(1_u8, Some("a".to_owned())), (2, None)])]);
    good(&[("a: ~", BTreeMap::from([("a".to_owned(), ())]))]);
    let number = "expected a whole number from 0 to 65535";
    bad::<Vec<u16>>(&[
        ("[010]", &format!("1:2: [0]: {number}, found `010`")),
        ("[-1]", &format!("1:2: [0]: {number}, found `-1`")),
        ("[1, 65536]", &format!("1:5: [1]: {number}, found `65536`")),
        ("[1.0]", &format!("1:2: [0]: {number}, found `1.0`")),
        ("[!!str 5]", &format!("1:8: [0]: {number}, found `5`")),
        ("[~]", &format!("1:2: [0]: {number}, found `~`")),
        ("- 5\n-", &format!("2:2: [1]: {number}, found nothing")),
        ("[[5]]", &format!("1:2: [0]: {number}, found a list")),
        ("[{a: 5}]", &format!("1:2: [0]: {number}, found keys with values")),
        ("['a\n b']", &format!("1:2: [0]: {number}")),
    ]);
    bad::<Vec<String>>(&[
        ("[~]", "1:2: [0]: no value; write a text, or \"\" for an empty one"),
        ("[!!int 5]", "1:8: [0]: expected a text, found `5`"),
        ("[[a]]", "1:2: [0]: expected a text, found a list"),
    ]);
    bad::<f32>(&[
        ("1e39", "1:1: expected a number, found `1e39`"),
        ("nan", "1:1: expected a number, found `nan`"),
    ]);
    bad::<Vec<bool>>(&[("[1]", "1:2: [0]: expected true or false, found `1`")]);
    bad::<Vec<(u8, u8)>>(&[("[[1, 2, 3]]", "1:2: [0]: expected a list of 2 elements, found 3")]);
    bad::<char>(&[("ab", "1:1: expected one character, found `ab`")]);
}

#[test]
fn texts_of_every_style() {
    let one = |text: &str| Texts::from([("a".to_owned(), text.to_owned())]);
    good(&[
        ("a: 'it''s'", one("it's")),
        ("a: \"\\ttab \\u00e9 \\\"\"", one("\ttab é \"")),
        ("a: b # comment", one("b")),
        ("a: b#c", one("b#c")),
        ("# comment\n\na: # comment\n  b\n# comment", one("b")),
        ("a: b\n  c\n\n  d", one("b c\nd")),
        ("a: |\n  b\n    c\n\n", one("b\n  c\n")),
        ("a: |-\n  b\n  c\n", one("b\nc")),
        ("a: |+\n  b\n\n", one("b\n\n")),
        ("a: |1\n  b\n", one(" b\n")),
        ("a: >\n  b\n  c\n\n  d\n", one("b c\nd\n")),
        ("a: |\r\n  b\r\n  c\r\n", one("b\nc\n")),
        ("a:\tb\t# comment", one("b")),
        ("a: |\n  \tb\n", one("\tb\n")),
        ("\u{feff}a: b\r\n", one("b")),
        ("---\r\na: b\r\n...\r\n", one("b")),
        ("%YAML 1.2\n---\na: b", one("b")),
        ("{a: b,}", one("b")),
        ("{\"a\":b}", one("b")),
        ("? a\n: b", one("b")),
        ("!!map {!!str a: !!str b}", one("b")),
    ]);
    bad::<Texts>(&[
        ("a:\n\tb: c", "2:2: not YAML: a tab in the indentation; indent with spaces"),
        (
            "a: \"\\q\"",
            "1:4: not YAML: while parsing a quoted scalar, found unknown escape character; check quotes, brackets and indentation of this line and those above",
        ),
        (
            "a: !e!x b",
            "1:4: not YAML: the handle wasn't declared; put a text that begins with a special character in quotes",
        ),
        ("a: b\r\nc: [d]\r\n", "2:4: c: expected a text, found a list"),
        ("\u{feff}a: [b]", "1:4: a: expected a text, found a list"),
        ("é: 'é' \nü: [é]", "2:4: ü: expected a text, found a list"),
        (
            "a: b\n--- \n",
            "2:4: a second YAML document begins before here; keep one document; take out the `---` line",
        ),
    ]);
    let empty =
        ": the file is empty; write a configuration into it; --config.example prints one to begin with";
    for text in ["", " \n", "\u{feff}", "# a", "---\n", "...\n", "---\n...\n", "%YAML 1.2\n---\n"] {
        assert_eq!(parse::<Option<Texts>>(text).unwrap_err(), format!("t{empty}"), "{text:?}");
    }
    assert_eq!(parse::<Option<Texts>>("~"), Ok(None));
}

#[test]
fn keys_of_every_kind() {
    good(&[(
        "{1: a, 2.0: b, yes: c, '': d}",
        Texts::from(
            [("1", "a"), ("2.0", "b"), ("yes", "c"), ("", "d")]
                .map(|(key, value)| (key.into(), value.into())),
        ),
    )]);
    good(&[("{1: a, 0x10: b}", BTreeMap::from([(1_u16, "a".to_owned()), (16, "b".to_owned())]))]);
    good(&[("{yes: 1, off: 0}", BTreeMap::from([(true, 1), (false, 0)]))]);
    good(&[("{[1, 2]: a}", BTreeMap::from([((1, 2), 'a')]))]);
    bad::<Texts>(&[
        ("{~: a}", "1:2: ~: no value; write a text, or \"\" for an empty one"),
        ("? [a]\n: b", "1:3: ?: expected a text, found a list"),
        ("? {a: b}\n: b", "1:3: ?: expected a text, found keys with values"),
    ]);
    bad::<BTreeMap<u8, String>>(&[("a:\n- b", "1:1: a: expected a whole number from 0 to 255, found `a`")]);
    parse::<BTreeMap<String, IgnoredAny>>("{a: {? [b] : c, {d: e}: f}}").unwrap();
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Part {
    name: Spanned<String>,
    size: Option<Spanned<u8>>,
}

#[test]
fn aliases_and_merged_keys() {
    let text = "a: &a {name: x, size: 5}\nb: *a\nc:\n  size: 6\n  <<: *a\nd: {<<: [{size: 7}, *a]}\n";
    let parts: BTreeMap<String, Spanned<Part>> = parse(text).unwrap();
    let sizes: Vec<u8> = parts.values().filter_map(|part| Some(**part.size.as_ref()?)).collect();
    assert_eq!(sizes, [5, 5, 6, 7]);
    // An alias has its own place; what is in it, and what is merged, has that where it is written.
    let place = |part: &Spanned<Part>| ((part.line, part.column), (part.name.line, part.name.column));
    assert_eq!(place(&parts["b"]), ((2, 4), (1, 14)));
    assert_eq!(place(&parts["c"]), ((4, 3), (1, 14)));
    good(&[("[&a x, *a, &a y, *a]", ["x", "x", "y", "y"].map(str::to_owned).to_vec())]);
    good(&[(
        "{&a x: y, z: *a}",
        Texts::from([("x", "y"), ("z", "x")].map(|(key, value)| (key.into(), value.into()))),
    )]);
    bad::<BTreeMap<String, Part>>(&[
        ("a: &a {nam: x}\nb: *a", "1:8: a.nam: unknown key; did you mean `name`? known keys: name, size"),
        (
            "a: &a {name: x}\nb: {<<: *a, size: 300}",
            "2:19: b.size: expected a whole number from 0 to 255, found `300`",
        ),
        (
            "a: {name: &x y}\nb: *x",
            "2:4: b: expected keys with values, found `y`; write it as `b: {key: value}`, or each key on a line",
        ),
        ("a: {name: x}\na: {name: y}", "2:1: a: this key is already on line 1; keep one of the two"),
    ]);
    #[derive(Debug, Deserialize)]
    #[allow(dead_code)]
    struct Two {
        any: IgnoredAny,
        parts: BTreeMap<String, Part>,
    }
    bad::<Two>(&[
        (
            "any: &a {name: x, size: y}\nparts: {b: *a}",
            "1:25: parts.b.size: expected a whole number from 0 to 255, found `y`",
        ),
        (
            "any: {password: &a hunter2}\nparts: *a",
            "2:8: parts: expected keys with values; write it as `parts: {key: value}`, or each key on a line",
        ),
        (
            "any: {token: &a {name: x, size: hunter2}}\nparts: {b: *a}",
            "1:33: parts.b.size: expected a whole number from 0 to 255",
        ),
    ]);
    let document = Document::embedded("t", "token: &a\n  deep: hunter2\nb: *a\n");
    let values: BTreeMap<String, BTreeMap<String, Spanned<String>>> = document.parse().unwrap();
    let want = "t:2:9: b.deep: wrong\n  |\n2 |   deep: <secret>\n  |         ^";
    assert_eq!(document.problem_at("b.deep", "wrong", "").to_string(), want);
    assert_eq!(document.problem(&values["b"]["deep"], "b.deep", "wrong", "").to_string(), want);
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Shape {
    Nothing,
    One(u8),
    Two(u8, u8),
    Keys { size: u8 },
    Again(Box<Shape>),
}

#[test]
fn enums() {
    good(&[
        ("nothing", Shape::Nothing),
        ("{nothing: }", Shape::Nothing),
        ("!nothing", Shape::Nothing),
        ("!Shape nothing", Shape::Nothing),
        ("one: 5", Shape::One(5)),
        ("!one 5", Shape::One(5)),
        ("two: [5, 6]", Shape::Two(5, 6)),
        ("!two [5, 6]", Shape::Two(5, 6)),
        ("keys: {size: 5}", Shape::Keys { size: 5 }),
        ("!keys {size: 5}", Shape::Keys { size: 5 }),
        ("!again nothing", Shape::Again(Shape::Nothing.into())),
        ("again: !again {one: 5}", Shape::Again(Shape::Again(Shape::One(5).into()).into())),
    ]);
    let known = "known values: nothing, one, two, keys, again";
    bad::<BTreeMap<String, Shape>>(&[
        ("a: nothin", &format!("1:4: a: unknown value `nothin`; did you mean `nothing`? {known}")),
        ("a: {other: 5}", &format!("1:5: a.other: unknown value `other`; {known}")),
        ("a: ~", &format!("1:4: a: no value; {known}")),
        ("a: one", "1:4: a: expected this value as a key, with what belongs to it, found `one`"),
        ("a: {one: 300}", "1:10: a.one: expected a whole number from 0 to 255, found `300`"),
        ("a: {two: [1]}", "1:10: a.two: expected a list of 2 elements, found 1"),
        ("a: {two: [1, x]}", "1:14: a.two[1]: expected a whole number from 0 to 255, found `x`"),
        ("a: {keys: {}}", "1:5: a.keys: `size` is missing; add the key `size`"),
        ("a: !keys {}", "1:1: a: `size` is missing; add the key `size`"),
        ("a: {nothing: 5}", "1:14: a.nothing: expected no value, found `5`"),
        (
            "a: {nothing: , one: 5}",
            "1:4: a: expected one of the known values, alone or as the only key, found keys with values",
        ),
        ("a: [nothing]", "1:4: a: expected one of the known values, found a list"),
        ("a: !other nothing", "1:11: a: the tag `!other` does not fit here; leave it out"),
    ]);
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(untagged)]
enum Buffered {
    Part(Spanned<Part>),
    List(Vec<Spanned<u8>>),
    Text(Bytes),
}

#[test]
fn what_serde_buffers_has_no_position() {
    let read = |text: &str| parse::<Vec<Buffered>>(text).unwrap().pop().unwrap();
    let part = |name: &str| Part { name: Spanned::new(name.to_owned()), size: None };
    assert_eq!(read("- {name: x}"), Buffered::Part(Spanned::new(part("x"))));
    let Buffered::List(numbers) = read("- [5]") else { panic!() };
    assert_eq!((*numbers[0], numbers[0].line), (5, 0));
    assert_eq!(read("- a"), Buffered::Text("a".into()));
    let json: Spanned<Part> = serde_json::from_str(r#"{"name": "x"}"#).unwrap();
    assert_eq!((json.value, json.line), (part("x"), 0));
    assert_eq!(serde_json::from_str::<Bytes>(r#""a""#).unwrap(), Bytes::from("a"));
}

#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
struct Everything {
    text: String,
    maybe: Option<String>,
    count: u64,
    signed: i64,
    float: f64,
    flag: bool,
    bytes: Bytes,
    list: Vec<String>,
    maybes: Vec<Option<i32>>,
    map: Texts,
    inner: Option<Box<Everything>>,
}

/// Texts that look like something else, and any.
fn texts() -> impl Strategy<Value = String> {
    prop_oneof![
        "(~|null|true|No|on|y|5|-1|0x1F|1_0|1e3|\\.inf|\\.nan|<<|=|---|\\.\\.\\.|%a|@a|`a|&a|\\*a|!a|: a|a: b|a #b|- a|\\[|\\{|\\|| a|a |'|\"|)",
        "[a-zé:\\[\\]{}&*!'\"|>#%@`\\\\? \n\t,.-]{0,20}",
        "\\PC{0,20}",
    ]
}

fn leaf() -> impl Strategy<Value = Everything> {
    let numbers = (
        any::<u64>(),
        any::<i64>(),
        any::<f64>().prop_filter("NaN is not equal", |float| !float.is_nan()),
        any::<bool>(),
    );
    let lists = (
        prop::collection::vec(texts(), 0..3),
        prop::collection::vec(any::<Option<i32>>(), 0..3),
        prop::collection::btree_map(texts(), texts(), 0..3),
    );
    (texts(), prop::option::of(texts()), numbers, prop::collection::vec(any::<u8>(), 0..9), lists).prop_map(
        |(text, maybe, (count, signed, float, flag), bytes, (list, maybes, map))| Everything {
            text,
            maybe,
            count,
            signed,
            float,
            flag,
            bytes: bytes.into(),
            list,
            maybes,
            map,
            inner: None,
        },
    )
}

fn everything() -> impl Strategy<Value = Everything> {
    (leaf(), prop::option::of(leaf()))
        .prop_map(|(outer, inner)| Everything { inner: inner.map(Box::new), ..outer })
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(value in everything()) {
        let yaml = serde_saphyr::to_string(&value).unwrap();
        match parse::<Everything>(&yaml) {
            Ok(read) => prop_assert_eq!(read, value, "{}", yaml),
            Err(error) => prop_assert!(false, "{}\n{}", error, yaml),
        }
    }

    #[test]
    fn no_text_breaks_it(text in "\\PC{0,60}|([a-z0-9:\\[\\]{}&*!'\"|>#%@`\\-? \n\t,.é]|&a |\\*a|<<: |: |\n  ){0,40}") {
        for error in [
            parse::<Everything>(&text).err(),
            parse::<serde_json::Value>(&text).err(),
            parse::<BTreeMap<String, Shape>>(&text).err(),
            parse::<Vec<Buffered>>(&text).err(),
        ].into_iter().flatten() {
            prop_assert!(error.starts_with("t:"), "{}", error);
        }
        let _ = Document::embedded("t", &text).problem_at(&text, "wrong", "").to_string();
    }

    #[test]
    fn json_is_read_as_it_is(text in texts(), number in any::<i64>(), list in prop::collection::vec(texts(), 0..3)) {
        let json = serde_json::json!({"text": text, "number": number, "list": list, "nothing": null, "deep": [{"a": [true]}]});
        for written in [json.to_string(), serde_json::to_string_pretty(&json).unwrap()] {
            prop_assert_eq!(parse::<serde_json::Value>(&written), Ok(json.clone()), "{}", written);
        }
    }
}
