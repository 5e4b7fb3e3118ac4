"""The order of questions, and what answers say about other hits, on candidates whose truth is known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drumhits.detection.features import FILE_AMP
from drumhits.numeric import expit
from drumhits.review.choosing.beliefs import Beliefs, _rank_normal
from drumhits.review.choosing.hypotheses import HYPOTHESES

FEATURES = (FILE_AMP, *"abcdefgh")
N = 200


def song(seed, *, softest=0.0, error=2.0):
    """Return features, truth and the confidence of a model that believes too much."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(N, len(FEATURES)))
    X[:, 0] = np.exp(X[:, 0])
    is_hit = X[:, 1] + 0.3 * rng.normal(size=N) > 0
    prior = expit(4 * X[:, 1] + error)
    return X, is_hit & (X[:, 0] >= softest), prior


def asked(X, y, prior, n, order):
    """Return the wrong decisions left after `n` answers in some order."""
    beliefs, rows = Beliefs(X, FEATURES, prior, 0.5), []
    for i in range(n):
        free = np.setdiff1d(np.arange(N), rows)
        rows.append(int(beliefs.order(free)[0] if isinstance(order, str) else order[i]))
        beliefs.learn(np.array(rows), y[rows])
    keep = beliefs.probability >= 0.5
    keep[rows] = y[rows]
    return int(np.count_nonzero(keep != y))


@pytest.mark.parametrize("softest", [0.0, 0.7])
def test_our_order_halves_the_wrong_decisions_and_beats_a_random_one(softest):
    ours, random, before = 0, 0, 0
    for seed in range(3):
        X, y, prior = song(seed, softest=softest)
        before += np.count_nonzero((prior >= 0.5) != y)
        ours += asked(X, y, prior, 20, "ours")
        random += asked(X, y, prior, 20, np.random.default_rng(seed).permutation(N))
    assert ours <= before / 2
    assert ours < random


@given(st.integers(0, 50), st.floats(0.05, 0.95))
def test_without_answers_the_model_decides(seed, min_confidence):
    X, _, prior = song(seed)
    beliefs = Beliefs(X, FEATURES, prior, min_confidence)
    assert ((beliefs.probability >= 0.5) == (prior >= min_confidence)).all()
    assert ((beliefs.probability >= 0) & (beliefs.probability <= 1)).all()


def test_what_is_likely_wrong_without_answers_is_what_the_model_says():
    X, _, prior = song(5)
    likely_wrong = Beliefs(X, FEATURES, prior, 0.5).likely_wrong
    assert likely_wrong == pytest.approx(np.minimum(prior, 1 - prior), abs=0.003)


def test_order_asks_about_each_open_hit_once():
    X, y, prior = song(0)
    beliefs = Beliefs(X, FEATURES, prior, 0.5)
    beliefs.learn(np.arange(30), y[:30])
    for rows in (np.arange(30, N), np.array([7]), np.zeros(0, int)):
        assert sorted(beliefs.order(rows).tolist()) == rows.tolist()


def test_an_answer_moves_like_hits_and_undo_moves_them_back():
    X, _, prior = song(1)
    X[1] = X[0]
    prior[:2] = 0.5
    beliefs = Beliefs(X, FEATURES, prior, 0.5)
    before = beliefs.probability.copy()
    beliefs.learn(np.array([0]), np.array([True]))
    kept = beliefs.probability[1]
    beliefs.learn(np.array([0]), np.array([False]))
    assert beliefs.probability[1] < before[1] < kept
    beliefs.learn(np.zeros(0, int), np.zeros(0, bool))
    assert beliefs.probability == pytest.approx(before)


def test_answers_in_another_order_say_the_same():
    X, y, prior = song(2)
    rows = np.random.default_rng(0).permutation(N)[:25]
    one_by_one, at_once = Beliefs(X, FEATURES, prior, 0.5), Beliefs(X, FEATURES, prior, 0.5)
    for n in range(1, len(rows) + 1):
        one_by_one.learn(rows[:n], y[rows[:n]])
    at_once.learn(rows[::-1], y[rows[::-1]])
    assert one_by_one.probability == pytest.approx(at_once.probability, abs=1e-3)


def test_right_answers_keep_the_model_and_a_taste_shows():
    X, y, prior = song(3, error=0.0)
    agreeing = np.flatnonzero((prior >= 0.5) == y)[:40]
    beliefs = Beliefs(X, FEATURES, prior, 0.5)
    beliefs.learn(agreeing, y[agreeing])
    assert beliefs._weights[0] > HYPOTHESES[0].weight
    louder = X[:, 0] > np.median(X[:, 0])
    beliefs.learn(np.arange(40), louder[:40])
    assert beliefs._weights[1:].sum() > 0.9


def test_a_new_model_is_learned_on_top_of():
    X, y, prior = song(4)
    beliefs, fresh = Beliefs(X, FEATURES, prior, 0.5), Beliefs(X, FEATURES, 1 - prior, 0.5)
    beliefs.learn(np.arange(10), y[:10])
    beliefs.start_from(1 - prior)
    fresh.learn(np.arange(10), y[:10])
    assert beliefs.probability == pytest.approx(fresh.probability, abs=1e-6)


def test_degenerate_tables():
    empty = Beliefs(np.zeros((0, len(FEATURES))), FEATURES, np.zeros(0), 0.4)
    assert len(empty.order(np.zeros(0, int))) == 0
    one = Beliefs(np.zeros((1, len(FEATURES))), FEATURES, np.array([1.0]), 0.4)
    one.learn(np.array([0]), np.array([False]))
    assert one.probability[0] < 1


def test_rank_normal_ignores_scale_and_shares_ties():
    values = np.array([[3.0], [1.0], [1.0], [1e9]])
    ranked = _rank_normal(values)[:, 0]
    assert ranked[1] == ranked[2] < ranked[0] < ranked[3]
    assert _rank_normal(np.log(values))[:, 0] == pytest.approx(ranked)
    assert not _rank_normal(np.ones((5, 2))).any()
