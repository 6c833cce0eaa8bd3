//! Values over time, as lines, areas or bars.

use serde_json::{Value, json};

use super::parts::{shown, tooltip};
use super::{Kind, Legend};
use crate::text::Language;

/// How a value is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Draw {
    /// A line.
    Lines,
    /// Areas on top of one another: parts of a whole.
    Areas,
    /// Bars on top of one another: what happened within each step.
    Bars,
}

/// A time series panel.
#[derive(Clone, Copy, Debug)]
pub struct TimeSeries {
    draw: Draw,
    legend: Legend,
    limits: bool,
    logarithmic: bool,
    reaching: Option<f64>,
}

impl TimeSeries {
    /// Lines.
    #[must_use]
    pub fn new() -> Self {
        Self { draw: Draw::Lines, legend: Legend::List, limits: false, logarithmic: false, reaching: None }
    }

    /// Drawn so.
    #[must_use]
    pub fn draw(mut self, draw: Draw) -> Self {
        self.draw = draw;
        self
    }

    /// With this legend.
    #[must_use]
    pub fn legend(mut self, legend: Legend) -> Self {
        self.legend = legend;
        self
    }

    /// With dashed lines at the thresholds.
    #[must_use]
    pub fn limits(mut self) -> Self {
        self.limits = true;
        self
    }

    /// With a scale that reaches this value at least: so that a limit is seen from below, too.
    #[must_use]
    pub fn reaching(mut self, value: f64) -> Self {
        self.reaching = Some(value);
        self
    }

    /// On a logarithmic scale: values from microseconds to seconds beside one another.
    #[must_use]
    pub fn logarithmic(mut self) -> Self {
        self.logarithmic = true;
        self
    }
}

impl Default for TimeSeries {
    fn default() -> Self {
        Self::new()
    }
}

impl Kind for TimeSeries {
    fn name(&self) -> &'static str {
        "timeseries"
    }

    fn options(&self, _: Language) -> Value {
        json!({"legend": self.legend.json(), "tooltip": tooltip(true)})
    }

    fn custom(&self) -> Value {
        let (style, width, fill, stack) = match self.draw {
            // On a logarithmic scale there is no nought to fill from.
            Draw::Lines if self.logarithmic => ("line", 1.5, 0, "none"),
            Draw::Lines => ("line", 1.5, 8, "none"),
            Draw::Areas => ("line", 1.0, 60, "normal"),
            Draw::Bars => ("bars", 1.0, 80, "normal"),
        };
        let mut custom = json!({
            "drawStyle": style, "lineWidth": width, "fillOpacity": fill, "gradientMode": "none",
            "lineInterpolation": "linear", "showPoints": "never", "pointSize": 4, "spanNulls": false,
            "insertNulls": false, "barAlignment": 0, "barWidthFactor": 0.8,
            "stacking": {"mode": stack, "group": "A"},
            "axisPlacement": "auto", "axisLabel": "", "axisColorMode": "text", "axisBorderShow": false,
            "axisCenteredZero": false,
            "scaleDistribution": if self.logarithmic { json!({"type": "log", "log": 10}) } else { json!({"type": "linear"}) },
            "thresholdsStyle": {"mode": if self.limits { "dashed" } else { "off" }},
            "hideFrom": shown(),
        });
        if let Some(value) = self.reaching {
            custom["axisSoftMax"] = json!(value);
        }
        custom
    }
}
