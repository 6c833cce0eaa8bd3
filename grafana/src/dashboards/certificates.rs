//! Certificates: what is due, what expires, what each server presents, fact by fact, and what lies in files.

use kit::Desc;
use tls_exporter::files::page as files;
use tls_exporter::metrics::{certificate, chain, look};
use tls_exporter::npm::metrics as npm;
use tls_exporter::stored::metrics as stored;
use tls_exporter::targets::page as schedule;

use super::overview::some_is_good;
use super::tls::{self, CERTIFICATE};
use crate::color::{Color, Mapping, Steps};
use crate::dashboard::{Band, Dashboard};
use crate::panel::{BarGauge, Cell, Column, Legend, Override, Panel, Stat, Table, TimeSeries};
use crate::query::{Expr, Scope, Selector, Target, foreign};
use crate::rules::{RuleError, Rules};
use crate::text::{Text, same, text};
use crate::unit::Unit;
use crate::variable::Variable;

/// The variable `name` is what rules call a certificate: a target's name, or a file's.
const SCOPE: Scope = Scope { labels: &["name"] };
/// Nginx Proxy Manager has names of its own for certificates.
const NPM: Scope = Scope { labels: &[] };

/// The dashboard.
pub(super) fn dashboard(rules: &Rules) -> Result<Dashboard, RuleError> {
    let series = || Selector::recorded(&foreign::CERTIFICATE_END);
    Ok(Dashboard {
        uid: super::CERTIFICATES,
        title: text("Certificates", "Certificados"),
        description: text(
            "Which certificates are due, which should have been renewed already, what each server presents and what lies in files.",
            "Quais certificados estão no prazo de renovar, quais já deviam ter sido renovados, o que cada servidor entrega e o que há nos arquivos.",
        ),
        variables: vec![
            Variable::datasource(),
            Variable::job(series()),
            Variable::instance(series()),
            Variable::label(
                "name",
                text("Certificate", "Certificado"),
                series().like("job", "$job").like("instance", "$instance"),
            ),
        ],
        annotations: vec![super::firing(
            super::alerts("firing", "critical|warning").like("alertname", "Certificate.+|Npm.+").now(),
        )],
        bands: vec![
            Band::new(3)
                .panel(6, overdue(rules)?)
                .panel(6, next())
                .panel(6, refused())
                .panel(6, stale())
                .panel(6, seen())
                .panel(6, post_quantum()),
            Band::new(10).panel(1, renewals(rules)?),
            Band::new(9)
                .titled(text("What servers present", "O que os servidores entregam"))
                .panel(3, facts())
                .panel(2, failures()),
            Band::new(8).panel(1, issuers()).panel(1, keys()).panel(1, handshakes()),
            Band::new(8).panel(1, course()),
            Band::new(8).titled(text("Files", "Arquivos")).panel(1, sources()).panel(1, faults()),
            Band::new(9)
                .titled(same("Nginx Proxy Manager"))
                .panel(6, hosts())
                .panel(6, offline())
                .panel(12, remembered()),
        ],
        from: "now-30d",
    })
}

/// A metric of what is looked at on a schedule, of the chosen certificates.
fn of_target(desc: &Desc) -> Selector {
    SCOPE.metric(desc).like("target", "$name")
}

fn overdue(rules: &Rules) -> Result<Panel, RuleError> {
    let (warning, critical) = tls::limits(rules)?;
    let used = || tls::used(SCOPE);
    Ok(Panel::new(
        Stat::filled(),
        text("Renewal overdue", "Renovação atrasada"),
        text(
            "Certificates of which a tenth of the time to renew them in is used up, and of which half is. See in the list below which, and why in the log of what renews them.",
            "Certificados que já gastaram um décimo do prazo para renovar, e os que gastaram metade. Veja na lista abaixo quais, e o motivo no log de quem renova.",
        ),
    )
    .ask(Target::instant(used().count_of(&format!("> {warning}")), text("overdue", "atrasados")))
    .ask(Target::instant(used().count_of(&format!("> {critical}")), text("urgent", "urgentes")))
    .field(|field| field.steps(Steps::none_is_good(Color::Amber)))
    .look(Override::query('B').steps(&Steps::none_is_good(Color::Red))))
}

