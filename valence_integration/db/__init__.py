# SPDX-License-Identifier: Apache-2.0

"""The database of the plugin: tables, the repository of instances, migrations."""
