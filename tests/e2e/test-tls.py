#!/usr/bin/env python3
"""TLS: by first byte and as a kind, good and bad handshakes, slow readers."""

import concurrent.futures
import signal
import socket
import ssl
import subprocess
import time

from client import NAME_PROMPT, Json, Person, Program, Raw, connect, said
from control import ctl_json
from daemon import BINARY, Daemon, run_binary, unhurried
from harness import (SLOW, Failure, below, contains, diag, eq, lacks, main,
                     need, ok, quick, sanitized, test, until, uss)
from load import Load
from others import judge, twin
from tls import V12, V13, Authority, Hands, context, selfsigned
from websocket import Web

BOTH = ["auto 127.0.0.1:0", "tls 127.0.0.1:0"]


def start(listen="auto 127.0.0.1:0", **options):
    """A daemon with a certificate, and a context that trusts it."""
    cert, key = selfsigned()
    options.setdefault("store", "memory")
    d = Daemon(listen=listen, tls_cert=cert, tls_key=key, **options)
    return d, context(cert)


def get(where, tls, path="/"):
    c = Raw(where, tls=tls)
    c.send("GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
           % path)
    return c.to_end()


@test()
def both_listeners():
    """auto and tls take TLS 1.2 and 1.3; auto plain as before"""
    d, tls = start(BOTH)
    plain = Json(d, "plain")
    plain.join()
    for number in range(2):
        for version in (V12, V13):
            tls.minimum_version = tls.maximum_version = version
            name = "t%d-%d" % (number, version)
            c = Json(d.address(number), name, tls=tls)
            eq(c.sock.version(), version.name.replace("_", "."), "version")
            c.join()
            c.say("from " + name)
            eq(plain.message()["text"], "from " + name, "heard in plain")
            eq(c.message()["text"], "from " + name, "and by itself")
            plain.say("back")
            plain.message()
            eq(c.message()["text"], "back", "heard by TLS")
            c.ok("quit")
            eq(c.to_end(), b"", "nothing follows")
            c.sock.unwrap()         # fails without its close_notify
    cipher = d.log.records("client-tls")[0]
    eq(cipher["version"], "TLSv1.2", "in the log")
    contains(cipher["cipher"], "GCM", "cipher")


@test()
def people():
    """a silent client inside of TLS is greeted as a person"""
    d, tls = start(BOTH)
    for number in range(2):
        p = Person(d.address(number), "p%d" % number, tls=tls)
        p.say("hello from a terminal")
        p.see(said("p%d" % number, "hello from a terminal"))
        p.send("/quit\r\n")
        p.to_end()


@test()
def s_client():
    """OpenSSL's own client, as a person's terminal, and its end of input"""
    need("openssl")
    d, tls = start("tls 127.0.0.1:0")
    cert = d.options["tls_cert"]
    p = Program("openssl", "s_client", "-quiet", "-no_ign_eof",
                "-verify_return_error", "-CAfile", cert, "-servername",
                "localhost", "-connect", "127.0.0.1:%d" % d.port)
    p.until(NAME_PROMPT)
    p.send("sandra\n")
    p.until(b"#lobby")
    p.send("from s_client\n")
    p.until(said("sandra", "from s_client"))
    p.end_input()
    p.wait_end()
    d.log.wait("client-closed", name="sandra", reason="eof")


@test()
def browsers():
    """the page over https, by ALPN without delay, and a WebSocket over wss"""
    d, tls = start(BOTH, greet_delay=60000)
    for number in range(2):
        where = d.address(number)
        tls.set_alpn_protocols(["h2", "http/1.1"])
        page = get(where, tls)
        if b"chat is at /" in page or not page.startswith(b"HTTP/1.1 200"):
            raise Failure("no page: %r" % page[:200])
        contains(get(where, tls, "/healthz"), b"ok", "health")
        w = Web(where, "web%d" % number, tls=tls,
                headers=[("Origin", "https://localhost")])
        eq(w.sock.selected_alpn_protocol(), "http/1.1", "ALPN")
        w.join()
        w.say("by wss")
        eq(w.message()["from"], "web%d" % number, "by wss")
        w.close()


