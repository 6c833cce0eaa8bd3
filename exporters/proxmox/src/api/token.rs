//! A token's secret in the shapes in which people have it: alone, behind the token's name, or in what
//! `pveum user token add … --output-format json` prints.

use serde::Deserialize;

use super::failure::{Failure, Reason};

/// What pveum prints as JSON.
#[derive(Deserialize)]
struct Printed {
    #[serde(rename = "full-tokenid", default)]
    name: Option<String>,
    value: String,
}

/// The secret of the token of this name, out of what was written down for it.
///
/// # Errors
/// If that is the secret of another token, or JSON of another kind. Never shows it.
pub(super) fn secret(text: &str, name: &str) -> Result<String, Failure> {
    let text = text.trim();
    if text.starts_with('{') {
        let printed: Printed = serde_json::from_str(text).map_err(|_| {
            failed(
                "the token's secret is JSON, but not what pveum user token add --output-format json prints: it has no value"
                    .to_owned(),
            )
        })?;
        return match printed.name {
            Some(other) if other != name => Err(another(&other, name)),
            _ => Ok(printed.value.trim().to_owned()),
        };
    }
    let text = text.strip_prefix("PVEAPIToken=").unwrap_or(text);
    match text.split_once('=') {
        Some((whose, secret)) if whose == name => Ok(secret.trim().to_owned()),
        Some((other, _)) if other.contains('@') && other.contains('!') => Err(another(other, name)),
        _ => Ok(text.to_owned()),
    }
}

fn another(other: &str, name: &str) -> Failure {
    failed(format!("the secret is that of the token {other}, not of {name}: correct token_id or the secret"))
}

fn failed(detail: String) -> Failure {
    Failure::new(Reason::Credential, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    const UUID: &str = "01234567-89ab-cdef-0123-456789abcdef";

    #[test]
    fn a_secret_in_each_of_its_shapes() {
        for text in [
            UUID.to_owned(),
            format!(" {UUID}\n"),
            format!("u@pve!t={UUID}\n"),
            format!("PVEAPIToken=u@pve!t={UUID}"),
            format!(r#"{{"full-tokenid":"u@pve!t","info":{{"privsep":"1"}},"value":"{UUID}"}}"#),
            format!("{{\n  \"value\": \"{UUID}\"\n}}\n"),
        ] {
            assert_eq!(secret(&text, "u@pve!t").unwrap(), UUID, "{text}");
        }
        // Where tokens are not Proxmox VE's own, they may be of any form.
        assert_eq!(secret("a=b", "u@pve!t").unwrap(), "a=b");
    }

    #[test]
    fn the_secret_of_another_token_is_told_and_not_shown() {
        for (text, want) in [
            (format!("u@pve!other={UUID}"), "token u@pve!other, not of u@pve!t"),
            (
                format!(r#"{{"full-tokenid":"u@pve!other","value":"{UUID}"}}"#),
                "token u@pve!other, not of u@pve!t",
            ),
            (format!(r#"{{"secret":"{UUID}"}}"#), "it has no value"),
            (format!(r#"{{"value":"{UUID}""#), "it has no value"),
        ] {
            let failure = secret(&text, "u@pve!t").unwrap_err();
            assert_eq!(failure.reason, Reason::Credential);
            assert!(failure.detail.contains(want) && !failure.detail.contains(UUID), "{failure}");
        }
    }
}
