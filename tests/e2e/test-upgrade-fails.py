#!/usr/bin/env python3
"""Promise 6: an upgrade that fails, at whatever step, is nothing."""

import json
import os
import shutil
import signal
import socket
import sqlite3
import struct

from client import Json, history
from control import Control, run_ctl, socket_of
from daemon import BINARY, Daemon, run_binary
from everyone import Everyone, unharmed
from harness import (SLOW, Failure, Skip, below, contains, eq, main, ok,
                     sanitized, slowly, tempdir, test, until)
from load import Load
from upgrade import (END, FREE, GO, HELLO, HUB, OPTIONS, READY, SESSIONS,
                     Successor, Upgradable, fake, field, recv_message, relay,
                     script, send_message)


@test(timeout=120)
def cannot_begin():
    """a binary that cannot be executed, ends, crashes or is silent"""
    d = Upgradable(upgrade_timeout=slowly(3), **FREE)
    all = Everyone(d)
    directory = tempdir()
    plain = directory + "/plain"
    open(plain, "w").close()
    d.refused(directory + "/none", "No such file")
    d.refused(plain, "Permission denied")
    d.refused(directory, "Permission denied")
    d.refused(script("exit 3"), "ended with status 3")
    d.refused(script("kill -SEGV $$"), "signal SEGV")
    below(2.9, d.refused(script("exec sleep 1000"), "silent"), "patience")
    unharmed(d, all, "then")
    d.refused(script("", interpreter="/no/such/interpreter"), "No such file")
    d.refused(script("exec %s -n -o nonsense=1" % BINARY), "nonsense")
    d.refused(script("exec %s -V >/dev/null" % BINARY), "status 0")
    d.refused(script("exec %s \"$@\" -o state_dir=%s" % (BINARY, tempdir())),
              "state_dir")
    d.refused(script("exec %s \"$@\" -o store=memory" % BINARY), "store")
    d.refused(script("exec %s \"$@\" -o 'listen=text 127.0.0.1:%d'" %
                     (BINARY, d.port)), "listen")
    d.refused(script("exec %s \"$@\" -o log_to=/no/such/directory/log" %
                     BINARY), "log")
    unharmed(d, all, "at last")
    d.upgrade()
    unharmed(d, all, "and now")


@test()
def not_in_the_sandbox():
    """a binary that the sandbox keeps away: it says what would be right"""
    if sanitized(BINARY):
        raise Skip("a sanitizer's build may execute everything")
    d = Upgradable(**OPTIONS)
    if not d.log.wait("privileges")["landlock"].startswith("yes"):
        raise Skip("the kernel has no Landlock")
    elsewhere = tempdir() + "/partylined"
    shutil.copy(BINARY, elsewhere)
    where = os.path.dirname(os.path.realpath(BINARY))
    for binary in elsewhere, "/bin/true":
        d.refused(binary, binary, "sandbox", where + ",", "install")
    # That is not what is wrong with one that nobody may execute.
    os.chmod(elsewhere, 0o600)
    d.refused(elsewhere, "Permission denied to the daemon's user, uid %d" %
              os.getuid())
    d.upgrade()


