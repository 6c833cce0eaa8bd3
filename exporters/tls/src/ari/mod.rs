//! Renewal information (ARI, RFC 9773): an authority says when a certificate should be renewed, and says it anew when it must
//! revoke a million of them. Nothing is asked of anybody unless the configuration has a section `ari:`.
//!
//! | file | what |
//! |---|---|
//! | `book` | [`Ari`]: the authorities that may be asked, and what they said of each certificate |
//! | `asker` | the background loop that asks when it is time, and no sooner |
//! | `answer` | what an authority says: a window, and when to ask again |
//! | `faults` | why there is no answer: the closed set |
//! | `page` | what a scrape shows, and its descriptions |

mod answer;
mod asker;
mod book;
mod faults;
pub mod page;
#[cfg(test)]
mod tests;

pub use answer::Window;
pub use asker::Asker;
pub use book::Ari;
pub use page::DESCS;

/// Reads an answer as both that there are; the window, and how long to wait by this `Retry-After`, in seconds.
pub(crate) fn fuzz(body: &[u8], retry_after: &[u8]) -> (Option<Window>, u64) {
    let _ = answer::renewal_info(body);
    let mut headers = http::HeaderMap::new();
    if let Ok(value) = http::HeaderValue::from_bytes(retry_after) {
        headers.insert(http::header::RETRY_AFTER, value);
    }
    let patience = answer::patience(&headers, std::time::SystemTime::now());
    (answer::window(body).ok().map(|(window, _)| window), patience.as_secs())
}
