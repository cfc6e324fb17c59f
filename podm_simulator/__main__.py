# SPDX-License-Identifier: Apache-2.0

"""Run the command as ``python -m podm_simulator``."""

import sys

from podm_simulator import cmd

sys.exit(cmd.main())
