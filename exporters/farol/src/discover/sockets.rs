//! Listening TCP sockets, from `/proc/net/tcp` and `/proc/net/tcp6`.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// `TCP_LISTEN` of the kernel's net/tcp_states.h, as the table prints it.
const LISTEN: &str = "0A";

/// A port that this machine listens on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// The address as it is bound; unspecified means every address.
    pub bound: SocketAddr,
    /// The socket's number, by which its process is found.
    pub inode: u64,
    /// The file that says so, for the evidence.
    pub source: &'static str,
}

impl Listener {
    /// Where to knock: a socket bound to every address answers on loopback, of either family unless it was told
    /// otherwise, so that those addresses are to be tried in turn.
    #[must_use]
    pub fn addresses(&self) -> Vec<SocketAddr> {
        let port = self.bound.port();
        let (four, six) = (IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from(Ipv6Addr::LOCALHOST));
        match self.bound.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => vec![SocketAddr::new(four, port)],
            IpAddr::V6(ip) if ip.is_unspecified() => {
                vec![SocketAddr::new(four, port), SocketAddr::new(six, port)]
            }
            _ => vec![self.bound],
        }
    }

    /// Whether asking it stays on loopback.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.bound.ip().is_unspecified() || self.bound.ip().is_loopback()
    }
}

/// The listening sockets, one a port, by port: where several addresses share a port, loopback comes before an address
/// of its own, and IPv4 before IPv6, as long as one process may be taken to stand behind them all.
#[must_use]
pub fn listeners(tcp: &str, tcp6: &str) -> Vec<Listener> {
    let mut by_port: BTreeMap<u16, Listener> = BTreeMap::new();
    let four = tcp.lines().filter_map(|line| listener(line, "/proc/net/tcp"));
    let six = tcp6.lines().filter_map(|line| listener(line, "/proc/net/tcp6"));
    for found in four.chain(six) {
        let rank = |listener: &Listener| (!listener.is_local(), listener.bound.is_ipv6());
        let port = found.bound.port();
        if by_port.get(&port).is_none_or(|known| rank(&found) < rank(known)) {
            by_port.insert(port, found);
        }
    }
    by_port.into_values().collect()
}

/// `sl local_address rem_address st tx_queue:rx_queue tr:when retrnsmt uid timeout inode …`
fn listener(line: &str, source: &'static str) -> Option<Listener> {
    let mut fields = line.split_ascii_whitespace();
    let local = fields.nth(1)?;
    if fields.nth(1)? != LISTEN {
        return None;
    }
    let inode = fields.nth(5)?.parse().ok()?;
    let (address, port) = local.split_once(':')?;
    let bound = SocketAddr::new(ip(address)?, u16::from_str_radix(port, 16).ok()?);
    Some(Listener { bound, inode, source })
}

/// One or four 32-bit words in hexadecimal, each printed in the machine's own byte order.
fn ip(text: &str) -> Option<IpAddr> {
    if !text.is_ascii() {
        return None;
    }
    let word = |at: usize| {
        let digits = text.get(at * 8..at * 8 + 8)?;
        u32::from_str_radix(digits, 16).ok().map(u32::to_ne_bytes)
    };
    match text.len() {
        8 => Some(Ipv4Addr::from(word(0)?).into()),
        32 => {
            let mut octets = [0; 16];
            for at in 0..4 {
                octets[at * 4..at * 4 + 4].copy_from_slice(&word(at)?);
            }
            let address = Ipv6Addr::from(octets);
            Some(address.to_ipv4_mapped().map_or(IpAddr::V6(address), IpAddr::V4))
        }
        _ => None,
    }
}

#[cfg(all(test, target_endian = "little"))]
mod tests {
    use super::*;

    const TCP: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   \
         0: 0100007F:0CEA 00000000:0000 0A 00000000:00000000 00:00000000 00000000   110        0 21001 1 0000000000000000 100 0 0 10 0\n   \
         1: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 21002 1 0000000000000000 100 0 0 10 0\n   \
         2: 0502000A:1F46 00000000:0000 0A 00000000:00000000 00:00000000 00000000    33        0 21003 1 0000000000000000 100 0 0 10 0\n   \
         3: 0100007F:0CEA 0100007F:D431 01 00000000:00000000 00:00000000 00000000   110        0 21004 1 0000000000000000 20 4 30 10 -1\n   \
         4: garbage\n";
    const TCP6: &str = "  sl  local_address remote_address st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   \
         0: 00000000000000000000000000000000:0016 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 21005 1 0000000000000000 100 0 0 10 0\n   \
         1: 00000000000000000000000001000000:0277 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 21006 1 0000000000000000 100 0 0 10 0\n   \
         2: 0000000000000000FFFF00000100007F:2382 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 21007 1 0000000000000000 100 0 0 10 0\n   \
         3: 00000000000000000000000000000000:1F46 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 21008 1 0000000000000000 100 0 0 10 0\n";

    #[test]
    fn only_listening_sockets_one_a_port() {
        let shown: Vec<(String, u64)> = listeners(TCP, TCP6)
            .iter()
            .map(|listener| (listener.bound.to_string(), listener.inode))
            .collect();
        let want = [
            ("0.0.0.0:22", 21002),
            ("[::1]:631", 21006),
            ("127.0.0.1:3306", 21001),
            ("[::]:8006", 21008), // before 10.0.2.5:8006, which only that address answers
            ("127.0.0.1:9090", 21007),
        ];
        assert_eq!(shown, want.map(|(bound, inode)| (bound.to_owned(), inode)));
    }

    #[test]
    fn where_to_knock() {
        for (bound, want) in [
            ("0.0.0.0:22", &["127.0.0.1:22"][..]),
            ("[::]:22", &["127.0.0.1:22", "[::1]:22"]),
            ("10.0.2.5:22", &["10.0.2.5:22"]),
        ] {
            let listener = Listener { bound: bound.parse().unwrap(), inode: 0, source: "" };
            let addresses: Vec<String> = listener.addresses().iter().map(ToString::to_string).collect();
            assert_eq!(addresses, want, "{bound}");
        }
    }

    #[test]
    fn a_container_without_the_tables() {
        assert_eq!(listeners("", ""), []);
    }
}
