#!/usr/bin/env python3
"""The control socket and partylinectl: what they tell and do, for whom, and
what they withstand."""

import json
import os
import select
import signal
import subprocess
import unicodedata

from client import NAME_PROMPT, Json, Person, Raw
from control import (CTL, Control, ctl, ctl_json, run_ctl, shown,
                     socket_of)
from daemon import BINARY, Daemon, as_user
from harness import (Deadline, Skip, below, contains, cpu, eq, has, lacks,
                     main, need, need_root, ok, quick, readable, rss,
                     sanitized, tempdir, test, until)

NOBODY = 65534


@test()
def status():
    """status shows the daemon, its listeners and who is there"""
    d = Daemon(server_name="dörf")
    ann, bob = Json(d, "ann"), Json(d, "bob")
    ann.join()
    Raw(d)
    until(lambda: ctl_json(d, "status")["clients"] == 3, 10, "3 clients")
    s = ctl_json(d, "status")
    has(s, "version", "uptime", "store")
    eq((s["server"], s["pid"], s["state"]), ("dörf", d.pid, "serving"))
    eq((s["users"], s["rooms"], s["listen"]), (2, 1, [
        "auto 127.0.0.1:%d" % d.port]))
    eq(sum(loop["clients"] for loop in s["loops"]), 3)
    eq(len(s["loops"]), 2)
    eq(s["inboxes"], 0)
    ann.ok("tell", to="bob", text="psst")
    until(lambda: ctl_json(d, "status")["inboxes"] == 1, 10, "an inbox")
    eq(ctl_json(d, "status")["rooms"], 1)
    out = ctl(d, "status")
    for line in ("rooms    1", "inboxes  1","server   dörf", "pid      %d" % d.pid, "users    2"):
        contains(out.splitlines(), line)
    bob.close()
    until(lambda: ctl_json(d, "status")["users"] == 1, 10, "bob is gone")


@test()
def status_of_listeners():
    """status has the ports that the system chose, each with its listener"""
    path = tempdir() + "/socket"
    d = Daemon(listen=["json 127.0.0.1:0", "text " + path, "text [::1]:0"])
    eq(ctl_json(d, "status")["listen"],
       ["json 127.0.0.1:%d" % d.address(0)[1], "text unix:" + path,
        "text [::1]:%d" % d.address(2)[1]])
    eq(ctl_json(d, "status")["state_dir"], d.state_dir)


@test()
def past_errors():
    """the daemon is found past what is wrong in the configuration, which
    reload tells"""
    d = Daemon()
    path = tempdir() + "/conf"
    with open(path, "w") as f:
        f.write("nonsense = 7\n rate = \"what\"\n"
                "state_dir = \"%s\"\nmotd = \"never closed" % d.state_dir)
    for words in (("-f", path), ("-n", "-o", "rate=what", "-o",
                                 "state_dir=" + d.state_dir)):
        status, out, err = run_ctl(*words, "-j", "status")
        eq((status, err), (0, ""))
        eq(json.loads(out)["pid"], d.pid)
    d.kill()
    status, out, err = run_ctl("-f", path, "status")
    eq((status, out), (3, ""))
    contains(err, "conf:4: ")
    contains(err, "no daemon is running at " + d.state_dir)
    with open(path, "w") as f:
        f.write("control = 7\nrate = 5\n")
    status, out, err = run_ctl("-f", path, "status")
    eq((status, out), (1, ""))
    contains(err, ":1: control")
    d.start()


@test()
def reload_with_errors():
    """reload is asked of the daemon, whatever partylinectl makes of the file"""
    path = tempdir() + "/conf"
    d = Daemon(rate=None)
    d.stop()
    d.arguments = ["-f", path]
    with open(path, "w") as f:
        f.write("rate = 5\n")
    d.start()
    with open(path, "w") as f:
        f.write("rate = x\n")
    status, out, err = run_ctl("-f", path, "-o", "state_dir=" + d.state_dir,
                               "reload")
    eq((status, out), (1, ""))
    contains(err, path + ":1: rate")
    d.log.wait("reload-failed")


def _columns(text):
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1
               for c in text)


