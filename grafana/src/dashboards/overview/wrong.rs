//! The list of what is wrong: a row for each alert that fires, with what it is about, why, and for how long.

use crate::color::{Color, Mapping};
use crate::dashboards::{SERVICES, words};
use crate::link::DataLink;
use crate::panel::{Cell, Column, Panel, Table};
use crate::query::{Expr, Selector, Target, foreign};
use crate::rules::{RuleError, Rules};
use crate::text::text;
use crate::unit::Unit;

/// Labels that say what an alert is about, from the widest to the narrowest: the last one that an alert has is its thing.
const THINGS: &[&str] = &[
    "job", "instance", "cluster", "source", "npm", "host", "node", "storage", "id", "link", "target", "name",
];

/// Alerts that fire, each with the thing it is about, and since when.
fn firing() -> Expr {
    let firing = super::super::alerts("firing", "critical|warning").now();
    let since = Selector::recorded(&foreign::ALERTS_FOR_STATE).now();
    let begun = format!("{firing} * ignoring (alertstate) {since}");
    let named = THINGS.iter().fold(begun, |inner, label| {
        format!("label_replace({inner}, \"thing\", \"$1\", \"{label}\", \"(.+)\")")
    });
    let cause = super::SCOPE.recorded(&foreign::FAILURE_CAUSE).now();
    // One cause for each service: two exporters that probe it may see two.
    let one = format!("topk by (job, target) (1, {cause})");
    let text = format!(
        "time() - ({named} * on (job, target) group_left (cause, cause_pt) {one} or {named} unless on (job, target) {cause})"
    );
    Expr::compose(text, Unit::Clock, &[&firing, &since, &cause])
}

/// The panel.
pub(super) fn table(_: &Rules) -> Result<Panel, RuleError> {
    let severities = [
        Mapping::new("critical", text("critical", "crítico"), Color::Red),
        Mapping::new("warning", text("warning", "aviso"), Color::Amber),
    ];
    let link = DataLink::to(SERVICES, text("This service", "Este serviço")).column("target");
    Ok(Panel::new(
        Table::new(vec![
            Column::label("severity", text("Severity", "Gravidade")).cell(Cell::Filled).mappings(&severities).width(90),
            Column::label("thing", text("What", "O quê")).link(link),
            Column::label("alertname", text("Problem", "Problema")).mappings(&words::alerts()),
            Column::field(text("cause", "cause_pt"), text("Cause", "Causa")),
            Column::only_value(text("For", "Há"), Unit::Clock).width(110),
        ])
        .rising(0),
        text("What is wrong", "O que está errado"),
        text(
            "Alerts that fire, with how long their condition has held. Begin at the top; a click leads to the service, and the alert's runbook says what to do.",
            "Alertas disparados, e há quanto tempo a condição vale. Comece pelo alto; um clique leva ao serviço, e o runbook do alerta diz o que fazer.",
        ),
    )
    .ask(Target::rows(firing()))
    .field(|field| field.no_value(text("Nothing is wrong.", "Nada de errado."))))
}
