#!/usr/bin/env python3
"""The JSON dialect as partyline-protocol(7) has it: commands, events, errors."""

import json
import re

from client import NAME_PROMPT, Json, Raw, check_error, history
from daemon import Daemon, unhurried
from harness import (Deadline, contains, eq, has, lacks, main, ok, slowly,
                     test)

TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
COMMANDS = {
    "subscribe": {"room": "lobby"}, "unsubscribe": {"room": "lobby"},
    "say": {"room": "lobby", "text": "x"}, "tell": {"to": "ann", "text": "x"},
    "seen": {"room": "lobby", "seq": 1}, "history": {"room": "lobby"},
    "rooms": {}, "who": {}, "topic": {"room": "lobby", "topic": "x"},
    "away": {},
}


@test()
def login_reply():
    """login says who one is and what the limits are"""
    d = Daemon(server_name="village")
    c = Json(d, "Ann")
    r = c.login_reply
    has(r, "name", "guest", "session", "server", "version", "limits")
    eq((r["name"], r["guest"], r["server"]), ("Ann", True, "village"))
    eq(r["limits"]["line"], 16384, "limits.line")
    eq(r["limits"]["text"], 4096, "limits.text")
    ok(isinstance(r["limits"]["rooms"], int) and r["limits"]["rooms"] > 0,
       "limits.rooms")
    c.refused("login", "already-logged-in", name="Bob")
    Json(d).refused("login", "name-taken", name="aNN")


@test()
def before_login():
    """what needs a name is answered not-logged-in, and the line goes on"""
    d = Daemon()
    c = Json(d)
    for cmd, fields in COMMANDS.items():
        c.refused(cmd, "not-logged-in", **fields)
    c.ok("login", name="ann")
    c.join()


@test()
def say_and_message():
    """a say is answered with seq and time, and everybody gets the message"""
    d = Daemon()
    ann, bob = Json(d, "ann"), Json(d, "bob")
    for c in (ann, bob):
        r = c.join()
        has(r, "room", "epoch", "head", "topic", "members", "role")
        eq(r["head"], 0, "head of an empty room")
    eq(r["members"], 2, "members")
    said = ann.say("hi", kind="text")
    ok(TIME.match(said["time"]), "time %s" % said["time"])
    for c in (ann, bob):
        eq(c.message(), {"event": "message", "room": "lobby",
                         "seq": said["seq"], "time": said["time"],
                         "from": "ann", "kind": "text", "text": "hi"})
    for kind in ("action", "notice"):
        ann.say("k", kind=kind)
        eq(bob.message()["kind"], kind)
    eq(Json(d, "eve").join()["head"], said["seq"] + 2, "head")


@test()
def roles():
    """whoever makes a room is its owner, the next one a member"""
    d = Daemon()
    eq(Json(d, "ann").join("tea")["role"], "owner")
    eq(Json(d, "bob").join("tea")["role"], "member")


@test()
def ids():
    """an id is echoed as it was, string or integer, or there is none"""
    d = Daemon()
    c = Json(d, "ann")
    for number in (0, -5, 2**53, "", "x\"y", "é", "a" * 64):
        eq(c.reply(c.post("ping", id=number))["id"], number)
    lacks(c.raw_reply(b'{"cmd":"ping"}'), "id")
    for bad in (b"1.5", b"[]", b"{}", b"true"):
        r = c.raw_reply(b'{"cmd":"ping","id":' + bad + b'}')
        check_error(r, "ping", "bad-argument")
        eq(r.get("field"), "id")


