//! Stapled OCSP responses, made by `openssl ocsp` and sent by `openssl s_server`.

use super::{Family, MONTHS, NAME, TIME, family};
use crate::testing::{Lab, build, look, reason, sample, there, value};

/// A folder with a family's files, an index of the intermediate's certificates, and a request about the server's.
fn lab(family: &Family, state: &str) -> (Lab, String) {
    let lab = Lab::new();
    let ca = lab.write("ca.pem", &family.root.pem);
    lab.write("cert.pem", &family.leaf.pem);
    lab.write("key.pem", &family.leaf.key);
    lab.write("chain.pem", &family.middle.pem);
    lab.write("middle.key", &family.middle.key);
    let serial = lab.openssl("x509 -in cert.pem -noout -serial");
    let serial = serial.trim().strip_prefix("serial=").unwrap();
    let line = match state {
        "good" => format!("V\t391231235959Z\t\t{serial}\tunknown\t/CN={NAME}\n"),
        "revoked" => {
            format!("R\t391231235959Z\t240102030405Z,keyCompromise\t{serial}\tunknown\t/CN={NAME}\n")
        }
        _ => String::new(),
    };
    lab.write("index.txt", &line);
    lab.openssl("ocsp -issuer chain.pem -cert cert.pem -no_nonce -reqout request.der");
    let module = format!("{{tls_config: {{ca_file: '{}'}}}}", ca.display());
    (lab, module)
}

const SIGNED_BY_ISSUER: &str = "-rsigner chain.pem -rkey middle.key";

fn answer(lab: &Lab, signer: &str) {
    lab.openssl(&format!(
        "ocsp -index index.txt -CA chain.pem -reqin request.der -respout staple.der {signer}"
    ));
}

/// A certificate from the intermediate, made by openssl.
fn delegate(lab: &Lab, usage: &str, days: &str) {
    lab.write("usage.txt", &format!("extendedKeyUsage={usage}\n"));
    lab.openssl("req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout delegate.key -out delegate.csr -subj /CN=ocsp");
    let sign = "x509 -req -in delegate.csr -CA chain.pem -CAkey middle.key -set_serial 77 -out delegate.pem";
    lab.openssl(&format!("{sign} -extfile usage.txt {days}"));
}

const DELEGATE: &str = "-rsigner delegate.pem -rkey delegate.key";
const SERVE: &str = "-cert_chain chain.pem -status_file staple.der";

#[tokio::test]
async fn what_a_staple_says_is_told_with_its_dates() {
    if !there("openssl", "what_a_staple_says_is_told_with_its_dates") {
        return;
    }
    let family = family(MONTHS);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64();
    for (state, want) in [("good", "ok"), ("revoked", "tls_cert_revoked"), ("unknown", "ok")] {
        let (lab, module) = lab(&family, state);
        answer(&lab, &format!("-ndays 7 {SIGNED_BY_ISSUER}"));
        for version in ["", " -tls1_2"] {
            let server = lab.serve(&format!("{SERVE}{version}"));
            let verdict = look(&module, &server.addr, Some(NAME), TIME).await;
            assert_eq!(reason(&verdict), want, "{state}: {:?}", verdict.failure);
            assert_eq!(value(&verdict, "tls_ocsp_stapled"), Some(1.0));
            assert_eq!(sample(&verdict, "tls_ocsp_status_info").unwrap().0, [state]);
            assert_eq!(value(&verdict, "tls_ocsp_valid"), Some(1.0), "{state}");
            let time = |name: &str| value(&verdict, &format!("tls_ocsp_{name}_timestamp_seconds"));
            let (this, next) = (time("this_update").unwrap(), time("next_update").unwrap());
            assert!(
                (this - now).abs() < 300.0 && (next - this - 7.0 * 86_400.0).abs() < 2.0,
                "{this} {next}"
            );
            assert!((time("produced_at").unwrap() - now).abs() < 300.0);
            let revoked = (state == "revoked").then_some(1_704_164_645.0);
            assert_eq!(time("revoked_at"), revoked, "{state}");
        }
        // Nothing depends on a certificate that is not verified; it is told all the same.
        let server = lab.serve(SERVE);
        let skipped = "{tls_config: {insecure_skip_verify: true}}";
        let verdict = look(skipped, &server.addr, Some(NAME), TIME).await;
        assert_eq!(reason(&verdict), "ok", "{state}: {:?}", verdict.failure);
        assert_eq!(sample(&verdict, "tls_ocsp_status_info").unwrap().0, [state]);
    }
}

