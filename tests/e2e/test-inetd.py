#!/usr/bin/env python3
"""partylined -i: hand-over, and who starts the daemon."""

import os
import random
import resource
import signal
import socket
import stat
import subprocess
import threading
import time

from client import NAME_PROMPT, Json, Person, Raw
from daemon import BINARY, Daemon
from harness import (SLOW, Deadline, Skip, below, contains, descriptors, diag,
                     eq, main, need_root, ok, percentile, quick, sanitized,
                     tempdir, test, until)
from inetd import Held, Inetd, Service, adopt_orphans, piped

NOBODY = 65534


# Handing over -------------------------------------------------------------

@test()
def hands_over():
    """the daemon serves inetd's client, and knows its real address"""
    s = Service()
    i = Inetd(s)
    ann = Person(i, "ann")
    bob = Json(i, "bob")
    bob.ok("subscribe", room="lobby", last=10)
    ann.say("hello")
    bob.message(text="hello")
    bob.say("hello yourself")
    ann.see("<bob> hello yourself")
    eq(i.ended(2), [0, 0])
    eq(s.status_of()["clients"], 2)
    ports = {str(c.sock.getsockname()[1]) for c in (ann, bob)}
    ann.close()
    bob.close()
    got = s.logged("client-closed", 2)
    eq({r["port"] for r in got}, ports)
    eq({r["address"] for r in got}, {"127.0.0.1"})
    eq(len(s.records("ready")), 1)


@test()
def kinds():
    """-k says what inetd's clients are"""
    s = Service()
    json = Json(Inetd(s, "-k", "json"), "ann")
    json.ok("ping")
    text = Raw(Inetd(s, "-k", "text"))
    text.until(NAME_PROMPT)
    status, _, err = _run("-i", "-k", "jsn")
    eq((status, err), (2, ""))


