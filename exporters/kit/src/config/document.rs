//! A configuration's text, parsed strictly.

use std::fmt;
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use super::builder::build;
use super::explain::{explain, is_secret_at};
use super::mistake::Mistake;
use super::problem::{ConfigError, Problem, is_secret, snippet};
use super::reader::Reader;
use super::spanned::Spanned;
use super::tree::{Id, Position, Tree};

/// A configuration's text and where it came from.
#[derive(Clone, Debug)]
pub struct Document {
    /// The file's path as it was given, or a name such as `built-in`.
    pub name: String,
    /// The YAML.
    pub text: String,
    /// The folder that relative paths in it are relative to.
    pub folder: PathBuf,
}

/// No configuration is larger; a wrong path might be (a log, a device).
const LARGEST: u64 = 32 << 20;

impl Document {
    /// Reads a file.
    ///
    /// # Errors
    /// The file is not there, cannot be read, is no regular text or larger than 32 MiB.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let name = path.display().to_string();
        let mut document = Self { name, text: String::new(), folder: folder_of(path) };
        let unreadable = |cause: &std::io::Error| {
            let (cause, way_out) = match cause.kind() {
                ErrorKind::NotFound => ("no such file".to_owned(), look_again(path)),
                ErrorKind::PermissionDenied => (
                    "permission denied".to_owned(),
                    "let the user that this program runs as read it".to_owned(),
                ),
                ErrorKind::IsADirectory => {
                    ("is a folder".to_owned(), "give the path of a file in it".to_owned())
                }
                _ => (format!("cannot be read: {cause}"), String::new()),
            };
            document.whole(&cause, &way_out).into_error()
        };
        let mut bytes = Vec::new();
        super::file::open(path)
            .and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes))
            .map_err(|cause| unreadable(&cause))?;
        if bytes.len() as u64 > LARGEST {
            return Err(document
                .whole("larger than 32 MiB", "give the path of a configuration file")
                .into_error());
        }
        match String::from_utf8(bytes) {
            Ok(text) => {
                document.text = text;
                Ok(document)
            }
            Err(error) => {
                let (good, rest) = error.as_bytes().split_at(error.utf8_error().valid_up_to());
                let good = String::from_utf8_lossy(good);
                let byte = rest.first().copied().unwrap_or_default();
                let mut problem =
                    document.whole(&format!("not UTF-8: byte 0x{byte:02x}"), "save the file as UTF-8");
                problem.line = good.matches('\n').count() as u64 + 1;
                problem.column = good.rsplit('\n').next().unwrap_or_default().chars().count() as u64 + 1;
                Err(problem.into_error())
            }
        }
    }

    /// A document that is not a file; relative paths in it are relative to the working folder.
    #[must_use]
    pub fn embedded(name: &str, text: &str) -> Self {
        Self { name: name.to_owned(), text: text.to_owned(), folder: PathBuf::from(".") }
    }

    /// Parses strictly: one document, no doubled keys, and whatever `T` refuses (let it `deny_unknown_fields`).
    /// `yes`, `no`, `on` and `off` are booleans, as for Go's yaml; a number where text is wanted is its spelling.
    ///
    /// # Errors
    /// The first thing that is wrong, with its position, key and way out.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, ConfigError> {
        let (tree, refusal) = build(&self.text);
        let root = self.root(&tree, refusal)?;
        // All that depends on the type is in this call: it is compiled anew for each.
        T::deserialize(Reader::new(&tree, root)).map_err(|mistake| self.misread(&tree, root, mistake))
    }

    /// A problem at a value's position. `key` is its path, e.g. `targets[2].module`.
    #[must_use]
    pub fn problem<T>(
        &self,
        at: &Spanned<T>,
        key: impl fmt::Display,
        cause: impl fmt::Display,
        way_out: impl fmt::Display,
    ) -> Problem {
        // Only by an alias is a value under another name than the one it is written under; and there may be thousands of
        // problems, each of which would build the tree again.
        let tree = if self.has_anchors() { build(&self.text).0 } else { Tree::new("") };
        let text = [key.to_string(), cause.to_string(), way_out.to_string()];
        self.at(&tree, (at.line, at.column), text, false)
    }

    /// A problem of a value whose position is not kept: it is looked up by the key's path, e.g. `targets[2].module`. For
    /// a key that is not there, the position is that of the nearest ancestor.
    #[must_use]
    pub fn problem_at(
        &self,
        key: impl fmt::Display,
        cause: impl fmt::Display,
        way_out: impl fmt::Display,
    ) -> Problem {
        let (tree, _) = build(&self.text);
        let text = [key.to_string(), cause.to_string(), way_out.to_string()];
        let position = tree.find(&text[0]).map(|id| tree.node(id).at).unwrap_or_default();
        self.at(&tree, position, text, false)
    }

    /// A single problem as an error.
    #[must_use]
    pub fn error(&self, problem: Problem) -> ConfigError {
        problem.into()
    }

    /// A path of the document, resolved by its folder; an absolute one stays as it is.
    #[must_use]
    pub fn path(&self, path: &Path) -> PathBuf {
        self.folder.join(path)
    }

    /// `text` is the key, the cause and the way out; `hidden` says that the value must not be shown.
    fn at(&self, tree: &Tree<'_>, at: Position, text: [String; 3], hidden: bool) -> Problem {
        let ((line, column), [key, cause, way_out]) = (at, text);
        // It may be secret by the name it is used under, or, through an alias, by the one it is written under.
        let hidden = hidden || is_secret(&key) || is_secret_at(tree, at);
        let snippet = snippet(&self.text, line, hidden);
        Problem { file: self.name.clone(), line, column, key, cause, way_out, snippet }
    }

    /// Whether there may be an anchor in the text.
    fn has_anchors(&self) -> bool {
        let begins =
            |pair: &[u8]| pair[1] == b'&' && matches!(pair[0], b' ' | b'\t' | b'\n' | b'[' | b'{' | b',');
        self.text.as_bytes().windows(2).any(begins)
    }

    /// A problem of the file as a whole.
    fn whole(&self, cause: &str, way_out: &str) -> Problem {
        let text = [String::new(), cause.to_owned(), way_out.to_owned()];
        self.at(&Tree::new(""), (0, 0), text, false)
    }

    /// Where reading begins, unless something is wrong already.
    fn root(&self, tree: &Tree<'_>, refusal: Option<Mistake>) -> Result<Id, ConfigError> {
        if let Some(mistake) = refusal {
            return Err(self.tell(tree, &mistake));
        }
        let root = tree.root().filter(|root| !tree.is_empty(*root));
        root.ok_or_else(|| {
            let way_out = "write a configuration into it; --config.example prints one to begin with";
            self.whole("the file is empty", way_out).into_error()
        })
    }

    #[cold]
    fn misread(&self, tree: &Tree<'_>, root: Id, mut mistake: Mistake) -> ConfigError {
        mistake.rise(tree, root);
        self.tell(tree, &mistake)
    }

    fn tell(&self, tree: &Tree<'_>, mistake: &Mistake) -> ConfigError {
        let (text, hidden) = explain(tree, mistake, &self.text);
        self.at(tree, mistake.position(tree), text, hidden).into_error()
    }
}

