# SPDX-License-Identifier: Apache-2.0

"""Versioned objects of the plugin.

Persistence style: the plugin has oslo.versionedobjects over a repository
(:class:`valence_integration.db.instances.Instances`), where the service ``valence`` works
with SQLAlchemy rows. The plugin runs inside Nova and Mogan. Both have this object model,
and the specification adds the field ``composed`` to an object of it: fields are typed,
a version and a fingerprint guard them, and hooks of an older release can still read the
primitive (``obj_make_compatible``). A versioned object is also detached from the database,
so that an instance can be passed to hooks and callers without an open session. Rows
(:mod:`valence_integration.db.models`) therefore never leave the repository.

The service has no such consumer: its clients read JSON over HTTP, checked against the
schemas of its API. A second object layer there would only repeat its tables.
"""
