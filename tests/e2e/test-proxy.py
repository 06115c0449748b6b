#!/usr/bin/env python3
"""Behind proxies: the PROXY protocol, X-Forwarded-For, HAProxy and nginx."""

import os
import socket
import struct

from client import NAME_PROMPT, Json, Person, Program, Raw, connect, said
from daemon import Daemon
from harness import (contains, eq, fail, free_port, main, need, ok, slowly,
                     tempdir, test, until)
from tls import context, selfsigned
from websocket import Web, new_key, upgrade

os.environ["PATH"] += ":/usr/sbin"      # where Debian has the proxies
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def v1(source, port=1234):
    kind = "TCP6" if ":" in source else "TCP4"
    to = "::1" if ":" in source else "127.0.0.1"
    return b"PROXY %s %s %s %d 4000\r\n" % (
        kind.encode(), source.encode(), to.encode(), port)


def v2(source, port=1234, tlv=b""):
    if ":" in source:
        kind, family, to = 0x21, socket.AF_INET6, "::1"
    else:
        kind, family, to = 0x11, socket.AF_INET, "127.0.0.1"
    body = (socket.inet_pton(family, source) + socket.inet_pton(family, to) +
            struct.pack("!HH", port, 4000) + tlv)
    return SIGNATURE + struct.pack("!BBH", 0x21, kind, len(body)) + body


V2_LOCAL = SIGNATURE + b"\x20\x00\x00\x00"
HEADERS = [v1, v2]


def trusting(listen="auto 127.0.0.1:0", **options):
    options.setdefault("store", "memory")
    return Daemon(listen=listen, trusted="127.0.0.0/8", **options)


def closed(d, name):
    return d.log.wait("client-closed", name=name)


@test()
def every_listener():
    """both versions before every kind of listener; the log has who it is"""
    cert, key = selfsigned()
    tls = context(cert)
    d = trusting(["auto 127.0.0.1:0", "json 127.0.0.1:0", "text 127.0.0.1:0",
                  "http 127.0.0.1:0", "tls 127.0.0.1:0"], tls_cert=cert,
                 tls_key=key, greet_delay=500)
    number = 0
    for make in HEADERS:
        for source in ("192.0.2.7", "2001:db8::7"):
            number += 1
            head = make(source, 4242)
            c = Json(d.address(0), "auto%d" % number, first=head)
            c.close()
            c = Json(d.address(1), "json%d" % number, first=head)
            c.close()
            for at in (0, 2):
                p = Person(d.address(at), "text%d-%d" % (number, at),
                           first=head)
                p.close()
            for at in (0, 4):
                c = Json(d.address(at), "tls%d-%d" % (number, at), tls=tls,
                         first=head)
                c.close()
            for at in (0, 3):
                w = Web(d.address(at), "web%d-%d" % (number, at), first=head)
                w.close()
            for name in ["auto", "json", "text%d-0", "text%d-2", "tls%d-0",
                         "tls%d-4", "web%d-0", "web%d-3"]:
                name = name % number if "%" in name else name + str(number)
                end = closed(d, name)
                eq((end["address"], end["port"]), (source, "4242"), name)


