import os

from mda.synthetic.kernels import compiled


def test_machine_code_older_than_any_kernel_is_forgotten(tmp_path, monkeypatch):
    kernels = tmp_path / "kernels"
    cache = kernels / "__pycache__"
    cache.mkdir(parents=True)
    times = {
        tmp_path / "layout.py": 10,
        kernels / "compiled.py": 20,
        kernels / "rays.py": 30,
        cache / "drawing.old.nbi": 25,
        cache / "drawing.new.nbi": 31,
        cache / "drawing.old.1.nbc": 25,
    }
    for path, seconds in times.items():
        path.touch()
        os.utime(path, (seconds, seconds))
    monkeypatch.setattr(compiled, "__file__", str(kernels / "compiled.py"))
    compiled.forget_stale_code.__wrapped__()
    assert sorted(path.name for path in cache.iterdir()) == ["drawing.new.nbi", "drawing.old.1.nbc"]
