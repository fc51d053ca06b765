import importlib.util
import sys
from pathlib import Path

import pytest

PATH = Path(__file__).parents[2] / "integration" / "training" / "game.py"


@pytest.fixture(scope="session")
def game():
    """The two-player toy game that unit and integration tests share."""
    spec = importlib.util.spec_from_file_location("game", PATH)
    module = importlib.util.module_from_spec(spec)
    sys.modules["game"] = module
    spec.loader.exec_module(module)
    return module
