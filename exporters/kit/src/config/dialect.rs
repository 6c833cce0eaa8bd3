//! Go's regular expressions (`regexp/syntax`, Perl flags) in the words of Rust's `regex`: a `blackbox.yml` is read as it
//! is, so each pattern must match what it matched there.
//!
//! Only spelling differs: what Go takes literally (`{` that repeats nothing, `[`, `&&` and `--` in a class, `\<`), what
//! it has alone (`\Q…\E`, octal) and what is ASCII there and Unicode here (`\d`, `\s`, `\w`, `\b`). What Go refuses and
//! `regex` reads is left alone, unless the rewriting would give it another meaning.

use std::borrow::Cow;

/// POSIX class names; both engines have the same, all ASCII.
const POSIX: [&str; 14] = [
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space",
    "upper", "word", "xdigit",
];

/// Rewrites a pattern of Go's for `regex`.
///
/// # Errors
/// What the pattern has that can be read neither way, and the way out.
pub(super) fn from_go(pattern: &str) -> Result<Cow<'_, str>, String> {
    let mut writer = Writer { rest: pattern, out: String::with_capacity(pattern.len() + 16) };
    while let Some(next) = writer.rest.chars().next() {
        match next {
            '\\' => writer.escape(),
            '[' => writer.class()?,
            '(' => writer.group()?,
            '{' => match repetition(writer.rest) {
                Some(len) => writer.copy(len),
                None => writer.literal(1, '{'),
            },
            other => writer.copy(other.len_utf8()),
        }
    }
    Ok(if writer.out == pattern { Cow::Borrowed(pattern) } else { Cow::Owned(writer.out) })
}

/// What is left to read, and what is written of it.
struct Writer<'p> {
    rest: &'p str,
    out: String,
}

