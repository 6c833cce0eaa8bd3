//! The rules of an allow-list as the configuration file writes them.

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::str::FromStr;

use ipnet::IpNet;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error as _, MapAccess, Visitor, value::MapAccessDeserializer};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::config::Spanned;

/// Which targets a URL may name. A target is allowed when at least one rule matches it; an empty list allows none.
/// Link-local and cloud-metadata addresses are refused whatever the rules say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct AllowedTargets(pub Vec<Spanned<AllowRule>>);

/// One rule: a host or a network, and a port. A short form is a text: `10.0.0.0/8`, `192.0.2.7`, `*.example.org:443`,
/// `[2001:db8::/32]:8000-8100`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowRule {
    fields: Fields,
    /// As it was written, when it was a text.
    short: Option<String>,
}

/// A rule's long form.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "AllowRule")]
struct Fields {
    /// What the rule is for, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// Host names; `*` stands for any characters, dots too, `?` for one. A host allowed by its name may have any address.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(example = ["*.example.org"])]
    hosts: Vec<HostGlob>,
    /// Networks, as `10.0.0.0/8` or a single address; checked after the name is resolved.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(example = ["10.0.0.0/8"])]
    networks: Vec<Network>,
    /// Ports, as `443` or `8000-8100`; none is any port. A rule with ports does not match a probe without one (icmp).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(example = [443])]
    ports: Vec<Ports>,
}

impl AllowRule {
    /// What the rule is for.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.fields.name.as_deref()
    }

    /// Whether it matches a name and a port, whatever the address.
    pub(super) fn matches_host(&self, host: &str, port: Option<u16>) -> bool {
        self.matches_port(port)
            && (self.is_ports_only() || self.fields.hosts.iter().any(|glob| glob.matches(host)))
    }

    /// Whether it matches an address and a port, whatever the name.
    pub(super) fn matches_address(&self, ip: IpAddr, port: Option<u16>) -> bool {
        let within =
            |network: &Network| network.net.contains(&ip) || network.net.contains(&ip.to_canonical());
        self.matches_port(port) && (self.is_ports_only() || self.fields.networks.iter().any(within))
    }

    /// Whether it may match a name once its address is known.
    pub(super) fn may_match_address(&self, port: Option<u16>) -> bool {
        self.matches_port(port) && !self.fields.networks.is_empty()
    }

    /// The same rule; one without ports is for this port alone.
    pub(super) fn for_port(&self, port: u16) -> Self {
        let mut rule = self.clone();
        if rule.fields.ports.is_empty() {
            rule.fields.ports.push(Ports(port..=port));
        }
        rule
    }

    fn is_ports_only(&self) -> bool {
        self.fields.hosts.is_empty() && self.fields.networks.is_empty()
    }

    fn matches_port(&self, port: Option<u16>) -> bool {
        let ports = &self.fields.ports;
        ports.is_empty() || port.is_some_and(|port| ports.iter().any(|range| range.0.contains(&port)))
    }
}

impl FromStr for AllowRule {
    type Err = String;

    /// Reads the short form.
    fn from_str(text: &str) -> Result<Self, String> {
        if text.contains("://") {
            return Err(format!(
                "`{text}` is a URL; a rule is a host or a network, with a port or without, e.g. `example.org:443`"
            ));
        }
        let mut rule = Self { short: Some(text.to_owned()), ..Self::default() };
        let fields = &mut rule.fields;
        if let Some(inner) = text.strip_prefix('[') {
            let (network, rest) = inner.split_once(']').ok_or_else(|| format!("`{text}`: `]` is missing"))?;
            fields.networks.push(network.parse()?);
            match rest.strip_prefix(':') {
                Some(ports) => fields.ports.push(ports.parse()?),
                None if rest.is_empty() => {}
                None => return Err(format!("`{text}`: after `]` comes nothing or `:` and a port")),
            }
            return Ok(rule);
        }
        if let Ok(network) = text.parse::<Network>() {
            fields.networks.push(network);
            return Ok(rule);
        }
        let (what, ports) = match text.rsplit_once(':') {
            Some((what, _)) if what.contains(':') => {
                return Err(format!(
                    "`{text}` is no network; write an IPv6 network with a port as `[2001:db8::/32]:443`"
                ));
            }
            Some((what, ports)) => (what, Some(ports)),
            None => (text, None),
        };
        if let Some(ports) = ports {
            fields.ports.push(ports.parse()?);
        }
        if what.contains('/') {
            fields.networks.push(what.parse()?);
        } else if let Ok(network) = what.parse::<Network>() {
            fields.networks.push(network);
        } else {
            fields.hosts.push(what.parse()?);
        }
        Ok(rule)
    }
}

