# SPDX-License-Identifier: Apache-2.0

"""The keys that encrypt credentials."""

import pathlib
import tempfile

from cryptography import fernet

from tests import base
from valence import errors
from valence.credentials import keyring


class TestKeyring(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        folder = tempfile.TemporaryDirectory(prefix="valence-")
        self.addCleanup(folder.cleanup)
        self.path = pathlib.Path(folder.name) / "keys"

    def test_the_first_use_creates_a_key_that_only_its_user_can_read(self) -> None:
        token = keyring.load(str(self.path)).encrypt("secret")
        self.assertEqual(0o600, self.path.stat().st_mode & 0o777)
        self.assertNotIn("secret", token)
        self.assertEqual("secret", keyring.load(str(self.path)).decrypt(token))
        self.assertEqual([self.path], list(self.path.parent.iterdir()))

    def test_a_new_first_key_keeps_old_tokens_readable(self) -> None:
        token = keyring.load(str(self.path)).encrypt("secret")
        old = self.path.read_bytes()
        self.path.write_bytes(b"# new\n" + fernet.Fernet.generate_key() + b"\n" + old)
        keys = keyring.load(str(self.path))
        self.assertEqual("secret", keys.decrypt(token))
        self.path.write_bytes(self.path.read_bytes().removesuffix(old))
        keyring.load(str(self.path)).decrypt(keys.encrypt("new"))

    def test_without_the_key_decryption_fails(self) -> None:
        token = keyring.load(str(self.path)).encrypt("secret")
        self.path.unlink()
        keys = keyring.load(str(self.path))
        self.assertRaises(errors.PodManagerUnauthorized, keys.decrypt, token)

    def test_a_missing_or_broken_file_does_not_affect_the_loaded_keys(self) -> None:
        keys = keyring.load(str(self.path))
        token = keys.encrypt("secret")
        for spoil in (lambda: self.path.write_text("nonsense"), self.path.unlink):
            spoil()
            self.assertEqual("secret", keys.decrypt(token))
            self.assertRaises(errors.PodManagerUnauthorized, keys.decrypt, "another")
            self.assertRaises((OSError, ValueError), keys.encrypt, "secret")

    def test_a_file_without_keys_is_refused(self) -> None:
        self.path.write_text("# nothing\n")
        self.assertRaises(ValueError, keyring.load, str(self.path))
