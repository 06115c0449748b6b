#!/usr/bin/env python3
"""The end, while hundreds talk: nothing told ok is lost."""

import signal

from client import NAME_PROMPT, Json, Raw, history
from daemon import Daemon
from harness import Deadline, diag, eq, main, ok, quick, test
from load import Load

FOREVER = {"history_max": 0, "history_age": 0, "history_bytes": 0}


@test(timeout=180)
def while_all_talk():
    """SIGTERM while hundreds talk: status 0, and every ok is kept"""
    for turn in range(quick(2, 5)):
        d = Daemon(store="sqlite", **FOREVER)
        sleepers = [Json(d, "s%d" % i, rcvbuf=4096)
                    for i in range(0 if turn else 20)]
        for sleeper in sleepers:
            sleeper.join()
        watch = Json(d, "watch")
        watch.join(after=0)
        load = Load(d, ["w%d" % i for i in range(quick(50, 200))],
                    window=2 + turn, size=200)
        watch.messages(quick(300, 1500), 30)
        d.send_signal(signal.SIGTERM)
        eq(d.wait_end(30), 0, "exit status")
        limit = Deadline(20, "the last of what was sent")
        while watch.fill(limit) or b"\n" in watch.buffer or watch.lines:
            try:
                watch.put(watch.take(limit))
            except AssertionError:
                break
        seen = {e["seq"]: e["text"] for e in watch.events
                if e["event"] == "message"}
        results = load.finish()
        d.restart()
        log = {m["seq"]: m["text"] for m in history(Json(d, "checker"))}
        acked = {s: "%s:%d:" % (name, n) for name, r in results.items()
                 for n, s in r["acked"]}
        lost = [s for s, start in acked.items()
                if not log.get(s, "").startswith(start)]
        eq(lost, [], "told ok and lost")
        eq([s for s, t in seen.items() if log.get(s) != t], [],
           "seen and lost")
        diag("%d told ok, %d stored" % (len(acked), len(log)))
        ok(len(acked) > 100, "enough was said")
        for sleeper in sleepers:
            sleeper.close()
        d.stop()


@test()
def frozen_clients():
    """clients that read nothing do not hold the end up"""
    d = Daemon(store="sqlite", write_timeout=0, **FOREVER)
    frozen = [Json(d, "f%d" % i, rcvbuf=4096) for i in range(10)]
    for c in frozen:
        c.join()
    Load(d, ["w"], size=3000, count=quick(1000, 3000), window=32).finish()
    limit = Deadline(15, "nothing")
    d.stop()
    ok(not limit.passed(), "it ended in time")


@test()
def bye_comes_last():
    """bye is the last line, after whole lines"""
    d = Daemon(store="sqlite")
    c = Json(d, "ann")
    c.join()
    ids = [c.post("say", room="lobby", text=str(i)) for i in range(200)]
    c.reply(ids[0])
    d.send_signal(signal.SIGTERM)
    data = c.to_end(20)
    lines = data.split(b"\n")
    eq(lines[-1], b"", "the last line is whole")
    ok(b'"bye"' in lines[-2], "last: %r" % lines[-2])
    eq(d.wait_end(), 0)
    d.restart()
    told = 1 + len(c.replies) + data.count(b'"reply":"say"')
    ok(len(history(Json(d, "x"))) >= told, "all that was told ok")


@test()
def in_every_state():
    """the end with clients in every state"""
    d = Daemon(store="sqlite", greet_delay=10)
    greeted = Raw(d)
    greeted.until(NAME_PROMPT)
    fresh = [Raw(d) for _ in range(5)]
    fresh[0].send(b"{")
    fresh[1].send(b"x" * 20000)
    fresh[2].send(b"\xff\xfa")
    fresh[3].send(b'{"cmd":"login","name":"a"}\n' * 30)
    half = Json(d, "half")
    half.join()
    half.half_close()
    gone = Json(d, "gone")
    gone.join()
    gone.reset()
    limit = Deadline(10, "nothing")
    d.stop()
    ok(not limit.passed(), "it ended in time")


if __name__ == "__main__":
    main()
