# Every target sets itself up: the first one makes .venv and installs the project with all it needs into it.
PYTHON ?= python3
BIN := .venv/bin
RUN_DIR := eval_results/demo

.PHONY: demo test check docs bench bench-quality clean

# The environment. Without an NVIDIA GPU the CPU build of PyTorch pinned in constraints.txt is enough.
.venv: .venv/ready
.venv/ready: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit("mda needs Python 3.11 or newer; set PYTHON=..." if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv .venv
	$(BIN)/python scripts/install.py
	@touch $@

# A clip with exact ground truth is rendered, then depth, cameras, sky and a point cloud are predicted from its images.
demo: .venv
	rm -rf $(RUN_DIR)/scenes
	$(BIN)/mda synth $(RUN_DIR)/scenes --clips 1 --views 6 --size 240x320 --seed 7
	$(BIN)/mda predict $(RUN_DIR)/scenes/*/color --out $(RUN_DIR)/clip --save-mixture --overwrite

test: .venv
	$(BIN)/python -m pytest -q -n auto --dist loadfile --cov --cov-report=term

check: .venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/basedpyright
	$(BIN)/lint-imports

# The site in build/site, API from docstrings; a forgotten page or a link that leads nowhere is an error.
docs: .venv
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

# The procedural benchmark: scores what ships, and the single-depth baseline if its weights are there.
BASELINE := weights/mda_mini_single.safetensors
CLIPS := 200
bench-quality: .venv
	$(BIN)/python benchmarks/quality.py --baseline $(BASELINE) --clips $(CLIPS) --views 2 --size 128x160 --blur 1 2 4 8 \
		--remedies --glass 50 --workers 2 --readme README.md --figures docs/images --figure docs/images/flying_points.png

bench: .venv
	$(BIN)/python benchmarks/decoding.py
	$(BIN)/python benchmarks/losses.py
	$(BIN)/python benchmarks/forward.py
	$(BIN)/python benchmarks/synth.py

clean:
	rm -rf .venv build dist .pytest_cache .ruff_cache .coverage
