//! The alert rules as they are committed: the one source of every threshold. A dashboard colours a value at the number that
//! its alert compares it with.

use std::path::{Path, PathBuf};

use promql_parser::parser::{Expr, parse, token};
use serde::Deserialize;
use std::collections::BTreeMap;

/// A file of rules, as Prometheus reads it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// Its groups.
    pub groups: Vec<Group>,
}

/// Rules that are evaluated one after another.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// How often; Prometheus's own interval without it.
    #[serde(default)]
    pub interval: Option<String>,
    /// The rules.
    pub rules: Vec<Rule>,
}

/// A rule: one of `alert` and `record` is there.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The alert's name.
    #[serde(default)]
    pub alert: Option<String>,
    /// The recorded series's name.
    #[serde(default)]
    pub record: Option<String>,
    /// The expression.
    pub expr: String,
    /// How long the expression must hold.
    #[serde(default, rename = "for")]
    pub hold: Option<String>,
    /// How long the alert goes on after the expression has ceased to hold.
    #[serde(default)]
    pub keep_firing_for: Option<String>,
    /// Labels that are added.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Texts.
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
}

impl Rule {
    /// The alert's severity.
    #[must_use]
    pub fn severity(&self) -> &str {
        self.labels.get("severity").map_or("", String::as_str)
    }
}

/// All rules.
#[derive(Clone, Debug, Default)]
pub struct Rules(Vec<Rule>);

/// Why rules are no source of thresholds.
#[derive(Debug, thiserror::Error)]
pub enum RuleError {
    /// They cannot be read.
    #[error("read rules in {path}: {source}")]
    Read {
        /// The folder or file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// They are no rules.
    #[error("{path} is no file of rules: {source}")]
    Yaml {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Box<serde_saphyr::Error>,
    },
    /// There is no such alert.
    #[error(
        "no alert {alert} of severity {severity}, of which a dashboard takes its threshold; add it to alerts/rules or name another"
    )]
    Unknown {
        /// The alert's name.
        alert: String,
        /// Its severity.
        severity: String,
    },
    /// The alert's expression compares nothing with a number.
    #[error("alert {alert} of severity {severity} is no source of a threshold: {cause}")]
    NoNumber {
        /// The alert's name.
        alert: String,
        /// Its severity.
        severity: String,
        /// Why.
        cause: String,
    },
}

impl Rules {
    /// Reads every `*.yml` in `folder`.
    ///
    /// # Errors
    /// The file that cannot be read, or is no file of rules.
    pub fn read(folder: &Path) -> Result<Self, RuleError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| RuleError::Read { path, source }
        };
        let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)
            .map_err(failed(folder))?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.extension().is_some_and(|extension| extension == "yml"))
            .collect();
        paths.sort();
        let mut rules = Vec::new();
        for path in paths {
            let text = std::fs::read_to_string(&path).map_err(failed(&path))?;
            rules.extend(
                Self::parse(&text).map_err(|source| RuleError::Yaml { path, source: Box::new(source) })?.0,
            );
        }
        Ok(Self(rules))
    }

    /// Reads one file's text.
    ///
    /// # Errors
    /// Why it is no file of rules.
    pub fn parse(text: &str) -> Result<Self, serde_saphyr::Error> {
        let file: File = serde_saphyr::from_str(text)?;
        Ok(Self(file.groups.into_iter().flat_map(|group| group.rules).collect()))
    }

    /// One rule alone.
    #[must_use]
    pub fn single(rule: Rule) -> Self {
        Self(vec![rule])
    }

    /// Every rule.
    pub fn iter(&self) -> impl Iterator<Item = &Rule> {
        self.0.iter()
    }

    /// Every alert.
    pub fn alerts(&self) -> impl Iterator<Item = (&str, &Rule)> {
        self.0.iter().filter_map(|rule| Some((rule.alert.as_deref()?, rule)))
    }

    /// The number that the alert compares its value with.
    ///
    /// # Errors
    /// There is no such alert, or no single number in its comparison.
    pub fn threshold(&self, alert: &str, severity: &str) -> Result<f64, RuleError> {
        let unknown = || RuleError::Unknown { alert: alert.to_owned(), severity: severity.to_owned() };
        let (_, rule) = self
            .alerts()
            .find(|(name, rule)| *name == alert && rule.severity() == severity)
            .ok_or_else(unknown)?;
        parse(&rule.expr)
            .and_then(|expr| compared(&expr).ok_or_else(|| "its comparison is not with a number".to_owned()))
            .map_err(|cause| RuleError::NoNumber {
                alert: alert.to_owned(),
                severity: severity.to_owned(),
                cause,
            })
    }
}

/// The number of the top comparison; of several that are bound by `and`, `or` or `unless`, that of the first.
fn compared(expr: &Expr) -> Option<f64> {
    match expr {
        Expr::Paren(paren) => compared(&paren.expr),
        Expr::Binary(binary) if binary.op.is_set_operator() => compared(&binary.lhs),
        Expr::Binary(binary) if binary.op.is_comparison_operator() => {
            constant(&binary.rhs).or_else(|| constant(&binary.lhs)).or_else(|| compared(&binary.lhs))
        }
        _ => None,
    }
}

/// The value of an expression of numbers alone.
fn constant(expr: &Expr) -> Option<f64> {
    match expr {
        Expr::NumberLiteral(number) => Some(number.val),
        Expr::Paren(paren) => constant(&paren.expr),
        Expr::Unary(unary) => constant(&unary.expr).map(|value| -value),
        Expr::Binary(binary) => {
            let (left, right) = (constant(&binary.lhs)?, constant(&binary.rhs)?);
            match binary.op.id() {
                token::T_ADD => Some(left + right),
                token::T_SUB => Some(left - right),
                token::T_MUL => Some(left * right),
                token::T_DIV => Some(left / right),
                _ => None,
            }
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn threshold(expr: &str) -> Result<f64, String> {
        let yaml = format!(
            "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: {expr:?}\n    labels: {{severity: warning}}\n"
        );
        let rules = Rules::parse(&yaml).map_err(|error| error.to_string())?;
        rules.threshold("A", "warning").map_err(|error| error.to_string())
    }

    #[test]
    fn the_number_of_the_top_comparison() {
        for (expr, want) in [
            ("a > 3", 3.0),
            ("(a - time()) < 21 * 86400", 1_814_400.0),
            ("0.8 <= a", 0.8),
            ("a / (b > 0) < (1 / 4)", 0.25),
            ("(a > (14.4 * 0.5) and b > 1) or c > 9", 7.2),
            ("a > 2 and on (job) a < 100", 2.0),
            ("a < -5", -5.0),
            ("a > 4 unless on (x) b == 0", 4.0),
        ] {
            let got = threshold(expr).unwrap_or_else(|error| panic!("{expr}: {error}"));
            assert!((got - want).abs() < 1e-9, "{expr}: {got}");
        }
    }

    #[test]
    fn what_compares_with_no_number_is_no_source() {
        for expr in ["a > b", "absent(a)", "a >"] {
            let error = threshold(expr).unwrap_err();
            assert!(error.contains("alert A of severity warning is no source"), "{expr}: {error}");
        }
        let error = Rules::default().threshold("A", "critical").unwrap_err().to_string();
        assert!(error.contains("no alert A of severity critical"), "{error}");
    }

    #[test]
    fn a_rule_with_an_unknown_key_is_refused() {
        assert!(Rules::parse("groups:\n- name: g\n  rules:\n  - {alert: A, expr: a, lables: {}}\n").is_err());
    }
}
