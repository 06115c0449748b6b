#!/usr/bin/env python3
"""HTTP for the page: what is served, and what is refused without harm."""

import gzip
import re
import select
import signal
import socket
import time

from client import Raw
from daemon import BINARY, Daemon, need_web, unhurried
from harness import (Deadline, below, contains, cpu, descriptors, diag, eq,
                     lacks, main, ok, quick, readable, rss, sanitized,
                     slowly, test, until, uss)
from http1 import Http, fetch, request
from websocket import Web

HTTP = "http 127.0.0.1:0"
PAGE = {"/": "text/html", "/style.css": "text/css",
        "/app.js": "text/javascript", "/partyline.js": "text/javascript",
        "/icon.svg": "image/svg+xml"}
CSP = ("default-src 'none'; script-src 'self'; style-src 'self'; "
       "img-src 'self'; connect-src 'self'; base-uri 'none'; "
       "form-action 'none'; frame-ancestors 'none'")
SAFE = {"Content-Security-Policy": CSP, "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin"}


@test()
def page():
    """the page and its parts: type, ETag, no store, no foreign source"""
    d = Daemon(listen=["auto 127.0.0.1:0", HTTP])
    for number in range(2):
        h = Http(d.address(number))
        for path, kind in PAGE.items():
            answer = h.ask(path)
            eq(answer.status, 200, path)
            eq(answer.get("Content-Type").split(";")[0], kind, path)
            ok(answer.body, "a body of " + path)
            ok(re.fullmatch(r'"[0-9a-f]{16}"', answer.get("ETag", "")),
               "ETag: %s" % answer)
            eq(answer.get("Cache-Control"), "no-cache", path)
            ok(answer.get("Date"), "Date")
            for name, value in SAFE.items():
                eq(answer.get(name), value, "%s of %s" % (name, path))
            if kind.startswith("text/"):
                contains(answer.get("Content-Type").lower(), "charset=utf-8")
    body = h.ask("/").body.decode()
    links = re.findall(r'(?:src|href)="([^"]*)"', body)
    ok(links, "the page has parts")
    for link in links:
        if not link.startswith("#"):
            ok(not link.startswith("//") and ":" not in link, link)
            eq(h.ask("/" + link.lstrip("./")).status, 200, link)
    lacks(body, "<style")
    ok(not re.search(r"<script[^>]*>[^<]", body), "no script within")
    ok(not re.search(r"\son\w+=|\sstyle=", body), "nor handlers, nor style")


@test()
def head():
    """HEAD has GET's headers and no body, and the connection goes on"""
    d = Daemon(listen=HTTP)
    h = Http(d)
    for path in (*PAGE, "/healthz", "/metrics"):
        get = h.ask(path).headers
        only = h.ask(path, "HEAD")
        for headers in get, only.headers:
            headers.pop("date")
            if path == "/metrics":
                headers.pop("content-length")
        eq(only.headers, get, path)
    h.send(request("/", "HEAD") * 3 + request("/healthz"))
    for _ in range(3):
        eq(h.response(to_head=True).status, 200)
    eq(h.response().body, b"ok\n")
    h = Http(d)
    eq(h.ask("/nothing", "HEAD").status, 404)
    eq(h.ask("/healthz").body, b"ok\n")


@test()
def not_modified():
    """If-None-Match: 304 for its ETag, weak or not, in a list, or *"""
    d = Daemon(listen=HTTP)
    h = Http(d)
    for path in PAGE:
        etag = h.ask(path).get("ETag")
        for match in (etag, "W/" + etag, '"x", ' + etag, etag + ', "x"', "*",
                      '"a","b",W/%s' % etag, '"", ' + etag):
            answer = h.ask(path, headers=[("If-None-Match", match)])
            eq((answer.status, answer.get("ETag")), (304, etag), match)
            eq(answer.get("Content-Security-Policy"), CSP)
            eq(h.ask(path, "HEAD",
                     headers=[("If-None-Match", match)]).status, 304)
        for match in ('"0000000000000000"', "", etag[1:-1], etag[:-2] + '"',
                      '"%s' % etag[2:], "W/", "w" * 5000, '"', '"' * 99,
                      etag[:9] + '", "' + etag[9:]):
            answer = h.ask(path, headers=[("If-None-Match", match)])
            eq(answer.status, 200, "If-None-Match: " + match[:40])
    answers = [h.ask(path) for path in PAGE]
    eq(len({a.get("ETag") for a in answers}), len({a.body for a in answers}))
    etag = h.ask("/").get("ETag")
    answer = h.ask("/", headers=[("If-None-Match", '"x"'),
                                 ("If-None-Match", etag)])
    eq(answer.status, 304, "in the second line")


