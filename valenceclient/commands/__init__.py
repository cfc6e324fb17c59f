# SPDX-License-Identifier: Apache-2.0

"""Commands of the ``valence`` program and of the OpenStackClient plugin.

One class serves both. It finds its client at ``self.app.client_manager.valence``.
"""