impl<'de> Deserialize<'de> for AllowRule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct RuleVisitor;

        impl<'de> Visitor<'de> for RuleVisitor {
            type Value = AllowRule;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a rule: `10.0.0.0/8`, `*.example.org:443` in quotes, or the keys `hosts`, `networks`, `ports`")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<AllowRule, E> {
                text.parse().map_err(E::custom)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<AllowRule, A::Error> {
                let fields = Fields::deserialize(MapAccessDeserializer::new(map))?;
                if fields.hosts.is_empty() && fields.networks.is_empty() && fields.ports.is_empty() {
                    return Err(A::Error::custom(
                        "a rule needs at least one of the keys `hosts`, `networks`, `ports`",
                    ));
                }
                Ok(AllowRule { fields, short: None })
            }
        }

        deserializer.deserialize_any(RuleVisitor)
    }
}

impl Serialize for AllowRule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.short {
            Some(text) => serializer.serialize_str(text),
            None => self.fields.serialize(serializer),
        }
    }
}

impl JsonSchema for AllowRule {
    fn schema_name() -> Cow<'static, str> {
        "AllowRule".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [generator.subschema_for::<Fields>(), { "type": "string" }] })
    }
}

/// A host name with wildcards, in lower case and without a dot at its end.
#[derive(Clone, Debug, PartialEq, Eq)]
struct HostGlob(String);

impl HostGlob {
    fn matches(&self, host: &str) -> bool {
        let (glob, host) = (self.0.as_bytes(), host.trim_end_matches('.').as_bytes());
        let (mut at, mut from) = (0, 0);
        // Where to go on when what follows the last `*` does not match: after it, one character later.
        let mut retry = None;
        while from < host.len() {
            match glob.get(at) {
                Some(b'*') => {
                    retry = Some((at + 1, from + 1));
                    at += 1;
                }
                Some(wanted) if *wanted == b'?' || wanted.eq_ignore_ascii_case(&host[from]) => {
                    at += 1;
                    from += 1;
                }
                _ => {
                    let Some((after, next)) = retry else { return false };
                    retry = Some((after, next + 1));
                    (at, from) = (after, next);
                }
            }
        }
        glob[at..].iter().all(|byte| *byte == b'*')
    }
}

impl FromStr for HostGlob {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let good = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '*' | '?');
        if text.is_empty() {
            return Err("an empty host; `*` is any host".into());
        }
        if text.parse::<Network>().is_ok() {
            return Err(format!("`{text}` is an address; write it under `networks`"));
        }
        if let Some(bad) = text.chars().find(|c| !good(*c)) {
            return Err(format!(
                "host `{text}`: {bad:?} is in no host name; ports go under `ports`, networks under `networks`"
            ));
        }
        // `10.*` would match the name 10.example.org, which is anybody's.
        if text.bytes().any(|byte| byte.is_ascii_digit())
            && !text.bytes().any(|byte| byte.is_ascii_alphabetic() || byte >= 128)
        {
            return Err(format!(
                "`{text}` looks like addresses, and would match names; write a network under `networks`"
            ));
        }
        Ok(Self(text.trim_end_matches('.').to_lowercase()))
    }
}

/// A network; an address alone is a network of one.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Network {
    net: IpNet,
    text: String,
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let net = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        net.map(|net| Self { net, text: text.to_owned() }).map_err(|_| {
            format!("`{text}` is no network; write e.g. `10.0.0.0/8`, `2001:db8::/32` or an address")
        })
    }
}

/// A port, or several in a row.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Ports(RangeInclusive<u16>);

impl FromStr for Ports {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no port; write a number from 1 to 65535, or two as `8000-8100`");
        let port = |text: &str| {
            let digits = text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse::<u16>().ok().filter(|port| digits && *port > 0).ok_or_else(wrong)
        };
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let (first, last) = (port(first.trim())?, port(last.trim())?);
        if first > last { Err(wrong()) } else { Ok(Self(first..=last)) }
    }
}

