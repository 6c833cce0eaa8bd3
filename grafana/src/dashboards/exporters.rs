//! farol itself: whether its exporters can be scraped, what they use, and what they turned away.

use kit::serve::tally;
use kit::{collector, own, sampler};
use probe_exporter::targets::metrics as schedule;

use super::overview::{some_is_good, up_words};
use super::process;
use crate::annotation::Annotation;
use crate::color::{Color, Mapping, Steps};
use crate::dashboard::{Band, Dashboard};
use crate::panel::{Cell, Column, Draw, Legend, Override, Panel, Stat, StateTimeline, Table, TimeSeries};
use crate::query::{Expr, RANGE, STEP, Scope, Selector, Target, foreign};
use crate::rules::{RuleError, Rules};
use crate::text::{Text, same, text};
use crate::unit::Unit;
use crate::variable::Variable;

const SCOPE: Scope = Scope { labels: &[] };

/// The dashboard.
pub(super) fn dashboard(rules: &Rules) -> Result<Dashboard, RuleError> {
    let series = || Selector::of(&own::BUILD);
    let restarts = SCOPE.metric(&own::START).over("changes", STEP);
    Ok(Dashboard {
        uid: super::EXPORTERS,
        title: same("farol"),
        description: text(
            "Whether farol itself works: its exporters, what they use, what they turned away, and whether their work goes on.",
            "Se o próprio farol funciona: os exporters, o que usam, o que recusaram, e se o trabalho deles continua.",
        ),
        variables: vec![Variable::datasource(), Variable::job(series()), Variable::instance(series())],
        annotations: vec![
            super::firing(super::alerts("firing", "critical|warning").like("job", "$job").now()),
            Annotation {
                name: text("Restarts", "Reinícios"),
                expr: process::named(SCOPE, restarts).only("> 0"),
                color: Color::Blue,
                title: text("{{name}} restarted", "{{name}} reiniciou"),
                body: same("{{instance}}"),
                on: true,
            },
        ],
        bands: vec![
            Band::new(3)
                .panel(1, down())
                .panel(1, reloads())
                .panel(1, refused())
                .panel(1, dropped())
                .panel(1, loops()),
            Band::new(6).panel(1, table()),
            Band::new(8).panel(1, memory()).panel(1, cpu()),
            Band::new(8).panel(1, scrapes(rules)?).panel(1, samples()),
            Band::new(8)
                .titled(text("Work", "Trabalho"))
                .panel(1, collectors())
                .panel(1, collector_times())
                .panel(1, samplers(rules)?),
            Band::new(8)
                .titled(text("Requests", "Requisições"))
                .panel(1, requests())
                .panel(1, refusals())
                .panel(1, files()),
        ],
        from: "now-6h",
    })
}

fn down() -> Panel {
    let up = || process::up(SCOPE);
    Panel::new(
        Stat::filled(),
        same("Exporters"),
        text(
            "Exporters that Prometheus cannot scrape, of those seen in the last day. See the process and its log, then the way from Prometheus to it.",
            "Exporters que o Prometheus não alcança, dos vistos no último dia. Veja o processo e o log dele, depois o caminho do Prometheus até ele.",
        ),
    )
    .ask(Target::instant(up().count_of("== 0"), text("down", "fora do ar")))
    .ask(Target::instant(up().count_of("== 1"), text("up", "no ar")))
    .field(|field| field.steps(Steps::none_is_good(Color::Red)))
    .look(Override::query('B').steps(&some_is_good()))
}

fn reloads() -> Panel {
    let good = SCOPE.metric(&tally::RELOAD_GOOD).now().min_by(process::EXPORTER);
    Panel::new(
        Stat::filled(),
        text("Refused configurations", "Configurações recusadas"),
        text(
            "Exporters whose last reload was refused: they work by the configuration before. `farol check` shows file, line and cause.",
            "Exporters cujo último reload foi recusado: trabalham com a configuração anterior. `farol check` mostra arquivo, linha e causa.",
        ),
    )
    .ask(Target::instant(good.count_of("== 0"), text("exporters", "exporters")))
    .field(|field| field.steps(Steps::none_is_good(Color::Amber)))
}

