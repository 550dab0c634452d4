"""The parts of check: schema violations in words, exact rank, and its agreement with the real design."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest

from alscell.check_dataset import Sheet
from alscell.check_design import (
    arm_warning,
    contrast_problems,
    design_columns,
    is_missing,
    is_number,
    rank,
    smallest_permutation_p,
)
from alscell.check_gene_sets import running_sum_problems
from alscell.check_schema import key_name, schema_problems, shown
from alscell.design import build_design
from alscell.errors import InputError, nearest
from alscell.keys import is_label_column

CONTRAST = {"factor": "condition", "case": ["ALS"], "control": ["Control"]}
COLUMNS = ("condition", "sex", "age", "batch", "site")


def problems_of(donors: dict[str, dict[str, str]], covariates: list[str], *, min_donors: int = 3) -> list[InputError]:
    return contrast_problems(
        "als_vs_control",
        CONTRAST,
        donors,
        columns=["sample", "donor", *COLUMNS],
        covariates=covariates,
        min_donors=min_donors,
        where="config, dataset 'mine'",
        sheet="samples.tsv",
    )


def random_donors(seed: int) -> dict[str, dict[str, str]]:
    """Six to ten donors whose columns are few-valued, so that many designs are deficient."""
    rng = np.random.default_rng(seed)
    size = int(rng.integers(6, 11))
    condition = ["ALS"] * (size // 2) + ["Control"] * (size - size // 2)
    values = {
        "condition": condition,
        "sex": rng.choice(["F", "M"], size),
        "age": rng.choice(["50", "60"], size),
        "batch": rng.choice(["1", "2", "3"], size),
        "site": rng.choice(["x", "y"], size) if seed % 3 else ["a" if name == "ALS" else "b" for name in condition],
    }
    return {f"D{n}": {column: str(values[column][n]) for column in COLUMNS} for n in range(size)}


@pytest.mark.parametrize("seed", range(60))
def test_check_refuses_the_designs_that_the_model_refuses(seed):
    donors = random_donors(seed)
    rng = np.random.default_rng(1000 + seed)
    covariates = [str(name) for name in rng.permutation(COLUMNS[1:])[: rng.integers(1, 4)]]
    frame = pd.DataFrame.from_dict(donors, orient="index")
    try:
        design = build_design(frame, **CONTRAST, covariates=covariates)
        refused = design.df_residual < 1
    except InputError:
        refused = True
    assert bool(problems_of(donors, covariates)) == refused


def test_the_random_designs_are_of_both_kinds():
    outcomes = {bool(problems_of(random_donors(seed), ["site", "batch"])) for seed in range(60)}
    assert outcomes == {True, False}


def test_rank_is_exact_and_agrees_with_numpy():
    rng = np.random.default_rng(3)
    for _ in range(50):
        matrix = rng.integers(-2, 3, size=(6, 5))
        columns = [[Fraction(int(value)) for value in column] for column in matrix.T]
        assert rank(columns) == np.linalg.matrix_rank(matrix)
    tenth = [Fraction("0.1"), Fraction("0.2"), Fraction("0.3")]
    assert rank([tenth, [3 * value for value in tenth]]) == 1
    assert rank([]) == 0


def test_design_columns_of_numbers_labels_and_constants():
    assert design_columns("age", ["61", "55.5"]) == [[Fraction(61), Fraction("55.5")]]
    assert design_columns("sex", ["F", "M", "F"]) == [[0, 1, 0]]
    assert design_columns("batch", ["1", "2", "3"]) == [[0, 1, 0], [0, 0, 1]]
    assert design_columns("age", ["61", "61"]) == []
    assert design_columns("age", ["61", "61.0"]) == []
    assert design_columns("Sequencing batch", ["1", "2", "3"]) == [[0, 1, 0], [0, 0, 1]]


@pytest.mark.parametrize(
    "name",
    [
        *("batch", "Batch", "BATCH", "batch_id", "batchID", "Seq.Batch", "seqBatch", "batch2", "library batch"),
        *("cohort", "lane", "chip", "center", "Centre", "run", "plate_no", "Site", "pool", "cell_line", "pair", "sex"),
    ],
)
def test_columns_that_hold_labels_in_digits(name):
    assert is_label_column(name)
    assert design_columns(name, ["1", "2", "3"]) == [[0, 1, 0], [0, 0, 1]]
    donors = pd.DataFrame({"condition": list("aaabbb"), name: list("123123")}, index=list("uvwxyz"))
    design = build_design(donors, factor="condition", case=["a"], control=["b"], covariates=[name])
    assert [term.split("=")[-1] for term in design.matrix] == ["intercept", "2", "3", "a"]


@pytest.mark.parametrize(
    "name", ["age", "pmi", "RIN", "ph", "batch_size", "site_temperature", "runtime", "id", "passage"]
)
def test_columns_that_may_hold_numbers(name):
    assert not is_label_column(name)


@pytest.mark.parametrize("text", ["61", "-0.5", "+3", "1e3", ".5", "5.", " 61 "])
def test_numbers_are_those_that_pandas_and_fractions_read(text):
    assert is_number(text)
    assert float(Fraction(text.strip())) == pd.to_numeric(text) == float(text)


@pytest.mark.parametrize("text", ["90+", ">90", "61,5", "1/2", "1_000", "0x1A", "inf", "nan", "1e999", "٣", "", "6 1"])
def test_what_is_no_number(text):
    assert not is_number(text)


def test_as_many_coefficients_as_donors_leave_no_spread():
    donors = {
        name: {
            "condition": "ALS" if number < 3 else "Control",
            "age": str(age),
            "sex": sex,
            "batch": batch,
            "site": "x",
        }
        for number, (name, age, sex, batch) in enumerate(
            [
                ("D1", 50, "F", "1"),
                ("D2", 61, "M", "2"),
                ("D3", 47, "F", "3"),
                ("D4", 58, "M", "1"),
                ("D5", 66, "F", "2"),
                ("D6", 71, "F", "3"),
            ]
        )
    }
    assert problems_of(donors, ["age", "sex"]) == []
    (problem,) = problems_of(donors, ["age", "sex", "batch"])
    assert "6 donors for 6 coefficients" in str(problem)
    # With a descriptive arm there is no spread to measure, so nothing is refused.
    assert problems_of(donors, ["age", "sex", "batch"], min_donors=4) == []


def test_confounded_only_together():
    rows = [("ALS", "x", "F"), ("ALS", "x", "F"), ("ALS", "y", "M"), ("ALS", "y", "M")]
    rows += [("Control", "x", "M"), ("Control", "x", "M"), ("Control", "y", "F"), ("Control", "y", "F")]
    donors = {f"D{n}": dict(zip(("condition", "site", "sex"), row, strict=True)) for n, row in enumerate(rows)}
    # Two columns and their arms are a balanced square here: no problem, though every pair looks related.
    assert problems_of(donors, ["site", "sex"]) == []
    for donor, age in zip(donors, (1, 1, 2, 2, 0, 0, 1, 1), strict=True):
        donors[donor]["age"] = str(age)
    (problem,) = problems_of(donors, ["site", "age"])
    assert "covariate 'age'" in str(problem)
    assert "'condition' (together with site)" in str(problem)


def test_few_donors_are_told():
    donors = {"D1": {"condition": "ALS"}, "D2": {"condition": "Control"}, "D3": {"condition": "Control"}}
    sentence = arm_warning("c", CONTRAST, donors, min_donors=2, where="config, dataset 'mine'")
    assert "1 in case, fewer than differential.min_donors (2)" in sentence
    assert "large effects only: no permutation of 1 against 2 donors can go below p = 0.33" in arm_warning(
        "c", CONTRAST, donors, min_donors=1, where=""
    )
    many = {f"{level}{i}": {"condition": level} for level in ("ALS", "Control") for i in range(5)}
    assert arm_warning("c", CONTRAST, many, min_donors=3, where="") == ""


@pytest.mark.parametrize(("sizes", "p"), [((3, 3), 0.1), ((4, 4), 2 / 70), ((3, 4), 1 / 35), ((8, 4), 1 / 495)])
def test_lowest_p_of_a_permutation_test_by_trying_all(sizes, p):
    """With the most extreme data there are: all of one arm above all of the other."""
    values = np.arange(sum(sizes)) ** 2.0
    differences = [
        abs(values[list(chosen)].mean() - np.delete(values, chosen).mean())
        for chosen in itertools.combinations(range(len(values)), sizes[0])
    ]
    observed = abs(values[: sizes[0]].mean() - values[sizes[0] :].mean())
    other = abs(values[-sizes[0] :].mean() - values[: -sizes[0]].mean())
    lowest = min(np.mean(np.array(differences) >= one - 1e-9) for one in (observed, other))
    assert smallest_permutation_p(*sizes) == pytest.approx(p) == pytest.approx(lowest)


def test_donor_columns_are_those_that_are_constant():
    rows = [
        (2, {"sample": "S1", "donor": "D1", "region": "C", "sex": "F"}),
        (3, {"sample": "S2", "donor": "D1", "region": "L", "sex": "F"}),
        (4, {"sample": "S3", "donor": "D2", "region": "L", "sex": "M"}),
    ]
    donors = Sheet("samples.tsv", ["sample", "donor", "region", "sex"], rows).donors
    assert donors == {
        "D1": {"donor": "D1", "sex": "F"},
        "D2": {"sample": "S3", "donor": "D2", "region": "L", "sex": "M"},
    }


@pytest.mark.parametrize(
    "value",
    ["", "NA", "n/a", "NaN", "None", " - ", "unknown", "Unknown", "not available", "Not_Reported", "NR", "n.d."],
)
def test_missing_values(value):
    assert is_missing(value)


@pytest.mark.parametrize("value", ["0", "no", "F", "normal", "negative"])
def test_values_that_are_not_missing(value):
    assert not is_missing(value)


def test_names_of_places_and_values():
    assert key_name(("datasets", 0, "contrasts", 1)) == "datasets[1].contrasts[2]"
    assert shown(True) == "true (true/false)"
    assert shown(None) == "nothing"
    assert shown("5") == "'5' (text)"
    assert shown([]) == "an empty list"


def test_schema_problems_name_each_place_once():
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "required": ["a"],
        "additionalProperties": False,
        "properties": {"a": {"type": "integer"}, "b": {"type": "number", "minimum": 0}},
    }
    found = schema_problems({"b": -1, "c": 1}, schema, where=key_name)
    assert [path for path, _ in found] == [("a",), ("b",), ("c",)]
    assert schema_problems({"a": 1, "b": 0.5}, schema, where=key_name) == []
    assert len(schema_problems({"a": 1.0}, schema, where=key_name)) == 1
    assert len(schema_problems({"a": True}, schema, where=key_name)) == 1


def test_nearest_does_not_mind_capitals():
    assert nearest("als", ["ALS", "Control"]) == "Did you mean 'ALS'?"
    assert nearest("xyz", ["b", "a"]) == "Valid: a, b."


def test_running_sums_of_a_set_that_the_run_has_not(tmp_path):
    (tmp_path / "mine.gmt").write_text("one\tx\tA\tB\ntwo\tx\tA\tC\n")
    pathways = {
        "families": ["stress"],
        "gene_sets": [str(tmp_path / "mine.gmt")],
        "collections": [{"name": "hallmark"}],
    }
    shipped = {"stress": ["hypoxia", "heat_shock"], "axon": ["nmj"]}
    right = ["stress/hypoxia", "mine/one", "hallmark/TNFA"]  # those of a collection are not known before it is fetched
    assert running_sum_problems(right, pathways, shipped) == []
    wrong = ["stres/hypoxia", "stress/hypoxy", "mine/three", "axon/nmj", "stress"]
    problems = [str(problem) for problem in running_sum_problems(wrong, pathways, shipped)]
    assert len(problems) == 5
    assert all("'enrichment.running_sums': found '" in problem for problem in problems)
    for problem, mend in zip(
        problems, ("'stress'", "'hypoxia'", "Valid: one, two", "Valid: ", "Valid: heat"), strict=True
    ):
        assert mend in problem
