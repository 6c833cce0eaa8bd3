//! Which format, escaping and compression a request asks for. Rules: RFC 9110 §12.5, and Prometheus's "Scrape protocol
//! content negotiation".

use super::Format;

/// A format's version, as the `Content-Type` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// Text 0.0.4, what whoever asks for nothing else gets.
    Text0,
    /// Text 1.0.0; differs from 0.0.4 only for names that we do not have.
    Text1,
    /// OpenMetrics 0.0.1; differs from 1.0.0 in nothing that we write.
    OpenMetrics0,
    /// OpenMetrics 1.0.0.
    OpenMetrics1,
    /// Delimited `io.prometheus.client.MetricFamily`.
    Protobuf,
}

/// How names outside the classic alphabet are to be escaped. We have no such names, so every scheme writes the same
/// bytes; the answer only has to name the one that was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Escaping {
    /// `allow-utf-8`.
    AllowUtf8,
    /// `underscores`, what holds when nothing is said.
    #[default]
    Underscores,
    /// `dots`.
    Dots,
    /// `values`.
    Values,
}

/// What a response is going to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Negotiated {
    /// How the page is written.
    pub format: Format,
    /// The version that the client is promised.
    pub version: Version,
    /// The escaping scheme that the client is promised.
    pub escaping: Escaping,
    /// Whether the client takes gzip.
    pub gzip: bool,
}

/// One `Content-Type` for each escaping scheme, in the order of [`Escaping`].
macro_rules! with_escaping {
    ($kind:literal) => {
        [
            concat!($kind, "; escaping=allow-utf-8"),
            concat!($kind, "; escaping=underscores"),
            concat!($kind, "; escaping=dots"),
            concat!($kind, "; escaping=values"),
        ]
    };
}

const TEXT_1: [&str; 4] = with_escaping!("text/plain; version=1.0.0; charset=utf-8");
const OPENMETRICS_1: [&str; 4] = with_escaping!("application/openmetrics-text; version=1.0.0; charset=utf-8");
const PROTOBUF: [&str; 4] = with_escaping!(
    "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
);

impl Version {
    /// All of them; the first that serves a client best wins.
    const ALL: [Version; 5] =
        [Version::Text0, Version::Text1, Version::OpenMetrics1, Version::OpenMetrics0, Version::Protobuf];

    /// How it is written.
    #[must_use]
    pub const fn format(self) -> Format {
        match self {
            Version::Text0 | Version::Text1 => Format::Classic,
            Version::OpenMetrics0 | Version::OpenMetrics1 => Format::OpenMetrics,
            Version::Protobuf => Format::Protobuf,
        }
    }

    const fn media_type(self) -> (&'static str, &'static str) {
        match self {
            Version::Text0 | Version::Text1 => ("text", "plain"),
            Version::OpenMetrics0 | Version::OpenMetrics1 => ("application", "openmetrics-text"),
            Version::Protobuf => ("application", "vnd.google.protobuf"),
        }
    }

    /// Whether a range that names the media type means this version of it.
    fn is_meant(self, range: &Range<'_>) -> bool {
        match self {
            Version::Text0 => matches!(range.version, None | Some("0.0.4")),
            Version::Text1 => range.version == Some("1.0.0"),
            Version::OpenMetrics0 => range.version == Some("0.0.1"),
            Version::OpenMetrics1 => matches!(range.version, None | Some("1.0.0")),
            Version::Protobuf => {
                range.proto == Some("io.prometheus.client.MetricFamily")
                    && range.encoding == Some("delimited")
            }
        }
    }
}

impl Negotiated {
    /// The `Content-Type`, complete: Prometheus 3 refuses a scrape without a valid one.
    #[must_use]
    pub const fn content_type(&self) -> &'static str {
        match self.version {
            Version::Text0 => "text/plain; version=0.0.4; charset=utf-8; escaping=underscores",
            Version::Text1 => TEXT_1[self.escaping as usize],
            Version::OpenMetrics0 => {
                "application/openmetrics-text; version=0.0.1; charset=utf-8; escaping=underscores"
            }
            Version::OpenMetrics1 => OPENMETRICS_1[self.escaping as usize],
            Version::Protobuf => PROTOBUF[self.escaping as usize],
        }
    }
}

