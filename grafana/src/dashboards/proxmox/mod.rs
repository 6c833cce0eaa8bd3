//! Proxmox VE: queries that its three dashboards and the overview ask, and one file for each dashboard.
//!
//! | file | what |
//! |---|---|
//! | `cluster` | nodes, guests, storages, backups, what farol may see: where to look further |
//! | `node` | one node, or those that are chosen: load, memory, disks, pools, services |
//! | `guest` | one guest, or those that are chosen: load, memory, disks, backups, the services in it |
//!
//! Nodes and guests have most of their values by `id` (node/pve1, qemu/104), as the peer has them; what they are called stands beside
//! it in what the rules record.

pub(super) mod cluster;
pub(super) mod guest;
pub(super) mod node;

use kit::Desc;
use proxmox_exporter::collect::resources;

use super::{GUEST, NODE};
use crate::color::{Color, Mapping, Steps};
use crate::link::DataLink;
use crate::panel::{Cell, Column, Panel, StateTimeline, Table, TimeSeries};
use crate::query::{Expr, Scope, Selector, Target, foreign};
use crate::rules::{RuleError, Rules};
use crate::text::{Text, same, text};
use crate::unit::Unit;

/// A node, as a table's row has it.
const NODE_ROW: &[&str] = &["cluster", "node"];
/// A guest, as a table's row has it.
const GUEST_ROW: &[&str] = &["cluster", "id", "node", "name"];
/// A storage, as a table's row has it; without a node where it is shared.
const STORAGE_ROW: &[&str] = &["cluster", "storage", "node"];
/// At how many points at most what is drawn over time is asked for.
const POINTS: u16 = 240;

/// Whether each node is up, as the rules know it.
pub(super) fn nodes(scope: Scope) -> Expr {
    scope.recorded(&foreign::NODE_UP).now().of_unit(Unit::Plain)
}

/// Whether each guest runs, as the rules know it.
pub(super) fn guests(scope: Scope) -> Expr {
    scope.recorded(&foreign::GUEST_UP).now().of_unit(Unit::Plain)
}

/// How many guests do not run that should; none as long as there is a guest.
pub(super) fn guests_missing(scope: Scope) -> Expr {
    let (up, wanted) = (guests(scope), scope.recorded(&foreign::GUEST_WANTED).now());
    let query = format!("count({up} == 0 and on (job, instance, cluster, id) {wanted}) or 0 * count({up})");
    Expr::compose(query, Unit::Count, &[&up, &wanted])
}

/// How full each storage is.
pub(super) fn storage_used(scope: Scope) -> Expr {
    scope.recorded(&foreign::STORAGE_USED).now().of_unit(Unit::Ratio)
}

/// In how many days each storage is full, of those that fill.
pub(super) fn storage_days(scope: Scope) -> Expr {
    let left = scope.recorded(&foreign::STORAGE_FULL_IN).over("last_over_time", "10m");
    Expr::compose(format!("{left} / 86400"), Unit::Days, &[&left])
}

/// Seconds as days and a tenth: a clock beside them is cut off where columns are narrow.
fn in_days(seconds: &Expr) -> Expr {
    Expr::compose(format!("{seconds} / 86400"), Unit::FineDays, &[seconds])
}

/// The colours of a storage's use.
pub(super) fn storage_steps(rules: &Rules) -> Result<Steps, RuleError> {
    steps(rules, "StorageFilling")
}

/// The age of each guest's newest backup, in its intervals.
pub(super) fn backup_late(scope: Scope) -> Expr {
    scope.recorded(&foreign::BACKUP_LATE).now().of_unit(Unit::Plain)
}

/// How many guests no job covers; none as long as jobs are known.
pub(super) fn uncovered(scope: Scope) -> Expr {
    let (without, thing) = (scope.recorded(&foreign::GUEST_UNCOVERED).now(), thing(scope));
    let query = format!("count({thing} and on (job, instance, cluster, id) {without}) or 0 * count({thing})");
    Expr::compose(query, Unit::Count, &[&without, &thing])
}

/// Amber and red where an alert of both severities begins to fire, of what is worse the more there is.
fn steps(rules: &Rules, alert: &str) -> Result<Steps, RuleError> {
    let limit = |severity| rules.threshold(alert, severity);
    Ok(Steps::rising(Some(limit("warning")?), Some(limit("critical")?)))
}

/// Every guest, with its name and node.
fn thing(scope: Scope) -> Expr {
    scope.recorded(&foreign::GUEST_THING).now()
}

/// A value of guests, with their names and nodes.
fn named(scope: Scope, value: &Expr) -> Expr {
    let thing = thing(scope);
    let query = format!("({value}) * on (job, instance, cluster, id) group_left (name, node) {thing}");
    Expr::compose(query, value.unit(), &[value, &thing])
}

