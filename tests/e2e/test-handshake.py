#!/usr/bin/env python3
"""How a connection becomes a browser's: RFC 6455 section 4, who may, and what
an auto listener tells by the first bytes."""

import base64

from client import Json, NAME_PROMPT, Person, Raw
from daemon import Daemon, need_web, unhurried
from harness import contains, eq, lacks, main, ok, test
from http1 import Http, fetch, request
from websocket import check_upgrade, close, text, upgrade

HTTP = "http 127.0.0.1:0"
KEY = "dGhlIHNhbXBsZSBub25jZQ=="        # RFC 6455 section 1.3
USUAL = {"Upgrade": "websocket", "Connection": "Upgrade",
         "Sec-WebSocket-Key": KEY, "Sec-WebSocket-Version": "13"}


def _hands(where, target="/ws", method="GET", version="HTTP/1.1",
           host="localhost", **changed):
    """The answer to a handshake with some headers changed (None: without;
    a list: that many lines)."""
    headers = []
    for name, value in {**USUAL, **{k.replace("_", "-"): v
                                    for k, v in changed.items()}}.items():
        for one in value if isinstance(value, list) else [value]:
            if one is not None:
                headers.append((name, one))
    h = Http(where)
    h.send(request(target, method, version, host, headers))
    answer = h.head()
    if answer.status == 101:
        check_upgrade(answer, changed.get("Sec_WebSocket_Key", KEY))
        h.send(text(b'{"cmd":"ping"}') + close(1000))
        contains(h.to_end(), b'"reply":"ping"')
    elif answer.status in (400, 405):
        ok(answer.closes or answer.status == 400, "%s closes" % answer)
    if answer.status == 426:
        contains(answer.get("Connection", "").lower(), "upgrade")
    h.close()
    return answer


