# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.

"""The one line in the log for every change of a row's state."""

from oslo_log import log as logging

LOG = logging.getLogger(__name__)

#: What a row comes from before it is there, and goes to when it goes.
NEW = "(new)"
GONE = "(gone)"


def log(
    kind: str, uuid: str, old: str, new: str, *, generation: int, request_id: str | None = None
) -> None:
    """Write the line; to be called once, after the change is committed.

    ``<kind> <uuid>: <old> -> <new> (generation <n>, request <id>)``; all lines
    are of one logger, so that they can be sent where they are wanted. It has ids
    and states and nothing that a user wrote.

    :param request_id: of the request that began the operation, if one is known.
    """
    LOG.info(
        "%s %s: %s -> %s (generation %d, request %s)",
        kind,
        uuid,
        old,
        new,
        generation,
        request_id or "-",
    )
