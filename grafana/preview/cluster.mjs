// A Proxmox VE cluster of the company of history.mjs, as proxmox-exporter and the rules have it: for looking at dashboards.
const [MINUTE, HOUR, DAY, GIB] = [60, 3600, 86400, 2 ** 30];
const SCRAPED = {job: 'proxmox-exporter', instance: 'farol:9221', cluster: 'home'};

const NODES = [
  {name: 'pve1', cores: 16, memory: 128, used: 0.71, busy: 0.31, up: 41},
  {name: 'pve2', cores: 16, memory: 128, used: 0.86, busy: 0.44, up: 41},
  {name: 'pve3', cores: 8, memory: 64, used: 0.48, busy: 0.12, up: 3},
];
// Number, name, node, memory in GiB, how busy; `stopped`: by whom matters not; `fell`: since when, in seconds.
const GUESTS = [
  ['qemu', 100, 'opnsense', 'pve1', 4, 0.22], ['qemu', 101, 'dc01', 'pve1', 8, 0.09], ['lxc', 102, 'dns', 'pve1', 1, 0.02],
  ['lxc', 103, 'proxy', 'pve2', 2, 0.11], ['qemu', 104, 'wordpress', 'pve2', 8, 0.37], ['qemu', 105, 'nextcloud', 'pve2', 16, 0.28],
  ['qemu', 106, 'database', 'pve2', 32, 0.46], ['lxc', 107, 'cache', 'pve2', 4, 0.06], ['lxc', 108, 'registry', 'pve1', 4, 0.13],
  ['qemu', 109, 'jupyter', 'pve1', 24, 0.63], ['qemu', 110, 'mail', 'pve3', 6, 0.08], ['lxc', 111, 'vaultwarden', 'pve3', 1, 0.01],
  ['qemu', 112, 'windows-lab', 'pve3', 8, 0, {stopped: true}], ['qemu', 113, 'loja', 'pve3', 8, 0, {fell: 26 * MINUTE}],
  ['lxc', 114, 'monitoring', 'pve3', 6, 0.17],
].map(([type, vmid, name, node, memory, busy, more = {}]) => ({type, id: `${type}/${vmid}`, name, node, memory, busy, ...more}));
const STORAGES = [
  {storage: 'nas', shared: true, from: 0.79, to: 0.83, saw: 0.05, content: 'backup'},
  {storage: 'local', node: 'pve1', from: 0.41, to: 0.41}, {storage: 'local', node: 'pve2', from: 0.55, to: 0.56},
  {storage: 'local', node: 'pve3', from: 0.33, to: 0.33}, {storage: 'local-zfs', node: 'pve1', from: 0.62, to: 0.63},
  {storage: 'local-zfs', node: 'pve2', from: 0.71, to: 0.92}, {storage: 'local-lvm', node: 'pve3', from: 0.47, to: 0.48},
];

/** Writes what was scraped and recorded from `begin` to `end`. */
export async function cluster(page, {begin, end, dice}) {
  for (let at = begin; at <= end; at += 60) {
    const put = (name, labels, value) => page.sample(name, {...SCRAPED, ...labels}, value, at);
    const day = Math.max(0, Math.sin(((at % DAY) / DAY) * 2 * Math.PI - 2));
    const passed = (at - begin) / (end - begin);
    for (const [index, node] of NODES.entries()) await aNode(put, node, {at, end, day, index, dice, passed});
    for (const guest of GUESTS) await aGuest(put, guest, {at, begin, end, day, dice});
    for (const one of STORAGES) {
      const saw = one.saw ? one.saw * Math.max(0, Math.sin(passed * Math.PI * 6)) ** 6 : 0;
      const labels = one.shared ? {storage: one.storage} : {storage: one.storage, node: one.node};
      await put('pve:storage_used:ratio', labels, one.from + (one.to - one.from) * passed + saw);
      if (one.to - one.from > 0.02) await put('pve:storage_full_in:seconds', labels, ((1 - one.to) / (one.to - one.from)) * DAY);
    }
    await put('pve_cluster_quorate', {}, 1);
    await put('pve_cluster_nodes', {}, 3);
    await put('pve_view_complete', {}, 1);
    for (const [path, outcome, each] of [['/cluster/resources', 'ok', 2], ['/nodes/{node}/status', 'ok', 3], ['/nodes/{node}/disks/list', 'timeout', 0.05]]) {
      await put('pve_api_requests_total', {path, outcome}, Math.floor(((at - begin) / 60) * each));
    }
    await put('pve_tasks_finished_total', {node: 'pve2', type: 'vzdump', result: 'error'}, at > end - 6 * HOUR ? 2 : 1);
    await put('pve_tasks_finished_total', {node: 'pve1', type: 'aptupdate', result: 'error'}, at > end - 15 * HOUR ? 1 : 0);
  }
  await now(page, end);
}

