#!/usr/bin/env python3
"""Chat over WebSockets: the same words, rooms and promises as on a line."""

import json
import random
import re
import resource
import select
import signal
import time

from client import (Json, NAME_PROMPT, Person, Program, check_error, history,
                    login, said)
from daemon import BINARY, Daemon, need_web, unhurried
from harness import (QUICK, SLOW, Deadline, below, descriptors, diag, eq, keep,
                     lacks, main, ok, quick, readable, rss, sanitized, slowly,
                     test, test_stores, until, uss)
from http1 import Http
from load import Load
from others import judge, twin
from websocket import (CONTINUATION, PING, PONG, Web, check_upgrade, close,
                       fragments, frame, new_key, text, upgrade)

FOREVER = {"history_max": 0, "history_age": 0, "history_bytes": 0}


@test()
def talks():
    """login, rooms, messages, topics, tells: as everywhere"""
    d = Daemon(server_name="village")
    ann, bob = Web(d, "ann"), Web(d, "bob")
    eq(ann.login_reply["server"], "village")
    eq(ann.login_reply["limits"]["line"], 16384)
    eq(ann.join()["role"], "owner")
    bob.join()
    eq(ann.event("join")["name"], "bob")
    r = ann.say("hé 🙂\n\"x\"\\")
    m = bob.message()
    eq((m["seq"], m["from"], m["text"]),
       (r["seq"], "ann", "hé 🙂\ufffd\"x\"\\"))
    ann.ok("tell", to="bob", text="psst")
    eq(bob.message()["room"], "@bob")
    ann.refused("fly", "unknown-command")
    ann.refused("say", "not-subscribed", room="tea", text="x")
    eq(ann.ok("say", room="lobby", text="k", key="1")["seq"],
       ann.ok("say", room="lobby", text="k", key="1")["seq"])
    bob.close()
    eq(ann.event("leave")["name"], "bob")


@test()
def pipelined():
    """many commands in one segment, the first with the handshake"""
    d = Daemon()
    key = new_key()
    c = Http(d)
    c.send(upgrade(key) + text(b'{"cmd":"login","name":"ann","id":0}') +
           text(b'{"cmd":"subscribe","room":"lobby","id":1}') +
           frame(PING, b"early"))
    check_upgrade(c.head(), key)
    c.until(b"early")
    c.until(rb'"head"')
    bob = Web(d, "bob")
    bob.join()
    count = quick(100, 500)
    bob.send(b"".join(text(json.dumps(
        {"cmd": "say", "room": "lobby", "id": i, "text": str(i)}).encode())
        for i in range(count)))
    eq([m["text"] for m in bob.messages(count)],
       [str(i) for i in range(count)])
    eq([bob.reply(i)["ok"] for i in range(count)], [True] * count)


@test()
def one_value_a_message():
    """a message is one command, blanks and LFs around or in it or not"""
    d = Daemon()
    c = Web(d, "ann")
    c.join()
    for good in (b' {"cmd":"ping"} ', b'{"cmd":"ping"}\n', b'\n{"cmd":\n"ping"'
                 b'\r\n,\t"x":\n1}\r\n', b'{\n\n\n"cmd":"ping"}',
                 b'{"cmd":"ping",\n "x": [1,\n2]}\n\n\n'):
        eq(c.raw_reply(good)["ok"], True, str(good))
    for bad in (b"", b" ", b"\n", b"\r\n\t ", b"hello", b"[1]", b"{", b"1",
                b'"x"', b"null", b'{"cmd":"ping"}{"cmd":"ping"}',
                b'{"cmd":"ping"}\n{"cmd":"ping"}', b'{"cmd":"ping"} x',
                b'{"cmd":"ping","cmd":"who"}', b'{"cmd":"pi\nng"}',
                b'{"cmd":"ping"}\0', b"\0", b"/quit", b"GET / HTTP/1.1",
                b'{"a":' * 600 + b"1" + b"}" * 600, b"[" * 8000):
        check_error(c.raw_reply(bad), None, "bad-json")
        eq(c.replies, {}, "answered once: %r" % bad[:50])
    for bad in (b"{}", b'{"cmd":1}', b'{"cmd":null}'):
        check_error(c.raw_reply(bad), None, "bad-argument")
    c.say("still here")


