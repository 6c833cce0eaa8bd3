//! The web configuration in force.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;

use super::{Gate, Web};
use crate::config::{ConfigError, Watcher};

/// How often, at most, a request or a handshake looks whether a file has changed. Nobody asks: nobody looks.
const LOOK: Duration = Duration::from_secs(3);

/// The web configuration in force. It, its certificates and keys are read again when they change; when what is read
/// then is no good, the last good one stays in force.
#[derive(Debug)]
pub struct Live {
    path: Option<PathBuf>,
    gate: Arc<Gate>,
    web: ArcSwap<Web>,
    watch: Mutex<Watch>,
    good: AtomicBool,
}

#[derive(Debug)]
struct Watch {
    files: Watcher,
    looked: Instant,
}

impl Live {
    /// Reads the file; without one, everybody may ask everything in plain text.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn open(path: Option<PathBuf>) -> Result<Self, ConfigError> {
        let gate = Arc::new(Gate::new());
        let web = match &path {
            Some(path) => Web::load(path, &gate, None)?,
            None => Web::default(),
        };
        let watch = Watch { files: Watcher::new(web.files.clone(), LOOK), looked: Instant::now() };
        Ok(Self {
            path,
            gate,
            web: ArcSwap::from_pointee(web),
            watch: Mutex::new(watch),
            good: AtomicBool::new(true),
        })
    }

    /// What is in force now, after a look at the files if the last one was a while ago.
    #[must_use]
    pub fn now(&self) -> Arc<Web> {
        if self.path.is_some() {
            self.look(Instant::now());
        }
        self.web.load_full()
    }

    fn look(&self, now: Instant) {
        let changed = {
            let mut watch = self.watch.lock().unwrap_or_else(PoisonError::into_inner);
            if now.saturating_duration_since(watch.looked) < LOOK {
                return;
            }
            watch.looked = now;
            !watch.files.poll().is_empty()
        };
        if changed {
            // Logged where it happens; the last good one stays.
            let _ = self.reload();
        }
    }

    /// Reads the file again.
    ///
    /// # Errors
    /// What is wrong with it; the last good one stays in force then.
    pub fn reload(&self) -> Result<(), ConfigError> {
        let Some(path) = &self.path else { return Ok(()) };
        let previous = self.web.load_full();
        match Web::load(path, &self.gate, Some(&previous)) {
            Ok(web) => {
                // The same files go on being watched from their last look, which was before this reading: a change in
                // between is not lost.
                if web.files != previous.files {
                    let mut watch = self.watch.lock().unwrap_or_else(PoisonError::into_inner);
                    watch.files = Watcher::new(web.files.clone(), LOOK);
                }
                self.web.store(Arc::new(web));
                self.good.store(true, Ordering::Relaxed);
                tracing::info!(file = %path.display(), "web configuration read");
                Ok(())
            }
            Err(error) => {
                self.good.store(false, Ordering::Relaxed);
                for problem in &error.problems {
                    tracing::error!(error = %problem.one_line(), "web configuration refused; the last good one stays in force");
                }
                Err(error)
            }
        }
    }

    /// Whether the last reading was good; `None` without a file.
    #[must_use]
    pub fn good(&self) -> Option<bool> {
        self.path.as_ref().map(|_| self.good.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_file_keeps_the_last_good_one() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("web.yml");
        std::fs::write(&file, "rate_limit: {interval: 1s, burst: 1}").unwrap();
        let live = Live::open(Some(file.clone())).unwrap();
        let first = live.now().rate.clone().unwrap();
        let later = |n: u32| live.look(Instant::now() + LOOK * n);

        std::fs::write(&file, "rate_limit: {interval: 1s, burst: 1}\nfarol: {health_without_auth: true}")
            .unwrap();
        later(1);
        assert!(live.web.load().health_without_auth);
        assert!(Arc::ptr_eq(&first, live.web.load().rate.as_ref().unwrap()), "an unchanged limit goes on");

        std::fs::write(&file, "nonsense: 1").unwrap();
        later(2);
        assert!(live.web.load().health_without_auth);
        assert_eq!(live.good(), Some(false));

        std::fs::write(&file, "{}").unwrap();
        later(3);
        assert!(!live.web.load().health_without_auth);
        assert_eq!(live.good(), Some(true));
    }
}
