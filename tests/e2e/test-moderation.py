#!/usr/bin/env python3
"""Moderation: roles, bans, mutes, private rooms, redactions; kept for good."""

from client import Json, Person, registered
from daemon import Daemon
from harness import contains, eq, lacks, main, ok, slowly, test, until
from upgrade import Upgradable

KEPT = {"auth_cost": "minimal", "store": "sqlite"}
PASSWORD = "correct horse"


def back(d, name):
    c = Json(d)
    c.ok("login", name=name, password=PASSWORD)
    return c


def forwarded(d, name, address):
    """A guest whose address a proxy tells."""
    c = Json(d, first=("PROXY TCP4 %s 192.0.2.250 4000 4040\r\n"
                       % address).encode())
    c.ok("login", name=name)
    return c


def far_behind(d, count):
    """Ann, who owns the den; bob, who has read nothing of so much that she has
    said there; and the seqs of that."""
    ann, bob = registered(d, "ann"), Json(d, rcvbuf=4096)
    bob.ok("login", name="bob")
    for c in (ann, bob):
        c.ok("subscribe", room="den")
    seqs = []
    for _ in range(0, count, 10):
        said = [ann.post("say", room="den", text="x" * 4000)
                for _ in range(10)]
        seqs += [ann.reply(number)["seq"] for number in said]
    ann.events.clear()
    return ann, bob, seqs


@test()
def kick():
    """who is kicked sees why, in the room, and is in it no more"""
    d = Daemon(**KEPT)
    ann, bob, cat = registered(d, "ann"), Json(d, "bob"), Json(d, "cat")
    for c in (ann, bob, cat):
        c.ok("subscribe", room="den")
    bob.refused("kick", "forbidden", room="den", name="cat")
    cat.ok("say", room="den", text="before")
    ann.ok("kick", room="den", name="bob", reason="spam")
    seen = bob.event("kicked")
    eq((seen["room"], seen["by"], seen["name"], seen["reason"]),
       ("den", "ann", "bob", "spam"))
    eq(cat.event("kicked"), seen)
    cat.ok("say", room="den", text="after")
    cat.event("message", text="after")
    bob.refused("say", "not-subscribed", room="den", text="hm")
    page = ann.ok("history", room="den")["messages"]
    eq([m.get("event", m.get("text")) for m in page],
       ["before", "kicked", "after"])
    bob.ok("subscribe", room="den", after=seen["seq"])
    bob.event("message", text="after")


@test()
def kick_who_does_not_read():
    """who is far behind is out as well, and not told to have seen it all"""
    d = Daemon(**KEPT)
    ann, bob, _ = far_behind(d, 1000)
    ann.ok("kick", room="den", name="bob")
    ann.ok("say", room="den", text="behind his back")
    seen = bob.event("kicked")
    lacks(seen, "seq")
    bob.none("message", text="behind his back")
    last = [e["seq"] for e in bob.events if e["event"] == "message"]
    eq(last, sorted(last))
    bob.events.clear()
    bob.ok("subscribe", room="den", after=last[-1])
    eq(bob.event("message")["seq"], last[-1] + 1, "the next message")
    bob.event("kicked", timeout=30)
    bob.event("message", text="behind his back")


@test()
def redact_before_slow_readers():
    """what somebody has yet to be sent is redacted there, too"""
    d = Daemon(**KEPT)
    ann, bob, seqs = far_behind(d, 1000)
    ann.ok("redact", room="den", seq=seqs[-1])
    event = ann.event("redact")
    got = bob.messages(1000, timeout=30)
    eq([m["seq"] for m in got], seqs)
    eq((got[-1].get("redacted"), "text" in got[-1]), (True, False))
    eq(bob.event("redact"), event)


@test()
def bans_last():
    """a ban holds after SIGKILL, by name and by address, and ends by itself"""
    d = Daemon(trusted="127.0.0.1", **KEPT)
    ann = registered(d, "ann")
    ann.ok("subscribe", room="den")
    bob = forwarded(d, "bob", "192.0.2.1")
    bob.ok("subscribe", room="den")
    ann.ok("ban", room="den", name="bob", reason="rude")
    seen = bob.event("banned")
    lacks(seen, "address")
    bob.refused("subscribe", "banned", room="den")
    d.kill()
    d.start()
    rob = forwarded(d, "rob", "192.0.2.1")
    r = rob.refused("subscribe", "banned", room="den")
    contains(r["message"], "rude", "the refusal")
    rob.refused("history", "banned", room="den")
    eve = forwarded(d, "eve", "192.0.2.2")
    eve.ok("subscribe", room="den")
    ann = back(d, "ann")
    eq([b["name"] for b in ann.ok("bans", room="den")["bans"]], ["bob"])
    eve.refused("bans", "forbidden", room="den")
    ann.ok("unban", room="den", name="bob")
    rob.ok("subscribe", room="den")
    seconds = slowly(1.5)
    ann.ok("ban", room="den", name="rob", **{"for": seconds})
    rob.event("banned")
    r = rob.refused("subscribe", "banned", room="den")
    ok(0 < r["retry_ms"] <= seconds * 1000, "retry_ms")
    until(lambda: rob.cmd("subscribe", room="den")["ok"], 10, "its end")


