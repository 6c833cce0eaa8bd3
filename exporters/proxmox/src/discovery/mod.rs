//! What the clusters consist of, for others: `/sd` and `/sd/CLUSTER` in the form of Prometheus' `http_sd_configs`, from what
//! is known already; a request asks the cluster nothing.
//!
//! | file | what |
//! |---|---|
//! | `addresses` | the addresses of guests: as their configuration has them, as they themselves say |
//! | `wish` | the query: which targets, by which address, with which port |
//! | `targets` | nodes and guests as targets with labels |

pub mod addresses;
mod targets;
mod wish;

pub use addresses::Book;
pub use targets::groups;
pub use wish::Wish;
