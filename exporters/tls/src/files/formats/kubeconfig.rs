//! kubeconfig: the certificates that clients of a Kubernetes cluster trust and log in with. A file of its own, or a cluster
//! that has become unreachable for everybody on one morning.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kit::config::Document;
use serde::Deserialize;

use super::password::Opening;
use super::{Content, Part, pem};
use crate::files::faults::Fault;

/// Clusters and users that are looked at, each.
const MOST: usize = 64;
/// No file that it names is larger, in bytes.
const LARGEST: u64 = 1 << 20;

/// As far as it is of interest; it has more keys.
#[derive(Deserialize)]
struct Kubeconfig {
    #[serde(default)]
    clusters: Vec<Named<Cluster>>,
    #[serde(default)]
    users: Vec<Named<User>>,
}

#[derive(Deserialize)]
struct Named<T> {
    name: String,
    #[serde(alias = "cluster", alias = "user")]
    of: Option<T>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Cluster {
    certificate_authority: Option<PathBuf>,
    certificate_authority_data: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct User {
    client_certificate: Option<PathBuf>,
    client_certificate_data: Option<String>,
    client_key: Option<PathBuf>,
    client_key_data: Option<String>,
}

/// Reads a kubeconfig, of YAML or JSON; `None` if the bytes are none. `folder` is the file's own, which the paths in it
/// start from.
pub(super) fn read(bytes: &[u8], folder: Option<&Path>, opening: &mut Opening<'_>) -> Option<Content> {
    let text = std::str::from_utf8(bytes).ok()?;
    let has = |word: &str| text.contains(word);
    if !(has("Config") && has("kind") && (has("clusters") || has("users"))) {
        return None;
    }
    let mut content = Content::default();
    let Ok(file) = Document::embedded("kubeconfig", text).parse::<Kubeconfig>() else {
        content.faults.push(Fault::BadKubeconfig);
        return Some(content);
    };
    let mut bench = Bench { folder, opening, content };
    for Named { name, of } in file.clusters.into_iter().take(MOST) {
        let Some(Cluster { certificate_authority, certificate_authority_data }) = of else { continue };
        if let Some(found) = bench.pem(certificate_authority_data, certificate_authority) {
            bench.part(format!("cluster/{name}"), found, None);
        }
    }
    for Named { name, of } in file.users.into_iter().take(MOST) {
        let Some(user) = of else { continue };
        if let Some(found) = bench.pem(user.client_certificate_data, user.client_certificate) {
            let key = bench.pem(user.client_key_data, user.client_key);
            bench.part(format!("user/{name}"), found, key);
        }
    }
    Some(bench.content)
}

struct Bench<'a, 'o, 'p> {
    folder: Option<&'a Path>,
    opening: &'o mut Opening<'p>,
    content: Content,
}

impl Bench<'_, '_, '_> {
    /// What stands in the file itself, which outweighs the file that it names, as kubectl has it.
    fn pem(&mut self, data: Option<String>, file: Option<PathBuf>) -> Option<Content> {
        let bytes = match (data.filter(|data| !data.is_empty()), file, self.folder) {
            (Some(data), ..) => STANDARD.decode(data.trim()).map_err(|_| Fault::BadKubeconfig),
            (None, Some(file), Some(folder)) if !file.as_os_str().is_empty() => {
                let path = folder.join(file);
                let bytes = kit::config::read(&path, LARGEST).map_err(|error| Fault::of(&path, &error));
                self.content.others.push(path);
                bytes
            }
            _ => return None,
        };
        match bytes {
            Ok(bytes) => {
                let found = pem::read(&bytes, self.opening);
                if found.is_none() {
                    self.content.faults.push(Fault::BadPem);
                }
                found
            }
            Err(fault) => {
                self.content.faults.push(fault);
                None
            }
        }
    }

    fn part(&mut self, name: String, found: Content, key: Option<Content>) {
        self.content.faults.extend(found.faults);
        let key = key.and_then(|key| {
            self.content.faults.extend(key.faults);
            key.key
        });
        if !found.certificates.is_empty() {
            self.content.parts.push(Part { name, certificates: found.certificates, key: key.or(found.key) });
        }
    }
}