@test()
def tables():
    """rooms and who are aligned, whatever the names are written in"""
    d = Daemon()
    ann, bob = Json(d, "änn"), Json(d, "山田太郎")
    ann.join("short")
    bob.join("茶室")
    bob.ok("topic", room="茶室", topic="お茶をどうぞ")
    bob.ok("away", text="tea")
    lines = ctl(d, "rooms").splitlines()
    eq(len(lines), 3)
    at = lines[0].index("MEMBERS")
    for line in lines[1:]:
        room, members = line.split()[:2]
        eq((_columns(line[:line.index(members, len(room))]), members),
           (at, "1"), "the column of members in %r" % line)
    contains(lines[2], "お茶をどうぞ")
    lines = ctl(d, "who").splitlines()
    at = lines[0].index("ROLE")
    eq([_columns(line[:line.index(" - ") + 1]) for line in lines[1:]],
       [at, at])
    ok(lines[2].endswith("tea"), lines[2])
    contains(ctl(d, "who", "茶室"), "owner")
    lacks(ctl(d, "who", "茶室"), "änn")
    eq(ctl(d, "rooms", "SHORT").splitlines()[1], "short  1")
    eq(len(ctl(d, "rooms", "nothing").splitlines()), 1)


@test(timeout=120)
def long_lists():
    """lists longer than a page come whole"""
    d = Daemon(max_rooms=1000)
    c = Json(d, "owner")
    rooms = ["room%d" % i for i in range(450)]
    ids = [c.post("subscribe", room=room) for room in rooms]
    for number in ids:
        eq(c.reply(number)["ok"], True)
    names = ["u%d" % i for i in range(quick(520, 1100))]
    people = [Json(d, name) for name in names]
    got = ctl_json(d, "rooms")
    eq(sorted(r["room"] for r in got["rooms"]), sorted(rooms))
    lacks(got, "next")
    eq(sorted(m["name"] for m in ctl_json(d, "who")["members"]),
       sorted(names + ["owner"]))
    eq(len(ctl(d, "rooms").splitlines()), 451)
    ok(people, "they stayed")


@test()
def notice():
    """a notice reaches everybody who is logged in, and no terminal obeys it"""
    d = Daemon(greet_delay=10)
    ann, person, outside = Json(d, "ann"), Person(d, "bob"), Raw(d)
    outside.until(NAME_PROMPT)
    eq(ctl(d, "notice", "back", "in\x1b[2J five", "minutes"),
       "told 2 clients\n")
    text = "back in\ufffd[2J five minutes"
    eq(ann.event("notice")["text"], text)
    person.see(rb"\d\d:\d\d -- " + text.encode().replace(b"[", rb"\["))
    ann.sync()
    ok(not readable(outside, 0), "who is not logged in is told nothing")
    eq(ctl(d, "notice", "--help", "is", "one"), "told 2 clients\n")
    eq(ann.event("notice")["text"], "--help is one")
    for bad in ("", "x" * 513):
        status, _, err = run_ctl("-s", socket_of(d), "notice", bad)
        eq(status, 1)
        ok(err, "it says why")
    eq(ctl_json(d, "notice", "é" * 256)["clients"], 2)


@test()
def notice_to_a_full_client():
    """a client that reads nothing is told until its bound, and no further"""
    d = Daemon()
    deaf = Json(d, "deaf", rcvbuf=4096)
    c = Control(d)
    for _ in range(quick(3000, 10000)):
        if c.ask("notice", text="x" * 512)["clients"] == 0:
            break
    else:
        ok(False, "its memory grows without a bound")
    Json(d, "other")
    eq(c.ask("notice", text="y" * 512)["clients"], 1)
    deaf.sync()
    ok(len(deaf.events) > 10, "it gets what it was told")


@test()
def kick():
    """kick ends all of somebody's connections, and tells the others"""
    d = Daemon()
    watch = Json(d, "watch")
    watch.join()
    one, two = Json(d, "Ann"), Json(d)
    session = one.login_reply["session"]
    one.join()
    person = Person(d, "bob")
    eq(ctl(d, "kick", "ANN"), "ended 1 connection of Ann\n")
    bye = one.event("bye")
    eq((bye["reason"], bye["reconnect"]), ("kicked", False))
    one.to_end()
    eq(watch.event("leave", name="Ann")["reason"], "kicked")
    eq(two.cmd("login", name="ann", resume=session)["ok"], True)
    ctl(d, "kick", "bob", "be", "nice")
    person.until(rb"-- You are kicked from this server: be nice\r\n"
                 rb"-- The operator has ended your connection")
    person.to_end()
    status, _, err = run_ctl("-s", socket_of(d), "kick", "bob")
    eq(status, 1)
    contains(err, "nobody of that name")
    status, out, _ = run_ctl("-s", socket_of(d), "-j", "kick", "bob")
    eq((status, json.loads(out)["error"]), (1, "no-such-user"))
    eq(run_ctl("-s", socket_of(d), "kick", "no name")[0], 1)
    eq([m["name"] for m in ctl_json(d, "who")["members"]], ["watch", "ann"])


