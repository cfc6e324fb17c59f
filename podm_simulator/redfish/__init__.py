# SPDX-License-Identifier: Apache-2.0

"""The Redfish face of a pod: one noun, one module, and a table of routes."""
