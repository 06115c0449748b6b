#!/usr/bin/env python3
"""The lines in contrib, each with the real openbsd-inetd, inetutils-inetd,
xinetd and sshd."""

import glob
import os
import pwd
import re
import subprocess

from client import NAME_PROMPT, Json, Program, Raw
from daemon import BINARY, as_user
from harness import (SLOW, TOP, Failure, Skip, contains, eq, free_port, keep,
                     lacks, main, need, need_root, ok, tempdir, test, until)
from inetd import Service, adopt_orphans

NOBODY = 65534
CONTRIB = TOP + "/contrib"


def program(package, path, *installed):
    """One that contrib/install-needed has unpacked, or that is installed."""
    place = os.environ.get("PARTYLINE_SERVERS") or TOP + "/build/servers"
    for found in (os.path.join(place, package, path), *installed):
        if os.access(found, os.X_OK):
            return os.path.abspath(found)
    raise Skip(package + " is neither unpacked nor installed")


def listens(port):
    """Whether somebody does, without asking there."""
    wanted = ":%04X" % port
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        if os.path.exists(table):
            with open(table) as f:
                for line in f:
                    words = line.split()
                    if words[1].endswith(wanted) and words[3] == "0A":
                        return True
    return False


class Super:
    """A real inetd, in the foreground, ended by its number."""

    def __init__(self, argv, port, env=None, user=None):
        self.port = port
        self.output = tempdir() + "/output"
        with open(self.output, "wb") as f:
            self.process = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=f, stderr=f, env=env,
                **as_user(user))
        keep(self)
        until(lambda: listens(port) or self.process.poll() is not None, 20,
              "%s to listen" % argv[0])
        eq(self.process.poll(), None, "status of %s: %s" % (
            argv[0], self.said()))

    def said(self):
        with open(self.output, errors="replace") as f:
            return f.read()[-2000:]

    def address(self):
        return "127.0.0.1", self.port

    def cleanup(self):
        self.process.terminate()
        try:
            self.process.wait(10 * SLOW)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise Failure("it does not end by SIGTERM") from None


def configured(user=None, **options):
    """A service whose options stand in a file, as in an inetd's line."""
    s = Service(user=user, **options)
    s.conf = s.home + "/conf"
    with open(s.conf, "w") as f:
        for name, value in s.options.items():
            quote = '"' if isinstance(value, str) else ""
            f.write("%s = %s%s%s\n" % (name, quote, value, quote))
    return s


class AsItStands(Service):
    """The daemon of a line that nothing was added to: no option is set, and
    its user's home is empty."""

    def __init__(self, user=None):
        super().__init__(user=user)
        self.conf = None
        self.state_dir = self.home + "/.local/state/partyline"
        if os.path.exists("/etc/partylined.conf"):
            raise Skip("this machine has a configuration")

    def environment(self, **more):
        env = super().environment(HOME=self.home, **more)
        env.pop("XDG_STATE_HOME", None)
        return env

    def daemon(self):
        """Its lock's, which is there before any other."""
        try:
            with open(self.state_dir + "/partyline.lock") as f:
                pid = int(f.read().split()[0])
            os.kill(pid, 0)
            return pid
        except (FileNotFoundError, ProcessLookupError, IndexError):
            return None

    def gone(self, pid):
        """None if it was the inetd's, which alone knows how it ended."""
        def status():
            try:
                got, code = os.waitpid(pid, os.WNOHANG)
                return (os.waitstatus_to_exitcode(code),) if got else None
            except ChildProcessError:
                return None if os.path.exists("/proc/%d" % pid) else (None,)
        return until(status, 20, "the end of daemon %d" % pid)[0]


def inetd_conf(s, wait, where, user):
    """The line of contrib, with this test's port, user and program, and where
    there is one, its configuration."""
    with open(CONTRIB + "/inetd/inetd.conf") as f:
        lines = [re.sub("^#(?=4000)", "", line) for line in f]
    found = [line.split() for line in lines
             if line.startswith("4000\t") and
             line.split()[3].startswith(wait)]
    eq(len(found), 1, "lines with " + wait)
    words = found[0]
    eq(words[4:], ["partyline", "/usr/sbin/partylined", "partylined", "-i"])
    words[0] = where
    words[4:6] = [user, BINARY]
    path = s.home + "/inetd.conf"
    with open(path, "w") as f:
        f.write("\t".join(words + (["-f", s.conf] if s.conf else [])) +
                "\n")
    return path


def openbsd(s, wait, user):
    inetd = program("openbsd-inetd", "usr/sbin/inetd")
    port = free_port()
    return Super([inetd, "-i", "-E", inetd_conf(
        s, wait, "127.0.0.1:%d" % port, user)], port, s.environment())


def inetutils(s, wait, user):
    inetd = program("inetutils-inetd", "usr/sbin/inetutils-inetd",
                    "/usr/sbin/inetutils-inetd")
    port = free_port()
    return Super([inetd, "-d", "--pidfile=" + s.home + "/inetd.pid",
                  inetd_conf(s, wait, "127.0.0.1:%d" % port, user)], port,
                 s.environment())


