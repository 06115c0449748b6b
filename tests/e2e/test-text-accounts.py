#!/usr/bin/env python3
"""Accounts at a terminal: real telnets do not show passwords, nc is told."""

import re

from client import (NAME_PROMPT, Json, Person, Program, Raw, registered,
                    said)
from daemon import Daemon
from harness import contains, eq, lacks, main, slowly, test
from upgrade import Upgradable

OPTIONS = {"auth_cost": "minimal", "store": "sqlite"}
WORDS = "correct horse"
ECHO_ON, ECHO_OFF = b"\xff\xfb\x01", b"\xff\xfc\x01"


def owner(d, name="ann"):
    """Somebody at the door of a registered name, with its password."""
    p = Person(d)
    p.see(NAME_PROMPT)
    p.say(name)
    p.see(rb"Password[^:]*: ")
    p.say(WORDS)
    return p


def see_all(person, *wanted):
    """Sees these, in whatever order; all up to the last of them."""
    seen = b""
    for text in wanted:
        if text not in seen:
            seen += person.see(re.escape(text))
    return seen


def leave(person):
    """Goes, and is gone for the others too."""
    person.say("/quit")
    return person.to_end()


def telnets(d):
    """Those this machine has, each on a terminal of its own."""
    where = ("127.0.0.1", str(d.port))
    yield Program("inetutils-telnet", *where, terminal=True)
    yield Program("busybox", "telnet", *where, terminal=True)
    yield Program("plink", "-telnet", "-P", where[1], where[0], terminal=True)


@test()
def unseen_in_telnet():
    """no telnet shows a password, neither at the door nor for /register"""
    d = Daemon(**OPTIONS)
    for i, p in enumerate(telnets(d)):
        name = "ann%d" % i
        p.until(NAME_PROMPT)
        p.send(name + "\r")
        p.until(b"#lobby")
        p.send("/register\r")
        seen = p.until(rb"New password[^:]*: ")
        p.send(WORDS + "\r")
        seen += p.until(rb"Once more, please[^:]*: ")
        p.send(WORDS + "\r")
        seen += p.until(rb"is yours[^\n]*\n")
        p.send("now seen again\r")
        contains(p.until(said(name, "now seen again")), b"now seen again\r")
        p.send("/quit\r")
        p.until(rb"Bye\.")
        lacks(seen, b"correct")
    for i, p in enumerate(telnets(d)):
        p.until(NAME_PROMPT)
        p.send("ann%d\r" % i)
        p.until(rb"is registered\..*Password[^:]*: ")
        p.send("wrong\r")
        seen = p.until(rb"is wrong.*Password[^:]*: ")
        p.send(WORDS + "\r")
        seen += p.until(b"#lobby")
        lacks(seen, b"correct")
        lacks(seen.replace(b"is wrong", b""), b"wrong")
        contains(seen, b"\r\n-- You are ann%d." % i)


@test()
def seen_in_nc():
    """nc is told that what is typed shows; telnet's bytes are covered"""
    d = Daemon(**OPTIONS)
    registered(d, "ann").close()
    p = Program("nc", "127.0.0.1", str(d.port), terminal=True)
    p.until(NAME_PROMPT)
    p.send("ann\r")
    p.until(b"\r\n" + ECHO_ON + rb"\r\0-- ann is registered")
    p.until(rb"Password \(only telnet hides it\): ")
    p.send(WORDS + "\r")
    rest = p.until(b"#lobby")
    contains(rest, WORDS.encode() + b"\r\n-- You are ann.")
    p.send("hi\r")
    rest += p.until(said("ann", "hi"))
    lacks(rest, b"\xff", "telnet for who does not speak it")


@test()
def seen_on_the_line():
    """a password behind /register was seen, which is told if it is one"""
    d = Daemon(**OPTIONS)
    ann = Person(d, "ann")
    ann.say("/register abc")
    lacks(ann.see(rb"\*\* A password has at least 8 [^\r]*\r\n"), b"to be seen")
    ann.say("/register " + WORDS)
    ann.see(rb"-- ann is yours[^\r]*\r\n-- That password was to be seen: "
            rb"/password sets another one")


