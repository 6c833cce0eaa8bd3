//! Nodes: what one of them has to do, what its disks and pools say of themselves, and who is on it.

use proxmox_exporter::collect::{
    certificates, disks, guests, lvmthin, node, packages, pressure, resources, services, smart, zfs,
};

use super::*;
use crate::dashboard::{Band, Dashboard};
use crate::panel::{Draw, Legend, Override, Stat};
use crate::variable::Variable;

const SCOPE: Scope = Scope { labels: &["cluster", "node"] };

/// The exporter keeps these two to itself; that they are in its catalogue is seen to by the lint of the queries.
const SCRUB_END: Desc =
    Desc::gauge("pve_zfs_pool_last_scan_timestamp_seconds", "When the pool's last scrub ended.").labels(SCAN);
const SCRUB_ERRORS: Desc =
    Desc::gauge("pve_zfs_pool_last_scan_errors", "What the pool's last scrub could not repair.").labels(SCAN);
const SCAN: &[&str] = &["cluster", "node", "pool", "kind"];

/// The dashboard.
pub(in crate::dashboards) fn dashboard(rules: &Rules) -> Result<Dashboard, RuleError> {
    let series = || Selector::recorded(&foreign::NODE_UP);
    let chosen = || series().like("job", "$job").like("instance", "$instance");
    Ok(Dashboard {
        uid: NODE,
        title: text("Proxmox node", "Nó Proxmox"),
        description: text(
            "What a node has to do, what its disks, pools and services say of themselves, and which guests are on it.",
            "O que um nó tem a fazer, o que os discos, pools e serviços dele dizem de si, e quais VMs estão nele.",
        ),
        variables: vec![
            Variable::datasource(),
            Variable::job(series()),
            Variable::instance(series()),
            Variable::label("cluster", same("Cluster"), chosen()),
            Variable::label("node", text("Node", "Nó"), chosen().like("cluster", "$cluster")),
        ],
        annotations: vec![annotation()],
        bands: vec![
            Band::new(3)
                .panel(1, state())
                .panel(1, left(rules)?)
                .panel(1, healthy())
                .panel(1, pools())
                .panel(1, running()),
            Band::new(8).panel(1, processors()).panel(1, memory()).panel(1, load()),
            Band::new(8)
                .panel(1, waiting(rules)?)
                .panel(1, pressure())
                .panel(1, traffic())
                .panel(1, traffic_of_disks()),
            Band::new(9)
                .titled(text("Guests on it", "VMs e containers nele"))
                .panel(2, guest_table(SCOPE, text("Guests", "VMs e containers")))
                .panel(1, node_states(SCOPE, 8)),
            Band::new(8)
                .titled(text("Disks", "Discos"))
                .panel(5, disk_table(rules)?)
                .panel(4, pool_table())
                .panel(3, thin_table(rules)?),
            Band::new(8).panel(6, smart_table()).panel(5, scrubs()).panel(3, zones()),
            Band::new(8).panel(1, storages(SCOPE, rules, 50)?).panel(1, faults()),
            Band::new(8)
                .titled(text("Upkeep", "Manutenção"))
                .panel(2, versions())
                .panel(1, service_table())
                .panel(2, certificate_table(rules)?)
                .panel(2, updates()),
        ],
        from: "now-24h",
    })
}

fn state() -> Panel {
    Panel::new(
        Stat::filled(),
        text("Nodes", "Nós"),
        text(
            "Nodes of the selection that are down, and those that are up. Look at the console of one that is down.",
            "Nós da seleção fora do ar, e os que estão no ar. Veja o console do que caiu.",
        ),
    )
    .ask(Target::instant(nodes(SCOPE).count_of("== 0"), text("down", "fora do ar")))
    .ask(Target::instant(nodes(SCOPE).count_of("== 1"), text("up", "no ar")))
    .field(|field| field.steps(Steps::none_is_good(Color::Red)))
    .look(Override::query('B').steps(&Steps::new(&[(0.0, Color::Red), (1.0, Color::Green)])))
}

