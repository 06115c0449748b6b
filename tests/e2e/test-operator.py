#!/usr/bin/env python3
"""What the operator does to accounts, and what is said of it: partylinectl."""

import os

from client import NAME_PROMPT, Json, Person, Program, Raw
from control import CTL, Control, ctl, ctl_json, run_ctl, socket_of
from daemon import Daemon
from harness import (contains, eq, has, lacks, main, ok, test, test_stores,
                     until)

PASSWORD = "correct horse"


def daemon(store="sqlite", **more):
    return Daemon(store=store, auth_cost="minimal", **more)


def refused(d, *words, given="", status=1):
    """It is refused: what it says of that."""
    got, out, err = run_ctl("-s", socket_of(d), *words, given=given)
    eq(got, status, "status of %s" % (words,))
    eq(out, "")
    return err


def account(d, name, password=PASSWORD):
    ctl(d, "register", name, given=password + "\n")


def login(d, name, password=PASSWORD, **more):
    c = Json(d)
    return c, c.ok("login", name=name, password=password, **more)


@test_stores()
def register(store):
    """an account is made where people may make none; its name is taken"""
    d = daemon(store, registration="no")
    eq(ctl(d, "register", "Ann", given="correct horse\n"),
       "Ann has an account now\n")
    _, r = login(d, "ann")
    eq((r["name"], r["guest"]), ("Ann", False))
    contains(refused(d, "register", "aNN", given="other words\n"),
             "There is such an account")
    contains(refused(d, "register", "bob"), "there is no password")
    contains(refused(d, "register", "bob", given="x\n"),
             "partylinectl: A password has at least 8 characters.")
    contains(refused(d, "register", "b/b", given="long enough\n"), "no name")
    contains(refused(d, "register", "\u0430nn", given="long enough\n"),
             "looks like")
    bob = Json(d, "bob")
    contains(refused(d, "register", "Bob", given="long enough\n"), "guest")
    bob.close()
    until(lambda: ctl_json(d, "status")["users"] == 1, 10, "bob is gone")
    account(d, "bob")
    _, out, _ = run_ctl("-s", socket_of(d), "register")
    eq(out, "")


@test()
def ban():
    """a name or an address is kept away, for a time, and after SIGKILL"""
    d = daemon(trusted="127.0.0.1")
    account(d, "ann")
    ann, _ = login(d, "ann")
    eq(ctl(d, "ban", "ann", "2h", "too", "loud"),
       "banned ann for 2 h, and ended 1 connection\n")
    eq(ann.event("notice")["text"],
       "You are banned from this server for 2 h: too loud")
    ann.event("bye")
    d.kill()
    d.start()
    r = Json(d).refused("login", "banned", name="ann", password=PASSWORD)
    contains(r["message"], "too loud")
    eq(ctl(d, "unban", "ann"), "ann may come again\n")
    contains(refused(d, "unban", "ann"), "not banned")
    login(d, "ann")
    far = b"PROXY TCP4 192.0.2.7 192.0.2.1 5 6\r\n"
    eve = Json(d, "eve", first=far)
    asked, early, silent = Json(d, first=far), Raw(d, first=far), Raw(d)
    asked.ok("ping")
    early.send("{\"cmd\"")         # no line yet
    near = Json(d)
    near.ok("ping")
    until(lambda: len(d.log.records("client-forwarded")) == 3, 10,
          "all are where they say")
    eq(ctl(d, "ban", "192.0.2.7"),
       "banned 192.0.2.7 for ever, and ended 3 connections\n")
    eq(asked.event("notice")["text"], "You are banned from this server.")
    asked.event("bye")
    asked.to_end()
    early.to_end()
    near.ok("ping")
    silent.close()
    eq(eve.event("notice")["text"], "You are banned from this server.")
    eve.event("bye")
    Json(d, first=far).refused("login", "banned", name="mallory")
    Json(d, "mallory")
    contains(refused(d, "ban", "127.0.0.1"), "own address")
    for none in ("127.0.0.300", "10.0.0.0/8", "fe80::x", "1.2.3.4:80"):
        contains(refused(d, "ban", none), "That is no address")


@test()
def ban_times():
    """a time that is none is no reason; what is banned is told, and audited"""
    d = daemon("memory")
    watch = Json(d, "watch")
    watch.join()
    hal = Person(d, "hal")
    watch.event("join", name="hal")
    for slip in ("5x", "30", "0s", "2hours"):
        contains(refused(d, "ban", "hal", slip, "naughty"),
                 "A time is a number and a unit")
    eq(ctl_json(d, "bans")["bans"], [])
    eq(ctl_json(d, "ban", "hal", "90s", "naughty")["for"], 90)
    hal.until(rb"-- You are banned from this server for 90 s: naughty")
    hal.to_end()
    eq(watch.event("leave", name="hal")["reason"], "banned: naughty")
    eq(ctl(d, "ban", "hal", "naughty"),
       "banned hal for ever, and ended 0 connections\n")
    got = ctl_json(d, "audit")["audit"]
    eq([a.get("for") for a in got], [90, None])
    eq([a["reason"] for a in got], ["naughty", "naughty"])
    contains(run_ctl("-h")[1], "ban name [time] [reason]")


