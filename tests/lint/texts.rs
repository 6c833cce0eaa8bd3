//! Both languages: each dashboard has its twin, which differs in its texts alone; and the words that are not said.

use farol_grafana::text::Language;
use regex::Regex;
use serde_json::Value;

use crate::sources::{sources, word};
use crate::{clean, refused};

/// Keys below which a text may differ between the languages; all else must be the same.
const TEXTS: [&str; 16] = [
    "title",
    "description",
    "label",
    "text",
    "noValue",
    "name",
    "legendFormat",
    "displayName",
    "titleFormat",
    "textFormat",
    "content",
    "url",
    "uid",
    "tags",
    "tooltip",
    "field",
];

/// Texts that both languages share: names, and words that no operator translates.
const SHARED: [&str; 11] = [
    "farol",
    "Exporters",
    "CPU",
    "Job",
    "TLS",
    "24 h",
    "Nginx Proxy Manager",
    "Backup",
    "Backups",
    "Snapshots",
    "Storages",
];

/// What is not said in Portuguese as it is spoken in Brazil, or means something else there, and what is said instead.
const PORTUGUESE: &[(&str, &str)] = &[
    (r"offline", "fora do ar, sem dados"),
    (r"desconhecid[oa]s?", "sem dados"),
    (r"armazenamento", "storage"),
    (r"tempo de atividade", "disponibilidade, ligado há"),
    (r"limiar(es)?|threshold", "limite"),
    (r"ficheiros?|utilizador(es)?|ecrãs?|actualiz\w+|subscriç(ão|ões)", "the word of Brazil"),
    (r"conexão negada", "conexão recusada"),
    (r"convidad[oa]s?|hóspedes?|contentor(es)?", "VM, container"),
    (r"expirad[oa]s?|expiração", "vencido, vence"),
    (r"alarmes?", "alerta"),
    (r"quorum", "quórum"),
    (r"por favor", "nothing"),
    (r"cópias? de segurança", "backup"),
    (r"etiquetas?", "tag, label"),
];

/// What is not said in English.
const ENGLISH: &[(&str, &str)] = &[(r"please", "nothing"), (r"below threshold", "what is the case")];

/// The twins' differences that are no texts, and texts that were not translated.
fn twins(file: &str, english: &Value, portuguese: &Value) -> Vec<String> {
    let mut found = Vec::new();
    compare("", "", english, portuguese, &mut found);
    found.into_iter().map(|problem| format!("{file}: {problem}")).collect()
}

fn compare(path: &str, key: &str, english: &Value, portuguese: &Value, found: &mut Vec<String>) {
    match (english, portuguese) {
        (Value::Object(one), Value::Object(other)) => {
            let matcher = ["byName", "displayName", "include"].iter().any(|id| english["id"] == *id);
            for (name, value) in one {
                let inner =
                    if matcher && ["options", "value"].contains(&name.as_str()) { "text" } else { name };
                match other.get(name) {
                    Some(twin) => compare(&format!("{path}/{name}"), inner, value, twin, found),
                    // Column orders are keyed by column names.
                    None if path.ends_with("/indexByName") => {}
                    None => found.push(format!("{path}/{name} has no twin")),
                }
            }
            if one.len() != other.len() {
                found.push(format!("{path} has more or less in Portuguese"));
            }
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            for (at, (value, twin)) in one.iter().zip(other).enumerate() {
                let inner = if key == "names" { "field" } else { key };
                compare(&format!("{path}/{at}"), inner, value, twin, found);
            }
        }
        (one, other) if one == other => {
            let human = ["title", "description", "noValue", "content"].contains(&key);
            let text = one.as_str().unwrap_or_default();
            if human
                && !text.is_empty()
                && !text.contains("{{")
                && !SHARED.contains(&text)
                && !languages(text)
            {
                found.push(format!("{path}: {text:?} is the same in both languages"));
            }
        }
        (Value::String(_), Value::String(_)) if TEXTS.contains(&key) => {}
        _ => found.push(format!("{path} differs, and is no text")),
    }
}

/// The names of the languages, which stand on the links between them.
fn languages(text: &str) -> bool {
    Language::ALL.iter().any(|language| language.name() == text)
}

