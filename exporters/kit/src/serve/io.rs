//! One type for all kinds of connections, so that hyper's state machine is compiled once.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::server::TlsStream;

/// A connection as it was accepted.
#[derive(Debug)]
pub(super) enum Raw {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// The same, or TLS over it.
pub(super) enum Io {
    Plain(Raw),
    Tls(Box<TlsStream<Raw>>),
}

macro_rules! each {
    ($this:expr, $type:ident { $($variant:ident),+ }, $stream:ident => $call:expr) => {
        match $this.get_mut() { $($type::$variant(stream) => { let $stream = Pin::new(stream); $call })+ }
    };
}

macro_rules! delegate {
    ($type:ident { $first:ident, $second:ident }) => {
        impl AsyncRead for $type {
            fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
                each!(self, $type { $first, $second }, stream => stream.poll_read(cx, buffer))
            }
        }

        impl AsyncWrite for $type {
            fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
                each!(self, $type { $first, $second }, stream => stream.poll_write(cx, bytes))
            }

            fn poll_write_vectored(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                slices: &[io::IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                each!(self, $type { $first, $second }, stream => stream.poll_write_vectored(cx, slices))
            }

            fn is_write_vectored(&self) -> bool {
                match self {
                    $type::$first(stream) => stream.is_write_vectored(),
                    $type::$second(stream) => stream.is_write_vectored(),
                }
            }

            fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                each!(self, $type { $first, $second }, stream => stream.poll_flush(cx))
            }

            fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                each!(self, $type { $first, $second }, stream => stream.poll_shutdown(cx))
            }
        }
    };
}

delegate!(Raw { Tcp, Unix });
delegate!(Io { Plain, Tls });
