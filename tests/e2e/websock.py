"""As little of a WebSocket as it takes to say and hear something."""

import base64
import os
import struct

from client import Raw
from harness import contains, ok


class Web(Raw):
    """Sent frames are short; what comes is looked through as bytes."""

    def __init__(self, where, headers=None, origin=None, **options):
        super().__init__(where, **options)
        self.send(self.request(headers, origin))
        contains(self.until(b"\r\n\r\n"), b"101 Switching", "the answer")

    @staticmethod
    def request(headers=None, origin=None):
        fields = {"Host": "localhost", "Upgrade": "websocket",
                  "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
                  "Sec-WebSocket-Key":
                  base64.b64encode(os.urandom(16)).decode(),
                  **(headers or {})}
        if origin is not None:
            fields["Origin"] = origin
        return "GET /ws HTTP/1.1\r\n%s\r\n" % "".join(
            "%s: %s\r\n" % field for field in fields.items())

    def put(self, text):
        mask = os.urandom(4)
        data = bytes(b ^ mask[i % 4] for i, b in enumerate(text.encode()))
        ok(len(data) < 126, "a short message")
        self.send(struct.pack("!BB", 0x81, 0x80 | len(data)) + mask + data)

    def login(self, name):
        self.put('{"cmd":"login","name":"%s"}' % name)
        self.until(b'"reply":"login","ok":true')
