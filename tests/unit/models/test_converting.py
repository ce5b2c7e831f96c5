import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from mda.errors import CheckpointError, ConfigError, OutputError
from mda.models import converting
from mda.models.adapters import published_shapes
from mda.models.checkpoints import read_metadata, read_state_dict
from mda.models.converting import convert_weights
from mda.models.loading import load_network, preset_of_file
from mda.models.presets import PRESETS, build


class Settings:
    """Stands for the classes of a trainer that pickles its settings."""


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return build("mda_mini").eval()


@pytest.fixture(scope="module")
def checkpoint(network, tmp_path_factory):
    """As trainers write them: wrapped, with objects of their own."""
    state = {f"model.{name}": value for name, value in network.state_dict().items()}
    file = tmp_path_factory.mktemp("weights") / "last.ckpt"
    torch.save({"state_dict": state, "hyper_parameters": Settings()}, file)
    return file


def same(state, network):
    mine = network.state_dict()
    return state.keys() == mine.keys() and all(torch.equal(state[name], mine[name]) for name in mine)


def test_a_checkpoint_becomes_safetensors(network, checkpoint, tmp_path):
    out = tmp_path / "out.safetensors"
    done = convert_weights(checkpoint, out)
    assert done.preset is PRESETS["mda_mini"]
    assert done.tensors == len(network.state_dict())
    assert done.size == out.stat().st_size
    assert same(read_state_dict(out), network)
    assert same(load_network(PRESETS["mda_mini"], out).state_dict(), network)
    assert [path.name for path in tmp_path.iterdir()] == ["out.safetensors"]


def test_the_metadata_names_model_and_licence(checkpoint, tmp_path):
    out = tmp_path / "out.safetensors"
    convert_weights(checkpoint, out)
    with safe_open(out, framework="pt") as file:
        metadata = file.metadata()
    assert metadata == {"format": "pt", "preset": "mda_mini", "licence": "Apache-2.0", "commercial": "yes"}


def test_numbers_keep_their_type(network, tmp_path):
    half = {name: value.half() if value.is_floating_point() else value for name, value in network.state_dict().items()}
    torch.save(half, tmp_path / "half.pt")
    convert_weights(tmp_path / "half.pt", tmp_path / "out.safetensors")
    assert {name: value.dtype for name, value in read_state_dict(tmp_path / "out.safetensors").items()} == {
        name: value.dtype for name, value in half.items()
    }


def tiny(name):
    """The tensors of a published file, without memory of their own."""
    preset = PRESETS[name]
    return {
        key: torch.zeros(1).expand(shape)
        for key, shape in published_shapes(preset.build("meta"), preset.scheme).items()
    }


def test_models_that_differ_in_weights_alone_must_be_named(tmp_path, monkeypatch):
    monkeypatch.setattr(converting, "read_weights", lambda _: tiny("da3mono-large"))
    monkeypatch.setattr(converting, "preset_of_file", lambda _: PRESETS["da3mono-large"])
    written = []
    monkeypatch.setattr(
        converting, "write_weights", lambda path, _, preset: written.append(preset) or path.write_bytes(b"")
    )
    with pytest.raises(CheckpointError, match=r"could be da3mono-large or da3metric-large.*--model NAME"):
        convert_weights("any.pt", tmp_path / "out.safetensors")
    assert written == []
    convert_weights("any.pt", tmp_path / "out.safetensors", preset=PRESETS["da3metric-large"])
    assert written == [PRESETS["da3metric-large"]]


def test_a_converted_file_tells_its_model_itself(tmp_path):
    # The content would say VGGT, whose weights are under another licence.
    file = tmp_path / "out.safetensors"
    save_file({"a": torch.zeros(1)}, file, metadata={"preset": "vggt-commercial"})
    assert preset_of_file(file).name == "vggt-commercial"
    save_file({"a": torch.zeros(1)}, file, metadata={"preset": "unheard of"})
    with pytest.raises(CheckpointError, match="does not look like"):
        preset_of_file(file)


@pytest.mark.parametrize("content", [b"", b"\x08\0\0\0\0\0\0\0{", b"text"])
def test_metadata_of_what_is_no_safetensors_file_is_empty(tmp_path, content):
    for name in ("w.safetensors", "w.pt"):
        (tmp_path / name).write_bytes(content)
        assert read_metadata(tmp_path / name) == {}


def test_every_tensor_must_fit(network, tmp_path):
    state = dict(network.state_dict())
    state["extra.weight"] = torch.zeros(2)
    dropped = next(iter(state))
    del state[dropped]
    torch.save(state, tmp_path / "w.pt")
    with pytest.raises(CheckpointError) as caught:
        convert_weights(tmp_path / "w.pt", tmp_path / "out.safetensors")
    assert "extra.weight" in str(caught.value)
    assert dropped in str(caught.value)
    assert not (tmp_path / "out.safetensors").exists()


def test_a_wrong_model_is_refused_with_the_right_one(checkpoint, tmp_path):
    with pytest.raises(CheckpointError, match="looks like the weights of mda_mini, not da3-small"):
        convert_weights(checkpoint, tmp_path / "out.safetensors", preset=PRESETS["da3-small"])


def test_nothing_is_overwritten_unless_asked(checkpoint, network, tmp_path):
    out = tmp_path / "out.safetensors"
    out.write_bytes(b"mine")
    with pytest.raises(OutputError, match=r"out\.safetensors is there already.*--overwrite"):
        convert_weights(checkpoint, out)
    assert out.read_bytes() == b"mine"
    convert_weights(checkpoint, out, overwrite=True)
    assert same(read_state_dict(out), network)
    with pytest.raises(ConfigError, match="is the file to be converted"):
        convert_weights(out, out, overwrite=True)


def test_other_endings_and_places_are_refused(checkpoint, tmp_path):
    with pytest.raises(ConfigError, match=r"must end in \.safetensors"):
        convert_weights(checkpoint, tmp_path / "out.pt")
    with pytest.raises(OutputError, match=r"nowhere/out\.safetensors"):
        convert_weights(checkpoint, tmp_path / "nowhere" / "out.safetensors")


@pytest.mark.parametrize(("said", "remedy"), [("(os error 27)", "too large for that file system"), ("", "I/O error")])
def test_what_the_system_says_about_writing_is_told(checkpoint, tmp_path, monkeypatch, said, remedy):
    def failing(*_, **__):
        raise converting.SafetensorError(f"Error while serializing: I/O error: {said}")  # noqa: EM102, TRY003

    monkeypatch.setattr(converting, "save_file", failing)
    with pytest.raises(OutputError, match=rf"out\.safetensors: .*{remedy}"):
        convert_weights(checkpoint, tmp_path / "out.safetensors")


def test_a_failure_leaves_the_old_file(checkpoint, tmp_path, monkeypatch):
    out = tmp_path / "out.safetensors"
    out.write_bytes(b"mine")

    def full(_, name, **__):
        with open(name, "wb") as file:  # noqa: PTH123 - as a library would
            file.write(b"half")
        raise converting.SafetensorError("I/O error: No space left on device (os error 28)")  # noqa: EM101, TRY003

    monkeypatch.setattr(converting, "save_file", full)
    with pytest.raises(OutputError, match=r"out\.safetensors: the disk is full"):
        convert_weights(checkpoint, out, overwrite=True)
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("out.safetensors", b"mine")]
