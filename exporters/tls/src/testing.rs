//! What the tests share: an exporter from YAML, a look at a target, certificates of every kind, and real servers for them.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use kit::config::Document;
use kit::{Ask, Exporter, Prober as _, Trace, Verdict};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType, IsCa, Issuer, KeyIdMethod,
    KeyPair, KeyUsagePurpose, RevokedCertParams, SerialNumber, date_time_ymd,
};
use rustls_pki_types::CertificateDer;
use wire::tls::Certificate;

use crate::TlsExporter;
use crate::reasons::is_known;

/// Builds an exporter; the errors' text if it cannot be built.
pub(crate) fn build(yaml: &str) -> Result<TlsExporter, String> {
    let document = Document::embedded("test.yml", yaml);
    let raw = document.parse().map_err(|error| error.to_string())?;
    TlsExporter::build(raw, &document, None).map_err(|error| error.to_string())
}

/// An exporter as a process has it that begins now, knowing what is kept in a folder.
pub(crate) fn begin(yaml: &str, store: Option<&Path>) -> TlsExporter {
    let document = Document::embedded("test.yml", yaml);
    let store = store.map(|folder| kit::Store::new(folder.to_owned()));
    TlsExporter::build_with(document.parse().unwrap(), &document, store, None).unwrap()
}

/// Puts a link that leads round in a circle in a place: whoever looks there gets an error, also as root. Where it is now is
/// returned.
pub(crate) fn close(place: &Path) -> PathBuf {
    let aside = place.with_extension("aside");
    std::fs::rename(place, &aside).unwrap();
    std::os::unix::fs::symlink(place.file_name().unwrap(), place).unwrap();
    aside
}

/// Looks with the module `m`, and checks what holds for every page.
pub(crate) async fn look(module: &str, target: &str, hostname: Option<&str>, time: Duration) -> Verdict {
    let exporter = build(&format!("modules: {{m: {module}}}")).unwrap_or_else(|error| panic!("{error}"));
    let trace = Trace::new();
    let began = Instant::now();
    let ask = Ask { module: "m", target, hostname, deadline: began + time, trace: &trace };
    let verdict = exporter.modules().probe(ask).await;
    assert!(began.elapsed() < time + Duration::from_secs(1), "overran its deadline");
    assert!(verdict.page.dropped().is_empty(), "{:?}", verdict.page.dropped());
    let catalogue = TlsExporter::catalogue();
    for desc in verdict.page.descs() {
        assert!(catalogue.contains(&desc), "{} is not in the catalogue", desc.name);
    }
    if let Some(failure) = &verdict.failure {
        assert!(is_known(failure.reason), "{failure}");
    }
    verdict
}

/// The reason of a verdict, or `ok`.
pub(crate) fn reason(verdict: &Verdict) -> &'static str {
    verdict.failure.as_ref().map_or("ok", |failure| failure.reason)
}

/// The first sample of a family: its labels after target and module, and its value.
pub(crate) fn sample(verdict: &Verdict, name: &str) -> Option<(Vec<String>, f64)> {
    samples(verdict, name).into_iter().next()
}

/// Every sample of a family: its labels after target and module, and its value.
pub(crate) fn samples(verdict: &Verdict, name: &str) -> Vec<(Vec<String>, f64)> {
    let all = verdict.page.samples().filter(|sample| sample.desc.name == name);
    all.map(|sample| {
        let labels = sample.labels().skip(2).map(|(_, value)| value.to_owned()).collect();
        let kit::page::Value::Number(value) = sample.value else { panic!("{name} is no number") };
        (labels, *value)
    })
    .collect()
}

/// The value of a family's first sample.
pub(crate) fn value(verdict: &Verdict, name: &str) -> Option<f64> {
    sample(verdict, name).map(|(_, value)| value)
}

/// An authority or a server's certificate, with its key.
pub(crate) struct Made {
    pub(crate) pem: String,
    pub(crate) key: String,
    issuer: Issuer<'static, KeyPair>,
}

