//! The cluster: is it well, which node or guest is not, what fills, what is saved, and what farol may see.

use proxmox_exporter::cluster::report;
use proxmox_exporter::collect::{
    backup_jobs, backups, ha, permissions, replication, resources, status, tasks,
};

use super::*;
use crate::dashboard::{Band, Dashboard};
use crate::panel::{BarGauge, Draw, Legend, Override, Stat};
use crate::query::RANGE;
use crate::variable::Variable;

const SCOPE: Scope = Scope { labels: &["cluster"] };

/// The dashboard.
pub(in crate::dashboards) fn dashboard(rules: &Rules) -> Result<Dashboard, RuleError> {
    let series = || Selector::recorded(&foreign::NODE_UP);
    Ok(Dashboard {
        uid: crate::dashboards::CLUSTER,
        title: text("Proxmox cluster", "Cluster Proxmox"),
        description: text(
            "Is the cluster well, which node or guest is not, which storage fills, which guest has no fresh backup, and what farol may see.",
            "O cluster está bem, qual nó ou VM não está, qual storage enche, qual VM está sem backup novo, e o que o farol pode ver.",
        ),
        variables: vec![
            Variable::datasource(),
            Variable::job(series()),
            Variable::instance(series()),
            Variable::label(
                "cluster",
                same("Cluster"),
                series().like("job", "$job").like("instance", "$instance"),
            ),
        ],
        annotations: vec![annotation()],
        bands: vec![
            Band::new(3)
                .panel(1, members())
                .panel(1, quorum())
                .panel(1, running())
                .panel(1, filling(rules)?)
                .panel(1, late(rules)?)
                .panel(1, sight()),
            Band::new(7).panel(3, node_table(rules)?).panel(2, node_states(SCOPE, 8)),
            Band::new(8)
                .titled(text("Guests", "VMs e containers"))
                .panel(2, guest_table(SCOPE, text("Busiest guests", "VMs mais ocupadas")))
                .panel(1, by_state()),
            Band::new(8).panel(1, processors()).panel(1, memory()).panel(1, traffic()).panel(1, disks()),
            Band::new(8)
                .titled(same("Storages"))
                .panel(2, storages(SCOPE, rules, 50)?)
                .panel(3, storage_course(rules)?),
            Band::new(9)
                .titled(same("Backups"))
                .panel(4, backup_table(rules)?)
                .panel(2, without_job())
                .panel(3, jobs()),
            Band::new(7)
                .titled(text("Replication, high availability, tasks", "Replicação, HA, tarefas"))
                .panel(1, replications())
                .panel(1, ha_table())
                .panel(1, failed_tasks()),
            Band::new(7)
                .titled(text("What farol sees", "O que o farol vê"))
                .panel(1, failing())
                .panel(1, missing())
                .panel(1, calls()),
        ],
        from: "now-24h",
    })
}

fn members() -> Panel {
    Panel::new(
        Stat::filled(),
        text("Nodes", "Nós"),
        text(
            "Nodes that are down, of all. Look at the console of one that is down; high availability starts its guests elsewhere. Grey: no cluster is configured.",
            "Nós fora do ar, do total. Veja o console do que caiu; o HA liga as VMs dele em outro. Cinza: nenhum cluster configurado.",
        ),
    )
    .ask(Target::instant(nodes(SCOPE).count_of("== 0"), text("down", "fora do ar")))
    .ask(Target::instant(nodes(SCOPE).count_of("== 1"), text("up", "no ar")))
    .field(|field| field.steps(Steps::none_is_good(Color::Red)))
    .look(Override::query('B').steps(&some_is_good()))
}

fn some_is_good() -> Steps {
    Steps::new(&[(0.0, Color::Red), (1.0, Color::Green)])
}

