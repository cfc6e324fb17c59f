# SPDX-License-Identifier: Apache-2.0

"""The peers of the plugin: Valence and Ironic."""
