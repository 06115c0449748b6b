#!/usr/bin/env python3
"""The Grafana dashboard is whole, and asks for what the daemon gives: its
metrics and their labels are those of the one table, as tests/doc/dump has
them. TAP; DUMP is that program."""

import json
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                os.pardir, "e2e"))

from harness import TOP, contains, eq, lacks, main, ok, test  # noqa: E402

DASHBOARD = os.path.join(TOP, "contrib", "grafana", "partyline.json")
METRIC = re.compile(r"\b(?:partyline|process)_[a-z_]+\b")
# metric{selector}[range]
SERIES = re.compile(r"\b((?:partyline|process)_[a-z_]+)\{([^}]*)\}"
                    r"(\[[^]]*\])?")
SUFFIXES = ("_bucket", "_sum", "_count")


def _table():
    """name: (type, labels) of every metric there is."""
    out = subprocess.run([os.environ["DUMP"]], stdin=subprocess.DEVNULL,
                         stdout=subprocess.PIPE, check=True, timeout=30)
    lines = out.stdout.decode().split("\nmetrics\n")[1]
    lines = lines.split("\noptions\n")[0].splitlines()
    rows = [line.split(" ") for line in lines]
    ok(len(rows) > 20, "the table of metrics: %r" % rows)
    return {row[0]: (row[1], row[2:]) for row in rows}


def _dashboard():
    with open(DASHBOARD, encoding="utf-8") as f:
        return json.load(f)


def _base(table, name):
    """The metric that a series' name is of; None: there is none."""
    if name in table:
        return None if table[name][0] == "histogram" else name
    for suffix in SUFFIXES:
        stem = name[:-len(suffix)]
        if name.endswith(suffix) and table.get(stem, ("",))[0] == "histogram":
            return stem
    return None


def _targets(dashboard):
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            yield panel, target


def _expressions(dashboard):
    """(where, PromQL)"""
    for panel, target in _targets(dashboard):
        yield "panel %s" % panel["title"], target["expr"]
    for one in dashboard["annotations"]["list"]:
        yield "annotation %s" % one["name"], one["expr"]
    for one in dashboard["templating"]["list"]:
        if one["type"] == "query":
            yield "variable %s" % one["name"], one["query"]


@test()
def metrics_exist():
    """every metric in it is one of the table's, by its type"""
    table, seen = _table(), set()
    for where, expr in _expressions(_dashboard()):
        names = METRIC.findall(expr)
        ok(names, "%s asks for a metric: %s" % (where, expr))
        for name in names:
            base = _base(table, name)
            ok(base, "%s: there is no metric %s" % (where, name))
            seen.add(base)
    missing = set(table) - seen
    eq(sorted(missing), [], "metrics that it does not show")


@test()
def asked_rightly():
    """counters and buckets are asked for by their rate, gauges are not"""
    table = _table()
    for panel, target in _targets(_dashboard()):
        expr = target["expr"]
        series = SERIES.findall(expr)
        eq(len(series), len(METRIC.findall(expr)), "selectors in " + expr)
        for name, selector, window in series:
            counts = table[_base(table, name)][0] != "gauge"
            eq((bool(window), selector), (counts, 'instance=~"$instance"'),
               "%s in %s" % (name, panel["title"]))
            eq("rate(%s{" % name in expr, counts, expr)
        eq("histogram_quantile(" in expr, "_bucket" in expr, expr)
        for opened, closed in ("()", "{}", "[]"):
            eq(expr.count(opened), expr.count(closed), expr)


@test()
def labels_exist():
    """what it sorts by, and what its legends name, are the metrics' labels"""
    table = _table()
    for panel, target in _targets(_dashboard()):
        expr, legend = target["expr"], target["legendFormat"]
        known = {"instance"}
        for name in METRIC.findall(expr):
            known.update(table[_base(table, name)][1])
            if name.endswith("_bucket"):
                known.add("le")
        by = set(re.findall(r"\w+", " ".join(
            re.findall(r"\bby \(([^)]*)\)", expr))))
        eq(sorted(by - known), [], "unknown labels in " + expr)
        named = set(re.findall(r"\{\{(\w+)\}\}", legend))
        eq(sorted(named - by), [], "in the legend of " + panel["title"])


@test()
def whole():
    """each panel has a place, a text, and the data source that was chosen"""
    dashboard = _dashboard()
    variables = {v["name"]: v for v in dashboard["templating"]["list"]}
    eq(variables["datasource"]["type"], "datasource")
    eq(variables["datasource"]["query"], "prometheus")
    source = {"type": "prometheus", "uid": "${datasource}"}
    eq(variables["instance"]["datasource"], source)
    ids, taken = set(), set()
    for panel in dashboard["panels"]:
        lacks(ids, panel["id"], "id")
        ids.add(panel["id"])
        at = panel["gridPos"]
        ok(at["x"] >= 0 and at["x"] + at["w"] <= 24, panel["title"])
        for x in range(at["x"], at["x"] + at["w"]):
            for y in range(at["y"], at["y"] + at["h"]):
                lacks(taken, (x, y), panel["title"] + " lies on another")
                taken.add((x, y))
        if panel["type"] == "row":
            continue
        contains(("stat", "timeseries"), panel["type"])
        ok(panel["description"], panel["title"] + " says what it shows")
        eq(panel["datasource"], source, panel["title"])
        refs = [target["refId"] for target in panel["targets"]]
        eq(len(set(refs)), len(refs), panel["title"])
    for _, target in _targets(dashboard):
        eq(target["datasource"], source)


if __name__ == "__main__":
    main()
