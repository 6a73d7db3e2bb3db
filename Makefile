# make demo   train on real clip art, curate it with the model, show the lineage   (SIZE=2000 for less)
# make test   lint, types and tests                                                (make check: without tests)
# make canaries   what mmreg relies on of Lance, with the lowest pylance and pyarrow; make test does it, too
#
# Each makes .venv with what it needs, and works again when repeated. PYTHON=... chooses the interpreter.

VENV ?= .venv
SIZE ?= 8121
BIN := $(abspath $(VENV))/bin
LOWEST := $(VENV)/lowest
DEMO := cd examples/openclipart && $(BIN)
# Threads that wait leave the cores to others: on a busy machine the trainings take a third of the time.
export OMP_WAIT_POLICY ?= passive
INSTALL := $(VENV)/bin/python -m pip install -c constraints.txt

.PHONY: demo test check canaries clean

demo: $(VENV)/.demo
	$(DEMO)/python corpus.py --out data --size $(SIZE)
	$(DEMO)/mmreg init
	$(DEMO)/mmreg apply
	$(DEMO)/mmreg promote selected
	$(DEMO)/mmreg ls
	$(DEMO)/python report.py
	$(DEMO)/mmreg lineage up selected

test: check canaries
	$(BIN)/python -m pytest -n 2 -q

# With the highest these are among the tests; the tables of each are read and extended by the other.
canaries: $(VENV)/.test $(VENV)/.lowest
	MMREG_OTHER_PYTHON=$(BIN)/python $(abspath $(LOWEST))/bin/python -m pytest -q tests/canaries \
	  tests/registry/test_operations.py tests/registry/test_publish.py tests/registry/test_rewrite.py tests/registry/test_pack.py

check: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The environment and everything that the demo made; the downloads in the cache stay.
clean:
	rm -rf $(VENV) examples/openclipart/data examples/openclipart/checkpoints examples/openclipart/.mmreg

$(VENV)/.made:
	@for python in $(PYTHON) python3 python3.14 python3.13 python3.12 python3.11; do \
	  if $$python -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    echo "$$python -m venv $(VENV)"; $$python -m venv --clear $(VENV) && touch $@; exit; \
	  fi; \
	done; \
	echo "mmreg needs Python 3.11 or newer with its venv module (Debian: apt install python3-venv)" >&2; exit 1

$(VENV)/.lowest: $(VENV)/.made pyproject.toml
	$(VENV)/bin/python -m venv --clear $(LOWEST)
	$(LOWEST)/bin/python -m pip install -q -e . pytest hypothesis \
	  $$(sed -nE 's/^ *"(pylance|pyarrow)>=([0-9]+)[",].*/\1==\2.0.0/p' pyproject.toml)
	touch $@

$(VENV)/.demo: $(VENV)/.made pyproject.toml constraints.txt
	$(INSTALL) -e '.[clip,cv]'
	touch $@

$(VENV)/.test: $(VENV)/.made pyproject.toml constraints.txt
	$(INSTALL) -e '.[dev,clip,mllm,cv,video,audio,validate,pii,language,dvc,s3,graph,mlflow,openlineage,postgres]'
	touch $@ $(VENV)/.demo
