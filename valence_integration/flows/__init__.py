# SPDX-License-Identifier: Apache-2.0

"""Flow factories: provision a server, and destroy it.

A factory is found by its dotted path, which is persisted with every running flow: a
released path must stay.
"""
