import json
import sys
from dataclasses import replace

import pytest
import torch

from mda.errors import CheckpointError, ConfigError, OutputError
from mda.inference import hub
from mda.inference.loading import find_model, load
from mda.inference.predictor import Predictor
from mda.inference.publishing import model_card, read_config
from mda.models.checkpoints import read_state_dict
from mda.models.presets import PRESETS, build
from tests.cli.conftest import photo

# The library's own way to upload makes its network library complain.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")
NON_COMMERCIAL = replace(PRESETS["mda_mini"], licence_weights="CC-BY-NC-4.0", commercial=False)


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return build("mda_mini").eval()


@pytest.fixture
def predictor(network):
    return Predictor(network=network, preset=PRESETS["mda_mini"], device=torch.device("cpu"))


def same_weights(one, other):
    mine, theirs = one.network.state_dict(), other.network.state_dict()
    return mine.keys() == theirs.keys() and all(torch.equal(mine[name], theirs[name]) for name in mine)


def test_a_folder_comes_back_as_the_same_predictor(predictor, tmp_path):
    folder = predictor.save_pretrained(tmp_path / "some" / "model")
    assert sorted(path.name for path in folder.iterdir()) == ["README.md", "config.json", "model.safetensors"]
    again = load(folder, device="cpu")
    assert again.preset == predictor.preset
    assert again.weights == folder / "model.safetensors"
    image = photo(tmp_path / "a.png")
    before, after = predictor.predict([image], size=64), again.predict([image], size=64)
    # Not to the last bit: how the memory of a weight is aligned may change the order of sums.
    torch.testing.assert_close(after.depth, before.depth, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(after.mixture.locs, before.mixture.locs, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(after.cameras.intrinsics, before.cameras.intrinsics, rtol=1e-4, atol=1e-5)


def test_a_recalibration_is_kept_and_widens_the_densities(predictor, tmp_path):
    wide = replace(predictor, preset=replace(predictor.preset, recalibration=1.5))
    again = load(wide.save_pretrained(tmp_path / "model"), device="cpu")
    assert again.preset.recalibration == 1.5
    image = photo(tmp_path / "a.png")
    before, after = predictor.predict([image], size=64), again.predict([image], size=64)
    torch.testing.assert_close(after.mixture.scales, 1.5 * before.mixture.scales, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(after.mixture.locs, before.mixture.locs, rtol=1e-4, atol=1e-5)
    # What is asked for goes before what was saved.
    assert load(tmp_path / "model", device="cpu", recalibration=2.0).preset.recalibration == 2.0


@pytest.mark.parametrize("value", [0, -1, "wide", True, None])
def test_impossible_recalibrations_are_refused(predictor, tmp_path, value):
    predictor.save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "recalibration": value}))
    with pytest.raises(CheckpointError, match="recalibration"):
        load(tmp_path, device="cpu")
    with pytest.raises(ConfigError, match="recalibration"):
        load("mda_mini", device="cpu", recalibration=-1.0)


def test_saving_again_replaces(predictor, tmp_path):
    predictor.save_pretrained(tmp_path)
    other = replace(predictor, preset=NON_COMMERCIAL)
    other.save_pretrained(tmp_path)
    assert load(tmp_path, device="cpu").licence == "CC-BY-NC-4.0"
    assert len(list(tmp_path.iterdir())) == 3


def test_others_may_read_the_files(predictor, tmp_path):
    folder = predictor.save_pretrained(tmp_path / "model")
    (folder / "plain").touch()
    modes = {path.stat().st_mode for path in folder.iterdir()}
    assert len(modes) == 1


def test_published_names_are_written_for_published_networks(tmp_path):
    # The layer norm that the published head holds at four places is there four times.
    preset = PRESETS["da3-small"]
    small = Predictor(network=preset.build().eval(), preset=preset, device=torch.device("cpu"))
    folder = small.save_pretrained(tmp_path)
    names = set(read_state_dict(folder / "model.safetensors"))
    assert {f"model.head.scratch.output_conv2_aux.{level}.2.weight" for level in range(4)} <= {
        f"model.{name.removeprefix('model.')}" for name in names
    }
    assert same_weights(load(folder, device="cpu"), small)


def test_a_restriction_in_the_configuration_holds(predictor, tmp_path):
    folder = replace(predictor, preset=NON_COMMERCIAL).save_pretrained(tmp_path)
    assert load(folder, device="cpu").licence == "CC-BY-NC-4.0"
    with pytest.raises(ConfigError, match=r"CC-BY-NC-4\.0.*commercial"):
        load(folder, device="cpu", commercial=True)


def test_a_configuration_cannot_lift_a_restriction(tmp_path):
    file = tmp_path / "config.json"
    content = {"library_name": "mda", "format_version": 1, "preset": "vggt", "licence": "MIT", "commercial": True}
    file.write_text(json.dumps(content))
    assert not read_config(file).commercial


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "not a readable JSON file"),
        ("\udcff", "not a readable JSON file"),
        ("[]", "not written by mda"),
        ('{"model_name": "da3-small"}', "not written by mda.*--checkpoint FILE"),
        ('{"library_name": "mda", "format_version": 1, "preset": "future"}', "'future'.*pip install -U mda"),
        ('{"library_name": "mda", "format_version": 2, "preset": "mda_mini"}', "format 2.*pip install -U mda"),
        ('{"library_name": "mda", "preset": ["mda_mini"]}', "pip install -U mda"),
    ],
)
def test_a_configuration_that_cannot_be_used_is_named(tmp_path, content, words):
    (tmp_path / "config.json").write_text(content, encoding="utf-8", errors="surrogateescape")
    with pytest.raises(CheckpointError, match=rf"config\.json.*{words}"):
        load(tmp_path, device="cpu")


