def test_two_decoders_of_the_same_pictures(predict, command, photos, tmp_path):
    for decoder in ("heaviest", "mean"):
        assert predict(photos, "--out", tmp_path / decoder, "--decoder", decoder).code == 0
    done = command("compare", tmp_path / "heaviest", tmp_path / "mean", "--views", 2)
    assert done.code == 0, done.err
    assert "hanging points" in done.out
    folder = tmp_path / "here" / "eval_results" / "compare" / "heaviest_mean"
    assert sorted(path.name for path in folder.iterdir()) == ["compare.html", "compare.json", "compare.png"]
    again = command("compare", tmp_path / "heaviest", tmp_path / "mean")
    assert again.code == 2
    assert "--overwrite" in again.err


def test_what_is_no_run_is_named(command, photos, tmp_path):
    done = command("compare", photos, tmp_path / "nothing")
    assert done.code == 2
    assert str(photos) in done.err
