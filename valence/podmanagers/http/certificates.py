# SPDX-License-Identifier: Apache-2.0

"""The certificates of one pod manager: the authorities that are trusted, and the client's own."""

import secrets
import ssl
import tempfile

from cryptography import exceptions
from cryptography import x509
from cryptography.hazmat.primitives import serialization

PEM = serialization.Encoding.PEM


def normal(pem: str) -> str:
    """Return the certificates of a PEM text, without anything else that it has.

    :raises ValueError: it has none, or one that cannot be read.
    """
    try:
        certificates = x509.load_pem_x509_certificates(pem.encode())
    except ValueError as exc:
        raise ValueError("this has no certificate in PEM that can be read") from exc
    return "".join(certificate.public_bytes(PEM).decode() for certificate in certificates)


def normal_key(pem: str) -> str:
    """Return the private key of a PEM text, in PKCS #8, without anything else that it has.

    :raises ValueError: it has none, or one that needs a passphrase.
    """
    try:
        key = serialization.load_pem_private_key(pem.encode(), password=None)
    except TypeError as exc:
        raise ValueError("this private key needs a passphrase: remove it from the key") from exc
    except (ValueError, exceptions.UnsupportedAlgorithm) as exc:
        raise ValueError("this has no private key in PEM that can be read") from exc
    none = serialization.NoEncryption()
    return key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, none).decode()


def is_pair(certificate: str, key: str) -> bool:
    """Return whether a private key is the one of a certificate, the first of its text.

    :param certificate: as :func:`normal` returns it.
    :param key: as :func:`normal_key` returns it.
    """
    public = x509.load_pem_x509_certificates(certificate.encode())[0].public_key()
    private = serialization.load_pem_private_key(key.encode(), password=None)
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    one, other = (each.public_bytes(PEM, form) for each in (public, private.public_key()))
    return one == other


def load(context: ssl.SSLContext, certificate: str, key: str) -> None:
    """Make a context present a client certificate.

    OpenSSL reads both from a file only: the key is encrypted in it, with a passphrase that
    exists in memory alone.

    :param certificate: as :func:`normal` returns it.
    :param key: as :func:`normal_key` returns it.
    """
    passphrase = secrets.token_hex(32)
    encryption = serialization.BestAvailableEncryption(passphrase.encode())
    private = serialization.load_pem_private_key(key.encode(), password=None)
    with tempfile.NamedTemporaryFile() as file:
        file.write(private.private_bytes(PEM, serialization.PrivateFormat.PKCS8, encryption))
        file.write(certificate.encode())
        file.flush()
        context.load_cert_chain(file.name, password=passphrase)
