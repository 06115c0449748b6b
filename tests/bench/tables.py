"""What run has measured, as Markdown: a table for each kind of load."""
import statistics


def rate(v):
    return f"{v / 1e6:.2f} M" if v >= 1e6 else f"{v / 1e3:.0f} k"


def bytes_(v):
    return f"{v:,.0f}"


def us(v):
    return f"{v:.1f}"


def ms(v):
    return f"{v / 1e3:.1f}"


# key, metric, unit, how to write it, how to judge it, the target
AT_LEAST, AT_MOST, WITHIN = "of the floor, at least", "of the floor, at most", \
    "itself, at most"
ROWS = [
    ("a64", "deliveries_per_cpu", "deliveries/CPU s", rate, AT_LEAST, 0.7),
    ("a8", "deliveries_per_cpu", "deliveries/CPU s", rate, AT_LEAST, 0.8),
    ("a1", "deliveries_per_cpu", "deliveries/CPU s", rate, AT_LEAST, 0.8),
    ("b", "deliveries_per_cpu", "deliveries/CPU s", rate, AT_LEAST, 0.8),
    ("b", "p50_us", "p50, ms", ms, None, None),
    ("b", "p99_us", "p99, ms", ms, AT_MOST, 1.3),
    ("c", "deliveries_per_cpu", "deliveries/CPU s", rate, AT_LEAST, 0.3),
    ("d1000", "per_connection", "bytes", bytes_, WITHIN, 1536),
    ("d10000", "per_connection", "bytes", bytes_, WITHIN, 1536),
    ("d1000", "per_connection_heard", "bytes, a message heard", bytes_, None,
     None),
    ("d10000", "per_connection_heard", "bytes, a message heard", bytes_, None,
     None),
    ("e", "us_per_session", "CPU µs", us, WITHIN, 80),
]


def verdict(kind, target, ours, base):
    """(share of the floor, the target in words, pass or miss)"""
    share = f"{ours / base:.2f}" if ours is not None and base else "–"
    if kind is None:
        return share, "", ""
    if kind == WITHIN:
        good, words = ours is not None and ours <= target, f"≤ {target:,}"
    elif ours is None or not base:
        return share, "", "not measured"
    elif kind == AT_LEAST:
        good, words = ours / base >= target, f"≥ {target} × floor"
    else:
        good, words = ours / base <= target, f"≤ {target} × floor"
    if ours is None:
        return share, words, "not measured"
    return share, words, "pass" if good else "**miss**"


def beside(load, metric, other, value):
    """Another store beside the first: in (a) and (b) within 10 %."""
    if not other or not value:
        return "–"
    share = other / value
    if load.letter() not in "ab" or metric == "p50_us":
        return f"{share:.2f}"
    good = share <= 1.1 if metric == "p99_us" else share >= 0.9
    return f"{share:.2f} " + ("pass" if good else "**miss**")


def table(head, rows):
    out = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    out += ["| " + " | ".join(r) + " |" for r in rows]
    return "\n".join(out)


def main(by_key, stores, peers):
    ours = stores[0]
    head = ["load", "unit", "floor", f"partylined, {ours}", "of the floor",
            "target", ""]
    for store in stores[1:]:
        head += [f"partylined, {store}", f"of {ours}"]
    head += peers
    rows = []
    for key, metric, unit, write, kind, target in ROWS:
        load = by_key.get(key)
        if load is None or not load.results:
            continue
        value = load.median(ours, metric)
        base = load.median("floor", metric)
        row = [load.title, unit, write(base) if base is not None else "–",
               write(value) if value is not None else "–"]
        row += verdict(kind, target, value, base)
        for store in stores[1:]:
            other = load.median(store, metric)
            row += [write(other) if other is not None else "–",
                    beside(load, metric, other, value)]
        for peer in peers:
            other = load.median(peer, metric)
            row.append(write(other) if other is not None else "–")
        rows.append(row)
    return table(head, rows) if rows else ""


def delivery(by_key, contenders):
    """(f): ns a delivery. Ten thousand sockets fit no cache, so that the
    floor itself isn't flat: judged is whether ours grows beyond it."""
    found = [v for k, v in by_key.items() if k[0] == "f" and v.results]
    if not found:
        return ""
    rows = []
    for c in contenders:
        cost, share = [], []
        for load in found:
            rate_, base = (load.median(name, "deliveries_per_cpu")
                           for name in (c.name, "floor"))
            cost.append(1e9 / rate_ if rate_ else None)
            share.append(base / rate_ if rate_ and base else None)
        row = [c.name] + [f"{v:,.0f}" if v else "–" for v in cost]
        if None in cost:
            row += ["–"] * 3
        else:
            grows = None if None in share else \
                max(s / share[0] for s in share)
            row += [f"{max(cost) / min(cost):.2f}",
                    f"{grows:.2f}" if grows else "–",
                    "" if c.proto == "raw" or not grows else
                    "pass" if grows <= 1.1 else "**miss**"]
        rows.append(row)
    head = ["(f) CPU ns a delivery"] + \
        [f"{load.title[4:]}" for load in found] + \
        ["most / least", "growth beside the floor", "target ≤ 1.10"]
    return table(head, rows)


