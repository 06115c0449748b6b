#!/usr/bin/env python3
"""Bounds: each an option, each refused with a clear word, none an end."""

import json
import resource
import select
import time

from client import Json, Person, Raw, check_error, connect
from daemon import BINARY, Daemon, unhurried
from harness import (Deadline, QUICK, SLOW, below, contains, cpu,
                     descriptors, diag, does_not_grow, eq, keep, main, ok,
                     quick, readable, rss, sanitized, slowly, test, until,
                     uss)
from others import Others


@test()
def max_line():
    """a longer line is thrown away, answered once, and the rest goes on"""
    d = Daemon(max_line=1000, max_text=500)
    c = Json(d, "ann")
    c.join()
    fits = '{"cmd":"ping","x":"%s"}' % ("x" * 979)
    eq(len(fits), 1000, "length of the line that fits")
    eq(c.raw_reply(fits.encode())["ok"], True)
    eq(c.raw_reply(fits.encode() + b"\r\n")["ok"], True)
    check_error(c.raw_reply(b" " + fits.encode()), None, "too-long")
    for size in (1001, 16384, 300000):
        check_error(c.raw_reply(b'{"x":"' + b"x" * size + b'"}'), None,
                    "too-long")
        c.none("nothing")
        eq(c.replies, {}, "answered once")
    c.send(b"y" * 5000)
    c.send(b"y" * 5000 + b'\n{"cmd":"ping","id":"next"}\n')
    check_error(c.reply(None), None, "too-long")
    eq(c.reply("next")["ok"], True)


@test()
def default_max_line():
    """16 KiB fit by default"""
    d = Daemon()
    c = Json(d, "ann")
    pad = 16384 - len('{"cmd":"ping","x":""}')
    eq(c.raw_reply(b'{"cmd":"ping","x":"%s"}' % (b"x" * pad))["ok"], True)
    check_error(c.raw_reply(b'{"cmd":"ping","x":"%s"}' % (b"x" * (pad + 1))),
                None, "too-long")


@test()
def max_text():
    """a text of 4,096 bytes is said, one more is too-long"""
    d = Daemon()
    c = Json(d, "ann")
    c.join()
    c.say("x" * 4096)
    c.say("é" * 2048)
    for text in ("x" * 4097, "é" * 2048 + "x"):
        c.refused("say", "too-long", room="lobby", text=text)
        c.refused("tell", "too-long", to="ann", text=text)
    eq([len(m["text"].encode()) for m in c.messages(2)], [4096, 4096])
    c.none("message")
    r = c.cmd("say", room="lobby", text="\u0001" * 1500)
    if r["ok"]:
        eq(c.message()["text"], "\ufffd" * 1500)
    else:
        eq(r["error"], "too-long")


@test()
def empty_text():
    """an empty text is refused, a blank one is a matter of taste"""
    d = Daemon()
    c = Json(d, "ann")
    c.join()
    r = c.cmd("say", room="lobby", text="")
    if not r["ok"]:
        check_error(r, "say", "bad-argument")
        eq(r["field"], "text")
    c.say("here")


@test()
def max_rooms():
    """one room more than max_rooms is too-many-rooms, until one is left"""
    d = Daemon(max_rooms=3)
    c = Json(d, "ann")
    eq(c.login_reply["limits"]["rooms"], 3)
    for i in range(3):
        c.join("r%d" % i)
    c.refused("subscribe", "too-many-rooms", room="r3")
    c.ok("unsubscribe", room="r1")
    c.join("r3")
    Json(d, "bob").refused("history", "no-such-room", room="never")


@test()
def server_rooms():
    """rooms are made up to server_rooms, those of before a restart among them"""
    d = Daemon(store="sqlite", server_rooms=3)
    c = Json(d, "ann")
    c.join()
    for room in ("one", "two"):
        c.join(room)
        c.say("hi", room=room)
    c.say("hi")
    c.refused("subscribe", "server-full", room="three")
    d.kill()
    d.start()
    c = Json(d, "ann")
    c.refused("subscribe", "server-full", room="three")
    c.join("two")
    d.options["server_rooms"] = 4
    d.kill()
    d.start()
    Json(d, "ann").join("three")


