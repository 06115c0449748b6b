#!/usr/bin/env python3
"""RFC 6455 frame by frame: a table of what a client sends, and what it gets.

Families and numbers are those of the Autobahn suite. The server speaks JSON
and does not echo: a ping command's id, and a pong, are the echo here.
"""

import json
import os
import random
import re

from client import WAIT, check_error
from daemon import BINARY, Daemon, need_web, unhurried
from harness import (DATA, Deadline, Skip, does_not_grow, eq, main, ok, quick,
                     sanitized, short, test)
from websocket import (BINARY as BINARY_FRAME, CLOSE, CONTINUATION, PING,
                       PONG, TEXT, Web, close, fragments, frame, text)

MAX_LINE = 128 << 10        # so that the sizes of the families fit


def command(number, size=None):
    """A ping command of this many bytes."""
    start = b'{"cmd":"ping","id":"%s"' % str(number).encode()
    if size is None:
        return start + b"}"
    pad = size - len(start) - len(b',"x":""}')
    ok(pad >= 0, "a command of %d bytes" % size)
    return start + b',"x":"' + b"x" * pad + b'"}'


class Case:
    """Frames, and what they are answered: ids of commands in .replies (errors
    as "error"), pongs, and the code of the close, or that it stays open."""

    def __init__(self, name, frames, replies=(), pongs=(), closed="open",
                 loose=False):
        self.name, self.frames = name, frames
        self.replies = sorted(replies)
        self.pongs = list(pongs)
        self.closed = closed        # codes: a number, None, or a tuple
        self.loose = loose          # replies may be lost in the close

    def check(self, daemon, chop):
        c = Web(daemon)
        try:
            for piece in chop(self.frames):
                try:
                    c.send(piece)
                except OSError:
                    ok(self.closed != "open", "the server closed")
                    break
            if self.closed == "open":
                c.speak(command("end"))
                c.reply("end")
            else:
                self._closing(c)
            while c.closed is None and len(c.pongs) < len(self.pongs):
                c.pongs.append(c.control(Deadline(WAIT, "a pong"))[1])
            self._compare(c)
        except AssertionError as error:
            raise AssertionError("%s, %s: %s" % (
                self.name, chop.__name__, error)) from error
        finally:
            c.close()

    def _closing(self, c):
        codes = self.closed if isinstance(self.closed, tuple) else (
            self.closed,)
        while c.closed is None:
            opcode, payload = c.control(Deadline(WAIT, "the server's close"))
            if opcode == PONG:
                c.pongs.append(payload)
        ok(c.closed[0] in codes, "close code %r, wanted %r" %
           (c.closed[0], codes))
        c.over()

    def _compare(self, c):
        eq(c.pongs, self.pongs, "pongs")
        got = sorted("error " + r["error"] if "error" in r else n
                     for n, r in c.replies.items())
        if self.loose:
            ok(set(got) <= set(self.replies), "replies %s" % got)
        else:
            eq(got, self.replies, "replies")
        eq(list(c.events), [], "events")


# Ways to cut a case's bytes into sends.

def whole(frames):
    return [b"".join(frames)]


def by_frame(frames):
    return frames


def by_bytes(frames):
    """Byte by byte; what is long in the middle, in larger pieces."""
    data = b"".join(frames)
    if len(data) <= 1500:
        return [data[i:i + 1] for i in range(len(data))]
    body = [data[i:i + 997] for i in range(300, len(data) - 300, 997)]
    return [*(data[i:i + 1] for i in range(300)), *body,
            *(data[i:i + 1] for i in range(300 + len(b"".join(body)),
                                           len(data)))]


def at_random(frames):
    data, pieces = b"".join(frames), []
    while data:
        n = min(len(data), random.choice((1, 2, 3, 7, 126, 1460, 9000)))
        pieces.append(data[:n])
        data = data[n:]
    return pieces


def run(cases, chops=(whole, by_frame, by_bytes, at_random), **options):
    d = Daemon(max_line=MAX_LINE, **options)
    for case in cases:
        for chop in chops:
            case.check(d, chop)
    c = Web(d, "alive")
    c.join()
    c.say("hello")
    eq(c.message()["text"], "hello")
    ok(d.alive(), "the daemon is there")


