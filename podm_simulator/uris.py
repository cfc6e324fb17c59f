# SPDX-License-Identifier: Apache-2.0

"""The paths of the Redfish tree; no other module builds one."""

ROOT = "/redfish/v1"
SYSTEMS = f"{ROOT}/Systems"
CHASSIS = f"{ROOT}/Chassis"
MANAGERS = f"{ROOT}/Managers"
FABRICS = f"{ROOT}/Fabrics"
NODES = f"{ROOT}/Nodes"
ALLOCATE = f"{NODES}/Actions/Allocate"
ALLOCATE_BY_SCHEMA = f"{NODES}/Actions/ComposedNodeCollection.Allocate"
SESSION_SERVICE = f"{ROOT}/SessionService"
SESSIONS = f"{SESSION_SERVICE}/Sessions"
POD_MANAGER = f"{MANAGERS}/PODM"


def system(ident: str) -> str:
    """Return the path of a computer system."""
    return f"{SYSTEMS}/{ident}"


def chassis(ident: str) -> str:
    """Return the path of a chassis."""
    return f"{CHASSIS}/{ident}"


def drive(chassis_ident: str, ident: str) -> str:
    """Return the path of a drive, which Redfish lists in its chassis."""
    return f"{CHASSIS}/{chassis_ident}/Drives/{ident}"


def manager(ident: str) -> str:
    """Return the path of a manager."""
    return f"{MANAGERS}/{ident}"


def node(ident: str) -> str:
    """Return the path of a composed node."""
    return f"{NODES}/{ident}"


def fabric(ident: str) -> str:
    """Return the path of a fabric."""
    return f"{FABRICS}/{ident}"


def normal(path: str) -> str:
    """Return the path without the trailing slash that some clients send."""
    return path.rstrip("/") or "/"
