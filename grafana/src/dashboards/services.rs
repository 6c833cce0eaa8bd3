//! What is probed: for each service its states, uptime, times, failures and certificate.

use kit::prober;
use probe_exporter::{certificates, dns, http, icmp, targets::metrics as schedule, tcp};

use super::overview::{budget_steps, life_steps, some_is_good};
use super::{causes, probes};
use crate::color::{Color, Mapping, Steps};
use crate::dashboard::{Band, Dashboard};
use crate::link::DataLink;
use crate::panel::{
    BarGauge, Cell, Column, Draw, Heatmap, Legend, Override, Panel, Stat, StateTimeline, StatusHistory,
    Table, TimeSeries,
};
use crate::query::{Expr, RANGE, STEP, Scope, Selector, Target, foreign};
use crate::rules::{RuleError, Rules};
use crate::text::{same, text};
use crate::unit::Unit;
use crate::variable::Variable;

const SCOPE: Scope = Scope { labels: &["target"] };

/// Points of the panels that read every probe of the selection: five minutes of a day each, a bar or a cell of some pixels. Two
/// hundred services are read in half the time that a point for each pixel takes, and what is shown is the mean, or the worst, of
/// its step all the same.
const POINTS: u16 = 240;

/// The dashboard.
pub(super) fn dashboard(rules: &Rules) -> Result<Dashboard, RuleError> {
    let series = || Selector::of(&schedule::ATTEMPTS);
    Ok(Dashboard {
        uid: super::SERVICES,
        title: text("Services", "Serviços"),
        description: text(
            "Which services work, which do not and why, how fast they are, and how much of their objective is left.",
            "Quais serviços funcionam, quais não e por quê, quão rápidos são, e quanto resta da meta de cada um.",
        ),
        variables: vec![
            Variable::datasource(),
            Variable::job(series()),
            Variable::instance(series()),
            Variable::label(
                "target",
                text("Service", "Serviço"),
                series().like("job", "$job").like("instance", "$instance"),
            ),
        ],
        annotations: vec![super::firing(
            super::alerts("firing", "critical|warning").like("target", "$target").now(),
        )],
        bands: vec![
            Band::new(3)
                .panel(5, down())
                .panel(3, uptime("24 h", probes::uptime_of_day(SCOPE)))
                .panel(3, uptime("7 d", probes::uptime_of(SCOPE, 7)))
                .panel(3, uptime("30 d", probes::uptime_of(SCOPE, 30)))
                .panel(4, budget())
                .panel(6, certificate(rules)?),
            Band::new(9).panel(1, states()),
            Band::new(9).panel(3, table()).panel(2, reasons()),
            Band::new(9).titled(text("Speed", "Velocidade")).panel(1, durations()).panel(1, heatmap()),
            Band::new(8).panel(1, phases()).panel(1, failures()),
            Band::new(8)
                .titled(text("Answers and certificates", "Respostas e certificados"))
                .panel(1, statuses())
                .panel(1, certificates_table(rules)?),
        ],
        from: "now-24h",
    })
}

fn down() -> Panel {
    let success = || probes::success(SCOPE).now().min_by(probes::SERVICE);
    Panel::new(
        Stat::filled(),
        text("State", "Estado"),
        text(
            "Services of the selection whose last probe failed. The bars below say why.",
            "Serviços da seleção cuja última verificação falhou. As barras abaixo dizem por quê.",
        ),
    )
    .ask(Target::instant(success().count_of("== 0"), text("down", "fora do ar")))
    .ask(Target::instant(success().count_of("== 1"), causes::works()))
    .field(|field| field.steps(Steps::none_is_good(Color::Red)))
    .look(Override::query('B').steps(&some_is_good()))
}

/// The least uptime of the selection, with the name of the service.
fn uptime(window: &'static str, uptime: Expr) -> Panel {
    let least = Expr::compose(format!("bottomk(1, {uptime})"), Unit::FineRatio, &[&uptime]);
    Panel::new(
        Stat::plain(),
        text(format!("Uptime {window}"), format!("Disponibilidade {window}")),
        text(
            "The least uptime of the selection: probes that worked, of all. Choose a service to see its own.",
            "A menor disponibilidade da seleção: verificações que deram certo, do total. Escolha um serviço para ver a dele.",
        ),
    )
    .ask(Target::instant(least, same("{{target}}")))
    .field(|field| field.steps(Steps::always(Color::Blue)))
}

