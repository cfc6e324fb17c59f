# SPDX-License-Identifier: Apache-2.0

"""Sphinx configuration of the release notes."""

project = "Valence release notes"
copyright = "OpenStack Foundation and contributors"
author = "OpenStack"

extensions = ["openstackdocstheme", "reno.sphinxext"]
root_doc = "index"
html_theme = "openstackdocs"

openstackdocs_repo_name = "openstack/valence"
openstackdocs_auto_name = False
openstackdocs_auto_version = False
