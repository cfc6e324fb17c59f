# SPDX-License-Identifier: Apache-2.0

"""A Redfish pod manager that behaves, and misbehaves, like the real ones."""
