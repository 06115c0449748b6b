#!/usr/bin/env python3
"""What the daemon gives up: root, capabilities, files, system calls."""

import grp
import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess

from client import Json, Person
from control import ctl_json, run_ctl
from daemon import BINARY, Daemon, run_binary
from harness import (Skip, contains, eq, lacks, main, need, need_root, ok,
                     tempdir, test, until)

USER = "nobody"
NONE = "0000000000000000"


def open_dir():
    """A directory that everybody may come through."""
    path = tempdir()
    os.chmod(path, 0o755)
    return path


def low_port():
    """A free port that only root may bind."""
    for port in range(1023, 500, -1):
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise Skip("no port below 1024 is free")


def status_of(pid):
    """/proc/PID/task/*/status of every thread, as dicts."""
    threads = []
    for tid in os.listdir("/proc/%d/task" % pid):
        with open("/proc/%d/task/%s/status" % (pid, tid)) as f:
            threads.append(dict(line.rstrip("\n").split(":", 1) for line in f))
    return [{k: v.strip() for k, v in t.items()} for t in threads]


def field(pid, name):
    """What all threads have there: one value, or several."""
    return " | ".join(sorted({" ".join(t[name].split())
                              for t in status_of(pid)}))


def said(d):
    return d.log.wait("privileges")


def talk(d, name="ann"):
    client = Json(d, name)
    client.join()
    number = client.say("hello")["seq"]
    client.message()
    client.close()
    return number


@test()
def root_is_given_up():
    """user: no thread has root, its groups, a capability, or a way back"""
    need_root()
    port = low_port()
    d = Daemon(listen="auto 127.0.0.1:%d" % port, user=USER, store="sqlite",
               state_dir=open_dir() + "/state")
    who = pwd.getpwnam(USER)
    talk(d)
    ok(len(status_of(d.pid)) >= 5, "there are threads")
    eq(field(d.pid, "Uid"), " ".join([str(who.pw_uid)] * 4))
    eq(field(d.pid, "Gid"), " ".join([str(who.pw_gid)] * 4))
    groups = sorted(os.getgrouplist(USER, who.pw_gid))
    eq(field(d.pid, "Groups"), " ".join(map(str, groups)))
    eq(field(d.pid, "NoNewPrivs"), "1")
    for name in ("CapPrm", "CapEff", "CapInh", "CapAmb"):
        eq(field(d.pid, name), NONE, name)
    record = said(d)
    eq((record["uid"], record["gid"], record["new_privileges"]),
       (str(who.pw_uid), str(who.pw_gid), "no"))
    eq(record["capabilities"], "none")
    if field(d.pid, "CapBnd") != NONE:
        contains(said(Daemon())["capabilities"], "without libcap-ng")
    if record["seccomp"].startswith("yes"):
        eq(field(d.pid, "Seccomp"), "2")
    for name in os.listdir(d.state_dir) + ["."]:
        st = os.stat(d.state_dir + "/" + name)
        eq((st.st_uid, st.st_gid), (who.pw_uid, who.pw_gid), name)


@test()
def defaults_of_root():
    """where user is set the defaults are root's, before and after"""
    need_root()
    need("setpriv")
    wanted = {'state_dir = "/var/lib/partyline"',
              'pid_file = "/run/partyline/partylined.pid"',
              'control = "/var/lib/partyline/control"'}
    binary = open_dir() + "/partylined"
    shutil.copy(BINARY, binary)
    for who in ([], ["setpriv", "--reuid=65534", "--clear-groups"]):
        out = subprocess.run(
            who + [binary, "-n", "-t", "-o", "user=" + USER],
            env=dict(os.environ, XDG_STATE_HOME="/nowhere"),
            stdout=subprocess.PIPE, check=True).stdout.decode()
        eq(wanted - set(out.splitlines()), set())


@test()
def root_that_stays():
    """without user root keeps nothing but access to files"""
    need_root()
    d = Daemon()
    record = said(d)
    eq(record["uid"], "0")
    eq(field(d.pid, "NoNewPrivs"), "1")
    if record["capabilities"] == "dac_override":
        for name in ("CapPrm", "CapEff", "CapBnd"):
            eq(field(d.pid, name), "0000000000000002", name)
    talk(d)


@test()
def group_and_numbers():
    """group replaces the user's own; numbers do for both"""
    need_root()
    gid = grp.getgrnam("daemon").gr_gid
    d = Daemon(user=USER, group="daemon")
    eq(field(d.pid, "Gid"), " ".join([str(gid)] * 4))
    contains(field(d.pid, "Groups").split(), str(gid))
    d.stop()
    d = Daemon(user="4711", group="4712")
    eq(field(d.pid, "Uid"), "4711 4711 4711 4711")
    eq(field(d.pid, "Gid"), "4712 4712 4712 4712")
    eq(field(d.pid, "Groups"), "4712")
    talk(d)


