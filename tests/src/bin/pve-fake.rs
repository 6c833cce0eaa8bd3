//! The fake Proxmox VE by itself, for benches and for looking: `pve-fake PORT NODES GUESTS LATENCY_MS [VERSION]`. Prints
//! the configuration that watches it, then serves until it is killed.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a tool of the laboratory")]
#![allow(clippy::disallowed_methods, reason = "there is no runtime in this thread")]

use std::net::TcpListener;
use std::time::Duration;

use farol_tests::pve::{Pve, Shape};

fn main() {
    let numbers: Vec<u64> = std::env::args().skip(1).map_while(|text| text.parse().ok()).collect();
    let [port, nodes, guests, latency] = numbers.first_chunk().copied().unwrap_or([18_006, 3, 50, 20]);
    let shape = Shape {
        version: numbers.get(4).and_then(|version| u8::try_from(*version).ok()).unwrap_or(9),
        nodes: usize::try_from(nodes).unwrap(),
        guests: usize::try_from(guests).unwrap(),
        latency: Duration::from_millis(latency),
        ..Shape::default()
    };
    let listener = TcpListener::bind(("127.0.0.1", u16::try_from(port).unwrap())).unwrap();
    let pve = Pve::on(shape, vec![listener]);
    println!("{}", pve.configuration(""));
    loop {
        std::thread::sleep(Duration::from_secs(3600));
    }
}
