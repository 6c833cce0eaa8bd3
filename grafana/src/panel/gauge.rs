//! A number on a dial. Only where the distance to a limit is the point; elsewhere a bar is easier to compare.

use serde_json::{Value, json};

use super::{Kind, reduce};
use crate::text::Language;

/// A gauge panel.
#[derive(Clone, Copy, Debug, Default)]
pub struct Gauge;

impl Kind for Gauge {
    fn name(&self) -> &'static str {
        "gauge"
    }

    fn options(&self, _: Language) -> Value {
        json!({
            "reduceOptions": reduce(),
            "orientation": "auto",
            "showThresholdLabels": false,
            "showThresholdMarkers": true,
            "sizing": "auto",
            "minVizWidth": 75,
            "minVizHeight": 75,
        })
    }
}
