//! Well-known services: how a port or a process name tells what listens, and what may be asked of it. A database is
//! never asked a web question: it would log an attack, or block the asker.

/// What to ask a listener in order to be sure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// Anything: wait for a greeting, then ask for `/` in plain, then over TLS.
    Anything,
    /// Only listen: it greets first.
    Greeting,
    /// Ask for `/` over TLS at once.
    Tls,
    /// `PING`, as a Redis client.
    Redis,
    /// Nothing: that it accepts connections has to do, since any other word does harm or tells nothing.
    Nothing,
}

/// A kind of service.
#[derive(Clone, Copy, Debug)]
pub struct Service {
    /// What it is called in a target's name.
    pub name: &'static str,
    /// The ports it usually has.
    pub ports: &'static [u16],
    /// The names of its processes; a name given here ending in `*` stands for all that begin so.
    pub processes: &'static [&'static str],
    /// What to ask.
    pub question: Question,
}

const fn service(
    name: &'static str,
    ports: &'static [u16],
    processes: &'static [&'static str],
    question: Question,
) -> Service {
    Service { name, ports, processes, question }
}

/// What is known. A process name outweighs a port, and of two rows with one port the first wins.
pub const SERVICES: &[Service] = &[
    service("sshd", &[22], &["sshd", "sshd-*", "dropbear"], Question::Greeting),
    service("smtp", &[25, 587], &["exim4", "master", "smtpd", "sendmail*", "opensmtpd"], Question::Greeting),
    service("smtps", &[465], &[], Question::Tls),
    service("ftp", &[21], &["vsftpd", "proftpd", "pure-ftpd"], Question::Greeting),
    service("pop3", &[110], &[], Question::Greeting),
    service("imap", &[143], &[], Question::Greeting),
    service("imaps", &[993], &[], Question::Tls),
    service("pop3s", &[995], &[], Question::Tls),
    service("mysql", &[3306], &["mysqld", "mariadbd"], Question::Nothing),
    service("postgres", &[5432], &["postgres", "postmaster", "pgbouncer"], Question::Nothing),
    service("redis", &[6379], &["redis-server", "valkey-server", "keydb-server"], Question::Redis),
    service("mongodb", &[27017], &["mongod", "mongos"], Question::Nothing),
    service("memcached", &[11211], &["memcached"], Question::Nothing),
    service("amqp", &[5672], &[], Question::Nothing),
    service("mqtt", &[1883], &["mosquitto"], Question::Nothing),
    service("epmd", &[4369], &["epmd"], Question::Nothing),
    service("ldap", &[389], &["slapd"], Question::Nothing),
    service("ldaps", &[636], &[], Question::Nothing),
    service(
        "dns",
        &[53],
        &["named", "dnsmasq", "unbound", "systemd-resolve", "pdns*", "coredns"],
        Question::Nothing,
    ),
    service("rpcbind", &[111], &["rpcbind"], Question::Nothing),
    service("nfs", &[2049], &[], Question::Nothing),
    service("smb", &[139, 445], &["smbd"], Question::Nothing),
    service("rsync", &[873], &["rsync"], Question::Greeting),
    service("vnc", &[5900], &["Xvnc", "x11vnc"], Question::Greeting),
    // Whatever a raw printer port gets, it prints; 9100 itself is node_exporter's far more often.
    service("printer", &[], &["p910nd"], Question::Nothing),
    service("cups", &[631], &["cupsd"], Question::Anything),
    service("proxmox-ve", &[8006], &["pveproxy*"], Question::Tls),
    service("proxmox-backup", &[8007], &["proxmox-backup*"], Question::Tls),
    service("grafana", &[], &["grafana*"], Question::Anything),
    service("prometheus", &[], &["prometheus"], Question::Anything),
    service("alertmanager", &[], &["alertmanager"], Question::Anything),
    service("node-exporter", &[9100], &["node_exporter", "prometheus-node*"], Question::Anything),
    service("registry", &[], &["registry", "docker-registry"], Question::Anything),
    service("docker", &[], &["docker-proxy"], Question::Anything),
];

/// The row for a port and the name of the process behind it, if that is known; and whether it was the process that told.
#[must_use]
pub fn recognise(port: u16, process: Option<&str>) -> Option<&'static Service> {
    let by_name = process.and_then(|process| {
        SERVICES.iter().find(|service| service.processes.iter().any(|known| is_called(process, known)))
    });
    // docker-proxy stands for whatever is behind it: there the port tells more.
    let by_port = || SERVICES.iter().find(|service| service.ports.contains(&port));
    match by_name {
        Some(service) if service.name != "docker" => Some(service),
        Some(docker) => by_port().or(Some(docker)),
        None => by_port(),
    }
}

fn is_called(process: &str, known: &str) -> bool {
    known.strip_suffix('*').map_or(process == known, |beginning| process.starts_with(beginning))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_process_outweighs_the_port() {
        for (port, process, want) in [
            (22, None, Some("sshd")),
            (2222, Some("sshd"), Some("sshd")),
            (8080, Some("mariadbd"), Some("mysql")),
            (6379, Some("valkey-server"), Some("redis")),
            (9100, None, Some("node-exporter")),
            (9100, Some("p910nd"), Some("printer")),
            (3306, Some("docker-proxy"), Some("mysql")),
            (8080, Some("docker-proxy"), Some("docker")),
            (3306, Some("my-tunnel"), Some("mysql")),
            (53, Some("pdns_recursor"), Some("dns")),
            (40123, Some("java"), None),
            (40123, None, None),
        ] {
            assert_eq!(recognise(port, process).map(|service| service.name), want, "{port} {process:?}");
        }
    }

    #[test]
    fn no_port_and_no_process_stands_twice() {
        let mut ports: Vec<u16> = SERVICES.iter().flat_map(|service| service.ports).copied().collect();
        let mut processes: Vec<&str> =
            SERVICES.iter().flat_map(|service| service.processes).copied().collect();
        ports.sort_unstable();
        processes.sort_unstable();
        assert!(ports.windows(2).all(|pair| pair[0] != pair[1]), "{ports:?}");
        assert!(processes.windows(2).all(|pair| pair[0] != pair[1]), "{processes:?}");
    }
}
