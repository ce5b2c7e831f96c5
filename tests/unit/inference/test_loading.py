import pytest
import torch
from safetensors.torch import load_file, save_file

from mda.errors import CheckpointError, ConfigError
from mda.inference.loading import best_device, checked_device, find_weights, load
from mda.models.presets import PRESETS, build


@pytest.fixture(scope="module")
def mini_file(tmp_path_factory):
    torch.manual_seed(0)
    state = {name: value.contiguous() for name, value in build("mda_mini").state_dict().items()}
    file = tmp_path_factory.mktemp("weights") / "trained.safetensors"
    save_file(state, file)
    return file


def test_a_named_model_takes_a_file(mini_file):
    predictor = load("mda_mini", checkpoint=mini_file, device="cpu")
    assert predictor.name == "mda_mini"
    assert predictor.weights == mini_file
    assert not predictor.network.training
    token = predictor.network.state_dict()["camera_token"]
    torch.testing.assert_close(token, load_file(mini_file)["camera_token"])


def test_a_file_alone_tells_its_model(mini_file):
    assert load(mini_file, device="cpu").name == "mda_mini"
    assert load(str(mini_file), device="cpu").name == "mda_mini"


def test_a_file_of_no_known_model_is_refused(tmp_path):
    file = tmp_path / "other.safetensors"
    save_file({"a.weight": torch.zeros(3)}, file)
    with pytest.raises(CheckpointError, match="does not look like"):
        load(file)


def test_two_files_are_one_too_many(mini_file):
    with pytest.raises(ConfigError, match="both weights files"):
        load(mini_file, checkpoint=mini_file)


def test_a_missing_file_is_named():
    with pytest.raises(CheckpointError, match=r"nowhere\.safetensors"):
        load("nowhere.safetensors")
    with pytest.raises(CheckpointError, match=r"nowhere\.ckpt"):
        load("mda_mini", checkpoint="nowhere.ckpt")


@pytest.mark.parametrize("name", ["mda_mog_sky_l2", "sy000/MDA"])
def test_a_model_that_is_not_here_tells_where_to_get_it(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
    with pytest.raises(CheckpointError) as caught:
        load(name)
    message = str(caught.value)
    for part in (
        "https://huggingface.co/sy000/MDA",
        "DA3_MOG_Sky_LogL2.ckpt",
        "--checkpoint FILE",
        "mda.load(",
        "CC-BY-NC-4.0: not for commercial use",
        "checkpoints/MDA/",
    ):
        assert part in message


def test_weights_are_found_where_people_have_them(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
    preset = PRESETS["mda_mog_sky_l2"]
    assert find_weights(preset) is None
    cached = tmp_path / "cache" / "models--sy000--MDA" / "snapshots" / "abc" / preset.source.file
    cached.parent.mkdir(parents=True)
    cached.touch()
    assert find_weights(preset) == cached
    local = tmp_path / "checkpoints" / "MDA" / preset.source.file
    local.parent.mkdir(parents=True)
    local.touch()
    assert find_weights(preset).resolve() == local


def test_vggt_is_found_under_the_name_that_the_published_release_has_for_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
    file = tmp_path / "checkpoints" / "vggt_1b_model.pt"
    file.parent.mkdir()
    file.touch()
    assert find_weights(PRESETS["vggt"]).resolve() == file
    assert find_weights(PRESETS["vggt-commercial"]) is None


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("mda_mni", "Did you mean mda_mini"),
        ("MDA_MINI", "Did you mean mda_mini"),
        ("no/such/thing", "mda models"),
    ],
)
def test_unknown_names_are_refused_with_help(name, words):
    with pytest.raises(ConfigError, match=words) as caught:
        load(name)
    assert "mda_mog_sky_l2" in str(caught.value)


def test_devices_that_are_not_there_are_refused():
    assert checked_device("cpu") == torch.device("cpu")
    assert best_device().type in {"cpu", "cuda", "mps"}
    with pytest.raises(ConfigError, match="no device"):
        checked_device("gpu")
    with pytest.raises(ConfigError, match="not usable"):
        checked_device("cuda:99")
