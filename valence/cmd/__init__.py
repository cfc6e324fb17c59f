# SPDX-License-Identifier: Apache-2.0

"""The commands of the service."""

import warnings

# A dependency of TaskFlow imports eventlet if it is installed. Valence does not use it, and
# an operator who starts a command can do nothing about its deprecation.
warnings.filterwarnings("ignore", message=r"\s*Eventlet is deprecated")
