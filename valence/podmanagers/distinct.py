# SPDX-License-Identifier: Apache-2.0

"""UUIDs and serial numbers, and whether they tell one machine from another."""

import contextlib
import re
import uuid as uuids

#: UUIDs that many machines have: of mainboards whose maker did not choose one.
COMMON_UUIDS = frozenset(
    {
        "03000200-0400-0500-0006-000700080009",  # in the reference firmware of AMI
        "00020003-0004-0005-0006-000700080009",
        "12345678-1234-5678-90ab-cddeefaabbcc",
        "12345678-1234-1234-1234-123456789abc",
        "01234567-89ab-cdef-0123-456789abcdef",
    }
)

#: What stands for a serial number where there is none: without spaces and punctuation.
COMMON_SERIALS = frozenset(
    [
        "na",
        "none",
        "null",
        "nil",
        "empty",
        "blank",
        "default",
        "defaultstring",
        "invalid",
        "notspecified",
        "notavailable",
        "notapplicable",
        "notpresent",
        "notprovided",
        "notset",
        "notdefined",
        "unspecified",
        "undefined",
        "unknown",
        "unavailable",
        "oem",
        "tobefilledbyoem",
        "tobefilledbymanufacturer",
        "filledbyoem",
        "tobedetermined",
        "tbd",
        "serial",
        "serialnumber",
        "systemserialnumber",
        "chassisserialnumber",
        "baseboardserialnumber",
        "noassettag",
        "noserialnumber",
        "0123456789",
        "123456789",
        "1234567890",
        "12345678",
        "01234567",
        "1234567",
        "0123456789abcdef",
        "test",
        "error",
    ]
)


def uuid(value: str | None) -> str | None:
    """Return a UUID, in any spelling, in lower case with hyphens; None: it tells nothing apart.

    What is no UUID, and stands in its place, is returned in lower case, see :func:`serial`.
    """
    text = (value or "").strip().lower()
    with contextlib.suppress(ValueError):
        text = str(uuids.UUID(text))
    return serial(text)


def serial(value: str | None) -> str | None:
    """Return a serial number; None: it tells nothing apart.

    That is one of zeros, or of any other one character, one of :data:`COMMON_UUIDS`, and
    what makers write where there is none, such as ``To be filled by O.E.M.``.
    """
    text = (value or "").strip()
    bare = re.sub(r"[\W_]", "", text).lower()
    is_common = bare in COMMON_SERIALS or canonical_uuid(text) in _COMMON
    return None if is_common or len(set(bare)) < 2 else text


def canonical_uuid(value: str) -> str:
    """Return the same for both byte orders of a UUID.

    Firmware before SMBIOS 2.6 (DSP0134, 7.2.1) reports the first three fields of a UUID in
    the order of the network, later one in that of the processor: an update changes it.
    """
    text = value.lower()
    with contextlib.suppress(ValueError):
        given = uuids.UUID(text)
        return min(str(given), str(uuids.UUID(bytes=given.bytes_le)))
    return text


_COMMON = frozenset(map(canonical_uuid, COMMON_UUIDS))
