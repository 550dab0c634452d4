"""Profiles of clusters: one model, one table, and nothing in them that the workflow doesn't have."""

import itertools
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import yaml

from resources.fit import add_runs, as_text, read_measured, read_resources
from resources.measure import read_run
from resources.model import MIN_MINUTES, RUNNER_MB, asks, fit_rule, fit_table, needs
from resources.profiles import SYSTEMS, profile
from resources.rules import rule_scopes, rule_threads
from resources.used import by_rule, compare

ROOT = Path(__file__).resolve().parents[2]
MEND = "run: make profiles (after make fit-resources RUNS=... for a rule that no measured run has, or LIKE in model.py)"
TABLE = read_resources()
ROWS = TABLE.set_index("rule")


def read_profile(system):
    return yaml.safe_load((ROOT / f"profiles/{system}/config.yaml").read_text())


def evaluate(expression, *, size_mb, attempt):
    """A profile's expression, as Snakemake evaluates it."""
    return eval(expression, {"input": SimpleNamespace(size_mb=size_mb), "attempt": attempt})


def test_table_is_made_from_the_measured_jobs():
    assert as_text(fit_table(read_measured())) == (ROOT / "profiles/resources.tsv").read_text(), MEND


@pytest.mark.parametrize("system", SYSTEMS)
def test_profile_is_made_from_the_table(system):
    assert (ROOT / f"profiles/{system}/config.yaml").read_text() == profile(system, TABLE), MEND


@pytest.mark.parametrize("system", SYSTEMS)
def test_profile_has_the_rules_of_the_workflow_and_no_other(system):
    text, rules = read_profile(system), rule_scopes()
    named = {*text["set-resources"], *text["groups"]}
    assert named - set(rules) == set(), f"rules that the workflow doesn't have; {MEND}"
    lacking = {rule for rule in set(rules) - set(text["set-resources"]) if not rule.startswith("plot_")}
    assert lacking == set(), f"rules without memory and time; {MEND}"  # a new figure has those of profiles/site
    assert set(text["group-components"]) <= set(text["groups"].values())


def test_rules_are_read_from_the_rule_files():
    scopes, threads = rule_scopes(), rule_threads()
    assert len(scopes) > 50
    assert (scopes["load_sample"], scopes["embed_cells"], scopes["test_pathways"]) == ("sample", "dataset", "contrast")
    assert (scopes["write_report"], scopes["compare_planted"], scopes["fetch_collection"]) == (
        "run",
        "run",
        "collection",
    )
    assert set(threads) == set(scopes)
    assert [rule for rule, row in ROWS.iterrows() if row["threads"] != threads[rule]] == [], MEND


@pytest.mark.parametrize("system", SYSTEMS)
def test_expressions_say_what_the_model_says_and_grow_with_each_attempt(system):
    for rule, texts in read_profile(system)["set-resources"].items():
        for size in (0.0, 7.5, 3000.0):
            first, second = (
                [evaluate(texts[name], size_mb=size, attempt=attempt) for name in ("mem_mb", "runtime")]
                for attempt in (1, 2)
            )
            assert first == pytest.approx(asks(ROWS.loc[rule], size), rel=1e-3), rule
            assert second == [2 * value for value in first], rule


def test_model_never_falls_with_the_size_of_the_inputs():
    coefficients = ["mem_mb_per_mb", "seconds_per_mb", "input_mb_per_1000_cells", "input_mb_per_sample"]
    assert (TABLE[coefficients] >= 0).all(axis=None)
    grown = asks(ROWS.loc["embed_cells"], 500)[0] - asks(ROWS.loc["embed_cells"], 50)[0]
    assert grown == pytest.approx(1.3 * 450 * ROWS.loc["embed_cells", "mem_mb_per_mb"], abs=2)
    assert grown > 1000


def test_no_measured_job_is_above_its_first_ask_and_the_median_ask_is_below_twice_the_use():
    jobs = compare(read_measured(), TABLE)
    assert len(jobs) > 100
    assert (jobs["times_mb"] >= 1).all()
    assert (jobs["asked_minutes"] >= jobs["used_minutes"]).all()
    assert jobs["times_mb"].median() < 2
    assert (jobs["used_mb"] > RUNNER_MB).all()


def test_rules_of_a_group_ask_for_a_constant():
    grouped = TABLE[TABLE["group"] != ""]
    assert len(grouped) > 20
    assert (grouped[["mem_mb_per_mb", "seconds_per_mb"]] == 0).all(axis=None)


def test_no_other_rule_stands_between_two_of_a_group(tmp_path):
    graph = rule_graph(tmp_path)
    groups = read_profile("slurm")["groups"]
    for group in set(groups.values()):
        members = {rule for rule, name in groups.items() if name == group}
        outside = set().union(*(graph.get(rule, set()) for rule in members)) - members
        assert reached(graph, outside) & members == set(), f"group {group} would wait for itself"


def rule_graph(folder):
    """Rule -> rules that take its output, in the demo."""
    command = ["snakemake", "--snakefile", ROOT / "Snakefile", "--configfile", ROOT / "examples/demo/config.yaml"]
    (folder / "examples").symlink_to(ROOT / "examples")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    text = subprocess.run(
        [*command, "--directory", folder, "--rulegraph"],
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
    ).stdout
    names = dict(re.findall(r'^\s*(\d+)\[label = "(\w+)', text, re.MULTILINE))
    graph = {}
    for start, end in re.findall(r"^\s*(\d+) -> (\d+)", text, re.MULTILINE):
        graph.setdefault(names[start], set()).add(names[end])
    assert "embed_cells" in graph["load_sample"]
    return graph


