//! A record as zone files write it: `www.probe.test.⇥300⇥IN⇥A⇥192.0.2.1`. This is what the patterns of a configuration
//! match, so it follows, to the byte, what the peer's library prints (tabs between the first fields, escapes, quotes).

use std::fmt::Write as _;

use super::message::{Labels, Malformed, Record};
use super::names::{CLASS, OPT, Shown, TYPE};
use super::rdata;

/// Appends a record.
///
/// # Errors
/// If its data is not what its type says.
pub(super) fn write(out: &mut String, record: &Record<'_>) -> Result<(), Malformed> {
    if record.kind == OPT {
        return opt(out, record);
    }
    name(out, record.name);
    let mut data = record.data;
    // An empty record is one of an update's (RFC 2136 §2.5); it has a head only.
    let shown = if data.is_empty() || rdata::is_known(record.kind) {
        (CLASS.name(record.class), TYPE.name(record.kind))
    } else {
        // RFC 3597 §5.
        (Shown::Number("CLASS", record.class), Shown::Number("TYPE", record.kind))
    };
    let _ = write!(out, "\t{}\t{}\t{}\t", record.ttl, shown.0, shown.1);
    if data.is_empty() {
        return Ok(());
    }
    rdata::write(out, record.kind, &mut data)?;
    if data.is_empty() { Ok(()) } else { Err(Malformed("a record's data is longer than its type allows")) }
}

/// The pseudo-record of EDNS, which has class and time to live in name only. Options are given by number and in hex.
fn opt(out: &mut String, record: &Record<'_>) -> Result<(), Malformed> {
    let [_, version, flags, _] = record.ttl.to_be_bytes();
    let dnssec = if flags & 0x80 != 0 { " do" } else { "" };
    let _ = write!(
        out,
        "\n;; OPT PSEUDOSECTION:\n; EDNS: version {version}; flags:{dnssec}; udp: {}",
        record.class
    );
    let mut data = record.data;
    while !data.is_empty() {
        let (code, length) = (data.u16()?, data.u16()?);
        let _ = write!(out, "\n; LOCAL OPT: {code}:0x");
        hex(out, data.bytes(usize::from(length))?, false);
    }
    Ok(())
}

/// A name with the dot at its end. In a label everything that means something in a zone file is escaped, and what cannot
/// be printed is three decimal digits.
pub(super) fn name(out: &mut String, labels: Labels<'_>) {
    let before = out.len();
    for label in labels {
        for byte in label {
            match byte {
                b'.' | b' ' | b'\'' | b'@' | b';' | b'(' | b')' | b'"' | b'\\' => {
                    out.push('\\');
                    out.push(char::from(*byte));
                }
                byte => printable(out, *byte),
            }
        }
        out.push('.');
    }
    if out.len() == before {
        out.push('.');
    }
}

/// A string in quotes.
pub(super) fn quoted(out: &mut String, text: &[u8]) {
    out.push('"');
    for byte in text {
        if matches!(byte, b'"' | b'\\') {
            out.push('\\');
            out.push(char::from(*byte));
        } else {
            printable(out, *byte);
        }
    }
    out.push('"');
}

fn printable(out: &mut String, byte: u8) {
    if matches!(byte, b' '..=b'~') {
        out.push(char::from(byte));
    } else {
        let _ = write!(out, "\\{byte:03}");
    }
}

/// Bytes in hex.
pub(super) fn hex(out: &mut String, bytes: &[u8], upper: bool) {
    for byte in bytes {
        let _ = if upper { write!(out, "{byte:02X}") } else { write!(out, "{byte:02x}") };
    }
}
