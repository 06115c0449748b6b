#!/usr/bin/env python3
"""TLS: the files of the certificate and its key, at the start and reloaded."""

import re
import shutil
import signal

from client import Json, connect
from control import ctl, ctl_json, run_ctl, socket_of
from daemon import Daemon, run_binary
from harness import contains, eq, lacks, main, ok, tempdir, test
from tls import Authority, context, openssl, selfsigned


def _expect(d, start_at, event):
    d.send_signal(signal.SIGHUP)
    return d.log.wait(event, start=start_at)


def _serial(where, tls):
    sock = tls.wrap_socket(connect(where), server_hostname="localhost")
    with sock:
        return sock.getpeercert()["serialNumber"]


@test()
def reload_tells_of_certificate():
    """the answer says that the certificate has changed, when it has"""
    cert, key = selfsigned(tempdir())
    d = Daemon(tls_cert=cert, tls_key=key)
    said = "tls_cert: the certificate has changed\n"
    eq(ctl(d, "reload"), "nothing has changed\n")
    for mine, its in zip((cert, key), selfsigned()):
        shutil.copyfile(its, mine)
    eq(ctl_json(d, "reload")["certificate_changed"], True)
    d.log.wait("certificate-changed")
    eq(ctl_json(d, "reload")["certificate_changed"], False)
    for mine, its in zip((cert, key), selfsigned()):
        shutil.copyfile(its, mine)
    eq(ctl(d, "reload"), said)
    # Another chain is shown to clients too, behind the same certificate.
    with open(selfsigned()[0], encoding="ascii") as f:
        other = f.read()
    with open(cert, "a", encoding="ascii") as f:
        f.write(other)
    eq(ctl(d, "reload"), said)
    eq(ctl(d, "reload"), "nothing has changed\n")
    with open(key, "w", encoding="ascii") as f:
        f.write("no key\n")
    eq(run_ctl("-s", socket_of(d), "reload")[0], 1)


@test()
def reload():
    """SIGHUP takes a new certificate in; where it is bad the old one stays"""
    directory = tempdir()
    cert, key = selfsigned(directory)
    kept = context(cert)
    d = Daemon(store="memory", tls_cert=cert, tls_key=key)
    old = Json(d, "old", tls=kept)
    old.ok("ping")
    session = old.sock.session
    before = _serial(d, kept)

    new, new_key = selfsigned()
    shutil.copyfile(new, cert)          # the key is still the old one's
    error = _expect(d, len(d.log.lines), "reload-failed")["error"]
    contains(error, key + " holds the key of another certificate",
             "the reload's error")
    eq(_serial(d, kept), before, "the certificate")
    with open(key, "w", encoding="ascii") as f:
        f.write("no key\n")
    contains(_expect(d, len(d.log.lines), "reload-failed")["error"], key,
             "the reload's error")
    eq(_serial(d, kept), before, "the certificate")

    shutil.copyfile(new_key, key)
    _expect(d, len(d.log.lines), "reloaded")
    kept.load_verify_locations(new)
    ok(_serial(d, kept) != before, "the new certificate is in force")
    old.ok("ping")
    at = len(d.log.lines)
    kept.wrap_socket(connect(d), server_hostname="localhost",
                     session=session).close()
    d.log.wait("client-tls", start=at, resumed="yes")   # by a ticket of before


def _refused(wanted, **options):
    """It does not start, and says this."""
    options.setdefault("listen", "auto 127.0.0.1:0")
    words = ["-n", "-o", "store=memory"]
    for name, value in options.items():
        words += ["-o", "%s=%s" % (name, value)]
    status, _, err = run_binary(*words)
    eq(status, 1, "status with %s" % options)
    contains(err, wanted, "the error")
    lacks(err, "PASS", "no password is asked for")


def _bad_files(directory, cert, key):
    """By name: files that hold something else than they should."""
    files = {name: "%s/%s" % (directory, name) for name in
             ("empty", "text", "cert-der", "key-der", "locked", "cut", "rsa")}
    for name, text in ("empty", ""), ("text", "see the other file\n"):
        with open(files[name], "w", encoding="ascii") as f:
            f.write(text)
    openssl("x509", "-in", cert, "-outform", "DER", "-out",
            files["cert-der"])
    openssl("pkey", "-in", key, "-outform", "DER", "-out", files["key-der"])
    openssl("pkey", "-in", key, "-aes128", "-passout", "pass:secret", "-out",
            files["locked"])
    openssl("genpkey", "-algorithm", "RSA", "-out", files["rsa"])
    with open(key, "rb") as f, open(files["cut"], "wb") as out:
        out.write(f.read(80))
    return files


@test()
def bad_files():
    """a file that holds no certificate, or no key, or another one"""
    cert, key = selfsigned()
    bad = _bad_files(tempdir(), cert, key)
    another = "%s holds the key of another certificate; that of the first " \
        "one in " + cert
    for path, wanted in (
            (bad["empty"], "%s is empty; a private key in PEM"),
            (bad["text"], "%s holds no private key in PEM"),
            (cert, "%s holds no private key in PEM"),
            (bad["key-der"], "%s holds a private key in DER; one in PEM"),
            (bad["locked"], "%s holds a private key with a password"),
            (bad["cut"], "%s holds a private key that cannot be used: "),
            (selfsigned()[1], another), (bad["rsa"], another)):
        _refused("tls_key: " + wanted % path, tls_cert=cert, tls_key=path)
    for path, wanted in (
            (bad["empty"], "%s is empty; a certificate in PEM"),
            (bad["text"], "%s holds no certificate in PEM"),
            (key, "%s holds no certificate in PEM"),
            (bad["cert-der"], "%s holds a certificate in DER; one in PEM")):
        _refused("tls_cert: " + wanted % path, tls_cert=path, tls_key=key)
        _refused("tls_client_ca: " + wanted % path, tls_cert=cert,
                 tls_key=key, tls_client_ca=path)
    _refused("tls_key: %s holds no private key in PEM" % cert, tls_cert=cert)


@test()
def bad_certificates():
    """what is wrong with a certificate is said at the start"""
    cert, key = selfsigned()
    directory = tempdir()
    _refused("tls_cert: %s/none.pem: No such file or directory" % directory,
             tls_cert=directory + "/none.pem")
    _refused("tls_key: %s/none.pem: No such file or directory" % directory,
             tls_cert=cert, tls_key=directory + "/none.pem")
    _refused("tls_cert: %s: Is a directory" % directory, tls_cert=directory)
    _refused("without a certificate", tls_key=key)
    _refused("without a certificate", listen="tls 127.0.0.1:0")
    both = directory + "/both.pem"
    with open(both, "wb") as out:
        for path in (cert, key):
            with open(path, "rb") as f:
                shutil.copyfileobj(f, out)
    d = Daemon(store="memory", tls_cert=both)
    Json(d, "one-file", tls=context(cert)).ok("ping")


@test()
def expired():
    """an expired certificate is warned of"""
    ca = Authority()
    cert, key = ca.sign("/CN=localhost", days=-1)
    d = Daemon(store="memory", tls_cert=cert, tls_key=key)
    ok(re.match(r"\d{4}-\d\d-\d\dT", d.log.wait("certificate-expired")
                ["until"]), "until when it was good")


if __name__ == "__main__":
    main()
