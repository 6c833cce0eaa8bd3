// The company of history.mjs: what it has, and what went wrong.
const [MINUTE, HOUR, DAY] = [60, 3600, 86400];

const HTTP = {
  family: 'probe_http_duration_seconds',
  phases: {resolve: 0.04, connect: 0.1, tls: 0.22, processing: 0.52, transfer: 0.12},
};
const TCP = {family: 'probe_tcp_duration_seconds', phases: {resolve: 0.1, connect: 0.5, dialogue: 0.4}};
const ICMP = {family: 'probe_icmp_duration_seconds', phases: {resolve: 0.05, setup: 0.05, rtt: 0.9}};
const DNS = {family: 'probe_dns_duration_seconds', phases: {resolve: 0.05, connect: 0.15, request: 0.8}};

const web = (name, usual, certificate, more = {}) => (
  {name, module: 'https_2xx', interval: 30, usual, objective: 0.995, noise: 0.00008, certificate, ...HTTP, ...more});
const port = (name, usual, more = {}) => (
  {name, module: 'tcp_connect', interval: 15, usual, objective: 0.999, noise: 0.00002, ...TCP, ...more});

export const SERVICES = [
  web('site', 0.142, {left: 61, lives: 90}),
  web('blog', 0.231, {left: 47, lives: 90}, {module: 'wordpress', objective: 0.99}),
  web('loja', 0.318, {left: 27, lives: 90}, {noise: 0.0004}),
  web('registry', 0.058, {left: 72, lives: 90}, {module: 'registry_v2', status: 401, slowSince: 3 * HOUR, slowBy: 9}),
  web('nextcloud', 0.187, {left: 52, lives: 90}),
  web('jupyter', 0.094, {left: 66, lives: 90}),
  web('vaultwarden', 0.046, {left: 80, lives: 90}, {objective: 0.999}),
  web('grafana', 0.021, {left: 38, lives: 90}),
  web('proxmox', 0.033, {left: 410, lives: 730, untrusted: true}, {module: 'proxmox_web'}),
  port('proxmox-ssh', 0.018, {module: 'ssh_banner'}),
  port('database', 0.0009),
  port('cache', 0.0006, {module: 'redis_ping'}),
  port('mail', 0.041, {module: 'smtp_starttls', certificate: {left: 33, lives: 90}, skips: true}),
  {name: 'gateway-domus', module: 'icmp', interval: 10, usual: 0.0021, objective: 0.999, noise: 0.0001, ...ICMP},
  {name: 'gateway-opcao', module: 'icmp', interval: 10, usual: 0.0094, objective: 0.99, noise: 0.002, ...ICMP},
  {name: 'resolver', module: 'dns_ours', interval: 30, usual: 0.0013, objective: 0.999, noise: 0.00003, ...DNS},
];

/**
 * Certificates as tls-exporter has them: days since it began and until it ends, in days; `stale`: renewed and not loaded; `no`: facts
 * that do not hold.
 */
export const CERTIFICATES = [
  {name: 'site', age: 29, left: 61, issuer: "Let's Encrypt"},
  {name: 'blog', age: 43, left: 47, issuer: "Let's Encrypt"},
  {name: 'loja', age: 63, left: 27, issuer: "Let's Encrypt"},
  {name: 'nextcloud', age: 38, left: 52, issuer: "Let's Encrypt", stale: true},
  {name: 'vaultwarden', age: 4, left: 2, issuer: "Let's Encrypt"},
  {name: 'registry', age: 18, left: 27, issuer: 'Google Trust Services', key: ['ecdsa', '256']},
  {name: 'intranet', age: 200, left: 165, issuer: 'Exemplo CA', key: ['rsa', '2048'], tls: '1.2', no: ['tls_chain_complete', 'tls_chain_trusted'], reason: 'tls_cert_untrusted'},
  {name: 'proxmox', age: 320, left: 410, issuer: 'PVE Cluster Manager CA', key: ['rsa', '2048'], no: ['tls_chain_trusted', 'tls_hostname_match']},
  {name: 'mail', age: 57, left: 33, issuer: "Let's Encrypt", reason: 'connect_timeout'},
  {name: 'npm-4', age: 71, left: 19, issuer: "Let's Encrypt", path: '/etc/letsencrypt/live/npm-4/fullchain.pem'},
  {name: 'portal.pem', age: 100, left: 298, issuer: 'DigiCert Inc', path: '/etc/ssl/portal.pem'},
];

/** `ago` and `lasted` in seconds; `hangs` is how long a probe waits before it gives up. */
export const OUTAGES = [
  {target: 'blog', ago: 14 * MINUTE, lasted: DAY, phase: 'processing', reason: 'status', status: 502},
  {target: 'cache', ago: 11 * HOUR, lasted: 9 * MINUTE, phase: 'connect', reason: 'connect_refused'},
  {target: 'gateway-opcao', ago: 19.5 * HOUR, lasted: 38 * MINUTE, phase: 'rtt', reason: 'icmp_timeout', hangs: 5},
  {target: 'gateway-opcao', ago: 18.2 * HOUR, lasted: 6 * MINUTE, phase: 'rtt', reason: 'icmp_timeout', hangs: 5},
  {target: 'gateway-opcao', ago: 2.6 * HOUR, lasted: 3 * MINUTE, phase: 'rtt', reason: 'icmp_timeout', hangs: 5},
  {target: 'loja', ago: 8 * HOUR, lasted: 22 * MINUTE, phase: 'tls', reason: 'tls_cert_expired'},
  {target: 'jupyter', ago: 15 * HOUR, lasted: 70 * MINUTE, phase: 'resolve', reason: 'dns_nxdomain'},
  {target: 'nextcloud', ago: 9 * DAY, lasted: 3 * HOUR, phase: 'connect', reason: 'connect_timeout', hangs: 5},
  {target: 'loja', ago: 17 * DAY, lasted: 5 * HOUR, phase: 'processing', reason: 'status', status: 500},
  {target: 'gateway-opcao', ago: 12 * DAY, lasted: 9 * HOUR, phase: 'rtt', reason: 'icmp_timeout', hangs: 5},
];