fn next() -> Panel {
    let left = tls::days_left(SCOPE);
    let first = Expr::compose(format!("bottomk(1, {left})"), Unit::Days, &[&left]);
    let expired = tls::days_left(SCOPE).count_of("< 0");
    Panel::new(
        Stat::filled(),
        text("Next to expire", "Próximo a vencer"),
        text(
            "Days until the first certificate expires, and how many have expired. Browsers refuse an expired one: renew it by hand, then reload the server.",
            "Dias até o primeiro certificado vencer, e quantos já venceram. Os navegadores recusam um vencido: renove à mão e recarregue o servidor.",
        ),
    )
    .ask(Target::instant(first, same("{{name}}")))
    .ask(Target::instant(expired, text("expired", "vencidos")))
    .field(|field| field.steps(Steps::falling(f64::MIN_POSITIVE, 0.0)))
    .look(Override::query('B').steps(&Steps::none_is_good(Color::Red)))
}

/// What clients refuse, of targets whose module checks.
fn refused() -> Panel {
    let faults = SCOPE.recorded(&foreign::CERTIFICATE_FAULT).now();
    let all = SCOPE.recorded(&foreign::CERTIFICATE_END).now();
    let count = Expr::compose(
        format!("count(count by (name) ({faults})) or 0 * count({all})"),
        Unit::Count,
        &[&faults, &all],
    );
    Panel::new(
        Stat::filled(),
        text("Refused by clients", "Recusados por clientes"),
        text(
            "Certificates of another name, that nobody trusts, without the whole chain or a good OCSP response, where the module checks; and names of which an address fails. The list of facts below says which and what.",
            "Certificados de outro nome, não confiáveis, sem a cadeia inteira ou sem resposta OCSP boa, onde o módulo confere; e nomes com um endereço em falha. A lista de fatos abaixo diz quais e o quê.",
        ),
    )
    .ask(Target::instant(count, text("refused", "recusados")))
    .field(|field| field.steps(Steps::none_is_good(Color::Red)))
}

/// Served and stored certificates that are not the same.
fn stale() -> Panel {
    let matches = || of_target(&stored::MATCHES).now().min_by(tls::TARGET);
    Panel::new(
        Stat::filled(),
        text("Old one served", "Antigo entregue"),
        text(
            "Servers that present another certificate than the one on disk: renewed, and not loaded. Reload the server; Nginx Proxy Manager does not do it by itself. Grey: no file is known to belong to a server.",
            "Servidores que entregam outro certificado que o do disco: renovado, e não carregado. Recarregue o servidor; o Nginx Proxy Manager não faz isso sozinho. Cinza: nenhum arquivo pertence a um servidor conhecido.",
        ),
    )
    .ask(Target::instant(matches().count_of("== 0"), text("old", "antigos")))
    .ask(Target::instant(matches().count_of("== 1"), text("the same", "iguais")))
    .field(|field| field.steps(Steps::none_is_good(Color::Amber)))
    .look(Override::query('B').steps(&some_is_good()))
}

fn seen() -> Panel {
    let success = || of_target(&look::SUCCESS).now().min_by(tls::TARGET);
    Panel::new(
        Stat::filled(),
        text("Looks", "Verificações"),
        text(
            "Targets whose last look failed, of all that are looked at on a schedule. The list of failed looks says why. Grey: no exporter looks at any.",
            "Alvos cuja última verificação falhou, do total dos alvos. A lista de falhas diz por quê. Cinza: nenhum exporter verifica nada.",
        ),
    )
    .ask(Target::instant(success().count_of("== 0"), text("failed", "com falha")))
    .ask(Target::instant(success().count_of("== 1"), text("good", "ok")))
    .field(|field| field.steps(Steps::none_is_good(Color::Red)))
    .look(Override::query('B').steps(&some_is_good()))
}

