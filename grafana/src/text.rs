//! Texts for people, in both languages side by side at the place of use, so that none is forgotten.

use std::borrow::Cow;

/// A language that dashboards are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// English.
    English,
    /// Portuguese as it is spoken in Brazil.
    Portuguese,
}

impl Language {
    /// Every language; the first is that of the uid without a suffix.
    pub const ALL: [Language; 2] = [Language::English, Language::Portuguese];

    /// What the uid of a dashboard in this language ends in.
    #[must_use]
    pub const fn suffix(self) -> &'static str {
        match self {
            Language::English => "",
            Language::Portuguese => "-pt",
        }
    }

    /// The folder in Grafana, and on disk below `dashboards/`.
    #[must_use]
    pub const fn folder(self) -> &'static str {
        match self {
            Language::English => "farol",
            Language::Portuguese => "farol (pt-BR)",
        }
    }

    /// The tag by which the dashboards of one language find one another.
    #[must_use]
    pub const fn tag(self) -> &'static str {
        match self {
            Language::English => "farol-en",
            Language::Portuguese => "farol-pt-BR",
        }
    }

    /// Its name in itself: the title of the link to it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Language::English => "English",
            Language::Portuguese => "Português",
        }
    }
}

/// One text in every language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    en: Cow<'static, str>,
    pt: Cow<'static, str>,
}

/// A text in English and in Portuguese.
pub fn text(en: impl Into<Cow<'static, str>>, pt: impl Into<Cow<'static, str>>) -> Text {
    Text { en: en.into(), pt: pt.into() }
}

/// What both languages say alike: a label's value, a name, an operator's word that nobody translates.
pub fn same(word: impl Into<Cow<'static, str>>) -> Text {
    let word = word.into();
    Text { en: word.clone(), pt: word }
}

impl Text {
    /// The text in `language`.
    #[must_use]
    pub fn in_language(&self, language: Language) -> &str {
        match language {
            Language::English => &self.en,
            Language::Portuguese => &self.pt,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_language_has_its_text() {
        let problems = text("Problems", "Problemas");
        assert_eq!(problems.in_language(Language::English), "Problems");
        assert_eq!(problems.in_language(Language::Portuguese), "Problemas");
        assert_eq!(same("DNS").in_language(Language::Portuguese), "DNS");
    }
}
