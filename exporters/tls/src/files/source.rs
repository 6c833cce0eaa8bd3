//! A validated entry of `files:`.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::time::Duration;

use kit::config::{Document, Problem, Secret, Spanned, span_of_time};

use super::find::Pattern;
use super::label::label;
use crate::config::{FilesSection, Target};
use crate::renewal::Policy;
use crate::stored::Partner;

/// How often a source is scanned when it does not say. What has not changed is not read again.
const DEFAULT_INTERVAL: Duration = Duration::from_secs(30);
/// The most passwords of a source.
const MOST_PASSWORDS: usize = 16;
/// What the source of files that targets name is called.
const TARGETS: &str = "targets";
/// A week: the longest interval.
const LONGEST: Duration = Duration::from_secs(7 * 86_400);

/// Files to look at.
#[derive(Clone, Debug)]
pub struct Source {
    /// What it is called; no two have the same.
    pub name: String,
    /// Where its files are.
    pub(super) paths: Vec<Pattern>,
    /// Which are left out.
    pub(super) exclude: Vec<Pattern>,
    /// Whether files without certificates are none of it.
    pub(crate) only_certificates: bool,
    /// What its keystores and keys may open with.
    pub(super) passwords: Vec<Secret>,
    /// The patterns as they were written: a source with others is another one.
    pub(super) written: String,
    /// From one scan's beginning to the next one's.
    pub interval: Duration,
    /// When the certificates are due.
    pub renewal: Policy,
    /// When those of single files are, where that is another moment.
    pub(super) policies: BTreeMap<PathBuf, Policy>,
}

impl Source {
    /// A source of these files and no others, each with when its certificate is due; scanned as often as usual, or more
    /// often if whoever names it looks more often.
    #[must_use]
    pub fn of(
        name: &str,
        files: impl IntoIterator<Item = (PathBuf, Policy)>,
        interval: Duration,
        renewal: Policy,
    ) -> Self {
        let policies: BTreeMap<_, _> = files.into_iter().collect();
        let paths: Vec<_> = policies.keys().map(|path| Pattern::file(path)).collect();
        let written = policies.keys().map(|path| label(path)).collect::<Vec<_>>().join("\n");
        let (name, exclude) = (name.to_owned(), Vec::new());
        Self {
            name,
            paths,
            exclude,
            only_certificates: false,
            passwords: Vec::new(),
            written,
            interval: interval.min(DEFAULT_INTERVAL),
            renewal,
            policies,
        }
    }

    /// When the certificate in this file is due.
    #[must_use]
    pub fn policy(&self, path: &Path) -> Policy {
        self.policies.get(path).copied().unwrap_or(self.renewal)
    }

    /// Whether a file is named without wildcards.
    pub(super) fn names(&self, path: &Path) -> bool {
        self.paths.iter().any(|pattern| pattern.names(path))
    }

    /// Whether a file is one of its.
    #[must_use]
    pub fn has(&self, path: &Path) -> bool {
        self.paths.iter().any(|pattern| pattern.matches(path)) && !self.excludes(path)
    }

    /// Whether a file, or a folder that it lies in, is left out.
    pub(super) fn excludes(&self, path: &Path) -> bool {
        path.ancestors().any(|above| self.exclude.iter().any(|pattern| pattern.matches(above)))
    }
}

/// Adds a source of the files that targets say they must serve, save those that a source has already.
pub fn add_named(sources: &mut Vec<Source>, targets: &[Target], renewal: Policy) {
    let named = targets.iter().filter_map(|target| match &target.stored {
        Partner::File(path) if !sources.iter().any(|source| source.has(path)) => {
            Some((path.clone(), target.renewal))
        }
        _ => None,
    });
    let named: Vec<_> = named.collect();
    if !named.is_empty() {
        // A name that nobody else's source can have: theirs are not empty.
        let taken = sources.iter().any(|source| source.name == TARGETS);
        sources.push(Source::of(if taken { "" } else { TARGETS }, named, DEFAULT_INTERVAL, renewal));
    }
}

/// Validates `files:`. What is wrong is told with its position; the rest is returned.
pub fn sources(
    raw: &[FilesSection],
    usual: Policy,
    document: &Document,
    problems: &mut Vec<Problem>,
) -> Vec<Source> {
    let mut names: HashMap<&str, usize> = HashMap::new();
    let mut sources = Vec::with_capacity(raw.len());
    for (index, section) in raw.iter().enumerate() {
        let before = problems.len();
        let key = |key: &str| format!("files[{index}].{key}");
        if let Some(first) = names.insert(section.name.as_str(), index) {
            let cause = format!("{:?} is the name of files[{first}], too", section.name.as_str());
            problems.push(document.problem(&section.name, key("name"), cause, "give each its own name"));
        }
        if section.paths.is_empty() {
            let way_out = "add paths, e.g. [/etc/letsencrypt/live/*/fullchain.pem]";
            problems.push(document.problem(&section.name, key("paths"), "there is none", way_out));
        }
        let mut patterns = |list: &[Spanned<String>], name: &str| {
            let mut patterns = Vec::with_capacity(list.len());
            for (at, text) in list.iter().enumerate() {
                match Pattern::new(text) {
                    Ok(pattern) => patterns.push(pattern),
                    Err(cause) => {
                        let way_out = "give an absolute path or pattern, e.g. /etc/ssl/**/*.pem";
                        let cause = format!("{:?}: {cause}", text.as_str());
                        problems.push(document.problem(text, key(&format!("{name}[{at}]")), cause, way_out));
                    }
                }
            }
            patterns
        };
        let (paths, exclude) = (patterns(&section.paths, "paths"), patterns(&section.exclude, "exclude"));
        let interval = span_of_time(section.interval.as_ref(), LONGEST, &mut |cause, way_out| {
            let at = section.interval.unwrap_or_default();
            problems.push(document.problem(&at, key("interval"), cause, way_out));
        });
        let renewal = section.renewal.as_ref();
        let renewal = renewal.map_or(usual, |renewal| renewal.policy(document, &key("renewal"), problems));
        let mut passwords = Vec::with_capacity(section.passwords.len());
        for (at, password) in section.passwords.iter().enumerate() {
            match password.read(&document.folder) {
                Ok(secret) => passwords.push(secret),
                Err(error) => {
                    let way_out =
                        "give a text, or one of {file: …}, {env: …}, {credential: …} that can be read";
                    problems.push(document.problem(
                        password,
                        key(&format!("passwords[{at}]")),
                        error,
                        way_out,
                    ));
                }
            }
        }
        if section.passwords.len() > MOST_PASSWORDS {
            let cause = format!(
                "{} passwords; each is tried with each keystore, which is slow by design",
                section.passwords.len()
            );
            let way_out = format!("give at most {MOST_PASSWORDS}, or more sources with their own");
            problems.push(document.problem_at(key("passwords"), cause, way_out));
        }
        if problems.len() > before {
            continue;
        }
        let texts = |list: &[Spanned<String>]| {
            list.iter().map(|text| text.value.clone()).collect::<Vec<_>>().join("\n")
        };
        sources.push(Source {
            name: section.name.value.clone(),
            paths,
            exclude,
            only_certificates: section.only_certificates.unwrap_or_default(),
            passwords,
            written: format!("{}\n\n{}", texts(&section.paths), texts(&section.exclude)),
            interval: interval.unwrap_or(DEFAULT_INTERVAL),
            renewal,
            policies: BTreeMap::new(),
        });
    }
    sources
}
