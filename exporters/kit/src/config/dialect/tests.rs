//! The table is what Go 1.26's `regexp` answers: where the first match is.

use proptest::prelude::*;

use super::*;
use crate::config::{BytePattern, Pattern};

type Texts = &'static [(&'static str, Option<(usize, usize)>)];

#[rustfmt::skip]
const GO: &[(&str, Texts)] = &[
    (r#"{"status":"ok"}"#, &[(r#"x{"status":"ok"}"#, Some((1, 16))), (r#""status":"ok""#, None)]),
    (r#""a":{"b""#, &[(r#"{"a":{"b":1}}"#, Some((1, 9))), (r#""a":"b""#, None)]),
    ("foo{", &[("a foo{b", Some((2, 6))), ("foo", None)]),
    ("x{,5}", &[("x{,5}", Some((0, 5))), ("xxxxx", None)]),
    ("{}", &[("a{}", Some((1, 3))), ("", None)]),
    ("a{ 2 }", &[("a{ 2 }", Some((0, 6))), ("aa", None)]),
    ("a{02}", &[("a{02}", Some((0, 5))), ("aa", None)]),
    ("a{-1}", &[("a{-1}", Some((0, 5))), ("a", None)]),
    ("a{1,2", &[("a{1,2", Some((0, 5))), ("aa", None)]),
    ("a{1,b}", &[("a{1,b}", Some((0, 6))), ("a", None)]),
    ("a{2}", &[("aaa", Some((0, 2))), ("a{2}", None)]),
    ("a{2,}", &[("aaaa", Some((0, 4))), ("a", None)]),
    ("a{0}b", &[("ab", Some((1, 2)))]),
    ("a{1,2}?", &[("aaa", Some((0, 1)))]),
    ("{{2}", &[("{{{", Some((0, 2))), ("{2}", None)]),
    (r"\{{2}\}", &[("{{}", Some((0, 3))), ("{}", None)]),
    ("[{]{2}", &[("{{", Some((0, 2))), ("{", None)]),
    ("}", &[("a}", Some((1, 2)))]),
    (r#"\{"a":\s*\{\}\}"#, &[(r#"{"a": {}}"#, Some((0, 9)))]),
    (r"\Qa.b\E", &[("a.b", Some((0, 3))), ("axb", None)]),
    (r"\Qa.b", &[("a.b", Some((0, 3))), ("axb", None)]),
    (r"\Qa{2}\E+", &[("a{2}}}", Some((0, 6))), ("aa", None)]),
    (r"x\Q\Ey", &[("xy", Some((0, 2)))]),
    (r"\Q[\d]\E[x]", &[(r"[\d]x", Some((0, 5))), ("1x", None)]),
    (r"\Qé\\E", &[(r"é\", Some((0, 3)))]),
    (r"\101", &[("A", Some((0, 1))), ("101", None)]),
    (r"\0", &[("a\u{0}", Some((1, 2)))]),
    (r"\0129", &[("\n9", Some((0, 2)))]),
    (r"\377", &[("ÿ", Some((0, 2)))]),
    (r"\777", &[("\u{1ff}", Some((0, 2)))]),
    (r"\1234", &[("S4", Some((0, 2)))]),
    (r"\12", &[("\n", Some((0, 1)))]),
    (r"[\101-\103]+", &[("xABCD", Some((1, 4)))]),
    (r"[\0\55]", &[("-", Some((0, 1))), ("0", None), ("5", None)]),
    (r"\<a\>", &[("<a>", Some((0, 3))), ("a", None)]),
    (r"[\<\>]", &[(">", Some((0, 1))), ("a", None)]),
    (r#"\"\/\:\,\=\!\%\@\_\-\ \#\'\;"#, &[(r#""/:,=!%@_- #';"#, Some((0, 14)))]),
    ("[a-z&&b]+", &[("a&z", Some((0, 3))), ("-", None)]),
    ("[&&]", &[("&", Some((0, 1)))]),
    ("[!--b]+", &[("-+!b", Some((0, 4))), ("a", None)]),
    ("[a~~b]+", &[("~ab", Some((0, 3))), ("x", None)]),
    ("[--/]+", &[("-./", Some((0, 3))), ("0", None)]),
    ("[+--]+", &[("+,-.", Some((0, 3)))]),
    ("[a[b]", &[("[", Some((0, 1))), ("b", Some((0, 1))), ("]", None)]),
    ("[[]", &[("[", Some((0, 1))), ("]", None)]),
    ("[[a]]", &[("a]", Some((0, 2))), ("[]", Some((0, 2))), ("a", None)]),
    ("[[:alpha:]_]+", &[("aé_", Some((0, 1))), (":", None)]),
    ("[^[:^digit:]]+", &[("a12", Some((1, 3)))]),
    ("[[:a]+", &[("[:a", Some((0, 3))), ("b", None)]),
    ("[[:]", &[(":", Some((0, 1))), ("a", None)]),
    ("[]a]+", &[("a]", Some((0, 2))), ("b", None)]),
    ("[^]a]", &[("]ab", Some((2, 3))), ("]", None)]),
    ("[^]]+", &[("a]", Some((0, 1)))]),
    ("[a-]+", &[("-a", Some((0, 2))), ("b", None)]),
    ("[-a]+", &[("-a", Some((0, 2)))]),
    ("[a^]+", &[("^a", Some((0, 2)))]),
    (r"[a\]b]+", &[("]ab", Some((0, 3)))]),
    (r"[\x41-\x43\x{44}]+", &[("ABCDE", Some((0, 4))), ("-", None)]),
    ("[.*+?(){}|$]+", &[("a(.*)", Some((1, 5))), ("a", None)]),
    (r"[\-\[\]\\]+", &[(r"[-]\", Some((0, 4)))]),
    (r"\d+", &[("\u{661}\u{662}2", Some((4, 5))), ("12", Some((0, 2)))]),
    (r"\D+", &[("1\u{661}2", Some((1, 3)))]),
    (r"\s", &[("a b", None), ("a\u{b}b", None), ("a\tb", Some((1, 2))), ("a\u{c}b", Some((1, 2)))]),
    (r"\S+", &[("  \u{b} ", Some((1, 4)))]),
    (r"\w+", &[("éa_1é", Some((2, 5))), ("é", None)]),
    (r"\W+", &[("aéb", Some((1, 3)))]),
    (r"[\d.]+", &[("1.2", Some((0, 3))), ("\u{661}", None)]),
    (r"[^\d]+", &[("1\u{661}2", Some((1, 3)))]),
    (r"[\D]+", &[("1\u{661}a2", Some((1, 4)))]),
    (r"[^\D5]+", &[("a4567", Some((1, 2)))]),
    (r"[\S\n]+", &[(" a\n\t", Some((1, 3)))]),
    (r"[\W_]+", &[("a_é-b", Some((1, 5)))]),
    (r"[\d-z]+", &[("1-zy", Some((0, 3)))]),
    (r"[\w-]+", &[("a-b c", Some((0, 3)))]),
    (r"[\w-.]+", &[("a-.b c", Some((0, 4)))]),
    (r"[\s\d]+", &[("a 1 ", Some((1, 3)))]),
    (r"\bcaf\b", &[("café", Some((0, 3))), ("cafe", None), ("x caf y", Some((2, 5)))]),
    (r"a\B", &[("aé", None), ("ab", Some((0, 1))), ("a", None)]),
    (r"\B.", &[("éa", Some((0, 2))), ("-a", Some((0, 1))), ("ab", Some((1, 2)))]),
    (r"\b{start}", &[("a{start}", Some((1, 8))), ("{start}", None)]),
    (r"\pL+", &[("1éa", Some((1, 4)))]),
    (r"\p{Greek}{2}", &[("\u{3b1}\u{3b2}\u{3b3}", Some((0, 4)))]),
    (r"\p{^Greek}+", &[("\u{3b1}ab\u{3b2}", Some((2, 4)))]),
    (r"\P{^Greek}+", &[("a\u{3b1}\u{3b2}b", Some((1, 5)))]),
    (r"[\p{Lu}\PL-]+", &[("aB1-c", Some((1, 4)))]),
    (r"\x41\x{1F600}", &[("A\u{1f600}", Some((0, 5)))]),
    (r"\a\f\n\r\t\v", &[("\u{7}\u{c}\n\r\t\u{b}", Some((0, 6)))]),
    (r"(?i)\w+", &[("\u{212a}aſ", Some((0, 6)))]),
    ("(?i)[k]", &[("\u{212a}", Some((0, 3)))]),
    ("(?i)ok|no", &[("NO", Some((0, 2))), ("OK", Some((0, 2)))]),
    ("a(?i)b|c", &[("aB", Some((0, 2))), ("C", Some((0, 1))), ("AB", None)]),
    ("(?i:a)b", &[("Ab", Some((0, 2))), ("AB", None)]),
    ("(?s).+", &[("a\nb", Some((0, 3)))]),
    (".+", &[("a\nb", Some((0, 1)))]),
    ("(?m)^b$", &[("a\nb\nc", Some((2, 3)))]),
    ("a$", &[("a\n", None), ("ba", Some((1, 2)))]),
    ("(?U)a+", &[("aaa", Some((0, 1)))]),
    ("(?)a", &[("a", Some((0, 1)))]),
    ("(?P<n>a)(?<m>b)", &[("ab", Some((0, 2)))]),
    (r"\Aa\z", &[("a", Some((0, 1))), ("a\n", None)]),
    (r"^(?:220|421) [^\r\n]+", &[("220 mail ESMTP\r\n", Some((0, 14)))]),
    (r"^SSH-2\.0-", &[("SSH-2.0-x", Some((0, 8))), ("SSH-2x0-", None)]),
    ("a|", &[("b", Some((0, 0))), ("a", Some((0, 1)))]),
];

/// Refused by Go, and here.
#[rustfmt::skip]
const REFUSED: &[&str] = &[
    r"\1", r"\8", r"(a)\18", r"\E", r"\Z", r"\C", r"\y", r"\é", r"[\b]", r"[\Qa\E]",
    "[a--b]", "[z-a]", r"[a-\d]", "[]", "[^]", "[a-", "[", "[[:foo:]]", "[[:a]b:]", "(?x)a b",
    "(?xi:a)", "(?=a)", "(?!a)", "(?<=a)", "(", ")", "*", "{2}", "a{3,2}", r"\p{Foo}",
    r"\p{", r"\x", r"\x{}", r"\x4", r"\x{110000}", r"\", "(?i-)",
];

#[test]
fn a_pattern_matches_what_it_matches_in_go() {
    let mut wrong = Vec::new();
    for (pattern, texts) in GO {
        let (text, bytes) = match (Pattern::new(pattern), BytePattern::new(pattern)) {
            (Ok(text), Ok(bytes)) => (text, bytes),
            (text, bytes) => {
                wrong.push(format!("{text:?} {bytes:?}"));
                continue;
            }
        };
        assert_eq!(
            (text.to_string(), text.as_str(), bytes.as_str()),
            ((*pattern).into(), *pattern, *pattern)
        );
        for (haystack, expected) in *texts {
            let found = text.find(haystack).map(|found| (found.start(), found.end()));
            let in_bytes = bytes.find(haystack.as_bytes()).map(|found| (found.start(), found.end()));
            if found != *expected || in_bytes != *expected {
                wrong.push(format!("{pattern} in {haystack:?}: {found:?}, {in_bytes:?}, in Go {expected:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_go_refuses_is_refused_and_named_as_written() {
    for pattern in REFUSED {
        let error = Pattern::new(pattern).expect_err(pattern);
        assert!(error.starts_with(&format!("regular expression `{pattern}`: ")), "{error}");
        assert!(error.contains("; "), "no way out: {error}");
    }
}

#[test]
fn a_pattern_that_needs_nothing_is_not_copied() {
    assert!(matches!(from_go("^SSH-2.0 (a|b){2,}$"), Ok(Cow::Borrowed(_))));
}

/// As Go's `QuoteMeta`.
fn quoted(text: &str) -> String {
    text.chars().flat_map(|c| r"\.+*?()|[]{}^$".contains(c).then_some('\\').into_iter().chain([c])).collect()
}

proptest! {
    #[test]
    fn any_text_is_rewritten_or_refused(pattern in r"(?s)(?:.|[\[\]\\{}(?^:\-&QEpx0-9]){0,24}") {
        let _ = from_go(&pattern);
        let _ = Pattern::new(&pattern);
    }

    #[test]
    fn quoted_text_matches_itself(text in r"(?s)(?:.|[\[\]\\{}(?^:\-&~<>]){1,24}") {
        let pattern = Pattern::new(&format!("^{}$", quoted(&text))).unwrap();
        prop_assert!(pattern.is_match(&text), "{}", pattern);
        let class: String = text.chars().map(|c| if c == '-' || c == '^' || c == '[' || c == ']' || c == '\\' { format!("\\{c}") } else { c.into() }).collect();
        let pattern = Pattern::new(&format!("^[{class}]+$")).unwrap();
        prop_assert!(pattern.is_match(&text), "{}", pattern);
    }
}
