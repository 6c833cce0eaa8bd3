//! Files of every format, as the programs that write them do.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;

use super::*;
use crate::files::key;
use crate::testing::{Lab, make, there};

fn plain(bytes: &[u8]) -> Content {
    read(bytes, None, &[])
}

/// The common names of certificates.
fn names(certificates: &[Certificate]) -> Vec<&str> {
    certificates.iter().map(|facts| facts.subject_common_name.as_deref().unwrap_or_default()).collect()
}

/// Whether the key in it is the first certificate's.
fn proven(content: &Content) -> Option<bool> {
    key::matches(content.key.as_ref()?, content.certificates.first()?)
}

#[test]
fn what_is_good_is_read_beside_what_is_not() {
    let made = make("a.test", false, None, (-1, 30));
    let cut = made.pem.lines().take(3).collect::<Vec<_>>().join("\n");
    let garbage = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for (text, certificates, key, faults) in [
        (made.pem.clone(), 1, false, vec![]),
        (format!("# mine\n{}{}", made.key, made.pem), 1, true, vec![]),
        (format!("{cut}\n{}", made.pem), 1, false, vec![Fault::BadPem]),
        (format!("{garbage}{}", made.pem), 1, false, vec![Fault::BadCertificate]),
        (garbage.replace("CERTIFICATE", "X509 CRL"), 0, false, vec![Fault::BadCrl]),
        ("hello".to_owned(), 0, false, vec![Fault::NoCertificate]),
        (String::new(), 0, false, vec![Fault::NoCertificate]),
        (
            "-----BEGIN DH PARAMETERS-----\nAAAA\n-----END DH PARAMETERS-----\n".to_owned(),
            0,
            false,
            vec![Fault::NoCertificate],
        ),
    ] {
        let content = plain(text.as_bytes());
        assert_eq!(
            (content.certificates.len(), content.key.is_some(), content.faults),
            (certificates, key, faults),
            "{text}"
        );
    }
}

#[test]
fn a_certificate_alone_in_der() {
    let made = make("a.test", false, None, (-1, 30));
    let der = CertificateDer::from_pem_slice(made.pem.as_bytes()).unwrap();
    assert_eq!(plain(&der).certificates.len(), 1);
    assert_eq!(plain(&der[..der.len() - 1]).faults, [Fault::BadCertificate]);
}

/// A folder with a chain of `openssl`'s: cert.pem and key.pem, ca.pem above.
fn openssl(test: &str) -> Option<Lab> {
    if !there("openssl", test) {
        return None;
    }
    let lab = Lab::new();
    let root = make("Root", true, None, (-1, 300));
    let leaf = make("a.test", false, Some(&root), (-1, 30));
    lab.write("ca.pem", &root.pem);
    lab.write("cert.pem", &leaf.pem);
    lab.write("key.pem", &leaf.key);
    Some(lab)
}