fn quorum() -> Panel {
    let quorate = SCOPE.metric(&status::QUORATE).now().of_unit(Unit::Plain).min_by(&[]);
    let error = SCOPE.metric(&ha::SERVICE).equal("state", "error").now();
    let all = SCOPE.metric(&status::NODES).now();
    let errors = Expr::compose(format!("count({error}) or 0 * count({all})"), Unit::Count, &[&error, &all]);
    let words = [
        Mapping::new(1, text("there", "há"), Color::Green),
        Mapping::new(0, text("lost", "perdido"), Color::Red),
    ];
    Panel::new(
        Stat::filled(),
        text("Quorum", "Quórum"),
        text(
            "Whether the cluster has quorum, and guests that high availability has given up. Lost: bring nodes or their network back, and do not restart the last one. Grey: a single node needs none.",
            "Se o cluster tem quórum, e VMs de que o HA desistiu. Perdido: traga os nós ou a rede deles de volta, e não reinicie o último. Cinza: um nó só não precisa.",
        ),
    )
    .ask(Target::instant(quorate, text("quorum", "quórum")))
    .ask(Target::instant(errors, text("HA errors", "erros de HA")))
    .field(|field| field.steps(Steps::always(Color::Grey)))
    .look(Override::query('A').mappings(&words))
    .look(Override::query('B').steps(&Steps::none_is_good(Color::Red)))
}

fn running() -> Panel {
    Panel::new(
        Stat::filled(),
        text("Guests", "VMs"),
        text(
            "Guests that do not run though they start with their node or under high availability, and those that run. One that somebody stopped is not counted. See its log, then start it.",
            "VMs que não rodam embora iniciem com o nó ou pelo HA, e as que rodam. Uma que alguém parou não conta. Veja o log dela e depois ligue.",
        ),
    )
    .ask(Target::instant(guests_missing(SCOPE), text("missing", "faltam")))
    .ask(Target::instant(guests(SCOPE).count_of("== 1"), text("run", "rodando")))
    .field(|field| field.steps(Steps::none_is_good(Color::Red)))
    .look(Override::query('B').steps(&Steps::always(Color::Green)))
}

fn filling(rules: &Rules) -> Result<Panel, RuleError> {
    let limit = rules.threshold("StorageFilling", "warning")?;
    let days = storage_days(SCOPE);
    let soonest = Expr::compose(format!("min({days})"), Unit::Days, &[&days]);
    let soon = rules.threshold("StorageFullSoon", "warning")? / 86_400.0;
    Ok(Panel::new(
        Stat::filled(),
        text("Room on storages", "Espaço nos storages"),
        text(
            "Storages that are almost full, and the days until the first one is. Grey: none grows. Delete old backups and snapshots, or make it larger.",
            "Storages quase cheios, e os dias até o primeiro encher. Cinza: nenhum cresce. Apague backups e snapshots antigos, ou aumente-o.",
        ),
    )
    .ask(Target::instant(storage_used(SCOPE).count_of(&format!("> {limit}")), text("almost full", "quase cheios")))
    .ask(Target::instant(soonest, text("first full in", "o primeiro em")))
    .field(|field| field.steps(Steps::none_is_good(Color::Amber)).no_value(text("none grows", "nenhum cresce")))
    .look(Override::query('B').steps(&Steps::new(&[(0.0, Color::Amber), (soon, Color::Green)]))))
}

fn late(rules: &Rules) -> Result<Panel, RuleError> {
    let limit = rules.threshold("BackupTooOld", "warning")?;
    Ok(Panel::new(
        Stat::filled(),
        same("Backups"),
        text(
            "Guests whose backup is late by their own rhythm, and guests that no job covers. See the last task of the job; add the others to one.",
            "VMs com backup atrasado pelo próprio ritmo, e VMs fora de qualquer rotina. Veja a última tarefa da rotina; ponha as outras em uma.",
        ),
    )
    .ask(Target::instant(backup_late(SCOPE).count_of(&format!("> {limit}")), text("late", "atrasados")))
    .ask(Target::instant(uncovered(SCOPE), text("in no job", "sem rotina")))
    .field(|field| field.steps(Steps::none_is_good(Color::Red)))
    .look(Override::query('B').steps(&Steps::none_is_good(Color::Amber))))
}

