"""What a fault costs others: they talk at a steady pace, with it and without.

And a disk and a clock that fail as told, for the daemon (shim.c).
"""

import mmap
import os
import struct
import subprocess

from daemon import BINARY, Daemon
from harness import (HERE, SLOW, Skip, below, cpu, diag, eq, keep, need, quick,
                     sanitized, tempdir)
from load import Load

RATE = 400                      # messages a second
FLOOR = 10 * SLOW               # ms that a busy machine wavers by anyhow
TRIES = 5                       # another may have had the machine meanwhile


def judge(fault, alone, beside, limit):
    """Demands that others are as soon served beside the fault as without it.

    alone() and beside() are a run each and return a report of it; limit()
    says what the one's p99 lets the other's be, in ms. The two follow each
    other, so that what else the machine does weighs on both; and as that
    comes and goes, one of TRIES such pairs is enough. Returns that pair.
    What a sanitizer makes slow is no measure: there it is only shown.
    """
    for left in reversed(range(TRIES)):
        without, then = alone(), beside()
        diag("others' p50 %.1f p99 %.1f ms without, %.1f %.1f ms beside %s" %
             (without["p50"], without["p99"], then["p50"], then["p99"], fault))
        if sanitized(BINARY) or then["p99"] < limit(without["p99"]):
            break
        if not left:
            below(then["p99"], limit(without["p99"]), "p99 of others in ms")
    return without, then


def twin(daemon):
    """One with the same options, to which nothing happens."""
    options = dict(daemon.options)
    del options["state_dir"]
    return Daemon(*daemon.arguments, **options)


class Others:
    """One who talks and one who reads, in a room of their own.

    Made before the fault, for caches to be warm. The daemon's store is best
    in memory: no disk is as steady.
    """

    def __init__(self, daemon):
        self.daemon, self.twin = daemon, twin(daemon)
        self.runs = 0
        self.run(self.twin)
        self.run(daemon)

    def run(self, daemon):
        """What the reader saw of one run: all of it, in order."""
        count = quick(200, 400)
        self.runs += 1
        watch = Load(daemon, ["reader-%d" % self.runs], mode="watch",
                     room="others", count=count)
        used = cpu(daemon.pid)
        talk = Load(daemon, ["talker-%d" % self.runs], room="others",
                    rate=RATE, count=count)
        acked = next(iter(talk.finish().values()))["acked"]
        report = watch.finish()
        report["cpu"] = cpu(daemon.pid) - used
        eq(len(acked), count, "messages said and stored")
        eq((report["seen"], report["faults"]), (count, 0),
           "messages seen, and how many out of order")
        return report

    def judge(self, fault, make=None, floor=FLOOR):
        """Demands that beside the fault they are as soon served as at the
        twin; the two runs.

        make() is called before each try, where the fault would not last.
        """
        def beside():
            if make is not None:
                make()
            return self.run(self.daemon)
        return judge(fault, lambda: self.run(self.twin), beside,
                     lambda p99: 1.25 * p99 + floor)


class Shim:
    """Faults of the machine, for a Daemon started with .environment."""

    def __init__(self):
        need("cc")
        if sanitized(BINARY):
            raise Skip("a sanitizer wants to be loaded first")
        directory = tempdir()
        library, path = directory + "/shim.so", directory + "/faults"
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library,
                        os.path.join(HERE, "shim.c")], check=True)
        with open(path, "w+b") as f:
            f.write(bytes(24))
            f.flush()
            self.map = mmap.mmap(f.fileno(), 24)
        self.environment = {"LD_PRELOAD": library, "SHIM_FAULTS": path}
        keep(self)

    def jump(self, seconds):
        """The wall clock is so far from the true one."""
        struct.pack_into("q", self.map, 0, seconds)

    def slow(self, ms):
        """Every sync takes so much longer."""
        struct.pack_into("q", self.map, 8, ms)

    def hashed(self):
        """What memory the password needed that was checked last."""
        return struct.unpack_from("Q", self.map, 16)[0]

    def cleanup(self):
        self.slow(0)
        self.map.close()