@test()
def unknown_names():
    """a user or group that is not there is told by -t and at the start"""
    for option in ("user=no-such-user", "user=4294967295"):
        for more in ((), ("-t",)):
            status, _, err = run_binary("-n", "-o", "store=memory", "-o",
                                        "listen=auto 127.0.0.1:0", "-o",
                                        option, *more)
            eq(status, 1, err)
            contains(err, "user: there is no user")
    status, _, err = run_binary("-n", "-o", "user=nobody", "-o",
                                "group=no-such-group", "-t")
    eq(status, 1, err)
    contains(err, "group: there is no group")
    status, _, err = run_binary("-n", "-o", "group=daemon", "-t")
    eq(status, 1, err)
    contains(err, "without user")


class Unprivileged(Daemon):
    """Started by somebody who has never been root."""

    def command(self):
        binary = self.state_dir + "/../partylined"
        if not os.path.exists(binary):
            shutil.copy(BINARY, binary)
        return ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                binary] + super().command()[1:]


@test()
def never_root():
    """who is not root is served all the same, and sandboxed"""
    need_root()
    need("setpriv")
    home = open_dir()
    os.mkdir(home + "/state")
    os.chown(home + "/state", 65534, 65534)
    d = Unprivileged(store="sqlite", state_dir=home + "/state", user="65534")
    talk(d)
    eq(field(d.pid, "NoNewPrivs"), "1")
    if said(d)["seccomp"].startswith("yes"):
        eq(field(d.pid, "Seccomp"), "2")
    d.stop()
    d.options["user"] = "daemon"
    d.start(wait=False)
    eq(d.wait_end(), 1)
    d.ended()
    contains("\n".join(d.past), "only root can become daemon")


def _log(path):
    with open(path) as f:
        return f.read()


def _reopens_at_forbidden_place(**options):
    """The log's directory becomes a link to a place that was never named."""
    home = open_dir()
    for name in ("log", "elsewhere"):
        os.mkdir(home + "/" + name)
        os.chmod(home + "/" + name, 0o777)
    d = Daemon(log_to=home + "/log/file", wait=False,
               listen="auto %s/sock" % home, **options)
    path = home + "/log/file"
    until(lambda: os.path.exists(path) and " ready " in _log(path), 20,
          "the log file")
    os.rename(home + "/log", home + "/old")
    os.symlink("elsewhere", home + "/log")
    path = home + "/old/file"
    d.send_signal(signal.SIGHUP)
    moved = home + "/elsewhere/file"
    until(lambda: "log-reopen-failed" in _log(path) or
          (os.path.exists(moved) and " reopened" in _log(moved)),
          20, "the log to be opened again")
    Json(home + "/sock", "ann").close()
    return _log(path), os.path.exists(moved)


@test()
def files_outside():
    """with the sandbox no file is made but where it was said"""
    options = {"user": USER} if os.geteuid() == 0 else {}
    log, there = _reopens_at_forbidden_place(**options)
    if 'landlock="yes' not in log:
        raise Skip("no Landlock: " + log.split("landlock=")[1][:60])
    contains(log, "log-reopen-failed")
    ok(not there, "the file was made")


@test()
def without_sandbox():
    """sandbox = no: the same file can be made"""
    options = {"user": USER} if os.geteuid() == 0 else {}
    log, there = _reopens_at_forbidden_place(sandbox="no", **options)
    lacks(log, "log-reopen-failed")
    contains(log, 'seccomp="no: sandbox = no" landlock="no: sandbox = no"')
    ok(there, "the file was not made")


@test()
def log_rotation():
    """a log file in root's directory is the user's, and opened again"""
    need_root()
    home = open_dir()
    path = home + "/log"
    d = Daemon(log_to=path, wait=False, user=USER,
               listen="auto %s/sock" % home)
    until(lambda: os.path.exists(path) and " ready " in _log(path), 20,
          "the log")
    eq(os.stat(path).st_uid, pwd.getpwnam(USER).pw_uid)
    os.rename(path, path + ".1")
    # As logrotate does with "create".
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o640))
    os.chown(path, pwd.getpwnam(USER).pw_uid, -1)
    d.send_signal(signal.SIGHUP)
    until(lambda: " reopened" in _log(path), 20, "the log")


@test()
def made_over():
    """what a run as root left is made over; another's directory is not"""
    need_root()
    who = pwd.getpwnam(USER)
    state = open_dir() + "/state"
    d = Daemon(store="sqlite", state_dir=state)
    first = talk(d)
    d.stop()
    eq(os.stat(state).st_uid, 0)
    d.options["user"] = USER
    d.start()
    ok(talk(d) > first, "seq goes on")
    eq(os.stat(state).st_uid, who.pw_uid)
    eq(os.stat(state + "/partyline.db").st_uid, who.pw_uid)
    d.stop()

    other = open_dir()
    d = Daemon(store="sqlite", state_dir=other, user=USER, wait=False)
    eq(d.wait_end(), 1)
    d.ended()
    contains("\n".join(d.past), "state_dir")
    eq(os.stat(other).st_uid, 0)


