#!/usr/bin/env python3
"""The command line, starting, and ending in order."""

import contextlib
import errno
import os
import re
import signal
import socket
import subprocess
import time

from client import NAME_PROMPT, Json, Person, Raw, history, login
from daemon import BINARY, Daemon, Log, run_binary
from harness import (Deadline, Failure, SLOW, Skip, contains, eq, forget, has,
                     keep, lacks, main, ok, tempdir, test, until)

OPTIONS = """listen store state_dir loops server_name lobby motd rate burst
max_clients max_clients_address max_rooms server_rooms max_line max_text
presence_limit
greet_delay read_timeout write_timeout history_max history_age history_bytes
log_level log_to""".split()


class Bare:
    """A daemon started by other means than Daemon's, to be ended."""

    def __init__(self, *argv, **options):
        self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE, **options)
        self.log = Log(self.process.stderr)
        keep(self)

    def cleanup(self):
        self.process.terminate()
        try:
            status = self.process.wait(10 * SLOW)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise Failure("the daemon does not end") from None
        self.log.thread.join(5 * SLOW)
        eq(status, 0, "exit status")


def _refused(*arguments):
    """Runs what must fail; its message."""
    status, out, err = run_binary("-n", *arguments)
    ok(status not in (0, None) and status > 0, "status %r of %r" %
       (status, arguments))
    ok(err.strip() and len(err) < 2000, "a short message: %r" % err)
    eq(out, "", "nothing on the standard output")
    return err


@test()
def no_options():
    """without a file and an option it runs, and in a new home"""
    # Nobody else who tests this has that port meanwhile.
    alone = socket.socket(socket.AF_UNIX)
    with contextlib.closing(alone):
        until(lambda: _bound(alone, "\0partyline-test-4000"), 60, "a turn")
        _no_options()


def _bound(sock, name):
    try:
        sock.bind(name)
    except OSError:
        return False
    return True


def _no_options():
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", 4000))
        except OSError:
            raise Skip("port 4000 is in use") from None
    home = tempdir()
    os.chmod(home, 0o777)
    env = dict(os.environ, HOME=home)
    env.pop("XDG_STATE_HOME", None)
    as_nobody = {"user": 65534, "group": 65534, "extra_groups": []} \
        if os.geteuid() == 0 else {}
    if as_nobody and not _readable_by_all(BINARY):
        raise Skip("nobody may not run the binary")
    bare = Bare(BINARY, env=env, cwd="/", **as_nobody)
    bare.log.wait("ready")
    client = Json(("127.0.0.1", 4000), "ann")
    client.join()
    client.say("hi")
    ok(os.listdir(home + "/.local/state/partyline"), "the state is there")
    forget(bare)
    bare.cleanup()


def _readable_by_all(path):
    while path != "/":
        if not os.stat(path).st_mode & 0o001:
            return False
        path = os.path.dirname(path)
    return True


@test()
def prints_configuration():
    """-t prints the whole configuration, and that reads as the same again"""
    given = ["-o", "listen=auto 127.0.0.1:0", "-o", "listen=json [::1]:4001",
             "-o", "listen=text /tmp/a-b.sock", "-o", 'motd=Say "hi"\\n{$HOME}',
             "-o", "rate=7", "-o", "server_name=village"]
    status, printed, err = run_binary("-n", "-t", *given)
    eq((status, err), (0, ""), "-t")
    for option in OPTIONS:
        ok(re.search(r"(?m)^\s*%s\s*=" % option, printed), option + " is there")
    for there in ("127.0.0.1:0", "[::1]:4001", "/tmp/a-b.sock", "village"):
        contains(printed, there)
    path = os.path.join(tempdir(), "conf")
    with open(path, "w") as f:
        f.write(printed)
    status, again, err = run_binary("-t", "-f", path)
    eq((status, again, err), (0, printed, ""), "-t of what -t printed")
    status, other, _ = run_binary("-t", "-f", path, "-o", "rate=8")
    eq(status, 0)
    ok(other != printed and re.search(r"(?m)^\s*rate\s*=\s*8$", other),
       "-o overrides the file")


