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

"""Sphinx configuration of the manual."""

project = "Valence"
copyright = "OpenStack Foundation and contributors"
author = "OpenStack"

extensions = ["cliff.sphinxext", "openstackdocstheme"]
templates_path: list[str] = []
exclude_patterns: list[str] = []
root_doc = "index"
html_theme = "openstackdocs"
pygments_style = "native"

openstackdocs_repo_name = "openstack/valence"
openstackdocs_auto_name = False
openstackdocs_auto_version = False
openstackdocs_use_storyboard = False
