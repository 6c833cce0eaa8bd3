//! The way there and back: one query over udp, tcp or tls. There is no deadline here but the handshake's.

use std::io::{self, Read as _};
use std::net::SocketAddr;

use kit::Failure;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, Interest};
use tokio::net::UdpSocket;
use wire::dial::{DialReason, dial_udp};
use wire::tls::{Alpn, Client, Seen};
use wire::{Phase, Stopwatch};

use super::message::answers;
use super::query::Query;
use crate::module::Context;
use crate::reach::{self, Reach, unconnected};
use crate::verdict::fail;

/// An answer's bytes.
pub(super) type Answer = Vec<u8>;

/// The largest datagram that is taken: more than any server sends to a query without EDNS.
const DATAGRAM: usize = 4096;

/// What a waiting socket is told: also of an error alone, which is how a closed port shows.
const COMES: Interest = Interest::READABLE.add(Interest::ERROR);

/// Where to, and which way.
pub(super) struct Way<'a> {
    pub(super) context: &'a Context<'a>,
    pub(super) reach: &'a Reach,
    pub(super) addr: SocketAddr,
}

/// One datagram there and back. What is no answer to this query is passed over.
pub(super) async fn udp(way: &Way<'_>, query: &Query, watch: &mut Stopwatch) -> Result<Answer, Failure> {
    watch.enter(Phase::Connect);
    let socket = dial_udp(way.addr, &way.reach.egress).map_err(|error| unconnected(&error))?;
    watch.enter(Phase::Request);
    // Straight to the kernel: a datagram fits into a fresh socket's buffer, so there is no turn of the event loop to wait for.
    match SockRef::from(&socket).send(query.datagram()) {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
            socket.send(query.datagram()).await.map_err(|error| lost(way, &error))?;
        }
        Err(error) => return Err(lost(way, &error)),
    }
    loop {
        // Not `recv`, which waits for something to read and never learns of an error that comes alone; nor `try_io`, which
        // knows no two interests at once.
        let received = socket.async_io(COMES, || receive(&socket, query)).await;
        if let Some(answer) = received.map_err(|error| lost(way, &error))? {
            return Ok(answer);
        }
    }
}

/// One datagram, if it is the answer. Apart from [`udp`], so that the buffer is no part of a waiting probe's memory.
fn receive(socket: &UdpSocket, query: &Query) -> io::Result<Option<Answer>> {
    let mut buffer = [0; DATAGRAM];
    let length = (&*SockRef::from(socket)).read(&mut buffer)?;
    let bytes = &buffer[..length];
    Ok(answers(bytes, query).then(|| bytes.to_vec()))
}

/// One query over a connection of its own.
pub(super) async fn tcp(way: &Way<'_>, query: &Query, watch: &mut Stopwatch) -> Result<Answer, Failure> {
    let stream = way.reach.connect(way.context, way.addr, watch).await?;
    watch.enter(Phase::Request);
    ask(stream, way, query).await
}

/// One query over a connection of its own, behind a handshake.
pub(super) async fn tls(
    way: &Way<'_>,
    query: &Query,
    watch: &mut Stopwatch,
    (client, name): (&Client, &str),
    seen: &mut Option<Seen>,
) -> Result<Answer, Failure> {
    let stream = way.reach.connect(way.context, way.addr, watch).await?;
    let stream = reach::secure(client, stream, name, &Alpn::None, way.context, seen, watch).await?;
    watch.enter(Phase::Request);
    ask(stream, way, query).await
}

/// The query behind its length, and the answer behind its own (RFC 1035 §4.2.2).
async fn ask<S>(mut stream: S, way: &Way<'_>, query: &Query) -> Result<Answer, Failure>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    stream.write_all(query.framed()).await.map_err(|error| lost(way, &error))?;
    stream.flush().await.map_err(|error| lost(way, &error))?;
    let length = stream.read_u16().await.map_err(|error| lost(way, &error))?;
    let mut answer = vec![0; usize::from(length)];
    stream.read_exact(&mut answer).await.map_err(|error| lost(way, &error))?;
    if !answers(&answer, query) {
        let detail = format!("ask {}: the answer is to another query", way.addr);
        return Err(fail(Phase::Request, "dns_bad_response", detail));
    }
    Ok(answer)
}

/// A query that was sent and an answer that did not come.
fn lost(way: &Way<'_>, error: &io::Error) -> Failure {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    let tls = wire::tls::io_failure(error);
    let (reason, cause) = match (error.kind(), tls) {
        (_, Some((reason, cause))) => (reason.word(), cause),
        (UnexpectedEof | ConnectionReset | ConnectionAborted | BrokenPipe, None) => {
            ("connection_closed", "the server closed the connection without an answer".to_owned())
        }
        (_, None) => match DialReason::of(error) {
            // A datagram's closed port shows only now.
            DialReason::Refused => (DialReason::Refused.word(), "connection refused".to_owned()),
            reason => (reason.word(), error.to_string().to_lowercase()),
        },
    };
    fail(Phase::Request, reason, format!("ask {}: {cause}", way.addr))
}
