//! States over time, a row for each series; a state that goes on is one bar.

use serde_json::{Value, json};

use super::parts::{shown, tooltip};
use super::{Kind, Legend};
use crate::color::Tone;
use crate::text::Language;

/// A state timeline panel.
#[derive(Clone, Copy, Debug)]
pub struct StateTimeline {
    /// How many rows are shown at once; the rest is on further pages.
    pub rows: u16,
}

impl Kind for StateTimeline {
    fn name(&self) -> &'static str {
        "state-timeline"
    }

    fn tone(&self) -> Tone {
        Tone::Ground
    }

    fn options(&self, _: Language) -> Value {
        json!({
            "mergeValues": true, "showValue": "auto", "alignValue": "left", "rowHeight": 0.85,
            "perPage": self.rows, "legend": Legend::Hidden.json(), "tooltip": tooltip(false),
        })
    }

    fn custom(&self) -> Value {
        json!({"lineWidth": 0, "fillOpacity": 75, "spanNulls": false, "insertNulls": false, "hideFrom": shown()})
    }
}