fn left(rules: &Rules) -> Result<Panel, RuleError> {
    let left = SCOPE.recorded(&foreign::NODE_MEMORY_LEFT).now().min_by(&[]).of_unit(Unit::Ratio);
    let promised = SCOPE.recorded(&foreign::NODE_MEMORY_PROMISED).now().max_by(&[]).of_unit(Unit::Ratio);
    let (short, over) =
        (rules.threshold("NodeMemoryLow", "warning")?, rules.threshold("NodeOvercommitted", "warning")?);
    Ok(Panel::new(
        Stat::filled(),
        text("Memory", "Memória"),
        text(
            "What is left of the memory, and what the guests that run may take of it; the worst node of the selection. Move a guest, or give some less.",
            "O que resta da memória, e o que as VMs que rodam podem usar dela; o pior nó da seleção. Mova uma VM, ou dê menos a algumas.",
        ),
    )
    .ask(Target::instant(left, text("left", "livre")))
    .ask(Target::instant(promised, text("promised", "prometida")))
    .field(|field| field.steps(Steps::new(&[(0.0, Color::Red), (short, Color::Green)])))
    .look(Override::query('B').steps(&Steps::rising(Some(over), None))))
}

fn healthy() -> Panel {
    let good = || SCOPE.metric(&disks::HEALTHY).now();
    Panel::new(
        Stat::filled(),
        text("Disks", "Discos"),
        text(
            "Disks that say of themselves that they fail (SMART), and those that say they are well. See the table of disks for which, then replace it. Grey: no disk says anything.",
            "Discos que dizem de si que estão falhando (SMART), e os que dizem estar bem. Veja na tabela de discos qual, e troque-o. Cinza: nenhum disco diz nada.",
        ),
    )
    .ask(Target::instant(good().count_of("== 0"), text("fail", "com defeito")))
    .ask(Target::instant(good().count_of("== 1"), text("well", "ok")))
    .field(|field| field.steps(Steps::none_is_good(Color::Red)))
    .look(Override::query('B').steps(&Steps::always(Color::Green)))
}

fn pools() -> Panel {
    let online = || SCOPE.metric(&zfs::ONLINE).now();
    Panel::new(
        Stat::filled(),
        text("ZFS pools", "Pools ZFS"),
        text(
            "Pools that lost a disk or more, and those that are whole. zpool status says which disk. Grey: there is no ZFS.",
            "Pools que perderam um disco ou mais, e os inteiros. zpool status diz qual disco. Cinza: não há ZFS.",
        ),
    )
    .ask(Target::instant(online().count_of("== 0"), text("degraded", "degradados")))
    .ask(Target::instant(online().count_of("== 1"), text("whole", "inteiros")))
    .field(|field| field.steps(Steps::none_is_good(Color::Red)))
    .look(Override::query('B').steps(&Steps::always(Color::Green)))
}

fn running() -> Panel {
    let census = |status| SCOPE.metric(&resources::GUESTS).equal("status", status).now();
    let (run, stopped) = (census("running"), census("stopped"));
    let stopped = Expr::compose(format!("sum({stopped}) or 0 * sum({run})"), Unit::Count, &[&stopped, &run]);
    Panel::new(
        Stat::filled(),
        text("Guests", "VMs"),
        text(
            "Guests on the nodes of the selection that run, and those that are stopped. Which of them should run, the dashboard of the cluster says.",
            "VMs e containers nos nós da seleção que rodam, e os parados. Quais deles deveriam rodar, diz o dashboard do cluster.",
        ),
    )
    .ask(Target::instant(run.sum_by(&[]), text("run", "rodando")))
    .ask(Target::instant(stopped, text("stopped", "paradas")))
    .field(|field| field.steps(Steps::always(Color::Blue)))
}

fn processors() -> Panel {
    let busy = by_node(&of_nodes(SCOPE, &resources::CPU).now()).max_by(NODE_ROW);
    let wait = SCOPE.metric(&node::IOWAIT).now().max_by(NODE_ROW);
    Panel::new(
        TimeSeries::new().reaching(1.0),
        text("Processors", "Processadores"),
        text(
            "How busy the processors are, and which share of their time they wait for disks. Waiting that stays above a tenth: a disk is too slow, or dies.",
            "Quanto os processadores estão ocupados, e que parte do tempo esperam pelos discos. Espera que fica acima de um décimo: um disco lento demais, ou morrendo.",
        ),
    )
    .ask(Target::range(busy, same("{{node}}")))
    .ask(Target::range(wait, text("{{node}} waits", "{{node}} espera")))
    .field(|field| field.min(0.0))
    .points(POINTS)
}

