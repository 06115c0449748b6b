#!/usr/bin/env python3
"""What is taken out of the daemon, put back, and taken away for good:
partylinectl backup, export, import and erase."""

import hashlib
import json
import os
import shutil
import signal
import stat

from client import PASSWORD, Json, Program, history, registered
from control import CTL, ctl, ctl_json, run_ctl, socket_of
from daemon import Daemon
from harness import (contains, eq, lacks, main, ok, quick, tempdir, test,
                     until)


def daemon(**more):
    return Daemon(**dict({"store": "sqlite", "auth_cost": "minimal"}, **more))


def refused(d, *words, given="", status=1):
    """It is refused: what it says of that."""
    got, out, err = run_ctl("-s", socket_of(d), *words, given=given)
    eq(got, status, "status of %s" % (words,))
    eq(out, "")
    return err


def say_many(c, texts, room="lobby"):
    """Some at a time; the seqs."""
    seqs = []
    for at in range(0, len(texts), 20):
        posted = [c.post("say", room=room, text=text)
                  for text in texts[at:at + 20]]
        seqs += [c.reply(number)["seq"] for number in posted]
    return seqs


def restored(path):
    """A daemon that goes on from a backup, as partylinectl(8) has it."""
    state_dir = tempdir()
    shutil.copy(path, state_dir + "/partyline.db")
    return daemon(state_dir=state_dir)


# Backup -------------------------------------------------------------------

@test()
def backup():
    """a backup starts, has all that was answered before, and is another log"""
    d = daemon()
    ctl(d, "register", "ann", given=PASSWORD + "\n")
    c = Json(d, "bob")
    first = c.join()
    seqs = say_many(c, ["text %d" % i for i in range(200)])
    path = tempdir() + "/copy.db"
    contains(ctl(d, "backup", path), "bytes")
    eq(stat.S_IMODE(os.stat(path).st_mode), 0o600)
    eq(os.listdir(os.path.dirname(path)), ["copy.db"])
    say_many(c, ["later"])
    contains(refused(d, "backup", path), "there already")
    before = os.stat(path).st_ino
    eq(ctl_json(d, "backup", "-f", path)["ok"], True)
    ok(os.stat(path).st_ino != before, "it is another file")
    copy = restored(path)
    back = Json(copy)
    back.ok("login", name="ann", password=PASSWORD)
    again = back.ok("subscribe", room="lobby", after=seqs[3],
                    epoch=first["epoch"])
    eq(again["reset"], True)
    eq([m["text"] for m in history(back)],
       ["text %d" % i for i in range(200)] + ["later"])


def halfway(d, path):
    """A backup that has begun, is not done, and is stopped; at SIGCONT it
    goes on."""
    def begun():
        p = Program(CTL, "-s", socket_of(d), "backup", path)
        until(lambda: p.process.poll() is not None or (
            os.path.exists(path + ".tmp") and
            os.stat(path + ".tmp").st_size > 0), 20, "it has begun")
        p.process.send_signal(signal.SIGSTOP)
        until(lambda: _state(p.pid) in "TZ", 10, "it has stopped")
        if not os.path.exists(path):
            return p
        p.process.send_signal(signal.SIGCONT)   # it was too quick
        eq(p.wait_end(), 0)
        os.remove(path)
        return None
    return until(begun, 60, "a backup that is halfway")


def _state(pid):
    with open("/proc/%d/stat" % pid) as f:
        return f.read().rpartition(")")[2].split()[0]


@test(timeout=180)
def backup_meanwhile():
    """while a backup is on its way all is said as before; it has none of it"""
    d = daemon(max_line="64K", max_text="20K", stream_bytes="1M")
    c = Json(d, "bob")
    c.join()
    count = quick(600, 3000)
    say_many(c, ["%06d" % i + "x" * 16000 for i in range(count)])
    path = tempdir() + "/copy.db"
    p = halfway(d, path)
    said = ["meanwhile %d" % i for i in range(500)]
    for text in said[:50]:          # one by one, each committed
        c.say(text)
    say_many(c, said[50:])
    p.process.send_signal(signal.SIGCONT)
    eq(p.wait_end(60), 0)
    copy = restored(path)
    texts = [m["text"][:12] for m in history(Json(copy, "eve"))]
    eq(len(texts), count)
    eq(texts[-1], "%06dxxxxxx" % (count - 1))
    eq(len(history(c)), count + 500)


