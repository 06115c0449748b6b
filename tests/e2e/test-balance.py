#!/usr/bin/env python3
"""Loops: sessions move from a busy one to an idle one, and nobody notices."""

import json
import os
import select
import time

from client import Json
from daemon import Daemon, need_web
from harness import (SLOW, Deadline, Failure, Skip, diag, eq, main, ok, quick,
                     test, threads_cpu)
from websocket import PING, PONG, Web, fragments, frame

PAIRS = 24              # clients on the loop that is to be busy
WINDOW = 4              # messages outstanding, each
HELD = 5000             # bytes of a message that wait for the next one
PAD = "\\u00e9" * 1500   # costs the server much to parse, and us nothing


class Busy:
    """Says to a room of its own as fast as it is answered, and reads it."""

    kind = Json

    def __init__(self, daemon, number):
        self.client = self.kind(daemon, "b%d" % number)
        self.room = "r%d" % (number // 2)
        self.client.ok("subscribe", room=self.room)
        self.client.sock.setblocking(False)
        self.sent = self.answered = 0
        self.waiting = set()    # for replies of these ids
        self.rest = self.out = b""
        self.next = {}          # by speaker: the number that comes next
        self.last_seq = 0

    def encode(self, line):
        return line + b"\n"

    def say(self):
        while self.sent - self.answered < WINDOW:
            line = json.dumps(
                {"cmd": "say", "room": self.room, "id": self.sent,
                 "text": "%s %d" % (self.client.name, self.sent)})
            self.out += self.encode(('%s,"pad":"%s"}' %
                                     (line[:-1], PAD)).encode())
            self.waiting.add(self.sent)
            self.sent += 1
        self.flush()

    def flush(self):
        if self.out:
            try:
                self.out = self.out[self.client.sock.send(self.out):]
            except BlockingIOError:
                pass

    def finish(self):
        """It says no more."""

    def read(self):
        data = self.client.sock.recv(1 << 18)
        if not data:
            raise Failure("%s was thrown out" % self.client.name)
        *lines, self.rest = (self.rest + data).split(b"\n")
        for line in lines:
            self.take(json.loads(line))

    def take(self, thing):
        if "reply" in thing:
            ok(thing["ok"], str(thing))
            # One may overtake another; each comes once.
            self.waiting.remove(thing["id"])
            self.answered += 1
        elif thing["event"] == "message":
            who, number = thing["text"].split()
            # It may have entered when the other had spoken already.
            eq(int(number), self.next.get(who, int(number)),
               "%s's next message at %s" % (who, self.client.name))
            self.next[who] = int(number) + 1
            ok(thing["seq"] > self.last_seq, "seq grows")
            self.last_seq = thing["seq"]


class BusyWeb(Busy):
    """The same from a browser, whose last message is always half sent: its
    frames in two, with a ping between the fragments."""

    kind = Web
    pings = pongs = 0
    finishing = False

    def encode(self, line):
        one, two = fragments(line, len(line) // 2)
        self.pings += 1
        return one + frame(PING, b"%d" % self.pings) + two

    def flush(self):
        if self.finishing:
            super().flush()
            return
        rest = self.out[-HELD:]
        self.out = self.out[:-HELD]
        super().flush()
        self.out += rest

    def read(self):
        data = self.client.sock.recv(1 << 18)
        if not data:
            raise Failure("%s was thrown out" % self.client.name)
        self.client.buffer += data
        self.client.cut()
        while self.client.frames:
            opcode, payload = self.client.frames.popleft()
            if opcode == PONG:
                self.pongs += 1
                eq(payload, b"%d" % self.pongs, "pongs come in order")
            else:
                self.take(json.loads(payload))

    def finish(self):
        self.finishing = True


def _run(clients, until, seconds, what):
    """Lets them talk until the condition holds, looked at now and then."""
    by_fd = {c.client.fileno(): c for c in clients}
    poll = select.poll()
    for fd in by_fd:
        poll.register(fd, select.POLLIN)
    limit = Deadline(seconds, what)
    look = 0
    while True:
        now = time.monotonic()
        if now >= look:
            look = now + 0.25
            if until():
                return
        limit.left()
        for client in clients:
            client.say()
        for fd, _ in poll.poll(100):
            by_fd[fd].read()


def _finish(clients):
    for client in clients:
        client.finish()
    for client in clients:
        limit = Deadline(20, "the last messages at " + client.client.name)
        # All that was said in its room, by itself and by the other.
        mates = [c for c in clients if c.room == client.room]
        while (client.answered < client.sent or
               any(client.next.get(m.client.name, 0) < m.sent for m in mates)):
            for mate in mates:
                mate.flush()
            if select.select([client.client], [], [],
                             min(0.1, limit.left()))[0]:
                client.read()


def _uneven_load(kind):
    if (os.cpu_count() or 1) < 2:
        raise Skip("needs two cores")
    d = Daemon(loops=2, log_level="debug")
    # Each goes to the loop that has fewer: every second one is to be quiet.
    quiet, busy = [], []
    for number in range(PAIRS):
        busy.append(kind(d, number))
        quiet.append(Json(d, "q%d" % number))
    moved = []

    start, idle = time.monotonic(), threads_cpu(d.pid)

    def some_moved():
        moved[:] = d.log.records("client-moved")
        return len(moved) >= 2 or time.monotonic() - start > 45 * SLOW

    _run(busy, some_moved, 60, "sessions to move")
    before = threads_cpu(d.pid)
    if not moved:
        most = max(before[t] - idle.get(t, 0) for t in before)
        if most < 0.6 * (time.monotonic() - start):
            raise Skip("this machine has no time to make a loop busy")
        raise Failure("one thread used %.1f s, and nobody moved" % most)
    end = time.monotonic() + quick(1, 3) * SLOW
    _run(busy, lambda: time.monotonic() >= end, 60, "the rest")
    after = threads_cpu(d.pid)
    _finish(busy)
    diag("%d moved, %d messages, CPU of the threads then: %s" %
         (len(moved), sum(c.sent for c in busy),
          sorted(round(after[t] - before.get(t, 0), 2) for t in after)))
    for client in quiet:
        client.ok("ping")
    for client in busy:
        eq(client.answered, client.sent, client.client.name)
    return busy


@test(timeout=120)
def uneven_load():
    """many busy clients on one loop: some move, nothing is lost or doubled"""
    _uneven_load(Busy)


@test(timeout=120)
def uneven_load_web():
    """so too browsers, each with a message half received when it moves"""
    need_web()
    for client in _uneven_load(BusyWeb):
        eq(client.pongs, client.pings, client.client.name)


if __name__ == "__main__":
    main()
