//! An endpoint as it is written: `https://pve1.example.org:8006`, or the host with or without its port.

use super::module::PORT;

/// Host (an IPv6 address without brackets) and port; or what is wrong.
///
/// # Errors
/// The cause in words.
pub fn parse(text: &str) -> Result<(String, u16), String> {
    parse_with(text, PORT)
}

/// The same with another default port.
///
/// # Errors
/// The cause in words.
pub fn parse_with(text: &str, port: u16) -> Result<(String, u16), String> {
    let text = text.trim();
    if text.starts_with("http://") {
        return Err("Proxmox VE speaks https alone".to_owned());
    }
    // A bare IPv6 address has no port and no brackets.
    let bare = text.parse::<std::net::Ipv6Addr>().map(|ip| format!("[{ip}]"));
    let text = bare.as_deref().unwrap_or(text);
    let whole = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
    let url = url::Url::parse(&whole).map_err(|error| error.to_string())?;
    if url.scheme() != "https" {
        return Err(format!("{} is not https", url.scheme()));
    }
    if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
        return Err("only host and port are wanted, no path".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("a user has no place here: give token_id, or username".to_owned());
    }
    let host = match url.host() {
        Some(url::Host::Domain(name)) if !name.is_empty() => name.to_owned(),
        Some(url::Host::Ipv4(ip)) => ip.to_string(),
        Some(url::Host::Ipv6(ip)) => ip.to_string(),
        _ => return Err("there is no host".to_owned()),
    };
    // The usual port of https is left out of a parsed URL; whoever wrote it meant it.
    let written = whole.trim_end_matches('/').ends_with(":443");
    Ok((host, url.port().unwrap_or(if written { 443 } else { port })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_read_as_people_write_them() {
        for (text, host, port) in [
            ("https://pve1.example.org:8006", "pve1.example.org", 8006),
            ("https://pve1.example.org/", "pve1.example.org", 8006),
            ("https://pve.example.org:443", "pve.example.org", 443),
            ("pve1", "pve1", 8006),
            ("192.0.2.10", "192.0.2.10", 8006),
            ("192.0.2.10:18006", "192.0.2.10", 18006),
            ("2001:db8::1", "2001:db8::1", 8006),
            ("[2001:db8::1]:443", "2001:db8::1", 443),
            ("https://[2001:db8::1]", "2001:db8::1", 8006),
        ] {
            assert_eq!(parse(text), Ok((host.to_owned(), port)), "{text}");
        }
        for text in [
            "",
            "http://pve1",
            "ftp://pve1",
            "https://pve1/api2/json",
            "https://a:b@pve1",
            "pve 1",
            "pve1:99999",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
