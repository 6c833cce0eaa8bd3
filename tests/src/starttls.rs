//! Real servers that begin in clear text, each from its Debian package on a free loopback port, with TLS or without.
//!
//! Most of them start as root and give that up: without root they cannot be started.

use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::{Process, find, free_port};
use crate::servers::Certificate;

/// Where servers get their files and what they shall show.
pub struct Lab {
    /// Removed with the laboratory.
    folder: tempfile::TempDir,
    certificate: Certificate,
    tls: bool,
}

/// A running server.
pub struct Server {
    /// Its port of each protocol, in the order of the function that started it.
    pub ports: Vec<u16>,
    _process: Process,
}

impl Lab {
    /// A laboratory whose servers have a certificate for `probe.test`, or no TLS.
    #[must_use]
    pub fn new(tls: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // The servers' own users must reach their files.
        std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
        let certificate = Certificate::new(folder.path());
        Self { folder, certificate, tls }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let file = self.path().join(name);
        std::fs::write(&file, text).unwrap();
        file
    }

    /// A folder of a user's own.
    fn folder_of(&self, user: &str, name: &str) -> PathBuf {
        let folder = self.path().join(name);
        run(Command::new("install").args(["-d", "-o", user]).arg(&folder));
        folder
    }

    /// The key as only this user may read it.
    fn key_of(&self, user: &str) -> PathBuf {
        let key = self.path().join(format!("{user}.key"));
        run(Command::new("install").args(["-o", user, "-m", "0600"]).arg(&self.certificate.key).arg(&key));
        key
    }

    fn start(&self, command: &mut Command, ports: Vec<u16>) -> Server {
        let name = Path::new(command.get_program()).file_name().unwrap().to_string_lossy().into_owned();
        let mut process = Process::start(&name, self.path(), command);
        for port in &ports {
            process.await_port(*port);
        }
        Server { ports, _process: process }
    }

    /// Postfix: SMTP.
    #[must_use]
    pub fn postfix(&self) -> Option<Server> {
        let (postfix, port) = (find("postfix")?, free_port());
        let (lab, level) = (self.path().display(), if self.tls { "may" } else { "none" });
        std::fs::create_dir(self.path().join("queue")).unwrap();
        self.folder_of("postfix", "data");
        let (cert, key) = (self.certificate.certificate.display(), self.certificate.key.display());
        self.write(
            "main.cf",
            &format!(
                "compatibility_level = 3.6\nqueue_directory = {lab}/queue\ndata_directory = {lab}/data\n\
                 mail_owner = postfix\ninet_interfaces = 127.0.0.1\ninet_protocols = ipv4\n\
                 myhostname = mail.probe.test\nsmtpd_tls_security_level = {level}\n\
                 smtpd_tls_cert_file = {cert}\nsmtpd_tls_key_file = {key}\n"
            ),
        );
        self.write(
            "master.cf",
            &format!(
                "127.0.0.1:{port} inet n - n - - smtpd\ncleanup unix n - n - 0 cleanup\n\
                 rewrite unix - - n - - trivial-rewrite\nanvil unix - - n - 1 anvil\n\
                 tlsmgr unix - - n 1000? 1 tlsmgr\nproxymap unix - - n - - proxymap\n"
            ),
        );
        run(Command::new(postfix).arg("-c").arg(self.path()).arg("check"));
        let master = "/usr/lib/postfix/sbin/master";
        Some(self.start(Command::new(master).arg("-c").arg(self.path()).arg("-d"), vec![port]))
    }

    /// Dovecot: IMAP, POP3, ManageSieve, LMTP.
    #[must_use]
    pub fn dovecot(&self) -> Option<Server> {
        let program = find("dovecot")?;
        for part in ["imap-login", "pop3-login", "managesieve-login", "lmtp"] {
            Path::new("/usr/lib/dovecot").join(part).exists().then_some(())?;
        }
        let ports: Vec<u16> = (0..4).map(|_| free_port()).collect();
        let (lab, tls) = (self.path().display(), if self.tls { "yes" } else { "no" });
        let (cert, key) = (self.certificate.certificate.display(), self.certificate.key.display());
        let mut text = format!(
            "base_dir = {lab}/base\nstate_dir = {lab}/state\nlog_path = /dev/stderr\n\
             protocols = imap pop3 lmtp sieve\nlisten = 127.0.0.1\n\
             ssl = {tls}\nssl_cert = <{cert}\nssl_key = <{key}\n\
             passdb {{\n driver = static\n args = nopassword=y\n}}\n\
             userdb {{\n driver = static\n args = uid=nobody gid=nogroup home={lab}/home\n}}\n\
             service anvil {{\n chroot =\n}}\n"
        );
        let listeners = [
            ("imap-login", "imap", Some("imaps")),
            ("pop3-login", "pop3", Some("pop3s")),
            ("managesieve-login", "sieve", None),
            ("lmtp", "lmtp", None),
        ];
        for ((service, listener, direct), port) in listeners.into_iter().zip(&ports) {
            let direct =
                direct.map_or(String::new(), |name| format!(" inet_listener {name} {{\n  port = 0\n }}\n"));
            write!(
                text,
                "service {service} {{\n chroot =\n inet_listener {listener} {{\n  port = {port}\n }}\n{direct}}}\n"
            )
            .unwrap();
        }
        let file = self.write("dovecot.conf", &text);
        Some(self.start(Command::new(program).arg("-F").arg("-c").arg(file), ports))
    }

