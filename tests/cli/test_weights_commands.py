"""`mda download`, `mda convert`, and the guard against weights that may not be used commercially."""

import sys
from dataclasses import replace

import pytest
from safetensors import safe_open

from mda.models.presets import PRESETS, HubFile

CONTENT = b"weights" * 1000


@pytest.fixture
def remote_preset(local_hub, monkeypatch):
    """A preset whose weights are on the local Hub alone."""
    source = HubFile(repo="lab/Mini", file="mini.safetensors")
    preset = replace(
        PRESETS["mda_mini"], name="mini_remote", source=source, commercial=False, licence_weights="CC-BY-NC-4.0"
    )
    monkeypatch.setitem(PRESETS, "mini_remote", preset)
    local_hub.put(source.repo, source.file, CONTENT)
    return preset


def one_error(result, code=2):
    assert result.code == code
    assert len(result.err.splitlines()) == 1
    assert result.err.startswith("error: ")
    assert "Traceback" not in result.err
    return result.err


@pytest.mark.usefixtures("remote_preset")
def test_download_says_size_and_licence_first_and_then_where_the_file_is(command, local_hub):
    result = command("download", "mini_remote")
    assert result.code == 0
    first, place, licence, hint = result.out.splitlines()
    assert first == (
        "Fetching mini.safetensors of lab/Mini (0.0 MB; licence CC-BY-NC-4.0, not for commercial use) "
        f"from {local_hub.url}."
    )
    with open(place, "rb") as file:  # noqa: PTH123 - the path is a text
        assert file.read() == CONTENT
    assert licence == "Licence of the weights: CC-BY-NC-4.0, not for commercial use."
    assert hint == "Use them: mda predict INPUT --model mini_remote"
    local_hub.requests.clear()
    again = command("download", "mini_remote")
    assert again.out.splitlines() == [place, licence, hint]
    assert local_hub.requests == []
    assert command("download", "mini_remote", "--update").code == 0
    assert len(local_hub.asked("HEAD")) > 0
    assert not local_hub.asked("GET")


def test_download_of_what_is_shipped_needs_no_network(command):
    result = command("download", "mda_mini")
    assert result.code == 0
    assert result.out.splitlines()[0].endswith("mda_mini.safetensors")


@pytest.mark.usefixtures("remote_preset")
def test_download_can_refuse_by_licence(command, local_hub):
    assert "does not allow commercial use" in one_error(command("download", "mini_remote", "--commercial"))
    assert local_hub.requests == []


@pytest.mark.usefixtures("remote_preset")
def test_download_that_fails_is_one_line_with_the_commands(command, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    error = one_error(command("download", "mini_remote"))
    assert "HF_HUB_OFFLINE is set" in error
    assert "hf download lab/Mini mini.safetensors --local-dir checkpoints/Mini" in error
    assert "did you mean mda_mini" in one_error(command("download", "mda_mni")).lower()


@pytest.mark.usefixtures("remote_preset")
def test_an_interrupted_download_tells_how_to_go_on(command, monkeypatch):
    import huggingface_hub.file_download as library  # noqa: PLC0415 - an extra

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(library, "http_get", interrupted)
    result = command("download", "mini_remote")
    assert result.code == 130
    assert "the same command goes on" in result.err


@pytest.mark.usefixtures("remote_preset")
def test_download_without_the_extra_tells_how_to_install_it(command, monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    assert 'pip install "mda[hub]"' in one_error(command("download", "mini_remote"))


def test_predict_can_refuse_by_licence(command, photos, tmp_path):
    result = command("predict", photos, "--model", "mda_mog_sky_l2", "--commercial", "--out", tmp_path / "run")
    assert "mda_mog_sky_l2 are under CC-BY-NC-4.0, which does not allow commercial use" in one_error(result)
    assert not (tmp_path / "run").exists()


def test_predict_with_allowed_weights_goes_through_the_guard(predict, photos, tmp_path):
    assert predict(photos, "--model", "mda_mini", "--commercial", "--out", tmp_path / "run").code == 0


def test_models_lists_only_those_allowed(command):
    shown = {line.split()[0] for line in command("models", "--commercial").out.split("\n\n")[0].splitlines()[1:]}
    assert shown == {preset.name for preset in PRESETS.values() if preset.commercial}
    everything = {line.split()[0] for line in command("models").out.split("\n\n")[0].splitlines()[1:]}
    assert everything == set(PRESETS)


def test_models_tells_size_and_source(command, tmp_path):
    file = tmp_path / "here" / "checkpoints" / "MDA" / "DA3_MOG_Sky_LogL2.ckpt"
    file.parent.mkdir(parents=True)
    file.write_bytes(bytes(3_000_000))
    lines = {line.split()[0]: line for line in command("models").out.split("\n\n")[0].splitlines()}
    assert " 3 MB " in lines["mda_mog_sky_l2"]
    assert " sy000/MDA " in lines["mda_mog_sky_l2"]
    assert " ~137 MB " in lines["da3-small"]
    assert " depth-anything/DA3-SMALL " in lines["da3-small"]
    assert " ships with mda " in lines["mda_mini"]


def test_convert_writes_and_tells(command, weights, tmp_path):
    out = tmp_path / "out.safetensors"
    result = command("convert", weights, out)
    assert result.code == 0
    assert f"of mda_mini, 26.1 MB: {out}" in result.out
    assert "Licence of the weights: Apache-2.0." in result.out
    with safe_open(out, framework="pt") as file:
        assert file.metadata()["preset"] == "mda_mini"
    assert "is there already" in one_error(command("convert", weights, out))
    assert command("convert", weights, out, "--overwrite", "--model", "mda_mini").code == 0


def test_convert_refuses_what_it_cannot_use(command, weights, tmp_path):
    out = tmp_path / "out.safetensors"
    (tmp_path / "w.ckpt").write_bytes(b"hello, these are not weights\n")
    assert "w.ckpt is a text file" in one_error(command("convert", tmp_path / "w.ckpt", out))
    assert "no weights file" in one_error(command("convert", tmp_path / "none.ckpt", out))
    assert "no network called 'nothing'" in one_error(command("convert", weights, out, "--model", "nothing"))
    assert "must end in .safetensors" in one_error(command("convert", weights, tmp_path / "out.pt"))
    assert not out.exists()
