//! Grafana's dashboards as code. Panels are typed, queries are built on the exporters' own metric descriptions (a renamed metric
//! breaks the build), thresholds are those of the committed alert rules, and every text stands in English beside its twin in
//! Portuguese. `cargo run -p farol-grafana` writes the JSON that Grafana provisions; a test compares it.
//!
//! | module | what |
//! |---|---|
//! | [`mod@text`] | texts in both languages |
//! | [`mod@unit`], [`color`] | units, decimals; colours, thresholds, names of values |
//! | [`query`] | PromQL built on `Desc` |
//! | [`rules`] | the committed rules, source of the thresholds |
//! | [`panel`], [`grid`] | the kinds of panels, and where they stand |
//! | [`variable`], [`link`], [`annotation`] | the rest of a dashboard |
//! | [`dashboard`] | a dashboard and its JSON |
//! | [`dashboards`] | the table of dashboards, and one file or folder for each |
//! | [`files`] | the committed JSON: written, or compared |

#![forbid(unsafe_code)]

pub mod annotation;
pub mod color;
pub mod dashboard;
pub mod dashboards;
pub mod files;
pub mod grid;
pub mod link;
pub mod panel;
pub mod query;
pub mod rules;
pub mod text;
pub mod unit;
pub mod variable;
