#!/usr/bin/env python3
"""partylinectl trace: what a client sends and is sent, without its secrets."""

import json
import os
import signal
import subprocess
import time

from client import Json, Person, Raw
from control import (CTL, Control, ctl, ctl_json, run_ctl, shown,
                     socket_of)
from daemon import BINARY, Daemon, need_web
from harness import (SLOW, Deadline, Failure, Skip, below, contains, diag, eq,
                     has, keep, lacks, main, ok, quick, readable, rss,
                     sanitized, short, test, threads_cpu, until)
from tls import context, selfsigned
from upgrade import Upgradable
from websocket import OFFER, Web

SECRET = "hunter2-correct-horse"


TRACES = 8      # that there can be at once


class Trace:
    """partylinectl trace in a pipe; its lines, with -j as objects."""

    def __init__(self, d, client, *words):
        self.process = subprocess.Popen(
            [CTL, *words, "-s", socket_of(d), "trace", str(client)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE)
        keep(self)
        self.json = "-j" in words
        self.text = b""
        self.seen = []
        self.head = self.next()

    def next(self, timeout=10):
        limit = Deadline(timeout, "the trace's next line; so far %s" %
                         short(self.seen[-5:]))
        while b"\n" not in self.text:
            if not readable(self.process.stdout, limit.left()):
                limit.left()
                continue
            data = os.read(self.process.stdout.fileno(), 1 << 16)
            if not data:
                raise Failure("the trace has ended: %s" %
                              short(self.seen[-5:]))
            self.text += data
        line, self.text = self.text.split(b"\n", 1)
        line = line.decode()
        lacks(line, SECRET)
        ok(line.isprintable(), "a terminal takes %r" % line)
        if self.json:
            line = json.loads(line)
        self.seen.append(line)
        return line

    def until(self, trace, part="", timeout=10):
        """Up to a line of this sort that has this in its text."""
        limit = Deadline(timeout, "a line %s with %r" % (trace, part))
        while True:
            line = self.next(limit.left())
            if self.json:
                if line.get("trace") == trace and part in line.get(
                        "text", ""):
                    return line
            elif trace in line and part in line:
                return line

    def texts(self, trace):
        return [line["text"] for line in self.seen
                if line.get("trace") == trace and "text" in line]

    def end(self):
        """Its status and last words, when it has ended by itself."""
        out, err = self.process.communicate(timeout=20 * SLOW)
        self.seen += out.decode().splitlines()
        return self.process.returncode, err.decode()

    def cleanup(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
        self.process.communicate()


def _id(d, name):
    """The only client of this person, as who shows it."""
    for row in ctl_json(d, "who")["members"]:
        if row["name"] == name:
            eq(len(row["clients"]), 1)
            return row["clients"][0]
    raise Failure("who shows no " + name)


@test()
def a_person():
    """a person's lines, both ways, with their times, to the end"""
    d = Daemon()
    ann = Person(d, "ann")
    t = Trace(d, "ann")
    contains(t.head, "ann: text over tcp, 127.0.0.1 port")
    contains(t.head, "client %s" % shown(_id(d, "ann")))
    ann.say("hello\tthere\x1b[2J")
    line = t.until("in ", "hello")
    contains(line, "hello\\tthere\\x1b[2J")
    clock = line.split()[0]
    eq((len(clock), clock[2], clock[8]), (12, ":", "."), clock)
    contains(t.until("out", "hello"), "#lobby <ann> hello")
    ann.say("/register " + SECRET)
    contains(t.until("in ", "/register"), "/register ***")
    ann.say("/pasword %s" % SECRET)
    t.until("in ", "/pasword ***")
    ann.say("x" * 20000)
    t.until("in ", "too long")
    ann.say("/json")
    t.until("--", "speaks json now")
    ann.send('{"cmd":"ping","id":"last"}\n')
    t.until("in ", '{"cmd":"ping","id":"last"}')
    t.until("out", '"reply":"ping"')
    ann.send('{"cmd":"quit"}\n')
    t.until("--", "ended: quit")
    eq(t.end(), (0, ""))
    eq(d.log.wait("trace")["uid"], str(os.geteuid()))
    has(d.log.wait("trace-end"), "client", "lines")


@test()
def a_program():
    """all lines of a program, as they are, but for its secrets"""
    d = Daemon()
    bot, other = Json(d, "bot"), Json(d, "other")
    t = Trace(d, _id(d, "bot"), "-j")
    eq((t.head["ok"], t.head["name"], t.head["dialect"], t.head["carrier"]),
       (True, "bot", "json", "tcp"))
    bot.join()
    other.join()
    t.until("out", '"join"')
    for i in range(50):
        other.ok("say", room="lobby", text="line %d" % i)
    t.until("out", '"line 49"')
    # What it got since then, byte for byte and in order.
    bot.sync()
    t.until("out", '"ping"')
    got = [x["text"] for x in map(json.loads, t.texts("out"))
           if x.get("event") == "message"]
    eq(got, ["line %d" % i for i in range(50)])
    line = '{ "cmd" : "say", "room":"lobby", "text":"\\u0061 \u202e" , "id":1}'
    bot.send(line + "\n")
    eq(t.until("in", '"say"')["text"], line.replace("\u202e", "\\u202e"))
    t.until("out", '"reply":"say"')
    for sent in ({"cmd": "register", "password": SECRET},
                 {"cmd": "passwd", "old": SECRET, "new": SECRET},
                 {"cmd": "login", "name": "bot", "token": SECRET},
                 {"cmd": "login", "name": "bot", "resume": SECRET},
                 {"cmd": "login", "name": "bot", "pw": SECRET}):
        bot.send(json.dumps(sent) + "\n")
        shown = t.until("in", sent["cmd"])
        eq(json.loads(shown["text"]), {
            key: "***" if value == SECRET else value
            for key, value in sent.items()})
        eq(shown["masked"], True)
    bot.send('{"cmd":"login","pass\\u0077ord":"%s"}\n' % SECRET)
    contains(t.until("in")["text"], '"password":"***"')
    broken = '{"cmd":"login","password":"%s"' % SECRET
    bot.send(broken + "\n")
    shown = t.until("in")
    eq((shown["bytes"], shown["masked"]), (len(broken), True))
    lacks(shown, "text")
    bot.half_close()
    eq(t.until("end")["reason"], "eof")
    eq(t.end(), (0, ""))


@test()
def a_split_secret():
    """a password that comes in pieces, and a login's session"""
    d = Daemon(greet_delay=60000)
    raw = Raw(d)
    client = d.log.wait("client-open")["client"]
    eq(len(client.split(":")), 3)
    t = Trace(d, client, "-j")
    eq(t.head["dialect"], "none")
    lacks(t.head, "name")
    for piece in ('{"cmd":"login","na', 'me":"ann","passw',
                  'ord":"' + SECRET[:5], SECRET[5:9], SECRET[9:], '"}',
                  "\n"):
        raw.send(piece)
        # It is in the kernel's hands alone once the daemon has read it.
        until(lambda: _unread(raw) == 0, 10, "the piece is read")
    eq(t.until("dialect")["dialect"], "json")
    eq(json.loads(t.until("in")["text"]),
       {"cmd": "login", "name": "ann", "password": "***"})
    t.until("out", '"reply":"login"')
    eq(json.loads(raw.line())["ok"], False)     # there is no such account
    raw.send('{"cmd":"login","name":"guest"}\n')
    shown = json.loads(t.until("out", '"ok":true')["text"])
    eq(shown["session"], "***")
    lacks(str(t.seen), json.loads(raw.line())["session"])


def _unread(raw):
    """Bytes that the daemon has not read, as /proc/net/tcp has them."""
    here, there = raw.sock.getsockname()[1], raw.sock.getpeername()[1]
    with open("/proc/net/tcp", encoding="ascii") as f:
        for line in f.readlines()[1:]:
            words = line.split()
            ports = [int(w.split(":")[1], 16) for w in words[1:3]]
            if ports == [there, here]:
                return int(words[4].split(":")[1], 16)
    raise Failure("no such connection")


def _browser(**options):
    need_web()
    d = Daemon(deflate="yes")
    web, person = Web(d, "web", **options), Person(d, "ann")
    web.join()
    t = Trace(d, "web", "-j")
    eq(t.head["dialect"], "websocket")
    for i in range(20):
        person.say("%d %s" % (i, "long " * 50))
        got = web.event("message")
        shown = json.loads(t.until("out", '"message"')["text"])
        eq(shown["text"], got["text"])
    web.speak(b'{"cmd":"passwd",\n"old":"%s"}' % SECRET.encode())
    eq(t.until("in")["text"], '{"cmd":"passwd","old":"***"}')
    web.speak(b'{"cmd":"ping",\n"id":"x"}')
    eq(t.until("in")["text"], '{"cmd":"ping",\\x0a"id":"x"}')
    t.until("out", '"reply":"ping"')
    web.reset()
    ok(t.until("end")["reason"], "it says why")
    eq(t.end()[0], 0)


@test()
def a_browser():
    """a WebSocket's messages, without their frames"""
    _browser()


@test()
def a_compressed_browser():
    """so too where they are compressed"""
    _browser(deflate=OFFER)


@test()
def tls():
    """TLS is no hindrance"""
    cert, key = selfsigned()
    d = Daemon(tls_cert=cert, tls_key=key)
    ann = Json(d, "ann", tls=context(cert))
    t = Trace(d, "ann", "-j")
    eq(t.head["carrier"], "tls")
    ann.join()
    ann.ok("say", room="lobby", text="over TLS")
    t.until("in", "over TLS")
    t.until("out", '"event":"message"')


@test()
def whom():
    """by number or name; and who is nobody's"""
    d = Daemon()
    one, person = Json(d, "one"), Person(d, "77")
    for wrong, error in (("nobody", "no-such-user"), ("no name", "bad-name"),
                         ("77", "no-such-client"), ("0", "no-such-client"),
                         ("9" * 20, "no-such-client")):
        status, out, _ = run_ctl("-s", socket_of(d), "-j", "trace", wrong)
        eq((status, json.loads(out)["error"]), (1, error), wrong)
    status, out, err = run_ctl("-s", socket_of(d), "trace", "nobody")
    eq((status, out), (1, ""))
    contains(err, "nobody of that name")
    eq(run_ctl("-s", socket_of(d), "trace")[0], 2)
    number = _id(d, "77")
    contains(ctl(d, "who"), shown(number))
    eq(Trace(d, number, "-j").head["name"], "77")
    gone = _id(d, "one")
    # What a client is told of others has no numbers.
    lacks(str(one.ok("who")), "clients")
    one.ok("quit")
    d.log.wait("client-closed", name="one")
    status, _, err = run_ctl("-s", socket_of(d), "trace", str(gone))
    eq(status, 1)
    contains(err, "no such client")
    person.say("it stays")
    person.see("it stays")


@test()
def two_traces():
    """two operators see the same; one that goes leaves the other"""
    d = Daemon()
    ann = Json(d, "ann")
    a, b = Trace(d, "ann", "-j"), Trace(d, "ann", "-j")
    ann.ok("ping")
    eq(a.until("out"), b.until("out"))
    eq(a.seen[1:], b.seen[1:])
    a.process.send_signal(signal.SIGINT)
    a.end()
    d.log.wait("trace-end")
    ann.ok("ping")
    b.until("out")
    several = [Trace(d, "ann", "-j") for _ in range(TRACES - 1)]
    status, out, _ = run_ctl("-s", socket_of(d), "-j", "trace", "ann")
    eq((status, json.loads(out)["error"]), (1, "busy"))
    eq(ctl_json(d, "status")["clients"], 1)
    ann.ok("quit")
    for t in several + [b]:
        eq(t.until("end")["reason"], "quit")


@test(timeout=120)
def a_slow_reader():
    """an operator that reads nothing costs a bound, and is told what it
    missed"""
    d = Daemon()
    ann = Json(d, "ann")
    t = Trace(d, "ann", "-j")
    t.process.send_signal(signal.SIGSTOP)
    n = quick(3000, 20000)
    before = rss(d.pid)
    for i in range(n):
        ann.post("ping", pad="x" * 500)
        if i % 100 == 99:
            ann.sync()
            ann.replies.clear()
    grown = rss(d.pid) - before
    diag("the daemon grew by %d KiB" % (grown >> 10))
    if not sanitized(BINARY):
        below(grown, 4 << 20, "bytes that the daemon grew")
    t.process.send_signal(signal.SIGCONT)
    shown = missed = 0
    ann.speak(b'{"cmd":"ping","id":"the-last"}')
    last = ""
    while '"the-last"' not in last or '"ok"' not in last:
        line = t.next()
        if line["trace"] == "missed":
            missed += line["lines"]
            # Nothing else may tell that the pipe is empty again.
            ann.speak(b'{"cmd":"ping","id":"the-last"}')
        last = line.get("text", "")
        shown += "text" in line
    ok(missed > 0, "it missed some")
    ok(shown > 100, "it saw some")
    # A ping is a line in and a reply.
    ok(missed + shown >= 2 * n, "%d missed, %d shown" % (missed, shown))


# It costs the server much to parse, and us nothing.
LOAD = (b'{"cmd":"ping","pad":"' + b"\\u00e9" * 2600 + b'"}\n') * 10


def _load(c, left, limit):
    """Says as much as is taken at once, and reads what there is."""
    left[c] = left[c] or LOAD
    left[c] = left[c][c.pour(left[c]):]
    if readable(c, 0.01):
        c.fill(limit)
        c.buffer = b""
    limit.left()


def _has_moved(t):
    t.next()
    while b"\n" in t.text:
        t.next()
    return any(line.get("trace") == "moved" for line in t.seen)


@test(timeout=120)
def moves():
    """the trace follows a client to another loop"""
    if (os.cpu_count() or 1) < 2:
        raise Skip("needs two cores")
    d = Daemon(loops=2, log_level="debug")
    clients = [Json(d, "c%d" % i) for i in range(16)]
    ids = {m["name"]: m["clients"][0] for m in ctl_json(d, "who")["members"]}
    here = [c for c in clients if ids[c.name] >> 56 == 0]
    ok(0 < len(here) < len(clients), "they are on both loops")
    loaders, quiet = here[:3], here[3:]
    for c in quiet:
        c.join()
    traces = [(c, Trace(d, c.name, "-j")) for c in quiet[:TRACES]]
    limit = Deadline(90, "a traced client to move")
    left = {c: b"" for c in loaders}
    moved = []
    start, idle = time.monotonic(), threads_cpu(d.pid)
    while not moved:
        if time.monotonic() - start > 45 * SLOW:
            most = max(used - idle.get(thread, 0) for thread, used in
                       threads_cpu(d.pid).items())
            if most < 0.6 * (time.monotonic() - start):
                raise Skip("this machine has no time to make a loop busy")
        for c in loaders:
            _load(c, left, limit)
        moved = [(c, t) for c, t in traces
                 if readable(t.process.stdout, 0) and _has_moved(t)]
    for c in loaders:
        c.close()
    c, t = moved[0]
    event = [line for line in t.seen if line.get("trace") == "moved"][-1]
    eq(event["loop"], 1)
    eq(event["client"] >> 56, 1)
    eq(_id(d, c.name), event["client"])
    c.ok("say", room="lobby", text="from the other loop")
    t.until("in", "from the other loop")
    t.until("out", '"text":"from the other loop"')
    # It can be found by what it is now, and its end is seen.
    again = Trace(d, event["client"], "-j")
    c.close()
    t.until("end")
    again.until("end")


@test()
def an_upgrade():
    """at an upgrade the trace says that it ends; the client stays"""
    d = Upgradable()
    ann = Person(d, "ann")
    t = Trace(d, "ann", "-j")
    d.upgrade()
    eq(t.until("end")["reason"], "upgrade")
    eq(t.end(), (0, ""))
    again = Trace(d, "ann", "-j")
    ann.say("still here")
    again.until("out", "still here")
    d.stop()
    eq(again.until("end")["reason"], "shutdown")


@test()
def by_hand():
    """the socket: an operator that hangs up before or after the beginning"""
    d = Daemon()
    ann = Json(d, "ann")
    for _ in range(20):
        c = Control(d)
        c.send('{"cmd":"trace","client":"ann"}\n')
        c.close()
    conns = []

    def has_room():
        conns.append(Control(d))
        try:
            conns[-1].send('{"cmd":"trace","client":"ann"}\n')
        except BrokenPipeError:     # too many still: that is what it is told
            pass
        return conns[-1].answer()["ok"]

    until(has_room, 10, "those who hung up are gone")
    c = conns[-1]
    ann.ok("ping")
    eq(c.answer()["trace"], "in")
    c.send('{"cmd":"status"}\n' * 100)      # it is heard no more
    eq(c.answer()["trace"], "out")
    ann.ok("ping")
    eq([c.answer()["trace"] for _ in range(2)], ["in", "out"])
    c.close()
    until(lambda: len(d.log.records("trace-end")) ==
          len(d.log.records("trace")), 10, "all traces have ended")
    ann.ok("ping")
    eq(Control(d).ask("trace", client="")["ok"], False)
    eq(Control(d).ask("trace")["error"], "bad-argument")


if __name__ == "__main__":
    main()
