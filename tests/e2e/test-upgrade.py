#!/usr/bin/env python3
"""Promise 6: an upgrade is not an outage."""

import itertools
import json
import os
import re
import signal
import socket
import struct
import subprocess
import threading
import time

from client import NAME_PROMPT, Json, Person, Raw, history
from control import ctl_json, socket_of
from daemon import BINARY, run_binary
from everyone import Everyone, unharmed
from harness import (SLOW, Deadline, Skip, below, contains, diag, eq, free_port,
                     main, need, need_root, ok, quick, readable, tempdir,
                     test, until)
from load import Load
from tls import context, need_tls, selfsigned
from upgrade import OPTIONS, Upgradable, background, script
from websocket import PING, Web, fragments, frame


def _other():
    """Another version of the binary: one that is given, or a copy that says
    that it is one, if not everywhere."""
    given = os.environ.get("PARTYLINED_OTHER")
    if given:
        return os.path.abspath(given)
    with open(BINARY, "rb") as f:
        data = f.read()
    version = ctl_version().encode()
    ok(version in data, "the binary has its version")
    other = re.sub(rb"[0-9]", b"9", version)
    path = tempdir() + "/partylined"
    with open(path, "wb") as f:
        f.write(data.replace(version, other))
    os.chmod(path, 0o755)
    return path


def ctl_version():
    return os.popen(BINARY + " -V").read().split()[1]


@test()
def stays_connected():
    """all sorts of clients stay, and are not told anything"""
    d = Upgradable(**OPTIONS)
    all = Everyone(d)
    all.chat("before")
    out = d.upgrade()
    contains(out, "has taken over 4 clients")
    all.chat("between")
    d.upgrade()
    all.chat("after")
    for client in (all.json, all.web):
        client.sync()
        eq(list(client.events), [], "events that nobody asked for")
    eq(d.log.records("client-closed"), [])
    eq(len(d.log.records("client-open")), 4)
    eq(ctl_json(d, "status")["pid"], d.pid)


@test()
def torn():
    """half a line, half a frame, half a telnet command go over the seam"""
    d = Upgradable(**OPTIONS)
    all = Everyone(d)
    line = b'{"cmd":"say","id":"torn","room":"lobby","text":"one"}\n'
    message = json.dumps({"cmd": "say", "room": "lobby", "text": "f" * 300})
    frames = b"".join([fragments(message.encode(), 7, 100)[0],
                       frame(PING, b"in between"),
                       *fragments(message.encode(), 7, 100)[1:]])
    words = "zw\u00f6lf".encode()
    # BINARY is asked for at what may be half a character.
    for at in range(1, len(line), 7):
        all.json.send(line[:at])
        all.text.send(words[:at % (len(words) - 1) + 1])
        # IAC SB TTYPE IS ... IAC SE, cut anywhere
        command = b"wo\xff\xfa\x18\0vt220\xff\xf0rd\r\n"
        all.telnet.send(command[:at % (len(command) - 1) + 1])
        all.web.send(frames[:at * 6])
        d.upgrade()
        all.json.send(line[at:])
        all.text.send(words[at % (len(words) - 1) + 1:] + b"\r\n")
        all.telnet.send(command[at % (len(command) - 1) + 1:])
        all.web.send(frames[at * 6:])
        eq(all.json.reply("torn")["ok"], True)
        all.see("json", "one")
        all.see("text", "zw\u00f6lf")
        all.see("telnet", "word")
        all.see("web", "f" * 300)
        eq(all.web.pong(), b"in between")


@test()
def half_begun():
    """who has not yet said what it is, or who it is, goes on with that"""
    d = Upgradable(greet_delay=4000, http_timeout=60, **OPTIONS)
    silent, named = Raw(d), Raw(d)
    named.until(NAME_PROMPT)
    silent.until(NAME_PROMPT)
    get, half, late = Raw(d), Raw(d), Raw(d)
    half.send('{"cmd":"lo')
    get.send("GE")
    d.upgrade()
    half.send('gin","name":"half"}\n')
    half.until(rb'"ok":true')
    get.send("T /nothing HTTP/1.1\r\nHost: a\r\n")
    d.upgrade()
    get.send("\r\n")
    get.until(rb"HTTP/1\.1 404 .*\r\n\r\n")
    named.send("named\r\n")
    named.until(b"#lobby")
    silent.send("silent\r\n")
    silent.until(b"#lobby")
    late.until(NAME_PROMPT)
    get.send("GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n")
    get.until(rb"HTTP/1\.1 404 ")


