"""Clients: JSON, bytes on a socket, and other people's programs."""

import collections
import fcntl
import itertools
import json
import os
import pty
import re
import select
import signal
import socket
import struct
import subprocess
import termios
import time

from harness import (Deadline, Failure, SLOW, eq, forget, has, keep, need,
                     readable, reset_error, short, tempdir, until)

WAIT = 10       # seconds a reply or an event may take
NAME_PROMPT = rb"your name\? "
_ids = itertools.count(1)


def connect(where, rcvbuf=None, sndbuf=None, tls=None, first=b""):
    """A connected stream socket; where is a Daemon, (host, port) or a path.

    tls: an ssl.SSLContext to shake hands by; first: bytes sent before that.
    """
    address = where.address() if hasattr(where, "address") else where
    if isinstance(address, str):
        family = socket.AF_UNIX
    else:
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    if rcvbuf is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
    if sndbuf is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, sndbuf)
    if family != socket.AF_UNIX:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.settimeout(10 * SLOW)
    try:
        sock.connect(address)
        if first:
            sock.sendall(first)
        if tls is not None:
            sock = tls.wrap_socket(sock, server_hostname="localhost")
    except OSError:
        sock.close()
        raise
    return sock


class Raw:
    """Bytes on a socket, with a deadline on everything."""

    def __init__(self, where, **options):
        self.sock = connect(where, **options)
        self.buffer = b""
        self.ended = False
        keep(self)

    def fileno(self):
        return self.sock.fileno()

    def send(self, data, timeout=WAIT):
        if isinstance(data, str):
            data = data.encode()
        self.sock.settimeout(timeout * SLOW)
        self.sock.sendall(data)

    def pour(self, data):
        """Sends what the socket takes at once; the number of bytes."""
        self.sock.setblocking(False)
        try:
            return self.sock.send(data)
        except BlockingIOError:
            return 0

    def fill(self, limit):
        """Reads once more; False at the end of the stream."""
        if self.ended:
            return False
        if not (hasattr(self.sock, "pending") and self.sock.pending()) and \
                not readable(self.sock, limit.left()):
            limit.left()
            return True
        try:
            self.sock.settimeout(limit.left())      # of TLS, half a record
            data = self.sock.recv(1 << 18)
        except TimeoutError:
            return True
        except OSError as error:
            if not reset_error(error):
                raise
            data = b""
        if not data:
            self.ended = True
            return False
        self.buffer += data
        return True

    def until(self, pattern, timeout=WAIT):
        """Reads to the end of a bytes pattern's match; all up to there."""
        if isinstance(pattern, str):
            pattern = pattern.encode()
        compiled = re.compile(pattern, re.S)
        limit = Deadline(timeout, lambda: "%r; there is %s" %
                         (pattern, short(self.buffer[-400:])))
        while True:
            match = compiled.search(self.buffer)
            if match:
                head = self.buffer[:match.end()]
                self.buffer = self.buffer[match.end():]
                return head
            if not self.fill(limit):
                raise Failure("the connection ended before %r; there is %s" %
                              (pattern, short(self.buffer[-400:])))

    def line(self, timeout=WAIT):
        return self.until(rb"\n", timeout)

    def to_end(self, timeout=WAIT):
        """Everything until the server closes."""
        limit = Deadline(timeout, "the server's close")
        while self.fill(limit):
            pass
        data, self.buffer = self.buffer, b""
        return data

    def silent(self, seconds):
        """What comes within this time; for what must not come."""
        end = time.monotonic() + seconds
        while not self.ended:
            left = end - time.monotonic()
            if left <= 0:
                break
            if readable(self.sock, left):
                self.fill(Deadline(1, "bytes"))
        return self.buffer

    def half_close(self):
        self.sock.shutdown(socket.SHUT_WR)

    def close(self):
        forget(self)
        self.sock.close()

    def reset(self):
        """Closes with RST."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                             struct.pack("ii", 1, 0))
        self.close()

    def cleanup(self):
        self.sock.close()


class Json(Raw):
    """A JSON client. Events that nobody has asked for wait in .events."""

    def __init__(self, where, name=None, **options):
        super().__init__(where, **options)
        self.lines = collections.deque()
        self.events = collections.deque()
        self.replies = {}
        self.name = name
        self.login_reply = None
        self.heard = False          # any JSON yet
        self.errors = "strict"      # what is not UTF-8 fails the test
        if name is not None:
            self.login_reply = self.ok("login", name=name)

    # How JSON travels; a carrier that is not lines has these two of its own.

    def speak(self, text):
        """Sends one JSON text, given as bytes."""
        self.send(text if text.endswith(b"\n") else text + b"\n")

    def hear(self, limit):
        """The next JSON text; Failure at the end of the stream."""
        while True:
            while self.lines:
                line = self.lines.popleft()
                if line.startswith(b"{"):
                    self.heard = True
                    return line
                if self.heard:  # else a greeting that was under way
                    raise Failure("no JSON: %s" % short(line))
            *complete, self.buffer = self.buffer.split(b"\n")
            self.lines.extend(complete)
            if not complete and not self.fill(limit):
                raise Failure("the server closed the connection; left: %s" %
                              short(self.buffer))

    def take(self, limit):
        """The next object; Failure at the end of the stream."""
        return json.loads(self.hear(limit).decode(errors=self.errors))

    def put(self, thing):
        """Sorts an object; True if it was a reply."""
        if "reply" in thing:
            self.replies[thing.get("id")] = thing
            return True
        has(thing, "event")
        self.events.append(thing)
        return False

    def post(self, cmd, id=None, **fields):
        """Sends a command and does not wait; returns its id."""
        number = next(_ids) if id is None else id
        self.speak(json.dumps({"cmd": cmd, "id": number, **fields}).encode())
        return number

    def reply(self, number, timeout=WAIT):
        limit = Deadline(timeout, "the reply to id %r" % (number,))
        while number not in self.replies:
            self.put(self.take(limit))
        return self.replies.pop(number)

    def cmd(self, cmd, timeout=WAIT, **fields):
        return self.reply(self.post(cmd, **fields), timeout)

    def ok(self, cmd, timeout=WAIT, **fields):
        reply = self.cmd(cmd, timeout, **fields)
        eq(reply.get("reply"), cmd, "reply to " + cmd)
        if reply.get("ok") is not True:
            raise Failure("%s %s was answered %s" %
                          (cmd, short(fields), short(reply)))
        return reply

    def refused(self, cmd, error, timeout=WAIT, **fields):
        reply = self.cmd(cmd, timeout, **fields)
        check_error(reply, cmd, error)
        return reply

    def raw_reply(self, line, timeout=WAIT):
        """Sends a text as it is; the next reply without an id."""
        self.speak(line)
        return self.reply(None, timeout)

    def event(self, event, timeout=WAIT, **match):
        """The next event of this sort (from_ means from); others are kept."""
        match = {k.rstrip("_"): v for k, v in match.items()}
        limit = Deadline(timeout, lambda: "event %s %s; there are %s" %
                         (event, match, short(list(self.events))))

        def fits(thing):
            return (thing["event"] == event and
                    all(thing.get(k) == v for k, v in match.items()))

        at = 0
        while True:
            while at < len(self.events):
                if fits(self.events[at]):
                    found = self.events[at]
                    del self.events[at]
                    return found
                at += 1
            self.put(self.take(limit))

    def message(self, timeout=WAIT, **match):
        return self.event("message", timeout, **match)

    def messages(self, count, timeout=WAIT, **match):
        limit = Deadline(timeout, "%d messages" % count)
        return [self.message(limit.left() / SLOW, **match)
                for _ in range(count)]

    def sync(self):
        """Whatever the server did for this client before is here now."""
        self.ok("ping")
        self.ok("ping")

    def none(self, event, **match):
        """Demands that no such event has come."""
        match = {k.rstrip("_"): v for k, v in match.items()}
        self.sync()
        for thing in self.events:
            if (thing["event"] == event and
                    all(thing.get(k) == v for k, v in match.items())):
                raise Failure("there should be no event %s" % short(thing))

    def join(self, room="lobby", **fields):
        return self.ok("subscribe", room=room, **fields)

    def say(self, text, room="lobby", **fields):
        return self.ok("say", room=room, text=text, **fields)


def check_error(reply, cmd, error):
    """Demands a well-made refusal."""
    eq(reply.get("reply"), cmd, "reply")
    eq(reply.get("ok"), False, "ok in %s" % short(reply))
    eq(reply.get("error"), error, "error in %s" % short(reply))
    if not isinstance(reply.get("message"), str) or not reply["message"]:
        raise Failure("no message for people in %s" % short(reply))


def login(where, name, timeout=WAIT, kind=Json, **options):
    """A JSON client whose name may just be leaving with its last connection."""
    client = kind(where, **options)

    def attempt():
        reply = client.cmd("login", name=name)
        if reply["ok"]:
            return reply
        check_error(reply, "login", "name-taken")
        return None

    client.login_reply = until(attempt, timeout, "the name %s" % name)
    client.name = name
    return client


def history(client, room="lobby", after=0):
    """Everything a room's log still holds behind after."""
    found = []
    while True:
        reply = client.ok("history", room=room, after=after, limit=1000)
        found += reply["messages"]
        if not reply["more"]:
            return found
        after = found[-1]["seq"]


