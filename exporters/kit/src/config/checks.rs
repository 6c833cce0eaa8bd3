//! What exporters check alike in what they read.

use std::time::Duration;

use super::duration::HumanDuration;
use super::spanned::Spanned;

/// A span of time that makes sense; else a cause and a way out are told.
pub fn span_of_time(
    raw: Option<&Spanned<HumanDuration>>,
    longest: Duration,
    tell: &mut dyn FnMut(String, &str),
) -> Option<Duration> {
    let time = raw?.value.0;
    if time.is_zero() {
        tell("0 is no time at all".to_owned(), "give some, e.g. 5s, or remove the key");
        None
    } else if time > longest {
        let longest = HumanDuration(longest);
        tell(format!("{} is more than {longest}", HumanDuration(time)), &format!("give at most {longest}"));
        None
    } else {
        Some(time)
    }
}

/// The way out of a misspelt name where there is room for all names: the one that it is like, and what there is.
#[must_use]
pub fn did_you_mean_of(name: &str, all: &[String]) -> String {
    let near = did_you_mean(name, all.iter().map(String::as_str));
    let near = if near.starts_with("did") { format!("{near} ") } else { String::new() };
    format!("{near}there are: {}", all.join(", "))
}

/// The way out of a misspelt name: the one that it is like, else what there is.
pub fn did_you_mean<'a>(name: &str, all: impl Iterator<Item = &'a str> + Clone) -> String {
    let near = all
        .clone()
        .map(|known| (strsim::damerau_levenshtein(name, known), known))
        .filter(|(distance, known)| *distance <= (known.len() / 3).max(1))
        .min();
    if let Some((_, known)) = near {
        return format!("did you mean {known:?}?");
    }
    let list: Vec<&str> = all.take(12).collect();
    if list.is_empty() { "there is none".to_owned() } else { format!("there are: {}", list.join(", ")) }
}
