"""A client of each sort, beside a daemon that something happens to."""

import re

from client import NAME_PROMPT, Json, Person, Raw, said
from harness import Deadline, eq, ok
from websocket import Web


def _find(client, pattern):
    """Waits for it, and takes it out; what others say meanwhile stays."""
    limit = Deadline(10, lambda: "%r in %r" % (pattern, client.buffer))
    while True:
        match = re.search(pattern, client.buffer)
        if match:
            break
        ok(client.fill(limit), "it is still connected")
    client.buffer = (client.buffer[:match.start()] +
                     client.buffer[match.end():])


class Everyone:
    """A client of each sort, who talk and listen."""

    def __init__(self, d):
        self.json = Json(d, "json")
        self.json.join()
        self.text = Person(d, "text")
        self.telnet = Raw(d)
        # WILL NAWS, WILL TTYPE; the window; the type
        self.telnet.until(NAME_PROMPT)
        self.telnet.send(b"\xff\xfb\x1f\xff\xfb\x18")
        self.telnet.until(rb"\xff\xfa\x18\x01\xff\xf0")
        self.telnet.send(b"\xff\xfa\x1f\0\x50\0\x18\xff\xf0"
                         b"\xff\xfa\x18\0xterm\xff\xf0telnet\r\n")
        self.telnet.until(b"#lobby")
        self.web = Web(d, "web")
        self.web.join()
        self.all = (self.json, self.text, self.telnet, self.web)
        for client in (self.json, self.web):
            client.sync()
            client.events.clear()

    def see(self, name, text):
        """All of them are told this."""
        for client in (self.json, self.web):
            client.message(from_=name, text=text)
        for client in (self.text, self.telnet):
            _find(client, said(name, text))

    def chat(self, word):
        """Each says something, and all are told."""
        for name in ("json", "web"):
            getattr(self, name).say("%s of %s" % (word, name))
            self.see(name, "%s of %s" % (word, name))
        for name in ("text", "telnet"):
            getattr(self, name).send("%s of %s\r\n" % (word, name))
            self.see(name, "%s of %s" % (word, name))


def unharmed(d, all, word):
    """The daemon serves as if nothing had been."""
    all.chat(word)
    for client in (all.json, all.web):
        client.sync()
        eq(list(client.events), [])
    for record in d.log.records("client-closed"):
        ok(record["name"] not in ("json", "text", "telnet", "web"),
           "somebody was thrown out: %s" % record)