PASSWORD = "correct horse"


def registered(where, name, password=PASSWORD):
    """A JSON client who has an account of that name from now on."""
    c = Json(where, name)
    eq(c.ok("register", password=password)["name"], name)
    return c


class Person(Raw):
    """Somebody at a raw text connection."""

    def __init__(self, where, name=None, **options):
        super().__init__(where, **options)
        self.name = name
        if name is not None:
            self.enter(name)

    def enter(self, name):
        self.until(NAME_PROMPT)
        self.send(name + "\r\n")
        self.until(b"#lobby")

    def say(self, text):
        self.send(text + "\r\n")

    def see(self, pattern, timeout=WAIT):
        return self.until(pattern, timeout)


def said(name, text, room="#lobby"):
    """A bytes pattern for the line of a message."""
    return (rb"\d\d:\d\d " + re.escape(room).encode() + b" <" +
            re.escape(name).encode() + b"> " + re.escape(text).encode() +
            rb"\r*\n")


class Program(Raw):
    """Another program, on pipes or on a terminal of its own."""

    def __init__(self, *argv, terminal=False, rows=24, columns=80, env=None):
        need(argv[0])
        self.buffer = b""
        self.ended = False
        environment = dict(os.environ, TERM="xterm", LC_ALL="C.UTF-8")
        environment.update(env or {})
        if terminal:
            self._on_terminal(argv, rows, columns, environment)
        else:
            self.process = subprocess.Popen(
                argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, env=environment, bufsize=0)
            self.input = self.process.stdin.fileno()
            self.output = self.process.stdout.fileno()
        keep(self)

    def _on_terminal(self, argv, rows, columns, environment):
        master, slave = pty.openpty()
        size = struct.pack("HHHH", rows, columns, 0, 0)
        fcntl.ioctl(slave, termios.TIOCSWINSZ, size)
        self.process = subprocess.Popen(
            argv, stdin=slave, stdout=slave, stderr=slave, env=environment,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        os.close(slave)
        self.input = self.output = master

    @property
    def pid(self):
        return self.process.pid

    def send(self, data, timeout=WAIT):
        if isinstance(data, str):
            data = data.encode()
        limit = Deadline(timeout, "%s to take input" % self.process.args[0])
        while data:
            if select.select([], [self.input], [], limit.left())[1]:
                data = data[os.write(self.input, data[:4096]):]

    def fill(self, limit):
        if self.ended:
            return False
        if readable(self.output, limit.left()):
            try:
                data = os.read(self.output, 1 << 16)
            except OSError:             # a terminal whose program is gone
                data = b""
            if not data:
                self.ended = True
                return False
            self.buffer += data
        return True

    def end_input(self):
        self.process.stdin.close()

    def wait_end(self, timeout=WAIT):
        try:
            return self.process.wait(timeout * SLOW)
        except subprocess.TimeoutExpired:
            raise Failure("%s does not end" % self.process.args[0]) from None

    def cleanup(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
        self.process.wait()
        if self.process.stdin is not None:
            self.process.stdin.close()
            self.process.stdout.close()
        else:
            os.close(self.input)


class Screen:
    """A program in tmux, as a person sees it."""

    def __init__(self, command, columns=80, rows=24):
        need("tmux")
        self.socket = os.path.join(tempdir(), "t")
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", str(columns),
                  "-y", str(rows), command)
        keep(self)

    def tmux(self, *words):
        environment = dict(os.environ, LC_ALL="C.UTF-8", TERM="xterm")
        environment.pop("TMUX", None)
        done = subprocess.run(["tmux", "-u", "-S", self.socket, *words],
                              capture_output=True, timeout=10 * SLOW,
                              env=environment, check=False)
        if done.returncode != 0:
            raise Failure("tmux %s: %s" % (words[0], done.stderr.decode()))
        return done.stdout.decode("utf-8", "replace")

    def type(self, text):
        self.tmux("send-keys", "-l", text)

    def key(self, name):
        self.tmux("send-keys", name)

    def lines(self):
        """What stands on the screen, without the blanks at the ends."""
        shown = self.tmux("capture-pane", "-p").split("\n")
        while shown and not shown[-1].strip():
            shown.pop()
        return [line.rstrip() for line in shown]

    def see(self, pattern, timeout=WAIT):
        def shown():
            return re.search(pattern, "\n".join(self.lines()), re.M)
        try:
            return until(shown, timeout, "%r on the screen" % pattern)
        except Failure as error:
            raise Failure("%s; it shows:\n%s" %
                          (error, "\n".join(self.lines()))) from None

    def cleanup(self):
        self.tmux("kill-server")
