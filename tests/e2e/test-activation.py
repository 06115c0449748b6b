#!/usr/bin/env python3
"""systemd's ways: sockets that it opened, and being told how it goes."""

import os
import signal
import socket
import subprocess
import time

from client import NAME_PROMPT, Json, Person, Raw, connect
from control import ctl, ctl_json
from daemon import BINARY, Daemon, run_binary
from harness import (SLOW, Deadline, contains, eq, keep, lacks, main, need, ok,
                     tempdir, test, until)
from inetd import Inetd, Service, adopt_orphans, free_port

ACTIVATE = "systemd-socket-activate"


class Passed(Daemon):
    """A daemon that is given sockets that listen, as systemd gives them."""

    def __init__(self, *sockets, names=None, pid=None, **options):
        self.sockets = sockets
        self.names = names
        self.claim = pid
        super().__init__(**options)

    def command(self):
        # A shell knows the number that exec keeps.
        script = "export LISTEN_PID=%s LISTEN_FDS=%d%s; exec \"$@\"" % (
            self.claim or "$$", len(self.sockets),
            "" if self.names is None else " LISTEN_FDNAMES=" + self.names)
        return ["sh", "-c", script, "sh"] + super().command()

    def start(self, wait=True):
        # From 3 on, as they are: Popen would close them.
        popen = subprocess.Popen
        sockets = self.sockets

        def with_sockets(*arguments, preexec_fn=None, **options):
            def prepare():
                preexec_fn()
                high = [os.dup2(s.fileno(), 100 + n)
                        for n, s in enumerate(sockets)]
                for n, fd in enumerate(high):
                    os.dup2(fd, 3 + n)
                    os.close(fd)
                os.closerange(3 + len(sockets), 100)
            return popen(*arguments, preexec_fn=prepare, close_fds=False,
                         **options)

        subprocess.Popen = with_sockets
        try:
            super().start(wait)
        finally:
            subprocess.Popen = popen


def _listening(family=socket.AF_INET, address=("127.0.0.1", 0)):
    sock = socket.socket(family)
    sock.bind(address)
    sock.listen(100)
    return keep(_Closed(sock)).sock


class _Closed:
    def __init__(self, sock):
        self.sock = sock

    def cleanup(self):
        self.sock.close()


def _where(sock):
    return sock.getsockname()


# Sockets ------------------------------------------------------------------

@test()
def named():
    """each socket is what its name says, else auto; listen is not opened"""
    path = tempdir() + "/socket"
    tcp, json, text, unix = (_listening(), _listening(), _listening(),
                             _listening(socket.AF_UNIX, path))
    taken = _listening()        # listen's own would not be free
    d = Passed(tcp, json, text, unix, names="partyline.socket:json:text:json",
               listen="auto 127.0.0.1:%d" % _where(taken)[1])
    eq([(r["kind"], r["address"]) for r in d.listening],
       [("auto", "127.0.0.1"), ("json", "127.0.0.1"), ("text", "127.0.0.1"),
        ("json", path)])
    eq(ctl_json(d, "status")["listen"],
       ["auto 127.0.0.1:%d" % _where(tcp)[1],
        "json 127.0.0.1:%d" % _where(json)[1],
        "text 127.0.0.1:%d" % _where(text)[1], "json unix:" + path])
    ann = Person(_where(text), "ann")
    bob = Json(path, "bob")
    bob.join()
    Json(_where(json), "carl").ok("ping")
    Person(_where(tcp), "dora").say("hello")
    bob.message(text="hello")
    ann.see("<dora> hello")
    ctl(d, "reload")
    Json(_where(json), "eve").ok("ping")
    d.stop()
    ok(os.path.exists(path), "another's socket is left where it is")
    # They are open still: who comes now is the next daemon's.
    late = Raw(_where(json))
    late.send('{"cmd":"login","name":"late"}\n')
    d.start()
    contains(late.line(), b'"ok":true')


@test()
def no_names():
    """without names all are auto; IPv6 is named as listen has it"""
    six = _listening(socket.AF_INET6, ("::1", 0))
    d = Passed(_listening(), six)
    eq([r["kind"] for r in d.listening], ["auto", "auto"])
    eq(ctl_json(d, "status")["listen"][1], "auto [::1]:%d" % _where(six)[1])
    Person(_where(six)[:2], "ann")


@test()
def not_ours():
    """variables of another process are none of ours"""
    sock = _listening()
    d = Passed(sock, pid=1)
    eq(len(d.listening), 1)
    ok(d.port != _where(sock)[1], "its own port")
    Person(d, "ann")