@test()
def another_password():
    """a wrong old password is told before a new one is asked for"""
    d = Daemon(**OPTIONS)
    registered(d, "ann").close()
    ann = owner(d)
    ann.see(rb"You are in #lobby")
    ann.say("/password")
    ann.see(rb"Old password[^:]*: ")
    ann.say("wrong")
    lacks(ann.see(rb"\*\* The old password is wrong\.\r\n"), b"New")
    ann.say("/password")
    ann.see(rb"Old password[^:]*: ")
    ann.say(WORDS)
    for prompt in (rb"New password[^:]*: ", rb"Once more, please[^:]*: "):
        ann.see(prompt)
        ann.say("another horse")
    ann.see(rb"-- Your password is another one now\.\r\n")
    Json(d).ok("login", name="ann", password="another horse")


@test()
def the_door():
    """back to the name; bad lines; the wait of a wrong one; login_timeout"""
    d = Daemon(login_tries=3, login_timeout=slowly(4), **OPTIONS)
    registered(d, "ann").close()
    p = Raw(d)
    p.until(NAME_PROMPT)
    p.send("ann\r\n")
    p.until(rb"Password[^:]*: ")
    p.send("\r\n")
    p.until(NAME_PROMPT)
    p.send("ann\r\n")
    p.until(rb"Password[^:]*: ")
    p.send(b"\xfe\xfe\r\n")
    p.until(rb"not valid UTF-8.*Password[^:]*: ")
    p.send(b"x" * 20000 + b"\r\n")
    p.until(rb"too long.*Password[^:]*: ")
    for _ in range(3):
        p.send("wrong\r\n")
        p.until(rb"\*\* Name or password is wrong\.\r\n.*: ")
    p.send(WORDS + "\r\n")
    p.until(rb"\*\* [^\r\n]* \(4 min\)\r\n")
    p.to_end()


@test()
def telnet_answers():
    """a telnet client that agrees is told when lines are seen again"""
    d = Daemon(**OPTIONS)
    registered(d, "ann").close()
    p = Raw(d)
    p.until(NAME_PROMPT)
    p.send("ann\r\n")
    p.until(ECHO_ON + rb"\r\0.*Password[^:]*: ")
    p.send(b"\xff\xfd\x01" + WORDS.encode() + b"\r\n")
    p.until(b"\r\n" + ECHO_OFF + rb"-- You are ann\.")
    p.send(b"\xff\xfe\x01hello\r\n")
    lacks(p.until(said("ann", "hello")), b"\xff")


@test()
def unread():
    """who returns is told what is unread, and misses nothing of it"""
    d = Daemon(**OPTIONS)
    bot, bob = registered(d, "ann"), Json(d, "bob")
    for room in ("lobby", "tea"):
        bob.join(room)
        bot.join(room)
        bot.ok("seen", room=room, seq=bob.say("before", room)["seq"])
    bot.close()
    bob.event("leave", room="lobby", name="ann")
    bob.event("leave", room="tea", name="ann")
    ann = owner(d)
    lacks(see_all(ann, b"You are in #lobby (2 here).\r\n",
                  b"You are in #tea (2 here).\r\n"), b"unread")
    contains(leave(ann), b"You have read ")
    bob.event("leave", room="tea", name="ann")
    for i in range(30):
        bob.say("line %d" % i)
    bob.say("Assam", room="tea")
    bob.ok("tell", to="ann", text="psst")
    d.kill()
    d.start()
    ann = owner(d)
    seen = see_all(ann, b"psst\r\n",
                   b"-- 30 unread in #lobby: /catchup\r\n",
                   b"-- 1 unread in #tea: /catchup tea\r\n")
    lacks(seen, b"line 0")
    bob = Json(d, "bob")
    bob.join()
    bob.say("live")
    ann.see(said("bob", "live"))
    ann.say("/catchup")
    page = ann.see(rb"-- more: /catchup\r\n")
    ann.say("/catchup")
    page += ann.see(rb"-- that is all of #lobby\r\n")
    eq([int(n) for n in re.findall(rb"line (\d+)", page)], list(range(30)))
    lacks(page, b"live")
    ann.say("/catchup")
    ann.see(said("bob", "Assam", "#tea"))
    ann.see(rb"that is all of #tea")
    ann.say("/catchup")
    ann.see(rb"You have read everything")


