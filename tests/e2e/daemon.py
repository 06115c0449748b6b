"""The daemon under test: started, watched through its log, ended by its pid."""

import ctypes
import glob
import os
import re
import resource
import shutil
import signal
import subprocess
import threading

from harness import (Deadline, Failure, SLOW, Skip, TOP, diag, eq, keep,
                     reporter, short, tempdir)


def _find_binary():
    given = os.environ.get("PARTYLINED")
    if given:
        return os.path.abspath(given)
    for place in (os.getcwd(), os.environ.get("top_builddir", TOP), TOP):
        path = os.path.join(place, "partylined")
        if os.path.exists(path):
            return os.path.abspath(path)
    return os.path.join(TOP, "partylined")


BINARY = _find_binary()

# Tests that are not about a bound do without those that would hinder them.
DEFAULTS = {"loops": 2, "rate": 0, "max_clients_address": 0,
            "greet_delay": 250, "log_level": "info", "log_to": "stderr"}


def unhurried():
    """For files whose clients are programs and browsers for the most part: on
    a busy machine one may be slow to speak, and is no person for that."""
    DEFAULTS["greet_delay"] = 1500


_LINE = re.compile(r"^(\S+) ([a-z]+) ([a-z][a-z0-9-]*)((?: .*)?)$")
_FIELD = re.compile(r' ([A-Za-z][\w-]*)=("(?:[^"\\]|\\.)*"|[^\s"]*)')
_libc = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1
_running = []


def _unquote(value):
    return value[1:-1].replace('\\"', '"') if value.startswith('"') else value


def parse_log(line):
    """A log line as a dict with time, level, event and its fields, or None."""
    match = _LINE.match(line)
    if match is None:
        return None
    rest, end = match.group(4), 0
    record = {"time": match.group(1), "level": match.group(2),
              "event": match.group(3)}
    for field in _FIELD.finditer(rest):
        if field.start() != end:
            return None
        record[field.group(1)] = _unquote(field.group(2))
        end = field.end()
    return record if end == len(rest) else None


def _sanitizer_environment(directory):
    """The caller's sanitizer options, with reports going to directory."""
    env = dict(os.environ)
    for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS",
                 "LSAN_OPTIONS"):
        kept = [o for o in env.get(name, "").split(":")
                if o and not o.startswith("log_path=")]
        kept.append("log_path=%s/report" % directory)
        env[name] = ":".join(kept)
    return env


def _callers_log_path():
    for name in ("ASAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS"):
        for option in os.environ.get(name, "").split(":"):
            if option.startswith("log_path="):
                return option[len("log_path="):]
    return None


def _before_exec(limits):
    def prepare():
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        for what, value in limits.items():
            resource.setrlimit(what, value)
    return prepare


def as_user(user):
    """For Popen: that user's number, and no group but that of the number."""
    if user is None:
        return {}
    return {"user": user, "group": user, "extra_groups": []}


def run_binary(*arguments, timeout=10, cwd=None, env=None):
    """Runs it to its end; returns (status, stdout, stderr)."""
    done = subprocess.run([BINARY, *arguments], stdin=subprocess.DEVNULL,
                          capture_output=True, timeout=timeout * SLOW, cwd=cwd,
                          env=env, check=False)
    return (done.returncode, done.stdout.decode("utf-8", "replace"),
            done.stderr.decode("utf-8", "replace"))


def need_web():
    """Skips the test where the daemon was built without browsers."""
    _, _, told = run_binary("-n", "-t", "-o", "listen=http 127.0.0.1:0")
    if "left out of this build" in told:
        raise Skip("built without browsers")


class Log:
    """The lines a daemon wrote to its standard error, as they come."""

    def __init__(self, stream):
        self.lines = []
        self.ended = False
        self.changed = threading.Condition()
        self.thread = threading.Thread(target=self._read, args=(stream,),
                                       daemon=True)
        self.thread.start()

    def _read(self, stream):
        with stream:
            for raw in stream:
                line = raw.decode("utf-8", "replace").rstrip("\n")
                with self.changed:
                    self.lines.append(line)
                    self.changed.notify_all()
        with self.changed:
            self.ended = True
            self.changed.notify_all()

    def records(self, event=None, start=0):
        parsed = (parse_log(line) for line in self.lines[start:])
        return [r for r in parsed
                if r is not None and event in (None, r["event"])]

    def wait(self, event, timeout=10, start=0, **match):
        """The first record of this event whose fields match; waits for it."""
        limit = Deadline(timeout, "log event %s %s" % (event, match or ""))
        at = start
        with self.changed:
            while True:
                while at < len(self.lines):
                    record = parse_log(self.lines[at])
                    at += 1
                    if (record is not None and record["event"] == event and
                            all(record.get(k) == str(v)
                                for k, v in match.items())):
                        return record
                if self.ended:
                    raise Failure("the daemon ended without log event %s: %s" %
                                  (event, short(self.lines[-20:])))
                self.changed.wait(limit.left())