@test()
def socket_is_theirs():
    """a unix socket belongs to the user"""
    need_root()
    home = open_dir()
    d = Daemon(listen="auto %s/sock" % home, user=USER)
    st = os.stat(home + "/sock")
    ok(stat.S_ISSOCK(st.st_mode), "a socket")
    eq(st.st_uid, pwd.getpwnam(USER).pw_uid)
    talk(d)


@test()
def background():
    """-d with a user: the pid file is theirs, and gone at the end"""
    need_root()
    home = open_dir()
    pid_file = home + "/run/pid"
    status, _, err = run_binary(
        "-n", "-d", "-o", "listen=auto %s/sock" % home, "-o", "store=memory",
        "-o", "state_dir=%s/state" % home, "-o", "pid_file=" + pid_file,
        "-o", "user=" + USER, "-o", "log_to=%s/log" % home)
    eq(status, 0, err)
    with open(pid_file) as f:
        pid = int(f.read())
    eq(os.stat(pid_file).st_uid, pwd.getpwnam(USER).pw_uid)
    os.kill(pid, signal.SIGTERM)
    until(lambda: " stopped" in _log(home + "/log"), 20, "the end")
    until(lambda: not os.path.exists(pid_file), 20, "the pid file to go")


class Configured(Daemon):
    """With a file."""

    def __init__(self, path, **options):
        self.path = path
        super().__init__(**options)

    def command(self):
        words = super().command()
        words[words.index("-n"):words.index("-n") + 1] = ["-f", self.path]
        return words


@test()
def reload_without_root():
    """a reload reads the file without root, and finds the same defaults"""
    need_root()
    home = open_dir()
    path = home + "/conf"
    with open(path, "w") as f:
        f.write("motd = one\n")
    d = Configured(path, user=USER, store="sqlite",
                   state_dir=home + "/state")
    with open(path + ".new", "w") as f:
        f.write("motd = two\n")
    os.rename(path + ".new", path)
    answer = ctl_json(d, "reload")
    eq([c["option"] for c in answer["changed"]], ["motd"])
    eq(answer["restart"], [])


@test()
def control_elsewhere():
    """a control socket in a directory of its own, made or there"""
    need_root()
    home = open_dir()
    for name in ("new", "new", "there"):
        if name == "there":
            os.mkdir(home + "/there")
            os.chown(home + "/there", pwd.getpwnam(USER).pw_uid, -1)
        path = "%s/%s/control" % (home, name)
        d = Daemon(user=USER, control=path)
        until(lambda: os.path.exists(path), 10, "the socket")
        eq(os.stat(path).st_uid, pwd.getpwnam(USER).pw_uid)
        status, _, err = run_ctl("-s", path, "status")
        eq((status, err), (0, ""))
        d.stop()
        ok(not os.path.exists(path), "the socket is gone")


@test()
def control_of_anybody():
    """without root, too: its new directory comes and goes"""
    home = open_dir()
    path = home + "/new/control"
    d = Daemon(control=path)
    status, _, err = run_ctl("-s", path, "status")
    eq((status, err), (0, ""))
    d.stop()
    ok(not os.path.exists(home + "/new"), "its directory is gone")


@test()
def new_root():
    """chroot: nothing outside is there, and people are served"""
    need_root()
    home = open_dir()
    # A search for leaks needs a /proc in there.
    asan = os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"
    d = Daemon(chroot=home, state_dir="/state", store="sqlite", user=USER,
               environment={"ASAN_OPTIONS": asan.lstrip(":")})
    eq(os.readlink("/proc/%d/root" % d.pid), home)
    eq(os.readlink("/proc/%d/cwd" % d.pid), home)
    talk(d)
    person = Person(d, "bob")
    person.say("hello")
    person.see(rb"<bob> hello")
    person.close()
    ok(os.path.exists(home + "/state/partyline.db"), "the database is there")
    d.restart()
    talk(d)


@test()
def new_root_is_refused():
    """chroot that cannot be is told"""
    need_root()
    need("setpriv")
    home = open_dir()
    d = Daemon(chroot=home + "/nowhere", wait=False)
    eq(d.wait_end(), 1)
    d.ended()
    contains("\n".join(d.past), "chroot: %s/nowhere: No such file" % home)
    os.mkdir(home + "/state")
    d = Unprivileged(state_dir=home + "/state", chroot="/", wait=False)
    eq(d.wait_end(), 1)
    d.ended()
    contains("\n".join(d.past), "start it as root")


@test()
def an_earlier_sandbox():
    """a program that an upgrade has started leaves the sandbox as it is"""
    d = Daemon(environment={"PARTYLINED_SANDBOXED": "1"})
    record = said(d)
    eq((record["seccomp"], record["landlock"]), ("inherited", "inherited"))
    eq(field(d.pid, "Seccomp"), "0")
    talk(d)


if __name__ == "__main__":
    main()
