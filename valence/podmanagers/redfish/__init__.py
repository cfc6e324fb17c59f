# SPDX-License-Identifier: Apache-2.0

"""What every Redfish service says alike: OData, fields, messages, collections."""
