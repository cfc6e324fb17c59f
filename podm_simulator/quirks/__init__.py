# SPDX-License-Identifier: Apache-2.0

"""Quirks: documented ways in which real implementations depart from the text of Redfish."""
