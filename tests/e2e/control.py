"""The control socket: by partylinectl, and by hand."""

import json
import os
import subprocess

from client import WAIT, Raw
from daemon import BINARY
from harness import SLOW, Failure, eq

CTL = os.path.abspath(os.environ.get("PARTYLINECTL") or os.path.join(
    os.path.dirname(BINARY), "partylinectl"))


def socket_of(d):
    return d.state_dir + "/control"


def run_ctl(*words, timeout=20, given=""):
    """Runs it, given this to read; returns (status, stdout, stderr)."""
    done = subprocess.run([CTL, *words], input=given.encode(),
                          capture_output=True, timeout=timeout * SLOW,
                          check=False)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def ctl(d, *words, **more):
    """What it prints when it is done."""
    status, out, err = run_ctl("-s", socket_of(d), *words, **more)
    if status != 0 or err:
        raise Failure("partylinectl %s: %d %s" % (" ".join(words), status,
                                                 err))
    return out


def ctl_json(d, *words):
    answer = json.loads(ctl(d, "-j", *words))
    eq(answer["ok"], True)
    return answer


def shown(client):
    """A client's number as people see it."""
    return "%d:%d:%d" % (client >> 56, client >> 32 & 0xffffff,
                         client & 0xffffffff)


class Control(Raw):
    """A connection to the socket."""

    def __init__(self, where):
        super().__init__(where if isinstance(where, str) else
                         socket_of(where))

    def answer(self, timeout=WAIT):
        return json.loads(self.line(timeout))

    def ask(self, cmd, **fields):
        self.send(json.dumps({"cmd": cmd, **fields}) + "\n")
        return self.answer()

    def refused(self, data, error):
        """Sends bytes; they are refused with this error."""
        self.send(data)
        answer = self.answer()
        eq(answer["ok"], False)
        eq(answer["error"], error)
        return answer
