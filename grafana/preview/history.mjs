// A month of a small company, as farol and its exporters would have told it to Prometheus: for looking at dashboards. Nothing of it is
// used by any test. Writes OpenMetrics for `promtool tsdb create-blocks-from openmetrics`.
//   node history.mjs month.om day.om [END]     END in seconds since 1970, now without it
import {createWriteStream} from 'node:fs';
import {once} from 'node:events';
import {CERTIFICATES, SERVICES, OUTAGES} from './company.mjs';
import {ALERTS, cluster} from './cluster.mjs';

const [monthFile, dayFile, endText] = process.argv.slice(2);
const END = Math.floor(Number(endText ?? Date.now() / 1000) / 30) * 30;
const [MINUTE, HOUR, DAY] = [60, 3600, 86400];
const SCRAPE = 30;
const DAY_BEGIN = END - 26 * HOUR;
const MONTH_BEGIN = END - 31 * DAY;
const BOUNDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
/** When farol was restarted, and how long it was away. */
const RESTART = {at: END - 5.2 * HOUR, lasted: 4 * MINUTE};

/** Numbers that look random and are the same at each run. */
function random(seed) {
  let state = seed;
  return () => {
    state = (state * 1664525 + 1013904223) % 4294967296;
    return state / 4294967296;
  };
}
const dice = random(42);

/** A file that is written as fast as the disk takes it. */
class Page {
  constructor(file) {
    this.out = createWriteStream(file);
    this.waiting = [];
  }

  async sample(name, labels, value, at) {
    const text = Object.entries(labels).map(([label, word]) => `${label}="${word}"`).join(',');
    this.waiting.push(`${name}{${text}} ${value} ${at}\n`);
    if (this.waiting.length > 5000) await this.flush();
  }

  async flush() {
    if (!this.out.write(this.waiting.join(''))) await once(this.out, 'drain');
    this.waiting = [];
  }

  async end() {
    await this.flush();
    this.out.end('# EOF\n');
    await once(this.out, 'finish');
  }
}

const away = (at) => at > RESTART.at && at < RESTART.at + RESTART.lasted;

/** Why a service fails at a moment, if it does. */
function outage(service, at) {
  return OUTAGES.find(({target, ago, lasted}) => target === service.name && at >= END - ago && at < END - ago + lasted);
}

/** How long a probe takes: its usual, busier by day, slower when something is wrong with it. */
function took(service, at) {
  const busy = 1 + 0.35 * Math.max(0, Math.sin(((at % DAY) / DAY) * 2 * Math.PI - 2));
  const slow = service.slowSince && at > END - service.slowSince ? service.slowBy : 1;
  return service.usual * busy * slow * (0.85 + 0.3 * dice() + (dice() > 0.99 ? 1.5 : 0));
}

async function month(page) {
  await recorded(page, MONTH_BEGIN, DAY_BEGIN, 150);
  for (const service of SERVICES) {
    const labels = {job: 'probe-exporter', instance: 'farol:9115', target: service.name, module: service.module};
    let [attempts, failures] = [0, 0];
    for (let at = MONTH_BEGIN; at < DAY_BEGIN; at += 150) {
      const count = 150 / service.interval;
      attempts += count;
      if (outage(service, at) || dice() < service.noise) failures += Math.ceil(count);
      await page.sample('probe_attempts_total', labels, attempts.toFixed(0), at);
      await page.sample('probe_failures_total', labels, failures.toFixed(0), at);
    }
    service.before = {attempts: Math.round(attempts), failures: Math.round(failures)};
  }
}

const TLS = {job: 'tls-exporter', instance: 'farol:9219'};

/** When one is due, as tls-exporter has it, in seconds before its end. */
function renewal({age, left}) {
  const lifetime = age + left;
  return (lifetime > 100 ? Math.min(Math.max(lifetime / 10, 14), 60) : lifetime < 10 ? lifetime / 2 : lifetime / 3) * DAY;
}

