#!/usr/bin/env python3
"""permessage-deflate (RFC 7692): agreed on, both ways, bounded, no context."""

import random
import zlib

from client import Json, check_error
from daemon import BINARY, Daemon, need_web, unhurried
from harness import (Deadline, below, diag, does_not_grow, eq, main, ok, quick,
                     sanitized, test)
from websocket import (CONTINUATION, PING, PONG, TEXT, OFFER, Web, close,
                       deflated, frame, text)

PLAIN = b'{"cmd":"ping","id":"a"}'
# What a client may offer, and whether the server may take it.
OFFERS = [
    (OFFER, True),
    (OFFER + "; client_max_window_bits", True),
    (OFFER + "; client_max_window_bits=15", True),
    (OFFER + "; server_no_context_takeover", True),
    (OFFER + "; client_no_context_takeover", True),
    (OFFER + ";client_no_context_takeover;server_no_context_takeover", True),
    (OFFER + " ; client_max_window_bits ; server_no_context_takeover", True),
    ("x-webkit-deflate-frame, " + OFFER, True),
    (OFFER + "; unknown, " + OFFER, True),
    (OFFER + "; server_max_window_bits=99, " + OFFER, True),
    ("foo; bar=\"a,b;c\", " + OFFER, True),
    ("foo; bar=\"a, permessage-deflate, b\"", False),
    ("x-webkit-deflate-frame", False),
    ("permessage-deflat", False),
    ("permessage-deflatee", False),
    ("permessage-bzip2", False),
    (OFFER + "; unknown", False),
    (OFFER + "; unknown=1", False),
    (OFFER + "; client_no_context_takeover=1", False),
    (OFFER + "; server_no_context_takeover=true", False),
    (OFFER + "; client_max_window_bits=7", False),
    (OFFER + "; client_max_window_bits=16", False),
    (OFFER + "; client_max_window_bits=015", False),
    (OFFER + "; client_max_window_bits=08", False),
    (OFFER + "; client_max_window_bits=", False),
    (OFFER + "; client_max_window_bits=x", False),
    (OFFER + "; server_max_window_bits", False),
    (OFFER + "; server_max_window_bits=7", False),
    (OFFER + "; server_no_context_takeover; server_no_context_takeover",
     False),
    (OFFER + "; client_max_window_bits; client_max_window_bits=10", False),
    (OFFER + "=1", False),
    ("; client_max_window_bits", False),
    (",;,=,", False),
    ("\"" + OFFER + "\"", False),
    (OFFER + "; " * 100, None),
    ("a" * 2000, False),
    (", ".join([OFFER + "; x"] * 100), False),
    # The server may decline these, or keep to what they ask.
    (OFFER + "; server_max_window_bits=10", None),
    (OFFER + "; client_max_window_bits=\"10\"", None),
]


def _works(c):
    c.send(text(PLAIN))
    eq(c.reply("a")["ok"], True)


@test()
def negotiation():
    """what may be agreed to is, without context; what may not is ignored"""
    d = Daemon(deflate="yes")
    for offer, wanted in OFFERS:
        c = Web(d, deflate=offer)       # checks what is agreed to
        if wanted is not None:
            eq(c.deflate is not None, wanted, offer[:100])
        _works(c)
        c.ok("ping")
        c.close()
    c = Web(d, headers=[("Sec-WebSocket-Extensions", "foo"),
                        ("Sec-WebSocket-Extensions", OFFER)], deflate="bar")
    ok(c.deflate, "in the third header")
    eq(Web(d).deflate, None, "not offered")


@test()
def off():
    """deflate = no, the default: it is not agreed to, and RSV1 is 1002"""
    for options in ({}, {"deflate": "no"}):
        d = Daemon(**options)
        for offer, _ in OFFERS:
            c = Web(d, deflate=offer)
            eq(c.deflate, None, offer[:100])
            c.close()
        c = Web(d, deflate=OFFER)
        _works(c)
        c.send(frame(TEXT, deflated(PLAIN), rsv=4))
        c.closing(1002)
    d = Daemon(deflate="yes")
    c = Web(d)
    c.send(frame(TEXT, deflated(PLAIN), rsv=4))
    c.closing(1002)