def wrong(name, *frames, code=1002):
    """After a good command: closed with the code, and nothing else is done."""
    return Case(name, [text(command("a")), *frames, text(command("z"))],
                ["a"], closed=code, loose=True)


@test()
def framing():
    """family 1: text and binary of every size, and every form of length"""
    cases = []
    for size in (125, 126, 127, 128, 4096, 16384, 65535, 65536, MAX_LINE):
        cases.append(Case("text of %d" % size,
                          [text(command("a", size))], ["a"]))
        cases.append(Case("%d with a mask of zeros" % size,
                          [text(command("a", size), mask=b"\0\0\0\0")],
                          ["a"]))
        cases.append(wrong("not masked, %d" % size,
                           text(command("b", size), mask=None)))
    cases.append(Case("text of nothing", [text(b"")], ["error bad-json"]))
    for size in range(1, 8):
        cases.append(Case("text of %d" % size, [text(b"x" * size)],
                          ["error bad-json"]))
    for size in (0, 1, 125, 126, 127, 128, 65535, 65536):
        cases.append(wrong("binary of %d" % size,
                           frame(BINARY_FRAME, b"\xfe" * size), code=1003))
    cases.append(wrong("binary that would be a command",
                       frame(BINARY_FRAME, command("b")), code=1003))
    cases.append(wrong("binary in fragments",
                       *fragments(command("b"), 5, 9, opcode=BINARY_FRAME),
                       code=1003))
    for size, form in ((0, 16), (125, 16), (0, 64), (125, 64), (126, 64),
                       (65535, 64)):
        cases.append(wrong("%d in %d bits of length" % (size, form),
                           text(b"x" * size, form=form)))
    for length in (1 << 63, (1 << 64) - 1):
        cases.append(wrong("a length with the highest bit",
                           text(b"xxxx", length=length)))
    run(cases)


@test()
def pings():
    """family 2: pings and pongs of every size, asked for or not"""
    cases = []
    for payload in (b"", b"Hello", b"\0\xff\xfe\xfd\xfc\xfb\0\xff",
                    b"\xfe" * 125, b"\n", b'{"cmd":"ping"}'):
        cases.append(Case("ping %s" % short(payload), [frame(PING, payload)],
                          pongs=[payload]))
        cases.append(Case("pong %s" % short(payload),
                          [frame(PONG, payload)]))
    for opcode in (PING, PONG):
        for size in (126, 65536):
            cases.append(wrong("ping of %d" % size,
                               frame(opcode, b"x" * size)))
        for form in (16, 64):
            cases.append(wrong("ping in %d bits of length" % form,
                               frame(opcode, b"xx", form=form)))
        cases.append(wrong("opcode %d not masked" % opcode,
                           frame(opcode, b"x", mask=None)))
    ten = [b"payload-%d" % i for i in range(10)]
    cases.append(Case("pong, then ping", [frame(PONG, b"unasked"),
                                          frame(PING, b"asked")],
                      pongs=[b"asked"]))
    cases.append(Case("ten pings", [frame(PING, p) for p in ten], pongs=ten))
    long = [bytes(range(i, i + 125)) for i in range(100)]
    cases.append(Case("a hundred long pings", [frame(PING, p) for p in long],
                      pongs=long))
    cases.append(Case(
        "pings between commands",
        [f for i, p in enumerate(ten)
         for f in (text(command(i)), frame(PING, p))],
        [str(i) for i in range(10)], ten))
    run(cases)


@test()
def reserved_bits():
    """family 3: a reserved bit without a meaning is 1002"""
    cases = []
    for rsv in range(1, 8):
        cases.append(wrong("text", text(command("b"), rsv=rsv)))
        cases.append(wrong("binary", frame(BINARY_FRAME, b"x", rsv=rsv)))
        cases.append(wrong("ping", frame(PING, b"x", rsv=rsv)))
        cases.append(wrong("pong", frame(PONG, rsv=rsv)))
        cases.append(wrong("close", close(1000, rsv=rsv)))
        first, last = fragments(command("b"), 7)
        cases.append(wrong("last fragment", first, frame(
            CONTINUATION, command("b")[7:], rsv=rsv)))
        cases.append(wrong("first fragment",
                           text(command("b")[:7], fin=False, rsv=rsv), last))
    run(cases, (whole, by_bytes))


