# SPDX-License-Identifier: Apache-2.0

"""What all Redfish dialects share: fields of resources, and collections.

Links and error messages, which the HTTP layer reads as well, are in
:mod:`valence.podmanagers.odata` and :mod:`valence.podmanagers.messages`.
"""