@test()
def who_mixes():
    """nc, a telnet line, JSON and WebSockets in one room through one port"""
    d = Daemon(store="sqlite", listen=["auto 127.0.0.1:0", "http 127.0.0.1:0"])
    nc = Program("nc.openbsd", "127.0.0.1", str(d.port))
    nc.until(NAME_PROMPT)
    nc.send("nc\n")
    nc.until(b"#lobby")
    person = Person(d, "person")
    line, web = Json(d, "line"), Web(d, "web")
    page = Web(d.address(1), "page")
    for c in line, web, page:
        c.join()
    nc.send("from nc é\n")
    for c in line, web, page:
        eq(c.message()["text"], "from nc é")
    person.say("from person 🙂")
    for c in line, web, page:
        eq(c.message()["text"], "from person 🙂")
    for c in line, web, page:
        c.say("from " + c.name)
    for c in line, web, page:
        eq([(m["from"], m["text"]) for m in c.messages(3)],
           [(n, "from " + n) for n in ("line", "web", "page")])
    for c in nc, person:
        for name in ("line", "web", "page"):
            c.until(said(name, "from " + name))
    names = [m["name"] for m in web.ok("who", room="lobby")["members"]]
    eq(sorted(names), ["line", "nc", "page", "person", "web"])
    eq(len({m["seq"] for m in history(web)}), 5)


@test_stores()
def subscribe_after(store):
    """subscribe with after: all behind it once, then the live ones"""
    d = Daemon(store=store, **FOREVER)
    ann = Json(d, "ann")
    ann.join()
    count = quick(100, 400)
    ids = [ann.post("say", room="lobby", text="m%d" % i + "x" * (i * 10 % 4000))
           for i in range(count)]
    seqs = [ann.reply(i)["seq"] for i in ids]
    bob = Web(d, "bob")
    bob.join(after=seqs[9])
    live = [ann.post("say", room="lobby", text="live %d" % i)
            for i in range(50)]
    seqs += [ann.reply(i)["seq"] for i in live]
    eq([m["seq"] for m in bob.messages(len(seqs) - 10)], seqs[10:])
    bob.close()
    bob = login(d, "bob", kind=Web)
    bob.join(last=5)
    eq([m["seq"] for m in bob.messages(5)], seqs[-5:])
    eq([m["seq"] for m in history(bob)], seqs, "history")
    wide = bob.ok("history", room="lobby", limit=1000)
    ok(len(json.dumps(wide)) > 65536 or wide["more"], "a reply of any length")


class Sleeper:
    """A browser that does not read until it is told to."""

    def __init__(self, daemon, name, **options):
        self.client = Web(daemon, name, rcvbuf=4096, **options)
        self.client.join()

    def read(self, count, seconds):
        """The numbers of that many messages of w."""
        return [int(re.match(r"w:(\d+):", m["text"]).group(1))
                for m in self.client.messages(count, seconds)]


