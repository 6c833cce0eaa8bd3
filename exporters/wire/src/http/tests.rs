//! Exchanges with hyper's server, with scripted peers, and with peers that break off.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, Version};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::*;

struct Server {
    addr: SocketAddr,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Answers with what it was asked: method, authority, path and body; `/big` gets a megabyte.
async fn echo(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let host = head.headers.get("host").and_then(|host| host.to_str().ok());
    let authority =
        host.or_else(|| head.uri.authority().map(|authority| authority.as_str())).unwrap_or("-").to_owned();
    if head.uri.path() == "/big" {
        return Ok(Response::new(Full::new(vec![b'x'; 1 << 20].into())));
    }
    if head.uri.path() == "/head" {
        return Ok(Response::builder().header("x-long", "y".repeat(200_000)).body(Full::default()).unwrap());
    }
    // hyper leaves it to the service to send no body for HEAD over HTTP/2.
    if head.method == http::Method::HEAD {
        return Ok(Response::builder().header("content-length", 12).body(Full::default()).unwrap());
    }
    let text = format!("{} {authority} {} {}", head.method, head.uri.path(), String::from_utf8_lossy(&body));
    Ok(Response::builder()
        .status(207)
        .header("x-a", "1")
        .header("x-a", "2")
        .body(Full::new(text.into()))
        .unwrap())
}

async fn hyper_server(protocol: Protocol) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let task = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let io = TokioIo::new(stream);
            tokio::spawn(async move {
                match protocol {
                    Protocol::Http1 => drop(
                        hyper::server::conn::http1::Builder::new()
                            .serve_connection(io, service_fn(echo))
                            .await,
                    ),
                    Protocol::Http2 => {
                        let builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                        drop(builder.serve_connection(io, service_fn(echo)).await);
                    }
                }
            });
        }
    });
    Server { addr, task }
}

/// Reads the request's head, writes some bytes, then closes, or keeps the connection open.
async fn scripted(answer: Vec<u8>, keep: bool) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let task = tokio::spawn(async move {
        let mut kept = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut seen = Vec::new();
            let mut piece = [0; 1024];
            while !seen.windows(4).any(|four| four == b"\r\n\r\n") {
                match stream.read(&mut piece).await {
                    Ok(0) | Err(_) => break,
                    Ok(length) => seen.extend_from_slice(&piece[..length]),
                }
            }
            let _ = stream.write_all(&answer).await;
            if keep {
                kept.push(stream);
            }
        }
    });
    Server { addr, task }
}

async fn connect(server: &Server, protocol: Protocol) -> Connection<TcpStream> {
    Connection::open(TcpStream::connect(server.addr).await.unwrap(), protocol).await.unwrap()
}

fn get(path: &str) -> Request<Bytes> {
    Request::get(format!("http://a.test{path}")).body(Bytes::new()).unwrap()
}

async fn all(connection: &mut Connection<TcpStream>) -> Result<Vec<u8>, HttpError> {
    let mut body = Vec::new();
    while let Some(chunk) = connection.chunk().await? {
        body.extend_from_slice(&chunk);
    }
    assert_eq!(connection.received(), body.len() as u64);
    Ok(body)
}

#[tokio::test]
async fn both_protocols_carry_requests_one_after_another() {
    for (protocol, version) in [(Protocol::Http1, Version::HTTP_11), (Protocol::Http2, Version::HTTP_2)] {
        let server = hyper_server(protocol).await;
        let mut connection = connect(&server, protocol).await;
        let reply = connection.send(get("/one")).await.unwrap();
        assert_eq!((reply.status.as_u16(), reply.version), (207, version));
        assert_eq!(reply.headers.get_all("x-a").iter().count(), 2);
        assert_eq!(reply.content_length, Some(16));
        assert_eq!(all(&mut connection).await.unwrap(), b"GET a.test /one ");
        assert_eq!(connection.chunk().await.unwrap(), None);
        let post = Request::post("http://127.0.0.1/two")
            .header("host", "b.test:81")
            .body(Bytes::from_static(b"text"))
            .unwrap();
        connection.send(post).await.unwrap();
        assert_eq!(all(&mut connection).await.unwrap(), b"POST b.test:81 /two text");
        connection.send(get("/big")).await.unwrap();
        assert_eq!(all(&mut connection).await.unwrap().len(), 1 << 20);
        let head = Request::head("http://a.test/three").body(Bytes::new()).unwrap();
        assert_eq!(connection.send(head).await.unwrap().content_length, Some(12));
        assert_eq!(all(&mut connection).await.unwrap(), b"");
        let upload = Request::put("http://a.test/big").body(vec![b'z'; 300_000].into()).unwrap();
        connection.send(upload).await.unwrap();
        assert_eq!(all(&mut connection).await.unwrap().len(), 1 << 20);
        connection.close().await;
    }
}

#[tokio::test]
async fn a_head_too_large_is_refused() {
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let server = hyper_server(protocol).await;
        let mut connection = connect(&server, protocol).await;
        let error = connection.send(get("/head")).await.unwrap_err();
        assert_eq!(error.word(), "protocol_error", "{protocol:?}: {error}");
    }
}

