# SPDX-License-Identifier: Apache-2.0

"""Boards: where jobs wait for somebody who does them."""

from valence_conductor.boards.base import Board
from valence_conductor.boards.base import Work
from valence_conductor.boards.embedded import EmbeddedBoard
from valence_conductor.boards.jobboard import JobboardBoard

__all__ = ["Board", "EmbeddedBoard", "JobboardBoard", "Work"]
