#!/usr/bin/env python3
"""partylined -i: waiting, as the daemon of a socket, and relaying."""

import os
import select
import signal
import socket
import subprocess
import threading
import time

from client import NAME_PROMPT, Json, Person, Program, Raw
from harness import (SLOW, contains, diag, eq, keep, main, ok, quick, slowly,
                     test, until)
from inetd import Inetd, Service, adopt_orphans, piped


# Waiting ------------------------------------------------------------------

class Wait:
    """A socket that listens, as "wait" has it, and one -i after the other."""

    def __init__(self, service, **options):
        self.service = service
        self.server = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.options = options
        self.process = None
        keep(self)

    def address(self):
        return self.server.getsockname()

    def start(self):
        self.process = self.service.start(self.server, **self.options)

    def wait_end(self, timeout=30):
        status = self.process.wait(timeout * SLOW)
        self.process = None
        return status

    def cleanup(self):
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            eq(self.wait_end(), 0, "exit status")
        self.server.close()


@test()
def waits():
    """"wait": it is the daemon, and ends when it was alone for long enough"""
    s = Service(inetd_linger=1)
    w = Wait(s)
    first = Raw(w)
    w.start()
    first.until(NAME_PROMPT)
    ann, bob = Person(w, "ann"), Json(w, "bob")
    bob.join()
    ann.say("hello")
    bob.message(text="hello")
    eq(s.status_of()["pid"], w.process.pid)
    eq(s.status_of()["listen"], ["auto 127.0.0.1:%d" % w.address()[1]])
    ann.silent(1.5)             # longer than the linger
    ok(not ann.ended, "with clients it stays")
    eq(w.process.poll(), None)
    for c in (first, ann):
        c.close()
    bob.ok("ping")
    before = time.monotonic()
    bob.close()
    eq(w.wait_end(), 0)
    ok(time.monotonic() - before > 0.8, "it lingered")
    s.logged("lonely")
    # Who comes then waits in the queue for the next one.
    late = Raw(w)
    w.start()
    late.until(NAME_PROMPT)
    eq(len(s.records("ready")), 2)


