"""Models that contrasts share, interactions and pairs: against limma, statsmodels, scipy and by hand."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from scipy import stats

from alscell.check_design import contrast_problems, group_donors
from alscell.design import assign_groups, build_design, plan_tests, share_models
from alscell.errors import InputError
from alscell.expression import Choices, fit_cell_type
from alscell.moderation import fit_linear

REFERENCE = Path(__file__).resolve().parents[1] / "reference"
GENOTYPES = {
    "c9": {"factor": "group", "case": ["C9"], "control": ["Control"]},
    "sals": {"factor": "group", "case": ["sALS"], "control": ["Control"]},
    "als": {"factor": "group", "case": ["C9", "sALS"], "control": ["Control"]},
    "c9_sals": {"factor": "group", "case": ["C9"], "control": ["sALS"]},
}
LIMMA = Choices("voom", 10, 15, False, False, 0, False, False, 0.05)


def people(*sizes: int, **columns: list[str]) -> pd.DataFrame:
    levels = np.repeat(["C9", "sALS", "Control"], sizes)
    return pd.DataFrame({"group": levels, **columns}, index=[f"d{i:02d}" for i in range(len(levels))])


def test_contrasts_share_a_model_if_their_arms_are_the_same_or_apart() -> None:
    assert share_models(GENOTYPES) == [["c9", "sals", "c9_sals"], ["als"]]
    paired = GENOTYPES["sals"] | {"paired_by": "pair"}
    assert share_models({"c9": GENOTYPES["c9"], "paired": paired}) == [["c9"], ["paired"]]
    turned = {"a": {**GENOTYPES["als"], "case": ["sALS", "C9"]}, "b": GENOTYPES["als"]}
    assert share_models(turned) == [["a", "b"]]


def test_three_groups_in_one_model_equal_limma() -> None:
    expected = pd.read_csv(REFERENCE / "contrasts.tsv", sep="\t")
    counts = pd.read_csv(REFERENCE / "counts.tsv", sep="\t", index_col="gene")
    donors = pd.read_csv(REFERENCE / "design.tsv", sep="\t", dtype=str).set_index("donor")
    donors["group"] = np.where(donors["condition"] == "Control", "Control", np.resize(["A", "B"], len(donors)))
    arms = {"A_Control": ("A", "Control"), "B_Control": ("B", "Control"), "A_B": ("A", "B")}
    definitions = {name: {"factor": "group", "case": [a], "control": [b]} for name, (a, b) in arms.items()}
    designs, untested = plan_tests(donors, definitions, covariates=[], min_donors=3)
    assert untested == {}
    assert len({id(design.matrix) for design in designs.values()}) == 1
    fitted = fit_cell_type(
        counts.to_numpy(), counts.index.to_numpy(), designs["A_B"], LIMMA, cells=np.ones(len(donors))
    )
    for name, design in designs.items():
        reference = expected[expected["contrast"] == name]
        test = fitted.test(design)
        assert fitted.genes.tolist() == reference["gene"].tolist()
        for ours, theirs in {"effect": "effect", "statistic": "t", "p_value": "p"}.items():
            assert test[ours].to_numpy() == pytest.approx(reference[theirs].to_numpy(), rel=1e-6, abs=1e-8), name


def test_interaction_is_the_difference_of_differences_and_equals_statsmodels() -> None:
    rng = np.random.default_rng(3)
    donors = pd.DataFrame(
        {
            "condition": np.repeat(["ALS", "Control"], [9, 8]),
            "sex": list("MFMFMFMFM" + "MFMFMFMF"),
            "age": rng.integers(40, 80, 17).astype(str),
        },
        index=[f"d{i:02d}" for i in range(17)],
    )
    modifier = {"factor": "sex", "case": ["M"], "control": ["F"]}
    definition = {"factor": "condition", "case": ["ALS"], "control": ["Control"], "modifier": modifier}
    values = rng.normal(size=(4, 17))
    plain = build_design(donors, **definition, covariates=["sex"])  # the modifier is in the groups already
    effect = fit_linear(values, plain, weights=None).effect(plain)
    cell = {
        (arm, sex): values[:, ((donors["condition"] == arm) & (donors["sex"] == sex)).to_numpy()].mean(axis=1)
        for arm in ("ALS", "Control")
        for sex in "MF"
    }
    by_hand = cell["ALS", "M"] - cell["Control", "M"] - (cell["ALS", "F"] - cell["Control", "F"])
    assert effect == pytest.approx(by_hand)
    assert values @ plain.comparison.group_weights() == pytest.approx(by_hand)
    assert (plain.n_case, plain.n_control, plain.smallest_group) == (9, 8, 4)
    design = build_design(donors, **definition, covariates=["age"])
    fit = fit_linear(values, design, weights=None)
    frame = donors.assign(age=donors["age"].astype(float), y=values[1])
    model = smf.ols("y ~ age + C(condition, Treatment('Control')) * C(sex, Treatment('F'))", frame).fit()
    term = next(name for name in model.params.index if ":" in name)
    assert fit.effect(design)[1] == pytest.approx(model.params[term])
    assert fit.unscaled_error(design)[1] * np.sqrt(fit.sigma2[1]) == pytest.approx(model.bse[term])


def test_pairs_equal_the_paired_t_test_and_lose_who_has_no_partner() -> None:
    rng = np.random.default_rng(4)
    donors = pd.DataFrame(
        {"condition": ["ALS"] * 5 + ["Control"] * 6, "line": [*"12345", *"12349", ""]},
        index=[f"l{i:02d}" for i in range(11)],
    )
    definition = {"factor": "condition", "case": ["ALS"], "control": ["Control"], "paired_by": "line"}
    design = build_design(donors, **definition, covariates=[])
    assert design.matrix.index.tolist() == ["l00", "l01", "l02", "l03", "l05", "l06", "l07", "l08"]
    values = rng.normal(size=(3, 8)) + np.tile(rng.normal(0, 3, 4), 2)
    fit = fit_linear(values, design, weights=None)
    t = fit.effect(design) / (fit.unscaled_error(design) * np.sqrt(fit.sigma2))
    expected = stats.ttest_rel(values[:, :4], values[:, 4:], axis=1)
    assert t == pytest.approx(expected.statistic)
    assert fit.df_residual == 3


def test_model_that_cannot_be_estimated_falls_back_to_single_contrasts() -> None:
    """Batch 3 holds all C9 donors and nobody else: the sporadic contrast can be tested, C9's cannot."""
    donors = people(4, 4, 4, batch=list("3333" + "1212" + "1212"))
    designs, untested = plan_tests(donors, GENOTYPES, covariates=["batch"], min_donors=3)
    assert set(designs) == {"sals", "als"}
    assert designs["sals"].matrix.index.tolist() == donors.index[4:].tolist()
    assert untested["c9"].reason == untested["c9_sals"].reason == "design_not_estimable"
    assert "'batch' separates C9 from Control completely" in untested["c9"].detail