@test()
def max_clients():
    """one client more is told server-full, and may come when another went"""
    d = Daemon(max_clients=5, max_clients_address=0)
    clients = [Json(d, "c%d" % i) for i in range(5)]
    data = Raw(d).to_end()
    contains(data, b"server-full")
    clients[0].close()

    def enters():
        r = Raw(d)
        try:
            r.send(b'{"cmd":"login","name":"late"}\n')
            line = r.line()
        except (AssertionError, OSError):
            line = b""
        if b'"ok":true' in line:
            return True
        r.close()
        return False
    until(enters, 10, "a place")
    for c in clients[1:]:
        c.ok("ping")


@test()
def max_clients_json():
    """on a json listener server-full comes as a bye"""
    d = Daemon(listen="json 127.0.0.1:0", max_clients=1)
    Json(d, "ann")
    event = json.loads(Raw(d).to_end())
    eq((event["event"], event["reconnect"]), ("bye", True))
    contains(event["reason"], "full")


@test()
def told_when_speaking_first():
    """who speaks at once is told server-full all the same"""
    d = Daemon(listen="json 127.0.0.1:0", max_clients=1)
    Json(d, "ann")
    told = 0
    for _ in range(20):
        r = Raw(d)
        try:
            r.send(b'{"cmd":"login","name":"bob"}\n' * 20)
        except OSError:
            pass
        told += b"server-full" in r.to_end()
        r.close()
    eq(told, 20, "clients told why")


@test()
def max_clients_address():
    """one address may not take more than its share"""
    d = Daemon(max_clients_address=3)
    clients = [Json(d, "c%d" % i) for i in range(3)]
    contains(Raw(d).to_end(), b"server-full")
    clients[0].close()

    def enters():
        r = Raw(d)
        r.send(b'{"cmd":"login","name":"late"}\n')
        good = b'"ok":true' in (r.line() if r.fill(Deadline(5, "a line"))
                                else b"")
        if not good:
            r.close()
        return good
    until(enters, 10, "a place")


@test()
def rate_limited():
    """above rate and burst: rate-limited with retry_ms, and it works after"""
    d = Daemon(rate=10, burst=20)
    c = Json(d, "ann")
    c.join()
    start = time.monotonic()
    c.send("".join('{"cmd":"say","room":"lobby","text":"x","id":"%d"}\n' % i
                   for i in range(60)))
    replies = [c.reply(str(i)) for i in range(60)]
    took = time.monotonic() - start
    good = [r for r in replies if r["ok"]]
    bad = [r for r in replies if not r["ok"]]
    ok(15 <= len(good) <= 21 + 10 * took,
       "%d of 60 went through in %.2f s" % (len(good), took))
    ok(bad, "some were refused")
    for r in bad:
        eq(r["error"], "rate-limited")
        ok(isinstance(r["retry_ms"], int) and 0 < r["retry_ms"] <= 10000,
           str(r))
    wait = bad[-1]["retry_ms"] / 1000
    select.select([], [], [], wait)     # what the server told us to do
    c.say("after it")
    other = Json(d, "bob")
    other.join()
    other.say("others are not hurt")


@test()
def rate_limited_text():
    """a person who types too fast is told so"""
    d = Daemon(rate=1, burst=5)
    p = Person(d, "ann")
    p.send("".join("line %d\r\n" % i for i in range(40)))
    p.until(rb"(?i)(too )?fast|slow|wait")


@test()
def login_timeout():
    """who does not log in is told and closed; who has is not"""
    d = Daemon(login_timeout=slowly(1.5))
    ann = Json(d, "ann")
    start = time.monotonic()
    silent, talker = Raw(d), Json(d)
    talker.refused("who", "not-logged-in")
    contains(silent.to_end(), b"\n")
    eq(talker.event("bye")["event"], "bye")
    talker.to_end()
    ok(time.monotonic() - start > 1, "not before its time")
    ann.ok("ping")


@test()
def drip_does_not_help():
    """slow bytes without a login end at login_timeout as well"""
    d = Daemon(login_timeout=1)
    r = Raw(d)
    limit = Deadline(15, "login_timeout")
    while not r.ended:
        limit.left()
        try:
            r.send(b"{")
        except OSError:
            break
        if select.select([r.sock], [], [], 0.05)[0]:
            r.fill(limit)