#[tokio::test]
async fn who_signed_a_staple_and_when_decides_what_it_is_worth() {
    if !there("openssl", "who_signed_a_staple_and_when_decides_what_it_is_worth") {
        return;
    }
    let (own, other) = (family(MONTHS), family(MONTHS));
    for (what, prepare, valid, status) in [
        (
            "by a delegate",
            &(|lab: &Lab| {
                delegate(lab, "OCSPSigning", "-days 5");
                answer(lab, DELEGATE);
            }) as &dyn Fn(&Lab),
            1.0,
            true,
        ),
        (
            "by a delegate, whose certificate is not sent",
            &|lab| {
                delegate(lab, "OCSPSigning", "-days 5");
                answer(lab, &format!("-resp_no_certs {DELEGATE}"));
            },
            0.0,
            true,
        ),
        (
            "by a certificate that may not",
            &|lab| {
                delegate(lab, "serverAuth", "-days 5");
                answer(lab, DELEGATE);
            },
            0.0,
            true,
        ),
        (
            "by a delegate that has expired",
            &|lab| {
                delegate(lab, "OCSPSigning", "-days -1");
                answer(lab, DELEGATE);
            },
            0.0,
            true,
        ),
        (
            "by somebody else",
            &|lab| {
                lab.write("other.pem", &other.middle.pem);
                lab.write("other.key", &other.middle.key);
                answer(lab, "-rsigner other.pem -rkey other.key");
            },
            0.0,
            true,
        ),
        (
            "about another certificate",
            &|lab| {
                lab.write(
                    "stranger.pem",
                    &crate::testing::make("b.test", false, Some(&own.middle), MONTHS).pem,
                );
                lab.openssl("ocsp -issuer chain.pem -cert stranger.pem -no_nonce -reqout request.der");
                answer(lab, SIGNED_BY_ISSUER);
            },
            0.0,
            false,
        ),
    ] {
        let (lab, module) = lab(&own, "good");
        prepare(&lab);
        let server = lab.serve(SERVE);
        let verdict = look(&module, &server.addr, Some(NAME), TIME).await;
        assert_eq!(reason(&verdict), "ok", "{what}: {:?}", verdict.failure);
        assert_eq!(value(&verdict, "tls_ocsp_stapled"), Some(1.0), "{what}");
        assert_eq!(value(&verdict, "tls_ocsp_valid"), Some(valid), "{what}");
        assert_eq!(sample(&verdict, "tls_ocsp_status_info").is_some(), status, "{what}");
    }
}

/// ssl_exporter says "good" where there is no response at all.
#[tokio::test]
async fn without_a_staple_nothing_is_said_of_one() {
    if !there("openssl", "without_a_staple_nothing_is_said_of_one") {
        return;
    }
    let (lab, module) = lab(&family(MONTHS), "good");
    let server = lab.serve("-cert_chain chain.pem");
    let verdict = look(&module, &server.addr, Some(NAME), TIME).await;
    assert_eq!(value(&verdict, "tls_ocsp_stapled"), Some(0.0));
    assert!(
        verdict
            .page
            .descs()
            .all(|desc| !desc.name.starts_with("tls_ocsp") || desc.name == "tls_ocsp_stapled")
    );
}

/// A certificate does not become good by the server's silence, but by another one or its issuer's word.
#[tokio::test]
async fn what_was_revoked_stays_so_when_the_response_is_left_out() {
    if !there("openssl", "what_was_revoked_stays_so_when_the_response_is_left_out") {
        return;
    }
    let family = family(MONTHS);
    let (lab, _) = lab(&family, "revoked");
    answer(&lab, &format!("-ndays 7 {SIGNED_BY_ISSUER}"));
    let mut server = lab.serve(SERVE);
    let addr = server.addr.clone();
    let yaml = format!(
        "modules: {{m: {{tls_config: {{ca_file: '{}/ca.pem'}}}}, n: {{tls_config: {{insecure_skip_verify: true}}}}}}\n\
         targets: [{{name: a, target: '{addr}', hostname: {NAME}, module: m}}, {{name: b, target: '{addr}', module: n}}]",
        lab.path().display()
    );
    let exporter = build(&yaml).unwrap_or_else(|error| panic!("{error}"));
    let revoked = |page: &kit::Page, target: &str, module: &str| {
        let labels = [("target", target), ("module", module)];
        let status = page.get("tls_ocsp_status_info", &[&labels[..], &[("status", "revoked")]].concat());
        assert_eq!(page.get("tls_ocsp_revoked_at_timestamp_seconds", &labels).is_some(), status.is_some());
        status.is_some()
    };
    let page = exporter.schedule().run_once().await;
    assert_eq!((revoked(&page, "a", "m"), revoked(&page, "b", "n")), (true, true));
    // Twice without a response, once away, and without again.
    for serve in ["-cert_chain chain.pem", "-cert_chain chain.pem", "", "-cert_chain chain.pem"] {
        server.end();
        if !serve.is_empty() {
            server = lab.serve_at(&addr, serve);
        }
        let page = exporter.schedule().run_once().await;
        assert!(page.dropped().is_empty(), "{:?}", page.dropped());
        assert_eq!(revoked(&page, "a", "m"), !serve.is_empty());
        assert!(!revoked(&page, "b", "n"), "what is not judged is not remembered");
    }
    // Its issuer takes it back.
    let index = std::fs::read_to_string(lab.path().join("index.txt")).unwrap();
    let fields: Vec<&str> = index.trim_end().split('\t').collect();
    lab.write("index.txt", &format!("V\t{}\t\t{}\tunknown\t/CN={NAME}\n", fields[1], fields[3]));
    answer(&lab, &format!("-ndays 7 {SIGNED_BY_ISSUER}"));
    for serve in [SERVE, "-cert_chain chain.pem"] {
        server.end();
        server = lab.serve_at(&addr, serve);
        assert!(!revoked(&exporter.schedule().run_once().await, "a", "m"));
    }
}
