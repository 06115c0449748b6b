#!/usr/bin/env python3
"""Drain: nobody new, everybody sent away in turn, and then the end."""

import datetime
import os
import signal
import time

from client import Json, Person, Raw, history
from control import Control, ctl, ctl_json, run_ctl, socket_of
from daemon import Daemon, parse_log
from harness import (SLOW, Deadline, Skip, below, contains, eq, main, ok, quick,
                     readable, test, until)
from load import Load


def _refuses(d):
    """A new client finds nobody."""
    try:
        Raw(d).close()
    except ConnectionRefusedError:
        return True
    except ConnectionResetError:
        pass            # it came as the listener was closed
    return False


def _byes(clients, seconds):
    """When each was told bye, and the events; in the clients' order."""
    limit = Deadline(seconds, "every bye")
    told = {}
    while len(told) < len(clients):
        for c in clients:
            if c not in told and readable(c, 0.001):
                told[c] = (time.monotonic(), c.event("bye"))
        limit.left()
    return [told[c] for c in clients]


def _clock(record):
    return datetime.datetime.fromisoformat(record["time"]).timestamp()


@test()
def spread():
    """bye is spread over drain_time, and so is when to come back"""
    d = Daemon(drain_time="2s")
    clients = [Json(d, "c%d" % i) for i in range(40)]
    begun = time.monotonic()
    eq(ctl(d, "drain"), "sending 40 clients away within 2 s\n")
    ok(_refuses(d), "nobody new")
    eq(ctl_json(d, "status")["state"], "draining")
    told = _byes(clients, 10)
    for at, bye in told:
        eq((bye["reason"], bye["reconnect"]), ("drain", True))
        back = at - begun + bye["after_ms"] / 1000
        ok(back > 1.8, "nobody comes back before the end: %f" % back)
        below(bye["after_ms"], 4500, "ms until one is to come back")
    waits = {bye["after_ms"] for _, bye in told}
    ok(len(waits) > 30, "they do not come back all at once: %r" % waits)
    eq(d.wait_end(), 0)
    d.ended()
    below(time.monotonic() - begun, 10 * SLOW, "seconds until the end")
    # When they were told, as the daemon's own clock has it.
    records = [r for r in map(parse_log, d.past) if r]
    at = [_clock(r) for r in records if r["event"] == "client-closed"]
    began = _clock(next(r for r in records if r["event"] == "draining"))
    early = [t for t in at if t - began < (max(at) - began) / 2]
    ok(8 <= len(early) <= 32, "%d of 40 in the first half" % len(early))


@test()
def nobody_there():
    """with nobody there it ends at once, though drain_time is long"""
    d = Daemon(drain_time="1d")
    d.send_signal(signal.SIGQUIT)
    eq(d.wait_end(10), 0)
    d.ended()
    ok(not os.path.exists(socket_of(d)), "the socket is gone")


@test()
def all_leave():
    """it ends as soon as the last one has left"""
    d = Daemon(drain_time="1h")
    c, person = Json(d, "ann"), Person(d, "bob")
    c.join()
    d.send_signal(signal.SIGQUIT)
    until(lambda: _refuses(d), 10, "nobody new")
    c.say("who is here may go on")
    person.see(rb"who is here may go on")
    status, _, err = run_ctl("-s", socket_of(d), "drain")
    eq(status, 1)
    contains(err, "already")
    c.ok("quit")
    person.send(b"/quit\r\n")
    eq(d.wait_end(10), 0)
    d.ended()


@test()
def term_meanwhile():
    """SIGTERM in a long drain is the quick end"""
    d = Daemon(drain_time="1d")
    clients = [Json(d, "c%d" % i) for i in range(5)]
    ctl(d, "drain")
    d.stop()
    for c in clients:
        eq(c.event("bye")["reason"], "shutdown")


@test()
def at_once():
    """drain_time 0 sends all away at once, and who asked is answered"""
    d = Daemon(drain_time=0)
    clients = [Json(d, "c%d" % i) for i in range(20)]
    eq(ctl_json(d, "drain")["clients"], 20)
    for c in clients:
        eq(c.event("bye")["reason"], "drain")
    eq(d.wait_end(), 0)
    d.ended()


@test(timeout=120)
def who_reads_nothing():
    """clients that read nothing do not hold it up"""
    d = Daemon(store="sqlite", write_timeout=0, drain_time="1s",
               history_max=0, history_bytes=0)
    frozen = [Json(d, "f%d" % i, rcvbuf=4096) for i in range(10)]
    for c in frozen:
        c.join()
    Load(d, ["w"], size=3000, count=quick(1000, 2000), window=32).finish()
    silent = [Raw(d) for _ in range(10)]
    until(lambda: ctl_json(d, "status")["clients"] == 20, 10, "20 clients")
    limit = Deadline(15, "nothing")
    ctl(d, "drain")
    eq(d.wait_end(20), 0)
    d.ended()
    ok(not limit.passed(), "it ended in time")
    contains(silent[0].to_end(), b"come back")


@test(timeout=180)
def while_all_talk():
    """in a drain while all talk nothing that was told ok is lost"""
    d = Daemon(store="sqlite", drain_time="1s", history_max=0,
               history_bytes=0, loops=3)
    load = Load(d, ["w%d" % i for i in range(quick(30, 100))], size=200)
    watch = Json(d, "watch")
    watch.join()
    watch.messages(quick(200, 1000), 30)
    ctl(d, "drain")
    try:
        Control(d).send(b'{"cmd":"status"}\n')
    except OSError:
        pass                    # it was quick to end
    eq(d.wait_end(30), 0)
    results = load.finish()
    d.restart()
    log = {m["seq"]: m["text"] for m in history(Json(d, "checker"))}
    acked = {s: "%s:%d:" % (name, n) for name, r in results.items()
             for n, s in r["acked"]}
    ok(len(acked) > 100, "enough was said")
    eq([s for s, t in acked.items() if not log.get(s, "").startswith(t)], [],
       "told ok and lost")


def _frame(text):
    """A browser's text frame, masked with zeros; at most 125 bytes."""
    data = text.encode()
    return bytes([0x81, 0x80 | len(data)]) + b"\0\0\0\0" + data


@test()
def browsers():
    """a WebSocket gets notices, then bye and the close frame of going away"""
    d = Daemon(drain_time="1s")
    c = Raw(d)
    c.send("GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
           "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
           "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n")
    head = c.until(rb"\r\n\r\n")
    if b" 101 " not in head:
        raise Skip("built without WebSocket")
    c.send(_frame('{"cmd":"login","name":"ann"}'))
    c.until(rb'"ok":true.*\}')
    idle = Raw(d)
    idle.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    idle.until(rb"\r\n\r\n")
    eq(ctl(d, "notice", "hi"), "told 1 client\n")
    text = b'{"event":"notice","text":"hi"}'
    c.until(rb"\x81" + bytes([len(text)]) + text)
    ctl(d, "drain")
    c.until(rb"\x81.\{\"event\":\"bye\",\"reason\":\"drain\"[^}]*\}")
    eq(c.until(rb"\x88..."), b"\x88\x02\x03\xe9", "close 1001")
    c.send(b"\x88\x82\0\0\0\0\x03\xe9")
    c.to_end()
    idle.to_end()
    eq(d.wait_end(10), 0)
    d.ended()


@test()
def people():
    """a person is told when to come back"""
    d = Daemon(drain_time="1s")
    person = Person(d, "ann")
    ctl(d, "drain")
    person.until(rb"The server is closing\.[^\n]*come back[^\n]*\n")
    person.to_end()


if __name__ == "__main__":
    main()
