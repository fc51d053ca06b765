import pytest
from pydantic import BaseModel, ConfigDict

from misen.core.errors import ConfigError, NotFoundError
from misen.training.config import load_config, parse_config

GOOD = 'name = "x"\nsteps = 10\n\n[model]\nwidth = 8\n'


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    width: int
    depth: int = 2


def complaint(text, *overrides):
    with pytest.raises(ConfigError) as caught:
        parse_config(text, "run.toml", overrides)
    return str(caught.value)


def test_defaults_and_sections():
    config = parse_config(GOOD)
    assert (config.steps, config.batch_size, config.precision) == (10, 64, "bf16")
    assert config.section("model", Settings) == Settings(width=8)
    assert config.resolved()["model"] == {"width": 8}


def test_overrides_are_toml_values_or_bare_words():
    config = parse_config(GOOD, "run.toml", ["steps=20", "schedule=cosine", "model.depth=5", "betas=[0.5, 0.9]"])
    assert (config.steps, config.schedule, config.betas) == (20, "cosine", (0.5, 0.9))
    assert config.section("model", Settings).depth == 5


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('name = "x"\nsteps = 1\nstpes = 2\n', ["run.toml:3", "stpes", "did you mean 'steps'?"]),
        ('name = "x"\nsteps = 1\nsteps = 2\n', ["run.toml:3", "only once"]),
        ('name = "x"\nsteps = 1\nlr = nan\n', ["run.toml:3", "lr must be a finite number"]),
        ('name = "x"\nsteps = 1\n[model]\nscale = inf\n', ["run.toml:4", "model.scale"]),
        ('name = "x"\nsteps = "10"\n', ["run.toml:2", "steps", "'10'"]),
        ('name = "x"\nsteps = true\n', ["run.toml:2", "steps"]),
        ('name = "x"\nsteps = -1\n', ["run.toml:2", "steps", "-1"]),
        ('name = "x"\n', ["give steps, max_minutes or both"]),
        ('name = "x"\nmax_minutes = 1\nschedule = "cosine"\n', ["needs steps"]),
        ("steps = 1\n", ["name is missing"]),
        ('name = "x"\nstart: !!python/object:os.system\n', ["run.toml:2", "TOML"]),
        ('name = "x', ["run.toml:1"]),
    ],
)
def test_complaints_name_file_line_and_remedy(text, expected):
    message = complaint(text)
    assert all(part in message for part in expected), message


def test_every_complaint_is_listed():
    message = complaint('name = "x"\nsteps = 0\nemaa = 1\nlr = -1.0\n')
    assert all(f"run.toml:{line}" in message for line in (2, 3, 4))


def test_sections_are_as_strict():
    config = parse_config(GOOD + "deepth = 3\n", "run.toml")
    with pytest.raises(ConfigError, match=r"run.toml:6: unknown key 'model.deepth'; did you mean 'depth'"):
        config.section("model", Settings)


def test_missing_key_of_a_section():
    with pytest.raises(ConfigError, match=r"run.toml:3: model.width is missing"):
        parse_config('name = "x"\nsteps = 1\n[model]\n', "run.toml").section("model", Settings)


def test_overrides_are_blamed_by_name():
    assert "--set stepz: unknown key" in complaint(GOOD, "stepz=1")
    assert "--set takes key=value" in complaint(GOOD, "steps")
    assert "not a table" in complaint(GOOD, "name.first=1")


def test_load(tmp_path):
    path = tmp_path / "run.toml"
    path.write_text(GOOD)
    assert load_config(path, ["seed=3"]).seed == 3
    with pytest.raises(NotFoundError):
        load_config(tmp_path / "absent.toml")
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="UTF-8"):
        load_config(path)
