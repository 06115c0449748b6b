#!/usr/bin/env python3
"""Promise 2: nothing is seen before it is stored, whenever the power goes."""

import json
import os
import random
import re
import select
import time

from client import Json, Program, history, login
from daemon import BINARY, Daemon
from harness import (Deadline, Failure, Skip, diag, eq, main, need, ok,
                     quick, sanitized, tempdir, test)

FOREVER = {"history_max": 0, "history_age": 0, "history_bytes": 0}
WRITERS = ["w1", "w2", "w3"]
WINDOW = 8


class Writer:
    """Says numbered texts, each under a key, until it is answered ok."""

    def __init__(self, name):
        self.name = name
        self.next = 0
        self.unanswered = []
        self.client = None

    def connect(self, daemon):
        self.client = login(daemon, self.name)
        self.client.join()
        again, self.unanswered = self.unanswered, []
        for text in again:
            self.say(text)

    def say(self, text):
        self.unanswered.append(text)
        try:
            self.client.post("say", room="lobby", text=text, key=text, id=text)
        except OSError:
            pass                # killed; it stays unanswered

    def more(self):
        while len(self.unanswered) < WINDOW:
            self.say("%s:%d" % (self.name, self.next))
            self.next += 1


class Witness:
    """What anybody has seen or was told: text to seq."""

    def __init__(self):
        self.known = {}
        self.repeated = 0

    def note(self, text, seq):
        eq(self.known.setdefault(text, seq), seq, "seq of %s" % text)

    def take(self, client, writer=None):
        """All whole lines that are there."""
        *lines, client.buffer = client.buffer.split(b"\n")
        for thing in map(json.loads, lines):
            if thing.get("event") == "message":
                self.note(thing["text"], thing["seq"])
            elif thing.get("reply") == "say" and writer is not None:
                eq(thing["ok"], True, str(thing))
                self.note(thing["id"], thing["seq"])
                self.repeated += thing.get("duplicate", False)
                writer.unanswered.remove(thing["id"])


def _round(daemon, writers, witness, last):
    """Connects all, lets them talk, and kills the daemon at some moment."""
    reader = Json(daemon, "reader")
    reader.post("subscribe", room="lobby", after=last)
    for writer in writers:
        writer.connect(daemon)
    clients = {w.client: w for w in writers}
    clients[reader] = None
    for writer in writers:      # what came while it logged in
        for thing in writer.client.events:
            if thing["event"] == "message":
                witness.note(thing["text"], thing["seq"])
        writer.client.events.clear()
    target = len(witness.known) + random.randrange(1, 400)
    latest = time.monotonic() + random.uniform(0.005, 0.3)
    limit = Deadline(30, "the killed daemon's connections to end")
    killed = False
    while clients:
        if not killed and (len(witness.known) >= target or
                           time.monotonic() >= latest):
            daemon.kill()
            killed = True
        for writer in writers if not killed else ():
            writer.more()
        for client in select.select(list(clients), [], [], 0.005)[0]:
            writer = clients[client]
            if not client.fill(limit):
                del clients[client]
                client.close()
            witness.take(client, writer)
        limit.left()


def _check(daemon, witness, last, log):
    """Everything known stands in the log, with its seq; returns the last."""
    checker = login(daemon, "checker")
    for message in history(checker, after=last):
        ok(message["seq"] > last, "seq grows: %r after %d" % (message, last))
        last = message["seq"]
        if message["text"] in log:
            raise Failure("%s stands twice" % message["text"])
        log[message["text"]] = last
    for text, seq in witness.known.items():
        eq(log.get(text), seq, "seq of %s after the restart" % text)
    checker.close()
    return last


@test(timeout=400)
def sigkill():
    """killed again and again: what was seen or told ok is there, once"""
    rounds = quick(10, 100)
    daemon = Daemon(store="sqlite", **FOREVER)
    writers = [Writer(name) for name in WRITERS]
    witness, log, last = Witness(), {}, 0
    Json(daemon, "first").join()        # the room is there from now on
    for _ in range(rounds):
        _round(daemon, writers, witness, last)
        daemon.start()
        last = _check(daemon, witness, last, log)
    for writer in writers:
        writer.connect(daemon)
        while writer.unanswered:
            text = writer.unanswered.pop()
            witness.note(text, writer.client.reply(text)["seq"])
    _check(daemon, witness, last, log)
    eq(set(log), {"%s:%d" % (w.name, n) for w in writers
                  for n in range(w.next)}, "all that was ever said")
    diag("%d messages, %d of them said again and found, %d rounds" %
         (len(log), witness.repeated, rounds))
    ok(len(log) > 5 * rounds, "enough was said")


@test()
def kill_topic():
    """a topic that was answered ok survives as well"""
    daemon = Daemon(store="sqlite")
    for i in range(quick(3, 10)):
        c = login(daemon, "ann")
        c.join()
        c.ok("topic", room="lobby", topic="topic %d" % i)
        daemon.kill()
        daemon.start()
        eq(login(daemon, "bob").join()["topic"], "topic %d" % i)


@test()
def synced_first():
    """the database is synced before the ok is written"""
    need("strace")
    if sanitized(BINARY):
        raise Skip("a leak check cannot run under a tracer")
    trace = os.path.join(tempdir(), "trace")
    daemon = Daemon(store="sqlite")
    c = Json(daemon, "ann")
    c.join()
    tracer = Program("strace", "-f", "-qq", "-s", "200", "-o", trace, "-e",
                     "trace=fsync,fdatasync,write,writev,sendmsg,sendto",
                     "-p", str(daemon.pid))
    limit = Deadline(20, "strace to be attached")
    while "TracerPid:\t0" in open("/proc/%d/status" % daemon.pid).read():
        select.select([], [], [], min(0.02, limit.left()))
    c.say("durable")
    c.sync()
    tracer.process.terminate()
    tracer.wait_end()
    lines = open(trace, errors="replace").read().split("\n")
    sync = [i for i, line in enumerate(lines)
            if re.search(r"f(data)?sync(\(| resumed).*= 0", line)]
    told = [i for i, line in enumerate(lines) if r'\"seq\":' in line]
    ok(sync and told, "the trace has both: %r" % lines[-20:])
    ok(sync[0] < told[0], "synced at %d, told at %d" % (sync[0], told[0]))


if __name__ == "__main__":
    main()
