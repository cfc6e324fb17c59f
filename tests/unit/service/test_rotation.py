# SPDX-License-Identifier: Apache-2.0

"""Rotation of the key while everything runs, and when it is killed."""

from collections.abc import Callable
import pathlib
import threading
from typing import Any
from unittest import mock

from tests.unit.service import base
from valence.credentials import keyring
from valence.credentials import rotation
from valence.objects import podmanager as podmanager_objects


class Killed(BaseException):
    """The process is gone."""


class TestRotation(base.ServiceTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.pod = self.simulate()
        self.start()
        self.podm = self.know(self.pod)
        self.path = str(self.folder / "credentials.keys")

    def rotate(self, step: Callable[..., str] = rotation.rotate) -> str:
        return step(self.service.db, self.path)

    def keys(self) -> list[bytes]:
        return keyring.read(pathlib.Path(self.path))

    def readable(self) -> bool:
        """Return whether a process that starts now can decrypt the password."""
        ((_, _, token),) = podmanager_objects.list_secrets(self.service.db)
        return keyring.Keyring(self.path).decrypt(token) == "admin"

    def test_a_running_process_uses_the_new_key(self) -> None:
        before, old = self.keys(), podmanager_objects.list_secrets(self.service.db)
        self.assertIn("Encrypted 1 passwords again", self.rotate())
        self.assertEqual(1, len(self.keys()))
        self.assertNotEqual(before, self.keys())
        self.assertNotEqual(old, podmanager_objects.list_secrets(self.service.db))
        self.assertTrue(self.readable())
        self.composed()
        self.service.drivers.connections.forget(self.podm["uuid"])
        self.composed()
        self.api("PATCH", "/v1/podmanagers/pod-1", {"password": "admin"})
        ((_, _, token),) = podmanager_objects.list_secrets(self.service.db)
        self.assertTrue(keyring.Keyring(self.path).is_newest(token))

    def test_a_row_that_was_read_before_can_be_read_after(self) -> None:
        row = podmanager_objects.get(self.service.db, self.podm["uuid"])
        self.rotate()
        new = podmanager_objects.get(self.service.db, self.podm["uuid"])
        self.assertEqual("admin", self.service.drivers.access(new).password)
        self.assertEqual("admin", self.service.drivers.access(row).password)

    def test_a_rotation_that_was_killed_at_any_write_can_be_started_again(self) -> None:
        writes = (keyring, "write"), (podmanager_objects, "replace_secret")
        for module, name in writes:
            for done in (False, True):
                for number in (1, 2, 3):
                    self.kill(module, name, done, number)
                    self.assertTrue(self.readable(), (name, done, number))
        self.rotate()
        self.assertEqual(1, len(self.keys()))
        self.assertTrue(self.readable())

    def kill(self, module: Any, name: str, done: bool, number: int) -> None:
        """Kill the rotation at the write with this number, before or after it."""
        real, count = getattr(module, name), [0]

        def write(*args: Any) -> Any:
            count[0] += 1
            if count[0] == number and not done:
                raise Killed
            result = real(*args)
            if count[0] == number:
                raise Killed
            return result

        with mock.patch.object(module, name, write):
            try:
                self.rotate()
            except Killed:
                return

    def test_the_file_keeps_its_mode_and_nothing_beside_it(self) -> None:
        before = set(self.folder.iterdir())
        pathlib.Path(self.path).chmod(0o640)
        self.rotate()
        self.assertEqual(0o640, pathlib.Path(self.path).stat().st_mode & 0o777)
        self.assertEqual(before, set(self.folder.iterdir()))

    def test_a_password_that_no_key_decrypts_is_named_and_nothing_is_changed(self) -> None:
        self.know(self.simulate("pod-2"))
        ((uuid, _, token), _) = podmanager_objects.list_secrets(self.service.db)
        podmanager_objects.replace_secret(self.service.db, uuid, token, "lost")
        name = self.api("GET", f"/v1/podmanagers/{uuid}").json["name"]
        before = self.keys(), podmanager_objects.list_secrets(self.service.db)
        for step in (rotation.rotate, rotation.use, rotation.drop):
            exc = self.assertRaises(rotation.Unreadable, self.rotate, step)
            self.assertIn(name, str(exc))
            self.assertEqual(
                before, (self.keys(), podmanager_objects.list_secrets(self.service.db))
            )

    def test_hosts_with_copies_of_the_file_can_follow_step_by_step(self) -> None:
        copy = self.folder / "copy"
        copy.write_bytes(pathlib.Path(self.path).read_bytes())
        other = keyring.Keyring(str(copy))
        for step in (rotation.add, rotation.use, rotation.drop):
            self.rotate(step)
            # Until the file is copied, the other host uses its previous copy.
            ((uuid, _, token),) = podmanager_objects.list_secrets(self.service.db)
            self.assertEqual("admin", other.decrypt(token), step)
            podmanager_objects.replace_secret(self.service.db, uuid, token, other.encrypt("admin"))
            driver: Any = self.service.drivers.get(uuid)
            self.assertEqual("admin", driver._client.access.password, step)
            copy.write_bytes(pathlib.Path(self.path).read_bytes())
        self.assertEqual(1, len(self.keys()))
        self.assertTrue(self.readable())

    def test_no_key_is_removed_between_an_encryption_and_the_storing_of_its_token(self) -> None:
        rotated = threading.Event()

        def rotate() -> None:
            self.rotate()
            rotated.set()

        with self.service.drivers.keys.in_use():
            token = self.service.drivers.encrypt("admin")
            thread = threading.Thread(target=rotate)
            thread.start()
            self.assertFalse(rotated.wait(0.2))
            ((uuid, _, old),) = podmanager_objects.list_secrets(self.service.db)
            podmanager_objects.replace_secret(self.service.db, uuid, old, token or "")
        thread.join(60)
        self.assertTrue(rotated.is_set())
        self.assertTrue(self.readable())
