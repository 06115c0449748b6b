"""A WebSocket client that can break every rule, and takes no breach of one."""

import base64
import collections
import hashlib
import json
import random
import zlib

from client import Json, Raw, WAIT
from harness import Deadline, Failure, eq, ok, short
from http1 import Response, request

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"      # RFC 6455 section 1.3
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
OFFER = "permessage-deflate"
AGREED = [OFFER, "client_no_context_takeover", "server_no_context_takeover"]


def frame(opcode, payload=b"", fin=True, rsv=0, mask=True, form=None,
          length=None):
    """A frame as bytes. rsv: of 7, RSV1 is 4. mask: True is a random one,
    None leaves it out. form: 7, 16 or 64 bits of length, instead of the
    fewest. length: what is claimed, instead of what is there."""
    if length is None:
        length = len(payload)
    if form is None:
        form = 7 if length < 126 else 16 if length < 65536 else 64
    masked = 0 if mask is None else 0x80
    head = bytes([fin << 7 | rsv << 4 | opcode])
    if form == 7:
        head += bytes([masked | length])
    elif form == 16:
        head += bytes([masked | 126]) + length.to_bytes(2, "big")
    else:
        head += bytes([masked | 127]) + length.to_bytes(8, "big")
    if mask is None:
        return head + payload
    if mask is True:
        mask = random.randbytes(4)
    return head + mask + masking(payload, mask)


