# SPDX-License-Identifier: Apache-2.0

"""A migration of Mogan's own database.

It does not belong to the migrations of the plugin: operators copy it to Mogan's, and apply
it with ``mogan-dbsync upgrade``.
"""