fn sight() -> Panel {
    let blind = SCOPE.recorded(&foreign::COLLECTOR_BLIND).now();
    let missing = SCOPE.metric(&permissions::MISSING).now();
    let complete = SCOPE.metric(&permissions::COMPLETE).now();
    let missing = Expr::compose(
        format!("count({missing}) or count({complete} == 0) or 0 * count({complete})"),
        Unit::Count,
        &[&missing, &complete],
    );
    Panel::new(
        Stat::filled(),
        text("What farol sees", "O que o farol vê"),
        text(
            "Collectors that bring nothing, and privileges that are missing: what they are about is not watched. The tables at the bottom say which and why.",
            "Coletores que não trazem nada, e permissões que faltam: o que é deles não é vigiado. As tabelas no fim dizem quais e por quê.",
        ),
    )
    .ask(Target::instant(blind.count_of("== 1"), text("blind", "sem dados")))
    .ask(Target::instant(missing, text("privileges", "permissões")))
    .field(|field| field.steps(Steps::none_is_good(Color::Amber)))
}

fn node_table(rules: &Rules) -> Result<Panel, RuleError> {
    let run = SCOPE.metric(&resources::GUESTS).equal("status", "running").now().sum_by(NODE_ROW);
    let promised = SCOPE.recorded(&foreign::NODE_MEMORY_PROMISED).now().max_by(NODE_ROW);
    let over = rules.threshold("NodeOvercommitted", "warning")?;
    Ok(Panel::new(
        Table::new(vec![
            node_label(),
            Column::value('A', text("State", "Estado"), Unit::Plain).cell(Cell::Filled).mappings(&up_words()).width(100),
            Column::value('B', same("CPU"), Unit::Ratio).cell(Cell::Bar).steps(Steps::always(Color::Blue)).between(0.0, 1.0),
            Column::value('C', text("Memory", "Memória"), Unit::Ratio)
                .cell(Cell::Bar)
                .steps(memory_steps(rules)?)
                .between(0.0, 1.0),
            Column::value('D', text("Promised", "Prometida"), Unit::Ratio)
                .cell(Cell::Colored)
                .steps(Steps::rising(Some(over), None))
                .width(95),
            Column::value('E', text("Run", "Rodando"), Unit::Count).width(80),
            Column::value('F', text("Up for", "Ligado há"), Unit::FineDays).width(90),
        ])
        .rising(0),
        text("Nodes", "Nós"),
        text(
            "Every node. Promised: what its running guests may take of its memory; above 100% not all of them can have it. A click leads to the node.",
            "Todos os nós. Prometida: o que as VMs que rodam podem usar da memória dele; acima de 100% não há para todas. Um clique leva ao nó.",
        ),
    )
    .ask(Target::rows(nodes(SCOPE).max_by(NODE_ROW)))
    .ask(Target::rows(node_column(SCOPE, &resources::CPU)))
    .ask(Target::rows(memory_used(SCOPE).max_by(NODE_ROW)))
    .ask(Target::rows(promised))
    .ask(Target::rows(run))
    .ask(Target::rows(in_days(&node_column(SCOPE, &resources::UPTIME)))))
}

fn by_state() -> Panel {
    // The kind is said in two letters: there is no room for more beside the bars.
    let of = |kind| {
        let census = SCOPE.metric(&resources::GUESTS).equal("type", kind).now().sum_by(&["status"]);
        Expr::compose(format!("sort_desc({census})"), Unit::Count, &[&census])
    };
    Panel::new(
        BarGauge,
        text("By state", "Por estado"),
        text(
            "Guests by kind and state, templates left aside. unknown: their node does not answer, see to it first.",
            "VMs e containers por tipo e estado, sem os templates. unknown: o nó não responde, cuide dele primeiro.",
        ),
    )
    .ask(Target::instant(of("qemu"), same("VM {{status}}")))
    .ask(Target::instant(of("lxc"), same("CT {{status}}")))
    .field(|field| field.steps(Steps::always(Color::Blue)).min(0.0))
}

fn processors() -> Panel {
    busiest(
        SCOPE,
        &resources::CPU,
        text("Processors", "Processadores"),
        text(
            "The ten guests that are busiest now, as a share of the processors that each may use. One that stays at 100%: give it more, or look for what in it runs away.",
            "As dez VMs mais ocupadas agora, em relação aos processadores de cada uma. Uma que fica em 100%: dê mais, ou veja o que disparou nela.",
        ),
    )
}