@test()
def compressed():
    """gzip to who accepts it, the same bytes, under an ETag of its own"""
    d = Daemon(listen=HTTP)
    h = Http(d)
    accept = [("Accept-Encoding", "br;q=1.0, gzip;q=0.8, *;q=0.1")]
    for path in PAGE:
        plain, small = h.ask(path), h.ask(path, headers=accept)
        eq((plain.get("Vary"), plain.get("Content-Encoding")),
           ("Accept-Encoding", None), path)
        eq((small.status, small.get("Vary"), small.get("Content-Encoding")),
           (200, "Accept-Encoding", "gzip"), path)
        eq(gzip.decompress(small.body), plain.body, path)
        below(len(small.body), len(plain.body), "bytes of " + path)
        eq(small.get("Content-Type"), plain.get("Content-Type"))
        eq(small.get("Content-Security-Policy"), CSP)
        etag = small.get("ETag")
        ok(etag != plain.get("ETag"), "an ETag each: %s" % etag)
        only = h.ask(path, "HEAD", headers=accept)
        for headers in small.headers, only.headers:
            headers.pop("date")
        eq(only.headers, small.headers, "HEAD of " + path)
        for method in "GET", "HEAD":
            known = h.ask(path, method,
                          headers=accept + [("If-None-Match", etag)])
            eq((known.status, known.get("ETag"), known.get("Vary"),
                known.get("Content-Encoding")),
               (304, etag, "Accept-Encoding", None), path)
        # Each form is asked after by its own.
        eq(h.ask(path, headers=[("If-None-Match", etag)]).status, 200)
        eq(h.ask(path, headers=accept + [("If-None-Match", plain.get(
            "ETag"))]).status, 200)
    for value in ("identity", "gzip;q=0", "*;q=0", "br", "",
                  "gzip;q=0.5, identity;q=0.6", "gzip;q=2"):
        answer = h.ask("/", headers=[("Accept-Encoding", value)])
        eq((answer.status, answer.get("Content-Encoding")), (200, None), value)
    for path in "/healthz", "/nothing":
        answer = h.ask(path, headers=accept)
        eq((answer.get("Content-Encoding"), answer.get("Vary")), (None, None))


@test()
def keep_alive():
    """1.1 goes on, 1.0 ends, unless Connection says otherwise"""
    d = Daemon(listen=HTTP)
    h = Http(d)
    for i in range(50):
        eq(h.ask("/healthz").closes, False, "request %d" % i)
    for version, connection, stays in (
            ("1.1", None, True), ("1.1", "keep-alive", True),
            ("1.1", "close", False), ("1.1", "CLOSE", False),
            ("1.1", "foo, close", False), ("1.1", "close,foo", False),
            ("1.1", "closed", True), ("1.1", "x-close", True),
            ("1.1", "keep-alive, close", False), ("1.2", None, True),
            ("1.0", None, False), ("1.0", "close", False),
            ("1.0", "keep-alive", True), ("1.0", "Keep-Alive", True),
            ("1.0", "foo", False)):
        h = Http(d)
        headers = [] if connection is None else [("Connection", connection)]
        answer = h.ask("/healthz", version="HTTP/" + version, headers=headers)
        eq(answer.status, 200, version)
        if stays:
            ok(not answer.closes, "%s %s" % (version, connection))
            if version == "1.0":
                eq(answer.get("Connection", "").lower(), "keep-alive")
            eq(h.ask("/healthz").status, 200, "the next one")
        else:
            ok(version == "1.0" or answer.closes, "Connection: close")
            h.over()
        h.close()
    h = Http(d)
    h.send(request("/healthz", headers=[("Connection", "close")]) +
           request("/"))
    eq(h.response().body, b"ok\n")
    h.over()


