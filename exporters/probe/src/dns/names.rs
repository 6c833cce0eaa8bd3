//! Types, classes and response codes by name and number, as IANA lists them and zone files spell them.

use std::fmt;

/// The types that this prober treats by name.
pub(super) const SOA: u16 = 6;
pub(super) const OPT: u16 = 41;
pub(super) const ANY: u16 = 255;
/// The class of the Internet.
pub(super) const IN: u16 = 1;

/// Record types: IANA's registry "Resource Record (RR) TYPEs".
const TYPES: &[(&str, u16)] = &[
    ("A", 1),
    ("NS", 2),
    ("MD", 3),
    ("MF", 4),
    ("CNAME", 5),
    ("SOA", SOA),
    ("MB", 7),
    ("MG", 8),
    ("MR", 9),
    ("NULL", 10),
    ("PTR", 12),
    ("HINFO", 13),
    ("MINFO", 14),
    ("MX", 15),
    ("TXT", 16),
    ("RP", 17),
    ("AFSDB", 18),
    ("X25", 19),
    ("ISDN", 20),
    ("RT", 21),
    ("NSAP-PTR", 23),
    ("SIG", 24),
    ("KEY", 25),
    ("PX", 26),
    ("GPOS", 27),
    ("AAAA", 28),
    ("LOC", 29),
    ("NXT", 30),
    ("EID", 31),
    ("NIMLOC", 32),
    ("SRV", 33),
    ("ATMA", 34),
    ("NAPTR", 35),
    ("KX", 36),
    ("CERT", 37),
    ("DNAME", 39),
    ("OPT", OPT),
    ("APL", 42),
    ("DS", 43),
    ("SSHFP", 44),
    ("IPSECKEY", 45),
    ("RRSIG", 46),
    ("NSEC", 47),
    ("DNSKEY", 48),
    ("DHCID", 49),
    ("NSEC3", 50),
    ("NSEC3PARAM", 51),
    ("TLSA", 52),
    ("SMIMEA", 53),
    ("HIP", 55),
    ("NINFO", 56),
    ("RKEY", 57),
    ("TALINK", 58),
    ("CDS", 59),
    ("CDNSKEY", 60),
    ("OPENPGPKEY", 61),
    ("CSYNC", 62),
    ("ZONEMD", 63),
    ("SVCB", 64),
    ("HTTPS", 65),
    ("SPF", 99),
    ("UINFO", 100),
    ("UID", 101),
    ("GID", 102),
    ("UNSPEC", 103),
    ("NID", 104),
    ("L32", 105),
    ("L64", 106),
    ("LP", 107),
    ("EUI48", 108),
    ("EUI64", 109),
    ("TKEY", 249),
    ("TSIG", 250),
    ("IXFR", 251),
    ("AXFR", 252),
    ("MAILB", 253),
    ("MAILA", 254),
    ("ANY", ANY),
    ("URI", 256),
    ("CAA", 257),
    ("AVC", 258),
    ("AMTRELAY", 260),
    ("TA", 32_768),
    ("DLV", 32_769),
];

const CLASSES: &[(&str, u16)] =
    &[("IN", IN), ("CS", 2), ("CH", 3), ("HS", 4), ("NONE", 254), ("ANY", 255), ("CHAOS", 3)];

/// Response codes. The first name of a number is the one that is shown; NOTIMPL and BADVERS are second names.
const RCODES: &[(&str, u16)] = &[
    ("NOERROR", 0),
    ("FORMERR", 1),
    ("SERVFAIL", 2),
    ("NXDOMAIN", 3),
    ("NOTIMP", 4),
    ("REFUSED", 5),
    ("YXDOMAIN", 6),
    ("YXRRSET", 7),
    ("NXRRSET", 8),
    ("NOTAUTH", 9),
    ("NOTZONE", 10),
    ("DSOTYPENI", 11),
    ("BADSIG", 16),
    ("BADKEY", 17),
    ("BADTIME", 18),
    ("BADMODE", 19),
    ("BADNAME", 20),
    ("BADALG", 21),
    ("BADTRUNC", 22),
    ("BADCOOKIE", 23),
    ("NOTIMPL", 4),
    ("BADVERS", 16),
];

/// A table of names, and what an unlisted number is written with.
pub(super) struct Names {
    table: &'static [(&'static str, u16)],
    prefix: &'static str,
}

pub(super) const TYPE: Names = Names { table: TYPES, prefix: "TYPE" };
pub(super) const CLASS: Names = Names { table: CLASSES, prefix: "CLASS" };
pub(super) const RCODE: Names = Names { table: RCODES, prefix: "RCODE" };

impl Names {
    /// The number of a name in any case, also of `TYPE65280` and the like (RFC 3597 §5).
    pub(super) fn number(&self, name: &str) -> Option<u16> {
        if let Some((_, number)) = self.table.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
            return Some(*number);
        }
        let (prefix, digits) = name.split_at_checked(self.prefix.len())?;
        (prefix.eq_ignore_ascii_case(self.prefix) && digits.bytes().all(|digit| digit.is_ascii_digit()))
            .then(|| digits.parse().ok())
            .flatten()
    }

    /// How a number is written.
    pub(super) fn name(&self, number: u16) -> Shown {
        match self.table.iter().find(|(_, known)| *known == number) {
            Some((name, _)) => Shown::Name(name),
            None => Shown::Number(self.prefix, number),
        }
    }

    /// The known name nearest to a misspelt one.
    pub(super) fn nearest(&self, name: &str) -> Option<&'static str> {
        let upper = name.to_ascii_uppercase();
        self.table
            .iter()
            .map(|(known, _)| (strsim::damerau_levenshtein(&upper, known), *known))
            .min()
            .filter(|(distance, _)| *distance <= 2)
            .map(|(_, known)| known)
    }
}

/// A number's name, or the number behind a word.
#[derive(Clone, Copy)]
pub(super) enum Shown {
    Name(&'static str),
    Number(&'static str, u16),
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Shown::Name(name) => f.write_str(name),
            Shown::Number(prefix, number) => write!(f, "{prefix}{number}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_go_both_ways() {
        for (name, number) in [("A", 1), ("aaaa", 28), ("HTTPS", 65), ("TYPE65280", 65_280), ("ANY", 255)] {
            assert_eq!(TYPE.number(name), Some(number), "{name}");
        }
        assert_eq!(TYPE.name(65_280).to_string(), "TYPE65280");
        assert_eq!(CLASS.number("ch"), Some(3));
        assert_eq!(CLASS.name(3).to_string(), "CH");
        assert_eq!(RCODE.number("NOTIMPL"), Some(4));
        assert_eq!(RCODE.name(4).to_string(), "NOTIMP");
        for name in ["X", "", "TYPE", "TYPE+1", "TYPE99999", "é"] {
            assert_eq!(TYPE.number(name), None, "{name}");
        }
        assert_eq!(RCODE.nearest("NXDOMIAN"), Some("NXDOMAIN"));
        assert_eq!(RCODE.nearest("nonsense at all"), None);
    }
}
