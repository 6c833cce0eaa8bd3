//! The modules that discovered targets use, as the YAML of a blackbox.yml, with the reason for what is not obvious.

/// A module's name and its YAML, indented to stand under `modules:`.
pub type Module = (&'static str, &'static str);

/// The modules that are always there: whoever asks `/probe` by hand finds the names that every blackbox.yml has.
pub const ALWAYS: [&str; 4] = ["http_2xx", "tcp_connect", "icmp", "dns"];

/// All of them, in the order of the file.
pub const MODULES: &[Module] = &[
    ("http_2xx", "  http_2xx: {prober: http, timeout: 5s, http: {preferred_ip_protocol: ip4}}\n"),
    (
        "http_any",
        "  # Any answer that is not the server's own failure: a login page and a 404 show that it lives.\n\
         \x20 http_any:\n    prober: http\n    timeout: 5s\n    http:\n      preferred_ip_protocol: ip4\n\
         \x20     follow_redirects: false\n      valid_status_codes: [\n\
         \x20       200, 201, 202, 203, 204, 205, 206, 300, 301, 302, 303, 304, 307, 308, 400, 401, 402, 403, 404, 405,\n\
         \x20       406, 407, 408, 409, 410, 411, 412, 413, 414, 415, 416, 417, 421, 422, 425, 426, 428, 429, 431, 451]\n",
    ),
    (
        "https_any",
        "  # The same over TLS. On loopback the name is never the certificate's: it is not verified, but its dates are shown.\n\
         \x20 https_any:\n    prober: http\n    timeout: 5s\n    http:\n      preferred_ip_protocol: ip4\n\
         \x20     follow_redirects: false\n      tls_config: {insecure_skip_verify: true}\n      valid_status_codes: [\n\
         \x20       200, 201, 202, 203, 204, 205, 206, 300, 301, 302, 303, 304, 307, 308, 400, 401, 402, 403, 404, 405,\n\
         \x20       406, 407, 408, 409, 410, 411, 412, 413, 414, 415, 416, 417, 421, 422, 425, 426, 428, 429, 431, 451]\n",
    ),
    ("tcp_connect", "  tcp_connect: {prober: tcp, timeout: 5s, tcp: {preferred_ip_protocol: ip4}}\n"),
    (
        "tls_connect",
        "  tls_connect: {prober: tcp, timeout: 5s, tcp: {tls: true, tls_config: {insecure_skip_verify: true}}}\n",
    ),
    (
        "ssh_banner",
        "  # Says its own version, too: sshd logs a client that goes without a word.\n\
         \x20 ssh_banner:\n    prober: tcp\n    timeout: 5s\n    tcp:\n      query_response:\n\
         \x20       - {expect: \"^SSH-2.0-\", send: \"SSH-2.0-farol\\r\"}\n",
    ),
    (
        "smtp_banner",
        "  smtp_banner: {prober: tcp, timeout: 5s, tcp: {query_response: [{expect: \"^220\", send: \"QUIT\\r\"}]}}\n",
    ),
    (
        "ftp_banner",
        "  ftp_banner: {prober: tcp, timeout: 5s, tcp: {query_response: [{expect: \"^220\", send: \"QUIT\\r\"}]}}\n",
    ),
    (
        "pop3_banner",
        "  pop3_banner: {prober: tcp, timeout: 5s, tcp: {query_response: [{expect: \"^\\\\+OK\", send: \"QUIT\\r\"}]}}\n",
    ),
    (
        "imap_banner",
        "  imap_banner:\n    prober: tcp\n    timeout: 5s\n    tcp:\n      query_response:\n\
         \x20       - {expect: \"^\\\\* (OK|PREAUTH)\", send: \"a LOGOUT\\r\"}\n",
    ),
    (
        "redis_ping",
        "  # An error is an answer, too: without a password PING gets -NOAUTH.\n\
         \x20 redis_ping: {prober: tcp, timeout: 5s, tcp: {query_response: [{send: \"PING\\r\"}, {expect: \"^[+-]\"}]}}\n",
    ),
    (
        "dns",
        "  # Asks for localhost. Resolvers answer that themselves, or from their cache, so that hardly anything leaves the\n\
         \x20 # network, and it is too small to be refused as an amplifier, as a question for the root's servers often is.\n\
         \x20 # That the name does not exist is an answer, too; REFUSED and SERVFAIL are not: such a resolver serves nobody here.\n\
         \x20 dns: {prober: dns, timeout: 5s, dns: {query_name: localhost., query_type: A, valid_rcodes: [NOERROR, NXDOMAIN]}}\n",
    ),
    ("icmp", "  icmp: {prober: icmp, timeout: 5s}\n"),
];