    /// vsftpd: FTP.
    #[must_use]
    pub fn vsftpd(&self) -> Option<Server> {
        let (program, port) = (find("vsftpd")?, free_port());
        let tls = if self.tls { "YES" } else { "NO" };
        std::fs::create_dir(self.path().join("empty")).unwrap();
        let file = self.write(
            "vsftpd.conf",
            &format!(
                "listen=YES\nlisten_address=127.0.0.1\nlisten_port={port}\nbackground=NO\nanonymous_enable=YES\n\
                 seccomp_sandbox=NO\nsecure_chroot_dir={}/empty\nssl_enable={tls}\nrsa_cert_file={}\n\
                 rsa_private_key_file={}\n",
                self.path().display(),
                self.certificate.certificate.display(),
                self.certificate.key.display()
            ),
        );
        Some(self.start(Command::new(program).arg(file), vec![port]))
    }

    /// OpenLDAP: LDAP.
    #[must_use]
    pub fn slapd(&self) -> Option<Server> {
        let (program, port) = (find("slapd")?, free_port());
        let (cert, key) = (self.certificate.certificate.display(), self.certificate.key.display());
        let mut text = format!("pidfile {}/slapd.pid\n", self.path().display());
        if self.tls {
            write!(text, "TLSCertificateFile {cert}\nTLSCertificateKeyFile {key}\n").unwrap();
        }
        let (file, url) = (self.write("slapd.conf", &text), format!("ldap://127.0.0.1:{port}"));
        Some(self.start(Command::new(program).args(["-h", &url, "-d", "0", "-f"]).arg(file), vec![port]))
    }

    /// PostgreSQL.
    #[must_use]
    pub fn postgres(&self) -> Option<Server> {
        let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
        let programs = versions.flatten().map(|entry| entry.path().join("bin"));
        let (programs, port) = (programs.filter(|bin| bin.join("postgres").exists()).max()?, free_port());
        let (data, key) = (self.folder_of("postgres", "pg").join("data"), self.key_of("postgres"));
        let as_postgres = |program: &str| {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(programs.join(program)).arg("-D").arg(&data);
            command.current_dir(self.path());
            command
        };
        run(as_postgres("initdb").args(["--no-sync", "-A", "trust"]));
        let settings = [
            "listen_addresses=127.0.0.1".to_owned(),
            "unix_socket_directories=".to_owned(),
            "fsync=off".to_owned(),
            format!("ssl={}", if self.tls { "on" } else { "off" }),
            format!("ssl_cert_file={}", self.certificate.certificate.display()),
            format!("ssl_key_file={}", key.display()),
        ];
        let mut command = as_postgres("postgres");
        command.args(["-p", &port.to_string()]).args(settings.iter().flat_map(|setting| ["-c", setting]));
        Some(self.start(&mut command, vec![port]))
    }

    /// MariaDB.
    #[must_use]
    pub fn mariadb(&self) -> Option<Server> {
        let (program, port) = (find("mariadbd")?, free_port());
        let (data, key) = (self.folder_of("mysql", "my"), self.key_of("mysql"));
        let mut command = Command::new(program);
        command
            .args(["--no-defaults", "--user=mysql", "--bind-address=127.0.0.1", "--skip-grant-tables"])
            .args(["--skip-innodb", "--default-storage-engine=Aria", "--skip-name-resolve"])
            .arg(format!("--port={port}"))
            .arg(format!("--datadir={}", data.display()))
            .arg(format!("--socket={}", data.join("socket").display()))
            .arg(format!("--pid-file={}", data.join("pid").display()));
        if self.tls {
            command.arg(format!("--ssl-cert={}", self.certificate.certificate.display()));
            command.arg(format!("--ssl-key={}", key.display()));
        }
        Some(self.start(&mut command, vec![port]))
    }

