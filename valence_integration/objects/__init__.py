# SPDX-License-Identifier: Apache-2.0

"""Versioned objects of the plugin."""