/// How much counters grew in what is shown.
fn grown(desc: &kit::Desc, title: Text, unit: Text, description: Text) -> Panel {
    let grown = SCOPE.metric(desc).increase(RANGE);
    let sum = Expr::compose(format!("round(sum({grown}))"), Unit::Count, &[&grown]);
    Panel::new(Stat::filled(), title, description)
        .ask(Target::instant(sum, unit))
        .field(|field| field.steps(Steps::none_is_good(Color::Amber)))
}

fn refused() -> Panel {
    grown(
        &tally::REFUSED,
        text("Refused requests", "Requisições recusadas"),
        text("in this time", "neste período"),
        text(
            "Requests and connections that a limit or rule turned away. See below which; raise the limit, or find out who asks so much.",
            "Requisições e conexões que um limite ou regra recusou. Veja abaixo qual; aumente o limite, ou descubra quem pede tanto.",
        ),
    )
}

fn dropped() -> Panel {
    grown(
        &tally::DROPPED,
        text("Dropped samples", "Amostras descartadas"),
        text("in this time", "neste período"),
        text(
            "Samples that were left out of a page since Prometheus would have refused all of it. This is a defect: the log names the metric, report it.",
            "Amostras deixadas fora da página porque o Prometheus recusaria a página toda. É um defeito: o log dá o nome da métrica, relate.",
        ),
    )
}

fn loops() -> Panel {
    grown(
        &sampler::RESTARTS,
        text("Restarted loops", "Laços reiniciados"),
        text("in this time", "neste período"),
        text(
            "Background loops that ended by themselves and were started again. The log says why.",
            "Laços em segundo plano que terminaram sozinhos e foram reiniciados. O log diz por quê.",
        ),
    )
}

fn table() -> Panel {
    let since = SCOPE.metric(&own::START).now().age().of_unit(Unit::Clock);
    let reloaded = SCOPE.metric(&tally::RELOAD_TIME).now().age().of_unit(Unit::Clock);
    let version = SCOPE.metric(&own::BUILD).now().max_by(&["job", "instance", "name", "version"]);
    let notices = SCOPE.metric(&tally::NOTICE).now().by("count", process::EXPORTER);
    let any = SCOPE.metric(&tally::RELOAD_GOOD).now().max_by(process::EXPORTER);
    let notices = Expr::compose(format!("{notices} or 0 * {any}"), Unit::Count, &[&notices, &any]);
    Panel::new(
        Table::new(vec![
            Column::label("name", same("Exporter")).width(180),
            Column::label("instance", text("Instance", "Instância")),
            Column::label("version", text("Version", "Versão")).width(90),
            Column::value('A', text("State", "Estado"), Unit::Plain)
                .cell(Cell::Colored)
                .mappings(&up_words())
                .width(110),
            Column::value('C', text("Running for", "Ligado há"), Unit::Clock).width(140),
            Column::value('D', text("Configuration read", "Configuração lida há"), Unit::Clock).width(190),
            Column::value('E', text("Notices", "Avisos"), Unit::Count).width(90),
            Column::value('F', text("Memory", "Memória"), Unit::Bytes).width(110),
            Column::value('G', text("CPU", "CPU"), Unit::Ratio).width(90),
        ])
        .rising(3),
        text("Exporters", "Exporters"),
        text(
            "Each exporter, those down first. Notices: what its configuration leaves open, which `farol check` tells in words.",
            "Cada exporter, primeiro os fora do ar. Avisos: o que a configuração deixa em aberto, que `farol check` explica.",
        ),
    )
    .ask(Target::rows(process::up(SCOPE)))
    .ask(Target::rows(version))
    .ask(Target::rows(process::named(SCOPE, since)))
    .ask(Target::rows(process::named(SCOPE, reloaded)))
    .ask(Target::rows(process::named(SCOPE, notices)))
    .ask(Target::rows(process::memory(SCOPE)))
    .ask(Target::rows(process::cpu(SCOPE)))
}