@test()
def who_has_gone():
    """a guest who has gone, or is somebody else by now, is banned as well, over
    an upgrade too, but not after a restart"""
    d = Upgradable(trusted="127.0.0.1", **KEPT)
    registered(d, "ann").ok("subscribe", room="lobby")
    ann = back(d, "ann")
    ann.ok("subscribe", room="lobby")

    def comes_and_goes(name, address, leaves=True):
        c = forwarded(d, name, address)
        c.ok("subscribe", room="lobby")
        c.ok("say", room="lobby", text="rubbish")
        if leaves:
            c.ok("quit")
            ann.event("leave", name=name)
        return c

    comes_and_goes("eve", "192.0.2.1")
    d.upgrade()
    person = Person(d)
    person.say("ann")
    person.see("Password")
    person.say(PASSWORD)
    person.see("You are in #lobby")
    person.say("/ban eve rubbish")
    person.see("ann banned eve: rubbish")
    forwarded(d, "adam", "192.0.2.1").refused("subscribe", "banned",
                                              room="lobby")
    forwarded(d, "eve", "192.0.2.9").refused("subscribe", "banned",
                                             room="lobby")
    mallory = comes_and_goes("mallory", "192.0.2.3", leaves=False)
    mallory.ok("rename", name="nobody")
    person.say("/mute mallory")
    person.see("ann muted nobody")
    mallory.refused("say", "muted", room="lobby", text="more")
    comes_and_goes("oscar", "192.0.2.4")
    d.kill()
    d.start()
    ann = back(d, "ann")
    ann.ok("subscribe", room="lobby")
    ann.refused("ban", "no-such-user", room="lobby", name="oscar")
    ann.ok("unban", room="lobby", name="eve")


@test()
def roles_last():
    """owner and op are what they were after SIGKILL"""
    d = Daemon(**KEPT)
    ann, bob = registered(d, "ann"), registered(d, "bob")
    eq(ann.ok("subscribe", room="den")["role"], "owner")
    eq(bob.ok("subscribe", room="den")["role"], "member")
    ann.ok("op", room="den", name="bob")
    eq(bob.event("role")["role"], "op")
    ann.ok("configure", room="den", private=True, pace=0)
    event = bob.event("configure")
    eq((event["private"], event["pace"]), (True, 0))
    d.kill()
    d.start()
    Json(d, "cat").refused("subscribe", "private", room="den")
    bob = back(d, "bob")
    eq(bob.ok("subscribe", room="den")["role"], "op")
    bob.refused("configure", "forbidden", room="den", private=False)
    cat = Json(d, "kat")
    eq(cat.ok("rooms")["rooms"], [])
    bob.ok("invite", room="den", name="kat")
    eq(cat.ok("subscribe", room="den")["role"], "member")
    ann = back(d, "ann")
    eq(ann.ok("subscribe", room="den")["role"], "owner")
    reply = ann.ok("configure", room="den", private=False)
    eq((reply["private"], reply["history"], reply["moderated"]),
       (False, True, False))
    ann.refused("configure", "bad-argument", room="den", private=1)


@test()
def owners():
    """a room is handed on, at a terminal, and stays so after SIGKILL"""
    d = Daemon(**KEPT)
    ann, bob = registered(d, "ann"), registered(d, "bob")
    for c in (ann, bob):
        c.ok("subscribe", room="den")
    cat = Person(d, "cat")
    cat.say("/join den")
    cat.see(rb"You are in #den")
    said = ann.refused("deop", "forbidden", room="den", name="ann")
    contains(said["message"], "/owner NAME")
    ann.ok("owner", room="den", name="bob")
    cat.see(rb"#den -- ann made bob an owner\r\n")
    seen = bob.event("role")
    eq((seen["by"], seen["name"], seen["role"]), ("ann", "bob", "owner"))
    ann.ok("deop", room="den", name="ann")
    cat.see(rb"#den -- ann made ann a member\r\n")
    d.kill()
    d.start()
    ann, bob = back(d, "ann"), back(d, "bob")
    eq(ann.ok("subscribe", room="den")["role"], "member")
    eq(bob.ok("subscribe", room="den")["role"], "owner")
    ann.refused("owner", "forbidden", room="den", name="ann")
    bob.ok("configure", room="den", moderated=True)


@test()
def mute_and_pace():
    """muted and too quick people are told when they may speak again"""
    d = Daemon(**KEPT)
    ann, bob = registered(d, "ann"), Json(d, "bob")
    ann.ok("subscribe", room="den")
    bob.ok("subscribe", room="den")
    ann.ok("mute", room="den", name="bob", **{"for": 3600})
    eq(bob.event("muted")["for"], 3600)
    r = bob.refused("say", "muted", room="den", text="hm")
    ok(3500000 < r["retry_ms"] <= 3600000, "retry_ms")
    ann.ok("unmute", room="den", name="bob")
    ann.ok("configure", room="den", pace=60)
    bob.ok("say", room="den", text="one")
    r = bob.refused("say", "rate-limited", room="den", text="two")
    ok(0 < r["retry_ms"] <= 60000, "retry_ms")
    ann.ok("configure", room="den", pace=0, moderated=True)
    bob.refused("say", "forbidden", room="den", text="two")