@test()
def bad_lines():
    """every bad line gets its error and the connection goes on"""
    d = Daemon()
    c = Json(d, "ann")
    c.join()
    for line in (b"hello", b"[1]", b"{", b'{"cmd":}', b'{"cmd":"ping"} x',
                 b'{"cmd":"ping","cmd":"who"}', b"}", b"null", b'"x"', b"1",
                 b'{"cmd":"say","room":"lobby","text":"\\ud800"}',
                 b'{"a":' * 600 + b"1" + b"}" * 600, b"[" * 8000):
        check_error(c.raw_reply(line), None, "bad-json")
    for line in (b"{}", b'{"cmd":1}', b'{"cmd":null}', b'{"CMD":"ping"}',
                 b'{"cmd":["ping"]}'):
        check_error(c.raw_reply(line), None, "bad-argument")
    for line in (b'{"cmd":"ping\xff"}', b'{"cmd":"ping","x":"\xc0\x80"}',
                 b'{"cmd":"ping","x":"\xed\xa0\x80"}', b"{\xf8\x88\x80\x80}"):
        r = c.raw_reply(line)
        eq((r["ok"], r["error"]), (False, "bad-utf8"), str(line))
    c.refused("fly", "unknown-command")
    c.refused("", "unknown-command")
    r = c.raw_reply(b'{"cmd":"say","room":"lobby","text":"x","flag":[{}]}')
    eq(r["ok"], True, "an unknown field is ignored")
    c.send(b"\n\r\n\n")
    c.say("still here")


@test()
def bad_json_says_where():
    """bad-json says what is wrong and at which place"""
    d = Daemon()
    c = Json(d, "ann")
    r = c.raw_reply(b'{"cmd":"ping",}')
    check_error(r, None, "bad-json")
    ok(re.search(r"\d", r["message"]), "a place in: " + r["message"])


@test()
def bad_arguments():
    """a missing or wrong-typed field is named"""
    d = Daemon()
    c = Json(d, "ann")
    c.join()
    right = {"room": "lobby", "text": "x", "to": "ann", "seq": 1,
             "topic": "t"}
    cases = [("subscribe", ["room"]), ("unsubscribe", ["room"]),
             ("say", ["room", "text"]), ("tell", ["to", "text"]),
             ("seen", ["room", "seq"]), ("history", ["room"]),
             ("topic", ["room", "topic"])]
    for cmd, names in cases:
        for name in names:
            for wrong in ("absent", None, [], {}, True, 1.5,
                          "x" if name == "seq" else 7):
                fields = {n: right[n] for n in names}
                if wrong == "absent":
                    del fields[name]
                else:
                    fields[name] = wrong
                r = c.cmd(cmd, **fields)
                check_error(r, cmd, "bad-argument")
                eq(r.get("field"), name, "%s %s" % (cmd, fields))
    optional = [("subscribe", "after", -1), ("subscribe", "after", "1"),
                ("subscribe", "last", 1001), ("subscribe", "last", -1),
                ("subscribe", "epoch", 1),
                ("history", "limit", 0), ("history", "limit", 1001),
                ("history", "after", 1.0), ("history", "before", None),
                ("say", "kind", "shout"), ("say", "key", ""),
                ("say", "key", 5), ("say", "key", "k" * 129),
                ("who", "room", 1), ("rooms", "match", 1),
                ("away", "text", 1)]
    for cmd, name, wrong in optional:
        fields = {n: right[n] for n in dict(cases).get(cmd, ())}
        if cmd == "subscribe":
            fields["room"] = "tea"
        fields[name] = wrong
        r = c.cmd(cmd, **fields)
        check_error(r, cmd, "bad-argument")
        eq(r.get("field"), name, "%s %s" % (cmd, fields))
    r = c.raw_reply(b'{"cmd":"subscribe","room":"tea","after":%d}' %
                    (2**63))
    ok(r["error"] in ("bad-json", "bad-argument"), "a number too big: %r" % r)
    c.say("still here")


@test()
def names():
    """names: 1-32 letters and digits after NFKC, compared folded"""
    d = Daemon()
    for bad in ("", "a b", "-a", ".a", "a" * 33, "a\n", "a\x1b[2J", "a/b",
                "a#b", "\u202eevil", "\x85", "a\u0000b", "@ann", "🙂"):
        c = Json(d)
        r = c.cmd("login", name=bad)
        ok(r.get("error") in ("bad-name", "bad-argument"), "%r: %r" % (bad, r))
        c.close()
    for good, key in (("a" * 32, "A" * 32), ("Zoë", "ZOË"), ("ﬁn", "FIN"),
                      ("straße", "STRASSE"), ("日本語", "日本語"),
                      ("a-b_c.9", "A-B_C.9")):
        c = Json(d)
        c.ok("login", name=good)
        Json(d).refused("login", "name-taken", name=key)
        c.join("Room-" + good[:20])
        c.refused("subscribe", "already-subscribed",
                  room="rOOM-" + good[:20].upper())
    eq(c.join("#hash")["room"], "hash", "a leading # is taken away")
    for bad in ("", "a b", "-a", "a" * 33, "a\x00", "a\u009b"):
        r = c.cmd("subscribe", room=bad)
        ok(r.get("error") in ("bad-name", "bad-argument"), "%r: %r" % (bad, r))


