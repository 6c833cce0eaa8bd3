//! How a mistake in a configuration is told: where it is, what it is, and the way out.

use std::fmt;

use super::secret::{HIDDEN, hide_header};

/// Everything that is wrong with a document. Displays as its problems, one after the other.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{}", .problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct ConfigError {
    /// At least one, in the order of the file.
    pub problems: Vec<Problem>,
}

impl ConfigError {
    /// `Ok` when there is no problem; else all of them in the order of the file.
    ///
    /// # Errors
    /// The problems, if there are any.
    pub fn check(mut problems: Vec<Problem>) -> Result<(), Self> {
        if problems.is_empty() {
            return Ok(());
        }
        problems.sort_by_key(|problem| (problem.line, problem.column));
        Err(Self { problems })
    }
}

impl From<Problem> for ConfigError {
    fn from(problem: Problem) -> Self {
        Self { problems: vec![problem] }
    }
}

/// One thing that is wrong. Displays as a compiler's error does, with the line it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The document's name: the file's path as it was given.
    pub file: String,
    /// From 1; 0 when the problem has no place in the file.
    pub line: u64,
    /// From 1, in characters; 0 when the problem has no place in the file.
    pub column: u64,
    /// The path of the key, e.g. `targets[2].module`; may be empty.
    pub key: String,
    /// What is wrong, in lower case.
    pub cause: String,
    /// What to do about it; may be empty.
    pub way_out: String,
    /// The line it is about, secrets hidden; `None` when there is none that can be shown.
    pub snippet: Option<String>,
}

impl Problem {
    /// The problem in one line, for a log.
    #[must_use]
    pub fn one_line(&self) -> String {
        let mut text = self.head();
        if !self.way_out.is_empty() {
            text.push_str("; ");
            text.push_str(&self.way_out);
        }
        text.replace(['\n', '\r'], " ")
    }

    fn head(&self) -> String {
        let place = if self.line == 0 { String::new() } else { format!("{}:{}:", self.line, self.column) };
        let key = if self.key.is_empty() { String::new() } else { format!("{}: ", self.key) };
        format!("{}:{place} {key}{}", self.file, self.cause)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.head())?;
        let number = self.line.to_string();
        let width = number.len();
        if let Some(snippet) = &self.snippet {
            let before = usize::try_from(self.column.saturating_sub(1)).unwrap_or(0);
            // Tabs are kept, so that the mark stands below what it marks at any tab width.
            let indent: String =
                snippet.chars().take(before).map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
            write!(f, "\n{:width$} |\n{number} | {snippet}\n{:width$} | {indent}^", "", "")?;
        }
        if !self.way_out.is_empty() {
            write!(f, "\n{:width$} = {}", "", self.way_out)?;
        }
        Ok(())
    }
}

/// No longer than this, in characters, is a line shown.
const LONGEST: usize = 160;

/// Line `line` (from 1) of a text as an error may show it: without what its keys call a secret, and, when it is `hidden`
/// because of the key it belongs to, without its value.
pub(super) fn snippet(text: &str, line: u64, hidden: bool) -> Option<String> {
    let index = usize::try_from(line.checked_sub(1)?).ok()?;
    let source = text.lines().nth(index)?.trim_end();
    if source.trim().is_empty() {
        return None;
    }
    let open = |text: &str| hide_behind_names(&hide_user_info(text));
    let shown = match secret_from(source, hidden) {
        Some(0) => return None,
        Some(cut) => format!("{} {HIDDEN}", open(&source[..cut])),
        None => open(source),
    };
    if shown.chars().count() > LONGEST {
        return Some(shown.chars().take(LONGEST - 1).chain(['…']).collect());
    }
    Some(shown)
}

/// Whether a key's path goes through a name that stands for a secret.
pub(super) fn is_secret(key: &str) -> bool {
    key.split(['.', '[', ']']).any(hides)
}

/// Whether what is called so is a secret. A token's name is none, and it is what has to be corrected.
fn hides(name: &str) -> bool {
    name != "token_id" && hide_header(name)
}

/// From which byte on a line is secret; 0: none of it may be shown.
fn secret_from(source: &str, hidden: bool) -> Option<usize> {
    let mut word = 0;
    for (at, character) in source.char_indices() {
        match character {
            ':' if hides(source[word..at].trim().trim_matches(['"', '\''])) => return Some(at + 1),
            '{' | ',' | ':' | '-' if character != '-' || source[..at].trim().is_empty() => {
                word = at + character.len_utf8();
            }
            _ => {}
        }
    }
    hidden.then(|| source.find(':').map_or(0, |at| at + 1))
}