@test()
def tlv_and_local():
    """version 2 with more than addresses; LOCAL and UNKNOWN are the peer"""
    d = trusting()
    Json(d, "more", first=v2("192.0.2.7", tlv=b"\x04\x00\x04abcd" * 100)
         ).close()
    eq(closed(d, "more")["address"], "192.0.2.7", "address")
    for n, head in enumerate((V2_LOCAL, b"PROXY UNKNOWN\r\n",
                              b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n")):
        Json(d, "local%d" % n, first=head).close()
        eq(closed(d, "local%d" % n)["address"], "127.0.0.1", "address")


@test()
def cut():
    """a header cut at every byte, together with what follows"""
    d = trusting("json 127.0.0.1:0")
    for n, (make, source) in enumerate(((v1, "192.0.2.7"), (v2, "192.0.2.7"),
                                        (v2, "2001:db8::7"))):
        head = make(source)
        clients = []
        for at in range(1, len(head) + 2):
            name = "c%d-%d" % (n, at)
            whole = head + b'{"cmd":"login","name":"%s"}\n' % name.encode()
            c = Json(d)
            c.send(whole[:at])
            clients.append((name, c, whole[at:]))
        for name, c, rest in clients:   # each waits with its first part
            c.send(rest)
            eq(c.reply(None).get("name"), name, "login")
            c.close()
        for name, _, _ in clients:
            eq(closed(d, name)["address"], source, name)


@test()
def bad_headers():
    """what begins like a header and is none ends the connection"""
    d = trusting(handshake_timeout=slowly(1))
    for bad in (b"PROXY TCP4 1.2.3.4 5.6.7.8 1\r\n", b"PROXY \r\n",
                b"PROXY TCP4 300.2.3.4 5.6.7.8 1 2\r\n", b"PROXY " + b"x" * 200,
                SIGNATURE + b"\x11\x11\x00\x0c" + bytes(12),
                SIGNATURE + b"\x21\x11\xff\xff",
                SIGNATURE + b"\x21\x11\x00\x01x"):
        at = len(d.log.lines)
        c = Raw(d)
        c.send(bad)
        eq(c.to_end(), b"", "the answer to %r" % bad)
        d.log.wait("client-closed", start=at, reason="bad-proxy-header")
        c.close()
    for slow in (v1("192.0.2.7")[:20], v2("192.0.2.7")[:20]):
        at = len(d.log.lines)
        c = Raw(d)
        c.send(slow)
        eq(c.to_end(20), b"", "nothing for one who does not finish it")
        d.log.wait("client-closed", start=at, reason="handshake-timeout")


@test()
def directly():
    """who comes from a trusted address without a header is as always"""
    cert, key = selfsigned()
    d = trusting(["auto 127.0.0.1:0", "json 127.0.0.1:0", "text 127.0.0.1:0",
                  "http 127.0.0.1:0"], tls_cert=cert, tls_key=key,
                 handshake_timeout=slowly(2), greet_delay=500)
    Json(d, "json").ok("ping")
    Json(d, "tls", tls=context(cert)).ok("ping")
    for at in (0, 2):
        p = Person(d.address(at), "pers%d" % at)
        p.say("PROXY is a word")
        p.see(said("pers%d" % at, "PROXY is a word"))
    Web(d, "web").ok("ping")
    p = Raw(d.address(2))       # an Enter begins version 2 as well
    p.send("\r\n")
    p.until(NAME_PROMPT)
    quiet = Json(d.address(1))  # longer than a header may take
    slow = Json(d.address(1), first=v1("192.0.2.7")[:-2])
    eq(slow.to_end(20), b"", "it has taken too long")
    eq(quiet.raw_reply(b'{"cmd":"ping"}')["ok"], True, "its first command")


@test()
def not_trusted():
    """from others a header is data: text is text, JSON bad JSON"""
    d = Daemon(listen=["json 127.0.0.1:0", "auto 127.0.0.1:0"],
               store="memory", trusted="192.0.2.0/24", greet_delay=60000)
    c = Json(d)
    eq(c.raw_reply(v1("192.0.2.7").rstrip())["error"], "bad-json", "version 1")
    c = Json(d)
    c.send(v2("192.0.2.7") + b"\n")
    ok(c.reply(None)["error"] in ("bad-json", "bad-utf8"), "version 2")
    p = Raw(d.address(1))
    p.send(v1("192.0.2.7"))
    p.until(b"name")
    p.close()
    eq(d.log.records("client-forwarded"), [], "nobody was believed")


@test()
def limits():
    """max_clients_address counts who it is, and the proxy itself not"""
    d = trusting(["auto 127.0.0.1:0", "json 127.0.0.1:0", "http 127.0.0.1:0"],
                 max_clients_address=3)
    for turn, make in enumerate(HEADERS):
        source = "192.0.2.%d" % (10 + turn)
        kept = [Json(d, "a%d-%d" % (turn, i), first=make(source))
                for i in range(3)]
        for where in (0, 1):
            c = Json(d.address(where), first=make(source))
            if where == 1:
                eq(c.event("bye")["reason"], "server-full", "the fourth")
            else:
                contains(c.to_end(), b"full", "the fourth, as text")
            c.close()
        Json(d, "other%d" % turn, first=make("192.0.2.99")).close()
        kept.pop().close()
        closed(d, "a%d-2" % turn)
        Json(d, "again%d" % turn, first=make(source)).close()
        closed(d, "again%d" % turn)
    many = [Json(d, "direct%d" % i) for i in range(6)]
    many[-1].ok("ping")


@test()
def forwarded_for():
    """X-Forwarded-For: the address farthest right that is not trusted"""
    d = Daemon(listen=["http 127.0.0.1:0"], store="memory",
               trusted="127.0.0.0/8 10.0.0.0/8", max_clients_address=2)
    for n, (value, wanted) in enumerate((
            ("192.0.2.1", "192.0.2.1"),
            ("6.6.6.6, 192.0.2.2", "192.0.2.2"),
            ("6.6.6.6, 2001:db8::9, 10.1.1.1", "2001:db8::9"),
            ("[2001:db8::a]:99", "2001:db8::a"),
            ("6.6.6.6, unknown", "127.0.0.1"),
            ("<script>", "127.0.0.1"))):
        Web(d, "x%d" % n, headers=[("X-Forwarded-For", value)]).close()
        eq(closed(d, "x%d" % n)["address"], wanted, "of " + value)
    full = [("X-Forwarded-For", "192.0.2.50")]
    kept = [Web(d, headers=full) for _ in range(2)]
    c = Raw(d)
    c.send(upgrade(new_key(), headers=full))
    contains(c.until(b"\r\n\r\n"), b" 503 ", "one too many")
    Web(d, headers=[("X-Forwarded-For", "192.0.2.51")]).close()
    ok(len(kept) == 2, "kept until here")


@test()
def forwarded_by_strangers():
    """X-Forwarded-For of who is not trusted is not believed"""
    d = Daemon(listen=["http 127.0.0.1:0"], store="memory",
               trusted="10.0.0.0/8")
    Web(d, "liar", headers=[("X-Forwarded-For", "192.0.2.1")]).close()
    eq(closed(d, "liar")["address"], "127.0.0.1", "address")


@test()
def numbers():
    """/metrics is for who it is, not for the proxy"""
    d = trusting("http 127.0.0.1:0")
    strange = Daemon(listen="http 127.0.0.1:0", store="memory")

    def get(where, first=b"", extra=""):
        c = Raw(where, first=first)
        c.send("GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s"
               "\r\n" % extra)
        return c.to_end().split(b" ", 2)[1]

    eq(get(d), b"200", "directly")
    eq(get(d, v1("192.0.2.7")), b"403", "by PROXY")
    eq(get(d, v1("127.0.0.9")), b"200", "by PROXY from loopback")
    eq(get(d, b"", "X-Forwarded-For: 192.0.2.7\r\n"), b"403", "forwarded")
    eq(get(d, v1("192.0.2.7"), "X-Forwarded-For: 127.0.0.1\r\n"), b"403",
       "a client behind PROXY is no proxy")
    eq(get(strange), b"200", "directly")
    eq(get(strange, b"", "X-Forwarded-For: 127.0.0.1\r\n"), b"403",
       "forwarded by who is not trusted")


class Server(Program):
    """A proxy in the foreground, with what it needs in a directory."""

    def __init__(self, port, *argv):
        super().__init__(*argv)
        self.port = port

        def answers():
            if self.process.poll() is not None:
                fail("%s has ended: %s" % (argv[0],
                                           os.read(self.output, 4096)))
            try:
                connect(("127.0.0.1", port)).close()
                return True
            except ConnectionRefusedError:
                return False
        until(answers, 20, argv[0])


def haproxy(d, fronts):
    """fronts: (send-proxy option, daemon's listener); a port for each."""
    need("haproxy")
    ports = [free_port() for _ in fronts]
    text = ("global\n\tmaxconn 200\ndefaults\n\tmode tcp\n"
            "\ttimeout connect 5s\n\ttimeout client 1m\n\ttimeout server 1m\n")
    for n, (option, at) in enumerate(fronts):
        text += ("listen l%d\n\tbind 127.0.0.1:%d\n\tserver s 127.0.0.1:%d "
                 "source 127.0.0.2 %s\n" %
                 (n, ports[n], d.address(at)[1], option))
    path = tempdir() + "/haproxy.cfg"
    with open(path, "w", encoding="ascii") as f:
        f.write(text)
    server = Server(ports[0], "haproxy", "-db", "-f", path)
    return server, [("127.0.0.1", p) for p in ports]


@test()
def real_haproxy():
    """HAProxy with send-proxy and send-proxy-v2, before text, TLS, the web"""
    cert, key = selfsigned()
    d = Daemon(listen=["auto 127.0.0.1:0", "tls 127.0.0.1:0"], store="memory",
               trusted="127.0.0.2", tls_cert=cert, tls_key=key)
    _, ports = haproxy(d, [("send-proxy", 0), ("send-proxy-v2", 0),
                           ("send-proxy", 1),
                           ("send-proxy-v2 proxy-v2-options unique-id", 1)])
    names = []
    for n, where in enumerate(ports):
        tls = context(cert) if n >= 2 else None
        source = 0
        for make, name in ((Json, "json"), (Person, "pers")):
            c = make(where, name + str(n), tls=tls)
            source = c.sock.getsockname()[1]
            if make is Json:
                c.join()
                c.say("behind haproxy")
                c.message(text="behind haproxy")
            c.close()
            names.append((name + str(n), source))
        w = Web(where, "web%d" % n, tls=tls)
        source = w.sock.getsockname()[1]
        w.close()
        names.append(("web%d" % n, source))
    for name, port in names:
        end = closed(d, name)
        eq((end["address"], end["port"]), ("127.0.0.1", str(port)), name)
    by = {r["by"] for r in d.log.records("client-forwarded")}
    eq(by, {"127.0.0.2"}, "who has forwarded them")


NGINX = """daemon off; master_process off; pid %(dir)s/pid; error_log stderr;
events { worker_connections 200; }
http {
	access_log off;
	client_body_temp_path %(dir)s/a; proxy_temp_path %(dir)s/b;
	fastcgi_temp_path %(dir)s/c; uwsgi_temp_path %(dir)s/d;
	scgi_temp_path %(dir)s/e;
	server {
		listen 127.0.0.1:%(plain)d;
		listen 127.0.0.1:%(tls)d ssl;
		ssl_certificate %(cert)s;
		ssl_certificate_key %(key)s;
		location / {
			proxy_pass http://127.0.0.1:%(to)d;
			proxy_bind 127.0.0.2;
			proxy_http_version 1.1;
			proxy_set_header Host $http_host;
			proxy_set_header Upgrade $http_upgrade;
			proxy_set_header Connection $http_connection;
			proxy_set_header X-Forwarded-For
			    $proxy_add_x_forwarded_for;
		}
	}
}
"""


@test()
def real_nginx():
    """nginx before the web: the page, a WebSocket, over http and https"""
    need("nginx")
    cert, key = selfsigned()
    d = Daemon(listen="auto 127.0.0.1:0", store="memory", trusted="127.0.0.2")
    plain, secure = free_port(), free_port()
    directory = tempdir()
    path = directory + "/nginx.conf"
    with open(path, "w", encoding="ascii") as f:
        f.write(NGINX % {"dir": directory, "plain": plain, "tls": secure,
                         "cert": cert, "key": key, "to": d.port})
    Server(plain, "nginx", "-e", "stderr", "-p", directory, "-c", path)
    for n, (port, tls) in enumerate(((plain, None), (secure, context(cert)))):
        where = ("127.0.0.1", port)
        c = Raw(where, tls=tls)
        c.send("GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
               "\r\n")
        contains(c.to_end(), b"<!doctype html>", "the page")
        # what the client claims itself stands to the left and counts nothing
        w = Web(where, "nginx%d" % n, tls=tls, headers=[
            ("X-Forwarded-For", "192.0.2.66"),
            ("Origin", "%s://localhost" % ("https" if tls else "http"))])
        w.join()
        w.say("behind nginx")
        w.message(text="behind nginx")
        w.close()
        eq(closed(d, "nginx%d" % n)["address"], "127.0.0.1", "address")
        eq(d.log.records("client-forwarded")[-1]["by"], "127.0.0.2", "by")


if __name__ == "__main__":
    main()