@test()
def accepted():
    """the handshake in all its right writings"""
    d = Daemon(listen=["auto 127.0.0.1:0", HTTP])
    answer = _hands(d)
    eq(answer.get("Sec-WebSocket-Accept"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
       "the RFC's own example")
    for changed in (
            {"Upgrade": "WebSocket"}, {"Upgrade": "WEBSOCKET"},
            {"Upgrade": "h2c, websocket"}, {"Upgrade": ["h2c", "websocket"]},
            {"Connection": "upgrade"}, {"Connection": "keep-alive, Upgrade"},
            {"Connection": "Upgrade,keep-alive"},
            {"Connection": ["keep-alive", "Upgrade"]},
            {"Connection": " ,, UPGRADE ,"}, {"Content_Length": "0"},
            {"Sec_WebSocket_Protocol": "chat, superchat"},
            {"Sec_WebSocket_Extensions": "permessage-deflate"},
            {"Sec_WebSocket_Extensions": ["x", "y; z=\"1,2\""]},
            {"Cookie": "a=b; c=d" * 500}, {"User_Agent": "é"},
            {"target": "/ws?token=x"}, {"target": "http://localhost/ws"},
            {"Sec_WebSocket_Key": "AAAAAAAAAAAAAAAAAAAAAA=="},
            {"Sec_WebSocket_Key": "/+/+/+/+/+/+/+/+/+/+/w=="}):
        for number in range(2):
            eq(_hands(d.address(number), **changed).status, 101, str(changed))


@test()
def refused():
    """the handshake in its wrong ones"""
    d = Daemon(listen=HTTP)
    for changed, wanted in (
            ({"Upgrade": None}, 426), ({"Upgrade": ""}, 426),
            ({"Upgrade": "h2c"}, 426), ({"Upgrade": "websockets"}, 426),
            ({"Upgrade": "web socket"}, 426), ({"Upgrade": "websocke"}, 426),
            ({"Connection": None}, 426), ({"Connection": "close"}, 426),
            ({"Connection": "keep-alive"}, 426),
            ({"Connection": "Upgraded"}, 426),
            ({"Connection": "not-upgrade"}, 426),
            ({"Upgrade": None, "Connection": None}, 426),
            ({"Sec_WebSocket_Version": "8"}, 426),
            ({"Sec_WebSocket_Version": "0"}, 426),
            ({"Sec_WebSocket_Version": "14"}, 426),
            ({"Sec_WebSocket_Version": "130"}, 426),
            ({"Sec_WebSocket_Version": "1"}, 426),
            ({"Sec_WebSocket_Version": "13x"}, 426),
            ({"Sec_WebSocket_Version": ""}, 426),
            ({"Sec_WebSocket_Version": None}, 426),
            ({"Sec_WebSocket_Key": None}, 400),
            ({"Sec_WebSocket_Key": ""}, 400),
            ({"Sec_WebSocket_Key": "x"}, 400),
            ({"Sec_WebSocket_Key": KEY[:-1]}, 400),
            ({"Sec_WebSocket_Key": KEY[:-2]}, 400),
            ({"Sec_WebSocket_Key": KEY + "="}, 400),
            ({"Sec_WebSocket_Key": KEY + ","}, 400),
            ({"Sec_WebSocket_Key": "*" + KEY[1:]}, 400),
            ({"Sec_WebSocket_Key": "=" * 24}, 400),
            ({"Sec_WebSocket_Key": KEY[:11] + "=" + KEY[12:]}, 400),
            ({"Sec_WebSocket_Key": KEY[:11] + " " + KEY[12:]}, 400),
            ({"Sec_WebSocket_Key": KEY.replace("d", "_")}, 400),
            ({"Sec_WebSocket_Key": KEY * 100}, 400),
            ({"Sec_WebSocket_Key": [KEY, KEY]}, 400),
            ({"method": "HEAD"}, 400), ({"method": "POST"}, 405),
            ({"version": "HTTP/1.0"}, 400), ({"Content_Length": "5"}, 400),
            ({"Transfer_Encoding": "chunked"}, 400), ({"host": None}, 400),
            ({"target": "/ws/"}, 404), ({"target": "/WS"}, 404),
            ({"target": "/wss"}, 404), ({"target": "/"}, 200)):
        answer = _hands(d, **changed)
        eq(answer.status, wanted, str(changed))
        if wanted == 426:
            contains(answer.get("Upgrade", "").lower(), "websocket")
            eq(answer.get("Sec-WebSocket-Version", "13"), "13")
        if wanted == 426 and "Sec_WebSocket_Version" in changed:
            eq(answer.get("Sec-WebSocket-Version"), "13", str(changed))
    for size in (15, 17):
        key = base64.b64encode(b"x" * size).decode()
        eq(_hands(d, Sec_WebSocket_Key=key).status, 400, "%d bytes" % size)
    eq(fetch(d, "/ws").status, 426, "no handshake at all")


def _origins(d, cases):
    for host, origin, wanted in cases:
        eq(_hands(d, host=host, Origin=origin).status, 101 if wanted else 403,
           "%s at %s" % (str(origin)[:80], host))


SAME = [
    ("localhost", "http://localhost"), ("localhost:80", "http://localhost"),
    ("localhost", "http://localhost:80"),
    ("localhost:4000", "http://localhost:4000"),
    ("LocalHost:4000", "http://localhost:4000"),
    ("localhost:4000", "http://LOCALHOST:4000"),
    ("localhost:4000", "HTTP://localhost:4000"),
    ("chat.local", "https://chat.local"),       # behind a TLS proxy
    ("chat.local:443", "https://chat.local"),
    ("chat.local", "https://chat.local:443"),
    ("127.0.0.1:4000", "http://127.0.0.1:4000"),
    ("[::1]:4000", "http://[::1]:4000"), ("[::1]", "http://[::1]"),
    ("[::1]:80", "http://[::1]"), ("[FE80::1]:1", "http://[fe80::1]:1")]
FOREIGN = [
    "http://evil.example", "http://evil.example:4000", "http://localhost",
    "http://localhost:80", "https://localhost", "http://localhost:4001",
    "http://localhost:40000", "http://localhost:400", "http://127.0.0.1:4000",
    "http://[::1]:4000", "http://xlocalhost:4000", "http://localhostx:4000",
    "http://localhost.:4000", "http://localhost.evil.example:4000",
    "http://x.localhost:4000", "ws://localhost:4000", "ftp://localhost:4000"]
MALFORMED = [
    "null", "", "http://", "http:", "://localhost:4000", "localhost:4000",
    "//localhost:4000", "http:localhost:4000", "http:/localhost:4000",
    "http://localhost:4000/", "http://localhost:4000/x",
    "http://localhost:4000?x", "http://localhost:4000#",
    "http://user@localhost:4000", "http://user:pw@localhost:4000",
    "http://localhost:4000@evil.example", "http://evil.example@localhost:4000",
    "http://evil.example/@localhost:4000",
    "http://evil.example?http://localhost:4000",
    "http://localhost:4000 http://evil.example",
    "http://evil.example, http://localhost:4000",
    "http://localhost:4000,http://localhost:4000", "http://localhost:4000:4000",
    "http://localhost:", "http://localhost:x", "http://localhost:-4000",
    "http://localhost:4000x", "http://localhost:69536", "http://:4000",
    "http://localhost%3a4000", "http://local host:4000",
    "http://localhost\\:4000", "file://", "chrome-extension://abcdef", "*",
    "NULL", "http://[::1:4000", "http://::1:4000", "é", "http://é:4000",
    "http://" + "a" * 250, "http://localhost:4000" + " " * 300 + "x",
    "x" * 5000]


@test()
def same_origin():
    """only the page's own origin, or none at all, which is no browser"""
    d = Daemon(listen=HTTP)
    _origins(d, [("localhost:4000", None, True)])
    _origins(d, [(host, origin, True) for host, origin in SAME])
    _origins(d, [("localhost:4000", o, False) for o in FOREIGN + MALFORMED])
    _origins(d, [("[::1]:4000", "http://[::2]:4000", False),
                 ("[::1]:4000", "http://::1:4000", False),
                 ("chat.example:80", "https://chat.example", False),
                 ("chat.example:443", "http://chat.example", False),
                 ("localhost:4000", ["http://localhost:4000"] * 2, False),
                 ("localhost:4000", ["http://localhost:4000",
                                     "http://evil.example"], False)])
    long = "a" * 260                # though it is the same
    _origins(d, [(long, "http://" + long, False),
                 ("a" * 240, "http://" + "a" * 240, True)])
    eq(_hands(d, host=None, version="HTTP/1.0",
              Origin="http://localhost").status, 400)


@test()
def misled():
    """a name that is not this host's proves nothing over the loopback"""
    mine = [(h, "http://" + h, True) for h in (
        "127.0.0.1:4000", "[::1]:4000", "localhost", "a.localhost:4000",
        "village", "village.local", "VILLAGE.LOCAL:1")]
    d = Daemon(listen=HTTP)
    _origins(d, mine + [(h, "http://" + h, False) for h in (
        "evil.example:4000", "evil.example.", "local.evil.example",
        "127.0.0.1.evil.example", "a" * 250 + ".local.example")])
    _origins(d, [("evil.example", None, True)])     # no browser
    http = Http(d)
    http.send(request("/metrics", host="evil.example") +
              request("/metrics", host="localhost"))
    eq([http.response().status, http.response().status], [403, 200])
    d = Daemon(listen=HTTP, origins="https://chat.example")
    _origins(d, mine + [("chat.example", "https://chat.example", True)])


@test()
def origins():
    """the option origins lets others in, and only those"""
    d = Daemon(listen=HTTP, origins="https://example.org http://other:8080")
    _origins(d, [("x", origin, True) for origin in (
        "https://example.org", "https://EXAMPLE.org", "http://other:8080",
        "http://x", None)])
    _origins(d, [("x", origin, False) for origin in (
        "http://example.org", "https://example.org:444", "http://other",
        "https://other:8080", "https://www.example.org", "https://evil.org",
        "https://example.org.evil.org", "https://example.org/", "null", "",
        "https://example.org http://other:8080", "https://exam", "*")])
    d = Daemon(listen=HTTP, origins="*")
    _origins(d, [("x", origin, True) for origin in (
        "https://example.org", "http://evil:1", "http://x", None)])
    _origins(d, [("x", "http://" + "a" * 260, False),
                 ("x", ["http://x", "http://x"], False)])


@test()
def cut_anywhere():
    """a handshake cut at every byte, and with frames right behind it"""
    d = Daemon(loops=1, greet_delay=10000)
    witness = Json(d, "witness")
    data = upgrade(KEY) + text(b'{"cmd":"ping","id":"a"}') + close(1000)
    for cut in range(1, len(data)):
        h = Http(d)
        h.send(data[:cut])
        witness.ok("ping")          # by now the server has seen it
        h.send(data[cut:])
        check_upgrade(h.head(), KEY)
        contains(h.to_end(), b'"id":"a","ok":true')
        h.close()
    h = Http(d)
    for i in range(len(data)):
        h.send(data[i:i + 1])
        witness.ok("ping")
    check_upgrade(h.head(), KEY)
    h = Http(d)                     # after requests on the same connection
    h.send(request("/healthz") + request("/healthz") + data)
    for _ in range(2):
        eq(h.response().status, 200)
    check_upgrade(h.head(), KEY)
    contains(h.to_end(), b'"id":"a","ok":true')


@test()
def sniffing():
    """auto: a GET cut at every byte is HTTP, whatever comes before or after"""
    d = Daemon(loops=1, greet_delay=10000)
    witness = Json(d, "witness")
    data = request("/healthz")
    for cut in range(1, len(data)):
        h = Http(d)
        h.send(data[:cut])
        witness.ok("ping")
        h.send(data[cut:])
        eq(h.response().body, b"ok\n", "cut at %d" % cut)
        h.close()
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE",
                   "CONNECT"):
        eq(fetch(d, "/", method).status, 405, method)
    eq(fetch(d, "/", "HEAD").status, 200)
    h = Http(d)
    h.send(b"GET / HTTP/1.1\r\n\r\n")
    eq(h.response().status, 400, "it was taken for HTTP, and has no Host")