@test()
def kick_a_client():
    """one connection of somebody's is ended, as who shows it"""
    d = Daemon(auth_cost="minimal")
    one, two = Json(d, "1.2.3"), Json(d)
    one.ok("register", password="correct horse")
    two.ok("login", name="1.2.3", password="correct horse")
    clients = ctl_json(d, "who")["members"][0]["clients"]
    eq(len(clients), 2)
    row = ctl(d, "who").splitlines()[1].split()
    eq(sorted(row[3].split(",")), sorted(map(shown, clients)))
    contains(run_ctl("-s", socket_of(d), "trace", "1.2.3")[2],
             "trace one of %s" % " ".join(map(shown, clients)))
    eq(ctl(d, "kick", shown(clients[0]), "too", "many"),
       "ended 1 connection of 1.2.3\n")
    eq(ctl_json(d, "who")["members"][0]["clients"], clients[1:])
    status, _, err = run_ctl("-s", socket_of(d), "kick", shown(clients[0]))
    eq(status, 1)
    contains(err, "no such client")
    eq(run_ctl("-s", socket_of(d), "kick", "0:0:0")[0], 1)
    eq(ctl(d, "kick", "1.2.3"), "ended 1 connection of 1.2.3\n")


@test()
def kick_while_moving():
    """who is kicked is gone, whatever they are doing"""
    d = Daemon()
    for i in range(quick(20, 100)):
        c = Json(d, "busy")
        c.join()
        for n in range(20):
            c.post("say", room="lobby", text=str(n))
        ctl(d, "kick", "busy")
        data = c.to_end()
        contains(data.splitlines()[-1], b'"kicked"', "turn %d" % i)
    eq(ctl_json(d, "who")["members"], [])
    until(lambda: ctl_json(d, "status")["clients"] == 0, 10, "no clients")


@test()
def command_line():
    """partylinectl's own errors and statuses"""
    nowhere = tempdir() + "/none"
    for words, status, wanted in (
            ([], 2, "usage"), (["stats"], 2, "perhaps status"),
            (["nonsense"], 2, "-h"), (["foo"], 2, "see partylinectl -h"),
            (["tpo"], 2, "perhaps top"), (["notice"], 2, "text"),
            (["kick"], 2, "usage: partylinectl kick name [reason]"),
            (["register"], 2, "register needs a name"),
            (["erase", "ann"], 2, "such as: partylinectl erase account ann"),
            (["export"], 2, "export of what?"),
            (["export", "lobby"], 2, "partylinectl export room lobby"),
            (["status", "x"], 2, "no argument"),
            (["-Q"], 2, "usage"), (["notice", "x" * 5000], 1, "too long"),
            (["status"], 3, "no daemon is running at " + nowhere)):
        d = Daemon() if "too long" in wanted else None
        path = socket_of(d) if d else nowhere
        got, out, err = run_ctl("-s", path, *words)
        eq((got, out), (status, ""), "partylinectl %r" % words)
        contains(err, wanted)
    eq(run_ctl("-s", "/" + "x" * 200, "status")[0], 1)
    status, out, _ = run_ctl("-h")
    eq(status, 0)
    contains(out, "reload")
    helps = out.split("Commands:\n")[1].splitlines()[:-1]
    for line in helps:      # the form, then at one column what it does
        ok(len(line) <= 80, line)
        ok("  " not in line[2:] or
           (line[25:27] == "  " and line[27:28] != " "), line)
    contains(run_ctl("-V")[1], "partylinectl ")


@test()
def finds_the_socket():
    """it finds the socket by the daemon's own options or file"""
    home = tempdir()
    d = Daemon(control=home + "/c s")
    path = home + "/conf"
    with open(path, "w") as f:
        f.write('control = "%s/c s"\n' % home)
    for words in (["-n", "-o", "control=%s/c s" % home], ["-f", path]):
        eq(run_ctl(*words, "-j", "status")[0], 0, repr(words))
    d.restart()
    eq(run_ctl("-f", path, "status")[0], 0)
    eq(run_ctl("-n", "-o", "state_dir=" + d.state_dir, "status")[0], 3)
    eq(run_ctl("-n", "-o", "control=", "status")[0], 1)
    eq(run_ctl("-f", home + "/none", "status")[0], 1)


