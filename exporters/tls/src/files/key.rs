//! Whether a private key belongs to a certificate.

use std::path::{Path, PathBuf};

use aws_lc_rs::digest;
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls_pki_types::PrivateKeyDer;
use wire::tls::Certificate;

/// Whether the key is the certificate's; `None` if it is of no kind that can be told.
pub(super) fn matches(key: &PrivateKeyDer<'_>, certificate: &Certificate) -> Option<bool> {
    let key = any_supported_type(key).ok()?;
    let public = key.public_key()?;
    Some(digest::digest(&digest::SHA256, &public).as_ref() == certificate.spki_fingerprint)
}

/// Where the key of a certificate usually is, the likeliest first: as certbot, Kubernetes, Proxmox VE and most people
/// call it.
pub(super) fn beside(path: &Path) -> Vec<PathBuf> {
    let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    let name = match stem {
        "fullchain" | "cert" => Some("privkey.pem".to_owned()),
        // certbot's archive numbers them.
        _ => ["fullchain", "cert"].iter().find_map(|word| {
            let number = stem.strip_prefix(word)?;
            number.bytes().all(|byte| byte.is_ascii_digit()).then(|| format!("privkey{number}.pem"))
        }),
    };
    let own = [format!("{stem}.key"), format!("{stem}-key.pem"), format!("{stem}.key.pem")];
    name.into_iter().chain(own).map(|name| path.with_file_name(name)).filter(|other| other != path).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_key_is_sought() {
        for (path, first) in [
            ("/l/live/a/fullchain.pem", "/l/live/a/privkey.pem"),
            ("/l/archive/a/cert12.pem", "/l/archive/a/privkey12.pem"),
            ("/s/tls.crt", "/s/tls.key"),
            ("/s/certificate.pem", "/s/certificate.key"),
        ] {
            assert_eq!(beside(Path::new(path))[0], Path::new(first), "{path}");
        }
    }
}
