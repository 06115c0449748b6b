#!/usr/bin/env python3
"""Telnet, byte by byte, against the whole daemon."""

import select
import socket

from client import NAME_PROMPT, Json, Person, Raw, said
from daemon import BINARY, Daemon
from harness import (below, contains, eq, lacks, main, quick, rss, sanitized,
                     test, uss)

IAC = b"\xff"
DONT, DO, WONT, WILL, SB, SE = (bytes([255, c])
                                for c in (254, 253, 252, 251, 250, 240))
AYT, IP, BRK, NOP, GA, DM, AO, EC, EL = (bytes([255, c]) for c in
                                         (246, 244, 243, 241, 249, 242, 245,
                                          247, 248))
PLINK = bytes.fromhex("fffb1f fffb20 fffb18 fffb27 fffd01 fffb03 fffd03")
INETUTILS = bytes.fromhex("fffd26 fffb26 fffd03 fffb18 fffb1f fffb20 fffb21"
                          "fffb22 fffb27 fffd05")


def _pair(d):
    """A person at telnet and a program that sees what is said."""
    bot = Json(d, "bot")
    bot.join()
    p = Person(d, "ann")
    bot.event("join", name="ann")
    return p, bot


def _answers(data):
    """The telnet commands among the bytes, and the rest."""
    commands, text, at = [], b"", 0
    while at < len(data):
        if data[at] != 255:
            text += data[at:at + 1]
            at += 1
        elif data[at + 1] == 250:
            end = data.index(SE, at) + 2
            commands.append(data[at:end])
            at = end
        else:
            size = 3 if data[at + 1] >= 251 else 2
            commands.append(data[at:at + size])
            at += size
    return commands, text


def _asked(p, mark):
    """What came up to the line that the mark was said in."""
    p.send(mark + "\r\n")
    return p.until(said("ann", mark))


@test()
def nothing_unasked():
    """who sends no telnet command never sees one"""
    d = Daemon()
    p, _ = _pair(d)
    lacks(_asked(p, "hello"), IAC)


@test()
def refuses_unknown_options():
    """an unknown option is refused once per request, and no more"""
    d = Daemon()
    p, _ = _pair(d)
    for option in (b"\x2a", b"\x56", b"\xc8", b"\x00"):
        p.send(DO + option + WILL + option + DO + option)
        commands, _ = _answers(_asked(p, "o%d" % option[0]))
        eq([c for c in commands if c[2:] == option and c[1] == 252],
           [WONT + option] * 2)
        eq([c for c in commands if c[1] in (251, 253)], [])
        p.send(DONT + option + WONT + option)
        eq(_answers(_asked(p, "n%d" % option[0]))[0], [])


@test()
def no_loop():
    """a client that refuses everything statelessly ends in one round"""
    d = Daemon()
    p, bot = _pair(d)
    p.send(PLINK + INETUTILS)
    data, total = _asked(p, "one"), 0
    for i in range(10):
        answer = b""
        for c in _answers(data)[0]:
            if c[1] in (251, 252):
                answer += DONT + c[2:]
            elif c[1] in (253, 254):
                answer += WONT + c[2:]
        total += len(answer)
        p.send(answer)
        data = _asked(p, "round%d" % i)
    eq(_answers(data)[0], [], "quiet in the end")
    below(total, 200, "bytes negotiated")
    eq(len(bot.messages(11)), 11)


@test()
def are_you_there():
    """AYT is answered with text"""
    d = Daemon()
    p, _ = _pair(d)
    p.send(AYT)
    p.until(rb"(?i)\[?yes\]?[^\r\n]*\r\n")


@test()
def timing_mark():
    """DO TIMING-MARK is answered every time"""
    d = Daemon()
    p, _ = _pair(d)
    for i in range(5):
        p.send(IP + DO + b"\x06")
        commands, _ = _answers(_asked(p, "t%d" % i))
        eq(len([c for c in commands if c[2:] == b"\x06"]), 1)


@test()
def binary():
    """what may be half a character asks for BINARY, once"""
    d = Daemon()
    p, bot = _pair(d)
    lacks(_asked(p, "quiet"), IAC)
    p.send(b"\xc3" + BRK + DO + b"\x06bung\r\n")
    seen = p.until(rb"\*\* That line is not valid UTF-8.*type it again")
    p.send(b"\xe2\x98" + IP + DO + b"\x06 man\r\n")
    seen += p.until(rb"\*\* That line is not valid UTF-8.*type it again")
    p.send(WILL + b"\x00" + "Übung ☃\n".encode() + BRK)
    eq(bot.message()["text"], "quiet")
    eq(bot.message()["text"], "Übung ☃")
    eq(_answers(seen + _asked(p, "on"))[0],
       [DO + b"\x00", WONT + b"\x06", WONT + b"\x06"])


