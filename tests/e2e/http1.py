"""HTTP/1.1 from the client's side: requests as odd as wanted, answers read
strictly."""

import email.utils
import re

from client import Raw, WAIT
from harness import Deadline, Failure, eq, ok, short

_STATUS = re.compile(rb"HTTP/1\.1 ([1-5]\d\d) ([ -~]+)")
_FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+): ?([ -~]*)")
# Of these there is at most one.
SINGLE = {"content-length", "content-type", "date", "etag", "upgrade",
          "sec-websocket-accept", "allow", "retry-after",
          "cache-control", "content-security-policy"}


def request(target="/", method="GET", version="HTTP/1.1", host="localhost",
            headers=()):
    """A request's bytes; headers are (name, value) or whole lines."""
    lines = ["%s %s %s" % (method, target, version)]
    if host is not None:
        lines.append("Host: " + host)
    for header in headers:
        lines.append(header if isinstance(header, str) else
                     "%s: %s" % header)
    return "".join(line + "\r\n" for line in lines).encode(
        "utf-8", "surrogateescape") + b"\r\n"


class Response:
    """A head, taken apart; anything that is not quite right is a Failure."""

    def __init__(self, head):
        first, *lines = head[:-4].split(b"\r\n")
        match = _STATUS.fullmatch(first)
        ok(match, "a status line: %s" % short(first))
        self.status = int(match.group(1))
        self.headers = {}
        for line in lines:
            match = _FIELD.fullmatch(line)
            ok(match, "a header line: %s" % short(line))
            name = match.group(1).decode().lower()
            value = match.group(2).decode().strip()
            if name in self.headers:
                ok(name not in SINGLE, "twice: %s" % short(line))
                value = self.headers[name] + ", " + value
            self.headers[name] = value
        self.body = b""
        date = self.headers.get("date")
        if date is not None:
            when = email.utils.parsedate_to_datetime(date)
            eq(email.utils.format_datetime(when, usegmt=True), date, "Date")

    def get(self, name, default=None):
        return self.headers.get(name.lower(), default)

    @property
    def closes(self):
        return "close" in self.get("Connection", "").lower().split(", ")

    @property
    def length(self):
        """Of the body; None if it has none by its status."""
        if self.status < 200 or self.status in (204, 304):
            return None
        ok("transfer-encoding" not in self.headers, "no Transfer-Encoding")
        ok(re.fullmatch(r"0|[1-9]\d*", self.get("Content-Length", "")),
           "Content-Length of %s" % self)
        return int(self.get("Content-Length"))

    def __repr__(self):
        return "%d %r %s" % (self.status, self.headers, short(self.body))


class Http(Raw):
    """A connection to a web server."""

    def head(self, timeout=WAIT):
        return Response(self.until(rb"\r\n\r\n", timeout))

    def response(self, to_head=False, timeout=WAIT):
        """The next answer, with its body unless it answers a HEAD."""
        answer = self.head(timeout)
        length = None if to_head else answer.length
        if to_head and answer.status >= 200:
            ok(answer.length is not None or answer.status == 304,
               "the length that GET would have")
        if length is not None:
            limit = Deadline(timeout, lambda: "%d bytes of a body; %d are "
                             "there" % (length, len(self.buffer)))
            while len(self.buffer) < length:
                if not self.fill(limit):
                    raise Failure("the body ended after %d of %d bytes" %
                                  (len(self.buffer), length))
            answer.body = self.buffer[:length]
            self.buffer = self.buffer[length:]
        return answer

    def ask(self, target="/", method="GET", timeout=WAIT, **more):
        self.send(request(target, method, **more))
        return self.response(method == "HEAD", timeout)

    def over(self, timeout=WAIT):
        """Demands that the server closes without another byte."""
        eq(self.to_end(timeout), b"", "before the server's close")


def fetch(where, target="/", method="GET", **more):
    """One request on a connection of its own."""
    http = Http(where)
    answer = http.ask(target, method, **more)
    http.close()
    return answer
