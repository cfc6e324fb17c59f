# SPDX-License-Identifier: Apache-2.0

"""The hardware, who holds it, and what may be done with it: no HTTP here."""
