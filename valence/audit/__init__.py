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

"""What stands on pod managers and in Ironic, and no node of ours owns it.

What bears the uuid of this installation is surely ours, and is given back. What
only looks like Valence's is reported. What another installation made is none of
our business. Everything must have been seen for a while before it counts.
"""

from valence.audit.audit import Audit

__all__ = ["Audit"]