/// Makes a certificate of this name, signed by `parent` or by itself. `dates` are days from now.
pub(crate) fn make(name: &str, authority: bool, parent: Option<&Made>, dates: (i64, i64)) -> Made {
    let names = if authority { Vec::new() } else { vec![name.to_owned()] };
    let mut params = CertificateParams::new(names).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    let now = std::time::SystemTime::now();
    let day = |days: i64| {
        let span = Duration::from_secs(days.unsigned_abs() * 86_400);
        if days < 0 { now - span } else { now + span }
    };
    params.not_before = day(dates.0).into();
    params.not_after = day(dates.1).into();
    params.use_authority_key_identifier_extension = parent.is_some();
    if authority {
        params.distinguished_name.push(DnType::OrganizationName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    }
    let key = KeyPair::generate().unwrap();
    let made = match parent {
        Some(parent) => params.signed_by(&key, &parent.issuer).unwrap(),
        None => params.self_signed(&key).unwrap(),
    };
    Made { pem: made.pem(), key: key.serialize_pem(), issuer: Issuer::new(params, key) }
}

impl Made {
    /// What is in it.
    pub(crate) fn certificate(&self) -> Certificate {
        use rustls_pki_types::pem::PemObject as _;
        Certificate::parse(&CertificateDer::from_pem_slice(self.pem.as_bytes()).unwrap()).unwrap()
    }

    /// Its list of the certificates that it has revoked.
    pub(crate) fn revocation_list(&self, revoked: &[&Made]) -> String {
        let revoked = revoked.iter().map(|made| RevokedCertParams {
            serial_number: SerialNumber::from_slice(&bytes(&made.certificate().serial)),
            revocation_time: date_time_ymd(2026, 1, 1),
            reason_code: None,
            invalidity_date: None,
        });
        let list = CertificateRevocationListParams {
            this_update: date_time_ymd(2026, 1, 1),
            next_update: date_time_ymd(2026, 1, 8),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: revoked.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        list.signed_by(&self.issuer).unwrap().pem().unwrap()
    }
}

fn bytes(hexadecimal: &str) -> Vec<u8> {
    let pairs = hexadecimal.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
    pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}

/// A folder with files in it.
pub(crate) struct Lab {
    folder: tempfile::TempDir,
}

impl Lab {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file and returns its place.
    pub(crate) fn write(&self, name: &str, content: &str) -> PathBuf {
        let place = self.path().join(name);
        std::fs::create_dir_all(place.parent().unwrap()).unwrap();
        std::fs::write(&place, content).unwrap();
        place
    }

    /// Runs openssl here, and returns what it prints.
    pub(crate) fn openssl(&self, arguments: &str) -> String {
        self.openssl_with(arguments, &[])
    }

    /// The same, with more arguments that may have spaces, or be empty.
    pub(crate) fn openssl_with(&self, arguments: &str, more: &[&str]) -> String {
        let mut command = Command::new("openssl");
        command.current_dir(self.path()).args(arguments.split_whitespace()).args(more);
        let done = command.stdin(Stdio::null()).output().unwrap();
        assert!(done.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap()
    }

    /// `openssl s_server` on a free port, with `cert.pem` and `key.pem` of this folder.
    pub(crate) fn serve(&self, arguments: &str) -> Server {
        self.serve_at("127.0.0.1:0", arguments)
    }

    /// The same at this address.
    pub(crate) fn serve_at(&self, addr: &str, arguments: &str) -> Server {
        let mut child = Command::new("openssl")
            .current_dir(self.path())
            .args(["s_server", "-accept", addr, "-key", "key.pem", "-cert", "cert.pem"])
            .args(arguments.split_whitespace())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        let addr = loop {
            line.clear();
            assert!(lines.read_line(&mut line).unwrap() > 0, "openssl s_server ended before it listened");
            // It names the port only if it has chosen it itself.
            match line.trim().strip_prefix("ACCEPT") {
                Some("") => break addr.to_owned(),
                Some(chosen) => break chosen.trim().to_owned(),
                None => {}
            }
        };
        // Its standard output must stay open, or it would end with the first line it prints.
        std::thread::spawn(move || lines.read_to_end(&mut Vec::new()));
        Server { child, addr }
    }
}

impl Lab {
    /// nginx with this configuration of its http section; `@PORT@` stands for the port, which is returned.
    pub(crate) async fn nginx(&self, http: &str) -> (Server, u16) {
        let port = free_port();
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|name| format!("{name}_temp_path {name};"))
            .concat();
        let text = format!(
            "daemon off; master_process off; pid nginx.pid; error_log stderr; events {{}}
             http {{ access_log off; {temporary} {} }}",
            http.replace("@PORT@", &port.to_string())
        );
        let file = self.write("nginx.conf", &text);
        let folder = self.path().display().to_string();
        let child = Command::new("nginx")
            .args(["-p", &folder, "-e", "stderr", "-c", &file.display().to_string()])
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        (Server::listening(child, port).await, port)
    }
}

/// A port of loopback where nobody listens.
pub(crate) fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A server process that ends with the test.
pub(crate) struct Server {
    child: Child,
    /// `127.0.0.1:port`.
    pub(crate) addr: String,
}

impl Server {
    /// A process, once it listens on a port of 127.0.0.1.
    pub(crate) async fn listening(child: Child, port: u16) -> Self {
        let server = Self { child, addr: format!("127.0.0.1:{port}") };
        for _ in 0..200 {
            if std::net::TcpStream::connect(&server.addr).is_ok() {
                return server;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("nobody listens on {}", server.addr);
    }
}

impl Server {
    pub(crate) fn end(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}

/// Whether a program is there; a test that needs it says so loudly.
pub(crate) fn there(program: &str, test: &str) -> bool {
    let path = std::env::var("PATH").unwrap_or_default() + ":/usr/sbin:/sbin";
    let found = path.split(':').any(|folder| Path::new(folder).join(program).is_file());
    if !found {
        eprintln!("SKIPPED: {test} needs {program}");
    }
    found
}