fn memory() -> Panel {
    let used = by_node(&of_nodes(SCOPE, &resources::MEMORY).now()).max_by(NODE_ROW);
    let size = by_node(&of_nodes(SCOPE, &resources::MEMORY_SIZE).now()).max_by(NODE_ROW);
    let swap = SCOPE.metric(&node::SWAP).now().max_by(NODE_ROW);
    Panel::new(
        TimeSeries::new(),
        text("Memory", "Memória"),
        text(
            "What is used, what there is, and what lies in swap. Used reaches what there is: move a guest before the kernel ends one. ZFS keeps a cache in it.",
            "O que está em uso, o que há, e o que está no swap. Uso chegando ao que há: mova uma VM antes que o kernel mate uma. O ZFS guarda um cache nela.",
        ),
    )
    .ask(Target::range(used, text("{{node}} used", "{{node}} em uso")))
    .ask(Target::range(size, text("{{node}} has", "{{node}} tem")))
    .ask(Target::range(swap, same("{{node}} swap")))
    .field(|field| field.min(0.0))
    .points(POINTS)
}

fn load() -> Panel {
    let load = SCOPE.metric(&node::LOAD5).now().max_by(NODE_ROW);
    let processors = by_node(&of_nodes(SCOPE, &resources::CPU_LIMIT).now()).max_by(NODE_ROW);
    let query = format!("{load} / on (cluster, node) ({processors} > 0)");
    Panel::new(
        TimeSeries::new(),
        text("Load for each processor", "Carga por processador"),
        text(
            "Processes that run or wait, for each processor, over 5 min. Above 1 they wait for one another; with idle processors they wait for disks.",
            "Processos que rodam ou esperam, por processador, em 5 min. Acima de 1 eles esperam uns pelos outros; com processador livre, esperam pelos discos.",
        ),
    )
    .ask(Target::range(Expr::compose(query, Unit::FineCount, &[&load, &processors]), same("{{node}}")))
    .field(|field| field.min(0.0))
    .points(POINTS)
}

/// Pressure of the nodes themselves: what all of their tasks waited for, of processors what some did.
fn waiting(rules: &Rules) -> Result<Panel, RuleError> {
    let limit = rules.threshold("NodeMemoryPressure", "warning")?;
    let full = SCOPE.metric(&pressure::PRESSURE).like("resource", "io|memory").equal("kind", "full").now();
    let some = SCOPE.metric(&pressure::PRESSURE).equal("resource", "cpu").equal("kind", "some").now();
    Ok(Panel::new(
        TimeSeries::new(),
        text("Pressure of nodes", "Pressão dos nós"),
        text(
            "The share of time in which all that runs on a node waited for disks (io) or memory, or some of it for processors (Proxmox VE 9). Memory above the line: move a guest away.",
            "Parte do tempo em que tudo num nó esperou pelos discos (io) ou por memória, ou parte dele por processador (Proxmox VE 9). Memória acima da linha: mova uma VM.",
        ),
    )
    .ask(Target::range(full.max_by(&["node", "resource"]), same("{{node}} {{resource}}")))
    .ask(Target::range(some.max_by(&["node", "resource"]), same("{{node}} {{resource}}")))
    .field(|field| field.min(0.0).steps(Steps::rising(Some(limit), None)))
    .points(POINTS))
}

/// Pressure in the guests: the worst of each resource.
fn pressure() -> Panel {
    let value = SCOPE.metric(&guests::PRESSURE).now();
    let thing = thing(SCOPE);
    let query = format!(
        "max by (node, resource) ({value} * on (job, instance, cluster, id) group_left (node) {thing})"
    );
    Panel::new(
        TimeSeries::new(),
        text("Pressure in its guests", "Pressão nas VMs dele"),
        text(
            "The share of time in which tasks of the guest that waits most had to wait for a resource (Proxmox VE 9). io: a disk is too slow; memory: give it more; cpu: too many at once.",
            "Parte do tempo em que tarefas da VM que mais espera tiveram de esperar por um recurso (Proxmox VE 9). io: disco lento; memory: dê mais; cpu: muita coisa ao mesmo tempo.",
        ),
    )
    .ask(Target::range(Expr::compose(query, Unit::Ratio, &[&value, &thing]), same("{{node}} {{resource}}")))
    .field(|field| field.min(0.0))
    .points(POINTS)
}