fn name() -> Text {
    same("{{name}} {{instance}}")
}

fn lines(title: Text, description: Text, expr: Expr) -> Panel {
    Panel::new(TimeSeries::new().legend(Legend::TableBelow), title, description)
        .ask(Target::range(expr, name()))
        .field(|field| field.min(0.0))
}

fn memory() -> Panel {
    lines(
        text("Memory", "Memória"),
        text(
            "Resident memory. It grows with the number of targets and then stands; a line that climbs for days is a leak, report it.",
            "Memória residente. Cresce com o número de alvos e depois fica; uma linha que sobe por dias é vazamento, relate.",
        ),
        process::memory(SCOPE),
    )
}

fn cpu() -> Panel {
    lines(
        text("CPU", "CPU"),
        text(
            "Processor time, 100% is one core. Above 50% for long: probe less often, or spread the targets over two exporters.",
            "Tempo de processador, 100% é um núcleo. Acima de 50% por muito tempo: verifique menos vezes, ou divida os alvos entre dois exporters.",
        ),
        process::cpu(SCOPE),
    )
}

/// As the alert has it: against the timeout where Prometheus tells it, else against the 10 s that are the default.
fn scrapes(rules: &Rules) -> Result<Panel, RuleError> {
    let limit = rules.threshold("ScrapeSlow", "warning")?;
    let took = SCOPE.metric(&foreign::SCRAPE_DURATION).now();
    let timeout = SCOPE.metric(&foreign::SCRAPE_TIMEOUT).now();
    let share = format!("{took} / ({timeout} or {took} * 0 + 10)");
    let share = Expr::compose(share, Unit::FineRatio, &[&took, &timeout]);
    Ok(Panel::new(
        TimeSeries::new().legend(Legend::TableBelow).logarithmic().limits(),
        text("Scrape time, of its limit", "Tempo da coleta, do limite"),
        text(
            "How much of the time that it would wait Prometheus waited for each page. Above the line: see which collector is slow, then raise scrape_timeout; past 100% everything of the exporter is lost at once.",
            "Quanto do tempo que esperaria o Prometheus esperou por cada página. Acima da linha: veja qual coletor está lento e depois aumente scrape_timeout; passando de 100% tudo do exporter se perde de uma vez.",
        ),
    )
    .ask(Target::range(process::named(SCOPE, share), name()))
    .field(|field| field.limits(Steps::rising(Some(limit), None))))
}

fn samples() -> Panel {
    lines(
        text("Samples", "Amostras"),
        text(
            "How many samples each page brought. A jump that nobody made in the configuration: look for a label with many values.",
            "Quantas amostras cada página trouxe. Um salto que ninguém fez na configuração: procure um label com muitos valores.",
        ),
        process::scrape(SCOPE, &foreign::SCRAPE_SAMPLES),
    )
}

fn collectors() -> Panel {
    let words = [
        Mapping::new(1, text("complete", "completo"), Color::Green),
        Mapping::new(0, text("incomplete", "incompleto"), Color::Red),
    ];
    let success = SCOPE.metric(&collector::SUCCESS).now().min_by(&["job", "instance", "collector"]);
    Panel::new(
        StateTimeline { rows: 12 },
        text("Collectors", "Coletores"),
        text(
            "Whether each collector delivered everything. Incomplete: the log says what was not there.",
            "Se cada coletor entregou tudo. Incompleto: o log diz o que faltou.",
        ),
    )
    .ask(Target::range(
        Expr::compose(success.to_string(), Unit::Plain, &[&success]),
        same("{{collector}} {{instance}}"),
    ))
    .field(|field| field.mappings(&words).steps(Steps::always(Color::Grey)))
    .points(240)
}

