import importlib.util
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def game():
    """The two-player toy game."""
    spec = importlib.util.spec_from_file_location("game", Path(__file__).with_name("game.py"))
    module = importlib.util.module_from_spec(spec)
    sys.modules["game"] = module
    spec.loader.exec_module(module)
    return module
