# SPDX-License-Identifier: Apache-2.0

"""Values: what firmware writes into single properties."""

from collections.abc import Callable
from typing import Any

from podm_simulator.quirks.behaviour import Behaviour
from podm_simulator.quirks.behaviour import Exchange
from podm_simulator.quirks.behaviour import Quirk
from podm_simulator.quirks.identity import Fields
from podm_simulator.quirks.identity import ROOT
from podm_simulator.quirks.identity import SYSTEM
from podm_simulator.redfish.http import Resource

#: Properties whose values are enumerations.
ENUMERATIONS = frozenset(
    {
        "ComposedNodeState",
        "PowerState",
        "State",
        "Health",
        "HealthRollup",
        "BootSourceOverrideEnabled",
        "BootSourceOverrideTarget",
        "BootSourceOverrideMode",
        "SystemType",
        "ProcessorType",
        "TaskState",
    }
)

#: Properties that are counts or sizes, of systems and their parts.
AMOUNTS = frozenset({"Count", "TotalSystemMemoryGiB", "SpeedMbps", "CapacityBytes", "MaxSpeedMHz"})

#: Beyond 64 bits.
HUGE = 10**30
NEGATIVE = -3_000_000_000


class Values(Behaviour):
    """Changes values below the properties of every resource.

    :param change: returns the value of a property, from its name and its value.
    """

    def __init__(self, change: Callable[[str, Any], Any]) -> None:
        self._change = change

    def resource(self, _exchange: Exchange, resource: Resource) -> None:
        """Change the properties of a resource."""
        self._walk(resource)

    def _walk(self, value: Resource) -> None:
        for key, inner in value.items():
            if isinstance(inner, dict):
                self._walk(inner)
            else:
                value[key] = self._change(key, inner)


def _lower(key: str, value: Any) -> Any:
    return value.lower() if key in ENUMERATIONS and isinstance(value, str) else value


def _text(key: str, value: Any) -> Any:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return str(value) if is_number and "@" not in key else value


def _amount(number: int) -> Callable[[str, Any], Any]:
    return lambda key, value: number if key in AMOUNTS else value


def _null(_key: str, value: Any) -> Any:
    return None if value == [] else value


def _drop_version(root: Resource) -> None:
    root["Oem"]["Intel_RackScale"].pop("ApiVersion")


def _put_version(version: str) -> Callable[[Resource], None]:
    return lambda root: root["Oem"]["Intel_RackScale"].update(ApiVersion=version)


NUMBERS = "https://github.com/stmcginnis/gofish/issues/99"

QUIRKS = (
    Quirk(
        "enumerations-lower",
        "Values of enumerations are in lower case.",
        "https://github.com/sapcc/redfish-exporter/pull/4",
        lambda: Values(_lower),
    ),
    Quirk(
        "numbers-text",
        "Numbers are strings.",
        "https://github.com/stmcginnis/gofish/pull/448",
        lambda: Values(_text),
        "numbers-written",
    ),
    Quirk(
        "numbers-negative",
        "Counts, sizes and speeds are negative, beyond 32 bits.",
        NUMBERS,
        lambda: Values(_amount(NEGATIVE)),
        "numbers-written",
    ),
    Quirk(
        "numbers-huge",
        "Counts, sizes and speeds are beyond 64 bits.",
        NUMBERS,
        lambda: Values(_amount(HUGE)),
        "numbers-written",
    ),
    Quirk(
        "lists-null",
        "Lists without elements are null.",
        "https://github.com/DMTF/Redfish-Service-Validator/pull/511",
        lambda: Values(_null),
    ),
    Quirk(
        "control-characters",
        "The Model of systems has a NUL, a carriage return and a lone surrogate.",
        "https://github.com/mrlhansen/idrac_exporter/issues/192",
        lambda: Fields(SYSTEM, lambda system: system.update(Model="Sled\r\x00\ud800")),
    ),
    Quirk(
        "api-version-absent",
        "The service root has no ApiVersion.",
        "The Intel RSD API up to 2.0 has none",
        lambda: Fields(ROOT, _drop_version),
        "api-version",
    ),
    Quirk(
        "api-version-odd",
        "The ApiVersion is one that no release of RSD had.",
        "DSP0266, OEM properties: their values are the implementation's",
        lambda: Fields(ROOT, _put_version("v2.5-rc1")),
        "api-version",
    ),
)
