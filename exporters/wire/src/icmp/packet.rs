//! The bytes of an echo message: RFC 792, RFC 4443 §4.

/// Bytes of an echo's header.
pub(super) const HEADER: usize = 8;
/// Bytes of the payload that tell one echo from every other.
pub(super) const COOKIE: usize = 8;
/// The longest payload: an IPv4 packet's 65535 bytes less its header and ours. IPv6 does not count its header.
pub(super) const MOST: [usize; 2] = [65_535 - 20 - HEADER, 65_535 - HEADER];

/// Writes a request. `packet` is the header and the payload, of at least [`HEADER`] bytes.
///
/// The checksum is ours for IPv4; a ping socket writes it again, and every IPv6 socket does, for it covers addresses that
/// only the kernel knows.
pub(super) fn write_request(
    packet: &mut [u8],
    ipv4: bool,
    identifier: u16,
    sequence: u16,
    cookie: [u8; COOKIE],
) {
    let [a, b] = identifier.to_be_bytes();
    let [c, d] = sequence.to_be_bytes();
    packet[..HEADER].copy_from_slice(&[if ipv4 { 8 } else { 128 }, 0, 0, 0, a, b, c, d]);
    let payload = &mut packet[HEADER..];
    let told = payload.len().min(COOKIE);
    payload[..told].copy_from_slice(&cookie[..told]);
    for (index, byte) in payload.iter_mut().enumerate().skip(COOKIE) {
        // A pattern, so that a link that mangles bytes is seen by whoever looks at the wire.
        *byte = index as u8;
    }
    if ipv4 {
        let sum = checksum(packet);
        packet[2..4].copy_from_slice(&sum.to_be_bytes());
    }
}

/// An echo message that was received, or quoted by a router.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Message<'a> {
    pub(super) identifier: u16,
    pub(super) sequence: u16,
    pub(super) payload: &'a [u8],
}

impl<'a> Message<'a> {
    /// A reply; `None` for anything else, such as our own request coming by on the loopback interface.
    pub(super) fn reply(ipv4: bool, bytes: &'a [u8]) -> Option<Self> {
        Self::of_kind(if ipv4 { 0 } else { 129 }, bytes)
    }

    /// A request, as a router quotes it; the payload may be cut off anywhere.
    pub(super) fn request(ipv4: bool, bytes: &'a [u8]) -> Option<Self> {
        Self::of_kind(if ipv4 { 8 } else { 128 }, bytes)
    }

    fn of_kind(kind: u8, bytes: &'a [u8]) -> Option<Self> {
        let (header, payload) = bytes.split_first_chunk::<HEADER>()?;
        let &[found, code, _, _, a, b, c, d] = header;
        (found == kind && code == 0).then(|| Self {
            identifier: u16::from_be_bytes([a, b]),
            sequence: u16::from_be_bytes([c, d]),
            payload,
        })
    }

    /// Whether the payload is one that began with `cookie`, as far as it goes.
    pub(super) fn carries(&self, cookie: [u8; COOKIE]) -> bool {
        let told = self.payload.len().min(COOKIE);
        self.payload[..told] == cookie[..told]
    }
}

/// A raw IPv4 socket's datagram without its IP header.
pub(super) fn strip_header(datagram: &[u8]) -> Option<&[u8]> {
    let first = *datagram.first()?;
    let length = usize::from(first & 0x0f) * 4;
    (first >> 4 == 4 && length >= 20).then(|| datagram.get(length..)).flatten()
}

/// RFC 1071: the complement of the sum of the 16-bit words, with the carries added back.
fn checksum(bytes: &[u8]) -> u16 {
    let mut words = bytes.chunks_exact(2);
    let mut sum: u32 = words.by_ref().map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]]))).sum();
    if let [last] = words.remainder() {
        sum += u32::from(*last) << 8;
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_sums_up_and_comes_back_as_its_reply() {
        for size in [0, 1, 4, 8, 28, 1472] {
            let mut packet = vec![0; HEADER + size];
            write_request(&mut packet, true, 0xbeef, 513, *b"cookie!!");
            assert_eq!(checksum(&packet), 0, "{size}: a message with its checksum sums up to zero");
            assert_eq!(Message::reply(true, &packet), None, "{size}: a request is no reply");
            assert!(Message::request(true, &packet).is_some_and(|quoted| quoted.carries(*b"cookie!!")));
            packet[0] = 0;
            let reply = Message::reply(true, &packet).unwrap();
            assert_eq!((reply.identifier, reply.sequence, reply.payload.len()), (0xbeef, 513, size));
            assert!(reply.carries(*b"cookie!!"));
            assert_eq!(reply.carries(*b"another!"), size == 0, "{size}");
        }
    }

    #[test]
    fn version_6_leaves_the_checksum_to_the_kernel() {
        let mut packet = [0; HEADER + 8];
        write_request(&mut packet, false, 1, 2, [7; 8]);
        assert_eq!(packet[..8], [128, 0, 0, 0, 0, 1, 0, 2]);
    }

    #[test]
    fn foreign_bytes_are_refused_not_trusted() {
        assert_eq!(Message::reply(true, &[0; 7]), None);
        assert_eq!(Message::reply(true, &[0, 1, 0, 0, 0, 0, 0, 0]), None, "a code that no echo has");
        for datagram in [&[][..], &[0x45; 19], &[0x60; 40], &[0x41; 40]] {
            assert_eq!(strip_header(datagram), None, "{datagram:?}");
        }
        assert_eq!(strip_header(&[0x46; 30]).map(<[u8]>::len), Some(6), "a header with options");
    }
}
