#!/usr/bin/env python3
"""Hostile and half-dead clients: nobody else notices."""

import glob
import itertools
import json
import os
import random
import select
import struct
import socket

from client import (NAME_PROMPT, Json, Person, Raw, connect, history, login,
                    said)
from daemon import BINARY, Daemon
from harness import (DATA, SLOW, Deadline, Skip, below, cpu, descriptors,
                     does_not_grow, eq, has, lacks, main, ok, quick, sanitized,
                     test, until, uss)
from load import Load
from others import judge

ERRORS = set("""bad-json bad-utf8 bad-argument unknown-command too-long
not-logged-in already-logged-in bad-name name-taken no-such-room no-such-user
not-subscribed already-subscribed too-many-rooms forbidden
rate-limited""".split())


def _alive(d):
    """Two people can still talk."""
    ann, bob = login(d, "alive1"), login(d, "alive2")
    ann.join("alive")
    bob.join("alive")
    ann.say("hello", "alive")
    eq(bob.message()["text"], "hello")
    ann.close()
    bob.close()


def _clean(text):
    return not any(ord(c) < 32 and c != "\t" or 127 <= ord(c) < 160 or
                   0x202a <= ord(c) <= 0x202e or 0x2066 <= ord(c) <= 0x2069
                   for c in text)


def _data(*path):
    full = os.path.join(DATA, *path)
    if not os.path.exists(full):
        raise Skip("no test data at " + os.path.join("shared", "data", *path))
    return full


@test()
def naughty_strings():
    """the naughty strings as texts, names, rooms and topics"""
    with open(_data("naughty", "blns.json"), encoding="utf-8") as f:
        strings = json.load(f)
    d = Daemon(max_rooms=10000)
    c, witness = Json(d, "bot"), Json(d, "witness")
    person = Person(d, "person")
    c.join()
    witness.join()
    said_ = 0
    for string in strings:
        for cmd, fields in (("say", {"room": "lobby", "text": string}),
                            ("subscribe", {"room": string}),
                            ("rename", {"name": string}),
                            ("topic", {"room": "lobby", "topic": string}),
                            ("away", {"text": string}),
                            ("tell", {"to": string, "text": string}),
                            ("say", {"room": "lobby", "text": "x",
                                     "key": string}),
                            ("history", {"room": string}),
                            (string, {})):
            r = c.cmd(cmd, **fields)
            ok(r["ok"] or r["error"] in ERRORS, "%r: %r" % (fields, r))
            if cmd == "say" and r["ok"] and not r.get("duplicate"):
                said_ += 1
        c.cmd("rename", name="bot")
        if "\n" not in string:
            person.send(string + "\r\n" if not string.startswith(
                ("/quit", "/json")) else "x\r\n")
    for message in witness.messages(said_, 30):
        ok(_clean(message["text"]) and _clean(message["from"]), str(message))
    c.say("the end")
    shown = person.see(rb"<bot\w*> the end\r\n|<[^>]*> the end\r\n", 20)
    ok(_clean(shown.decode().replace("\r\n", "")), "the person's terminal")
    _alive(d)


@test()
def json_cases():
    """the JSON parsing cases: always one answer, never an end"""
    files = sorted(glob.glob(_data("json-parsing") + "/*.json"))
    d = Daemon(listen="json 127.0.0.1:0", max_line="1M")
    c = Json(d, "ann")
    for path in files:
        with open(path, "rb") as f:
            data = f.read()
        one_line = b"\n" not in data
        if not one_line or not data.strip(b" \t\r\n"):
            data = data.replace(b"\n", b" ").replace(b"\r", b" ")
            if not data.strip():
                continue
        c.send(data + b'\n{"cmd":"ping","id":"after"}\n')
        answers = 0
        while "after" not in c.replies:
            thing = c.take(Deadline(10, "an answer to " + path))
            c.put(thing)
            answers += thing.get("reply", 1) is None
        c.replies.clear()
        eq(answers, 1, "answers to %s" % os.path.basename(path))
        wrapped = b'{"cmd":"ping","id":"w","x":' + data.rstrip() + b"}\n"
        c.send(wrapped + b'{"cmd":"ping","id":"after"}\n')
        good = None
        while "after" not in c.replies:
            thing = c.take(Deadline(10, "an answer to " + path))
            c.put(thing)
            if thing.get("id") != "after":
                good = thing["ok"]
        c.replies.clear()
        name = os.path.basename(path)
        ok(good is not None, "answered: " + name)
        if one_line and name.startswith("n_") and "structure" not in name:
            eq(good, False, name + " inside an object")
    _alive(d)


