//! The tiles of what is probed, and of farol itself.

use crate::color::{Color, Mapping, Steps};
use crate::dashboards::{CERTIFICATES, EXPORTERS, SERVICES, causes, probes, process, tls};
use crate::link::DataLink;
use crate::panel::{Cell, Column, Legend, Override, Panel, Stat, StateTimeline, Table, TimeSeries};
use crate::query::{Expr, Target, foreign};
use crate::rules::{RuleError, Rules};
use crate::text::{Text, same, text};
use crate::unit::Unit;

use super::SCOPE;

/// At how many points at most what is drawn over time is asked for: a day in steps of five minutes. Every service is read
/// for it at each, whoever is shown, so that twice as many take twice as long.
const POINTS: u16 = 240;
/// How many services a timeline shows.
const ROWS: u16 = 10;
/// How many rows a list of the worst has.
pub(super) const WORST: u16 = 5;

/// Alerts that fire: none is green only while the rules are evaluated at all, which the alert that always fires shows.
pub(super) fn problems(_: &Rules) -> Result<Panel, RuleError> {
    let firing = |severity| {
        let firing = crate::dashboards::alerts("firing", severity).now();
        let alive = crate::query::Selector::recorded(&foreign::ALERTS).equal("alertname", "Watchdog").now();
        Expr::compose(format!("count({firing}) or 0 * count({alive})"), Unit::Count, &[&firing, &alive])
    };
    Ok(Panel::new(
        Stat::filled(),
        text("Problems", "Problemas"),
        text(
            "Alerts that fire now. Read the list below, top to bottom. Grey: Prometheus does not evaluate farol's rules; see its page of rules.",
            "Alertas disparados agora. Leia a lista abaixo, de cima para baixo. Cinza: o Prometheus não avalia as regras do farol; veja a página de regras dele.",
        ),
    )
    .ask(Target::instant(firing("critical"), text("critical", "críticos")))
    .ask(Target::instant(firing("warning"), text("warnings", "avisos")))
    .field(|field| field.steps(Steps::none_is_good(Color::Red)).link(alert_list()))
    .look(Override::query('B').steps(&Steps::none_is_good(Color::Amber))))
}

fn alert_list() -> DataLink {
    DataLink::path(text("All alerts", "Todos os alertas"), "/alerting/list?dataSource=Prometheus")
}

/// How many services are down, of how many.
pub(super) fn services(_: &Rules) -> Result<Panel, RuleError> {
    let success = || probes::success(SCOPE).now().min_by(probes::SERVICE);
    Ok(Panel::new(
        Stat::filled(),
        text("Services", "Serviços"),
        text(
            "Services whose last probe failed. Open the dashboard of services to see which and why. Grey: no exporter probes anything.",
            "Serviços cuja última verificação falhou. Abra o dashboard de serviços para ver quais e por quê. Cinza: nenhum exporter verifica nada.",
        ),
    )
    .ask(Target::instant(success().count_of("== 0"), text("down", "fora do ar")))
    .ask(Target::instant(success().count_of("== 1"), causes::works()))
    .field(|field| field.steps(Steps::none_is_good(Color::Red)).link(to_services()))
    .look(Override::query('B').steps(&some_is_good())))
}

/// How many work: at least one should.
pub(in crate::dashboards) fn some_is_good() -> Steps {
    Steps::new(&[(0.0, Color::Red), (1.0, Color::Green)])
}

fn to_services() -> DataLink {
    DataLink::to(SERVICES, text("Services", "Serviços")).keep("job").keep("instance")
}

/// The certificates whose renewal is overdue, and the one that expires first.
pub(super) fn certificates(rules: &Rules) -> Result<Panel, RuleError> {
    let (overdue, _) = tls::limits(rules)?;
    let left = tls::days_left(SCOPE);
    let least = Expr::compose(format!("min({left})"), Unit::Days, &[&left]);
    Ok(Panel::new(
        Stat::filled(),
        text("Certificates", "Certificados"),
        text(
            "Certificates that should have been renewed already, and the days until the first one expires. Renew it, then reload the server that serves it.",
            "Certificados que já deviam ter sido renovados, e os dias até o primeiro vencer. Renove e depois recarregue o servidor que o entrega.",
        ),
    )
    .ask(Target::instant(tls::used(SCOPE).count_of(&format!("> {overdue}")), text("overdue", "atrasados")))
    .ask(Target::instant(least, text("next in", "próximo em")))
    .field(|field| field.steps(Steps::none_is_good(Color::Amber)).link(to_certificates()))
    .look(Override::query('B').steps(&Steps::falling(f64::MIN_POSITIVE, 0.0))))
}