@test()
def read_timeout():
    """who says nothing for read_timeout is told and closed"""
    d = Daemon(read_timeout=slowly(1.5))
    quiet, busy = Json(d, "quiet"), Json(d, "busy")
    limit = Deadline(15, "the quiet one's end")
    while not select.select([quiet.sock], [], [], 0.1)[0]:
        busy.ok("ping")
        limit.left()
    ok(quiet.event("bye")["reason"], "a reason")
    quiet.to_end()
    busy.ok("ping")
    d.log.wait("client-closed", name="quiet")


@test()
def unread_replies():
    """100,000 commands without reading a reply: memory stays bounded"""
    d = Daemon()
    c = Json(d, "ann", rcvbuf=4096)
    c.join()
    for _ in range(200):
        c.ok("ping")
    before = uss(d.pid)
    line = b'{"cmd":"history","room":"lobby","id":1}\n'
    for i in range(100):
        c.post("say", room="lobby", text="x" * 1000)
    sent, total, idle = 0, 100000 * len(line), 0
    data = line * 1000
    while sent < total and idle < 25:
        n = c.pour(data[sent % len(line):])
        sent += n
        idle = 0 if n else idle + 1
        select.select([], [c.sock], [], 0.02)
    diag("%d commands taken in before it waited for the reader" %
         (sent // len(line)))
    if not sanitized(BINARY):
        below(uss(d.pid) - before, 24 << 20, "growth")
    other = Json(d, "bob")
    other.join()
    other.say("others are served")


@test()
def history_again_and_again():
    """who asks for the same history all day costs no memory"""
    d = Daemon()
    c = Json(d, "ann")
    c.join()
    for i in range(100):
        c.say("x")

    def ask(count):
        for _ in range(count // 50):
            ids = [c.post("history", room="lobby") for _ in range(50)]
            for number in ids:
                eq(len(c.reply(number)["messages"]), 100)

    ask(500)
    if sanitized(BINARY):
        ask(2000)
    else:
        does_not_grow(d.pid, 1 << 20, "histories",
                      lambda: ask(quick(2000, 10000)))


@test()
def unread_lists():
    """the longest lists, asked for without reading: memory stays bounded"""
    d = Daemon()
    owner = Json(d, "owner")
    for i in range(100):
        owner.join("room-%d" % i)
        owner.ok("topic", room="room-%d" % i, topic="t" * 500)
    eq(owner.ok("rooms")["more"], True)
    clients = [Json(d, "c%d" % i, rcvbuf=4096) for i in range(20)]
    before = uss(d.pid)
    for c in clients:
        c.pour(b'{"cmd":"rooms","id":1}\n' * 1000)
    clients[0].until(rb'"reply":"rooms"')
    owner.sync()
    if not sanitized(BINARY):
        below(uss(d.pid) - before, len(clients) * (128 << 10), "growth")


@test()
def mailbox_bytes():
    """many who flood at once are slowed, all are answered"""
    d = Daemon(mailbox_bytes="64K", store="sqlite")
    clients = [Json(d, "c%d" % i) for i in range(20)]
    for c in clients:
        c.join("room-" + c.name)
    each = quick(50, 200)
    for c in clients:
        c.send("".join(json.dumps({"cmd": "say", "room": "room-" + c.name,
                                   "text": "x" * 2000, "id": "m%d" % i}) + "\n"
                       for i in range(each)))
    for c in clients:
        for i in range(each):
            eq(c.reply("m%d" % i, 30)["ok"], True)


@test()
def store_queue():
    """above store_queue say is refused, not queued without end"""
    d = Daemon(store="sqlite", store_queue="16K")
    clients = [Json(d, "c%d" % i) for i in range(10)]
    for c in clients:
        c.join()
    for c in clients:
        c.send("".join(json.dumps({"cmd": "say", "room": "lobby",
                                   "text": "x" * 4000, "id": "m%d" % i}) + "\n"
                       for i in range(30)))
    errors, stored = set(), []
    for c in clients:
        for i in range(30):
            r = c.reply("m%d" % i, 30)
            if r["ok"]:
                stored.append(r["seq"])
            else:
                errors.add(r["error"])
    ok(errors <= {"store-unavailable"}, str(errors))
    ok(stored, "some were stored")
    seen = [m["seq"] for m in clients[0].messages(len(stored))]
    eq(seen, sorted(stored), "what was told ok is what was seen")
    clients[0].say("and it goes on")


class Many:
    """As many silent connections as wanted."""

    def __init__(self, daemon, count):
        self.socks = []
        keep(self)
        for _ in range(count):
            self.socks.append(connect(daemon))

    def cleanup(self):
        for sock in self.socks:
            sock.close()


@test(timeout=120)
def silent_connects():
    """thousands of silent connections: greeted, and nobody else is delayed"""
    wanted = quick(500, 10000)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    count = min(wanted, hard - 200)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, count + 200), hard))
    d = Daemon(nofile=hard, max_clients=count + 10, login_timeout=0)
    others = Others(d)
    Json(d, "first")
    before = rss(d.pid)
    many = Many(d, count)
    until(lambda: descriptors(d.pid) > count, 30, "all to be accepted")
    ann, bob = Json(d, "ann"), Json(d, "bob")
    ann.join()
    bob.join()
    ann.say("served")
    eq(bob.message()["text"], "served")
    for sock in many.socks:
        ok(readable(sock, 30 * SLOW), "it is greeted")
        contains(sock.recv(4096), b"Welcome")
    others.judge("%d silent connections" % count)
    each = (rss(d.pid) - before) / count
    diag("%d connections, %.0f bytes each" % (count, each))
    if not QUICK and not sanitized(BINARY):
        below(each, 4096, "resident bytes a silent connection")
    many.cleanup()
    many.socks = []
    until(lambda: descriptors(d.pid) < 100, 30, "all to be closed")
    ann.say("still")