@test()
def a_gap_stays():
    """who goes without having caught up is told of what lies before the gap"""
    d = Daemon(**OPTIONS)
    registered(d, "ann").close()
    bob = Json(d, "bob")
    bob.join()
    ann = owner(d)
    ann.see(rb"You are in #lobby")
    seq = bob.say("read")["seq"]
    ann.see(said("bob", "read"))
    leave(ann)
    bob.event("leave", room="lobby", name="ann")
    bob.say("missed")
    bob.ok("tell", to="ann", text="psst")
    ann = owner(d)
    seen = ann.see(rb"psst\r\n")
    assert seen.index(b"1 unread in #lobby") < seen.index(b"psst"), seen
    bob.say("live")
    ann.see(said("bob", "live"))
    contains(leave(ann), b"-- You have read #lobby up to %d.\r\n" % seq)
    bob.event("leave", room="lobby", name="ann")
    ann = owner(d)
    ann.say("/catchup")
    page = ann.see(rb"that is all of #lobby")
    contains(page, b"missed")
    seq = bob.say("more")["seq"]
    ann.see(said("bob", "more"))
    contains(leave(ann), b"-- You have read #lobby up to %d.\r\n" % seq)


@test()
def talks_where_one_did():
    """who returns talks in the room of the last time, after restarts too"""
    d = Upgradable(**OPTIONS)
    registered(d, "ann").close()
    bob = Json(d, "bob")
    bob.join()
    bob.join("tea")

    def talks(person, room):
        person.say("here")
        eq(bob.event("message", text="here")["room"], room)
        bob.events.clear()

    ann = owner(d)
    ann.see(rb"You are in #lobby")
    ann.say("/join tea")
    ann.see(rb"You are in #tea")
    talks(ann, "tea")
    leave(ann)
    bob.event("leave", room="tea", name="ann")
    ann = owner(d)
    see_all(ann, b"You are in #tea (2 here).\r\n", b"-- You are talking in #tea now.\r\n")
    talks(ann, "tea")
    d.upgrade()
    talks(ann, "tea")
    d.stop()
    d.start()
    bob = Json(d, "bob")
    bob.join()
    bob.join("tea")
    ann = owner(d)
    see_all(ann, b"-- You are talking in #tea now.\r\n")
    talks(ann, "tea")
    ann.say("/room lobby")
    ann.see(rb"You are talking in #lobby now")
    leave(ann)
    bob.event("leave", room="tea", name="ann")
    bob.say("and so it is stored")
    d.kill()
    d.start()
    bob = Json(d, "bob")
    bob.join()
    bob.join("tea")
    ann = owner(d)
    lacks(see_all(ann, b"You are in #tea (2 here).\r\n"), b"You are talking in")
    talks(ann, "lobby")


@test()
def where_one_stands():
    """a guest in nc is told where to go on, and does so"""
    d = Daemon(**OPTIONS)
    ann, bob = Person(d, "ann"), Json(d, "bob")
    bob.join()
    seq = bob.say("one")["seq"]
    ann.see(said("bob", "one"))
    contains(leave(ann), b"-- You have read #lobby up to %d.\r\n" % seq)
    bob.event("leave", name="ann")
    bob.say("two")
    ann = Person(d, "ann")
    ann.say("/catchup lobby %d" % seq)
    ann.see(rb"<bob> two\r\n-- that is all of #lobby\r\n")


@test()
def tokens():
    """a token made at a terminal lets a program in until it is revoked"""
    d = Daemon(**OPTIONS)
    ann = Person(d, "ann")
    ann.say("/register " + WORDS)
    ann.see(rb"is yours")
    ann.say("/token bot 1")
    ann.see(rb"shown this once:\r\n-- ")
    token = ann.line().strip().decode()
    eq(Json(d).ok("login", name="ann", token=token)["guest"], False)
    ann.say("/tokens")
    ann.see(rb"-- bot, of \d{4}-\d\d-\d\d, expires \d{4}-\d\d-\d\d\r\n")
    ann.say("/revoke bot")
    ann.see(rb"worth nothing")
    Json(d).refused("login", "bad-password", name="ann", token=token)


@test()
def told_while_away():
    """one is told that somebody is away, or that it waits for them"""
    d = Daemon(**OPTIONS)
    registered(d, "ann").close()
    bob, eve = Person(d, "bob"), Person(d, "eve")
    bob.say("/msg ann hi")
    bob.see(rb"-- ann is not here: it is in their inbox\.\r\n")
    eve.say("/away lunch")
    eve.see(rb"You are away")
    bob.say("/msg eve hi")
    bob.see(rb"-- eve is away: lunch\r\n")