@test()
def ban_of_an_operator():
    """an operator is not kept away until it is none, and that is said"""
    d = daemon("memory")
    account(d, "ann")
    ctl(d, "op", "ann")
    ann, _ = login(d, "ann")
    contains(ctl(d, "ban", "ann"),
             "banned ann for ever, but as operator of the server it may come")
    ann.ok("ping")
    ann.close()
    ctl(d, "deop", "ann")
    Json(d).refused("login", "banned", name="ann", password=PASSWORD)


@test()
def counted():
    """what the pool does, and what was refused, is among the numbers"""
    d = daemon("memory", login_tries=3, auth_workers=1)
    account(d, "ann")
    for _ in range(2):
        Json(d).refused("login", "bad-password", name="ann", password="wrong")
    Json(d).refused("login", "bad-password", name="ann", token="pl_wrong")
    Json(d).refused("login", "rate-limited", name="ann", password=PASSWORD)

    def counted_so():       # an answer may come before it is counted
        m = Control(d).ask("top")["metrics"]
        got = (m["partyline_auth_workers"], m["partyline_auth_busy"],
               m["partyline_auth_queue"], m["partyline_auth_done_total"],
               m["partyline_login_failures_total"],
               {r["reason"]: r["value"]
                for r in m["partyline_auth_refused_total"]})
        return got == (1, 0, 0, 3, 3, {"auth_queue": 0, "login_tries": 1,
                                       "register_max": 0})
    until(counted_so, 10, "the numbers")


@test_stores()
def bans(store):
    """who is kept away is listed: since when, until when, by whom and why"""
    d = daemon(store)
    eq(ctl(d, "bans").splitlines(), ["WHOM  SINCE (UTC)  UNTIL (UTC)  BY  "
                                     "REASON"])
    account(d, "Ann")
    ctl(d, "ban", "ann", "2h", "too", "loud")
    ctl(d, "ban", "192.0.2.7")
    got = {b["whom"]: b for b in ctl_json(d, "bans")["bans"]}
    eq(sorted(got), ["192.0.2.7", "Ann"])
    eq(got["Ann"]["reason"], "too loud")
    eq(got["Ann"]["by"], "uid %d" % os.geteuid())
    has(got["Ann"], "at", "until")
    lacks(got["192.0.2.7"], "until")
    lines = ctl(d, "bans").splitlines()
    eq(len(lines), 3)
    row = next(line for line in lines if line.startswith("192."))
    eq(row.split()[3:], ["-", "uid", str(os.geteuid())])
    if store == "sqlite":
        d.kill()
        d.start()
        eq(len(ctl_json(d, "bans")["bans"]), 2)
    ctl(d, "unban", "ann")
    eq([b["whom"] for b in ctl_json(d, "bans")["bans"]], ["192.0.2.7"])


@test()
def register_max():
    """from one address only so many accounts are made; the operator may"""
    d = daemon("memory", register_max=2, register_window="1h")
    people = [Json(d, name) for name in ("ann", "bob", "eve")]
    for c in people[:2]:
        c.ok("register", password=PASSWORD)
    r = people[2].refused("register", "rate-limited", password=PASSWORD)
    ok(0 < r["retry_ms"] <= 1800000, r)
    account(d, "mallory")


@test()
def passwd():
    """another password counts at once, the old one no more, also later"""
    d = daemon()
    account(d, "ann")
    eq(ctl(d, "passwd", "ANN", given="another one\r\n"),
       "ann has another password now\n")
    Json(d).refused("login", "bad-password", name="ann", password=PASSWORD)
    login(d, "ann", "another one")
    d.kill()
    d.start()
    login(d, "ann", "another one")
    contains(refused(d, "passwd", "nobody", given="another one\n"),
             "no account")
    contains(refused(d, "passwd", "ann", given="short\n"),
             "A password has at least 8 characters.")
    login(d, "ann", "another one")
    lacks(repr(d.log.records()), "another one")
    has(d.log.wait("control", cmd="passwd", name="ann"), "uid", "pid")


