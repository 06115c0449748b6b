#!/usr/bin/env python3
"""Promises 1, 3 and 4: one order, no gap and no duplicate, said once."""

import json
import random
import time

from client import Json, history, login
from daemon import Daemon
from harness import (Deadline, below, diag, eq, has, lacks, main, ok, quick,
                     test, test_stores, until)
from load import Load

FOREVER = {"history_max": 0, "history_age": 0, "history_bytes": 0}


@test_stores()
def one_order(store):
    """many say, all see the same in the same order"""
    d = Daemon(store=store, **FOREVER)
    readers = [Json(d, "r%d" % i) for i in range(20)]
    for reader in readers:
        reader.join()
    each = quick(50, 200)
    results = Load(d, ["w%d" % i for i in range(10)], count=each).finish()
    wanted = [(m["seq"], m["text"]) for m in history(readers[0])]
    eq(len(wanted), 10 * each, "messages stored")
    seqs = [seq for seq, _ in wanted]
    eq(seqs, sorted(set(seqs)), "seq grows")
    acked = sorted(s for r in results.values() for _, s in r["acked"])
    eq(acked, seqs, "seqs told to those who said them")
    for reader in readers:
        got = [(m["seq"], m["text"]) for m in reader.messages(len(wanted), 20)]
        eq(got, wanted, "what %s saw" % reader.name)
    numbers = {}
    for _, text in wanted:
        name, number = text.split(":")[:2]
        eq(int(number), numbers.get(name, 0), "order of what %s said" % name)
        numbers[name] = int(number) + 1


@test_stores()
def rooms_apart(store):
    """what is said in one room is seen in that room only"""
    d = Daemon(store=store)
    rooms = ["room%d" % i for i in range(12)]
    talkers = [Json(d, "t%d" % i) for i in range(len(rooms))]
    for talker, room in zip(talkers, rooms):
        talker.join(room)
    everywhere = Json(d, "all")
    for room in rooms:
        everywhere.join(room)
    for i in range(30):
        for talker, room in zip(talkers, rooms):
            talker.post("say", room=room, text="%s %d" % (room, i))
    for talker, room in zip(talkers, rooms):
        got = [m["text"] for m in talker.messages(30)]
        eq(got, ["%s %d" % (room, i) for i in range(30)])
        talker.none("message")
        got = [m["text"] for m in everywhere.messages(30, room=room)]
        eq(got, ["%s %d" % (room, i) for i in range(30)])


class Reader:
    """Reads a room over many connections, each cut somewhere."""

    def __init__(self, where, name):
        self.where, self.name = where, name
        self.client = None
        self.epoch = None
        self.seen = []
        self.connections = 0

    def last(self):
        return self.seen[-1][0] if self.seen else 0

    def connect(self, rcvbuf=None):
        self.client = login(self.where, self.name, rcvbuf=rcvbuf)
        self.connections += 1
        fields = {"epoch": self.epoch} if self.epoch else {}
        number = self.client.post("subscribe", room="lobby",
                                  after=self.last(), **fields)
        return number

    def take(self, count, seconds):
        """Reads until count messages were seen or the time is over."""
        end = time.monotonic() + seconds
        while count > 0 and time.monotonic() < end:
            thing = self.client.take(Deadline(10, "a message"))
            if thing.get("event") == "message":
                self.seen.append((thing["seq"], thing["text"]))
                count -= 1
            elif thing.get("reply") == "subscribe":
                eq(thing["ok"], True, str(thing))
                lacks(thing, "gap")
                lacks(thing, "reset")
                self.epoch = thing["epoch"]

    def cut(self):
        random.choice((self.client.close, self.client.reset))()

    def turn(self):
        """One connection."""
        self.connect(random.choice((None, None, 2048)))
        if random.random() > 0.1:
            self.take(random.choice((1, 10, 200, 2000)),
                      random.uniform(0.05, 0.6))
        self.cut()