@test(timeout=120)
def store_is_held():
    """while the store cannot answer it is not done, and nothing is lost"""
    d = Upgradable(upgrade_timeout=1, **FREE)
    all = Everyone(d)
    all.chat("before")
    holder = sqlite3.connect(d.state_dir + "/partyline.db",
                             isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    ids = []

    def refused():
        """While these wait; the new one may be slow to start."""
        ids.extend(all.json.post("say", room="lobby", text="held %d" % i)
                   for i in range(len(ids), len(ids) + 5))
        all.web.sync()
        try:
            d.refused(BINARY, "unanswered")
        except Failure as error:
            if "silent" not in str(error):
                raise
            return False
        return True
    until(refused, 30, "a try in which the store is what is waited for")
    all.web.sync()
    holder.execute("ROLLBACK")
    holder.close()
    replies = [all.json.reply(i) for i in ids]
    for i, reply in enumerate(replies):
        if reply["ok"]:
            all.see("json", "held %d" % i)
        else:
            eq(reply["error"], "store-unavailable")
    d.upgrade()
    unharmed(d, all, "after")


SPEAKS = {
    "a line": ("sock.sendall(b'hello, I am new\\n' * 100); time.sleep(100)",
               "no sense"),
    "closes": ("sock.close(); time.sleep(100)", "does not speak"),
    "NO": ("send_message(sock, NO, b'not today')", "not today"),
    "GO": ("send_message(sock, GO); time.sleep(100)", "no sense"),
    "READY at once": ("send_message(sock, READY); time.sleep(100)",
                      "no sense"),
    "HELLO twice": ("send_message(sock, HELLO, b'1')\n"
                    "send_message(sock, HELLO, b'1'); time.sleep(100)",
                    "no sense"),
    "half a HELLO": ("sock.sendall(HEAD.pack(MAGIC, HELLO, 100, 0) + b'1');"
                     "time.sleep(100)", "silent"),
    "HELLO, and reads nothing": ("send_message(sock, HELLO, b'1');"
                                 "time.sleep(100)", "t"),
    "HELLO, and ends": ("send_message(sock, HELLO, b'1')", "status 0"),
    "ends in the middle": ("send_message(sock, HELLO, b'1')\n"
                           "recv_message(sock); recv_message(sock)\n"
                           "os.kill(os.getpid(), signal.SIGKILL)",
                           "signal KILL"),
    "takes all, and ends": ("send_message(sock, HELLO, b'1')\n"
                            "while recv_message(sock)[0] != END: pass\n"
                            "sys.exit(7)", "status 7"),
    "takes all, and is silent": ("send_message(sock, HELLO, b'1')\n"
                                 "while recv_message(sock)[0] != END: pass\n"
                                 "time.sleep(100)", "silent"),
    "takes all, and says NO": ("send_message(sock, HELLO, b'1')\n"
                               "while recv_message(sock)[0] != END: pass\n"
                               "send_message(sock, NO, b'too much')",
                               "too much"),
}


@test(timeout=300)
def speaks_badly():
    """one that fails at any step, with clients talking throughout"""
    d = Upgradable(upgrade_timeout=slowly(3), **FREE)
    all = Everyone(d)
    load = Load(d, ["load"], room="busy", window=4)
    for name, (body, why) in SPEAKS.items():
        try:
            d.refused(fake(body), why)
        except Failure as error:
            raise Failure("%s: %s" % (name, error)) from None
        unharmed(d, all, name)
    report = load.stop()["load"]
    eq(report["refused"], [])
    eq(len(report["acked"]), report["sent"])
    reader = Json(d, "reader")
    eq([int(m["text"].split(":")[1]) for m in history(reader, "busy")],
       list(range(report["sent"])))
    d.upgrade()
    unharmed(d, all, "whole")


STEPS = [(kind, when) for kind in (HELLO, SESSIONS, HUB)
         for when in ("before", "after")] + [(END, "before")]
LAST_STEPS = [(END, "after"), (READY, "before"), (READY, "after"),
              (GO, "before")]


@test(timeout=300)
def new_one_killed():
    """SIGKILL of the new one at each step: the old one goes on"""
    d = Upgradable(upgrade_timeout=slowly(5), **FREE)
    all = Everyone(d)
    for kind, when in STEPS + LAST_STEPS[:2]:
        d.refused(relay(kind, when, "new"))
        unharmed(d, all, "%d %s" % (kind, when))
    d.upgrade()
    unharmed(d, all, "whole")


@test(timeout=300)
def old_one_killed():
    """SIGKILL of the old one at each step: what was said is there"""
    d = Upgradable(upgrade_timeout=slowly(5), **FREE)
    said_so_far = []
    for kind, when in STEPS:
        ann = Json(d, "ann")
        ann.join()
        word = "%d %s" % (kind, when)
        ann.say(word)
        said_so_far.append(word)
        run_ctl("-s", socket_of(d), "upgrade", relay(kind, when, "old"),
                timeout=60)
        eq(d.wait_end(), -signal.SIGKILL)
        ann.to_end()
        d.log.thread.join(10 * SLOW)    # the new one has given up
        ok(d.log.ended, "nobody holds the log any more")
        d.ended()
        d.start()
        eq([m["text"] for m in history(Json(d, "reader"))], said_so_far)


@test(timeout=60)
def old_one_killed_at_last():
    """SIGKILL of the old one once the new one has all: nobody notices"""
    for kind, when in LAST_STEPS:
        d = Upgradable(**OPTIONS, sandbox="no")
        all = Everyone(d)
        all.chat("before")
        run_ctl("-s", socket_of(d), "upgrade", relay(kind, when, "old"),
                timeout=60)
        pid = int(d.log.wait("ready", start=_second(d))["pid"])
        d.taken_over(pid, status=None)
        unharmed(d, all, "after")
        d.upgrade()
        unharmed(d, all, "again")


def _second(d):
    """Where the log of a second daemon begins."""
    def found():
        at = [i for i, line in enumerate(d.log.lines) if " taken-over " in
              line]
        return at[-1] if at else 0
    return until(found, 20, "the new one to take over")


# The new one alone ----------------------------------------------------------

@test()
def state_it_cannot_read():
    """a real binary refuses a state that it does not know"""
    for why, options in (("format", {"format": 99}),
                         ("no sense", {"format": 3, "more": field(200, 1)}),
                         ("no sense", {"more": field(4, b"auto *:1")})):
        s = Successor(tempdir())
        s.offer(**options, fds=[0])
        s.refusal(why)
    for data in (b"", b"x" * 100, struct.pack("=HHII", 0x5055, 77, 0, 0),
                 struct.pack("=HHII", 0x5055, 1, 0xffffffff, 0),
                 struct.pack("=HHII", 0x5055, 1, 100, 0) + b"short"):
        s = Successor(tempdir())
        s.sock.sendall(data)
        s.sock.shutdown(socket.SHUT_WR)
        s.ended("upgrade:")


@test()
def clients_it_cannot_read():
    """so too one that finds out in the middle"""
    bad = [(SESSIONS, struct.pack("=I", 3) + b"bad", [0]),
           (SESSIONS, b"", [0]), (SESSIONS, b"more than fds", []),
           (GO, b"", [])]
    for kind, data, fds in bad:
        s = Successor(tempdir())
        s.offer(fds=[0])
        eq(recv_message(s.sock)[0], HELLO)
        send_message(s.sock, kind, data, fds)
        s.refusal("")


@test()
def environment():
    """who sets the variable is told that this is not how it goes"""
    for value in ("", "x", "0", "2", "7", "999999"):
        env = dict(os.environ, PARTYLINED_UPGRADE=value)
        status, _, err = run_binary("-n", "-o", "state_dir=" + tempdir(),
                                    env=env)
        eq(status, 1)
        contains(err, "PARTYLINED_UPGRADE")


# What is not done then ------------------------------------------------------

@test()
def refusals():
    """memory, a drain, another upgrade; and what is not done meanwhile"""
    d = Daemon()
    status, _, err = run_ctl("-s", socket_of(d), "upgrade")
    eq(status, 1)
    contains(err, "memory")
    d = Upgradable(upgrade_timeout="20s", drain_time=0, **FREE)
    c, other = Control(d), Control(d)
    hang = script("exec sleep 1000")
    c.send(json.dumps({"cmd": "upgrade", "binary": hang}) + "\n")
    d.log.wait("upgrading")
    for cmd in ("upgrade", "reload", "drain"):
        eq(other.ask(cmd)["error"], "upgrading")
    eq(other.ask("status")["state"], "serving")
    eq(other.ask("notice", text="hi")["ok"], True)
    ann = Json(d, "ann")
    ann.join()
    ann.say("hi")
    # SIGQUIT gives it up.
    d.send_signal(signal.SIGQUIT)
    eq(c.answer()["error"], "upgrade-failed")
    d.wait_end()
    d.ended()


@test()
def told_to_end():
    """SIGTERM ends the daemon and the new one with it"""
    d = Upgradable(upgrade_timeout="20s", **FREE)
    c = Control(d)
    c.send(json.dumps({"cmd": "upgrade",
                       "binary": script("exec sleep 1000")}) + "\n")
    pid = int(d.log.wait("upgrading")["pid"])
    d.stop()
    until(lambda: not os.path.exists("/proc/%d" % pid) or
          os.waitpid(-1, os.WNOHANG) != (0, 0), 10, "the new one's end")


main()
