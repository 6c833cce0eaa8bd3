//! Which endpoint is asked, and when another is: only what speaks of the endpoint itself (no connection, no handshake, no
//! answer) leads to the next. An answer never does: one sick node must not make all endpoints look sick.

use std::sync::atomic::Ordering;
use std::time::Instant;

use bytes::Bytes;
use http::Request;

use super::access::Badge;
use super::endpoint::Endpoint;
use super::exchange::{Answer, exchange, request};
use super::{Api, Call, Failure, Reason};

impl Api {
    /// Connects to the endpoints that could not be connected to. Calls stay with the one that serves; but whether the others
    /// would do is worth knowing before they are needed.
    pub async fn revive(&self, deadline: Instant) {
        for endpoint in self.endpoints.iter().filter(|endpoint| endpoint.is_down()) {
            let connected = endpoint.connect(&self.tools, false, deadline).await;
            if let Err(failure) = &connected
                && failure.reason == Reason::Fingerprint
            {
                self.stranger.store(true, Ordering::Relaxed);
            }
            endpoint.note(connected.map(|_| ()));
        }
    }

    /// No answer came in time. What the endpoint only hands on to another node says nothing of the endpoint.
    pub(super) fn slow(&self, call: &Call<'_>) {
        if !is_handed_on(call.path) && self.endpoints.len() > 1 {
            let next = (self.current.load(Ordering::Relaxed) + 1) % self.endpoints.len();
            self.current.store(next, Ordering::Relaxed);
        }
    }

    /// The endpoints: the one that served last first, those that could not be connected to last.
    fn order(&self) -> Vec<usize> {
        let (count, current) = (self.endpoints.len(), self.current.load(Ordering::Relaxed));
        let mut order: Vec<usize> = (0..count).map(|step| (current + step) % count).collect();
        order.sort_by_key(|index| self.endpoints[*index].is_down());
        order
    }

    pub(super) async fn everywhere(
        &self,
        call: &Call<'_>,
        path: &str,
        badge: Option<&Badge>,
        form: Option<String>,
    ) -> Result<Answer, Failure> {
        let order = self.order();
        let mut causes: Vec<Failure> = Vec::new();
        for (nth, index) in order.iter().enumerate() {
            let (endpoint, left) = (&self.endpoints[*index], order.len() - nth - 1);
            let request = request(&endpoint.authority(), path, badge, form.as_deref())?;
            let once = self.once(endpoint, request, left == 0, call.deadline);
            // An endpoint that is silent must leave time for the next one, unless it waits for another node itself.
            let result = if left == 0 || is_handed_on(call.path) {
                once.await
            } else {
                let now = Instant::now();
                let limit = now + call.deadline.saturating_duration_since(now) / 2;
                let silent =
                    || Failure::new(Reason::Timeout, format!("{} does not answer", endpoint.authority()));
                match tokio::time::timeout_at(limit.into(), once).await {
                    Ok(result) => result,
                    Err(_) => {
                        endpoint.note(Err(silent()));
                        causes.push(silent());
                        continue;
                    }
                }
            };
            match result {
                Err(failure) if failure.reason.is_endpoint() => {
                    if failure.reason == Reason::Fingerprint {
                        self.stranger.store(true, Ordering::Relaxed);
                    }
                    endpoint.note(Err(failure.clone()));
                    causes.push(failure);
                }
                result => {
                    endpoint.note(Ok(()));
                    self.current.store(*index, Ordering::Relaxed);
                    return result;
                }
            }
        }
        let reason = causes.first().map_or(Reason::Internal, |failure| failure.reason);
        let details: Vec<String> = causes.into_iter().map(|failure| failure.detail).collect();
        Err(Failure::new(reason, details.join("; ")))
    }

    async fn once(
        &self,
        endpoint: &Endpoint,
        request: Request<Bytes>,
        alone: bool,
        deadline: Instant,
    ) -> Result<Answer, Failure> {
        if let Some(used) = endpoint.take() {
            match exchange(endpoint, used, request.clone()).await {
                // pveproxy closed it in the meantime: what was asked is a GET or a login, and may be asked again.
                Err(failure) if failure.reason == Reason::Closed => {}
                answer => return answer,
            }
        }
        let fresh = endpoint.connect(&self.tools, alone, deadline).await?;
        self.tally.connection();
        exchange(endpoint, fresh, request).await
    }
}

/// Whether the endpoint hands the call on to another node, which may hang without it.
fn is_handed_on(path: &str) -> bool {
    path.starts_with("/nodes/")
}
