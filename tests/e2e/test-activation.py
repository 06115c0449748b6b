#!/usr/bin/env python3
"""partylined -i by systemd, and a daemon that listens nowhere."""

import socket
import subprocess

from client import NAME_PROMPT, Json, Person, Raw
from control import ctl_json
from daemon import Daemon, run_binary
from harness import (SLOW, contains, eq, free_port, keep, lacks, main, need,
                     tempdir, test, until)
from inetd import Inetd, Service, adopt_orphans

ACTIVATE = "systemd-socket-activate"


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


@test()
def not_passed_on():
    """what -i starts is not told of the sockets and watchdogs of -i"""
    name = tempdir() + "/notify"
    told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    told.bind(name)
    s = Service()
    theirs, ours = socket.socketpair()
    with theirs, ours:
        p = s.start(theirs, env={"NOTIFY_SOCKET": name,
                                 "WATCHDOG_USEC": "100000"})
        until(s.daemon, 20, "a daemon")
        with open("/proc/%d/environ" % s.daemon(), "rb") as f:
            lacks(f.read(), b"NOTIFY_SOCKET")
        ours.shutdown(socket.SHUT_WR)
        p.wait(20 * SLOW)
    told.setblocking(False)
    with told:
        try:
            eq(told.recv(100), None, "what was told")
        except BlockingIOError:
            pass


if __name__ == "__main__":
    adopt_orphans()
    main()