@test()
def rooms_that_look_alike():
    """no room is made that would be taken for another one"""
    d = Daemon()
    ann = Json(d, "ann")
    ann.join("Tea")
    for name, like in (("l\u043ebby", "lobby"), ("Te\u0430", "Tea"),
                       ("\u03a4ea", "Tea"), ("\u1d1bea", "Tea")):
        r = ann.refused("subscribe", "bad-name", room=name)
        has(r, "message")
        contains(r["message"], "#%s looks like #%s, which exists" % (name, like))
    ann.join("lobby")
    ann.join("t\u00e9a")


@test()
def membership():
    """subscribe, unsubscribe, and what their misuse is answered"""
    d = Daemon()
    ann, bob = Json(d, "ann"), Json(d, "bob")
    ann.join("tea")
    ann.refused("subscribe", "already-subscribed", room="tea")
    bob.refused("say", "not-subscribed", room="tea", text="x")
    bob.refused("unsubscribe", "not-subscribed", room="tea")
    bob.refused("topic", "not-subscribed", room="tea", topic="x")
    r = bob.cmd("unsubscribe", room="nowhere")
    ok(r["error"] in ("no-such-room", "not-subscribed"), str(r))
    bob.refused("history", "no-such-room", room="nowhere")
    bob.join("tea")
    eq(ann.event("join"), {"event": "join", "room": "tea", "name": "bob"})
    eq(bob.ok("unsubscribe", room="tea")["room"], "tea")
    eq(ann.event("leave")["name"], "bob")
    ann.say("unheard", "tea")
    bob.none("message")
    bob.join("tea")
    bob.close()
    eq(ann.event("leave", name="bob")["room"], "tea")


@test()
def who_and_rooms():
    """who and rooms list what there is"""
    d = Daemon()
    ann, bob = Json(d, "ann"), Json(d, "bob")
    ann.join("tea")
    ann.join("milk")
    bob.join("tea")
    ann.ok("topic", room="tea", topic="Earl Grey")
    ann.ok("away", text="lunch")
    members = {m["name"]: m for m in bob.ok("who", room="tea")["members"]}
    eq(set(members), {"ann", "bob"})
    has(members["ann"], "role", "guest", "sessions", "away")
    eq(members["ann"]["away"], "lunch")
    eq(members["ann"]["sessions"], 1)
    lacks(members["bob"], "away")
    ann.ok("away")
    members = {m["name"]: m for m in bob.ok("who")["members"]}
    eq(set(members), {"ann", "bob"})
    lacks(members["ann"], "away")
    rooms = {r["room"]: r for r in bob.ok("rooms")["rooms"]}
    eq((rooms["tea"]["members"], rooms["tea"]["topic"],
        rooms["tea"]["subscribed"]), (2, "Earl Grey", True))
    eq(rooms["milk"]["subscribed"], False)
    eq([r["room"] for r in bob.ok("rooms", match="mil")["rooms"]], ["milk"])
    lacks(" ".join(rooms), "@", "inboxes are not listed")
    bob.refused("who", "no-such-room", room="nowhere")


@test()
def topics():
    """a topic is told to the members, kept, and shown to who comes"""
    d = Daemon()
    ann, bob = Json(d, "ann"), Json(d, "bob")
    ann.join("tea")
    bob.join("tea")
    ann.ok("topic", room="tea", topic="Earl \x1b[31mGrey\u202e")
    event = bob.event("topic")
    eq((event["room"], event["by"]), ("tea", "ann"))
    eq(event["topic"], "Earl \ufffd[31mGrey\ufffd")
    eq(Json(d, "eve").join("tea")["topic"], event["topic"])
    ann.ok("topic", room="tea", topic="")
    eq(bob.event("topic")["topic"], "")
    r = ann.cmd("topic", room="tea", topic="x" * 5000)
    ok(not r["ok"] and r["error"] in ("too-long", "bad-argument"), str(r))


