#!/usr/bin/env python3
"""partylinectl top: the numbers, each second, on a screen and in a pipe."""

import json
import os
import re
import signal
import subprocess

from client import Json, Raw, Screen
from control import CTL, Control, ctl, run_ctl, socket_of
from daemon import Daemon
from harness import (SLOW, Deadline, below, contains, eq, has, keep, main, ok,
                     quick, readable, test, until)
from upgrade import Upgradable

HEAD = "LOOP  CLIENTS  BUSY  CPU"


class Top:
    """It runs in a pipe."""

    def __init__(self, d, *words):
        self.process = subprocess.Popen(
            [CTL, *words[:-1], "-s", socket_of(d), words[-1]],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE)
        self.text = ""
        keep(self)

    def fill(self, seconds):
        """Whether it has written something meanwhile, or ended."""
        if not readable(self.process.stdout, seconds):
            return False
        self.text += os.read(self.process.stdout.fileno(), 65536).decode()
        return True

    def line(self):
        while "\n" not in self.text:
            ok(self.fill(10 * SLOW), "top writes")
            ok(self.text, "top goes on")
        line, self.text = self.text.split("\n", 1)
        return line

    def end(self):
        """Its status and last words, when it has ended by itself."""
        _, err = self.process.communicate(timeout=20 * SLOW)
        return self.process.returncode, err.decode()

    def cleanup(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()


def _cells(text):
    """The cells of a table's upper half: {"messages/s": "12", ...}"""
    found = {}
    for line in text.split("\n\n")[1].splitlines():
        words = re.split(r"  +", line.strip())
        found.update(zip(words[::2], words[1::2]))
    return found


def _number(text):
    """"1.2k" and "3 kB" are numbers, too."""
    n, step = re.fullmatch(r"([0-9.]+) ?([kMGT]?)B?", text).groups()
    return float(n) * 1000 ** " kMGT".index(step or " ")


def _seconds(text):
    n, unit = text.split(" ")
    return float(n) * {"us": 1e-6, "ms": 1e-3, "s": 1}[unit]


def _metric(answer, name, **labels):
    """A number in an answer, or the one with these labels."""
    m = answer["metrics"][name]
    if not labels:
        return m
    return [one["value"] for one in m
            if all(one[key] == labels[key] for key in labels)][0]


def _top(d):
    """The answer itself, at once."""
    c = Control(d)
    answer = c.ask("top")
    eq((answer["reply"], answer["ok"]), ("top", True))
    c.close()
    return answer


@test()
def answer():
    """what the daemon answers is what it gives Prometheus, exactly"""
    d = Daemon(server_name="dörf", loops=2)
    ann, bob = Json(d, "ann"), Json(d, "bob")
    ann.join()
    bob.join()
    ann.event("join", name="bob")
    ann.sync()              # so that it is counted, too
    before = _top(d)
    eq(before["server"], "dörf")
    has(before, "version", "state", "uptime", "at_us")
    for n in range(20):
        ann.say("number %d" % n)
        bob.message(text="number %d" % n)
    ann.cmd("say", room="nowhere", text="x")
    for c in ann, bob:
        c.sync()
    now = _top(d)
    ok(now["at_us"] > before["at_us"], "its clock goes on")

    def grown(name, **labels):
        return _metric(now, name, **labels) - _metric(before, name, **labels)
    eq(grown("partyline_messages_total"), 20)
    eq(grown("partyline_deliveries_total"), 40)
    eq(grown("partyline_requests_total", command="say"), 21)
    eq(sum(e["value"] for e in now["metrics"]["partyline_rejects_total"]), 1)
    ok(grown("partyline_received_bytes_total") > 20 * 20, "bytes in")
    ok(grown("partyline_sent_bytes_total") > 40 * 20, "bytes out")
    eq(_metric(now, "partyline_users"), 2)
    eq(_metric(now, "partyline_build_info", server="dörf"), 1)
    eq(len(_metric(now, "partyline_loop_sessions")), 2)
    eq(sum(_metric(now, "partyline_loop_sessions")), 2)
    for name in ("partyline_store_commit_seconds",
                 "partyline_store_group_size"):
        h = _metric(now, name)
        eq(len(h["counts"]), len(h["bounds"]) + 1, name)
        eq(h["bounds"], sorted(h["bounds"]), name)
        ok(1 <= sum(h["counts"]) - sum(_metric(before, name)["counts"]) <= 20,
           "%s: %r" % (name, h))
    ok(_metric(now, "partyline_store_group_size")["sum"] >= 20, "sum")
    until(lambda: _metric(_top(d), "partyline_clients", carrier="tcp",
                          dialect="json") == 2, 10, "2 JSON clients")
    web = Raw(d)
    web.send("GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    page = web.to_end().decode()
    for name in now["metrics"]:
        contains(page, "\n# TYPE %s " % name)
    eq(page.count("# TYPE "), len(now["metrics"]))


@test(timeout=120)
def rates():
    """in a pipe a table follows the other, with what came in between"""
    d = Daemon(loops=2, rate=0)
    ann, bob = Json(d, "ann"), Json(d, "bob")
    ann.join()
    bob.join()
    top = Top(d, "top")
    said = 0
    while top.text.count(HEAD) < 2 or not top.text.endswith("\n\n"):
        for _ in range(quick(20, 50)):
            ann.say("x" * 100)
            bob.message()
            said += 1
        top.fill(0)
    # The second table: the first one's second may have begun without us.
    table = top.text.split(HEAD)[1].split("\n\n", 1)[1] + HEAD + \
        top.text.split(HEAD)[2]
    cells = _cells(table)
    rate = _number(cells["messages/s"])
    ok(0 < rate <= said, "of %d messages %s" % (said, cells))
    below(abs(_number(cells["deliveries/s"]) - 2 * rate), rate / 4 + 5,
          "two readers: %r" % cells)
    ok(_number(cells["bytes in/s"]) > 100 * rate * 0.9, cells)
    ok(_number(cells["bytes out/s"]) > 200 * rate * 0.9, cells)
    ok(0 < _seconds(cells["commit p50"]) <= _seconds(cells["commit p99"]),
       cells)
    ok(0 < _seconds(cells["hub wait p50"]) <= _seconds(cells["hub wait p99"]),
       cells)
    ok(_number(cells["at once"]) >= 1, cells)
    eq((cells["users"], cells["clients"], cells["behind"]), ("2", "2", "0"))
    contains(table, "tcp json")
    rows = table[table.index(HEAD):].splitlines()
    eq([row.split()[0] for row in rows[1:3]], ["0", "1"])
    eq(sum(int(row.split()[1]) for row in rows[1:3]), 2)
    for line in table.splitlines():
        below(len(line), 81, line)


@test()
def count():
    """so many tables and it ends; -j gives lines of JSON"""
    d = Daemon()
    out = ctl(d, "top", "2")
    eq(out.count("messages/s"), 2)
    lines = ctl(d, "-j", "top", "2").splitlines()
    first, second = [json.loads(line) for line in lines]
    took = (second["at_us"] - first["at_us"]) / 1e6
    ok(0.5 < took < 5 * SLOW, "a second lies between: %s" % took)
    for bad in ("0", "x", "-1", "1x", "1 2"):
        status, out, err = run_ctl("-s", socket_of(d), "top", bad)
        eq((status, out), (2, ""), bad)
        contains(err, "number of tables")


@test()
def on_a_screen():
    """on 80x24 all of it is seen, it goes on, and q ends it"""
    d = Daemon(loops=2, server_name="dorf")
    ann = Json(d, "ann")
    ann.join()
    s = Screen("%s -s %s top; echo status $?; stty -a | grep -o ' .echo '; cat"
               % (CTL, socket_of(d)))
    s.see(r"^dorf  \S+  serving  \d+s$")
    for wanted in (r"^messages/s +0 ", r"^rooms +1 ", r"^ +0 +0 +1 +0 +0",
                   r"hub wait p99 ", r"^LOOP  CLIENTS  BUSY", r"^0 +\d",
                   r"^1 +\d"):
        s.see(wanted)
    bob = Json(d, "bob")
    s.see(r"^users +2 ")
    bob.close()
    s.see(r"^users +1 ")
    lines = s.lines()
    ok(len(lines) < 24, "it fits: %r" % lines)
    eq(len([line for line in lines if line.startswith("messages/s")]), 1)
    s.type("xyz")           # nothing of that, and it is not shown
    s.type("q")
    s.see(r"^status 0$")
    ok("xyz" not in "\n".join(s.lines()), "keys are not echoed")
    s.type("hello")
    s.see(r"^hello")


@test()
def interrupted():
    """Ctrl-C ends it and gives the terminal back; Ctrl-Z does nothing"""
    d = Daemon()
    s = Screen("sh -c 'trap : INT; %s -s %s top; echo status $?; exec cat'"
               % (CTL, socket_of(d)))
    s.see(r"^messages/s ")
    s.key("C-z")
    Json(d, "ann")
    s.see(r"^users +1 ")
    s.key("C-c")
    s.see(r"^status 0$")
    s.type("hello")
    s.see(r"^hello")
    eq(s.tmux("display-message", "-p", "#{cursor_flag} #{wrap_flag}").strip(),
       "1 1", "cursor and line wrap")


@test()
def a_small_screen():
    """a small terminal shows the beginning, and nothing scrolls"""
    d = Daemon(server_name="d")
    s = Screen("%s -s %s top" % (CTL, socket_of(d)), columns=30, rows=6)
    s.see(r"^deliveries/s ")
    s.see(r"\Ad  \S+  serving  ([2-9]|\d\d)s\n\nmessages/s ")
    below(len(s.lines()), 6, "lines")


@test()
def the_daemon_goes():
    """when the daemon ends so does top, says so, and the screen is whole"""
    d = Daemon()
    top = Top(d, "top")
    top.line()
    s = Screen("%s -s %s top; echo status $?; cat" % (CTL, socket_of(d)))
    s.see(r"^messages/s ")
    d.stop()
    status, err = top.end()
    eq(status, 3)
    contains(err, "no daemon is running")
    s.see(r"no daemon is running")
    s.see(r"^status 3$")
    s.type("hello")
    s.see(r"^hello")


@test()
def over_an_upgrade():
    """when another daemon takes over, top goes on with that one"""
    d = Upgradable(loops=2, server_name="d")
    ann = Json(d, "ann")
    ann.join()
    s = Screen("%s -s %s top; echo status $?; cat" % (CTL, socket_of(d)))
    s.see(r"^users +1 ")
    top = Top(d, "-j", "top")
    eq(_metric(json.loads(top.line()), "partyline_users"), 1)
    d.upgrade()
    started = _metric(_top(d), "process_start_time_seconds")
    limit = Deadline(20, "a line of the new one")
    while True:
        now = json.loads(top.line())
        if _metric(now, "process_start_time_seconds") == started:
            break
        limit.left()
    eq(_metric(now, "partyline_users"), 1)
    Json(d, "bob")
    s.see(r"^users +2 ")
    s.type("q")
    s.see(r"^status 0$")


@test()
def many():
    """tops beside each other, ended anyhow, are nothing to the daemon"""
    d = Daemon()
    tops = [Top(d, "-j", "top") for _ in range(8)]
    for top in tops:
        eq(json.loads(top.line())["ok"], True)
    for i, top in enumerate(tops):
        # SIGINT may be ignored by whoever has started the tests
        top.process.send_signal(signal.SIGKILL if i % 2 else signal.SIGTERM)
        top.process.communicate(timeout=20 * SLOW)
    until(lambda: run_ctl("-s", socket_of(d), "status")[0] == 0, 10, "places")

    def all_free():
        held = [Control(d) for _ in range(15)]
        try:
            return all(c.ask("top")["ok"] for c in held)
        except OSError:         # told at once that it is one too many
            return False
        finally:
            for c in held:
                c.close()
    until(all_free, 10, "15 places")


if __name__ == "__main__":
    main()
