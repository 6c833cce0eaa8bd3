//! What a scalar's text is worth, when a type asks for more than text.

/// What a plain scalar is when nobody says what it should be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Guess {
    Null,
    Boolean(bool),
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Text,
}

/// Without the white space that a quoted or a block scalar may have around a number.
fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t', '\r', '\n'])
}

/// Whether it stands for no value.
pub(super) fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

/// YAML 1.1's words in any case, as Go's yaml reads them into a boolean.
pub(super) fn boolean(text: &str) -> Option<bool> {
    let text = trim(text);
    let is = |word: &&str| text.eq_ignore_ascii_case(word);
    if ["true", "yes", "on", "y"].iter().any(&is) {
        Some(true)
    } else if ["false", "no", "off", "n"].iter().any(is) {
        Some(false)
    } else {
        None
    }
}

/// A whole number: whether it has a minus sign, and its size. Decimal, `0x`, `0o` or `0b`, with `_` between digits.
/// `010` is none: it is 8 for some readers and 10 for others.
pub(super) fn integer(text: &str) -> Option<(bool, u128)> {
    let text = trim(text);
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (radix, digits) = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &digits[2..]),
        [b'0', b'o' | b'O', ..] => (8, &digits[2..]),
        [b'0', b'b' | b'B', ..] => (2, &digits[2..]),
        [b'0', _, ..] => return None,
        _ => (10, digits),
    };
    let mut size: u128 = 0;
    let mut after_digit = false;
    for byte in digits.chars() {
        if byte == '_' && after_digit {
            after_digit = false;
            continue;
        }
        size = size.checked_mul(u128::from(radix))?.checked_add(u128::from(byte.to_digit(radix)?))?;
        after_digit = true;
    }
    after_digit.then_some((negative, size))
}

/// A whole number from 0 to `largest`.
pub(super) fn unsigned(text: &str, largest: u128) -> Option<u128> {
    integer(text).and_then(|(negative, size)| (!negative && size <= largest).then_some(size))
}

/// A whole number from `-largest - 1` to `largest`.
pub(super) fn signed(text: &str, largest: i128) -> Option<i128> {
    match integer(text)? {
        (true, size) if size <= largest.unsigned_abs() + 1 => Some(0_i128.wrapping_sub_unsigned(size)),
        (false, size) if size <= largest.unsigned_abs() => i128::try_from(size).ok(),
        _ => None,
    }
}

/// A number; `.inf` and `.nan` too, but none that is only infinite because it is too large.
pub(super) fn float(text: &str) -> Option<f64> {
    let text = trim(text);
    let (negative, rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    match rest {
        ".inf" | ".Inf" | ".INF" => Some(if negative { f64::NEG_INFINITY } else { f64::INFINITY }),
        ".nan" | ".NaN" | ".NAN" => Some(f64::NAN),
        _ => text.parse().ok().filter(|number: &f64| number.is_finite()),
    }
}

/// What a plain scalar is by itself.
pub(super) fn guess(text: &str) -> Guess {
    if is_null(text) {
        return Guess::Null;
    }
    if let Some(value) = boolean(text) {
        return Guess::Boolean(value);
    }
    let text = trim(text);
    let whole = if text.starts_with('-') {
        signed(text, i64::MAX.into()).and_then(|number| i64::try_from(number).ok()).map(Guess::Signed)
    } else {
        unsigned(text, u64::MAX.into()).and_then(|number| u64::try_from(number).ok()).map(Guess::Unsigned)
    };
    // Too large for a number is a number even so: `1e999` is no text. `inf` and `nan` are, though Rust would read them.
    let number = || {
        text.parse::<f64>()
            .ok()
            .filter(|number| number.is_infinite() && text.contains(|c: char| c.is_ascii_digit()))
    };
    whole.or_else(|| float(text).or_else(number).map(Guess::Float)).unwrap_or(Guess::Text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers() {
        for (text, want) in [
            ("0", Some(0)),
            ("-0", Some(0)),
            ("+5", Some(5)),
            ("-5", Some(-5)),
            (" 5\n", Some(5)),
            ("0x1F", Some(31)),
            ("-0X10", Some(-16)),
            ("0o17", Some(15)),
            ("0b1010_1010", Some(170)),
            ("1_000", Some(1000)),
            ("127", Some(127)),
            ("010", None),
            ("00", None),
            ("1__0", None),
            ("_1", None),
            ("1_", None),
            ("0x", None),
            ("0x_1", None),
            ("--1", None),
            ("+-1", None),
            ("5.0", None),
            ("1e3", None),
            ("0b2", None),
            ("٣", None),
            ("", None),
            ("340282366920938463463374607431768211456", None),
        ] {
            assert_eq!(signed(text, i128::MAX), want, "{text:?}");
        }
        assert_eq!((signed("-128", 127), signed("-129", 127), signed("128", 127)), (Some(-128), None, None));
        assert_eq!(
            (unsigned("255", 255), unsigned("256", 255), unsigned("-0", 255)),
            (Some(255), None, None)
        );
        assert_eq!(signed("-170141183460469231731687303715884105728", i128::MAX), Some(i128::MIN));
        assert_eq!(unsigned("340282366920938463463374607431768211455", u128::MAX), Some(u128::MAX));
    }

    #[test]
    fn numbers() {
        for (text, want) in [
            ("1", Some(1.0)),
            ("010", Some(10.0)),
            ("-1.5e3", Some(-1500.0)),
            (".5", Some(0.5)),
            ("1.", Some(1.0)),
            (".inf", Some(f64::INFINITY)),
            ("-.INF", Some(f64::NEG_INFINITY)),
            ("1e999", None),
            ("inf", None),
            ("nan", None),
            ("1_000.5", None),
            ("0x10", None),
            ("", None),
        ] {
            assert_eq!(float(text), want, "{text}");
        }
        assert!(float(".NaN").is_some_and(f64::is_nan));
    }

    #[test]
    fn words() {
        for (text, want) in [
            ("true", Some(true)),
            ("YES", Some(true)),
            ("on", Some(true)),
            ("y", Some(true)),
            ("False", Some(false)),
            ("no", Some(false)),
            ("Off", Some(false)),
            ("N", Some(false)),
            ("1", None),
            ("maybe", None),
            ("", None),
        ] {
            assert_eq!(boolean(text), want, "{text}");
        }
        for (text, want) in [
            ("~", Guess::Null),
            ("NULL", Guess::Null),
            ("nULL", Guess::Text),
            ("off", Guess::Boolean(false)),
            ("5", Guess::Unsigned(5)),
            ("-5", Guess::Signed(-5)),
            ("18446744073709551616", Guess::Float(18_446_744_073_709_551_616.0)),
            ("-9223372036854775809", Guess::Float(-9_223_372_036_854_775_808.0)),
            ("0123", Guess::Float(123.0)),
            ("1e999", Guess::Float(f64::INFINITY)),
            ("1.2.3", Guess::Text),
            ("2001-01-01", Guess::Text),
            ("infinity", Guess::Text),
            ("hello", Guess::Text),
        ] {
            assert_eq!(guess(text), want, "{text}");
        }
    }
}