@test()
def broken_utf8():
    """broken UTF-8 is never passed on and never the end"""
    files = [_data("utf8", "UTF-8-test.txt"), _data("utf8", "utf8tests.bin")]
    d = Daemon()
    bot, person = Json(d, "bot"), Raw(d)
    bot.join()
    person.until(NAME_PROMPT)
    person.send(b"ann\r\n")
    bot.event("join", name="ann")
    raw = Json(d, "raw")
    raw.join()
    good = 0
    for path in files:
        with open(path, "rb") as f:
            lines = f.read().split(b"\n")
        for line in lines:
            line = line.rstrip(b"\r")
            if not line or line.startswith(b"/") or b"\xff" in line:
                continue
            person.send(line + b"\r\n")
            body = line.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
            body = bytes(c for c in body if c >= 32)
            raw.send(b'{"cmd":"say","room":"lobby","text":"' + body +
                     b'","id":1}\n')
            try:
                line.decode()
            except UnicodeDecodeError:
                continue
            good += 1
    person.send(b"the end\r\n")
    texts = []
    while not texts or texts[-1] != "the end":
        texts.append(bot.message()["text"])    # Json decodes strictly
    ok(len(texts) > good, "what is right is passed on")
    raw.ok("ping")


@test()
def random_bytes():
    """noise on every kind of listener"""
    d = Daemon(listen=["auto 127.0.0.1:0", "json 127.0.0.1:0",
                       "text 127.0.0.1:0"], greet_delay=10)
    for i in range(quick(60, 300)):
        r = Raw(d.address(i % 3))
        data = random.randbytes(random.randrange(1, 5000))
        if i % 4 == 0:
            data = bytes(random.choice(b'{}[]",:\\\xff\xfa\xf0\r\n\0/ az')
                         for _ in range(2000))
        try:
            r.send(data)
        except OSError:
            pass
        random.choice((r.close, r.reset, r.half_close))()
    _alive(d)
    until(lambda: descriptors(d.pid) < 80, 20, "all to be closed")


@test()
def mutated_commands():
    """right commands with bytes changed, doubled, and lost"""
    d = Daemon(listen="json 127.0.0.1:0")
    whole = [json.dumps(c).encode() for c in (
        {"cmd": "login", "name": "mallory", "id": 1},
        {"cmd": "subscribe", "room": "lobby", "after": 0, "last": 5},
        {"cmd": "say", "room": "lobby", "text": "x\u00e9", "key": "k",
         "kind": "text"},
        {"cmd": "tell", "to": "ann", "text": "x"},
        {"cmd": "history", "room": "lobby", "after": 1, "limit": 10},
        {"cmd": "topic", "room": "lobby", "topic": "x"},
        {"cmd": "who", "room": "lobby"}, {"cmd": "rooms", "match": "l"},
        {"cmd": "seen", "room": "lobby", "seq": 1}, {"cmd": "away"})]
    c = Json(d, "mallory")
    c.join()
    for i in range(quick(500, 4000)):
        line = bytearray(random.choice(whole))
        for _ in range(random.randrange(1, 4)):
            at = random.randrange(len(line))
            kind = random.randrange(4)
            if kind == 0:
                line[at] = random.randrange(256)
            elif kind == 1:
                line[at:at] = line[at:at + 9]
            elif kind == 2:
                del line[at:at + random.randrange(1, 9)]
            else:
                line[at:at] = random.choice((b"\\u0000", b"1e999", b"null",
                                             b"-1", b'"', b"{", b"99999999999"
                                             b"99999999999", b"\xc3"))
            if not line:
                line += b"x"
        c.send(bytes(line).replace(b"\n", b"") + b"\n")
        if i % 50 == 49:
            c.ok("ping", 20)
            c.events.clear()
            c.replies.clear()
    _alive(d)


@test()
def resets_in_every_state():
    """FIN and RST in every state of a connection"""
    d = Daemon(greet_delay=20)
    ann = Json(d, "ann")
    ann.join()
    stages = [b"", b"{", b'{"cmd":"login","name":"eve"}', b"\n",
              b'{"cmd":"subscribe","room":"lobby","after":0}\n',
              b'{"cmd":"say","room":"lobby","text":"x"}\n' * 20,
              b'{"cmd":"history","room":"lobby"}\n' * 50,
              b'{"cmd":"unsubscribe","room":"lobby"}\n',
              b'{"cmd":"quit"}\n']
    for stop in range(len(stages) + 1):
        for end in ("close", "reset", "half_close"):
            for _ in range(quick(2, 6)):
                r = Raw(d)
                try:
                    for stage in stages[:stop]:
                        r.send(stage)
                    if random.random() < 0.3 and stop > 3:
                        r.until(b"\n")
                except (OSError, AssertionError):
                    pass
                getattr(r, end)()
                if end == "half_close":
                    r.to_end()
                    r.close()
    _alive(d)

    def only_ann():
        return [m["name"] for m in ann.ok("who")["members"]] == ["ann"]
    until(only_ann, 10, "all of them to be gone")
    until(lambda: descriptors(d.pid) < 40, 10, "no descriptor to be left over")