@test()
def commands_are_no_text():
    """NOP, GA, DM, AO, BRK and undefined ones leave no text"""
    d = Daemon()
    p, bot = _pair(d)
    for command in (NOP, GA, DM, AO, BRK, b"\xff\x00", b"\xff\x80",
                    b"\xff\xeb"):
        p.send(b"he" + command + b"llo\r\n")
        eq(bot.message()["text"], "hello", repr(command))
    p.send(b"wrong" + EL + b"hellox" + EC + b"\r\n")
    eq(bot.message()["text"], "hello")
    p.send(b"ctrl-c" + IP + b"fresh\r\n")
    contains(bot.message()["text"], "fresh")


@test()
def data_byte_255():
    """a doubled IAC is one byte 255, no UTF-8, and never passed on"""
    d = Daemon()
    p, bot = _pair(d)
    p.send(b"a\xff\xffb\r\n")
    p.until(rb"UTF-8|\xef\xbf\xbd")
    p.send(b"fine\r\n")
    while True:
        text = bot.message()["text"]
        if text == "fine":
            break
        eq(text, "a\ufffdb")


@test()
def subnegotiation():
    """what is inside SB … SE is no text, whatever it is"""
    d = Daemon()
    p, bot = _pair(d)
    for inside in (b"\x1f\0\x50\0\x18", b"\x1f\0\xff\xff\0\x18", b"\x1f\0",
                   b"\x18\0xterm", b"\xc8abc\r\ndef", b"", b"\x18",
                   b"\x27\0\x03\x01USER\x01x", b"\x18\xff\xff\xff\xff"):
        p.send(b"be" + SB + inside + SE + b"fore\r\n")
        eq(bot.message()["text"], "before", repr(inside))


@test()
def any_split():
    """cut at any byte over segments: the same result"""
    d = Daemon()
    p, bot = _pair(d)
    whole = (b"on" + WILL + b"\x1f" + b"e " + SB + b"\x1f\0\xff\xff\0\x18" +
             SE + DO + b"\x06" + b"two" + AYT + b" th" + NOP + b"ree\r\0")
    for cut in range(1, len(whole)):
        p.send(whole[:cut])
        bot.sync()
        p.send(whole[cut:])
        eq(bot.message()["text"], "one two three", "cut at %d" % cut)
    for byte in whole:
        p.send(bytes([byte]))
    eq(bot.message()["text"], "one two three")


@test()
def endings():
    """FIN or RST in the middle of a command ends that connection alone"""
    d = Daemon()
    stays, bot = _pair(d)
    for tail in (IAC, IAC + b"\xfd", SB, SB + b"\x18", SB + b"\x18" + IAC,
                 b"text", b"\r"):
        for end in ("half_close", "close", "reset"):
            p = Raw(d)
            p.until(NAME_PROMPT)
            p.send(b"eve\r\n")
            bot.event("join", name="eve")
            p.send(tail)
            getattr(p, end)()
            bot.event("leave", name="eve")
            if end == "half_close":
                p.close()
    contains(_asked(stays, "still here"), b"still here")


@test()
def endless_subnegotiation():
    """megabytes of SB without an end cost no memory and nobody else"""
    d = Daemon()
    stays, bot = _pair(d)
    before = rss(d.pid)
    evil = [Raw(d) for _ in range(4)]
    for p in evil:
        p.until(NAME_PROMPT)
        try:
            p.send(SB + b"\x18")
            for _ in range(quick(8, 64)):
                p.send(b"x" * 65536)
        except OSError:
            pass                # closed for it, which is as well
    contains(_asked(stays, "still here"), b"still here")
    bot.sync()
    below(rss(d.pid) - before, 16 << 20, "growth")


@test()
def unread_answers():
    """who asks AYT without end and reads nothing is kept waiting"""
    d = Daemon()
    p = Raw(d, rcvbuf=4096, sndbuf=65536)
    p.until(NAME_PROMPT)
    before = uss(d.pid)
    sent, idle = 0, 0
    while sent < 8 << 20 and idle < 25:
        n = p.pour((AYT * 50000)[sent % 2:])
        sent += n
        idle = 0 if n else idle + 1
        select.select([], [p.sock], [], 0 if n else 0.02)
    below(sent, 8 << 20, "bytes taken in")
    if not sanitized(BINARY):
        below(uss(d.pid) - before, 1 << 20, "growth")
    p.half_close()
    eq(p.to_end(30).count(b"[Yes]"), sent // 2)


@test()
def urgent_data():
    """telnet's Synch: an urgent byte does not turn into text"""
    d = Daemon()
    p, bot = _pair(d)
    p.send(b"lost")
    p.sock.send(IP + IAC, socket.MSG_OOB)
    p.send(b"\xf2")
    p.send(b"hello\r\n")
    text = bot.message()["text"]
    eq(text.encode()[-5:], b"hello")
    lacks(text, "\ufffd")
    lacks(text, "\xf2")


@test()
def json_and_telnet():
    """a telnet command before { does not keep one from JSON"""
    d = Daemon()
    p = Raw(d)
    p.send(WILL + b"\x1f" + b'{"cmd":"login","name":"ann","id":1}\r\n')
    p.until(rb'"ok":true')


if __name__ == "__main__":
    main()