fn post_quantum() -> Panel {
    let safe = of_target(&look::POST_QUANTUM).now();
    Panel::new(
        Stat::plain(),
        text("Post-quantum", "Pós-quântico"),
        text(
            "The share of servers whose key exchange withstands a quantum computer. Nothing is wrong below 100%: OpenSSL 3.5 or newer on the server brings it.",
            "A parte dos servidores cuja troca de chaves resiste a um computador quântico. Abaixo de 100% nada está errado: OpenSSL 3.5 ou mais novo no servidor resolve.",
        ),
    )
    .ask(Target::instant(Expr::compose(format!("avg({safe})"), Unit::Ratio, &[&safe]), text("of servers", "dos servidores")))
    .field(|field| field.steps(Steps::always(Color::Blue)))
}

/// Every certificate, the most overdue first.
fn renewals(rules: &Rules) -> Result<Panel, RuleError> {
    let moment = |desc| SCOPE.recorded(desc).now().max_by(CERTIFICATE);
    Ok(Panel::new(
        Table::new(vec![
            Column::label("name", text("Certificate", "Certificado")).width(240),
            Column::label("path", text("File", "Arquivo")),
            Column::value('A', text("Due on", "Renovar em"), Unit::Timestamp).width(190),
            Column::value('B', text("Expires on", "Vence em"), Unit::Timestamp).width(190),
            Column::value('C', text("Days left", "Dias restantes"), Unit::Days)
                .cell(Cell::Colored)
                .steps(Steps::falling(f64::MIN_POSITIVE, 0.0))
                .width(130),
            Column::value('D', text("Time to renew used", "Prazo para renovar gasto"), Unit::Ratio)
                .cell(Cell::Bar)
                .steps(tls::used_steps(rules)?)
                .between(0.0, 1.0)
                .width(360),
        ])
        .falling(5),
        text("Renewals", "Renovações"),
        text(
            "From the moment at which a certificate should have been renewed to its end: how much of that time is used up. 0%: it is not due yet. Amber: see in the log of what renews it (Nginx Proxy Manager, certbot) why it fails. Red: renew it by hand today.",
            "Do momento em que o certificado devia ter sido renovado até o fim: quanto desse prazo já foi gasto. 0%: ainda não chegou a hora. Âmbar: veja no log de quem renova (Nginx Proxy Manager, certbot) por que falha. Vermelho: renove à mão hoje.",
        ),
    )
    .ask(Target::rows(moment(&foreign::CERTIFICATE_DUE).of_unit(Unit::Timestamp)))
    .ask(Target::rows(moment(&foreign::CERTIFICATE_END).of_unit(Unit::Timestamp)))
    .ask(Target::rows(tls::days_left(SCOPE).min_by(CERTIFICATE)))
    .ask(Target::rows(tls::used_shown(SCOPE).max_by(CERTIFICATE))))
}

/// A fact of a server's certificate, as a table's column has it: 1 is good.
fn fact(letter: char, en: &'static str, pt: &'static str, bad: Color) -> Column {
    let words = [Mapping::new(1, text("yes", "sim"), Color::Green), Mapping::new(0, text("no", "não"), bad)];
    Column::value(letter, text(en, pt), Unit::Plain).cell(Cell::Colored).mappings(&words).width(115)
}

