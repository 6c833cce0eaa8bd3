//! Words on a dashboard.

use serde_json::{Value, json};

use super::Kind;
use crate::text::{Language, Text};

/// A text panel, in Markdown.
#[derive(Clone, Debug)]
pub struct Words(pub Text);

impl Kind for Words {
    fn name(&self) -> &'static str {
        "text"
    }

    fn options(&self, language: Language) -> Value {
        json!({"mode": "markdown", "content": self.0.in_language(language)})
    }
}
