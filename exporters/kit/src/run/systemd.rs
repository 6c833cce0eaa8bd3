//! What the service manager is told, if there is one: the protocol of `sd_notify(3)`. Without `NOTIFY_SOCKET` every
//! function here does nothing.

use sd_notify::NotifyState;

/// The service is up, or up again after [`reloading`].
pub fn ready(status: &str) {
    tell(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// A reload begins; [`ready`] ends it.
pub fn reloading() {
    // `Type=notify-reload` wants the time beside it.
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(_) => tell(&[NotifyState::Reloading]),
    }
}

/// The service ends.
pub fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// A task that feeds the service manager's watchdog, when there is one: it stops being fed when the runtime hangs.
/// Ends when the handle is dropped.
#[must_use]
pub fn watchdog() -> Option<Watchdog> {
    // Zero says that there is none; feeding it would be a loop without a pause.
    let limit = sd_notify::watchdog_enabled().filter(|limit| !limit.is_zero())?;
    Some(Watchdog(tokio::spawn(async move {
        loop {
            tell(&[NotifyState::Watchdog]);
            tokio::time::sleep(limit / 2).await;
        }
    })))
}

/// See [`watchdog`].
#[derive(Debug)]
pub struct Watchdog(tokio::task::JoinHandle<()>);

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "tell the service manager");
    }
}
