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
/// If that is the secret of another token, JSON of another kind, or none that Proxmox VE makes: those are UUIDs. Never shows it.
pub(crate) fn secret(text: &str, name: &str) -> Result<String, Failure> {
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
            _ => uuid(&printed.value),
        };
    }
    let text = text.strip_prefix("PVEAPIToken=").unwrap_or(text);
    match text.split_once('=') {
        Some((whose, secret)) if whose == name => uuid(secret),
        Some((other, _)) if other.contains('@') && other.contains('!') => Err(another(other, name)),
        _ => uuid(text),
    }
}

/// `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx`, in hexadecimal digits.
fn uuid(text: &str) -> Result<String, Failure> {
    const GROUPS: [usize; 5] = [8, 4, 4, 4, 12];
    let text = text.trim();
    let is_hex = |part: &str| part.bytes().all(|digit| digit.is_ascii_hexdigit());
    let parts: Vec<&str> = text.split('-').collect();
    if parts.iter().map(|part| part.len()).eq(GROUPS) && parts.iter().all(|part| is_hex(part)) {
        return Ok(text.to_owned());
    }
    Err(failed(format!(
        "the token's secret is no UUID (36 characters as xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx) but {}: it is what pveum user token add \
         prints once as \"value\"; if that is lost, remove the token and make it anew (proxmox-exporter --setup)",
        match text.chars().count() {
            0 => "empty".to_owned(),
            36 => "other characters".to_owned(),
            length => format!("{length} characters"),
        }
    )))
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
        assert_eq!(secret(&UUID.to_uppercase(), "u@pve!t").unwrap(), UUID.to_uppercase());
    }

    #[test]
    fn what_can_be_no_secret_is_told_and_not_shown() {
        for (text, want) in [
            ("", "but empty"),
            ("hunter2", "but 7 characters"),
            ("a=b", "but 3 characters"),
            ("0123456789abcdef0123456789abcdef", "but 32 characters"),
            ("01234567-89ab-cdef-0123-456789abcdeg", "but other characters"),
            ("u@pve!t=", "but empty"),
            (r#"{"value":"hunter2"}"#, "but 7 characters"),
        ] {
            let failure = secret(text, "u@pve!t").unwrap_err();
            assert_eq!(failure.reason, Reason::Credential);
            assert!(
                failure.detail.contains(want) && !failure.detail.contains("hunter2"),
                "{text}: {failure}"
            );
        }
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
