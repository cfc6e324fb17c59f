# SPDX-License-Identifier: Apache-2.0

"""Commands of the ``valence`` program and of the OpenStackClient plugin.

Both use the same classes; their client is ``self.app.client_manager.valence``.
"""