@test()
def web():
    """a browser's page and WebSocket through inetd"""
    s = Service()
    i = Inetd(s)
    c = Raw(i)
    c.send("GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    contains(c.to_end(), b"200 OK")
    c = Raw(i)
    c.send("GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
           "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
           "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
    contains(c.until(b"\r\n\r\n"), b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
    text = b'{"cmd":"login","name":"ann"}'
    c.send(bytes([0x81, 0x80 | len(text), 0, 0, 0, 0]) + text)
    c.until(b'"reply":"login","ok":true')


@test(timeout=120)
def many():
    """200 hand-overs, one after the other: how long each takes"""
    s = Service()
    i = Inetd(s)
    first = Json(i, "first")
    i.ended(1)
    before = descriptors(s.daemon())
    clients = [Raw(i) for _ in range(quick(50, 200))]
    eq(set(i.ended(len(clients) + 1)), {0})
    for n, c in enumerate(clients):
        c.send('{"cmd":"login","name":"c%d"}\n' % n)
    for c in clients:
        c.until(b'"ok":true')
    eq(s.status_of()["clients"], len(clients) + 1)
    below(descriptors(s.daemon()), before + len(clients) + 8, "descriptors")
    for c in clients:
        c.close()
    until(lambda: s.status_of()["clients"] == 1, 10, "one client")
    until(lambda: descriptors(s.daemon()) <= before + 2, 10,
          "closed descriptors")
    first.ok("ping")


@test(timeout=120)
def latency():
    """a hand-over takes milliseconds"""
    s = Service()
    i = Inetd(s)
    Json(i, "first")
    took, bare = [], []
    for _ in range(quick(20, 100)):
        c = Raw(i)
        i.ended(len(took) + 2)
        took.append(i.done[-1][1])
        before = time.monotonic()
        subprocess.run([BINARY, "-V"], stdout=subprocess.DEVNULL, check=True)
        bare.append(time.monotonic() - before)
        c.close()
    took.sort()
    diag("-i: median %.1f ms, 95%% %.1f ms; -V alone %.1f ms, %.1f ms" %
         tuple(percentile(v, p) * 1000 for v in (took, sorted(bare))
               for p in (50, 95)))
    if not sanitized(BINARY):
        below(percentile(took, 50) - percentile(bare, 50), 0.05 * SLOW,
              "seconds of a hand-over beside the start of the program")


@test(timeout=120)
def race():
    """of 20 that start at once one starts the daemon, and all are served"""
    for _ in range(quick(2, 5)):
        s = Service(store=random.choice(["memory", "sqlite"]))
        i = Inetd(s)
        clients = [Raw(i) for _ in range(20)]
        for c in clients:
            c.until(NAME_PROMPT)
        eq(i.ended(20), [0] * 20)
        eq(s.status_of()["clients"], 20)
        eq(len(s.records("ready")), 1)
        eq([r for r in s.records("inetd") if r["level"] == "error"], [])


@test(timeout=120)
def killed_before():
    """where the daemon was killed the next client starts another"""
    s = Service(store="sqlite")
    i = Inetd(s)
    for n in range(5):
        c = Json(i, "ann")
        c.ok("subscribe", room="lobby", last=10)
        c.say("number %d" % n)
        eq(s.end(signal.SIGKILL), -signal.SIGKILL)
        c.to_end()
    c = Json(i, "ann")
    c.ok("subscribe", room="lobby", last=10)
    for n in range(5):
        c.message(text="number %d" % n)


@test(timeout=120)
def killed_between():
    """a daemon that dies with clients on the way: the next one has them"""
    s = Service(store="sqlite")
    i = Inetd(s)
    Json(i, "first")
    i.ended(1)
    pid = s.daemon()
    os.kill(pid, signal.SIGSTOP)
    clients = [Raw(i) for _ in range(10)]
    socket_path = s.state_dir + "/control.handover"
    until(lambda: _waiting(socket_path) >= 10, 20, "clients on the way")
    os.kill(pid, signal.SIGKILL)
    s.gone(pid)
    for c in clients:
        c.until(NAME_PROMPT)
    eq(set(i.ended(11)), {0})
    eq(s.status_of()["clients"], 10)


def _waiting(path):
    """Connections to a unix socket, taken or not."""
    with open("/proc/net/unix") as f:
        return sum(line.rstrip().endswith(path) for line in f) - 1


@test(timeout=120)
def killed_at_random():
    """daemons killed at any moment: no -i fails, and a client comes through"""
    s = Service(store="sqlite")
    i = Inetd(s)
    stop = time.monotonic() + quick(4, 10) * min(SLOW, 2)
    ended = threading.Event()

    def kill():
        while not ended.wait(random.uniform(0, 0.3)):
            pid = s.daemon()
            if pid is not None:
                os.kill(pid, signal.SIGKILL)
                s.gone(pid)

    killer = threading.Thread(target=kill)
    killer.start()
    count = 0
    try:
        while time.monotonic() < stop:
            held = [Raw(i) for _ in range(3)]
            count += len(held)
            i.ended(count)
            for c in held:
                c.close()
    finally:
        ended.set()
        killer.join()
    eq(set(i.ended(count)), {0})
    Json(i, "ann").ok("ping")
    diag("%d clients, %d daemons" % (count, len(s.records("ready"))))


@test()
def orderly_end():
    """a client that comes while the daemon ends is the next one's"""
    s = Service(store="sqlite")
    i = Inetd(s)
    Json(i, "ann")
    pid = s.daemon()
    os.kill(pid, signal.SIGTERM)
    c = Raw(i)
    c.until(NAME_PROMPT, timeout=20)
    eq(s.gone(pid), 0)
    eq(i.ended(2), [0, 0])


@test()
def limits():
    """max_clients_address counts the client's address, not inetd's"""
    s = Service(max_clients_address=2)
    i = Inetd(s)
    a, b = Raw(i), Raw(i)
    for c in a, b:
        c.until(NAME_PROMPT)
    c = Raw(i)
    contains(c.to_end(), b"full")
    a.close()
    until(lambda: s.status_of()["clients"] == 1, 10, "one client")
    Raw(i).until(NAME_PROMPT)
    # By ssh an address comes in the environment.
    env = {"SSH_CONNECTION": "192.0.2.7 4711 192.0.2.1 22"}
    held = [piped(s, env=env) for _ in range(2)]
    for p in held:
        p.until(NAME_PROMPT)
    contains(piped(s, env=env).to_end(), b"full")
    held[0].end_input()
    eq(s.logged("client-closed", address="192.0.2.7")[0]["port"], "4711")


@test()
def no_descriptor():
    """a daemon without a descriptor left has the client told"""
    s = Service()
    i = Inetd(s)
    first = Json(i, "first")
    i.ended(1)
    until(lambda: _waiting(s.state_dir + "/control.handover") == 0, 10,
          "the end of its hand-over")
    pid = s.daemon()
    _, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (descriptors(pid), hard))
    held = [Raw(i) for _ in range(2)]
    for c in held:
        c.send("\n")
    refused = [c for c in held if b"full" in c.to_end()]
    eq(len(refused), len(held))
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (hard, hard))
    Json(i, "second").ok("ping")
    first.ok("ping")


# What is no client --------------------------------------------------------

def _run(*words, **options):
    """-i and more words; returns (status, stdout, stderr)."""
    done = subprocess.run([BINARY, *words], capture_output=True,
                          timeout=30 * SLOW, check=False, **options)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def _ended_with_nothing(s, sock, status=1, **options):
    """-i on one end of it says nothing to the other."""
    theirs, ours = sock
    with theirs:
        p = s.start(theirs, **options)
    eq(p.wait(30 * SLOW), status, "exit status")
    if ours is not None:
        eq(Held(ours).to_end(), b"")


def _tcp():
    with socket.create_server(("127.0.0.1", 0)) as server:
        ours = socket.create_connection(server.getsockname())
        return server.accept()[0], ours


def _said(s):
    return s.logged("inetd", level="error")[-1]["said"]


@test()
def wrong_descriptors():
    """a datagram socket, a closed descriptor: the log says why, nobody else"""
    s = Service()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind(("127.0.0.1", 0))
        p = s.start(udp)
        eq(p.wait(10 * SLOW), 1)
    contains(_said(s), "no stream")
    pair = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    p = s.start(pair[0])
    eq(p.wait(10 * SLOW), 1)
    pair[1].setblocking(False)
    try:
        ok(False, "something came: %r" % pair[1].recv(100))
    except BlockingIOError:
        pass
    for sock in pair:
        sock.close()
    s = Service()
    p = s.start(subprocess.DEVNULL, preexec_fn=lambda: os.close(0))
    eq(p.wait(10 * SLOW), 1)
    contains(_said(s), "descriptor 0 is closed")
    s = Service()
    p = s.start(subprocess.DEVNULL, preexec_fn=lambda: os.close(1))
    eq(p.wait(10 * SLOW), 1)
    contains(_said(s), "descriptor 1 is closed")
    s = Service()
    p = s.start(subprocess.DEVNULL,
                preexec_fn=lambda: [os.close(n) for n in (0, 1, 2)])
    eq(p.wait(10 * SLOW), 1)
    contains(_said(s), "descriptor 0 is closed")
    eq(s.daemon(), None, "a daemon")


@test()
def gone_already():
    """a client that has reset the connection is no error, and no client"""
    s = Service()
    theirs, ours = _tcp()
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                    b"\1\0\0\0\0\0\0\0")
    ours.close()
    _ended_with_nothing(s, (theirs, None), status=0)
    eq(s.records("inetd"), [])


