#!/usr/bin/env python3
"""Promise 5: a slow reader costs nobody anything, and loses nothing."""

import itertools
import os
import re
import select
import signal

from client import NAME_PROMPT, Json, Person, Program
from daemon import BINARY, Daemon
from harness import (SLOW, Deadline, below, diag, eq, main, ok, quick,
                     sanitized, slowly, test, test_stores, uss)
from load import Load
from others import Others, judge, twin

FOREVER = {"history_max": 0, "history_age": 0, "history_bytes": 0}
SIZE = 4000                     # bytes of a text
SLOW_READERS = 50
PER_READER = 64 << 10           # bytes a slow reader may cost
NOISE = 4 << 20                 # what a process's size wavers by anyhow


class Sleeper:
    """A reader that does not read until it is told to."""

    def __init__(self, daemon, name, text=False):
        self.name = name
        if text:
            self.client = Person(daemon, name, rcvbuf=4096)
        else:
            self.client = Json(daemon, name, rcvbuf=4096)
            self.client.join()
        self.numbers = []

    def read(self, last, seconds):
        """Everything up to the message (pump, number) last."""
        limit = Deadline(seconds, "%s to catch up; it has %d messages" %
                         (self.name, len(self.numbers)))
        pattern = re.compile(rb"\bw(\d?):(\d+):\d+:")
        while not self.numbers or self.numbers[-1] < last:
            if not self.client.fill(limit):
                raise AssertionError("the slow reader was thrown out")
            whole, _, self.client.buffer = self.client.buffer.rpartition(b"\n")
            self.numbers += [(int(pump or 0), int(number))
                             for pump, number in pattern.findall(whole)]


def _pump(daemon, megabytes, name="p"):
    """Lets name say so much with a fast reader watching; its report."""
    count = megabytes * 1000000 // SIZE
    watch = Load(daemon, ["watch"], mode="watch")
    talk = Load(daemon, [name], size=SIZE - 30, window=16, count=count)
    result = talk.finish(300)[name]
    eq(len(result["acked"]), count, "messages said and stored")
    report = watch.stop()
    eq(report["faults"], 0, "messages out of order at the fast reader")
    return count, report


@test_stores(timeout=400)
def stops_reading(store):
    """50 stop reading while much passes: others' latency and memory stay"""
    megabytes = quick(10, 100 if store == "sqlite" else 50)
    d = Daemon(store=store, write_timeout=0, **FOREVER)
    other = twin(d)
    _pump(other, quick(5, 20))
    _pump(d, quick(5, 20))                      # warms caches
    warm = uss(d.pid)
    _pump(d, quick(10, 50))
    alone = uss(d.pid)
    sleepers = [Sleeper(d, "s%d" % i, text=i % 10 == 9)
                for i in range(SLOW_READERS)]
    pumps, said = itertools.count(), []

    def beside():
        pump = next(pumps)
        count, report = _pump(d, quick(5, 20) if pump else megabytes,
                              "w%d" % pump)
        said.extend((pump, i) for i in range(count))
        return report
    judge("readers who sleep", lambda: _pump(other, quick(5, 20))[1], beside,
          lambda p99: 2 * p99 + 25 * SLOW)
    loaded = uss(d.pid)
    diag("USS: warm %d, alone %d, with slow readers %d KiB" %
         (warm >> 10, alone >> 10, loaded >> 10))
    if store == "sqlite" and not sanitized(BINARY):
        below(loaded - alone, SLOW_READERS * PER_READER + NOISE,
              "memory grown by slow readers")
    for sleeper in sleepers[0], sleepers[9], sleepers[-1]:
        sleeper.read(said[-1], 120)
        eq(sleeper.numbers, said, "what %s read" % sleeper.name)
        eq(sleeper.client.silent(0), b"")


@test_stores(timeout=120)
def catches_up_under_load(store):
    """who reads again while others go on talking meets the live ones"""
    d = Daemon(store=store, write_timeout=0, **FOREVER)
    sleepers = [Sleeper(d, "s%d" % i, text=i == 3) for i in range(4)]
    talk = Load(d, ["w"], size=1000, rate=2000, window=400)
    watch = Json(d, "watch")
    watch.join()
    watch.messages(quick(2000, 8000), 60)
    for sleeper in sleepers[:2]:
        sleeper.read((0, quick(1000, 4000)), 60)     # then it sleeps again
    watch.messages(quick(1000, 4000), 60)
    last = len(talk.stop()["w"]["acked"]) - 1
    for sleeper in sleepers:
        sleeper.read((0, last), 60)
        eq(sleeper.numbers, [(0, i) for i in range(last + 1)], sleeper.name)


@test_stores()
def trickle(store):
    """a reader that takes a few bytes at a time gets whole lines"""
    d = Daemon(store=store, write_timeout=0, **FOREVER)
    s = Sleeper(d, "s")
    count = quick(200, 1500)
    Load(d, ["w"], size=300, count=count).finish()
    s.client.sock.settimeout(30 * SLOW)
    data = b""
    while b"w:%d:" % (count - 1) not in data[-2000:]:
        data += s.client.sock.recv(97)
    whole = data.rpartition(b"\n")[0].split(b"\n")
    numbers = [int(n) for line in whole
               for n in re.findall(rb"\bw:(\d+):", line)]
    eq(numbers, list(range(len(numbers))))
    ok(len(numbers) >= count - 1, "all of them")