/// The growth of two counters of guests, summed over each node.
fn of_guests(descs: [&Desc; 2], title: Text, description: Text, legends: [Text; 2]) -> Panel {
    let thing = thing(SCOPE);
    let sum = |desc| {
        let rate = SCOPE.metric(desc).like("id", "(qemu|lxc)/.+").rate();
        let query =
            format!("sum by (node) ({rate} * on (job, instance, cluster, id) group_left (node) {thing})");
        Expr::compose(query, rate.unit(), &[&rate, &thing])
    };
    let [first, second] = legends;
    Panel::new(TimeSeries::new(), title, description)
        .ask(Target::range(sum(descs[0]), first))
        .ask(Target::range(sum(descs[1]), second))
        .field(|field| field.min(0.0))
        .points(POINTS)
}

fn traffic() -> Panel {
    of_guests(
        [&resources::NETWORK_RECEIVE, &resources::NETWORK_TRANSMIT],
        text("Network of its guests", "Rede das VMs dele"),
        text(
            "What the guests of each node receive and send. A step that nobody planned: see on the dashboard of the cluster which guest.",
            "O que as VMs de cada nó recebem e enviam. Um degrau que ninguém planejou: veja no dashboard do cluster qual VM.",
        ),
        [text("{{node}} receives", "{{node}} recebe"), text("{{node}} sends", "{{node}} envia")],
    )
}

fn traffic_of_disks() -> Panel {
    of_guests(
        [&resources::DISK_READ, &resources::DISK_WRITTEN],
        text("Disks of its guests", "Discos das VMs dele"),
        text(
            "What the guests of each node read and write. Writing that goes on all day wears the SSDs; see which guest.",
            "O que as VMs de cada nó leem e escrevem. Escrita o dia todo gasta os SSDs; veja qual VM.",
        ),
        [text("{{node}} reads", "{{node}} lê"), text("{{node}} writes", "{{node}} escreve")],
    )
}

/// Whether a thing of a node is well, or -1 of one that had failed and is gone.
fn present(well: &Desc, missing: &Desc, name: &str) -> Expr {
    let (well, missing) = (SCOPE.metric(well).now(), SCOPE.metric(missing).now());
    let text = format!("({well} - on (job, instance, cluster, node, {name}) {missing} or {well})");
    Expr::compose(text, Unit::Plain, &[&well, &missing])
}

fn disk_table(rules: &Rules) -> Result<Panel, RuleError> {
    let worn = rules.threshold("DiskWorn", "warning")?;
    let info = SCOPE.metric(&disks::INFO).now();
    // The model stands in the row of each value.
    let with = |value: Expr| {
        let query = format!(
            "max by (cluster, node, device, model, type, used) ({value} * on (job, instance, cluster, node, device) group_left (model, type, used) {info})"
        );
        Expr::compose(query, value.unit(), &[&value, &info])
    };
    let healthy = [
        Mapping::new(1, text("well", "ok"), Color::Green),
        Mapping::new(0, text("fails", "com defeito"), Color::Red),
        Mapping::new(-1, text("gone", "sumiu"), Color::Red),
    ];
    Ok(Panel::new(
        Table::new(vec![
            Column::label("node", text("Node", "Nó")).width(85),
            Column::label("device", text("Disk", "Disco")).width(130),
            Column::label("model", text("Model", "Modelo")),
            Column::value('A', same("SMART"), Unit::Plain).cell(Cell::Colored).mappings(&healthy).width(95),
            Column::value('B', text("Life left", "Vida útil"), Unit::Ratio)
                .cell(Cell::Bar)
                .steps(Steps::new(&[(0.0, Color::Amber), (worn, Color::Green)]))
                .between(0.0, 1.0),
            Column::value('C', text("Size", "Tamanho"), Unit::Bytes).width(95),
        ])
        .rising(3),
        text("Physical disks", "Discos físicos"),
        text(
            "Every disk, failing ones first, with the share of its writes that an SSD has left. One that fails: see that its backups are good, and replace it.",
            "Todos os discos, primeiro os com defeito, com a parte das escritas que resta a um SSD. Um com defeito: confira os backups e troque-o.",
        ),
    )
    .ask(Target::rows(with(present(&disks::HEALTHY, &disks::MISSING, "device"))))
    .ask(Target::rows(with(SCOPE.metric(&disks::LIFE_LEFT).now())))
    .ask(Target::rows(with(SCOPE.metric(&disks::SIZE).now()))))
}

