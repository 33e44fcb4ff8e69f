# make demo: the whole product on this machine.   make test: set-up and every test.
.DEFAULT_GOAL := help
DATA ?= .data
RUN = .venv/bin/tg-assistant
ENV_FILE = $(if $(wildcard $(DATA)/env),--env-file $(DATA)/env)

# who may not keep byte code compiles all of it at each start: seconds a process
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup demo dev down test check fmt attacks diag monitor smoke clean
help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | column -t -s "$$(printf '\t')"

setup: ## uv and the environment, nothing started
	@sh scripts/setup.sh

demo: setup ## everything on this machine; DATA=folder, RESET=1 starts over
	@exec $(RUN) demo --data $(DATA) $(if $(filter-out 0,$(RESET)),--reset)

dev: setup ## the demo, restarted where the source changes, with debug logs
	@LOG_LEVEL=DEBUG exec $(RUN) dev --data $(DATA)

down: ## stop the running demo
	@$(RUN) down --data $(DATA)

test: setup ## the whole suite on all cores, Chromium included; ARGS=tests/bot: that alone, in one process
	@sh scripts/chromium.sh
	@sh scripts/redis.sh
	@$(RUN) build
	@.venv/bin/python -m pytest $(or $(ARGS),-n auto)

faults: setup ## the long fault runs: kills in a row, each process killed under the smoke run, a stopped owner, orders of events
	@sh scripts/chromium.sh
	@$(RUN) build
	@.venv/bin/python -m pytest --runslow tests/faults tests/ingest/test_stopped_owner.py tests/ingest/test_any_order.py tests/demo/test_smoke.py $(ARGS)

attacks: setup ## the long attack runs: a million mutations, ten thousand generated requests, fifty races, half an hour of a mixed one
	@sh scripts/chromium.sh
	@sh scripts/redis.sh
	@$(RUN) build
	@.venv/bin/python -m pytest --attacks tests/attacks tests/api $(ARGS)

load: setup ## the long load runs: 2,000 real posts (EVAL_DATA_DIR) through every door, and the slow measurements
	@sh scripts/chromium.sh
	@$(RUN) demo --smoke --load $(or $(EVAL_DATA_DIR),../shared/data)/telegram_posts_ru.jsonl.gz --limit 2000
	@.venv/bin/python -m pytest --runslow -s tests/eval tests/infra/embeddings tests/core/retrieval/test_indexing.py $(ARGS)

check: setup ## format, lint, types, bandit, semgrep, dependency rule, shape, lock
	@sh scripts/check.sh

fmt: setup ## put the code in order
	@.venv/bin/ruff format -q . && .venv/bin/ruff check -q --fix .

smoke: setup ## the main job through the real doors, as one JSON object
	@sh scripts/chromium.sh
	@$(RUN) demo --smoke

diag: ## ask every neighbour whether it is well
	@$(RUN) $(ENV_FILE) doctor

monitor: ## the same, every five seconds
	@while :; do clear; date; $(RUN) $(ENV_FILE) doctor || true; sleep 5; done

logs-api: ; @$(MAKE) -s logs-web
logs-telethon: ; @$(MAKE) -s logs-ingest
logs-redis: ; @echo "The demo runs one web worker and needs no Redis; yours logs where you run it (REDIS_URL)."
logs-%: ## follow one process: web, bot, ingest, embedder, sandbox, postgres, chroma
	@tail -n 50 -F $(DATA)/logs/$*.log

clean: ## forget builds and caches; .data stays
	@rm -rf .web .pytest_cache .ruff_cache .import_linter_cache .hypothesis dist
