#!/usr/bin/env python3
"""The log: whole lines, reasons, no texts, and nothing forged."""

from client import NAME_PROMPT, Json, Person, Raw, login
from daemon import Daemon, parse_log
from harness import eq, has, lacks, main, ok, tempdir, test, until

LEVELS = ["error", "warn", "notice", "info", "debug"]


def _all_parse(d):
    for line in d.log.lines:
        ok(parse_log(line) is not None, "no log line: %r" % line)


@test()
def ready_line():
    """listening tells kind, address and port, then comes ready"""
    d = Daemon(listen=["auto 127.0.0.1:0", "json 127.0.0.1:0"])
    events = [r["event"] for r in d.log.records()]
    eq(events.count("listening"), 2)
    eq(events.count("ready"), 1)
    ok(events.index("ready") > max(i for i, e in enumerate(events)
                                   if e == "listening"), "ready comes last")
    for record in d.listening:
        has(record, "kind", "address", "port")
        Raw((record["address"], int(record["port"])))
    _all_parse(d)


@test()
def ends_have_reasons():
    """every connection's end says why and for whom"""
    d = Daemon()
    c = Json(d, "quitter")
    c.ok("quit")
    quit_ = d.log.wait("client-closed", name="quitter")
    Json(d, "closer").close()
    closed = d.log.wait("client-closed", name="closer")
    c = Json(d, "breaker")
    c.reset()
    reset = d.log.wait("client-closed", name="breaker")
    Raw(d).close()
    d.log.wait("client-open")
    last = Json(d, "stayer")
    d.stop()
    stopped = [r for r in map(parse_log, d.past)
               if r and r["event"] == "client-closed"]
    for record in stopped:
        has(record, "reason", "client")
        ok(record["reason"], str(record))
    reasons = {r.get("name"): r["reason"] for r in stopped}
    has(reasons, "quitter", "closer", "breaker", "stayer", None)
    ok(len({quit_["reason"], closed["reason"], reset["reason"],
            reasons["stayer"]}) >= 3, "reasons differ: %r" % reasons)
    last.close()


@test()
def no_texts():
    """no message's text above level debug, no topic, no away text"""
    for level in LEVELS[:4]:
        d = Daemon(log_level=None, listen="auto 127.0.0.1:0")
        d.options["log_level"] = level
        if level in ("error", "warn"):
            path = d.state_dir + "/sock"
            d.listen = ["auto " + path]
            d.stop()
            d.start(wait=False)
            until(lambda: _connects(path), 10, "the socket")
        else:
            path = None
            d.restart()
        where = path or d
        ann, bob = login(where, "ann"), login(where, "bob")
        ann.join()
        bob.join()
        ann.say("SECRETtext")
        ann.ok("tell", to="bob", text="SECRETtell")
        ann.ok("topic", room="lobby", topic="SECRETtopic")
        ann.ok("away", text="SECRETaway")
        ann.raw_reply(b'{"cmd":"say","room":"SECRETbroken')
        ann.raw_reply(b'{"cmd":"say","text":"SECRET\xff"}')
        ann.sync()
        d.stop()
        for line in d.past:
            lacks(line, "SECRET", "at level " + level)


def _connects(path):
    try:
        Raw(path).close()
    except OSError:
        return False
    return True


@test()
def levels():
    """log_level keeps what is less serious out"""
    for i, level in enumerate(LEVELS):
        if level in ("error", "warn"):
            continue                    # ready is no longer said then
        d = Daemon(log_level=level)
        c = Json(d, "ann")
        c.join()
        c.close()
        d.stop()
        for record in map(parse_log, d.past):
            ok(LEVELS.index(record["level"]) <= i, "%r at %s" % (record, level))


@test()
def no_forging():
    """no name, text or command makes a log line of its own"""
    d = Daemon(log_level="debug")
    forged = "x\n2026-01-01T00:00:00.000Z error forged name=root"
    for evil in (forged, forged.replace("\n", "\r"), "a\" forged=1",
                 "\x1b[2Jforged", "\u2028forged", "\x85forged",
                 "a forged=1", "\\\" forged=1", "\\nforged", "a=b forged=1"):
        c = Json(d)
        c.cmd("login", name=evil)
        c.cmd("login", name="good")
        c.cmd("subscribe", room=evil)
        c.cmd("subscribe", room="lobby")
        c.cmd("say", room="lobby", text=evil)
        c.cmd("say", room=evil, text=evil)
        c.cmd("rename", name=evil)
        c.cmd("tell", to=evil, text=evil)
        c.cmd("topic", room="lobby", topic=evil)
        c.cmd("away", text=evil)
        c.cmd(evil)
        c.cmd("login", name="x", resume=evil[:100])
        c.ok("quit")
        c.close()
        p = Raw(d)
        p.until(NAME_PROMPT)
        p.send(evil.encode() + b"\r\n")
        p.send(b"good\r\n" + b"/" + evil.encode() + b"\r\n/quit\r\n")
        p.to_end()
        p.close()
    person = Person(d, "naïve")
    person.say("hello")
    person.see(rb"<na")
    d.stop()
    lines = d.past
    ok(len(lines) > 50, "there is a log")
    for line in lines:
        record = parse_log(line)
        ok(record is not None, "no log line: %r" % line)
        ok(record["event"] != "forged" and "forged" not in record,
           "forged: %r" % line)
        ok(all(c >= " " and not "\x7f" <= c <= "\x9f" for c in line),
           "a control character in %r" % line)


@test()
def long_values():
    """long names and many lines do not break the log's lines"""
    d = Daemon(log_level="debug", max_line="64K", max_text="20K")
    c = Json(d, "a" * 32)
    c.join()
    c.say("x" * 20000)
    c.cmd("y" * 5000)
    c.cmd("login", name="z" * 60000)
    for _ in range(500):
        c.ok("ping")
    c.sync()
    d.stop()
    for line in d.past:
        ok(parse_log(line) is not None, "no log line: %r" % line[:300])


@test()
def log_file_cannot_be_opened():
    """a log that cannot be opened is told, not ignored"""
    d = Daemon(log_to="/proc/nowhere/log", wait=False)
    status = d.wait_end()
    ok(status > 0, "status %d" % status)
    d.ended()
    ok("/proc/nowhere/log" in "\n".join(d.past), str(d.past))


@test()
def log_disk_full():
    """a log that cannot be written stops nobody"""
    d = Daemon(log_to="/dev/full", wait=False,
               listen="auto %s/sock" % tempdir())
    path = d.listen[0].split(" ", 1)[1]
    until(lambda: _connects(path), 10, "the socket")
    c = Json(path, "ann")
    c.join()
    c.say("hi")
    c.message()


if __name__ == "__main__":
    main()
