# SPDX-License-Identifier: Apache-2.0

"""What Nova's interface of compute drivers is, so that a change of it does not pass unseen."""

import importlib.metadata
import inspect
import json
import pathlib
from typing import Any

from nova import test
from nova.virt import driver as virt_driver
from nova.virt.ironic import driver as ironic_driver

from valence_integration.nova import driver

HERE = pathlib.Path(__file__).parent


def methods(of: type) -> dict[str, Any]:
    """The public methods of a class, by name."""
    found = {name: vars(of)[name] for name in vars(of) if not name.startswith("_")}
    return {name: one for name, one in found.items() if inspect.isfunction(one)}


class TestInterface(test.NoDBTestCase):
    def test_the_interface_is_the_one_that_was_looked_at(self) -> None:
        """Look at what is new or different, see to our driver, then write the file anew."""
        release = importlib.metadata.version("nova").partition(".")[0]
        known = json.loads((HERE / f"compute-driver-{release}.json").read_text())
        theirs = methods(virt_driver.ComputeDriver)
        now = {name: ", ".join(inspect.signature(one).parameters) for name, one in theirs.items()}
        self.assertEqual(known, now)

    def test_our_methods_take_what_nova_gives(self) -> None:
        theirs = methods(virt_driver.ComputeDriver)
        for name, ours in methods(driver.ValenceDriver).items():
            if name in theirs:
                asked = list(inspect.signature(theirs[name]).parameters)
                self.assertEqual(asked, list(inspect.signature(ours).parameters), name)

    def test_what_the_ironic_driver_does_for_users_ours_does_too(self) -> None:
        missing = set(methods(ironic_driver.IronicDriver)) - set(methods(driver.ValenceDriver))
        self.assertEqual(set(), missing)

    def test_every_method_says_what_it_does(self) -> None:
        silent = [name for name, one in methods(driver.ValenceDriver).items() if not one.__doc__]
        self.assertEqual([], silent)