/** What the rules record of certificates, over time. */
async function recorded(page, from, to, step) {
  for (const certificate of CERTIFICATES) {
    const labels = certificate.path
      ? {...TLS, source: 'letsencrypt', path: certificate.path, name: certificate.name}
      : {...TLS, target: certificate.name, module: 'tls', name: certificate.name};
    for (let at = from; at < to; at += step) {
      // Renewed when it was due, as often as need be.
      const lifetime = (certificate.age + certificate.left) * DAY;
      let end = END + certificate.left * DAY;
      while (end - lifetime > at) end -= lifetime - renewal(certificate);
      const due = end - renewal(certificate);
      await page.sample('tls:certificate_end:timestamp_seconds', labels, end, at);
      await page.sample('tls:certificate_due:timestamp_seconds', labels, due, at);
      await page.sample('tls:certificate_left:seconds', labels, end - at, at);
      await page.sample('tls:certificate_overdue:ratio', labels, (at - due) / (end - due), at);
    }
  }
}

/** What tls-exporter shows at the end. */
async function certificates(page) {
  for (let at = END - 15 * MINUTE; at <= END; at += SCRAPE) {
    const put = (name, value, more) => page.sample(name, {...TLS, ...more}, value, at);
    for (const {name, issuer, path, stale, tls = '1.3', no = [], reason, key = ['ecdsa', '256']} of CERTIFICATES) {
      const identity = {issuer_o: issuer, key_type: key[0], key_bits: key[1]};
      if (path) {
        await put('tls_file_certificate_info', 1, {source: 'letsencrypt', path, ...identity});
        continue;
      }
      const target = {target: name, module: 'tls'};
      await put('tls_certificate_info', 1, {...target, ...identity});
      await put('tls_probe_success', reason ? 0 : 1, target);
      await put('tls_probe_last_attempt_timestamp_seconds', at - 20, target);
      await put('tls_probe_last_success_timestamp_seconds', reason ? END - 3 * HOUR : at - 20, target);
      if (reason) await put('tls_probe_failure_info', 1, {...target, phase: 'tls', reason});
      if (no.includes('tls_chain_complete')) await page.sample('tls:certificate:fault', {...TLS, ...target, name, fault: 'chain'}, 1, at);
      if (reason === 'connect_timeout') continue;
      for (const fact of ['tls_certificate_time_valid', 'tls_hostname_match', 'tls_chain_trusted', 'tls_chain_complete', 'tls_chain_in_order', 'tls_handshake_key_proven']) {
        await put(fact, no.includes(fact) ? 0 : 1, target);
      }
      await put('tls_handshake_post_quantum', tls === '1.3' && name !== 'proxmox' ? 1 : 0, target);
      await put('tls_handshake_info', 1, {...target, version: `TLSv${tls}`, kx_group: tls === '1.3' && name !== 'proxmox' ? 'X25519MLKEM768' : 'X25519'});
      await put('tls_served_matches_stored', stale ? 0 : 1, {...target, source: 'npm', path: `/etc/letsencrypt/live/${name}/fullchain.pem`});
    }
    for (const [source, files, faulty] of [['letsencrypt', 9, 1], ['npm', 6, 0]]) {
      await put('tls_source_files', files, {source});
      await put('tls_source_faulty_files', faulty, {source});
      await put('tls_source_scan_timestamp_seconds', at - 12, {source});
    }
    await put('tls_file_error_info', 1, {source: 'letsencrypt', path: '/etc/letsencrypt/live/old.example.org/fullchain.pem', reason: 'not_found'});
    await put('npm_hosts', 7, {npm: 'npm', type: 'proxy', state: 'enabled'});
    await put('npm_hosts', 1, {npm: 'npm', type: 'proxy', state: 'offline'});
    await put('npm_hosts', 2, {npm: 'npm', type: 'proxy', state: 'disabled'});
    await put('npm_host_online', 0, {npm: 'npm', type: 'proxy', id: '9', host: 'wiki.example.org'});
    for (const [id, name, left, drift, hosts] of [['2', 'site.example.org', 61, 0, 2], ['4', 'loja.example.org', 27, 0, 1], ['5', 'wildcard', 12, -48, 3], ['7', 'old.example.org', 8, 0, 0]]) {
      await put('npm_certificate_expires_on_timestamp_seconds', END + left * DAY, {npm: 'npm', id, name, provider: 'letsencrypt'});
      await put('npm_certificate_expiry_drift_seconds', drift * DAY, {npm: 'npm', id, name});
      await put('npm_certificate_hosts', hosts, {npm: 'npm', id, name});
    }
  }
}