@test()
def without_alpn():
    """HTTP inside of TLS is seen by its first bytes too; other ALPN fails"""
    d, tls = start("tls 127.0.0.1:0")
    contains(get(d, tls, "/healthz"), b"200 OK", "without ALPN")
    tls.set_alpn_protocols(["h2"])
    try:
        Raw(d, tls=tls)
        raise Failure("a client that speaks h2 only was let in")
    except ssl.SSLError as error:
        contains(str(error).lower().replace("_", " "), "no application proto",
                 "its error")
    d.log.wait("handshake-failed", reason="no application protocol")


@test()
def old_versions():
    """TLS 1.1 and weak ciphers are refused; tls_min raises it to 1.3"""
    d, tls = start()
    old = context(d.options["tls_cert"])
    old.set_ciphers("DEFAULT:@SECLEVEL=0")
    old.minimum_version = ssl.TLSVersion.TLSv1_1
    old.maximum_version = ssl.TLSVersion.TLSv1_1
    for ctx, wanted in ((old, "unsupported protocol"),
                        (_with_ciphers(d, "AES256-SHA:ECDHE-ECDSA-AES128-SHA"),
                         "no shared cipher")):
        start_at = len(d.log.lines)
        try:
            Raw(d, tls=ctx)
            raise Failure("it was let in, though: " + wanted)
        except OSError:
            pass
        d.log.wait("handshake-failed", start=start_at, reason=wanted)
    new, tls = start(tls_min="1.3")
    eq(Json(new, "new", tls=tls).sock.version(), "TLSv1.3", "version")
    tls.maximum_version = V12
    try:
        Raw(new, tls=tls)
        raise Failure("TLS 1.2 was let in")
    except OSError:
        pass


def _with_ciphers(d, ciphers):
    ctx = context(d.options["tls_cert"], high=V12)
    ctx.set_ciphers(ciphers)
    return ctx


@test()
def not_tls():
    """garbage in the handshake, and plain text to a listener of kind tls"""
    d, tls = start(BOTH)
    for number, data, wanted in (
            (0, b"\x16\x03\x01\xff\xff" + b"x" * 100, None),
            (1, b"\x16" * 600, None),
            (1, b"\x16\x03\x01\x00\x05" + b"\x02" * 5, None),
            (1, b"GET / HTTP/1.1\r\n\r\n", "not-tls"),
            (1, b"hello\r\n", "not-tls"),
            (1, b"\x80\x2e\x01\x03\x01", "not-tls"),     # SSL 2's
            (1, b"\xff\xfb\x1f", "not-tls")):
        at = len(d.log.lines)
        c = Raw(d.address(number))
        c.send(data)
        answer = c.to_end()
        ok(len(answer) < 100, "an alert at most: %r" % answer[:100])
        d.log.wait("client-closed", start=at,
                   reason=wanted or "handshake-failed")
        if wanted is None:
            d.log.wait("handshake-failed", start=at)
    c = Json(d.address(1), "after", tls=tls)
    c.ok("ping")