@test()
def the_socket_itself():
    """mode 0600, gone at the end, replaced after a kill, not stolen"""
    d = Daemon()
    path = socket_of(d)
    eq(os.stat(path).st_mode & 0o777, 0o600)
    second = Daemon(control=path)
    contains(second.log.wait("no-control")["reason"], "in use")
    eq(ctl_json(d, "status")["pid"], d.pid)
    second.stop()
    eq(ctl_json(d, "status")["pid"], d.pid)
    d.kill()
    eq(run_ctl("-s", path, "status")[0], 3)
    d.start()
    eq(ctl_json(d, "status")["pid"], d.pid)
    d.stop()
    ok(not os.path.exists(path), "the socket is gone")
    eq(run_ctl("-s", path, "status")[0], 3)


@test()
def no_trace():
    """without a database the directory goes as well; without control, none"""
    place = tempdir() + "/state"
    d = Daemon(state_dir=place)
    eq(os.stat(place).st_mode & 0o777, 0o700)
    eq(sorted(os.listdir(place)), ["control", "control.handover"])
    d.stop()
    ok(not os.path.exists(place), "the directory is gone")
    d.options["control"] = ""
    d.start()
    ok(not os.path.exists(place), "no control, no directory")
    d.stop()
    d.options["control"] = "/proc/nowhere/control"
    d.start()
    d.log.wait("no-control")
    Json(d, "ann").join()
    d.stop()
    d.options["control"] = tempdir() + "/" + "x" * 120
    d.start()
    contains(d.log.wait("no-control")["reason"], "longer than")


def _as_nobody(path):
    """What nobody gets to read there, and what socat has to say."""
    done = subprocess.run(
        ["socat", "-u", "UNIX-CONNECT:" + path, "-"], cwd="/", timeout=30,
        stdin=subprocess.DEVNULL, capture_output=True, check=False,
        **as_user(NOBODY))
    return done.stdout.decode(), done.stderr.decode()


@test()
def another_user():
    """another user is refused by the mode, or else by the daemon"""
    need_root()
    need("socat")
    d = Daemon()
    path = socket_of(d)
    os.chmod(d.state_dir, 0o755)
    out, err = _as_nobody(path)
    eq(out, "")
    contains(err, "Permission denied")
    os.chmod(path, 0o666)
    answer = json.loads(_as_nobody(path)[0])
    eq((answer["ok"], answer["error"]), (False, "forbidden"))
    eq(d.log.wait("control-refused")["uid"], str(NOBODY))
    eq(ctl_json(d, "status")["clients"], 0)


def _readable_by_all(path):
    while path != "/":
        if not os.stat(path).st_mode & 0o001:
            return False
        path = os.path.dirname(path)
    return True


@test()
def another_users_daemon():
    """a daemon that is not root's obeys its user and root, nobody else"""
    need_root()
    for path in (BINARY, CTL):
        if not _readable_by_all(path):
            raise Skip("others may not run " + path)
    home = tempdir()
    os.chmod(home, 0o755)
    os.mkdir(home + "/s")
    os.chown(home + "/s", NOBODY, NOBODY)
    d = Daemon(run_as=NOBODY, state_dir=home + "/s")
    eq(os.stat(socket_of(d)).st_uid, NOBODY)
    eq(ctl_json(d, "status")["pid"], d.pid)
    for user, status in ((NOBODY, 0), (NOBODY - 1, 1)):
        done = subprocess.run(
            [CTL, "-s", socket_of(d), "-j", "status"], cwd="/", check=False,
            capture_output=True, text=True, timeout=30, **as_user(user))
        eq(done.returncode, status, "as user %d: %s" % (user, done.stderr))
    contains(done.stderr, "permission denied")