@test()
def replies_while_behind():
    """who is behind gets the replies to its commands between whole lines"""
    d = Daemon(write_timeout=0, **FOREVER)
    slow = Json(d, "slow", rcvbuf=4096)
    slow.join()
    count = quick(500, 3000)
    Load(d, ["w"], size=3000, count=count).finish()
    ids = [slow.post("ping") for _ in range(50)]
    got = [m["text"].split(":")[1] for m in slow.messages(count, 60)]
    eq(got, [str(i) for i in range(count)])
    for number in ids:
        eq(slow.reply(number)["ok"], True)


@test()
def behind_in_many_rooms():
    """being behind in a hundred rooms costs no more than in one"""
    d = Daemon(store="sqlite")
    rooms = ["r%d" % i for i in range(100)]
    talker = Json(d, "talker")
    for room in rooms:
        talker.join(room)
        for i in range(8):
            talker.post("say", room=room, text="%d" % i + "x" * 4000)
        talker.sync()
    readers = [Json(d, "s%d" % i, rcvbuf=4096) for i in range(20)]
    before = uss(d.pid)
    for r in readers:
        for room in rooms:
            r.post("subscribe", room=room, after=0)
    # Whoever comes after them, and reads, has it all.
    for room in rooms:
        talker.ok("unsubscribe", room=room)
        talker.post("subscribe", room=room, after=0)
    talker.messages(8 * len(rooms), 60)
    if not sanitized(BINARY):
        below(uss(d.pid) - before, len(readers) * PER_READER + NOISE,
              "growth")
    for r in readers[:quick(2, 20)]:
        got = {}
        for m in r.messages(8 * len(rooms), 60):
            got.setdefault(m["room"], []).append(m["text"][0])
        eq(got, {room: list("01234567") for room in rooms})


@test()
def write_timeout():
    """write_timeout ends only who takes not a single byte"""
    d = Daemon(write_timeout=slowly(2), **FOREVER)
    dead = Json(d, "dead", rcvbuf=4096)
    alive = Json(d, "alive", rcvbuf=4096)
    idle = Json(d, "idle")
    for c in dead, alive:
        c.join()
    idle.join("elsewhere")
    talk = Load(d, ["w"], size=3000, rate=300, window=300)
    # alive takes a little, for longer than dead is given
    limit = Deadline(20, "the dead reader's end")
    while not d.log.records("client-closed"):
        select.select([], [], [], min(limit.left(), 0.2))
        alive.sock.settimeout(30 * SLOW)
        ok(alive.sock.recv(2048), "who takes bytes stays")
    closed = d.log.wait("client-closed", name="dead")
    ok(re.search("write", closed.get("reason", "")), str(closed))
    talk.stop()
    idle.ok("ping")
    eq([r["name"] for r in d.log.records("client-closed")
        if r.get("name") in ("alive", "idle", "watch")], [])


@test(timeout=120)
def frozen_programs():
    """nc and telnet stopped with SIGSTOP delay nobody, and miss nothing"""
    d = Daemon(**FOREVER)
    others = Others(d)
    frozen = []
    for i in range(quick(4, 10)):
        name = "nc.openbsd" if i % 2 else "telnet"
        p = Program(name, "127.0.0.1", str(d.port))
        frozen.append(p)
        p.until(NAME_PROMPT)
        p.send("frozen-%d\n" % i)
        p.until(b"#lobby")
        os.kill(p.pid, signal.SIGSTOP)
    count = quick(500, 2000)
    Load(d, ["w"], size=3000, window=50, count=count).finish()
    others.judge("%d programs in SIGSTOP" % len(frozen))
    for p in frozen:
        os.kill(p.pid, signal.SIGCONT)
        got = p.until(b"w:%d:" % (count - 1), 30)
        eq([int(n) for n in re.findall(rb"<w> w:(\d+):", got)],
           list(range(count)), "what %s shows" % p.process.args[0])


@test()
def lag_event():
    """who falls behind what is kept is told lag, and goes on with the rest"""
    d = Daemon(store="sqlite", history_max=200, history_age=0,
               history_bytes=0, write_timeout=0)
    slow = Json(d, "slow", rcvbuf=4096)
    slow.join()
    ann = Json(d, "ann")
    ann.join()
    count = quick(3000, 6000)
    Load(d, ["w"], size=3000, count=count, window=32).finish()
    ann.say("the end")
    seqs, lag, last = [], [], None
    limit = Deadline(60, "the end")
    while last != "the end":
        thing = slow.take(limit)
        if thing.get("event") == "message":
            seqs.append(thing["seq"])
            last = thing["text"]
        elif thing.get("event") == "lag":
            lag.append((len(seqs), thing))
    ok(lag, "a lag event among %d messages" % len(seqs))
    for at, event in lag:
        eq(event["room"], "lobby")
        eq(event["after"], seqs[at - 1] if at else 0, "lag.after")
        eq(event["before"], seqs[at], "lag.before is the next there is")
    holes = [i for i in range(1, len(seqs)) if seqs[i] != seqs[i - 1] + 1]
    eq(holes, [at for at, _ in lag if at], "each hole is told")
    eq(seqs, sorted(set(seqs)))


if __name__ == "__main__":
    main()
