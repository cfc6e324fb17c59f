# SPDX-License-Identifier: Apache-2.0

"""Changing the key while everything runs, and while somebody pulls the plug."""

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
        self.known = self.know(self.pod)
        self.path = str(self.folder / "credentials.keys")

    def rotate(self, step: Callable[..., str] = rotation.rotate) -> str:
        return step(self.service.db, self.path)

    def keys(self) -> list[bytes]:
        return keyring.read(pathlib.Path(self.path))

    def readable(self) -> bool:
        """Whether a process that starts now can read the password."""
        ((_, _, token),) = podmanager_objects.list_secrets(self.service.db)
        return keyring.Keyring(self.path).decrypt(token) == "admin"

    def test_a_process_that_runs_goes_on_with_the_new_key(self) -> None:
        before, old = self.keys(), podmanager_objects.list_secrets(self.service.db)
        self.assertIn("1 passwords are encrypted anew", self.rotate())
        self.assertEqual(1, len(self.keys()))
        self.assertNotEqual(before, self.keys())
        self.assertNotEqual(old, podmanager_objects.list_secrets(self.service.db))
        self.assertTrue(self.readable())
        self.composed()
        self.service.drivers.connections.forget(self.known["uuid"])
        self.composed()
        self.api("PATCH", "/v1/podmanagers/pod-1", {"password": "admin"})
        ((_, _, token),) = podmanager_objects.list_secrets(self.service.db)
        self.assertTrue(keyring.Keyring(self.path).is_newest(token))

    def test_a_row_that_was_read_before_can_be_read_after(self) -> None:
        row = podmanager_objects.get(self.service.db, self.known["uuid"])
        self.rotate()
        new = podmanager_objects.get(self.service.db, self.known["uuid"])
        self.assertEqual("admin", self.service.drivers.access(new).password)
        self.assertEqual("admin", self.service.drivers.access(row).password)

    def test_whenever_it_is_killed_everything_can_be_read_and_it_can_be_begun_again(self) -> None:
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
        """Be killed at the so-manieth write, before or after it is done."""
        real, count = getattr(module, name), [0]

        def write(*given: Any) -> Any:
            count[0] += 1
            if count[0] == number and not done:
                raise Killed
            answer = real(*given)
            if count[0] == number:
                raise Killed
            return answer

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

    def test_what_no_key_fits_is_named_and_nothing_is_changed(self) -> None:
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

    def test_hosts_with_copies_of_the_file_are_taken_along_step_by_step(self) -> None:
        copy = self.folder / "copy"
        copy.write_bytes(pathlib.Path(self.path).read_bytes())
        other = keyring.Keyring(str(copy))
        for step in (rotation.add, rotation.use, rotation.drop):
            self.rotate(step)
            # Until the file is copied, the other host works with the older one.
            ((uuid, _, token),) = podmanager_objects.list_secrets(self.service.db)
            self.assertEqual("admin", other.decrypt(token), step)
            podmanager_objects.replace_secret(self.service.db, uuid, token, other.encrypt("admin"))
            driver: Any = self.service.drivers.get(uuid)
            self.assertEqual("admin", driver._client.access.password, step)
            copy.write_bytes(pathlib.Path(self.path).read_bytes())
        self.assertEqual(1, len(self.keys()))
        self.assertTrue(self.readable())

    def test_no_key_leaves_while_somebody_has_encrypted_and_not_stored(self) -> None:
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
