"""What a fault costs others: they talk at a steady pace, with it and without.

And a disk and a clock that fail as told, for the daemon (shim.c).
"""

import mmap
import os
import struct
import subprocess

from daemon import BINARY
from harness import (HERE, SLOW, Skip, below, cpu, diag, eq, keep, need, quick,
                     sanitized, tempdir)
from load import Load

RATE = 400                      # messages a second
FLOOR = 10 * SLOW               # ms that a busy machine wavers by anyhow
TRIES = 5                       # another may have had the machine meanwhile


class Others:
    """One who talks and one who reads, in a room of their own.

    Made before the fault, it measures how late the messages are without it.
    The daemon's store is best in memory: no disk is as steady.
    """

    def __init__(self, daemon):
        self.daemon = daemon
        self.runs = 0
        first, then = self.run(), self.run()    # the first warms caches
        self.without = min(first, then, key=lambda report: report["p99"])

    def run(self):
        """What the reader saw of one run: all of it, in order."""
        count = quick(200, 400)
        self.runs += 1
        watch = Load(self.daemon, ["reader-%d" % self.runs], mode="watch",
                     room="others", count=count)
        used = cpu(self.daemon.pid)
        talk = Load(self.daemon, ["talker-%d" % self.runs], room="others",
                    rate=RATE, count=count)
        acked = next(iter(talk.finish().values()))["acked"]
        report = watch.finish()
        report["cpu"] = cpu(self.daemon.pid) - used
        eq(len(acked), count, "messages said and stored")
        eq((report["seen"], report["faults"]), (count, 0),
           "messages seen, and how many out of order")
        return report

    def judge(self, fault, make=None, floor=FLOOR):
        """Demands that beside the fault they are as soon served; the run.

        make() is called before each try, where the fault would not last.
        """
        limit = 1.25 * self.without["p99"] + floor
        best = None
        for _ in range(TRIES):
            if make is not None:
                make()
            beside = self.run()
            if best is None or beside["p99"] < best["p99"]:
                best = beside
            if best["p99"] < limit:
                break
        diag("others' p99: %.1f ms without, %.1f ms beside %s" %
             (self.without["p99"], best["p99"], fault))
        below(best["p99"], limit, "p99 of others in ms")
        return best


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
            f.write(bytes(16))
            f.flush()
            self.map = mmap.mmap(f.fileno(), 16)
        self.environment = {"LD_PRELOAD": library, "SHIM_FAULTS": path}
        keep(self)

    def jump(self, seconds):
        """The wall clock is so far from the true one."""
        struct.pack_into("q", self.map, 0, seconds)

    def slow(self, ms):
        """Every sync takes so much longer."""
        struct.pack_into("q", self.map, 8, ms)

    def cleanup(self):
        self.slow(0)
        self.map.close()
