"""The network that judges all candidates of a stem together: what each part of it knows, and what a file may hold."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drumhits.io.plainpickle import dumps, loads
from drumhits.networks.network import (
    EMBEDDING,
    INPUT_LIMIT,
    NEAR_S,
    REACH,
    Network,
    articulation_sizes,
    ensemble_log_odds,
    first_stage_sizes,
    rescoring_sizes,
)
from drumhits.networks.rhythm import rhythm

N_INPUTS, N_OWN, N_ARTICULATIONS = 5, 3, 2
SIZES = first_stage_sizes(N_INPUTS) | rescoring_sizes() | articulation_sizes(N_OWN, N_ARTICULATIONS)


def network(seed=0, **layers):
    """Return a network of random weights rounded to float16, some layers replaced."""
    rng = np.random.default_rng(seed)
    weights = {
        name: layers.get(name, rng.normal(0, 1 / np.sqrt(inputs), (inputs + 1, outputs))).astype(np.float16)
        for name, (inputs, outputs) in SIZES.items()
    }
    return Network(
        rng.normal(size=N_INPUTS).astype(np.float32),
        rng.uniform(0.5, 2, N_INPUTS).astype(np.float32),
        {name: rows.astype(np.float32) for name, rows in weights.items()},
        N_OWN,
    )


def log_odds_of(net, x, times_s):
    """Return log odds and scores of articulations, a column each."""
    embeddings = net.encode(x)
    return np.column_stack((ensemble_log_odds([net], [embeddings], times_s), net.articulations(x, embeddings)))


def silenced(name):
    inputs, outputs = SIZES[name]
    return {name: np.zeros((inputs + 1, outputs))}


def candidates(n, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, N_INPUTS)).astype(np.float32), np.sort(rng.uniform(0, n / 5, n))


def by_hand(net, x, times_s):
    """The formula of the module's docstring, a candidate at a time, in float64, with the rhythm of its first look."""

    def layer(name, v):
        weights = net.weights[name].astype(float)
        return v @ weights[:-1] + weights[-1]

    def relu(v):
        return np.maximum(v, 0)

    standard = np.clip((x.astype(float) - net.mean) / net.scale, -INPUT_LIMIT, INPUT_LIMIT)
    h = relu(layer("alone2", relu(layer("alone1", standard))))
    weight = np.exp(layer("query", h))
    means = (weight / weight.sum(axis=0)).T @ h
    c = relu(layer("stem", means.ravel()))
    neighbours, contextual = relu(layer("neighbour", h)), []
    for i in range(len(x)):
        beside = []
        for j in [*range(i - REACH, i), *range(i + 1, i + REACH + 1)]:
            exists = 0 <= j < len(x)
            nearness = np.exp(-abs(times_s[i] - times_s[j]) / NEAR_S) if exists else 0.0
            beside += [*(nearness * (neighbours[j] if exists else np.zeros(neighbours.shape[1]))), nearness]
        near = relu(layer("near", np.array(beside)))
        single = relu(layer("together1", np.concatenate((h[i], c, near))))
        contextual.append(relu(layer("together2", single)))
    z = np.array(contextual)
    f = layer("first", z)
    y = f + layer("second2", relu(layer("second1", np.concatenate((h, z, rhythm(f[:, 0], times_s)), axis=1))))
    own = np.concatenate((standard[:, :N_OWN], h), axis=1)
    return np.concatenate((y, layer("which2", relu(layer("which1", own)))), axis=1)


@pytest.mark.parametrize("n", [1, 2, 7, 40])
def test_it_follows_its_formula(n):
    net, (x, times_s) = network(n), candidates(n, n)
    assert log_odds_of(net, x, times_s).shape == (n, 1 + N_ARTICULATIONS)
    np.testing.assert_allclose(log_odds_of(net, x, times_s), by_hand(net, x, times_s), rtol=1e-3, atol=1e-3)


def test_several_networks_share_the_rhythm_that_they_hear_on_average():
    nets, (x, times_s) = [network(1), network(2)], candidates(40, 1)
    embeddings = [net.encode(x) for net in nets]
    contextual = [net.contextualise(rows, times_s) for net, rows in zip(nets, embeddings, strict=True)]
    first_stage = np.mean([net.first_stage(rows) for net, rows in zip(nets, contextual, strict=True)], axis=0)
    periodicity = rhythm(first_stage, times_s)
    expected = np.mean([nets[i].rescore(embeddings[i], contextual[i], periodicity) for i in range(2)], axis=0)
    np.testing.assert_array_equal(ensemble_log_odds(nets, embeddings, times_s), expected)