@test()
def pipelining():
    """requests in one segment are answered in order, however they are cut"""
    d = Daemon(listen=HTTP)
    paths = [*PAGE, "/healthz"]
    bodies = {p: fetch(d, p).body for p in paths}
    count = quick(60, 300)
    data = b"".join(request(paths[i % len(paths)]) for i in range(count))
    for size in (len(data), 7, 1000):
        h = Http(d)
        at = 0
        for i in range(count):
            while at < len(data) and not readable(h.sock, 0):
                h.send(data[at:at + size])
                at += size
            eq(h.response().body, bodies[paths[i % len(paths)]], "%d" % i)
        h.close()
    h = Http(d)
    h.send(request("/healthz") + request("/nothing") + request("/", "PUT") +
           request("/"))
    eq([h.response().status for _ in range(3)], [200, 404, 405])
    h.over()


@test()
def unread_answers():
    """who asks for the page without end and reads nothing: bounded memory"""
    d = Daemon(listen=HTTP, write_timeout=0)
    eq(fetch(d, "/app.js").status, 200)
    before = uss(d.pid)
    clients = [Http(d, rcvbuf=4096, sndbuf=65536) for _ in range(5)]
    data = request("/app.js") * 200
    for h in clients:
        idle = 0
        while idle < 3:
            n = h.pour(data)
            idle = 0 if n else idle + 1
            select.select([], [h.sock] if n else [], [], 0.02)
    if not sanitized(BINARY):
        below(uss(d.pid) - before, 5 * (128 << 10) + (2 << 20), "growth")
    eq(fetch(d, "/healthz").status, 200)
    eq(clients[0].response(timeout=20).status, 200)
    eq(clients[0].response(timeout=20).status, 200)


@test()
def targets():
    """paths, queries, whole addresses; and nothing outside the table"""
    d = Daemon(listen=HTTP)
    page_ = fetch(d).body
    for target in ("/?", "/?x=1&y", "/?/../..", "/?" + "x" * 5000,
                   "http://localhost/", "http://localhost", "HTTP://x/",
                   "http://localhost:4000/?x", "http://[::1]:1/",
                   "http://localhost?x"):
        eq(fetch(d, target).body, page_, target[:40])
    eq(fetch(d, "http://localhost/healthz").body, b"ok\n")
    eq(fetch(d, "/healthz?verbose=1").body, b"ok\n")
    for target in ("/index.htm", "//", "/./", "/x", "/healthz/", "/HEALTHZ",
                   "/../etc/passwd", "/%2e%2e/etc/passwd", "/%2f", "/%00",
                   "/app.js/", "//localhost/", "/" + "x" * 8000, "/%",
                   "http://localhost//", "/src/web/index.html", "/;", "/ws/"):
        h = Http(d)
        answer = h.ask(target)
        eq(answer.status, 404, target[:40])
        eq(answer.body.count(b"\n"), 1, "one line says why")
        eq(answer.get("Content-Type").split(";")[0], "text/plain")
        eq(h.ask("/healthz").status, 200, "and it goes on")
        h.close()


