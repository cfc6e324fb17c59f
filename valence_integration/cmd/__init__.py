# SPDX-License-Identifier: Apache-2.0

"""Commands of the plugin's operators."""

import warnings

# oslo.versionedobjects brings it along, and it greets people at their terminals.
warnings.filterwarnings("ignore", message=r"\s*Eventlet is deprecated")
