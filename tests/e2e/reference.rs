//! `docs/metrics.md` is made of the binaries' own catalogue. `BLESS=1 cargo test -p farol-tests --test reference` writes it anew.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::Command;

use farol_tests::exporter::binary;
use farol_tests::top;

/// Every exporter's binary, in the order of the page.
const EXPORTERS: [&str; 3] = ["probe-exporter", "tls-exporter", "proxmox-exporter"];

fn reference() -> String {
    let mut page = String::from(
        "# Metrics\n\nMade from the exporters' own catalogue (`--metrics.list`); do not edit.\n\
         A value that is unknown is absent, never 0. Labels marked … bring further labels from the configuration.\n\
         Labels in brackets stand on /metrics alone; /probe, which shows one target, has the same metric without them.\n",
    );
    for exporter in EXPORTERS {
        let listed = Command::new(binary(exporter)).arg("--metrics.list").output().unwrap();
        assert!(
            listed.status.success(),
            "{exporter} --metrics.list: {}",
            String::from_utf8_lossy(&listed.stderr)
        );
        let catalogue: serde_json::Value = serde_json::from_slice(&listed.stdout).unwrap();
        // The closed sets of labels' values, each with the metrics that have it.
        let mut sets: BTreeMap<String, (&serde_json::Value, Vec<&str>)> = BTreeMap::new();
        write!(page, "\n## {exporter}\n\n| metric | kind | labels | what it says |\n|---|---|---|---|\n")
            .unwrap();
        // The same on /metrics and on /probe differs in its labels alone.
        for same in catalogue
            .as_array()
            .unwrap()
            .chunk_by(|one, next| one["name"] == next["name"] && one["help"] == next["help"])
        {
            let desc = &same[0];
            let help = desc["help"].as_str().unwrap().replace('|', "\\|");
            let (name, kind) = (desc["name"].as_str().unwrap(), desc["kind"].as_str().unwrap());
            writeln!(page, "| `{name}` | {kind} | {} | {help} |", labels(same)).unwrap();
            if !desc["values"].is_null() {
                let (_, names) =
                    sets.entry(desc["values"].to_string()).or_insert_with(|| (&desc["values"], Vec::new()));
                if !names.contains(&name) {
                    names.push(name);
                }
            }
        }
        for (set, names) in sets.values() {
            let label = set["label"].as_str().unwrap();
            let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
            write!(
                page,
                "\n### What `{label}` can be in {}\n\n| {label} | what it means |\n|---|---|\n",
                names.join(" and ")
            )
            .unwrap();
            for value in set["values"].as_array().unwrap() {
                let meaning = value["meaning"].as_str().unwrap().replace('|', "\\|");
                writeln!(page, "| `{}` | {meaning} |", value["value"].as_str().unwrap()).unwrap();
            }
        }
    }
    page
}

/// The labels of one metric, in brackets those that not every form of it has.
fn labels(forms: &[serde_json::Value]) -> String {
    let names = |form: &serde_json::Value| -> Vec<String> {
        let names = form["labels"].as_array().unwrap().iter();
        names.map(|name| name.as_str().unwrap().to_owned()).collect()
    };
    let most = forms.iter().map(names).max_by_key(Vec::len).unwrap();
    let everywhere = |name: &String| forms.iter().all(|form| names(form).contains(name));
    let (common, more): (Vec<String>, Vec<String>) = most.into_iter().partition(everywhere);
    let open = forms.iter().any(|form| form["open_labels"] == true).then(|| "…".to_owned());
    let more = (!more.is_empty()).then(|| format!("({})", more.join(", ")));
    more.into_iter().chain(common).chain(open).collect::<Vec<_>>().join(", ")
}

#[test]
fn the_metric_reference_is_the_catalogue() {
    let (file, made) = (top().join("docs/metrics.md"), reference());
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&file, &made).unwrap();
    }
    let committed = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(committed == made, "docs/metrics.md is old: BLESS=1 cargo test -p farol-tests --test reference");
}