#[tokio::test]
async fn what_a_peer_may_do_wrong_has_a_reason() {
    let cut = b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc".to_vec();
    let bad_chunk = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n".to_vec();
    let rows: [(Protocol, Vec<u8>, &str); 7] = [
        (Protocol::Http1, b"".to_vec(), "connection_closed"),
        (Protocol::Http1, b"HTTP/1.1 200".to_vec(), "connection_closed"),
        (Protocol::Http1, b"SSH-2.0-x\r\n\r\n".to_vec(), "protocol_error"),
        (Protocol::Http1, cut, "connection_closed"),
        (Protocol::Http1, bad_chunk, "protocol_error"),
        (Protocol::Http2, b"".to_vec(), "connection_closed"),
        (Protocol::Http2, b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(), "protocol_error"),
    ];
    for (protocol, answer, want) in rows {
        let server = scripted(answer.clone(), false).await;
        let mut connection = connect(&server, protocol).await;
        let exchange = async {
            connection.send(get("/")).await?;
            all(&mut connection).await
        };
        let error = timeout(Duration::from_secs(5), exchange).await.unwrap().unwrap_err();
        assert_eq!(error.word(), want, "{protocol:?} {:?}: {error}", String::from_utf8_lossy(&answer));
        assert_eq!(error.to_string(), error.to_string().trim());
    }
}

#[tokio::test]
async fn a_slow_peer_is_the_callers_to_give_up() {
    let server = scripted(b"HTTP/1.0 200 OK\r\n\r\nabc".to_vec(), true).await;
    let mut connection = connect(&server, Protocol::Http1).await;
    let reply = connection.send(get("/")).await.unwrap();
    assert_eq!((reply.version, reply.content_length), (Version::HTTP_10, None));
    assert_eq!(connection.chunk().await.unwrap().unwrap(), "abc");
    // Given up, and still of use afterwards: dropping the future loses nothing.
    assert!(timeout(Duration::from_millis(30), connection.chunk()).await.is_err());
    assert_eq!(connection.received(), 3);
}

#[tokio::test]
async fn a_body_until_the_end_and_trailers() {
    let server = scripted(b"HTTP/1.1 200 OK\r\n\r\nuntil the end".to_vec(), false).await;
    let mut connection = connect(&server, Protocol::Http1).await;
    connection.send(get("/")).await.unwrap();
    assert_eq!(all(&mut connection).await.unwrap(), b"until the end");
    let chunked =
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x\r\n\r\n3\r\nabc\r\n0\r\nx: y\r\n\r\n";
    let server = scripted(chunked.to_vec(), true).await;
    let mut connection = connect(&server, Protocol::Http1).await;
    connection.send(get("/")).await.unwrap();
    assert_eq!(all(&mut connection).await.unwrap(), b"abc");
    assert_eq!(connection.trailers().unwrap()["x"], "y");
}

#[tokio::test]
async fn a_proxy_gets_the_whole_uri_and_a_tunnel_gives_the_stream_back() {
    let server = hyper_server(Protocol::Http1).await;
    let mut connection = connect(&server, Protocol::Http1).await;
    connection.send_to_proxy(get("/x")).await.unwrap();
    assert_eq!(all(&mut connection).await.unwrap(), b"GET a.test /x ");
    let server = scripted(b"HTTP/1.1 200 Connection established\r\n\r\nearly".to_vec(), true).await;
    let mut connection = connect(&server, Protocol::Http1).await;
    let request = Request::connect("a.test:443").body(Bytes::new()).unwrap();
    assert_eq!(connection.send(request).await.unwrap().status, 200);
    let (mut stream, early) = connection.into_stream().unwrap();
    assert_eq!(early, "early");
    stream.write_all(b"x").await.unwrap();
}

/// What a peer says over TLS, and then closes without saying so: rustls tells that as an error of its own.
struct Abrupt(&'static [u8]);

impl tokio::io::AsyncRead for Abrupt {
    fn poll_read(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
        room: &mut tokio::io::ReadBuf<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        let said = std::mem::take(&mut self.0);
        if said.is_empty() {
            return std::task::Poll::Ready(Err(std::io::ErrorKind::UnexpectedEof.into()));
        }
        room.put_slice(said);
        std::task::Poll::Ready(Ok(()))
    }
}

impl tokio::io::AsyncWrite for Abrupt {
    fn poll_write(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
        bytes: &[u8],
    ) -> std::task::Poll<std::io::Result<usize>> {
        std::task::Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn poll_shutdown(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::task::Poll::Ready(Ok(()))
    }
}

#[tokio::test]
async fn an_end_without_tls_farewell_is_an_end_unless_something_is_missing() {
    for (answer, whole) in [
        (&b"HTTP/1.1 200 OK\r\n\r\nabc"[..], true),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc", true),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc", false),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n", false),
    ] {
        let mut connection = Connection::open(Abrupt(answer), Protocol::Http1).await.unwrap();
        connection.send(get("/")).await.unwrap();
        assert_eq!(connection.chunk().await.unwrap().unwrap(), "abc");
        let end = connection.chunk().await;
        assert_eq!(end.is_ok(), whole, "{:?}: {end:?}", String::from_utf8_lossy(answer));
    }
}