/// Chooses by the request's `Accept` and `Accept-Encoding`; several header lines are to be joined by commas. What
/// cannot be read in them is passed over, and whoever accepts nothing that we have gets text 0.0.4, as Prometheus's own
/// clients do.
#[must_use]
pub fn negotiate(accept: Option<&str>, accept_encoding: Option<&str>) -> Negotiated {
    let mut best: Option<(Choice, Version, Escaping)> = None;
    for version in Version::ALL {
        let Some((choice, escaping)) = choice(version, accept.unwrap_or_default()) else { continue };
        if best.as_ref().is_none_or(|(other, ..)| choice.is_better(other)) {
            best = Some((choice, version, escaping));
        }
    }
    let (version, escaping) =
        best.map_or((Version::Text0, Escaping::default()), |(_, version, escaping)| (version, escaping));
    let escaping = match version {
        Version::Text0 | Version::OpenMetrics0 => Escaping::default(),
        Version::Text1 | Version::OpenMetrics1 | Version::Protobuf => escaping,
    };
    Negotiated {
        format: version.format(),
        version,
        escaping,
        gzip: takes_gzip(accept_encoding.unwrap_or_default()),
    }
}

/// How much a client wants a version.
struct Choice {
    /// In thousandths.
    quality: u16,
    /// 0 `*/*`, 1 `type/*`, 2 the media type itself, 3 with its version.
    specificity: u8,
    /// Where in the header its range stands.
    position: usize,
}

impl Choice {
    fn is_better(&self, other: &Choice) -> bool {
        // Between media types that are both named, the header's order decides.
        let key = |choice: &Choice| (choice.quality, choice.specificity.min(2), usize::MAX - choice.position);
        key(self) > key(other)
    }
}

/// What the header says of `version`: the most specific range that covers it, the first of several. `None` if there is
/// none, or if it says no.
fn choice(version: Version, accept: &str) -> Option<(Choice, Escaping)> {
    let (kind, subtype) = version.media_type();
    let mut found: Option<(Choice, Escaping)> = None;
    for (position, range) in accept.split(',').filter_map(Range::parse).enumerate() {
        let specificity = match (range.kind, range.subtype) {
            ("*", "*") => 0,
            (one, "*") if one.eq_ignore_ascii_case(kind) => 1,
            (one, two) if one.eq_ignore_ascii_case(kind) && two.eq_ignore_ascii_case(subtype) => {
                // Without a version a range means our usual one, but a refusal means them all.
                let bare = range.version.is_none() && range.proto.is_none();
                match version.is_meant(&range) {
                    true if !bare => 3,
                    true => 2,
                    false if bare && range.quality == 0 => 2,
                    false => continue,
                }
            }
            _ => continue,
        };
        if found.as_ref().is_none_or(|(choice, _)| choice.specificity < specificity) {
            found = Some((Choice { quality: range.quality, specificity, position }, range.escaping));
        }
    }
    found.filter(|(choice, _)| choice.quality > 0)
}

/// A media range of `Accept`.
struct Range<'a> {
    kind: &'a str,
    subtype: &'a str,
    quality: u16,
    version: Option<&'a str>,
    proto: Option<&'a str>,
    encoding: Option<&'a str>,
    escaping: Escaping,
}