def masking(payload, mask):
    """A payload masked or unmasked (section 5.3)."""
    n = len(payload)
    long = (mask * (n // 4 + 1))[:n]
    return (int.from_bytes(payload, "big") ^
            int.from_bytes(long, "big")).to_bytes(n, "big")


def text(payload, **more):
    return frame(TEXT, payload, **more)


def close(code=None, reason=b"", **more):
    payload = b"" if code is None else code.to_bytes(2, "big") + reason
    return frame(CLOSE, payload, **more)


def fragments(payload, *cuts, opcode=TEXT):
    """A message cut at these places, as a list of frames."""
    at = [0, *cuts, len(payload)]
    return [frame(opcode if i == 0 else CONTINUATION, payload[at[i]:at[i + 1]],
                  fin=i == len(at) - 2) for i in range(len(at) - 1)]


def deflated(payload, level=6, window=15):
    """As permessage-deflate has it (RFC 7692 section 7.2.1)."""
    squeeze = zlib.compressobj(level, zlib.DEFLATED, -window)
    data = squeeze.compress(payload) + squeeze.flush(zlib.Z_SYNC_FLUSH)
    ok(data.endswith(b"\0\0\xff\xff"), "a flush's end")
    return data[:-4]


def inflated(payload, window=15):
    """One message by itself: nothing before it is known."""
    spread = zlib.decompressobj(-window)
    data = spread.decompress(payload + b"\0\0\xff\xff")
    eq((spread.unconsumed_tail, spread.unused_data), (b"", b""),
       "left over by inflate")
    return data


def upgrade(key, path="/ws", host="localhost", headers=(), **more):
    """A handshake's bytes."""
    return request(path, host=host, headers=[
        ("Upgrade", "websocket"), ("Connection", "Upgrade"),
        ("Sec-WebSocket-Key", key), ("Sec-WebSocket-Version", "13"),
        *headers], **more)


def new_key():
    return base64.b64encode(random.randbytes(16)).decode()


def check_upgrade(answer, key):
    """What a client must demand (section 4.1)."""
    eq(answer.status, 101, "status of the handshake: %s" % answer)
    eq(answer.get("Upgrade", "").lower(), "websocket", "Upgrade")
    eq(answer.get("Connection", "").lower(), "upgrade", "Connection")
    digest = hashlib.sha1(key.encode() + GUID).digest()
    eq(answer.get("Sec-WebSocket-Accept"),
       base64.b64encode(digest).decode(), "Sec-WebSocket-Accept")
    eq(answer.get("Sec-WebSocket-Protocol"), None, "nobody asked for one")
    ok("content-length" not in answer.headers, "101 has no body")


def _agreed(extensions):
    """The window of the server's messages if deflate was agreed to, which
    may only be without context; else None."""
    if extensions is None:
        return None
    words = [p.strip() for p in extensions.split(";")]
    window = 15
    for word in words:
        if word.startswith("server_max_window_bits="):
            window = int(word.partition("=")[2])
            words.remove(word)
            break
    eq(sorted(words), sorted(AGREED), "Sec-WebSocket-Extensions")
    return window


class WebSocket(Raw):
    """Frames. Those of the server are checked as they come.

    deflate is what is offered, if anything: one Sec-WebSocket-Extensions.
    """

    def __init__(self, where, path="/ws", headers=(), deflate=None,
                 **options):
        super().__init__(where, **options)
        self.frames = collections.deque()
        self.answers_pings = True
        self.pings = 0              # seen
        self.closed = None          # (code, reason) of the server's close
        self.wire = 0               # bytes of text messages as they came
        self.compressed = 0         # of these messages
        headers = list(headers)
        if deflate is not None:
            headers.append(("Sec-WebSocket-Extensions", deflate))
        key = new_key()
        self.send(upgrade(key, path, headers=headers))
        answer = Response(self.until(rb"\r\n\r\n"))
        check_upgrade(answer, key)
        self.deflate = _agreed(answer.get("Sec-WebSocket-Extensions"))
        ok(deflate is not None or self.deflate is None,
           "deflate was not offered")

    def cut(self):
        """All the buffer's whole frames go to .frames."""
        data, at = self.buffer, 0
        while len(data) - at >= 2:
            n, start = data[at + 1], at + 2
            ok(n < 128, "the server must not mask")
            if n >= 126:
                wide = 2 if n == 126 else 8
                if len(data) < start + wide:
                    break
                n = int.from_bytes(data[start:start + wide], "big")
                start += wide
                ok(n >= (126 if wide == 2 else 65536),
                   "the fewest bytes for the length %d" % n)
            if len(data) < start + n:
                break
            self._check(data[at], data[start:start + n])
            at = start + n
        self.buffer = data[at:]

    def _check(self, first, payload):
        opcode, rsv = first & 15, first >> 4 & 7
        ok(self.closed is None, "a frame after the close")
        ok(first & 0x80, "the server does not fragment")
        ok(opcode in (TEXT, CLOSE, PING, PONG), "opcode %d" % opcode)
        if opcode == TEXT:
            ok(rsv == 0 or rsv == 4 and self.deflate, "RSV %d" % rsv)
            self.wire += len(payload)
            if rsv:
                payload = inflated(payload, self.deflate)
                self.compressed += 1
        else:
            ok(rsv == 0, "RSV of a control frame")
            ok(len(payload) <= 125, "length of a control frame")
        if opcode == CLOSE:
            ok(len(payload) != 1, "a close of one byte")
            code = int.from_bytes(payload[:2], "big") if payload else None
            payload = self.closed = (code, payload[2:].decode())
        self.frames.append((opcode, payload))

    def receive(self, limit):
        """The next frame as (opcode, payload), of a close (CLOSE, (code,
        reason)); Failure at the end of the stream."""
        while not self.frames:
            self.cut()
            if not self.frames and not self.fill(limit):
                raise Failure("the connection ended without a close; left: "
                              "%s" % short(self.buffer))
        opcode, payload = self.frames.popleft()
        if opcode == PING:
            self.pings += 1
            if self.answers_pings:
                self.send(frame(PONG, payload))
        return opcode, payload

    def over(self, timeout=WAIT):
        """Demands that behind the close frame nothing comes but the end."""
        rest = self.to_end(timeout)
        eq((list(self.frames), rest), ([], b""), "after the close")


class Web(Json, WebSocket):
    """A JSON client in a browser's place."""

    def __init__(self, where, name=None, **options):
        self.pongs = []
        super().__init__(where, name, **options)

    def speak(self, text):
        if self.deflate:
            self.send(frame(TEXT, deflated(text), rsv=4))
        else:
            self.send(frame(TEXT, text))

    def hear(self, limit):
        while True:
            opcode, payload = self.receive(limit)
            if opcode == TEXT:
                ok(payload[:1] == b"{" and b"\n" not in payload,
                   "one JSON object without LF: %s" % short(payload))
                return payload
            if opcode == PONG:
                self.pongs.append(payload)
            if opcode == CLOSE:
                raise Failure("the server closed: %s %s" % payload)

    def control(self, limit):
        """The next pong or close; JSON that comes before it is kept."""
        while True:
            opcode, payload = self.receive(limit)
            if opcode == TEXT:
                self.put(json.loads(payload.decode()))
            elif opcode != PING:
                return opcode, payload

    def pong(self, timeout=WAIT):
        """The next pong's payload."""
        if self.pongs:
            return self.pongs.pop(0)
        opcode, payload = self.control(Deadline(timeout, "a pong"))
        if opcode == CLOSE:
            raise Failure("the server closed: %s %s" % payload)
        return payload

    def closing(self, code, timeout=WAIT):
        """Demands a close with this code (None: an empty one), and then the
        end; what comes before it is kept. Its reason."""
        limit = Deadline(timeout, "a close frame")
        opcode, payload = self.control(limit)
        while opcode != CLOSE:
            self.pongs.append(payload)
            opcode, payload = self.control(limit)
        eq(payload[0], code, "close code, with the reason %r" % payload[1])
        self.over(timeout)
        return payload[1]