@test()
def order():
    """the owner of a room keeps it in order from a terminal"""
    d = Daemon(**OPTIONS)
    registered(d, "ann").close()
    ann, bob = owner(d), Person(d, "bob")
    for p, joined in ((ann, b"1 here"), (bob, b"2 here")):
        p.say("/join den")
        p.see(rb"You are in #den \(" + joined)
    ann.say("/help")
    contains(ann.see(rb"/help COMMAND"), b"/kick NAME [REASON]")
    bob.say("/help")
    lacks(bob.see(rb"/help all lists"), b"/kick")
    bob.say("/kick ann")
    bob.see(rb"\*\* Only ops and the owner may kick people \(#den\)\.\r\n")
    bob.say("something rude")
    ann.see(said("bob", "something rude", "#den"))
    ann.say("/redact")
    page = ann.see(rb"-- /redact NUMBER \[REASON\] takes the text of one away")
    number = re.search(rb"-- (\d+)  \d\d:\d\d #den <bob> something rude", page)
    ann.say("/redact %s rude" % number[1].decode())
    bob.see(rb"#den -- ann removed a message: rude\r\n")
    bob.say("/history 5")
    lacks(bob.see(rb"end of history"), b"something rude")
    ann.say("/mute bob 10m calm down")
    bob.see(rb"#den -- ann muted bob for 10 min: calm down\r\n")
    bob.say("mmm")
    bob.see(rb"\*\* [^\r]*muted")
    ann.say("/unmute bob")
    bob.see(rb"#den -- ann unmuted bob\r\n")
    ann.say("/set moderated on")
    bob.see(rb"#den -- ann set moderated on\r\n")
    ann.say("/set")
    ann.see(rb"-- moderated +on +[^\r]+\r\n")
    ann.say("/invite bob")
    bob.see(rb"#den -- ann invited bob\r\n")
    ann.say("/ban bob 2h enough")
    bob.see(rb"#den -- ann banned bob for 2 h: enough\r\n"
            rb"-- You are talking in #lobby now\.\r\n")
    bob.say("hm")
    bob.see(said("bob", "hm", "#lobby"))
    bob.say("/join den")
    bob.see(rb"\*\* You are banned from #den for another (2 h|1 h 59 min): "
            rb"enough\r\n")
    ann.say("/bans")
    ann.see(rb"-- bob was banned by ann [^\r]*, until [^\r]*: enough\r\n")
    ann.say("/unban bob")
    ann.see(rb"#den -- ann unbanned bob\r\n")
    bob.say("/join den")
    bob.see(rb"You are in #den")


@test()
def ignoring():
    """who is ignored is not seen, until that ends"""
    d = Daemon(**OPTIONS)
    ann, bob, eve = Person(d, "ann"), Person(d, "bob"), Person(d, "eve")
    ann.say("/ignore bob")
    ann.see(rb"You see nothing more of bob")
    ann.say("/ignore")
    ann.see(rb"-- You ignore bob\.\r\n")
    ann.say("/ignored")
    ann.see(rb"\*\* [^\r]*/ignore alone tells whom you ignore\.\r\n")
    bob.say("unseen")
    eve.see(said("bob", "unseen"))
    eve.say("seen")
    lacks(ann.see(said("eve", "seen")), b"unseen")
    ann.say("/unignore bob")
    ann.see(rb"what bob says again")
    bob.say("seen again")
    ann.see(said("bob", "seen again"))


@test()
def search():
    """what was said is found, with its room and day"""
    d = Daemon(**OPTIONS)
    ann = Person(d, "ann")
    for text in ("tea with milk", "/join den", "milk alone"):
        ann.say(text)
    ann.see(said("ann", "milk alone", "#den"))
    ann.say("/search milk")
    ann.see(rb"#lobby \d{4}-\d\d-\d\d \d\d:\d\d <ann> tea with milk\r\n"
            rb"#den \d{4}-\d\d-\d\d \d\d:\d\d <ann> milk alone\r\n"
            rb"-- that is all that was found\r\n")
    ann.say("/search #den tea")
    ann.see(rb"-- Nothing was found\.\r\n")


main()
