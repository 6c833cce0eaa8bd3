//! How often which value, over time.

use serde_json::{Value, json};

use super::Kind;
use super::parts::shown;
use crate::text::Language;
use crate::unit::Unit;

/// A heatmap panel over a histogram's buckets.
#[derive(Clone, Copy, Debug)]
pub struct Heatmap {
    /// The unit of the buckets' bounds.
    pub bounds: Unit,
}

impl Kind for Heatmap {
    fn name(&self) -> &'static str {
        "heatmap"
    }

    fn options(&self, _: Language) -> Value {
        json!({
            "calculate": false,
            "cellGap": 1,
            "cellValues": {"unit": Unit::Count.grafana(), "decimals": 0},
            // One colour that grows: a scale of many colours reads as many states.
            "color": {
                "mode": "scheme", "scheme": "Blues", "fill": "blue", "scale": "exponential", "exponent": 0.5,
                "steps": 32, "reverse": false,
            },
            "exemplars": {"color": "rgba(255,0,255,0.7)"},
            "filterValues": {"le": 1e-9},
            "legend": {"show": false},
            "rowsFrame": {"layout": "auto"},
            "showValue": "never",
            "tooltip": {"mode": "single", "yHistogram": false, "showColorScale": true},
            "yAxis": {
                "axisPlacement": "left", "reverse": false, "unit": self.bounds.grafana(),
                "decimals": self.bounds.decimals(),
            },
        })
    }

    fn custom(&self) -> Value {
        json!({"hideFrom": shown(), "scaleDistribution": {"type": "linear"}})
    }
}
