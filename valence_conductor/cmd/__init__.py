# SPDX-License-Identifier: Apache-2.0

"""The conductor's command."""

import warnings

# What TaskFlow stands on looks whether there is an eventlet. We do not use it, and
# whoever starts a command can do nothing about its being deprecated.
warnings.filterwarnings("ignore", message=r"\s*Eventlet is deprecated")
