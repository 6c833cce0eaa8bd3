//! Cipher suites and their names at IANA (the registry "TLS Cipher Suites").

use std::fmt;

/// A cipher suite's number, and its name if it is one that was offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CipherSuite {
    /// Its number at IANA.
    pub number: u16,
    /// Its name at IANA: `TLS_RSA_WITH_AES_128_CBC_SHA`.
    pub name: Option<&'static str>,
}

impl CipherSuite {
    pub(super) fn new(number: u16) -> Self {
        let known = OFFERED.iter().chain(MODERN).find(|suite| suite.number == number);
        known.copied().unwrap_or(Self { number, name: None })
    }
}

impl fmt::Display for CipherSuite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name {
            Some(name) => f.write_str(name),
            None => write!(f, "{:#06x}", self.number),
        }
    }
}

const fn suite(number: u16, name: &'static str) -> CipherSuite {
    CipherSuite { number, name: Some(name) }
}

/// Those of TLS 1.3.
pub(super) const MODERN: &[CipherSuite] = &[
    suite(0x1301, "TLS_AES_128_GCM_SHA256"),
    suite(0x1302, "TLS_AES_256_GCM_SHA384"),
    suite(0x1303, "TLS_CHACHA20_POLY1305_SHA256"),
    suite(0x1304, "TLS_AES_128_CCM_SHA256"),
    suite(0x1305, "TLS_AES_128_CCM_8_SHA256"),
];

