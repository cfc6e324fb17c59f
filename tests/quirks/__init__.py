# SPDX-License-Identifier: Apache-2.0

"""The main job on pod managers with quirks: ``python -m tests.quirks`` (``make quirks``)."""