@test()
def unix_sockets():
    """a client of a unix socket is handed over, half a pair is relayed"""
    s = Service()
    i = Inetd(s, address=tempdir() + "/socket", family=socket.AF_UNIX)
    c = Json(i, "ann")
    eq(i.ended(1), [0])
    c.ok("ping")
    ours, theirs = socket.socketpair()
    p = s.start(theirs)
    theirs.close()
    c = Held(ours)
    c.until(NAME_PROMPT)
    eq(p.poll(), None, "it relays")
    c.send("bob\n/quit\n")
    contains(c.to_end(), b"Bye.")
    eq(p.wait(10 * SLOW), 0)


@test()
def silence():
    """whatever is wrong, the client's stream has not a byte of it"""
    for wrong in (["-Z"], ["-f", "/nonexistent/conf"], ["-o", "loops=x"],
                  ["-o", "nothing"], ["-d"], ["what"], ["-o", "control="],
                  ["-o", "state_dir=/nonexistent/x/y"],
                  ["-o", "log_to=/nonexistent/x"]):
        s = Service()
        theirs, ours = _tcp()
        with theirs:
            p = subprocess.Popen(s.command() + wrong, stdin=theirs,
                                 stdout=theirs, stderr=theirs,
                                 env=s.environment())
        p.wait(30 * SLOW)
        eq(Held(ours).to_end(), b"", " ".join(wrong))
    s = Service(control="")
    _ended_with_nothing(s, _tcp())
    contains(_said(s), "control is empty")