@test()
def version_and_help():
    """-V and -h print and end well; a bad option does not"""
    status, out, _ = run_binary("-V")
    eq(status, 0)
    ok(re.search(r"\d+\.\d+", out), "a version in %r" % out)
    status, out, err = run_binary("-h")
    eq(status, 0)
    contains(out + err, "-o")
    for bad in (["-Q"], ["-o"], ["-f"], ["stray"], ["--nothing"]):
        contains(_refused(*bad).lower(), "usage")


@test()
def bad_options():
    """an -o error names the option and what would be right"""
    for given, *wanted in (
            ("nonsense=1", "nonsense"), ("raet=1", "raet", "rate"),
            ("rate=abc", "rate", "abc"), ("rate=-1", "rate"),
            ("loops=99999", "loops", "64"), ("novalue", "novalue"),
            ("=x", "="), ("", ""), ("max_line=1", "max_line", "256"),
            ("store=oracle", "store", "oracle", "sqlite", "memory"),
            ("log_level=loud", "log_level", "loud", "debug"),
            ("listen=foo 127.0.0.1:0", "listen", "foo", "auto"),
            ("listen=auto 127.0.0.1", "listen"),
            ("listen=auto 127.0.0.1:99999", "listen", "99999"),
            ("listen=auto 999.0.0.1:1", "listen", "999.0.0.1"),
            ("listen=auto", "listen"), ("listen=", "listen"),
            ("lobby=a b", "lobby"), ("lobby=-x", "lobby"),
            ("greet_delay=soon", "greet_delay", "soon"),
            ("history_max=99999999999999999999", "history_max"),
            ("state_dir=", "state_dir")):
        err = _refused("-t", "-o", given)
        for word in wanted:
            contains(err, word, "error of -o %s" % given)


@test()
def bad_files():
    """an error in a file names file, line and option"""
    missing = os.path.join(tempdir(), "missing.conf")
    contains(_refused("-t", "-f", missing), missing)
    path = os.path.join(tempdir(), "bad.conf")
    for text, line, word in (("rate = 5\nburst = x\n", 2, "burst"),
                             ("\n\nraet = 5\n", 3, "raet"),
                             ("rate = 5\nlobby = \"a b\"\n", 2, "lobby"),
                             ("listen = {\"auto 127.0.0.1:0\",\n\"x y\"}\n",
                              None, "listen"),
                             ("rate = \n", None, ""), ("}}}", 1, ""),
                             ("motd = \"never ends\n\n", None, "")):
        with open(path, "w") as f:
            f.write(text)
        err = _refused("-t", "-f", path)
        contains(err, path)
        contains(err, word)
        if line is not None:
            contains(err, ":%d:" % line, "line of the error")
    contains(_refused("-t", "-f", tempdir()), "/pl-")


@test()
def several_errors():
    """all errors of a configuration are told at once"""
    err = _refused("-t", "-o", "rate=x", "-o", "burst=y", "-o", "foo=1")
    for word in ("rate", "burst", "foo"):
        contains(err, word)


@test()
def background():
    """-d goes to the background, writes its pid, and listens by then"""
    home = tempdir()
    pid_file, log = home + "/pid", home + "/log"
    status, out, err = run_binary(
        "-n", "-d", "-o", "listen=auto %s/sock" % home, "-o",
        "store=sqlite", "-o", "state_dir=%s/state" % home, "-o",
        "pid_file=" + pid_file, "-o", "log_to=" + log)
    eq((status, out), (0, ""), err)
    with open(pid_file) as f:
        pid = int(f.read())
    try:
        client = Json(home + "/sock", "ann")
        client.join()
        eq(os.getsid(pid) != os.getsid(0), True, "a session of its own")
    finally:
        os.kill(pid, signal.SIGTERM)
    client.event("bye")
    until(lambda: not _alive(pid), 10, "the daemon to end")
    ok(not os.path.exists(pid_file), "the pid file is removed")
    ok(not os.path.exists(home + "/sock"), "the socket is removed")
    with open(log) as f:
        contains(f.read(), " ready")