@test()
def sniffing_others():
    """auto: JSON and people are not taken for a browser, nor kept waiting"""
    # Longer than any answer is waited for: nobody waits for the greeting.
    d = Daemon(loops=1, greet_delay=60000)
    witness = Json(d, "witness")
    witness.join()
    for name in ("Gwen", "G", "GE", "GET", "Get", "get", "Penny", "POS",
                 "HEAD", "PUT", "O", "T", "Delete", "TRACER", "PRI"):
        for cut in (0, 1, len(name)):
            p = Person(d)
            if cut:
                p.send(name[:cut])
                witness.ok("ping")
            p.send(name[cut:] + "\r\n")
            p.until(b"#lobby")
            p.say("hi")
            eq(witness.message()["from"], name)
            p.close()
            witness.event("leave", name=name)
    line = b'{"cmd":"login","name":"eve"}\n'
    for cut in range(1, len(line)):
        r = Raw(d)
        r.send(line[:cut])
        witness.ok("ping")
        r.send(line[cut:])
        contains(r.until(b"\n"), b'"ok":true')
        r.send(b'{"cmd":"quit"}\n')
        r.to_end()
        r.close()


@test()
def after_the_greeting():
    """who was greeted is a person: a GET is closed, a name is a name"""
    d = Daemon(listen=["auto 127.0.0.1:0", "text 127.0.0.1:0"],
               greet_delay=20)
    witness = Json(d, "witness")
    witness.join()
    for number in range(2):
        for version in ("1.0", "1.1"):
            r = Raw(d.address(number))
            r.until(NAME_PROMPT)
            r.send(request("/", version="HTTP/" + version))
            lacks(r.to_end(), b"200 OK")
        p = Person(d.address(number), "George")
        p.say("GET / HTTP/1.1")         # somebody explains something
        eq(witness.message()["text"], "GET / HTTP/1.1")
        p.close()
        witness.event("leave")
    r = Raw(d)
    r.send(b"G")                        # slow to go on, and so a person
    r.until(NAME_PROMPT)
    r.send(b"wen\r\nhi\r\n")
    eq(witness.message()["from"], "Gwen")
    c = Json(d)
    c.until(NAME_PROMPT)
    c.ok("login", name="slow")


