"""From which confidence on a candidate is kept: the threshold of the best F1, as far as the songs at hand tell."""

import numpy as np

PLATEAU = 0.01  # of F1, within which thresholds count as equally good
FEW_HITS = 2  # decisions, which among few examples are more of F1 than that
USUAL = 0.4


def best_threshold(probability: np.ndarray, kept: np.ndarray, songs: np.ndarray | None = None) -> float:
    """Return the confidence threshold with the best F1; of those about as good, the one nearest to `USUAL`.

    What is best on the songs at hand by a hair is often not on the next song; `USUAL` is best where the confidence is
    a true probability, since the threshold with the best F1 is half that F1 (Lipton et al. 2014, "Optimal thresholding
    of classifiers to maximize F1 measure"). About as good is what falls short by no more than `PLATEAU`, or than
    `FEW_HITS` make, or than the standard error of the difference over the songs, where `songs` numbers them: the
    one-standard-error rule of Breiman et al. 1984, "Classification and regression trees".
    """
    thresholds = np.arange(1, 100) / 100
    decided = probability[:, None] >= thresholds
    songs = np.zeros(len(kept), dtype=int) if songs is None else songs
    of_songs = [songs == song for song in np.unique(songs)]
    hits, made = (np.array([rows[own].sum(axis=0) for own in of_songs]) for rows in (decided & kept[:, None], decided))
    true = np.array([[kept[own].sum()] for own in of_songs])
    f1 = _f1(hits.sum(axis=0), made.sum(axis=0) + true.sum(axis=0))
    best = f1.argmax()
    little = max(PLATEAU, 2 * FEW_HITS / max((made + true).sum(axis=0)[best], 1))
    if len(of_songs) > 1:
        left_out = _f1(hits.sum(axis=0) - hits, (made + true).sum(axis=0) - (made + true))
        little = np.maximum(little, _jackknife_error(left_out[:, [best]] - left_out))
    good = f1[best] - f1 <= little
    return float(thresholds[good][np.argmin(np.abs(thresholds[good] - USUAL))])


def _f1(hits: np.ndarray, made_and_true: np.ndarray) -> np.ndarray:
    return 2 * hits / np.maximum(made_and_true, 1)


def _jackknife_error(left_out: np.ndarray) -> np.ndarray:
    """Return the standard error of a figure from its values without each song, shape (n_songs, ...).

    Efron and Tibshirani 1993, "An introduction to the bootstrap", chapter 11.
    """
    n_songs = len(left_out)
    return np.sqrt((n_songs - 1) / n_songs * ((left_out - left_out.mean(axis=0)) ** 2).sum(axis=0))