impl<'a> Range<'a> {
    /// `None` for what is not a media range, such as the `/;q=0.1` that a page of Prometheus's documentation shows.
    fn parse(text: &'a str) -> Option<Self> {
        let mut pieces = text.split(';');
        let (kind, subtype) = pieces.next()?.trim().split_once('/')?;
        let mut range = Range {
            kind,
            subtype,
            quality: 1000,
            version: None,
            proto: None,
            encoding: None,
            escaping: Escaping::default(),
        };
        if kind.is_empty() || subtype.is_empty() {
            return None;
        }
        for (name, value) in pieces.filter_map(parameter) {
            match name {
                _ if name.eq_ignore_ascii_case("q") => range.quality = quality(value)?,
                _ if name.eq_ignore_ascii_case("version") => range.version = Some(value),
                _ if name.eq_ignore_ascii_case("proto") => range.proto = Some(value),
                _ if name.eq_ignore_ascii_case("encoding") => range.encoding = Some(value),
                _ if name.eq_ignore_ascii_case("escaping") => {
                    range.escaping = match value {
                        "allow-utf-8" => Escaping::AllowUtf8,
                        "dots" => Escaping::Dots,
                        "values" => Escaping::Values,
                        _ => Escaping::Underscores,
                    }
                }
                _ => {}
            }
        }
        Some(range)
    }
}

fn parameter(text: &str) -> Option<(&str, &str)> {
    let (name, value) = text.split_once('=')?;
    Some((name.trim(), value.trim().trim_matches('"')))
}

/// A weight in thousandths: `0`, `1`, or either with up to three decimals; 0 to 1.
fn quality(text: &str) -> Option<u16> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    if decimals.len() > 3 || !decimals.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let thousandths =
        decimals.bytes().chain(*b"000").take(3).fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0'));
    match (whole, thousandths) {
        ("0" | "", _) => Some(thousandths),
        ("1", 0) => Some(1000),
        _ => None,
    }
}