@test()
def nonsense():
    """what makes no sense is said, and ends it"""
    def said(env, sock=None):
        script = "export LISTEN_PID=$$ %s; exec \"$@\"" % env

        def third():
            if sock is not None:
                os.dup2(sock.fileno(), 3)
                os.set_inheritable(3, True)

        done = subprocess.run(
            ["sh", "-c", script, "sh", BINARY, "-n", "-o", "store=memory",
             "-o", "listen=auto 127.0.0.1:0", "-o", "control="],
            stdin=subprocess.DEVNULL, capture_output=True, timeout=20 * SLOW,
            check=False, preexec_fn=third, close_fds=sock is None)
        eq(done.returncode, 1)
        return done.stderr.decode()

    contains(said("LISTEN_FDS=x"), "no number")
    contains(said("LISTEN_FDS=65"), "at most 64")
    contains(said("LISTEN_FDS=2"), "descriptor 3 is not open")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind(("127.0.0.1", 0))
        contains(said("LISTEN_FDS=1", sock=udp), "no stream")
    one, other = socket.socketpair()
    with one, other:
        contains(said("LISTEN_FDS=1", sock=one), "-i")


@test()
def none():
    """listen=none: nobody but the control socket and -i"""
    d = Daemon(listen="none")
    eq(d.listening, [])
    eq(ctl_json(d, "status")["listen"], [])
    s = Service(state_dir=d.state_dir)
    Person(Inetd(s), "ann")
    eq(ctl_json(d, "status")["clients"], 1)
    _, out, _ = run_binary("-n", "-t", "-o", "listen=none")
    contains(out, 'listen = {"none"}')
    status, _, err = run_binary("-n", "-o", "listen=none", "-o", "control=",
                                "-o", "store=memory")
    eq(status, 1)
    contains(err, "nobody could ever reach")


class Activator:
    """The real systemd-socket-activate; its daemon takes its place."""

    def __init__(self, service, *words, program):
        need(ACTIVATE)
        self.service = service
        self.port = free_port()
        environment = []
        for name, value in service.environment().items():
            if name.endswith("SAN_OPTIONS"):
                environment += ["-E", "%s=%s" % (name, value)]
        self.output = open(service.home + "/activate", "wb")
        self.process = subprocess.Popen(
            [ACTIVATE, "-l", "127.0.0.1:%d" % self.port, *environment, *words,
             *program], stdin=subprocess.DEVNULL, stdout=self.output,
            stderr=self.output)
        keep(self)
        until(self._listens, 20, "systemd-socket-activate to listen")

    def _listens(self):
        with open("/proc/net/tcp") as f:
            return any(line.split()[1].endswith(":%04X" % self.port) and
                       line.split()[3] == "0A" for line in f)

    def address(self):
        return "127.0.0.1", self.port

    def cleanup(self):
        self.output.close()
        self.process.terminate()
        self.process.wait(20 * SLOW)


@test()
def socket_activate():
    """systemd-socket-activate: the daemon, by its first client"""
    s = Service()
    words = [w for w in s.words() if w != "-i"]
    a = Activator(s, "--fdname=json", program=[BINARY, *words])
    c = Raw(a)
    c.send('{"cmd":"login","name":"ann"}\n')
    contains(c.line(), b'"ok":true')
    eq(s.status_of()["listen"], ["json 127.0.0.1:%d" % a.port])
    eq(s.status_of()["pid"], a.process.pid)
    Json(a, "bob").ok("ping")


@test()
def socket_activate_waits():
    """systemd-socket-activate and -i: the daemon, while there are clients"""
    s = Service(inetd_linger=1)
    a = Activator(s, program=s.command())
    c = Person(a, "ann")
    eq(s.status_of()["pid"], a.process.pid)
    c.close()
    eq(a.process.wait(20 * SLOW), 0)
    s.logged("lonely")


@test()
def socket_activate_accepts():
    """Accept=yes: each client is handed over, from descriptor 3 or 0"""
    s = Service()
    a = Activator(s, "--accept", "--fdname=text", program=s.command())
    ann = Person(a, "ann")
    b = Activator(s, "--accept", "--inetd", program=s.command())
    bob = Json(b, "bob")
    bob.join()
    ann.say("hello")
    bob.message(text="hello")
    eq(s.status_of()["clients"], 2)
    eq(len(s.records("ready")), 1)
    eq({r["address"] for r in s.records("client-open")}, {"127.0.0.1"})
    # By its name it is text: nothing has to be waited for.
    c = Raw(a)
    c.until(NAME_PROMPT)


# Being told ---------------------------------------------------------------