@test()
def at_a_terminal():
    """a password is asked for unseen and twice; two that differ are none"""
    d = daemon()
    t = Program(CTL, "-s", socket_of(d), "register", "ann", terminal=True)
    t.until(rb"New password of ann: ")
    t.send("correct horse\n")
    seen = t.until(rb"once more: ")
    t.send("correct horse\n")
    seen += t.until(rb"has an account now")
    lacks(seen, b"correct horse")
    eq(t.wait_end(), 0)
    login(d, "ann")
    t = Program(CTL, "-s", socket_of(d), "passwd", "ann", terminal=True)
    t.until(rb"New password of ann: ")
    t.send("one thing is\n")
    t.until(rb"once more: ")
    t.send("another one\n")
    t.until(rb"differ: nothing was changed")
    eq(t.wait_end(), 1)
    login(d, "ann")
    t = Program(CTL, "-s", socket_of(d), "passwd", "nobody", terminal=True)
    lacks(t.until(rb"There is no account of that name"), b"password")
    eq(t.wait_end(), 1)


@test()
def accounts():
    """all accounts are listed, page after page, with what is known of each"""
    d = daemon(auth_queue=1000, register_max=0)
    eq(ctl_json(d, "accounts")["accounts"], [])
    names = ["n%03d" % i for i in range(210)]
    people = [(c, c.post("register", password=PASSWORD))
              for c in (Json(d, name) for name in names)]
    for c, number in people:
        ok(c.reply(number, 60)["ok"], "registered")
    got = ctl_json(d, "accounts")["accounts"]
    eq(sorted(a["name"] for a in got), names)
    eq([a["sessions"] for a in got], [1] * len(names))
    has(got[0], "created")
    people[7][0].ok("token", label="bot")
    ctl(d, "op", "n007")
    one = ctl_json(d, "accounts", "N007")["accounts"]
    eq([(a["tokens"], a["operator"]) for a in one], [(1, True)])
    lines = ctl(d, "accounts", "n007").splitlines()
    eq(len(lines), 2)
    contains(lines[1], "operator")


@test()
def revoke():
    """tokens are taken away, one or all, and are gone after a SIGKILL too"""
    d = daemon()
    account(d, "ann")
    ann, _ = login(d, "ann")
    tokens = [ann.ok("token", label=label)["token"] for label in "abc"]
    contains(refused(d, "revoke", "ann", "x"), "no token of that label")
    eq(ctl(d, "revoke", "ann", "a"), "revoked 1 token of ann\n")
    Json(d).refused("login", "bad-password", name="ann", token=tokens[0])
    bot = Json(d)
    bot.ok("login", name="ann", token=tokens[1])
    eq(ctl(d, "revoke", "ann"), "revoked 2 tokens of ann\n")
    eq(bot.event("bye")["reason"], "revoked")
    ann.ok("ping")
    eq(ctl(d, "revoke", "ann"), "revoked 0 tokens of ann\n")
    d.kill()
    d.start()
    for token in tokens:
        Json(d).refused("login", "bad-password", name="ann", token=token)


@test()
def empty_lists():
    """a person is told that a list is empty, a script gets its heads alone"""
    d = daemon("memory")
    for word, told in (("who", "nobody"), ("bans", "no bans"),
                       ("rooms", "no rooms"), ("accounts", "no accounts"),
                       ("audit", "nothing")):
        p = Program(CTL, "-s", socket_of(d), word, terminal=True)
        p.until(b"^" + told.encode() + rb"\r\n")
        eq(len(ctl(d, word).splitlines()), 1)


@test_stores()
def operator(store):
    """op and deop: the account is told at login, and it is audited"""
    d = daemon(store)
    account(d, "ann")
    here, there = Json(d), Person(d)
    here.ok("login", name="ann", password=PASSWORD)
    there.see(NAME_PROMPT)
    there.say("ann")
    there.see(rb"Password[^:]*: ")
    there.say(PASSWORD)
    there.see(rb"You are in #lobby")
    eq(ctl(d, "op", "ann"), "ann is now operator of the server\n")
    here.event("notice", text="You are an operator of this server now.")
    there.see(rb"-- You are an operator of this server now\.\r\n")
    eq(ctl(d, "op", "ann"), "ann was already operator of the server\n")
    eq(login(d, "ann")[1].get("operator"), True)
    if store == "sqlite":
        d.kill()
        d.start()
        eq(login(d, "ann")[1].get("operator"), True)
    eq(ctl(d, "deop", "ann"), "ann is no longer operator of the server\n")
    lacks(login(d, "ann")[1], "operator")
    contains(refused(d, "op", "guest"), "no account")