class Daemon:
    """One partylined with a state directory of its own.

    Keyword arguments are options (None leaves one out); listen may be a list.
    run_as is who runs it, by number.
    """

    def __init__(self, *arguments, store="memory", listen="auto 127.0.0.1:0",
                 state_dir=None, nofile=None, wait=True, environment=None,
                 run_as=None, **options):
        self.arguments = list(arguments)
        self.state_dir = state_dir or tempdir()
        self.reports = tempdir()
        self.options = dict(DEFAULTS, store=store, state_dir=self.state_dir)
        self.options.update(options)
        self.listen = [listen] if isinstance(listen, str) else list(listen)
        self.limits = {}
        if nofile is not None:
            self.limits[resource.RLIMIT_NOFILE] = (nofile, nofile)
        self.environment = environment or {}
        self.run_as = run_as
        self.process = None
        self.log = None
        self.listening = []     # the log's records
        self.past = []
        _running.append(self)
        keep(self)
        self.start(wait)

    def command(self):
        words = [BINARY, "-n"]
        for listen in self.listen:
            words += ["-o", "listen=" + listen]
        for name, value in self.options.items():
            if value is not None:
                words += ["-o", "%s=%s" % (name, value)]
        return words + self.arguments

    def start(self, wait=True):
        if not os.access(BINARY, os.X_OK):
            raise Failure("no binary at %s: build it, or set PARTYLINED" %
                          BINARY)
        environment = _sanitizer_environment(self.reports)
        environment.update(self.environment)
        self.process = subprocess.Popen(
            self.command(), stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
            env=environment, preexec_fn=_before_exec(self.limits),
            **as_user(self.run_as))
        self.log = Log(self.process.stderr)
        if wait:
            self.ready()

    def ready(self):
        self.log.wait("ready", 30)
        self.listening = self.log.records("listening")

    @property
    def pid(self):
        return self.process.pid

    def address(self, number=0):
        """Of the listener: (host, port), or a unix socket's path."""
        at = self.listening[number]
        if at["address"].startswith("/"):
            return at["address"]
        return at["address"], int(at["port"])

    @property
    def port(self):
        return self.address()[1]

    def send_signal(self, number):
        self.process.send_signal(number)

    def alive(self):
        return self.process.poll() is None

    def wait_end(self, timeout=20):
        """Its exit status, negative for a signal."""
        try:
            return self.process.wait(timeout * SLOW)
        except subprocess.TimeoutExpired:
            raise Failure("the daemon does not end") from None

    def ended(self):
        """It has ended in a way the test has already judged."""
        self.log.thread.join(5 * SLOW)
        self.past += self.log.lines
        self.process = None

    def stop(self, number=signal.SIGTERM, status=0):
        """Ends it in order and demands the status."""
        self.send_signal(number)
        got = self.wait_end()
        self.ended()
        eq(got, status, "exit status of the daemon")

    def kill(self):
        """SIGKILL: no chance to store anything."""
        self.process.kill()
        self.process.wait()
        self.ended()

    def restart(self):
        if self.process is not None:
            self.stop()
        self.start()

    def cleanup(self):
        _running.remove(self)
        status = 0
        if self.process is not None:
            if self.alive():
                self.send_signal(signal.SIGTERM)
            try:
                status = self.wait_end()
            finally:
                self.process.kill()
                self.process.wait()
                self.ended()
        self._check_reports()
        if status != 0:
            self.show()
            raise Failure("exit status of the daemon: %d" % status)

    def _check_reports(self):
        found = sorted(glob.glob(self.reports + "/report*"))
        target = _callers_log_path()
        for path in found:
            with open(path, errors="replace") as f:
                diag(f.read()[:20000])
            if target is not None:
                shutil.copy(path, target + path[len(self.reports) + 7:])
        if found:
            raise Failure("a sanitizer has %d reports" % len(found))

    def show(self):
        lines = self.past + (self.log.lines if self.process else [])
        diag("the daemon's log (%d lines):" % len(lines))
        for line in lines[-60:]:
            diag("  " + line[:400])


@reporter
def _show_all():
    for daemon in _running:
        daemon.show()