fn memory() -> Panel {
    busiest(
        SCOPE,
        &resources::MEMORY,
        text("Memory", "Memória"),
        text(
            "The ten guests that use most memory. A line that only rises: a program that does not give it back; restart that before the node is short.",
            "As dez VMs que mais usam memória. Uma linha que só sobe: um programa que não devolve; reinicie-o antes que falte no nó.",
        ),
    )
}

fn traffic() -> Panel {
    busiest_by_rate(
        SCOPE,
        [&resources::NETWORK_RECEIVE, &resources::NETWORK_TRANSMIT],
        text("Network", "Rede"),
        text(
            "The ten guests that send and receive most. A guest that is not known for it: see its connections.",
            "As dez VMs que mais enviam e recebem. Uma que não costuma: veja as conexões dela.",
        ),
    )
}

fn disks() -> Panel {
    busiest_by_rate(
        SCOPE,
        [&resources::DISK_READ, &resources::DISK_WRITTEN],
        text("Disks", "Discos"),
        text(
            "The ten guests that read and write most. One that writes all day wears the SSD below it; see what it writes.",
            "As dez VMs que mais leem e escrevem. Uma que escreve o dia todo gasta o SSD; veja o que ela escreve.",
        ),
    )
}

fn storage_course(rules: &Rules) -> Result<Panel, RuleError> {
    let limits = storage_steps(rules)?;
    Ok(Panel::new(
        TimeSeries::new().legend(Legend::Table).limits().reaching(1.0),
        text("Storages over time", "Storages ao longo do tempo"),
        text(
            "How full each storage is. A saw is a backup that is pruned. A line that only rises meets the limit one day: delete, or make it larger before.",
            "Quanto cada storage está cheio. Um serrote é um backup que é podado. Uma linha que só sobe chega ao limite: apague, ou aumente antes.",
        ),
    )
    .ask(Target::range(storage_used(SCOPE).max_by(STORAGE_ROW), same("{{storage}} {{node}}")))
    .field(|field| field.limits(limits).min(0.0))
    .points(POINTS))
}

fn backup_table(rules: &Rules) -> Result<Panel, RuleError> {
    let last = SCOPE.recorded(&foreign::BACKUP_LAST).now().of_unit(Unit::Timestamp);
    let size = SCOPE.metric(&backups::TOTAL).now().sum_by(&["job", "instance", "cluster", "id"]);
    let good = SCOPE.metric(&backups::VERIFIED).now().min_by(&["job", "instance", "cluster", "id"]);
    let most = 2.0 * rules.threshold("BackupTooOld", "critical")?;
    Ok(Panel::new(
        Table::new(vec![
            guest_label(),
            Column::value('A', text("Last", "Último"), Unit::Timestamp).width(165),
            Column::value('B', text("Intervals", "Intervalos"), Unit::FineCount)
                .cell(Cell::Bar)
                .steps(steps(rules, "BackupTooOld")?)
                .between(0.0, most),
            Column::value('C', text("All", "Todos"), Unit::Bytes).width(100),
            Column::value('D', text("Verified", "Verificado"), Unit::Plain)
                .cell(Cell::Colored)
                .mappings(&yes_or_no(Color::Red))
                .width(95),
        ])
        .falling(2),
        text("Newest backups", "Backups mais novos"),
        text(
            "The newest backup of each guest on any storage, and how many of its own intervals ago that was. Amber: one was missed; red: three. Verified is known of a Proxmox Backup Server alone.",
            "O backup mais novo de cada VM em qualquer storage, e há quantos intervalos dela foi. Âmbar: um faltou; vermelho: três. Verificado só se sabe de um Proxmox Backup Server.",
        ),
    )
    .ask(Target::rows(named(SCOPE, &last).max_by(GUEST_ROW)))
    .ask(Target::rows(backup_late(SCOPE).of_unit(Unit::FineCount).max_by(GUEST_ROW)))
    .ask(Target::rows(named(SCOPE, &size).max_by(GUEST_ROW)))
    .ask(Target::rows(named(SCOPE, &good).min_by(GUEST_ROW).of_unit(Unit::Plain))))
}

