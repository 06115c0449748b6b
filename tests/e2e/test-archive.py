#!/usr/bin/env python3
"""What is taken out of the daemon, put back, and taken away for good:
partylinectl backup, export, import and erase."""

import os
import shutil
import signal
import stat

from client import Json, Program, history
from control import CTL, ctl, ctl_json, run_ctl, socket_of
from daemon import Daemon
from harness import (contains, eq, lacks, main, ok, quick, tempdir, test,
                     until)

PASSWORD = "correct horse"


def daemon(**more):
    return Daemon(**dict({"store": "sqlite", "auth_cost": "minimal"}, **more))


def refused(d, *words, given="", status=1):
    """It is refused: what it says of that."""
    got, out, err = run_ctl("-s", socket_of(d), *words, given=given)
    eq(got, status, "status of %s" % (words,))
    eq(out, "")
    return err


def say_many(c, texts, room="lobby"):
    """Some at a time; the seqs."""
    seqs = []
    for at in range(0, len(texts), 20):
        posted = [c.post("say", room=room, text=text)
                  for text in texts[at:at + 20]]
        seqs += [c.reply(number)["seq"] for number in posted]
    return seqs


def restored(path):
    """A daemon that goes on from a backup, as partylinectl(8) has it."""
    state_dir = tempdir()
    shutil.copy(path, state_dir + "/partyline.db")
    return daemon(state_dir=state_dir)


# Backup -------------------------------------------------------------------

@test()
def backup():
    """a backup starts, has all that was answered before, and is another log"""
    d = daemon()
    ctl(d, "register", "ann", given=PASSWORD + "\n")
    c = Json(d, "bob")
    first = c.join()
    seqs = say_many(c, ["text %d" % i for i in range(200)])
    path = tempdir() + "/copy.db"
    contains(ctl(d, "backup", path), "bytes")
    eq(stat.S_IMODE(os.stat(path).st_mode), 0o600)
    eq(os.listdir(os.path.dirname(path)), ["copy.db"])
    say_many(c, ["later"])
    contains(refused(d, "backup", path), "there already")
    before = os.stat(path).st_ino
    eq(ctl_json(d, "backup", "-f", path)["ok"], True)
    ok(os.stat(path).st_ino != before, "it is another file")
    copy = restored(path)
    back = Json(copy)
    back.ok("login", name="ann", password=PASSWORD)
    again = back.ok("subscribe", room="lobby", after=seqs[3],
                    epoch=first["epoch"])
    eq(again["reset"], True)
    eq([m["text"] for m in history(back)],
       ["text %d" % i for i in range(200)] + ["later"])


@test(timeout=180)
def backup_meanwhile():
    """while a backup is on its way all is said as before; it has none of it"""
    d = daemon(max_line="64K", max_text="20K", stream_bytes="1M")
    c = Json(d, "bob")
    c.join()
    count = quick(600, 3000)
    say_many(c, ["%06d" % i + "x" * 16000 for i in range(count)])
    path = tempdir() + "/copy.db"
    p = Program(CTL, "-s", socket_of(d), "backup", path)
    until(lambda: os.path.exists(path + ".tmp") and
          os.stat(path + ".tmp").st_size > 0, 20, "it has begun")
    p.process.send_signal(signal.SIGSTOP)
    ok(not os.path.exists(path), "it is not done")
    said = ["meanwhile %d" % i for i in range(500)]
    for text in said[:50]:          # one by one, each committed
        c.say(text)
    say_many(c, said[50:])
    p.process.send_signal(signal.SIGCONT)
    eq(p.wait_end(60), 0)
    copy = restored(path)
    texts = [m["text"][:12] for m in history(Json(copy, "eve"))]
    eq(len(texts), count)
    eq(texts[-1], "%06dxxxxxx" % (count - 1))
    eq(len(history(c)), count + 500)


@test(timeout=120)
def backup_killed():
    """what a backup that ends early leaves is no backup, or nothing"""
    d = daemon(max_line="64K", max_text="20K", stream_bytes="1M")
    c = Json(d, "bob")
    c.join()
    say_many(c, ["x" * 16000] * quick(600, 3000))
    path = tempdir() + "/copy.db"

    def begin():
        p = Program(CTL, "-s", socket_of(d), "backup", path)
        until(lambda: os.path.exists(path + ".tmp") and
              os.stat(path + ".tmp").st_size > 0, 20, "it has begun")
        return p
    p = begin()
    p.process.terminate()
    eq(p.wait_end(), 128 + signal.SIGTERM)
    eq(os.listdir(os.path.dirname(path)), [])
    p = begin()
    p.process.kill()
    p.wait_end()
    lacks(os.listdir(os.path.dirname(path)), "copy.db")
    contains(refused(d, "backup", path), "remove it")
    os.remove(path + ".tmp")
    ctl(d, "backup", path)


