import logging
import sys
from types import SimpleNamespace

import pytest

from mda.cli import models
from mda.cli.main import main
from mda.errors import MissingExtraError
from mda.models.presets import PRESETS


def test_without_a_command_the_commands_are_listed(command):
    result = command()
    assert result.code == 0
    for name in ("predict", "view", "export", "models", "download", "convert", "synth", "train"):
        assert f"\n    {name} " in result.out


def test_commands_that_are_not_built_are_not_in_the_help_but_answered(command):
    shown = command("--help").out
    for name in ("batch",):
        assert f"\n    {name} " not in shown
        result = command(name, "x", "--y")
        assert result.code == 2
        assert f"`mda {name}` is not built yet" in result.err
        assert len(result.err.splitlines()) == 1


def test_a_misspelt_command_is_corrected(command):
    result = command("predcit", "x")
    assert result.code == 2
    assert "did you mean `mda predict`?" in result.err
    assert "commands are predict" in command("xyz").err


@pytest.mark.parametrize("name", ["predict", "view", "export", "models", "download", "convert", "synth", "train"])
def test_every_command_explains_itself(command, name):
    result = command(name, "--help")
    assert result.code == 0
    assert f"usage: mda {name}" in result.out


def test_the_version(command):
    assert command("--version").out.startswith("mda ")


def test_a_missing_argument_is_one_line(command):
    result = command("predict")
    assert result.code == 2
    assert result.err == "error: the following arguments are required: INPUT (see `mda predict --help`)\n"


def test_a_fault_of_ours_is_a_short_message(command, monkeypatch):
    def broken(_):
        return 1 / 0

    monkeypatch.setattr(models, "run", broken)
    result = command("models")
    assert result.code == 1
    assert "error: ZeroDivisionError: division by zero" in result.err
    assert "report" in result.err
    assert "Traceback" not in result.err
    assert "Traceback" in command("models", "--debug").err
    monkeypatch.setenv("MDA_DEBUG", "1")
    assert "Traceback" in command("models").err


def test_models_lists_every_model(command, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
    result = command("models")
    assert result.code == 0
    for preset in PRESETS.values():
        assert preset.title in result.out
        line = next(line for line in result.out.splitlines() if line.startswith(f"{preset.name} "))
        assert preset.backbone in line
        assert preset.licence_code in line
        assert (preset.licence_weights or "-") in line
        assert f"{preset.parameters / 1e6:,.1f} M" in line
    assert "https://huggingface.co/sy000/MDA; not for commercial use" in result.out


def test_models_tells_which_are_here(command, tmp_path):
    file = tmp_path / "here" / "checkpoints" / "MDA" / "DA3_MOG_Sky_LogL2.ckpt"
    file.parent.mkdir(parents=True)
    file.touch()
    line = next(line for line in command("models").out.splitlines() if line.startswith("mda_mog_sky_l2 "))
    assert " yes " in line


def test_train_hands_its_settings_on(command, monkeypatch):
    seen, needed = [], []
    pretended = SimpleNamespace(main=lambda settings: seen.extend(settings) or 0)
    monkeypatch.setitem(sys.modules, "mda.training.main", pretended)
    monkeypatch.setattr("mda.cli.train.require", lambda module, extra: needed.append((module, extra)))
    assert command("train", "experiment=mda/da3_mog_sky_full", "steps=3", "+x.y=[1,2]", "~z").code == 0
    assert seen == ["experiment=mda/da3_mog_sky_full", "steps=3", "+x.y=[1,2]", "~z"]
    assert needed == [("hydra", "train"), ("lightning", "train")]


def test_train_without_its_extra_tells_how_to_install_it(command, monkeypatch):
    def absent(module, extra):
        message = f'`{module}` is needed. Install it with: pip install "mda[{extra}]"'
        raise MissingExtraError(message)

    monkeypatch.setattr("mda.cli.train.require", absent)
    result = command("train", "experiment=mda_mini")
    assert result.code == 2
    assert 'pip install "mda[train]"' in result.err


def test_messages_of_a_command_do_not_outlive_it(command):
    before = list(logging.getLogger("mda").handlers), logging.getLogger("mda").level
    command("models")
    assert (list(logging.getLogger("mda").handlers), logging.getLogger("mda").level) == before


def test_a_reader_that_went_away_is_no_error(monkeypatch):
    def gone(_):
        raise BrokenPipeError

    monkeypatch.setattr(models, "run", gone)
    monkeypatch.setattr("os.dup2", lambda *_: None)
    monkeypatch.setattr("sys.stdout.fileno", lambda: 1, raising=False)
    assert main(["models"]) == 0
