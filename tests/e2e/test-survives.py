#!/usr/bin/env python3
"""Faults of the machine and of peers: nothing is lost, nobody else delayed.

Full disks and damaged files are in test-faults.py, SIGKILL in test-kill.py,
readers that stop in test-slow.py, crowds in test-bounds.py.
"""

import datetime
import itertools
import resource
import time

from client import Json, Raw, history, login
from daemon import Daemon
from harness import (SLOW, Deadline, below, cpu, diag, eq, main, ok,
                     percentile, quick, readable, test, until)
from load import Load
from others import Others, Shim, judge, twin
from tls import Hands, context, need_tls, selfsigned

HOUR = 3600
DAY = 24 * HOUR
SYNC = 1000                     # ms that a sync takes on the slow disk


# A slow store -------------------------------------------------------------

def _ask(client, done):
    """What needs no commit, until done(): ms that the answers took."""
    took = []
    while not took or not done():
        for cmd, fields in (("ping", {}), ("who", {"room": "lobby"}),
                            ("history", {"room": "lobby", "limit": 10})):
            start = time.monotonic()
            client.ok(cmd, **fields)
            took.append((time.monotonic() - start) * 1000)
    return {"p50": percentile(took, 50), "p99": percentile(took, 99)}


@test(timeout=240)
def store_slow():
    """a disk that takes a second: says wait for it, all else does not"""
    shim = Shim()
    d = Daemon(store="sqlite", environment=shim.environment)
    other = twin(d)
    clients = {where: Json(where, "ann") for where in (d, other)}
    reader = Json(d, "reader")
    for client in reader, *clients.values():
        client.join()
    runs, acked = itertools.count(), []
    watch = Load(d, ["watch"], mode="watch")

    def asks(where, each):
        """While four say so many each, the others ask."""
        run = next(runs)
        load = Load(where, ["w%d-%d" % (run, i) for i in range(4)], window=10,
                    count=each)
        report = _ask(clients[where], lambda: readable(load.process.stdout, 0))
        for result in load.finish().values():
            eq((len(result["acked"]), result["refused"]), (each, []), "told")
            acked.extend(seq for _, seq in result["acked"] if where is d)
        return report

    def beside():
        shim.slow(SYNC)
        report = asks(d, quick(10, 30))
        shim.slow(0)
        return report
    asks(d, quick(40, 120))     # for caches to be warm
    judge("a store slow by %d ms" % SYNC, lambda: asks(other, quick(40, 120)),
          beside, lambda p99: 1.25 * p99 + SYNC / 20 * SLOW)
    acked.sort()
    eq([m["seq"] for m in history(clients[d])], acked,
       "the log and what was told ok")
    eq([m["seq"] for m in reader.messages(len(acked), 20)], acked, "was seen")
    report = watch.stop()
    diag("what is said is heard after %.0f ms at most" % report["max"])
    ok(report["max"] > SYNC, "the store was slow")
    below(report["max"], 3 * SYNC + 2000 * SLOW, "ms until it is heard")


# Clocks -------------------------------------------------------------------

def _stamp(message):
    return datetime.datetime.fromisoformat(message["time"]).timestamp()


class Stepped:
    """One who says and one who hears, while the wall clock jumps."""

    def __init__(self, daemon, shim):
        self.shim = shim
        self.said, self.heard = Json(daemon, "said"), Json(daemon, "heard")
        for client in self.said, self.heard:
            client.join()
        self.seqs = []

    def step(self, seconds):
        """Messages on both sides of a jump: in order, of the clock's time."""
        ids = [self.said.post("say", room="lobby", text="before")
               for _ in range(10)]
        self.shim.jump(seconds)
        for number in ids:
            self.seqs.append(self.said.reply(number)["seq"])
        for _ in range(10):
            reply = self.said.say("at %d" % seconds)
            self.seqs.append(reply["seq"])
            below(abs(_stamp(reply) - time.time() - seconds), 5 * SLOW,
                  "seconds between its time and the clock's")
        eq([m["seq"] for m in self.heard.messages(20)], self.seqs[-20:])
        eq(self.seqs, sorted(set(self.seqs)), "seqs grow")


@test(timeout=120)
def clock_jumps():
    """the wall clock jumps: order by seq holds, no timer fires, none is late"""
    shim = Shim()
    d = Daemon(store="sqlite", environment=shim.environment, login_timeout=60,
               read_timeout=60, write_timeout=60)
    quiet, silent = Json(d, "quiet"), Raw(d)
    others = Others(Daemon(environment=shim.environment))
    pair = Stepped(d, shim)
    used = cpu(d.pid)
    for hours in (6, -12, 24 * 400, 0):
        pair.step(hours * HOUR)
    shim.jump(-6 * HOUR)
    without, beside = others.judge("a clock that jumped")
    below(beside["cpu"], 2 * without["cpu"] + 0.3, "CPU seconds")
    below(cpu(d.pid) - used, 0.5, "CPU seconds where nobody talks any more")
    eq([m["seq"] for m in history(pair.said)], pair.seqs)
    eq(silent.ended, False)
    quiet.ok("ping")
    closed = d.log.records("client-closed")
    eq([r for r in closed if "timeout" in r["reason"]], [], "timeouts")