/// Those offered up to TLS 1.2, the better first: fewer than 128, which some servers cannot count beyond.
pub(super) const OFFERED: &[CipherSuite] = &[
    suite(0xc02b, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"),
    suite(0xc02f, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"),
    suite(0xc02c, "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"),
    suite(0xc030, "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"),
    suite(0xcca9, "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"),
    suite(0xcca8, "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"),
    suite(0x009e, "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256"),
    suite(0x009f, "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384"),
    suite(0xccaa, "TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256"),
    suite(0x00a2, "TLS_DHE_DSS_WITH_AES_128_GCM_SHA256"),
    suite(0x00a3, "TLS_DHE_DSS_WITH_AES_256_GCM_SHA384"),
    suite(0xc0ac, "TLS_ECDHE_ECDSA_WITH_AES_128_CCM"),
    suite(0xc0ad, "TLS_ECDHE_ECDSA_WITH_AES_256_CCM"),
    suite(0xc0ae, "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8"),
    suite(0xc09e, "TLS_DHE_RSA_WITH_AES_128_CCM"),
    suite(0xc09f, "TLS_DHE_RSA_WITH_AES_256_CCM"),
    suite(0xc023, "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256"),
    suite(0xc027, "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256"),
    suite(0xc024, "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384"),
    suite(0xc028, "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384"),
    suite(0xc009, "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA"),
    suite(0xc013, "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA"),
    suite(0xc00a, "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA"),
    suite(0xc014, "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA"),
    suite(0x0067, "TLS_DHE_RSA_WITH_AES_128_CBC_SHA256"),
    suite(0x006b, "TLS_DHE_RSA_WITH_AES_256_CBC_SHA256"),
    suite(0x0033, "TLS_DHE_RSA_WITH_AES_128_CBC_SHA"),
    suite(0x0039, "TLS_DHE_RSA_WITH_AES_256_CBC_SHA"),
    suite(0x0032, "TLS_DHE_DSS_WITH_AES_128_CBC_SHA"),
    suite(0x0038, "TLS_DHE_DSS_WITH_AES_256_CBC_SHA"),
    suite(0x0040, "TLS_DHE_DSS_WITH_AES_128_CBC_SHA256"),
    suite(0x006a, "TLS_DHE_DSS_WITH_AES_256_CBC_SHA256"),
    suite(0x0045, "TLS_DHE_RSA_WITH_CAMELLIA_128_CBC_SHA"),
    suite(0x0088, "TLS_DHE_RSA_WITH_CAMELLIA_256_CBC_SHA"),
    suite(0x009c, "TLS_RSA_WITH_AES_128_GCM_SHA256"),
    suite(0x009d, "TLS_RSA_WITH_AES_256_GCM_SHA384"),
    suite(0xc09c, "TLS_RSA_WITH_AES_128_CCM"),
    suite(0xc09d, "TLS_RSA_WITH_AES_256_CCM"),
    suite(0x003c, "TLS_RSA_WITH_AES_128_CBC_SHA256"),
    suite(0x003d, "TLS_RSA_WITH_AES_256_CBC_SHA256"),
    suite(0x002f, "TLS_RSA_WITH_AES_128_CBC_SHA"),
    suite(0x0035, "TLS_RSA_WITH_AES_256_CBC_SHA"),
    suite(0x0041, "TLS_RSA_WITH_CAMELLIA_128_CBC_SHA"),
    suite(0x0084, "TLS_RSA_WITH_CAMELLIA_256_CBC_SHA"),
    suite(0xc03c, "TLS_RSA_WITH_ARIA_128_CBC_SHA256"),
    suite(0xc050, "TLS_RSA_WITH_ARIA_128_GCM_SHA256"),
    suite(0xc051, "TLS_RSA_WITH_ARIA_256_GCM_SHA384"),
    suite(0xc05c, "TLS_ECDHE_ECDSA_WITH_ARIA_128_GCM_SHA256"),
    suite(0xc060, "TLS_ECDHE_RSA_WITH_ARIA_128_GCM_SHA256"),
    suite(0xc061, "TLS_ECDHE_RSA_WITH_ARIA_256_GCM_SHA384"),
    suite(0x0096, "TLS_RSA_WITH_SEED_CBC_SHA"),
    suite(0x0007, "TLS_RSA_WITH_IDEA_CBC_SHA"),
    suite(0xc004, "TLS_ECDH_ECDSA_WITH_AES_128_CBC_SHA"),
    suite(0xc005, "TLS_ECDH_ECDSA_WITH_AES_256_CBC_SHA"),
    suite(0xc00e, "TLS_ECDH_RSA_WITH_AES_128_CBC_SHA"),
    suite(0xc00f, "TLS_ECDH_RSA_WITH_AES_256_CBC_SHA"),
    suite(0xc008, "TLS_ECDHE_ECDSA_WITH_3DES_EDE_CBC_SHA"),
    suite(0xc012, "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA"),
    suite(0x0016, "TLS_DHE_RSA_WITH_3DES_EDE_CBC_SHA"),
    suite(0x0013, "TLS_DHE_DSS_WITH_3DES_EDE_CBC_SHA"),
    suite(0x000a, "TLS_RSA_WITH_3DES_EDE_CBC_SHA"),
    suite(0xc007, "TLS_ECDHE_ECDSA_WITH_RC4_128_SHA"),
    suite(0xc011, "TLS_ECDHE_RSA_WITH_RC4_128_SHA"),
    suite(0x0005, "TLS_RSA_WITH_RC4_128_SHA"),
    suite(0x0004, "TLS_RSA_WITH_RC4_128_MD5"),
    suite(0x0015, "TLS_DHE_RSA_WITH_DES_CBC_SHA"),
    suite(0x0009, "TLS_RSA_WITH_DES_CBC_SHA"),
    suite(0x0008, "TLS_RSA_EXPORT_WITH_DES40_CBC_SHA"),
    suite(0x0006, "TLS_RSA_EXPORT_WITH_RC2_CBC_40_MD5"),
    suite(0x0003, "TLS_RSA_EXPORT_WITH_RC4_40_MD5"),
    suite(0xc006, "TLS_ECDHE_ECDSA_WITH_NULL_SHA"),
    suite(0xc010, "TLS_ECDHE_RSA_WITH_NULL_SHA"),
    suite(0x003b, "TLS_RSA_WITH_NULL_SHA256"),
    suite(0x0002, "TLS_RSA_WITH_NULL_SHA"),
    suite(0x0001, "TLS_RSA_WITH_NULL_MD5"),
    suite(0xc018, "TLS_ECDH_anon_WITH_AES_128_CBC_SHA"),
    suite(0x0034, "TLS_DH_anon_WITH_AES_128_CBC_SHA"),
    suite(0x00a6, "TLS_DH_anon_WITH_AES_128_GCM_SHA256"),
];