#[test]
fn pkcs12_as_openssl_writes_it() {
    let Some(lab) = openssl("pkcs12_as_openssl_writes_it") else { return };
    let secret = Secret::new("größer");
    for (arguments, password, certificates, key, faults) in [
        // OpenSSL 3's usual: AES-256 by PBKDF2 with SHA-256.
        ("", "größer", 2, Some(true), &[][..]),
        ("-certpbe AES-128-CBC -keypbe AES-192-CBC -macalg sha512", "größer", 2, Some(true), &[]),
        ("-certpbe AES-256-CBC -keypbe des-ede3-cbc", "größer", 2, Some(true), &[]),
        // OpenSSL 1's: RC2 of 40 bits and Triple-DES.
        ("-legacy", "größer", 2, Some(true), &[]),
        ("-legacy -certpbe PBE-SHA1-RC2-128 -keypbe PBE-SHA1-2DES", "größer", 2, Some(true), &[]),
        ("", "", 2, Some(true), &[]),
        ("-legacy", "", 2, Some(true), &[]),
        ("-nomac -certpbe AES-256-CBC", "größer", 2, Some(true), &[]),
        ("-nokeys", "größer", 2, None, &[]),
        // What is in clear is shown, also beside a key that nobody can open.
        ("-certpbe NONE -keypbe NONE", "other", 2, Some(true), &[]),
        ("-certpbe NONE", "other", 2, None, &[]),
        ("", "other", 0, None, &[Fault::WrongPassword]),
        ("-nomac -certpbe AES-256-CBC", "other", 0, None, &[Fault::WrongPassword]),
        ("-iter 3000000", "größer", 0, None, &[Fault::TooExpensive]),
    ] {
        lab.openssl_with(
            &format!(
                "pkcs12 -export -in cert.pem -inkey key.pem -certfile ca.pem -name web -out a.p12 {arguments}"
            ),
            &["-passout", &format!("pass:{password}")],
        );
        let bytes = std::fs::read(lab.path().join("a.p12")).unwrap();
        let mut content = read(&bytes, None, std::slice::from_ref(&secret));
        content.faults.retain(|fault| *fault != Fault::KeyEncrypted);
        content.faults.dedup();
        let found = (content.certificates.len(), proven(&content), content.faults.as_slice());
        assert_eq!(found, (certificates, key, faults), "{arguments} {password:?}");
        if key.is_some() {
            assert_eq!(names(&content.certificates), ["a.test", "Root"], "{arguments}");
        }
    }
}

/// NSS and Bouncy Castle write lengths up to an end mark, and octet strings in pieces.
#[test]
fn pkcs12_in_ber() {
    let Some(lab) = openssl("pkcs12_in_ber") else { return };
    lab.openssl("pkcs12 -export -in cert.pem -nokeys -certpbe NONE -nomac -out a.p12 -passout pass:");
    let bytes = std::fs::read(lab.path().join("a.p12")).unwrap();
    let mut top = ber::Reader::new(&bytes).expect(ber::SEQUENCE).unwrap().inside();
    let version = top.next().unwrap().whole;
    let mut info = top.next().unwrap().inside();
    let kind = info.next().unwrap().whole;
    let safe = info.next().unwrap().inside().next().unwrap().octets().unwrap();
    let (one, two) = safe.split_at(20);
    let piece = |bytes: &[u8]| {
        let length = u16::try_from(bytes.len()).unwrap().to_be_bytes();
        [&[0x04, 0x82], &length[..], bytes].concat()
    };
    let end = &[0, 0][..];
    let octets = [&[0x24, 0x80][..], &piece(one), &piece(two), end].concat();
    let info = [&[0x30, 0x80][..], kind, &[0xa0, 0x80], &octets, end, end].concat();
    let again = [&[0x30, 0x80][..], version, &info, end].concat();
    let content = plain(&again);
    assert_eq!((names(&content.certificates), content.faults), (vec!["a.test"], vec![]));
}

#[test]
fn keystores_of_java() {
    let secret = [Secret::new("secret")];
    let jks = read(include_bytes!("fixtures/keytool.jks"), None, &[]);
    assert_eq!((names(&jks.certificates), jks.faults), (vec!["a.test", "Test CA"], vec![]));
    // 2026-01-01, for 90 days.
    assert_eq!(jks.certificates[0].not_after - jks.certificates[0].not_before, 90 * 86_400);
    let jceks = read(include_bytes!("fixtures/keytool.jceks"), None, &[]);
    assert_eq!((names(&jceks.certificates), jceks.faults), (vec!["Test CA"], vec![]));
    let p12 = read(include_bytes!("fixtures/keytool.p12"), None, &secret);
    assert_eq!(proven(&p12), Some(true));
    assert_eq!((names(&p12.certificates), p12.faults), (vec!["b.test", "Test CA"], vec![]));
    let locked = read(include_bytes!("fixtures/keytool.p12"), None, &[]);
    assert!(locked.certificates.is_empty() && locked.faults.contains(&Fault::WrongPassword), "{locked:?}");
    // Cut anywhere, what stands before it is told of.
    let bytes = include_bytes!("fixtures/keytool.jks");
    for end in 12..bytes.len() - 20 {
        let cut = read(&bytes[..end], None, &[]);
        assert_eq!(cut.faults, [Fault::BadKeystore], "{end}");
    }
}