def _alive(pid):
    """Not there, or only there to be waited for by whoever must."""
    try:
        with open("/proc/%d/stat" % pid) as f:
            return f.read().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@test()
def background_fails():
    """-d tells an error before it goes, and by its status"""
    taken = socket.socket()
    taken.bind(("127.0.0.1", 0))
    taken.listen()
    home = tempdir()
    err = _refused("-d", "-o", "listen=auto 127.0.0.1:%d" %
                   taken.getsockname()[1], "-o", "state_dir=" + home, "-o",
                   "pid_file=%s/pid" % home, "-o", "log_to=%s/log" % home)
    taken.close()
    contains(err, "listen")


@test()
def port_in_use():
    """a port that is in use is told, with what would help"""
    d = Daemon()
    err = _refused("-o", "store=memory", "-o",
                   "listen=auto 127.0.0.1:%d" % d.port)
    contains(err, str(d.port))
    ok(re.search(r"(?i)in use", err), err)


@test()
def state_in_use():
    """a second daemon on the same state_dir is refused"""
    d = Daemon(store="sqlite")
    before = time.monotonic()
    err = _refused("-o", "store=sqlite", "-o", "state_dir=" + d.state_dir,
                   "-o", "listen=auto 127.0.0.1:0")
    contains(err, d.state_dir)
    ok(time.monotonic() - before < 8 * SLOW, "refused at once")
    client = Json(d, "ann")
    client.join()
    client.say("the first is not disturbed")
    d.kill()
    d.start()
    eq(len(history(Json(d, "bob"))), 1, "a lock does not outlive its owner")


@test()
def state_dir_unusable():
    """a state_dir that cannot be used is named"""
    path = os.path.join(tempdir(), "file")
    with open(path, "w"):
        pass
    for bad in (path, path + "/below", "/proc/nothing"):
        contains(_refused("-o", "store=sqlite", "-o", "state_dir=" + bad, "-o",
                          "listen=auto 127.0.0.1:0"), bad)


@test()
def listeners():
    """IPv4, IPv6, every address, and a unix socket"""
    path = tempdir() + "/sock"
    addresses = ["auto 127.0.0.1:0", "json *:0", "auto " + path]
    if os.path.exists("/proc/net/if_inet6") and \
            "00000000000000000000000000000001" in \
            open("/proc/net/if_inet6").read():
        addresses.append("auto [::1]:0")
    d = Daemon(listen=addresses)
    eq([at["kind"] for at in d.listening][:3], ["auto", "json", "auto"])
    port = d.address(1)[1]
    places = [d.address(0), ("127.0.0.1", port), path]
    if len(addresses) > 3:
        eq(d.listening[3]["address"], "::1")
        places.append(d.address(3))
    clients = [Json(place, "c%d" % i) for i, place in enumerate(places)]
    for client in clients:
        client.join()
    clients[0].say("everywhere")
    for client in clients:
        eq(client.message()["text"], "everywhere")


@test()
def stale_socket():
    """a unix socket left by a killed daemon is replaced, one in use is not"""
    path = tempdir() + "/sock"
    d = Daemon(listen="auto " + path)
    contains(_refused("-o", "store=memory", "-o", "listen=auto " + path), path)
    Json(path, "ann").join()
    d.kill()
    ok(os.path.exists(path), "left behind")
    d.start()
    Json(path, "ann").join()
    precious = tempdir() + "/precious"
    with open(precious, "w") as f:
        f.write("not a socket")
    _refused("-o", "store=memory", "-o", "listen=auto " + precious)
    with open(precious) as f:
        eq(f.read(), "not a socket")


