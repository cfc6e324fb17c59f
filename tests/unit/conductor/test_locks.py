# SPDX-License-Identifier: Apache-2.0

"""Locks on files, and the election of a lock's holder; servers are in the functional tests."""

import pathlib
import stat
import threading

import fixtures

from tests import base
from valence_conductor.locks.election import LockHolderElection
from valence_conductor.locks.group import LockGroup
from valence_conductor.locks.lock import FileLock


class TestFileLock(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.folder = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        self.path = str(self.folder / "lock")

    def lock(self, path: str | None = None, **options: bool) -> FileLock:
        lock = FileLock(path or self.path, **options)
        self.addCleanup(lock.release)
        return lock

    def test_two_holders_in_one_process_exclude_each_other(self) -> None:
        first, second = self.lock(), self.lock()
        self.assertEqual((True, False), (first.acquire(), second.acquire()))
        self.assertEqual((True, False), (first.is_held(), second.is_held()))
        self.assertFalse(second.acquire(), "a failed attempt must not end the first lock")
        first.release()
        self.assertTrue(second.acquire())
        self.assertFalse(first.is_held())

    def test_shared_holders_exclude_exclusive_ones_only(self) -> None:
        folder = str(self.folder)
        first, second = (self.lock(folder, folder=True, shared=True) for _ in "ab")
        exclusive = self.lock(folder, folder=True)
        self.assertEqual((True, True), (first.acquire(), second.acquire()))
        first.release()
        self.assertFalse(exclusive.acquire(), "the second holder is left")
        second.release()
        self.assertTrue(exclusive.acquire())
        self.assertFalse(first.acquire())

    def test_a_blocking_holder_waits_for_the_other(self) -> None:
        first, second = self.lock(), self.lock()
        self.assertTrue(first.acquire())
        thread = threading.Thread(target=second.acquire, kwargs={"blocking": True})
        thread.start()
        thread.join(0.1)
        self.assertTrue(thread.is_alive())
        first.release()
        thread.join()
        self.assertTrue(second.is_held())

    def test_its_file_is_readable_by_its_owner_only(self) -> None:
        self.lock().acquire()
        self.assertEqual(0o600, stat.S_IMODE(pathlib.Path(self.path).stat().st_mode))

    def test_a_missing_folder_is_not_created(self) -> None:
        lock = self.lock(folder=True)
        self.assertRaises(FileNotFoundError, lock.acquire)
        self.assertFalse(pathlib.Path(self.path).exists())


class TestLockGroup(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        folder = self.useFixture(fixtures.TempDir()).path
        self.paths = {f"[{name}] connection": f"{folder}/{name}" for name in ("flows", "rows")}

    def group(self) -> LockGroup:
        group = LockGroup({option: FileLock(path) for option, path in self.paths.items()})
        self.addCleanup(group.release)
        return group

    def test_it_is_held_as_a_whole_or_not_at_all(self) -> None:
        rows, group = FileLock(self.paths["[rows] connection"]), self.group()
        self.assertTrue(rows.acquire())
        self.assertEqual((False, False), (group.acquire(), group.is_held()))
        self.assertEqual(("[rows] connection", rows.location), (group.option, group.location))
        flows = FileLock(self.paths["[flows] connection"])
        self.assertTrue(flows.acquire(), "a part of the group is held")
        flows.release()
        rows.release()
        self.assertEqual((True, True), (group.acquire(), group.is_held()))
        self.assertTrue(group.acquire(), "acquiring it again fails")

    def test_a_part_that_was_lost_is_acquired_again_and_logged(self) -> None:
        logs = self.useFixture(fixtures.FakeLogger("valence_conductor"))
        lost = FileLock(self.paths["[rows] connection"])
        group = LockGroup({"kept": FileLock(self.paths["[flows] connection"]), "lost": lost})
        self.addCleanup(group.release)
        group.acquire()
        self.assertEqual("", logs.output)
        lost.release()
        self.assertEqual((False, True), (group.is_held(), group.acquire()))
        self.assertIn(f"Lost {lost.location} and acquired it again", logs.output)


class TestLockHolderElection(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        path = str(pathlib.Path(self.useFixture(fixtures.TempDir()).path) / "lock")
        self.lock, self.other = FileLock(path), FileLock(path)
        self.addCleanup(self.lock.release)
        self.addCleanup(self.other.release)
        self.losses = 0
        self.election = LockHolderElection(self.lock, self.lose)

    def lose(self) -> None:
        self.losses += 1

    def test_the_holder_is_the_leader(self) -> None:
        self.lock.acquire()
        self.assertTrue(self.election.is_leader())

    def test_a_free_lock_that_was_lost_is_acquired_again(self) -> None:
        self.assertTrue(self.election.is_leader())
        self.assertTrue(self.lock.is_held())
        self.assertEqual(0, self.losses)

    def test_a_process_whose_lock_another_holds_never_is_the_leader_again(self) -> None:
        self.other.acquire()
        self.assertFalse(self.election.is_leader())
        self.other.release()
        self.assertFalse(self.election.is_leader())
        self.assertEqual(1, self.losses)

    def test_closing_it_leaves_the_lock_to_its_owner(self) -> None:
        self.lock.acquire()
        self.election.close()
        self.assertTrue(self.lock.is_held())
