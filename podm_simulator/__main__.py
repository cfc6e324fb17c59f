# SPDX-License-Identifier: Apache-2.0

"""Let ``python -m podm_simulator`` run the command."""

import sys

from podm_simulator import cmd

sys.exit(cmd.main())
