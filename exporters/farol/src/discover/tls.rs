//! TLS among what was found, as tls-exporter's YAML: listeners that speak it, at once or after STARTTLS, and the files in
//! which Debian's programs usually have certificates.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;

use kit::Exporter as _;
use kit::config::Document;
use tls_exporter::TlsExporter;
use tokio::net::TcpStream;
use tokio::time::timeout;
use wire::starttls::{Protocol, upgrade};

use super::plan::{Asked, Entry, Plan};
use super::sniff::{Heard, PATIENCE};
use super::yaml::{one_line, quoted};

const HEAD: &str = "\
# What farol found on this machine that has certificates, by `farol discover tls-exporter`. Without a file of your own,
# farol watches just this, and looks again at each reload. To keep it and make it yours:
# farol discover tls-exporter > tls.yml
#
# On loopback the name is never the certificate's, so that it is not verified; what is wrong with it is shown all the same.
";

/// What a module of discovery is called that begins in clear text, and its protocol. Only those that greet: of a database it
/// is not known whether it takes offence.
const DIALOGUES: &[(&str, Protocol)] = &[
    ("smtp_insecure", Protocol::Smtp),
    ("imap_insecure", Protocol::Imap),
    ("pop3_insecure", Protocol::Pop3),
    ("ftp_insecure", Protocol::Ftp),
];

/// Whether a listener that greets gives TLS to whoever asks for it in its protocol.
pub(super) async fn offers(address: SocketAddr, protocol: Protocol) -> bool {
    let dialogue = async {
        let mut stream = TcpStream::connect(address).await.ok()?;
        upgrade(&mut stream, protocol, "localhost").await.ok()
    };
    timeout(PATIENCE * 3, dialogue).await.ok().flatten().is_some()
}

/// The protocol of a greeting's module, if TLS can begin in it.
pub(super) fn protocol(module: &str) -> Option<Protocol> {
    let word = module.strip_suffix("_banner")?;
    DIALOGUES.iter().find(|(_, protocol)| protocol.as_str() == word).map(|(_, protocol)| *protocol)
}

/// What to look at, of a listener that speaks TLS. `probed` is the entry by which it is probed: it has the same name here.
pub(super) fn entry(asked: &Asked, probed: &Entry) -> Option<Entry> {
    let module = match (&asked.heard, asked.starttls) {
        (Some(Heard::Https(_) | Heard::Tls), _) => "tls_insecure",
        (_, Some(given)) => DIALOGUES.iter().find(|(_, protocol)| *protocol == given)?.0,
        _ => return None,
    };
    let target = asked.address.to_string();
    Some(Entry { name: probed.name.clone(), target, module, evidence: probed.evidence.clone() })
}

/// The whole file, for the machine whose root is here.
#[must_use]
pub fn write(plan: &Plan, root: &Path) -> String {
    let mut text = HEAD.to_owned();
    let (modules, files) = parts(TlsExporter::ABOUT.builtin_config);
    text.push_str(modules);
    for (name, protocol) in DIALOGUES {
        if plan.tls.iter().any(|entry| entry.module == *name) {
            // Writing to a string cannot fail.
            let _ = writeln!(
                text,
                "  {name}:\n    starttls: {}\n    tls_config:\n      insecure_skip_verify: true",
                protocol.as_str()
            );
        }
    }
    let files = files.replace("/etc/", &format!("{}/etc/", root.display().to_string().trim_end_matches('/')));
    if finds(&files) {
        text.push_str(&files);
    }
    text.push_str(if plan.tls.is_empty() { "targets: []\n" } else { "targets:\n" });
    for entry in &plan.tls {
        let (name, target, module) = (quoted(&entry.name), quoted(&entry.target), entry.module);
        let evidence = one_line(&entry.evidence);
        let _ = writeln!(text, "  # {evidence}\n  - {{name: {name}, target: {target}, module: {module}}}");
    }
    text
}

/// The modules of the built-in configuration, without its comment, and its files.
fn parts(builtin: &str) -> (&str, &str) {
    let from = builtin.find("modules:\n").unwrap_or_default();
    let to = builtin.find("files:\n").unwrap_or(builtin.len());
    (&builtin[from..to], &builtin[to..])
}

/// Whether there is any such file.
fn finds(files: &str) -> bool {
    let document = Document::embedded("discovered", files);
    let built = document.parse().and_then(|raw| TlsExporter::build(raw, &document, None));
    built.is_ok_and(|exporter| !exporter.files().found().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn builds(text: &str) -> TlsExporter {
        let document = Document::embedded("tls.yml", text);
        document.parse().and_then(|raw| TlsExporter::build(raw, &document, None)).unwrap()
    }

    #[test]
    fn what_is_written_is_read() {
        let root = tempfile::tempdir().unwrap();
        let empty = write(&Plan::default(), root.path());
        assert!(!empty.contains("files:") && builds(&empty).schedule().targets().is_empty(), "{empty}");
        std::fs::create_dir_all(root.path().join("etc/nginx")).unwrap();
        std::fs::write(root.path().join("etc/nginx/a.pem"), "").unwrap();
        let all = DIALOGUES.iter().map(|(module, _)| *module).chain(["tls_insecure"]);
        let tls = all.map(|module| Entry {
            name: format!("a-{module}"),
            target: "127.0.0.1:1".into(),
            module,
            evidence: "found\nin x".into(),
        });
        let text = write(&Plan { tls: tls.collect(), ..Plan::default() }, root.path());
        let exporter = builds(&text);
        assert_eq!(exporter.schedule().targets().len(), DIALOGUES.len() + 1, "{text}");
        assert_eq!(exporter.files().found(), [root.path().join("etc/nginx/a.pem")]);
        assert!(text.contains("  # found in x\n"), "{text}");
    }

    #[test]
    fn which_greetings_may_lead_to_tls() {
        for (module, want) in [
            ("smtp_banner", Some(Protocol::Smtp)),
            ("imap_banner", Some(Protocol::Imap)),
            ("ssh_banner", None),
            ("tcp_connect", None),
        ] {
            assert_eq!(protocol(module), want, "{module}");
        }
    }
}