def web(by_key, tcp, web):
    """(w): a WebSocket's readers beside those of plain TCP."""
    rows = []
    for key, load in by_key.items():
        if key[0] != "w" or not load.results:
            continue
        idle = key.endswith("i")
        metric = "per_connection" if idle else "deliveries_per_cpu"
        ours, base = load.median(web, metric), load.median(tcp, metric)
        write = bytes_ if idle else rate
        share = ours / base if ours and base else None
        good = ours is not None and (ours <= 2048 if idle else
                                     share is not None and share >= 0.85)
        rows.append([load.title, "bytes" if idle else "deliveries/CPU s",
                     write(base) if base else "–", write(ours) if ours else "–",
                     f"{share:.2f}" if share else "–",
                     "≤ 2,048" if idle else "≥ 0.85 × TCP",
                     "pass" if good else "**miss**"])
    head = ["load", "unit", "TCP", "WebSocket", "of TCP", "target", ""]
    return table(head, rows) if rows else ""


def says(by_key, disk, memory):
    """(s): says answered a second, stored by then. The target is for a say as
    it is most often: without a key."""
    rows = []
    for key, load in by_key.items():
        if key[0] != "s":
            continue
        got = [load.median(disk, m) for m in (
            "per_second", "server_us", "load_us", "p50_us", "p99_us")]
        if None in got:
            continue
        beside_ = load.median(memory, "server_us")
        judged = ["≥ 30,000", "pass" if got[0] >= 30000 else "**miss**"] \
            if key == "s256" else ["", ""]
        rows.append([load.title, bytes_(got[0]), us(got[1]),
                     us(beside_) if beside_ else "–", us(got[2]), ms(got[3]),
                     ms(got[4])] + judged)
    head = ["load", "says/s", "CPU µs a say", "in memory",
            "the generator's", "p50, ms", "p99, ms", "target", ""]
    return table(head, rows) if rows else ""


def logins(load, calm, storm):
    """(l): the p99 is to be within 10 % of what it is without."""
    if load is None or not load.results:
        return ""
    rows = []
    for c in calm, storm:
        answers = [r["storm_answers"] for r in load.results.get(c.name, [])]
        seconds = sum(load.values(c.name, "storm_seconds"))
        rates = [f"{sum(a.get(key, 0) for a in answers) / seconds:.1f}"
                 if seconds else "–" for key in ("bad-password",
                                                 "rate-limited")]
        values = [load.median(c.name, m)
                  for m in ("p50_us", "p99_us", "storm_good_us")]
        none = statistics.median(load.values(c.name, "storm_good")
                                 or [1]) == 0    # it took longer than the run
        base = load.median(calm.name, "p99_us")
        share = values[1] / base if base and values[1] else None
        told = [ms(v) if v else "–" for v in values]
        if none:
            told[2] = "> " + told[2]
        judged = ["", ""] if c is calm else \
            ["≤ 1.1", "pass" if share and share <= 1.1 else "**miss**"]
        rows.append([c.name] + rates + told +
                    [f"{share:.2f}" if share else "–"] + judged)
    head = ["(l) beside", "hashed a second", "refused a second", "p50, ms",
            "p99, ms", "a good login, ms", "p99 of that without", "target", ""]
    return table(head, rows)


def searches(load, contenders):
    """(q): the p95 of those that come at a steady pace; and what messages have
    to wait beside them."""
    if load is None or not load.results:
        return ""
    rows = []
    base = load.median(contenders[0].name, "p99_us")
    for c in contenders:
        answers = [r["storm_answers"] for r in load.results.get(c.name, [])]
        seconds = sum(load.values(c.name, "storm_seconds"))
        ok = sum(a.get("ok", 0) for a in answers)
        values = [load.median(c.name, m) for m in
                  ("storm_p50_us", "storm_p95_us", "storm_p99_us", "p50_us",
                   "p99_us")]
        found = sum(load.values(c.name, "storm_found"))
        judged = ["", ""] if c is not contenders[1] else \
            ["p95 ≤ 50", "pass" if values[1] and values[1] <= 50000
             else "**miss**"]
        rows.append([c.name, f"{ok / seconds:.1f}" if seconds else "–",
                     f"{found / ok:.1f}" if ok else "–"] +
                    [ms(v) if v else "–" for v in values] +
                    [f"{values[4] / base:.2f}" if base and values[4] else "–"]
                    + judged)
    head = ["(q) beside", "answered a second", "found each", "a search's p50",
            "p95", "p99, ms", "a message's p50", "p99, ms",
            "p99 of that without", "target", ""]
    return table(head, rows)


def backups(load, calm, busy):
    """(k): how long a message takes while the database is copied."""
    if load is None or not load.results:
        return ""
    rows = []
    for c in calm, busy:
        values = [load.median(c.name, m)
                  for m in ("p50_us", "p99_us", "backup_us")]
        base = load.median(calm.name, "p99_us")
        size = load.median(c.name, "backup_bytes")
        rows.append([c.name, f"{sum(load.values(c.name, 'backups'))}",
                     f"{size / 2 ** 20:.0f} MiB" if size else "–"] +
                    [ms(v) if v else "–" for v in values] +
                    [f"{values[1] / base:.2f}" if base and values[1] else "–"])
    head = ["(k) beside", "copies", "of", "p50, ms", "p99, ms", "a copy, ms",
            "p99 of that without"]
    return table(head, rows)