@test(timeout=120)
def backup_killed():
    """what a backup that ends early leaves is no backup, or nothing"""
    d = daemon(max_line="64K", max_text="20K", stream_bytes="1M")
    c = Json(d, "bob")
    c.join()
    say_many(c, ["x" * 16000] * quick(600, 3000))
    path = tempdir() + "/copy.db"
    p = halfway(d, path)
    p.process.terminate()
    p.process.send_signal(signal.SIGCONT)
    eq(p.wait_end(), 128 + signal.SIGTERM)
    eq(os.listdir(os.path.dirname(path)), [])
    p = halfway(d, path)
    p.process.kill()
    p.wait_end()
    lacks(os.listdir(os.path.dirname(path)), "copy.db")
    contains(refused(d, "backup", path), "remove it")
    os.remove(path + ".tmp")
    ctl(d, "backup", path)


@test()
def backup_of_nothing():
    """a store in memory has nothing to copy; a daemon that is down has"""
    d = daemon(store="memory")
    path = tempdir() + "/copy.db"
    contains(refused(d, "backup", path), "store is memory")
    contains(refused(d, "backup", "/nowhere/at/all"), "store is memory")
    d = daemon()
    c = Json(d, "bob")
    c.join()
    c.say("hi")
    contains(refused(d, "backup", "/nowhere/at/all"), "No such file")
    d.kill()
    contains(refused(d, "backup", path, status=3), "no daemon is running")
    words = ["-n", "-o", "state_dir=" + d.state_dir, "-o", "store=sqlite"]
    status, _, err = run_ctl(*words, "backup", path)
    eq((status, err), (0, ""))
    d.start()
    eq([m["text"] for m in history(Json(d, "bob"))], ["hi"])
    eq([m["text"] for m in history(Json(restored(path), "bob"))], ["hi"])


# Erasing ------------------------------------------------------------------

def files_of(d):
    """All bytes of the database, and of its index of words."""
    data = b""
    for name in os.listdir(d.state_dir):
        if name.startswith("partyline.") and not name.endswith("-shm"):
            with open(os.path.join(d.state_dir, name), "rb") as f:
                data += f.read()
    return data


def _erased(d, c, bob, seqs):
    """What must be so from the answer on."""
    page = history(bob)
    eq([m["text"] for m in page if m["from"] == "bob" and "text" in m],
       ["bobs own"])
    gone = [m for m in page if m["from"] == "Ann"]
    eq([m["seq"] for m in gone], seqs)
    eq([m.get("redacted") for m in gone], [True] * len(seqs))
    eq(ctl_json(d, "accounts", "ann")["accounts"], [])


@test(timeout=120)
def erase():
    """an account is erased: sessions, facts, inbox, roles, texts; also behind
    a SIGKILL; the name is free"""
    d = daemon()
    ctl(d, "register", "Ann", given=PASSWORD + "\n")
    ctl(d, "op", "ann")
    ann, bob = Json(d), Json(d, "bob")
    ann.ok("login", name="ann", password=PASSWORD)
    ann.ok("token", label="bot")
    ann.join("dev")
    ann.ok("configure", room="dev", private=True)
    ann.join()
    bob.join()
    seqs = say_many(ann, ["secret%d of Ann" % i for i in range(quick(300,
                                                                     3000))])
    bob.say("bobs own")
    bob.ok("tell", to="ann", text="an inbox secret")
    ann.message(text="an inbox secret")
    status, out, err = run_ctl("-s", socket_of(d), "erase", "account", "ann")
    eq((status, out), (1, ""))
    contains(err, "nothing was erased")
    eq(run_ctl("-s", socket_of(d), "erase", "ann")[0], 2)
    eq(run_ctl("-s", socket_of(d), "erase", "-y", "account")[0], 2)
    contains(ctl(d, "erase", "-y", "account", "ann"), "ended 1 connection")
    eq(ann.event("bye")["reason"], "kicked")
    _erased(d, ann, bob, seqs)
    d.kill()
    d.start()
    bob = Json(d, "bob")
    _erased(d, ann, bob, seqs)
    eq(ctl_json(d, "audit", "1")["audit"][0]["act"], "erase")
    until(lambda: b"of Ann" not in files_of(d), 60, "the texts gone from disk")
    until(lambda: b"inbox secret" not in files_of(d), 60, "the inbox gone")
    guest = Json(d, "ann")
    guest.refused("subscribe", "private", room="dev")
    guest.ok("register", password="another person")
    guest.sync()
    guest.none("message")
    guest.close()
    d.kill()
    d.start()
    again = Json(d)
    r = again.ok("login", name="ann", password="another person")
    lacks(r, "operator")
    eq(r["rooms"], [])
    again.refused("subscribe", "private", room="dev")
    contains(refused(d, "erase", "-y", "account", "nobody"), "no account")
    contains(refused(d, "erase", "account", "nobody"), "no account")


