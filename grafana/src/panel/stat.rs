//! One number, or a few, large.

use serde_json::{Value, json};

use super::{Kind, reduce};
use crate::color::Tone;
use crate::text::Language;

/// A stat panel.
#[derive(Clone, Copy, Debug)]
pub struct Stat {
    filled: bool,
    named: bool,
    curve: bool,
}

impl Stat {
    /// The number with its name, on a ground of its colour.
    #[must_use]
    pub fn filled() -> Self {
        Self { filled: true, named: true, curve: false }
    }

    /// The number in its colour.
    #[must_use]
    pub fn plain() -> Self {
        Self { filled: false, named: true, curve: false }
    }

    /// With how it came about below it; the query must be one over time.
    #[must_use]
    pub fn curve(mut self) -> Self {
        self.curve = true;
        self
    }
}

impl Kind for Stat {
    fn name(&self) -> &'static str {
        "stat"
    }

    fn tone(&self) -> Tone {
        if self.filled { Tone::Ground } else { Tone::Ink }
    }

    fn options(&self, _: Language) -> Value {
        json!({
            "reduceOptions": reduce(),
            "orientation": "vertical",
            "textMode": if self.named { "value_and_name" } else { "value" },
            "wideLayout": false,
            "colorMode": if self.filled { "background_solid" } else { "value" },
            "graphMode": if self.curve { "area" } else { "none" },
            "justifyMode": "auto",
            "showPercentChange": false,
            "percentChangeColorMode": "standard",
        })
    }
}
