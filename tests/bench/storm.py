"""What the paced load has beside it: logins that fail, or searches.

    storm.py login|search PORT RATE

Prints "ready" when all of it is set up (at a RATE of 0 too, so that only the
storm is the difference), storms until its standard input ends, and prints as a
line of JSON what the answers were.
"""
import collections
import itertools
import json
import os
import random
import selectors
import socket
import statistics
import sys
import time

ACCOUNTS = 4
CLIENTS = 256           # of them, as many logins may wait as the queue takes
ADDRESSES = 16          # where they come from
PASSWORD = "correct horse battery"
PROBE_S = 0.5           # a good login so long after the last
SEEKERS = 16
WORDS = 20000           # that store-bench's texts are made of
SYLLABLES = "ba ke li mo nu ra se ti vo zu".split()
ROOMS = 20


def word(n):
    """As store-bench's."""
    return "".join(SYLLABLES[int(digit)] for digit in reversed(str(n)))


def query(n):
    """Search n of a sequence that is the same in each run: of all kinds, in
    all rooms and in one; the lower a word's number, the more often said."""
    pick = random.Random(n).randrange
    common, rare = word(pick(20, 200)), word(pick(5000, WORDS))
    kinds = [{"query": word(pick(5))}, {"query": common}, {"query": rare},
             {"query": "x" + common}, {"query": f"{word(pick(50))} {common}"},
             {"query": f"{common} {rare}"}, {"query": common[:3] + "*"},
             {"query": f'"{word(pick(50))} {word(pick(50))}"'},
             {"query": common, "room": f"room{1 + pick(ROOMS)}"},
             {"query": f"{word(pick(50))} {common}",
              "room": f"room{1 + pick(ROOMS)}"}]
    return kinds[n % len(kinds)]


class Client:
    """A connection with one command under way at most."""

    def __init__(self, port, number=0):
        self.sock = socket.socket()
        self.sock.bind((f"127.0.1.{1 + number % ADDRESSES}", 0))
        self.sock.connect(("127.0.0.1", port))
        self.buffer = b""
        self.since = None

    def send(self, cmd, **fields):
        self.since = time.monotonic()
        self.sock.sendall(json.dumps({"cmd": cmd, "id": 1, **fields}).encode()
                          + b"\n")

    def replies(self):
        """Reads once; the answer to what is under way, or None."""
        more = self.sock.recv(1 << 18)
        if not more:
            sys.exit("storm: the server closed a connection")
        *lines, self.buffer = (self.buffer + more).split(b"\n")
        for line in lines:
            if line.startswith(b"{") and b'"reply"' in line:
                took, self.since = time.monotonic() - self.since, None
                return json.loads(line), took
        return None

    def ask(self, cmd, **fields):
        self.send(cmd, **fields)
        while (got := self.replies()) is None:
            pass
        return got[0]


class Storm:
    def __init__(self, port, rate):
        self.port, self.rate = port, rate
        self.answers = collections.Counter()
        self.took = []
        self.poll = selectors.DefaultSelector()
        self.poll.register(0, selectors.EVENT_READ)
        self.free = []
        self.number = itertools.count()

    def add(self, client):
        self.poll.register(client.sock, selectors.EVENT_READ, client)
        self.free.append(client)

    def answered(self, client, reply, took):
        self.answers["ok" if reply["ok"] else reply["error"]] += 1
        self.took.append(took)
        self.free.append(client)

    def tick(self):
        """Called at least every 10 ms."""

    def run(self):
        begin = due = time.monotonic()
        while True:
            now = time.monotonic()
            while self.rate and due <= now:
                due += 1 / self.rate
                if self.free:
                    self.send(self.free.pop(0))
                else:
                    self.answers["no client was free"] += 1
            self.tick()
            wait = min(0.01, max(0, due - now)) if self.rate else 0.01
            for key, _ in self.poll.select(wait):
                if key.fd == 0:
                    return time.monotonic() - begin
                got = key.data.replies()
                if got is not None:
                    self.answered(key.data, *got)

    def result(self, seconds):
        took = sorted(self.took)
        at = {f"p{p}_us": 1e6 * took[min(len(took) - 1, len(took) * p // 100)]
              for p in (50, 95, 99)} if took else {}
        return {"seconds": seconds, "answers": self.answers, **at}


class Logins(Storm):
    """Wrong passwords, in turn for accounts that are there and for none; and
    one who knows the password and comes again and again."""

    def __init__(self, port, rate):
        super().__init__(port, rate)
        for i in range(ACCOUNTS):
            client = Client(port)
            for cmd, fields in (("login", {"name": f"here{i}"}),
                                ("register", {"password": PASSWORD})):
                reply = client.ask(cmd, **fields)
                if not reply["ok"]:
                    sys.exit(f"storm: {cmd}: {reply}")
            client.sock.close()
        for i in range(CLIENTS):
            self.add(Client(port, i))
        self.good, self.began, self.again, self.refused = [], None, 0, 0
        self.probe = None

    def send(self, client):
        n = next(self.number)
        name = f"here{n // 2 % ACCOUNTS}" if n % 2 else f"none{n}"
        client.send("login", name=name, password=f"wrong {n}")

    def tick(self):
        now = time.monotonic()
        if self.probe is None and now >= self.again:
            self.probe = Client(self.port)
            self.poll.register(self.probe.sock, selectors.EVENT_READ,
                               self.probe)
            self.began, self.again = now, 0
        if self.probe is not None and self.probe.since is None and \
                now >= self.again:
            self.probe.send("login", name="here0", password=PASSWORD)

    def answered(self, client, reply, took):
        if client is not self.probe:
            super().answered(client, reply, took)
            return
        if not reply["ok"]:
            self.refused += 1
            self.again = time.monotonic() + reply.get("retry_ms", 1000) / 1000
            return
        self.good.append(time.monotonic() - self.began)
        self.again = time.monotonic() + PROBE_S
        self.poll.unregister(client.sock)
        client.sock.close()
        self.probe = None

    def result(self, seconds):
        good = self.good or [time.monotonic() - self.began]
        return {**super().result(seconds), "good": len(self.good),
                "good_us": 1e6 * statistics.median(good),
                "good_worst_us": 1e6 * max(good), "good_refused": self.refused}


class Searches(Storm):
    """Searches by guests, each with one under way."""

    def __init__(self, port, rate):
        super().__init__(port, rate)
        self.found = 0
        for i in range(SEEKERS):
            client = Client(port, i)
            reply = client.ask("login", name=f"seeker{i}")
            if not reply["ok"]:
                sys.exit(f"storm: login: {reply}")
            self.add(client)

    def send(self, client):
        client.send("search", **query(next(self.number)))

    def answered(self, client, reply, took):
        super().answered(client, reply, took)
        self.found += len(reply.get("messages", []))

    def result(self, seconds):
        return {**super().result(seconds), "found": self.found}


def main():
    kind, port, rate = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    storm = {"login": Logins, "search": Searches}[kind](port, rate)
    os.write(1, b"ready\n")
    print(json.dumps(storm.result(storm.run())))


if __name__ == "__main__":
    main()
