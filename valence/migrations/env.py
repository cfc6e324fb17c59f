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


"""What alembic runs."""

from valence.objects import base
from valence.objects import flavor  # noqa: F401  # makes its table known
from valence.objects import installation  # noqa: F401  # makes its table known
from valence.objects import inventory  # noqa: F401  # makes its tables known
from valence.objects import node  # noqa: F401  # makes its table known
from valence.objects import podmanager  # noqa: F401  # makes its table known
from valence_conductor import database

database.run_migrations(base.Base.metadata)