@test()
def tell():
    """tell reaches one person's inbox, on all sorts of connections"""
    d = Daemon()
    ann, bob, eve = (Json(d, n) for n in ("ann", "bob", "eve"))
    r = ann.ok("tell", to="BOB", text="psst")
    has(r, "to", "seq", "time")
    message = bob.message()
    eq((message["room"], message["from"], message["to"], message["text"],
        message["seq"]), ("@bob", "ann", "bob", "psst", r["seq"]))
    eve.none("message")
    ann.refused("tell", "no-such-user", to="nobody", text="x")
    eve.refused("subscribe", "forbidden", room="@bob")
    eve.refused("history", "forbidden", room="@bob")
    r = eve.cmd("say", room="@bob", text="x")
    ok(not r["ok"], "nobody says into another's inbox: %r" % r)
    eq([m["text"] for m in history(bob, "@bob")], ["psst"])
    eq(ann.ok("tell", to="bob", text="2", key="k")["seq"],
       ann.ok("tell", to="bob", text="2", key="k")["seq"], "keyed tell")
    eq(len(history(bob, "@bob")), 2)


@test()
def guests_inbox():
    """who takes a guest's name later does not read that guest's inbox"""
    d = Daemon(store="sqlite")
    ann, bob = Json(d, "ann"), Json(d, "bob")
    ann.ok("tell", to="bob", text="secret of the first bob")
    bob.message()
    ann.join("tea")
    bob.join("tea")
    bob.close()
    ann.event("leave", name="bob")
    second = Json(d, "bob")
    eq(history(second, "@bob"), [])
    second.none("message")


@test()
def history_pages():
    """history goes through a room forwards and backwards without a hole"""
    d = Daemon()
    c = Json(d, "ann")
    c.join()
    seqs = [c.say("m%d" % i)["seq"] for i in range(257)]
    eq([m["seq"] for m in history(c)], seqs)
    r = c.ok("history", room="lobby")
    eq(len(r["messages"]), 100, "the default limit")
    eq([m["seq"] for m in r["messages"]], seqs[-100:],
       "without a place, the newest, oldest first")
    eq(r["more"], True)
    found, before = [], seqs[-1] + 1
    while True:
        r = c.ok("history", room="lobby", before=before, limit=20)
        found = [m["seq"] for m in r["messages"]] + found
        if not r["more"]:
            break
        before = found[0]
    eq(found, seqs, "backwards")
    r = c.ok("history", room="lobby", after=seqs[-1])
    eq((r["messages"], r["more"]), ([], False))
    r = c.ok("history", room="lobby", after=2**62)
    eq((r["messages"], r["more"]), ([], False))


@test()
def subscribe_with_a_place():
    """subscribe with after or last shows what was said before, then what is"""
    d = Daemon()
    ann = Json(d, "ann")
    ann.join()
    seqs = [ann.say("m%d" % i)["seq"] for i in range(50)]
    bob = Json(d, "bob")
    bob.join(after=seqs[9])
    seqs.append(ann.say("live")["seq"])
    eq([m["seq"] for m in bob.messages(41)], seqs[10:])
    bob.ok("unsubscribe", room="lobby")
    bob.join(last=5)
    eq([m["seq"] for m in bob.messages(5)], seqs[-5:])
    bob.ok("unsubscribe", room="lobby")
    bob.join()
    seqs.append(ann.say("only this")["seq"])
    eq(bob.message()["seq"], seqs[-1])
    bob.ok("unsubscribe", room="lobby")
    eq(bob.join(after=2**62).get("reset"), True, "a place not in this log")
    eq([m["seq"] for m in bob.messages(len(seqs))], seqs)


@test()
def rename():
    """rename is told to those who share a room"""
    d = Daemon()
    ann, bob = Json(d, "ann"), Json(d, "bob")
    ann.join("tea")
    bob.join("tea")
    bob.refused("rename", "name-taken", name="ANN")
    bob.refused("rename", "bad-name", name="a b")
    bob.ok("rename", name="Robert")
    event = ann.event("renamed")
    eq((event["from"], event["to"]), ("bob", "Robert"))
    bob.say("me", "tea")
    eq(ann.message()["from"], "Robert")
    Json(d, "bob")


