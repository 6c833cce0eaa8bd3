//! Whether an Accept-Encoding header admits a compression: a module that asks for one and forbids it can only fail.

/// By RFC 9110 §12.5.3, as far as the peer's check goes: a coding or `*` with a weight above 0. The most exact entry
/// counts: `gzip;q=0` is not saved by `*`.
pub(super) fn admits(accept: &str, coding: &str) -> bool {
    let (mut exact, mut any) = (None, None);
    for entry in accept.split(',') {
        let mut parts = entry.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        let weight = parts
            .find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")))
            .map_or(1.0, |weight| weight.trim().parse::<f64>().unwrap_or(0.0));
        if name.eq_ignore_ascii_case(coding) {
            exact = Some(weight);
        } else if name == "*" {
            any = Some(weight);
        }
    }
    // `identity` is acceptable unless it is forbidden.
    let default = if coding == "identity" { 1.0 } else { 0.0 };
    exact.or(any).unwrap_or(default) > 0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_and_stars_count() {
        for (accept, coding, want) in [
            ("gzip", "gzip", true),
            ("GZip", "gzip", true),
            ("br, gzip", "gzip", true),
            ("br;q=1.0, gzip;q=0.8", "gzip", true),
            ("br", "gzip", false),
            ("gzip;q=0", "gzip", false),
            ("gzip;q=0.0, *", "gzip", false),
            ("*", "br", true),
            ("*;q=0.0", "deflate", false),
            ("*;q=0.0, deflate", "deflate", true),
            ("", "gzip", false),
            ("gzip", "identity", true),
            ("*;q=0", "identity", false),
        ] {
            assert_eq!(admits(accept, coding), want, "{accept:?} {coding}");
        }
    }
}
