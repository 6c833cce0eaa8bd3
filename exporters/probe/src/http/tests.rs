//! The http prober against servers of its own, and the peer's defects that are not to be had.

mod answers;
mod journeys;
mod settings;