macro_rules! text_type {
    ($name:ident, $schema:tt, |$value:ident| $text:expr) => {
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(D::Error::custom)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let $value = self;
                $text.serialize(serializer)
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn inline_schema() -> bool {
                true
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    };
}

text_type!(HostGlob, { "type": "string" }, |host| host.0);
text_type!(Network, { "type": "string" }, |network| network.text);

impl<'de> Deserialize<'de> for Ports {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl Serialize for Ports {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (first, last) = (self.0.start(), self.0.end());
        if first == last {
            first.serialize(serializer)
        } else {
            serializer.collect_str(&format_args!("{first}-{last}"))
        }
    }
}

impl JsonSchema for Ports {
    fn schema_name() -> Cow<'static, str> {
        "Ports".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["integer", "string"] })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::config::Document;

    fn parse(yaml: &str) -> Result<AllowedTargets, crate::config::ConfigError> {
        Document::embedded("t.yml", yaml).parse()
    }

    #[test]
    fn good_rules_and_how_they_are_written_back() {
        let yaml = "- 10.0.0.0/8\n- 192.0.2.7\n- 192.0.2.0/24:443\n- '*.example.org:443'\n- '[2001:db8::/32]:8000-8100'\n\
                    - '::1'\n- db.example.org\n- name: web\n  hosts: [a.b, '*']\n  networks: [::1, 10.0.0.1]\n  ports: [80, 8000-8100]\n";
        let rules = parse(yaml).unwrap();
        assert_eq!(rules.0.len(), 8);
        assert_eq!((rules.0[7].line, rules.0[7].column, rules.0[7].name()), (8, 3, Some("web")));
        let again = serde_saphyr::to_string(&rules).unwrap();
        assert_eq!(parse(&again).unwrap(), rules, "{again}");
        assert_eq!(parse("[]").unwrap(), AllowedTargets::default());
    }

    #[test]
    fn bad_rules_and_why() {
        for (yaml, why) in [
            (
                "- 300.0.0.0/8",
                "t.yml:1:3: [0]: `300.0.0.0/8` is no network; write e.g. `10.0.0.0/8`, `2001:db8::/32` or an address",
            ),
            (
                "- a.b:0",
                "t.yml:1:3: [0]: `0` is no port; write a number from 1 to 65535, or two as `8000-8100`",
            ),
            (
                "- a.b:90-80",
                "t.yml:1:3: [0]: `90-80` is no port; write a number from 1 to 65535, or two as `8000-8100`",
            ),
            (
                "- a.b:+80",
                "t.yml:1:3: [0]: `+80` is no port; write a number from 1 to 65535, or two as `8000-8100`",
            ),
            (
                "- '2001:db8::/32:80'",
                "t.yml:1:3: [0]: `2001:db8::/32:80` is no network; write an IPv6 network with a port as `[2001:db8::/32]:443`",
            ),
            ("- '[::1'", "t.yml:1:3: [0]: `[::1`: `]` is missing"),
            (
                "- '10.*'",
                "t.yml:1:3: [0]: `10.*` looks like addresses, and would match names; write a network under `networks`",
            ),
            (
                "- 'http://a.b/'",
                "t.yml:1:3: [0]: `http://a.b/` is a URL; a rule is a host or a network, with a port or without, e.g. `example.org:443`",
            ),
            (
                "- {name: x}",
                "t.yml:1:3: [0]: a rule needs at least one of the keys `hosts`, `networks`, `ports`",
            ),
            (
                "- hosts: [10.0.0.1]",
                "t.yml:1:11: [0].hosts[0]: `10.0.0.1` is an address; write it under `networks`",
            ),
            (
                "- hosts: ['a b']",
                "t.yml:1:11: [0].hosts[0]: host `a b`: ' ' is in no host name; ports go under `ports`, networks under `networks`",
            ),
            (
                "- ports: [99999]",
                "t.yml:1:11: [0].ports[0]: `99999` is no port; write a number from 1 to 65535, or two as `8000-8100`",
            ),
            ("- port: [80]", "t.yml:1:3: [0].port: unknown key"),
            (
                "- 80",
                "t.yml:1:3: [0]: expected a rule: `10.0.0.0/8`, `*.example.org:443` in quotes, or the keys `hosts`, `networks`, `ports`, found `80`",
            ),
            ("hosts: [a]", "t.yml:1:1: expected a list, found keys with values"),
        ] {
            let error = parse(yaml).unwrap_err().to_string();
            assert_eq!(error.lines().next().unwrap(), why, "{yaml}: {error}");
        }
        let alias = parse("- *.example.org:443").unwrap_err().to_string();
        assert!(alias.contains("in quotes"), "{alias}");
    }

    #[test]
    fn wildcards() {
        for (glob, host, want) in [
            ("*", "anything.at.all", true),
            ("*.example.org", "a.example.org", true),
            ("*.example.org", "a.b.EXAMPLE.org.", true),
            ("*.example.org", "example.org", false),
            ("*.example.org", "a.example.org.evil.net", false),
            ("db?.example.org", "db1.example.org", true),
            ("db?.example.org", "db.example.org", false),
            ("a*b*c", "aXbXbXc", true),
            ("a*b*c", "aXbXbX", false),
            ("db", "db", true),
            ("db", "dbx", false),
        ] {
            assert_eq!(glob.parse::<HostGlob>().unwrap().matches(host), want, "{glob} {host}");
        }
    }

    proptest! {
        #[test]
        fn a_glob_matches_what_it_was_made_of(parts in proptest::collection::vec("[a-z.]{0,5}", 1..5), fill in "[a-z.]{0,5}") {
            let host = format!("h{}h", parts.join(&fill));
            let glob = HostGlob(format!("h{}h", parts.join("*")));
            prop_assert!(glob.matches(&host), "{:?} {}", glob, host);
        }

        #[test]
        fn a_name_without_wildcards_matches_itself_only(name in "[a-z][a-z.-]{0,20}[a-z]", other in "[a-z.-]{1,20}[a-z]") {
            let glob: HostGlob = name.parse().unwrap();
            prop_assert!(glob.matches(&name));
            prop_assert_eq!(glob.matches(&other), name == other);
        }

        #[test]
        fn no_text_breaks_a_rule(text in ".{0,40}") {
            let _ = text.parse::<AllowRule>();
        }
    }
}
