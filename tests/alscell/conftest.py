"""Made-up tables for the tests of figures and report."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def example() -> ModuleType:
    """The module example_tables.py beside this file."""
    spec = importlib.util.spec_from_file_location("example_tables", Path(__file__).with_name("example_tables.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
