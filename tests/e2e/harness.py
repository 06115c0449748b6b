"""What every end-to-end test stands on: TAP, deadlines, assertions, /proc.

A test file registers functions with @test and ends with main(). Each test has
a deadline of its own; what it opened (daemons, clients, programs) is closed
when it ends, and a daemon that does not end with status 0, or that a sanitizer
complained about, fails the test.

Environment:
  PARTYLINED  the binary (default: partylined in the build directory)
  E2E_QUICK   not empty and not 0: shorter loops, for sanitizer builds
  E2E_SLOW    factor for every deadline (default 1)
  E2E_SEED    seed of what is random (printed by every file)
"""

import errno
import math
import os
import random
import select
import shutil
import signal
import socket
import sys
import tempfile
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
QUICK = os.environ.get("E2E_QUICK", "0") not in ("", "0")
SLOW = float(os.environ.get("E2E_SLOW", "1"))
SEED = int(os.environ.get("E2E_SEED") or
           random.SystemRandom().randrange(1 << 31))


def _find_data():
    """Public test data beside the checkout, if it is there."""
    place = TOP
    while place != "/":
        place = os.path.dirname(place)
        path = os.path.join(place, "shared", "data")
        if os.path.isdir(path):
            return path
    return os.path.join(os.path.dirname(TOP), "shared", "data")


DATA = _find_data()


class Skip(Exception):
    """The test cannot run here; says why."""


class Failure(AssertionError):
    """What should hold does not."""


def quick(short, full):
    """The size of a loop: short under E2E_QUICK."""
    return short if QUICK else full


def slowly(seconds):
    """A time that the daemon is given, in whole seconds: within it the test
    has to do something, which takes a slow build longer."""
    return math.ceil(seconds * SLOW)


class Deadline:
    """A point in time that what is waited for must not pass."""

    def __init__(self, seconds, what):
        self.seconds = seconds * SLOW
        self.end = time.monotonic() + self.seconds
        self.what = what

    def left(self):
        """Seconds left; Failure if there are none."""
        left = self.end - time.monotonic()
        if left <= 0:
            what = self.what() if callable(self.what) else self.what
            raise Failure("waited %.1f s for %s" % (self.seconds, what))
        return left

    def passed(self):
        return time.monotonic() >= self.end


def readable(sock, seconds):
    """Whether there is something to read within so many seconds."""
    poll = select.poll()        # select() knows no descriptor above 1023
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(seconds * 1000))


def until(condition, seconds, what):
    """Polls what nobody can announce (/proc, a screen) and returns it."""
    limit = Deadline(seconds, what)
    while True:
        got = condition()
        if got:
            return got
        select.select([], [], [], min(0.02, limit.left()))


# Assertions ---------------------------------------------------------------

def short(value):
    text = repr(value)
    return text if len(text) <= 600 else text[:400] + " … " + text[-150:]


def fail(message):
    raise Failure(message)


def ok(condition, message):
    if not condition:
        raise Failure(message)


def eq(got, wanted, message=""):
    if got != wanted:
        raise Failure("%s: got %s, wanted %s" % (message or "value",
                                                short(got), short(wanted)))


def contains(haystack, needle, message=""):
    if needle not in haystack:
        raise Failure("%s: %s is not in %s" % (message or "value",
                                               short(needle), short(haystack)))


def lacks(haystack, needle, message=""):
    if needle in haystack:
        raise Failure("%s: %s is in %s" % (message or "value", short(needle),
                                           short(haystack)))


def below(got, limit, message):
    if not got < limit:
        raise Failure("%s: %s is not below %s" % (message, got, limit))


def has(mapping, *names):
    for name in names:
        if name not in mapping:
            raise Failure("%s has no %s" % (short(mapping), name))


def diag(*words):
    """A TAP comment; shown whether the test passes or not."""
    for line in " ".join(str(w) for w in words).splitlines():
        print("# " + line, flush=True)


def need(*programs):
    """Skips the test where one of these programs is not installed."""
    for program in programs:
        if shutil.which(program) is None:
            raise Skip(program + " is not installed")


def need_root():
    if os.geteuid() != 0:
        raise Skip("needs root")


# /proc --------------------------------------------------------------------

def rss(pid):
    """Resident set, bytes."""
    with open("/proc/%d/statm" % pid) as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def uss(pid):
    """What it has written, and nobody else has: that would come free if it
    ended, bytes. Not a library's clean pages, which become its own when the
    last other process that has them ends."""
    total = 0
    with open("/proc/%d/smaps_rollup" % pid) as f:
        for line in f:
            if line.startswith(("Private_Dirty:", "Swap:")):
                total += int(line.split()[1]) * 1024
    return total


def cpu(pid):
    """User and system time so far, seconds."""
    with open("/proc/%d/stat" % pid) as f:
        fields = f.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def threads_cpu(pid):
    """CPU seconds of each thread so far."""
    used = {}
    base = "/proc/%d/task" % pid
    for thread in os.listdir(base):
        with open("%s/%s/stat" % (base, thread)) as f:
            fields = f.read().rpartition(")")[2].split()
        used[thread] = (int(fields[11]) + int(fields[12])) / os.sysconf(
            "SC_CLK_TCK")
    return used


