# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.


"""Schemas of racks."""

from valence.schemas import base
from valence.schemas import inventory
from valence.schemas.inventory import COUNT
from valence.schemas.inventory import MAYBE

RACK = base.thing(
    {
        "uuid": base.UUID,
        "name": MAYBE,
        "podm_id": base.UUID,
        "path": {"type": "string"},
        "chassis_type": MAYBE,
        "manufacturer": MAYBE,
        "model": MAYBE,
        "serial_number": MAYBE,
        "health": MAYBE,
        "systems": base.thing(dict.fromkeys(("total", "used", "free", "absent"), COUNT)),
        **inventory.AGE,
        "created_at": base.MOMENT,
        "links": base.LINKS,
    }
)

RACKS = inventory.collection("racks", RACK)

LIST = base.listing(
    {
        "name": base.NAME,
        "podm_id": base.UUID,
        "chassis_type": base.NAME,
        "serial_number": base.NAME,
        "health": base.NAME,
        "refresh": inventory.REFRESH,
    },
    ("uuid", "name", "created_at"),
)

SHOW = base.request({"refresh": inventory.REFRESH})