fn budget() -> Panel {
    let left = probes::budget_left(SCOPE);
    let least = Expr::compose(format!("bottomk(1, {left})"), Unit::Ratio, &[&left]);
    Panel::new(
        Stat::plain(),
        text("Budget left", "Saldo do mês"),
        text(
            "What is left of the failures that the objective allows in 30 days; the least of the selection. Below 0 the objective is missed: change nothing there that is not a repair.",
            "O que resta das falhas que a meta permite em 30 dias; o menor da seleção. Abaixo de 0 a meta foi perdida: não mude nada ali que não seja conserto.",
        ),
    )
    .ask(Target::instant(least, same("{{target}}")))
    .field(|field| field.steps(budget_steps()))
}

fn certificate(rules: &Rules) -> Result<Panel, RuleError> {
    let (left, life) = (probes::certificate_left(SCOPE), probes::certificate_life(SCOPE));
    let first = Expr::compose(format!("bottomk(1, {left})"), Unit::Days, &[&left]);
    let least = Expr::compose(format!("min({life})"), Unit::Ratio, &[&life]);
    Ok(Panel::new(
        Stat::plain(),
        text("Certificate", "Certificado"),
        text(
            "The first certificate of the selection to expire, and the least share of life that one has left. Amber: the renewal is overdue. Red: renew it by hand today.",
            "O primeiro certificado da seleção a vencer, e a menor parte da vida que resta a um deles. Âmbar: a renovação está atrasada. Vermelho: renove à mão hoje.",
        ),
    )
    .ask(Target::instant(first, same("{{target}}")))
    .ask(Target::instant(least, text("of its life left", "da vida restante")))
    .field(|field| field.steps(Steps::always(Color::Blue)))
    .look(Override::query('B').steps(&life_steps(rules)?)))
}

fn states() -> Panel {
    Panel::new(
        StateTimeline { rows: 14 },
        text("States", "Estados"),
        text(
            "The state of each service. The words in a bar say why it failed; grey is time without a probe. Choose a service to see it alone.",
            "O estado de cada serviço. As palavras na barra dizem por que falhou; cinza é tempo sem verificação. Escolha um serviço para ver só ele.",
        ),
    )
    .ask(Target::range(probes::state(SCOPE), same("{{target}}")))
    .field(|field| field.mappings(&causes::states()).steps(Steps::always(Color::Grey)).link(this()))
    .points(POINTS)
    .step(probes::STATE_STEP)
}

fn this() -> DataLink {
    DataLink::to(super::SERVICES, text("Only this service", "Só este serviço")).label("target").keep("job")
}

fn table() -> Panel {
    let link = DataLink::to(super::SERVICES, text("Only this service", "Só este serviço"))
        .column("target")
        .keep("job");
    let now = probes::success(SCOPE).now().min_by(probes::SERVICE);
    Panel::new(
        Table::new(vec![
            Column::label("target", text("Service", "Serviço")).link(link),
            Column::value('A', text("Now", "Agora"), Unit::Plain)
                .cell(Cell::Colored)
                .mappings(&super::overview::up_words())
                .width(90),
            Column::value('B', text("24 h", "24 h"), Unit::FineRatio).width(85),
            Column::value('C', text("7 d", "7 d"), Unit::FineRatio).width(85),
            Column::value('D', text("30 d", "30 d"), Unit::FineRatio).width(85),
            Column::value('E', text("Objective", "Meta"), Unit::FineRatio).width(85),
            Column::value('F', text("Budget left", "Saldo do mês"), Unit::Ratio)
                .cell(Cell::Bar)
                .steps(budget_steps())
                .between(0.0, 1.0),
        ])
        .rising(4),
        text("Uptime and objective", "Disponibilidade e meta"),
        text(
            "Probes that worked, of all, by counters: time without a probe counts for nobody. Without a budget, change nothing there that is not a repair.",
            "Verificações que deram certo, do total, por contadores: tempo sem verificação não conta para ninguém. Sem saldo, não mude nada ali que não seja conserto.",
        ),
    )
    .ask(Target::rows(now))
    .ask(Target::rows(probes::uptime_of_day(SCOPE)))
    .ask(Target::rows(probes::uptime_of(SCOPE, 7)))
    .ask(Target::rows(probes::uptime_of(SCOPE, 30)))
    .ask(Target::rows(probes::objective(SCOPE)))
    .ask(Target::rows(probes::budget_left(SCOPE)))
}

