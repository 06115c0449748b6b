#!/usr/bin/env python3
"""Disks that are full, databases that are damaged, history that is pruned."""

import glob
import os
import random
import shutil
import signal
import sqlite3
import subprocess

from client import Json, check_error, history
from daemon import Daemon, run_binary
from harness import (Skip, below, contains, diag, eq, keep, main, need_root,
                     ok, quick, tempdir, test, test_stores, until)
from load import Load


class SmallDisk:
    """A tmpfs of a few MB, and a file that fills it."""

    def __init__(self, megabytes):
        need_root()
        self.path = tempdir()
        done = subprocess.run(["mount", "-t", "tmpfs", "-o",
                               "size=%dm" % megabytes, "tmpfs", self.path],
                              capture_output=True, check=False)
        if done.returncode != 0:
            raise Skip("no tmpfs may be mounted here")
        keep(self)

    def fill(self, leave=0):
        """Takes all room but so many bytes."""
        space = os.statvfs(self.path)
        size = space.f_bavail * space.f_frsize - leave
        with open(self.path + "/filler", "ab", buffering=0) as f:
            try:
                while size > 0:
                    size -= f.write(b"\0" * min(size, 1 << 16))
            except OSError:
                pass

    def empty(self):
        os.unlink(self.path + "/filler")

    def cleanup(self):
        subprocess.run(["umount", "-l", self.path], check=True)


@test(timeout=120)
def disk_full():
    """disk full: say is refused, history is readable, and it recovers"""
    disk = SmallDisk(16)
    d = Daemon(store="sqlite", state_dir=disk.path + "/state", history_max=0,
               history_bytes=0)
    ann, bob = Json(d, "ann"), Json(d, "bob")
    ann.join()
    bob.join()
    stored = [ann.say("before %d" % i)["seq"] for i in range(20)]
    for turn in range(quick(2, 4)):
        disk.fill(random.choice((0, 4096, 100000)))
        refused = 0
        for i in range(3000):
            r = ann.cmd("say", room="lobby", text="x" * 4000)
            if not r["ok"]:
                check_error(r, "say", "store-unavailable")
                refused += 1
                if refused == 5:
                    break
            else:
                stored.append(r["seq"])
        eq(refused, 5, "it was full at last")
        eq([m["seq"] for m in history(bob)], stored, "history while full")
        r = ann.cmd("topic", room="lobby", topic="full")
        ok(r["ok"] or r["error"] == "store-unavailable", str(r))
        Json(d, "eve%d" % turn).join(last=5)
        disk.empty()

        def stores():
            r = ann.cmd("say", room="lobby", text="room again")
            if r["ok"]:
                stored.append(r["seq"])
            return r["ok"]
        until(stores, 20, "the store to recover")
    eq([m["seq"] for m in history(bob)], stored)
    eq([m["seq"] for m in bob.messages(len(stored), 20)], stored)
    bob.none("message")
    d.restart()
    eq([m["seq"] for m in history(Json(d, "bob"))], stored, "after a restart")


@test(timeout=120)
def disk_full_under_load():
    """the disk fills while many talk: nobody's ok is lost, none is doubled"""
    disk = SmallDisk(16)
    d = Daemon(store="sqlite", state_dir=disk.path + "/state", history_max=0,
               history_bytes=0)
    reader = Json(d, "reader")
    reader.join(after=0)
    load = Load(d, ["w%d" % i for i in range(4)], size=500, rate=1500,
                keys=True)
    for _ in range(quick(2, 5)):
        reader.messages(random.randrange(100, 300), 30)
        disk.fill()
        until(lambda: d.log.records("store-failing"), 20, "a full disk's log")
        disk.empty()
        until(lambda: d.log.records("store-recovered"), 20, "its recovery")
        del d.log.lines[:]
    results = load.stop()
    acked = sorted(s for r in results.values() for _, s in r["acked"])
    refused = {e for r in results.values() for _, e in r["refused"]}
    ok(refused <= {"store-unavailable"}, str(refused))
    log = [m["seq"] for m in history(reader)]
    eq(log, acked, "the log and what was told ok")
    diag("%d messages told ok are there, once; %d were refused" %
         (len(acked), sum(len(r["refused"]) for r in results.values())))


@test(timeout=120)
def full_at_start():
    """started on a full disk it says why, or serves what it has"""
    disk = SmallDisk(4)
    disk.fill()
    state = disk.path + "/state"
    status, _, err = _try_start(state)
    ok(status != 0, "it needs a database")
    contains(err, disk.path)


def _try_start(state):
    return run_binary("-n", "-o", "store=sqlite", "-o", "state_dir=" + state,
                      "-o", "listen=auto 127.0.0.1:0", timeout=20)


