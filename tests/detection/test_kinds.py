"""Every feature belongs to a kind that a drummer understands."""

from drumhits.analysis import ALL, EMBEDDED, FEATURE_SETS, MIX
from drumhits.detection.kinds import KINDS, OTHER, features_by_kind, kind_of


def test_every_feature_has_a_kind():
    for features in (FEATURE_SETS[EMBEDDED], FEATURE_SETS[MIX]):
        assert [name for name in features if kind_of(name) == OTHER] == []


def test_the_columns_of_the_kinds_are_all_columns_once():
    features = FEATURE_SETS[ALL]
    columns = features_by_kind(features)
    assert sorted(column for group in columns.values() for column in group) == list(range(len(features)))
    assert set(columns) == set(KINDS) - {OTHER}
    assert [features[column] for column in columns["other stems"]][:2] == ["OverKick", "OverSnare"]