@test(timeout=120)
def index_in_the_sandbox():
    """words of what is redacted or erased leave an index of many words, too,
    whatever SQLite has to put aside for that"""
    d = daemon(rate=0)
    ann, bob = registered(d, "ann"), Json(d, "bob")
    for c in ann, bob:
        c.join()
    texts = ["words as filler number%d and what%d" % (n, n * 7)
             for n in range(1500)]
    texts[500], texts[900] = "quaggapass it was", "okapipass it was"
    seq = say_many(ann, texts)[500]
    for word in "quaggapass", "okapipass":
        until(lambda: len(bob.ok("search", query=word)["messages"]) == 1,
              60, "it to be found")
    ann.ok("redact", room="lobby", seq=seq)
    until(lambda: b"quaggapass" not in files_of(d), 60, "the word gone")
    ok(b"okapipass" in files_of(d), "the other is not")
    ctl(d, "erase", "-y", "account", "ann")
    until(lambda: b"okapipass" not in files_of(d), 60, "all words gone")
    eq(d.log.records("store-index-failing"), [])


@test()
def erase_asked():
    """at a terminal it is asked for, and anything but yes is no"""
    d = daemon(store="memory")
    ctl(d, "register", "ann", given=PASSWORD + "\n")
    for answer, status in (("\n", 1), ("no\n", 1), ("y\n", 0)):
        t = Program(CTL, "-s", socket_of(d), "erase", "account", "ann",
                    terminal=True)
        t.until(rb"\[y/N\] ")
        eq(len(ctl_json(d, "accounts")["accounts"]), 1)
        t.send(answer)
        eq(t.wait_end(), status)
    eq(ctl_json(d, "accounts")["accounts"], [])


# Exports ------------------------------------------------------------------

def export(d, *words):
    """Its lines."""
    return [json.loads(line) for line in
            ctl(d, "export", *words, timeout=60).splitlines()]


def plain(lines):
    """Without what another export has otherwise: numbers, id and its time."""
    new = {}
    out = []
    for line in lines:
        line = dict(line)
        if "seq" in line:
            new[str(line["seq"])] = "n%d" % len(new)
            line.pop("seq")
        if "partyline" in line:
            line.pop("id")
            line.pop("time")
        if line.get("kind") == "redact":
            target, _, rest = line["text"].partition(" ")
            line["text"] = "%s %s" % (new.get(target), rest)
        if line.get("fact", "").startswith("seen/"):
            line["value"] = new.get(str(line["value"]))
        out.append(line)
    return out


def write(lines):
    path = tempdir() + "/export"
    with open(path, "w") as f:
        for line in lines:
            f.write(line if isinstance(line, str) else json.dumps(line))
            f.write("\n")
    return path


def village():
    """A daemon with a room in which much has happened."""
    d = daemon(history_max=100000)
    ctl(d, "register", "Ann", given=PASSWORD + "\n")
    ann, bob = Json(d), Json(d, "bob")
    ann.ok("login", name="ann", password=PASSWORD)
    ann.join("dev")
    ann.ok("topic", room="dev", topic="tö\u202fpic")
    bob.join("dev")
    seqs = say_many(bob, ["\u00e9 %d \"q\"" % i for i in range(1200)], "dev")
    ann.ok("redact", room="dev", seq=seqs[3], reason="why not")
    ann.ok("say", room="dev", text="waves", kind="action")
    ann.ok("configure", room="dev", moderated=True)
    ann.ok("mute", room="dev", name="bob", reason="quiet", **{"for": 3600})
    for text in ("one", "two"):
        bob.ok("tell", to="ann", text=text)
        seq = ann.message(text=text)["seq"]
    ann.ok("seen", room="@ann", seq=seq)
    bob.ok("tell", to="ann", text="three")
    ann.message(text="three")
    ann.ok("tell", to="bob", text="hello bob")
    ann.close()
    until(lambda: ctl_json(d, "status")["users"] == 1, 10, "ann is gone")
    bob.ok("tell", to="ann", text="four")
    bob.close()
    until(lambda: ctl_json(d, "status")["users"] == 0, 10, "both are gone")
    return d


