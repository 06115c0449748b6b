#!/usr/bin/env python3
"""Reload: all or nothing, said, in force everywhere, and under load."""

import json
import os
import signal

from client import NAME_PROMPT, Json, Person, Raw, history, login
from control import Control, ctl, ctl_json, run_ctl, socket_of
from daemon import Daemon
from harness import (contains, eq, lacks, main, ok, quick, tempdir, test,
                     test_stores, until)
from load import Load


class Configured(Daemon):
    """A daemon with a file: what is not given to -o stands there."""

    def __init__(self, *lines, **options):
        self.file = tempdir() + "/conf"
        self.write(*lines)
        super().__init__(**options)

    def command(self):
        words = super().command()
        words[words.index("-n"):words.index("-n") + 1] = ["-f", self.file]
        return words

    def write(self, *lines):
        with open(self.file + ".new", "w") as f:
            f.write("".join(line + "\n" for line in lines))
        os.rename(self.file + ".new", self.file)


def _changes(answer, kind="changed"):
    return {c["option"]: (c["from"], c["to"]) for c in answer[kind]}


@test()
def says_what_changed():
    """the log and the answer say what changed and what needs a restart"""
    d = Configured("max_text = 100", "motd = \"old\"")
    eq(ctl(d, "reload"), "nothing has changed\n")
    d.write("max_text = 200", "motd = \"new\"", "stream_bytes = 1M",
            "listen = \"auto 127.0.0.1:1\"", "loops = 7")
    answer = ctl_json(d, "reload")
    eq(_changes(answer), {"max_text": ("100", "200"),
                          "motd": ('"old"', '"new"')})
    eq(_changes(answer, "restart"), {"stream_bytes": ("256K", "1M")})
    eq(d.log.wait("option-changed", option="max_text")["to"], "200")
    eq(d.log.wait("option-needs-restart")["option"], "stream_bytes")
    d.log.wait("reloaded")
    # The next one says it again; a third with the old file that it is gone.
    answer = ctl_json(d, "reload")
    eq((_changes(answer), list(_changes(answer, "restart"))),
       ({}, ["stream_bytes"]))
    out = ctl(d, "reload")
    contains(out, "after a restart")
    d.write()
    contains(ctl(d, "reload"), '->  ""')


def _failures(d, count):
    """The log has so many lines of errors, one for each."""
    until(lambda: len(d.log.records("reload-failed")) == count, 10,
          "%d lines of errors in the log" % count)


@test()
def broken_file():
    """with any error the old one stays whole, and all errors are told"""
    d = Configured("max_text = 100")
    ann = Json(d, "ann")
    ann.join()
    d.write("max_text = 300", "raet = 7", "burst = \"many\"", "motd = {")
    status, out, err = run_ctl("-s", socket_of(d), "reload")
    eq((status, out), (1, ""))
    for wanted in ("conf:2", "raet", "rate", "conf:3", "burst"):
        contains(err, wanted)
    _failures(d, 3)
    ann.refused("say", "too-long", room="lobby", text="x" * 101)
    os.unlink(d.file)
    eq(run_ctl("-s", socket_of(d), "reload")[0], 1)
    _failures(d, 4)
    d.send_signal(signal.SIGHUP)
    _failures(d, 5)
    d.write("max_text = 300")
    d.send_signal(signal.SIGHUP)
    d.log.wait("option-changed", option="max_text", to="300")
    ctl_json(d, "reload")       # behind the signal's, everywhere
    ann.say("x" * 300)


@test()
def no_regular_file():
    """what is no file that can be read again is refused, and not waited for"""
    d = Configured("max_text = 100")
    ann = Json(d, "ann")
    ann.join()
    os.unlink(d.file)
    for make, remove in ((os.mkdir, os.rmdir), (os.mkfifo, os.unlink)):
        make(d.file)
        status, out, err = run_ctl("-s", socket_of(d), "reload")
        eq((status, out), (1, ""))
        contains(err, "is no regular file")
        eq(ctl_json(d, "status")["state"], "serving")
        remove(d.file)
    d.write("max_text = 300")
    eq(_changes(ctl_json(d, "reload")), {"max_text": ("100", "300")})
    ann.say("x" * 300)