/// A JKS file of these entries: an alias, and the certificates of a key (true) or one that is trusted.
fn jks(entries: &[(&str, bool, &[&[u8]])]) -> Vec<u8> {
    let number = |number: usize| u32::try_from(number).unwrap().to_be_bytes();
    let text = |text: &str| [&u16::try_from(text.len()).unwrap().to_be_bytes()[..], text.as_bytes()].concat();
    let mut bytes = [&[0xfe, 0xed, 0xfe, 0xed][..], &number(2), &number(entries.len())].concat();
    for (alias, is_key, chain) in entries {
        bytes.extend([&number(if *is_key { 1 } else { 2 })[..], &text(alias), &[0; 8]].concat());
        if *is_key {
            bytes.extend([&number(3)[..], b"key", &number(chain.len())].concat());
        }
        for der in *chain {
            bytes.extend([&text("X.509")[..], &number(der.len()), der].concat());
        }
    }
    bytes.extend([0; 20]);
    bytes
}

#[test]
fn several_entries_have_their_names() {
    let made = |name: &str| {
        let made = make(name, false, None, (-1, 30));
        CertificateDer::from_pem_slice(made.pem.as_bytes()).unwrap()
    };
    let (a, b, c) = (made("a.test"), made("b.test"), made("c.test"));
    let content =
        plain(&jks(&[("one", true, &[&a]), ("two", true, &[&b, b"garbage"]), ("ca", false, &[&c])]));
    let parts: Vec<_> =
        content.parts.iter().map(|part| (part.name.as_str(), names(&part.certificates))).collect();
    assert_eq!(parts, [("one", vec!["a.test"]), ("two", vec!["b.test"])]);
    assert_eq!((names(&content.certificates), content.faults), (vec!["c.test"], vec![Fault::BadCertificate]));
}

#[test]
fn encrypted_keys_open_with_a_password() {
    let Some(lab) = openssl("encrypted_keys_open_with_a_password") else { return };
    let secret = [Secret::new("secret")];
    for (arguments, fault) in [
        ("", None),
        ("-v2 aes-128-cbc -v2prf hmacWithSHA512", None),
        ("-v2 des3", None),
        ("-v1 PBE-SHA1-3DES", None),
        ("-scrypt", Some(Fault::UnsupportedAlgorithm)),
    ] {
        lab.openssl(&format!("pkcs8 -topk8 -in key.pem -out locked.pem -passout pass:secret {arguments}"));
        let text = std::fs::read_to_string(lab.path().join("locked.pem")).unwrap();
        let cert = std::fs::read_to_string(lab.path().join("cert.pem")).unwrap();
        let content = read((cert + &text).as_bytes(), None, &secret);
        assert_eq!(proven(&content), fault.is_none().then_some(true), "{arguments}");
        assert_eq!(content.faults, fault.into_iter().collect::<Vec<_>>(), "{arguments}");
        let locked = plain(text.as_bytes());
        assert_eq!(locked.faults, [fault.unwrap_or(Fault::KeyEncrypted)], "{arguments}");
    }
}