@test()
def messages():
    """compressed by every level and window, or not, in one frame or many"""
    d = Daemon(deflate="yes")
    c = Web(d, deflate=OFFER)
    say = b'{"cmd":"ping","id":"a","x":"%s"}' % (b"say it again, " * 300)
    for message in PLAIN, say:
        for level in (0, 1, 6, 9):
            for window in (9, 12, 15):
                data = deflated(message, level, window)
                c.send(frame(TEXT, data, rsv=4))
                eq(c.reply("a")["ok"], True)
        data = deflated(message)
        for cut in sorted({0, 1, 2, len(data) // 2, len(data) - 1,
                           len(data)}):
            c.send(frame(TEXT, data[:cut], fin=False, rsv=4) +
                   frame(PING, b"between") + frame(CONTINUATION, data[cut:]))
            eq(c.reply("a")["ok"], True)
            eq(c.pong(), b"between")
        pieces = [data[i:i + 1] for i in range(len(data))]
        c.send(b"".join(
            frame(TEXT if i == 0 else CONTINUATION, piece,
                  fin=i == len(pieces) - 1, rsv=0 if i else 4)
            for i, piece in enumerate(pieces)))
        eq(c.reply("a")["ok"], True)
        _works(c)                       # one that is not, in between
    for byte in range(0, len(say), quick(500, 50)):
        for part in (frame(TEXT, deflated(say[:byte]), rsv=4),):
            c.send(part)
            check_error(c.reply(None), None, "bad-json")
    c.send(frame(TEXT, b"\0", rsv=4))   # an empty one, RFC 7692 7.2.3.6
    check_error(c.reply(None), None, "bad-json")
    squeeze = zlib.compressobj(wbits=-15)
    c.send(frame(TEXT, squeeze.compress(PLAIN) + squeeze.flush() + b"\0",
                 rsv=4))                # ends in a final block, 7.2.3.4
    eq(c.reply("a")["ok"], True)
    squeeze = zlib.compressobj(wbits=-15)
    data = squeeze.compress(PLAIN[:5]) + squeeze.flush(zlib.Z_SYNC_FLUSH)
    data += squeeze.compress(PLAIN[5:]) + squeeze.flush(zlib.Z_SYNC_FLUSH)
    c.send(frame(TEXT, data[:-4], rsv=4))   # of two blocks, 7.2.3.5
    eq(c.reply("a")["ok"], True)