@test(timeout=180)
def round_trip():
    """what is exported and imported elsewhere is exported again: the same but
    for its numbers"""
    d = village()
    room, account = export(d, "room", "DEV"), export(d, "-p", "account", "ann")
    eq(room[0]["name"], "dev")
    eq(room[0]["topic"], "tö\u202fpic")
    eq([line.get("redacted") for line in room].count(True), 1)
    ok(room[-1]["end"], "its end")
    for path in (write(room), write(account)):
        contains(refused(d, "import", path), "There is a")
    other = daemon(history_max=100000)
    guest = Json(other, "guest")
    contains(ctl(other, "import", write(account)), "imported 4 messages")
    eq(ctl(other, "import", write(room)), "imported 1204 messages of dev\n")
    eq(plain(export(other, "room", "dev")), plain(room))
    again = export(other, "-p", "account", "ann")
    own = [line for line in account if line.get("room") in (None, "@Ann",
                                                            "dev")]
    # what was told to bob went with bob's inbox

    def essence(lines):
        return sorted(json.dumps(line, sort_keys=True) for line in lines
                      if "end" not in line and
                      not line.get("fact", "").endswith("/dev"))
    eq(essence(plain(again)), essence(plain(own)))
    guest.ok("subscribe", room="dev")
    other.kill()
    other.start()
    ann = Json(other)
    r = ann.ok("login", name="ann", password=PASSWORD)
    eq([k["room"] for k in r["rooms"]], ["dev"])
    eq(ann.event("message")["text"], "four")    # the others had reached her
    ann.join("dev")
    ann.ok("configure", room="dev", moderated=False)
    guest = Json(other, "bob")
    guest.join("dev")
    guest.refused("say", "muted", room="dev", text="let me")


@test(timeout=120)
def without_secrets():
    """an export has no hashes, and such an account no password"""
    d = village()
    account = export(d, "account", "ann")
    lacks(json.dumps(account), "argon2")
    other = daemon()
    ctl(other, "import", "-", given="\n".join(map(json.dumps, account)) + "\n")
    Json(other).refused("login", "bad-password", name="ann", password=PASSWORD)
    ctl(other, "passwd", "ann", given="another one\n")
    Json(other).ok("login", name="ann", password="another one")
    # a room's roles of who is not there would be a stranger's
    other = daemon()
    ctl(other, "import", write(export(d, "room", "dev")))
    eq([line["fact"] for line in export(other, "room", "dev")
        if "fact" in line and "set/" not in line["fact"]],
       ["mute/dev/n:bob"])


@test(timeout=120)
def import_cut_short():
    """an import that was cut short goes on where it was: nothing is missing
    or twice; wrong lines are told"""
    d = village()
    room = export(d, "room", "dev")
    other = daemon(history_max=100000)
    eq(run_ctl("-s", socket_of(other), "import", "/nowhere")[0], 1)
    broken = list(room)
    broken[1000] = "{nonsense"
    err = refused(other, "import", write(broken))
    contains(err, ":1001: ")
    contains(err, "all lines up to 1000 are imported; mend line 1001")
    status, out, _ = run_ctl("-s", socket_of(other), "-j", "import",
                             write(broken))
    eq(status, 1)
    answer = json.loads(out)
    eq((answer["ok"], answer["line"], answer["stored"]), (False, 1001, 1000))
    other.kill()
    other.start()
    contains(refused(other, "import", write(room[:1100])), "cut short")
    contains(ctl(other, "import", write(room)), "from line 1101 on")
    contains(refused(other, "import", write(room)), "There is a room #dev")
    got = export(other, "room", "dev")
    texts = [m["text"] for m in got if m.get("kind") == "text" and "text" in m]
    eq(texts, [m["text"] for m in room
               if m.get("kind") == "text" and "text" in m])
    for wrong, why in (
            (dict(room[20], time="yesterday"), "the time is none"),
            (dict(room[20], kind="shout"), "the kind is unknown"),
            (dict(room[20], **{"from": "a b"}), "that is no name"),
            (dict(room[20], text=""), "there is no text"),
            ("[]", "that is no object")):
        third = daemon()
        err = refused(third, "import", write(room[:20] + [wrong]))
        contains(err, ":21: ")
        contains(err, why)
    contains(refused(third, "import", write(room[1:])), "no export")
    err = refused(third, "import", write([]))
    contains(err, "the file is empty")
    contains(err, "nothing was imported")
    lacks(err, "cut short")


