"""`ssl` for the sandbox, whose Python has none: TLS is the host's.

The host makes every connection and checks its certificate against the public
authorities; nothing said here about certificates changes that. The names are
those that HTTP clients ask for when they are imported.
"""

from __future__ import annotations

import enum
import sys
from types import ModuleType
from typing import Any

from weft.guest.archive import after_import
from weft.guest.sockets import HttpSocket, TlsSocket


class SSLError(OSError):
    """Never raised here: the host's errors are `ConnectionError`."""


class SSLContext:
    """Takes every setting, and notes of a socket that TLS was asked for."""

    def __init__(self, protocol: Any = None):
        self.protocol = protocol
        self.verify_mode: Any = VerifyMode.CERT_REQUIRED
        self.check_hostname = True
        self.options = 0
        self.verify_flags = 0
        self.minimum_version: Any = TLSVersion.TLSv1_2
        self.maximum_version: Any = TLSVersion.MAXIMUM_SUPPORTED
        self.post_handshake_auth = False
        self.keylog_filename = None
        self.hostname_checks_common_name = False

    def wrap_socket(self, sock: HttpSocket, *_args: Any, **_keywords: Any) -> TlsSocket:
        return TlsSocket.over(sock)

    def wrap_bio(self, *_args: Any, **_keywords: Any) -> Any:
        raise SSLError("TLS within TLS, as through a proxy, is not for a task: connections are the host's")

    def load_cert_chain(self, *_args: Any, **_keywords: Any) -> None:
        raise SSLError("a task can't present a certificate of its own: connections are the host's")

    def _nothing(self, *_args: Any, **_keywords: Any) -> None:
        """Certificates and ciphers are the host's."""

    load_verify_locations = load_default_certs = set_default_verify_paths = _nothing
    set_ciphers = set_alpn_protocols = set_ecdh_curve = _nothing

    def get_ca_certs(self, *_args: Any) -> list[Any]:
        return []

    def cert_store_stats(self) -> dict[str, int]:
        return {"x509": 0, "crl": 0, "x509_ca": 0}


class VerifyMode(enum.IntEnum):
    CERT_NONE = 0
    CERT_OPTIONAL = 1
    CERT_REQUIRED = 2


class TLSVersion(enum.IntEnum):
    MINIMUM_SUPPORTED = -2
    SSLv3 = 768
    TLSv1 = 769
    TLSv1_1 = 770
    TLSv1_2 = 771
    TLSv1_3 = 772
    MAXIMUM_SUPPORTED = -1


class Purpose(enum.Enum):
    SERVER_AUTH = "1.3.6.1.5.5.7.3.1"
    CLIENT_AUTH = "1.3.6.1.5.5.7.3.2"


def create_default_context(*_args: Any, **_keywords: Any) -> SSLContext:
    return SSLContext()


def install() -> None:
    """Makes it the module `ssl`, before anything asks for that."""
    module = ModuleType("ssl", __doc__)
    members: dict[str, Any] = {
        "AlertDescription": enum.IntEnum("AlertDescription", {}),
        "CertificateError": SSLError,
        "HAS_ALPN": True,
        "HAS_NEVER_CHECK_COMMON_NAME": True,
        "HAS_NPN": False,
        "HAS_SNI": True,
        "HAS_TLSv1_3": True,
        "OPENSSL_VERSION": "OpenSSL 3.0.0 (of Weft's host)",
        "OPENSSL_VERSION_INFO": (3, 0, 0, 0, 0),
        "OPENSSL_VERSION_NUMBER": 0x30000000,
        "Purpose": Purpose,
        "SSLCertVerificationError": SSLError,
        "SSLContext": SSLContext,
        "SSLEOFError": SSLError,
        "SSLError": SSLError,
        "MemoryBIO": object,
        "SSLObject": TlsSocket,
        "SSLSocket": TlsSocket,
        "SSLSyscallError": SSLError,
        "SSLWantReadError": SSLError,
        "SSLWantWriteError": SSLError,
        "SSLZeroReturnError": SSLError,
        "TLSVersion": TLSVersion,
        "VerifyMode": VerifyMode,
        "_create_default_https_context": create_default_context,
        "_create_unverified_context": create_default_context,
        "create_default_context": create_default_context,
    }
    for mode in VerifyMode:
        members[mode.name] = mode
    for number, name in enumerate(("TLS", "TLS_CLIENT", "TLS_SERVER", "SSLv23", "TLSv1", "TLSv1_1", "TLSv1_2")):
        members[f"PROTOCOL_{name}"] = number
    for name in (
        "ALL",
        "NO_COMPRESSION",
        "NO_TICKET",
        "NO_SSLv2",
        "NO_SSLv3",
        "NO_TLSv1",
        "NO_TLSv1_1",
        "NO_TLSv1_2",
        "NO_TLSv1_3",
        "NO_RENEGOTIATION",
        "ENABLE_MIDDLEBOX_COMPAT",
    ):
        members[f"OP_{name}"] = 0
    for name in ("DEFAULT", "X509_STRICT", "X509_PARTIAL_CHAIN", "X509_TRUSTED_FIRST"):
        members[f"VERIFY_{name}"] = 0
    module.__dict__.update(members)
    sys.modules["ssl"] = module
    _install_certifi()
    after_import("requests.adapters", _without_file_of_certificates)


def _install_certifi() -> None:
    """Clients ask this package for a file of certificates, which nothing here reads."""
    module = ModuleType("certifi", "Certificates are the host's.")
    module.__dict__.update(where=lambda: "/certificates-of-the-host", contents=lambda: "", __version__="0")
    sys.modules["certifi"] = module


def _without_file_of_certificates(adapters: ModuleType) -> None:
    """`requests` looks for a file of certificates, which are the host's business."""
    adapters.HTTPAdapter.cert_verify = lambda *_args, **_keywords: None
