# SPDX-License-Identifier: Apache-2.0

"""The certificates of authorities that are trusted for one pod manager."""

from cryptography import x509
from cryptography.hazmat.primitives import serialization


def normal(pem: str) -> str:
    """Return the certificates of a PEM text, without anything else that it has.

    :raises ValueError: it has none, or one that cannot be read.
    """
    try:
        certificates = x509.load_pem_x509_certificates(pem.encode())
    except ValueError as exc:
        raise ValueError("this has no certificate in PEM that can be read") from exc
    encoding = serialization.Encoding.PEM
    return "".join(certificate.public_bytes(encoding).decode() for certificate in certificates)
