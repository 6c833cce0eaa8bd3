//! SOCKS 5.

use std::net::IpAddr;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use super::ProxyError;

const VERSION: u8 = 5;
/// Methods: none is needed; user and password; none of those offered will do.
const NONE: u8 = 0;
const PASSWORD: u8 = 2;
const NO_METHOD: u8 = 0xff;
/// Kinds of addresses.
const IP4: u8 = 1;
const NAME: u8 = 3;
const IP6: u8 = 4;

/// Asks for a tunnel. Reads no byte behind the answer: those are the target's.
pub(crate) async fn tunnel<S>(
    mut stream: S,
    host: &str,
    port: u16,
    user: Option<&(String, String)>,
) -> Result<S, ProxyError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let methods: &[u8] = if user.is_some() { &[VERSION, 2, NONE, PASSWORD] } else { &[VERSION, 1, NONE] };
    stream.write_all(methods).await?;
    let [version, method] = read(&mut stream).await?;
    if version != VERSION {
        return Err(refused("it does not speak socks 5".to_owned()));
    }
    match (method, user) {
        (NONE, _) => {}
        (PASSWORD, Some((user, password))) => login(&mut stream, user, password).await?,
        (NO_METHOD | PASSWORD, None) => return Err(refused("it wants a user and a password".to_owned())),
        (NO_METHOD, Some(_)) => return Err(refused("it takes no user and password".to_owned())),
        (other, _) => return Err(refused(format!("it wants authentication method {other}"))),
    }
    stream.write_all(&request(host, port)?).await?;
    let [version, reply, _] = read(&mut stream).await?;
    if version != VERSION {
        return Err(refused("its answer is not of socks 5".to_owned()));
    }
    if reply != 0 {
        return Err(refused(format!("connect to {host} port {port}: {}", words(reply))));
    }
    let [kind] = read(&mut stream).await?;
    // The address that the proxy connects from, which nobody needs.
    let length = match kind {
        IP4 => 4,
        IP6 => 16,
        NAME => usize::from(read::<1, _>(&mut stream).await?[0]),
        other => return Err(refused(format!("its answer has an address of kind {other}"))),
    };
    let mut rest = [0; 255 + 2];
    stream.read_exact(&mut rest[..length + 2]).await?;
    Ok(stream)
}

async fn login<S>(stream: &mut S, user: &str, password: &str) -> Result<(), ProxyError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut message = vec![1];
    for part in [user, password] {
        message.push(short(part)?);
        message.extend_from_slice(part.as_bytes());
    }
    stream.write_all(&message).await?;
    let [_, status] = read(stream).await?;
    if status == 0 { Ok(()) } else { Err(refused("it refuses the user or the password".to_owned())) }
}

/// CONNECT to an address or a name.
fn request(host: &str, port: u16) -> Result<Vec<u8>, ProxyError> {
    let mut message = vec![VERSION, 1, 0];
    match host.parse::<IpAddr>() {
        Ok(IpAddr::V4(ip)) => {
            message.push(IP4);
            message.extend_from_slice(&ip.octets());
        }
        Ok(IpAddr::V6(ip)) => {
            message.push(IP6);
            message.extend_from_slice(&ip.octets());
        }
        Err(_) => {
            message.extend_from_slice(&[NAME, short(host)?]);
            message.extend_from_slice(host.as_bytes());
        }
    }
    message.extend_from_slice(&port.to_be_bytes());
    Ok(message)
}

fn short(part: &str) -> Result<u8, ProxyError> {
    u8::try_from(part.len()).map_err(|_| refused("socks 5 takes no more than 255 bytes".to_owned()))
}

async fn read<const N: usize, S: AsyncRead + Unpin>(stream: &mut S) -> Result<[u8; N], ProxyError> {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes).await?;
    Ok(bytes)
}

fn refused(detail: String) -> ProxyError {
    ProxyError::Refused(detail)
}

/// RFC 1928 §6.
fn words(reply: u8) -> String {
    let words = match reply {
        1 => "general failure",
        2 => "not allowed by its rules",
        3 => "network unreachable",
        4 => "host unreachable",
        5 => "connection refused",
        6 => "time to live expired",
        7 => "it does not connect",
        8 => "it does not know this kind of address",
        other => return format!("reply {other}"),
    };
    words.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Talks with a proxy that says these things in turn, and hears what each is said to.
    async fn talk(
        host: &str,
        user: Option<(&str, &str)>,
        says: &[&[u8]],
    ) -> (Result<Vec<u8>, String>, Vec<Vec<u8>>) {
        let (ours, mut theirs) = tokio::io::duplex(1024);
        let says: Vec<Vec<u8>> = says.iter().map(|part| part.to_vec()).collect();
        let proxy = tokio::spawn(async move {
            let mut heard = Vec::new();
            for part in says {
                let mut buffer = [0; 512];
                let length = theirs.read(&mut buffer).await.unwrap();
                heard.push(buffer[..length].to_vec());
                theirs.write_all(&part).await.unwrap();
            }
            heard
        });
        let user = user.map(|(user, password)| (user.to_owned(), password.to_owned()));
        let result = match tunnel(ours, host, 443, user.as_ref()).await {
            Ok(mut stream) => {
                let mut rest = Vec::new();
                stream.read_to_end(&mut rest).await.unwrap();
                Ok(rest)
            }
            Err(error) => Err(error.to_string()),
        };
        (result, proxy.await.unwrap())
    }

    #[tokio::test]
    async fn a_tunnel_by_address_and_by_name() {
        let (rest, heard) = talk("192.0.2.7", None, &[&[5, 0], &[5, 0, 0, 1, 1, 2, 3, 4, 0, 9, b'x']]).await;
        assert_eq!(rest.unwrap(), b"x", "what is behind the answer is the target's");
        assert_eq!(heard, [vec![5, 1, 0], vec![5, 1, 0, 1, 192, 0, 2, 7, 1, 187]]);
        let answer = [&[5, 0, 0, 3, 2][..], b"ab", &[0, 9]].concat();
        let (rest, heard) = talk("a.test", Some(("me", "word")), &[&[5, 2], &[1, 0], &answer]).await;
        assert_eq!(rest.unwrap(), b"");
        assert_eq!(heard[1], b"\x01\x02me\x04word");
        assert_eq!(heard[2], b"\x05\x01\x00\x03\x06a.test\x01\xbb");
    }

    #[tokio::test]
    async fn what_a_proxy_may_say_instead() {
        let me = Some(("me", "word"));
        type Case<'a> = (Option<(&'a str, &'a str)>, &'a [&'a [u8]], &'a str);
        let cases: [Case<'_>; 8] = [
            (None, &[b"HTTP/1.1 400"], "it does not speak socks 5"),
            (None, &[&[5, 0xff]], "it wants a user and a password"),
            (me, &[&[5, 0xff]], "it takes no user and password"),
            (me, &[&[5, 1]], "it wants authentication method 1"),
            (me, &[&[5, 2], &[1, 1]], "it refuses the user or the password"),
            (None, &[&[5, 0], &[5, 5, 0, 1, 0, 0, 0, 0, 0, 0]], "a.test port 443: connection refused"),
            (None, &[&[5, 0], &[5, 0, 0, 9]], "an address of kind 9"),
            (None, &[&[5, 0], &[5, 0]], "early eof"),
        ];
        for (user, says, want) in cases {
            let (result, _) = talk("a.test", user, says).await;
            let error = result.unwrap_err();
            assert!(error.contains(want), "{says:?}: {error}");
        }
    }
}