fn pool_table() -> Panel {
    const ROW: &[&str] = &["cluster", "node", "pool"];
    let (used, size) = (SCOPE.metric(&zfs::ALLOCATED).now(), SCOPE.metric(&zfs::SIZE).now());
    let share = Expr::compose(format!("{used} / ({size} > 0)"), Unit::Ratio, &[&used, &size]).max_by(ROW);
    let errors = SCOPE.metric(&zfs::DEVICE_ERRORS).now().sum_by(ROW);
    let whole = [
        Mapping::new(1, text("whole", "inteiro"), Color::Green),
        Mapping::new(0, text("degraded", "degradado"), Color::Red),
        Mapping::new(-1, text("gone", "sumiu"), Color::Red),
    ];
    Panel::new(
        Table::new(vec![
            Column::label("node", text("Node", "Nó")).width(65),
            Column::label("pool", same("Pool")),
            Column::value('A', text("State", "Estado"), Unit::Plain).cell(Cell::Colored).mappings(&whole).width(90),
            Column::value('B', text("Used", "Em uso"), Unit::Ratio).cell(Cell::Bar).steps(Steps::always(Color::Blue)).between(0.0, 1.0),
            Column::value('C', text("Errors", "Erros"), Unit::Count)
                .cell(Cell::Colored)
                .steps(Steps::none_is_good(Color::Amber))
                .width(70),
        ])
        .rising(2),
        text("ZFS pools", "Pools ZFS"),
        text(
            "ZFS pools, degraded ones first. Errors: reads, writes and checksums that failed since they were last cleared; see zpool status.",
            "Pools ZFS, primeiro os degradados. Erros: leituras, escritas e checksums que falharam desde a última limpeza; veja zpool status.",
        ),
    )
    .ask(Target::rows(present(&zfs::ONLINE, &zfs::MISSING, "pool").min_by(ROW)))
    .ask(Target::rows(share))
    .ask(Target::rows(errors))
    .field(|field| field.no_value(text("There is no ZFS pool.", "Não há pool ZFS.")))
}

/// What SMART counts, disk by disk.
fn smart_table() -> Panel {
    const ROW: &[&str] = &["cluster", "node", "device"];
    let count = |desc| SCOPE.metric(desc).now().max_by(ROW);
    let none = || Steps::none_is_good(Color::Amber);
    let hours = count(&smart::POWER_ON);
    let days = Expr::compose(format!("{hours} / 86400"), Unit::Days, &[&hours]);
    Panel::new(
        Table::new(vec![
            Column::label("node", text("Node", "Nó")).width(75),
            Column::label("device", text("Disk", "Disco")),
            Column::value('A', text("Heat", "Temp."), Unit::Celsius).width(80),
            Column::value('B', text("On for", "Ligado há"), Unit::Days).width(90),
            Column::value('C', text("Reallocated", "Realocados"), Unit::Count).width(105),
            Column::value('D', text("Pending", "Pendentes"), Unit::Count).cell(Cell::Colored).steps(none()).width(95),
            Column::value('E', text("Lost", "Perdidos"), Unit::Count).cell(Cell::Colored).steps(none()).width(85),
            Column::value('F', text("Cable", "Cabo"), Unit::Count).width(75),
        ])
        .falling(5),
        text("What disks count (SMART)", "O que os discos contam (SMART)"),
        text(
            "Reallocated: sectors that were replaced; a number that grows tells of a dying disk. Pending, lost: sectors that cannot be read. Cable: checksum errors on the way, so change the cable.",
            "Realocados: setores trocados; um número que cresce indica disco morrendo. Pendentes, perdidos: setores que não se leem. Cabo: erros de checksum no caminho; troque o cabo.",
        ),
    )
    .ask(Target::rows(count(&smart::TEMPERATURE)))
    .ask(Target::rows(days))
    .ask(Target::rows(count(&smart::REALLOCATED)))
    .ask(Target::rows(count(&smart::PENDING)))
    .ask(Target::rows(count(&smart::UNCORRECTABLE)))
    .ask(Target::rows(count(&smart::CRC)))
    .field(|field| field.no_value(text("No disk says anything.", "Nenhum disco diz nada.")))
}