@test()
def syslog():
    """what nobody else may see is in syslog"""
    need_root()
    if os.path.exists("/dev/log"):
        raise Skip("there is a syslog here: its log is not ours")
    log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    log.bind("/dev/log")
    try:
        log.settimeout(10 * SLOW)
        theirs, ours = _tcp()
        with theirs:
            p = subprocess.Popen([BINARY, "-i", "-Z"], stdin=theirs,
                                 stdout=theirs, stderr=theirs)
        p.wait()
        limit = Deadline(10, "the line")
        while b"invalid option" not in log.recv(1000):
            limit.left()
        eq(Held(ours).to_end(), b"")
    finally:
        os.unlink("/dev/log")
        log.close()


@test()
def cannot_start():
    """a daemon that does not start: the reason is logged, the client let go"""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        s = Service(listen="auto 127.0.0.1:%d" % taken.getsockname()[1])
        _ended_with_nothing(s, _tcp())
    said = [r["said"] for r in s.records("inetd")]
    ok(any("another program has this port" in line for line in said), said)
    contains(said[-1], "no daemon could be started")


@test()
def state_directory():
    """the state directory is made, for its owner only"""
    s = Service()
    eq(os.path.exists(s.state_dir), False)
    c = Json(Inetd(s), "ann")
    c.ok("ping")
    eq(stat.S_IMODE(os.stat(s.state_dir).st_mode), 0o700)
    s.end()
    # What is named away from it has a directory that is there.
    s = Service(control=tempdir() + "/elsewhere", state_dir=tempdir() + "/x")
    Json(Inetd(s), "ann").ok("ping")
    eq(os.listdir(os.path.dirname(s.options["control"])) != [], True)


# The socket ---------------------------------------------------------------

def _give(s, line, *sockets):
    """One message to the hand-over socket; returns the answer."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(10 * SLOW)
        sock.connect(s.state_dir + "/control.handover")
        socket.send_fds(sock, [line], [one.fileno() for one in sockets])
        answer = b""
        while True:
            try:
                more = sock.recv(100)
            except ConnectionResetError:    # not all was read
                return answer
            if not more:
                return answer
            answer += more


@test()
def strange_gifts():
    """what is no client's socket, or said wrongly, is refused and closed"""
    s = Service()
    i = Inetd(s)
    ann = Json(i, "ann")
    pid = s.daemon()
    before = descriptors(pid)
    pair = socket.socketpair()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, \
            socket.create_server(("127.0.0.1", 0)) as listening, \
            open("/dev/null") as null, pair[0], pair[1]:
        for line, gifts in (
                (b"auto\n", []), (b"auto\n", [udp]), (b"auto\n", [listening]),
                (b"auto\n", [null]), (b"auto\n", [pair[0]] * 2),
                (b"auto\n", [pair[0]] * 5), (b"auto\n", [pair[0]] * 200),
                (b"what\n", [pair[0]]), (b"\n", [pair[0]]),
                (b"auto", [pair[0]]), (b"auto\nmore", [pair[0]]),
                (b"auto 1.2.3\n", [pair[0]]), (b"auto x 1\n", [pair[0]]),
                (b"auto 1.2.3.4 70000\n", [pair[0]]),
                (b"auto 1.2.3.4 1x\n", [pair[0]]),
                (b"a" * 300 + b"\n", [pair[0]]), (b"\0\n", [pair[0]])):
            contains(_give(s, line, *gifts), b"bad-argument", line[:20])
        pair[1].setblocking(False)
        try:
            eq(pair[1].recv(100), None, "what a refused one was sent")
        except BlockingIOError:
            pass
        # Its address counts where it has none of its own.
        eq(_give(s, b"text 2001:db8::7 99\n", pair[0]), b"ok\n")
        c = Held(pair[1].dup())
        c.until(NAME_PROMPT)
        c.close()
        s.logged("client-open", address="2001:db8::7", port=99)
    until(lambda: descriptors(pid) <= before, 10, "closed descriptors")
    ann.ok("ping")