@test()
def control_characters():
    """control characters never come out of the server"""
    d = Daemon()
    ann, bob = Json(d, "ann"), Json(d, "bob")
    ann.join()
    bob.join()
    bad = [*range(0, 9), *range(10, 32), *range(127, 160),
           *range(0x202a, 0x202f), *range(0x2066, 0x206a)]
    ann.say("".join("[%s]" % chr(c) for c in bad) + "\t\u00a0é🙂")
    eq(bob.message()["text"], "[\ufffd]" * len(bad) + "\t\u00a0é🙂")
    eq(history(bob)[0]["text"], "[\ufffd]" * len(bad) + "\t\u00a0é🙂")


@test()
def quit_is_answered():
    """quit is answered, then the server closes; a leave says so"""
    d = Daemon()
    ann, bob = Json(d, "ann"), Json(d, "bob")
    ann.join()
    bob.join()
    number = bob.post("quit")
    eq(bob.reply(number)["ok"], True)
    eq(bob.fill(Deadline(5, "close")), False, "closed")
    eq(ann.event("leave")["name"], "bob")


@test()
def line_ends():
    """LF and CR LF end a line; the server's lines end with LF alone"""
    d = Daemon()
    c = Raw(d)
    c.send(b'{"cmd":"login","name":"ann"}\r\n{"cmd":"ping"}\n')
    eq(c.line()[-2:], b"}\n")
    eq(c.line()[-2:], b"}\n")
    c.send(b'{"cmd":')
    c.send(b'"ping","id":"split"}')
    c.send(b"\r")
    c.send(b"\n")
    contains(c.line(), b'"split"')


@test()
def pipelined():
    """commands sent in one piece are each answered once"""
    d = Daemon()
    c = Json(d, "ann")
    c.join()
    lines = [json.dumps({"cmd": "say", "room": "lobby", "id": i,
                         "text": str(i)}) for i in range(500)]
    c.send("\n".join(lines) + "\n")
    seqs = [c.reply(i)["seq"] for i in range(500)]
    eq(seqs, sorted(set(seqs)), "seqs in the order sent")
    eq([m["text"] for m in c.messages(500)], [str(i) for i in range(500)])


@test()
def auto_dialect():
    """auto: silence is greeted, { makes it json for good, else text"""
    d = Daemon(greet_delay=1000 * slowly(1))
    silent = Raw(d)
    greeting = silent.until(NAME_PROMPT)
    lacks(greeting, b"\xff", "no telnet command in the greeting")
    early = Json(d, "ann")
    early.sync()
    eq(early.lines, early.lines.__class__(), "no greeting for who speaks")
    silent.send(b'{"cmd":"login","name":"late"}\n')
    eq(silent.line().strip(), b"", "the end of the prompt's line")
    ok(silent.line().startswith(b'{"reply":"login"'), "the reply's line")
    silent.send(b"not json\n")
    contains(silent.line(), b"bad-json")
    text = Raw(d)
    text.send(b"bob\r\n")
    text.until(b"#lobby")


@test()
def kinds():
    """a json listener greets nobody; a text one knows no JSON"""
    d = Daemon(listen=["auto 127.0.0.1:0", "json 127.0.0.1:0",
                       "text 127.0.0.1:0"], greet_delay=50)
    eq([at["kind"] for at in d.listening], ["auto", "json", "text"])
    greeted = Raw(d.address(0))
    j = Json(d.address(1))
    greeted.until(NAME_PROMPT)
    check_error(j.raw_reply(b"hello"), None, "bad-json")
    j.ok("login", name="ann")
    j.join()
    eq(j.buffer, b"")
    t = Raw(d.address(2))
    t.until(NAME_PROMPT)
    t.send(b'{"cmd":"login","name":"eve"}\n')
    lacks(t.until(rb"\n"), b'"ok"')
    t.send(b"bob\n")
    t.until(b"#lobby")
    t.send(b'{"cmd":"ping"}\n')
    eq(j.message()["text"], '{"cmd":"ping"}')


if __name__ == "__main__":
    unhurried()
    main()
