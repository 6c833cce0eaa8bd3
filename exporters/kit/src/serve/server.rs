//! The accept loops, and the drain.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::connection;
use super::listener::Listener;
use super::site::Site;

/// The loops of all listeners; they end when this is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    site: Arc<Site>,
    loops: Vec<JoinHandle<()>>,
}

impl Server {
    /// Begins to accept.
    pub(crate) fn start(site: Arc<Site>, listeners: Vec<Listener>) -> Self {
        let mut loops: Vec<_> = listeners
            .into_iter()
            .map(|listener| tokio::spawn(accept(listener, Arc::clone(&site), site.draining.subscribe())))
            .collect();
        loops.push(tokio::spawn(Arc::clone(&site.pool).sweep()));
        Self { site, loops }
    }

    /// Accepts no more, answers what is in flight for at most `patience`, closes all.
    pub(crate) async fn stop(mut self, patience: Duration) {
        for task in self.loops.drain(..) {
            task.abort();
            // The listener is closed once its task is gone.
            let _ = task.await;
        }
        self.site.draining.send_replace(true);
        self.site.pool.close_idle();
        if tokio::time::timeout(patience, self.site.pool.empty()).await.is_err() {
            tracing::warn!(connections = self.site.pool.len(), "requests still in flight are dropped");
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.loops.iter().for_each(JoinHandle::abort);
        self.site.pool.close();
    }
}

async fn accept(listener: Listener, site: Arc<Site>, drain: watch::Receiver<bool>) {
    loop {
        match listener.accept().await {
            Ok(raw) => {
                let place = site.pool.admit().await;
                tokio::spawn(connection::serve(raw, place, Arc::clone(&site), drain.clone()));
            }
            Err(error) => {
                // Out of file descriptors, or the connection is gone already: neither is a reason to end.
                tracing::warn!(%error, address = listener.address(), "accept a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}
