#!/usr/bin/env python3
"""Many who guess at passwords: others talk on, and who knows one comes in."""

import json
import os
import pathlib
import signal
import subprocess
import sys

from client import Json
from daemon import Daemon
from harness import HERE, SLOW, Deadline, descriptors, diag, eq, keep, \
    main, ok, readable, test, until
from others import Others
from upgrade import Upgradable

RATE = 50                       # logins a second
PASSWORD = "correct horse"
HASH = 50 * SLOW                # ms, half of what a password takes at best: who
                                # had to wait for one is later; as to how little
                                # later the others are, see make bench


class Storm:
    """Wrong passwords for accounts that are there and for none (the bench's);
    more than the pool hashes, so that its queue fills and stays full."""

    def __init__(self, daemon):
        self.process = subprocess.Popen(
            [sys.executable, os.path.join(HERE, "..", "bench", "storm.py"),
             "login", str(daemon.port), str(RATE)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        keep(self)
        eq(self.line(), b"ready\n")

    def line(self):
        limit = Deadline(30, "the storm")
        while not readable(self.process.stdout, limit.left()):
            pass
        return self.process.stdout.readline()

    def stop(self):
        self.process.stdin.close()
        return json.loads(self.line())

    def cleanup(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.process.stdin.close()


def daemon(**more):
    return Daemon(login_tries=0, login_timeout=0, rate=0,
                  max_clients_address=0, **more)


def refused(d):
    """Someone's login finds the queue full."""
    c = Json(d)
    reply = c.cmd("login", name="nobody", password="guess", timeout=60)
    c.close()
    return reply["error"] == "rate-limited" and reply["retry_ms"] > 0


def niceness(pid):
    """Of each thread of the process, by their names."""
    found = {}
    for stat in pathlib.Path("/proc/%d/task" % pid).glob("*/stat"):
        name, rest = stat.read_text().split("(")[1].rsplit(")", 1)
        found.setdefault(name, set()).add(int(rest.split()[16]))
    return found


def status(pid):
    return pathlib.Path("/proc/%d/status" % pid).read_text()


def children(pid):
    with open("/proc/%d/task/%d/children" % (pid, pid)) as f:
        return [int(child) for child in f.read().split()]


def hashers(d):
    """The processes that hash for the daemon, once they are there, which have
    a parent of their own."""
    def found():
        parents = children(d.pid)
        return len(parents) == 1 and children(parents[0])
    return until(found, 10, "processes that hash")


@test()
def last_of_all():
    """who hashes passwords comes behind all threads, and reaches nothing"""
    d = Daemon(auth_workers=2)
    until(lambda: "hub" in niceness(d.pid), 10, "the hub")
    eq({name: nice for name, nice in niceness(d.pid).items()
        if nice != {os.nice(0)}}, {}, "threads that give way")
    until(lambda: len(hashers(d)) == 2, 10, "one for each worker")
    for pid in children(d.pid) + hashers(d):
        if pid not in children(d.pid):  # whose parent has to end them
            # A sanitizer may have a thread there, too.
            until(lambda: 19 in niceness(pid).get("auth", ()), 10, "niceness")
        until(lambda: descriptors(pid) == 1, 10, "one descriptor, its socket")
        with open("/proc/%d/oom_score_adj" % pid, encoding="ascii") as f:
            ok(int(f.read()) >= 500, "it goes before the daemon")
        with open("/proc/%d/cmdline" % pid, "rb") as f:
            eq(f.read().rstrip(b"\0"), b"partylined: auth", "its title")
        if d.log.wait("privileges")["seccomp"] == "yes":
            until(lambda: "Seccomp:\t2" in status(pid), 10, "its filter")
    gone = children(d.pid) + hashers(d)
    d.stop()
    until(lambda: not any(os.path.exists("/proc/%d" % p) for p in gone), 10,
          "they end with the daemon")


@test()
def killed():
    """passwords are known still when those processes have been killed, and
    they end when the daemon has been"""
    d = Daemon(auth_cost="minimal", auth_workers=2)
    Json(d, "ann").ok("register", password=PASSWORD)
    for pid in hashers(d):
        os.kill(pid, signal.SIGKILL)
    for _ in range(4):
        eq(Json(d).ok("login", name="ann", password=PASSWORD)["guest"], False)
    eq(Json(d).cmd("login", name="ann", password="wrong")["error"],
       "bad-password")
    ok("replaced_by" in d.log.wait("auth-process-gone"), "replaced")
    d = Daemon(auth_cost="minimal")
    gone = children(d.pid) + hashers(d)
    d.kill()
    until(lambda: not any(os.path.exists("/proc/%d" % p) for p in gone), 10,
          "they end with the daemon")


@test()
def stopped():
    """one that is stopped is replaced: its login comes late, others do not"""
    d = Daemon(auth_cost="minimal", auth_workers=1, auth_timeout="1s")
    Json(d, "ann").ok("register", password=PASSWORD)
    stopped, = hashers(d)
    os.kill(stopped, signal.SIGSTOP)
    eq(Json(d).ok("login", name="ann", password=PASSWORD)["guest"], False)
    record = d.log.wait("auth-process-gone")
    eq((record["pid"], record["reason"]), (str(stopped), "silent"))
    eq(hashers(d), [int(record["replaced_by"])])
    eq(Json(d).cmd("login", name="ann", password="wrong")["error"],
       "bad-password")
    # And so is one after an upgrade, inside of the sandbox.
    d = Upgradable(auth_cost="minimal", auth_workers=1, auth_timeout="1s")
    Json(d, "ann").ok("register", password=PASSWORD)
    d.upgrade()
    stopped, = hashers(d)
    os.kill(stopped, signal.SIGSTOP)
    eq(Json(d).ok("login", name="ann", password=PASSWORD)["guest"], False)
    until(lambda: hashers(d) != [stopped], 10, "another one")

@test(timeout=240)
def others_talk():
    """logins that fail, more than are hashed, don't make a message late"""
    d = daemon()
    others = Others(d)
    storm = Storm(d)
    until(lambda: refused(d), 60, "a full queue")
    others.judge("%d logins a second" % RATE, floor=HASH)
    result = storm.stop()
    diag("the storm: %s" % result)
    ok(result["answers"]["bad-password"] > 0, "some were tried")
    ok(result["answers"]["rate-limited"] > 0, "some were not")
    eq(set(result["answers"]) - {"no client was free"},
       {"bad-password", "rate-limited"}, "the answers")
    ok(d.alive(), "the daemon lives")


@test(timeout=180)
def comes_in():
    """who knows the password and comes again as told gets in meanwhile"""
    d = daemon(auth_cost="minimal", auth_queue=4)
    Json(d, "ann").ok("register", password=PASSWORD)
    Storm(d)
    limit = Deadline(120, "a login beside the storm")
    c = Json(d)
    while True:
        reply = c.cmd("login", name="ann", password=PASSWORD,
                      timeout=limit.left())
        if reply["ok"]:
            break
        eq(reply["error"], "rate-limited")
        # Until it is to ask again it is told nothing, nor sent away.
        eq((c.silent(reply["retry_ms"] / 1000), c.ended), (b"", False))
    eq(reply["guest"], False)


@test(timeout=120)
def ends():
    """with a full queue it ends as soon as ever"""
    d = daemon(auth_queue=8)
    Storm(d)
    until(lambda: refused(d), 60, "a full queue")
    d.stop()


@test(timeout=180)
def upgrades():
    """an upgrade does not wait for the queue: who waits is told to try again"""
    d = Upgradable(auth_cost="minimal", rate=0)
    reader = Json(d, "reader")
    reader.join()
    clients = [Json(d) for _ in range(60)]
    posted = [c.post("login", name="nobody", password="guess")
              for c in clients]
    reader.sync()
    diag(d.upgrade().strip())
    errors = [c.reply(n, 60)["error"] for c, n in zip(clients, posted)]
    ok(errors.count("rate-limited") > 20, "most were given back: %s" % errors)
    reader.say("on it goes")


main()
