//! What a listener says when it is asked. Every step is bounded by [`PATIENCE`], and nothing is asked that
//! [`Question`] does not allow.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::services::Question;

/// How long each step may take: to connect, to greet, to answer. On loopback a live service needs a few milliseconds.
pub const PATIENCE: Duration = Duration::from_millis(300);
/// How much of an answer is read.
const ENOUGH: usize = 512;

/// What was heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// An HTTP answer with this status, in plain.
    Http(u16),
    /// The same over TLS.
    Https(u16),
    /// TLS, and no HTTP in it.
    Tls,
    /// A greeting, its first line.
    Greeting(String),
    /// An answer to Redis's `PING`, its first line.
    Redis(String),
    /// It accepted the connection, and said nothing that is known.
    Silence,
    /// It could not be connected to.
    Closed(String),
}

/// Asks `address`; `tls` is a client that takes any certificate.
pub async fn ask(address: SocketAddr, question: Question, tls: &wire::tls::Client) -> Heard {
    let mut stream = match connect(address).await {
        Ok(stream) => stream,
        Err(why) => return Heard::Closed(why),
    };
    match question {
        Question::Nothing => Heard::Silence,
        Question::Redis => match exchange(&mut stream, b"PING\r\n").await {
            Some(answer) if matches!(answer.first(), Some(b'+' | b'-')) => Heard::Redis(first_line(&answer)),
            _ => Heard::Silence,
        },
        Question::Greeting => match listen(&mut stream).await {
            Some(greeting) if is_text(&greeting) => Heard::Greeting(first_line(&greeting)),
            _ => Heard::Silence,
        },
        Question::Tls => over_tls(stream, address, tls).await.unwrap_or(Heard::Silence),
        Question::Anything => anything(stream, address, tls).await,
    }
}

/// A greeting, else HTTP in plain, else TLS. A server of TLS answers a request in plain with an HTTP error of its own
/// (nginx, Go) or with a TLS alert, so that TLS is tried whenever the plain answer is no success.
async fn anything(mut stream: TcpStream, address: SocketAddr, tls: &wire::tls::Client) -> Heard {
    if let Some(greeting) = listen(&mut stream).await {
        return if is_text(&greeting) { Heard::Greeting(first_line(&greeting)) } else { Heard::Silence };
    }
    let answer = exchange(&mut stream, &request(address)).await;
    drop(stream);
    let plain = answer.as_deref().and_then(status);
    if plain.is_some_and(|status| status != 400) {
        return Heard::Http(plain.unwrap_or_default());
    }
    let secure = match connect(address).await {
        Ok(stream) => over_tls(stream, address, tls).await,
        Err(_) => None,
    };
    secure.or(plain.map(Heard::Http)).unwrap_or(Heard::Silence)
}

async fn over_tls(stream: TcpStream, address: SocketAddr, tls: &wire::tls::Client) -> Option<Heard> {
    let handshake = tls.handshake(stream, "localhost", &wire::tls::Alpn::Http1);
    let mut stream = timeout(PATIENCE, handshake).await.ok()?.stream.ok()?;
    let answer = exchange(&mut stream, &request(address)).await;
    Some(answer.as_deref().and_then(status).map_or(Heard::Tls, Heard::Https))
}

async fn connect(address: SocketAddr) -> Result<TcpStream, String> {
    match timeout(PATIENCE, TcpStream::connect(address)).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) => Err(format!("connect to {address}: {error}")),
        Err(_) => Err(format!("connect to {address}: no answer in {} ms", PATIENCE.as_millis())),
    }
}

/// The first bytes that come by themselves; `None` when nothing does.
async fn listen(stream: &mut (impl AsyncRead + Unpin)) -> Option<Vec<u8>> {
    let mut bytes = vec![0; ENOUGH];
    let read = timeout(PATIENCE, stream.read(&mut bytes)).await.ok()?.ok()?;
    bytes.truncate(read);
    (read > 0).then_some(bytes)
}

