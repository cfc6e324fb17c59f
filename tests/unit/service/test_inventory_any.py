# SPDX-License-Identifier: Apache-2.0

"""Any JSON in any property of any resource: it is read, and every database stores the result.

``VALENCE_EXAMPLES`` is the number of pods that are tried, 60 unless it is set.
"""

import copy
import json
import os
from typing import Any

import hypothesis
from hypothesis import strategies

from tests.unit.service import fake_redfish
from tests.unit.service import rows_base
from valence import errors
from valence.objects import inventory as inventory_objects
from valence.objects import system as system_objects
from valence_conductor import waiting

#: Pods that are tried.
EXAMPLES = int(os.environ.get("VALENCE_EXAMPLES", "60"))

ROOT = "/redfish/v1/"
SYSTEM = "/redfish/v1/Systems/1"
OTHER = "/redfish/v1/Systems/2"
CPUS, CPU = f"{SYSTEM}/Processors", f"{SYSTEM}/Processors/1"
NICS, NIC = f"{SYSTEM}/EthernetInterfaces", f"{SYSTEM}/EthernetInterfaces/1"
SLED, DRAWER = "/redfish/v1/Chassis/Sled", "/redfish/v1/Chassis/Drawer"
DISK, POOLED = f"{SLED}/Drives/1", f"{DRAWER}/Drives/1"
NODE = "/redfish/v1/Nodes/1"


def link(path: str) -> dict[str, str]:
    return {"@odata.id": path}


STATUS = {"State": "Enabled", "Health": "OK"}
DRIVE = {
    "MediaType": "SSD",
    "Protocol": "SATA",
    "CapacityBytes": 10**12,
    "RotationSpeedRPM": 0,
    "Model": "M",
    "Manufacturer": "C",
    "SerialNumber": "D1",
}
#: Path -> resource, but for collections.
RESOURCES: dict[str, dict[str, Any]] = {
    ROOT: {
        "Name": "Root",
        "UUID": "1",
        "RedfishVersion": "1.6.0",
        "ProtocolFeaturesSupported": {"ExpandQuery": {"NoLinks": False}},
        "Oem": {"Intel_RackScale": {"ApiVersion": "2.4.0"}},
    },
    SYSTEM: {
        "Id": "1",
        "Name": "one",
        "UUID": "u",
        "SerialNumber": "s",
        "Manufacturer": "C",
        "Model": "M",
        "PowerState": "On",
        "Status": STATUS,
        "ProcessorSummary": {"Count": 2, "Model": "X", "CoreCount": 16},
        "MemorySummary": {"TotalSystemMemoryGiB": 64},
        "Processors": link(CPUS),
        "EthernetInterfaces": link(NICS),
        "Links": {"Chassis": [link(SLED)]},
    },
    OTHER: {"Name": "two", "Status": STATUS},
    CPU: {
        "ProcessorType": "CPU",
        "Model": "X",
        "TotalCores": 8,
        "InstructionSet": "x86-64",
        "MaxSpeedMHz": 3000,
    },
    NIC: {"MACAddress": "52:54:00:00:00:01", "PermanentMACAddress": None, "SpeedMbps": 10000},
    DISK: DRIVE,
    POOLED: DRIVE,
    SLED: {
        "Id": "Sled",
        "Name": "Sled",
        "ChassisType": "Sled",
        "SerialNumber": "c",
        "Status": STATUS,
        "Links": {
            "ContainedBy": link(DRAWER),
            "ComputerSystems": [link(SYSTEM)],
            "Drives": [link(DISK)],
        },
    },
    DRAWER: {
        "Id": 7,
        "Name": "Drawer",
        "ChassisType": "Drawer",
        "Links": {"Drives": [link(POOLED)]},
    },
    NODE: {
        "Id": 1,
        "Name": "n",
        "ComposedNodeState": "Assembled",
        "Links": {"ComputerSystem": link(SYSTEM), "LocalDrives": [link(POOLED)]},
    },
}
#: Path of a collection -> its members.
COLLECTIONS = {
    "/redfish/v1/Systems": (SYSTEM, OTHER),
    "/redfish/v1/Chassis": (SLED, DRAWER),
    "/redfish/v1/Nodes": (NODE,),
    CPUS: (CPU,),
    NICS: (NIC,),
}
LINKS = {path.rpartition("/")[2]: link(path) for path in list(COLLECTIONS)[:3]}

#: Resources of which no value may hide a system.
PARTS = {SYSTEM, CPU, NIC, DISK, POOLED, SLED, DRAWER}


def pod() -> dict[str, Any]:
    """Path -> body of a pod with two systems."""
    bodies: dict[str, Any] = {path: {**link(path), **body} for path, body in RESOURCES.items()}
    bodies[ROOT] |= LINKS
    bodies |= {path: fake_redfish.page(path, *members) for path, members in COLLECTIONS.items()}
    return copy.deepcopy(bodies)