#[test]
fn revocation_lists() {
    let Some(lab) = openssl("revocation_lists") else { return };
    lab.write("index.txt", "R\t270101000000Z\t260101000000Z\t01\tunknown\t/CN=gone\n");
    lab.write("ca.cnf", "[ca]\ndefault_ca=own\n[own]\ndatabase=index.txt\ndefault_md=sha256\n");
    lab.openssl("req -x509 -nodes -newkey rsa:2048 -subj /CN=Lists -keyout ca.key -out ca.crt");
    lab.openssl("ca -config ca.cnf -gencrl -crldays 7 -cert ca.crt -keyfile ca.key -out list.pem");
    lab.openssl("crl -in list.pem -outform DER -out list.der");
    for name in ["list.pem", "list.der"] {
        let content = plain(&std::fs::read(lab.path().join(name)).unwrap());
        assert_eq!((content.lists.len(), content.faults.len()), (1, 0), "{name}");
        let list = &content.lists[0];
        assert_eq!((list.issuer.as_str(), list.revoked()), ("CN=Lists", 1));
        assert_eq!(list.next_update.unwrap() - list.this_update, 7 * 86_400);
    }
}

#[test]
fn kubeconfigs() {
    let lab = Lab::new();
    let (ca, user, other) = (
        make("kube-ca", true, None, (-1, 300)),
        make("admin", false, None, (-1, 30)),
        make("dev", false, None, (-1, 9)),
    );
    lab.write("pki/dev.crt", &other.pem);
    lab.write("pki/dev.key", &user.key);
    let data = |text: &str| STANDARD.encode(text);
    let text = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: x\nclusters:\n\
         - {{name: home, cluster: {{server: 'https://k:6443', certificate-authority-data: {}}}}}\n\
         - {{name: bare, cluster: {{server: 'https://k:6443'}}}}\n\
         users:\n\
         - name: admin\n  user: {{client-certificate-data: {}, client-key-data: {}}}\n\
         - name: dev\n  user: {{client-certificate: pki/dev.crt, client-key: pki/dev.key}}\n\
         - name: lost\n  user: {{client-certificate: pki/lost.crt}}\n\
         - name: broken\n  user: {{client-certificate-data: '!'}}\n\
         - name: token\n  user: {{token: abc}}\n",
        data(&ca.pem),
        data(&user.pem),
        data(&user.key)
    );
    let content = read(text.as_bytes(), Some(lab.path()), &[]);
    let parts: Vec<_> = content
        .parts
        .iter()
        .map(|part| {
            let matches = part.key.as_ref().and_then(|key| key::matches(key, &part.certificates[0]));
            (part.name.as_str(), names(&part.certificates), matches)
        })
        .collect();
    assert_eq!(
        parts,
        [
            ("cluster/home", vec!["kube-ca"], None),
            ("user/admin", vec!["admin"], Some(true)),
            ("user/dev", vec!["dev"], Some(false)),
        ]
    );
    assert_eq!(content.faults, [Fault::NotFound, Fault::BadKubeconfig]);
    assert_eq!(content.others.len(), 3);
    // As JSON, it is the same.
    let json = format!(
        r#"{{"kind": "Config", "users": [{{"name": "admin", "user": {{"client-certificate-data": "{}"}}}}]}}"#,
        data(&user.pem)
    );
    assert_eq!(plain(json.as_bytes()).parts.len(), 1);
    assert_eq!(plain(b"kind: Config\nclusters: {\n").faults, [Fault::BadKubeconfig]);
    assert_eq!(plain(b"kind: Config\nusers: []\n").faults, [Fault::NoCertificate]);
}

proptest! {
    #[test]
    fn no_bytes_break_it(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        for head in [&b""[..], b"-----BEGIN CERTIFICATE-----\n", &[0x30, 0x82], &[0x30, 0x80, 2, 1, 3], &[0xfe, 0xed, 0xfe, 0xed]] {
            let _ = plain(&[head, &bytes].concat());
        }
    }

    #[test]
    fn no_damage_breaks_a_keystore(at: prop::sample::Index, byte: u8, cut: prop::sample::Index) {
        for store in [&include_bytes!("fixtures/keytool.jks")[..], include_bytes!("fixtures/keytool.p12")] {
            let mut bytes = store.to_vec();
            let at = at.index(bytes.len());
            bytes[at] = byte;
            let _ = fuzz(&bytes);
            let _ = fuzz(&bytes[..cut.index(bytes.len())]);
        }
    }
}
