//! A bar for each series: to compare them.

use serde_json::{Value, json};

use super::{Kind, Legend, reduce};
use crate::text::Language;

/// A bar gauge panel, its bars lying below one another.
#[derive(Clone, Copy, Debug, Default)]
pub struct BarGauge;

impl Kind for BarGauge {
    fn name(&self) -> &'static str {
        "bargauge"
    }

    fn options(&self, _: Language) -> Value {
        json!({
            "reduceOptions": reduce(),
            "displayMode": "basic",
            "orientation": "horizontal",
            "showUnfilled": true,
            "valueMode": "text",
            "namePlacement": "left",
            "sizing": "auto",
            "minVizWidth": 8,
            "minVizHeight": 16,
            "maxVizHeight": 28,
            "text": {"titleSize": 13, "valueSize": 15},
            "legend": Legend::Hidden.json(),
        })
    }
}