async function day(page) {
  await recorded(page, DAY_BEGIN, END + 1, SCRAPE);
  await certificates(page);
  for (const service of SERVICES) await probed(page, service);
  for (const exporter of [
    {name: 'farol', instance: 'farol:9700', base: 11.2e6, cpu: 0.0011, samples: 62, collectors: ['exporters'], samplers: []},
    {name: 'probe-exporter', instance: 'farol:9115', base: 17.8e6, cpu: 0.014, samples: 1180, collectors: [], samplers: ['targets']},
  ]) await own(page, exporter);
  await alerts(page);
}

async function probed(page, service) {
  const labels = {job: 'probe-exporter', instance: 'farol:9115', target: service.name, module: service.module};
  let {attempts, failures} = service.before;
  let [sum, count, skipped] = [0, 0, 0];
  const buckets = BOUNDS.map(() => 0);
  let lastGood = DAY_BEGIN;
  const put = (name, value, at, more = {}) => page.sample(name, {...labels, ...more}, value, at);
  for (let at = DAY_BEGIN; at <= END; at += SCRAPE) {
    if (away(at)) {
      [attempts, failures, sum, count] = [0, 0, 0, 0];
      buckets.fill(0);
      continue;
    }
    const down = outage(service, at);
    const time = down ? down.hangs ?? 0.02 : took(service, at);
    const rounds = Math.max(1, Math.round(SCRAPE / service.interval));
    attempts += rounds;
    count += rounds;
    sum += time * rounds;
    BOUNDS.forEach((bound, index) => { if (time <= bound) buckets[index] += rounds; });
    if (down) failures += rounds;
    else lastGood = at - 3;
    if (service.skips && dice() < 0.02) skipped += 1;
    await put('probe_attempts_total', attempts, at);
    await put('probe_failures_total', failures, at);
    await put('probe_rounds_skipped_total', skipped, at);
    for (const [index, bound] of BOUNDS.entries()) await put('probe_attempt_duration_seconds_bucket', buckets[index], at, {le: bound});
    await put('probe_attempt_duration_seconds_bucket', count, at, {le: '+Inf'});
    await put('probe_attempt_duration_seconds_sum', sum.toFixed(6), at);
    await put('probe_attempt_duration_seconds_count', count, at);
    await put('probe_success', down ? 0 : 1, at);
    await put('probe_duration_seconds', time.toFixed(6), at);
    await put('probe_interval_seconds', service.interval, at);
    await put('probe_timeout_seconds', 5, at);
    await put('probe_last_attempt_timestamp_seconds', at - 2, at);
    await put('probe_last_success_timestamp_seconds', lastGood, at);
    await put('probe_slo_objective_ratio', service.objective, at);
    if (down) await put('probe_failure_info', 1, at, {phase: down.phase, reason: down.reason});
    // The value that Prometheus puts where a series has ended.
    else if (outage(service, at - SCRAPE)) {
      const {phase, reason} = outage(service, at - SCRAPE);
      await put('probe_failure_info', 'NaN', at, {phase, reason});
    }
    for (const [phase, share] of Object.entries(service.phases)) {
      await put(service.family, (time * share * (0.9 + 0.2 * dice())).toFixed(6), at, {phase});
    }
    if (service.family === 'probe_http_duration_seconds') await put('probe_http_status_code', down ? down.status ?? 0 : service.status ?? 200, at);
    if (service.certificate) {
      const {left, lives} = service.certificate;
      await put('probe_ssl_earliest_cert_expiry', END + left * DAY, at);
      await put('probe_ssl_not_before_timestamp_seconds', END + (left - lives) * DAY, at);
      await put('probe_ssl_verified', service.certificate.untrusted ? 0 : 1, at);
    }
  }
}