@test()
def cut_handshakes():
    """a handshake byte by byte is as good as one at once; cut off, it ends"""
    d, tls = start(BOTH, greet_delay=500)
    for number in range(2):
        h = Hands(d.address(number), tls)
        for byte in h.hello():
            h.sock.sendall(bytes([byte]))
        h.call(h.tls.do_handshake)
        h.call(h.tls.write, b'{"cmd":"login","name":"slow%d"}\n' % number)
        while b"{" not in (got := h.call(h.tls.read, 65536)):
            pass
        contains(got, b'"ok":true', "the reply")
    hello = Hands(d, tls).hello()
    for cut in (1, 5, 6, len(hello) // 2, len(hello) - 1):
        at = len(d.log.lines)
        c = Raw(d)
        c.send(hello[:cut])
        c.half_close()
        c.to_end()
        d.log.wait("client-closed", start=at, reason="handshake-failed")
        c.close()


@test()
def slow_handshakes():
    """who does not finish it in handshake_timeout is ended, others served"""
    d, tls = start(BOTH, handshake_timeout=1)
    hello = Hands(d, tls).hello()
    stuck = []
    for cut in (1, 100, len(hello)):
        stuck.append(Raw(d.address(1)))
        stuck[-1].send(hello[:cut])
        stuck.append(Raw(d))
        stuck[-1].send(hello[:cut])
    stuck.append(Raw(d.address(1)))     # says nothing
    c = Json(d, "swift", tls=tls)
    c.join()
    for i in range(20):
        c.say(str(i))
    for s in stuck:
        s.to_end(20)
    until(lambda: [r["reason"] for r in d.log.records("client-closed")].count(
        "handshake-timeout") == len(stuck), 10, "timeouts in the log")
    c.ok("ping")


@test()
def hundreds():
    """200 handshakes at once: all succeed, and others go on meanwhile"""
    d, tls = start()
    plain = Json(d, "plain")
    plain.join()
    count = quick(40, 200)

    def one(number):
        c = Json(d, "h%d" % number, tls=tls)
        c.join()
        c.say("here")
        return c

    worst = 0
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        pending = [pool.submit(one, i) for i in range(count)]
        while not all(p.done() for p in pending):
            began = time.monotonic()
            plain.ok("ping")
            worst = max(worst, time.monotonic() - began)
        clients = [p.result() for p in pending]
    diag("a ping took at most %.0f ms beside %d handshakes" %
         (worst * 1000, count))
    plain.messages(count, 30)
    eq(len(d.log.records("client-tls")), count, "handshakes in the log")
    for c in clients:
        c.close()


@test()
def resumed():
    """a ticket resumes a session, in 1.2 and 1.3"""
    d, tls = start()
    for version in (V12, V13):
        tls.minimum_version = tls.maximum_version = version
        first = Json(d, "a%d" % version, tls=tls)
        first.ok("ping")
        session = first.sock.session
        ok(session.has_ticket, "a ticket came")
        first.close()
        sock = tls.wrap_socket(connect(d), server_hostname="localhost",
                               session=session)
        ok(sock.session_reused, "the session is resumed")
        sock.close()
        d.log.wait("client-tls", version=version.name.replace("_", "."),
                   resumed="yes")


def _metric(d, name, **labels):
    """What /metrics says of it, in plain."""
    c = Raw(d.address(0))
    c.send("GET /metrics HTTP/1.1\r\nHost: localhost\r\n"
           "Connection: close\r\n\r\n")
    wanted = "%s{%s} " % (name, ",".join('%s="%s"' % one
                                         for one in labels.items()))
    rows = [line for line in c.to_end().decode().splitlines()
            if line.startswith(wanted)]
    eq(len(rows), 1, wanted)
    return int(rows[0].split()[-1])


@test()
def counted():
    """clients over TLS are told apart in /metrics, and handshakes counted"""
    d, tls = start(BOTH, handshake_timeout=1)

    def clients(carrier, dialect, n):
        until(lambda: _metric(d, "partyline_clients", carrier=carrier,
                              dialect=dialect) == n, 10,
              "%d of %s %s" % (n, carrier, dialect))

    def handshakes(full, resumed, failed):
        for result, n in (("full", full), ("resumed", resumed),
                          ("failed", failed)):
            eq(_metric(d, "partyline_tls_handshakes_total", result=result), n,
               result)

    handshakes(0, 0, 0)
    first, web = Json(d, "a", tls=tls), Web(d, "w", tls=tls)
    first.ok("ping")
    web.ok("ping")
    plain = Json(d, "p")
    Person(d.address(1), "b", tls=tls)
    for carrier, dialect in (("tls", "json"), ("tls", "text"), ("wss", "json"),
                             ("tcp", "json")):
        clients(carrier, dialect, 1)
    handshakes(3, 0, 0)
    again = tls.wrap_socket(connect(d), server_hostname="localhost",
                            session=first.sock.session)
    clients("tls", "none", 1)
    handshakes(3, 1, 0)
    again.close()
    clients("tls", "none", 0)
    c = Raw(d.address(1))
    c.send(b"\x16" * 600)
    c.to_end()
    slow = Raw(d)
    slow.send(Hands(d, tls).hello()[:50])
    slow.to_end(20)
    handshakes(3, 1, 2)
    plain.ok("ping")


@test()
def client_certificates():
    """a client's certificate is asked for, verified and named; none is fine"""
    ca, other = Authority(), Authority("Another CA")
    d, tls = start(tls_client_ca=ca.cert)
    cert = d.options["tls_cert"]
    Json(d, "nobody", tls=tls)
    ok("subject" not in d.log.wait("client-tls"), "nobody has no subject")
    for version in (V12, V13):
        at = len(d.log.lines)
        Json(d, "ann%d" % version, tls=context(
            cert, low=version, high=version,
            cert=ca.sign("/O=Village, Inc/CN=ann")))
        eq(d.log.wait("client-tls", start=at)["subject"],
           r"CN=ann,O=Village\\, Inc", "subject")
        at = len(d.log.lines)
        try:                    # in 1.3 it hears of it when it reads
            Json(d, "eve%d" % version, tls=context(
                cert, low=version, high=version,
                cert=other.sign("/CN=ann")))
            raise Failure("a certificate of another authority was taken")
        except (OSError, Failure) as error:
            lacks(str(error), "was taken", "the error")
        d.log.wait("handshake-failed", start=at,
                   reason="certificate verify failed")


def certified(ca, cert, subject, version=V13, **more):
    return context(cert, low=version, high=version,
                   cert=ca.sign(subject, **more))


@test()
def login_by_certificate():
    """a certificate logs in to the account it names, and to no other"""
    ca, other = Authority(), Authority("Another CA")
    d, tls = start(tls_client_ca=ca.cert, tls_login="cn",
                   auth_cost="minimal")
    cert = d.options["tls_cert"]
    for name in ("Ann", "bob"):
        Json(d, name, tls=tls).ok("register", password="correct horse")
    for version in (V12, V13):
        ann = Json(d, tls=certified(ca, cert, "/O=Village/CN=ANN", version))
        ann.refused("login", "name-registered", name="bob")
        ann.refused("login", "bad-password", name="ann", password="wrong one")
        r = ann.ok("login", name="ann")
        eq((r["name"], r["guest"]), ("Ann", False))
        ann.close()
    Json(d, tls=tls).refused("login", "name-registered", name="ann")
    Json(d).refused("login", "name-registered", name="ann")
    for subject in ("/O=ann", "/CN=ann/CN=bob", "/CN=bob/CN=ann",
                    "/CN=ann x", "/CN=\u0430nn"):
        c = Json(d, tls=certified(ca, cert, subject))
        c.refused("login", "name-registered", name="ann")
    # a name that is no account's is a guest's, whatever the certificate
    eq(Json(d, tls=certified(ca, cert, "/CN=eve")).ok("login", name="eve")
       ["guest"], True)
    for bad in (certified(other, cert, "/CN=ann"),
                certified(ca, cert, "/CN=ann", days=-1)):
        at = len(d.log.lines)
        try:
            Json(d, tls=bad).ok("login", name="ann")
            raise Failure("it was taken")
        except (OSError, Failure) as error:
            lacks(str(error), "was taken", "the error")
        d.log.wait("handshake-failed", start=at)


@test()
def certificate_at_a_terminal():
    """openssl s_client with a certificate is asked for no password"""
    ca = Authority()
    d, tls = start(tls_client_ca=ca.cert, tls_login="cn",
                   auth_cost="minimal", greet_delay=500)
    Json(d, "ann", tls=tls).ok("register", password="correct horse")
    pair = ca.sign("/CN=ann")
    words = ["openssl", "s_client", "-quiet", "-connect", "127.0.0.1:%d" %
             d.port]
    p = Program(*words, "-cert", pair[0], "-key", pair[1])
    p.until(NAME_PROMPT)
    p.send("ann\n")
    lacks(p.until(rb"(?i)lobby"), b"assword")
    p = Program(*words)
    p.until(NAME_PROMPT)
    p.send("ann\n")
    p.until(rb"(?i)password")


@test()
def certificate_without_tls_login():
    """by default a certificate logs nobody in"""
    ca = Authority()
    d, tls = start(tls_client_ca=ca.cert, auth_cost="minimal")
    cert = d.options["tls_cert"]
    Json(d, "ann", tls=tls).ok("register", password="correct horse")
    Json(d, tls=certified(ca, cert, "/CN=ann")).refused(
        "login", "name-registered", name="ann")
    status, _, err = run_binary("-n", "-t", "-o", "tls_login=cn")
    eq(status, 1)
    contains(err, "asked for no certificate")


@test()
def half_close():
    """what was asked for before the end is answered after it"""
    d, tls = start("tls 127.0.0.1:0")
    ask = b'{"cmd":"login","name":"half%d"}\n' \
          b'{"cmd":"subscribe","room":"lobby"}\n' \
          b'{"cmd":"say","room":"lobby","text":"last"}\n'
    for version in (V12, V13):
        tls.minimum_version = tls.maximum_version = version
        # with close_notify
        h = Hands(d, tls)
        h.call(h.tls.do_handshake)
        h.call(h.tls.write, ask % version)
        try:
            h.tls.unwrap()
        except ssl.SSLWantReadError:
            pass
        h.flush()
        got = b""
        while h.fill():
            pass
        try:
            while data := h.tls.read(65536):
                got += data
        except ssl.SSLZeroReturnError:      # its close_notify; else a failure
            pass
        contains(got, b'"text":"last"', "what it asked for")
        # with TCP's end alone
        c = Raw(d, tls=tls)
        c.send(ask % (version + 10))
        socket.socket.shutdown(c.sock, socket.SHUT_WR)
        contains(c.to_end(), b'"text":"last"', "what it asked for")


def _shakes(d, ctx, tail, notify):
    """One whose lines, its end and more of it go out as they are ready."""
    h = Hands(d, ctx)
    h.call(h.tls.do_handshake)
    h.tls.write(tail)
    if notify:
        try:
            h.tls.unwrap()
        except ssl.SSLWantReadError:
            pass
    h.flush()
    return h


def _gone(d, what):
    until(lambda: ctl_json(d, "status")["clients"] == 0, 10,
          "nobody is here: " + what)


@test()
def vanished():
    """who sends lines and goes is ended, whatever is yet to be written"""
    d, tls = start("tls 127.0.0.1:0", login_timeout=0, rate=0)
    for version in (V12, V13):
        tls.minimum_version = tls.maximum_version = version
        for notify in (True, False):
            for tail in (b"", b"an", b"%s\n", b"%s\nhello\n",
                         b"%s\n" + b"/who\n" * 50,
                         b'{"cmd":"login","name":"%s"}\n'
                         b'{"cmd":"subscribe","room":"lobby"}\n'):
                for how in ("close", "half", "reset"):
                    at = len(d.log.lines)
                    name = b"n%d" % at
                    h = _shakes(d, tls, tail.replace(b"%s", name), notify)
                    if how == "half":
                        h.sock.shutdown(socket.SHUT_WR)
                        d.log.wait("client-closed", start=at)
                    elif how == "reset":
                        h.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                          b"\1\0\0\0\0\0\0\0")
                    h.sock.close()
                    d.log.wait("client-closed", start=at)
            _gone(d, "%s, %s" % (version.name, notify))
    d.log.wait("client-closed", reason="reset")


