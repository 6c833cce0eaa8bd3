//! One connection, as pveproxy treats it.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::answer::{Answer, Request, STATS, answer};
use super::state::{Fault, State};

/// A connection ends after this silence.
const SILENCE: Duration = Duration::from_secs(5);
/// A connection ends after so many requests.
const MOST: usize = 100;
/// Larger bodies are packed.
const SMALL: usize = 1024;

/// Serves a connection to its end.
pub(super) async fn serve(state: Arc<State>, listener: usize, acceptor: TlsAcceptor, stream: TcpStream) {
    state.connected();
    if state.is_deaf(listener) {
        tokio::time::sleep(Duration::from_secs(120)).await;
        return;
    }
    let _ = stream.set_nodelay(true);
    let Ok(mut stream) = acceptor.accept(stream).await else { return };
    let mut buffer = Vec::new();
    for count in 1..=MOST {
        let Ok(Some(request)) = timeout(SILENCE, read(&mut stream, &mut buffer)).await else { break };
        if state.is_deaf(listener) {
            tokio::time::sleep(Duration::from_secs(120)).await;
            return;
        }
        if request.path != STATS {
            state.asked(&request.path);
        }
        let answer = answer(&state, listener, &request).await;
        let close = answer.status >= 400 || count == MOST;
        let whole = write(&mut stream, &request, answer, close).await;
        if close || !whole {
            break;
        }
    }
    let _ = stream.shutdown().await;
}

async fn read(stream: &mut (impl tokio::io::AsyncRead + Unpin), buffer: &mut Vec<u8>) -> Option<Request> {
    let mut end = None;
    while end.is_none() {
        end = buffer.windows(4).position(|window| window == b"\r\n\r\n");
        if end.is_none() && stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    }
    let head = String::from_utf8(buffer.drain(..end? + 4).collect()).ok()?;
    let mut lines = head.split("\r\n");
    let mut first = lines.next()?.split(' ');
    let (method, path) = (first.next()?.to_owned(), first.next()?.to_owned());
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let mut request = Request { method, path, headers, body: String::new() };
    let length: usize = request.header("content-length").parse().unwrap_or(0);
    while buffer.len() < length {
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    }
    request.body = String::from_utf8(buffer.drain(..length).collect()).ok()?;
    Some(request)
}

/// Writes an answer; whether the connection can go on.
async fn write(
    stream: &mut (impl tokio::io::AsyncWrite + Unpin),
    request: &Request,
    answer: Answer,
    close: bool,
) -> bool {
    if answer.fault == Some(Fault::Garbage) {
        let _ = stream.write_all(b"SSH-2.0-OpenSSH_9.2p1\r\n\r\n\r\n").await;
        return false;
    }
    let mut body = answer.body;
    let packed = body.len() > SMALL && request.header("accept-encoding").contains("gzip");
    if packed {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packer.write_all(&body).unwrap();
        body = packer.finish().unwrap();
    }
    let head = format!(
        "HTTP/1.1 {} {}\r\nCache-Control: max-age=0\r\n{}Server: pve-api-daemon/3.0\r\nContent-Length: {}\r\n\
         Content-Type: application/json;charset=UTF-8\r\nConnection: {}\r\n\r\n",
        answer.status,
        answer.words,
        if packed { "Content-Encoding: gzip\r\n" } else { "" },
        body.len(),
        if close { "Close" } else { "Keep-Alive" },
    );
    let cut = answer.fault == Some(Fault::Truncated);
    let body = if cut { &body[..body.len() / 2] } else { &body[..] };
    let written = async {
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(body).await?;
        stream.flush().await
    };
    written.await.is_ok() && !cut
}