async function aNode(put, node, {at, end, day, index, dice, passed}) {
  const {name} = node;
  const id = {id: `node/${name}`};
  // pve3 was restarted three days ago by the watch, and was away for a while in the night.
  const gone = name === 'pve3' && at > end - 13 * HOUR && at < end - 12.7 * HOUR;
  await put('pve:node:up', {node: name}, gone ? 0 : 1);
  if (gone) return;
  const busy = node.busy * (0.7 + 0.5 * day) + 0.05 * dice();
  await put('pve_cpu_usage_ratio', id, busy.toFixed(4));
  await put('pve_cpu_usage_limit', id, node.cores);
  await put('pve_memory_size_bytes', id, node.memory * GIB);
  const used = node.used + 0.02 * Math.sin(at / 5000) + (name === 'pve2' ? 0.06 * passed : 0);
  await put('pve_memory_usage_bytes', id, Math.round(used * node.memory * GIB));
  await put('pve:node_memory_left:ratio', {node: name}, 1 - used);
  await put('pve:node_memory_promised:ratio', {node: name}, [0.64, 1.08, 0.41][index]);
  await put('pve_uptime_seconds', id, node.up * DAY - (end - at) > 0 ? node.up * DAY - (end - at) : 60);
  await put('pve_node_iowait_ratio', {node: name}, (0.004 + 0.03 * day * (index === 1 ? 4 : 1) * dice()).toFixed(4));
  await put('pve_node_load5', {node: name}, (busy * node.cores * (0.9 + 0.3 * dice())).toFixed(2));
  await put('pve_node_swap_usage_bytes', {node: name}, [0.1, 1.7, 0][index] * GIB);
  const on = GUESTS.filter((guest) => guest.node === name);
  for (const type of ['qemu', 'lxc']) {
    const all = on.filter((guest) => guest.type === type);
    const stopped = all.filter((guest) => guest.stopped || (guest.fell && at > end - guest.fell)).length;
    await put('pve_node_guests', {node: name, type, status: 'running'}, all.length - stopped);
    if (stopped) await put('pve_node_guests', {node: name, type, status: 'stopped'}, stopped);
  }
  await put('pve_zfs_device_errors', {node: name, pool: 'rpool', device: 'nvme1n1p3', kind: 'cksum'}, name === 'pve2' && at > end - 7 * HOUR ? Math.floor((at - end + 7 * HOUR) / 3000) : 0);
}

async function aGuest(put, guest, {at, begin, end, day, dice}) {
  const {id, name, node} = guest;
  const runs = !guest.stopped && !(guest.fell && at > end - guest.fell);
  await put('pve:guest:thing', {id, node, name}, 1);
  await put('pve:guest:up', {id}, runs ? 1 : 0);
  if (!guest.stopped) await put('pve:guest:wanted', {id}, 1);
  await put('pve_memory_size_bytes', {id}, guest.memory * GIB);
  await put('pve_uptime_seconds', {id}, runs ? 3 * DAY + (at - begin) + guest.memory * HOUR : 0);
  if (!runs) return;
  const busy = guest.busy * (0.6 + 0.7 * day) * (0.8 + 0.4 * dice());
  await put('pve_cpu_usage_ratio', {id}, busy.toFixed(4));
  await put('pve_memory_usage_bytes', {id}, Math.round(guest.memory * GIB * (0.55 + guest.busy / 2 + 0.03 * Math.sin(at / 4000))));
  guest.sums ??= {network_receive: 0, network_transmit: 0, disk_read: 0, disk_written: 0};
  for (const [index, key] of Object.keys(guest.sums).entries()) {
    guest.sums[key] += 60 * guest.busy * (0.5 + day + dice()) * [9e5, 6e5, 4e5, 8e5][index] * guest.memory ** 0.4;
    await put(`pve_${key}_bytes_total`, {id}, Math.round(guest.sums[key]));
  }
  for (const [resource, kind, most] of [['cpu', 'some', 0.06], ['io', 'full', guest.name === 'database' ? 0.22 : 0.02], ['memory', 'full', guest.name === 'jupyter' ? 0.08 : 0.001]]) {
    await put('pve_guest_pressure_ratio', {id, resource, kind}, (most * (0.3 + day) * dice()).toFixed(4));
  }
  if (guest.type === 'lxc') {
    await put('pve_guest_swap_usage_bytes', {id}, Math.round(guest.memory * 2 ** 24));
    await put('pve_disk_size_bytes', {id}, 32 * GIB);
    await put('pve_disk_usage_bytes', {id}, Math.round((0.2 + guest.busy * 2) * 32 * GIB + ((at - begin) / DAY) * 2 ** 28));
  } else await put('pve_guest_balloon_bytes', {id}, guest.memory * GIB * 0.9);
}

