//! A record's data as zone files write it, type by type.
//!
//! The types that are met in practice have their own form; the others (LOC, APL, HIP, IPSECKEY, …) have RFC 3597's,
//! `\# 4 c0000201`.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, Ipv6Addr};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::message::{Malformed, Reader};
use super::names::TYPE;
use super::record::{hex, name, quoted};

type Written = Result<(), Malformed>;

/// How a type's data is built. A table instead of a branch each: many types share a build.
#[derive(Clone, Copy)]
enum Part {
    /// A number of 8, 16 or 32 bits.
    U8,
    U16,
    U32,
    /// A name.
    Name,
    /// A string behind its length, in quotes.
    Text,
    /// A string behind its length, as it is.
    Word,
    /// All strings up to the end, in quotes.
    Texts,
    /// What is left as one string in quotes.
    Rest,
    /// What is left in hex.
    Hex,
    /// What is left in hex, upper case.
    UpperHex,
    /// What is left in base64.
    Base64,
    /// An address.
    V4,
    V6,
    /// The type that a signature covers.
    Type,
    /// A date of a signature.
    Date,
    /// A salt behind its length; `-` if empty.
    Salt,
    /// A hash behind its length, in base32 with the extended hex alphabet.
    Base32,
    /// A bitmap of types (RFC 4034 §4.1.2), each with a space before it.
    Types,
    /// The parameters of SVCB and HTTPS, each with a space before it.
    Parameters,
    /// What is left in hex, a dash between two bytes.
    Dashes,
}

fn build(kind: u16) -> Option<&'static [Part]> {
    use Part::{
        Base32, Base64, Dashes, Date, Hex, Name, Parameters, Rest, Salt, Text, Texts, Type, Types, U8, U16,
        U32, UpperHex, V4, V6, Word,
    };
    Some(match kind {
        1 => &[V4],
        28 => &[V6],
        // NS, MD, MF, CNAME, MB, MG, MR, PTR, NSAP-PTR, DNAME
        2..=5 | 7..=9 | 12 | 23 | 39 => &[Name],
        6 => &[Name, Name, U32, U32, U32, U32, U32],
        // HINFO, TXT, ISDN, SPF, NINFO, AVC
        13 | 16 | 20 | 56 | 99 | 258 => &[Texts],
        // MINFO, RP, TALINK
        14 | 17 | 58 => &[Name, Name],
        // MX, AFSDB, RT, KX, LP
        15 | 18 | 21 | 36 | 107 => &[U16, Name],
        26 => &[U16, Name, Name],
        33 => &[U16, U16, U16, Name],
        35 => &[U16, U16, Text, Text, Text, Name],
        37 => &[U16, U16, U8, Base64],
        // DS, CDS, TA, DLV
        43 | 59 | 32_768 | 32_769 => &[U16, U8, U8, UpperHex],
        44 => &[U8, U8, UpperHex],
        // SIG, RRSIG
        24 | 46 => &[Type, U8, U8, U32, Date, Date, U16, Name, Base64],
        47 => &[Name, Types],
        // KEY, DNSKEY, RKEY, CDNSKEY
        25 | 48 | 57 | 60 => &[U16, U8, U8, Base64],
        // DHCID, OPENPGPKEY
        49 | 61 => &[Base64],
        50 => &[U8, U8, U16, Salt, Base32, Types],
        51 => &[U8, U8, U16, Salt],
        // TLSA, SMIMEA
        52 | 53 => &[U8, U8, U8, Hex],
        62 => &[U32, U16, Types],
        63 => &[U32, U8, U8, Hex],
        64 | 65 => &[U16, Name, Parameters],
        108 | 109 => &[Dashes],
        256 => &[U16, U16, Rest],
        257 => &[U8, Word, Rest],
        _ => return None,
    })
}

/// Whether the type has a form of its own.
pub(super) fn is_known(kind: u16) -> bool {
    build(kind).is_some()
}

/// Appends the data of a record of this type.
pub(super) fn write(out: &mut String, kind: u16, data: &mut Reader<'_>) -> Written {
    let Some(parts) = build(kind) else {
        let bytes = data.rest();
        let _ = write!(out, "\\# {} ", bytes.len());
        hex(out, bytes, false);
        return Ok(());
    };
    for (index, part) in parts.iter().enumerate() {
        // These bring their own space, one for each of their items, of which there may be none.
        if index > 0 && !matches!(part, Part::Types | Part::Parameters) {
            out.push(' ');
        }
        write_part(out, *part, data)?;
    }
    Ok(())
}