fn collector_times() -> Panel {
    let took = SCOPE.metric(&collector::DURATION).now().max_by(&["job", "instance", "collector"]);
    Panel::new(
        TimeSeries::new(),
        text("Collector time", "Tempo dos coletores"),
        text(
            "How long each collector took at a scrape. One that nears the scrape's limit: see what it asks, and how slow that answers.",
            "Quanto cada coletor demorou em uma coleta. Um que chega perto do limite da coleta: veja o que ele consulta e quão lento aquilo responde.",
        ),
    )
    .ask(Target::range(took, same("{{collector}} {{instance}}")))
    .field(|field| field.min(0.0))
}

fn samplers(rules: &Rules) -> Result<Panel, RuleError> {
    let limit = rules.threshold("SamplerStuck", "critical")?;
    let last = SCOPE.metric(&sampler::LAST_SUCCESS).now().max_by(&["job", "instance", "sampler"]);
    // A round is the shortest interval of the sampler's targets, one minute at least; so the alert has it.
    let interval = SCOPE.metric(&schedule::INTERVAL).now().min_by(process::EXPORTER);
    let up = SCOPE.metric(&foreign::UP).now().max_by(process::EXPORTER);
    let rounds = format!(
        "(time() - {last}) / on (job, instance) group_left () (clamp_min({interval}, 60) or 60 * ({up} == 1))"
    );
    let rounds = Expr::compose(rounds, Unit::Count, &[&last, &interval, &up]);
    Ok(Panel::new(
        TimeSeries::new().limits().reaching(limit * 1.2),
        text("Rounds behind", "Rodadas de atraso"),
        text(
            "How many rounds ago each background loop last finished one. Above the line the loop is stuck and what it shows is old: restart the exporter and report it with the log.",
            "Há quantas rodadas cada laço em segundo plano terminou a última. Acima da linha o laço travou e o que ele mostra é velho: reinicie o exporter e relate com o log.",
        ),
    )
    .ask(Target::range(rounds, same("{{sampler}} {{instance}}")))
    .field(|field| field.min(0.0).limits(Steps::rising(None, Some(limit)))))
}

fn requests() -> Panel {
    let answered = SCOPE.metric(&tally::REQUESTS).increase(STEP).sum_by(&["path", "code"]).only("> 0");
    Panel::new(
        TimeSeries::new().draw(Draw::Bars),
        text("Requests", "Requisições"),
        text(
            "Requests answered, by endpoint and status. 401 and 403: somebody lacks a login or a permission. 5xx: see the log.",
            "Requisições respondidas, por endereço e status. 401 e 403: falta login ou permissão a alguém. 5xx: veja o log.",
        ),
    )
    .ask(Target::range(answered, same("{{path}} {{code}}")))
    .field(|field| field.min(0.0))
}

fn refusals() -> Panel {
    let refused = SCOPE.metric(&tally::REFUSED).increase(STEP).sum_by(&["reason"]).only("> 0");
    let unknown = SCOPE.metric(&tally::UNKNOWN_MODULE).increase(STEP).sum_by(&[]).only("> 0");
    Panel::new(
        TimeSeries::new().draw(Draw::Bars),
        text("Refusals", "Recusas"),
        text(
            "What was turned away, by the limit or rule that did it, and probes by a module that the configuration does not have.",
            "O que foi recusado, pelo limite ou regra que recusou, e verificações por um módulo que a configuração não tem.",
        ),
    )
    .ask(Target::range(refused, same("{{reason}}")))
    .ask(Target::range(unknown, text("unknown module", "módulo inexistente")))
    .field(|field| field.min(0.0).no_value(text("Nothing was refused.", "Nada foi recusado.")))
}

fn files() -> Panel {
    let open = SCOPE.metric(&own::OPEN_FILES).now();
    let most = SCOPE.metric(&own::MOST_FILES).now();
    let share = Expr::compose(format!("{open} / {most}"), Unit::Ratio, &[&open, &most]);
    lines(
        text("Open files", "Arquivos abertos"),
        text(
            "Open file descriptors, of those allowed. Near 100% connections fail: raise LimitNOFILE, and report what opens so many.",
            "Descritores de arquivo abertos, dos permitidos. Perto de 100% as conexões falham: aumente LimitNOFILE e relate o que abre tantos.",
        ),
        process::named(SCOPE, share),
    )
}
