# SPDX-License-Identifier: Apache-2.0

"""Rotation of the key that encrypts credentials, while all processes run.

A key is in the file before anything is encrypted with it, and is removed only when
nothing is encrypted with it any more. Everything can be decrypted between two steps, so
that an interrupted rotation is simply started again.
"""

import pathlib

from cryptography import fernet
from oslo_log import log as logging

from valence.credentials import keyring
from valence.objects import podmanager as podmanager_objects
from valence_conductor.db.engine import Database

LOG = logging.getLogger(__name__)


class Unreadable(Exception):
    """None of the keys decrypts a password."""


def add(db: Database, path: str) -> str:
    """Append a new key to the file: it decrypts, and encrypts nothing yet."""
    with keyring.locked(pathlib.Path(path), alone=True):
        return _add(db, path)


def use(db: Database, path: str) -> str:
    """Move the last key of the file to the front, and encrypt everything with it.

    :raises Unreadable: none of the keys decrypts a password.
    """
    with keyring.locked(pathlib.Path(path), alone=True):
        return _use(db, path)


def drop(db: Database, path: str) -> str:
    """Remove all keys but the first from the file, once nothing needs them.

    :raises Unreadable: none of the keys decrypts a password.
    """
    with keyring.locked(pathlib.Path(path), alone=True):
        return _drop(db, path)


def rotate(db: Database, path: str) -> str:
    """Change the key: all the steps, for processes that share one file.

    :raises Unreadable: none of the keys decrypts a password; nothing has changed.
    """
    with keyring.locked(pathlib.Path(path), alone=True):
        _check_readable(db, keyring.Keyring(path))
        return "\n".join(step(db, path) for step in (_add, _use, _drop))


def _add(_db: Database, path: str) -> str:
    file = pathlib.Path(path)
    keyring.write(file, [*keyring.read(file), fernet.Fernet.generate_key()])
    return f"Added a new key to {path}."


def _use(db: Database, path: str) -> str:
    file = pathlib.Path(path)
    _check_readable(db, keyring.Keyring(path))
    *others, newest = keyring.read(file)
    keyring.write(file, [newest, *others])
    return _encrypt_again(db, keyring.Keyring(path))


def _drop(db: Database, path: str) -> str:
    file = pathlib.Path(path)
    keys = keyring.Keyring(path)
    _check_readable(db, keys)
    # Another host may have encrypted with an older key of its own copy of the file.
    _encrypt_again(db, keys)
    first, *others = keyring.read(file)
    keyring.write(file, [first])
    LOG.info("Removed %d keys from %s; one is left", len(others), path)
    return f"Removed {len(others)} keys from {path}; one is left."


def _check_readable(db: Database, keys: keyring.Keyring) -> None:
    """Check that the keys decrypt every password.

    :raises Unreadable: they do not.
    """
    unreadable = [
        name
        for _, name, token in podmanager_objects.list_secrets(db)
        if not keys.can_decrypt(token)
    ]
    if unreadable:
        names = ", ".join(dict.fromkeys(unreadable))
        raise Unreadable(
            f"No key in the file decrypts the passwords of {names}. Bring the key "
            "back, or set the passwords (and client keys) of these pod managers again."
        )


def _encrypt_again(db: Database, keys: keyring.Keyring) -> str:
    """Encrypt with the first key what another key encrypted, until nothing is left."""
    done = 0
    while True:
        old = [
            (uuid, token)
            for uuid, _, token in podmanager_objects.list_secrets(db)
            if not keys.is_newest(token)
        ]
        if not old:
            LOG.info("Encrypted %d passwords again", done)
            return f"Encrypted {done} passwords again."
        for uuid, token in old:
            fresh = keys.encrypt(keys.decrypt(token))
            done += podmanager_objects.replace_secret(db, uuid, token, fresh)
