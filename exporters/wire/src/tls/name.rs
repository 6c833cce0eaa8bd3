//! Distinguished names as Go's `pkix.Name.String` prints them, for that is how blackbox_exporter's labels read.
//!
//! Go does not print a name as it is encoded. It sorts the attributes it knows into fields, puts them into a fixed order
//! (C, O, OU, L, ST, STREET, POSTALCODE, CN, SERIALNUMBER), prepends those it does not know, and prints the whole from
//! the end, in the manner of RFC 2253. Of several common names or serial numbers the last one counts.

use std::fmt::Write as _;

use x509_parser::asn1_rs::Tag;
use x509_parser::x509::{AttributeTypeAndValue, X509Name};

/// The attributes Go knows, under 2.5.4, in its order.
const KNOWN: [(u8, &str); 9] = [
    (6, "C"),
    (10, "O"),
    (11, "OU"),
    (7, "L"),
    (8, "ST"),
    (9, "STREET"),
    (17, "POSTALCODE"),
    (3, "CN"),
    (5, "SERIALNUMBER"),
];

/// Those of which the last one counts: common name and serial number.
const SINGLE: [u8; 2] = [3, 5];

pub(super) fn print(name: &X509Name<'_>) -> String {
    let mut unknown = Vec::new();
    let mut known: [Vec<String>; KNOWN.len()] = Default::default();
    for attribute in name.iter_attributes() {
        let place = match attribute.attr_type().as_bytes() {
            // 2.5.4.x in DER.
            [0x55, 0x04, last] => KNOWN.iter().position(|(number, _)| number == last),
            _ => None,
        };
        let Some(place) = place else {
            unknown.push(attribute);
            continue;
        };
        // Go passes over a known attribute whose value is not text.
        let Some(value) = text(attribute) else { continue };
        if SINGLE.contains(&KNOWN[place].0) {
            known[place].clear();
        }
        known[place].push(value);
    }
    let mut out = String::new();
    for (place, values) in known.iter().enumerate().rev() {
        if values.is_empty() || (SINGLE.contains(&KNOWN[place].0) && values[0].is_empty()) {
            continue;
        }
        separate(&mut out, ',');
        for (index, value) in values.iter().enumerate() {
            if index > 0 {
                out.push('+');
            }
            let _ = write!(out, "{}=", KNOWN[place].1);
            escape(&mut out, value);
        }
    }
    for attribute in unknown.into_iter().rev() {
        separate(&mut out, ',');
        let _ = write!(out, "{}=#", attribute.attr_type().to_id_string());
        match text(attribute) {
            Some(value) => hexadecimal(&mut out, &encoded(&value)),
            None => hexadecimal(&mut out, attribute.as_slice()),
        }
    }
    out
}

/// The text of an attribute; `None` when it is of no text type or broken.
pub(super) fn text(attribute: &AttributeTypeAndValue<'_>) -> Option<String> {
    let value = attribute.attr_value();
    match value.tag() {
        Tag::BmpString => {
            let units = value.data.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
            char::decode_utf16(units).collect::<Result<String, _>>().ok()
        }
        // In practice Latin-1, as Go reads it too.
        Tag::T61String => Some(value.data.iter().map(|byte| char::from(*byte)).collect()),
        Tag::Utf8String | Tag::PrintableString | Tag::Ia5String | Tag::NumericString | Tag::VisibleString => {
            std::str::from_utf8(value.data).ok().map(str::to_owned)
        }
        _ => None,
    }
}

/// What Go's `asn1.Marshal` makes of a text: a PrintableString if it can be one, else a UTF8String.
fn encoded(value: &str) -> Vec<u8> {
    let printable = value.bytes().all(|byte| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'\''..=b')' | b'+'..=b'/' | b' ' | b':' | b'=' | b'?')
    });
    let mut out = vec![if printable { 0x13 } else { 0x0c }];
    let length = value.len();
    if length < 0x80 {
        out.push(length as u8);
    } else {
        let bytes = length.to_be_bytes();
        let first = bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len() - 1);
        out.push(0x80 | (bytes.len() - first) as u8);
        out.extend_from_slice(&bytes[first..]);
    }
    out.extend_from_slice(value.as_bytes());
    out
}

fn separate(out: &mut String, separator: char) {
    if !out.is_empty() {
        out.push(separator);
    }
}

fn escape(out: &mut String, value: &str) {
    for (index, letter) in value.char_indices() {
        let special = match letter {
            ',' | '+' | '"' | '\\' | '<' | '>' | ';' => true,
            ' ' => index == 0 || index == value.len() - 1,
            '#' => index == 0,
            _ => false,
        };
        if special {
            out.push('\\');
        }
        out.push(letter);
    }
}

/// Lower-case hexadecimal, two digits a byte.
pub(super) fn hexadecimal(out: &mut String, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.reserve(bytes.len() * 2);
    for byte in bytes {
        out.push(char::from(DIGITS[usize::from(byte >> 4)]));
        out.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};

    use super::*;

    fn printed(parts: &[(DnType, &str)]) -> String {
        let mut name = DistinguishedName::new();
        for (kind, value) in parts {
            name.push(kind.clone(), *value);
        }
        let mut params = CertificateParams::new(vec!["a.test".to_owned()]).unwrap();
        params.distinguished_name = name;
        let der = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        let (_, parsed) = x509_parser::parse_x509_certificate(der.der()).unwrap();
        print(parsed.subject())
    }

    #[test]
    fn go_puts_the_attributes_into_its_own_order() {
        let email = DnType::CustomDnType(vec![1, 2, 840, 113_549, 1, 9, 1]);
        let cases: [(&[(DnType, &str)], &str); 5] = [
            (
                &[(DnType::CommonName, "probe.test"), (DnType::OrganizationName, "Probe Lab")],
                "CN=probe.test,O=Probe Lab",
            ),
            (
                &[(DnType::OrganizationName, "Probe Lab"), (DnType::CommonName, "probe.test")],
                "CN=probe.test,O=Probe Lab",
            ),
            (
                &[
                    (DnType::CommonName, " a, b+c "),
                    (DnType::CountryName, "DE"),
                    (DnType::LocalityName, "#1"),
                ],
                "CN=\\ a\\, b\\+c\\ ,L=\\#1,C=DE",
            ),
            // Go: pkix.Name.String of a name with an e-mail address; "@" is not printable, so it is a UTF8String.
            (&[(DnType::CommonName, "x"), (email.clone(), "a@b")], "CN=x,1.2.840.113549.1.9.1=#0c03614062"),
            (&[], ""),
        ];
        for (parts, want) in cases {
            assert_eq!(printed(parts), want);
        }
    }

    #[test]
    fn long_texts_are_encoded_with_a_long_length() {
        let text = "a".repeat(300);
        assert_eq!(&encoded(&text)[..4], &[0x13, 0x82, 0x01, 0x2c]);
        assert_eq!(encoded("é")[..2], [0x0c, 2]);
    }
}
