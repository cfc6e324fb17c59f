# SPDX-License-Identifier: Apache-2.0

"""The certificates of authorities that are trusted for one pod manager."""

from cryptography import x509
from cryptography.hazmat.primitives import serialization


def normal(pem: str) -> str:
    """Keep the certificates of a text in PEM, and nothing else of it.

    :raises ValueError: there is none, or one that cannot be read.
    """
    try:
        found = x509.load_pem_x509_certificates(pem.encode())
    except ValueError as exc:
        raise ValueError("this holds no certificate in PEM that can be read") from exc
    written = [one.public_bytes(serialization.Encoding.PEM).decode() for one in found]
    return "".join(written)
