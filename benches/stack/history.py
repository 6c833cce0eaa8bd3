"""Blocks of a history out of real pages: history.py DAYS PROMTOOL TSDB JOB=INSTANCE=PAGE ...

Every series of the pages goes back 26 h at 30 s, more than any rule or panel reads of a raw series, and at one an hour
before that, so that the blocks hold the series, with fewer samples. What the rules record and read over days is written
at its own interval for the whole time. Counters grow as they did on the page, gauges stay where they are with some noise,
timestamps that are near now move along; one probe in 2,000 of a service that is well fails.
"""

import os
import random
import subprocess
import sys
import tempfile
import time

RAW, HOUR = 26 * 3600, 3600
days, promtool, tsdb = int(sys.argv[1]), sys.argv[2], sys.argv[3]
now = int(time.time())
start = now - days * 86400
random.seed(1)


def series():
    """Of every sample on the pages: its text with job and instance, its kind and its value."""
    for argument in sys.argv[4:]:
        job, instance, page = argument.split("=")
        own = f'job="{job}",instance="{instance}"'
        types = {}
        for line in open(page):
            if line.startswith("# TYPE"):
                _, _, name, kind = line.split()
                types[name] = kind
            elif not line.startswith("#") and line.strip():
                text, value = line.rsplit(" ", 1)
                name, _, labels = text.partition("{")
                family = next((name[: -len(end)] for end in ("_bucket", "_sum", "_count") if name.endswith(end)), name)
                kind = "counter" if types.get(family) == "histogram" else types.get(name, "gauge")
                labels = own + ("," + labels[:-1] if labels else "")
                yield f"{name}{{{labels}}}", name, kind, float(value)
        for name, value in (("up", 1), ("scrape_duration_seconds", 0.02), ("scrape_samples_scraped", 8000)):
            yield f"{name}{{{own}}}", name, "gauge", value


PAGE = list(series())
born = min(value for _, name, _, value in PAGE if name == "process_start_time_seconds")
down = {text.split("{")[1] for text, name, _, value in PAGE if name == "probe_success" and value == 0}


def samples(row, times):
    """The values of a series at these times."""
    text, name, kind, value = row
    if kind == "counter":
        slope = value / max(now - born, 1)
        return [f"{slope * (t - start):.3f}" for t in times]
    if name.endswith("_timestamp_seconds") and now - 600 < value <= now + 1:
        return [f"{t - (t - value) % 30:.3f}" for t in times]
    if name == "probe_success" and value == 1:
        return ["0" if random.random() < 0.0005 else "1" for _ in times]
    if name.endswith("duration_seconds"):
        steps = [f"{value * (0.8 + 0.02 * step):.6f}" for step in range(21)]
        return random.choices(steps, k=len(times))
    return [f"{value:.6f}".rstrip("0").rstrip(".")] * len(times)


def recorded():
    """What the rules record and read over days: text, interval, how far back, and values."""
    for text, name, _, value in PAGE:
        if name not in ("probe_success", "probe_ssl_earliest_cert_expiry"):
            continue
        labels = dict(part.split("=", 1) for part in text.split("{")[1][:-1].split(","))
        if name != "probe_success":
            # Of certificates the rules read a day, at most.
            own = f'{{job={labels["job"]},instance={labels["instance"]},target={labels["target"]},module={labels["module"]},name={labels["target"]}'
            own += f',node="pve{int(labels["target"].strip(chr(34)).rsplit("-", 1)[1]) % 3}"}}'
            for what, moment in (("begin", value - 90 * 86400), ("end", value), ("due", value - 30 * 86400)):
                yield f"tls:certificate_{what}:timestamp_seconds{own}", 60, RAW, lambda moment=moment: f"{moment:.0f}"
            continue
        by = f'{{job={labels["job"]},target={labels["target"]}}}'
        bad = text.split("{")[1] in down
        yield "probe:attempts:increase5m" + by, 300, days * 86400, lambda: "10"
        yield "probe:attempts:increase1h" + by, 3600, days * 86400, lambda: "120"
        fails = (lambda: "10") if bad else (lambda: "1" if random.random() < 0.005 else "0")
        yield "probe:failures:increase5m" + by, 300, days * 86400, fails
        yield "probe:failures:increase1h" + by, 3600, days * 86400, (lambda: "120") if bad else fails
        times = lambda: f"{random.uniform(0.004, 0.006):.6f}"
        yield "probe:duration_seconds:mean15m" + by, 120, 8 * 86400, times
        yield "probe:duration_seconds:mean1h" + by, 3600, 8 * 86400, times


RECORDED = list(recorded())


def windows():
    """Blocks as a Prometheus has them after compaction: long ones behind, short ones near now."""
    at = start
    while at < now:
        for hours in (162, 54, 18, 6, 2):  # the longest are a tenth of the 180 days that are kept
            end = at - at % (hours * HOUR) + hours * HOUR
            if end < now - 3 * HOUR or hours == 2:
                break
        yield at, min(end, now), hours
        at = end


def grid(begin, end, step):
    return range(-(-begin // step) * step, end, step)


total = 0
for begin, end, length in windows():
    with tempfile.NamedTemporaryFile("w", dir=".", suffix=".om", buffering=1 << 22) as file:
        times = [*grid(begin, min(end, now - RAW), HOUR), *grid(max(begin, now - RAW), end, 30)]
        for row in PAGE:
            text = row[0]
            file.write("".join([f"{text} {value} {t}\n" for t, value in zip(times, samples(row, times))]))
        total += len(PAGE) * len(times)
        for text, step, back, value in RECORDED:
            own = grid(max(begin, now - back), end, step)
            file.write("".join([f"{text} {value()} {t}\n" for t in own]))
            total += len(own)
        file.write("# EOF\n")
        file.flush()
        # One block a window; the flag is a hidden one, without it a block is 2 h and the file is read once for each.
        arguments = [promtool, "tsdb", "create-blocks-from", "openmetrics", "-q", f"--max-block-duration={length}h"]
        subprocess.run([*arguments, file.name, tsdb], check=True, stdout=subprocess.DEVNULL)
print(f"{len(PAGE)} series on the pages, {len(RECORDED)} recorded ones, {total / 1e6:.1f} million samples, {len(os.listdir(tsdb))} blocks")