    /// Prosody: XMPP for clients, then for servers.
    #[must_use]
    pub fn prosody(&self) -> Option<Server> {
        let (program, ports) = (find("prosody")?, vec![free_port(), free_port()]);
        let tls = if self.tls { "\"tls\", " } else { "" };
        let disabled = if self.tls { "" } else { "\"tls\", " };
        let ssl = format!(
            "ssl = {{ key = \"{}\"; certificate = \"{}\" }}",
            self.certificate.key.display(),
            self.certificate.certificate.display()
        );
        let file = self.write(
            "prosody.cfg.lua",
            &format!(
                "run_as_root = true\ninterfaces = {{ \"127.0.0.1\" }}\nc2s_ports = {{ {} }}\ns2s_ports = {{ {} }}\n\
                 c2s_direct_tls_ports = {{}}\nhttp_ports = {{}}\nhttps_ports = {{}}\ndata_path = \"{}\"\n\
                 modules_enabled = {{ {tls}\"saslauth\", \"dialback\" }}\n\
                 modules_disabled = {{ {disabled}\"s2s_auth_certs\" }}\n\
                 c2s_require_encryption = false\ns2s_require_encryption = false\n\
                 authentication = \"internal_hashed\"\nlog = {{ {{ levels = {{ min = \"info\" }}, to = \"console\" }} }}\n\
                 {ssl}\nVirtualHost \"probe.test\"\n  {ssl}\n",
                ports[0],
                ports[1],
                self.path().display()
            ),
        );
        Some(self.start(Command::new(program).arg("-F").arg("--config").arg(file), ports))
    }

    /// INN's reader: NNTP.
    #[must_use]
    pub fn nnrpd(&self) -> Option<Server> {
        let (programs, port) = (Path::new("/usr/lib/news/bin"), free_port());
        programs.join("nnrpd").exists().then_some(())?;
        let (lab, key) = (self.folder_of("news", "news").display().to_string(), self.key_of("news"));
        for folder in ["etc", "spool", "spool/overview", "spool/articles", "run", "db", "log", "tmp"] {
            self.folder_of("news", &format!("news/{folder}"));
        }
        let mut text = format!(
            "mta: /bin/true\norganization: lab\novmethod: tradindexed\nhismethod: hisv6\ndomain: probe.test\n\
             pathhost: news.probe.test\npathnews: /usr/lib/news\npathetc: {lab}/etc\npathdb: {lab}/db\n\
             pathspool: {lab}/spool\npathrun: {lab}/run\npathlog: {lab}/log\npathtmp: {lab}/tmp\n"
        );
        if self.tls {
            let cert = self.certificate.certificate.display();
            write!(text, "tlscertfile: {cert}\ntlskeyfile: {}\n", key.display()).unwrap();
        }
        let settings = self.write("news/etc/inn.conf", &text);
        self.write("news/etc/storage.conf", "method tradspool {\n newsgroups: *\n class: 0\n}\n");
        let readers =
            "auth \"a\" { hosts: \"*\" default: \"<a>\" }\naccess \"a\" { users: \"*\" newsgroups: \"*\" }\n";
        let readers = self.write("news/etc/readers.conf", readers);
        self.write("news/db/active", "control 0000000000 0000000001 n\njunk 0000000000 0000000001 n\n");
        self.write("news/db/newsgroups", "");
        // Makes the overview's index; that there is no article to read is an error to it.
        let made = Command::new("runuser")
            .args(["-u", "news", "--"])
            .arg(programs.join("makehistory"))
            .args(["-O", "-x"])
            .env("INNCONF", &settings)
            .current_dir(self.path().join("news/db"))
            .output();
        assert!(self.path().join("news/spool/overview/group.index").exists(), "makehistory: {made:?}");
        let mut command = Command::new(programs.join("nnrpd"));
        command.args(["-D", "-f", "-4", "127.0.0.1", "-p", &port.to_string(), "-c"]).arg(readers);
        Some(self.start(command.env("INNCONF", settings), vec![port]))
    }

    /// InspIRCd: IRC.
    #[must_use]
    pub fn inspircd(&self) -> Option<Server> {
        let (program, port, lab) = (find("inspircd")?, free_port(), self.path().display());
        let (cert, key) = (self.certificate.certificate.display(), self.certificate.key.display());
        let mut text = format!(
            "<server name=\"irc.probe.test\" description=\"lab\" network=\"lab\">\n\
             <admin name=\"a\" nick=\"a\" email=\"a@probe.test\">\n\
             <bind address=\"127.0.0.1\" port=\"{port}\" type=\"clients\">\n\
             <connect allow=\"*\" resolvehostnames=\"no\" useident=\"no\">\n<pid file=\"{lab}/ircd.pid\">\n\
             <module name=\"cap\">\n<log method=\"file\" type=\"*\" level=\"default\" target=\"{lab}/ircd.out\">\n"
        );
        if self.tls {
            write!(
                text,
                "<module name=\"ssl_gnutls\">\n<module name=\"starttls\">\n\
                 <sslprofile name=\"Clients\" provider=\"gnutls\" certfile=\"{cert}\" keyfile=\"{key}\">\n"
            )
            .unwrap();
        }
        let file = self.write("inspircd.conf", &text);
        let mut command = Command::new(program);
        Some(self.start(command.args(["--nofork", "--runasroot", "--config"]).arg(file), vec![port]))
    }
}

/// Runs a program to its end, which must be good.
fn run(command: &mut Command) {
    let done = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = String::from_utf8_lossy(&done.stdout) + String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{command:?}: {said}");
}