@test(timeout=120)
def import_while_in_it():
    """whoever is in a room is given what is merged into it, once, in order"""
    d = village()
    room = export(d, "room", "dev")
    other = daemon(history_max=100000)
    bob = Json(other, "bob")
    bob.join("dev")
    bob.say("before", "dev")
    out = ctl(other, "import", "-m", write([line for line in room
                                            if "fact" not in line]))
    acts = [m for m in room if "seq" in m and
            m["kind"] not in ("text", "action", "notice")]
    ok(len(acts) > 2, acts)
    contains(out, "left out %d acts" % len(acts))
    bob.say("after", "dev")
    wanted = ["before"] + [m["text"] for m in room if m.get("kind") in
                           ("text", "action") and "text" in m] + ["after"]
    got = []
    while not got or got[-1] != "after":
        m = bob.event("message")
        if "text" in m:
            got.append(m["text"])
    eq(got, wanted)
    bob.sync()
    bob.none("redact")
    bob.none("configure")


EVIL = "\x1b]0;evil\x07\nforged"


def of_room(name, *lines, **more):
    """An export of a room with these lines."""
    return write([dict({"partyline": 1, "export": "room", "name": name,
                        "id": name}, **more)] + list(lines) +
                 [{"end": True}])


def of_account(name, *facts):
    return write([{"partyline": 1, "export": "account", "name": name,
                   "id": "of " + name}] +
                 [{"fact": key, "value": value} for key, value in facts] +
                 [{"end": True}])


def message(**more):
    return dict({"seq": 1, "time": "2026-11-24T20:45:56.123Z", "from": "ann",
                 "kind": "text", "text": "hi"}, **more)


@test()
def import_hostile():
    """what a file brings is what commands make: nothing of it drives a
    terminal, forges an event, or sets what nobody may set"""
    d = daemon()
    ctl(d, "import", of_room(
        "t", {"fact": "ban/t/n:zed",
              "value": {"by": "ann", "reason": EVIL, "at": 1, "until": 0,
                        "name": "zed"}},
        message(kind="kicked", to="bob", text="60 " + EVIL),
        message(kind="configure", text='{"pace":5}'), topic=EVIL))
    bob = Json(d, "bob")
    entered = bob.ok("subscribe", room="t", after=0)
    kicked = bob.event("kicked")
    banned = Json(d, "zed").refused("subscribe", "banned", room="t")
    for said in (entered["topic"], kicked["reason"], banned["message"]):
        contains(said, "\ufffd]0;evil\ufffd\ufffdforged")
    eq(bob.event("configure")["pace"], 5)
    for n, (line, why) in enumerate((
            ({"fact": "set/n/pace", "value": -5}, "not what a command"),
            ({"fact": "set/n/pace", "value": 99999999999}, "not what a"),
            ({"fact": "ban/n/n:zod", "value": []}, "not what a command"),
            ({"fact": "ban/n/n:zod", "value": {"by": EVIL}}, "not what a"),
            (message(kind="configure", text="not json"), "an object of"),
            (message(kind="configure", text='{"private":true},"from":"x"'),
             "an object of"),
            (message(kind="role", to="bob", text="op" + EVIL), "no role"))):
        err = refused(d, "import", of_room("n%d" % n, line))
        contains(err, ":2: ")
        contains(err, why)
    contains(refused(d, "import", of_room("l\u043ebby", message())),
             "looks like #lobby")


@test()
def import_into_an_account():
    """-m brings an account that is there messages, and no way into it"""
    d = daemon()
    ctl(d, "register", "opr", given=PASSWORD + "\n")
    ctl(d, "op", "opr")
    token = "planted"
    digest = hashlib.blake2b(token.encode(), digest_size=32).hexdigest()
    out = ctl(d, "import", "-m", of_account(
        "opr", ("account/opr", {"name": "opr", "created": 1, "hash": ""}),
        ("token/opr/x", {"hash": digest, "created": 1, "expires": 0}),
        ("ignore/opr/ann", {"name": "ann", "at": 1}),
        ("kept/opr/dev", 1), ("talks/opr", "dev")))
    contains(out, "left out 5 facts")
    Json(d).refused("login", "bad-password", name="opr", token=token)
    opr = Json(d)
    eq(opr.ok("login", name="opr", password=PASSWORD)["rooms"], [])
    eq(opr.ok("ignored")["ignored"], [])
    eq(opr.ok("tokens")["tokens"], [])


main()