@test()
def methods_and_versions():
    """405 with Allow, 505, and 400 for what is no HTTP at all"""
    d = Daemon(listen=HTTP)
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE",
                   "CONNECT", "FOO", "get", "GETT", "PROPFIND", "G" * 500):
        answer = fetch(d, "/", method)
        eq((answer.status, answer.get("Allow")), (405, "GET, HEAD"), method)
    for target in ("*", "localhost:80"):
        ok(fetch(d, target, "OPTIONS").status in (400, 405), target)
        eq(fetch(d, target).status, 400, target)
    for version in ("HTTP/2.0", "HTTP/0.9", "HTTP/3.0", "HTTP/9.9"):
        eq(fetch(d, version=version).status, 505, version)
    eq(fetch(d, version="HTTP/1.2").status, 200)
    for line in ("GET", "GET /", "GET / ", "GET / HTTP", "GET / HTTP/",
                 "GET / HTTP/1", "GET / HTTP/1.", "GET / HTTP/1.1.1",
                 "GET / HTTP/11.1", "GET / HTTP/1.10", "GET / http/1.1",
                 "GET / HTTX/1.1", "GET / HTTP/1.x", "GET / HTTP/ 1.1",
                 "GET  / HTTP/1.1", "GET /  HTTP/1.1", "GET / HTTP/1.1 ",
                 " GET / HTTP/1.1", "GET\t/\tHTTP/1.1", "GET / x HTTP/1.1",
                 "G(T / HTTP/1.1", "GET x HTTP/1.1", "GET /\x01 HTTP/1.1",
                 "GET /\x7f HTTP/1.1", "GET /é HTTP/1.1", "/ HTTP/1.1",
                 "GET /\r HTTP/1.1", "GET /\0 HTTP/1.1", "HTTP/1.1 200 OK",
                 "GET https://localhost/ HTTP/1.1"):
        h = Http(d)
        h.send(line + "\r\nHost: x\r\n\r\n")
        answer = h.response()
        eq((answer.status, answer.closes), (400, True), repr(line))
        h.over()
        h.close()


@test()
def lenient():
    """what RFC 9112 lets pass: LF alone, one empty line, blanks"""
    d = Daemon(listen=HTTP)
    for data in (b"GET /healthz HTTP/1.1\nHost: x\n\n",
                 b"GET /healthz HTTP/1.1\r\nHost: x\n\r\n",
                 b"GET /healthz HTTP/1.0\n\n", b"GET /healthz HTTP/1.0\r\n\r\n",
                 b"\r\nGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
                 b"\nGET /healthz HTTP/1.1\nHost: x\n\n",
                 b"GET /healthz HTTP/1.1\r\nHost:x\r\n\r\n",
                 b"GET /healthz HTTP/1.1\r\nhOST: \t x \t\r\nA:\r\nB: \r\n"
                 b"C: \xff\xe9\r\n\r\n",
                 b"GET /healthz HTTP/1.1\r\nHost: x\r\n"
                 b"Content-Length: 0\r\n\r\n"):
        h = Http(d)
        h.send(data)
        eq(h.response().body, b"ok\n", str(data))
        h.close()
    h = Http(d)
    for _ in range(3):
        h.send(b"\r\n" + request("/healthz"))
        eq(h.response().body, b"ok\n", "an empty line between requests")
    for data in (b"\r\n\r\n", b"\n\n", b"\r\r\n", b"\r"):
        h = Http(d)
        h.send(data + request("/healthz"))
        eq(h.response().status, 400, str(data))
        h.over()


@test()
def smuggling():
    """whatever two readers could read in two ways is 400, and the end"""
    d = Daemon(listen=HTTP)
    next_ = request("/healthz")
    for headers in (
            b"Content-Length: 5", b"Content-Length: %d" % len(next_),
            b"Content-Length: 00", b"Content-Length: +0",
            b"Content-Length: -1", b"Content-Length: 0x0", b"Content-Length:",
            b"Content-Length: 0, 0", b"Content-Length: 0\r\nContent-Length: 0",
            b"Content-Length: 0\r\nContent-Length: 5", b"Content-Length: 1e1",
            b"Content-Length: 5\r\nContent-Length: 0",
            b"content-length: 18446744073709551616", b"Content-Length: 0 0",
            b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity",
            b"transfer-encoding:chunked", b"Transfer-Encoding: xchunked",
            b"Transfer-Encoding:", b"Transfer-Encoding: chunked, identity",
            b"Transfer-Encoding: chunked\r\nContent-Length: 0",
            b"Content-Length: 0\r\nTransfer-Encoding: chunked",
            b"Transfer-Encoding : chunked", b"Content-Length : 5",
            b" Content-Length: 5", b"X: y\r\n Content-Length: 5",
            b"X: y\r\n\tfolded", b"X:\r\n y", b"X : y", b"X\t: y", b"X", b": y",
            b"", b"X y: z", b"X\x00: y", b"X: \x00", b"X: a\rb", b"X: a\r",
            b"X: a\r\r", b"\rX: a", b"X: \x01", b"X: \x0b", b"X: \x7f",
            b"X: \x1b[2J", b"(X): y", b"X,Y: z", b"X@: y", b"X\xe9: y",
            b"\xef\xbb\xbfX: y", b"X\r: y", b"Content-Length\x00: 5"):
        h = Http(d)
        if headers:
            head_ = b"GET / HTTP/1.1\r\nHost: x\r\n" + headers
        else:
            head_ = b"GET / HTTP/1.1\r\n\r\nHost: x"        # no Host
        h.send(head_ + b"\r\n\r\n" + next_ + b"0\r\n\r\n" + next_)
        answer = h.response()
        eq((answer.status, answer.closes), (400, True), str(headers))
        h.over()
        h.close()
    for data in (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n",
                 b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
                 b"Content-Length: %d\r\n\r\n"):
        h = Http(d)
        h.send(data % len(next_) + next_ * 2)
        ok(h.response().status in (400, 405), "a body is not taken")
        h.over()