@test()
def vanished_s_clients():
    """so are 20 of OpenSSL's own client whose input ends at once"""
    need("openssl")
    d, _ = start("tls 127.0.0.1:0", login_timeout=0)
    for version in ("-tls1_2", "-tls1_3"):
        for number in range(10):
            subprocess.run(["openssl", "s_client", version, "-connect",
                            "127.0.0.1:%d" % d.port], check=True,
                           input=b"n%s%d\nhello\n" % (version[-1:].encode(),
                                                      number),
                           capture_output=True, timeout=10 * SLOW)
    _gone(d, "20 of s_client")


@test()
def vanished_in_handshake():
    """who goes within the handshake is ended at once, wherever that is"""
    d, tls = start(BOTH, handshake_timeout=60)
    for number in range(2):
        for version in (V12, V13):
            tls.minimum_version = tls.maximum_version = version
            h = Hands(d.address(number), tls)
            hello = h.hello()
            h.sock.close()
            for cut in (0, 1, 5, len(hello) // 2, len(hello)):
                c = Raw(d.address(number))
                c.send(hello[:cut])
                if cut == len(hello):
                    c.until(b"\x16")        # it was answered
                c.close()
            h = Hands(d.address(number), tls)
            h.sock.sendall(h.hello())
            h.fill()
            try:
                h.tls.do_handshake()
            except ssl.SSLWantReadError:
                pass
            last = h.outgoing.read()        # its second flight
            h.sock.sendall(last[:len(last) // 2])
            h.sock.close()
    _gone(d, "they went within their handshakes")


@test()
def half_closed_people():
    """a person who closes their side gets all of the answer"""
    d, tls = start("tls 127.0.0.1:0", rate=0)
    for version in (V12, V13):
        tls.minimum_version = tls.maximum_version = version
        for notify in (True, False):
            name = b"p%d%d" % (version, notify)
            h = _shakes(d, tls, name + b"\nhello\n" + b"/help say\n" * 40 +
                        b"/me is last\n", notify)
            h.sock.shutdown(socket.SHUT_WR)
            while h.fill():
                pass
            got = b""
            try:
                while data := h.tls.read(65536):
                    got += data
            except ssl.SSLZeroReturnError:
                pass
            contains(got, name + b" is last", "what came of it")
    _gone(d, "they have got all")


@test()
def half_closed_sleepers():
    """who closes their side and reads nothing is ended by write_timeout"""
    d, tls = start(rate=0, write_timeout=2)
    Load(d, ["w"], size=4000, window=16, count=2000).finish(60)
    for version in (V12, V13):
        tls.minimum_version = tls.maximum_version = version
        at = len(d.log.lines)
        sock = connect(d, rcvbuf=4096, tls=tls)
        sock.sendall(b'{"cmd":"login","name":"s%d"}\n'
                     b'{"cmd":"subscribe","room":"lobby","after":0}\n' %
                     version)
        socket.socket.shutdown(sock, socket.SHUT_WR)
        d.log.wait("client-closed", start=at, name="s%d" % version,
                   reason="write-timeout")
        sock.close()
    _gone(d, "the sleepers")


@test()
def much():
    """megabytes both ways come whole and in order"""
    d, tls = start(rate=0)
    say, hear = Json(d, "say", tls=tls), Json(d, "hear", tls=tls)
    hear.join()
    say.join()
    count, window = quick(200, 1500), 16
    text = "x" * 4000
    asked = []
    for i in range(count):
        asked.append(say.post("say", room="lobby", text="%d %s" % (i, text)))
        if i >= window:
            say.reply(asked[i - window])
    got = hear.messages(count, 60)
    eq([m["text"].split()[0] for m in got], [str(i) for i in range(count)],
       "in order")
    again = Json(d, "again", tls=tls)
    again.join(after=0)
    eq([m["text"].split()[0] for m in again.messages(count, 60)],
       [str(i) for i in range(count)], "and once more from the store")


# Of one that sleeps. A much smaller window is never announced again once its
# sender waits (less than half of it is free: RFC 9293, 3.8.6.2.2), and is found
# by probes alone, ever more seldom: 2 KB a minute are no test of TLS.
NARROW = 1 << 16


class Sleeper:
    """One that does not read until it is told to."""

    def __init__(self, d, name, tls):
        self.client = Json(d, name, tls=tls, rcvbuf=NARROW)
        self.client.join()


@test(timeout=300)
def slow_readers():
    """those who do not read cost less than 64 KiB each, and nobody else"""
    count, size = 150, 4000
    d, tls = start(write_timeout=0, history_max=0, history_bytes=0,
                   store="sqlite")
    alone = twin(d)
    # Memory is measured once all caches are full.
    megabytes = 5 if sanitized(BINARY) else 30
    total = 0

    def pump(where, messages):
        nonlocal total
        watch = Load(where, ["watch"], mode="watch")
        talk = Load(where, ["w"], size=size - 30, window=16, count=messages)
        eq(len(talk.finish(200)["w"]["acked"]), messages, "said")
        total += messages if where is d else 0
        report = watch.stop()
        eq(report["faults"], 0, "out of order at the fast reader")
        return report

    messages = megabytes * 1000000 // size
    pump(alone, messages // 4)
    pump(d, messages)
    total = 0                   # nobody sleeps yet
    nobody = uss(d.pid)
    sleepers = [Sleeper(d, "s%d" % i, tls) for i in range(count)]
    idle = (uss(d.pid) - nobody) / count
    pump(d, messages * 5 // 4)
    each = (uss(d.pid) - nobody) / count
    diag("%.0f bytes each, %.0f idle" % (each, idle))
    if not sanitized(BINARY):
        below(each, 64 << 10, "bytes a reader that does not read")
    judge("%d who do not read" % count, lambda: pump(alone, messages // 4),
          lambda: pump(d, messages // 4), lambda p99: 2 * p99 + 50 * SLOW)
    for s in sleepers[::30]:
        got = [m["seq"] for m in s.client.messages(total, 100)]
        eq(got, sorted(set(got)), "none lost or twice")
        s.client.close()


@test(timeout=120)
def behind_in_rooms():
    """nor more where they are far behind in several rooms"""
    count, rooms, each = 100, ("one", "two", "three"), 500
    d, tls = start(write_timeout=0, history_max=0, history_bytes=0,
                   store="sqlite")
    for room in rooms:
        Load(d, ["w"], room=room, size=4000, window=16, count=each).finish()

    def comes(name, **options):
        c = Json(d, name, **options)
        for room in rooms:
            c.post("subscribe", room=room, after=0)
        return c

    def reads(c):
        got = {room: [] for room in rooms}
        for m in c.messages(len(rooms) * each, 100):
            got[m["room"]].append(int(m["text"].split(":")[1]))
        eq(got, {room: list(range(each)) for room in rooms}, c.name)

    reads(comes("warm"))
    nobody = uss(d.pid)
    sleepers = [comes("s%d" % i, tls=tls, rcvbuf=NARROW)
                for i in range(count)]
    reads(comes("late"))        # it has all, and so they have what they take
    grown = (uss(d.pid) - nobody) / count
    diag("%.0f bytes each" % grown)
    if not sanitized(BINARY):
        below(grown, 64 << 10, "bytes a reader that does not read")
    reads(sleepers[0])
    reads(sleepers[-1])


@test()
def shutdown():
    """at the end all are told bye with reconnect; handshakes just end"""
    d, tls = start(BOTH)
    c, p = Json(d, "prog", tls=tls), Person(d, "pers", tls=tls)
    early = Raw(d.address(1))
    early.send(Hands(d, tls).hello()[:50])
    c.join()
    d.send_signal(signal.SIGTERM)
    eq(c.event("bye")["reconnect"], True, "reconnect")
    c.to_end()
    c.sock.unwrap()
    p.to_end()
    eq(early.to_end(), b"", "in the middle of a handshake")
    eq(d.wait_end(), 0, "status")
    d.ended()


if __name__ == "__main__":
    unhurried()
    main()
