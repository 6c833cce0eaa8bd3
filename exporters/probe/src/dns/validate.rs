//! The patterns that a section's records are held against.
//!
//! Two things differ from the peer on purpose: `fail_if_all_match_regexp` fails when all match (its own fails when they do
//! not), and the patterns are compiled when the file is loaded (its own are compiled for each record, and a bad one fails
//! every probe instead of the load).

use kit::config::Pattern;

use super::message::Section;
use crate::config::ValidationSection;

/// One section's patterns.
#[derive(Debug)]
pub(super) struct Validator {
    section: Section,
    matches: Vec<Pattern>,
    all_match: Vec<Pattern>,
    not_matches: Vec<Pattern>,
    none_matches: Vec<Pattern>,
}

impl Validator {
    /// `None` if there is nothing to check.
    pub(super) fn new(section: Section, raw: Option<&ValidationSection>) -> Option<Self> {
        let raw = raw?;
        let validator = Self {
            section,
            matches: raw.fail_if_matches_regexp.clone(),
            all_match: raw.fail_if_all_match_regexp.clone(),
            not_matches: raw.fail_if_not_matches_regexp.clone(),
            none_matches: raw.fail_if_none_matches_regexp.clone(),
        };
        let patterns =
            [&validator.matches, &validator.all_match, &validator.not_matches, &validator.none_matches];
        patterns.iter().any(|list| !list.is_empty()).then_some(validator)
    }

    /// The section it is for.
    pub(super) fn section(&self) -> Section {
        self.section
    }

    /// Holds all of the section's records against the patterns.
    ///
    /// # Errors
    /// In words, which pattern failed the probe and at which record.
    pub(super) fn check(&self, records: &[&str]) -> Result<(), String> {
        let section = self.section.word();
        if records.is_empty() {
            // Where something is asked of the records, there must be one.
            return match self.not_matches.iter().chain(&self.none_matches).next() {
                Some(wanted) => Err(format!("the {section} section is empty, but {wanted} must match in it")),
                None => Ok(()),
            };
        }
        for record in records {
            if let Some(pattern) = self.matches.iter().find(|pattern| pattern.is_match(record)) {
                return Err(format!("{pattern} matches {record:?} in the {section} section"));
            }
            if let Some(pattern) = self.not_matches.iter().find(|pattern| !pattern.is_match(record)) {
                return Err(format!("{pattern} does not match {record:?} in the {section} section"));
            }
        }
        let any =
            |patterns: &[Pattern], record: &str| patterns.iter().any(|pattern| pattern.is_match(record));
        if !self.all_match.is_empty() && records.iter().all(|record| any(&self.all_match, record)) {
            return Err(format!("all records of the {section} section match, {}", first(records)));
        }
        if !self.none_matches.is_empty() && !records.iter().any(|record| any(&self.none_matches, record)) {
            let wanted: Vec<&str> = self.none_matches.iter().map(Pattern::as_str).collect();
            return Err(format!(
                "no record of the {section} section matches {}, {}",
                wanted.join(" or "),
                first(records)
            ));
        }
        Ok(())
    }
}

/// The first record, and how many more there are.
fn first(records: &[&str]) -> String {
    match records {
        [] => "of none".to_owned(),
        [only] => format!("it holds {only:?}"),
        [first, rest @ ..] => format!("the first is {first:?}, and {} more", rest.len()),
    }
}

#[cfg(test)]
mod tests {
    use kit::config::Document;

    use super::*;

    fn validator(yaml: &str) -> Validator {
        let raw: ValidationSection = Document::embedded("t", yaml).parse().unwrap();
        Validator::new(Section::Answer, Some(&raw)).unwrap()
    }

    #[test]
    fn what_fails_and_why() {
        let (nine, ten) = ("a.\t0\tIN\tA\t127.0.0.9", "a.\t0\tIN\tA\t127.0.0.10");
        for (yaml, records, want) in [
            ("fail_if_matches_regexp: ['\\.9$']", vec![ten, nine], Some("\\.9$ matches")),
            ("fail_if_matches_regexp: ['\\.9$']", vec![ten], None),
            ("fail_if_matches_regexp: ['\\.9$']", vec![], None),
            ("fail_if_not_matches_regexp: ['127']", vec![ten, nine], None),
            ("fail_if_not_matches_regexp: ['127', '\\.9$']", vec![nine, ten], Some("\\.9$ does not match")),
            ("fail_if_not_matches_regexp: ['127']", vec![], Some("the answer section is empty")),
            ("fail_if_none_matches_regexp: ['\\.9$', '\\.8$']", vec![ten, nine], None),
            (
                "fail_if_none_matches_regexp: ['\\.8$']",
                vec![ten, nine],
                Some(
                    "no record of the answer section matches \\.8$, the first is \"a.\\t0\\tIN\\tA\\t127.0.0.10\", and 1 more",
                ),
            ),
            (
                "fail_if_none_matches_regexp: ['\\.8$', '\\.7$']",
                vec![nine],
                Some(
                    "no record of the answer section matches \\.8$ or \\.7$, it holds \"a.\\t0\\tIN\\tA\\t127.0.0.9\"",
                ),
            ),
            ("fail_if_none_matches_regexp: ['\\.8$']", vec![], Some("the answer section is empty")),
        ] {
            let result = validator(yaml).check(&records);
            match want {
                None => assert_eq!(result, Ok(()), "{yaml} {records:?}"),
                Some(want) => {
                    assert!(result.as_ref().is_err_and(|error| error.starts_with(want)), "{yaml}: {result:?}")
                }
            }
        }
    }

    /// blackbox_exporter 0.28 has it the other way round: all records matching is its success (field notes, defect 6).
    #[test]
    fn defect_6_all_match_fails_when_all_match() {
        let validator = validator("fail_if_all_match_regexp: ['127\\.0\\.0\\.9']");
        let error = validator.check(&["127.0.0.9"]).unwrap_err();
        assert_eq!(error, "all records of the answer section match, it holds \"127.0.0.9\"");
        assert!(validator.check(&["127.0.0.9", "127.0.0.1"]).is_ok());
        assert!(validator.check(&[]).is_ok(), "nothing is not all");
    }

    /// blackbox_exporter 0.28 loads a pattern that cannot be compiled, and then fails every probe (defect 7).
    #[test]
    fn defect_7_a_bad_pattern_does_not_load() {
        let document = Document::embedded("t", "fail_if_matches_regexp: ['(']");
        let error = document.parse::<ValidationSection>().unwrap_err();
        assert!(error.to_string().contains("unclosed group"), "{error}");
    }

    #[test]
    fn nothing_to_check_is_no_validator() {
        assert!(Validator::new(Section::Answer, Some(&ValidationSection::default())).is_none());
        assert!(Validator::new(Section::Answer, None).is_none());
    }
}
