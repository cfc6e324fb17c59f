# SPDX-License-Identifier: Apache-2.0

"""The driver for pod managers of Intel Rack Scale Design."""
