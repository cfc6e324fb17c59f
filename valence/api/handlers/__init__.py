# SPDX-License-Identifier: Apache-2.0

"""What the API does, one file a noun. Handlers are functions of a call."""