def _places(path: str, body: Any, keys: tuple[Any, ...] = ()) -> list[tuple[str, tuple[Any, ...]]]:
    """List every property of a body, and every entry of its lists."""
    items = body.items() if isinstance(body, dict) else enumerate(body)
    places = []
    for key, value in items:
        places.append((path, (*keys, key)))
        if isinstance(value, dict | list):
            places += _places(path, value, (*keys, key))
    return places


PLACES = [place for path, body in pod().items() for place in _places(path, body)]

#: What firmware is known to write, and what limits are near.
ODD: list[Any] = [
    *(
        -3000000000,
        2**31,
        2**63,
        2**64,
        10**30,
        10**400,
        -1,
        0.1,
        1e300,
        float("inf"),
        float("nan"),
    ),
    *("", " ", "\x00", "a\x00b", "\ud800", "\udfff\ud800", "\ufffd", "\uffff", "\U0001f600" * 300),
    *(
        "/x" * 600,
        "S" * 300,
        "S" * 70000,
        "-5",
        "1e400",
        "Absent",
        "../1",
        "//host/x",
        "?",
        "#",
        "%zz",
    ),
    *(SYSTEM, "/redfish/v1/Systems", [], {}, [[]], [None], [{}], {"@odata.id": None}),
    *({"@odata.id": "/x" * 600}, [link(SYSTEM)] * 3, {"Members": [link(SYSTEM)]}),
]
VALUES = strategies.sampled_from(ODD) | strategies.recursive(
    strategies.none()
    | strategies.booleans()
    | strategies.integers()
    | strategies.floats()
    | strategies.text(strategies.characters()),
    lambda inner: (
        strategies.lists(inner, max_size=3)
        | strategies.dictionaries(strategies.text(strategies.characters()), inner, max_size=3)
    ),
    max_leaves=5,
)
#: In each place one of so many is tried; all of them with 1200 examples.
STEP = max(1, 1200 // EXAMPLES)

CHANGES = strategies.lists(
    strategies.tuples(strategies.sampled_from(PLACES), VALUES), min_size=1, max_size=4
)


class TestAnything(rows_base.RowsTestCase):
    """A pod manager that writes whatever it likes."""

    def read_and_store(self, bodies: dict[str, Any], cached: Any = None) -> Any:
        transport = fake_redfish.Transport()
        for path, body in bodies.items():
            transport.on("GET", path, fake_redfish.ok(body))
        driver = fake_redfish.driver(transport)
        driver.check()
        pool = driver.inventory(cached or {})
        inventory_objects.claim(self.db, self.podm.uuid, waiting.now())
        inventory_objects.store(self.db, self.podm.uuid, pool, waiting.now(), 0.0)
        return pool

    def attempt(self, changes: list[tuple[tuple[str, tuple[Any, ...]], Any]]) -> None:
        """Change a pod, and refresh its inventory: twice, the second time with what is cached."""
        bodies = pod()
        for (path, keys), value in changes:
            holder = bodies[path]
            for key in keys[:-1]:
                holder = _member(holder, key)
            if _has(holder, keys[-1]):
                holder[keys[-1]] = value
        try:
            pool = self.read_and_store(bodies)
            self.read_and_store(bodies, pool.details)
        except errors.ValenceError as exc:
            inventory_objects.record_failure(self.db, self.podm.uuid, exc)
            harmless = all(
                path in PARTS and keys[-1] != "@odata.id" for (path, keys), _ in changes
            )
            self.assertFalse(harmless, exc)
            return
        if all(path in PARTS for (path, _), _ in changes):
            paths = {system.path for system in pool.systems} | set(pool.apart)
            self.assertEqual({SYSTEM, OTHER}, paths)

    def test_it_hides_no_system_and_is_stored(self) -> None:
        @hypothesis.settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            suppress_health_check=list(hypothesis.HealthCheck),
        )
        @hypothesis.given(changes=CHANGES)
        def attempt(changes: Any) -> None:
            self.attempt(changes)

        attempt()
        rows, _ = system_objects.page(self.db, inventory_objects.base.Query())
        json.dumps([row.details for row in rows], allow_nan=False)


class TestEveryPlace(rows_base.RowsTestCase):
    """Each of the odd values, in every place of the system that they may hide."""

    attempt = TestAnything.attempt
    read_and_store = TestAnything.read_and_store

    def test_no_odd_value_hides_a_system_or_fails_a_write(self) -> None:
        for number, place in enumerate(PLACES):
            # Not each with each, which takes minutes: in every place a few of them.
            for value in ODD[number % STEP :: STEP]:
                self.attempt([(place, value)])


def _has(holder: Any, key: Any) -> bool:
    if isinstance(holder, list):
        return isinstance(key, int) and key < len(holder)
    return isinstance(holder, dict) and isinstance(key, str)


def _member(holder: Any, key: Any) -> Any:
    """Return what a list or an object has at a place; an earlier change may have removed it."""
    if not _has(holder, key):
        return None
    return holder.get(key) if isinstance(holder, dict) else holder[key]