fn to_certificates() -> DataLink {
    DataLink::to(CERTIFICATES, text("Certificates", "Certificados"))
}

/// How many exporters cannot be scraped, of how many.
pub(super) fn exporters(_: &Rules) -> Result<Panel, RuleError> {
    let up = || process::up(SCOPE);
    Ok(Panel::new(
        Stat::filled(),
        same("farol"),
        text(
            "Exporters that Prometheus cannot scrape, of those seen in the last day. What they watch is not known: see to them first.",
            "Exporters que o Prometheus não alcança, dos vistos no último dia. O que eles vigiam está sem informação: cuide deles primeiro.",
        ),
    )
    .ask(Target::instant(up().count_of("== 0"), text("down", "fora do ar")))
    .ask(Target::instant(up().count_of("== 1"), causes::works()))
    .field(|field| {
        field
            .steps(Steps::none_is_good(Color::Red))
            .link(DataLink::to(EXPORTERS, same("farol")).keep("job").keep("instance"))
    })
    .look(Override::query('B').steps(&some_is_good())))
}

fn to_service() -> DataLink {
    DataLink::to(SERVICES, text("This service", "Este serviço")).label("target").label("job")
}

/// The slowest services over time.
pub(super) fn durations(_: &Rules) -> Result<Panel, RuleError> {
    let (took, end) = (probes::duration(SCOPE), probes::duration_at_end(SCOPE));
    let slowest =
        Expr::compose(format!("{took} and on (job, target) topk(6, {end})"), took.unit(), &[&took, &end]);
    Ok(Panel::new(
        TimeSeries::new().legend(Legend::Table).logarithmic(),
        text("Slowest services", "Serviços mais lentos"),
        text(
            "How long the probes of the six slowest services took, where they worked. A step upwards that stays: see on the dashboard of services which phase grew.",
            "Quanto demoraram as verificações dos seis serviços mais lentos, quando deram certo. Um degrau para cima que fica: veja no dashboard de serviços qual fase cresceu.",
        ),
    )
    .ask(Target::range(slowest, same("{{target}}")))
    .field(|field| field.link(to_service()))
    .points(POINTS))
}

/// The states of services, those that are down first, then those with the least uptime.
pub(super) fn states(_: &Rules) -> Result<Panel, RuleError> {
    let success = probes::success(SCOPE).at_end().min_by(probes::SERVICE);
    let uptime = probes::uptime(SCOPE).min_by(probes::SERVICE);
    let state = probes::state(SCOPE);
    let parts = [&success, &uptime, &state];
    let down = format!("{state} and on (job, target) ({success} == 0)");
    let rest = format!(
        "{state} unless on (job, target) ({success} == 0) and on (job, target) bottomk({ROWS}, {uptime})"
    );
    Ok(Panel::new(
        StateTimeline { rows: ROWS },
        text("States of services", "Estados dos serviços"),
        text(
            "States of the services: those down now first, then those with the least uptime of the day. The words in a bar say why it failed. A click leads to the service.",
            "Estados dos serviços: primeiro os que estão fora do ar, depois os de menor disponibilidade no dia. As palavras na barra dizem por que falhou. Um clique leva ao serviço.",
        ),
    )
    .ask(Target::range(Expr::compose(down, Unit::Plain, &parts), same("{{target}}")))
    .ask(Target::range(Expr::compose(rest, Unit::Plain, &parts), same("{{target}}")))
    .field(|field| field.mappings(&causes::states()).steps(Steps::always(Color::Grey)).link(to_service()))
    .points(POINTS)
    .step(probes::STATE_STEP))
}

fn service() -> Column {
    let link = DataLink::to(SERVICES, text("This service", "Este serviço")).column("target");
    Column::label("target", text("Service", "Serviço")).link(link)
}

