"""Daemons that are upgraded, and binaries that stand in the new one's place."""

import array
import contextlib
import ctypes
import os
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import time

from control import run_ctl, socket_of
from daemon import BINARY, Daemon
from harness import SLOW, Deadline, contains, eq, keep, ok, slowly, tempdir

# The daemon's own, in src/upgrade.h.
OFFER, HELLO, SESSIONS, HUB, END, READY, GO, NO = range(1, 9)
HEAD = struct.Struct("=HHII")
MAGIC = 0x5055
_PR_SET_CHILD_SUBREAPER = 36

FOREVER = {"history_max": 0, "history_age": 0, "history_bytes": 0}
OPTIONS = {"upgrade_timeout": slowly(5), "log_level": "info", **FOREVER}
# For binaries that lie elsewhere, or are none.
FREE = {"sandbox": "no", **FOREVER}


class Orphan:
    """As Popen, of a process that another one started and left to us."""

    def __init__(self, pid):
        self.pid = pid
        self.returncode = None

    def _reap(self, flags):
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, flags)
            if pid == self.pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def poll(self):
        try:
            return self._reap(os.WNOHANG)
        except ChildProcessError:       # its parent still lives
            return None

    def wait(self, timeout=None):
        limit = Deadline((timeout or 60) / SLOW, "the daemon's end")
        while self.poll() is None:
            if limit.passed():
                raise subprocess.TimeoutExpired("partylined", timeout)
            select.select([], [], [], 0.01)
        return self.returncode

    def send_signal(self, number):
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self):
        self.send_signal(signal.SIGKILL)


class Upgradable(Daemon):
    """A daemon with a durable store that another takes the place of."""

    def __init__(self, *arguments, store="sqlite", **options):
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        self.upgrades = 0
        super().__init__(*arguments, store=store, **options)

    def taken_over(self, pid, status=0):
        """pid serves now; the one before has ended with this status."""
        got = self.wait_end()
        ok(status is None or got == status,
           "exit status of the old daemon: %s" % got)
        self.process = Orphan(pid)
        self.upgrades += 1
        self.log.wait("ready", pid=pid)

    def upgrade(self, binary=None):
        """The new one's answer as partylinectl prints it."""
        words = ["upgrade"] + ([] if binary is None else [binary])
        status, out, err = run_ctl("-s", socket_of(self), *words, timeout=60)
        eq((status, err), (0, ""), "partylinectl upgrade")
        self.taken_over(int(re.match(r"process (\d+),", out).group(1)))
        return out

    def refused(self, binary, *why):
        """It goes on, and says why."""
        before = self.pid
        start = time.monotonic()
        status, out, err = run_ctl("-s", socket_of(self), "upgrade", binary,
                                   timeout=60)
        eq((status, out), (1, ""), "partylinectl upgrade: %s" % err)
        for word in why:
            contains(err, word)
        self.log.wait("upgrade-failed")
        ok(self.alive() and self.pid == before, "the old one goes on")
        return time.monotonic() - start


class _Background:
    """Ends whom the pid file names, however the test ends."""

    def __init__(self, pid_file):
        self.pid_file = pid_file
        keep(self)

    def cleanup(self):
        with contextlib.suppress(OSError, ValueError):
            with open(self.pid_file) as f:
                os.kill(int(f.read()), signal.SIGKILL)


def background(pid_file):
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    _Background(pid_file)


def script(text, interpreter="/bin/sh"):
    """A program of these lines; its path."""
    path = tempdir() + "/fake"
    with open(path, "w") as f:
        f.write("#!%s\n%s\n" % (interpreter, text))
    os.chmod(path, 0o755)
    return path


# The protocol ---------------------------------------------------------------

def field(tag, value):
    """A record's field."""
    if isinstance(value, int):
        value = value.to_bytes((value.bit_length() + 7) // 8, "little")
    return bytes([tag]) + len(value).to_bytes(4, "little") + value


def send_message(sock, kind, data=b"", fds=()):
    control = []
    if fds:
        control = [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                    array.array("i", fds))]
    data = HEAD.pack(MAGIC, kind, len(data), len(fds)) + data
    sent = sock.sendmsg([data], control)
    if sent < len(data):
        sock.sendall(data[sent:])