@test()
def everybody_reads_the_same():
    """compressing, not compressing and JSON clients in one room"""
    d = Daemon(deflate="yes")
    squeezed, web, line = Web(d, "s", deflate=OFFER), Web(d, "w"), Json(d, "l")
    both = [squeezed, Web(d, "s2", deflate=OFFER), web, line]
    for c in both:
        c.join()
    texts = ["", "x" * 4000, "hé 🙂 " * 300, "short"]
    texts += ["%d " % i * 200 for i in range(quick(50, 300))]
    for number, string in enumerate(texts[1:]):
        both[number % len(both)].post("say", room="lobby", text=string)
    got = [[m["text"] for m in c.messages(len(texts) - 1)] for c in both]
    eq(sorted(got[0]), sorted(texts[1:]))
    for other in got[1:]:
        eq(other, got[0])
    ok(squeezed.compressed > len(texts) // 2, "most come compressed")
    below(squeezed.wire, web.wire // 4, "bytes on the wire")
    eq(web.compressed, 0)


@test()
def no_context():
    """each message inflates alone, and may not lean on the one before"""
    d = Daemon(deflate="yes")
    c = Web(d, "ann", deflate=OFFER)
    squeeze = zlib.compressobj(wbits=-15)
    message = b'{"cmd":"ping","id":"a","x":"%s"}' % bytes(
        random.choices(range(97, 123), k=500))
    data = []
    for _ in range(2):
        data.append((squeeze.compress(message) +
                     squeeze.flush(zlib.Z_SYNC_FLUSH))[:-4])
    below(len(data[1]), 30, "bytes of one that leans on the first")
    c.send(frame(TEXT, data[0], rsv=4))
    eq(c.reply("a")["ok"], True)
    c.send(frame(TEXT, data[1], rsv=4))
    c.closing(1007)


@test()
def bad_data():
    """what does not inflate, reserved bits, broken UTF-8 within"""
    d = Daemon(deflate="yes")
    half = deflated(PLAIN)
    for code, frames in (
            (1007, frame(TEXT, b"\xff" * 20, rsv=4)),
            (1007, frame(TEXT, b"\x07" + half, rsv=4)),
            (1007, frame(TEXT, b"\xff", fin=False, rsv=4) +
             frame(CONTINUATION, b"\xff" * 9)),
            (1007, frame(TEXT, deflated(b'{"x":"\xff"}'), rsv=4)),
            (1007, frame(TEXT, deflated(b'{"x":"\xed\xa0\x80"}'), rsv=4)),
            (1007, frame(TEXT, deflated(b'{"x":"\xf0\x9f\x99'), rsv=4)),
            (1002, frame(TEXT, half[:5], fin=False, rsv=4) +
             frame(CONTINUATION, half[5:], rsv=4)),
            (1002, frame(TEXT, half[:5], fin=False) +
             frame(CONTINUATION, half[5:], rsv=4)),
            (1002, frame(TEXT, half, rsv=6)),
            (1002, frame(TEXT, half, rsv=5)),
            (1002, frame(TEXT, PLAIN, rsv=2)),
            (1002, frame(PING, deflated(b"x"), rsv=4)),
            (1002, frame(PONG, deflated(b"x"), rsv=4)),
            (1002, close(1000, rsv=4)),
            (1003, frame(2, half, rsv=4))):
        c = Web(d, deflate=OFFER)
        c.send(frames + text(PLAIN))
        c.closing(code)
        eq(c.replies, {}, "what follows is not done")
    c = Web(d, deflate=OFFER)
    c.send(frame(PING, b"x") + close(1000))
    c.closing(1000)
    eq(c.pongs, [b"x"])


def _bomb(size, byte=b"x"):
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
    data = squeeze.compress(b'{"cmd":"ping","id":"a","x":"')
    block = byte * (1 << 16)
    for _ in range(size >> 16):
        data += squeeze.compress(block)
    data += squeeze.compress(byte * (size & 65535) + b'"}')
    return (data + squeeze.flush(zlib.Z_SYNC_FLUSH))[:-4]


@test()
def bombs():
    """max_line is of what is inflated; a bomb is 1009 and costs nothing"""
    d = Daemon(deflate="yes")
    around = len(b'{"cmd":"ping","id":"a","x":""}')
    c = Web(d, deflate=OFFER)
    c.send(frame(TEXT, _bomb(16384 - around), rsv=4))
    eq(c.reply("a")["ok"], True, "what just fits")

    def explode():
        for size in (16384 - around + 1, 1 << 20, 10 << 20):
            for cut in (None, 10):
                c = Web(d, deflate=OFFER)
                data = _bomb(size)
                if cut is None:
                    c.send(frame(TEXT, data, rsv=4))
                else:
                    c.send(frame(TEXT, data[:cut], fin=False, rsv=4) +
                           frame(CONTINUATION, data[cut:]))
                check_error(c.reply(None), None, "too-long")
                c.closing(1009)
                eq(c.replies, {})
        diag("%d bytes for 10 MiB" % len(data))
    if sanitized(BINARY):
        explode()
    else:
        does_not_grow(d.pid, 1 << 20, "bombs", explode)
    # Nor may it be long as it comes.
    c = Web(d, deflate=OFFER)
    c.send(frame(TEXT, b"\0", rsv=4, length=1 << 30))
    check_error(c.reply(None), None, "too-long")
    c.closing(1009)


@test()
def slow_reader():
    """who reads slowly gets whole compressed messages, every one, in order"""
    d = Daemon(deflate="yes", write_timeout=0, store="sqlite", history_max=0,
               history_bytes=0)
    slow = Web(d, "slow", deflate=OFFER, rcvbuf=4096)
    slow.join()
    ann = Json(d, "ann")
    ann.join()
    count = quick(200, 1000)
    texts = [random.randbytes(1500).hex() for _ in range(count)]
    for i in range(0, count, 50):
        for string in texts[i:i + 50]:
            ann.post("say", room="lobby", text=string)
        ann.sync()
    eq([m["text"] for m in slow.messages(count, 60)], texts)
    ok(slow.compressed >= count, "compressed")
    late = Web(d, "late", deflate=OFFER)
    late.join(after=0)
    eq([m["text"] for m in late.messages(count, 60)], texts)


@test()
def noise():
    """random bytes as compressed data"""
    d = Daemon(deflate="yes")
    data = deflated(PLAIN * 100)
    for _ in range(quick(50, 300)):
        c = Web(d, deflate=OFFER)
        broken = bytearray(data)
        for _ in range(random.randrange(1, 5)):
            broken[random.randrange(len(broken))] = random.randrange(256)
        c.send(frame(TEXT, bytes(broken[:random.randrange(len(broken))]),
                     rsv=4) + close(1000))
        limit = Deadline(10, "an answer and a close")
        while c.closed is None:
            c.control(limit)
        ok(c.closed[0] in (1000, 1007, 1009), "code %s" % c.closed[0])
        c.close()


if __name__ == "__main__":
    unhurried()
    main(need_web)
