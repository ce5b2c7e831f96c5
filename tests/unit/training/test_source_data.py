import pytest

from mda.data import remote
from mda.data.contract import open_source
from mda.data.packed import pack_source
from mda.data.sources import SOURCES
from mda.errors import ConfigError
from mda.training.composing import compose_config, save_config
from mda.training.data_config import SourcesConfig
from mda.training.source_data import SourceData
from tests.unit.data import layouts
from tests.unit.data.server import serving

SETTINGS = ["data.sources={tartanair: 12}", "data.workers=0", "data.held_out=0.5", "data.min_views=1"]


def test_training_data_may_lie_on_a_server(tmp_path, monkeypatch):
    monkeypatch.setattr(remote, "_PAUSES", ())
    layouts.tartanair_published(tmp_path / "in")
    pack_source(open_source(SOURCES["tartanair"], tmp_path / "in"), tmp_path / "out" / "tartanair_cut3r")
    with serving(tmp_path / "out") as server:
        root = server.url.replace("://", "://me:secret@")
        config = compose_config(["data=sources", f"data.root={root}", *SETTINGS, "data.num_views=2"])
        assert isinstance(config.data, SourcesConfig)
        data = SourceData(config.data)
        batch = next(iter(data.train_dataloader()))
        assert batch.names[0].startswith("tartanair/")
        saved = save_config(config, tmp_path / "run").read_text()
        assert "secret" not in saved
        assert f"root: {server.url}" in saved


def test_passwords_are_not_shown_in_errors_of_settings():
    with pytest.raises(ConfigError) as told:
        compose_config(["data=sources", "data.rot=https://me:secret@host/a", "data.root='https://me:secret@host"])
    assert "secret" not in str(told.value)