/// Time in failure by reason: minutes at which the last verdict was that one. The counter by reason would miss each reason's first
/// failure, with which it appears.
fn reasons() -> Panel {
    let failing = SCOPE.scheduled(&prober::FAILURE).now().max_by(&["job", "target", "reason"]);
    let words = Selector::recorded(&foreign::REASON_WORDS).now();
    let named = format!(
        "60 * sum by (reason) (count_over_time({failing}[{RANGE}:1m])) * on (reason) group_left (cause, cause_pt) {words}"
    );
    let named = causes::without_seconds(named);
    Panel::new(
        BarGauge,
        text("Time in failure by reason", "Tempo em falha por motivo"),
        text(
            "How long services of the selection failed for each reason, in what is shown; two that fail at once count twice. The longest bar is what to mend first.",
            "Quanto tempo serviços da seleção falharam por cada motivo, no período mostrado; dois que falham juntos contam dobrado. A barra mais longa é o que consertar primeiro.",
        ),
    )
    .ask(Target::instant(
        Expr::compose(format!("sort_desc({named})"), Unit::Clock, &[&failing, &words]),
        text("{{cause}}", "{{cause_pt}}"),
    ))
    .field(|field| {
        field
            .steps(Steps::always(Color::Red))
            .min(0.0)
            .no_value(text("No failure in this time.", "Nenhuma falha neste período."))
    })
}

fn durations() -> Panel {
    let (took, end) = (probes::duration(SCOPE), probes::duration_at_end(SCOPE));
    let slowest =
        Expr::compose(format!("{took} and on (job, target) topk(10, {end})"), took.unit(), &[&took, &end]);
    Panel::new(
        TimeSeries::new().legend(Legend::Table).logarithmic(),
        text("Slowest services", "Serviços mais lentos"),
        text(
            "How long the probes of the ten slowest services of the selection took, where they worked. A step upwards that stays: see below which phase grew.",
            "Quanto demoraram as verificações dos dez serviços mais lentos da seleção, quando deram certo. Um degrau para cima que fica: veja abaixo qual fase cresceu.",
        ),
    )
    .ask(Target::range(slowest, same("{{target}}")))
    .field(|field| field.link(this()))
    .points(POINTS)
}

fn heatmap() -> Panel {
    let buckets = SCOPE.buckets(&schedule::ATTEMPT_DURATION).increase(STEP).sum_by(&["le"]);
    Panel::new(
        Heatmap { bounds: Unit::Seconds },
        text("Times of all probes", "Tempos de todas as verificações"),
        text(
            "How many probes of the selection took how long, failed ones included. A second band above the usual one: some answers are slow, see which service in the panel beside.",
            "Quantas verificações da seleção demoraram quanto, com as que falharam. Uma segunda faixa acima da usual: algumas respostas são lentas, veja de qual serviço no painel ao lado.",
        ),
    )
    .ask(Target::buckets(buckets))
    .points(POINTS)
}

/// The phases of every kind of probe.
fn phases() -> Panel {
    let kinds = [&http::metrics::DURATION, &tcp::metrics::DURATION, &dns::DURATION, &icmp::DURATION];
    let all: Vec<Expr> =
        kinds.into_iter().map(|desc| SCOPE.scheduled(desc).over("avg_over_time", STEP)).collect();
    let texts: Vec<String> = all.iter().map(ToString::to_string).collect();
    let parts: Vec<&Expr> = all.iter().collect();
    let all = probes::good(SCOPE, Expr::compose(texts.join(" or "), Unit::Seconds, &parts));
    let phases = Expr::compose(format!("avg by (phase) ({all})"), Unit::Seconds, &[&all]);
    Panel::new(
        TimeSeries::new().draw(Draw::Areas).legend(Legend::Table),
        text("Phases", "Fases"),
        text(
            "What the time of a probe that worked is made of, on average over the selection. resolve: look at the name servers; connect: at the network; tls: at the server's load; processing: at the application.",
            "De que é feito o tempo de uma verificação que deu certo, na média da seleção. resolve: veja os servidores DNS; connect: a rede; tls: a carga do servidor; processing: a aplicação.",
        ),
    )
    .ask(Target::range(phases, same("{{phase}}")))
    .field(|field| field.min(0.0))
    .points(POINTS)
}

