//! The logs: one line an event, to standard error, in logfmt or JSON, with a timestamp.

use std::io;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::registry::Registry;

use crate::flags::{Level, LogFormat};

/// Sends this process's logs to standard error. Does nothing when something else has taken the logs already, e.g. when
/// an exporter runs inside another program.
pub fn init(level: Level, format: LogFormat) {
    let subscriber = Registry::default().with(layer(level, format, io::stderr));
    // An error says that a subscriber is set: whoever set it decides.
    let _ = tracing::subscriber::set_global_default(subscriber);
}

/// Libraries speak from warnings on (their own debug lines would name every read of a socket), this suite from `level` on.
fn layer<W>(level: Level, format: LogFormat, writer: W) -> impl Layer<Registry>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let own = match level {
        Level::Debug => LevelFilter::DEBUG,
        Level::Info => LevelFilter::INFO,
        Level::Warn => LevelFilter::WARN,
        Level::Error => LevelFilter::ERROR,
    };
    let mut targets = Targets::new().with_default(own);
    for library in [
        "hyper",
        "hyper_util",
        "h2",
        "rustls",
        "hickory_proto",
        "hickory_resolver",
        "hickory_net",
        "mio",
        "tokio",
    ] {
        targets = targets.with_target(library, own.min(LevelFilter::ERROR));
    }
    // Without the module that speaks: `target` is the label of what is watched, and a key stands once in a line.
    let lines: Box<dyn Layer<Registry> + Send + Sync> = match format {
        LogFormat::Logfmt => {
            Box::new(tracing_logfmt::builder().with_target(false).layer().with_writer(writer))
        }
        LogFormat::Json => Box::new(
            tracing_subscriber::fmt::layer()
                .json()
                .flatten_event(true)
                .with_target(false)
                .with_writer(writer),
        ),
    };
    lines.with_filter(targets)
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(level: Level, format: LogFormat) -> String {
        let sink = Sink::default();
        let copy = sink.clone();
        let subscriber = Registry::default().with(layer(level, format, move || copy.clone()));
        tracing::subscriber::with_default(subscriber, || {
            tracing::debug!("a detail");
            tracing::info!(address = "127.0.0.1:9115", target = "x", "it listens");
            tracing::warn!(target: "hyper", "a library's worry");
        });
        let bytes = sink.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn logfmt_has_time_level_message_and_fields() {
        let text = logged(Level::Info, LogFormat::Logfmt);
        assert_eq!(text.lines().count(), 1, "{text}");
        for part in ["ts=", "level=info", "it listens", "address=127.0.0.1:9115"] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert_eq!(text.matches("target=").count(), 1, "{text}");
        assert_eq!(logged(Level::Debug, LogFormat::Logfmt).lines().count(), 2);
        assert_eq!(logged(Level::Error, LogFormat::Logfmt), "");
    }

    #[test]
    fn json_is_one_object_a_line() {
        let text = logged(Level::Info, LogFormat::Json);
        assert_eq!(text.matches("\"target\":").count(), 1, "{text}");
        let line: serde_json::Value = serde_json::from_str(text.trim()).unwrap();
        assert_eq!((&line["level"], &line["message"]), (&"INFO".into(), &"it listens".into()));
        assert!(line["timestamp"].is_string(), "{text}");
    }
}