def _filled_state(last="kill"):
    """A state directory with 200 messages; a killed one has some in its WAL."""
    d = Daemon(store="sqlite", history_bytes=0)
    for end in ("restart", last):
        c = Json(d, "ann")
        c.join()
        for i in range(100):
            c.post("say", room="lobby", text="message %d " % i + "x" * 500)
        c.messages(100)
        getattr(d, end)()
    return d.state_dir


def _database(state):
    """The log; the index beside it may be lost."""
    path = state + "/partyline.db"
    with open(path, "rb") as f:
        eq(f.read(15), b"SQLite format 3", path)
    return path


def _copy(whole, state):
    """But for the socket that a killed daemon has left."""
    shutil.copytree(whole, state, ignore=shutil.ignore_patterns("control*"))


def _contents(state):
    return {name: open(os.path.join(state, name), "rb").read()
            for name in os.listdir(state)}


def _damages(size):
    """What may befall a database file of this size."""
    return {
        "no database at all": lambda f: (f.truncate(0), f.write(b"x" * 9000)),
        "a broken header": lambda f: f.write(b"NOT SQLite at all"),
        "cut in the middle": lambda f: f.truncate(size // 2 // 4096 * 4096),
        "pages of noise": lambda f: (f.seek(4096), f.write(
            random.randbytes(size // 4096 * 4096 - 4096))),
    }


def _damaged_copy(whole, damage):
    state = tempdir() + "/state"
    _copy(whole, state)
    with open(_database(state), "r+b") as f:
        damage(f)
    return state


def _untouched(before, state, what):
    after = _contents(state)
    for file, data in before.items():
        if data and not file.endswith(("-shm", "lock")):
            eq(after.get(file) == data, True,
               "%s: %s is left as it was" % (what, file))


@test(timeout=120)
def damaged():
    """a damaged database is refused with advice, and left as it is"""
    whole = _filled_state("stop")
    for name, damage in _damages(os.path.getsize(_database(whole))).items():
        state = _damaged_copy(whole, damage)
        before = _contents(state)
        status, _, err = _try_start(state)
        ok(status > 0, "%s: refused, not %d: %s" % (name, status, err))
        contains(err, state, name)
        ok("set it aside" in err or "move it away" in err,
           "advice for %s: %s" % (name, err))
        _untouched(before, state, name)


@test(timeout=120)
def damaged_with_wal():
    """what a WAL makes whole is served whole; else both files are kept"""
    whole = _filled_state("kill")
    for name, damage in _damages(os.path.getsize(_database(whole))).items():
        state = _damaged_copy(whole, damage)
        before = _contents(state)
        d = Daemon(store="sqlite", state_dir=state, wait=False,
                   history_bytes=0)
        until(lambda: not d.alive() or d.log.records("ready"), 20, "either")
        if d.alive():
            d.ready()
            eq(len(history(Json(d, "ann"))), 200, "history after " + name)
            d.stop()
            continue
        ok(d.wait_end() > 0, name)
        d.ended()
        _untouched(before, state, name)


@test(timeout=120)
def random_damage():
    """a few bytes changed anywhere: refused or served, never a crash"""
    whole = _filled_state()
    outcomes = {"refused": 0, "served": 0}
    for _ in range(quick(8, 30)):
        state = tempdir() + "/state"
        _copy(whole, state)
        path = _database(state)
        with open(path, "r+b") as f:
            for _ in range(random.randrange(1, 20)):
                f.seek(random.randrange(os.path.getsize(path)))
                f.write(random.randbytes(random.randrange(1, 50)))
        d = Daemon(store="sqlite", state_dir=state, wait=False)
        until(lambda: not d.alive() or d.log.records("ready"), 20, "either")
        if d.log.records("ready"):
            d.ready()
            outcomes["served"] += 1
            c = Json(d, "ann")
            c.errors = "replace"    # a damaged text is nobody's promise
            r = c.cmd("subscribe", room="lobby", after=0)
            for cmd in ("history", "say"):
                r = c.cmd(cmd, room="lobby", **(
                    {"text": "x"} if cmd == "say" else {}))
                ok(r["ok"] or r["error"] in ("store-unavailable",
                                             "not-subscribed"), str(r))
            c.close()
            d.stop()
        else:
            outcomes["refused"] += 1
            status = d.wait_end()
            ok(status > 0, "status %d" % status)
            d.ended()
    diag(outcomes)


@test()
def newer_database():
    """a database of a newer version is refused, not rewritten"""
    state = _filled_state()
    path = _database(state)
    with sqlite3.connect(path) as db:
        version = db.execute("pragma user_version").fetchone()[0]
        db.execute("pragma user_version = %d" % (version + 1000))
    db.close()
    status, _, err = _try_start(state)
    ok(status > 0, "refused")
    contains(err.lower(), "newer")


@test()
def foreign_database():
    """another program's database is refused"""
    state = _filled_state()
    path = _database(state)
    for name in os.listdir(state):
        os.unlink(os.path.join(state, name))
    with sqlite3.connect(path) as db:
        db.execute("create table bookmarks (url)")
        db.execute("insert into bookmarks values ('precious')")
    db.close()
    status, _, err = _try_start(state)
    ok(status > 0, "refused: " + err)
    with sqlite3.connect(path) as db:
        eq(db.execute("select * from bookmarks").fetchall(), [("precious",)])
    db.close()


@test()
def database_taken_away():
    """the database deleted or replaced under it: no ok for what is lost"""
    d = Daemon(store="sqlite")
    c = Json(d, "ann")
    c.join()
    c.say("stored")
    for path in glob.glob(d.state_dir + "/*"):
        if not path.endswith("lock"):
            os.unlink(path)
    told = []
    for i in range(20):
        r = c.cmd("say", room="lobby", text="after %d" % i)
        if r["ok"]:
            told.append(r["seq"])
        else:
            eq(r["error"], "store-unavailable")
    if told:
        d.kill()
        d.start()
        c = Json(d, "ann")
        there = {m["seq"] for m in history(c)} if c.join()["head"] else set()
        eq(sorted(set(told) - there), [], "told ok and lost")
    else:
        d.send_signal(signal.SIGTERM)
        d.wait_end()
        d.ended()


@test()
def read_only():
    """a state directory that may not be written is told"""
    if os.geteuid() != 0:
        state = _filled_state("stop")
        os.chmod(state, 0o500)
        status, _, err = _try_start(state)
        os.chmod(state, 0o700)
    else:
        disk = SmallDisk(4)
        os.mkdir(disk.path + "/state")
        subprocess.run(["mount", "-o", "remount,ro", disk.path], check=True)
        state = disk.path + "/state"
        status, _, err = _try_start(state)
    ok(status > 0, "refused")
    contains(err, state)


@test_stores()
def kept_by_age(store):
    """history_age removes what is older, and gap tells so"""
    d = Daemon(store=store, history_age=1, history_max=0, history_bytes=0)
    c = Json(d, "ann")
    c.join()
    first = c.say("old")["seq"]
    for i in range(50):
        c.say("old %d" % i)
    until(lambda: not history(c), 30, "the old ones to go")
    bob = Json(d, "bob")
    r = bob.join(after=first - 1)
    ok("gap" in r, "gap in %r" % r)
    c.say("new")
    eq(bob.message()["text"], "new")
    bob.none("message")


@test_stores()
def kept_by_size(store):
    """history_bytes bounds what a room keeps, in each room by itself"""
    d = Daemon(store=store, history_age=0, history_max=0,
               history_bytes=200000)
    c = Json(d, "ann")
    c.join("quiet")
    c.join()
    c.say("kept", "quiet")
    ids = [c.post("say", room="lobby", text="%d " % i + "x" * 2000)
           for i in range(300)]
    for number in ids:
        c.reply(number)
    until(lambda: len(history(c)) * 2000 < 420000, 20, "the oldest to go")
    kept = history(c)
    ok(len(kept) > 30, "%d are kept" % len(kept))
    eq([int(m["text"].split()[0]) for m in kept],
       list(range(300 - len(kept), 300)), "the newest are kept")
    eq(len(history(c, "quiet")), 1)


@test(timeout=120)
def disk_stays_small():
    """with retention the database does not grow without end"""
    d = Daemon(store="sqlite", history_max=500, history_age=0,
               history_bytes=0)

    def used():
        return sum(os.path.getsize(f) for f in glob.glob(d.state_dir + "/*"))
    count = quick(4000, 20000)
    Load(d, ["w"], size=1000, window=64, count=count).finish(100)
    diag("%d MB said, %.1f MB on disk" % (count // 1000, used() / 1e6))
    until(lambda: used() < 12 << 20, 20, "the database to be small")
    c = Json(d, "ann")
    until(lambda: len(history(c)) < 1500, 20, "the oldest to go")
    d.stop()
    below(used(), 12 << 20, "bytes on disk after the end")


@test()
def replies_after_pruning_and_restart():
    """gap is told after a restart as well, and seqs are never used again"""
    d = Daemon(store="sqlite", history_max=10, history_age=0)
    c = Json(d, "ann")
    c.join()
    first = c.say("first")["seq"]
    seqs = [first]
    for i in range(300):
        seqs.append(c.say(str(i))["seq"])
    until(lambda: history(c)[0]["seq"] > first, 20, "the first to go")
    d.restart()
    c = Json(d, "ann")
    r = c.join(after=first)
    ok("gap" in r, str(r))
    ok(c.say("next")["seq"] > seqs[-1], "seq grows across the restart")


if __name__ == "__main__":
    main()
