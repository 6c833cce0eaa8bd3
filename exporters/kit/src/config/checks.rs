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
