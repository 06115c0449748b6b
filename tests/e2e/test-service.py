#!/usr/bin/env python3
"""systemd: what it is told, and the sockets that it makes."""

import os
import re
import signal
import socket
import subprocess
import time

from client import NAME_PROMPT, Json, Raw
from control import ctl, ctl_json, run_ctl, socket_of
from daemon import BINARY, Daemon, Log
from harness import (SLOW, Deadline, Skip, contains, eq, free_port, keep,
                     main, need, ok, readable, tempdir, test, until)


def _need_systemd():
    need("ldd")
    libraries = subprocess.run(["ldd", BINARY], capture_output=True,
                               check=False).stdout
    if b"libsystemd" not in libraries:
        raise Skip("built without systemd")


class Manager:
    """systemd's ear."""

    def __init__(self):
        _need_systemd()
        self.path = tempdir() + "/notify"
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.bind(self.path)
        self.told = []
        keep(self)

    def cleanup(self):
        self.sock.close()

    def hear(self, key, timeout=10, **match):
        """The next notice with this key; what came before it is in told."""
        limit = Deadline(timeout, lambda: "%s; told %r" % (key, self.told))
        while True:
            if not readable(self.sock, limit.left()):
                continue
            data = self.sock.recv(65536).decode()
            notice = dict(line.split("=", 1) for line in data.splitlines())
            self.told.append(notice)
            if key in notice and all(re.search(v, notice[k])
                                     for k, v in match.items()):
                return notice


def _daemon(manager, *arguments, environment=None, **options):
    return Daemon(*arguments, environment=dict(
        environment or {}, NOTIFY_SOCKET=manager.path), **options)


@test()
def ready_and_end():
    """it is told when the daemon is ready, and when it ends"""
    m = Manager()
    d = _daemon(m)
    notice = m.hear("READY")
    eq((notice["READY"], notice["MAINPID"]), ("1", str(d.pid)))
    Raw(d)
    d.stop()
    m.hear("STOPPING")
    eq([t for t in m.told[:-1] if "STOPPING" in t], [], "told too early")


@test()
def reloading():
    """each reload begins and ends, also one that is refused"""
    m = Manager()
    d = _daemon(m)
    m.hear("READY")
    before = time.clock_gettime(time.CLOCK_MONOTONIC) * 1e6
    d.send_signal(signal.SIGHUP)
    notice = m.hear("RELOADING")
    ok(before <= int(notice["MONOTONIC_USEC"]) <=
       time.clock_gettime(time.CLOCK_MONOTONIC) * 1e6, "its time")
    m.hear("READY")
    ctl(d, "reload")
    m.hear("RELOADING")
    m.hear("READY")
    path = tempdir() + "/conf"
    with open(path, "w") as f:
        f.write("rate = 7\n")
    other = Manager()
    d = _daemon(other, "-f", path)
    other.hear("READY")
    with open(path, "w") as f:
        f.write("nonsense = 7\n")
    eq(run_ctl("-s", socket_of(d), "reload")[0], 1)
    other.hear("RELOADING")
    other.hear("READY")


@test()
def watchdog():
    """it hears that loops and hub are alive, as often as it wants"""
    m = Manager()
    d = _daemon(m, environment={"WATCHDOG_USEC": "600000"})
    # As often as it wants; a busy machine may be late now and then.
    until(lambda: all(_hears_soon(m, 0.6) for _ in range(3)), 20,
          "three signs of life in time")
    Json(d, "ann").join()
    m.hear("STATUS", STATUS="serving: 1 clients, 1 users, 1 rooms")
    d.send_signal(signal.SIGSTOP)
    # What was under way is heard; then nothing, which is what it is for.
    until(lambda: _silent(m, 1), 10, "silence")
    d.send_signal(signal.SIGCONT)
    m.hear("WATCHDOG")


def _hears_soon(m, seconds):
    before = time.monotonic()
    m.hear("WATCHDOG")
    return time.monotonic() - before < seconds


def _silent(m, seconds):
    if readable(m.sock, seconds):
        m.sock.recv(65536)
        return False
    return True


