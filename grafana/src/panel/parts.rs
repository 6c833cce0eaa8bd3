//! Parts of options that several kinds have.

use serde_json::{Value, json};

/// The list of series below or beside a panel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Legend {
    /// None: what is drawn says its name itself.
    Hidden,
    /// Names in a line below.
    List,
    /// A table beside it, with the last, mean and greatest value.
    Table,
    /// The same below it.
    TableBelow,
}

impl Legend {
    pub(super) fn json(self) -> Value {
        let (shown, mode, placement, calcs) = match self {
            Legend::Hidden => (false, "list", "bottom", &[] as &[&str]),
            Legend::List => (true, "list", "bottom", &[] as &[&str]),
            Legend::Table => (true, "table", "right", &["lastNotNull", "mean", "max"] as &[&str]),
            Legend::TableBelow => (true, "table", "bottom", &["lastNotNull", "mean", "max"] as &[&str]),
        };
        json!({"showLegend": shown, "displayMode": mode, "placement": placement, "calcs": calcs})
    }
}

/// The last value of each series.
#[must_use]
pub fn reduce() -> Value {
    json!({"calcs": ["lastNotNull"], "fields": "", "values": false})
}

pub(super) fn tooltip(multi: bool) -> Value {
    match multi {
        true => json!({"mode": "multi", "sort": "desc", "hideZeros": false}),
        false => json!({"mode": "single", "sort": "none", "hideZeros": false}),
    }
}

pub(super) fn shown() -> Value {
    json!({"legend": false, "tooltip": false, "viz": false})
}