@test(timeout=180)
def waits_again_and_again():
    """ends and new clients at the same moment: nobody is lost"""
    s = Service(inetd_linger=0)
    w = Wait(s)
    rounds = quick(15, 60)
    ended = threading.Event()
    statuses = []

    def inetd():                # starts one whenever there is a client
        while not ended.is_set():
            if select.select([w.server], [], [], 0.05)[0]:
                p = s.start(w.server)
                statuses.append(p.wait())

    # The next one comes at once, as the daemon sets about to end, or as it has.
    moments = (lambda: 0, lambda: len(s.records("lonely")),
               lambda: len(statuses))
    thread = threading.Thread(target=inetd)
    thread.start()
    try:
        for n in range(rounds):
            c = Json(w)
            c.ok("login", name="c%d" % n)
            c.ok("ping")
            count = moments[n % len(moments)]
            before = count()
            c.close()
            until(lambda: n % len(moments) == 0 or count() > before, 10,
                  "the end to come so far")
    finally:
        ended.set()
        thread.join(30 * SLOW)
    eq(set(statuses), {0})
    diag("%d clients, %d daemons" % (rounds, len(statuses)))
    ok(len(statuses) >= rounds // len(moments), "one after the other")


@test()
def waits_beside_a_daemon():
    """"wait" where a daemon runs: its clients are handed over to it"""
    s = Service(inetd_linger=1)
    i = Inetd(s)
    ann = Person(i, "ann")
    w = Wait(s)
    w.start()
    bob = Json(w, "bob")
    bob.join()
    bob.say("hello")
    ann.see("<bob> hello")
    eq(w.wait_end(), 0)
    bob.say("still here")
    ann.see("<bob> still here")
    eq(len(s.records("ready")), 1)


@test()
def two_that_wait():
    """two sockets, one daemon: as with tcp and tcp6 in inetd.conf"""
    s = Service(inetd_linger=slowly(2))
    one, two = Wait(s), Wait(s)
    one.start()
    two.start()
    ann, bob = Person(one, "ann"), Json(two, "bob")
    bob.join()
    ann.say("hello")
    bob.message(text="hello")
    eq(len(s.records("ready")), 1)
    for c in ann, bob:
        c.close()
    eq([one.wait_end(), two.wait_end()], [0, 0])


# Relaying -----------------------------------------------------------------

@test()
def pipes():
    """pipes: both ways, the end of either, and no byte lost"""
    s = Service()
    p = piped(s)
    p.until(NAME_PROMPT)
    p.send("ann\nhello\n")
    p.until(b"<ann> hello")
    p.send("/quit\n")
    contains(p.to_end(), b"Bye.")
    eq(p.wait_end(), 0)
    # All is read before the end of input is heeded, as with nc -q.
    count = 2000
    lines = ['{"cmd":"login","name":"bot"}',
             '{"cmd":"subscribe","room":"lobby"}']
    lines += ['{"cmd":"say","id":%d,"room":"lobby","text":"%s"}' %
              (n, "x" * 100) for n in range(count)]
    done = subprocess.run(s.command(), input="\n".join(lines).encode() + b"\n",
                          capture_output=True, env=s.environment(),
                          timeout=60 * SLOW, check=False)
    eq((done.returncode, done.stderr), (0, b""))
    eq(done.stdout.count(b'"reply":"say"'), count)
    eq(done.stdout.count(b'"event":"message"'), count)
    eq(done.stdout[-1:], b"\n")


@test(timeout=120)
def slow_pipe():
    """a reader that stops is waited for, and gets everything"""
    s = Service(store="memory")
    p = piped(s)
    p.send('{"cmd":"login","name":"slow"}\n'
           '{"cmd":"subscribe","room":"lobby"}\n')
    p.until(b'"reply":"subscribe"')
    w = Json(Inetd(s), "writer")
    w.join()
    count = quick(500, 3000)
    for n in range(count):
        w.say("%d %s" % (n, "y" * 500))
    got = p.until(b'"%d y*"}' % (count - 1), timeout=60)
    eq(got.count(b'"event":"message"'), count)
    p.send('{"cmd":"quit"}\n')
    p.to_end()
    eq(p.wait_end(), 0)


@test()
def nobody_reads():
    """where the reader has gone it ends, and so does the client"""
    s = Service()
    p = piped(s)
    p.until(NAME_PROMPT)
    p.process.stdout.close()
    p.send("ann\nhello\n")
    eq(p.wait_end(), 0)
    until(lambda: s.status_of()["clients"] == 0, 10, "no client")
    p.process.stdout = open(os.devnull, "rb")


@test()
def daemon_gone():
    """where the daemon dies the relay ends"""
    s = Service()
    p = piped(s)
    p.until(NAME_PROMPT)
    s.end(signal.SIGKILL)
    p.to_end()
    eq(p.wait_end(), 0)


@test()
def terminal():
    """on a terminal, by hand and as ssh has it"""
    s = Service()
    p = Program(*s.command(), terminal=True)
    p.until(NAME_PROMPT)
    p.send("ann\nhello\n")
    p.until(b"<ann> hello")
    p.send(b"\x04")             # the end of input, by hand
    eq(p.wait_end(), 0)
    until(lambda: s.status_of()["clients"] == 0, 10, "no client")
    # A person is told on the terminal what is wrong.
    p = Program(*s.command("-o", "loops=x"), terminal=True)
    contains(p.to_end(), b"loops")
    p = Program(*s.command("-o", "loops=x"), terminal=True,
                env={"SSH_CONNECTION": "192.0.2.7 1 192.0.2.1 22"})
    eq(p.to_end(), b"")


if __name__ == "__main__":
    adopt_orphans()
    main()
