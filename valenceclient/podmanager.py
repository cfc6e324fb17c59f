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

"""Pod managers: the Redfish services that machines are composed from."""

from collections.abc import Callable
from collections.abc import Mapping
import dataclasses
import datetime
from typing import Any
from typing import ClassVar

from valenceclient import _collection
from valenceclient import _resource


@dataclasses.dataclass(frozen=True, kw_only=True)
class PodManager(_resource.Resource):
    """A pod manager; its password never comes back."""

    CONVERT: ClassVar[Mapping[str, Callable[[Any], Any]]] = {
        **_resource.Resource.CONVERT,
        "status_since": _resource.when,
        "usage": _resource.mapping,
    }

    url: str = ""
    driver: str = ""
    #: online, degraded, offline or unknown.
    status: str = "unknown"
    status_reason: str | None = None
    status_since: datetime.datetime | None = None
    #: True, False, or the path of a CA bundle on the service's machine.
    verify_ca: bool | str | None = None
    username: str | None = None
    #: What it has, as last known: ``systems``, ``cores``, ``memory_mib``, ``nodes``
    #: and ``devices``, with ``total``, ``used`` and ``free``.
    usage: Mapping[str, Any] = dataclasses.field(default_factory=dict, hash=False)


class PodManagers(_collection.Collection[PodManager]):
    """``/v1/podmanagers``."""

    path = "/podmanagers"
    key = "podmanagers"
    resource = PodManager
    confidential = True

    def create(  # type: ignore[override]  # the fields by name, instead of any
        self,
        *,
        name: str,
        url: str,
        driver: str | None = None,
        username: str | None = None,
        password: str | None = None,
        verify_ca: bool | str | None = None,
        uuid: str | None = None,
    ) -> PodManager:
        """Register a pod manager; Valence logs in to it first.

        Raises BadRequest if it is unreachable or refuses the credentials, and
        Conflict if the name or url is taken.
        """
        return super().create(
            name=name,
            url=url,
            driver=driver,
            username=username,
            password=password,
            verify_ca=verify_ca,
            uuid=uuid,
        )
