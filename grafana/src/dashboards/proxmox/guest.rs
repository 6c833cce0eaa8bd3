//! Guests: what one of them has to do, what its disks and its backups are like, and how the services in it fare.

use kit::prober;
use proxmox_exporter::collect::{
    backups, guest_filesystems, guests as details, ha, replication, resources, snapshots,
};

use super::*;
use crate::dashboard::{Band, Dashboard};
use crate::dashboards::causes;
use crate::panel::{Override, Stat};
use crate::variable::Variable;

const SCOPE: Scope = Scope { labels: &["cluster", "id"] };

/// The dashboard.
pub(in crate::dashboards) fn dashboard(rules: &Rules) -> Result<Dashboard, RuleError> {
    let series = || Selector::recorded(&foreign::GUEST_THING);
    let chosen = || series().like("job", "$job").like("instance", "$instance");
    Ok(Dashboard {
        uid: GUEST,
        title: text("Proxmox guest", "VM Proxmox"),
        description: text(
            "What a guest has to do, whether it is saved, and how the services in it fare.",
            "O que uma VM ou container tem a fazer, se tem backup, e como estão os serviços nela.",
        ),
        variables: vec![
            Variable::datasource(),
            Variable::job(series()),
            Variable::instance(series()),
            Variable::label("cluster", same("Cluster"), chosen()),
            Variable::label("id", text("Guest", "VM"), chosen().like("cluster", "$cluster")),
        ],
        annotations: vec![annotation()],
        bands: vec![
            Band::new(3)
                .panel(1, state())
                .panel(1, missing())
                .panel(1, age(rules)?)
                .panel(1, locked())
                .panel(1, services_down()),
            Band::new(7)
                .panel(3, guest_table(SCOPE, text("Guests", "VMs e containers")))
                .panel(2, service_table()),
            Band::new(8).panel(1, processors()).panel(1, memory()).panel(1, pressure(rules)?),
            Band::new(8).panel(1, network()).panel(1, disks()).panel(1, swap()),
            Band::new(8)
                .titled(text("What it is saved by", "O que a protege"))
                .panel(3, backup_table())
                .panel(2, snapshot_table())
                .panel(2, protection()),
            Band::new(7).panel(1, filesystems(rules)?).panel(1, volumes()),
        ],
        from: "now-24h",
    })
}

fn state() -> Panel {
    Panel::new(
        Stat::filled(),
        text("Guests", "VMs e containers"),
        text(
            "Guests of the selection that run, and those that are stopped. Start one by Proxmox VE, or qm start and pct start.",
            "VMs e containers da seleção que rodam, e os parados. Ligue pelo Proxmox VE, ou com qm start e pct start.",
        ),
    )
    .ask(Target::instant(guests(SCOPE).count_of("== 1"), text("run", "rodando")))
    .ask(Target::instant(guests(SCOPE).count_of("== 0"), text("stopped", "paradas")))
    .field(|field| field.steps(Steps::always(Color::Blue)))
}

fn missing() -> Panel {
    Panel::new(
        Stat::filled(),
        text("Should run", "Deveriam rodar"),
        text(
            "Guests of the selection that do not run though they start with their node or under high availability, and nobody stopped them. See the log of tasks, then start them.",
            "VMs da seleção que não rodam embora iniciem com o nó ou pelo HA, e que ninguém parou. Veja o log de tarefas e ligue.",
        ),
    )
    .ask(Target::instant(guests_missing(SCOPE), text("missing", "faltam")))
    .field(|field| field.steps(Steps::none_is_good(Color::Red)))
}

fn age(rules: &Rules) -> Result<Panel, RuleError> {
    let last = SCOPE.recorded(&foreign::BACKUP_LAST).now();
    let age = Expr::compose(format!("max(time() - {last}) / 86400"), Unit::Days, &[&last]);
    let late = SCOPE.recorded(&foreign::BACKUP_LATE).now().max_by(&[]).of_unit(Unit::FineCount);
    Ok(Panel::new(
        Stat::filled(),
        same("Backup"),
        text(
            "The age of the newest backup, and in intervals of its own; the oldest of the selection. Amber: one was missed. Run the job, or see why it fails. Grey: there is none.",
            "A idade do backup mais novo, e em intervalos dele; o mais velho da seleção. Âmbar: um faltou. Rode a rotina, ou veja por que falha. Cinza: não há.",
        ),
    )
    .ask(Target::instant(age, text("old", "de idade")))
    .ask(Target::instant(late, text("intervals", "intervalos")))
    .field(|field| field.steps(Steps::always(Color::Blue)))
    .look(Override::query('B').steps(&steps(rules, "BackupTooOld")?)))
}

