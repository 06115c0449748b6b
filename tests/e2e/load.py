#!/usr/bin/env python3
"""Load from a process of its own, so that the test's clients are not slowed.

Started by Load; reads its job as one JSON line, prints what came of it as
another when its standard input ends, the job is done, or the server is gone.
A message's text is `name:number:monotonic ns:` and padding.
"""

import json
import os
import select
import subprocess
import sys
import time

from client import WAIT, login
from harness import Deadline, Failure, keep, percentile, readable


class Load:
    """The test's side of a load process.

    say: names say as fast as they are answered, window messages outstanding
    each, or at `rate` messages a second together, until stop() or `count`
    each. watch: names read, and tell how late messages were, until stop() or
    `count` of them.
    """

    def __init__(self, where, names, *, mode="say", room="lobby", window=8,
                 size=60, count=None, rate=None, keys=False):
        address = where.address() if hasattr(where, "address") else where
        job = {"address": address, "names": names, "mode": mode, "room": room,
               "window": window, "size": size, "count": count, "rate": rate,
               "keys": keys}
        self.process = subprocess.Popen(
            [sys.executable, os.path.abspath(__file__)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        keep(self)
        self.process.stdin.write(json.dumps(job).encode() + b"\n")
        self.process.stdin.flush()
        self._line(60)          # all are in the room

    def _line(self, timeout):
        limit = Deadline(timeout, "the load process")
        if not readable(self.process.stdout, limit.left()):
            limit.left()
        line = self.process.stdout.readline()
        if not line:
            raise Failure("the load process failed")
        return json.loads(line)

    def finish(self, timeout=60):
        """Waits for its count to be done; what came of it."""
        result = self._line(timeout)
        self.process.wait()
        return result

    def stop(self, timeout=30):
        """Ends it after the replies that are outstanding."""
        self.process.stdin.close()
        return self.finish(timeout)

    def cleanup(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        if not self.process.stdin.closed:
            self.process.stdin.close()


def _address(job):
    address = job["address"]
    return tuple(address) if isinstance(address, list) else address


class Talker:
    def __init__(self, job, name):
        self.job, self.name = job, name
        self.client = login(_address(job), name)
        self.client.join(job["room"])
        self.client.sock.setblocking(False)
        self.sent = 0
        self.outstanding = 0
        self.out = b""
        self.rest = b""
        self.acked = []         # [number, seq]
        self.refused = []       # [number, error]
        self.pad = "x" * job["size"]

    def say(self, n):
        """Queues n more messages, if that is any."""
        if n <= 0:
            return
        lines = []
        for _ in range(n):
            message = {"cmd": "say", "id": self.sent, "room": self.job["room"],
                       "text": "%s:%d:%d:%s" % (self.name, self.sent,
                                                time.monotonic_ns(), self.pad)}
            if self.job["keys"]:
                message["key"] = "%s:%d" % (self.name, self.sent)
            lines.append(json.dumps(message))
            self.sent += 1
        self.outstanding += n
        self.out += ("\n".join(lines) + "\n").encode()

    def flush(self):
        if self.out:
            try:
                self.out = self.out[self.client.sock.send(self.out):]
            except BlockingIOError:
                pass
            except OSError:
                self.out = b""      # gone; reading tells

    def read(self):
        """Takes replies in; False when the server is gone."""
        try:
            data = self.client.sock.recv(1 << 18)
        except BlockingIOError:
            return True
        except OSError:
            return False
        *lines, self.rest = (self.rest + data).split(b"\n")
        for line in lines:
            if b'"reply"' not in line:
                continue
            reply = json.loads(line)
            self.outstanding -= 1
            if reply["ok"]:
                self.acked.append([reply["id"], reply["seq"]])
            else:
                self.refused.append([reply["id"], reply["error"]])
        return bool(data)


def _due(job, talkers, start):
    """How many messages each talker may queue now, and when to look again."""
    most = float("inf") if job["count"] is None else job["count"]
    if job["rate"] is None:
        for talker in talkers:
            talker.say(min(job["window"] - talker.outstanding,
                           most - talker.sent))
        return None
    due = int((time.monotonic() - start) * job["rate"])
    for talker in talkers:
        want = min(due // len(talkers), most) - talker.sent
        if want > 0 and talker.outstanding < job["window"]:
            talker.say(want)
    return 1 / job["rate"]


def _talk(job, talkers):
    poll = select.poll()
    by_fd = {t.client.fileno(): t for t in talkers}
    alive = set(talkers)
    stopping, start = False, time.monotonic()
    poll.register(0, select.POLLIN)
    while alive:
        wait = None
        if not stopping:
            wait = _due(job, alive, start)
            stopping = (job["count"] is not None and
                        all(t.sent >= job["count"] for t in alive))
        if stopping and not any(t.outstanding for t in alive):
            return
        for fd, talker in by_fd.items():
            if talker in alive:
                talker.flush()
                poll.register(fd, select.POLLIN |
                              (select.POLLOUT if talker.out else 0))
        for fd, _ in poll.poll(None if wait is None else wait * 1000):
            if fd == 0:
                stopping = True
                poll.unregister(0)
            elif not by_fd[fd].read():
                alive.discard(by_fd[fd])
                poll.unregister(fd)


def _watch(job):
    """Reads until stopped; lateness in ms from the time in the text."""
    clients = [login(_address(job), name) for name in job["names"]]
    for client in clients:
        client.join(job["room"])
    print('"ready"', flush=True)
    late, last, faults = [], {c: 0 for c in clients}, 0
    seen = 0
    while job["count"] is None or seen < job["count"]:
        ready = select.select([*clients, 0], [], [])[0]
        if 0 in ready:
            break
        for client in ready:
            if not client.fill(Deadline(WAIT, "bytes")):
                raise Failure("the server is gone")
            *lines, client.buffer = client.buffer.split(b"\n")
            now = time.monotonic_ns()
            for line in lines:
                if b'"message"' not in line:
                    continue
                event = json.loads(line)
                seen += 1
                faults += event["seq"] <= last[client]
                last[client] = event["seq"]
                late.append((now - int(event["text"].split(":")[2])) / 1e6)
    late = late or [0]
    return {"seen": seen, "faults": faults, "p50": percentile(late, 50),
            "p99": percentile(late, 99), "max": max(late)}


def main():
    job = json.loads(sys.stdin.buffer.raw.readline())
    if job["mode"] == "watch":
        print(json.dumps(_watch(job)))
        return
    talkers = [Talker(job, name) for name in job["names"]]
    print('"ready"', flush=True)
    _talk(job, talkers)
    print(json.dumps({t.name: {"sent": t.sent, "acked": t.acked,
                               "refused": t.refused} for t in talkers}))


if __name__ == "__main__":
    main()