/// When each pool was last read as a whole, and what that found.
fn scrubs() -> Panel {
    const ROW: &[&str] = &["cluster", "node", "pool"];
    let of = |desc| SCOPE.metric(desc).equal("kind", "scrub").now().max_by(ROW);
    Panel::new(
        Table::new(vec![
            Column::label("node", text("Node", "Nó")).width(75),
            Column::label("pool", same("Pool")),
            Column::value('A', text("Ended on", "Terminou em"), Unit::Timestamp).width(165),
            Column::value('B', text("Not repaired", "Sem reparo"), Unit::Count)
                .cell(Cell::Colored)
                .steps(Steps::none_is_good(Color::Red))
                .width(110),
        ])
        .rising(2),
        text("Last scrub", "Último scrub"),
        text(
            "When each ZFS pool was last scrubbed, the longest ago first, and the errors that it could not repair. Older than two months: zpool scrub POOL.",
            "Quando cada pool ZFS teve o último scrub, primeiro o mais antigo, e os erros que ele não reparou. Mais de dois meses: zpool scrub POOL.",
        ),
    )
    .ask(Target::rows(of(&SCRUB_END)))
    .ask(Target::rows(of(&SCRUB_ERRORS)))
    .field(|field| field.no_value(text("No pool was scrubbed yet.", "Nenhum pool teve scrub ainda.")))
}

/// Zones of the software-defined network that are not in order.
fn zones() -> Panel {
    let bad = SCOPE.metric(&resources::SDN).now().min_by(&["node", "zone"]).only("== 0");
    Panel::new(
        Table::new(vec![
            Column::label("node", text("Node", "Nó")).width(100),
            Column::label("zone", text("Zone", "Zona")),
        ])
        .rising(0),
        text("Network zones in trouble", "Zonas de rede com problema"),
        text(
            "Zones of the software-defined network that are in error on a node, or not applied there: Datacenter, SDN, Apply.",
            "Zonas da rede definida por software com erro em um nó, ou não aplicadas ali: Datacenter, SDN, Apply.",
        ),
    )
    .ask(Target::rows(bad.of_unit(Unit::Plain)))
    .field(|field| field.no_value(text("None.", "Nenhuma.")))
}

fn thin_table(rules: &Rules) -> Result<Panel, RuleError> {
    const ROW: &[&str] = &["cluster", "node", "vg", "lv"];
    let share = |used, size| {
        let (used, size) = (SCOPE.metric(used).now(), SCOPE.metric(size).now());
        Expr::compose(format!("{used} / ({size} > 0)"), Unit::Ratio, &[&used, &size]).max_by(ROW)
    };
    Ok(Panel::new(
        Table::new(vec![
            Column::label("node", text("Node", "Nó")).width(65),
            Column::label("lv", same("Thin pool")).width(80),
            Column::value('A', text("Data", "Dados"), Unit::Ratio)
                .cell(Cell::Bar)
                .steps(storage_steps(rules)?)
                .between(0.0, 1.0),
            Column::value('B', text("Metadata", "Metadados"), Unit::Ratio)
                .cell(Cell::Bar)
                .steps(steps(rules, "ThinPoolMetadataFilling")?)
                .between(0.0, 1.0),
        ])
        .falling(3),
        text("LVM thin pools", "Thin pools do LVM"),
        text(
            "LVM thin pools. One whose metadata are full stops its guests: lvextend --poolmetadatasize +1G.",
            "Thin pools do LVM. Um com metadados cheios para as VMs dele: lvextend --poolmetadatasize +1G.",
        ),
    )
    .ask(Target::rows(share(&lvmthin::USED, &lvmthin::SIZE)))
    .ask(Target::rows(share(&lvmthin::METADATA_USED, &lvmthin::METADATA_SIZE)))
    .field(|field| field.no_value(text("There is no thin pool.", "Não há thin pool."))))
}

fn faults() -> Panel {
    let errors = SCOPE.metric(&zfs::DEVICE_ERRORS).now().max_by(&["node", "pool", "device", "kind"]);
    Panel::new(
        TimeSeries::new().draw(Draw::Lines).legend(Legend::List),
        text("Errors of pools", "Erros dos pools"),
        text(
            "Reads, writes and checksums that failed, by disk, since they were last cleared. A line that rises: a cable, or a disk that begins to fail.",
            "Leituras, escritas e checksums que falharam, por disco, desde a última limpeza. Uma linha que sobe: um cabo, ou um disco que começa a falhar.",
        ),
    )
    .ask(Target::range(errors, same("{{node}} {{pool}} {{device}} {{kind}}")))
    .field(|field| field.min(0.0).no_value(text("There is no ZFS pool.", "Não há pool ZFS.")))
    .points(POINTS)
}

