# SPDX-License-Identifier: Apache-2.0

"""Boards: queues of jobs, of one process or shared by many."""

from valence_conductor.boards.base import Board
from valence_conductor.boards.base import Handler
from valence_conductor.boards.embedded import EmbeddedBoard
from valence_conductor.boards.jobboard import JobboardBoard

__all__ = ["Board", "EmbeddedBoard", "Handler", "JobboardBoard"]