fn locked() -> Panel {
    let lock = SCOPE.metric(&resources::LOCK_STATE).now();
    let up = guests(SCOPE);
    let query = format!("count({lock} == 1) or 0 * count({up})");
    Panel::new(
        Stat::filled(),
        text("Locked", "Bloqueadas"),
        text(
            "Guests that a backup, a migration or a snapshot holds now. One that stays so for hours: its task is gone; qm unlock or pct unlock.",
            "VMs que um backup, uma migração ou um snapshot segura agora. Uma que fica assim por horas: a tarefa se foi; qm unlock ou pct unlock.",
        ),
    )
    .ask(Target::instant(Expr::compose(query, Unit::Count, &[&lock, &up]), text("locked", "bloqueadas")))
    .field(|field| field.steps(Steps::new(&[(0.0, Color::Green), (1.0, Color::Blue)])))
}

/// The last result of each service that says by its label `id` in which guest it is.
fn services_in() -> Expr {
    let scope = Scope { labels: &[] };
    let success = scope.scheduled(&prober::SUCCESS).now();
    let info = scope.metric(&probe_exporter::targets::metrics::INFO).like("id", "$id").now();
    let query = format!("{success} * on (job, instance, target, module) group_left (id) {info}");
    Expr::compose(query, Unit::Plain, &[&success, &info]).min_by(&["id", "target"])
}

fn services_down() -> Panel {
    Panel::new(
        Stat::filled(),
        text("Services in it", "Serviços nela"),
        text(
            "Services in the guests of the selection whose last probe failed, and those that work. Grey: no target says by labels: {id: qemu/104} that it is in one.",
            "Serviços nas VMs da seleção cuja última verificação falhou, e os que funcionam. Cinza: nenhum alvo diz por labels: {id: qemu/104} que está em uma.",
        ),
    )
    .ask(Target::instant(services_in().count_of("== 0"), text("down", "fora do ar")))
    .ask(Target::instant(services_in().count_of("== 1"), causes::works()))
    .field(|field| field.steps(Steps::none_is_good(Color::Red)))
    .look(Override::query('B').steps(&Steps::always(Color::Green)))
}

fn service_table() -> Panel {
    let words = [
        Mapping::new(1, causes::works(), Color::Green),
        Mapping::new(0, text("down", "fora do ar"), Color::Red),
    ];
    let link =
        DataLink::to(crate::dashboards::SERVICES, text("This service", "Este serviço")).column("target");
    Panel::new(
        Table::new(vec![
            Column::label("id", same("ID")).width(110),
            Column::label("target", text("Service", "Serviço")).link(link),
            Column::only_value(text("State", "Estado"), Unit::Plain).cell(Cell::Colored).mappings(&words).width(110),
        ])
        .rising(2),
        text("Services in the guests", "Serviços nas VMs"),
        text(
            "Services that are probed, in the guests of the selection; a target in probe.yml says by labels: {id: qemu/104} in which it is. A click leads to the service.",
            "Serviços verificados nas VMs da seleção; um alvo no probe.yml diz por labels: {id: qemu/104} em qual está. Um clique leva ao serviço.",
        ),
    )
    .ask(Target::rows(services_in()))
    .field(|field| field.no_value(text("No target names its guest.", "Nenhum alvo diz sua VM.")))
}

fn processors() -> Panel {
    busiest(
        SCOPE,
        &resources::CPU,
        text("Processors", "Processadores"),
        text(
            "The share of its processors that each guest uses, the ten busiest. One that stays at 100%: give it more, or look for what in it runs away.",
            "A parte dos processadores que cada VM usa, as dez mais ocupadas. Uma que fica em 100%: dê mais, ou veja o que disparou nela.",
        ),
    )
}

fn memory() -> Panel {
    let part = |desc| named(SCOPE, &guests_only(SCOPE.metric(desc).now())).max_by(GUEST_ROW);
    let end = named(SCOPE, &guests_only(SCOPE.metric(&resources::MEMORY).at_end())).max_by(GUEST_ROW);
    let chosen = |value: Expr| {
        let query = format!("{value} and on (cluster, id) topk(3, {end})");
        Expr::compose(query, Unit::Bytes, &[&value, &end])
    };
    Panel::new(
        TimeSeries::new(),
        text("Memory", "Memória"),
        text(
            "What each guest uses, what it may use, and what its balloon leaves it; the three largest. Used at its size with swap or pressure: give it more.",
            "O que cada VM usa, o que pode usar, e o que o balloon lhe deixa; as três maiores. Uso no limite com swap ou pressão: dê mais.",
        ),
    )
    .ask(Target::range(chosen(part(&resources::MEMORY)), text("{{name}} used", "{{name}} em uso")))
    .ask(Target::range(chosen(part(&resources::MEMORY_SIZE)), text("{{name}} may use", "{{name}} pode usar")))
    .ask(Target::range(
        chosen(named(SCOPE, &SCOPE.metric(&details::BALLOON).now()).max_by(GUEST_ROW)),
        same("{{name}} balloon"),
    ))
    .field(|field| field.min(0.0))
    .points(POINTS)
}