@test(timeout=120)
def silent_givers():
    """who connects and says nothing holds nobody up for long"""
    s = Service()
    i = Inetd(s)
    ann = Json(i, "ann")
    path = s.state_dir + "/control.handover"
    silent = [Raw(path) for _ in range(100)]
    c = Raw(i)
    c.until(NAME_PROMPT, timeout=20)
    for one in silent[:64]:
        eq(one.to_end(), b"")
    ann.ok("ping")
    eq(i.ended(2), [0, 0])


# Users --------------------------------------------------------------------

@test()
def another_user():
    """another user hands nothing over, root does, to the daemon's own user"""
    need_root()
    s = Service(user=NOBODY)
    i = Inetd(s)
    Json(i, "first").ok("ping")
    eq(os.stat("/proc/%d" % s.daemon()).st_uid, NOBODY)
    Json(Inetd(s, user=0), "by-root").ok("ping")
    i = Inetd(s, user=1234)
    eq(Raw(i).to_end(), b"")
    eq(i.ended(1), [1])
    # Were the directory and the socket open to all, the daemon would refuse.
    for path, mode in ((s.home, 0o755), (s.state_dir, 0o755),
                       (s.state_dir + "/control.handover", 0o777),
                       (s.log, 0o666)):
        os.chmod(path, mode)
    i = Inetd(s, user=1234)
    eq(Raw(i).to_end(), b"")
    eq(i.ended(1), [1])
    s.logged("handover-forbidden", uid=1234)
    contains(_said(s), "forbidden")
    eq(s.status_of()["clients"], 2)


@test()
def the_daemons_user():
    """root's -i starts a daemon that is the configuration's user"""
    need_root()
    s = Service(user=None)
    s.options["user"] = "nobody"
    os.chmod(s.home, 0o755)
    os.chmod(s.reports, 0o777)
    Json(Inetd(s), "ann").ok("ping")
    eq(os.stat("/proc/%d" % s.daemon()).st_uid, NOBODY)
    eq(os.stat(s.state_dir).st_uid, NOBODY)
    Json(Inetd(s), "bob").ok("ping")
    Json(Inetd(s, user=NOBODY), "carl").ok("ping")
    eq(s.status_of()["clients"], 3)
    s.end()
    s.options["control"] = s.home + "/elsewhere/control"
    Json(Inetd(s), "dora").ok("ping")
    Json(Inetd(s, user=NOBODY), "eve").ok("ping")
    eq(os.stat(s.home + "/elsewhere").st_uid, NOBODY)


@test()
def another_user_relayed():
    """over ssh any user reaches a daemon that listens"""
    need_root()
    d = Daemon(user=NOBODY, listen="text 127.0.0.1:0",
               state_dir=_open_dir(NOBODY))
    s = Service(state_dir=d.state_dir, user=1234,
                listen="text 127.0.0.1:%d" % d.port)
    p = piped(s)
    p.until(NAME_PROMPT)
    p.send("ann\n/quit\n")
    contains(p.to_end(), b"Bye.")
    eq(p.wait_end(), 0)
    s.options["listen"] = "json 127.0.0.1:%d" % d.port
    p = piped(s)
    eq(p.to_end(), b"")
    eq(p.wait_end(), 1)
    contains(_said(s), "nor could it be reached")


def _open_dir(user):
    path = tempdir()
    os.chown(path, user, user)
    return path


if __name__ == "__main__":
    adopt_orphans()
    main()