/// A value of guests as a table's column has it.
fn guest_column(scope: Scope, desc: &Desc) -> Expr {
    named(scope, &scope.metric(desc).now()).max_by(GUEST_ROW)
}

/// A metric of nodes that has them by `id`, only of the dashboard's nodes.
fn of_nodes(scope: Scope, desc: &Desc) -> Selector {
    let nodes = if scope.labels.contains(&"node") { "node/$node" } else { "node/.+" };
    scope.metric(desc).like("id", nodes)
}

/// The same with the label `node`.
fn by_node(value: &Expr) -> Expr {
    let query = format!("label_replace({value}, \"node\", \"$1\", \"id\", \"node/(.+)\")");
    Expr::compose(query, value.unit(), &[value])
}

/// A value of nodes that has them by `id`, as a table's column has it.
fn node_column(scope: Scope, desc: &Desc) -> Expr {
    by_node(&of_nodes(scope, desc).now()).max_by(NODE_ROW)
}

/// The share of a node's memory that is used.
fn memory_used(scope: Scope) -> Expr {
    let left = scope.recorded(&foreign::NODE_MEMORY_LEFT).now();
    Expr::compose(format!("1 - {left}"), Unit::Ratio, &[&left])
}

/// Its colours: red where the alert on what is left fires.
fn memory_steps(rules: &Rules) -> Result<Steps, RuleError> {
    let left = rules.threshold("NodeMemoryLow", "warning")?;
    Ok(Steps::rising(Some(1.0 - left), None))
}

/// To a node's dashboard, from a row or a series.
fn to_node() -> DataLink {
    DataLink::to(NODE, text("This node", "Este nó")).keep("job").keep("instance")
}

/// To a guest's dashboard, from a row or a series.
fn to_guest() -> DataLink {
    DataLink::to(GUEST, text("This guest", "Esta VM")).keep("job").keep("instance")
}

fn node_label() -> Column {
    Column::label("node", text("Node", "Nó")).link(to_node().column("cluster").column("node"))
}

fn guest_label() -> Column {
    Column::label("name", text("Guest", "VM")).link(to_guest().column("cluster").column("id"))
}

/// How a node's or guest's state is called.
fn up_words() -> [Mapping; 2] {
    [
        Mapping::new(1, text("up", "no ar"), Color::Green),
        Mapping::new(0, text("down", "fora do ar"), Color::Red),
    ]
}

/// The same of a guest: that one is stopped may be right.
fn run_words() -> [Mapping; 2] {
    [
        Mapping::new(1, text("runs", "rodando"), Color::Green),
        Mapping::new(0, text("stopped", "parada"), Color::Grey),
    ]
}

/// A yes or no of which yes is good.
fn yes_or_no(bad: Color) -> [Mapping; 2] {
    [Mapping::new(1, text("yes", "sim"), Color::Green), Mapping::new(0, text("no", "não"), bad)]
}

/// The dashboard's nodes over time.
fn node_states(scope: Scope, rows: u16) -> Panel {
    let states = scope.recorded(&foreign::NODE_UP).over("min_over_time", "$__interval");
    Panel::new(
        StateTimeline { rows },
        text("Nodes over time", "Nós ao longo do tempo"),
        text(
            "Whether each node was a member that is online, at its worst within each step. Two that fall together: look at the network between them.",
            "Se cada nó era membro e estava no ar, no pior momento de cada passo. Dois que caem juntos: veja a rede entre eles.",
        ),
    )
    .ask(Target::range(states.of_unit(Unit::Plain).min_by(NODE_ROW), same("{{node}}")))
    .field(|field| {
        field.mappings(&up_words()).steps(Steps::always(Color::Grey)).link(to_node().label("cluster").label("node"))
    })
    .points(POINTS)
    .step("2m")
}

/// The ten guests with the most of something at the end of what is shown, over time.
fn busiest(scope: Scope, desc: &Desc, title: Text, description: Text) -> Panel {
    let (now, end) = (scope.metric(desc).now(), scope.metric(desc).at_end());
    let (now, end) = (guests_only(now), guests_only(end));
    top(scope, &now, &end, title, description)
}

/// The same by the growth of two counters.
fn busiest_by_rate(scope: Scope, descs: [&Desc; 2], title: Text, description: Text) -> Panel {
    let rates = descs.map(|desc| scope.metric(desc).like("id", "(qemu|lxc)/.+").rate());
    let ends = descs.map(|desc| scope.metric(desc).like("id", "(qemu|lxc)/.+").now());
    let now = Expr::compose(format!("{} + {}", rates[0], rates[1]), rates[0].unit(), &[&rates[0], &rates[1]]);
    let step = crate::query::STEP;
    let query = format!("rate({}[{step}] @ end()) + rate({}[{step}] @ end())", ends[0], ends[1]);
    let end = Expr::compose(query, now.unit(), &[&ends[0], &ends[1]]);
    top(scope, &now, &end, title, description)
}

