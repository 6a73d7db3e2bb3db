"""Trainings and evaluations with all that is known of them, and what they cost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmreg.errors import FilterError, MmregError, NotFound, UsageError
from mmreg.schemas.refs import VersionRef
from mmreg.schemas.run import Job, Run, RunInput, RunState
from mmreg.schemas.training import COST, Data, TrainedOn, added, checked_cost, trained_on

AMOUNTS = st.dictionaries(st.sampled_from(sorted(COST)), st.integers(0, 10**6))


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("train", Data(VersionRef("train"))),
        ("train@v3:held", Data(VersionRef("train", "v3"), "held")),
        ("a@v1,weight=.5,component=text", Data(VersionRef("a", "v1"), None, None, 0.5, "text")),
        ("a@v1:x,where=n IN (1,2), weight = 1", Data(VersionRef("a", "v1"), "x", "n IN (1,2), weight = 1")),
    ],
)
def test_data_as_people_write_it(text: str, data: Data) -> None:
    assert Data.parse(text) == data


@pytest.mark.parametrize(
    "text",
    ["", ":x", "a@v1:", "a@v1,", "a@v1,weight", "a@v1,weight=0", "a@v1,weight=nan", "a@v1,x=1", "a,where= ", "a b"],
)
def test_what_names_no_data(text: str) -> None:
    with pytest.raises(UsageError):
        Data.parse(text)


@given(one=AMOUNTS, other=AMOUNTS)
def test_costs_add_up(one: dict[str, int], other: dict[str, int]) -> None:
    both = added(checked_cost(one), checked_cost(other))
    assert both == {name: one.get(name, 0) + other.get(name, 0) for name in one.keys() | other.keys()}


@pytest.mark.parametrize(
    "cost", [{"gpus": 1}, {"gpu_s": -1}, {"gpu_s": "x"}, {"flops": float("inf")}, {"calls": True}, {"currency": "a b"}]
)
def test_what_no_run_costs(cost: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        checked_cost(cost)


def test_money_of_two_currencies_is_never_added() -> None:
    assert added({"money": 1, "currency": "EUR"}, {"money": 2}) == {"money": 3, "currency": "EUR"}
    with pytest.raises(UsageError, match="EUR and USD cannot be added"):
        added({"money": 1, "currency": "EUR"}, {"money": 2, "currency": "USD"})


def test_a_training_that_an_older_mmreg_recorded() -> None:
    inputs = (RunInput("version", "u", "train@v3", role="trained_on"), RunInput("version", "e", "held@v1"))
    run = Run("id", Job("training", "t"), RunState.COMPLETE, "", "", inputs, facets={"training": {"split": "x"}})
    assert trained_on(run) == (TrainedOn("train@v3", "u", "x"),)
    newer = {"data": [{**TrainedOn("a@v1", "u").to_dict(), "colour": "blue"}]}
    assert trained_on(Run("id", run.job, run.state, "", "", facets={"training": newer})) == (TrainedOn("a@v1", "u"),)


def test_a_loop_of_ones_own_is_measured(notes: Any, weights: Callable[..., Path]) -> None:
    registry = notes.open()
    asked = ["splits@v1:train,component=text,weight=0.7", "notes@v1,component=vision,where=n < 3"]
    with registry.training("net", asked, seed=1, params={"lr": 0.1}) as job:
        assert len(job.open("splits")) == registry.show("splits@v1").splits["train"]
        assert job.open("vision").ref == "notes@v1"
        sum(n * n for n in range(200_000))
        job.spent(gpu_s=10)
        job.spent(gpu_s=5, money=1.5, currency="EUR")
        job.save(weights("net", w=1), {"loss": 0.5}, samples_seen=100)
    cost = job.run.facets["cost"]
    assert 0 < cost["cpu_s"] < 60 and 0 < cost["wall_s"] < 60
    assert (cost["gpu_s"], cost["money"], cost["currency"]) == (15, 1.5, "EUR")
    told = job.run.facets["training"]
    assert (told["samples_seen"], told["parameters"], told["seed"]) == (100, 4, 1)
    first, second = trained_on(job.run)
    assert (first.component, first.split, first.weight) == ("text", "train", 0.7)
    assert (second.component, second.where, second.count) == ("vision", "n < 3", 3)
    assert [i.ref for i in job.run.inputs] == ["splits@v1", "notes@v1"]


def test_what_failed_has_its_cost_too(notes: Any) -> None:
    registry = notes.open()
    with pytest.raises(ZeroDivisionError), registry.training("net", ["notes@v1"]) as job:
        job.spent(gpu_s=7)
        raise ZeroDivisionError
    (run,) = registry.runs("training")
    assert (run.state, run.facets["cost"]["gpu_s"], run.facets["cost"]["wall_s"] >= 0) == ("failed", 7, True)


def test_a_record_that_cannot_be_true_is_not_kept(notes: Any, weights: Callable[..., Path]) -> None:
    registry = notes.open()
    there = weights("net", w=1)
    for data, error in (("notes@v1:x", NotFound), ("notes@v1,where=nn > 1", FilterError), ("nots@v1", NotFound)):
        with pytest.raises(error):
            registry.train_record("net", [data], there)
    with pytest.raises(NotFound):
        registry.train_record("net", ["notes@v1"], notes.folder / "gone")
    with pytest.raises(MmregError):
        registry.train_record("net", ["notes@v1"], there, rows={None: ["00" * 16]})
    assert registry.runs("training") == []


def test_an_evaluation_says_who_judged_what(notes: Any, weights: Callable[..., Path]) -> None:
    registry = notes.open()
    net = registry.model_add(weights("net", w=1), "net")
    judge = registry.model_add(weights("judge", w=2), "judge")
    for seed in (0, 1):
        run = registry.eval_record(
            "net",
            "splits@v1",
            {"acc": 0.5 + seed / 10},
            split="held",
            seed=seed,
            evaluator="model:judge",
            cost={"calls": 5},
        )
    assert run.facets["evaluation"] == {
        "model": net.digest, "split": "held", "seed": 1,
        "evaluator": {"kind": "model", "name": f"judge@{judge.digest[:16]}", "digest": judge.digest},
    }  # fmt: skip
    assert run.facets["cost"] == {"calls": 5}
    summary = {model.name: dict(model.metrics) for model in registry.models()}
    assert summary == {"net": {"acc": 0.6}, "judge": {}}, "the judge has scored nothing"
    assert ("used", f"checkpoint:{judge.digest}") in {
        (edge.kind, edge.source) for edge in registry.lineage(f"run:{run.id}", "up", 1).edges
    }
    by_hand = registry.eval_record("net", "notes@v1", {"acc": 0.1}, evaluator="a reader")
    assert by_hand.facets["evaluation"]["evaluator"] == {"kind": "named", "name": "a reader"}
    for wrong in ({"split": "no"}, {"evaluator": "model:juge"}):
        with pytest.raises(NotFound):
            registry.eval_record("net", "splits@v1", {"acc": 1}, **wrong)