def _posts(path):
    """What a page elsewhere can make a browser send here: no-cors fetch()."""
    commands = ('{"cmd":"login","name":"evil"}\n'
                '{"cmd":"subscribe","room":"lobby"}\n'
                '{"cmd":"say","room":"lobby","text":"pwned"}\n')
    typed = "evil\r\npwned\r\n/me pwned\r\n"
    for body in commands, "\n" + commands, typed, "\r\n" + typed * 50:
        for method in ("POST", "PUT"):
            yield request(path, method, headers=[
                ("Origin", "http://evil.example"),
                ("Content-Type", "text/plain;charset=UTF-8"),
                ("Accept", commands.replace("\n", " ")),
                ("Content-Length", str(len(body)))]) + body.encode()
        yield request(path, headers=[
            ("Content-Length", str(len(body)))]) + body.encode()


@test()
def cross_protocol():
    """a browser's POST from elsewhere does nothing, at any listener"""
    d = Daemon(listen=["auto 127.0.0.1:0", "text 127.0.0.1:0",
                       "json 127.0.0.1:0", HTTP], greet_delay=10000,
               max_line=1000, max_text=500)
    witness = Json(d, "witness")
    witness.join()
    paths = ("/", '/{"cmd":"login","name":"evil"}', "/" + "x" * 900,
             "/" + "x" * 1000, "/" + "x" * 5000, "/" + "x" * 70000)
    for number in range(4):
        for path in paths:
            for data in _posts(path):
                r = Raw(d.address(number))
                try:
                    r.send(data)
                except OSError:
                    pass
                got = r.to_end()
                lacks(got, b'"ok":true', "%d: %s" % (number, data[:60]))
                r.close()
    witness.none("join")
    witness.none("message")
    eq([m["name"] for m in witness.ok("who")["members"]], ["witness"])