@test()
def draining():
    """a drain is an end that takes its time"""
    m = Manager()
    d = _daemon(m, drain_time="1d")
    c = Json(d, "ann")
    m.hear("READY")
    d.send_signal(signal.SIGQUIT)
    contains(m.hear("STOPPING")["STATUS"], "draining")
    c.ok("quit")
    eq(d.wait_end(10), 0)
    d.ended()


class Activated:
    """A daemon that systemd-socket-activate starts at the first client."""

    def __init__(self, *sockets, names=None, options=()):
        _need_systemd()
        need("systemd-socket-activate")
        self.state_dir = tempdir()
        words = ["systemd-socket-activate"]
        for where in sockets:
            words += ["-l", where]
        if names is not None:
            words.append("--fdname=" + ":".join(names))
        words += [BINARY, "-n", "-o", "store=memory", "-o",
                  "state_dir=" + self.state_dir, "-o", "greet_delay=100"]
        for option in options:
            words += ["-o", option]
        self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE)
        self.log = Log(self.process.stderr)
        keep(self)
        self._until_it_listens(len(sockets))

    def _until_it_listens(self, count):
        def said():
            return sum("Listening on" in line
                       for line in self.log.lines) >= count
        until(said, 10, "systemd-socket-activate")

    def cleanup(self):
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.process.wait(20 * SLOW)
        finally:
            self.process.kill()
            self.process.wait()


@test()
def sockets_by_name():
    """its sockets take the place of listen, each of the kind of its name"""
    home = tempdir()
    port = free_port()
    a = Activated("127.0.0.1:%d" % port, home + "/json",
                  names=["text", "json"],
                  options=["listen=auto 127.0.0.1:1", "listen = text /no/no"])
    person = Raw(("127.0.0.1", port))
    person.until(NAME_PROMPT)
    Json(home + "/json", "ann").join()
    a.log.wait("ready")
    listening = a.log.records("listening")
    eq([(r["kind"], r["address"]) for r in listening],
       [("text", "127.0.0.1"), ("json", home + "/json")])
    status = ctl_json(a, "status")
    eq(status["listen"], ["text 127.0.0.1:%d" % port,
                          "json unix:%s/json" % home])
    eq(ctl(a, "reload"), "nothing has changed\n")
    a.process.terminate()
    eq(a.process.wait(20 * SLOW), 0)
    ok(os.path.exists(home + "/json"), "the socket is systemd's")


@test()
def sockets_without_names():
    """a socket without a name of its own is auto; IPv6 too"""
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
            port = probe.getsockname()[1]
    except OSError:
        raise Skip("no IPv6") from None
    a = Activated("[::1]:%d" % port)
    Json(("::1", port), "ann").join()
    eq(a.log.wait("listening")["kind"], "auto")


def _start_with(fd, name):
    """Starts it with this as descriptor 3; its status and message."""
    _need_systemd()
    script = ('LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES="$1" exec "$2" -n '
              '-o store=memory -o control=')
    done = subprocess.run(["/bin/sh", "-c", script, "sh", name, BINARY],
                          stdin=subprocess.DEVNULL, capture_output=True,
                          check=False, timeout=30 * SLOW, text=True,
                          pass_fds=[3], preexec_fn=lambda: os.dup2(fd, 3))
    return done.returncode, done.stderr


@test()
def sockets_that_do_not_do():
    """what is no listening stream socket, or of no kind, is refused"""
    held = os.open("/dev/null", os.O_RDONLY)    # 3 is free for nobody else
    stream = socket.create_server(("127.0.0.1", 0))
    datagram = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    idle = socket.socket()
    abstract = socket.socket(socket.AF_UNIX)
    abstract.bind("\0pl-test-%d" % os.getpid())
    abstract.listen()
    try:
        for fd, name, wanted in (
                (stream.fileno(), "jsn", "perhaps json"),
                (datagram.fileno(), "auto", "no listening stream"),
                (idle.fileno(), "auto", "no listening stream"),
                (held, "auto", "no listening stream"),
                (abstract.fileno(), "auto", "no address")):
            status, err = _start_with(fd, name)
            eq(status, 1, err)
            contains(err, wanted)
    finally:
        for one in (stream, datagram, idle, abstract):
            one.close()
        os.close(held)


if __name__ == "__main__":
    main()