async function own(page, {name, instance, base, cpu, samples, collectors, samplers}) {
  const labels = {job: name, instance};
  const put = (metric, value, at, more = {}) => page.sample(metric, {...labels, ...more}, value, at);
  let [seconds, scrapes, landing, refused] = [0, 0, 0, 0];
  let start = DAY_BEGIN - 9 * DAY;
  for (let at = DAY_BEGIN; at <= END; at += SCRAPE) {
    await put('up', away(at) ? 0 : 1, at);
    await put('scrape_timeout_seconds', 20, at);
    if (away(at)) {
      start = RESTART.at + RESTART.lasted;
      [seconds, scrapes, landing] = [0, 0, 0];
      continue;
    }
    seconds += cpu * SCRAPE * (0.8 + 0.4 * dice());
    scrapes += 1;
    if (dice() > 0.985) landing += 1 + Math.floor(dice() * 4);
    if (dice() > 0.998) refused += 1 + Math.floor(dice() * 3);
    const grown = 1 - Math.exp(-(at - start) / (2 * HOUR));
    await put('scrape_duration_seconds', (0.002 + samples * 3e-6 * (0.7 + 0.6 * dice())).toFixed(6), at);
    await put('scrape_samples_scraped', samples + Math.floor(dice() * 2), at);
    await put('farol_build_info', 1, at, {name, version: '0.1.0', revision: ''});
    await put('process_resident_memory_bytes', Math.round(base * (0.82 + 0.18 * grown) + 1e5 * dice()), at);
    await put('process_cpu_seconds_total', seconds.toFixed(3), at);
    await put('process_start_time_seconds', start, at);
    await put('process_open_fds', 21 + Math.floor(dice() * 6), at);
    await put('process_max_fds', 1024, at);
    await put('farol_http_connections', 1, at);
    await put('farol_http_requests_total', scrapes, at, {path: '/metrics', code: '200'});
    await put('farol_http_requests_total', landing, at, {path: '/', code: '200'});
    for (const reason of ['max_requests', 'rate_limit', 'unauthorized', 'target', 'tls_handshake']) {
      await put('farol_http_refused_total', reason === 'target' ? refused : 0, at, {reason});
    }
    await put('farol_page_dropped_total', 0, at, {reason: 'duplicate'});
    await put('farol_probe_unknown_module_total', 0, at);
    await put('farol_config_last_reload_successful', 1, at);
    await put('farol_config_last_reload_success_timestamp_seconds', start, at);
    for (const collector of collectors) {
      await put('farol_collector_success', 1, at, {collector});
      await put('farol_collector_duration_seconds', (0.00004 + 0.00003 * dice()).toFixed(6), at, {collector});
    }
    for (const sampler of samplers) {
      await put('farol_sampler_last_success_timestamp_seconds', at - Math.floor(10 * dice()), at, {sampler});
      await put('farol_sampler_restarts_total', 0, at, {sampler});
    }
  }
}

/** What the rules would have made of it: the alerts of what is wrong at the end, and the one that always fires. */
async function alerts(page) {
  const fire = async (alertname, severity, labels, since) => {
    for (let at = Math.max(since, DAY_BEGIN); at <= END; at += SCRAPE) {
      const all = {alertname, severity, ...labels};
      await page.sample('ALERTS', {...all, alertstate: 'firing'}, 1, at);
      await page.sample('ALERTS_FOR_STATE', all, since, at);
    }
  };
  await fire('Watchdog', 'info', {}, DAY_BEGIN);
  for (const service of SERVICES) {
    const labels = {job: 'probe-exporter', instance: 'farol:9115', target: service.name, module: service.module};
    const down = outage(service, END - 1);
    const alert = down && (down.status && down.status < 500 ? 'ServiceWrongAnswer' : 'ServiceDown');
    if (down) await fire(alert, 'critical', labels, END - down.ago + 60);
    if (service.slowSince) await fire('ServiceSlow', 'warning', {job: labels.job, target: labels.target}, END - service.slowSince + 600);
  }
  const overdue = {
    'npm-4': {source: 'npm', path: '/etc/letsencrypt/live/npm-4/fullchain.pem'},
    vaultwarden: {target: 'vaultwarden', module: 'tls'},
  };
  for (const [name, labels] of Object.entries(overdue)) {
    await fire('CertificateRenewalOverdue', 'warning', {...TLS, name, ...labels}, END - 11 * 3600);
  }
  for (const [name, severity, labels, ago] of ALERTS) await fire(name, severity, labels, END - ago);
}

const [first, second] = [new Page(monthFile), new Page(dayFile)];
await month(first);
await first.end();
await day(second);
await cluster(second, {begin: DAY_BEGIN, end: END, dice});
await second.end();
console.log(END);