fn facts() -> Panel {
    let rows = |desc| Target::rows(of_target(desc).now().min_by(tls::TARGET).of_unit(Unit::Plain));
    Panel::new(
        Table::new(vec![
            Column::label("target", text("Server", "Servidor")),
            fact('A', "In time", "No prazo", Color::Red),
            fact('B', "Name", "Nome", Color::Red),
            fact('C', "Trusted", "Confiável", Color::Red),
            fact('D', "Whole chain", "Cadeia inteira", Color::Amber),
            fact('E', "In order", "Em ordem", Color::Amber),
            fact('F', "Key proven", "Chave provada", Color::Red),
            fact('G', "PQ", "PQ", Color::Blue),
        ])
        .rising(1),
        text("Facts", "Fatos"),
        text(
            "What is true of each certificate, each fact by itself. Name: it is for the name that was asked for. Whole chain: no intermediate is missing. Key proven: the server holds the key. PQ: the key exchange withstands a quantum computer. A no is an alert only where the module checks.",
            "O que vale para cada certificado, cada fato por si. Nome: é para o nome pedido. Cadeia inteira: nenhum intermediário falta. Chave provada: o servidor tem a chave. PQ: a troca de chaves resiste a um computador quântico. Um não só vira alerta onde o módulo confere.",
        ),
    )
    .ask(rows(&chain::TIME))
    .ask(rows(&chain::NAME))
    .ask(rows(&chain::TRUSTED))
    .ask(rows(&chain::COMPLETE))
    .ask(rows(&chain::IN_ORDER))
    .ask(rows(&look::PROVEN))
    .ask(rows(&look::POST_QUANTUM))
}

/// Why looks fail, and since when there was no good one.
fn failures() -> Panel {
    let failing = of_target(&look::FAILURE).now().max_by(&["job", "target", "reason"]);
    let words = Selector::recorded(&foreign::REASON_WORDS).now();
    let attempt = of_target(&schedule::LAST_ATTEMPT).now().max_by(tls::TARGET);
    let good = of_target(&schedule::LAST_SUCCESS).now().max_by(tls::TARGET);
    let named = super::causes::without_seconds(format!(
        "{failing} * on (reason) group_left (cause, cause_pt) {words}"
    ));
    // One that was never well is shown with the time of its last look.
    let query = format!("({named}) * on (job, target) group_left () ({good} or {attempt})");
    Panel::new(
        Table::new(vec![
            Column::label("target", text("Server", "Servidor")),
            Column::field(text("cause", "cause_pt"), text("Cause", "Causa")),
            Column::only_value(text("Last good look", "Última boa"), Unit::Timestamp).width(190),
        ])
        .rising(2),
        text("Failed looks", "Verificações com falha"),
        text(
            "Why the last look at a server failed. What was seen of its certificate before stays in the lists. The runbook of the alert, and /probe with debug=true, say more.",
            "Por que a última verificação de um servidor falhou. O que se viu do certificado antes continua nas listas. O runbook do alerta e /probe com debug=true dizem mais.",
        ),
    )
    .ask(Target::rows(Expr::compose(query, Unit::Timestamp, &[&failing, &words, &attempt, &good])))
    .field(|field| field.no_value(text("No look fails.", "Nenhuma verificação falha.")))
}

/// Bars that count certificates, of servers and files alike, by labels of their info metrics.
fn bars(by: &'static [&'static str], legend: &'static str, title: Text, description: Text) -> Panel {
    let served = of_target(&certificate::INFO).now();
    let stored = SCOPE.metric(&files::INFO).now();
    let labels = by.join(", ");
    let query = format!("sort_desc(count by ({labels}) ({served} or {stored}))");
    Panel::new(BarGauge, title, description)
        .ask(Target::instant(Expr::compose(query, Unit::Count, &[&served, &stored]), same(legend)))
        .field(|field| field.steps(Steps::always(Color::Blue)).min(0.0))
}

fn issuers() -> Panel {
    bars(
        &["issuer_o"],
        "{{issuer_o}}",
        text("By issuer", "Por emissor"),
        text(
            "Certificates of servers and in files, by the organization that issued them. One that you do not know: see which server presents it, and set expect_issuer of its target.",
            "Certificados de servidores e em arquivos, pela organização que os emitiu. Uma que você não conhece: veja qual servidor a entrega, e ponha expect_issuer no alvo.",
        ),
    )
}

fn keys() -> Panel {
    bars(
        &["key_type", "key_bits"],
        "{{key_type}} {{key_bits}}",
        text("By key", "Por chave"),
        text(
            "Certificates by the kind and size of their key. RSA below 2,048 bits is refused by browsers: have it issued anew, with ECDSA P-256.",
            "Certificados por tipo e tamanho da chave. RSA abaixo de 2.048 bits é recusado pelos navegadores: emita de novo, com ECDSA P-256.",
        ),
    )
}

