#!/usr/bin/env python3
"""Search: what was said, for those who may read it."""

from client import Json
from daemon import Daemon
from harness import eq, main, ok, test_stores


def texts(reply):
    return [m["text"] for m in reply["messages"]]


def filled(store):
    d = Daemon(store=store)
    ann, bob = Json(d, "ann"), Json(d, "bob")
    for c in (ann, bob):
        c.ok("subscribe", room="lobby")
    ann.ok("subscribe", room="dev")
    for text in ("Der Fluß fließt", "café au lait", "cafeteria", "au café"):
        ann.say(text)
    ann.say("café, too", room="dev")
    bob.ok("tell", to="ann", text="a secret café")
    return d, ann, bob


@test_stores()
def words(store):
    """words, prefixes and phrases, accents and case apart, newest first"""
    d, ann, bob = filled(store)
    eq(texts(bob.ok("search", query="CAFE")),
       ["café, too", "au café", "café au lait"])
    eq(texts(bob.ok("search", query="cafe*", room="lobby")),
       ["au café", "cafeteria", "café au lait"])
    eq(texts(bob.ok("search", query='"au café"')), ["au café"])
    eq(texts(bob.ok("search", query="lait fluß")), [])
    r = bob.ok("search", query="cafe", limit=1)
    eq((texts(r), r["more"]), (["café, too"], True))
    r = bob.ok("search", query="cafe", limit=1, before=r["next"])
    eq(texts(r), ["au café"])
    eq(r["messages"][0]["room"], "lobby")
    bob.refused("search", "bad-argument", query="!!! ---")
    bob.refused("search", "no-such-room", query="x", room="nowhere")


@test_stores()
def inboxes(store):
    """an inbox is searched by whose it is, and by nobody else"""
    d, ann, bob = filled(store)
    ok("a secret café" in texts(ann.ok("search", query="cafe")), "own inbox")
    eq(texts(ann.ok("search", query="secret", room="@ann")),
       ["a secret café"])
    eq(texts(bob.ok("search", query="secret")), [])
    bob.refused("search", "forbidden", query="secret", room="@ann")


main()