class Told:
    """What NOTIFY_SOCKET is told, one message after the other."""

    def __init__(self, abstract=False):
        self.name = tempdir() + "/notify"
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.bind(("\0" if abstract else "") + self.name)
        self.name = ("@" if abstract else "") + self.name
        self.all = []
        keep(self)

    def next(self, timeout=10):
        self.sock.settimeout(timeout * SLOW)
        self.all.append(self.sock.recv(4096).decode())
        return self.all[-1]

    def until(self, text, timeout=20):
        """The first that begins with it."""
        limit = Deadline(timeout, lambda: "%s; there were %s" %
                         (text, self.all))
        while True:
            got = self.next(limit.left() / SLOW)
            if got.startswith(text):
                return got

    def cleanup(self):
        self.sock.close()


def _told(abstract=False, **more):
    told = Told(abstract)
    environment = {"NOTIFY_SOCKET": told.name, **more.pop("environment", {})}
    return told, Daemon(environment=environment, wait=False, **more)


@test()
def notified():
    """ready when it serves, reloading, its status, and that it stops"""
    told, d = _told()
    eq(told.next(), "READY=1")
    d.ready()
    Json(d, "ann").join()
    contains(told.until("STATUS="), " clients, ")
    d.send_signal(signal.SIGHUP)
    reloading = told.until("RELOADING=1\n")
    contains(reloading, "\nMONOTONIC_USEC=")
    usec = int(reloading.split("=")[-1])
    ok(0 <= time.monotonic() * 1e6 - usec < 60e6 * SLOW, "the clock")
    told.until("READY=1")
    d.log.wait("reloaded")
    until(lambda: told.until("STATUS=").startswith(
        "STATUS=1 clients, 1 users, 1 rooms"), 20, "the status")
    d.send_signal(signal.SIGTERM)
    told.until("STOPPING=1")
    eq(d.wait_end(), 0)
    d.ended()


@test()
def notified_of_a_bad_reload():
    """a reload that fails ends too"""
    told = Told()
    conf = tempdir() + "/conf"
    with open(conf, "w"):
        pass
    d = Daemon("-f", conf, environment={"NOTIFY_SOCKET": told.name})
    told.until("READY=1")
    with open(conf, "w") as f:
        f.write("loops = many\n")
    d.send_signal(signal.SIGHUP)
    told.until("RELOADING=1\n")
    told.until("READY=1")
    d.log.wait("reload-failed")


@test()
def notified_of_a_drain():
    """a drain is told as its end"""
    told, d = _told(abstract=True, drain_time=0)
    told.until("READY=1")
    d.send_signal(signal.SIGQUIT)
    contains(told.until("STOPPING=1"), "Draining")
    eq(d.wait_end(), 0)
    d.ended()


@test()
def watchdog():
    """a sign of life from every thread, as often as it is wanted"""
    told, d = _told(environment={"WATCHDOG_USEC": "300000"}, loops=2)
    told.until("READY=1")
    for _ in range(5):
        told.until("WATCHDOG=1", timeout=2)
    d.ready()
    # Not for another process, and not unless it is asked for.
    other = Told()
    e = Daemon(environment={"NOTIFY_SOCKET": other.name,
                            "WATCHDOG_USEC": "300000", "WATCHDOG_PID": "1"})
    other.until("READY=1")
    other.until("STATUS=")
    e.stop()
    other.until("STOPPING=1")
    lacks(other.all, "WATCHDOG=1")


@test()
def nobody_listens():
    """a NOTIFY_SOCKET that nobody has, is no reason to fail"""
    for name in ("/nonexistent/notify", "@nobody", "x", "", "/" + "x" * 200):
        d = Daemon(environment={"NOTIFY_SOCKET": name})
        Person(d, "ann")
        d.stop()
    told, d = _told()
    told.until("READY=1")
    told.cleanup()
    d.ready()
    Person(d, "ann")
    d.send_signal(signal.SIGHUP)
    d.log.wait("reloaded")


@test()
def not_passed_on():
    """what -i starts is not told of the sockets and watchdogs of -i"""
    told = Told()
    s = Service()
    theirs, ours = socket.socketpair()
    with theirs, ours:
        p = s.start(theirs, env={"NOTIFY_SOCKET": told.name,
                                 "WATCHDOG_USEC": "100000"})
        until(s.daemon, 20, "a daemon")
        with open("/proc/%d/environ" % s.daemon(), "rb") as f:
            lacks(f.read(), b"NOTIFY_SOCKET")
        ours.shutdown(socket.SHUT_WR)
        p.wait(20 * SLOW)
    told.sock.setblocking(False)
    try:
        eq(told.sock.recv(100), None, "what was told")
    except BlockingIOError:
        pass


if __name__ == "__main__":
    adopt_orphans()
    main()