@test()
def clash_with_what_stays():
    """what would not go with an option that needs a restart is an error"""
    d = Configured("max_text = 1K")
    d.write("max_text = 20000", "max_line = 64K", "stream_bytes = 16K")
    contains(run_ctl("-s", socket_of(d), "reload")[2], "stream_bytes")
    d.write("max_text = 20000", "max_line = 64K", "stream_bytes = 1M",
            "mailbox_bytes = 64M", "store_queue = 64M")
    eq(sorted(_changes(ctl_json(d, "reload"))), ["max_line", "max_text"])
    d.options["stream_bytes"] = "16K"
    d.write("max_text = 1K")
    d.restart()
    d.write("max_text = 20000", "max_line = 64K")
    err = run_ctl("-s", socket_of(d), "reload")[2]
    contains(err, "stream_bytes")


@test()
def overrides_prevail():
    """-o prevails over the file, at a reload as well"""
    d = Configured("motd = \"file\"", motd="option")
    d.write("motd = \"another\"", "burst = 50")
    eq(list(_changes(ctl_json(d, "reload"))), ["burst"])
    Raw(d).until(rb"option.*" + NAME_PROMPT)


def _reload(d, **options):
    """These options change, and nothing else."""
    d.write(*("%s = %s" % (k, json.dumps(v)) for k, v in options.items()))
    answer = ctl_json(d, "reload")
    eq(answer["restart"], [])
    return _changes(answer)


@test()
def loops_and_dialects():
    """limits, greeting and lobby are those of the newest reload at once"""
    d = Configured(greet_delay=None, rate=None)
    ann = Json(d, "ann")
    ann.join()
    _reload(d, max_line="1K", max_text="10", max_rooms="1", server_name="x.y",
            motd="moin", lobby="hall", greet_delay="10ms")
    ann.refused("say", "too-long", room="lobby", text="x" * 11)
    eq(ann.raw_reply(b"{" + b" " * 1500)["error"], "too-long")
    ann.refused("subscribe", "too-many-rooms", room="second")
    bob = Json(d, "bob")
    eq((bob.login_reply["server"], bob.login_reply["limits"]),
       ("x.y", {"line": 1024, "text": 10, "rooms": 1}))
    person = Raw(d)
    person.until(rb"Welcome to x\.y.*moin.*" + NAME_PROMPT)
    person.send(b"cat\r\n")
    person.until(rb"#hall")
    _reload(d, rate="1", burst="1")
    ids = [ann.post("ping") for _ in range(20)]
    errors = [ann.reply(number).get("error") for number in ids]
    ok("rate-limited" in errors, "20 at once: %s" % errors)
    until(lambda: ann.cmd("ping")["ok"], 10, "a ping is due")
    _reload(d, rate="0")
    for _ in range(50):
        ann.ok("ping")


@test()
def greeting_due_earlier():
    """who waits for a long greet_delay is greeted by the new, short one"""
    d = Configured("greet_delay = 1m", greet_delay=None)
    waiting = [Raw(d) for _ in range(3)]
    until(lambda: ctl_json(d, "status")["clients"] == 3, 10, "the clients")
    _reload(d, greet_delay="20ms")
    waiting.append(Raw(d))
    for raw in waiting:
        raw.until(NAME_PROMPT)


@test()
def clients_and_times():
    """bounds and times of clients, those that are connected as well"""
    d = Configured(max_clients_address=None, login_timeout=0)
    ann, bob = Json(d, "ann"), Json(d, "bob")
    _reload(d, max_clients="2")
    contains(Raw(d).to_end(), b"server-full")
    _reload(d, max_clients_address="2")
    contains(Raw(d).to_end(), b"server-full")
    _reload(d, presence_limit="1")
    ann.join()
    bob.join()
    ann.none("join")
    _reload(d, read_timeout="1s")
    eq(ann.event("bye")["reason"], "read-timeout")
    eq(bob.event("bye")["reason"], "read-timeout")