@test()
def opcodes():
    """family 4: an opcode without a meaning is 1002"""
    cases = []
    for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15):
        for payload in (b"", b"unknown opcode", command("b")):
            cases.append(wrong("opcode %d" % opcode, frame(opcode, payload)))
        cases.append(wrong("opcode %d, no fin" % opcode,
                           frame(opcode, b"x", fin=False)))
        first, last = fragments(command("b"), 7)
        cases.append(wrong("opcode %d between fragments" % opcode, first,
                           frame(opcode), last))
    run(cases, (whole, by_bytes))


@test()
def fragmentation():
    """family 5: fragments, with control frames between them"""
    a, b = command("a"), command("b")
    half = fragments(a, len(a) // 2)
    five = fragments(a, 4, 8, 12, 16)
    ping, pong = frame(PING, b"between"), frame(PONG, b"unasked")
    cases = [
        wrong("5.1 ping in fragments", frame(PING, b"x", fin=False),
              frame(CONTINUATION, b"y")),
        wrong("5.2 pong in fragments", frame(PONG, b"x", fin=False),
              frame(CONTINUATION, b"y")),
        wrong("close in fragments", close(1000, fin=False),
              frame(CONTINUATION, b"y")),
        Case("5.3 two fragments", half, ["a"]),
        Case("5.6 a ping between two", [half[0], ping, half[1]], ["a"],
             [b"between"]),
        Case("pings before, between and behind",
             [ping, half[0], ping, ping, half[1], ping], ["a"],
             [b"between"] * 4),
        Case("pongs between", [half[0], pong, pong, half[1]], ["a"]),
        wrong("5.9 a continuation of nothing", frame(CONTINUATION, b)),
        wrong("5.10 an empty one of nothing", frame(CONTINUATION)),
        wrong("5.12 an unfinished one of nothing",
              frame(CONTINUATION, b, fin=False), text(b)),
        Case("5.15 a continuation behind the last", [
            *half, frame(CONTINUATION, b, fin=False), text(b)], ["a"],
             closed=1002, loose=True),
        wrong("5.18 text within a message", text(b, fin=False), text(b)),
        wrong("binary within a message", text(b, fin=False),
              frame(BINARY_FRAME, b)),
        Case("5.19 five fragments and pings",
             [five[0], five[1], ping, five[2], five[3], ping, five[4]],
             ["a"], [b"between"] * 2),
        Case("every byte a fragment", fragments(a, *range(1, len(a))), ["a"]),
        Case("every byte a fragment, a ping behind each",
             [g for f in fragments(a, *range(1, len(a))) for g in (f, ping)],
             ["a"], [b"between"] * len(a)),
        Case("empty fragments first, between and last",
             fragments(a, 0, 0, 5, 5, 5, len(a), len(a)), ["a"]),
        Case("a message of empty fragments", fragments(b"", 0, 0),
             ["error bad-json"]),
        Case("messages one behind the other",
             half + fragments(b, 1, 2, 3) + [text(command("c"))],
             ["a", "b", "c"]),
        Case("a close within a message", [half[0], close(1000), half[1]],
             closed=1000),
        wrong("not masked in the middle", half[0],
              frame(CONTINUATION, a[len(a) // 2:], mask=None)),
        wrong("a ping too long between", half[0], frame(PING, b"x" * 126),
              half[1]),
        Case("an unfinished message, and a close",
             [text(a), text(b, fin=False), close(1001)], ["a"],
             closed=1001),
    ]
    run(cases)


# Family 6. Sequences that are UTF-8, and such as are not (RFC 3629).

VALID = [
    "κόσμε", "Hello-µ@ßöäüàá-UTF-8!!", "\u0080", "\u07ff", "\u0800",
    "\uffff", "\U00010000", "\U0010ffff", "\ud7ff", "\ue000", "\ufffd",
    "\ufffe", "\ufdd0", "\U0001fffe", "\U0010fffe", "\u007f", "\u200b\ufeff",
    "日本語", "🙂👩‍👩‍👧", "\u2028"]
INVALID = [
    # lone continuation bytes, and all of them
    b"\x80", b"\xbf", b"\x80\xbf\x80", bytes(range(0x80, 0xc0)),
    # lone first bytes
    b"\xc2 ", b"\xdf ", b"\xe0 ", b"\xef ", b"\xf0 ", b"\xf4 ",
    # one byte short
    b"\xc2", b"\xe0\xa0", b"\xef\xbf", b"\xf0\x90\x80", b"\xf4\x8f\xbf",
    b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce",
    # bytes that never occur
    b"\xc0", b"\xc1", b"\xf5", b"\xf8", b"\xfc", b"\xfe", b"\xff",
    b"\xfe\xfe\xff\xff",
    # longer than needed
    b"\xc0\xaf", b"\xe0\x80\xaf", b"\xf0\x80\x80\xaf", b"\xc1\xbf",
    b"\xe0\x9f\xbf", b"\xf0\x8f\xbf\xbf", b"\xc0\x80", b"\xe0\x80\x80",
    b"\xf0\x80\x80\x80", b"\xf8\x80\x80\x80\xaf", b"\xfc\x80\x80\x80\x80\xaf",
    # surrogates, alone and in pairs
    b"\xed\xa0\x80", b"\xed\xaf\xbf", b"\xed\xb0\x80", b"\xed\xbf\xbf",
    b"\xed\xa0\x80\xed\xb0\x80", b"\xed\xaf\xbf\xed\xbf\xbf",
    b"\xce\xba\xe1\xbd\xb9\xcf\x83\xed\xa0\x80edited",
    # above U+10FFFF
    b"\xf4\x90\x80\x80", b"\xf5\x80\x80\x80", b"\xf7\xbf\xbf\xbf",
    b"\xf8\x88\x80\x80\x80", b"\xfc\x84\x80\x80\x80\x80"]


def _holding(data, number="a"):
    """A command with these bytes in a string."""
    return (b'{"cmd":"ping","id":"' + number.encode() + b'","x":"' + data +
            b'"}')


@test()
def utf8_valid():
    """family 6: what is UTF-8 passes, wherever it is cut"""
    cases = []
    for string in VALID:
        data = _holding(string.encode())
        first = data.index(b'"x":"') + 5
        cases.append(Case(repr(string), [text(data)], ["a"]))
        for cut in range(first, first + len(string.encode()) + 1):
            one, two = fragments(data, cut)
            cases.append(Case("%r cut at %d" % (string, cut),
                              [one, frame(PING, b"\xff"), two], ["a"],
                              [b"\xff"]))
        cases.append(Case("%r in bytes" % string, fragments(
            data, *range(first, first + len(string.encode()))), ["a"]))
    run(cases, (whole, by_bytes) if quick(0, 1) else (whole,))


@test()
def utf8_echo():
    """what is said in UTF-8, however cut, is what the others read"""
    d = Daemon()
    ann, bob = Web(d, "ann"), Web(d, "bob")
    ann.join()
    bob.join()
    for string in VALID:
        wanted = re.sub("[\u007f-\u009f]", "\ufffd", string)
        data = json.dumps({"cmd": "say", "room": "lobby", "text": string},
                          ensure_ascii=False).encode()
        for frames in ([text(data)],
                       fragments(data, *range(1, len(data)))):
            ann.send(b"".join(frames))
            eq(bob.message()["text"], wanted)


@test()
def utf8_invalid():
    """family 6: what is no UTF-8 is 1007, in one frame or in many"""
    cases = []
    for data in INVALID:
        name = data.hex()
        message = _holding(data, "b")
        at = message.index(data)
        cases.append(wrong(name, text(message), code=1007))
        for cut in range(at, at + len(data) + 1):
            cases.append(wrong("%s cut at %d" % (name, cut),
                               *fragments(message, cut), code=1007))
        # There may be no more to come, in which case it waits for the end.
        cases.append(wrong(name + " at the end", text(b'{"x":"' + data),
                           code=1007))
        cases.append(wrong(name + " in bytes", *fragments(
            message, *range(at, at + len(data))), code=1007))
        cases.append(wrong(name + " and pings", *(
            g for f in fragments(message, at + 1)
            for g in (f, frame(PONG, b"\xff"))), code=1007))
    for data in (b"\xce", b"\xe2\x82", b"\xf0\x9f\x99"):
        cases.append(wrong("a message ends within a character",
                           text(b'{"x":"' + data), code=1007))
        cases.append(wrong("the same in fragments", text(
            b'{"x":"' + data, fin=False), frame(CONTINUATION), code=1007))
    run(cases, (whole, by_bytes) if quick(0, 1) else (whole,))


@test()
def utf8_files():
    """the public UTF-8 tests, a message a line"""
    files = [os.path.join(DATA, "utf8", name)
             for name in ("UTF-8-test.txt", "utf8tests.bin")]
    if not all(os.path.exists(path) for path in files):
        raise Skip("no test data at shared/data/utf8")
    d = Daemon()
    c, good, bad = Web(d), 0, 0
    for path in files:
        with open(path, "rb") as f:
            lines = f.read().split(b"\n")
        for line in lines:
            if path.endswith(".bin") and line.startswith(b"#"):
                continue
            body = bytes(b for b in line if b >= 32 and b not in b'"\\')
            c.send(text(_holding(body)))
            try:
                body.decode()
            except UnicodeDecodeError:
                c.closing(1007)
                c.close()
                c, bad = Web(d), bad + 1
            else:
                eq(c.reply("a")["ok"], True, str(body))
                good += 1
    ok(good > 200 and bad > 50, "%d good, %d bad lines" % (good, bad))


@test()
def closes():
    """family 7: a close is answered with its code, a bad one with 1002"""
    cases = [Case("7.1 empty", [close()], closed=None),
             Case("a command, then a close",
                  [text(command("a")), close(1000)], ["a"], closed=1000),
             wrong("7.3.2 one byte", frame(CLOSE, b"\x03")),
             wrong("7.3.6 too long", close(1000, b"x" * 124)),
             wrong("not masked", close(1000, mask=None)),
             Case("7.1.2 two closes", [close(1000), close(1001)],
                  closed=1000),
             Case("7.1.3 a ping behind it", [close(1000), frame(PING, b"x")],
                  closed=1000),
             Case("7.1.4 a command behind it",
                  [close(1000), text(command("z"))], closed=1000),
             Case("7.1.5 text, a close, the rest of the text",
                  [text(command("z")[:5], fin=False), close(1000),
                   frame(CONTINUATION, command("z")[5:])], closed=1000),
             Case("7.1.6 much behind it", [
                 text(command("a", 65536)), close(1000),
                 *[text(command("z", 9000))] * 30], ["a"], closed=1000),
             Case("rubbish behind it", [close(1000), b"\xff" * 5000],
                  closed=1000)]
    for reason in (b"", b"Hello World!", "κόσμε".encode(), b"x" * 123):
        cases.append(Case("a reason of %d" % len(reason),
                          [close(1000, reason)], closed=1000))
    for reason in (b"\xff", b"\xce", b"\xed\xa0\x80", b"x" * 120 + b"\xe2",
                   b"\xce\xba\xe1\xbd\xb9\xcf\x83\xed\xa0\x80edited"):
        cases.append(wrong("reason " + reason[-12:].hex(),
                           close(1000, reason), code=1007))
    for code in (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000,
                 3999, 4000, 4999):
        cases.append(Case("7.7 code %d" % code, [close(code)], closed=code))
    for code in (0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999,
                 5000, 65535):
        cases.append(wrong("7.9 code %d" % code, close(code)))
        cases.append(wrong("7.9 code %d, reason" % code, close(code, b"x")))
    for code in (1012, 1013, 1014):     # registered later
        cases.append(Case("code %d" % code, [close(code)],
                          closed=(code, 1002)))
    run(cases)


@test()
def replies_come_before_the_close():
    """who closes with commands under way gets their answers first"""
    d = Daemon(store="sqlite")
    c = Web(d, "ann")
    c.join()
    ids = [c.post("say", room="lobby", text=str(i)) for i in range(50)]
    c.send(close(1000, b"done"))
    c.closing(1000)
    eq([c.reply(i)["ok"] for i in ids], [True] * 50)


@test()
def auto_fragments():
    """family 10: 64 KiB in fragments of many sizes"""
    message = command("a", 65536)
    cases = [Case("of %d" % size,
                  fragments(message, *range(size, len(message), size)), ["a"])
             for size in (64, 256, 1024, 1300, 4096, 16384, 65535)]
    run(cases, (whole, at_random))


@test()
def longest_message():
    """max_line bytes fit, one more is too-long and 1009, however it comes"""
    d = Daemon(max_line=1000, max_text=500)
    for cuts in ((), (999,), (1, 500), range(100, 1000, 100)):
        c = Web(d)
        c.send(b"".join(fragments(command("a", 1000), *cuts)))
        eq(c.reply("a")["ok"], True)
        c.send(b"".join(fragments(command("a", 1001), *cuts)))
        check_error(c.reply(None), None, "too-long")
        c.closing(1009)
    for size in (1001, 126000, 1 << 40):
        c = Web(d)      # the length alone is enough
        c.send(text(b'{"x":"', length=size))
        check_error(c.reply(None), None, "too-long")
        c.closing(1009)
    c = Web(d)          # as is what follows a fragment
    c.send(text(b"x" * 600, fin=False) + frame(CONTINUATION, b"x", length=500))
    check_error(c.reply(None), None, "too-long")
    c.closing(1009)
    c = Web(d)          # and much may be under way
    c.send(text(b"x" * 300000) + text(command("b")))
    check_error(c.reply(None), None, "too-long")
    c.closing(1009)
    eq(c.replies, {}, "what follows is not done")


@test()
def default_longest_message():
    """16 KiB fit by default"""
    c = Web(Daemon())
    c.speak(command("a", 16384))
    eq(c.reply("a")["ok"], True)
    c.speak(command("a", 16385))
    check_error(c.reply(None), None, "too-long")
    c.closing(1009)


@test()
def fragment_floods():
    """a message of endless empty fragments takes neither memory nor turns"""
    d = Daemon(max_line=1000, max_text=500)
    other = Web(d, "other")

    def flood():
        for filler in (frame(CONTINUATION, fin=False),
                       frame(PONG, b"x" * 100)):
            c = Web(d)
            c.send(text(b'{"cmd":"ping",', fin=False))
            for _ in range(quick(2, 10)):
                c.send(filler * 20000, 30)
                other.ok("ping")
            c.send(frame(CONTINUATION, b'"id":"a"}'))
            eq(c.reply("a", 30)["ok"], True)
    if sanitized(BINARY):
        flood()
    else:
        does_not_grow(d.pid, 1 << 20, "fragments", flood)


@test()
def noise():
    """random frames and random bytes behind a handshake: nobody is hurt"""
    d = Daemon(max_line=1000, max_text=500)
    ann, bob = Web(d, "ann"), Web(d, "bob")
    ann.join()
    bob.join()
    opcodes_ = (TEXT, CONTINUATION, PING, PONG, CLOSE, BINARY_FRAME, 3, 11)
    for i in range(quick(60, 400)):
        c = Web(d)
        data = b""
        for _ in range(random.randrange(1, 20)):
            payload = random.choice((command("a"), b"", b"x" * 130,
                                     random.randbytes(5)))
            data += frame(random.choices(opcodes_, (9, 9, 3, 3, 1, 1, 1, 1))[
                0], payload, fin=random.random() < 0.6,
                rsv=random.choice((0,) * 20 + (1, 4)))
        if i % 3 == 0:
            data = bytearray(data)
            for _ in range(3):
                data[random.randrange(len(data))] = random.randrange(256)
        try:
            c.send(bytes(data))
        except OSError:
            pass
        random.choice((c.close, c.reset, c.half_close))()
        if i % 20 == 0:
            ann.say("m%d" % i)
            eq(bob.message()["text"], "m%d" % i)


if __name__ == "__main__":
    unhurried()
    main(need_web)
