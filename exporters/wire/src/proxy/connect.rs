//! HTTP's CONNECT.

use bytes::Bytes;
use http::header::PROXY_AUTHORIZATION;
use http::{HeaderMap, HeaderValue, Method, Request, Uri};
use tokio::net::TcpStream;

use super::ProxyError;
use crate::http::{Connection, Protocol};

pub(super) async fn tunnel(
    stream: TcpStream,
    host: &str,
    port: u16,
    headers: &HeaderMap,
    authorization: Option<&HeaderValue>,
) -> Result<TcpStream, ProxyError> {
    let authority = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
    let uri = Uri::try_from(authority.as_str())
        .map_err(|error| ProxyError::Refused(format!("{authority}: {error}")))?;
    let mut request = Request::new(Bytes::new());
    *request.method_mut() = Method::CONNECT;
    *request.uri_mut() = uri;
    *request.headers_mut() = headers.clone();
    if let Some(value) = authorization {
        request.headers_mut().insert(PROXY_AUTHORIZATION, value.clone());
    }
    let mut connection = Connection::open(stream, Protocol::Http1).await?;
    let reply = connection.send(request).await?;
    if !reply.status.is_success() {
        let status = reply.status.as_u16();
        return Err(ProxyError::Refused(format!("connect to {authority}: status {status}")));
    }
    let (stream, early) = connection.into_stream()?;
    if early.is_empty() {
        Ok(stream)
    } else {
        Err(ProxyError::Refused(format!("connect to {authority}: bytes before the target's")))
    }
}
