//! Nginx Proxy Manager: its hosts and certificates, and what follows from them.
//!
//! | file | what |
//! |---|---|
//! | `entry` | a validated entry of `npm:` |
//! | `inventory` | [`Inventory`]: hosts and certificates, of whichever reader |
//! | `api`, `rows` | the reader by API: what is asked, and what is answered |
//! | `sqlite` | the reader of the SQLite file |
//! | `discover` | what follows: targets, files to watch, a list for others |
//! | `watch`, `state` | [`Npm`]: the background loop, and what is known; it outlives a reload |
//! | `keep` | the last inventory outlives the process |
//! | `page`, `metrics` | what a scrape shows, and its descriptions |
//! | `reasons` | why an inventory cannot be read: the closed set |

mod api;
mod discover;
pub mod entry;
pub mod inventory;
mod keep;
pub mod metrics;
mod page;
pub mod reasons;
mod rows;
mod sqlite;
mod state;
#[cfg(test)]
mod tests;
mod watch;

pub use entry::{Entry, entries};
pub use inventory::Inventory;
pub use metrics::DESCS;
pub use watch::{Hands, Npm};

/// Reads a list of proxy hosts as the API gives it; how many hosts, certificates and odd rows came out.
pub(crate) fn fuzz(body: &[u8]) -> [usize; 3] {
    let mut inventory = Inventory::default();
    if rows::add(body, inventory::Kind::Proxy, &mut inventory).is_err() {
        return [0; 3];
    }
    let _ = discover::left_out(&inventory);
    inventory.remember(&inventory.clone());
    [inventory.hosts.len(), inventory.certificates.len(), inventory.odd.len()]
}