impl<'p> Writer<'p> {
    /// Takes `len` bytes, which end at a character's end.
    fn take(&mut self, len: usize) -> &'p str {
        let (taken, rest) = self.rest.split_at(len);
        self.rest = rest;
        taken
    }

    fn copy(&mut self, len: usize) {
        let taken = self.take(len);
        self.out.push_str(taken);
    }

    fn put(&mut self, len: usize, text: &str) {
        self.take(len);
        self.out.push_str(text);
    }

    fn literal(&mut self, len: usize, character: char) {
        self.take(len);
        if is_meta(character) {
            self.out.push('\\');
        }
        self.out.push(character);
    }

    /// A backslash outside a class, and what belongs to it.
    fn escape(&mut self) {
        match self.rest.as_bytes().get(1) {
            Some(b'Q') => {
                let quoted = &self.rest[2..];
                let (text, len) = match quoted.find(r"\E") {
                    Some(end) => (&quoted[..end], end + 4),
                    None => (quoted, self.rest.len()),
                };
                self.put(len, &regex::escape(text));
            }
            Some(b'b') => self.put(2, r"(?-u:\b)"),
            Some(b'B') => self.put(2, r"(?-u:\B)"),
            _ if self.perl() || self.property() => {}
            _ => self.character(),
        }
    }

    /// `\d` and its kin, the same in a class and out of it.
    fn perl(&mut self) -> bool {
        let class = match self.rest.as_bytes() {
            [b'\\', b'd', ..] => "[0-9]",
            [b'\\', b'D', ..] => "[^0-9]",
            [b'\\', b's', ..] => r"[\t\n\f\r ]",
            [b'\\', b'S', ..] => r"[^\t\n\f\r ]",
            [b'\\', b'w', ..] => "[0-9A-Za-z_]",
            [b'\\', b'W', ..] => "[^0-9A-Za-z_]",
            _ => return false,
        };
        self.put(2, class);
        true
    }

    /// `\pL`, `\p{Greek}`; `\p{^Greek}`, which `regex` spells `\P{Greek}`.
    fn property(&mut self) -> bool {
        let (Some(sign @ (b'p' | b'P')), true) = (self.rest.as_bytes().get(1), self.rest.starts_with('\\'))
        else {
            return false;
        };
        let name =
            self.rest[2..].strip_prefix('{').and_then(|name| name.split_once('}')).map(|(name, _)| name);
        match name {
            Some(name) => match name.strip_prefix('^') {
                Some(bare) => {
                    let other = if *sign == b'p' { 'P' } else { 'p' };
                    self.put(name.len() + 4, &format!("\\{other}{{{bare}}}"));
                }
                None => self.copy(name.len() + 4),
            },
            None => self.copy(2),
        }
        true
    }

    /// One character, escaped or not. An escape Go has not is left as it is, for `regex` to refuse.
    fn character(&mut self) {
        let mut characters = self.rest.chars();
        match (characters.next(), characters.next()) {
            (Some('\\'), Some('0'..='7')) => match octal(&self.rest[1..]) {
                Some((len, value)) => self.put(len + 1, &format!("\\x{{{value:X}}}")),
                None => self.copy(2),
            },
            (Some('\\'), Some('x')) => {
                let braced = self.rest[2..].starts_with('{').then(|| self.rest.find('}')).flatten();
                let digits = self.rest.bytes().skip(2).take(2).take_while(u8::is_ascii_hexdigit).count();
                self.copy(braced.map_or(2 + digits, |end| end + 1));
            }
            (Some('\\'), Some(mark)) if mark.is_ascii() && !mark.is_ascii_alphanumeric() => {
                self.literal(2, mark)
            }
            (Some('\\'), Some(other)) => self.copy(1 + other.len_utf8()),
            (Some('\\'), None) => self.copy(1),
            (Some(plain), _) => self.literal(plain.len_utf8(), plain),
            (None, _) => {}
        }
    }

    /// From `[` to its `]`. Each `-` that is no range's is escaped, as is all that `regex` reads as more than itself.
    fn class(&mut self) -> Result<(), String> {
        self.copy(1);
        if self.rest.starts_with('^') {
            self.copy(1);
        }
        let mut first = true;
        while !self.rest.is_empty() && (first || !self.rest.starts_with(']')) {
            first = false;
            if let Some((name, _)) = self.rest.strip_prefix("[:").and_then(|rest| rest.split_once(":]")) {
                if !POSIX.contains(&name.strip_prefix('^').unwrap_or(name)) {
                    return Err(format!("`[:{name}:]` is no class; write \\[ for the character itself"));
                }
                self.copy(name.len() + 4);
            } else if !self.perl() && !self.property() {
                self.character();
                let mut next = self.rest.chars();
                if next.next() == Some('-') && next.next().is_some_and(|end| end != ']') {
                    self.copy(1);
                    self.character();
                }
            }
        }
        if !self.rest.is_empty() {
            self.copy(1);
        }
        Ok(())
    }

    /// `(`, and the flags that may follow it. In `x` blanks and `#` would mean something else than what is written here.
    fn group(&mut self) -> Result<(), String> {
        let Some(flags) = self.rest.strip_prefix("(?") else {
            self.copy(1);
            return Ok(());
        };
        let len = flags.bytes().take_while(|byte| byte.is_ascii_alphabetic() || *byte == b'-').count();
        match flags.as_bytes().get(len) {
            Some(b')') if len == 0 => self.put(3, "(?:)"),
            Some(b')' | b':') if flags[..len].contains('x') => {
                return Err(
                    "flag x is not in RE2; write the pattern without blanks and comments, and leave it out"
                        .into(),
                );
            }
            _ => self.copy(2 + len),
        }
        Ok(())
    }
}

/// What `regex` needs escaped, in a class or out of it.
fn is_meta(character: char) -> bool {
    matches!(
        character,
        '\\' | '.' | '+' | '*' | '?' | '(' | ')' | '|' | '[' | ']' | '{' | '}' | '^' | '$' | '&' | '-' | '~'
    )
}

/// The length of `{n}`, `{n,}` or `{n,m}` at the start; no sign, blank or leading zero. Otherwise `{` is itself.
fn repetition(text: &str) -> Option<usize> {
    let inner = text.strip_prefix('{')?.split_once('}')?.0;
    let number = |text: &str| {
        !text.is_empty()
            && text.bytes().all(|byte| byte.is_ascii_digit())
            && (text == "0" || !text.starts_with('0'))
    };
    let valid = match inner.split_once(',') {
        Some((least, most)) => number(least) && (most.is_empty() || number(most)),
        None => number(inner),
    };
    valid.then_some(inner.len() + 2)
}

/// The length and value of the octal number at the start: up to three digits, and at least two unless it begins with 0;
/// one digit alone would be a backreference.
fn octal(text: &str) -> Option<(usize, u32)> {
    let len = text.bytes().take(3).take_while(|byte| (b'0'..=b'7').contains(byte)).count();
    if len == 1 && !text.starts_with('0') {
        return None;
    }
    u32::from_str_radix(&text[..len], 8).ok().map(|value| (len, value))
}

#[cfg(test)]
mod tests;
