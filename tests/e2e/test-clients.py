#!/usr/bin/env python3
"""Other people's programs: nc, socat, telnet, busybox, plink, tmux."""

import re

from client import NAME_PROMPT, Json, Program, Screen, said
from daemon import Daemon
from harness import eq, lacks, main, need, ok, test


def _clients(port):
    """(name, arguments, terminal, what RET sends) of every client."""
    p = str(port)
    return [
        ("ncopen", ["nc.openbsd", "127.0.0.1", p], False, "\n"),
        ("ncopenC", ["nc.openbsd", "-C", "127.0.0.1", p], False, "\n"),
        ("ncopent", ["nc.openbsd", "-t", "127.0.0.1", p], False, "\n"),
        ("nctrad", ["nc.traditional", "127.0.0.1", p], False, "\n"),
        ("nctradt", ["nc.traditional", "-t", "127.0.0.1", p], False, "\n"),
        ("ncpty", ["nc.openbsd", "127.0.0.1", p], True, "\r"),
        ("socat", ["socat", "-", "TCP:127.0.0.1:" + p], False, "\n"),
        ("socatcr", ["socat", "-", "TCP:127.0.0.1:%s,crnl" % p], False, "\n"),
        ("telnet", ["inetutils-telnet", "127.0.0.1", p], True, "\r"),
        ("telnetpipe", ["inetutils-telnet", "127.0.0.1", p], False, "\n"),
        ("bbtelnet", ["busybox", "telnet", "127.0.0.1", p], True, "\r"),
        ("bbnc", ["busybox", "nc", "127.0.0.1", p], False, "\n"),
        ("plink", ["plink", "-telnet", "-batch", "-P", p, "127.0.0.1"], False,
         "\n"),
        ("plinkpty", ["plink", "-telnet", "-P", p, "127.0.0.1"], True, "\r"),
    ]


def _enter(program, name, ret):
    program.until(NAME_PROMPT)
    program.send(name + ret)
    program.until(b"#lobby")


@test(timeout=120)
def all_together():
    """every client talks with every other, and with a program"""
    d = Daemon()
    bot = Json(d, "bot")
    bot.join()
    inside = []
    for name, argv, terminal, ret in _clients(d.port):
        need(argv[0])
        program = Program(*argv, terminal=terminal)
        _enter(program, name, ret)
        bot.event("join", name=name)
        inside.append((name, program, ret))
    texts = [("bot", "from the program é 🙂")]
    bot.say(texts[0][1])
    for name, program, ret in inside:
        program.send("I am %s%s" % (name, ret))
        eq(bot.message(from_=name)["text"], "I am " + name)
        texts.append((name, "I am " + name))
    for _, program, _ in inside:
        for name, text in texts:
            program.until(said(name, text))


@test()
def half_closed_nc():
    """what nc pipes in is said even though its input has ended"""
    d = Daemon()
    bot = Json(d, "bot")
    bot.join()
    for name, argv in (("one", ["nc.openbsd", "-N"]),
                       ("two", ["nc.traditional", "-q", "1"]),
                       ("three", ["socat", "-t", "5", "-"])):
        address = (["TCP:127.0.0.1:%d" % d.port] if argv[0] == "socat" else
                   ["127.0.0.1", str(d.port)])
        p = Program(*argv, *address)
        p.send("%s\nfrom a pipe\n" % name)
        p.end_input()
        eq(bot.message(from_=name)["text"], "from a pipe")
        bot.event("leave", name=name)


@test()
def json_by_nc():
    """a JSON line through nc is answered"""
    d = Daemon()
    p = Program("nc.openbsd", "127.0.0.1", str(d.port))
    p.send('{"cmd":"login","name":"ann"}\n')
    p.until(rb'^\{[^\n]*"ok":true[^\n]*\}\n')


@test()
def interrupted_telnet():
    """^C in inetutils-telnet drops the line, is answered, and output goes on"""
    d = Daemon()
    bot = Json(d, "bot")
    bot.join()
    p = Program("inetutils-telnet", "127.0.0.1", str(d.port), terminal=True)
    _enter(p, "ann", "\r")
    bot.event("join", name="ann")
    p.send("one\r")
    p.until(said("ann", "one"))
    p.send("\x03")
    p.until(rb"-- /quit goes\. If lines are missing now, /history shows them")
    p.send("two\r")
    bot.message(from_="ann", text="one")
    got = bot.message(from_="ann")["text"]
    eq(got[-3:], "two")
    p.until(said("ann", got), 15)


@test()
def utf8_in_telnet():
    """inetutils-telnet takes bytes of characters for keys, but only once"""
    d = Daemon()
    bot = Json(d, "bot")
    bot.join()
    for name, text in (("ann", "Übung"), ("eve", "snow ☃ man"),
                       ("bob", "Почта моя"), ("dan", "naïve Ě")):
        p = Program("inetutils-telnet", "127.0.0.1", str(d.port),
                    terminal=True)
        _enter(p, name, "\r")
        bot.event("join", name=name)
        p.send(text + "\r")
        p.until(b"not valid UTF-8.*type it again")
        for line in (text, "plain", text):
            p.send(line + "\r")
            eq(bot.message()["text"], line)
            p.until(said(name, line))
        p.send("wrong\x03" + text + "\r")
        eq(bot.message()["text"], text)


def _person_in_tmux(command):
    d = Daemon()
    bot = Json(d, "bot")
    bot.join()
    bot.ok("topic", room="lobby", topic="tea \x1b[5m time")
    s = Screen(command % d.port)
    s.see(r"(?i)name")
    s.type("ann")
    s.key("Enter")
    s.see(r"#lobby")
    bot.event("join", name="ann")
    bot.say("hello ann")
    s.see(r"^\d\d:\d\d #lobby <bot> hello ann$")
    s.type("hello bot")
    s.key("Enter")
    eq(bot.message(from_="ann")["text"], "hello bot")
    s.see(r"^\d\d:\d\d #lobby <ann> hello bot$")
    s.type("mistaken")
    for _ in range(8):
        s.key("BSpace")
    s.type("right é")
    s.key("Enter")
    eq(bot.message(from_="ann")["text"], "right é")
    evil = "\x1b[2J\x1b[H\x9b31mred\x07\r\nline\u202e"
    bot.say(evil)
    bot.say("after the evil one")
    s.see(r"^\d\d:\d\d #lobby <bot> after the evil one$")
    shown = s.lines()
    for line in shown:
        lacks(line, "^M")
        lacks(line, "\x1b")
        ok(re.match(r"(\d\d:\d\d )|\S|$", line), "no staircase: %r" % line)
    ok(any("hello ann" in line for line in shown), "the screen was not wiped")
    s.type("/quit")
    s.key("Enter")
    bot.event("leave", name="ann")


@test()
def inetutils_in_tmux():
    """inetutils-telnet in tmux shows clean lines"""
    need("inetutils-telnet")
    _person_in_tmux("inetutils-telnet 127.0.0.1 %d; cat")


@test()
def busybox_in_tmux():
    """busybox telnet in tmux shows clean lines"""
    need("busybox")
    _person_in_tmux("busybox telnet 127.0.0.1 %d; cat")


@test()
def nc_in_tmux():
    """nc in tmux shows clean lines"""
    need("nc.openbsd")
    _person_in_tmux("nc.openbsd 127.0.0.1 %d; cat")


if __name__ == "__main__":
    main()