@test()
def hosts():
    """exactly one Host, and one that is a host"""
    d = Daemon(listen=HTTP)
    for host in ("localhost", "LOCALHOST:80", "127.0.0.1:4000", "[::1]:4000",
                 "[::1]", "xn--bcher-kva.example", "a_b.c-d"):
        eq(fetch(d, "/healthz", host=host).status, 200, host)
    for host in ("a b", "a/b", "user@a", "a,b", "a?b", "a\\b", "a#b", "<a>",
                 "a\tb", "é"):
        eq(fetch(d, "/healthz", host=host).status, 400, host)
    for headers in ([("Host", "localhost")], [("host", "other")]):
        eq(fetch(d, "/healthz", headers=headers).status, 400, "twice")
    eq(fetch(d, "/healthz", host=None).status, 400, "none")
    eq(fetch(d, "http://localhost/healthz", host=None).status, 400)
    eq(fetch(d, "http://localhost/healthz", host="other").status, 200)
    eq(fetch(d, "http://a@b/healthz", host="b").status, 400)
    eq(fetch(d, "/healthz", host=None, version="HTTP/1.0").status, 200)


@test()
def bounds():
    """414 and 431, at once, however the bytes come"""
    d = Daemon(listen=HTTP)
    line = "GET /%s HTTP/1.1\r\nHost: x\r\n"
    # A request line of 8 KiB, and one that never ends.
    eq(fetch(d, "/healthz?" + "x" * 8100).status, 200)
    for size, more in ((8300, "\r\n"), (9000, ""), (1 << 20, "")):
        h = Http(d)
        try:
            h.send(line % ("x" * size) + more if more else "GET /" + "x" * size)
        except OSError:
            pass
        eq(h.response().status, 414, "a request line of %d" % size)
        h.over()
        h.close()
    for fields, wanted in ((99, 200), (100, 431), (1000, 431)):
        answer = fetch(d, "/healthz", headers=[("X", "y")] * fields)
        eq(answer.status, wanted, "%d fields and Host" % fields)
    eq(fetch(d, "/healthz", headers=[("X", "y" * 15000)]).status, 200)
    for data in ("X: " + "y" * 16500 + "\r\n\r\n", "X: " + "y" * 16500,
                 "X: " + "y" * (1 << 20), ("X: " + "y" * 990 + "\r\n") * 17,
                 "x" * 17000, "\t" * 17000, "A:b\r\n" * 4000):
        h = Http(d)
        try:
            h.send(line % "healthz" + data)
        except OSError:
            pass
        ok(h.response().status in (431, 400), "a head of %d" % len(data))
        h.over()
        h.close()
    eq(fetch(d, "/healthz").status, 200)


