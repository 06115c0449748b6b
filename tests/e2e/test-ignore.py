#!/usr/bin/env python3
"""Ignoring people: nothing of theirs is given to who does, on any carrier."""

from client import Json, Person, history, registered, said
from control import ctl
from daemon import Daemon, need_web
from harness import eq, lacks, main, quick, test, until
from upgrade import Upgradable
from websocket import Web

KEPT = {"auth_cost": "minimal", "store": "sqlite", "rate": 0}
PASSWORD = "correct horse"


def account(d, name, kind=Json):
    """Another session of this account."""
    c = kind(d)
    c.ok("login", name=name, password=PASSWORD)
    return c


def texts(messages):
    return [m["text"] for m in messages]


def names(c):
    return [i["name"] for i in c.ok("ignored")["ignored"]]


def people(d):
    ann, bob, cid = Json(d, "ann"), Json(d, "bob"), Json(d, "cid")
    for c in (ann, bob, cid):
        c.join()
    return ann, bob, cid


@test()
def live():
    """neither heard, nor seen to come and go, nor told; and not noticed"""
    d = Daemon()
    ann, bob, cid = people(d)
    eq(ann.ok("ignore", name="BOB")["name"], "bob")
    ann.events.clear()
    r = bob.say("1")
    eq((r["seq"], set(r)), (1, {"reply", "id", "ok", "room", "seq", "time"}))
    r = bob.ok("tell", to="ann", text="psst")
    lacks(r, "offline")
    bob.ok("rename", name="Bob")
    bob.ok("unsubscribe", room="lobby")
    bob.join()
    bob.close()
    cid.say("2")
    eq(ann.message()["text"], "2")
    ann.sync()
    eq(list(ann.events), [])
    eq(texts(cid.messages(2)), ["1", "2"])
    eq(cid.event("renamed")["to"], "Bob")


@test()
def kept_in_history():
    """history leaves it out, and has it again once it is not ignored"""
    d = Daemon()
    ann, bob, cid = people(d)
    for i in range(20):
        (bob if i % 3 else cid).say(str(i))
    ann.ok("ignore", name="bob")
    heard = [str(i) for i in range(0, 20, 3)]
    eq(texts(history(ann)), heard)
    page = ann.ok("history", room="lobby", limit=4)
    eq((texts(page["messages"]), page["more"]), (["18"], True))
    late = Json(d, "dan")
    late.ok("ignore", name="bob")
    late.join(after=0)
    eq(texts(late.messages(len(heard))), heard)
    late.none("message")
    ann.ok("unignore", name="bob")
    eq(len(history(ann)), 20)
    ann.refused("unignore", "bad-argument", name="bob")
    eq(names(ann), [])


@test()
def search():
    """nor does a search find it"""
    d = Daemon()
    ann, bob, cid = people(d)
    bob.say("tea at five")
    cid.say("tea at six")
    ann.ok("ignore", name="bob")
    eq(texts(ann.ok("search", query="tea")["messages"]), ["tea at six"])
    eq(len(cid.ok("search", query="tea")["messages"]), 2)
    ann.ok("unignore", name="bob")
    eq(len(ann.ok("search", query="tea")["messages"]), 2)


@test()
def operators_are_heard():
    """what the server's operator says reaches everybody"""
    d = Daemon()
    ann, bob, _ = people(d)
    ann.ok("ignore", name="bob")
    ctl(d, "notice", "back at ten")
    eq(ann.event("notice")["text"], "back at ten")
    bob.ok("topic", room="lobby", topic="soup")
    eq(ann.event("topic")["topic"], "soup")


@test()
def every_carrier():
    """all sessions of an account at once, on lines and WebSockets"""
    need_web()
    d = Daemon(**KEPT)
    one = registered(d, "ann")
    two, web = account(d, "ann"), account(d, "ann", Web)
    bob, cid = Json(d, "bob"), Json(d, "cid")
    for c in (one, two, web, bob, cid):
        c.join()
    dan = Person(d, "dan")
    two.ok("ignore", name="bob")
    bob.say("hidden")
    cid.say("shown")
    for c in (one, two, web):
        eq(c.message()["text"], "shown")
        eq(names(c), ["bob"])
    dan.see(said("bob", "hidden"))
    web.ok("unignore", name="bob")
    bob.say("again")
    for c in (one, two, web):
        eq(c.message()["text"], "again")


@test()
def restart():
    """an account's list is kept, a guest's is not"""
    d = Daemon(**KEPT)
    ann = registered(d, "ann")
    ann.ok("ignore", name="Bob")
    ann.ok("ignore", name="nobody-yet")
    ann.ok("unignore", name="nobody-yet")
    guest = Json(d, "gus")
    guest.ok("ignore", name="bob")
    d.kill()
    d.start()
    bob, ann = Json(d, "bob"), account(d, "ann")
    eq(names(ann), ["Bob"])
    eq(names(Json(d, "gus")), [])
    for c in (ann, bob):
        c.join()
    bob.say("hidden")
    bob.ok("tell", to="ann", text="hidden")
    ann.none("message")
    ann.close()
    until(lambda: len(bob.ok("who")["members"]) == 2, 10, "ann is gone")
    bob.say("hidden")
    back = Json(d)
    r = back.ok("login", name="ann", password=PASSWORD)
    eq([room["unread"] for room in r["rooms"]], [0])
    back.none("message")
    back.ok("unignore", name="bob")
    eq(len(history(back, "@ann")), 1)


@test()
def upgrade():
    """a guest's list goes with the guest to another binary"""
    d = Upgradable(**KEPT)
    ann, bob, cid = people(d)
    ann.ok("ignore", name="bob")
    d.upgrade()
    bob.say("hidden")
    cid.say("shown")
    eq(texts([ann.message()]), ["shown"])
    ann.none("message")
    eq(names(ann), ["bob"])
    ann.ok("unignore", name="bob")
    bob.say("again")
    eq(ann.message()["text"], "again")


@test()
def slow_reader():
    """one who is far behind gets all of the others', in order, and no more"""
    d = Daemon(rate=0, history_max=0, stream_bytes="16K", page_bytes="8K")
    bob, cid = Json(d, "bob"), Json(d, "cid")
    slow = Json(d, "ann", rcvbuf=4096)
    for c in (bob, cid, slow):
        c.join()
    slow.ok("ignore", name="bob")
    count = quick(600, 3000)
    for i in range(0, count, 50):
        ids = [(bob if n % 4 else cid).post("say", room="lobby", text="%d %s"
               % (n, "x" * 500)) for n in range(i, i + 50)]
        for n, number in zip(range(i, i + 50), ids):
            (bob if n % 4 else cid).reply(number)
    got = slow.messages(len(range(0, count, 4)), timeout=60)
    eq([int(t.split()[0]) for t in texts(got)], list(range(0, count, 4)))
    slow.none("message")


main()
