# SPDX-License-Identifier: Apache-2.0

"""Compare the text that users and pod managers write exactly, in MariaDB too."""

from valence_conductor.db import migrations

revision = "0011"
down_revision = "0010"

#: Uuids, states and the like are left out: Valence writes them, in one spelling.
TEXT = {
    "podmanagers": (
        "name",
        "url",
        "driver",
    ),
    "flavors": ("name",),
    "nodes": (
        "name",
        "project_id",
        "user_id",
        "path",
        "system_path",
        "adopted_as",
    ),
    "systems": (
        "path",
        "chassis_path",
        "name",
        "node_path",
        "redfish_uuid",
        "serial_number",
        "manufacturer",
        "model",
        "health",
        "power_state",
        "processor_model",
    ),
    "racks": (
        "path",
        "name",
        "chassis_type",
        "manufacturer",
        "model",
        "serial_number",
        "health",
    ),
    "devices": (
        "path",
        "type",
        "node_path",
        "pooled_group_id",
        "listed_by",
    ),
}


def upgrade() -> None:
    """Change the columns in MariaDB; the other databases compare exactly already."""
    migrations.compare_exactly(TEXT)