@test_stores()
def audit(store):
    """what was done is told, the newest of it, and whatever number of it"""
    d = daemon(store)
    eq(ctl_json(d, "audit")["audit"], [])
    account(d, "ann")
    ann, _ = login(d, "ann")
    ann.join("dev")
    bob = Json(d, "bob")
    bob.join("dev")
    ann.event("join")
    eq(ctl(d, "kick", "bob", "no", "\x1b[31mmanners"),
       "ended 1 connection of bob\n")
    contains(ann.event("leave")["reason"], "no \ufffd[31mmanners")
    until(lambda: len(ctl_json(d, "audit")["audit"]) == 2, 10, "its line")
    for _ in range(30):
        ctl(d, "op", "ann")
        ctl(d, "deop", "ann")
    got = ctl_json(d, "audit", "100")["audit"]
    eq([(a["act"], a["whom"]) for a in got[:2]],
       [("register", "ann"), ("kick", "bob")])
    eq(got[1]["by"], "uid %d" % os.geteuid())
    eq(len(got), 62)
    eq(ctl_json(d, "audit")["audit"], got[-20:])
    eq(ctl_json(d, "audit", "1")["audit"], got[-1:])
    lines = ctl(d, "audit", "61").splitlines()
    eq(len(lines), 62)
    contains(lines[1], "kick")
    contains(lines[1], "no \ufffd[31mmanners")
    for bad in ("0", "x", "-1", "1000000001"):
        contains(refused(d, "audit", bad), "count is a number")


@test_stores()
def audit_max(store):
    """of the audit the newest lines are kept, as many as are wanted"""
    d = daemon(store, audit_max=5)
    account(d, "ann")
    for _ in range(10):
        ctl(d, "op", "ann")
        ctl(d, "deop", "ann")
    until(lambda: len(ctl_json(d, "audit", "100")["audit"]) == 5, 20,
          "5 lines")
    eq([a["id"] for a in ctl_json(d, "audit", "100")["audit"]],
       list(range(17, 22)))


def lines(d):
    """Whose the audit's lines are, and which act it was."""
    return [(a.get("room"), a["act"])
            for a in ctl_json(d, "audit", "1000000000")["audit"]]


def flood(c, room, n, whom):
    """Its owner fills the audit."""
    for i in range(n):
        c.ok(("ban", "unban")[i % 2], room=room, name=whom)


@test_stores()
def audit_is_not_flushed(store):
    """who acts much in a room pushes out lines of that room's, and no others;
    who does so in many, the longest rooms'"""
    d = daemon(store, audit_max=6, audit_rooms=12, rate=0)
    account(d, "ann")
    account(d, "eve")
    ctl(d, "ban", "mallory")
    ann, _ = login(d, "ann")
    ann.join("dev")
    flood(ann, "dev", 2, "eve")
    eve, _ = login(d, "eve")
    eve.join("pit")
    flood(eve, "pit", 500, "ann")
    own = [(None, "register"), (None, "register"), (None, "ban")]
    dev = [("dev", "ban"), ("dev", "unban")]
    until(lambda: lines(d) == own + dev + 3 * [("pit", "ban"),
                                               ("pit", "unban")], 20,
          "6 of the pit's lines")
    for room in ("a", "b", "c", "e"):
        eve.join(room)
        flood(eve, room, 50, "ann")
    until(lambda: len(lines(d)) == len(own) + 12, 20, "12 of all rooms")
    got = lines(d)
    eq(got[:3], own)
    eq([a for a in got if a[0] == "dev"], dev)
    if store == "sqlite":
        d.stop()
        d.start()
        eq(lines(d), got)
        ctl(d, "unban", "mallory")
        eq(lines(d), got + [(None, "unban")])


@test_stores()
def audit_of_operators(store):
    """what an operator does in a room is among the operators' lines"""
    d = daemon(store, audit_max=5, rate=0)
    account(d, "ann")
    ctl(d, "op", "ann")
    eve = Json(d, "eve")
    eve.join("pit")
    ann, _ = login(d, "ann")
    Json(d, "gus").join("pit")
    ann.ok("ban", room="pit", name="gus")
    flood(eve, "pit", 30, "gus")
    until(lambda: len(lines(d)) == 8, 20, "5 of the pit's lines")
    eq(lines(d)[:3], [(None, "register"), (None, "operator"), ("pit", "ban")])
    eq(ctl_json(d, "audit")["audit"][2]["by"], "ann")


@test()
def audit_in_pages():
    """more than fits in one answer comes whole"""
    d = daemon()
    account(d, "ann")
    c = Control(d)
    for i in range(1500):
        eq(c.ask("kick", name="ann", reason="x" * 500)["error"],
           "no-such-user")
        eq(c.ask(("op", "deop")[i % 2], name="ann")["ok"], True)
    got = ctl_json(d, "audit", "10000")["audit"]
    eq([a["id"] for a in got], list(range(1, 1502)))
    bob = None
    for i in range(600):
        bob = Json(d, "bob")
        eq(c.ask("kick", name="bob", reason=str(i) + "y" * 500)["ok"], True)
        bob.event("bye")
        bob.close()
    until(lambda: ctl_json(d, "audit", "1")["audit"][0].get("reason", "")
          .startswith("599y"), 10, "the last kick's line")
    got = ctl_json(d, "audit", "600")["audit"]
    eq([a["reason"].split("y")[0] for a in got], [str(i) for i in range(600)])


main()
