# SPDX-License-Identifier: Apache-2.0

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