impl Problem {
    fn into_error(self) -> ConfigError {
        self.into()
    }
}

/// The way out of a path that leads nowhere. By which flag or argument it was given is not known here.
fn look_again(path: &Path) -> String {
    match std::env::current_dir() {
        Ok(folder) if path.is_relative() => format!("check the path; it begins in {}", folder.display()),
        _ => "check the path".to_owned(),
    }
}

/// The folder a file is in.
fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_path_buf(),
        _ => PathBuf::from("."),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fmt::Write as _;

    use serde::Deserialize;

    use super::*;
    use crate::config::{ByteSize, HumanDuration, Pattern, Secret};

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code)]
    struct File {
        #[serde(default)]
        modules: BTreeMap<String, Module>,
        #[serde(default)]
        targets: Vec<Spanned<Target>>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code)]
    struct Module {
        prober: Spanned<Kind>,
        timeout: Option<Spanned<HumanDuration>>,
        #[serde(default)]
        valid_status_codes: Vec<Spanned<u16>>,
        #[serde(default)]
        follow_redirects: bool,
        fail_if: Option<Vec<Spanned<Pattern>>>,
        limit: Option<ByteSize>,
        password: Option<Secret>,
        token_length: Option<u16>,
        weight: Option<f64>,
        #[serde(default)]
        headers: BTreeMap<String, Spanned<String>>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Kind {
        Http,
        Tcp,
        Icmp,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code)]
    struct Target {
        name: String,
        value: Option<u8>,
    }

    fn parse(text: &str) -> Result<File, ConfigError> {
        Document::embedded("t.yml", text).parse()
    }

    #[test]
    fn good_files() {
        for (text, codes) in [
            ("{}", 0),
            ("modules: {}", 0),
            ("\u{feff}modules: {web: {prober: http}}", 0),
            ("---\nmodules: {web: {prober: http}}\n", 0),
            ("modules:\n  web: {prober: http, valid_status_codes: [200, 204]}\n...\n", 2),
            ("modules:\n  web: {prober: http, follow_redirects: yes, headers: {A: 1, B: 0123, C: yes}}", 0),
            (
                "modules:\n  one: &one {prober: http, valid_status_codes: [200]}\n  web:\n    <<: *one\n    timeout: 5s",
                1,
            ),
        ] {
            let file = parse(text).unwrap_or_else(|error| panic!("{text}\n{error}"));
            assert_eq!(
                file.modules.get("web").map_or(0, |web| web.valid_status_codes.len()),
                codes,
                "{text}"
            );
        }
        let file = parse("modules:\n  web:\n    prober: http\n    headers: {A: 0123}\n").unwrap();
        let header = &file.modules["web"].headers["A"];
        assert_eq!((header.as_str(), header.line, header.column), ("0123", 4, 18));
    }

    #[test]
    fn bad_files_and_why() {
        let web = "modules:\n  web:\n    prober: http\n";
        let mut report = String::new();
        for text in [
            format!("{web}    vaild_status_codes: [200]\n"),
            format!("{web}    timeout: 5 s\n"),
            format!("{web}    timeout: 5s\n    timeout: 6s\n"),
            format!("{web}    valid_status_codes: [200, two]\n"),
            format!("{web}    valid_status_codes: [200, 70000]\n"),
            format!("{web}    valid_status_codes: 200\n"),
            format!("{web}    follow_redirects: maybe\n"),
            format!("{web}    fail_if: [a, '(']\n"),
            format!("{web}    limit: 10\n"),
            format!("{web}    weight: heavy\n"),
            format!("{web}    headers: [a]\n"),
            format!("{web}    headers:\n      Host: [a]\n"),
            format!("{web}    token_length: hunter2\n"),
            format!("{web}    password: [hunter2]\n"),
            format!("{web}    password: hunter2\n    passwrd: hunter2\n"),
            "modules:\n  web: {prober: htpt}".into(),
            "modules:\n  web: {timeout: 5s}".into(),
            "modules:\n  web:\n    timeout: 5s\n    headers:\n      A: b\n  other: {prober: http}\n".into(),
            "modules:\n  web: {}\n".into(),
            "modules:\n  web:\n".into(),
            "modules: [a]".into(),
            "module:\n  web: {prober: http}".into(),
            "targets:\n- name: a\n- nam: b\n".into(),
            "targets:\n- name: a\n  value: 300\n".into(),
            "targets:\n- value: 3\n".into(),
            "hello".into(),
            "".into(),
            "# nothing\n---\n".into(),
            "modules: {}\n---\nmodules: {}\n".into(),
            "modules:\n\tweb: {}\n".into(),
            "modules:\n  web: {prober: http\n".into(),
            "modules:\n  web:\n   prober: http\n  timeout: 'x\n".into(),
            "modules:\n  web:\n    prober: http: x\n".into(),
            "modules:\n  web:\n    prober: http\n   timeout: 5s\n".into(),
            "modules:\n  web:\n    prober: *http\n".into(),
            "modules:\n  web:\n    prober: @http\n".into(),
            "modules:\n  web: {prober: http, headers: {A: @b}}\n".into(),
            "modules: &a [*a]".into(),
        ] {
            let error = parse(&text).map(|file| panic!("{text}: {file:?}")).unwrap_err().to_string();
            assert!(!error.contains("hunter2"), "{error}");
            let _ = writeln!(report, "{error}\n");
        }
        insta::assert_snapshot!(report);
    }

    #[test]
    fn files_that_cannot_be_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("latin"), b"a: b\nc: caf\xe9\n").unwrap();
        std::fs::write(path("good"), "a: b\n").unwrap();
        for (name, why) in [
            ("none", ": no such file\n  = check the path"),
            ("", ": is a folder\n  = give the path of a file in it"),
            ("good/x", ": cannot be read: Not a directory (os error 20)"),
            ("latin", ":2:7: not UTF-8: byte 0xe9\n  = save the file as UTF-8"),
        ] {
            let error = Document::read(&path(name)).unwrap_err().to_string();
            assert_eq!(error, format!("{}{why}", path(name).display()));
        }
        let here = std::env::current_dir().unwrap();
        assert_eq!(
            Document::read(Path::new("no/such.yml")).unwrap_err().to_string(),
            format!("no/such.yml: no such file\n  = check the path; it begins in {}", here.display())
        );
        let document = Document::read(&path("good")).unwrap();
        assert_eq!(document.path(Path::new("ca.pem")), path("ca.pem"));
        assert_eq!(document.path(Path::new("/ca.pem")), Path::new("/ca.pem"));
        assert_eq!(folder_of(Path::new("probe.yml")), Path::new("."));
    }

    #[test]
    fn validation_points_at_values() {
        let text = "targets:\n- name: a\n  value: 3\n";
        let document = Document::embedded("t.yml", text);
        let file: File = document.parse().unwrap();
        let problem = document.problem(&file.targets[0], "targets[0]", "no such target", "take it out");
        let want = "t.yml:2:3: targets[0]: no such target\n  |\n2 | - name: a\n  |   ^\n  = take it out";
        assert_eq!(document.error(problem).to_string(), want);
        let problem = document.problem_at("targets[0].value", "too small", "");
        let want = "t.yml:3:10: targets[0].value: too small\n  |\n3 |   value: 3\n  |          ^";
        assert_eq!(problem.to_string(), want);
        assert_eq!(document.problem_at("targets[0].url", "missing", "").line, 2);
        let unknown = document.problem(&Spanned::new(1), "x", "wrong", "");
        assert_eq!(unknown.to_string(), "t.yml: x: wrong");
    }

    proptest::proptest! {
        #[test]
        fn no_text_breaks_it(text in "([a-z:\\[\\]{}&*!'\"|>#%@`\\-? \n\t,.é]|modules|targets|: |\n  ){0,60}") {
            if let Err(error) = parse(&text) {
                proptest::prop_assert!(!error.to_string().is_empty());
            }
        }
    }
}