fn handshakes() -> Panel {
    let shaken = of_target(&look::HANDSHAKE).now();
    let query = format!("sort_desc(count by (version, kx_group) ({shaken}))");
    Panel::new(
        BarGauge,
        text("By TLS version and key exchange", "Por versão do TLS e troca de chaves"),
        text(
            "Servers by what was agreed upon with them. X25519MLKEM768 withstands a quantum computer. A server with TLS 1.2 alone: see whether it can be updated.",
            "Servidores pelo que foi combinado com eles. X25519MLKEM768 resiste a um computador quântico. Um servidor só com TLS 1.2: veja se dá para atualizar.",
        ),
    )
    .ask(Target::instant(Expr::compose(query, Unit::Count, &[&shaken]), same("{{version}} {{kx_group}}")))
    .field(|field| field.steps(Steps::always(Color::Blue)).min(0.0))
}

/// Saw teeth: each renewal is a step upwards.
fn course() -> Panel {
    let left = tls::days_left(SCOPE);
    let least = Expr::compose(
        format!("{left} and on (job, instance, name) bottomk(10, {})", tls::days_left_at_end(SCOPE)),
        Unit::Days,
        &[&left],
    );
    Panel::new(
        TimeSeries::new().legend(Legend::Table),
        text("Days left over time", "Dias restantes ao longo do tempo"),
        text(
            "The ten certificates that expire first. Each renewal is a step upwards; a line that goes on falling below where it turned before is a renewal that fails.",
            "Os dez certificados que vencem primeiro. Cada renovação é um degrau para cima; uma linha que continua caindo abaixo de onde antes subia é uma renovação que falha.",
        ),
    )
    .ask(Target::range(least, same("{{name}}")))
    .field(|field| field.min(0.0))
}

fn sources() -> Panel {
    const SOURCE: &[&str] = &["job", "instance", "source"];
    let scanned = SCOPE.metric(&files::SCANNED).now().age().max_by(SOURCE);
    Panel::new(
        Table::new(vec![
            Column::label("source", text("Source", "Fonte")),
            Column::label("instance", text("Instance", "Instância")),
            Column::value('A', text("Files", "Arquivos"), Unit::Count)
                .cell(Cell::Colored)
                .steps(some_is_good())
                .width(110),
            Column::value('B', text("Faulty", "Com defeito"), Unit::Count)
                .cell(Cell::Colored)
                .steps(Steps::none_is_good(Color::Amber))
                .width(120),
            Column::value('C', text("Read for the last time", "Última leitura há"), Unit::Clock).width(190),
        ])
        .rising(2),
        text("Sources of files", "Fontes de arquivos"),
        text(
            "Where certificates are read from. No file: the paths in tls.yml are wrong, or a folder on the way is closed to farol. A reading that is long ago: the disk hangs.",
            "De onde os certificados são lidos. Nenhum arquivo: os caminhos no tls.yml estão errados, ou uma pasta do caminho está fechada ao farol. Leitura antiga: o disco travou.",
        ),
    )
    .ask(Target::rows(SCOPE.metric(&files::FILES).now().min_by(SOURCE)))
    .ask(Target::rows(SCOPE.metric(&files::FAULTY).now().max_by(SOURCE)))
    .ask(Target::rows(scanned.of_unit(Unit::Clock)))
}

fn faults() -> Panel {
    let wrong = SCOPE.metric(&files::ERROR).now().max_by(&["source", "path", "reason"]);
    let words = Selector::recorded(&foreign::REASON_WORDS).now();
    let query = format!("{wrong} * on (reason) group_left (cause, cause_pt) {words}");
    Panel::new(
        Table::new(vec![
            Column::label("source", text("Source", "Fonte")).width(180),
            Column::label("path", text("File", "Arquivo")),
            Column::field(text("cause", "cause_pt"), text("What is wrong", "O que há")),
        ])
        .rising(0),
        text("Faulty files", "Arquivos com defeito"),
        text(
            "Files and folders with something wrong; what is good in them is shown all the same. A key that farol may not read is no fault: it only cannot tell whether it matches.",
            "Arquivos e pastas com algo errado; o que há de bom neles é mostrado assim mesmo. Uma chave que o farol não pode ler não é defeito: ele só não pode dizer se confere.",
        ),
    )
    .ask(Target::rows(Expr::compose(query, Unit::Plain, &[&wrong, &words])))
    .field(|field| field.no_value(text("No file is faulty.", "Nenhum arquivo com defeito.")))
}

