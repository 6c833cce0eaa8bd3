//! What to do about a failure, where that is known.

use kit::config::SecretSource;

use super::Cluster;
use crate::api::access::Identity;
use crate::api::{Failure, Reason};

/// A failure in one line, with its way out.
pub(super) fn told(failure: &Failure, cluster: &Cluster) -> String {
    match way_out(failure, &cluster.settings().name, &cluster.api().access().identity) {
        Some(way_out) => format!("{failure}; {way_out}"),
        None => failure.to_string(),
    }
}

/// What to do about a failure of a cluster that is asked by this identity.
pub(super) fn way_out(failure: &Failure, cluster: &str, identity: &Identity) -> Option<String> {
    match failure.reason {
        Reason::Forbidden => {
            // `Permission check failed (/vms/100, VM.Audit|VM.Clone)`
            let (path, privilege) = failure.detail.split_once('(')?.1.split_once(')')?.0.split_once(", ")?;
            Some(format!(
                "grant {privilege} on {path}; PVEAuditor on / has it: proxmox-exporter --setup prints the commands"
            ))
        }
        Reason::Unauthorized => Some(match identity {
            Identity::Token(name, source) => format!(
                "the secret may be wrong: see {} of {name}; or the token, or its user, is disabled, expired or removed",
                place("token", source)
            ),
            Identity::Password(name, source) => format!(
                "the password may be wrong: see {} of {name}; or the user is disabled, expired or removed",
                place("password", source)
            ),
        }),
        Reason::Untrusted => Some(format!(
            "put the node's fingerprint or a copy of /etc/pve/pve-root-ca.pem into the tls section of cluster {cluster}"
        )),
        _ => None,
    }
}

/// Where a secret lies, in the configuration's words.
fn place(key: &str, source: &SecretSource) -> String {
    match source {
        SecretSource::File(path) => format!("{key}_file {}", path.display()),
        SecretSource::Env(name) => format!("{key} (the environment's {name})"),
        SecretSource::Credential(name) => format!("{key} (the credential {name})"),
        SecretSource::Inline(_) => key.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_out_name_what_must_be_changed() {
        let token = Identity::Token("u@pve!t".to_owned(), SecretSource::File("/run/secrets/pve".into()));
        for (reason, detail, want) in [
            (Reason::Unauthorized, "401", "see token_file /run/secrets/pve of u@pve!t"),
            (Reason::Untrusted, "", "pve-root-ca.pem into the tls section of cluster lab"),
            (Reason::Forbidden, "403 Permission check failed (/, Sys.Audit)", "grant Sys.Audit on /"),
        ] {
            let told = way_out(&Failure::new(reason, detail), "lab", &token).unwrap();
            assert!(told.contains(want), "{told}");
        }
        assert_eq!(way_out(&Failure::new(Reason::Timeout, ""), "lab", &token), None);
    }
}