@test()
def too_slow():
    """408 at http_timeout, which slow bytes do not put off"""
    d = Daemon(listen=[HTTP, "auto 127.0.0.1:0"], http_timeout=slowly(1))
    kept = Http(d)
    eq(kept.ask("/healthz").status, 200)
    start = time.monotonic()
    drips, part, after = Http(d), Http(d), Http(d)
    auto = Http(d.address(1))
    auto.send(b"GET / HT")
    part.send(request("/")[:-2])
    after.send(request("/healthz") + b"GET /")
    eq(after.response().status, 200)
    silent = Http(d)
    limit = Deadline(10, "408")
    at, data = 0, request("/", headers=[("X", "y" * 1000)])
    while not readable(drips.sock, 0.05):
        drips.send(data[at:at + 1])
        at += 1
        limit.left()
    ok(time.monotonic() - start > 0.9, "%d bytes were taken" % at)
    for h in drips, part, after, auto:
        answer = h.response()
        eq((answer.status, answer.closes), (408, True))
        h.over()
    kept.over()
    silent.to_end()
    eq(fetch(d, "/healthz").status, 200)


@test()
def health():
    """/healthz says ok, and is not to be cached"""
    d = Daemon(listen=HTTP, store="sqlite")
    answer = fetch(d, "/healthz")
    eq((answer.status, answer.body), (200, b"ok\n"))
    eq(answer.get("Content-Type").split(";")[0], "text/plain")
    ok(re.search("no-cache|no-store", answer.get("Cache-Control", "")),
       "Cache-Control: %s" % answer)
    lacks(answer.headers, "etag")


_SAMPLE = re.compile(r'([a-zA-Z_:][\w:]*)(?:\{(?:[a-zA-Z_]\w*="(?:[^"\\\n]|'
                     r'\\["\\n])*",?)*\})? ([-+]?(?:[0-9.e+-]+|Inf|NaN))')


@test()
def metrics():
    """/metrics is Prometheus text, for those in metrics_from only"""
    d = Daemon(listen=[HTTP, "auto 127.0.0.1:0"])
    Web(d, "ann").join()
    answer = fetch(d, "/metrics")
    eq(answer.status, 200)
    contains(answer.get("Content-Type"), "version=0.0.4")
    text = answer.body.decode()
    ok(text.endswith("\n"), "it ends in a line's end")
    typed, seen = {}, set()
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            name, kind = line.split()[2:]
            ok(name not in typed, "one TYPE a metric: " + line)
            typed[name] = kind
        elif not line.startswith("# HELP ") and line:
            match = _SAMPLE.fullmatch(line)
            ok(match, "a sample: " + line)
            base = re.sub("_(bucket|sum|count)$", "", match.group(1))
            ok(match.group(1) in typed or base in typed, "typed: " + line)
            label = line.rpartition(" ")[0]
            ok(label not in seen, "once: " + line)
            seen.add(label)
    ok(len(seen) > 5, "samples: %s" % sorted(seen))
    eq(fetch(d.address(1), "/metrics").status, 200)
    for place in ("192.0.2.1", "10.0.0.0/8"):
        d = Daemon(listen=HTTP, metrics_from=place)
        answer = fetch(d, "/metrics")
        eq(answer.status, 403)
        lacks(answer.body, b"partyline_")
        eq(fetch(d, "/healthz").status, 200)
    d = Daemon(listen=HTTP, metrics_from="127.0.0.0/8")
    eq(fetch(d, "/metrics").status, 200)


@test()
def junk():
    """an http listener and telnet, TLS, JSON, text and noise"""
    d = Daemon(listen=[HTTP, "json 127.0.0.1:0"])
    hello = bytes.fromhex("16030100a5010000a10303") + b"\x5a" * 160
    for data in (b"\xff\xfb\x18\xff\xfd\x03", hello, b"\x16",
                 b"\x80\x2e\x01\x00\x02", b"SSH-2.0-OpenSSH_9.2\r\n",
                 b'{"cmd":"login","name":"eve"}\n', b"eve\r\n/who\r\n", b"\0",
                 b"\0" * 5000, b"\r\n" * 5000, b"PRI * HTTP/2.0\r\n\r\nSM\r\n"
                 b"\r\n" + b"\0\0\0\4\0\0\0\0\0", b"\x05\x01\x00",
                 b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n",
                 b"\r\n\r\n\0\r\nQUIT\n!\x11", b"HELO x\r\nDATA\r\n.\r\n"):
        h = Http(d)
        h.send(data + b"\r\n\r\n")
        answer = h.response()
        ok(answer.status in (400, 405, 505) and answer.closes,
           "%r: %s" % (data[:20], answer))
        h.over()
        h.close()
    c = Web(d, "ann")
    eq([m["name"] for m in c.ok("who")["members"]], ["ann"])


