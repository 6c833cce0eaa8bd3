//! An answer's body: its size is bounded while it travels and while it is unpacked, and `{"data": …}` is opened.

use std::io::{Read as _, Write as _};

use bytes::Bytes;
use flate2::read::GzDecoder;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::failure::{Failure, Reason};

/// No answer is larger, in bytes, unpacked: that of 32 nodes with 10,000 guests has 4 MB, Ceph's status 0.7 MB.
pub const LARGEST: usize = 32 << 20;

/// Unpacks gzip.
pub(crate) fn unpack(packed: &[u8]) -> Result<Bytes, Failure> {
    let mut body = Vec::with_capacity(packed.len().saturating_mul(4).min(LARGEST));
    let read = GzDecoder::new(packed).take(LARGEST as u64 + 1).read_to_end(&mut body);
    match read {
        Ok(length) if length > LARGEST => Err(too_large()),
        Ok(_) => Ok(body.into()),
        Err(error) => Err(Failure::new(Reason::Answer, format!("gzip that cannot be unpacked: {error}"))),
    }
}

/// An answer beyond [`LARGEST`].
pub(super) fn too_large() -> Failure {
    Failure::new(Reason::TooLarge, format!("more than {} MiB", LARGEST >> 20))
}

/// What stands in `data`. A byte that is no UTF-8, as notes and names of before have them, costs itself and not the answer.
pub(crate) fn data<T: DeserializeOwned>(body: &[u8]) -> Result<T, Failure> {
    #[derive(Deserialize)]
    struct Envelope<T> {
        data: T,
    }
    let body = String::from_utf8_lossy(body);
    let open = |body: &str| serde_json::from_str::<Envelope<T>>(body).map(|envelope| envelope.data);
    let mend = || String::from_utf8(without_nan(body.as_bytes())?).ok();
    let read = open(&body).or_else(|error| match error.is_syntax().then(mend).flatten() {
        Some(mended) => open(&mended),
        None => Err(error),
    });
    read.map_err(|error| Failure::new(Reason::Answer, error.to_string()))
}

/// The text with `null` for the bare words that Perl writes for what is no number (`nan`, `NaN`, `-inf`, …), which JSON
/// does not have; `None` if there is none.
fn without_nan(body: &[u8]) -> Option<Vec<u8>> {
    let mut mended = Vec::with_capacity(body.len());
    let (mut at, mut quoted, mut found) = (0, false, false);
    while at < body.len() {
        let byte = body[at];
        if !quoted && (byte.is_ascii_alphabetic() || byte == b'-' || byte == b'+') {
            let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.');
            let length = body[at..].iter().take_while(|byte| is_part(byte)).count();
            let word = &body[at..at + length];
            let bare = word.strip_prefix(b"-").or_else(|| word.strip_prefix(b"+")).unwrap_or(word);
            let is_none =
                ["nan", "inf", "infinity"].iter().any(|name| bare.eq_ignore_ascii_case(name.as_bytes()));
            let _ = mended.write_all(if is_none { b"null" } else { word });
            found |= is_none;
            at += length;
            continue;
        }
        if byte == b'\\' && quoted {
            mended.push(byte);
            at += 1;
        } else if byte == b'"' {
            quoted = !quoted;
        }
        mended.extend(body.get(at));
        at += 1;
    }
    found.then_some(mended)
}

#[cfg(test)]
mod tests {
    use super::super::value::{Number, Rows, Text};
    use super::*;

    #[derive(Deserialize, Default)]
    #[serde(default)]
    struct Row {
        cpu: Number,
        name: Text,
    }

    #[test]
    fn what_is_no_number_is_unknown() {
        let json = br#"{"data":[{"cpu":nan,"name":"a \"nan\" b"},{"cpu":-inf},{"cpu":1e-3},{"cpu":NaN,"name":null}]}"#;
        let rows: Rows<Row> = data(json).unwrap();
        let cpus: Vec<Option<f64>> = rows.rows.iter().map(|row| row.cpu.0).collect();
        assert_eq!(cpus, [None, None, Some(0.001), None]);
        assert_eq!(&*rows.rows[0].name, "a \"nan\" b");
    }

    #[test]
    fn a_byte_that_is_no_text_costs_itself() {
        let json = b"{\"data\":[{\"name\":\"caf\xe9\",\"cpu\":nan},{\"name\":\"ok\",\"cpu\":1}]}";
        let rows: Rows<Row> = data(json).unwrap();
        assert_eq!((&*rows.rows[0].name, rows.rows[0].cpu.0), ("caf\u{fffd}", None));
        assert_eq!((&*rows.rows[1].name, rows.rows[1].cpu.0), ("ok", Some(1.0)));
    }

    #[test]
    fn what_is_no_answer_is_told() {
        for body in [
            "",
            "{}",
            "[]",
            "{\"data\":",
            "{\"data\":null}",
            "{\"data\":{}}",
            "<html>",
            "{\"data\":[{\"cpu\":nan",
        ] {
            let failure = data::<Rows<Row>>(body.as_bytes()).map(|_| ()).unwrap_err();
            assert_eq!(failure.reason, Reason::Answer, "{body}");
        }
    }

    #[test]
    fn a_bomb_is_not_unpacked() {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        let zeros = vec![b' '; 1 << 20];
        for _ in 0..33 {
            packer.write_all(&zeros).unwrap();
        }
        let packed = packer.finish().unwrap();
        assert!(packed.len() < 1 << 20);
        assert_eq!(unpack(&packed).unwrap_err().reason, Reason::TooLarge);
        assert_eq!(unpack(b"no gzip").unwrap_err().reason, Reason::Answer);
        assert_eq!(unpack(&packed[..1000]).unwrap_err().reason, Reason::Answer);
    }
}