@test()
def cross_protocol_greeted():
    """nor does one that is slow, or comes in pieces"""
    d = Daemon(listen=["auto 127.0.0.1:0", "text 127.0.0.1:0",
                       "json 127.0.0.1:0"], greet_delay=20, loops=1)
    witness = Json(d, "witness")
    witness.join()
    for number in range(3):
        for data in _posts("/"):
            r = Raw(d.address(number))
            if number < 2:
                r.until(NAME_PROMPT)
            for at in range(0, 200, 40):
                try:
                    r.send(data[at:at + 40] if at < 160 else data[at:])
                except OSError:
                    break
                witness.ok("ping")
            lacks(r.to_end(), b'"ok":true')
            r.close()
    witness.none("join")
    witness.none("message")
    eq([m["name"] for m in witness.ok("who")["members"]], ["witness"])


@test()
def within_tls():
    """what a page elsewhere has put into a hello of TLS does nothing"""
    d = Daemon(listen=["auto 127.0.0.1:0", "text 127.0.0.1:0",
                       "json 127.0.0.1:0", HTTP], greet_delay=20, loops=1)
    witness = Json(d, "witness")
    witness.join()
    for number in range(4):
        for ticket in (b"\nmallory\r\nhello\r\n", b"x" * 20000 +
                       b'\n{"cmd":"login","name":"mallory"}\n'):
            r = Raw(d.address(number))
            r.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc" + ticket)
            lacks(r.to_end(), b"mallory")
            r.close()
    eq([m["name"] for m in witness.ok("who")["members"]], ["witness"])


@test()
def foreign_sockets_do_nothing():
    """a refused origin's commands behind the handshake are not read"""
    d = Daemon(listen=["auto 127.0.0.1:0", HTTP])
    witness = Json(d, "witness")
    witness.join()
    for number in range(2):
        h = Http(d.address(number))
        h.send(upgrade(KEY, headers=[("Origin", "http://evil.example")]) +
               text(b'{"cmd":"login","name":"evil"}') +
               text(b'{"cmd":"subscribe","room":"lobby"}') +
               b'\n{"cmd":"login","name":"evil"}\n\n')
        eq(h.response().status, 403)
        lacks(h.to_end(), b'"ok":true')
    witness.none("join")
    eq([m["name"] for m in witness.ok("who")["members"]], ["witness"])


if __name__ == "__main__":
    unhurried()
    main(need_web)