fn failures() -> Panel {
    let failed = SCOPE.metric(&schedule::FAILURES).increase(STEP).sum_by(probes::SERVICE).only("> 0");
    let skipped = SCOPE.metric(&schedule::SKIPPED).increase(STEP).sum_by(&["job"]).only("> 0");
    Panel::new(
        TimeSeries::new().draw(Draw::Bars).legend(Legend::Table),
        text("Failed and skipped probes", "Verificações com falha e puladas"),
        text(
            "Probes that failed, by service, and rounds that were skipped since the last probe was not over. Skipped rounds: raise the interval or lower the timeout.",
            "Verificações que falharam, por serviço, e rodadas puladas porque a anterior não tinha acabado. Rodadas puladas: aumente o intervalo ou reduza o timeout.",
        ),
    )
    .ask(Target::range(failed, same("{{target}}")))
    .ask(Target::range(skipped, text("skipped", "puladas")))
    .field(|field| field.min(0.0).no_value(text("No failure in this time.", "Nenhuma falha neste período.")))
}

/// The status of answers. A 4xx is no fault by itself: a module may ask for it, as for a registry's 401.
fn statuses() -> Panel {
    // Of each step no answer at all, or else the highest: no 502 falls between two points.
    let status = |function| SCOPE.scheduled(&http::metrics::STATUS_CODE).over(function, "$__interval");
    let (none, highest) = (status("min_over_time").only("== 0"), status("max_over_time"));
    let worst =
        Expr::compose(format!("min by (job, target) ({none} or {highest})"), Unit::Plain, &[&none, &highest]);
    let classes = Steps::new(&[
        (0.0, Color::Red),
        (100.0, Color::Blue),
        (200.0, Color::Green),
        (300.0, Color::Blue),
        (500.0, Color::Red),
    ]);
    Panel::new(
        StatusHistory { rows: 12 },
        text("HTTP status", "Status HTTP"),
        text(
            "The status of the last answer of web services; 0 is no answer. 5xx: the proxy works, the application does not. 4xx: whether that is right is the module's choice; if not, see the address and the login.",
            "O status da última resposta dos serviços web; 0 é sem resposta. 5xx: o proxy funciona, a aplicação não. 4xx: se está certo é escolha do módulo; se não, veja o endereço e o login.",
        ),
    )
    .ask(Target::range(worst, same("{{target}}")))
    .field(|field| field.steps(classes).mappings(&[Mapping::new(0, text("none", "nenhum"), Color::Red)]))
    .points(24)
}

fn certificates_table(rules: &Rules) -> Result<Panel, RuleError> {
    let verified = SCOPE.scheduled(&certificates::VERIFIED).now().min_by(probes::SERVICE);
    let words = [
        Mapping::new(1, text("valid", "válido"), Color::Green),
        Mapping::new(0, text("not trusted", "não confiável"), Color::Red),
    ];
    let expiry = SCOPE.scheduled(&certificates::EARLIEST_EXPIRY).now().min_by(probes::SERVICE);
    Ok(Panel::new(
        Table::new(vec![
            Column::label("target", text("Service", "Serviço")).link(certificate_link()),
            Column::value('A', text("Check", "Validação"), Unit::Plain)
                .cell(Cell::Colored)
                .mappings(&words)
                .width(110),
            Column::value('B', text("Expires", "Vence em"), Unit::Timestamp).width(170),
            Column::value('C', text("Days left", "Dias restantes"), Unit::Days).width(130),
            Column::value('D', text("Life left", "Vida restante"), Unit::Ratio)
                .cell(Cell::Bar)
                .steps(life_steps(rules)?)
                .between(0.0, 1.0),
        ])
        .rising(4),
        text("Certificates", "Certificados"),
        text(
            "What each server presents. Not trusted: the chain, the name or the dates are wrong; see the reason of the failure. Amber: the renewal is overdue. Red: renew it by hand today.",
            "O que cada servidor apresenta. Não confiável: a cadeia, o nome ou as datas estão errados; veja o motivo da falha. Âmbar: a renovação está atrasada. Vermelho: renove à mão hoje.",
        ),
    )
    .ask(Target::rows(verified))
    .ask(Target::rows(Expr::compose(expiry.to_string(), Unit::Timestamp, &[&expiry])))
    .ask(Target::rows(probes::certificate_left(SCOPE)))
    .ask(Target::rows(probes::certificate_life(SCOPE))))
}

/// To what is known of the certificate beyond this: a certificate of a server has the name of its target.
fn certificate_link() -> DataLink {
    DataLink::to(super::CERTIFICATES, text("This certificate", "Este certificado"))
        .column_as("target", "name")
}
