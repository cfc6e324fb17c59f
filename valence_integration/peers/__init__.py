# SPDX-License-Identifier: Apache-2.0

"""Clients of the services that the plugin drives: Valence and Ironic."""
