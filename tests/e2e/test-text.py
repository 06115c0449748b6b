#!/usr/bin/env python3
"""The text dialect: what a person at a terminal types and sees."""

import re
import time

from client import NAME_PROMPT, Json, Person, Raw, said
from daemon import Daemon
from harness import contains, eq, lacks, main, ok, slowly, test, until

STAMP = rb"\d\d:\d\d "
DAY = re.compile(rb"(^|\n)-- \d{4}-\d\d-\d\d\r\n")


def at_midnight(seconds):
    """A TZ in which it is midnight in so many seconds."""
    west = (int(time.time()) + seconds) % 86400
    return "XXX%02d:%02d:%02d" % (west // 3600, west // 60 % 60, west % 60)


@test()
def a_day_begins():
    """the first message of a day comes behind a line of it, once"""
    d = Daemon(environment={"TZ": at_midnight(slowly(5))})
    ann, bob = Person(d, "ann"), Json(d, "bob")
    bob.join()
    bob.join("tea")
    ann.say("/join tea")
    ann.see(rb"You are in #tea")

    def begun():
        bob.say("tick")
        return DAY.search(ann.see(said("bob", "tick")))
    until(begun, 30, "a line of the new day")
    bob.say("tock")
    bob.say("in another room", "tea")
    eq(DAY.search(ann.see(said("bob", "in another room", "#tea"))), None)


@test()
def chat():
    """people and programs in one room, each event one line"""
    d = Daemon()
    ann, bob, bot = Person(d, "ann"), Person(d, "bob"), Json(d, "bot")
    ann.see(STAMP + rb"#lobby -- bob joined\r\n")
    bot.join()
    ann.see(STAMP + rb"#lobby -- bot joined\r\n")
    ann.say("hello")
    for person in (ann, bob):
        person.see(said("ann", "hello"))
    message = bot.message()
    eq((message["from"], message["text"], message["kind"]),
       ("ann", "hello", "text"))
    bot.say("hi there, ünïcode 🙂")
    for person in (ann, bob):
        person.see(said("bot", "hi there, ünïcode 🙂"))
    ann.say("/me waves")
    bob.see(STAMP + rb"#lobby \* ann waves\r\n")
    eq(bot.message(from_="ann")["kind"], "action")
    bot.close()
    bob.see(STAMP + rb"#lobby -- bot left")


@test()
def same_bytes():
    """every text client gets the same bytes of an event, ended by CR LF"""
    d = Daemon()
    people = [Person(d, "p%d" % i) for i in range(6)]
    bot = Json(d, "bot")
    bot.join()
    for person in people:
        person.see(rb"bot joined\r\n")
    for i in range(50):
        bot.say("line %d" % i)
    got = {person.see(said("bot", "line 49")) for person in people}
    eq(len(got), 1, "different byte strings")
    lines = got.pop().split(b"\r\n")
    eq(len(lines), 51, "lines")
    for line in lines:
        lacks(line, b"\n")


@test()
def greeting():
    """who enters is shown the room and its last 20 messages"""
    d = Daemon(motd="Mind the gap")
    bot = Json(d, "bot")
    bot.join()
    for i in range(30):
        bot.say("line %d" % i)
    p = Raw(d)
    contains(p.until(NAME_PROMPT), b"Mind the gap\r\n")
    p.send(b"ann\n")
    shown = p.until(said("bot", "line 29"))
    contains(shown, b"#lobby")
    contains(shown, b"The last messages follow; /history")
    eq([int(n) for n in re.findall(rb"<bot> line (\d+)", shown)],
       list(range(10, 30)))


@test()
def name_is_asked_again():
    """a name that will not do is explained, and asked for again"""
    d = Daemon()
    Json(d, "taken")
    p = Raw(d)
    p.until(NAME_PROMPT)
    for bad in (b"a b", b"-x", b"taken", b"x" * 40, b"", b"\xff\xfe\xfd"[1:],
                b"\x1b[A"):
        p.send(bad + b"\r\n")
        p.until(NAME_PROMPT)
    p.send(b"ann\r\n")
    p.until(b"#lobby")
    p.send(b"here I am\r\n")
    p.until(said("ann", "here I am"))


@test()
def commands():
    """every command of the text dialect does what it says"""
    d = Daemon()
    ann, bob, bot = Person(d, "ann"), Person(d, "bob"), Json(d, "bot")
    bot.join()
    bot.join("tea")
    ann.see("bot joined")
    ann.say("/help")
    contains(ann.see(rb"(?s)/quit.*\r\n"), b"/join")
    ann.say("/help join")
    ann.see(rb"(?i)/join [^\r\n]*ROOM")
    ann.say("/who")
    ann.see(rb"bob")
    ann.say("/rooms")
    ann.see(rb"tea")
    ann.say("/join tea")
    bot.event("join", room="tea", name="ann")
    ann.say("in tea")
    eq(bot.message(room="tea")["text"], "in tea")
    ann.say("/topic Earl Grey")
    eq(bot.event("topic")["topic"], "Earl Grey")
    ann.say("/topic")
    ann.see(rb"Earl Grey")
    ann.say("/room lobby")
    ann.say("back")
    bob.see(said("ann", "back"))
    ann.say("/leave tea")
    bot.event("leave", room="tea", name="ann")
    ann.say("/msg bob psst you")
    bob.see(STAMP + rb"@bob <ann> psst you\r\n")
    ann.say("//slash")
    bob.see(said("ann", "/slash"))
    ann.say("/away lunch")
    ann.say("/name Annie")
    eq(bot.event("renamed")["to"], "Annie")
    ann.say("renamed now")
    bob.see(said("Annie", "renamed now"))
    away = [m for m in bot.ok("who")["members"] if m["name"] == "Annie"]
    eq(away[0].get("away"), "lunch")
    ann.see(said("Annie", "renamed now"))
    ann.say("/history 2")
    ann.see(said("ann", "/slash"))
    older = ann.see(rb"-- older ones: /history 2 \d+\r\n")
    ann.say(re.search(rb"/history 2 \d+", older)[0].decode())
    ann.see(said("ann", "back"))
    ann.say("/away")
    ann.see(rb"You are back\.")
    ann.say("/away")
    ann.see(rb"You were not away\.")
    ann.say("/quit")
    ann.to_end()
    bot.event("leave", room="lobby", name="Annie")


@test()
def unknown_command():
    """an unknown command gets the nearest name as a hint"""
    d = Daemon()
    ann, bot = Person(d, "ann"), Json(d, "bot")
    bot.join()
    ann.see("bot joined")
    ann.say("/jion tea")
    ann.see(rb"/join")
    ann.say("/msg nobody hello")
    ann.see(rb"\*\* nobody is not here, so that was not sent\.\r\n")
    ann.say("/join @ann")
    ann.see(rb"@ann is your inbox")
    ann.say("/join a b/c")
    ann.say("/leave nowhere")
    ann.say("/history x")
    ann.say("/msg")
    ann.say("/name")
    ann.say("/room")
    ann.say("still here")
    eq(bot.message()["text"], "still here")
    bot.none("message")


@test()
def to_json():
    """/json turns a person's connection into a program's"""
    d = Daemon()
    p = Person(d, "ann")
    p.say("/json")
    p.send(b'{"cmd":"say","room":"lobby","text":"as json","id":1}\n')
    p.until(rb'\{[^\n]*"ok":true[^\n]*\n')
    p.send(b'{"cmd":"ping","id":2}\n')
    p.until(rb'"id":2')


@test()
def color():
    """/color on adds colours for this one only"""
    d = Daemon()
    ann, bob = Person(d, "ann"), Person(d, "bob")
    ann.say("/color on")
    bob.say("in colour?")
    ann.see(rb"\x1b\[[0-9;]*m[^\n]*in colour\?")
    lacks(bob.see(rb"in colour\?\r\n"), b"\x1b")
    ann.see(rb"\n")
    ann.say("/color off")
    bob.say("and without")
    lacks(ann.see(rb"<bob> and without\r\n"), b"\x1b")


@test()
def line_ends():
    """CR LF, CR NUL and LF end one line each, in any segments"""
    d = Daemon()
    p, bot = Person(d, "ann"), Json(d, "bot")
    bot.join()
    p.see("bot joined")
    p.send(b"one\r\ntwo\r\0three\nfour\r")
    p.send(b"\nfive\r")
    p.send(b"\0six\n")
    for word in ("one", "two", "three", "four", "five", "six"):
        eq(bot.message()["text"], word)
    for byte in b"slow\r\n":
        p.send(bytes([byte]))
    eq(bot.message()["text"], "slow")
    p.send(b"\r\n\n\r\0\n")
    p.send(b"after empty ones\n")
    eq(bot.message()["text"], "after empty ones")


@test()
def editing():
    """backspace and line kill work for who sends single characters"""
    d = Daemon()
    p, bot = Person(d, "ann"), Json(d, "bot")
    bot.join()
    p.see("bot joined")
    p.send("helo\x7flo\r\n")
    eq(bot.message()["text"], "hello")
    p.send("wrong\x15right\r\n")
    eq(bot.message()["text"], "right")
    p.send("\x08\x08\x7fé\x08e\r\n")
    eq(bot.message()["text"], "e")
    p.send("one two\x17three\r\n")
    eq(bot.message()["text"], "one three")


@test()
def bad_input():
    """what is not UTF-8 or too long is answered, and the line goes on"""
    d = Daemon(max_text=100, max_line=1000)
    p, bot = Person(d, "ann"), Json(d, "bot")
    bot.join()
    p.see("bot joined")
    p.send(b"caf\xe9\r\n")
    p.until(rb"UTF-8[^\r\n]*\r\n")
    p.send(b"x" * 5000 + b"\r\n")
    p.until(rb"(?i)too long[^\r\n]*\r\n")
    p.send(b"x" * 500 + b"\r\n")
    p.until(rb"(?i)(too )?long[^\r\n]*\r\n")
    p.send(b"still here\r\n")
    eq(bot.message()["text"], "still here")


@test()
def no_control_characters():
    """nothing another user writes reaches a terminal as a control"""
    d = Daemon()
    p, bot = Person(d, "ann"), Json(d, "bot")
    bot.join()
    p.see("bot joined")
    bad = [chr(c) for c in (*range(0, 9), *range(10, 32), *range(127, 160),
                            *range(0x202a, 0x202f), *range(0x2066, 0x206a))]
    evil = ["".join(bad), "\x1b]0;pwned\x07", "\x9b31m", "a\r\nb", "\x1b[2J",
            "\u202eevil", "x\x08\x08y"] + ["<%s>" % c for c in bad]
    for text in evil:
        bot.say(text)
        bot.say(text, kind="action")
        bot.ok("topic", room="lobby", topic=text)
        bot.ok("away", text=text)
        bot.ok("tell", to="ann", text=text)
        for field in ("room", "name"):
            bot.cmd({"room": "subscribe", "name": "rename"}[field],
                    **{field: "r" + text})
        bot.cmd("unsubscribe", room=text)
        bot.cmd("tell", to=text, text=text)
    bot.say("the end")
    p.say("/who")
    p.say("/rooms")
    p.say("/topic")
    p.say("/history 100")
    p.say("/join r\x1b[2Jx")
    p.say("/\x1b[31mfoo")
    p.say("last line")
    shown = p.see(said("ann", "last line"), 20)
    eq(shown.replace(b"\r\n", b"").count(b"\r"), 0, "bare CR")
    text = shown.decode().replace("\r\n", "")
    for c in bad:
        lacks(text, c, "controls on a terminal")
    ok(len(text) > 5000, "all of it was shown")


if __name__ == "__main__":
    main()
