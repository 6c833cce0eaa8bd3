//! The web configuration at work: TLS, client certificates, users, rate limit.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::*;
use crate::serve::Limits;

struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// Certificate and key, PEM.
    fn issue(&self, name: &str) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        (params.signed_by(&key, &self.0).unwrap().pem(), key.serialize_pem())
    }

    fn client(&self, own: Option<&(String, String)>, alpn: &[&[u8]]) -> TlsConnector {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.0.pem().as_bytes()).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        let mut config = match own {
            None => builder.with_no_client_auth(),
            Some((certificate, key)) => {
                let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()];
                builder
                    .with_client_auth_cert(chain, PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap())
                    .unwrap()
            }
        };
        config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
        TlsConnector::from(Arc::new(config))
    }
}

async fn secure(running: &Running, client: &TlsConnector) -> std::io::Result<TlsStream<TcpStream>> {
    client.connect(ServerName::try_from("localhost").unwrap(), connect(running).await).await
}

const READY: &str = "GET /-/ready HTTP/1.1\r\nhost: x\r\n\r\n";

/// TLS 1.3 tells a refused client certificate only on the first read: so a request is part of the question.
async fn let_in(running: &Running, client: &TlsConnector) -> bool {
    match secure(running, client).await {
        Ok(mut stream) => ask(&mut stream, READY).await.is_some_and(|answer| answer.status == 200),
        Err(_) => false,
    }
}

fn files(folder: &Path, pair: &(String, String)) {
    write(folder, "cert.pem", &pair.0);
    write(folder, "key.pem", &pair.1);
}