@test()
def no_descriptors():
    """out of descriptors: told server-full, no spin, and it recovers"""
    d = Daemon(nofile=64, log_level="debug")
    ann = Json(d, "ann")
    ann.join()
    crowd = []
    full = None
    for _ in range(100):
        try:
            raw = Raw(d)
        except OSError:
            break
        crowd.append(raw)
    limit = Deadline(20, "somebody to be told server-full")
    while full is None:
        ready = select.select(crowd, [], [], limit.left())[0]
        for raw in ready:
            raw.fill(limit)
            if b"server-full" in raw.buffer:
                full = raw
            elif raw.ended:
                crowd.remove(raw)
    start, used = time.monotonic(), cpu(d.pid)
    while time.monotonic() < start + 1.5:       # a span to measure
        ann.ok("ping")
        select.select([], [], [], 0.1)
    spent = (cpu(d.pid) - used) / (time.monotonic() - start)
    diag("%.1f %% of a CPU while full" % (100 * spent))
    below(spent, 0.25, "share of a CPU while full")
    for raw in crowd:
        raw.close()
    Json(d, "bob").join()
    eq(ann.event("join")["name"], "bob")


@test()
def presence_limit():
    """joins and leaves are told up to presence_limit members, not above"""
    d = Daemon(presence_limit=3)
    a, b = Json(d, "a"), Json(d, "b")
    a.join()
    b.join()
    eq(a.event("join")["name"], "b")
    more = [Json(d, "m%d" % i) for i in range(5)]
    for c in more:
        c.join()
    last = more[-1]
    a.sync()
    told = [e["name"] for e in a.events if e["event"] == "join"]
    ok("m4" not in told, "told %r" % told)
    last.say("all hear what is said")
    for c in (a, b, *more):
        eq(c.message()["text"], "all hear what is said")


@test()
def stream_bounds():
    """the smallest stream and page still bring everything"""
    d = Daemon(stream_bytes="16K", page_bytes="4K", history_max=0,
               history_bytes=0)
    a, b = Json(d, "a"), Json(d, "b")
    a.join()
    b.join()
    texts = [("x" * (i % 4096)) + str(i) for i in range(quick(200, 600))]
    texts = [t[:4096] for t in texts]
    ids = [a.post("say", room="lobby", text=t) for t in texts[:100]]
    for i in ids:
        a.reply(i)
    for t in texts[100:]:
        a.post("say", room="lobby", text=t)
    eq([m["text"] for m in b.messages(len(texts), 30)], texts)
    eq([m["text"] for m in a.messages(len(texts), 30)], texts)


if __name__ == "__main__":
    unhurried()
    main()
