# SPDX-License-Identifier: Apache-2.0

"""Changing the key that credentials are encrypted with, while everything runs.

A key is in the file before anything is encrypted with it, and leaves the file
only after nothing is encrypted with it any more. Between two steps everything
can be decrypted, so that a rotation that was killed is simply begun again.
"""

import pathlib

from cryptography import fernet
from oslo_log import log as logging

from valence.credentials import keyring
from valence.objects import podmanager as podmanager_objects
from valence_conductor.db.engine import Database

LOG = logging.getLogger(__name__)


class Unreadable(Exception):
    """A password was encrypted with none of the keys."""


def add(db: Database, path: str) -> str:
    """Bring a new key into the file, at its end: it decrypts, and encrypts nothing yet."""
    with keyring.locked(pathlib.Path(path), alone=True):
        return _add(db, path)


def use(db: Database, path: str) -> str:
    """Let the last key of the file be the first, and encrypt everything with it.

    :raises Unreadable: something can be decrypted with none of the keys.
    """
    with keyring.locked(pathlib.Path(path), alone=True):
        return _use(db, path)


def drop(db: Database, path: str) -> str:
    """Take all keys but the first out of the file, once nothing needs them.

    :raises Unreadable: something can be decrypted with none of the keys.
    """
    with keyring.locked(pathlib.Path(path), alone=True):
        return _drop(db, path)


def rotate(db: Database, path: str) -> str:
    """Change the key: all the steps, for processes that read one and the same file.

    :raises Unreadable: something can be decrypted with none of the keys; nothing
        is changed.
    """
    with keyring.locked(pathlib.Path(path), alone=True):
        _see_that_all_can_be_read(db, keyring.Keyring(path))
        return "\n".join(step(db, path) for step in (_add, _use, _drop))


def _add(_db: Database, path: str) -> str:
    file = pathlib.Path(path)
    keyring.write(file, [*keyring.read(file), fernet.Fernet.generate_key()])
    return f"{path} has a new key."


def _use(db: Database, path: str) -> str:
    file = pathlib.Path(path)
    _see_that_all_can_be_read(db, keyring.Keyring(path))
    *others, newest = keyring.read(file)
    keyring.write(file, [newest, *others])
    return _encrypt_anew(db, keyring.Keyring(path))


def _drop(db: Database, path: str) -> str:
    file = pathlib.Path(path)
    keys = keyring.Keyring(path)
    _see_that_all_can_be_read(db, keys)
    # Another host may have encrypted with an older key of its own copy of the file.
    _encrypt_anew(db, keys)
    first, *others = keyring.read(file)
    keyring.write(file, [first])
    LOG.info("%s holds one key; %d are out of it", path, len(others))
    return f"{path} holds one key; {len(others)} are out of it."


def _see_that_all_can_be_read(db: Database, keys: keyring.Keyring) -> None:
    lost = [
        name
        for _, name, token in podmanager_objects.list_secrets(db)
        if not keys.can_decrypt(token)
    ]
    if lost:
        raise Unreadable(
            f"The passwords of {', '.join(lost)} were encrypted with none of the keys in the "
            "file. Bring the key back, or give these pod managers their passwords again."
        )


def _encrypt_anew(db: Database, keys: keyring.Keyring) -> str:
    """Encrypt with the first key whatever is not, until there is nothing left."""
    done = 0
    while True:
        old = [
            (uuid, token)
            for uuid, _, token in podmanager_objects.list_secrets(db)
            if not keys.is_newest(token)
        ]
        if not old:
            LOG.info("%d passwords are encrypted anew", done)
            return f"{done} passwords are encrypted anew."
        for uuid, token in old:
            fresh = keys.encrypt(keys.decrypt(token))
            done += podmanager_objects.replace_secret(db, uuid, token, fresh)
