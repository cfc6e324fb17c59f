# SPDX-License-Identifier: Apache-2.0

"""The Redfish API of a pod: one module for each noun, and a table of routes."""