fn pressure(rules: &Rules) -> Result<Panel, RuleError> {
    let value = SCOPE.metric(&details::PRESSURE).now();
    let thing = thing(SCOPE);
    let sum = format!("max_over_time({value}[{}] @ end())", crate::query::RANGE);
    let most = format!("topk(5, max by (job, instance, cluster, id) ({sum}))");
    let query = format!(
        "max by (name, resource) ({value} * on (job, instance, cluster, id) group_left (name) ({thing} and on (job, instance, cluster, id) {most}))"
    );
    let limit = rules.threshold("GuestMemoryPressure", "warning")?;
    Ok(Panel::new(
        TimeSeries::new(),
        text("Pressure", "Pressão"),
        text(
            "The share of time in which tasks waited for a resource, in the five guests that waited most (Proxmox VE 9). memory, all of them, above the line: give it more. io: its disk is too slow. cpu: the node is too busy.",
            "Parte do tempo em que tarefas esperaram por um recurso, nas cinco VMs que mais esperaram (Proxmox VE 9). memory, todas, acima da linha: dê mais. io: disco lento demais. cpu: o nó está ocupado demais.",
        ),
    )
    .ask(Target::range(Expr::compose(query, Unit::Ratio, &[&value, &thing]), same("{{name}} {{resource}}")))
    .field(|field| field.min(0.0).limits(Steps::rising(Some(limit), None)))
    .points(POINTS))
}

fn network() -> Panel {
    busiest_by_rate(
        SCOPE,
        [&resources::NETWORK_RECEIVE, &resources::NETWORK_TRANSMIT],
        text("Network", "Rede"),
        text(
            "What each guest sends and receives, the ten busiest. A step that nobody planned: see its connections.",
            "O que cada VM envia e recebe, as dez mais ocupadas. Um degrau que ninguém planejou: veja as conexões dela.",
        ),
    )
}

fn disks() -> Panel {
    busiest_by_rate(
        SCOPE,
        [&resources::DISK_READ, &resources::DISK_WRITTEN],
        text("Disks", "Discos"),
        text(
            "What each guest reads and writes, the ten busiest. One that writes all day: a log, a database without memory, swap.",
            "O que cada VM lê e escreve, as dez mais ocupadas. Uma que escreve o dia todo: um log, um banco sem memória, swap.",
        ),
    )
}

fn swap() -> Panel {
    let used = named(SCOPE, &SCOPE.metric(&details::SWAP).now()).max_by(GUEST_ROW);
    Panel::new(
        TimeSeries::new(),
        text("Swap of containers", "Swap dos containers"),
        text(
            "What lies in the swap of each container. It grows and stays: the container needs more memory.",
            "O que está no swap de cada container. Cresce e fica: o container precisa de mais memória.",
        ),
    )
    .ask(Target::range(used, same("{{name}}")))
    .field(|field| field.min(0.0))
    .points(POINTS)
}

fn backup_table() -> Panel {
    const ROW: &[&str] = &["cluster", "id", "name", "storage"];
    let with = |desc| {
        let value = SCOPE.metric(desc).now();
        let thing = thing(SCOPE);
        let query = format!("{value} * on (job, instance, cluster, id) group_left (name) {thing}");
        Expr::compose(query, value.unit(), &[&value, &thing]).max_by(ROW)
    };
    Panel::new(
        Table::new(vec![
            guest_label(),
            Column::label("storage", same("Storage")),
            Column::value('A', text("Newest", "Mais novo"), Unit::Timestamp).width(165),
            Column::value('B', text("Kept", "Guardados"), Unit::Count).width(95),
            Column::value('C', text("Size", "Tamanho"), Unit::Bytes).width(100),
        ])
        .rising(2),
        same("Backups"),
        text(
            "The backups of each guest by storage, the oldest first. On one storage alone: a second one elsewhere outlives the first.",
            "Os backups de cada VM por storage, o mais velho primeiro. Em um storage só: um segundo em outro lugar sobrevive ao primeiro.",
        ),
    )
    .ask(Target::rows(with(&backups::LAST)))
    .ask(Target::rows(with(&backups::COUNT)))
    .ask(Target::rows(with(&backups::SIZE)))
    .field(|field| field.no_value(text("There is no backup.", "Não há backup.")))
}

