#!/usr/bin/env python3
"""Accounts: names that stay one's own, passwords, tokens, inboxes."""

import glob
import os

from client import Json, registered
from daemon import Daemon, need_web
from harness import eq, lacks, main, ok, test, until
from others import Shim
from upgrade import Upgradable
from websocket import Web

KEPT = {"auth_cost": "minimal", "store": "sqlite"}


def back(d, name, password="correct horse", **more):
    c = Json(d)
    return c, c.ok("login", name=name, password=password, **more)


def alone(c):
    until(lambda: len(c.ok("who")["members"]) == 1, 10, "the others gone")


@test()
def revoked_who_stays():
    """with stay, a token goes and those who came in by it do not, nor by the
    next one's end"""
    d = Daemon(**KEPT)
    ann, bot = registered(d, "ann"), Json(d)
    token = ann.ok("token", label="one")["token"]
    bot.ok("login", name="ann", token=token)
    ann.ok("revoke", label="one", stay=True)
    Json(d).refused("login", "bad-password", name="ann", token=token)
    bot.join()
    ann.ok("token", label="two")
    ann.ok("revoke", label="two")
    bot.say("here")
    ann.refused("revoke", "bad-argument", label="one", stay="yes")


@test()
def register_and_return():
    """a registered name is its owner's, also after a restart"""
    d = Daemon(**KEPT)
    ann = registered(d, "Ann")
    ann.refused("register", "name-registered", password="something else")
    ann.close()
    Json(d).refused("login", "name-registered", name="aNN")
    d.kill()
    d.start()
    Json(d).refused("login", "name-registered", name="ann")
    c, r = back(d, "ann")
    eq((r["name"], r["guest"]), ("Ann", False))
    eq(len(r["created"]), len("2026-11-22T06:33:00.123Z"))
    eq(back(d, "ann")[1]["created"], r["created"], "it stays")
    ok("created" not in Json(d, "guest").login_reply, "of a guest")
    wrong = Json(d)
    a = wrong.refused("login", "bad-password", name="ann", password="nope")
    b = wrong.refused("login", "bad-password", name="nobody", password="x")
    eq(a["message"], b["message"], "the message")


@test()
def typed_elsewhere():
    """a password is the same composed, decomposed, and with another space"""
    d = Daemon(**KEPT)
    ann = Json(d, "ann")
    ann.ok("register", password="cafe\u0301 creme")
    back(d, "ann", "caf\u00e9 creme")
    back(d, "ann", "cafe\u0301\u00a0creme")
    Json(d).refused("login", "bad-password", name="ann",
                    password="cafe creme")
    ann.ok("passwd", old="caf\u00e9 creme", new="\u00c5ngstr\u00f6ms")
    back(d, "ann", "A\u030angstro\u0308ms")
    ann.refused("passwd", "bad-argument", new="a\tpassword",
                old="\u00c5ngstr\u00f6ms")


@test()
def no_account_costs_the_same():
    """where auth_cost has changed, the password of a name without an account
    costs what accounts' passwords do, and the same one each time"""
    def cost(name):
        Json(d).refused("login", "bad-password", name=name, password="wrong")
        return shim.hashed()

    old, new = 8 << 20, 64 << 20
    shim = Shim()
    d = Upgradable(environment=shim.environment, sandbox="no", login_tries=0,
                   register_max=0, auth_cost="minimal")
    eq(cost("nobody"), old)
    for name in ("ann", "bob", "cat", "dan"):
        registered(d, name).close()
    d.stop()
    d.options["auth_cost"] = "interactive"
    d.start()
    names = ["name%d" % i for i in range(24)]
    eq([cost(name) for name in ["ann", "nobody"] + names], 26 * [old])
    for name in ("ann", "bob"):
        back(d, name)
    until(lambda: (cost("ann"), cost("bob")) == (new, new), 20,
          "their new hashes")
    eq(cost("cat"), old)
    first = [cost(name) for name in names]
    eq(set(first), {old, new})
    for end in (d.stop, d.kill, d.upgrade):
        end()
        if end != d.upgrade:
            d.start()
        eq([cost(name) for name in names], first)
    for name in ("cat", "dan"):
        back(d, name)
    until(lambda: {cost(name) for name in names} == {new}, 60, "all are new")


@test()
def what_follows_a_password():
    """commands sent behind a login with a password are its owner's"""
    d = Daemon(**KEPT)
    registered(d, "ann").close()
    c = Json(d)
    posted = [c.post("login", name="ann", password="correct horse"),
              c.post("subscribe", room="lobby"),
              c.post("say", room="lobby", text="hi")]
    for number in posted:
        ok(c.reply(number)["ok"], "reply %d" % number)


@test()
def tokens():
    """a token logs in until it is revoked, and is kept as a hash alone"""
    d = Daemon(**KEPT)
    ann = registered(d, "ann")
    token = ann.ok("token", label="bot")["token"]
    eq([t["label"] for t in ann.ok("tokens")["tokens"]], ["bot"])
    bot = Json(d)
    eq(bot.ok("login", name="ann", token=token)["guest"], False)
    d.kill()
    for path in glob.glob(os.path.join(d.state_dir, "partyline.*")):
        with open(path, "rb") as f:
            lacks(f.read(), token.encode())
    d.start()
    bot = Json(d)
    bot.ok("login", name="ann", token=token)
    ann, _ = back(d, "ann")
    bot.ok("revoke", label="bot")
    eq(bot.event("bye")["reason"], "revoked")
    Json(d).refused("login", "bad-password", name="ann", token=token)
    ann.ok("ping")