fn versions() -> Panel {
    let version = SCOPE.metric(&node::VERSION).now().max_by(&["node", "pveversion", "kernel", "cpu_model"]);
    Panel::new(
        Table::new(vec![
            Column::label("node", text("Node", "Nó")).width(85),
            Column::label("pveversion", text("Version", "Versão")).width(90),
            Column::label("kernel", same("Kernel")).width(150),
            Column::label("cpu_model", text("Processor", "Processador")),
        ])
        .rising(0),
        text("Versions", "Versões"),
        text(
            "What each node runs. Nodes of one cluster should not stay at different versions: update the others, too.",
            "O que cada nó roda. Nós de um cluster não devem ficar em versões diferentes: atualize os outros também.",
        ),
    )
    .ask(Target::rows(version.of_unit(Unit::Plain)))
}

fn service_table() -> Panel {
    let down = SCOPE.metric(&services::UP).now().min_by(&["node", "service"]).only("== 0");
    Panel::new(
        Table::new(vec![Column::label("node", text("Node", "Nó")).width(100), Column::label("service", text("Service", "Serviço"))])
            .rising(0),
        text("Services that are down", "Serviços fora do ar"),
        text(
            "Services of Proxmox VE that are enabled and do not run: systemctl status says why, systemctl restart mostly helps.",
            "Serviços do Proxmox VE ativados que não rodam: systemctl status diz por quê, systemctl restart em geral resolve.",
        ),
    )
    .ask(Target::rows(down.of_unit(Unit::Plain)))
    .field(|field| field.no_value(text("All of them run.", "Todos rodam.")))
}

fn certificate_table(rules: &Rules) -> Result<Panel, RuleError> {
    const ROW: &[&str] = &["node", "filename"];
    let days = |severity| Ok(rules.threshold("NodeCertificateExpires", severity)? / 86_400.0);
    let end = || SCOPE.metric(&certificates::NOT_AFTER).now().min_by(ROW);
    let left = end();
    let left = Expr::compose(format!("({left} - time()) / 86400"), Unit::Days, &[&left]);
    Ok(Panel::new(
        Table::new(vec![
            Column::label("node", text("Node", "Nó")).width(85),
            Column::label("filename", text("File", "Arquivo")),
            Column::value('A', text("Expires on", "Vence em"), Unit::Timestamp).width(165),
            Column::value('B', text("Days left", "Dias restantes"), Unit::Days)
                .cell(Cell::Colored)
                .steps(Steps::falling(days("warning")?, days("critical")?))
                .width(120),
        ])
        .rising(3),
        text("Certificates", "Certificados"),
        text(
            "Certificates of the nodes. Proxmox VE renews its own two weeks before the end; amber: it did not. pvecm updatecerts --force.",
            "Certificados dos nós. O Proxmox VE renova o próprio duas semanas antes; âmbar: não renovou. pvecm updatecerts --force.",
        ),
    )
    .ask(Target::rows(end()))
    .ask(Target::rows(left)))
}

fn updates() -> Panel {
    let packages = SCOPE.metric(&packages::INFO).now().max_by(&["node", "package", "installed", "available"]);
    Panel::new(
        Table::new(vec![
            Column::label("node", text("Node", "Nó")).width(85),
            Column::label("package", text("Package", "Pacote")),
            Column::label("installed", text("Installed", "Instalado")).width(100),
            Column::label("available", text("Available", "Disponível")).width(100),
        ])
        .rising(0),
        text("Updates", "Atualizações"),
        text(
            "Proxmox VE's own packages of which there is a newer version. Move the guests, apt full-upgrade, restart for a new kernel.",
            "Pacotes do próprio Proxmox VE com versão mais nova. Mova as VMs, apt full-upgrade, reinicie se o kernel for novo.",
        ),
    )
    .ask(Target::rows(packages.of_unit(Unit::Plain)))
    .field(|field| field.no_value(text("Everything is up to date.", "Tudo atualizado.")))
}