@test()
def history_off():
    """newcomers read nothing of what was before they came"""
    d = Daemon(**KEPT)
    ann = registered(d, "ann")
    ann.ok("subscribe", room="den")
    ann.ok("say", room="den", text="old")
    ann.ok("configure", room="den", history=False)
    bob = Json(d, "bob")
    eq(bob.ok("history", room="den")["messages"], [])
    bob.ok("subscribe", room="den", last=10)
    ann.ok("say", room="den", text="new")
    eq(bob.event("message")["text"], "new")
    eq([m["text"] for m in bob.ok("history", room="den")["messages"]],
       ["new"])
    cat = Json(d, "cat")
    ok("gap" in cat.ok("subscribe", room="den", after=0), "no gap")
    ann.ok("say", room="den", text="newer")
    eq(cat.event("message")["text"], "newer")


@test()
def redact():
    """a redacted text is nowhere any more, not after SIGKILL either"""
    d = Daemon(**KEPT)
    ann, bob = registered(d, "ann"), Json(d, "bob")
    ann.ok("subscribe", room="den")
    bob.ok("subscribe", room="den")
    said = bob.ok("say", room="den", text="the secret")
    ann.event("message", text="the secret")
    ann.refused("redact", "no-such-message", room="den", seq=999)
    ann.ok("redact", room="den", seq=said["seq"], reason="private")
    event = bob.event("redact")
    eq((event["target"], event["reason"], event["by"]),
       (said["seq"], "private", "ann"))
    for kill in (False, True):
        if kill:
            d.kill()
            d.start()
        cat = Json(d, "cat%d" % kill)
        cat.ok("subscribe", room="den", after=0)
        first = cat.event("message")
        eq((first["seq"], first.get("redacted"), "text" in first),
           (said["seq"], True, False))
        eq(cat.event("redact")["target"], said["seq"])


@test()
def invitations():
    """a room that has invited as many guests as it may costs others nothing"""
    d = Daemon(**KEPT)
    ann, bob = registered(d, "ann"), registered(d, "bob")
    ann.ok("subscribe", room="den")
    bob.ok("subscribe", room="pub")
    guests = [Json(d, "g%d" % i) for i in range(1001)]
    asked = [ann.post("invite", room="den", name="g%d" % i)
             for i in range(1001)]
    eq([ann.reply(number)["ok"] for number in asked],
       [True] * 1000 + [False])
    bob.ok("configure", room="pub", private=True)
    guests[1000].refused("subscribe", "private", room="pub")
    bob.ok("invite", room="pub", name="g1000")
    guests[1000].ok("subscribe", room="pub")


@test()
def registered_only():
    """who was banned does not come back as a guest, not after SIGKILL either"""
    d = Daemon(**KEPT)
    ann, bob, gus = registered(d, "ann"), registered(d, "bob"), Json(d, "gus")
    for c in (ann, bob, gus):
        c.ok("subscribe", room="den")
    eq(ann.ok("configure", room="den", registered=True)["registered"], True)
    eq(gus.event("configure")["registered"], True)
    gus.refused("say", "forbidden", room="den", text="hm")
    ann.ok("ban", room="den", name="bob")
    bob.event("banned")
    bob.close()
    d.kill()
    d.start()
    bob = Json(d, "bobby")
    said = bob.refused("subscribe", "forbidden", room="den")
    contains(said["message"], "register first")
    person = Person(d, "pat")
    person.say("/join den")
    person.see(rb"\*\* Only who has an account may enter #den: register first "
               rb"\(/register\)\.\r\n")
    ann = back(d, "ann")
    ann.ok("subscribe", room="den")
    bob.ok("register", password=PASSWORD)
    bob.ok("subscribe", room="den")
    ann.ok("configure", room="den", registered=False)
    person.say("/join den")
    person.see(rb"You are in #den")


@test()
def for_people():
    """the text dialect shows acts in a line each"""
    d = Daemon(**KEPT)
    ann = registered(d, "ann")
    ann.ok("subscribe", room="lobby")
    bob = Person(d, "bob")
    ann.ok("op", room="lobby", name="bob")
    bob.see(rb"#lobby -- ann made bob an op\r\n")
    ann.ok("mute", room="lobby", name="bob", reason="loud", **{"for": 120})
    bob.see(rb"#lobby -- ann muted bob for 2 min: loud\r\n")
    ann.ok("configure", room="lobby", pace=5, moderated=True)
    bob.see(rb"#lobby -- ann set moderated on, pace 5 s\r\n")
    ann.ok("kick", room="lobby", name="bob", reason="spamming")
    bob.see(rb"#lobby -- ann kicked bob: spamming\r\n")


main()
