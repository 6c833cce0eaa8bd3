//! Nginx Proxy Managers of every kind: a scripted API, and databases made here.

mod api;
mod database;
mod discover;
mod odd;
mod restart;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use kit::Page;

use crate::TlsExporter;

/// What was asked.
#[derive(Clone, Debug)]
struct Asked {
    method: String,
    path: String,
    authorization: Option<String>,
    body: String,
}

/// A server of HTTP that answers by a function, which may be another one later.
#[derive(Clone)]
struct Script {
    port: u16,
    answer: Arc<Mutex<Box<Answer>>>,
    log: Arc<Mutex<Vec<Asked>>>,
}

type Answer = dyn Fn(&Asked) -> Vec<u8> + Send;

impl Script {
    fn new(answer: impl Fn(&Asked) -> Vec<u8> + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let script = Self {
            port: listener.local_addr().unwrap().port(),
            answer: Arc::new(Mutex::new(Box::new(answer))),
            log: Arc::default(),
        };
        let serving = script.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let serving = serving.clone();
                std::thread::spawn(move || serving.serve(stream));
            }
        });
        script
    }

    fn serve(&self, mut stream: TcpStream) -> Option<()> {
        let mut reader = BufReader::new(stream.try_clone().ok()?);
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let mut words = line.split_whitespace().map(str::to_owned);
        let (method, path) = (words.next()?, words.next()?);
        let (mut authorization, mut length) = (None, 0);
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok()?;
            let Some((name, value)) = line.trim().split_once(": ") else { break };
            match name.to_ascii_lowercase().as_str() {
                "authorization" => authorization = Some(value.to_owned()),
                "content-length" => length = value.parse().ok()?,
                _ => {}
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        let asked = Asked { method, path, authorization, body: String::from_utf8(body).ok()? };
        self.log.lock().unwrap().push(asked.clone());
        let answer = (self.answer.lock().unwrap())(&asked);
        if answer == HANG {
            // Until the other side gives up.
            let _ = reader.read(&mut [0; 1]);
            return None;
        }
        if answer == BOMB {
            stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").ok()?;
            let chunk = [b"10000\r\n[".as_slice(), &[b' '; 65_535], b"\r\n"].concat();
            while stream.write_all(&chunk).is_ok() {}
            return None;
        }
        stream.write_all(&answer).ok()
    }

    fn now(&self, answer: impl Fn(&Asked) -> Vec<u8> + Send + 'static) {
        *self.answer.lock().unwrap() = Box::new(answer);
    }

    /// How often a path was asked for by a method.
    fn count(&self, method: &str, path: &str) -> usize {
        let log = self.log.lock().unwrap();
        log.iter().filter(|asked| asked.method == method && asked.path.starts_with(path)).count()
    }

    fn exporter(&self, more: &str) -> TlsExporter {
        let yaml = format!(
            "npm: [{{name: home, url: 'http://127.0.0.1:{}', identity: farol@example.org, secret: hunter2-secret, {more}}}]",
            self.port
        );
        crate::testing::build(&yaml).unwrap_or_else(|error| panic!("{error}"))
    }
}

/// Never answers.
const HANG: &[u8] = b"hang";
/// An answer without an end.
const BOMB: &[u8] = b"bomb";

fn json(status: u16, body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// Two proxy hosts (one switched off, one that nginx refuses), a redirection, and a stream.
fn usual(asked: &Asked) -> Vec<u8> {
    let certificate = r#"{"id":2,"is_deleted":false,"provider":"letsencrypt","nice_name":"blog.test, www.blog.test","domain_names":["blog.test","www.blog.test"],"expires_on":"2026-12-13 13:27:33","meta":{}}"#;
    let custom = r#"{"id":1,"provider":"other","nice_name":"Wiki","domain_names":["wiki.test"],"expires_on":"2026-12-13T13:27:33.000Z","meta":{"certificate_key":"PRIVATE"}}"#;
    let host = |id: u32, names: &str, certificate: &str, number: u32, enabled: &str, online: &str| {
        format!(
            r#"{{"id":{id},"domain_names":{names},"forward_port":1,"certificate_id":{number},"enabled":{enabled},"meta":{{"nginx_online":{online},"nginx_err":null}},"certificate":{certificate},"new_field":[1]}}"#
        )
    };
    let list = |rows: &[String]| json(200, &format!("[{}]", rows.join(",")));
    if asked.path == "/api/tokens" && asked.method == "POST" {
        return json(200, r#"{"token":"TOKEN-ONE","expires":"2026-11-24T13:27:30.855Z"}"#);
    }
    if asked.authorization.as_deref() != Some("Bearer TOKEN-ONE") {
        return json(404, r#"{"error":{"code":404,"message":"Not Found"}}"#);
    }
    match asked.path.split('?').next().unwrap() {
        "/api/nginx/proxy-hosts" => list(&[
            host(1, r#"["blog.test","www.blog.test"]"#, certificate, 2, "true", "true"),
            host(4, r#"["off.test"]"#, certificate, 2, "0", "true"),
            host(3, r#"["plain.test"]"#, "null", 0, "1", "false"),
        ]),
        "/api/nginx/redirection-hosts" => list(&[host(1, r#"["*.any.test"]"#, custom, 1, "true", "true")]),
        "/api/nginx/dead-hosts" => list(&[]),
        "/api/nginx/streams" => json(
            200,
            &format!(
                r#"[{{"id":1,"incoming_port":8883,"tcp_forwarding":true,"udp_forwarding":false,"meta":{{}},"enabled":true,"certificate_id":1,"certificate":{custom}}}]"#
            ),
        ),
        _ => json(404, "{}"),
    }
}

fn get(page: &Page, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
    let all: Vec<_> = [("npm", "home")].into_iter().chain(labels.iter().copied()).collect();
    page.get(name, &all)
}

/// The reason that the last reading failed for, or `ok`; and what holds for every page.
fn reason(page: &Page) -> String {
    assert!(page.dropped().is_empty(), "{:?}", page.dropped());
    let row = page.samples().find(|sample| sample.desc.name == "npm_error_info");
    let word = row.and_then(|row| row.labels().nth(1).map(|(_, value)| value.to_owned()));
    assert_eq!(get(page, "npm_up", &[]), Some(if word.is_some() { 0.0 } else { 1.0 }));
    let catalogue = <TlsExporter as kit::Exporter>::catalogue();
    for desc in page.descs() {
        assert!(catalogue.contains(&desc), "{} is not in the catalogue", desc.name);
    }
    word.unwrap_or_else(|| "ok".to_owned())
}