#[tokio::test]
async fn tls_speaks_both_versions_of_http_and_renews_its_certificate() {
    let (folder, first, second) = (tempfile::tempdir().unwrap(), Authority::new(), Authority::new());
    files(folder.path(), &first.issue("localhost"));
    let web = write(folder.path(), "web.yml", "tls_server_config: {cert_file: cert.pem, key_file: key.pem}");
    let running = serve(Settings { web_config: Some(web), ..settings() }).await;

    let mut one = secure(&running, &first.client(None, &[b"http/1.1"])).await.unwrap();
    assert_eq!(ask(&mut one, READY).await.unwrap().body, "Ready\n");
    let metrics = ask(&mut one, "GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap().body;
    assert_eq!(sample(&metrics, "farol_web_config_last_reload_successful"), Some(1.0));

    let two = secure(&running, &first.client(None, &[b"h2", b"http/1.1"])).await.unwrap();
    assert_eq!(two.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let io = hyper_util::rt::TokioIo::new(two);
    let executor = hyper_util::rt::TokioExecutor::new();
    let (mut sender, connection) = hyper::client::conn::http2::handshake(executor, io).await.unwrap();
    let task = tokio::spawn(connection);
    for (method, path, want) in
        [("GET", "/-/ready", &b"Ready\n"[..]), ("HEAD", "/-/ready", b""), ("GET", "/-/healthy", b"Healthy\n")]
    {
        let uri = format!("https://localhost{path}");
        let request = http::Request::builder().method(method).uri(uri).body(String::new()).unwrap();
        let response = sender.send_request(request).await.unwrap();
        assert_eq!(response.status(), 200);
        let body = http_body_util::BodyExt::collect(response.into_body()).await.unwrap().to_bytes();
        assert_eq!(body, want, "{method} {path}");
    }
    drop(sender);
    let _ = task.await;

    // Plain text on a TLS port ends at once.
    let mut plain = connect(&running).await;
    assert!(ask(&mut plain, READY).await.is_none());

    files(folder.path(), &second.issue("localhost"));
    running.reload().unwrap();
    assert!(!let_in(&running, &first.client(None, &[])).await);
    assert!(let_in(&running, &second.client(None, &[])).await);
    // A key that does not fit keeps the pair before.
    write(folder.path(), "key.pem", &first.issue("localhost").1);
    assert!(running.reload().is_err());
    assert!(let_in(&running, &second.client(None, &[])).await);
    running.stop().await;
}

#[tokio::test]
async fn client_certificates_by_policy() {
    let (folder, ours, theirs) = (tempfile::tempdir().unwrap(), Authority::new(), Authority::new());
    files(folder.path(), &ours.issue("localhost"));
    write(folder.path(), "ca.pem", &ours.0.pem());
    let (good, other, foreign) =
        (ours.issue("prometheus"), ours.issue("somebody"), theirs.issue("prometheus"));
    let ca = "client_ca_file: ca.pem, ";
    //  policy, further keys, without one, good, of another name, of another authority
    for (policy, more, want) in [
        ("NoClientCert", "", [true, true, true, true]),
        ("RequestClientCert", "", [true, true, true, true]),
        ("RequireAnyClientCert", "", [false, true, true, true]),
        ("VerifyClientCertIfGiven", ca, [true, true, true, false]),
        ("RequireAndVerifyClientCert", ca, [false, true, true, false]),
        ("RequireClientCert", ca, [false, true, true, false]),
        (
            "RequireAndVerifyClientCert",
            "client_ca_file: ca.pem, client_allowed_sans: [prometheus], ",
            [false, true, false, false],
        ),
    ] {
        let text = format!(
            "tls_server_config: {{cert_file: cert.pem, key_file: key.pem, {more}client_auth_type: {policy}}}"
        );
        let web = write(folder.path(), "web.yml", &text);
        let running = serve(Settings { web_config: Some(web), ..settings() }).await;
        let clients = [None, Some(&good), Some(&other), Some(&foreign)];
        for (own, want) in clients.into_iter().zip(want) {
            let result = let_in(&running, &ours.client(own, &[])).await;
            assert_eq!(
                result,
                want,
                "{text}: {}",
                own.map_or("none", |own| if own == &good { "good" } else { "another" })
            );
        }
        running.stop().await;
    }
}

#[tokio::test]
async fn silent_tls_clients_are_closed_and_others_served() {
    let (folder, authority) = (tempfile::tempdir().unwrap(), Authority::new());
    files(folder.path(), &authority.issue("localhost"));
    let web = write(folder.path(), "web.yml", "tls_server_config: {cert_file: cert.pem, key_file: key.pem}");
    let limits = Limits { handshake: Duration::from_millis(300), ..Limits::default() };
    let running = serve(Settings { web_config: Some(web), limits, ..settings() }).await;
    let mut silent = connect(&running).await;
    let begin = Instant::now();
    assert!(let_in(&running, &authority.client(None, &[])).await);
    let end = tokio::time::timeout(Duration::from_secs(5), silent.read(&mut [0])).await.expect("closed");
    assert!(matches!(end, Ok(0) | Err(_)));
    assert!(begin.elapsed() > Duration::from_millis(200), "{:?}", begin.elapsed());
    running.stop().await;
}

#[tokio::test]
async fn users_headers_and_the_exemption_of_health() {
    use base64::Engine as _;
    let folder = tempfile::tempdir().unwrap();
    let hash = bcrypt::hash("sesame", 4).unwrap();
    let text = format!(
        "basic_auth_users: {{ali: {hash}}}\nhttp_server_config: {{headers: {{X-Frame-Options: deny}}}}\n"
    );
    let web = write(folder.path(), "web.yml", &text);
    let running = serve(Settings { web_config: Some(web), ..settings() }).await;
    let right = base64::engine::general_purpose::STANDARD.encode("ali:sesame");
    let wrong = base64::engine::general_purpose::STANDARD.encode("ali:open");
    for path in ["/metrics", "/", "/-/healthy", "/nothing"] {
        let answer = get(&running, path).await;
        assert_eq!((answer.status, answer.header("www-authenticate")), (401, Some("Basic")), "{path}");
        assert_eq!(answer.header("x-frame-options"), Some("deny"));
    }
    let answer = request(&running, "GET /metrics", &format!("authorization: Basic {wrong}\r\n")).await;
    assert_eq!(answer.status, 401);
    let answer = request(&running, "GET /metrics", &format!("authorization: Basic {right}\r\n")).await;
    assert_eq!(answer.status, 200);
    assert_eq!(sample(&answer.body, "farol_http_refused_total{reason=\"unauthorized\"}"), Some(5.0));

    write(folder.path(), "web.yml", &format!("{text}farol: {{health_without_auth: true}}\n"));
    running.reload().unwrap();
    assert_eq!(get(&running, "/-/healthy").await.status, 200);
    assert_eq!(get(&running, "/-/ready").await.status, 200);
    assert_eq!(get(&running, "/metrics").await.status, 401);
    running.stop().await;
}

#[tokio::test]
async fn the_rate_limit_comes_before_everything() {
    let folder = tempfile::tempdir().unwrap();
    let web = write(
        folder.path(),
        "web.yml",
        "rate_limit: {interval: 10m, burst: 2}\nfarol: {health_without_auth: true}",
    );
    let running = serve(Settings { web_config: Some(web), ..settings() }).await;
    assert_eq!(get(&running, "/").await.status, 200);
    assert_eq!(get(&running, "/nothing").await.status, 404);
    let answer = get(&running, "/").await;
    assert_eq!(answer.status, 429);
    assert!(answer.header("retry-after").unwrap().parse::<u64>().unwrap() > 500);
    assert_eq!(get(&running, "/-/healthy").await.status, 200);
    running.stop().await;
}
