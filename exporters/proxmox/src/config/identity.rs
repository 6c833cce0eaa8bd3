//! Who the exporter is to a cluster, out of its section: a token or a user, and where the secret lies.

use std::path::{Path, PathBuf};

use kit::Notice;
use kit::config::{Problem, SecretSource, Spanned};

use super::ClusterSection;
use super::build::Bench;
use crate::api::access::Identity;
use crate::api::token;

/// What is told of a name with its secret in it, which must not be shown.
pub(super) const SECRET_BEHIND: &str = "the token's secret stands behind its name";

/// Where the token's secret and the user's password lie.
fn secrets(section: &ClusterSection) -> (Option<SecretSource>, Option<SecretSource>) {
    let file = |path: &Spanned<PathBuf>| SecretSource::File(path.value.clone());
    let token = section.token.clone().or_else(|| section.token_file.as_ref().map(file));
    let password = section.password.clone().or_else(|| section.password_file.as_ref().map(file));
    (token, password)
}

/// What is told when a secret's file cannot be read now, or cannot be a token's. It is no error: the file is read when it is
/// needed, may be written later than this program starts, and one cluster's must not keep the others from being watched.
#[must_use]
pub fn unreadable(section: &ClusterSection, folder: &Path) -> Option<Notice> {
    let (token, password) = secrets(section);
    let source = token.clone().or(password).filter(|source| matches!(source, SecretSource::File(_)))?;
    let name = section.name.as_str();
    let (notice, text) = match (source.read(folder), &section.token_id) {
        (Err(error), _) => (
            "secret_unreadable",
            format!(
                "cluster {name}: {error}; until this program's user can read it, the cluster is not asked. proxmox-exporter \
                 --setup prints the commands that make a token"
            ),
        ),
        (Ok(secret), Some(id)) if token.is_some() => {
            let failure = token::secret(secret.expose(), id).err()?;
            let SecretSource::File(path) = &source else { return None };
            ("secret_unusable", format!("cluster {name}: {}: {}", path.display(), failure.detail))
        }
        _ => return None,
    };
    Some(Notice { name: notice, text })
}

impl Bench<'_> {
    /// Token or user; what is wrong is told.
    pub(super) fn identity(&mut self, section: &ClusterSection) -> Option<Identity> {
        let one = "give token_id with token or token_file, or username with password or password_file";
        let (token, password) = secrets(section);
        if let (Some(_), Some(at)) = (&section.token, &section.token_file) {
            self.at(at, "token_file", "the token stands in token, too", "keep one of them");
        }
        if let (Some(_), Some(at)) = (&section.password, &section.password_file) {
            self.at(at, "password_file", "the password stands in password, too", "keep one of them");
        }
        for (key, source) in [("token", &token), ("password", &password)] {
            // What the environment does not have now, it never will. A file may come: see `unreadable`.
            let fixed = source.as_ref().filter(|source| !matches!(source, SecretSource::File(_)));
            match (fixed.map(|source| source.read(&self.document.folder)), &section.token_id) {
                (Some(Err(error)), _) => self.there(key, error, "set it where this program is started"),
                (Some(Ok(secret)), Some(id)) if key == "token" => {
                    if let Err(failure) = token::secret(secret.expose(), id) {
                        // Without its line, which has the secret in it.
                        let way_out = "give the secret as it was printed, alone; or its file, as token_file";
                        let problem = self.document.problem_at(self.key(key), failure.detail, way_out);
                        self.problems.push(Problem { snippet: None, ..problem });
                    }
                }
                _ => {}
            }
        }
        match (&section.token_id, &section.username) {
            (Some(_), Some(at)) => {
                self.at(at, "username", "there is a token_id, too", one);
                None
            }
            (Some(id), None) => {
                let parts = id.split_once('!').and_then(|(user, name)| Some((user.split_once('@')?, name)));
                let odd = |text: &str| text.is_empty() || text.contains(['=', ' ', '!', '\n']);
                if parts.is_none_or(|((user, realm), name)| odd(user) || odd(realm) || odd(name)) {
                    // Whoever pastes the whole header has the secret in it.
                    let cause = if id.contains('=') {
                        SECRET_BEHIND.to_owned()
                    } else {
                        format!("{:?} is not the name of a token", id.as_str())
                    };
                    self.at(
                        id,
                        "token_id",
                        cause,
                        "write it as user@realm!tokenid, e.g. farol@pve!farol; its secret is another key",
                    );
                }
                if token.is_none() {
                    self.at(id, "token_id", "the token has no secret", "add token_file, or token");
                }
                token.map(|token| Identity::Token(id.value.clone(), token))
            }
            (None, Some(user)) => {
                if user.contains('!') {
                    let way_out = "give it as token_id, with its secret in token_file";
                    self.at(user, "username", "this is the name of a token", way_out);
                } else if !user.contains('@') {
                    self.at(
                        user,
                        "username",
                        "the user has no realm",
                        "write it as user@realm, e.g. farol@pve",
                    );
                }
                if password.is_none() {
                    self.at(user, "username", "the user has no password", "add password_file, or password");
                }
                password.map(|password| Identity::Password(user.value.clone(), password))
            }
            (None, None) => {
                self.there("token_id", "there is neither a token nor a user", one);
                None
            }
        }
    }
}
