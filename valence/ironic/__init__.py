# SPDX-License-Identifier: Apache-2.0

"""The client of Ironic: registers composed nodes there, and deletes them.

``nodes`` has what is requested of Ironic, ``identity`` by which facts a node of Ironic is
recognized, ``states`` what its provision states allow, ``connection`` the requests and
their errors.
"""

from valence.ironic.connection import MICROVERSION
from valence.ironic.identity import Identity
from valence.ironic.nodes import Ironic
from valence.ironic.states import UNUSED

__all__ = ("MICROVERSION", "UNUSED", "Identity", "Ironic")
