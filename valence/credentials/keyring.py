# SPDX-License-Identifier: Apache-2.0

"""Keys that credentials are encrypted with at rest.

A file with one Fernet key a line. The first encrypts, all of them decrypt, so
that a new first line changes the key while everything can still be read. The
file may change at any time: whoever encrypts looks at it first, and whoever
cannot decrypt looks at it again. :mod:`valence.credentials.rotation` changes it.
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
    """Encrypt and decrypt what must not be read in a database.

    Safe to use from many threads.

    :param path: of the file.
    :raises ValueError: it holds no keys.
    """

    def __init__(self, path: str) -> None:
        self._path = pathlib.Path(path)
        self._known = self._read(())

    def encrypt(self, text: str) -> str:
        """Encrypt a text with the key that is the first of the file now."""
        self._look_again()
        return self._known[2].encrypt(text.encode()).decode()

    def decrypt(self, token: str) -> str:
        """Decrypt what :meth:`encrypt` made, with any of the keys.

        :raises PodManagerUnauthorized: none of the keys fits.
        """
        try:
            try:
                return self._known[2].decrypt(token.encode()).decode()
            except fernet.InvalidToken:
                self._look_again()
                return self._known[2].decrypt(token.encode()).decode()
        except (fernet.InvalidToken, OSError, ValueError) as exc:
            raise errors.PodManagerUnauthorized(
                "The password of the pod manager was encrypted with a key that is not in the key "
                "file. Bring the key back, or give the pod manager its password again."
            ) from exc

    def can_decrypt(self, token: str) -> bool:
        """Tell whether one of the keys fits."""
        try:
            self.decrypt(token)
        except errors.PodManagerUnauthorized:
            return False
        return True

    def is_newest(self, token: str) -> bool:
        """Tell whether a token was made with the key that is the first of the file."""
        try:
            fernet.Fernet(self._known[1][0]).decrypt(token.encode())
        except fernet.InvalidToken:
            return False
        return True

    @contextlib.contextmanager
    def in_use(self) -> Iterator[None]:
        """Keep every key in the file from before something is encrypted until it is stored."""
        with locked(self._path, alone=False):
            yield

    def _look_again(self) -> None:
        if _mark(self._path) != self._known[0]:
            self._known = self._read(self._known[1])

    def _read(
        self, earlier: Sequence[bytes]
    ) -> tuple[tuple[int, ...], Sequence[bytes], fernet.MultiFernet]:
        """Read the file.

        :param earlier: keys of before, which go on decrypting in this process: it
            may have read a row just before that was encrypted anew.
        """
        mark, keys = _mark(self._path), read(self._path)
        keys += [key for key in earlier if key not in keys]
        return mark, keys, fernet.MultiFernet([fernet.Fernet(key) for key in keys])


def load(path: str) -> Keyring:
    """Load the keys of a file, and make the file with one key when it is missing.

    :raises ValueError: the file holds something else.
    """
    file = pathlib.Path(path)
    if not file.exists():
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = [fernet.Fernet.generate_key()]
        # Another process may have been faster: its key counts.
        with _draft(file, fresh) as draft, contextlib.suppress(FileExistsError):
            os.link(draft, file)
    return Keyring(path)


def read(file: pathlib.Path) -> list[bytes]:
    """Read the keys of a file, the one that encrypts first.

    :raises ValueError: it holds none.
    """
    lines = [line.strip() for line in file.read_bytes().splitlines()]
    keys = [line for line in lines if line and not line.startswith(b"#")]
    if not keys:
        raise ValueError(f"{file} holds no key")
    return keys


def write(file: pathlib.Path, keys: Sequence[bytes]) -> None:
    """Put other keys into a file, so that whoever reads it sees the old or the new ones.

    They are on the disk when this returns. Owner and mode of the file stay.
    """
    was = file.stat()
    with _draft(file, keys) as draft:
        os.chmod(draft, was.st_mode & 0o777)
        if (was.st_uid, was.st_gid) != (os.geteuid(), os.getegid()):
            os.chown(draft, was.st_uid, was.st_gid)
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


def _mark(file: pathlib.Path) -> tuple[int, ...]:
    """Tell one state of a file from another."""
    seen = file.stat()
    return seen.st_ino, seen.st_mtime_ns, seen.st_size


@contextlib.contextmanager
def _opened(folder: pathlib.Path) -> Iterator[int]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _draft(file: pathlib.Path, keys: Sequence[bytes]) -> Iterator[pathlib.Path]:
    """Write keys to a file beside, that no other process ever sees half written."""
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
