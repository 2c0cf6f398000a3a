"""A certificate authority that lasts as long as a test, and a certificate of its for 127.0.0.1."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Certificates:
    """Where the files lie."""

    ca: Path  # what a client has to trust
    certificate: Path
    key: Path
    both: Path  # certificate and key in one file


def made(folder: Path, host: str = "127.0.0.1") -> Certificates:
    """Make a certificate authority, and a certificate for an IP address."""

    def openssl(*argv: str) -> None:
        subprocess.run(["openssl", *argv], check=True, capture_output=True, timeout=60, cwd=folder)

    new_key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    openssl(
        "req",
        "-x509",
        *new_key,
        "-keyout",
        "ca-key.pem",
        "-out",
        "ca.pem",
        "-days",
        "2",
        "-subj",
        "/CN=Test CA",
    )
    openssl("req", *new_key, "-keyout", "key.pem", "-out", "request.pem", "-subj", f"/CN={host}")
    (folder / "extensions").write_text(f"subjectAltName=IP:{host}\n")
    openssl("x509", "-req", "-in", "request.pem", "-CA", "ca.pem", "-CAkey", "ca-key.pem", "-CAcreateserial",
            "-days", "2", "-extfile", "extensions", "-out", "cert.pem")  # fmt: skip
    both = folder / "both.pem"
    both.write_text((folder / "cert.pem").read_text() + (folder / "key.pem").read_text())
    return Certificates(folder / "ca.pem", folder / "cert.pem", folder / "key.pem", both)