/// Hides what stands between `://` and `@`: a URL may carry a user and a password.
fn hide_user_info(source: &str) -> String {
    let mut shown = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        shown.push_str(before);
        let end = after.find([' ', '/', '"', '\'']).unwrap_or(after.len());
        rest = after;
        if let Some(sign) = after[..end].rfind('@') {
            shown.push_str(HIDDEN);
            rest = &after[sign..];
        }
    }
    shown.push_str(rest);
    shown
}

/// Hides what stands behind a token's name: whoever pastes the whole `user@realm!name=SECRET` has it in there.
fn hide_behind_names(source: &str) -> String {
    let hide = |word: &str| {
        let (user, rest) = word.split_once('!').filter(|(user, _)| user.contains('@'))?;
        let (name, secret) = rest.split_once('=')?;
        let end = secret.find([' ', ',', ']', '}', '"', '\'']).unwrap_or(secret.len());
        Some(format!("{user}!{name}={HIDDEN}{}", &secret[end..]))
    };
    source.split_inclusive([' ', ',']).map(|word| hide(word).unwrap_or_else(|| word.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem() -> Problem {
        Problem {
            file: "config/probe.yml".into(),
            line: 12,
            column: 7,
            key: "modules.web.http.vaild_status_codes".into(),
            cause: "unknown key".into(),
            way_out: "did you mean `valid_status_codes`?".into(),
            snippet: Some("      vaild_status_codes: [200]".into()),
        }
    }

    #[test]
    fn a_problem_reads_as_a_compilers_error() {
        assert_eq!(
            problem().to_string(),
            "config/probe.yml:12:7: modules.web.http.vaild_status_codes: unknown key\n   |\n\
             12 |       vaild_status_codes: [200]\n   |       ^\n   = did you mean `valid_status_codes`?"
        );
        assert_eq!(
            problem().one_line(),
            "config/probe.yml:12:7: modules.web.http.vaild_status_codes: unknown key; did you mean `valid_status_codes`?"
        );
        let bare = Problem { line: 0, column: 0, key: String::new(), snippet: None, ..problem() };
        assert_eq!(bare.to_string(), "config/probe.yml: unknown key\n  = did you mean `valid_status_codes`?");
    }

    #[test]
    fn problems_come_in_the_order_of_the_file() {
        let late = Problem { line: 20, ..problem() };
        let error = ConfigError::check(vec![late, problem()]).unwrap_err();
        assert_eq!(error.problems[0].line, 12);
        assert!(ConfigError::check(Vec::new()).is_ok());
    }

    #[test]
    fn secrets_are_not_shown() {
        for (source, key, shown) in [
            ("  password: hunter2", "", Some("  password: <secret>")),
            ("  - password: hunter2", "", Some("  - password: <secret>")),
            ("  \"X-Api-Key\": hunter2", "", Some("  \"X-Api-Key\": <secret>")),
            ("{user: a, password: hunter2}", "", Some("{user: a, password: <secret>")),
            ("  password_file: /run/secrets/a", "", Some("  password_file: /run/secrets/a")),
            ("  - hunter2", "http_headers.Authorization.secrets[0]", None),
            ("  values: [hunter2]", "http_headers.Authorization.values[0]", Some("  values: <secret>")),
            ("proxy_url: http://a:b@host/x", "", Some("proxy_url: http://<secret>@host/x")),
            ("two: http://a:b@c http://d:e@f", "", Some("two: http://<secret>@c http://<secret>@f")),
            ("url: http://host/@x", "", Some("url: http://host/@x")),
            // What looks like a secret's key stands in the password itself.
            ("{url: 'http://me:secret@p:1'}", "", Some("{url: 'http://<secret>@p: <secret>")),
            ("  token_id: u@pve!t", "clusters[0].token_id", Some("  token_id: u@pve!t")),
            ("{token_id: 'u@pve!t=hunter2', x: 1}", "", Some("{token_id: 'u@pve!t=<secret>', x: 1}")),
            ("{token_id: u@pve, token: hunter2}", "", Some("{token_id: u@pve, token: <secret>")),
            ("  - u@pve!t=hunter2", "", Some("  - u@pve!t=<secret>")),
            ("   ", "", None),
        ] {
            assert_eq!(snippet(source, 1, is_secret(key)).as_deref(), shown, "{source}");
        }
        assert_eq!(snippet("a", 2, false), None);
        assert_eq!(snippet(&"é".repeat(500), 1, false).unwrap().chars().count(), 160);
    }
}