async fn exchange(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), question: &[u8]) -> Option<Vec<u8>> {
    timeout(PATIENCE, stream.write_all(question)).await.ok()?.ok()?;
    listen(stream).await
}

fn request(address: SocketAddr) -> Vec<u8> {
    let port = address.port();
    format!(
        "GET / HTTP/1.1\r\nHost: localhost:{port}\r\nUser-Agent: farol-discover\r\nConnection: close\r\n\r\n"
    )
    .into_bytes()
}

/// The status of an HTTP answer, if it is one.
fn status(answer: &[u8]) -> Option<u16> {
    let line = std::str::from_utf8(answer.get(..12)?).ok()?;
    let rest = line.strip_prefix("HTTP/1.1 ").or_else(|| line.strip_prefix("HTTP/1.0 "))?;
    rest.parse().ok()
}

fn is_text(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| matches!(byte, b'\t' | b'\r' | b'\n' | b' '..=b'~'))
}

fn first_line(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).lines().next().unwrap_or_default().trim_end().chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    fn tls() -> wire::tls::Client {
        super::super::tls_client().unwrap()
    }

    /// A server that greets, and answers the first request; empty means silence.
    async fn server(greeting: &'static [u8], answer: &'static [u8]) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let _ = stream.write_all(greeting).await;
                    let mut request = [0; 1024];
                    while let Ok(1..) = stream.read(&mut request).await {
                        if stream.write_all(answer).await.is_err() {
                            break;
                        }
                    }
                });
            }
        });
        address
    }

    #[tokio::test]
    async fn what_servers_say() {
        let ok = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
        for (greeting, answer, question, want) in [
            (&b""[..], &ok[..], Question::Anything, Heard::Http(200)),
            (b"", b"HTTP/1.0 401 Unauthorized\r\n\r\n", Question::Anything, Heard::Http(401)),
            // No TLS behind it after all: the plain answer counts.
            (b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", Question::Anything, Heard::Http(400)),
            (
                b"SSH-2.0-OpenSSH_9.2\r\n",
                b"",
                Question::Greeting,
                Heard::Greeting("SSH-2.0-OpenSSH_9.2".into()),
            ),
            (b"220 mail ESMTP\r\n", b"", Question::Anything, Heard::Greeting("220 mail ESMTP".into())),
            (b"J\0\0\0\x0a8.0.36\0", b"", Question::Anything, Heard::Silence),
            (
                b"",
                b"-NOAUTH Authentication required.\r\n",
                Question::Redis,
                Heard::Redis("-NOAUTH Authentication required.".into()),
            ),
            (b"", b"+PONG\r\n", Question::Redis, Heard::Redis("+PONG".into())),
            (b"", b"nonsense", Question::Redis, Heard::Silence),
            (b"", b"", Question::Anything, Heard::Silence),
            (b"", &ok[..], Question::Nothing, Heard::Silence),
            (b"", &ok[..], Question::Tls, Heard::Silence),
        ] {
            let address = server(greeting, answer).await;
            let heard = ask(address, question, &tls()).await;
            assert_eq!(heard, want, "{:?} {question:?}", String::from_utf8_lossy(answer));
        }
    }

    #[tokio::test]
    async fn nobody_there() {
        let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let heard = ask(address, Question::Anything, &tls()).await;
        assert!(matches!(&heard, Heard::Closed(why) if why.contains("refused")), "{heard:?}");
    }

    #[test]
    fn an_answer_is_http_or_not() {
        for (answer, want) in [
            (&b"HTTP/1.1 204 No Content\r\n"[..], Some(204)),
            (b"HTTP/1.1 ", None),
            (b"ICY 200 OK\r\n\r\n", None),
            (b"\x15\x03\x01\x00\x02\x02\x46xxxxxxxx", None),
            (b"HTTP/1.1 abc nonsense", None),
        ] {
            assert_eq!(status(answer), want, "{answer:?}");
        }
    }
}