def test_thin_groups_leave_the_model_and_are_described() -> None:
    donors = people(2, 4, 4)
    designs, untested = plan_tests(donors, GENOTYPES, covariates=[], min_donors=3)
    assert designs["sals"].matrix.index.tolist() == donors.index[2:].tolist()  # two C9 donors help nobody's variance
    assert designs["als"].n_case == 6
    assert untested["c9"].reason == "too_few_donors"
    assert untested["c9"].detail == "2 case and 4 control donors; 3 needed in each; effects only"
    assert plan_tests(people(0, 4, 4), GENOTYPES, covariates=[], min_donors=3)[1]["c9"].reason == "no_donors_in_an_arm"


def test_third_group_informs_the_variance() -> None:
    donors = people(4, 4, 4)
    designs, _ = plan_tests(donors, GENOTYPES, covariates=[], min_donors=3)
    assert designs["c9"].df_residual == 9
    assert build_design(donors, **GENOTYPES["c9"], covariates=[]).df_residual == 6
    assert designs["c9"].n_control == 4


def test_empty_quarter_of_an_interaction_is_named() -> None:
    donors = people(0, 4, 4, sex=list("MMMMFFMM")).rename(columns={"group": "condition"})
    modifier = {"factor": "sex", "case": ["M"], "control": ["F"]}
    definition = {"factor": "condition", "case": ["sALS"], "control": ["Control"], "modifier": modifier}
    with pytest.raises(InputError, match="no donor of condition=sALS, sex=F"):
        build_design(donors, **definition, covariates=[])
    assert assign_groups(donors, definition).smallest_group == 0