@test()
def revoked():
    """who came in by a token goes with it, after an upgrade and a resume too,
    and nobody else"""
    d = Upgradable(**KEPT)
    ann = registered(d, "ann")
    token = ann.ok("token", label="bot")["token"]
    other = ann.ok("token", label="other")["token"]
    bot, dice = Json(d), Json(d)
    secret = bot.ok("login", name="ann", token=token)["session"]
    dice.ok("login", name="ann", token=other)
    d.upgrade()
    heir = Json(d)
    heir.ok("login", name="ann", resume=secret)
    eq(bot.event("bye")["reason"], "replaced")
    ann.ok("token", label="bot")
    bye = heir.event("bye")
    eq((bye["reason"], bye["reconnect"]), ("revoked", False))
    heir.to_end()
    for c in (ann, dice):
        c.ok("ping")


@test()
def inbox():
    """what is told to who is away comes at the next login, in order, once"""
    d = Daemon(**KEPT)
    registered(d, "ann").close()
    bob = Json(d, "bob")
    alone(bob)
    for text in ("one", "two"):
        eq(bob.ok("tell", to="ann", text=text)["offline"], True)
    d.kill()
    d.start()
    ann, r = back(d, "ann")
    got = [ann.event("message") for _ in range(2)]
    eq([m["text"] for m in got], ["one", "two"])
    eq(got[0]["room"], "@ann")
    ann.ok("seen", room="@ann", seq=got[1]["seq"])
    ann.close()
    Json(d, "bob").ok("tell", to="ann", text="three")
    ann, r = back(d, "ann")
    eq(ann.event("message")["text"], "three")


@test()
def once():
    """what a session was sent and has taken in does not come again"""
    d = Daemon(**KEPT)
    ann, bob = registered(d, "ann"), Json(d, "bob")
    bob.ok("tell", to="ann", text="one")
    ann.message(text="one")
    ann.close()
    alone(bob)
    bob.ok("tell", to="ann", text="two")
    ann, r = back(d, "ann")
    eq(ann.message()["text"], "two")
    d.kill()                # the mark is a second old at most: "two" again,
    d.start()               # if it was not yet stored
    ann, r = back(d, "ann")
    Json(d, "bob").ok("tell", to="ann", text="three")
    while ann.message()["text"] != "three":
        pass
    ann.ok("quit")
    ann, r = back(d, "ann")
    Json(d, "carl").ok("tell", to="ann", text="four")
    eq(ann.message()["text"], "four")


@test()
def marks_by_itself():
    """who tells itself what was seen gets the rest again"""
    d = Daemon(**KEPT)
    registered(d, "ann").close()
    bob = Json(d, "bob")
    alone(bob)
    ann, r = back(d, "ann", marks=True)
    told = [bob.ok("tell", to="ann", text=t)["seq"] for t in ("1", "2")]
    eq([m["text"] for m in ann.messages(2)], ["1", "2"])
    ann.ok("seen", room="@ann", seq=told[0])
    ann.ok("quit")
    ann, r = back(d, "ann", marks=True)
    eq(ann.message()["text"], "2")


@test()
def what_never_arrived():
    """what a peer has not taken in when it is gone comes again"""
    d = Daemon(**KEPT)
    registered(d, "ann").close()
    deaf = Json(d, rcvbuf=4096)
    deaf.ok("login", name="ann", password="correct horse")
    bob = Json(d, "bob")
    texts = ["%d " % i + "x" * 4000 for i in range(300)]
    for text in texts:
        bob.ok("tell", to="ann", text=text)
    deaf.close()
    until(lambda: len(bob.ok("who")["members"]) == 1, 10, "ann gone")
    ann, r = back(d, "ann")
    eq([m["text"] for m in ann.messages(len(texts))][-1], texts[-1])


@test()
def once_by_any_way():
    """a say or tell repeated by its key stands once, on whatever carrier"""
    need_web()
    d = Daemon(**KEPT)
    ann = registered(d, "ann")
    registered(d, "bob").close()
    ann.ok("subscribe", room="lobby")
    said = ann.ok("say", room="lobby", text="hi", key="k1")["seq"]
    told = ann.ok("tell", to="bob", text="hi", key="k1")["seq"]
    d.kill()
    d.start()
    for kind in (Json, Web):
        c = kind(d)
        c.ok("login", name="ann", password="correct horse")
        c.ok("subscribe", room="lobby")
        again = c.ok("say", room="lobby", text="hi", key="k1")
        eq((again["seq"], again["duplicate"]), (said, True))
        again = c.ok("tell", to="bob", text="hi", key="k1")
        eq((again["seq"], again["duplicate"]), (told, True))
    bob, r = back(d, "bob")
    eq(bob.message()["seq"], told)
    bob.sync()
    bob.none("message")


@test()
def kept_rooms():
    """an account is told which rooms it was in, and what is unread there"""
    d = Daemon(**KEPT)
    ann, bob = registered(d, "ann"), Json(d, "bob")
    for c in (ann, bob):
        c.ok("subscribe", room="lobby")
    ann.ok("subscribe", room="dev")
    ann.ok("unsubscribe", room="dev")
    seq = bob.ok("say", room="lobby", text="1")["seq"]
    ann.ok("seen", room="lobby", seq=seq)
    ann.close()
    for i in range(3):
        bob.ok("say", room="lobby", text=str(i))
    ann, r = back(d, "ann")
    eq(r["rooms"], [{"room": "lobby", "seen": seq, "unread": 3,
                     "role": "owner"}])


main()