def test_a_folder_of_something_else_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"holds no config\.json.*save_pretrained"):
        load(tmp_path, device="cpu")


def test_a_folder_without_its_weights_is_named(predictor, tmp_path):
    predictor.save_pretrained(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"no weights file .*model\.safetensors"):
        load(tmp_path, device="cpu")


def test_a_folder_that_cannot_be_written_to_is_named(predictor, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="file"):
        predictor.save_pretrained(tmp_path / "file")


@pytest.mark.parametrize("name", PRESETS)
def test_the_model_card_tells_the_licence_and_how_to_load(name):
    preset = PRESETS[name]
    card = model_card(preset, "owner/name")
    _, header, text = card.split("---\n", 2)
    fields = dict(line.split(": ", 1) for line in header.splitlines() if ": " in line)
    expected = {"Apache-2.0": "apache-2.0", "CC-BY-NC-4.0": "cc-by-nc-4.0", None: "unknown"}
    assert fields["license"] == expected.get(preset.licence_weights, "other")
    assert ("license_name" in fields) == (fields["license"] == "other")
    assert fields.get("base_model") == (preset.source.repo if preset.source else None)
    assert fields["library_name"] == "mda"
    assert 'mda.load("owner/name")' in text
    assert ("Commercial use is not allowed" in text) == (not preset.commercial)


def test_a_pushed_model_comes_back(predictor, local_hub, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    address = predictor.push_to_hub("someone/my-model")
    assert address == f"{local_hub.url}/someone/my-model/commit/{local_hub.commit('someone/my-model')}"
    files = local_hub.repositories["someone/my-model"]
    assert set(files) == {"README.md", "config.json", "model.safetensors"}
    assert b'mda.load("someone/my-model")' in files["README.md"]
    again = load("someone/my-model", device="cpu")
    assert same_weights(again, predictor)
    assert again.preset == predictor.preset
    # From now on without the network.
    local_hub.requests.clear()
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert same_weights(load("someone/my-model", device="cpu"), predictor)
    assert local_hub.requests == []


def test_the_guard_is_asked_before_the_weights_are_fetched(predictor, local_hub):
    replace(predictor, preset=NON_COMMERCIAL).push_to_hub("someone/restricted")
    with pytest.raises(ConfigError, match="commercial"):
        load("someone/restricted", device="cpu", commercial=True)
    assert not local_hub.asked("GET", "model.safetensors")


def test_an_updated_repository_keeps_configuration_and_weights_together(predictor, local_hub):
    predictor.push_to_hub("someone/my-model")
    first = load("someone/my-model", device="cpu")
    torch.manual_seed(1)
    changed = replace(predictor, network=build("mda_mini").eval(), preset=NON_COMMERCIAL)
    changed.push_to_hub("someone/my-model")
    assert load("someone/my-model", device="cpu").weights == first.weights
    model = find_model("someone/my-model", update=True)
    assert model.preset == NON_COMMERCIAL
    assert model.weights().parent != first.weights.parent
    second = load("someone/my-model", device="cpu")
    assert same_weights(second, changed)
    assert second.licence == "CC-BY-NC-4.0"
    assert len(local_hub.asked("GET", "/cdn/")) == 2


def test_weights_are_of_the_version_of_the_configuration(predictor, local_hub):
    predictor.push_to_hub("someone/my-model")
    model = find_model("someone/my-model")
    torch.manual_seed(1)
    replace(predictor, network=build("mda_mini").eval()).push_to_hub("someone/my-model")
    weights = read_state_dict(model.weights())
    mine = predictor.network.state_dict()
    assert all(torch.equal(weights[name], mine[name]) for name in mine)
    assert len(local_hub.asked("GET", "/cdn/")) == 1


@pytest.mark.usefixtures("local_hub")
def test_without_the_library_a_repository_tells_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(CheckpointError, match=r"no model or weights file 'someone/my-model'.*mda\[hub\]"):
        load("someone/my-model", device="cpu")


def test_a_repository_of_something_else_is_told(local_hub):
    local_hub.put("someone/bert", "config.json", b'{"architectures": ["BertModel"]}')
    with pytest.raises(CheckpointError, match=r"not written by mda"):
        load("someone/bert", device="cpu")
    local_hub.put("someone/empty", "README.md", b"nothing")
    with pytest.raises(CheckpointError, match=r"someone/empty: the repository holds no such file.*mda models"):
        load("someone/empty", device="cpu")
    with pytest.raises(CheckpointError, match=r"no such repository.*hf download nobody/nothing --local-dir FOLDER"):
        load("nobody/nothing", device="cpu")


@pytest.mark.usefixtures("local_hub")
def test_a_push_without_the_right_is_told(predictor):
    with pytest.raises(OutputError, match=r"Cannot write to someone/my-model.*HF_TOKEN.*save_pretrained\(FOLDER\)"):
        predictor.push_to_hub("someone/my-model", token="hf_wrong")  # noqa: S106 - no secret


def test_a_push_that_fails_on_its_way_is_told(predictor, local_hub):
    local_hub.failing = 403
    with pytest.raises(OutputError, match=r"Cannot write to someone/my-model: .*\(403\).*save_pretrained\(FOLDER\)"):
        predictor.push_to_hub("someone/my-model")
    assert local_hub.repositories["someone/my-model"] == {}


def test_a_push_offline_is_told(predictor, local_hub, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(OutputError, match=r"HF_HUB_OFFLINE is set.*save_pretrained\(FOLDER\)"):
        predictor.push_to_hub("someone/my-model")
    assert local_hub.requests == []
    assert hub.offline()
