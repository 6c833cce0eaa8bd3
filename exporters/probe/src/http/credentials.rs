//! The Authorization header: made at load, or from files that are read at each probe, since secrets rotate in place.

use std::path::PathBuf;

use http::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use kit::Failure;
use url::Url;
use wire::Phase;
use wire::proxy::{basic, decoded};

use crate::config::http::HttpSection;
use crate::module::Workshop;
use crate::verdict::fail;

/// No password or token is larger, in bytes.
const LARGEST: u64 = 1 << 20;

/// A text of the configuration, or of a file.
pub(super) enum Text {
    Here(String),
    File(PathBuf),
}

/// What goes into the Authorization header.
pub(super) enum Credentials {
    None,
    /// User and password.
    Basic(Text, Text),
    /// A scheme and what follows it.
    Scheme(String, Text),
}

impl Text {
    fn read(&self) -> Result<String, String> {
        match self {
            Text::Here(text) => Ok(text.clone()),
            Text::File(path) => kit::config::read(path, LARGEST)
                .and_then(|bytes| String::from_utf8(bytes).map_err(std::io::Error::other))
                .map(|text| text.trim().to_owned())
                .map_err(|error| format!("read {}: {error}", path.display())),
        }
    }

    fn is_fixed(&self) -> bool {
        matches!(self, Text::Here(_))
    }
}

impl Credentials {
    /// From the section, or a problem noted.
    pub(super) fn new(section: &HttpSection, workshop: &mut Workshop<'_>) -> Self {
        let ways = [
            section.basic_auth.is_some(),
            section.authorization.is_some(),
            section.bearer_token.as_ref().is_some_and(|token| !token.is_empty()),
            section.bearer_token_file.is_some(),
            section.oauth2.is_some(),
        ];
        if ways.into_iter().filter(|way| *way).count() > 1 {
            workshop.problem_at(
                "http",
                "basic_auth, authorization, bearer_token, bearer_token_file and oauth2 exclude one another",
                "keep one",
            );
        }
        let document = workshop.document;
        let file = |path: &kit::config::Spanned<PathBuf>| Text::File(document.path(path));
        if let Some(basic) = &section.basic_auth {
            if let (Some(path), Some(_)) = (&basic.password_file, &basic.password) {
                let cause = "password and password_file exclude one another";
                workshop.problem(path, "http.basic_auth.password_file", cause, "keep one");
            }
            if let (Some(path), Some(_)) = (&basic.username_file, &basic.username) {
                let cause = "username and username_file exclude one another";
                workshop.problem(path, "http.basic_auth.username_file", cause, "keep one");
            }
            let here = |text: Option<&str>| Text::Here(text.unwrap_or_default().to_owned());
            let user = basic.username_file.as_ref().map(file);
            let password = basic.password_file.as_ref().map(file);
            return Credentials::Basic(
                user.unwrap_or_else(|| here(basic.username.as_ref().map(|user| user.as_str()))),
                password.unwrap_or_else(|| here(basic.password.as_ref().map(|password| password.expose()))),
            );
        }
        if let Some(authorization) = &section.authorization {
            let scheme = authorization.scheme.as_ref().map_or("Bearer", |scheme| scheme.trim());
            if let (Some(path), Some(_)) = (&authorization.credentials_file, &authorization.credentials) {
                let cause = "credentials and credentials_file exclude one another";
                workshop.problem(path, "http.authorization.credentials_file", cause, "keep one");
            }
            if scheme.eq_ignore_ascii_case("basic") {
                let at = authorization.scheme.clone().unwrap_or_default();
                let cause = "type Basic wants a user and a password";
                workshop.problem(&at, "http.authorization.type", cause, "use basic_auth");
            }
            let here =
                authorization.credentials.as_ref().map(|secret| Text::Here(secret.expose().to_owned()));
            return match authorization.credentials_file.as_ref().map(file).or(here) {
                Some(text) => Credentials::Scheme(scheme.to_owned(), text),
                None => Credentials::None,
            };
        }
        let token = section.bearer_token.as_ref().filter(|token| !token.is_empty());
        match (token, &section.bearer_token_file) {
            (Some(token), _) => {
                Credentials::Scheme("Bearer".to_owned(), Text::Here(token.expose().to_owned()))
            }
            (None, Some(path)) => Credentials::Scheme("Bearer".to_owned(), file(path)),
            (None, None) => Credentials::None,
        }
    }

    /// The header's value, if it does not change: then nothing is left to do at a probe.
    pub(super) fn fix(self, headers: &mut HeaderMap) -> Result<Self, String> {
        let fixed = match &self {
            Credentials::None => return Ok(self),
            Credentials::Basic(user, password) => user.is_fixed() && password.is_fixed(),
            Credentials::Scheme(_, text) => text.is_fixed(),
        };
        if !fixed {
            return Ok(self);
        }
        if let Some(value) = self.value()? {
            headers.insert(AUTHORIZATION, value);
        }
        Ok(Credentials::None)
    }

    /// Adds what must be read now, or what stands in the target's URL.
    pub(super) fn apply(&self, headers: &mut HeaderMap, url: &Url) -> Result<(), Failure> {
        let wrong = |cause: String| fail(Phase::Request, "internal", cause);
        if let Some(value) = self.value().map_err(wrong)? {
            headers.insert(AUTHORIZATION, value);
        } else if !url.username().is_empty() && !headers.contains_key(AUTHORIZATION) {
            let value = basic(&decoded(url.username()), &decoded(url.password().unwrap_or_default()));
            headers.insert(AUTHORIZATION, value.map_err(wrong)?);
        }
        Ok(())
    }

    fn value(&self) -> Result<Option<HeaderValue>, String> {
        match self {
            Credentials::None => Ok(None),
            Credentials::Basic(user, password) => basic(&user.read()?, &password.read()?).map(Some),
            Credentials::Scheme(scheme, text) => secret(&format!("{scheme} {}", text.read()?)).map(Some),
        }
    }
}

fn secret(text: &str) -> Result<HeaderValue, String> {
    let mut value = HeaderValue::from_str(text)
        .map_err(|_| "credentials hold a character that no header may".to_owned())?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    #[test]
    fn users_and_passwords_in_a_url_are_sent() {
        let url = Url::parse("http://me:a%20b+c@a.test/").unwrap();
        let mut headers = HeaderMap::new();
        Credentials::None.apply(&mut headers, &url).unwrap();
        assert_eq!(headers[AUTHORIZATION], format!("Basic {}", STANDARD.encode("me:a b+c")));
    }

    #[test]
    fn a_file_is_read_at_each_probe() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let credentials = Credentials::Scheme("Bearer".to_owned(), Text::File(path.clone()));
        let mut headers = HeaderMap::new();
        let url = Url::parse("http://a.test/").unwrap();
        assert!(credentials.apply(&mut headers, &url).unwrap_err().detail.starts_with("read "));
        for token in ["one", "two"] {
            std::fs::write(&path, format!("{token}\n")).unwrap();
            credentials.apply(&mut headers, &url).unwrap();
            assert_eq!(headers[AUTHORIZATION], format!("Bearer {token}"));
        }
    }
}
