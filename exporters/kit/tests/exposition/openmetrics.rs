//! A reader of OpenMetrics 1.0 text that refuses what the specification forbids. It covers what we write: no exemplars,
//! no timestamps, no state sets.

use std::collections::HashSet;

#[derive(Debug, Default)]
pub(crate) struct Family {
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) help: String,
    pub(crate) unit: Option<String>,
    pub(crate) samples: Vec<Sample>,
}

#[derive(Debug)]
pub(crate) struct Sample {
    pub(crate) name: String,
    pub(crate) labels: Vec<(String, String)>,
    pub(crate) value: f64,
}

pub(crate) fn read(page: &str) -> Result<Vec<Family>, String> {
    let mut families: Vec<Family> = Vec::new();
    let mut series = HashSet::new();
    let Some(page) = page.strip_suffix("# EOF\n") else { return Err("no # EOF at the end".into()) };
    for line in page.strip_suffix('\n').unwrap_or(page).split('\n') {
        if line == "# EOF" {
            return Err("something after # EOF".into());
        }
        if let Some(comment) = line.strip_prefix("# ") {
            let (word, rest) = comment.split_once(' ').ok_or(format!("{line}: not a comment"))?;
            let (name, text) = rest.split_once(' ').unwrap_or((rest, ""));
            let known = families.iter().position(|family| family.name == name);
            let index = match known {
                Some(index) if index + 1 == families.len() && families[index].samples.is_empty() => index,
                Some(_) => return Err(format!("{line}: the family stands twice")),
                None => {
                    families.push(Family { name: name.into(), ..Family::default() });
                    families.len() - 1
                }
            };
            let family = &mut families[index];
            match word {
                "HELP" => family.help = unescape(text)?,
                "TYPE" => family.kind = text.into(),
                "UNIT" if name.ends_with(&format!("_{text}")) => family.unit = Some(text.into()),
                "UNIT" => return Err(format!("{line}: the name does not end in its unit")),
                _ => return Err(format!("{line}: unknown comment")),
            }
            continue;
        }
        let sample = sample(line)?;
        let family = families.last_mut().ok_or(format!("{line}: no TYPE before"))?;
        check(family, &sample).map_err(|error| format!("{line}: {error}"))?;
        let mut labels = sample.labels.clone();
        labels.sort();
        if !series.insert((sample.name.clone(), labels)) {
            return Err(format!("{line}: the series stands twice"));
        }
        family.samples.push(sample);
    }
    for family in families.iter().filter(|family| family.kind == "histogram") {
        histogram(family)?;
    }
    Ok(families)
}

fn check(family: &Family, sample: &Sample) -> Result<(), String> {
    let suffixes: &[&str] = match family.kind.as_str() {
        "counter" => &["_total"],
        "info" => &["_info"],
        "histogram" => &["_bucket", "_sum", "_count"],
        "gauge" | "unknown" => &[""],
        kind => return Err(format!("unknown kind {kind}")),
    };
    if !suffixes.iter().any(|suffix| format!("{}{suffix}", family.name) == sample.name) {
        return Err(format!("{} does not belong to {} {}", sample.name, family.kind, family.name));
    }
    if family.kind == "counter" && (sample.value.is_nan() || sample.value < 0.0) {
        return Err("a counter is neither NaN nor negative".into());
    }
    if family.kind == "info" && sample.value != 1.0 {
        return Err("an info is 1".into());
    }
    if matches!(family.kind.as_str(), "info") && family.unit.is_some() {
        return Err("an info has no unit".into());
    }
    let names: HashSet<_> = sample.labels.iter().map(|(name, _)| name).collect();
    if names.len() != sample.labels.len() {
        return Err("a label stands twice".into());
    }
    Ok(())
}

/// Buckets of one set of labels stand together, ascend in bound and count, and end in +Inf, which is the count.
fn histogram(family: &Family) -> Result<(), String> {
    let mut last: Option<(f64, f64)> = None;
    for sample in &family.samples {
        if sample.name.ends_with("_bucket") {
            let (_, le) = sample.labels.iter().find(|(name, _)| name == "le").ok_or("a bucket without le")?;
            if le != "+Inf" && !le.contains(['.', 'e']) {
                return Err(format!("le {le} is not canonical"));
            }
            let bound = number(le)?;
            if last.is_some_and(|(other, count)| other >= bound || count > sample.value) {
                return Err(format!("bucket {le} does not ascend"));
            }
            last = Some((bound, sample.value));
        } else if sample.name.ends_with("_sum") {
            if !last.is_some_and(|(bound, _)| bound == f64::INFINITY) {
                return Err("no bucket +Inf".into());
            }
        } else {
            match last.take() {
                Some((f64::INFINITY, count)) if count == sample.value => {}
                _ => return Err("the bucket +Inf is not the count".into()),
            }
        }
    }
    Ok(())
}

fn sample(line: &str) -> Result<Sample, String> {
    let end = line.find(['{', ' ']).ok_or(format!("{line}: no value"))?;
    let (name, mut rest) = line.split_at(end);
    let mut labels = Vec::new();
    if let Some(inner) = rest.strip_prefix('{') {
        rest = inner;
        while !rest.starts_with('}') {
            let (name, after) = rest.split_once("=\"").ok_or(format!("{line}: bad labels"))?;
            if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
                return Err(format!("{line}: bad label name {name}"));
            }
            let mut escaped = false;
            let end = after
                .find(|char| {
                    let end = char == '"' && !escaped;
                    escaped = char == '\\' && !escaped;
                    end
                })
                .ok_or(format!("{line}: open quote"))?;
            labels.push((name.to_owned(), unescape(&after[..end])?));
            rest = &after[end + 1..];
            rest = match rest.strip_prefix(',') {
                Some(more) if !more.starts_with('}') => more,
                Some(_) => return Err(format!("{line}: a comma too many")),
                None => rest,
            };
        }
        rest = &rest[1..];
    }
    let value = rest.strip_prefix(' ').ok_or(format!("{line}: no space before the value"))?;
    Ok(Sample { name: name.into(), labels, value: number(value)? })
}

fn number(text: &str) -> Result<f64, String> {
    match text {
        "+Inf" => Ok(f64::INFINITY),
        "-Inf" => Ok(f64::NEG_INFINITY),
        "NaN" => Ok(f64::NAN),
        _ if text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.e".contains(&byte)) => {
            text.parse().map_err(|_| format!("{text} is not a number"))
        }
        _ => Err(format!("{text} is not a number")),
    }
}

fn unescape(text: &str) -> Result<String, String> {
    let (mut out, mut chars) = (String::new(), text.chars());
    while let Some(char) = chars.next() {
        match char {
            '\\' => match chars.next() {
                Some('n') => out.push('\n'),
                Some(char @ ('"' | '\\')) => out.push(char),
                other => return Err(format!("bad escape {other:?}")),
            },
            '"' => return Err("a quote that is not escaped".into()),
            char => out.push(char),
        }
    }
    Ok(out)
}