fn without_job() -> Panel {
    let without = named(SCOPE, &SCOPE.recorded(&foreign::GUEST_UNCOVERED).now()).max_by(GUEST_ROW);
    Panel::new(
        Table::new(vec![guest_label(), Column::label("id", same("ID")).width(100)]).rising(1),
        text("In no job", "Sem rotina"),
        text(
            "Guests that no backup job covers: nothing saves them when a disk dies. Add them to a job.",
            "VMs fora de qualquer rotina de backup: nada as salva quando um disco morre. Ponha-as em uma.",
        ),
    )
    .ask(Target::rows(without.of_unit(Unit::Plain)))
    .field(|field| field.no_value(text("Every guest is in a job.", "Toda VM está em uma rotina.")))
}

fn jobs() -> Panel {
    let info = SCOPE.metric(&backup_jobs::JOB).now();
    let next = SCOPE.metric(&backup_jobs::NEXT_RUN).now();
    // A job that is switched off has no next run, and stays in the list.
    let query = format!(
        "max by (cluster, storage, schedule, guests) ({info} * on (job, instance, cluster, id) group_left () {next} or {info} * 0)"
    );
    Panel::new(
        Table::new(vec![
            Column::label("storage", same("Storage")).width(110),
            Column::label("schedule", text("Schedule", "Horário")).width(110),
            Column::label("guests", text("Guests", "VMs")),
            Column::only_value(text("Next", "Próxima"), Unit::Timestamp)
                .mappings(&[Mapping::new(0, text("off", "desativada"), Color::Amber)])
                .width(165),
        ])
        .rising(0),
        text("Jobs", "Rotinas"),
        text(
            "The backup jobs: where to, when, whom, and when next. One that is off saves nobody. A guest that is in none is in the list beside.",
            "As rotinas de backup: para onde, quando, quem, e a próxima vez. Uma desativada não salva ninguém. Uma VM em nenhuma está na lista ao lado.",
        ),
    )
    .ask(Target::rows(Expr::compose(query, Unit::Timestamp, &[&info, &next])))
    .field(|field| field.no_value(text("There is no job.", "Não há rotina.")))
}

fn replications() -> Panel {
    const ROW: &[&str] = &["cluster", "id"];
    let rows = |desc| SCOPE.metric(desc).now().max_by(ROW);
    Panel::new(
        Table::new(vec![
            Column::label("id", text("Job", "Rotina")),
            Column::value('A', text("Failed", "Falhas"), Unit::Count)
                .cell(Cell::Colored)
                .steps(Steps::none_is_good(Color::Amber))
                .width(90),
            Column::value('B', text("Last", "Última"), Unit::Timestamp).width(165),
            Column::value('C', text("Took", "Demorou"), Unit::Seconds).width(100),
        ])
        .falling(1),
        text("Replication", "Replicação"),
        text(
            "Replication jobs, failing ones first: how often each has failed since it last worked. What was written since then is lost if the node fails; see its log.",
            "Rotinas de replicação, primeiro as que falham: quantas vezes cada uma falhou desde que funcionou. O que foi escrito desde então se perde se o nó cair; veja o log.",
        ),
    )
    .ask(Target::rows(rows(&replication::FAILED)))
    .ask(Target::rows(rows(&replication::LAST_SYNC)))
    .ask(Target::rows(rows(&replication::TOOK)))
    .field(|field| field.no_value(text("Nothing is replicated.", "Nada é replicado.")))
}

fn ha_table() -> Panel {
    let services =
        SCOPE.metric(&ha::SERVICE).now().max_by(&["cluster", "id", "node", "state", "request_state"]);
    let states = [
        Mapping::new("error", text("error", "erro"), Color::Red),
        Mapping::new("fence", same("fence"), Color::Red),
        Mapping::new("recovery", text("recovery", "recuperação"), Color::Amber),
        Mapping::new("started", text("started", "iniciada"), Color::Green),
        Mapping::new("stopped", text("stopped", "parada"), Color::Grey),
    ];
    Panel::new(
        Table::new(vec![
            Column::label("id", text("Guest", "VM")).link(to_guest().column("cluster").column("id")),
            Column::label("node", text("Node", "Nó")).width(100),
            Column::label("state", text("State", "Estado")).cell(Cell::Colored).mappings(&states).width(110),
            Column::label("request_state", text("Asked for", "Pedido")).width(110),
        ])
        .rising(0),
        text("High availability", "Alta disponibilidade"),
        text(
            "Guests that high availability looks after. error: it gave up; mend the cause, then set the guest to disabled and to started.",
            "VMs que o HA cuida. erro: ele desistiu; corrija a causa, depois ponha a VM em disabled e em started.",
        ),
    )
    .ask(Target::rows(services.of_unit(Unit::Plain)))
    .field(|field| field.no_value(text("It looks after no guest.", "Não cuida de nenhuma VM.")))
}

