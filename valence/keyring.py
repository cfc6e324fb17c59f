# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.


"""Keys that credentials are encrypted with at rest.

A file with one Fernet key a line. The first encrypts, all of them decrypt, so
that a new first line changes the key while everything can still be read.
"""

import contextlib
import os
import pathlib
import secrets

from cryptography import fernet

from valence import errors


class Keyring:
    """Encrypt and decrypt what must not be read in a database.

    :param keys: of Fernet, the one to encrypt with first.
    """

    def __init__(self, keys: list[bytes]) -> None:
        self._fernet = fernet.MultiFernet([fernet.Fernet(key) for key in keys])

    def encrypt(self, text: str) -> str:
        """Encrypt a text."""
        return self._fernet.encrypt(text.encode()).decode()

    def decrypt(self, token: str) -> str:
        """Decrypt what :meth:`encrypt` made, with any of the keys.

        :raises PodManagerUnauthorized: none of the keys fits.
        """
        try:
            return self._fernet.decrypt(token.encode()).decode()
        except fernet.InvalidToken as exc:
            raise errors.PodManagerUnauthorized(
                "The password of the pod manager was encrypted with a key that is not in the key "
                "file. Bring the key back, or give the pod manager its password again."
            ) from exc


def load(path: str) -> Keyring:
    """Load the keys of a file, and make the file with one key when it is missing.

    :raises ValueError: the file holds something else.
    """
    file = pathlib.Path(path)
    if not file.exists():
        _make(file)
    lines = [line.strip() for line in file.read_bytes().splitlines()]
    keys = [line for line in lines if line and not line.startswith(b"#")]
    if not keys:
        raise ValueError(f"{path} holds no key")
    return Keyring(keys)


def _make(file: pathlib.Path) -> None:
    """Make a key file that no other process ever sees half written."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(fernet.Fernet.generate_key() + b"\n")
            opened.flush()
            os.fsync(opened.fileno())
        # Another process may have been faster: its key counts.
        with contextlib.suppress(FileExistsError):
            os.link(draft, file)
    finally:
        draft.unlink()
