//! The tiles of Proxmox VE.

use super::SCOPE;
use crate::color::{Color, Steps};
use crate::dashboards::{CLUSTER, causes, proxmox};
use crate::link::DataLink;
use crate::panel::{Override, Panel, Stat};
use crate::query::Target;
use crate::rules::{RuleError, Rules};
use crate::text::{same, text};

fn to_cluster() -> DataLink {
    DataLink::to(CLUSTER, text("Proxmox cluster", "Cluster Proxmox"))
}

/// How many nodes are down, of how many.
pub(super) fn nodes(_: &Rules) -> Result<Panel, RuleError> {
    let nodes = || proxmox::nodes(SCOPE);
    Ok(Panel::new(
        Stat::filled(),
        text("Proxmox nodes", "Nós Proxmox"),
        text(
            "Nodes that are down, of all. Look at the console of one that is down. Grey: no cluster is configured.",
            "Nós fora do ar, do total. Veja o console do que caiu. Cinza: nenhum cluster configurado.",
        ),
    )
    .ask(Target::instant(nodes().count_of("== 0"), text("down", "fora do ar")))
    .ask(Target::instant(nodes().count_of("== 1"), causes::works()))
    .field(|field| field.steps(Steps::none_is_good(Color::Red)).link(to_cluster()))
    .look(Override::query('B').steps(&super::some_is_good())))
}

/// How many guests do not run that should, and how many run.
pub(super) fn guests(_: &Rules) -> Result<Panel, RuleError> {
    Ok(Panel::new(
        Stat::filled(),
        text("Guests", "VMs"),
        text(
            "Guests that do not run though they should, and those that run. See which on the dashboard of the cluster, then start them. Grey: no cluster is configured.",
            "VMs que não rodam embora devessem, e as que rodam. Veja quais no dashboard do cluster e ligue. Cinza: nenhum cluster configurado.",
        ),
    )
    .ask(Target::instant(proxmox::guests_missing(SCOPE), text("missing", "faltam")))
    .ask(Target::instant(proxmox::guests(SCOPE).count_of("== 1"), text("run", "rodando")))
    .field(|field| field.steps(Steps::none_is_good(Color::Red)).link(to_cluster()))
    .look(Override::query('B').steps(&Steps::always(Color::Green))))
}

/// How many backups are late, and how many guests have no job.
pub(super) fn backups(rules: &Rules) -> Result<Panel, RuleError> {
    let limit = rules.threshold("BackupTooOld", "warning")?;
    Ok(Panel::new(
        Stat::filled(),
        same("Backups"),
        text(
            "Guests whose backup is late, and guests that no job covers. See the last task of the job; add the others to one. Grey: nothing is known of backups.",
            "VMs com backup atrasado, e VMs fora de qualquer rotina. Veja a última tarefa da rotina; ponha as outras em uma. Cinza: nada se sabe dos backups.",
        ),
    )
    .ask(Target::instant(proxmox::backup_late(SCOPE).count_of(&format!("> {limit}")), text("late", "atrasados")))
    .ask(Target::instant(proxmox::uncovered(SCOPE), text("in no job", "sem rotina")))
    .field(|field| field.steps(Steps::none_is_good(Color::Red)).link(to_cluster()))
    .look(Override::query('B').steps(&Steps::none_is_good(Color::Amber))))
}

/// The fullest storages.
pub(super) fn storages(rules: &Rules) -> Result<Panel, RuleError> {
    proxmox::storages(SCOPE, rules, super::tiles::WORST)
}
