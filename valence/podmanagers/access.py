# SPDX-License-Identifier: Apache-2.0

"""How to reach one pod manager."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Access:
    """What a connection to a pod manager is made of; the only place with its plain password.

    :ivar uuid: of the pod manager.
    :ivar url: ``http(s)://host[:port]``, with the path of the service root where that is
        not ``/redfish/v1/``.
    :ivar driver: name of an entry point, see :data:`valence.podmanagers.NAMESPACE`.
    :ivar username: None: no credentials are sent.
    :ivar verify_ca: False, True, or the path of a file with certificates of authorities.
    :ivar ca: certificates of the only authorities to trust, in PEM.
    :ivar client_cert: certificate, with its chain, that the pod manager demands, in PEM.
    :ivar client_key: its private key, in PEM, in clear.
    """

    uuid: str
    url: str
    driver: str
    username: str | None = None
    password: str | None = dataclasses.field(default=None, repr=False)
    verify_ca: bool | str = True
    ca: str | None = None
    client_cert: str | None = None
    client_key: str | None = dataclasses.field(default=None, repr=False)
