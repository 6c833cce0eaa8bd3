//! What the templates make of alerts.

use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::{amtools, folder, said};

/// One alert as a template sees it, begun at 14:02 on 23 November 2026.
pub(crate) fn alert(target: &str, severity: &str, end: Option<&str>) -> Value {
    json!({
        "status": if end.is_some() { "resolved" } else { "firing" },
        "labels": {"alertname": "ServiceDown", "severity": severity, "target": target},
        "annotations": {
            "summary": format!("{target} down since 14:02: HTTP 502"),
            "description": "The proxy answers, the application does not.",
            "recovery": format!("{target} back at {{at}}, was down {{for}}"),
            "summary_pt": format!("{target} fora do ar desde 14:02: HTTP 502"),
            "description_pt": "O proxy responde, a aplicação não.",
            "recovery_pt": format!("{target} voltou às {{at}}, ficou {{for}} fora do ar"),
            "runbook_url": "alerts/runbooks/ServiceDown.md",
            "dashboard_url": format!("/d/farol-services?var-target={target}"),
        },
        "startsAt": "2026-11-23T14:02:00Z",
        "endsAt": end.unwrap_or("0001-01-01T00:00:00Z"),
    })
}

/// What a template of ours makes of these alerts.
pub(crate) fn message(amtool: &Path, language: &str, template: &str, alerts: &[Value]) -> String {
    let firing = alerts.iter().any(|alert| alert["status"] == "firing");
    let common = if alerts.len() == 1 { alerts[0]["annotations"].clone() } else { json!({}) };
    let data = json!({
        "receiver": "critical", "status": if firing { "firing" } else { "resolved" }, "alerts": alerts,
        "groupLabels": {"alertname": "ServiceDown"}, "commonLabels": {"alertname": "ServiceDown"},
        "commonAnnotations": common, "externalURL": "http://localhost:9093",
    });
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(data.to_string().as_bytes()).unwrap();
    let templates = folder().join("templates");
    let done = Command::new(amtool)
        .args(["template", "render", "--template.glob"])
        .arg(templates.join("common.tmpl"))
        .arg("--template.glob")
        .arg(templates.join(format!("{language}.tmpl")))
        .arg(format!("--template.text={{{{ template \"farol.{template}\" . }}}}"))
        .arg("--template.data")
        .arg(file.path())
        .env("TZ", "UTC")
        .output()
        .unwrap();
    assert!(done.status.success(), "{template}: {}", said(&done));
    String::from_utf8(done.stdout).unwrap()
}

#[test]
fn messages_read_as_the_wording_guide_has_them() {
    for amtool in amtools("messages_read_as_the_wording_guide_has_them") {
        let text = |language, template, alerts: &[Value]| message(&amtool, language, template, alerts);
        let down = alert("wordpress", "critical", None);
        assert_eq!(
            text("en", "title", std::slice::from_ref(&down)),
            "🔴 wordpress down since 14:02: HTTP 502"
        );
        assert_eq!(
            text("pt-BR", "title", std::slice::from_ref(&down)),
            "🔴 wordpress fora do ar desde 14:02: HTTP 502"
        );
        assert_eq!(
            text("en", "text", std::slice::from_ref(&down)),
            "The proxy answers, the application does not.\nRunbook: alerts/runbooks/ServiceDown.md\n"
        );
        assert_eq!(
            text("pt-BR", "text", std::slice::from_ref(&down)),
            "O proxy responde, a aplicação não.\nRunbook: alerts/runbooks/ServiceDown.md\n"
        );
        assert_eq!(text("en", "link", std::slice::from_ref(&down)), "/d/farol-services?var-target=wordpress");
        assert_eq!(
            text("pt-BR", "link", std::slice::from_ref(&down)),
            "/d/farol-services-pt?var-target=wordpress"
        );

        let warned = alert("blog", "warning", None);
        assert_eq!(text("en", "title", std::slice::from_ref(&warned)), "🟡 blog down since 14:02: HTTP 502");
        assert_eq!(
            text("en", "title", &[down.clone(), warned.clone()]),
            "🔴 wordpress down since 14:02: HTTP 502 (+1)"
        );

        // How long it was, from StartsAt to EndsAt.
        for (end, at, lasted) in [
            ("2026-11-23T14:02:20Z", "14:02", "< 1 min"),
            ("2026-11-23T14:02:40Z", "14:02", "1 min"),
            ("2026-11-23T14:31:10Z", "14:31", "29 min"),
            ("2026-11-23T15:02:00Z", "15:02", "1 h"),
            ("2026-11-23T17:07:00Z", "17:07", "3 h 5 min"),
            ("2026-11-24T00:02:00Z", "00:02", "10 h"),
            ("2026-11-24T14:02:00Z", "14:02", "1 d"),
            ("2026-11-26T02:40:00Z", "02:40", "2 d 12 h"),
            ("2026-12-23T14:02:00Z", "14:02", "30 d"),
        ] {
            let back = [alert("wordpress", "critical", Some(end))];
            assert_eq!(text("en", "title", &back), format!("✅ wordpress back at {at}, was down {lasted}"));
            assert_eq!(
                text("pt-BR", "title", &back),
                format!("✅ wordpress voltou às {at}, ficou {lasted} fora do ar")
            );
        }
        let back = alert("blog", "critical", Some("2026-11-23T14:31:10Z"));
        assert_eq!(
            text("en", "text", std::slice::from_ref(&back)),
            "It began at 23 Nov 14:02: blog down since 14:02: HTTP 502.\n"
        );
        // Both in one message: red first.
        assert_eq!(
            text("en", "title", &[back.clone(), down.clone()]),
            "🔴 wordpress down since 14:02: HTTP 502 · ✅ 1"
        );
        assert_eq!(
            text("pt-BR", "text", &[down.clone(), back.clone()]),
            "🔴 wordpress fora do ar desde 14:02: HTTP 502\nO proxy responde, a aplicação não.\n\
             Runbook: alerts/runbooks/ServiceDown.md\n✅ blog voltou às 14:31, ficou 29 min fora do ar\n"
        );
        // A title without its time gets it in the text; a runbook that has an address gets linked, else it is named.
        let mut other = down.clone();
        other["annotations"]["summary"] = "Some metrics are left out".into();
        other["annotations"]["runbook_url"] = "https://runbooks.example.org/ServiceDown.md".into();
        assert_eq!(
            text("en", "text", std::slice::from_ref(&other)),
            "Since 23 Nov 14:02. The proxy answers, the application does not.\nRunbook: https://runbooks.example.org/ServiceDown.md\n"
        );
        assert!(text("pt-BR", "text", std::slice::from_ref(&other)).starts_with("Desde 23/11 14:02. "));
        let mut own = down.clone();
        own["annotations"].as_object_mut().unwrap().retain(|key, _| !key.ends_with("_pt"));
        // An alert of somebody else has no Portuguese.
        assert_eq!(text("pt-BR", "title", &[own]), "🔴 wordpress down since 14:02: HTTP 502");
        let html = text("pt-BR", "html", &[other.clone(), down.clone()]);
        assert!(
            html.contains("<a href=\"https://runbooks.example.org/ServiceDown.md\">O que fazer</a>"),
            "{html}"
        );
        assert!(html.contains(">Runbook: alerts/runbooks/ServiceDown.md</p>"), "{html}");
        assert!(text("en", "html", &[other, back]).contains("✅ blog back at 14:31, was down 29 min</h2>"));
        assert!(text("en", "telegram", &[down]).starts_with("<b>🔴 wordpress down"));
    }
}