def xinetd(s, wait, user):
    path = program("xinetd", "usr/sbin/xinetd", "/usr/sbin/xinetd")
    port = free_port()
    with open(CONTRIB + "/xinetd/partyline") as f:
        text = f.read()
    for name, value in (
            ("port", port), ("wait", "no" if wait == "nowait" else "yes"),
            ("user", user), ("server", BINARY),
            ("server_args", "-i -f %s" % s.conf)):
        if name == "server_args" and not s.conf:
            continue
        text, count = re.subn(r"(\n\t%s\s+= ).*" % name,
                              r"\g<1>%s" % value, text)
        eq(count, 1, "lines with " + name)
    text = text.replace("\n}", "\n\tbind\t\t= 127.0.0.1\n}")
    with open(s.home + "/xinetd.conf", "w") as f:
        f.write(text)
    return Super([path, "-dontfork", "-f", s.home + "/xinetd.conf",
                  "-pidfile", s.home + "/xinetd.pid", "-filelog",
                  s.home + "/xinetd.log"], port, s.environment())


def talk(i):
    """A telnet, an nc, a program and a browser, all in the same room."""
    need("telnet", "nc")
    where = ["127.0.0.1", str(i.port)]
    tess = Program("telnet", *where, terminal=True)
    tess.until(NAME_PROMPT)
    tess.send("tess\r")
    nick = Program("nc", *where)
    nick.until(NAME_PROMPT)
    nick.send("nick\n")
    bob = Json(i, "bob")
    bob.join()
    web = Raw(i)
    web.send("GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
             "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
             "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
    contains(web.until(b"\r\n\r\n"), b" 101 ")
    for text in (b'{"cmd":"login","name":"web"}',
                 b'{"cmd":"subscribe","room":"lobby"}'):
        web.send(bytes([0x81, 0x80 | len(text), 0, 0, 0, 0]) + text)
    web.until(b'"reply":"subscribe","ok":true')
    tess.send("hello from telnet\r")
    nick.until(b"<tess> hello from telnet")
    nick.send("hello from nc\n")
    bob.message(text="hello from nc")
    bob.say("hello from a program")
    tess.until(b"<bob> hello from a program")
    web.until(b"hello from a program")
    nick.send("/quit\n")
    nick.until(b"Bye.")
    return tess, bob, web


def nowait(start):
    need_root()
    s = configured(user=None)
    i = start(s, "nowait", pwd.getpwuid(NOBODY).pw_name)
    os.chown(s.home, NOBODY, NOBODY)
    os.chmod(s.reports, 0o777)
    talk(i)
    eq(len(s.records("ready")), 1)
    eq(os.stat("/proc/%d" % s.daemon()).st_uid, NOBODY)
    # The inetd has no child: each has handed its client over.
    until(lambda: not _children(i.process.pid), 10, "the children's end")
    eq({r["address"] for r in s.logged("client-open", 4)}, {"127.0.0.1"})
    s.end(9)
    Json(i, "again").ok("ping")


def waits(start):
    need_root()
    s = configured(inetd_linger=1)
    i = start(s, "wait", pwd.getpwuid(NOBODY).pw_name)
    os.chown(s.home, NOBODY, NOBODY)
    os.chmod(s.reports, 0o777)
    tess, bob, web = talk(i)
    eq(len(_children(i.process.pid)), 1)
    tess.send("/quit\r")
    tess.to_end()
    bob.close()
    web.close()
    until(lambda: not _children(i.process.pid), 20, "the daemon's end")
    s.logged("lonely")
    Json(i, "again").ok("ping")
    s.logged("ready", 2)


def as_it_stands(start):
    """nowait, then wait."""
    need_root()
    user = pwd.getpwuid(NOBODY).pw_name
    for wait in ("nowait", "wait"):
        s = AsItStands()
        i = start(s, wait, user)
        os.chown(s.home, NOBODY, NOBODY)
        os.chmod(s.reports, 0o777)
        talk(i)
        eq(os.stat("/proc/%d" % s.daemon()).st_uid, NOBODY)
        eq(s.status_of()["state_dir"], s.state_dir)
        eq(s.end(), 0 if wait == "nowait" else None)
        Json(i, "again").ok("ping")


def _children(pid):
    with open("/proc/%d/task/%d/children" % (pid, pid)) as f:
        return [int(n) for n in f.read().split() if not _is_zombie(int(n))]


def _is_zombie(pid):
    try:
        with open("/proc/%d/stat" % pid) as f:
            return f.read().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


for _start in (openbsd, inetutils, xinetd):
    for _mode in (nowait, waits, as_it_stands):
        def _bound(start=_start, mode=_mode):
            mode(start)
        _bound.__name__ = "%s_%s" % (_start.__name__, _mode.__name__)
        _bound.__doc__ = "contrib's line with the real program"
        test(timeout=90)(_bound)


# ssh ----------------------------------------------------------------------

class Sshd(Super):
    """A real sshd of one user, who is named partyline, with contrib's
    lines."""

    def __init__(self, s):
        need("ssh", "ssh-keygen")
        sshd = program("openssh-server", "usr/sbin/sshd", "/usr/sbin/sshd")
        wrapper = glob.glob("/usr/lib/*/libnss_wrapper.so")
        if not wrapper:
            raise Skip("libnss-wrapper is not installed")
        uid = s.user if s.user is not None else os.getuid()
        self.home = s.home + "/ssh"
        os.mkdir(self.home, 0o755)
        for name in ("host", "client"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "",
                            "-f", self.home + "/" + name], check=True)
        with open(CONTRIB + "/ssh/sshd_config") as f:
            lines = f.read()
        command = "ForceCommand /usr/sbin/partylined -i"
        contains(lines, command)
        port = free_port()
        self._write("passwd", "partyline:x:%d:%d::%s:/bin/sh\n" %
                    (uid, uid, s.home))
        self._write("group", "partyline:x:%d:\n" % uid)
        self._write("config", "\n".join((
            "ListenAddress 127.0.0.1:%d" % port,
            "HostKey %s/host" % self.home, "PidFile none", "StrictModes no",
            "AuthorizedKeysFile %s/client.pub" % self.home,
            lines.replace(command, "ForceCommand %s -i" % BINARY +
                          (" -f " + s.conf if s.conf else "")))))
        for name in os.listdir(self.home):
            os.chown(self.home + "/" + name, uid, -1)
        env = s.environment(LD_PRELOAD=wrapper[0],
                            NSS_WRAPPER_PASSWD=self.home + "/passwd",
                            NSS_WRAPPER_GROUP=self.home + "/group")
        super().__init__([sshd, "-D", "-e", "-f", self.home + "/config"],
                         port, env, s.user)

    def _write(self, name, text):
        with open(self.home + "/" + name, "w") as f:
            f.write(text)

    def client(self, *words, terminal=False):
        return Program(
            "ssh", "-F", "none", "-p", str(self.port), "-o",
            "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
            "-o", "LogLevel=ERROR", "-o", "IdentitiesOnly=yes", "-i",
            self.home + "/client", *words, "partyline@127.0.0.1",
            terminal=terminal)