@test()
def backup_of_nothing():
    """a store in memory has nothing to copy; a daemon that is down has"""
    d = daemon(store="memory")
    path = tempdir() + "/copy.db"
    contains(refused(d, "backup", path), "store is memory")
    contains(refused(d, "backup", "/nowhere/at/all"), "store is memory")
    d = daemon()
    c = Json(d, "bob")
    c.join()
    c.say("hi")
    contains(refused(d, "backup", "/nowhere/at/all"), "No such file")
    d.kill()
    contains(refused(d, "backup", path, status=3), "no daemon is running")
    words = ["-n", "-o", "state_dir=" + d.state_dir, "-o", "store=sqlite"]
    status, _, err = run_ctl(*words, "backup", path)
    eq((status, err), (0, ""))
    d.start()
    eq([m["text"] for m in history(Json(d, "bob"))], ["hi"])
    eq([m["text"] for m in history(Json(restored(path), "bob"))], ["hi"])


# Erasing ------------------------------------------------------------------

def files_of(d):
    """All bytes of the database."""
    data = b""
    for name in os.listdir(d.state_dir):
        if name.startswith("partyline.db") and not name.endswith("-shm"):
            with open(os.path.join(d.state_dir, name), "rb") as f:
                data += f.read()
    return data


def _erased(d, c, bob, seqs):
    """What must be so from the answer on."""
    page = history(bob)
    eq([m["text"] for m in page if m["from"] == "bob" and "text" in m],
       ["bobs own"])
    gone = [m for m in page if m["from"] == "Ann"]
    eq([m["seq"] for m in gone], seqs)
    eq([m.get("redacted") for m in gone], [True] * len(seqs))
    eq(ctl_json(d, "accounts", "ann")["accounts"], [])


@test(timeout=120)
def erase():
    """an account is erased: sessions, facts, inbox, roles, texts; also behind
    a SIGKILL; the name is free"""
    d = daemon()
    ctl(d, "register", "Ann", given=PASSWORD + "\n")
    ctl(d, "op", "ann")
    ann, bob = Json(d), Json(d, "bob")
    ann.ok("login", name="ann", password=PASSWORD)
    ann.ok("token", label="bot")
    ann.join("dev")
    ann.ok("configure", room="dev", private=True)
    ann.join()
    bob.join()
    seqs = say_many(ann, ["secret%d of Ann" % i for i in range(quick(300,
                                                                     3000))])
    bob.say("bobs own")
    bob.ok("tell", to="ann", text="an inbox secret")
    ann.message(text="an inbox secret")
    status, out, err = run_ctl("-s", socket_of(d), "erase", "account", "ann")
    eq((status, out), (1, ""))
    contains(err, "nothing was erased")
    eq(run_ctl("-s", socket_of(d), "erase", "ann")[0], 2)
    eq(run_ctl("-s", socket_of(d), "erase", "-y", "account")[0], 2)
    contains(ctl(d, "erase", "-y", "account", "ann"), "ended 1 connection")
    eq(ann.event("bye")["reason"], "kicked")
    _erased(d, ann, bob, seqs)
    d.kill()
    d.start()
    bob = Json(d, "bob")
    _erased(d, ann, bob, seqs)
    eq(ctl_json(d, "audit", "1")["audit"][0]["act"], "erase")
    until(lambda: b"of Ann" not in files_of(d), 60, "the texts gone from disk")
    until(lambda: b"inbox secret" not in files_of(d), 60, "the inbox gone")
    guest = Json(d, "ann")
    guest.refused("subscribe", "private", room="dev")
    guest.ok("register", password="another person")
    guest.sync()
    guest.none("message")
    guest.close()
    d.kill()
    d.start()
    again = Json(d)
    r = again.ok("login", name="ann", password="another person")
    lacks(r, "operator")
    eq(r["rooms"], [])
    again.refused("subscribe", "private", room="dev")
    contains(refused(d, "erase", "-y", "account", "nobody"), "no account")


@test()
def erase_asked():
    """at a terminal it is asked for, and anything but yes is no"""
    d = daemon(store="memory")
    ctl(d, "register", "ann", given=PASSWORD + "\n")
    for answer, status in (("\n", 1), ("no\n", 1), ("y\n", 0)):
        t = Program(CTL, "-s", socket_of(d), "erase", "account", "ann",
                    terminal=True)
        t.until(rb"\[y/N\] ")
        eq(len(ctl_json(d, "accounts")["accounts"]), 1)
        t.send(answer)
        eq(t.wait_end(), status)
    eq(ctl_json(d, "accounts")["accounts"], [])


main()