fn guests_only(value: Expr) -> Expr {
    let unit = value.unit();
    // A selector with or without matchers, and perhaps "@ end()" behind it.
    Expr::compose(value.to_string().replacen("}", ",id=~\"(qemu|lxc)/.+\"}", 1), unit, &[&value])
}

fn top(scope: Scope, now: &Expr, end: &Expr, title: Text, description: Text) -> Panel {
    let chosen = format!("({now}) and on (job, instance, cluster, id) topk(10, {end})");
    let chosen = Expr::compose(chosen, now.unit(), &[now, end]);
    Panel::new(TimeSeries::new(), title, description)
        .ask(Target::range(named(scope, &chosen).max_by(GUEST_ROW), same("{{name}}")))
        .field(|field| field.min(0.0).link(to_guest().label("cluster").label("id")))
        .points(POINTS)
}

/// Storages, the fullest first.
pub(super) fn storages(scope: Scope, rules: &Rules, limit: u16) -> Result<Panel, RuleError> {
    let soon = rules.threshold("StorageFullSoon", "warning")? / 86_400.0;
    let days = Steps::new(&[(0.0, Color::Amber), (soon, Color::Green)]);
    Ok(Panel::new(
        Table::new(vec![
            Column::label("storage", same("Storage")),
            Column::label("node", text("Node", "Nó")).link(to_node().column("cluster").column("node")).width(75),
            Column::value('A', text("Used", "Em uso"), Unit::Ratio)
                .cell(Cell::Bar)
                .steps(storage_steps(rules)?)
                .between(0.0, 1.0),
            Column::value('B', text("Full in", "Enche em"), Unit::Days).cell(Cell::Colored).steps(days).width(90),
        ])
        .falling(2)
        .limit(limit),
        same("Storages"),
        text(
            "How full each storage is; a shared one has no node. Full in: by the growth since yesterday at this hour; nothing there where it does not grow. Amber: delete old backups and snapshots, or make it larger.",
            "Quanto cada storage está cheio; um compartilhado não tem nó. Enche em: pelo crescimento desde ontem a esta hora; vazio onde não cresce. Âmbar: apague backups e snapshots antigos, ou aumente-o.",
        ),
    )
    .ask(Target::rows(storage_used(scope).max_by(STORAGE_ROW)))
    .ask(Target::rows(storage_days(scope).min_by(STORAGE_ROW)))
    .field(|field| field.no_value(text("steady", "estável"))))
}

/// Guests in a table, the busiest first.
fn guest_table(scope: Scope, title: Text) -> Panel {
    let memory = scope.metric(&resources::MEMORY).now();
    let size = scope.metric(&resources::MEMORY_SIZE).now();
    let share = Expr::compose(
        format!("{memory} / on (job, instance, cluster, id) ({size} > 0)"),
        Unit::Ratio,
        &[&memory, &size],
    );
    let up = named(scope, &guests(scope)).max_by(GUEST_ROW);
    Panel::new(
        Table::new(vec![
            guest_label(),
            Column::label("id", same("ID")).width(100),
            Column::label("node", text("Node", "Nó")).link(to_node().column("cluster").column("node")).width(100),
            Column::value('A', text("State", "Estado"), Unit::Plain).cell(Cell::Colored).mappings(&run_words()).width(90),
            Column::value('B', same("CPU"), Unit::Ratio).cell(Cell::Bar).steps(Steps::always(Color::Blue)).between(0.0, 1.0),
            Column::value('C', text("Memory", "Memória"), Unit::Ratio)
                .cell(Cell::Bar)
                .steps(Steps::always(Color::Blue))
                .between(0.0, 1.0),
            Column::value('D', text("Up for", "Ligada há"), Unit::FineDays).width(90),
        ])
        .falling(4),
        title,
        text(
            "Guests, the busiest first. A click leads to the guest. What a guest has of its memory in use is no fault: pressure and swap are.",
            "VMs e containers, os mais ocupados primeiro. Um clique leva à VM. Memória da VM em uso não é defeito; pressão e swap são.",
        ),
    )
    .ask(Target::rows(up.of_unit(Unit::Plain)))
    .ask(Target::rows(guest_column(scope, &resources::CPU)))
    .ask(Target::rows(named(scope, &share).max_by(GUEST_ROW)))
    .ask(Target::rows(in_days(&guest_column(scope, &resources::UPTIME))))
}

/// Alerts of Proxmox VE, as lines over time.
fn annotation() -> crate::annotation::Annotation {
    let about = "Node.+|Guest.+|Quorum.+|Ha.+|Proxmox.+|Storage.+|ThinPool.+|Backup.+|Replication.+|Disk.+|Pool.+|Ceph.+|Sdn.+|TaskFailed|PermissionMissing";
    super::firing(super::alerts("firing", "critical|warning").like("alertname", about).now())
}