fn snapshot_table() -> Panel {
    Panel::new(
        Table::new(vec![
            guest_label(),
            Column::value('A', same("Snapshots"), Unit::Count).width(100),
            Column::value('B', text("Oldest", "Mais antigo"), Unit::Timestamp).width(165),
        ])
        .rising(2),
        same("Snapshots"),
        text(
            "Snapshots, the oldest first: one that was forgotten grows and slows its guest; delete it. Needs collectors: {snapshots: true} in proxmox.yml.",
            "Snapshots, o mais antigo primeiro: um esquecido cresce e deixa a VM lenta; apague-o. Precisa de collectors: {snapshots: true} no proxmox.yml.",
        ),
    )
    .ask(Target::rows(guest_column(SCOPE, &snapshots::COUNT)))
    .ask(Target::rows(guest_column(SCOPE, &snapshots::OLDEST)))
    .field(|field| field.no_value(text("None is known.", "Nenhum conhecido.")))
}

/// High availability and replication of the guests.
fn protection() -> Panel {
    let service = SCOPE.metric(&ha::SERVICE).now().max_by(&["id", "state"]);
    let wide = Scope { labels: &["cluster"] };
    let (last, info) = (
        wide.metric(&replication::LAST_SYNC).now(),
        wide.metric(&replication::INFO).like("guest", "$id").now(),
    );
    let synced = format!(
        "max by (id) (label_replace({last} * on (job, instance, cluster, id) group_left (guest) {info}, \"id\", \"$1\", \"guest\", \"(.+)\"))"
    );
    Panel::new(
        Table::new(vec![
            Column::label("id", same("ID")).width(110),
            Column::label("state", text("HA state", "Estado no HA")),
            Column::value('B', text("Replicated", "Replicada em"), Unit::Timestamp).width(165),
        ])
        .rising(0),
        text("High availability and replication", "HA e replicação"),
        text(
            "What becomes of the guest when its node fails: its state under high availability, and when it was last replicated to another node. What was written since then is lost.",
            "O que acontece com a VM quando o nó cai: o estado no HA, e quando foi replicada pela última vez em outro nó. O que foi escrito desde então se perde.",
        ),
    )
    .ask(Target::rows(service.of_unit(Unit::Plain)))
    .ask(Target::rows(Expr::compose(synced, Unit::Timestamp, &[&last, &info])))
    .field(|field| field.no_value(text("none", "nenhuma")))
}

fn filesystems(rules: &Rules) -> Result<Panel, RuleError> {
    const ROW: &[&str] = &["cluster", "id", "name", "mountpoint"];
    let (used, size) =
        (SCOPE.metric(&guest_filesystems::USED).now(), SCOPE.metric(&guest_filesystems::SIZE).now());
    let thing = thing(SCOPE);
    let query =
        format!("({used} / ({size} > 0)) * on (job, instance, cluster, id) group_left (name) {thing}");
    Ok(Panel::new(
        Table::new(vec![
            guest_label(),
            Column::label("mountpoint", text("Mounted at", "Montado em")),
            Column::only_value(text("Used", "Em uso"), Unit::Ratio)
                .cell(Cell::Bar)
                .steps(storage_steps(rules)?)
                .between(0.0, 1.0),
        ])
        .falling(2),
        text("File systems in virtual machines", "Sistemas de arquivos nas VMs"),
        text(
            "What the guest agent says of the file systems in it, the fullest first. Needs the agent, and collectors: {guest_filesystems: true} in proxmox.yml.",
            "O que o agente diz dos sistemas de arquivos nela, o mais cheio primeiro. Precisa do agente, e de collectors: {guest_filesystems: true} no proxmox.yml.",
        ),
    )
    .ask(Target::rows(Expr::compose(query, Unit::Ratio, &[&used, &size, &thing]).max_by(ROW)))
    .field(|field| field.no_value(text("No agent says anything.", "Nenhum agente informou."))))
}

fn volumes() -> Panel {
    let (used, size) = (
        guests_only(SCOPE.metric(&resources::DISK).now()),
        guests_only(SCOPE.metric(&resources::DISK_SIZE).now()),
    );
    let share = Expr::compose(
        format!("{used} / on (job, instance, cluster, id) ({size} > 0)"),
        Unit::Ratio,
        &[&used, &size],
    );
    Panel::new(
        TimeSeries::new().reaching(1.0),
        text("Root file systems of containers", "Discos raiz dos containers"),
        text(
            "How full the root file system of each container is. A line that only rises: a log; delete it, or pct resize.",
            "Quanto o disco raiz de cada container está cheio. Uma linha que só sobe: um log; apague, ou pct resize.",
        ),
    )
    .ask(Target::range(named(SCOPE, &share).max_by(GUEST_ROW), same("{{name}}")))
    .field(|field| field.min(0.0))
    .points(POINTS)
}
