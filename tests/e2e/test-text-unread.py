#!/usr/bin/env python3
"""What counts as unread at a terminal, and what /quit says one has read."""

import re

from client import NAME_PROMPT, Json, Person, registered, said
from daemon import Daemon
from harness import contains, eq, lacks, main, test
from upgrade import Upgradable

OPTIONS = {"auth_cost": "minimal", "store": "sqlite"}
WORDS = "correct horse"


def owner(d, name="ann"):
    p = Person(d)
    p.see(NAME_PROMPT)
    p.say(name)
    p.see(rb"Password[^:]*: ")
    p.say(WORDS)
    return p


def leave(person, watcher, name="ann"):
    """Goes, and is gone for the others too: what it was told."""
    person.say("/quit")
    told = person.to_end()
    watcher.event("leave", room="lobby", name=name)
    watcher.events.clear()
    return told


def unread(told, room="lobby"):
    found = re.search(rb"(\d+) unread in #%s" % room.encode(), told)
    return int(found[1]) if found else 0


def come(d, watcher):
    """Ann comes: she, and what she was told."""
    p = owner(d)
    told = p.see(rb"You are in #lobby[^\r]*\r\n")
    watcher.say("mark")
    return p, told + p.see(said("bob", "mark"))


def read_upto(told, room="lobby"):
    return int(re.search(rb"#%s up to (\d+)" % room.encode(), told)[1])


@test()
def shown_is_read():
    """beyond an open gap what was shown or said oneself is not unread"""
    d = Upgradable(**OPTIONS)
    registered(d, "ann").close()
    bob = Json(d, "bob")
    bob.join()
    ann, _ = come(d, bob)
    leave(ann, bob)
    for n in (1, 2):
        bob.say("gap %d" % n)
    for i in range(2):
        ann, told = come(d, bob)
        eq(unread(told), 2 * i + 2)
        bob.say("live %d" % i)
        ann.see(said("bob", "live %d" % i))
        ann.say("mine %d" % i)
        ann.see(said("ann", "mine %d" % i))
        if i == 0:
            d.upgrade()
        leave(ann, bob)
        for n in (3, 4):
            bob.say("gap %d" % (2 * i + n))
    d.kill()
    d.start()
    bob = Json(d, "bob")
    bob.join()
    ann, told = come(d, bob)
    eq(unread(told), 6)
    d.upgrade()
    ann.say("/catchup")
    page = ann.see(rb"that is all of #lobby")
    eq([int(n) for n in re.findall(rb"gap (\d)", page)], [1, 2, 3, 4, 5, 6])
    lacks(page, b"live")
    lacks(page, b"mine")
    seq = bob.say("last")["seq"]
    ann.see(said("bob", "last"))
    eq(read_upto(leave(ann, bob)), seq)
    ann, told = come(d, bob)
    eq(unread(told), 0)


@test()
def own_is_read():
    """what one has said elsewhere is not unread, but counts for a program"""
    for store in ("sqlite", "memory"):
        d = Daemon(auth_cost="minimal", store=store)
        registered(d, "ann").close()
        bob = Json(d, "bob")
        bob.join()
        ann, _ = come(d, bob)
        leave(ann, bob)
        phone = Json(d)
        phone.ok("login", name="ann", password=WORDS)
        phone.join()
        for i in range(3):
            phone.say("from elsewhere %d" % i)
        bob.say("to be read")
        phone.close()
        bob.event("leave", room="lobby", name="ann")
        bob.events.clear()
        again = Json(d)
        rooms = again.ok("login", name="ann", password=WORDS)["rooms"]
        eq([row["unread"] for row in rooms], [4])
        again.close()
        ann, told = come(d, bob)
        eq(unread(told), 1)
        ann.say("/catchup")
        contains(ann.see(rb"that is all"), b"to be read")
        leave(ann, bob)
        ann, told = come(d, bob)
        eq(unread(told), 0)


@test()
def ignored_and_shown():
    """who ignores somebody is told the same, without what these said"""
    d = Daemon(**OPTIONS)
    registered(d, "ann").close()
    bob, eve = Json(d, "bob"), Json(d, "eve")
    bob.join()
    eve.join()
    ann, _ = come(d, bob)
    ann.say("/ignore eve")
    ann.see(rb"nothing more of eve")
    leave(ann, bob)
    eve.say("hidden")
    bob.say("gap")
    ann, told = come(d, bob)
    eq(unread(told), 1)
    eve.say("hidden, too")
    bob.say("live")
    ann.see(said("bob", "live"))
    leave(ann, bob)
    eve.say("hidden")
    ann, told = come(d, bob)
    eq(unread(told), 1)


def away_and_back(d, ann, bob, missed):
    """Ann is out of the room for so many messages, and returns."""
    ann.say("/leave")
    ann.see(rb"You left #lobby")
    seqs = [bob.say("missed %d" % i)["seq"] for i in range(missed)]
    ann.say("/join lobby")
    return seqs