fn write_part(out: &mut String, part: Part, data: &mut Reader<'_>) -> Written {
    // Writing to a string cannot fail.
    let _ = match part {
        Part::U8 => write!(out, "{}", data.u8()?),
        Part::U16 => write!(out, "{}", data.u16()?),
        Part::U32 => write!(out, "{}", data.u32()?),
        Part::V4 => write!(out, "{}", Ipv4Addr::from(data.array::<4>()?)),
        Part::V6 => write!(out, "{}", Ipv6Addr::from(data.array::<16>()?)),
        Part::Type => write!(out, "{}", TYPE.name(data.u16()?)),
        Part::Date => {
            date(out, data.u32()?);
            Ok(())
        }
        Part::Name => {
            name(out, data.name()?);
            Ok(())
        }
        Part::Text => {
            quoted(out, data.string()?);
            Ok(())
        }
        Part::Word => {
            out.push_str(&String::from_utf8_lossy(data.string()?));
            Ok(())
        }
        Part::Texts => return texts(out, data),
        Part::Rest => {
            quoted(out, data.rest());
            Ok(())
        }
        Part::Hex => {
            hex(out, data.rest(), false);
            Ok(())
        }
        Part::UpperHex => {
            hex(out, data.rest(), true);
            Ok(())
        }
        Part::Base64 => {
            STANDARD.encode_string(data.rest(), out);
            Ok(())
        }
        Part::Dashes => {
            for (index, byte) in data.rest().iter().enumerate() {
                let _ = write!(out, "{}{byte:02x}", if index > 0 { "-" } else { "" });
            }
            Ok(())
        }
        Part::Salt => {
            let salt = data.string()?;
            if salt.is_empty() {
                out.push('-');
            }
            hex(out, salt, true);
            Ok(())
        }
        Part::Base32 => {
            base32(out, data.string()?);
            Ok(())
        }
        Part::Types => return types(out, data),
        Part::Parameters => return parameters(out, data),
    };
    Ok(())
}

fn texts(out: &mut String, data: &mut Reader<'_>) -> Written {
    let mut first = true;
    while !data.is_empty() {
        if !first {
            out.push(' ');
        }
        first = false;
        quoted(out, data.string()?);
    }
    Ok(())
}

/// `20261123134500` (RFC 4034 §3.2). Thirty-two bits of seconds last until 2106.
fn date(out: &mut String, seconds: u32) {
    let (days, second) = (i64::from(seconds / 86_400), seconds % 86_400);
    // The civil date of a day's number, counting years from March so that the leap day is the last.
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    let _ = write!(out, "{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}");
}

fn base32(out: &mut String, bytes: &[u8]) {
    const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHIJKLMNOPQRSTUV";
    for group in bytes.chunks(5) {
        let mut padded = [0; 8];
        padded[3..3 + group.len()].copy_from_slice(group);
        let bits = u64::from_be_bytes(padded);
        for index in 0..(group.len() * 8).div_ceil(5) {
            out.push(char::from(ALPHABET[(bits >> (35 - 5 * index) & 31) as usize]));
        }
    }
}

fn types(out: &mut String, data: &mut Reader<'_>) -> Written {
    while !data.is_empty() {
        let window = data.u8()?;
        for (byte_index, byte) in data.string()?.iter().enumerate() {
            for bit in 0..8_u16 {
                if byte & (0x80 >> bit) != 0 {
                    let low =
                        u16::try_from(byte_index * 8).map_err(|_| Malformed("a bitmap is too long"))? + bit;
                    let _ = write!(out, " {}", TYPE.name(u16::from(window) << 8 | low));
                }
            }
        }
    }
    Ok(())
}

/// The keys of RFC 9460 §14.3.2 by number.
const KEYS: [&str; 9] =
    ["mandatory", "alpn", "no-default-alpn", "port", "ipv4hint", "ech", "ipv6hint", "dohpath", "ohttp"];

fn parameters(out: &mut String, data: &mut Reader<'_>) -> Written {
    while !data.is_empty() {
        let (key, length) = (data.u16()?, data.u16()?);
        let bytes = data.bytes(usize::from(length))?;
        let mut value = Reader::new(bytes, 0..bytes.len());
        out.push(' ');
        key_name(out, key);
        out.push_str("=\"");
        let mut comma = "";
        match key {
            0 => {
                while !value.is_empty() {
                    out.push_str(comma);
                    key_name(out, value.u16()?);
                    comma = ",";
                }
            }
            1 => {
                while !value.is_empty() {
                    let _ = write!(out, "{comma}{}", value.string()?.escape_ascii());
                    comma = ",";
                }
            }
            3 => {
                let _ = write!(out, "{}", value.u16()?);
            }
            4 => {
                while !value.is_empty() {
                    let _ = write!(out, "{comma}{}", Ipv4Addr::from(value.array::<4>()?));
                    comma = ",";
                }
            }
            5 => STANDARD.encode_string(value.rest(), out),
            6 => {
                while !value.is_empty() {
                    let _ = write!(out, "{comma}{}", Ipv6Addr::from(value.array::<16>()?));
                    comma = ",";
                }
            }
            _ => {
                let mut text = String::new();
                quoted(&mut text, value.rest());
                out.push_str(text.get(1..text.len() - 1).unwrap_or_default());
            }
        }
        out.push('"');
    }
    Ok(())
}

fn key_name(out: &mut String, key: u16) {
    match KEYS.get(usize::from(key)) {
        Some(name) => out.push_str(name),
        None => {
            let _ = write!(out, "key{key}");
        }
    }
}

#[cfg(test)]
mod tests;
