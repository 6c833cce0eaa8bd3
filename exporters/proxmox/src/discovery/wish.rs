//! The query of `/sd`: which targets are wanted, by which of their addresses, with which port.

use std::net::IpAddr;

use kit::config::did_you_mean;

/// What a request wants; without a parameter everything. Several values of one parameter (`type=qemu,lxc`, or the parameter
/// twice) are alternatives, except tags, which a guest must have all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wish {
    /// `node`, `qemu`, `lxc`.
    pub kinds: Vec<String>,
    /// Whether it must run, or must not.
    pub running: Option<bool>,
    /// Tags that a guest must have.
    pub tags: Vec<String>,
    /// The pools of which it must be in one.
    pub pools: Vec<String>,
    /// The nodes of which it must be on one, or be.
    pub nodes: Vec<String>,
    /// Whether its target is its first IPv4 address (`true`) or IPv6 one; what has none is left out.
    pub ipv4: Option<bool>,
    /// What stands behind the target.
    pub port: Option<u16>,
    /// Facts that are told as labels of their own, too, and not for relabelling alone.
    pub labels: Vec<String>,
}

const KEYS: &[&str] = &["type", "running", "tag", "pool", "node", "family", "port", "labels"];
/// The facts that may be labels of their own.
const LABELS: &[&str] = &["cluster", "id", "type", "name", "node", "status", "vmid", "pool", "tags"];
const KINDS: &[&str] = &["node", "qemu", "lxc"];

impl Wish {
    /// Reads a query as it stands in a URL.
    ///
    /// # Errors
    /// What is wrong with it, and what there is.
    pub fn parse(query: &str) -> Result<Self, String> {
        let mut wish = Self::default();
        for (key, value) in url::form_urlencoded::parse(query.as_bytes()) {
            let each = || value.split(',').filter(|one| !one.is_empty()).map(str::to_owned);
            let wrong = |want: &str| Err(format!("{key}={value}: {want}"));
            match &*key {
                "type" => {
                    if let Some(odd) = each().find(|kind| !KINDS.contains(&kind.as_str())) {
                        return Err(format!("type={odd}: {}", did_you_mean(&odd, KINDS.iter().copied())));
                    }
                    wish.kinds.extend(each());
                }
                "labels" => {
                    if let Some(odd) = each().find(|label| !LABELS.contains(&label.as_str())) {
                        return Err(format!("labels={odd}: {}", did_you_mean(&odd, LABELS.iter().copied())));
                    }
                    wish.labels.extend(each());
                }
                "tag" => wish.tags.extend(each()),
                "pool" => wish.pools.extend(each()),
                "node" => wish.nodes.extend(each()),
                "running" => {
                    wish.running = match &*value {
                        "1" | "true" => Some(true),
                        "0" | "false" => Some(false),
                        _ => return wrong("give 1 or 0"),
                    };
                }
                "family" => {
                    wish.ipv4 = match &*value {
                        "ipv4" => Some(true),
                        "ipv6" => Some(false),
                        _ => return wrong("give ipv4 or ipv6"),
                    };
                }
                "port" => match value.parse() {
                    Ok(port) if port > 0 => wish.port = Some(port),
                    _ => return wrong("give a port, 1 to 65535"),
                },
                odd => {
                    let way_out = did_you_mean(odd, KEYS.iter().copied());
                    return Err(format!("there is no parameter {odd:?}: {way_out}"));
                }
            }
        }
        Ok(wish)
    }

    /// The address of these that is wanted.
    #[must_use]
    pub fn choose(&self, addresses: &[IpAddr]) -> Option<IpAddr> {
        let is_wanted = |ip: &&IpAddr| self.ipv4.is_none_or(|ipv4| ipv4 == ip.is_ipv4());
        // Whoever does not say gets the older one, which is reached from more places.
        let older = addresses.iter().filter(is_wanted).find(|ip| ip.is_ipv4());
        older.or_else(|| addresses.iter().find(is_wanted)).copied()
    }

    /// A host as the target that is wanted: with the port, if there is one.
    #[must_use]
    pub fn target(&self, host: &str) -> String {
        match self.port {
            Some(port) if host.contains(':') => format!("[{host}]:{port}"),
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_read_and_what_is_wrong_is_told() {
        let wish =
            Wish::parse("type=qemu,lxc&running=1&tag=a&tag=b%20c&pool=p&family=ipv6&port=9100").unwrap();
        assert_eq!(
            (wish.kinds.len(), wish.running, wish.ipv4, wish.port),
            (2, Some(true), Some(false), Some(9100))
        );
        assert_eq!(wish.tags, ["a", "b c"]);
        assert_eq!(Wish::parse("").unwrap(), Wish::default());
        for (query, want) in [
            ("typ=qemu", "type"),
            ("type=vm", "qemu"),
            ("running=yes", "1 or 0"),
            ("family=6", "ipv6"),
            ("port=0", "65535"),
            ("port=x", "65535"),
            ("labels=id,nam", "did you mean \"name\"?"),
        ] {
            let error = Wish::parse(query).unwrap_err();
            assert!(error.contains(want), "{query}: {error}");
        }
    }

    #[test]
    fn addresses_are_chosen_and_written() {
        let both: Vec<IpAddr> = ["2001:db8::1", "192.0.2.1"].map(|text| text.parse().unwrap()).into();
        let chosen = |query: &str| {
            let wish = Wish::parse(query).unwrap();
            wish.choose(&both).map(|ip| wish.target(&ip.to_string())).unwrap_or_default()
        };
        assert_eq!(chosen(""), "192.0.2.1");
        assert_eq!(chosen("family=ipv6"), "2001:db8::1");
        assert_eq!(chosen("family=ipv6&port=9100"), "[2001:db8::1]:9100");
        assert_eq!(Wish::parse("family=ipv4").unwrap().choose(&both[..1]), None);
    }
}
