# SPDX-License-Identifier: Apache-2.0

"""The names that the package exports, as values and as types."""

import ast
import importlib
import inspect
import pathlib

from tests import base
import valenceclient

PACKAGE = pathlib.Path(inspect.getfile(valenceclient)).parent


def declared_names() -> dict[str, str]:
    """Return name -> module of the imports under TYPE_CHECKING.

    Only ``import x as x`` exports a name to a type checker (PEP 484).
    """
    tree = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    (block,) = (
        node
        for node in tree.body
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    )
    return {
        alias.name: str(statement.module)
        for statement in block.body
        if isinstance(statement, ast.ImportFrom)
        for alias in statement.names
        if alias.asname == alias.name
    }


class TestExports(base.TestCase):
    def test_every_name_is_the_object_of_its_home_module(self) -> None:
        for name, module in declared_names().items():
            exported = getattr(valenceclient, name)
            if inspect.ismodule(exported):
                self.assertEqual(f"{module}.{name}", exported.__name__)
                continue
            self.assertIs(getattr(importlib.import_module(module), name), exported)
            self.assertEqual(module, exported.__module__)

    def test_every_name_is_declared_for_type_checkers(self) -> None:
        self.assertEqual(set(valenceclient.__all__), set(declared_names()))

    def test_every_name_is_listed_once_in_order(self) -> None:
        self.assertEqual(sorted(set(valenceclient.__all__)), list(valenceclient.__all__))

    def test_an_unknown_name_is_an_attribute_error(self) -> None:
        self.assertRaises(AttributeError, getattr, valenceclient, "Nothing")
