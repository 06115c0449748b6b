"""partylined -i, and the daemon that it finds or starts."""

import ctypes
import os
import select
import signal
import socket
import subprocess
import threading
import time

from client import Program, Raw
from control import ctl_json
from daemon import BINARY, as_user, parse_log
from daemon import _sanitizer_environment as sanitizer_environment
from harness import (SLOW, Deadline, Failure, diag, eq, keep, reporter,
                     tempdir, until)

_PR_SET_CHILD_SUBREAPER = 36
_services = []


def adopt_orphans():
    """Daemons that -i has started are to be ours, to see how they end."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


class Held(Raw):
    """A socket that is there already."""

    def __init__(self, sock):
        sock.settimeout(10 * SLOW)
        self.sock = sock
        self.buffer = b""
        self.ended = False
        keep(self)


class Service:
    """What stands behind "partylined -i": options, and the daemon's traces."""

    def __init__(self, state_dir=None, user=None, **options):
        self.home = tempdir()
        self.reports = tempdir()
        self.user = user
        self.state_dir = state_dir or self.home + "/state"
        self.log = self.home + "/log"
        if user is not None:
            os.chown(self.home, user, user)
            os.chmod(self.reports, 0o777)
        self.options = {"state_dir": self.state_dir, "log_to": self.log,
                        "pid_file": self.home + "/pid", "loops": 2,
                        "rate": 0, "max_clients_address": 0,
                        "greet_delay": 100, "log_level": "info", **options}
        self.started = []
        _services.append(self)
        keep(self)

    def words(self, *more):
        words = ["-i", "-n", *more]
        for name, value in self.options.items():
            words += ["-o", "%s=%s" % (name, value)]
        return words

    def command(self, *more):
        return [BINARY, *self.words(*more)]

    def environment(self, **more):
        return {**sanitizer_environment(self.reports), **more}

    def start(self, stdin, *more, stdout=None, stderr=None, user=None,
              env=None, **options):
        """-i with this as its descriptor 0, and 1 and 2 unless told."""
        process = subprocess.Popen(
            self.command(*more), stdin=stdin,
            stdout=stdin if stdout is None else stdout,
            stderr=stdin if stderr is None else stderr,
            env=self.environment(**(env or {})),
            **as_user(user or self.user), **options)
        self.started.append(process)
        return process

    def records(self, event=None):
        try:
            with open(self.log) as f:
                lines = f.read().splitlines()
        except FileNotFoundError:
            return []
        parsed = (parse_log(line) for line in lines)
        return [r for r in parsed
                if r is not None and event in (None, r["event"])]

    def logged(self, event, count=1, **match):
        """So many records of this kind; waits for them."""
        def found():
            r = [r for r in self.records(event)
                 if all(r.get(k) == str(v) for k, v in match.items())]
            return r if len(r) >= count else None
        return until(found, 10, "%d times %s %s in the log" %
                     (count, event, match))

    def daemon(self):
        """The running daemon's number, or None."""
        try:
            with open(self.home + "/pid") as f:
                pid = int(f.read() or 0)
            os.kill(pid, 0)
            return pid or None
        except (FileNotFoundError, ProcessLookupError):
            return None

    def status_of(self):
        return ctl_json(self, "status")

    def end(self, number=signal.SIGTERM):
        """Ends the daemon; returns its exit status, negative for a signal."""
        pid = self.daemon()
        if pid is None:
            return None
        os.kill(pid, number)
        return self.gone(pid)

    def gone(self, pid):
        limit = Deadline(20, "the end of daemon %d" % pid)
        while True:
            try:
                got, status = os.waitpid(pid, os.WNOHANG)
            except ChildProcessError:
                got = 0         # who has started it has not ended yet
            if got == pid:
                return os.waitstatus_to_exitcode(status)
            select.select([], [], [], min(0.01, limit.left()))

    def cleanup(self):
        _services.remove(self)
        for process in self.started:    # one may be starting a daemon
            try:
                process.wait(10 * SLOW)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        status = self.end()
        reports = os.listdir(self.reports)
        for name in reports:
            with open(self.reports + "/" + name, errors="replace") as f:
                diag(f.read()[:20000])
        if reports:
            raise Failure("a sanitizer has %d reports" % len(reports))
        if status not in (None, 0):
            raise Failure("exit status of the daemon: %s" % status)


class Inetd:
    """A small inetd: accepts, and starts -i for each client, as nowait has
    it."""

    def __init__(self, service, *more, address=("127.0.0.1", 0), family=None,
                 user=None):
        self.service = service
        self.more = more
        self.user = user
        self.server = socket.socket(family or socket.AF_INET)
        self.server.bind(address)
        self.server.listen(1024)
        self.done = []          # (exit status, seconds it took)
        self.changed = threading.Condition()
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()
        keep(self)

    def address(self):
        return self.server.getsockname()

    def _serve(self):
        while True:
            try:
                sock, _ = self.server.accept()
            except OSError:
                return
            threading.Thread(target=self._one, args=(sock,),
                             daemon=True).start()

    def _one(self, sock):
        before = time.monotonic()
        with sock:
            process = self.service.start(sock, *self.more, user=self.user)
        status = process.wait()
        with self.changed:
            self.done.append((status, time.monotonic() - before))
            self.changed.notify_all()

    def ended(self, count):
        """Waits until so many have ended; returns their statuses."""
        limit = Deadline(30, lambda: "%d ends of -i; there are %d" %
                         (count, len(self.done)))
        with self.changed:
            while len(self.done) < count:
                self.changed.wait(limit.left())
            return [status for status, _ in self.done]

    def cleanup(self):
        # accept() is left by nothing else.
        self.server.shutdown(socket.SHUT_RDWR)
        self.thread.join(10 * SLOW)
        self.server.close()
        eq(self.thread.is_alive(), False, "the thread that accepts")


def piped(s, env=None):
    """A Program: -i on pipes."""
    user = as_user(s.user)

    class Piped(Program):
        def __init__(self):
            self.buffer, self.ended = b"", False
            self.process = subprocess.Popen(
                s.command(), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, bufsize=0,
                env=s.environment(**(env or {})), **user)
            self.input = self.process.stdin.fileno()
            self.output = self.process.stdout.fileno()
            keep(self)

    return Piped()


@reporter
def _show():
    for service in _services:
        diag("the log of %s:" % service.home)
        for r in service.records()[-40:]:
            diag("  %s" % r)
