//! What makes an answer a success.

use std::sync::Arc;

use cel::{Context as CelContext, Env, Program, Value};
use http::Version;
use http::header::HeaderName;
use kit::Failure;
use kit::config::BytePattern;
use wire::Phase;
use wire::http::Reply;

use super::metrics::Facts;
use crate::verdict::fail;

/// The largest body that is looked at in place, in bytes.
const QUICK: usize = 16 * 1024;

/// A module's checks, compiled.
pub(super) struct Checks {
    /// Empty: 200 to 299.
    pub(super) statuses: Vec<u16>,
    /// Empty: any.
    pub(super) versions: Vec<Version>,
    /// Names in `valid_http_versions` that no answer has: they only count for not being empty.
    pub(super) unknown_versions: bool,
    pub(super) forbid_tls: bool,
    pub(super) demand_tls: bool,
    pub(super) header_matches: Vec<HeaderCheck>,
    pub(super) header_not_matches: Vec<HeaderCheck>,
    pub(super) body_matches: Vec<BytePattern>,
    pub(super) body_not_matches: Vec<BytePattern>,
    pub(super) cel: Option<CelChecks>,
}

/// A header and what to find in its values.
pub(super) struct HeaderCheck {
    pub(super) name: HeaderName,
    pub(super) pattern: BytePattern,
    pub(super) allow_missing: bool,
}

/// Expressions over the body's JSON.
pub(super) struct CelChecks {
    pub(super) environment: Arc<Env>,
    pub(super) matches: Option<Expression>,
    pub(super) not_matches: Option<Expression>,
}

/// An expression and its text, for the failure.
pub(super) struct Expression {
    pub(super) program: Program,
    pub(super) text: String,
}

impl Checks {
    pub(super) fn has_cel(&self) -> bool {
        self.cel.is_some()
    }

    pub(super) fn wants_body(&self) -> bool {
        self.cel.is_some() || !self.body_matches.is_empty() || !self.body_not_matches.is_empty()
    }

    /// Status, then headers.
    pub(super) fn head(&self, reply: &Reply, facts: &mut Facts) -> Result<(), Failure> {
        let status = reply.status.as_u16();
        let fine = if self.statuses.is_empty() {
            (200..300).contains(&status)
        } else {
            self.statuses.contains(&status)
        };
        if !fine {
            return Err(fail(Phase::Processing, "status", format!("the answer has status {status}")));
        }
        self.headers(reply).inspect_err(|_| facts.regex_failed = true)
    }

    fn headers(&self, reply: &Reply) -> Result<(), Failure> {
        let failed = |detail: String| Err(fail(Phase::Processing, "header", detail));
        let values = |check: &HeaderCheck| reply.headers.get_all(&check.name).into_iter();
        for check in &self.header_matches {
            match values(check).find(|value| check.pattern.is_match(value.as_bytes())) {
                Some(_) => {
                    return failed(format!("header {} matches {:?}", check.name, check.pattern.as_str()));
                }
                None if values(check).next().is_none() && !check.allow_missing => {
                    return failed(format!("header {} is missing", check.name));
                }
                None => {}
            }
        }
        for check in &self.header_not_matches {
            let missing = values(check).next().is_none();
            if missing && !check.allow_missing {
                return failed(format!("header {} is missing", check.name));
            }
            if !missing && !values(check).any(|value| check.pattern.is_match(value.as_bytes())) {
                return failed(format!("header {} does not match {:?}", check.name, check.pattern.as_str()));
            }
        }
        Ok(())
    }

    /// Patterns, then CEL. A pattern takes time for each byte, an evil one a microsecond and more: what is larger than
    /// [`QUICK`] is looked at beside the thread that everything else runs on, and given up when the probe's time is over.
    pub(super) async fn body(checks: &Arc<Self>, body: Vec<u8>, facts: &mut Facts) -> Result<(), Failure> {
        let verdict = if body.len() <= QUICK {
            checks.body_now(&body)
        } else {
            let checks = Arc::clone(checks);
            tokio::task::spawn_blocking(move || checks.body_now(&body)).await.unwrap_or_else(|error| {
                Err(fail(Phase::Transfer, "internal", format!("look at the body: {error}")))
            })
        };
        if let Err(failure) = &verdict {
            match failure.reason {
                "body_regex" => facts.regex_failed = true,
                "body_cel" | "body_not_json" => facts.cel_failed = Some(true),
                _ => {}
            }
        }
        verdict
    }

    fn body_now(&self, body: &[u8]) -> Result<(), Failure> {
        self.patterns(body)?;
        self.cel.as_ref().map_or(Ok(()), |cel| cel.check(body))
    }

    fn patterns(&self, body: &[u8]) -> Result<(), Failure> {
        if let Some(pattern) = self.body_matches.iter().find(|pattern| pattern.is_match(body)) {
            return Err(fail(
                Phase::Transfer,
                "body_regex",
                format!("the body matches {:?}", pattern.as_str()),
            ));
        }
        match self.body_not_matches.iter().find(|pattern| !pattern.is_match(body)) {
            Some(pattern) => Err(fail(
                Phase::Transfer,
                "body_regex",
                format!("the body does not match {:?}", pattern.as_str()),
            )),
            None => Ok(()),
        }
    }

    /// Version, then TLS or its absence.
    pub(super) fn transport(&self, reply: &Reply, secure: bool) -> Result<(), Failure> {
        let limited = self.unknown_versions || !self.versions.is_empty();
        if limited && !self.versions.contains(&reply.version) {
            let detail =
                format!("the answer is {:?}, which valid_http_versions does not name", reply.version);
            return Err(fail(Phase::Processing, "http_version", detail));
        }
        if secure && self.forbid_tls {
            return Err(fail(
                Phase::Processing,
                "ssl_forbidden",
                "the last answer came over tls, and fail_if_ssl is set",
            ));
        }
        if !secure && self.demand_tls {
            let detail = "the last answer came without tls, and fail_if_not_ssl is set";
            return Err(fail(Phase::Processing, "ssl_required", detail));
        }
        Ok(())
    }
}

impl CelChecks {
    fn check(&self, body: &[u8]) -> Result<(), Failure> {
        let json: serde_json::Value = serde_json::from_slice(body).map_err(|error| {
            fail(Phase::Transfer, "body_not_json", format!("the body is not json: {error}"))
        })?;
        let value = cel::to_value(&json).map_err(|error| {
            fail(Phase::Transfer, "body_cel", format!("the body is nothing to cel: {error}"))
        })?;
        let mut context = CelContext::with_env(Arc::clone(&self.environment));
        context.add_variable_from_value("body", value);
        let is_true = |expression: &Expression| match expression.program.execute(&context) {
            Ok(Value::Bool(result)) => Ok(result),
            Ok(_) => Err(failed(expression, "is neither true nor false")),
            Err(error) => Err(failed(expression, &format!("cannot be computed: {error}"))),
        };
        if let Some(expression) = &self.matches
            && is_true(expression)?
        {
            return Err(failed(expression, "is true"));
        }
        match &self.not_matches {
            Some(expression) if !is_true(expression)? => Err(failed(expression, "is false")),
            _ => Ok(()),
        }
    }
}

fn failed(expression: &Expression, what: &str) -> Failure {
    fail(Phase::Transfer, "body_cel", format!("`{}` {what}", expression.text))
}
