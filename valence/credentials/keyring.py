# SPDX-License-Identifier: Apache-2.0

"""Keys that encrypt stored credentials.

A file with one Fernet key a line. The first one encrypts, all of them decrypt, so that a
new first line changes the key while everything remains readable. The file may change at
any time: it is checked before each encryption, and again after a failed decryption.
:mod:`valence.credentials.rotation` changes it.
"""

from collections.abc import Iterator
from collections.abc import Sequence
import contextlib
import os
import pathlib
import secrets

from cryptography import fernet

from valence import errors
from valence_conductor.locks.lock import FileLock


class Keyring:
    """Encrypts and decrypts credentials.

    Safe to use from many threads.

    :param path: of the file.
    :raises ValueError: the file contains no key.
    """

    def __init__(self, path: str) -> None:
        self._path = pathlib.Path(path)
        self._loaded = self._load(())

    def encrypt(self, text: str) -> str:
        """Return a text encrypted with the first key of the file as it is now."""
        self._reload_if_changed()
        return self._loaded[2].encrypt(text.encode()).decode()

    def decrypt(self, token: str) -> str:
        """Return the text of a token, decrypted with any of the keys.

        :raises PodManagerUnauthorized: none of the keys decrypts it.
        """
        try:
            try:
                return self._loaded[2].decrypt(token.encode()).decode()
            except fernet.InvalidToken:
                self._reload_if_changed()
                return self._loaded[2].decrypt(token.encode()).decode()
        except (fernet.InvalidToken, OSError, ValueError) as exc:
            raise errors.PodManagerUnauthorized(
                "The password of the pod manager was encrypted with a key that is not in the key "
                "file. Bring the key back, or set the password of the pod manager again."
            ) from exc

    def can_decrypt(self, token: str) -> bool:
        """Return whether one of the keys decrypts a token."""
        try:
            self.decrypt(token)
        except errors.PodManagerUnauthorized:
            return False
        return True

    def is_newest(self, token: str) -> bool:
        """Return whether the first key of the file encrypted a token."""
        try:
            fernet.Fernet(self._loaded[1][0]).decrypt(token.encode())
        except fernet.InvalidToken:
            return False
        return True

    @contextlib.contextmanager
    def in_use(self) -> Iterator[None]:
        """Keep every key in the file from an encryption until its token is stored."""
        with locked(self._path, alone=False):
            yield

    def _reload_if_changed(self) -> None:
        if _signature(self._path) != self._loaded[0]:
            self._loaded = self._load(self._loaded[1])

    def _load(
        self, previous: Sequence[bytes]
    ) -> tuple[tuple[int, ...], Sequence[bytes], fernet.MultiFernet]:
        """Return the signature of the file, its keys, and their cipher.

        :param previous: keys loaded before, which go on decrypting in this process: it
            may have read a row just before the row was encrypted again.
        """
        signature, keys = _signature(self._path), read(self._path)
        keys += [key for key in previous if key not in keys]
        return signature, keys, fernet.MultiFernet([fernet.Fernet(key) for key in keys])


def load(path: str) -> Keyring:
    """Return the keyring of a file; create the file with one key when it is missing.

    :raises ValueError: the file contains no valid key.
    """
    file = pathlib.Path(path)
    if not file.exists():
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = [fernet.Fernet.generate_key()]
        # Another process may have created it meanwhile: its key is the valid one.
        with _draft(file, fresh) as draft, contextlib.suppress(FileExistsError):
            os.link(draft, file)
    return Keyring(path)


def read(file: pathlib.Path) -> list[bytes]:
    """Return the keys of a file, the encrypting one first.

    :raises ValueError: it contains none.
    """
    lines = [line.strip() for line in file.read_bytes().splitlines()]
    keys = [line for line in lines if line and not line.startswith(b"#")]
    if not keys:
        raise ValueError(f"{file} contains no key")
    return keys


def write(file: pathlib.Path, keys: Sequence[bytes]) -> None:
    """Replace the keys of a file atomically: a reader gets the old or the new ones.

    They are on the disk when this returns. The file keeps its owner and mode.
    """
    status = file.stat()
    with _draft(file, keys) as draft:
        os.chmod(draft, status.st_mode & 0o777)
        if (status.st_uid, status.st_gid) != (os.geteuid(), os.getegid()):
            os.chown(draft, status.st_uid, status.st_gid)
        os.replace(draft, file)
    with _opened(file.parent) as folder:
        os.fsync(folder)


@contextlib.contextmanager
def locked(file: pathlib.Path, *, alone: bool) -> Iterator[None]:
    """Lock the folder of a key file: exclusively, or shared with others that only use keys.

    The kernel releases the lock when its holder dies.
    """
    lock = FileLock(str(file.parent), folder=True, shared=not alone)
    lock.acquire(blocking=True)
    try:
        yield
    finally:
        lock.release()


def _signature(file: pathlib.Path) -> tuple[int, ...]:
    """Return a value that changes whenever the file changes."""
    status = file.stat()
    return status.st_ino, status.st_mtime_ns, status.st_size


@contextlib.contextmanager
def _opened(folder: pathlib.Path) -> Iterator[int]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _draft(file: pathlib.Path, keys: Sequence[bytes]) -> Iterator[pathlib.Path]:
    """Write keys to a temporary file beside, so that no process reads a partial one."""
    draft = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(b"".join(key + b"\n" for key in keys))
            opened.flush()
            os.fsync(opened.fileno())
        yield draft
    finally:
        draft.unlink(missing_ok=True)
