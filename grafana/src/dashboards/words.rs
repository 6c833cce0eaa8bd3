//! Alerts in a few words, for lists: the name of an alert is for machines. A test sees to it that none is forgotten.

use crate::color::Mapping;
use crate::text::text;

/// An alert's name, and what it says in English and in Portuguese.
const ALERTS: &[(&str, &str, &str)] = &[
    ("ServiceDown", "down", "fora do ar"),
    ("ServiceWrongAnswer", "wrong answer", "responde errado"),
    ("ServiceFlapping", "unstable", "instável"),
    ("ServiceSlow", "slow", "lento"),
    ("PortOpen", "port open that must be closed", "porta aberta que devia estar fechada"),
    ("DnsAnswerWrong", "wrong DNS records", "registros DNS inesperados"),
    ("CheckCannotRun", "cannot be checked", "não pode ser verificado"),
    ("ServiceErrorBudgetBurn", "fails too often for its objective", "falha demais para a meta"),
    ("CertificateRenewalOverdue", "renewal overdue", "renovação atrasada"),
    ("CertificateExpires", "certificate expires or has expired", "certificado vence ou venceu"),
    ("CertificateNotYetValid", "certificate not valid yet", "certificado ainda não vale"),
    ("CertificateNameMismatch", "certificate of another name", "certificado de outro nome"),
    ("CertificateUntrusted", "certificate not trusted", "certificado não confiável"),
    ("CertificateRevoked", "certificate revoked", "certificado revogado"),
    ("CertificateAddressFails", "an address of it fails", "um endereço com falha"),
    ("CertificateStapleBad", "bad OCSP response", "resposta OCSP ruim"),
    ("CertificateChainIncomplete", "chain incomplete", "cadeia incompleta"),
    ("RevocationListExpires", "revocation list expires or has expired", "lista de revogação vence ou venceu"),
    ("CertificateKeyMismatch", "key of another certificate", "chave de outro certificado"),
    ("CertificateIssuerUnexpected", "another issuer than expected", "emissor inesperado"),
    ("CertificateRenewalLoop", "renewed again and again", "renova sem parar"),
    ("CertificateNotSeen", "certificate not seen", "certificado sem dados"),
    ("CertificateServedStale", "old certificate served", "certificado antigo entregue"),
    ("NpmDown", "Nginx Proxy Manager cannot be read", "Nginx Proxy Manager sem leitura"),
    ("NpmEmpty", "no host seen in the proxy manager", "nenhum host visto no proxy"),
    ("NpmRowsUnread", "entries of the proxy manager not read", "itens do proxy sem leitura"),
    ("NpmHostOffline", "host refused by nginx", "host recusado pelo nginx"),
    ("NpmExpiryDrift", "remembers another expiry", "lembra outro vencimento"),
    ("CertificateFilesMissing", "no certificate file", "nenhum arquivo de certificado"),
    ("CertificateFilesNotScanned", "certificate files not read", "arquivos de certificado sem leitura"),
    ("CertificateFileUnreadable", "faulty certificate files", "arquivos de certificado com defeito"),
    ("CertificateStateNotKept", "knowledge not kept on disk", "o que se sabe não é gravado"),
    ("NodeDown", "node down", "nó fora do ar"),
    ("NodeStateUnknown", "tells nothing of itself", "não informa mais nada"),
    ("QuorumLost", "no quorum", "sem quórum"),
    ("QuorumDeviceDown", "quorum device away", "QDevice fora do ar"),
    ("GuestDown", "does not run", "não roda"),
    ("HaServiceError", "high availability gave up", "o HA desistiu"),
    ("HaFencing", "is being fenced", "em fencing"),
    ("ProxmoxUnreachable", "cluster cannot be seen", "cluster sem leitura"),
    ("StorageFilling", "storage almost full", "storage quase cheio"),
    ("StorageFullSoon", "storage full in 3 days", "storage enche em 3 dias"),
    ("StorageDown", "storage not available", "storage fora do ar"),
    ("ThinPoolMetadataFilling", "thin pool metadata almost full", "metadados do thin pool quase cheios"),
    ("BackupUncovered", "guests in no backup job", "VMs sem rotina de backup"),
    ("BackupFailed", "backup failed", "backup falhou"),
    ("BackupTooOld", "backup late", "backup atrasado"),
    ("BackupMissing", "no backup at all", "sem nenhum backup"),
    ("BackupDamaged", "backup damaged", "backup com defeito"),
    ("ReplicationFailing", "replication fails", "replicação falha"),
    ("ReplicationLate", "replication stands still", "replicação parada"),
    ("DiskFailing", "disk fails (SMART)", "disco com defeito (SMART)"),
    ("DiskErrors", "disk with errors", "disco com erros"),
    ("DiskWorn", "SSD near its end", "SSD no fim da vida útil"),
    ("PoolDegraded", "pool degraded", "pool degradado"),
    ("PoolErrors", "pool has errors", "pool com erros"),
    ("NodeCertificateExpires", "node certificate ends", "certificado do nó vence"),
    ("NodeMemoryLow", "short of memory", "pouca memória"),
    ("NodeMemoryPressure", "waits for memory", "espera por memória"),
    ("GuestMemoryPressure", "waits for memory", "espera por memória"),
    ("NodeOvercommitted", "more memory promised than there is", "mais memória prometida do que há"),
    ("NodeRootFilling", "root file system almost full", "sistema de arquivos raiz quase cheio"),
    ("GuestRootFilling", "root file system almost full", "sistema de arquivos raiz quase cheio"),
    ("NodeServiceDown", "service does not run", "serviço não roda"),
    ("CephUnhealthy", "Ceph is not well", "Ceph com problema"),
    ("SdnZoneDown", "network zone not in order", "zona de rede com problema"),
    ("GuestLocked", "locked for long", "bloqueio há tempo"),
    ("TaskFailed", "task failed", "tarefa falhou"),
    ("PermissionMissing", "privileges missing", "faltam permissões"),
    ("ProxmoxDataStale", "no fresh data", "sem dados novos"),
    ("ProxmoxEndpointDown", "endpoint away", "endpoint fora do ar"),
    ("ExporterDown", "exporter down", "exporter fora do ar"),
    ("NothingWatched", "nothing is watched", "nada é vigiado"),
    ("ExporterRestarting", "exporter restarts again and again", "exporter reinicia sem parar"),
    ("ConfigRefused", "configuration refused", "configuração recusada"),
    ("WebConfigRefused", "web configuration refused", "configuração web recusada"),
    ("CollectorFailing", "collector incomplete", "coletor incompleto"),
    ("SamplerStuck", "checks stand still", "verificações paradas"),
    ("TargetNotProbed", "not checked for long", "sem verificação há tempo"),
    ("RoundsSkipped", "rounds skipped", "rodadas puladas"),
    ("ScrapeSlow", "scrape near its limit", "coleta perto do limite"),
    ("SamplesDropped", "samples dropped", "amostras descartadas"),
    ("AlertmanagerUnreachable", "no message is sent", "nenhum aviso é enviado"),
    ("NotificationsFailing", "a channel fails", "um canal de aviso falha"),
    ("RulesFailing", "rules fail", "regras com falha"),
    ("StackConfigRefused", "configuration refused", "configuração recusada"),
];

/// The names as mappings.
pub(super) fn alerts() -> Vec<Mapping> {
    ALERTS.iter().map(|(name, en, pt)| Mapping::word(name, text(*en, *pt))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::top;
    use crate::rules::Rules;

    #[test]
    fn each_alert_that_people_read_has_its_words() {
        let rules = Rules::read(&top().join("alerts/rules")).unwrap_or_else(|error| panic!("{error}"));
        for (name, rule) in
            rules.alerts().filter(|(_, rule)| ["critical", "warning"].contains(&rule.severity()))
        {
            let known = ALERTS.iter().any(|(known, ..)| *known == name);
            assert!(known, "alert {name} ({}) has no words: add a line to ALERTS", rule.severity());
        }
        for (known, ..) in ALERTS {
            assert!(rules.alerts().any(|(name, _)| name == *known), "no rule makes the alert {known}");
        }
    }
}