@test_stores(timeout=120)
def slow_readers(store):
    """WebSockets that do not read: small, nobody waits for them, no loss"""
    d = Daemon(store=store, write_timeout=0, **FOREVER)
    other = twin(d)
    count = quick(1500, 2500)
    said = 0

    def pump(where, count):
        nonlocal said
        watch = Load(where, ["watch"], mode="watch")
        Load(where, ["w"], size=3000, window=16, count=count).finish(120)
        said += count if where is d else 0
        report = watch.stop()
        eq(report["faults"], 0)
        return report

    pump(other, count)
    pump(d, quick(1500, 7000))
    before = uss(d.pid)         # with the database's caches full
    sleepers = [Sleeper(d, "s%d" % i) for i in range(20)]
    said = 0
    judge("%d who sleep" % len(sleepers), lambda: pump(other, count),
          lambda: pump(d, count), lambda p99: 3 * p99 + 250 * SLOW)
    grown = uss(d.pid) - before
    diag("%d KiB more" % (grown >> 10))
    if store == "sqlite" and not QUICK and not sanitized(BINARY):
        below(grown, len(sleepers) * (64 << 10) + (2 << 20), "growth")
    for s in sleepers[0], sleepers[-1]:
        eq(s.read(said, 60), list(range(count)) * (said // count))
        s.client.none("message")


@test()
def catches_up_under_load():
    """who reads again while others go on talking meets the live ones"""
    d = Daemon(store="sqlite", write_timeout=0, **FOREVER)
    sleeper = Sleeper(d, "s")
    talk = Load(d, ["w"], size=1000, rate=2000, window=400)
    watch = Json(d, "watch")
    watch.join()
    watch.messages(quick(1000, 2000), 60)
    half = quick(400, 1000)
    got = sleeper.read(half, 60)                 # then it sleeps again
    watch.messages(quick(1000, 2000), 60)
    count = len(talk.stop()["w"]["acked"])
    eq(got + sleeper.read(count - half, 60), list(range(count)))


@test()
def pongs_between_whole_frames():
    """pongs and replies never come within a frame that was cut short"""
    d = Daemon(store="sqlite", write_timeout=0, **FOREVER)
    slow = Web(d, "slow", rcvbuf=4096)
    slow.join()
    count = quick(300, 1500)
    Load(d, ["w"], size=3000, count=count).finish()
    pings = [b"ping %d" % i for i in range(60)]
    ids = []
    numbers, asked = [], 0
    limit = Deadline(60, "all messages and pongs")
    while len(numbers) < count or len(slow.pongs) < len(pings):
        if asked < len(pings):
            slow.send(frame(PING, pings[asked]))
            ids.append(slow.post("ping"))
            asked += 1
        slow.sock.settimeout(limit.left())
        slow.buffer += slow.sock.recv(1999)
        slow.cut()          # which checks every frame
        while slow.frames:
            opcode, payload = slow.frames.popleft()
            if opcode == PONG:
                slow.pongs.append(payload)
                continue
            thing = json.loads(payload)
            slow.put(thing)
            if thing.get("event") == "message":
                numbers.append(int(thing["text"].split(":")[1]))
    eq(slow.pongs, pings)
    eq(numbers, list(range(count)))
    eq([slow.reply(i)["ok"] for i in ids], [True] * len(ids))


@test()
def pings_without_reading():
    """endless pings whose pongs nobody reads: memory stays bounded"""
    d = Daemon(write_timeout=0)
    c = Web(d, "ann", rcvbuf=4096)
    before = uss(d.pid)
    data, idle, sent = frame(PING, b"x" * 125) * 1000, 0, 0
    while idle < 25 and sent < quick(20, 100) << 20:
        n = c.pour(data[sent % len(data):])
        sent += n
        idle = 0 if n else idle + 1
        select.select([], [], [], 0 if n else 0.02)
    diag("%d KiB of pings taken in" % (sent >> 10))
    ok(idle == 25, "it waits for the reader")
    if not sanitized(BINARY):
        below(uss(d.pid) - before, 4 << 20, "growth")
    Web(d, "bob").ok("ping")
    asked = sent // len(frame(PING, b"x" * 125))
    limit = Deadline(30, "every pong")
    while asked:
        eq(c.receive(limit), (PONG, b"x" * 125))
        asked -= 1


@test()
def silent_peers():
    """ping_interval: who is silent is pinged, who stays so is dropped"""
    d = Daemon(ping_interval=slowly(2), log_level="debug")
    start = time.monotonic()
    silent, lively, busy, half = (Web(d, n) for n in (
        "silent", "lively", "busy", "half"))
    plain = Json(d, "plain")
    for c in silent, half:
        c.answers_pings = False
    half.send(text(b'{"cmd":"ping","id":"half"}')[:-3])
    limit = Deadline(20, "the silent ones' end")
    while not (silent.ended and half.ended):
        for c in silent, half:
            if not c.ended and readable(c.sock, 0.05):
                c.fill(limit)
        if readable(lively.sock, 0.05):
            lively.receive(limit)
        busy.ok("ping")
    took = time.monotonic() - start
    ok(took > 3, "not before two intervals: %.1f s" % took)
    for c in silent, half:
        c.cut()
        eq(c.frames[0][0], PING, "asked first")
        closed = d.log.wait("client-closed", name=c.name)
        ok(closed.get("reason"), str(closed))
    ok(lively.pings >= 1, "the lively one was asked")
    eq(busy.pings, 0, "who speaks is not asked")
    lively.ok("ping")
    plain.ok("ping")


def _bye(c, code):
    """The bye that comes right before the close."""
    c.closing(code)
    eq(c.events[-1]["event"], "bye", "the last event")
    return c.events[-1]


@test()
def ends_of_the_servers():
    """login-timeout, read-timeout and a name taken over: bye and a code"""
    d = Daemon(login_timeout=slowly(1.5))
    ann = Web(d, "ann")
    ok(_bye(Web(d), 1008)["reason"], "a reason")
    other = Web(d)
    other.ok("login", name="ann", resume=ann.login_reply["session"])
    eq(_bye(ann, 1008)["reconnect"], False)
    other.ok("ping")
    d = Daemon(read_timeout=slowly(1))
    quiet = Web(d, "quiet")
    eq(_bye(quiet, 1001)["reconnect"], True)


@test()
def quits():
    """quit is answered, then 1000; what follows it is not done"""
    d = Daemon()
    ann, bob = Web(d, "ann"), Web(d, "bob")
    ann.join()
    bob.join()
    bob.send(text(b'{"cmd":"quit","id":"q"}') +
             text(b'{"cmd":"say","room":"lobby","text":"ghost","id":"z"}'))
    bob.closing(1000)
    eq(bob.reply("q")["ok"], True)
    lacks(bob.replies, "z")
    eq(ann.event("leave")["name"], "bob")
    ann.none("message")


@test()
def rate_limited():
    """a browser that asks too fast is told so, and stays"""
    d = Daemon(rate=10, burst=20)
    c = Web(d, "ann")
    start = time.monotonic()
    c.send(b"".join(text(b'{"cmd":"ping","id":%d}' % i) for i in range(60)))
    errors = [c.reply(i).get("error") for i in range(60)]
    took = time.monotonic() - start
    ok(errors.count("rate-limited") >= 39 - 10 * took, "refused in %.2f s: %s"
       % (took, errors))
    eq(set(errors), {None, "rate-limited"})
    c.send(frame(PING, b"x"))
    eq(c.pong(), b"x")


@test()
def ends_in_a_busy_room():
    """nothing follows a close frame, however much is said in the room"""
    d = Daemon(write_timeout=0)
    Load(d, ["w1", "w2"], window=64, size=300)
    for i in range(quick(10, 30)):
        slow = i % 2 == 0       # what it has not read yet comes before
        c = Web(d, "c%d" % i, rcvbuf=4096 if slow else None)
        c.join()
        c.messages(3)
        data, code = ((close(1000), 1000), (frame(PING, rsv=1), 1002),
                      (text(b'{"cmd":"quit"}'), 1000))[i % 3]
        c.send(data)
        c.closing(code)
        c.close()
    c = Web(d, "last")
    c.join()
    c.messages(3)
    d.send_signal(signal.SIGTERM)
    _bye(c, 1001)


@test()
def server_full():
    """one client more is answered 503 before any WebSocket"""
    d = Daemon(max_clients=1, listen="http 127.0.0.1:0")
    ann = Web(d, "ann")
    h = Http(d)
    h.send(upgrade(new_key()))
    answer = h.response()
    eq(answer.status, 503)
    ok(int(answer.get("Retry-After")) > 0, "Retry-After")
    h.over()
    ann.close()
    until(lambda: d.log.records("client-closed"), 10, "a place")
    Web(d, "bob")


@test()
def shutdown():
    """SIGTERM: bye, 1001, whatever a client was at"""
    d = Daemon(store="sqlite", write_timeout=0, **FOREVER)
    ann, half, fresh = Web(d, "ann"), Web(d, "half"), Web(d)
    between, closing = Web(d, "b"), Web(d, "c")
    ann.join()
    half.send(text(b'{"cmd":"ping","id":"half"}')[:-3])
    between.send(fragments(b'{"cmd":"ping"}', 5)[0])
    ids = [ann.post("say", room="lobby", text=str(i)) for i in range(100)]
    ann.reply(ids[0])
    closing.send(close(1000))
    closing.closing(1000)
    d.send_signal(signal.SIGTERM)
    for c in ann, half, fresh, between:
        ok(_bye(c, 1001)["reconnect"], "it will be back")
    eq(d.wait_end(), 0, "exit status")
    d.restart()
    kept = {m["seq"] for m in history(Json(d, "x"))}
    lost = [r for r in ann.replies.values()
            if r.get("ok") and "seq" in r and r["seq"] not in kept]
    eq(lost, [], "told ok and lost")


@test()
def half_closed():
    """who has closed its sending side gets its answers, then the end"""
    d = Daemon()
    c = Web(d, "ann")
    c.join()
    ids = [c.post("say", room="lobby", text=str(i)) for i in range(100)]
    c.half_close()
    eq([c.reply(i)["ok"] for i in ids], [True] * 100)
    c.to_end()
    other = login(d, "ann", kind=Web)   # its name is free again
    other.ok("ping")


@test()
def abrupt_ends():
    """FIN and RST in every state of a WebSocket"""
    d = Daemon()
    ann = Web(d, "ann")
    ann.join()
    message = text(b'{"cmd":"say","room":"lobby","text":"whole"}')
    hands = upgrade(new_key())
    stages = [hands[:10], hands[10:-1], hands[-1:], message[:1],
              message[1:3], message[3:12], message[12:],
              fragments(b'{"cmd":"ping"}', 6)[0], frame(PING, b"x"),
              frame(CONTINUATION, b"x", fin=False), close(1000)]
    for stop in range(len(stages) + 1):
        for end in ("close", "reset", "half_close"):
            h = Http(d)
            for stage in stages[:stop]:
                try:
                    h.send(stage)
                except OSError:
                    break
            if stop > 2 and random.random() < 0.5:
                h.until(b"\r\n\r\n")
            getattr(h, end)()
            if end == "half_close":
                h.to_end()
                h.close()
    ann.say("still")
    until(lambda: descriptors(d.pid) < 40, 10, "no descriptor left over")
    for _ in range(quick(5, 20)):
        c = login(d, "eve", kind=Web)
        c.join()
        ann.event("join", name="eve")
        c.send(message[:random.randrange(len(message))])
        c.reset()
        ann.event("leave", name="eve")


class Many:
    """Connections that have only shaken hands."""

    def __init__(self, daemon, count):
        self.clients = [Web(daemon) for _ in range(count)]
        keep(self)

    def cleanup(self):
        while self.clients:
            self.clients.pop().close()


@test()
def only_handshakes():
    """a thousand that only shake hands: small, and others are served"""
    count = quick(200, 1000)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE,
                       (min(hard, max(soft, count + 200)), hard))
    d = Daemon(nofile=hard, max_clients=count + 10, login_timeout=0)
    Web(d, "first")
    Many(d, quick(20, 100)).cleanup()
    before = rss(d.pid)
    many = Many(d, count)
    each = (rss(d.pid) - before) / count
    diag("%d connections, %.0f bytes each" % (count, each))
    if not sanitized(BINARY) and count == 1000:
        below(each, 4096, "resident bytes a silent WebSocket")
    ann, bob = Web(d, "ann"), Web(d, "bob")
    ann.join()
    bob.join()
    ann.say("served")
    eq(bob.message()["text"], "served")
    for c in random.sample(many.clients, 20):
        c.ok("login", name="late%d" % c.fileno())
    many.cleanup()
    until(lambda: descriptors(d.pid) < 100, 30, "all to be closed")
    ann.say("still")


@test()
def text_has_no_websocket():
    """what a browser cannot do is no way around: text and json refuse"""
    d = Daemon(listen=["text 127.0.0.1:0", "json 127.0.0.1:0"])
    for number in range(2):
        h = Http(d.address(number))
        h.send(upgrade(new_key()) + text(b'{"cmd":"login","name":"eve"}'))
        data = h.to_end()
        lacks(data, b"101 Switching")
        lacks(data, b'"ok":true')
    c = Json(d.address(1), "ann")
    eq([m["name"] for m in c.ok("who")["members"]], ["ann"])


if __name__ == "__main__":
    unhurried()
    main(need_web)
