//! The table of protocols.

use std::fmt;
use std::str::FromStr;

use tokio::io::{AsyncRead, AsyncWrite};

use super::error::StartTlsError;
use super::peer::Peer;
use super::{ftp, imap, irc, ldap, mysql, nntp, pop3, postgres, sieve, smtp, xmpp};

/// Makes the enum, its names and ports, and the way to each dialogue of one table.
macro_rules! protocols {
    ($($(#[$doc:meta])* $variant:ident, $name:literal, $aliases:expr, $port:literal, $dialogue:expr;)*) => {
        /// A protocol that begins in clear text.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Protocol {
            $($(#[$doc])* $variant,)*
        }

        impl Protocol {
            /// Every protocol, in the order of the table.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The name in configurations and labels.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// Other names that are understood: those of `openssl s_client -starttls` among them.
            #[must_use]
            pub const fn aliases(self) -> &'static [&'static str] {
                match self { $(Self::$variant => &$aliases,)* }
            }

            /// The usual TCP port of a server that offers STARTTLS.
            #[must_use]
            pub const fn port(self) -> u16 {
                match self { $(Self::$variant => $port,)* }
            }

            /// Holds the dialogue up to the server's go-ahead; what the server said of itself.
            pub(super) async fn dialogue<S>(self, peer: &mut Peer<'_, S>, name: &str) -> Result<String, StartTlsError>
            where
                S: AsyncRead + AsyncWrite + Unpin,
            {
                match self { $(Self::$variant => $dialogue(peer, name).await,)* }
            }
        }
    };
}

protocols! {
    /// Mail between servers, and its submission (RFC 3207).
    Smtp, "smtp", [], 25, smtp::smtp;
    /// Mail to its final store (RFC 2033).
    Lmtp, "lmtp", [], 24, smtp::lmtp;
    /// Mailboxes (RFC 9051 §6.2.1).
    Imap, "imap", [], 143, imap::dialogue;
    /// Mailboxes, the simple way (RFC 2595 §4).
    Pop3, "pop3", [], 110, pop3::dialogue;
    /// Files: AUTH TLS (RFC 4217).
    Ftp, "ftp", [], 21, ftp::dialogue;
    /// Directories: the StartTLS extended operation (RFC 4511 §4.14).
    Ldap, "ldap", [], 389, ldap::dialogue;
    /// Messages, as a client (RFC 6120 §5).
    XmppClient, "xmpp-client", ["xmpp"], 5222, xmpp::client;
    /// Messages, as another server.
    XmppServer, "xmpp-server", [], 5269, xmpp::server;
    /// PostgreSQL's SSLRequest.
    Postgres, "postgres", ["postgresql"], 5432, postgres::dialogue;
    /// The SSL request of MySQL and MariaDB.
    Mysql, "mysql", ["mariadb"], 3306, mysql::dialogue;
    /// Mail filters: ManageSieve (RFC 5804 §2.2).
    Sieve, "sieve", ["managesieve"], 4190, sieve::dialogue;
    /// Network news (RFC 4642).
    Nntp, "nntp", [], 119, nntp::dialogue;
    /// Chat: STARTTLS of IRCv3.
    Irc, "irc", [], 6667, irc::dialogue;
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that names no protocol of the table.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown starttls protocol {0:?}: one of {known} is expected", known = known())]
pub struct UnknownProtocol(pub String);

impl FromStr for Protocol {
    type Err = UnknownProtocol;

    fn from_str(word: &str) -> Result<Self, UnknownProtocol> {
        let named = |protocol: &&Self| protocol.as_str() == word || protocol.aliases().contains(&word);
        Self::ALL.iter().find(named).copied().ok_or_else(|| UnknownProtocol(word.to_owned()))
    }
}

fn known() -> String {
    Protocol::ALL.iter().map(|protocol| protocol.as_str()).collect::<Vec<_>>().join(", ")
}