/// The least uptime of 30 days, and what is left of the objective.
pub(super) fn uptimes(_: &Rules) -> Result<Panel, RuleError> {
    Ok(Panel::new(
        Table::new(vec![
            service(),
            Column::value('A', text("24 h", "24 h"), Unit::FineRatio).width(80),
            Column::value('B', text("30 d", "30 d"), Unit::FineRatio).width(80),
            Column::value('C', text("Budget left", "Saldo do mês"), Unit::Ratio)
                .cell(Cell::Bar)
                .steps(budget_steps())
                .between(0.0, 1.0),
        ])
        .rising(2)
        .limit(WORST),
        text("Least uptime", "Menor disponibilidade"),
        text(
            "Services with the least uptime of 30 days, and what is left of the failures that their objective allows. Without a budget, change nothing there that is not a repair.",
            "Serviços com a menor disponibilidade em 30 dias, e o que resta das falhas que a meta permite. Sem saldo, não mude nada ali que não seja conserto.",
        ),
    )
    .ask(Target::rows(probes::uptime_of_day(SCOPE)))
    .ask(Target::rows(probes::uptime_of(SCOPE, 30)))
    .ask(Target::rows(probes::budget_left(SCOPE))))
}

/// Green while there is budget, amber when less than a quarter is left, red when there is none.
pub(in crate::dashboards) fn budget_steps() -> Steps {
    Steps::falling(0.25, 0.0)
}

/// The certificates that are most overdue, or due next.
pub(super) fn expiries(rules: &Rules) -> Result<Panel, RuleError> {
    const NAME: &[&str] = &["name"];
    let link = DataLink::to(CERTIFICATES, text("This certificate", "Este certificado")).column("name");
    Ok(Panel::new(
        Table::new(vec![
            Column::label("name", text("Certificate", "Certificado")).link(link),
            Column::value('A', text("Days left", "Dias restantes"), Unit::Days).width(130),
            Column::value('B', text("Time to renew used", "Prazo gasto"), Unit::Ratio)
                .cell(Cell::Bar)
                .steps(tls::used_steps(rules)?)
                .between(0.0, 1.0),
        ])
        .falling(2)
        .limit(WORST),
        text("Next certificates", "Próximos certificados"),
        text(
            "The certificates that are due first, with how much of the time to renew them in is used up; 0% is not due yet. Amber: the renewal is overdue, see why it failed. Red: renew it by hand today.",
            "Os certificados que vencem o prazo primeiro, e quanto do prazo para renovar já foi gasto; 0% ainda não chegou a hora. Âmbar: a renovação está atrasada, veja por que falhou. Vermelho: renove à mão hoje.",
        ),
    )
    .ask(Target::rows(tls::days_left(SCOPE).min_by(NAME)))
    .ask(Target::rows(tls::used_shown(SCOPE).max_by(NAME))))
}

/// As the alerts on certificates have it.
pub(in crate::dashboards) fn life_steps(rules: &Rules) -> Result<Steps, RuleError> {
    let (amber, red) = probes::life_limits(rules)?;
    Ok(Steps::falling(amber, red))
}

/// What an exporter's state is called.
pub(in crate::dashboards) fn up_words() -> [Mapping; 2] {
    let word = |value, text: Text, color| Mapping::new(value, text, color);
    [word(1, causes::works(), Color::Green), word(0, text("down", "fora do ar"), Color::Red)]
}

/// The exporters.
pub(super) fn processes(_: &Rules) -> Result<Panel, RuleError> {
    let link = DataLink::to(EXPORTERS, same("farol")).column("instance");
    Ok(Panel::new(
        Table::new(vec![
            Column::label("name", same("Exporter")).link(link).width(145),
            Column::label("instance", text("Instance", "Instância")).width(125),
            Column::value('A', text("State", "Estado"), Unit::Plain)
                .cell(Cell::Colored)
                .mappings(&up_words())
                .width(80),
            Column::value('B', text("Memory", "Memória"), Unit::Bytes).width(90),
        ])
        .rising(2)
        .limit(WORST),
        text("Exporters", "Exporters"),
        text(
            "The exporters of farol, those down first. Down: see the process and its log, then the way from Prometheus to it.",
            "Os exporters do farol, primeiro os fora do ar. Fora do ar: veja o processo e o log dele, depois o caminho do Prometheus até ele.",
        ),
    )
    .ask(Target::rows(process::up(SCOPE)))
    .ask(Target::rows(process::memory(SCOPE))))
}