@test()
def half_closed():
    """who has closed its sending side gets its answers, then the end"""
    d = Daemon()
    r = Raw(d)
    r.send(b'{"cmd":"login","name":"ann"}\n'
           b'{"cmd":"subscribe","room":"lobby"}\n' +
           b"".join(b'{"cmd":"say","room":"lobby","text":"%d","id":%d}\n' %
                    (i, i) for i in range(100)))
    r.half_close()
    data = r.to_end()
    eq(len([i for i in range(100)
            if json.dumps(i).encode() in data]), 100)
    replies = [json.loads(line) for line in data.split(b"\n")
               if b'"reply":"say"' in line.replace(b": ", b":")]
    eq([x["ok"] for x in replies], [True] * 100)
    unended = Raw(d)
    unended.send(b'{"cmd":"login","name":"bob"}')
    unended.half_close()
    unended.to_end()
    _alive(d)


@test()
def slowloris():
    """many who send a byte now and then hold nobody up"""
    d = Daemon()
    line = b'{"cmd":"login","name":"n%04d"}\n'
    slow = [Raw(d) for _ in range(quick(50, 200))]
    ann, bob = Json(d, "ann"), Json(d, "bob")
    ann.join()
    bob.join()
    for at in range(len(line % 0)):
        for i, r in enumerate(slow):
            r.send((line % i)[at:at + 1])
        ann.say("m%d" % at)
        eq(bob.message()["text"], "m%d" % at)
    for r in slow:
        ok(b'"ok":true' in r.until(rb"\}\n"), "it got there in the end")


@test()
def endless_line():
    """megabytes without a LF: one too-long, bounded memory"""
    d = Daemon(listen="json 127.0.0.1:0")
    c = Json(d, "ann")
    for _ in range(100):
        c.ok("ping")
    before = uss(d.pid)
    chunk = b"x" * (1 << 20)
    for _ in range(quick(8, 100)):
        c.send(chunk, 30)
    c.send(b"\n")
    eq(c.reply(None)["error"], "too-long")
    c.none("nothing")
    eq(c.replies, {})
    if not sanitized(BINARY):
        below(uss(d.pid) - before, 4 << 20, "growth")


@test()
def connect_storm():
    """thousands come and go at once, and nothing is left of them"""
    d = Daemon()
    _alive(d)
    fds = descriptors(d.pid)
    login_ = b'{"cmd":"login","name":"s%d"}\n{"cmd":"subscribe",' \
             b'"room":"storm"}\n'

    def storm():
        for i in range(quick(500, 5000)):
            sock = connect(d)
            if i % 3 == 0:
                sock.send(login_ % i)
            if i % 2 == 0:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                struct.pack("ii", 1, 0))
            sock.close()
        until(lambda: descriptors(d.pid) <= fds + 2, 20, "all to be closed")
        _alive(d)
    if sanitized(BINARY):
        storm()
    else:
        does_not_grow(d.pid, 8 << 20, "connections", storm)


@test()
def room_storm():
    """thousands of rooms made and left cost no memory for ever"""
    d = Daemon()
    c = Json(d, "ann")

    def storm(first, count):
        for i in range(first, first + count):
            c.post("subscribe", room="r%d" % i)
            number = c.post("unsubscribe", room="r%d" % i)
            if i % 50 == 0:
                c.reply(number)
                c.replies.clear()
        c.sync()
        c.replies.clear()
        c.events.clear()
    count = quick(1000, 10000)
    storm(0, count)
    if sanitized(BINARY):
        storm(count, count)
    else:
        firsts = itertools.count(count, count)
        does_not_grow(d.pid, max(1 << 20, 500 * count), "%d rooms more" %
                      count, lambda: storm(next(firsts), count))
    _alive(d)