@test()
def garbage():
    """what is no request is answered, and nobody else notices"""
    d = Daemon()
    ann = Json(d, "ann")
    c = Control(d)
    for line, error in (
            (b"\n", "bad-json"), (b"hello\n", "bad-json"),
            (b"[]\n", "bad-json"), (b"{\n", "bad-json"),
            (b'{"cmd":"status","cmd":"status"}\n', "bad-json"),
            (b'{"cmd":"stat\xff"}\n', "bad-json"),
            (b'{"cmd":"st\\u0000"}\n', "bad-json"), (b"\0\0\n", "bad-json"),
            (b"[" * 4000 + b"\n", "bad-json"), (b"{}\n", "bad-argument"),
            (b'{"cmd":7}\n', "bad-argument"),
            (b'{"cmd":"explode"}\n', "unknown-command"),
            (b'{"cmd":"notice"}\n', "bad-argument"),
            (b'{"cmd":"notice","text":[]}\n', "bad-argument"),
            (b'{"cmd":"rooms","after":-1}\n', "bad-argument"),
            (b'{"cmd":"rooms","after":"x"}\n', "bad-argument"),
            (b'{"cmd":"who","room":"no room"}\n', "bad-name"),
            (b'{"cmd":"who","room":"none"}\n', "no-such-room"),
            (b'{"cmd":"kick","name":"\\u0001"}\n', "bad-name")):
        c.refused(line, error)
    eq(c.ask("rooms", after=2**62)["rooms"], [])
    eq(c.ask("who", after=2**62)["members"], [])
    eq(c.ask("status")["ok"], True)
    c.refused(b"x" * (512 * 1024 + 1), "too-long")
    eq(c.to_end(), b"")
    c = Control(d)
    try:
        c.send(b"x" * 600000 + b"\n")
    except BrokenPipeError:     # it needed no more to know
        pass
    eq(c.answer()["error"], "too-long")
    c.to_end()
    c = Control(d)
    c.send(b'{"cmd":"stat')
    c.send(b'us"}\n{"cmd":"rooms"}\n{"cmd"')
    eq([c.answer()["reply"], c.answer()["reply"]], ["status", "rooms"])
    c.half_close()
    eq(c.to_end(), b"")
    for _ in range(200):
        c = Control(d)
        try:
            c.send(b'{"cmd":"who"}\n' * 20)
        except BrokenPipeError:
            pass            # it is one too many, and was told so
        c.reset()
    ann.sync()
    until(lambda: run_ctl("-s", socket_of(d), "status")[0] == 0, 10,
          "an answer")


@test()
def too_many():
    """so many connections at once and no more; they come free again"""
    d = Daemon()
    held = [Control(d) for _ in range(16)]
    eq([c.ask("status")["ok"] for c in held], [True] * 16)
    c = Control(d)
    eq(c.answer()["error"], "busy")
    c.to_end()
    status, _, err = run_ctl("-s", socket_of(d), "status")
    eq(status, 1)
    contains(err, "Too many")
    for c in held:
        c.close()
    until(lambda: run_ctl("-s", socket_of(d), "status")[0] == 0, 10,
          "free places")


@test(timeout=120)
def slow_operator():
    """who asks and does not read is not buffered, and holds nobody up"""
    d = Daemon(max_rooms=300)
    c = Json(d, "owner")
    for i in range(200):
        c.ok("subscribe", room="room-with-a-long-name-%d" % i)
    slow = Control(d)
    slow.sock.settimeout(None)
    asked = b'{"cmd":"rooms"}\n'
    slow.pour(asked)
    slow.answer()
    before, sent = rss(d.pid), 0
    limit = Deadline(60, "the socket takes no more")
    while True:         # until neither side takes anything any more
        n = slow.pour(asked * 1000)
        sent += n
        if n == 0 and not _writable(slow):
            break
        limit.left()
    eq(ctl_json(d, "status")["clients"], 1)
    c.sync()
    if not sanitized(BINARY):
        below(rss(d.pid) - before, 4 << 20, "what the answers take")
    for _ in range(sent // len(asked)):
        eq(len(slow.answer()["rooms"]), 200)


def _writable(c):
    poll = select.poll()
    poll.register(c.sock, select.POLLOUT)
    return bool(poll.poll(500))


@test()
def no_descriptors():
    """without a descriptor left the socket rests, and comes back"""
    d = Daemon(nofile=60, loops=1)
    held = [Raw(d) for _ in range(70)]
    d.log.wait("no-descriptors")
    c = Control(d)
    c.send(b'{"cmd":"status"}\n')
    used = cpu(d.pid)
    eq(c.silent(1), b"", "there is none for this one either")
    below(cpu(d.pid) - used, 0.5, "CPU time while it waits")
    for one in held:
        one.close()
    eq(c.answer()["ok"], True)


@test()
def at_the_end():
    """the end with operators in every state"""
    d = Daemon()
    Control(d)
    Control(d).send(b'{"cmd":"sta')
    held = [Control(d) for _ in range(8)]
    for c in held:
        c.send(b'{"cmd":"who"}\n{"cmd":"notice","text":"x"}\n' * 50)
    d.stop(signal.SIGINT)


if __name__ == "__main__":
    main()
