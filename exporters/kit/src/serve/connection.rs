//! One connection: the TLS handshake if there is TLS, then HTTP/1.1, or HTTP/2 where both sides chose it by ALPN.
//! hyper-util's `auto` is not used: it has no timer while it sniffs the version, and a silent client stays for ever
//! (hyperium/hyper#3756).

use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use super::io::{Io, Raw};
use super::pool::{Entry, Noted, Place, State};
use super::reply::Reply;
use super::router;
use super::site::Site;
use super::tally::Refused;

/// Most bytes of a request's head, and of an answer in the connection's own buffer.
const BUFFER: usize = 16 * 1024;
/// Most header lines of a request.
const HEADERS: usize = 64;
/// Requests at a time on one HTTP/2 connection.
const STREAMS: u32 = 64;

/// Serves a connection until it ends, or until its place in the pool is taken back.
pub(super) async fn serve(raw: Raw, place: Place, site: Arc<Site>, drain: watch::Receiver<bool>) {
    let entry = Arc::clone(&place.entry);
    let (io, multiplexed) = match site.web.now().tls.clone() {
        None => (Io::Plain(raw), false),
        Some(config) => {
            entry.enter(State::Handshake);
            let handshake = tokio::select! {
                result = TlsAcceptor::from(config).accept(raw) => result,
                () = entry.close.notified() => Err(std::io::ErrorKind::TimedOut.into()),
            };
            let stream = match handshake {
                Ok(stream) => stream,
                Err(error) => {
                    site.tally.refused(Refused::Handshake);
                    if is_no_tls(&error) {
                        site.plain_told.call_once(|| {
                            tracing::info!(
                                "a client does not speak TLS here, probably plain HTTP: it has to use https"
                            );
                        });
                    }
                    return;
                }
            };
            entry.enter(State::Silent);
            let multiplexed = stream.get_ref().1.alpn_protocol() == Some(b"h2");
            (Io::Tls(Box::new(stream)), multiplexed)
        }
    };
    let io = TokioIo::new(Noted { stream: io, entry: Arc::clone(&entry), multiplexed });
    if multiplexed {
        two(io, entry, site, drain).await
    } else {
        one(io, entry, site, drain).await
    }
    drop(place);
}

/// Whether what came first is not even a record of TLS.
fn is_no_tls(error: &std::io::Error) -> bool {
    use rustls::{Error, InvalidMessage};
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref());
    matches!(cause, Some(Error::InvalidMessage(InvalidMessage::InvalidContentType)))
}

async fn one(io: TokioIo<Noted<Io>>, entry: Arc<Entry>, site: Arc<Site>, mut drain: watch::Receiver<bool>) {
    let mut builder = http1::Builder::new();
    // The pool has the timers; hyper's own counts an idle connection as a slow one.
    builder.half_close(false).max_buf_size(BUFFER).max_headers(HEADERS).header_read_timeout(None);
    let mut connection = pin!(builder.serve_connection(io, answers(site, Arc::clone(&entry), false)));
    tokio::select! {
        // An error is the client's end of the connection: gone, or talking nonsense (told 400 or 431 already).
        _ = connection.as_mut() => return,
        () = entry.close.notified() => return,
        () = begun(&mut drain) => connection.as_mut().graceful_shutdown(),
    }
    finish(connection, &entry).await;
}

async fn two(io: TokioIo<Noted<Io>>, entry: Arc<Entry>, site: Arc<Site>, mut drain: watch::Receiver<bool>) {
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(16 * 1024)
        .max_send_buf_size(64 * 1024)
        // A peer that is gone without a word is found out.
        .keep_alive_interval(Duration::from_secs(30))
        .keep_alive_timeout(Duration::from_secs(10));
    let mut connection = pin!(builder.serve_connection(io, answers(site, Arc::clone(&entry), true)));
    tokio::select! {
        _ = connection.as_mut() => return,
        () = entry.close.notified() => return,
        () = begun(&mut drain) => connection.as_mut().graceful_shutdown(),
    }
    finish(connection, &entry).await;
}

type Answered = Pin<Box<dyn Future<Output = Result<Reply, Infallible>> + Send>>;

/// What answers a connection's requests. Boxed, so that a connection that waits does not hold the room of one that
/// is being answered.
fn answers(
    site: Arc<Site>,
    entry: Arc<Entry>,
    multiplexed: bool,
) -> impl Service<Request<Incoming>, Response = Reply, Error = Infallible, Future = Answered> {
    service_fn(move |request| -> Answered {
        let (site, answering) = (Arc::clone(&site), entry.request(multiplexed));
        Box::pin(async move {
            let reply = router::answer(&site, request).await;
            drop(answering);
            Ok(reply)
        })
    })
}

/// Completes when the drain begins, or when the server is gone.
async fn begun(drain: &mut watch::Receiver<bool>) {
    let _ = drain.wait_for(|drain| *drain).await;
}

/// After the drain began: to the end of what is in flight.
async fn finish<C: Future>(connection: C, entry: &Entry) {
    tokio::select! {
        _ = connection => (),
        () = entry.close.notified() => (),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn plain_http_where_tls_is_spoken_is_known() {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(rustls::server::ResolvesServerCertUsingSni::new()));
        let acceptor = TlsAcceptor::from(Arc::new(config));
        for (sent, want) in
            [(&b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"[..], true), (b"\x16\x03\x01\0", false), (b"", false)]
        {
            let error = acceptor.accept(tokio::io::join(sent, tokio::io::sink())).await.err().unwrap();
            assert_eq!(is_no_tls(&error), want, "{error}");
        }
    }
}