@test()
def what_is_known():
    """name, rooms, roles, away, secret and rate are as they were"""
    d = Upgradable(rate=1, burst=30, **OPTIONS)
    ann = Json(d, "Ann")
    bob = Json(d, "bob")
    secret = ann.login_reply["session"]
    eq(ann.join("kitchen")["role"], "owner")
    eq(bob.join("kitchen")["role"], "member")
    bob.join("fresh")
    bob.ok("away", text="lunch")
    bob.ok("topic", room="kitchen", topic="soup")
    bob.ok("tell", to="ann", text="psst")
    ann.message(room="@Ann", text="psst")
    d.upgrade()
    who = {m["name"]: m for m in ann.ok("who", room="kitchen")["members"]}
    eq({n: m["role"] for n, m in who.items()},
       {"Ann": "owner", "bob": "member"})
    eq(who["bob"]["away"], "lunch")
    rooms = {r["room"]: r for r in bob.ok("rooms")["rooms"]}
    eq((rooms["kitchen"]["topic"], rooms["kitchen"]["members"]), ("soup", 2))
    eq((rooms["fresh"]["members"], rooms["fresh"]["subscribed"]), (1, True))
    ann.refused("subscribe", "already-subscribed", room="kitchen")
    bob.ok("tell", to="ann", text="again")
    ann.message(room="@Ann", text="again")
    eq([m["text"] for m in history(ann, "@ann")], ["psst", "again"])
    # Ann's tokens are those that were left.
    start = time.monotonic()
    while ann.cmd("ping")["ok"]:
        pass
    d.upgrade()
    asked = itertools.count()
    while ann.cmd("ping")["ok"]:
        next(asked)
    took = time.monotonic() - start
    below(next(asked), took + 2, "pings in so many seconds, one in each")
    late = Json(d)
    late.refused("login", "name-taken", name="ann")
    reply = late.ok("login", name="Ann", resume=secret)
    ok(reply["session"] != secret, "a new one")
    eq(ann.event("bye")["reason"], "replaced")
    late.join("kitchen")
    bob.none("leave")


@test()
def meanwhile():
    """what is said at the very moment is stored, and told once"""
    d = Upgradable(**OPTIONS)
    all = Everyone(d)
    for turn in range(quick(5, 20)):
        ids = [all.json.post("say", room="lobby", text="%d %d" % (turn, i))
               for i in range(20)]
        pid = d.pid
        d.send_signal(signal.SIGUSR2)
        ids += [all.json.post("say", room="lobby",
                              text="%d %d" % (turn, 20 + i))
                for i in range(20)]
        d.taken_over(_newest(d, pid))
        seqs = [all.json.reply(i)["seq"] for i in ids]
        eq(seqs, sorted(seqs))
        for i in range(40):
            all.see("json", "%d %d" % (turn, i))


def _newest(d, before):
    """The pid of the daemon that has taken the place of this one."""
    def found():
        made = [int(r["pid"]) for r in d.log.records("upgraded")]
        return made[-1] if len(made) > d.upgrades else 0
    pid = until(found, 20, "the upgrade")
    ok(pid != before, "another process")
    return pid


