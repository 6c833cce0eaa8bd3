"""Asks a running Prometheus what the dashboards ask, and how long its rules took: ask.py FOLDER

Waits until every group of rules was evaluated twice. Each query runs ROUNDS times, one after the other as Grafana asks them
at worst; the table has the median of a dashboard's sum, and the slowest queries.
"""

import glob
import json
import re
import statistics
import sys
import time
import urllib.parse
import urllib.request

BASE, RANGE, SCRAPE, ROUNDS, WIDTH = "http://127.0.0.1:9090/api/v1/", 86400, 30, 5, 1880


def api(path, **arguments):
    data = urllib.parse.urlencode(arguments).encode() if arguments else None
    with urllib.request.urlopen(BASE + path, data, timeout=120) as answer:
        body = json.load(answer)
    assert body["status"] == "success", body
    return body["data"]


def step(points):
    """As Grafana rounds it, no finer than the scrape interval."""
    exact = RANGE / points
    table = ((45, 30), (90, 60), (210, 120), (450, 300), (750, 600), (1050, 900), (1500, 1200), (2700, 1800), (5400, 3600))
    return max(next((to for below, to in table if exact < below), 7200), SCRAPE)


def ask(panel, target):
    least = int((panel.get("interval") or "0m").removesuffix("m")) * 60
    each = max(least, step(panel.get("maxDataPoints") or panel["gridPos"]["w"] / 24 * WIDTH))
    text = target["expr"].replace("$__rate_interval", f"{max(each + SCRAPE, 4 * SCRAPE)}s")
    text = text.replace("$__interval", f"{each}s").replace("$__range", f"{RANGE}s")
    # A variable of the dashboard's that is not Grafana's own stands for all.
    text = re.sub(r"\$[a-z]+", ".+", text)
    now = time.time()
    begin = time.perf_counter()
    if target.get("instant"):
        data = api("query", query=text)
    else:
        data = api("query_range", query=text, step=each, start=now // each * each - RANGE, end=now // each * each)
    return time.perf_counter() - begin, len(data["result"])


def groups():
    return api("rules")["groups"]


def seconds(query):
    return {row["metric"].get("rule_group", "").rsplit(";", 1)[-1]: float(row["value"][1]) for row in api("query", query=query)["result"]}


# Every group once, which takes as long as the longest interval.
began = time.time()
while any(group["lastEvaluation"].startswith("0001") for group in groups()):
    assert time.time() - began < 900, "a group is not evaluated"
    time.sleep(2)
time.sleep(60)  # and the quick ones once more, with what the slow ones recorded
bad = [(rule["name"], rule["lastError"]) for group in groups() for rule in group["rules"] if rule["health"] != "ok"]
assert not bad, bad

took, sums = {}, []
for _ in range(8):
    now = {group["name"]: group["evaluationTime"] for group in groups()}
    sums.append(sum(now.values()))
    for name, value in now.items():
        took.setdefault(name, []).append(value)
    time.sleep(15)
print(f"rules: sum of the groups' last evaluations, median {statistics.median(sums) * 1000:.0f} ms [{min(sums) * 1000:.0f}..{max(sums) * 1000:.0f}]")
for name, values in sorted(took.items(), key=lambda row: -statistics.median(row[1])):
    print(f"  {name:20} {statistics.median(values) * 1000:7.1f} ms")
rules = [(rule["evaluationTime"], group["name"], rule["name"]) for group in groups() for rule in group["rules"]]
for value, group, name in sorted(rules, reverse=True)[:8]:
    print(f"    {value * 1000:6.1f} ms  {group}: {name}")
exported = seconds("prometheus_rule_group_last_duration_seconds")
print(f"  prometheus_rule_group_last_duration_seconds, summed: {sum(exported.values()) * 1000:.0f} ms")
missed = seconds("sum(prometheus_rule_group_iterations_missed_total)")
firing = api("query", query='sum by (alertname) (ALERTS{alertstate="firing"})')["result"]
print(f"  missed iterations: {sum(missed.values()):.0f}; firing:", {row["metric"]["alertname"]: int(float(row["value"][1])) for row in firing})

for file in sorted(glob.glob(sys.argv[1] + "/*.json")):
    dashboard = json.load(open(file))
    asked = [(panel, target) for panel in dashboard["panels"] for target in panel.get("targets", [])]
    rounds = [[ask(*one) for one in asked] for _ in range(ROUNDS)]
    each = [statistics.median(row[0] for row in column) for column in zip(*rounds)]
    all_ = [sum(row[0] for row in one) for one in rounds]
    print(f"{dashboard['uid']}: {len(asked)} queries, all of them median {statistics.median(all_) * 1000:.0f} ms [{min(all_) * 1000:.0f}..{max(all_) * 1000:.0f}]")
    slow = sorted(zip(each, asked, rounds[-1]), key=lambda row: -row[0])[:5]
    for value, (panel, target), (_, rows) in slow:
        print(f"    {value * 1000:6.1f} ms  {panel['title']}, {target['refId']} ({rows} rows)")