@test()
def rename_storm():
    """names taken, left and fought for"""
    d = Daemon()
    clients = [Json(d, "c%d" % i) for i in range(10)]
    for c in clients:
        c.join()
    for i in range(quick(30, 200)):
        for c in clients:
            c.post("rename", name="prize%d" % (i % 3))
    for c in clients:
        c.sync()
    names = [m["name"] for m in clients[0].ok("who")["members"]]
    eq(len(names), len(set(names)), "names are one person's each")
    eq(len(names), 10)


@test()
def flooder():
    """who floods does not slow a conversation beside it"""
    d = Daemon()
    other = Daemon()
    flood = [Raw(d) for _ in range(5)]
    for i, r in enumerate(flood):
        r.send(b'{"cmd":"login","name":"f%d"}\n'
               b'{"cmd":"subscribe","room":"flood"}\n' % i)
    line = b'{"cmd":"say","room":"flood","text":"flood"}\n' * 200

    def pour(limit):
        while not limit.passed():
            for r in select.select(flood, flood, [], 0.05)[1]:
                r.pour(line)
            for r in flood:
                if select.select([r.sock], [], [], 0)[0]:
                    r.fill(Deadline(5, "bytes"))
                    r.buffer = b""

    def talk(where, others):
        watch = Load(where, ["watch"], mode="watch", room="talk")
        talk = Load(where, ["w"], rate=100, room="talk")
        others(Deadline(quick(3, 8) / SLOW, "nothing"))
        talk.stop()
        report = watch.stop()
        eq(report["faults"], 0)
        return report
    judge("a flood", lambda: talk(other, lambda limit: until(
        limit.passed, 1000, "the end")), lambda: talk(d, pour),
        lambda p99: p99 + 400 * SLOW)


@test()
def idle_is_idle():
    """with people there who say nothing, no CPU is used"""
    d = Daemon(greet_delay=10)
    for i in range(20):
        Json(d, "c%d" % i).join()
        Raw(d).until(NAME_PROMPT)

    def rests():
        used = cpu(d.pid)
        select.select([], [], [], quick(1, 3))  # the span that is measured
        return cpu(d.pid) - used < 0.05
    until(rests, 30, "a span in which it uses no CPU")


@test()
def inbox_of_others():
    """no way of writing an inbox's name opens it to another"""
    d = Daemon()
    ann, eve = Json(d, "ann"), Json(d, "eve")
    bot = Json(d, "bot")
    bot.ok("tell", to="ann", text="SECRET")
    ann.message()
    for room in ("@ann", "@ANN", "#@ann", "@@ann", "＠ann", "@ann ", "@ａnn",
                 "@ann\u200b", "@"):
        for cmd in ("subscribe", "history"):
            r = eve.cmd(cmd, room=room, after=0)
            ok(not r["ok"] or "@" not in r.get("room", "") and
               not r.get("messages"), "%s %r: %r" % (cmd, room, r))
    eve.none("message")
    names = [m["room"] for m in eve.ok("rooms", match="@")["rooms"]]
    eq(names, [])
    for cmd, fields in (("who", {"room": "@ann"}),
                        ("topic", {"room": "@ann", "topic": "x"}),
                        ("say", {"room": "@ann", "text": "x"})):
        ok(not eve.cmd(cmd, **fields)["ok"], cmd)
    lacks(eve.buffer, b"SECRET")
    has(ann.ok("history", room="@ann"), "messages")


@test()
def lookalikes():
    """a name cannot be taken again in another writing"""
    d = Daemon()
    Json(d, "admin")
    for name in ("Admin", "ADMIN", "\uff41\uff44\uff4d\uff49\uff4e"):
        Json(d).refused("login", "name-taken", name=name)
    for name in ("admin\u200b", "\u200badmin", "ad\u00admin", "admin\u202c",
                 "admin\ufeff", "admin "):
        r = Json(d).cmd("login", name=name)
        ok(not r["ok"], "%r: %r" % (name, r))


@test()
def text_conversation_under_noise():
    """a person keeps talking while others misbehave"""
    d = Daemon()
    p, bot = Person(d, "ann"), Json(d, "bot")
    bot.join()
    for i in range(quick(30, 150)):
        r = Raw(d)
        r.send(random.choice((b"\xff\xfa" * 50, b"{" * 100, b"\r\n" * 100,
                              b"x" * 20000, b"\0" * 100, b"/quit\r\n",
                              b"\x16\x03\x01" + b"\0" * 60,
                              b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")))
        p.say("line %d" % i)
        eq(bot.message(from_="ann")["text"], "line %d" % i)
        r.reset()
    p.see(said("ann", "line %d" % (quick(30, 150) - 1)))
    ok(len(history(bot)) >= quick(30, 150), "all of it is kept")


if __name__ == "__main__":
    main()
