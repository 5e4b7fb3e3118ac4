"""Put dry stems in one room, mix them, and split the mix again as an imperfect separator does.

Separators leave bleed and artefacts in every stem. Here the mix is split with soft masks that are wrong on purpose:
blurred, confused between stems, and sprinkled with musical noise.

Conventions: mono audio at 44.1 kHz; stems stacked as (len(STEMS), n_samples).
"""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.signal import fftconvolve, istft, stft

SAMPLE_RATE = 44100
STEMS = ("kick", "snare", "toms", "hihat", "cymbals")

# Ratio of magnitudes: how much of each source (column) the estimate of a stem (row) takes for its own.
CONFUSION = np.array(
    [
        [1.00, 0.06, 0.12, 0.02, 0.02],
        [0.06, 1.00, 0.14, 0.09, 0.06],
        [0.12, 0.12, 1.00, 0.03, 0.03],
        [0.04, 0.14, 0.05, 1.00, 0.22],
        [0.05, 0.16, 0.07, 0.22, 1.00],
    ]
)
FACTOR_STEPS = 40
OWNER_ERROR_DB = 3.0
TINY = np.float32(1e-9)


@dataclass(frozen=True)
class Separator:
    """How wrong a separator is.

    Attributes
    ----------
    exponent : float > 0
        1 shares amplitudes, 2 is a Wiener filter.
    bleed_db : float
        Added to the off-diagonal of CONFUSION.
    drift_db, error_db : float >= 0
        Standard deviations: of the confusion over time, of the estimate in each bin.
    blur_bins : float >= 0
        Width in frequency to which the sources are known.
    strays : float in 0..1
        Share of bins that go astray.
    """

    exponent: float = 1.5
    bleed_db: float = 0.0
    drift_db: float = 5.0
    error_db: float = 4.0
    blur_bins: float = 2.0
    strays: float = 0.002


def add_room(stems, rng, reverb_s=0.3, delay_s=0.008, wet_db=-15.0):
    """Put all stems in the same small room: decaying noise, `wet_db` in energy against the dry sound."""
    t = np.arange(int(reverb_s * SAMPLE_RATE)) / SAMPLE_RATE
    response = rng.normal(size=len(t)) * 10 ** (-3 * t / reverb_s)  # -60 dB at the end
    response *= 10 ** (wet_db / 20) / np.linalg.norm(response)
    room = np.concatenate([[1.0], np.zeros(int(delay_s * SAMPLE_RATE)), response]).astype(stems.dtype)
    return fftconvolve(stems, room[None, :], axes=1)[:, : stems.shape[1]]


def split_again(stems, rng, separator=Separator(), n_fft=2048, hop_length=512):
    """Separate the sum of the stems as an imperfect neural separator does.

    Each source's spectrogram is known only blurred, in part confused with the others, and wrong by some
    decibels; the mix is shared out by the ratio of these estimates, and some bins go astray (musical noise).

    Parameters
    ----------
    stems : ndarray, shape (len(STEMS), n_samples)
    rng : numpy.random.Generator
    separator : Separator
    n_fft, hop_length : int > 0

    Returns
    -------
    separated : ndarray, shape (len(STEMS), n_samples)
    """
    framing = {"nperseg": n_fft, "noverlap": n_fft - hop_length}
    spectra = stft(stems, **framing)[2]
    estimate = gaussian_filter(np.abs(spectra), (0, separator.blur_bins, 0.6))
    n_stems, _, n_frames = spectra.shape
    drift_db = _smooth_noise((n_stems, n_stems, n_frames), (6,), separator.drift_db, rng)
    drift_db = (drift_db + separator.bleed_db) * (1 - np.eye(n_stems))[:, :, None]
    confusion = (CONFUSION[:, :, None] * 10 ** (drift_db / 20)).astype(stems.dtype)
    estimate = np.einsum("ijt,jft->ift", confusion, estimate)
    estimate *= 10 ** (_smooth_noise(estimate.shape, (5.0, 1.5), separator.error_db, rng, stems.dtype) / 20)
    powers = estimate**separator.exponent + 1e-12
    masks = powers / powers.sum(axis=0)
    strays = gaussian_filter((rng.random(masks.shape) < separator.strays).astype(stems.dtype), (0, 0.6, 0.8))
    masks = np.clip(masks + 0.5 * strays, 0, 1)
    return istft(masks * spectra.sum(axis=0), **framing)[1][:, : stems.shape[1]]


def split_blindly(stems, rng, n_components=12, wanted=STEMS, n_fft=2048, hop_length=512):
    """Separate the sum of the stems as a factorisation that knows no drums does: with severe bleed.

    The mix's magnitudes are factored into spectra and their activations (Lee and Seung 2001, "Algorithms for
    non-negative matrix factorization", divergence), and each of these components goes to the stem that seems to own it.

    Parameters
    ----------
    stems : ndarray, shape (len(STEMS), n_samples)
    rng : numpy.random.Generator
    n_components : int > 0
    wanted : sequence of str
        Stems that components go to; the others come out silent.
    n_fft, hop_length : int > 0

    Returns
    -------
    separated : ndarray, shape (len(STEMS), n_samples)
    """
    framing = {"nperseg": n_fft, "noverlap": n_fft - hop_length}
    spectra = stft(stems, **framing)[2]
    mix = spectra.sum(axis=0)
    magnitudes = np.abs(mix).astype(np.float32) + np.float32(1e-9)
    shapes = rng.random((magnitudes.shape[0], n_components), dtype=np.float32) + np.float32(0.1)
    activations = rng.random((n_components, magnitudes.shape[1]), dtype=np.float32) + np.float32(0.1)
    for _ in range(FACTOR_STEPS):
        ratio = magnitudes / (shapes @ activations + TINY)
        activations *= (shapes.T @ ratio) / (shapes.sum(axis=0)[:, None] + TINY)
        ratio = magnitudes / (shapes @ activations + TINY)
        shapes *= (ratio @ activations.T) / (activations.sum(axis=1) + TINY)
    weights = np.abs(spectra).astype(np.float32) / (shapes @ activations + TINY)
    owned = np.stack([np.einsum("fk,ft,kt->k", shapes, weight, activations, optimize=True) for weight in weights])
    owned *= 10 ** (rng.normal(0, OWNER_ERROR_DB, owned.shape) / 20)
    owned[[stem not in wanted for stem in STEMS]] = 0
    owner = owned.argmax(axis=0)
    parts = np.stack([shapes[:, owner == i] @ activations[owner == i] for i in range(len(STEMS))])
    return istft(parts / (shapes @ activations + TINY) * mix, **framing)[1][:, : stems.shape[1]]


def _smooth_noise(shape, widths, sd, rng, dtype=np.float64):
    """Draw Gaussian noise, smooth it over the last axes by `widths` bins, scale it to deviation `sd`."""
    noise = gaussian_filter(rng.standard_normal(shape, dtype=dtype), (0,) * (len(shape) - len(widths)) + tuple(widths))
    return sd * noise / noise.std()