/** What changes seldom, in its last quarter of an hour. */
async function now(page, end) {
  for (let at = end - 15 * MINUTE; at <= end; at += 60) {
    const put = (name, labels, value) => page.sample(name, {...SCRAPED, ...labels}, value, at);
    for (const [index, {name: node}] of NODES.entries()) {
      await put('pve_node_version_info', {node, pveversion: index === 2 ? '9.1.2' : '9.0.11', kernel: '6.14.11-2-pve', cpu_model: 'AMD EPYC 7302P 16-Core Processor', boot_mode: 'efi'}, 1);
      for (const [disk, model, healthy, left] of [['nvme0n1', 'SAMSUNG MZVL2512', 1, [0.91, 0.07, 0.98][index]], ['nvme1n1', 'SAMSUNG MZVL2512', 1, [0.9, 0.31, 0.97][index]], ['sda', 'WDC WD40EFRX-68N', index === 1 ? 0 : 1, undefined]]) {
        const device = `/dev/${disk}`;
        await put('pve_node_disk_info', {node, device, model, serial: 'S', type: 'ssd', used: 'ZFS'}, 1);
        await put('pve_node_disk_healthy', {node, device}, healthy);
        await put('pve_node_disk_size_bytes', {node, device}, left === undefined ? 4e12 : 512e9);
        if (left !== undefined) await put('pve_node_disk_life_left_ratio', {node, device}, left);
      }
      await put('pve_zfs_pool_online', {node, pool: 'rpool'}, 1);
      await put('pve_zfs_pool_size_bytes', {node, pool: 'rpool'}, 476 * GIB);
      await put('pve_zfs_pool_allocated_bytes', {node, pool: 'rpool'}, [296, 438, 120][index] * GIB);
      for (const [file, days] of [['pve-ssl.pem', [410, 9, 700][index]], ['pve-root-ca.pem', 3100]]) await put('pve_certificate_not_after_timestamp_seconds', {node, filename: file}, end + days * DAY);
      await put('pve_service_up', {node, service: 'pveproxy'}, 1);
    }
    await put('pve_service_up', {node: 'pve3', service: 'pvescheduler'}, 0);
    await put('pve_lvmthin_size_bytes', {node: 'pve3', vg: 'pve', lv: 'data'}, 340 * GIB);
    await put('pve_lvmthin_usage_bytes', {node: 'pve3', vg: 'pve', lv: 'data'}, 163 * GIB);
    await put('pve_lvmthin_metadata_size_bytes', {node: 'pve3', vg: 'pve', lv: 'data'}, 100);
    await put('pve_lvmthin_metadata_usage_bytes', {node: 'pve3', vg: 'pve', lv: 'data'}, 78);
    await put('pve_node_package_upgradable_info', {node: 'pve1', package: 'pve-manager', installed: '9.0.11', available: '9.1.2'}, 1);
    await put('pve_node_package_upgradable_info', {node: 'pve2', package: 'pve-manager', installed: '9.0.11', available: '9.1.2'}, 1);
    for (const [index, guest] of GUESTS.entries()) {
      const {id, node, name} = guest;
      const free = name === 'monitoring' || name === 'windows-lab';
      if (free) { await put('pve_not_backed_up_info', {id}, 1); continue; }
      const hours = name === 'jupyter' ? 44 : name === 'database' ? 82 : 5 + index / 7;
      await put('pve:backup_last:timestamp_seconds', {id}, end - hours * HOUR);
      await put('pve:backup_late:ratio', {id, node, name}, hours / 24);
      await put('pve_backup_last_timestamp_seconds', {id, storage: 'nas'}, end - hours * HOUR);
      await put('pve_backups', {id, storage: 'nas'}, 7);
      await put('pve_backup_last_size_bytes', {id, storage: 'nas'}, guest.memory * 1.7 * GIB);
      await put('pve_backups_size_bytes', {id, storage: 'nas'}, guest.memory * 9 * GIB);
      await put('pve_backup_last_verified', {id, storage: 'nas'}, 1);
      if (index % 3 === 0) {
        await put('pve_guest_snapshots', {id}, 1 + (index % 2));
        await put('pve_guest_snapshot_oldest_timestamp_seconds', {id}, end - (index * 11 + 1) * DAY);
      }
    }
    for (const [mountpoint, used] of [['/', 44], ['/var', 91]]) {
      await put('pve_guest_filesystem_usage_bytes', {id: 'qemu/104', mountpoint, fstype: 'ext4'}, used);
      await put('pve_guest_filesystem_size_bytes', {id: 'qemu/104', mountpoint, fstype: 'ext4'}, 100);
    }
    await put('pve_backup_job_info', {id: 'backup-1', storage: 'nas', schedule: '02:00', mode: 'snapshot', guests: 'all'}, 1);
    await put('pve_backup_job_next_run_timestamp_seconds', {id: 'backup-1'}, end + 9 * HOUR);
    await put('pve_backup_job_info', {id: 'backup-2', storage: 'nas', schedule: 'sun 04:00', mode: 'stop', guests: '101,106'}, 1);
    for (const [id, guest, failed] of [['104-0', 'qemu/104', 0], ['106-0', 'qemu/106', 4]]) {
      await put('pve_replication_info', {id, type: 'local', source: 'node/pve2', target: 'node/pve1', guest}, 1);
      await put('pve_replication_failed_syncs', {id}, failed);
      await put('pve_replication_last_sync_timestamp_seconds', {id}, end - (failed ? 3 * HOUR : 8 * MINUTE));
      await put('pve_replication_duration_seconds', {id}, failed ? 61 : 4.2);
    }
    for (const [id, node, state] of [['qemu/100', 'pve1', 'started'], ['lxc/103', 'pve2', 'started'], ['qemu/110', 'pve3', 'error']]) await put('pve_ha_service_info', {id, node, state, request_state: 'started'}, 1);
    for (const collector of ['resources', 'disks', 'backups', 'zfs']) await put('pve:collector:blind', {collector, node: ''}, 0);
    await put('pve:collector:blind', {collector: 'disks', node: 'pve2'}, 1);
    await put('pve_collector_failure_info', {collector: 'disks', node: 'pve2', reason: 'timeout'}, 1);
    for (const [target, id, up] of [['blog', 'qemu/104', 0], ['loja', 'qemu/113', 0], ['nextcloud', 'qemu/105', 1], ['mail', 'qemu/110', 1], ['registry', 'lxc/108', 1]]) {
      const module = {blog: 'wordpress', registry: 'registry_v2', mail: 'smtp_starttls'}[target] ?? 'https_2xx';
      await page.sample('probe_target_info', {job: 'probe-exporter', instance: 'farol:9115', target, module, address: 'https://x/', id}, 1, at);
    }
  }
}

/** What is wrong with it, as the rules tell it: name, severity, labels, and since when, in seconds before the end. */
export const ALERTS = [
  ['GuestDown', 'critical', {id: 'qemu/113', node: 'pve3', name: 'loja'}, 22 * MINUTE],
  ['DiskFailing', 'critical', {node: 'pve2', device: '/dev/sda'}, 5 * HOUR],
  ['BackupTooOld', 'critical', {id: 'qemu/106', node: 'pve2', name: 'database'}, 10 * HOUR],
  ['StorageFullSoon', 'warning', {storage: 'local-zfs', node: 'pve2'}, 3 * HOUR],
].map(([name, severity, labels, ago]) => [name, severity, {...SCRAPED, ...labels}, ago]);