def reached(graph, rules):
    """Those rules and all that follow from them."""
    found, waiting = set(), list(rules)
    while waiting:
        rule = waiting.pop()
        if rule not in found:
            found.add(rule)
            waiting += graph.get(rule, ())
    return found


def jobs_of(sizes, memory, seconds=1.0):
    sizes = np.asarray(sizes, dtype=float)
    return pd.DataFrame(
        {
            "input_mb": sizes,
            "mem_mb": memory,
            "seconds": seconds,
            "cells": 250 * sizes,
            "samples": np.arange(len(sizes)),
        }
    )


def test_a_planted_line_is_found_and_raised_above_every_job():
    sizes = np.array([5.0, 10.0, 50.0, 100.0])
    exact = fit_rule(jobs_of(sizes, 200 + 3 * sizes, 2 + 0.5 * sizes), "")
    assert [exact[name] for name in ("mem_mb", "mem_mb_per_mb", "seconds", "seconds_per_mb")] == pytest.approx(
        [200, 3, 2, 0.5]
    )
    assert exact["input_mb_per_1000_cells"] == pytest.approx(4)
    noisy = fit_rule(jobs_of(sizes, (200 + 3 * sizes) * [1, 1.2, 0.9, 1]), "")
    assert min(needs(pd.Series(noisy), size)[0] / (200 + 3 * size) for size in sizes) >= 1
    assert needs(pd.Series(noisy), 10)[0] == pytest.approx(1.2 * 230)


def test_one_size_or_a_group_gives_a_constant():
    for jobs, group in ((jobs_of([10, 11], [300, 320]), ""), (jobs_of([1, 100], [300, 320]), "tables")):
        found = fit_rule(jobs, group)
        assert (found["mem_mb"], found["mem_mb_per_mb"]) == (pytest.approx(320), 0)


def test_a_rule_that_nobody_measured_is_named():
    measured = read_measured()
    with pytest.raises(ValueError, match="embed_cells: no measured job, and not in LIKE"):
        fit_table(measured[measured["rule"] != "embed_cells"])
    fewer = fit_table(measured[measured["rule"] != "plot_volcano"])
    assert "plot_volcano" not in set(fewer["rule"])


@pytest.fixture
def finished(tmp_path):
    """A run with one job: 2 MiB of inputs, 300 MiB of memory, 90 s."""
    for name in ("benchmarks/embed_cells", ".snakemake/metadata", "results/mine/samples/A1", "logs"):
        (tmp_path / name).mkdir(parents=True)
    head = "s\th:m:s\tmax_rss\tmax_vms\n"
    (tmp_path / "benchmarks/embed_cells/mine.tsv").write_text(f"{head}90.0\t0:01:30\t300.0\t900.0\n")
    (tmp_path / "benchmarks/embed_cells/gone.tsv").write_text(f"{head}90.0\t0:01:30\t300.0\t900.0\n")
    (tmp_path / "input").write_bytes(b"0" * 2 * 1024 * 1024)
    record = {"log": ["logs/embed_cells/mine.log"], "input": ["input", "temporary"], "incomplete": False}
    (tmp_path / ".snakemake/metadata/one").write_text(json.dumps(record))
    cells = pd.DataFrame({"cell": [str(i) for i in range(7)]})
    cells.to_parquet(tmp_path / "results/mine/samples/A1/quality.parquet")
    return tmp_path


def test_jobs_of_a_finished_run_are_read(finished):
    jobs = read_run(finished, run="mine", machine="idle")
    assert jobs.to_dict("records") == [
        {"run": "mine", "machine": "idle", "rule": "embed_cells", "job": "mine", "cells": 7, "samples": 1}
        | {"input_mb": 2.0, "mem_mb": 300.0, "seconds": 90.0}
    ]
    with pytest.raises(FileNotFoundError, match="no finished run"):
        read_run(finished / "logs", run="mine", machine="idle")


def test_jobs_of_a_run_take_the_place_of_earlier_ones(finished):
    measured = add_runs(read_measured(), [f"mine={finished}"], "busy")
    again = add_runs(measured, [f"mine={finished}"], "idle")
    assert (measured["run"] == "mine").sum() == (again["run"] == "mine").sum() == 1
    assert again.loc[again["run"] == "mine", "machine"].tolist() == ["idle"]


def test_asked_against_used_counts_the_jobs_above_their_ask():
    row = {"rule": "embed_cells", "mem_mb": 100, "mem_mb_per_mb": 0, "seconds": 10, "seconds_per_mb": 0}
    table = pd.DataFrame([row | {"min_minutes": MIN_MINUTES}])
    jobs = pd.DataFrame({"rule": "embed_cells", "job": ["a", "b"], "input_mb": 1.0, "mem_mb": [100.0, 140.0]})
    found = by_rule(compare(jobs.assign(seconds=30.0), table)).iloc[0]
    assert (found["n_jobs"], found["n_over"], found["asked_mb"], found["used_mb"]) == (2, 1, 530, 540)
    assert found["median_times_mb"] == pytest.approx(np.median([530 / 500, 530 / 540]))


def test_site_holds_what_a_user_sets_and_overrides_no_model():
    site = read_profile("site")
    assert set(site["default-resources"]) == {"mem_mb", "runtime"}
    assert set(site) & {"set-resources", "groups", "retries"} == set()
    keys = set(itertools.chain(*(read_profile(system) for system in SYSTEMS)))
    assert "default-resources" not in keys  # those of profiles/site would be lost