/// Words that are not said, each with what is said instead.
struct Unsaid(Vec<(Regex, &'static str)>);

impl Unsaid {
    fn new(list: &[(&str, &'static str)]) -> Self {
        let word = |pattern: &str| {
            Regex::new(&format!(r"(?i)\b(?:{pattern})\b")).unwrap_or_else(|error| panic!("{error}"))
        };
        Self(list.iter().map(|(pattern, instead)| (word(pattern), *instead)).collect())
    }

    fn find(&self, text: &str) -> Vec<String> {
        let said = self.0.iter().filter(|(word, _)| word.is_match(text));
        said.map(|(word, instead)| format!("{word} in {text:?}: say {instead}")).collect()
    }
}

/// Every text of a dashboard that people read.
fn human(value: &Value, texts: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (key, inner) in fields {
                match inner {
                    Value::String(text)
                        if [
                            "title",
                            "description",
                            "noValue",
                            "text",
                            "label",
                            "content",
                            "legendFormat",
                        ]
                        .contains(&key.as_str()) =>
                    {
                        texts.push(text.clone());
                    }
                    inner => human(inner, texts),
                }
            }
        }
        Value::Array(all) => all.iter().for_each(|inner| human(inner, texts)),
        _ => {}
    }
}

#[test]
fn every_dashboard_has_its_twin() {
    let all = &sources().dashboards;
    let find = |uid: &str| all.iter().find(|(_, dashboard)| word(dashboard, "uid") == uid);
    let mut found = Vec::new();
    for (file, dashboard) in all {
        let uid = word(dashboard, "uid");
        match uid.strip_suffix(Language::Portuguese.suffix()) {
            Some(english) if find(english).is_none() => found.push(format!("{file}: no twin in English")),
            Some(_) => {}
            None => match find(&format!("{uid}{}", Language::Portuguese.suffix())) {
                Some((_, twin)) => found.extend(twins(file, dashboard, twin)),
                None => found.push(format!("{file}: no twin in Portuguese")),
            },
        }
    }
    clean(found);
}

#[test]
fn nothing_is_said_that_is_not_said() {
    let (portuguese, english) = (Unsaid::new(PORTUGUESE), Unsaid::new(ENGLISH));
    let mut found = Vec::new();
    for (file, dashboard) in &sources().dashboards {
        let mut texts = Vec::new();
        human(dashboard, &mut texts);
        let list = if file.starts_with(Language::Portuguese.folder()) { &portuguese } else { &english };
        for text in texts {
            found.extend(list.find(&text).into_iter().map(|problem| format!("{file}: {problem}")));
            if text.contains('!') {
                found.push(format!("{file}: an exclamation mark in {text:?}"));
            }
            if parted().is_match(&text) {
                found.push(format!("{file}: a space before % in {text:?}"));
            }
        }
    }
    let code = code();
    for rule in sources().rules.iter() {
        for (name, text) in &rule.annotations {
            if parted().is_match(text) {
                found.push(format!("{:?}: a space before % in {name}", rule.alert));
            }
            let list = if name.ends_with("_pt") { &portuguese } else { &english };
            let spoken = code.replace_all(text, " ");
            found
                .extend(list.find(&spoken).into_iter().map(|problem| format!("{:?}: {problem}", rule.alert)));
        }
    }
    clean(found);
}

/// The reasons of a closed set that `text` would tell by their names; `internal`, a defect, is told by its own.
fn unworded(text: &str, reasons: &[(&str, &str)]) -> Vec<String> {
    let compared = Regex::new(r#"match "(\^[^"]+\$)" \."#).unwrap_or_else(|error| panic!("{error}"));
    let known: Vec<Regex> = compared
        .captures_iter(text)
        .map(|found| Regex::new(&found[1]).unwrap_or_else(|error| panic!("{error}")))
        .collect();
    let names = reasons.iter().map(|(reason, _)| *reason).filter(|reason| *reason != "internal");
    names.filter(|reason| !known.iter().any(|known| known.is_match(reason))).map(str::to_owned).collect()
}

#[test]
fn every_reason_that_a_text_tells_has_its_words() {
    let mut found = Vec::new();
    for (alert, reasons) in [
        ("NpmDown", tls_exporter::npm::reasons::REASONS),
        ("ProxmoxUnreachable", proxmox_exporter::api::failure::REASONS),
        ("ProxmoxDataStale", proxmox_exporter::api::failure::REASONS),
    ] {
        for (_, rule) in sources().rules.alerts().filter(|(name, _)| *name == alert) {
            for key in ["description", "description_pt"] {
                let missing = unworded(&rule.annotations[key], reasons);
                found
                    .extend(missing.iter().map(|reason| format!("{alert}: {key} has no words for {reason}")));
            }
        }
    }
    clean(found);
}

/// A template's instructions, which nobody reads.
fn code() -> Regex {
    Regex::new(r"(?s)\{\{.*?\}\}").unwrap_or_else(|error| panic!("{error}"))
}

/// A number, also one that a template's instruction says, with a space before its %: Prometheus and Grafana write none.
fn parted() -> Regex {
    Regex::new(r"(\d|\}\}) %").unwrap_or_else(|error| panic!("{error}"))
}

#[cfg(test)]
mod bad_examples {
    use super::*;
    use serde_json::json;

    #[test]
    fn of_twins() {
        let good = json!({"panels": [{"title": "Memory", "w": 3, "expr": "up"}]});
        for (twin, want) in [
            (json!({"panels": [{"title": "Memória", "w": 4, "expr": "up"}]}), "/panels/0/w differs"),
            (json!({"panels": [{"title": "Memória", "w": 3, "expr": "down"}]}), "/panels/0/expr differs"),
            (json!({"panels": [{"title": "Memory", "w": 3, "expr": "up"}]}), "the same in both languages"),
            (json!({"panels": []}), "/panels differs"),
            (json!({"panels": [{"title": "Memória", "w": 3}]}), "has no twin"),
            (json!({"panels": [{"title": "Memória", "w": 3, "expr": "up", "x": 1}]}), "more or less"),
        ] {
            refused(&twins("f", &good, &twin), want);
        }
        let twin = json!({"panels": [{"title": "Memória", "w": 3, "expr": "up"}]});
        assert_eq!(twins("f", &good, &twin), [] as [String; 0]);
    }

    #[test]
    fn of_reasons() {
        let text = r#"{{ if match "^(tls|dns)$" . }}no way{{ else }}{{ . }}{{ end }}"#;
        assert_eq!(unworded(text, &[("dns", ""), ("dns_error", ""), ("internal", "")]), ["dns_error"]);
    }

    #[test]
    fn of_words() {
        let (portuguese, english) = (Unsaid::new(PORTUGUESE), Unsaid::new(ENGLISH));
        refused(&portuguese.find("O nó está Offline"), "fora do ar");
        refused(&portuguese.find("Certificado expirado"), "vencido");
        refused(&english.find("Please restart"), "nothing");
        assert_eq!(portuguese.find("sem resposta em 5 s"), [] as [String; 0]);
        assert!(
            parted().is_match("{{ . }} % used") && !parted().is_match("{{ printf \"%.0f\" . }}% of 5 used")
        );
        assert_eq!(code().replace_all("a {{ if offline }} b {{ end }}c", " "), "a   b  c");
    }
}
