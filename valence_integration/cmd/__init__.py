# SPDX-License-Identifier: Apache-2.0

"""Command line of the plugin, for operators."""

import warnings

# oslo.versionedobjects imports eventlet, which would print its warning at every command.
warnings.filterwarnings("ignore", message=r"\s*Eventlet is deprecated")
