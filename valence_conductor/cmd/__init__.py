# SPDX-License-Identifier: Apache-2.0

"""The command of the conductor."""

import warnings

# A dependency of TaskFlow checks whether eventlet is installed. Valence does not use it,
# and an operator can do nothing about its deprecation.
warnings.filterwarnings("ignore", message=r"\s*Eventlet is deprecated")