@test(timeout=300)
def slow_readers():
    """who did not read for long misses nothing across upgrades"""
    d = Upgradable(write_timeout=0, **OPTIONS)
    ann = Json(d, "ann")
    ann.join()
    slow = [Json(d, "slow", rcvbuf=4096), Web(d, "webby", rcvbuf=4096)]
    person = Person(d, "person", rcvbuf=4096)
    for client in slow:
        client.join()
    count = quick(300, 2000)
    for n in range(count):
        ann.post("say", room="lobby", text="<%d>%s" % (n, "x" * 2000))
        if n % (count // 4) == 100:
            ann.sync()
            d.upgrade()
    ann.sync()
    d.upgrade()
    for client in slow:
        for n in range(count):
            got = client.message(timeout=60)["text"]
            eq(got[:got.index(">")], "<%d" % n)
    limit = Deadline(60, "the person to catch up")
    seen = []
    while len(seen) < count:
        ok(person.fill(limit), "the person is still there")
        whole, _, person.buffer = person.buffer.rpartition(b"\n")
        seen += [int(n) for n in re.findall(rb"<ann> <(\d+)>", whole)]
    eq(seen, list(range(count)))


class Listener:
    """Reads a room, and checks that nothing is missed, doubled or late."""

    def __init__(self, client):
        self.client = client
        self.seqs = []

    def read(self, last, limit):
        while not self.seqs or self.seqs[-1] < last:
            self.seqs.append(self.client.message(
                timeout=limit.left() / SLOW)["seq"])


def _many(d, times, binaries=(None,)):
    """So many upgrades under load; what all clients saw is what there is."""
    watch = [Listener(Json(d, "json")), Listener(Web(d, "web"))]
    for w in watch:
        w.client.join()
    person = Person(d, "person")
    load = Load(d, ["a", "b", "c"], window=8)
    still = []
    for n in range(times):
        out = d.upgrade(binaries[n % len(binaries)])
        still.append(int(re.search(r"for (\d+) ms", out).group(1)))
        for w in watch:         # so that nobody falls behind for long
            w.client.sync()
    result = load.stop()
    reader = Json(d, "reader")
    stored = history(reader)
    by_name = {name: [] for name in result}
    for m in stored:
        by_name[m["from"]].append(int(m["text"].split(":")[1]))
    for name, report in result.items():
        eq(report["refused"], [])
        eq(len(report["acked"]), report["sent"], "all answered")
        eq(by_name[name], list(range(report["sent"])), "said by " + name)
    seqs = [m["seq"] for m in stored]
    eq(seqs, sorted(set(seqs)))
    limit = Deadline(60, "the listeners")
    for w in watch:
        w.read(seqs[-1], limit)
        eq(w.seqs, seqs, "what one was told")
    reader.join()
    reader.say("the end")
    text = person.until(rb"<reader> the end\r\n", timeout=60)
    told = re.findall(rb"<([abc])> [abc]:(\d+):", text)
    eq([(m["from"], int(m["text"].split(":")[1])) for m in stored],
       [(name.decode(), int(n)) for name, n in told], "told to a person")
    gone = [r["name"] for r in d.log.records("client-closed")]
    eq(sorted(gone), sorted(result), "only who talked has gone")
    still.sort()
    diag("%d upgrades, %d messages; clients waited %d ms at half of them, "
         "%d at the worst" % (times, len(stored), still[len(still) // 2],
                              still[-1]))


@test(timeout=600)
def under_load():
    """many in a row under load: nothing lost, doubled or out of order"""
    _many(Upgradable(**OPTIONS), quick(10, 100))


@test(timeout=120)
def versions():
    """between two builds of different versions, there and back"""
    other = _other()
    d = Upgradable(**OPTIONS, sandbox="no")
    out = d.upgrade(other)
    version = os.popen(other + " -V").read().split()[1]
    ok(version != ctl_version(), "they differ")
    contains(out, "version " + version)
    if "PARTYLINED_OTHER" in os.environ:
        eq(ctl_json(d, "status")["version"], version)
        eq(Json(d, "x").login_reply["version"], version)
    contains(d.upgrade(BINARY), "version " + ctl_version())
    _many(d, 4, (other, BINARY))


@test(timeout=300)
def many_clients():
    """2,000 idle clients stay"""
    count = quick(500, 2000)
    d = Upgradable(**OPTIONS)
    clients = [Json(d, "c%d" % i) for i in range(count)]
    for client in clients[::10]:
        client.join("r%d" % (clients.index(client) % 50))
    for _ in range(3):
        out = d.upgrade()
        contains(out, "%d clients" % count)
        diag(out.strip())
    for client in clients:
        client.ok("ping")
    clients[0].say("hi", room="r0")
    clients[50].message(room="r0", text="hi")


# What belongs to it ---------------------------------------------------------

@test(timeout=120)
def in_the_background():
    """with -d the pid file names the new one, and SIGUSR2 finds it"""
    directory = tempdir()
    pid_file, log = directory + "/pid", directory + "/log"
    path = directory + "/chat"
    background(pid_file)
    status, _, err = run_binary(
        "-d", "-n", "-o", "state_dir=" + directory, "-o", "pid_file=" +
        pid_file, "-o", "log_to=" + log, "-o", "listen=json " + path)
    eq(status, 0, err)
    ann = Json(path, "ann")
    before = 0
    for _ in range(3):
        pid = int(open(pid_file).read())
        ok(pid != before, "another one")
        before = pid
        os.kill(pid, signal.SIGUSR2)
        until(lambda: open(pid_file).read() not in ("", "%d\n" % pid), 10,
              "the pid file")
        ann.ok("ping")
    pid = int(open(pid_file).read())
    os.kill(pid, signal.SIGTERM)
    eq(ann.event("bye")["reason"], "shutdown")
    until(lambda: not os.path.exists(pid_file), 10, "the pid file's end")
    eq(open(log).read().count(" taken-over "), 3)


@test()
def confined():
    """what was given up stays given up, and a new one comes up in it"""
    need_root()
    at = os.path.dirname(BINARY)
    while at != "/":
        if not os.stat(at).st_mode & 1:
            raise Skip("nobody cannot reach the binary")
        at = os.path.dirname(at)
    directory = tempdir()
    os.chmod(directory, 0o755)
    state = directory + "/state"
    d = Upgradable("-o", "user=nobody", state_dir=state, **OPTIONS)
    all = Everyone(d)
    for _ in range(2):
        d.upgrade()
        mine = d.log.records("privileges")[-1]
        uid = os.stat(state).st_uid
        ok(uid != 0, "the state is nobody's")
        eq(int(mine["uid"]), uid)
        for kind in ("seccomp", "landlock"):
            ok(mine[kind] == "inherited", "%s: %s" % (kind, mine))
        unharmed(d, all, "in there")
    d.refused(script("exit 3"), "Permission denied")
    unharmed(d, all, "still")


@test()
def paths():
    """sockets with paths, the control socket and the pid file stay"""
    directory = tempdir()
    path = directory + "/chat"
    pid_file = directory + "/pid"
    d = Upgradable(listen=["auto 127.0.0.1:0", "json " + path],
                   pid_file=pid_file, **OPTIONS)
    inode = os.stat(path).st_ino, os.stat(socket_of(d)).st_ino
    client = Json(d.address(1), "ann")
    d.upgrade()
    eq((os.stat(path).st_ino, os.stat(socket_of(d)).st_ino), inode)
    client.ok("ping")
    eq(Json(d.address(1), "bob").login_reply["ok"], True)
    eq(Json(d.address(0), "cat").login_reply["ok"], True)
    d.upgrade()
    d.stop()
    eq(os.listdir(directory), [])
    ok(not os.path.exists(socket_of(d)), "the control socket is gone")


@test()
def within_tls():
    """who is within TLS is told when to come back; the others notice nothing"""
    need_tls()
    cert, key = selfsigned()
    tls = context(cert)
    d = Upgradable(tls_cert=cert, tls_key=key, drain_time="2s", **OPTIONS)
    all = Everyone(d)
    inside = [Json(d, "t%d" % i, tls=tls) for i in range(10)]
    for client in inside:
        client.join()
    for client in (all.json, all.web):
        client.sync()
        client.events.clear()
    contains(d.upgrade(), "4 clients")
    waits = []
    for client in inside:
        bye = client.event("bye")
        eq((bye["reason"], bye["reconnect"]), ("upgrade", True))
        waits.append(bye.get("after_ms", 0))
        client.to_end()
    ok(all_within(waits, 2000) and len(set(waits)) > 3, "spread: %s" % waits)
    unharmed(d, all, "after")
    # Their names are free, and they are welcome.
    again = Json(d, "t0", tls=tls)
    again.join()
    again.say("back")
    all.see("t0", "back")


def all_within(numbers, most):
    return all(0 <= n <= most for n in numbers)


@test()
def handed_over():
    """who inetd brings is taken by the new one as well"""
    d = Upgradable(**OPTIONS)
    d.upgrade()
    d.upgrade()
    ours, theirs = socket.socketpair()
    with socket.socket(socket.AF_UNIX) as hand:
        hand.settimeout(10 * SLOW)
        hand.connect(_handover(d))
        hand.sendmsg([b"json 192.0.2.1 4711\n"], [(
            socket.SOL_SOCKET, socket.SCM_RIGHTS,
            struct.pack("i", theirs.fileno()))])
        eq(hand.recv(256), b"ok\n")
    theirs.close()
    with ours:
        ours.settimeout(10 * SLOW)
        ours.sendall(b'{"cmd":"ping"}\n')
        contains(ours.recv(256), b'"ok":true')
        d.upgrade()
        ours.sendall(b'{"cmd":"ping"}\n')
        contains(ours.recv(256), b'"ok":true')
    d.log.wait("client-closed", address="192.0.2.1")
    d.stop()
    ok(not os.path.exists(_handover(d)), "its socket goes with it")


def _handover(d):
    """The socket beside the control socket."""
    return next((d.state_dir + "/" + name for name in os.listdir(d.state_dir)
                 if name.startswith("control") and name != "control"),
                "/none")


def _need_systemd():
    need("ldd")
    libraries = subprocess.run(["ldd", BINARY], capture_output=True,
                               check=False).stdout
    if b"libsystemd" not in libraries:
        raise Skip("built without systemd")


@test()
def service_manager():
    """it is told of the new main process, which is alive, and of no end"""
    _need_systemd()
    path = tempdir() + "/notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(path)
        told, ended = [], threading.Event()

        def hear():             # all the time: else who tells it must wait
            while not ended.is_set():
                if readable(sock, 0.1):
                    told.extend(sock.recv(65536).decode().splitlines())
        ear = threading.Thread(target=hear, daemon=True)
        ear.start()
        d = Upgradable(environment={"NOTIFY_SOCKET": path,
                                    "WATCHDOG_USEC": "300000"}, **OPTIONS)
        pids = [d.pid]
        d.upgrade()
        pids.append(d.pid)
        until(lambda: "MAINPID=%d" % d.pid in told, 10, "its number")
        signs = told.count("WATCHDOG=1")
        until(lambda: told.count("WATCHDOG=1") >= signs + 5, 10, "its life")
        mains = [line for line in told if line.startswith("MAINPID=")]
        eq(mains[-1], "MAINPID=%d" % pids[1])
        ok("READY=1" in told and "STOPPING=1" not in told, "%s" % told)
        d.stop()
        until(lambda: "STOPPING=1" in told, 10, "its end")
        ended.set()
        ear.join()


class Activated(Upgradable):
    """Its socket is made by systemd-socket-activate."""

    def command(self):
        self.where = "127.0.0.1", free_port()
        return ["systemd-socket-activate", "-l", "%s:%d" % self.where,
                "--fdname=json", *super().command()]


@test()
def sockets_given():
    """a socket that the service manager has made goes over as well"""
    _need_systemd()
    need("systemd-socket-activate")
    d = Activated(wait=False, **OPTIONS)
    first = until(lambda: _connected(d.where), 10, "the socket")
    d.ready()
    eq(len(d.listening), 1)
    for name in ("ann", "bob"):
        d.upgrade()
        eq(first.ok("ping")["ok"], True)
        Json(d.where, name).ok("ping")
        eq(len(ctl_json(d, "status")["listen"]), 1)


def _connected(where):
    try:
        return Json(where)
    except OSError:
        return None


@test()
def other_listeners():
    """the new one listens where its configuration says, and there only"""
    directory = tempdir()
    old, new = directory + "/old", directory + "/new"
    conf = directory + "/conf"
    with open(conf, "w") as f:
        f.write('listen = {"json %s", "json 127.0.0.1:0"}\n'
                'max_text = 100\n' % old)
    d = Upgradable("-f", conf, listen=[], sandbox="no", **OPTIONS)
    client = Json(d.address(0), "ann")
    where = d.address(1)
    with open(conf, "w") as f:
        f.write('listen = {"json %s", "json 127.0.0.1:0"}\n'
                'max_text = 50\n' % new)
    d.upgrade()
    client.join()
    client.refused("say", "too-long", room="lobby", text="x" * 60)
    ok(not os.path.exists(old), "the old path is gone")
    Json(new, "bob").ok("ping")
    Json(where, "cat").ok("ping")
    # One that fails leaves nothing.
    third = directory + "/third"
    with open(conf, "w") as f:
        f.write('listen = "json %s"\n' % third)
    d.refused(script("exec %s \"$@\" -o state_dir=%s" % (BINARY, tempdir())))
    eq(sorted(os.listdir(directory)), ["conf", "new"])
    Json(new, "dan").ok("ping")


main()


main()
