//! Nginx Proxy Manager: its hosts and certificates, and what follows from them.
//!
//! | file | what |
//! |---|---|
//! | `inventory` | [`Inventory`]: hosts and certificates, of whichever reader |
//! | `reasons` | why an inventory cannot be read: the closed set |
//! | `metrics` | the descriptions |

pub mod inventory;
pub mod metrics;
pub mod reasons;

pub use inventory::Inventory;
pub use metrics::DESCS;
