"""TLS for the tests: certificates of a day, and what clients know of them."""

import os
import ssl
import subprocess

from client import connect
from daemon import run_binary
from harness import TOP, Skip, keep, need, tempdir

V12, V13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3


def openssl(*words):
    """The program, which must not fail."""
    need("openssl")
    subprocess.run(["openssl", *words], check=True, capture_output=True)


def need_tls():
    """Skips the test where TLS was left out of the build."""
    if "left out" in run_binary("-n", "-t", "-o", "tls_cert=/none")[2]:
        raise Skip("TLS is not built in")


def selfsigned(directory=None):
    """(certificate, key), by the script that people are given."""
    need("openssl")
    need_tls()
    directory = directory or tempdir()
    subprocess.run([os.path.join(TOP, "contrib", "tls-selfsigned"), directory,
                    "localhost", "127.0.0.1"], check=True,
                   capture_output=True)
    return directory + "/cert.pem", directory + "/key.pem"


class Authority:
    """One that signs clients' certificates."""

    def __init__(self, name="Village CA"):
        need_tls()
        self.dir = tempdir()
        self.cert, self.key = self.dir + "/ca.pem", self.dir + "/ca.key"
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt",
                 "ec_paramgen_curve:P-256", "-nodes", "-days", "1", "-subj",
                 "/CN=" + name, "-keyout", self.key, "-out", self.cert)

    def sign(self, subject, days=1):
        """(certificate, key) of one."""
        base = os.path.join(self.dir, subject.strip("/").replace("/", "-"))
        openssl("req", "-newkey", "ec", "-pkeyopt",
                 "ec_paramgen_curve:P-256", "-nodes", "-subj", subject,
                 "-keyout", base + ".key", "-out", base + ".csr")
        openssl("x509", "-req", "-in", base + ".csr", "-CA", self.cert,
                 "-CAkey", self.key, "-CAcreateserial", "-days", str(days),
                 "-out", base + ".pem")
        return base + ".pem", base + ".key"


def context(cafile, low=V12, high=V13, cert=None, alpn=None):
    """A client's, which trusts this certificate alone."""
    ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    ctx.load_verify_locations(cafile)
    ctx.minimum_version, ctx.maximum_version = low, high
    if cert is not None:
        ctx.load_cert_chain(*cert)
    if alpn is not None:
        ctx.set_alpn_protocols(alpn)
    return ctx


class Hands:
    """A client that shakes hands by hand: what goes over the wire is seen,
    may be cut, held back or replaced."""

    def __init__(self, where, ctx):
        self.sock = connect(where)
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = ctx.wrap_bio(self.incoming, self.outgoing,
                                server_hostname="localhost")
        keep(self)

    def hello(self):
        """The first flight's bytes, not sent yet."""
        try:
            self.tls.do_handshake()
        except ssl.SSLWantReadError:
            pass
        return self.outgoing.read()

    def flush(self):
        self.sock.sendall(self.outgoing.read())

    def fill(self):
        data = self.sock.recv(1 << 16)
        if data:
            self.incoming.write(data)
        else:
            self.incoming.write_eof()
        return bool(data)

    def call(self, function, *arguments):
        """Calls it until it wants no more; sends and reads meanwhile."""
        while True:
            try:
                result = function(*arguments)
                self.flush()
                return result
            except ssl.SSLWantReadError:
                self.flush()
                self.fill()

    def cleanup(self):
        self.sock.close()