@test()
def stuck_socket():
    """a unix socket whose server takes nobody does not hold the start up"""
    path = tempdir() + "/sock"
    clients = []
    with socket.socket(socket.AF_UNIX) as stuck:
        stuck.bind(path)
        stuck.listen(0)
        full = False
        while not full:
            clients.append(socket.socket(socket.AF_UNIX))
            clients[-1].setblocking(False)
            full = clients[-1].connect_ex(path) == errno.EAGAIN
        contains(_refused("-o", "store=memory", "-o", "listen=auto " + path),
                 path)
        for c in clients:
            c.close()


@test()
def terminate():
    """SIGTERM: bye to everyone, everything stored, status 0"""
    d = Daemon(store="sqlite")
    bot, ann = Json(d, "bot"), Person(d, "ann")
    bot.join()
    unnamed = Raw(d)
    unnamed.until(NAME_PROMPT)
    for i in range(100):
        bot.post("say", room="lobby", text=str(i), id="m%d" % i)
    seqs = [bot.reply("m%d" % i)["seq"] for i in range(100)]
    d.send_signal(signal.SIGTERM)
    bye = bot.event("bye")
    has(bye, "reason", "reconnect")
    ok(isinstance(bye["reconnect"], bool), str(bye))
    eq(bot.fill(Deadline(5, "close")), False, "closed")
    contains(ann.to_end().split(b"\r\n")[-2], b"The server is closing.")
    unnamed.to_end()
    eq(d.wait_end(), 0, "exit status")
    d.restart()
    eq([m["seq"] for m in history(Json(d, "bob"))], seqs)


@test()
def interrupt():
    """SIGINT ends it as SIGTERM does; twice is no harm"""
    d = Daemon()
    bot = Json(d, "bot")
    d.send_signal(signal.SIGINT)
    bot.event("bye")
    if d.alive():
        d.send_signal(signal.SIGINT)
    eq(d.wait_end(), 0, "exit status")


@test()
def terminate_at_once():
    """SIGTERM right after the start, or to one with nobody in it"""
    for _ in range(5):
        d = Daemon(store="sqlite")
        d.stop()


@test()
def hangup():
    """SIGHUP opens the log again and disturbs nobody"""
    home = tempdir()
    path = home + "/log"
    listen = "auto %s/sock" % home
    d = Daemon(log_to=path, listen=listen, wait=False)
    until(lambda: os.path.exists(path) and " ready" in open(path).read(), 10,
          "ready in the log file")
    ann = login(home + "/sock", "ann")
    ann.join()
    os.rename(path, path + ".1")
    d.send_signal(signal.SIGHUP)
    until(lambda: os.path.exists(path), 10, "a new log file")
    bob = login(home + "/sock", "bob")
    bob.join()
    until(lambda: "bob" in open(path).read(), 10, "bob in the new log")
    lacks(open(path + ".1").read(), "bob")
    ann.say("still there")
    eq(bob.message()["text"], "still there")


@test()
def standard_closed():
    """started with 0, 1 and 2 closed: nothing else gets these numbers"""
    home = tempdir()
    path = home + "/log"
    d = Bare("/bin/sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", BINARY, "-n",
             "-o", "listen=auto %s/sock" % home, "-o", "state_dir=" + home,
             "-o", "log_to=" + path)
    until(lambda: os.path.exists(path) and " ready" in open(path).read(), 10,
          "ready in the log file")
    for fd in range(3):
        eq(os.readlink("/proc/%d/fd/%d" % (d.process.pid, fd)), "/dev/null")


@test()
def fails_late():
    """what was logged is not lost when the start fails after that"""
    home = tempdir()
    status, _, err = run_binary(
        "-n", "-d", "-o", "listen=auto 127.0.0.1:0", "-o", "store=memory",
        "-o", "pid_file=%s/none/pid" % home)
    eq(status, 1, "exit status")
    contains(err, "pid_file %s/none/pid: No such file" % home)


if __name__ == "__main__":
    main()