# --- the same, before the run


def problems(definition: dict, donors: dict, covariates: list[str]) -> list[str]:
    where = {"where": "config, dataset 'd'", "sheet": "samples.tsv"}
    columns = ["sample", "donor", *next(iter(donors.values()))]
    found = contrast_problems("c", definition, donors, columns=columns, covariates=covariates, min_donors=2, **where)
    return [str(problem) for problem in found]


SHEET = {
    f"d{i}": {"condition": arm, "sex": sex, "line": line}
    for i, (arm, sex, line) in enumerate(
        zip(["ALS"] * 4 + ["Control"] * 4, "MFMFMFMF", [*"1234", *"1235"], strict=True)
    )
}
PLAIN = {"factor": "condition", "case": ["ALS"], "control": ["Control"]}
SEXES = {"factor": "sex", "case": ["M"], "control": ["F"]}


@pytest.mark.parametrize(
    ("extra", "covariates", "message"),
    [
        ({"modifier": SEXES}, [], None),
        ({"modifier": SEXES}, ["sex"], None),
        ({"paired_by": "line"}, [], None),
        (
            {"modifier": {**SEXES, "factor": "gender"}},
            [],
            "`modifier`: found 'gender'; expected a column of samples.tsv",
        ),
        ({"modifier": {**SEXES, "case": ["X"]}}, [], "no donor of case, sex X"),
        ({"modifier": {**SEXES, "factor": "condition"}}, [], "expected another property of donors"),
        ({"paired_by": "pair"}, [], "`paired_by`: found 'pair'; expected a column of samples.tsv"),
        ({"paired_by": "donor"}, [], "expected another property of donors"),
    ],
)
def test_check_knows_modifiers_and_pairs(extra: dict, covariates: list[str], message: str | None) -> None:
    found = problems(PLAIN | extra, SHEET, covariates)
    assert len(found) == (message is not None)
    assert message is None or message in found[0]


def test_check_refuses_pairs_that_no_arm_shares_and_confounded_covariates_of_pairs() -> None:
    apart = {donor: row | {"line": donor} for donor, row in SHEET.items()}
    assert "found no value of 'line' with donors in both arms" in problems(PLAIN | {"paired_by": "line"}, apart, [])[0]
    doubled = {donor: row | {"batch": row["line"]} for donor, row in SHEET.items()}
    found = problems(PLAIN | {"paired_by": "line"}, doubled, ["batch"])
    assert "covariate 'batch'" in found[0]
    assert "cannot be told apart from covariates line" in found[0]


def test_check_counts_donors_as_the_tests_do() -> None:
    """Arms and groups of check (no pandas there) hold the donors that alscell.design gives them."""
    frame = pd.DataFrame.from_dict(SHEET, orient="index")
    for extra in ({}, {"modifier": SEXES}, {"paired_by": "line"}, {"modifier": SEXES, "paired_by": "line"}):
        groups = assign_groups(frame, PLAIN | extra).groups
        listed = group_donors(PLAIN | extra, SHEET)
        assert sorted(donor for members in listed.values() for donor in members) == sorted(groups.index)
        assert sorted(map(len, listed.values())) == sorted(
            groups.value_counts().reindex(list(assign_groups(frame, PLAIN | extra).weights), fill_value=0)
        )