def recv_message(sock):
    """(kind, data, fds), or None at the end."""
    fds = array.array("i")
    head = b""
    while len(head) < HEAD.size:
        room = socket.CMSG_SPACE(128 * fds.itemsize)
        data, control, _, _ = sock.recvmsg(HEAD.size - len(head), room)
        if not data:
            return None
        for _, _, more in control:
            fds.frombytes(more[:len(more) - len(more) % fds.itemsize])
        head += data
    _, kind, length, _ = HEAD.unpack(head)
    data = b""
    while len(data) < length:
        more = sock.recv(length - len(data))
        if not more:
            return None
        data += more
    return kind, data, list(fds)


def fake(body, *words):
    """A binary in Python: body has sock, which leads to the old daemon."""
    return script("""import os, signal, socket, subprocess, sys, time
sys.path.insert(0, %r)
from upgrade import *
words = %r
sock = socket.socket(fileno=int(os.environ["PARTYLINED_UPGRADE"]))
%s
""" % (os.path.dirname(os.path.abspath(__file__)), words, body),
                  sys.executable)


class Relay:
    """Stands between the old daemon and a real new one, in a fake binary, and
    has somebody killed when a message of this kind comes: before it is passed
    on (when="before") or after."""

    def __init__(self, old, kind, when, victim, binary):
        self.old = old
        self.stop = (kind, when)
        self.victim = victim
        ours, theirs = socket.socketpair()
        os.set_inheritable(theirs.fileno(), True)
        env = dict(os.environ, PARTYLINED_UPGRADE=str(theirs.fileno()))
        # Not as a child: it must outlive this.
        read, write = os.pipe()
        if os.fork() == 0:
            os.write(write, b"%d" % subprocess.Popen(
                [binary, *sys.argv[1:]], env=env, close_fds=False).pid)
            os._exit(0)
        self.new_pid = int(os.read(read, 20))
        theirs.close()
        os.close(write)
        self.new = ours
        self.old_pid = os.getppid()

    def _look(self, kind, when):
        """Whether that was it: then nothing is passed on any more."""
        if (kind, when) != self.stop:
            return False
        pid = {"old": self.old_pid, "new": self.new_pid}[self.victim]
        os.kill(pid, signal.SIGKILL)
        return True

    def run(self):
        other = {self.old: self.new, self.new: self.old}
        while True:
            for sock in select.select(list(other), [], [])[0]:
                try:
                    message = recv_message(sock)
                    if message is None:
                        return
                    kind, data, fds = message
                    if self._look(kind, "before"):
                        return
                    send_message(other[sock], kind, data, fds)
                    if self._look(kind, "after"):
                        return
                except OSError:
                    return
                for fd in fds:
                    os.close(fd)


def relay(kind, when, victim):
    """Such a binary. It ends when either side does."""
    return fake("Relay(sock, *words).run()", kind, when, victim, BINARY)


class Successor:
    """A real binary in the new one's place; the test speaks as the old one."""

    def __init__(self, state_dir, pid=None):
        self.sock, theirs = socket.socketpair()
        self.sock.settimeout(10 * SLOW)
        os.set_inheritable(theirs.fileno(), True)
        self.process = subprocess.Popen(
            [BINARY, "-n", "-o", "state_dir=" + state_dir, "-o",
             "listen=json 127.0.0.1:0"], stderr=subprocess.PIPE,
            env=dict(os.environ, PARTYLINED_UPGRADE=str(theirs.fileno())),
            close_fds=False)
        theirs.close()
        self.pid = os.getpid() if pid is None else pid
        keep(self)

    def offer(self, format=3, more=b"", fds=(), epoch=b"none"):
        data = (field(1, format) + field(2, b"0.0.1") + field(3, self.pid) +
                field(7, epoch) + more)
        send_message(self.sock, OFFER, data, fds)

    def refusal(self, *why):
        """It says no, and ends."""
        kind, data, _ = recv_message(self.sock)
        eq(kind, NO)
        for word in why:
            contains(data.decode(), word)
        self.ended(*why)

    def ended(self, *why):
        eq(self.process.wait(10 * SLOW), 1, "exit status")
        err = self.process.stderr.read().decode()
        for word in why:
            contains(err, word)

    def cleanup(self):
        self.sock.close()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stderr.close()