@test(timeout=90)
def ssh():
    """contrib's lines with the real sshd: with a terminal and without"""
    s = configured(user=NOBODY if os.getuid() == 0 else None)
    i = Sshd(s)
    ann = i.client("-tt", terminal=True)
    ann.until(NAME_PROMPT)
    ann.send("ann\r")
    ann.until(b"#lobby")
    bob = i.client("-T")
    bob.until(NAME_PROMPT)
    bob.send("bob\nhello\n")
    ann.until(b"<bob> hello")
    ann.send("hello yourself\r")
    bob.until(b"<ann> hello yourself")
    bob.send("/quit\n")
    contains(bob.to_end(), b"Bye.")
    eq(bob.wait_end(), 0)
    ann.send(b"\x04")
    eq(ann.wait_end(), 0)
    got = s.logged("client-open", 2)
    eq({r["address"] for r in got}, {"127.0.0.1"}, "ssh's own address")
    ok(all(r["port"] != "0" for r in got), "ports of ssh's connections")
    # A program: everything is answered before the end of its input is heeded.
    bot = i.client("-T")
    bot.send('{"cmd":"login","name":"bot"}\n'
             '{"cmd":"subscribe","room":"lobby"}\n' +
             '{"cmd":"say","room":"lobby","text":"%s"}\n' % ("x" * 200) * 100)
    bot.end_input()
    got = bot.to_end(timeout=30)
    eq(got.count(b'"reply":"say","ok":true'), 100)
    lacks(got, b"partylined")


@test(timeout=90)
def ssh_as_it_stands():
    """contrib's lines alone, with the real sshd and an empty home"""
    s = AsItStands(user=NOBODY if os.getuid() == 0 else None)
    i = Sshd(s)
    ann = i.client("-tt", terminal=True)
    ann.until(NAME_PROMPT)
    ann.send("ann\r")
    ann.until(b"#lobby")
    bob = i.client("-T")
    bob.until(NAME_PROMPT)
    bob.send("bob\nhello\n")
    ann.until(b"<bob> hello")
    eq(s.status_of()["state_dir"], s.state_dir)
    ann.send(b"\x04")
    eq(ann.wait_end(), 0)


@test()
def ssh_no_other_command():
    """whatever else ssh is asked for, there is the party line only"""
    s = configured(user=NOBODY if os.getuid() == 0 else None)
    i = Sshd(s)
    c = i.client("-T", "-l", "partyline")
    c.send("x/../y\n")
    c.until(NAME_PROMPT)
    c.send("/quit\n")
    c.to_end()


if __name__ == "__main__":
    adopt_orphans()
    main()