fn failed_tasks() -> Panel {
    let ended =
        SCOPE.metric(&tasks::FINISHED).equal("result", "error").increase(RANGE).sum_by(&["type", "node"]);
    let query = format!("sort_desc({ended} > 0)");
    Panel::new(
        BarGauge,
        text("Failed tasks", "Tarefas com falha"),
        text(
            "Tasks that ended with an error in what is shown, by kind and node. Their logs say why: at the bottom of Proxmox VE's web interface.",
            "Tarefas que terminaram com erro no período, por tipo e nó. Os logs dizem por quê: no rodapé da interface do Proxmox VE.",
        ),
    )
    .ask(Target::instant(Expr::compose(query, Unit::Count, &[&ended]), same("{{type}} {{node}}")))
    .field(|field| {
        field
            .steps(Steps::always(Color::Amber))
            .min(0.0)
            .no_value(text("No task has failed.", "Nenhuma tarefa falhou."))
    })
}

fn failing() -> Panel {
    let reasons = SCOPE.metric(&report::FAILURE).now().max_by(&["cluster", "collector", "node", "reason"]);
    Panel::new(
        Table::new(vec![
            Column::label("collector", text("Collector", "Coletor")),
            Column::label("node", text("Node", "Nó")).width(110),
            Column::label("reason", text("Reason", "Motivo")),
        ])
        .rising(0),
        text("Collectors that fail", "Coletores com falha"),
        text(
            "What farol could not ask, and why. What it knew is shown for three intervals. node_offline goes by itself; forbidden is a privilege; timeout is a disk or storage that hangs.",
            "O que o farol não conseguiu perguntar, e por quê. O que ele sabia aparece por três intervalos. node_offline passa sozinho; forbidden é permissão; timeout é disco ou storage travado.",
        ),
    )
    .ask(Target::rows(reasons.of_unit(Unit::Plain)))
    .field(|field| field.no_value(text("None fails.", "Nenhum falha.")))
}

fn missing() -> Panel {
    let missing =
        SCOPE.metric(&permissions::MISSING).now().max_by(&["cluster", "privilege", "path", "collector"]);
    Panel::new(
        Table::new(vec![
            Column::label("privilege", text("Privilege", "Permissão")),
            Column::label("path", text("Path", "Caminho")).width(120),
            Column::label("collector", text("Collector", "Coletor")).width(140),
        ])
        .rising(0),
        text("Missing privileges", "Permissões que faltam"),
        text(
            "Privileges that a collector needs and the token does not have; Proxmox VE leaves out without a word what may not be seen. proxmox-exporter --setup prints the commands that grant them.",
            "Permissões que um coletor precisa e o token não tem; o Proxmox VE tira das listas, sem avisar, o que não pode ser visto. proxmox-exporter --setup mostra os comandos que as dão.",
        ),
    )
    .ask(Target::rows(missing.of_unit(Unit::Plain)))
    .field(|field| field.no_value(text("None is missing.", "Nenhuma falta.")))
}

fn calls() -> Panel {
    let calls = SCOPE.metric(&proxmox_exporter::api::tally::REQUESTS).rate().sum_by(&["outcome"]);
    Panel::new(
        TimeSeries::new().draw(Draw::Areas),
        text("Calls to the API", "Chamadas à API"),
        text(
            "What farol asks of the cluster, by outcome; ok alone is well. Others: the table of collectors that fail says which and why.",
            "O que o farol pergunta ao cluster, por resultado; só ok é bom. Outros: a tabela de coletores com falha diz quais e por quê.",
        ),
    )
    .ask(Target::range(calls, same("{{outcome}}")))
    .field(|field| field.min(0.0))
    .points(POINTS)
}