fn hosts() -> Panel {
    let hosts = NPM.metric(&npm::HOSTS).now();
    let query = format!("sort_desc(sum by (npm, state) ({hosts}) > 0)");
    Panel::new(
        BarGauge,
        text("Hosts by state", "Hosts por estado"),
        text(
            "Hosts of Nginx Proxy Manager by their state, as it calls them. One that is enabled and whose configuration nginx refuses answers nobody; click on its state there to see why.",
            "Hosts do Nginx Proxy Manager por estado, com os nomes que ele usa. Um habilitado cuja configuração o nginx recusa não atende ninguém; clique no estado dele ali para ver por quê.",
        ),
    )
    .ask(Target::instant(Expr::compose(query, Unit::Count, &[&hosts]), same("{{npm}}: {{state}}")))
    .field(|field| field.steps(Steps::always(Color::Blue)).min(0.0))
}

fn offline() -> Panel {
    let online = NPM.metric(&npm::ONLINE).now().min_by(&["npm", "type", "host"]).only("== 0");
    Panel::new(
        Table::new(vec![
            Column::label("npm", same("Nginx Proxy Manager")).width(190),
            Column::label("type", text("Type", "Tipo")).width(120),
            Column::label("host", same("Host")),
        ])
        .rising(2),
        text("Refused hosts", "Hosts recusados"),
        text(
            "Enabled hosts whose configuration nginx refuses: nobody is answered for them. Undo the last change, mostly in the Advanced tab, and save.",
            "Hosts habilitados cuja configuração o nginx recusa: ninguém é atendido por eles. Desfaça a última mudança, em geral na aba Advanced, e salve.",
        ),
    )
    .ask(Target::rows(online.of_unit(Unit::Plain)))
    .field(|field| field.no_value(text("No host is refused.", "Nenhum host recusado.")))
}

/// What its database says of certificates.
fn remembered() -> Panel {
    const ROW: &[&str] = &["npm", "id", "name"];
    let moment = NPM.metric(&npm::EXPIRES_ON).now().max_by(ROW);
    let drift = NPM.metric(&npm::DRIFT).now().max_by(ROW);
    let hosts = NPM.metric(&npm::USED_BY).now().max_by(ROW);
    let days = Expr::compose(format!("abs({drift}) / 86400"), Unit::Days, &[&drift]);
    Panel::new(
        Table::new(vec![
            Column::label("npm", same("Nginx Proxy Manager")).width(190),
            Column::label("name", text("Certificate", "Certificado")),
            Column::value('A', text("Remembered end", "Vencimento lembrado"), Unit::Timestamp).width(190),
            Column::value('B', text("Off by", "Diferença"), Unit::Days)
                .cell(Cell::Colored)
                .steps(Steps::rising(Some(1.0 / 24.0), None))
                .width(110),
            Column::value('C', same("Hosts"), Unit::Count).width(90),
        ])
        .rising(2),
        text("What Nginx Proxy Manager remembers", "O que o Nginx Proxy Manager lembra"),
        text(
            "It renews by this end, and not by the file's. Off by more than an hour: another hand replaced the file; press Renew Now, or upload it there. No hosts: nobody uses it, it may be deleted.",
            "Ele renova por este vencimento, e não pelo do arquivo. Diferença de mais de uma hora: outra mão trocou o arquivo; use Renew Now, ou envie-o ali. Sem hosts: ninguém usa, pode ser apagado.",
        ),
    )
    .ask(Target::rows(moment))
    .ask(Target::rows(days))
    .ask(Target::rows(hosts))
}
