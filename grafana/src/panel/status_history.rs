//! Values over time, a row for each series and a cell for each step: for what does not go on, like an answer's status.

use serde_json::{Value, json};

use super::parts::{shown, tooltip};
use super::{Kind, Legend};
use crate::color::Tone;
use crate::text::Language;

/// A status history panel.
#[derive(Clone, Copy, Debug)]
pub struct StatusHistory {
    /// How many rows are shown at once; the rest is on further pages.
    pub rows: u16,
}

impl Kind for StatusHistory {
    fn name(&self) -> &'static str {
        "status-history"
    }

    fn tone(&self) -> Tone {
        Tone::Ground
    }

    fn options(&self, _: Language) -> Value {
        json!({
            "showValue": "auto", "rowHeight": 0.85, "colWidth": 0.9, "perPage": self.rows,
            "legend": Legend::Hidden.json(), "tooltip": tooltip(false),
        })
    }

    fn custom(&self) -> Value {
        json!({"lineWidth": 0, "fillOpacity": 75, "hideFrom": shown()})
    }
}
