# SPDX-License-Identifier: Apache-2.0

"""Nova's interface of compute drivers, so that a change of it fails a test."""

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


def methods(driver_class: type) -> dict[str, Any]:
    """Return the public methods of a class, by name."""
    return {
        name: value
        for name, value in vars(driver_class).items()
        if not name.startswith("_") and inspect.isfunction(value)
    }


class TestInterface(test.NoDBTestCase):
    def test_the_interface_is_the_recorded_one(self) -> None:
        """After a change: review it, adapt the driver, then write the file again."""
        release = importlib.metadata.version("nova").partition(".")[0]
        recorded = json.loads((HERE / f"compute-driver-{release}.json").read_text())
        current = {
            name: ", ".join(inspect.signature(method).parameters)
            for name, method in methods(virt_driver.ComputeDriver).items()
        }
        self.assertEqual(recorded, current)

    def test_methods_have_the_parameters_that_nova_passes(self) -> None:
        interface = methods(virt_driver.ComputeDriver)
        for name, method in methods(driver.ValenceDriver).items():
            if name in interface:
                expected = list(inspect.signature(interface[name]).parameters)
                self.assertEqual(expected, list(inspect.signature(method).parameters), name)

    def test_every_method_of_the_ironic_driver_is_implemented(self) -> None:
        missing = set(methods(ironic_driver.IronicDriver)) - set(methods(driver.ValenceDriver))
        self.assertEqual(set(), missing)

    def test_every_method_has_a_docstring(self) -> None:
        missing = [name for name, one in methods(driver.ValenceDriver).items() if not one.__doc__]
        self.assertEqual([], missing)
