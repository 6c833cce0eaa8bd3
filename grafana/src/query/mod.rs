//! Queries, built on the exporters' own descriptions: a metric that is renamed breaks the build, and a label that a metric
//! does not have is told of.
//!
//! | file | what |
//! |---|---|
//! | `selector` | [`Selector`]: a metric with its matchers |
//! | `expr` | [`Expr`]: an expression with its unit |
//! | `scope` | [`Scope`]: the dashboard's variables, which every selector on it carries |
//! | `target` | [`Target`]: an expression as a panel asks it |
//! | `foreign` | descriptions of metrics that are not ours: Prometheus's own, and recorded series |

mod expr;
pub mod foreign;
mod scope;
mod selector;
mod target;

pub use expr::Expr;
pub use scope::Scope;
pub use selector::Selector;
pub use target::{DATASOURCE, Format, Target};

/// A window that grows with the step, so that no sample falls between two points; at least four scrapes.
pub const STEP: &str = "$__rate_interval";
/// All that is shown.
pub const RANGE: &str = "$__range";