@test()
def many_idle():
    """many idle http connections cost little, and go at http_timeout"""
    d = Daemon(listen=HTTP, http_timeout=slowly(3), max_clients=2000)
    eq(fetch(d, "/healthz").status, 200)
    before, fds = rss(d.pid), descriptors(d.pid)
    count = quick(100, 400)
    crowd = [Http(d) for _ in range(count)]
    for h in crowd[::2]:
        h.send(request("/healthz"))
    for h in crowd[::2]:
        eq(h.response().status, 200)
    each = (rss(d.pid) - before) / count
    diag("%d idle connections, %.0f bytes each" % (count, each))
    if not sanitized(BINARY):
        below(each, 8192, "resident bytes an idle connection")
    for h in crowd:
        h.to_end()
    until(lambda: descriptors(d.pid) <= fds, 10, "all to be closed")
    eq(fetch(d, "/healthz").status, 200)


@test()
def no_descriptors():
    """out of descriptors: 503 with Retry-After, no spin, and it recovers"""
    d = Daemon(listen=HTTP, nofile=64)
    ann = Web(d, "ann")
    crowd, told = [], None
    for _ in range(100):
        try:
            crowd.append(Http(d))
        except OSError:
            break
    limit = Deadline(20, "somebody to be told 503")
    while told is None:
        for h in select.select(crowd, [], [], limit.left())[0]:
            h.fill(limit)
            if h.buffer:
                told = h.response()
                h.over()
                crowd.remove(h)
                break
            crowd.remove(h)
    eq(told.status, 503)
    ok(int(told.get("Retry-After")) > 0, "Retry-After")
    used = cpu(d.pid)
    for _ in range(10):
        ann.ok("ping")
        select.select([], [], [], 0.1)      # a span that is measured
    below(cpu(d.pid) - used, 0.3, "CPU seconds in one while full")
    for h in crowd:
        h.close()
    Web(d, "bob")


@test()
def shutdown():
    """SIGTERM closes what is idle, and ends in time with all in any state"""
    d = Daemon(listen=[HTTP, "auto 127.0.0.1:0"])
    idle, fresh, half, auto, slow = Http(d), Http(d), Http(d), Http(
        d.address(1)), Http(d, rcvbuf=4096)
    eq(idle.ask("/healthz").status, 200)
    half.send(request("/healthz")[:-2])
    auto.send(b"GET / HT")
    slow.send(request("/") * 200)
    eq(fetch(d, "/healthz").status, 200)
    d.send_signal(signal.SIGTERM)
    for h in idle, fresh:
        h.over()
    for h in half, auto:
        h.to_end()
    slow.close()
    eq(d.wait_end(), 0, "exit status")


@test()
def ends():
    """FIN and RST in a request and an answer; half-closed gets its answer"""
    d = Daemon(listen=HTTP)
    fds = descriptors(d.pid)
    data = request("/app.js") * 2
    for cut in range(0, len(data), quick(9, 2)):
        for end in ("close", "reset"):
            h = Raw(d)
            h.send(data[:cut])
            getattr(h, end)()
    h = Http(d)
    h.send(data)
    h.half_close()
    eq([h.response().status for _ in range(2)], [200, 200])
    h.over()
    h = Http(d)
    h.send(data[:20])
    h.half_close()
    h.to_end()
    h.close()
    h = Http(d, rcvbuf=4096)
    h.send(data * 50)
    h.sock.shutdown(socket.SHUT_RD)
    h.reset()
    until(lambda: descriptors(d.pid) <= fds, 10, "all to be closed")
    eq(fetch(d, "/healthz").status, 200)


if __name__ == "__main__":
    unhurried()
    main(need_web)
