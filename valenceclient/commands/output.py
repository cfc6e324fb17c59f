# SPDX-License-Identifier: Apache-2.0

"""Output of resources: short text in tables, the JSON of the API in other formats."""

from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from cliff import columns

from valenceclient import _resource
from valenceclient import fault as fault_resource

#: (heading, field of the API)
Columns = Sequence[tuple[str, str]]

#: Fields without information for the user, or that repeat another.
_OMITTED = ("links", "podm_uuid")


class Properties(columns.FormattableColumn[Mapping[str, Any]]):
    """``8 cores, 16 GiB memory, 100 GiB SSD``; for a device ``capacity_gib 1600, rpm 7200``."""

    def human_readable(self) -> str:
        """Return one line."""
        value = self._value or {}
        processor, memory = value.get("processor") or {}, value.get("memory") or {}
        parts = [
            _quantity(processor, "total_cores", "cores"),
            _quantity(processor, "count", "processors"),
            *(str(processor[name]) for name in ("model", "instruction_set") if name in processor),
            _quantity(processor, "speed_mhz", "MHz"),
            _size(memory.get("capacity_mib"), memory.get("type")),
            *(_device(drive, "capacity_gib", "GiB", "drive") for drive in _list(value, "storage")),
            *(_device(nic, "speed_mbps", "Mbit/s", "NIC") for nic in _list(value, "network")),
            *(_device(pci, "count", "x", "PCI device") for pci in _list(value, "pci_device")),
            *(f"{name} {one}" for name, one in value.items() if not isinstance(one, dict | list)),
        ]
        return ", ".join(filter(None, parts))


class Interfaces(columns.FormattableColumn[Iterable[Mapping[str, Any]]]):
    """MAC addresses, one per line."""

    def human_readable(self) -> str:
        """Return the addresses."""
        return "\n".join(str(one.get("mac")) for one in self._value or ())


class Fault(columns.FormattableColumn[Mapping[str, Any] | None]):
    """Why the last operation failed, and the result of its cleanup."""

    def human_readable(self) -> str:
        """Return one line each for detail, reason, cleanup and code; empty without a fault."""
        fault = fault_resource.Fault.from_json(self._value or {})
        cleanup = fault.cleanup.summary if fault.cleanup else None
        return "\n".join(filter(None, (fault.detail, fault.reason, cleanup, fault.code)))


class Usage(columns.FormattableColumn[Mapping[str, Any] | None]):
    """``28 of 48 systems, 448 of 768 cores, 1792 of 3072 GiB free``."""

    def human_readable(self) -> str:
        """Return the free and total amounts; empty if the pod manager was never read."""
        value = self._value or {}
        if not value.get("refreshed_at"):
            return ""
        parts = [
            _free(value.get("systems"), "systems"),
            _free(value.get("cores"), "cores"),
            _free(value.get("memory_mib"), "GiB", 1024),
            *(
                _free(totals, f"{kind} devices")
                for kind, totals in (value.get("devices") or {}).get("by_type", {}).items()
            ),
        ]
        return ", ".join(filter(None, parts)) + " free"


class Parts(columns.FormattableColumn[Iterable[Mapping[str, Any]] | None]):
    """Processors, drives or network interfaces, one per line."""

    def human_readable(self) -> str:
        """Return the fields of each."""
        return "\n".join(
            ", ".join(f"{name} {value}" for name, value in one.items() if name != "path")
            for one in self._value or ()
        )


class Counts(columns.FormattableColumn[Mapping[str, int] | None]):
    """``48 total, 20 used, 28 free``."""

    def human_readable(self) -> str:
        """Return the total and the counts that are not zero."""
        value = self._value or {}
        return ", ".join(
            f"{count} {name}" for name, count in value.items() if count or name == "total"
        )


_FORMATTERS: Mapping[str, type[columns.FormattableColumn[Any]]] = {
    "properties": Properties,
    "interfaces": Interfaces,
    "fault": Fault,
    "usage": Usage,
    "processors": Parts,
    "drives": Parts,
    "nics": Parts,
    "systems": Counts,
}


def table(
    table_columns: Columns, resources: Iterable[_resource.Resource]
) -> tuple[tuple[str, ...], Iterable[tuple[Any, ...]]]:
    """Return headings and rows for a Lister."""
    rows = (
        tuple(_format(field, resource.raw.get(field)) for _, field in table_columns)
        for resource in resources
    )
    return tuple(heading for heading, _ in table_columns), rows


def details(
    order: Sequence[str], resource: _resource.Resource
) -> tuple[tuple[str, ...], tuple[Any, ...]]:
    """Return names and values for a ShowOne: in this order, then the other fields."""
    raw = resource.raw
    rest = sorted(set(raw) - set(order) - set(_OMITTED))
    names = (*(name for name in order if name in raw), *rest)
    return names, tuple(_format(name, raw[name]) for name in names)


def _format(field: str, value: Any) -> Any:
    return _FORMATTERS[field](value) if field in _FORMATTERS else value


def _free(totals: Mapping[str, int] | None, unit: str, divisor: int = 1) -> str:
    if not totals or not totals.get("total"):
        return ""
    return f"{totals['free'] // divisor} of {totals['total'] // divisor} {unit}"


def _list(value: Mapping[str, Any], name: str) -> Sequence[Mapping[str, Any]]:
    return value.get(name) or ()


def _quantity(value: Mapping[str, Any], name: str, unit: str) -> str:
    return f"{value[name]} {unit}" if name in value else ""


def _size(mib: int | None, kind: str | None) -> str:
    if mib is None:
        return f"{kind} memory" if kind else ""
    size = f"{mib // 1024} GiB" if mib % 1024 == 0 else f"{mib} MiB"
    return f"{size} {kind or 'memory'}"


def _device(device: Mapping[str, Any], quantity: str, unit: str, noun: str) -> str:
    words = [_quantity(device, quantity, unit), device.get("model"), device.get("type")]
    if "type" not in device:
        words.append(noun)
    if "vlan" in device:
        words.append(f"in VLAN {device['vlan']}")
    return " ".join(str(word) for word in words if word)