@test_stores(timeout=180)
def resume_under_load(store):
    """a reader that reconnects at random points gets the log exactly once"""
    d = Daemon(store=store, **FOREVER)
    load = Load(d, ["w%d" % i for i in range(4)], rate=1500, window=200)
    readers = [Reader(d, "r%d" % i) for i in range(4)]
    end = time.monotonic() + quick(5, 12)
    while (time.monotonic() < end or
           min(r.connections for r in readers) < 2):
        random.choice(readers).turn()
    results = load.stop()
    checker = Json(d, "checker")
    wanted = [(m["seq"], m["text"]) for m in history(checker)]
    acked = sum(len(r["acked"]) for r in results.values())
    eq(len(wanted), acked, "stored and acknowledged")
    for reader in readers:
        reader.connect()
        while reader.last() < wanted[-1][0]:
            reader.take(1, 10)
        reader.client.none("message")
        eq(len(reader.seen), len(wanted), "messages %s saw" % reader.name)
        eq(reader.seen, wanted, "what %s saw" % reader.name)
    diag("%d messages, %s connections" %
         (len(wanted), [r.connections for r in readers]))
    ok(min(r.connections for r in readers) > 2, "readers reconnected")


@test_stores()
def many_resume_at_once(store):
    """many who come in at different places meet the live ones, no seam"""
    d = Daemon(store=store, **FOREVER)
    load = Load(d, ["w1", "w2"], rate=800, window=100)
    first = Json(d, "first")
    first.join(after=0)
    seqs = [m["seq"] for m in first.messages(quick(300, 1500), 20)]
    others = []
    for i in range(25):
        other = Json(d, "o%d" % i)
        other.post("subscribe", room="lobby", after=seqs[i * 11])
        others.append((other, seqs[i * 11]))
    load.stop()
    wanted = [m["seq"] for m in history(first)]
    for other, after in others:
        tail = [s for s in wanted if s > after]
        eq([m["seq"] for m in other.messages(len(tail), 20)], tail)
        other.none("message")


@test_stores()
def resubscribe_storm(store):
    """unsubscribe and subscribe while messages flow: still each exactly once"""
    d = Daemon(store=store, **FOREVER)
    load = Load(d, ["w1", "w2"], rate=4000, window=400)
    c = Json(d, "c")
    seen = []

    def take():
        seen.append(c.message()["seq"])

    for _ in range(quick(300, 1000)):
        c.ok("subscribe", room="lobby", after=seen[-1] if seen else 0)
        for _ in range(random.randrange(20)):
            take()
        c.ok("unsubscribe", room="lobby")
        while any(e["event"] == "message" for e in c.events):
            take()
        c.events.clear()
    load.stop()
    c.ok("subscribe", room="lobby", after=seen[-1])
    wanted = [m["seq"] for m in history(c)]
    while seen[-1] < wanted[-1]:
        take()
    eq(seen, wanted)


@test_stores()
def gap(store):
    """what retention removed is told in gap, and all the rest is delivered"""
    d = Daemon(store=store, history_max=100, history_age=0, history_bytes=0)
    c = Json(d, "ann")
    c.join()
    first = c.say("first")["seq"]
    Load(d, ["w"], count=1500, window=64).finish()

    def pruned():
        return len(history(c)) < 600
    until(pruned, 20, "retention to remove the oldest")
    c.say("one more")
    b = Json(d, "bob")
    limit = Deadline(20, "the end of the pruning")
    while True:
        left = [m["seq"] for m in history(c)]
        r = b.ok("subscribe", room="lobby", after=first)
        if left == [m["seq"] for m in history(c)]:
            break
        limit.left()
        b.ok("unsubscribe", room="lobby")
        b.sync()
        b.events.clear()
    has(r, "gap")
    eq(r["gap"]["after"], first, "gap.after")
    eq([m["seq"] for m in b.messages(len(left))], left)
    eq(r["gap"]["before"], left[0], "gap.before is the first there is")
    b.none("message")
    lacks(Json(d, "eve").ok("subscribe", room="lobby", after=left[0]), "gap")


