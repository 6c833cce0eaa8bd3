//! Default gateways, from the kernel's routing tables as `/proc/net` prints them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Route is usable (`RTF_UP`, linux/route.h).
const UP: u32 = 0x1;
/// Route goes through a gateway (`RTF_GATEWAY`).
const GATEWAY: u32 = 0x2;

/// The way out of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gateway {
    /// Its address.
    pub address: IpAddr,
    /// The interface behind which it stands.
    pub interface: String,
    /// The file that says so, for the evidence.
    pub source: &'static str,
}

/// The gateways of all default routes of `/proc/net/route` and `/proc/net/ipv6_route`, best metric first, each once.
/// Lines that do not read as a route are passed over: a table that is half understood is better than none.
#[must_use]
pub fn gateways(route: &str, ipv6_route: &str) -> Vec<Gateway> {
    let mut found: Vec<(u32, Gateway)> = route.lines().filter_map(version_4).collect();
    found.sort_by_key(|(metric, _)| *metric);
    let mut six: Vec<(u32, Gateway)> = ipv6_route.lines().filter_map(version_6).collect();
    six.sort_by_key(|(metric, _)| *metric);
    found.append(&mut six);
    let mut gateways: Vec<Gateway> = Vec::new();
    for (_, gateway) in found {
        if !gateways.contains(&gateway) {
            gateways.push(gateway);
        }
    }
    gateways
}

/// `Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT`; addresses are 32-bit words in hexadecimal.
fn version_4(line: &str) -> Option<(u32, Gateway)> {
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    let [interface, destination, gateway, flags, _, _, metric, mask, ..] = fields[..] else { return None };
    let word = |text: &str| u32::from_str_radix(text, 16).ok();
    let to_everywhere = word(destination)? == 0 && word(mask)? == 0;
    if !to_everywhere || word(flags)? & (UP | GATEWAY) != UP | GATEWAY {
        return None;
    }
    // The kernel prints the address's four bytes as one word of its own byte order.
    let address = Ipv4Addr::from(word(gateway)?.to_ne_bytes());
    let source = "/proc/net/route";
    Some((metric.parse().ok()?, Gateway { address: address.into(), interface: interface.to_owned(), source }))
}

/// `destination length source length next-hop metric refcount use flags interface`; addresses are 32 hexadecimal digits.
fn version_6(line: &str) -> Option<(u32, Gateway)> {
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    let [destination, length, _, _, next_hop, metric, _, _, flags, interface] = fields[..] else {
        return None;
    };
    let flags = u32::from_str_radix(flags, 16).ok()?;
    let to_everywhere = u128::from_str_radix(destination, 16).ok()? == 0 && length == "00";
    if !to_everywhere || flags & (UP | GATEWAY) != UP | GATEWAY {
        return None;
    }
    let address = Ipv6Addr::from(u128::from_str_radix(next_hop, 16).ok()?);
    let metric = u32::from_str_radix(metric, 16).ok()?;
    let source = "/proc/net/ipv6_route";
    Some((metric, Gateway { address: address.into(), interface: interface.to_owned(), source }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(route: &str, ipv6_route: &str) -> Vec<String> {
        gateways(route, ipv6_route).iter().map(|g| format!("{} {}", g.address, g.interface)).collect()
    }

    const HEAD: &str =
        "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT \n";

    /// Recorded on little-endian machines, as nearly all are.
    #[cfg(target_endian = "little")]
    #[test]
    fn two_links_by_their_metric() {
        let table = format!(
            "{HEAD}eth1\t00000000\t014010AC\t0003\t0\t0\t200\t00000000\t0\t0\t0\n\
             eth0\t00000000\t010200C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n\
             eth0\t000200C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0\n"
        );
        assert_eq!(shown(&table, ""), ["192.0.2.1 eth0", "172.16.64.1 eth1"]);
    }

    #[cfg(target_endian = "little")]
    #[test]
    fn what_is_no_usable_way_out_is_passed_over() {
        for line in [
            "ppp0\t00000000\t00000000\t0001\t0\t0\t0\t00000000\t0\t0\t0", // point to point: nobody to ping
            "eth0\t00000000\t010200C0\t0002\t0\t0\t0\t00000000\t0\t0\t0", // not up
            "wg0\t00000000\t010200C0\t0003\t0\t0\t0\t00000080\t0\t0\t0",  // 0.0.0.0/1, half of everywhere
            "eth0\t00000000\tnonsense\t0003\t0\t0\t0\t00000000\t0\t0\t0",
            "eth0",
            "",
        ] {
            assert_eq!(shown(&format!("{HEAD}{line}\n"), ""), [""; 0], "{line}");
        }
    }

    #[test]
    fn the_version_6_gateway_once_and_without_unreachable_routes() {
        let none = "00000000000000000000000000000000 00";
        let zero = "00000000000000000000000000000000";
        let table = format!(
            "{none} {none} fe80000000000000020000fffe000001 00000400 00000002 00000000 00450003     eth0\n\
             {none} {none} fe80000000000000020000fffe000001 00000800 00000002 00000000 00450003     eth0\n\
             fd000000000000000000000000000000 40 {none} {zero} 00000100 00000001 00000000 00000001     eth0\n\
             {none} {none} {zero} ffffffff 00000001 00000000 00200200       lo\n"
        );
        assert_eq!(shown("", &table), ["fe80::200:ff:fe00:1 eth0"]);
    }
}