@test()
def out_of_the_room():
    """who returns to a room sees what came since, and none of it twice"""
    d = Daemon(**OPTIONS)
    registered(d, "ann").close()
    bob = Json(d, "bob")
    bob.join()
    for guest in (True, False):
        name = "eve" if guest else "ann"
        ann = Person(d, name) if guest else owner(d)
        if not guest:
            ann.see(rb"You are in #lobby")
        before = bob.say("before")["seq"]
        ann.see(said("bob", "before"))
        seqs = away_and_back(d, ann, bob, 3)
        page = ann.see(said("bob", "missed 2"))
        contains(page, b"missed 0")
        lacks(page, b"before")
        lacks(page, b"unread")
        ann.say("/leave")
        ann.see(rb"You left #lobby")
        ann.say("/join lobby")
        ann.see(rb"Nothing was said here since you left")
        eq(read_upto(leave(ann, bob, name)), seqs[-1])
        ann = Person(d, name) if guest else owner(d)
        if not guest:
            ann.see(rb"You are in #lobby")
        before = bob.say("before")["seq"]
        ann.see(said("bob", "before"))
        seqs = away_and_back(d, ann, bob, 30)
        page = ann.see(said("bob", "missed 29"))
        contains(page, b"-- What came before that is unread: /catchup\r\n")
        lacks(page, b"missed 9\r")
        eq(read_upto(leave(ann, bob, name)), before)
        if guest:
            continue
        ann, told = come(d, bob)
        eq(unread(told), 10)
        ann.say("/catchup")
        page = ann.see(rb"that is all")
        eq(re.findall(rb"missed (\d+)", page), [b"%d" % i for i in range(10)])


@test()
def kicked_and_back():
    """what one saw before being kicked is neither shown again nor unread"""
    d = Upgradable(**OPTIONS)
    registered(d, "ann").close()
    op = Json(d, "op")
    op.join("den")
    bob = Json(d, "bob")
    bob.join()
    bob.join("den")
    ann, _ = come(d, bob)
    ann.say("/join den")
    ann.see(rb"You are in #den")
    for i in range(5):
        bob.say("seen %d" % i, room="den")
    ann.see(said("bob", "seen 4", "#den"))
    op.ok("kick", room="den", name="ann", reason="out")
    ann.see(rb"op kicked ann: out\r\n-- You are talking in #lobby now")
    d.upgrade()
    bob.say("while out", room="den")
    ann.say("/join den")
    page = ann.see(said("bob", "while out", "#den"))
    lacks(page, b"seen")
    lacks(page, b"kicked ann")
    leave(ann, bob)
    bob.say("later", room="den")
    ann, told = come(d, bob)
    told += ann.see(rb"talking in #den") if b"talking" not in told else b""
    eq(unread(told, "den"), 1)


@test()
def kicked_who_does_not_read():
    """what was written to who takes nothing in, and is kicked, is not read"""
    d = Daemon(rate=0, **OPTIONS)
    registered(d, "ann").close()
    op, bob = Json(d, "op"), Json(d, "bob")
    op.join("den")
    bob.join()
    bob.join("den")
    ann = Person(d, rcvbuf=4096)
    ann.see(NAME_PROMPT)
    ann.say("ann")
    ann.see(rb"Password[^:]*: ")
    ann.say(WORDS)
    ann.see(rb"You are in #lobby")
    ann.say("/join den")
    ann.see(rb"You are in #den")
    seen = bob.say("seen", room="den")["seq"]
    ann.see(said("bob", "seen", "#den"))
    for _ in range(100):
        numbers = [bob.post("say", room="den", text="x" * 4000)
                   for _ in range(10)]
        for number in numbers:
            bob.reply(number)
        bob.events.clear()
    op.ok("kick", room="den", name="ann")
    ann.reset()
    bob.event("leave", room="lobby", name="ann")
    ann = owner(d)
    ann.see(rb"You are in #lobby")
    ann.say("/join den")
    ann.see(rb"What came before that is unread")
    ann.see(rb"kicked ann")
    upto = read_upto(leave(ann, bob), "den")
    assert upto < seen + 100, (seen, upto)


@test()
def left_long_ago():
    """an account that enters a room it once left has not read what it missed"""
    d = Daemon(**OPTIONS)
    registered(d, "ann").close()
    bob = Json(d, "bob")
    bob.join()
    bob.join("den")
    ann, _ = come(d, bob)
    ann.say("/join den")
    ann.see(rb"You are in #den")
    seen = bob.say("seen", room="den")["seq"]
    ann.see(said("bob", "seen", "#den"))
    ann.say("/leave")
    ann.see(rb"You left #den")
    leave(ann, bob)
    for i in range(30):
        bob.say("missed %d" % i, room="den")
    ann, _ = come(d, bob)
    ann.say("/join den")
    ann.see(said("bob", "missed 29", "#den"))
    eq(read_upto(leave(ann, bob), "den"), seen)


main()