@test()
def reset():
    """another log is told by another epoch, and read from its beginning"""
    d = Daemon(store="memory", **FOREVER)
    c = Json(d, "ann")
    epoch = c.join()["epoch"]
    c.say("old")
    d.restart()
    c = Json(d, "ann")
    r = c.join(after=10**6, epoch=epoch)
    eq(r.get("reset"), True, "reset in %r" % r)
    ok(r["epoch"] != epoch, "another epoch")
    seqs = [c.say(str(i))["seq"] for i in range(5)]
    c.messages(5)
    b = Json(d, "bob")
    eq(b.join(after=10**6, epoch=epoch).get("reset"), True)
    eq([m["seq"] for m in b.messages(5)], seqs)
    lacks(Json(d, "eve").join(after=seqs[0], epoch=r["epoch"]), "reset")


@test()
def epoch_stays():
    """a restart on the same durable log keeps its epoch and its seqs"""
    d = Daemon(store="sqlite", **FOREVER)
    c = Json(d, "ann")
    epoch = c.join()["epoch"]
    c.ok("topic", room="lobby", topic="kept")
    seqs = [c.say(str(i))["seq"] for i in range(10)]
    d.restart()
    c = Json(d, "ann")
    r = c.join(after=seqs[3], epoch=epoch)
    eq((r["epoch"], r["head"], r["topic"]), (epoch, seqs[-1], "kept"))
    lacks(r, "reset")
    eq([m["seq"] for m in c.messages(6)], seqs[4:])
    below(seqs[-1], c.say("next")["seq"], "seq goes on growing")


@test_stores()
def said_twice(store):
    """the same key by the same person in the same room stands once"""
    d = Daemon(store=store)
    ann, bob = Json(d, "ann"), Json(d, "bob")
    ann.join()
    bob.join()
    first = ann.say("one", key="k")
    lacks(first, "duplicate")
    again = ann.say("two", key="k")
    eq((again["seq"], again["time"], again.get("duplicate")),
       (first["seq"], first["time"], True))
    lacks(bob.say("one", key="k"), "duplicate")
    ann.join("tea")
    lacks(ann.say("one", "tea", key="k"), "duplicate")
    line = json.dumps({"cmd": "say", "room": "lobby", "text": "burst",
                       "key": "burst"})
    ann.send("".join('%s,"id":"b%d"}\n' % (line[:-1], i) for i in range(50)))
    replies = [ann.reply("b%d" % i) for i in range(50)]
    eq(len({r["seq"] for r in replies}), 1, "seqs of one key")
    eq(sum(not r.get("duplicate") for r in replies), 1, "firsts")
    eq([m["text"] for m in history(bob)], ["one", "one", "burst"])
    eq([m["text"] for m in bob.messages(3)], ["one", "one", "burst"])
    bob.none("message")


@test_stores()
def said_twice_after_reconnect(store):
    """a key is remembered across connections, and on disk across restarts"""
    d = Daemon(store=store)
    ann = Json(d, "ann")
    ann.join()
    first = ann.say("one", key="k" * 128)
    ann.reset()
    for _ in range(3):
        ann = login(d, "ann")
        ann.join()
        again = ann.say("one", key="k" * 128)
        eq((again["seq"], again.get("duplicate")), (first["seq"], True))
        ann.close()
    if store == "sqlite":
        d.restart()
        ann = Json(d, "ann")
        ann.join()
        again = ann.say("one", key="k" * 128)
        eq((again["seq"], again.get("duplicate")), (first["seq"], True))
        eq(len(history(ann)), 1)


@test_stores()
def resumed_session(store):
    """login with resume replaces the connection that may be dead already"""
    d = Daemon(store=store)
    ann = Json(d, "ann")
    ann.join()
    session = ann.login_reply["session"]
    Json(d).refused("login", "name-taken", name="ann", resume="x" * 32)
    second = Json(d)
    second.ok("login", name="ann", resume=session)
    eq(ann.event("bye")["event"], "bye")
    eq(ann.fill(Deadline(5, "close")), False, "the old one is closed")
    second.join()
    second.say("here")
    second.message()


if __name__ == "__main__":
    main()