@test(timeout=120)
def write_timeout():
    """write_timeout is taken over by whoever is stuck already"""
    d = Configured(write_timeout=None)
    _reload(d, write_timeout="0")
    deaf = Json(d, "deaf", rcvbuf=4096)
    deaf.join()
    Load(d, ["w"], size=3000, count=quick(1000, 3000), window=32).finish()
    _reload(d, write_timeout="1s")
    eq(d.log.wait("client-closed", 30, name="deaf")["reason"],
       "write-timeout")


@test_stores()
def retention(store):
    """retention is the store's at once"""
    d = Configured(store=store)
    ann = Json(d, "ann")
    ann.join()
    for i in range(200):
        ann.say(str(i))
    _reload(d, history_max="10")
    until(lambda: len(history(ann)) <= 20 or ann.say("more") is None, 20,
          "the history is short")
    eq(history(ann)[-1]["text"][:3] in ("199", "mor"), True)


@test()
def log_level():
    """log_level changes at once, both ways"""
    d = Configured(log_level=None)
    _reload(d, log_level="debug")
    Json(d, "ann")
    d.log.wait("login", name="ann")
    _reload(d, log_level="warn")
    at = len(d.log.lines)
    Json(d, "bob")
    _reload(d, log_level="info")
    Json(d, "cat")
    d.log.wait("login", name="cat")
    lacks("\n".join(d.log.lines[at:]), "name=bob")


@test()
def default_file_appears():
    """without a file and with -n a reload finds nothing new"""
    d = Daemon()
    eq(ctl(d, "reload"), "nothing has changed\n")
    d.send_signal(signal.SIGHUP)
    d.log.wait("reloaded")


def _look(d):
    """Somebody reads the numbers, or is told that there are none."""
    c = Raw(d)
    c.send(b"GET /metrics HTTP/1.0\r\nHost: x\r\n\r\n")
    c.to_end()
    c.close()


@test(timeout=240)
def under_load():
    """a hundred reloads while all talk, move and reload at once: no loss"""
    d = Configured("max_text = 1000", store="sqlite", loops=3, history_max=0,
                   history_bytes=0)
    watch = Json(d, "watch")
    watch.join(after=0)
    load = Load(d, ["w%d" % i for i in range(quick(20, 60))], size=300)
    operators = [Control(d) for _ in range(4)]
    for turn in range(quick(30, 100)):
        d.write("max_text = %d" % (1000 + turn % 50), "motd = \"%d\"" % turn,
                "write_timeout = %ds" % (60 + turn % 3),
                "greet_delay = %d" % (turn % 300),
                "broken" if turn % 10 == 9 else "")
        for c in operators:
            c.send(b'{"cmd":"reload"}\n')
        d.send_signal(signal.SIGHUP)
        if turn % 5 == 0:
            Person(d, "p%d" % turn).close()
            _look(d)
        for c in operators:
            eq(c.answer()["ok"], turn % 10 != 9)
    results = load.stop()
    said = sum(r["sent"] if "sent" in r else len(r["acked"])
               for r in results.values())
    acked = {s: "%s:%d:" % (name, n) for name, r in results.items()
             for n, s in r["acked"]}
    log = {m["seq"]: m["text"] for m in history(login(d, "checker"))}
    eq([s for s, t in acked.items() if not log.get(s, "").startswith(t)], [],
       "told ok and lost")
    got = [e["seq"] for e in watch.messages(len(log), 60)]
    eq(got, sorted(log), "the watcher has seen all, in order")
    ok(said > 100, "enough was said")


@test()
def reload_and_end():
    """the end in the middle of reloads frees all"""
    for _ in range(quick(5, 20)):
        d = Daemon()
        c = Control(d)
        c.send(b'{"cmd":"reload"}\n' * 50)
        d.send_signal(signal.SIGHUP)
        d.stop()


if __name__ == "__main__":
    main()