def test_a_network_need_not_look_twice():
    whole, (x, times_s) = network(9), candidates(20, 9)
    plain = whole.to_plain()
    del plain["layers"]["second1"], plain["layers"]["second2"]
    net = Network.from_plain(plain, N_INPUTS, N_OWN, N_ARTICULATIONS)
    embeddings = net.encode(x)
    expected = whole.first_stage(whole.contextualise(embeddings, times_s))
    np.testing.assert_array_equal(ensemble_log_odds([net], [embeddings], times_s), expected)


def test_where_there_is_one_articulation_a_file_has_nothing_to_tell_it():
    plain = network().to_plain()
    del plain["layers"]["which1"], plain["layers"]["which2"]
    assert "which1" not in Network.from_plain(plain, N_INPUTS, N_OWN, 0).weights


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.integers(20, 60))
def test_without_its_view_of_the_stem_it_does_not_know_what_is_far_away(seed, n):
    net, (x, times_s) = network(seed, **silenced("stem")), candidates(n, seed)
    embeddings = log_odds_of(net, x, times_s)
    others = candidates(n, seed + 1)[0]
    both = log_odds_of(net, np.concatenate((x, others)), np.concatenate((times_s, times_s + 1000)))
    np.testing.assert_allclose(both[:n], embeddings, rtol=1e-3, atol=1e-3)


def test_its_view_of_the_stem_reaches_any_distance():
    net, (x, times_s) = network(3), candidates(30, 3)
    both = log_odds_of(net, np.concatenate((x, 3 * x)), np.concatenate((times_s, times_s + 1000)))
    assert np.abs(both[:30] - log_odds_of(net, x, times_s)).max() > 1e-3


def test_the_view_of_the_stem_is_a_mean_so_that_a_song_twice_as_long_sounds_alike():
    net, (x, times_s) = network(4), candidates(30, 4)
    twice = log_odds_of(net, np.concatenate((x, x)), np.concatenate((times_s, times_s + 1000)))
    np.testing.assert_allclose(twice[:30], log_odds_of(net, x, times_s), rtol=1e-3, atol=1e-3)


def test_many_candidates_are_judged_as_few_are():
    net = network(5, **silenced("stem"))
    x, times_s = candidates(5000, 5)
    many, few = net.contextualise(net.encode(x), times_s), net.contextualise(net.encode(x[:200]), times_s[:200])
    np.testing.assert_allclose(many[:100], few[:100], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("value", [-4.0, 0.5])
def test_inputs_of_one_value_may_be_left_out(value):
    net, (x, times_s) = network(7), candidates(25, 7)
    x[:, 3:] = value
    fewer = net.with_last_inputs_at(value, 3)
    np.testing.assert_allclose(fewer.encode(x[:, :3]), net.encode(x), rtol=1e-4, atol=1e-5)
    found, expected = log_odds_of(fewer, x[:, :3], times_s), log_odds_of(net, x, times_s)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3)


def test_a_file_gives_the_same_network():
    net, (x, times_s) = network(6), candidates(25, 6)
    again = Network.from_plain(loads(dumps(net.to_plain()), "net"), N_INPUTS, N_OWN, N_ARTICULATIONS)
    np.testing.assert_array_equal(log_odds_of(again, x, times_s), log_odds_of(net, x, times_s))


def _changed(change):
    plain = network().to_plain()
    change(plain)
    return plain


def _numbers(values, dtype):
    values = np.asarray(values, dtype)
    return {"dtype": values.dtype.str, "shape": [len(values)], "data": values.tobytes()}


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda plain: plain.update(mean=_numbers([0.0], "<f4")), "another number of inputs"),
        (lambda plain: plain.update(scale=_numbers([0.0] * N_INPUTS, "<f4")), "without a scale"),
        (lambda plain: plain.update(mean=_numbers([np.nan] * N_INPUTS, "<f4")), "without a scale"),
        (lambda plain: plain["layers"].update(first=_numbers([0.0], "<f2")), "another size"),
        (lambda plain: plain["layers"].update(query=_numbers([np.inf] * 8 * (EMBEDDING + 1), "<f2")), "too large"),
        (lambda plain: plain["layers"].update(query=_numbers([0.0] * 8 * (EMBEDDING + 1), "<f4")), "another dtype"),
    ],
)
def test_a_file_that_is_no_network_is_refused(change, fault):
    with pytest.raises(ValueError, match=fault):
        Network.from_plain(_changed(change), N_INPUTS, N_OWN, N_ARTICULATIONS)