@test(timeout=60)
def timers_and_jumps():
    """a timeout takes its time, however the wall clock jumps meanwhile"""
    shim = Shim()
    d = Daemon(environment=shim.environment, login_timeout=1)
    start = time.monotonic()
    forward = Raw(d)
    shim.jump(6 * HOUR)
    back = Raw(d)
    shim.jump(-6 * HOUR)
    for silent in forward, back:
        silent.to_end(10)
        took = time.monotonic() - start
        ok(took > 0.7, "it was ended after %.1f s already" % took)


@test(timeout=60)
def young_stays():
    """history_age goes by the true age of what was said, not by a jump"""
    shim = Shim()
    d = Daemon(store="sqlite", environment=shim.environment, history_age=HOUR,
               history_max=0, history_bytes=0)
    c = Json(d, "ann")
    c.join()
    old = [c.say("old %d" % i)["seq"] for i in range(5)]
    c.close()
    d.restart()
    c = login(d, "ann")
    c.join(after=old[-1])
    first = c.say("young", key="once")
    young = [first["seq"]] + [c.say("young")["seq"] for _ in range(4)]
    shim.jump(30 * DAY)
    # What was there before the start may be as old as the clock says.
    until(lambda: history(c)[0]["seq"] > old[-1], 20, "the old ones to go")
    for days in 30, -30, 0:
        shim.jump(days * DAY)
        young += [c.say("young, %d" % days)["seq"]]
        eq([m["seq"] for m in history(c)], young, "history at %d days" % days)
    again = c.say("young", key="once")
    eq((again["seq"], again.get("duplicate")), (first["seq"], True),
       "said again with its key")
    eq([m["seq"] for m in c.messages(len(young))], young, "heard")
    c.none("message")


# Peers --------------------------------------------------------------------

@test(timeout=120)
def half_open():
    """peers vanish without an end: ended at write_timeout, others go on"""
    d = Daemon(write_timeout=quick(2, 3), history_max=0, history_bytes=0)
    others = Others(d)
    peers = [Json(d, "peer-%d" % i, rcvbuf=4096) for i in range(50)]
    ann = Json(d, "ann")
    ann.join()
    for peer in peers:
        peer.join()
    seqs = [ann.say("the last that they take")["seq"]]
    for peer in peers:
        eq(peer.message()["seq"], seqs[0])
    count = quick(500, 1000)    # from here on they take nothing
    load = Load(d, ["w"], size=3000, window=50, count=count)
    seqs += [seq for _, seq in load.finish()["w"]["acked"]]
    others.judge("50 half-open clients")
    start = time.monotonic()
    limit = Deadline(20, "all of them to be ended")
    for peer in peers:
        closed = d.log.wait("client-closed", limit.left() / SLOW,
                            name=peer.name)
        eq(closed["reason"], "write-timeout")
    diag("all ended %.1f s later" % (time.monotonic() - start))
    for peer in peers[::20]:
        back = login(d, peer.name)
        back.join(after=seqs[0])
        eq([m["seq"] for m in back.messages(count, 30)], seqs[1:],
           "what %s has missed" % peer.name)
        back.none("message")


@test(timeout=120)
def slow_starts():
    """hundreds of TLS handshakes and HTTP requests that never end"""
    need_tls()
    cert, key = selfsigned()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
    d = Daemon(tls_cert=cert, tls_key=key, nofile=4096,
               handshake_timeout=quick(2, 4), http_timeout=quick(2, 4))
    others = Others(d)
    hello = Hands(d, context(cert)).hello()
    each = quick(100, 300)
    crowd = []

    def come():
        for i in range(each):
            crowd.append((Raw(d), b""))
            crowd[-1][0].send(hello[:1 + i % (len(hello) - 1)])
            crowd.append((Raw(d), b"HTTP/1.1 408 "))
            crowd[-1][0].send(b"GET / HTTP/1.1\r\nHost: x\r\n"[:8 + i % 16])
    others.judge("%d slow TLS and %d slow HTTP clients" % (each, each), come)
    for raw, answer in crowd:
        eq(raw.to_end(20)[:len(answer)], answer, "what it was told")

    def ended():
        reasons = [r["reason"] for r in d.log.records("client-closed")]
        return (reasons.count("handshake-timeout"),
                reasons.count("http-timeout")) == (len(crowd) // 2,) * 2
    until(ended, 10, "the log of all their ends")
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


if __name__ == "__main__":
    main()