/// Whether gzip is accepted, and not less than the plain bytes.
fn takes_gzip(accept_encoding: &str) -> bool {
    let (mut gzip, mut any, mut identity) = (None, None, None);
    for range in accept_encoding.split(',') {
        let mut pieces = range.split(';');
        let coding = pieces.next().unwrap_or_default().trim();
        let weight = pieces.filter_map(parameter).find(|(name, _)| name.eq_ignore_ascii_case("q"));
        let Some(weight) = weight.map_or(Some(1000), |(_, value)| quality(value)) else { continue };
        match coding {
            _ if coding.eq_ignore_ascii_case("gzip") || coding.eq_ignore_ascii_case("x-gzip") => {
                gzip = Some(weight)
            }
            _ if coding.eq_ignore_ascii_case("identity") => identity = Some(weight),
            "*" => any = Some(weight),
            _ => {}
        }
    }
    let gzip = gzip.or(any).unwrap_or(0);
    gzip > 0 && gzip >= identity.unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROTO: &str =
        "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited";

    #[test]
    fn what_each_client_gets() {
        let prometheus_native = format!(
            "{PROTO},application/openmetrics-text;version=1.0.0;q=0.8,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
        );
        let prometheus_3_native = format!(
            "{PROTO};q=0.6,application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1"
        );
        let text_encoding = PROTO.replace("delimited", "text");
        let cases: &[(&str, Version, Escaping)] = &[
            ("", Version::Text0, Escaping::Underscores),
            ("*/*", Version::Text0, Escaping::Underscores),
            // Browsers.
            (
                "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
                Version::Text0,
                Escaping::Underscores,
            ),
            // Prometheus 2.42.
            (
                "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
                Version::OpenMetrics1,
                Escaping::Underscores,
            ),
            // Prometheus 2.42 with native histograms.
            (&prometheus_native, Version::Protobuf, Escaping::Underscores),
            // Prometheus 2.49 and later.
            (
                "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
                Version::OpenMetrics1,
                Escaping::Underscores,
            ),
            // Prometheus 3.
            (
                "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
                Version::OpenMetrics1,
                Escaping::AllowUtf8,
            ),
            (&prometheus_3_native, Version::Protobuf, Escaping::Underscores),
            // Prometheus 3, configured to ask for text only.
            (
                "text/plain;version=1.0.0;escaping=values;q=0.6,text/plain;version=0.0.4;q=0.5,*/*;q=0.4",
                Version::Text1,
                Escaping::Values,
            ),
            ("text/plain;version=0.0.4;q=0.6,*/*;q=0.5", Version::Text0, Escaping::Underscores),
            // The ancient ones.
            ("text/plain;version=0.0.4;q=1,*/*;q=0.1", Version::Text0, Escaping::Underscores),
            ("application/openmetrics-text", Version::OpenMetrics1, Escaping::Underscores),
            ("application/openmetrics-text; version=0.0.1", Version::OpenMetrics0, Escaping::Underscores),
            ("application/openmetrics-text; version=2.0.0", Version::Text0, Escaping::Underscores),
            (
                "Application/OpenMetrics-Text; Version=\"1.0.0\"; ESCAPING=dots",
                Version::OpenMetrics1,
                Escaping::Dots,
            ),
            ("text/plain;version=0.0.4;escaping=allow-utf-8", Version::Text0, Escaping::Underscores),
            (&text_encoding, Version::Text0, Escaping::Underscores),
            ("application/vnd.google.protobuf", Version::Text0, Escaping::Underscores),
            // Weights and how precise the range is.
            ("text/plain, application/openmetrics-text;version=1.0.0", Version::Text0, Escaping::Underscores),
            ("*/*, application/openmetrics-text;version=1.0.0", Version::OpenMetrics1, Escaping::Underscores),
            (
                "*/*;q=0.9, application/openmetrics-text;version=1.0.0;q=0.8",
                Version::Text0,
                Escaping::Underscores,
            ),
            ("text/plain;q=0, */*", Version::OpenMetrics1, Escaping::Underscores),
            ("text/plain;q=0, text/plain;version=1.0.0;q=0.1", Version::Text1, Escaping::Underscores),
            ("text/*;q=0, application/*;q=0.1", Version::OpenMetrics1, Escaping::Underscores),
            ("*/*;q=0", Version::Text0, Escaping::Underscores),
            ("application/json", Version::Text0, Escaping::Underscores),
            // What cannot be read is passed over.
            (
                "application/openmetrics-text;version=1.0.0;q=0.5,/;q=0.1",
                Version::OpenMetrics1,
                Escaping::Underscores,
            ),
            (";;,,/,q=1,*", Version::Text0, Escaping::Underscores),
            ("application/openmetrics-text;q=NaN, text/plain;q=0.1", Version::Text0, Escaping::Underscores),
            ("application/openmetrics-text;q=7, text/plain;q=0.1", Version::Text0, Escaping::Underscores),
        ];
        for (accept, version, escaping) in cases {
            let negotiated = negotiate(Some(accept), None);
            assert_eq!((negotiated.version, negotiated.escaping), (*version, *escaping), "{accept}");
            assert_eq!(negotiated.format, version.format());
        }
        assert_eq!(negotiate(None, None).version, Version::Text0);
    }

    #[test]
    fn content_types_name_version_and_escaping() {
        for (accept, expected) in [
            ("", "text/plain; version=0.0.4; charset=utf-8; escaping=underscores"),
            (
                "text/plain;version=1.0.0;escaping=allow-utf-8",
                "text/plain; version=1.0.0; charset=utf-8; escaping=allow-utf-8",
            ),
            (
                "application/openmetrics-text;version=1.0.0",
                "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores",
            ),
            (
                PROTO,
                "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited; escaping=underscores",
            ),
        ] {
            assert_eq!(negotiate(Some(accept), None).content_type(), expected);
        }
    }

    #[test]
    fn gzip_is_for_whoever_takes_it() {
        for (accept_encoding, expected) in [
            ("", false),
            ("gzip", true),
            ("GZip", true),
            ("x-gzip;q=0.5", true),
            ("identity", false),
            ("deflate, br", false),
            ("gzip;q=0", false),
            ("gzip;q=0.000, *", false),
            ("*", true),
            ("*;q=0", false),
            ("deflate, gzip;q=0.5", true),
            ("gzip;q=0.5, identity", false),
            ("gzip;q=nonsense", false),
            ("gzip, deflate, br, zstd", true),
        ] {
            assert_eq!(negotiate(None, Some(accept_encoding)).gzip, expected, "{accept_encoding}");
        }
        assert!(!negotiate(None, None).gzip);
    }
}