def does_not_grow(pid, limit, what, run):
    """Demands that the process grows by less than so many bytes in a run():
    in one of three. What leaks does so in each; what a heap and caches waver
    by comes and goes."""
    grown = []
    while not grown or grown[-1] >= limit:
        if len(grown) == 3:
            fail("%s: it grew by %s bytes, not less than %d" %
                 (what, grown, limit))
        before = uss(pid)
        run()
        grown.append(uss(pid) - before)
    diag("%s: it grew by %s KiB" % (what, [g >> 10 for g in grown]))


def descriptors(pid):
    return len(os.listdir("/proc/%d/fd" % pid))


def free_port():
    """One that was free a moment ago, for who has to know it beforehand; and
    which nobody is given meanwhile who asks for any."""
    with open("/proc/sys/net/ipv4/ip_local_port_range") as f:
        first = int(f.read().split()[0])
    for port in random.SystemRandom().sample(range(1024, max(first, 2048)),
                                             100):
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise Skip("no port is free")


def sanitized(binary):
    """Whether it is an ASan or TSan build, whose memory means nothing."""
    with open(binary, "rb") as f:
        data = f.read()
    return b"__asan_init" in data or b"__tsan_init" in data


def percentile(values, p):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * p / 100))]


# What a test has open -----------------------------------------------------

_open = []
_reporters = []


def keep(thing):
    """thing.cleanup() is called when the test ends, the newest first."""
    _open.append(thing)
    return thing


def forget(thing):
    """The test has closed it itself."""
    if thing in _open:
        _open.remove(thing)


def reporter(function):
    """function() is called when a test fails, to show what is known."""
    _reporters.append(function)
    return function


class TempDir:
    """A directory that goes with the test; sockets' paths must be short."""

    def __init__(self):
        self.path = tempfile.mkdtemp(prefix="pl-")
        keep(self)

    def cleanup(self):
        shutil.rmtree(self.path, ignore_errors=True)


def tempdir():
    return TempDir().path


# Running ------------------------------------------------------------------

_tests = []


def test(timeout=60):
    """Registers a test; its docstring's first line is its name."""
    def register(function):
        _tests.append((function, timeout))
        return function
    return register


def test_stores(timeout=60):
    """Registers function(store) twice: for the store in memory and sqlite."""
    def register(function):
        for store in ("memory", "sqlite"):
            def bound(store=store):
                function(store)
            bound.__name__ = "%s_%s" % (function.__name__, store)
            bound.__doc__ = function.__doc__
            _tests.append((bound, timeout))
        return function
    return register


def _alarm(_signal, _frame):
    raise Failure("the test's own deadline passed")


def _cleanup():
    """Closes all; returns what went wrong with it."""
    wrong = []
    while _open:
        thing = _open.pop()
        try:
            thing.cleanup()
        except Exception as error:      # the rest must be closed all the same
            wrong.append(error)
    return wrong


def _run(function, timeout, needs):
    """Returns None, a Skip or what failed."""
    result = None
    random.seed(SEED)
    signal.setitimer(signal.ITIMER_REAL, timeout * SLOW)
    try:
        for need_ in needs:
            need_()
        function()
    except Skip as skip:
        result = skip
    except Exception as error:
        result = error
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    if isinstance(result, Exception) and not isinstance(result, Skip):
        diag("".join(traceback.format_exception(result)))
        for report in _reporters:
            report()
    signal.setitimer(signal.ITIMER_REAL, 60 * SLOW)
    try:
        wrong = _cleanup()
    except Failure as error:
        wrong = [error] + _cleanup()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    for error in wrong:
        diag("at the end:", "".join(traceback.format_exception_only(error)))
        if result is None or isinstance(result, Skip):
            result = error
    return result


def main(*needs):
    """Runs the file's tests, or those whose names hold one of the arguments.

    needs are called before each, and raise Skip where it cannot run.
    """
    signal.signal(signal.SIGALRM, _alarm)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    # What runs behind a shell ignores it, and so would what it starts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    wanted = sys.argv[1:]
    chosen = [(f, t) for f, t in _tests
              if not wanted or any(w in f.__name__ for w in wanted)]
    failed = 0
    print("1..%d" % len(chosen), flush=True)
    diag("seed %d" % SEED)
    for number, (function, timeout) in enumerate(chosen, 1):
        name = "%s: %s" % (function.__name__,
                           (function.__doc__ or "").split("\n")[0].rstrip("."))
        start = time.monotonic()
        result = _run(function, timeout, needs)
        took = time.monotonic() - start
        if result is None:
            print("ok %d - %s" % (number, name))
        elif isinstance(result, Skip):
            print("ok %d - %s # SKIP %s" % (number, name, result))
        else:
            failed += 1
            print("not ok %d - %s" % (number, name))
        diag("%.1f s" % took)
    sys.exit(1 if failed else 0)


def reset_error(error):
    """Whether this OSError says that the other side is gone."""
    return error.errno in (errno.ECONNRESET, errno.EPIPE, errno.ENOTCONN,
                           errno.ECONNABORTED)
