"""A small U-Net that splits a mix of drums into stems, trained on rendered mixes: its errors are those of networks.

One network computes a mask for each stem from the magnitudes of the mix (Jansson et al. 2017, "Singing voice separation
with deep U-Net convolutional networks"). It splits training songs, as the separators of users split theirs; nothing
of it is part of the product. Needs PyTorch.

Conventions: mono audio at 44.1 kHz; stems stacked as (len(STEMS), n_samples).
"""

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from separation import STEMS
from torch import nn
from torch.nn import functional

N_FFT, HOP_LENGTH = 2048, 512
N_BINS = N_FFT // 2  # without the highest, which gets the mask of the one below
FRAMES = 256  # of a clip to train on, and a multiple of what songs are padded to
CHANNELS = (12, 24, 36, 48, 64, 80)
QUIETEST = 1e-3  # of the mix's RMS magnitude
CLIPS_AT_ONCE, CLIPS_FOR_MEAN = 6, 20
LEARNING_RATE = 2e-3
N_THREADS = 2  # another number may round otherwise
LOUDNESS = 0.6  # power of a bin's magnitude with which it counts
GAIN_DB = 4.0  # standard deviation of the gain of each stem, drawn anew for each clip
EARLY, LATE = "early", "late"
EARLY_AT = 0.4  # of the steps


class UNet(nn.Module):
    """Masks of all stems from the magnitudes of a mix."""

    def __init__(self) -> None:
        super().__init__()
        sizes = (2, *CHANNELS)
        self.down = nn.ModuleList(
            nn.Sequential(nn.Conv2d(a, b, 4, stride=2, padding=1), nn.BatchNorm2d(b), nn.LeakyReLU(0.2))
            for a, b in pairwise(sizes)
        )
        ups = []
        for i in reversed(range(len(CHANNELS))):
            inner = CHANNELS[i] * (1 if i == len(CHANNELS) - 1 else 2)
            ups.append(nn.ConvTranspose2d(inner, CHANNELS[i - 1] if i else len(STEMS), 4, stride=2, padding=1))
        self.up = nn.ModuleList(ups)
        self.norms = nn.ModuleList(nn.BatchNorm2d(layer.out_channels) for layer in ups[:-1])
        self.register_buffer("mean", torch.zeros(N_BINS, 1))
        self.register_buffer("height", torch.linspace(-1, 1, N_BINS)[:, None])

    def forward(self, magnitudes: torch.Tensor) -> torch.Tensor:
        """Return the logarithms of masks that add up to 1, shape (clips, stems, N_BINS, frames).

        Parameters
        ----------
        magnitudes : torch.Tensor, shape (clips, N_BINS, frames)
        """
        x = _relative_level(magnitudes) - self.mean
        x = torch.stack([x, self.height.expand_as(x)], dim=1)
        skipped = []
        for layer in self.down:
            x = layer(x)
            skipped.append(x)
        for i, layer in enumerate(self.up):
            x = layer(x if i == 0 else torch.cat([x, skipped[-1 - i]], dim=1))
            x = torch.relu(self.norms[i](x)) if i < len(self.norms) else x
        return torch.log_softmax(x, dim=1)


def _relative_level(magnitudes: torch.Tensor) -> torch.Tensor:
    """Return log10 of magnitudes relative to the RMS of their clip."""
    rms = magnitudes.square().mean(dim=(1, 2), keepdim=True).sqrt() + 1e-9
    return torch.log10(magnitudes / rms + QUIETEST)


def _magnitudes(y: torch.Tensor) -> torch.Tensor:
    spectrum = torch.stft(y, N_FFT, HOP_LENGTH, window=torch.hann_window(N_FFT), return_complex=True)
    return spectrum.abs()[:, :N_BINS, :FRAMES]


def train_unet(songs: Sequence[np.ndarray], steps: int, folder: Path, seed: int = 0) -> None:
    """Train on the stems of some mixes, and write the states that `split_by_unet` takes.

    Parameters
    ----------
    songs : sequence of np.ndarray, shape (len(STEMS), n_samples)
    steps : int > 0
    folder : Path
    seed : int
    """
    torch.set_num_threads(N_THREADS)
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    network = UNet()
    network.mean[:] = _relative_level(_clips(songs, CLIPS_FOR_MEAN, rng)[0]).mean(dim=(0, 2))[:, None]
    optimizer = torch.optim.AdamW(network.parameters(), LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, steps, pct_start=0.1)
    for step in range(1, steps + 1):
        mix, wanted = _clips(songs, CLIPS_AT_ONCE, rng)
        shares = wanted / (wanted.sum(dim=1, keepdim=True) + 1e-9)
        weights = mix[:, None] ** LOUDNESS
        loss = -(weights * shares * network(mix)).sum() / weights.sum()
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if step in (round(EARLY_AT * steps), steps):
            torch.save(network.state_dict(), _state_file(folder, LATE if step == steps else EARLY))
        if step % 50 == 0:
            print(f"step {step} of {steps}: loss {loss.item():.4f}", flush=True)


def _clips(songs: Sequence[np.ndarray], n: int, rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Return magnitudes of some mixes, shape (n, N_BINS, FRAMES), and of their stems, (n, stems, N_BINS, FRAMES)."""
    n_samples, parts = FRAMES * HOP_LENGTH, []
    for i in rng.integers(len(songs), size=n):
        start = rng.integers(songs[i].shape[1] - n_samples)
        gains_db = rng.normal(0, GAIN_DB, (len(STEMS), 1))
        parts.append(songs[i][:, start : start + n_samples] * (10 ** (gains_db / 20)).astype(np.float32))
    y = torch.from_numpy(np.stack(parts).astype(np.float32))
    return _magnitudes(y.sum(1)), _magnitudes(y.flatten(0, 1)).unflatten(0, (n, len(STEMS)))


def is_trained(folder: Path) -> bool:
    """Tell whether a folder holds what `train_unet` writes."""
    return _state_file(folder, LATE).is_file()


def _state_file(folder: Path, which: str) -> Path:
    return folder / f"unet-{which}.pt"


@lru_cache(2)
def _trained(path: Path) -> UNet:
    network = UNet()
    network.load_state_dict(torch.load(path, weights_only=True))
    return network.eval()


def split_by_unet(stems: np.ndarray, rng: np.random.Generator, folder: Path) -> np.ndarray:
    """Separate the sum of the stems by a trained network: as it was early or late in its training, its masks blurred or
    sharpened, and sometimes no longer adding up to 1.

    Parameters
    ----------
    stems : np.ndarray, shape (len(STEMS), n_samples)
    rng : numpy.random.Generator
    folder : Path, of the files that `train_unet` wrote

    Returns
    -------
    separated : np.ndarray, shape (len(STEMS), n_samples), float32
    """
    network = _trained(_state_file(folder, rng.choice([EARLY, LATE], p=[0.3, 0.7])))
    exponent = rng.uniform(0.7, 2.0)
    mix = torch.from_numpy(stems.sum(axis=0).astype(np.float32))
    window = torch.hann_window(N_FFT)
    spectrum = torch.stft(mix, N_FFT, HOP_LENGTH, window=window, return_complex=True)
    padding = -spectrum.shape[1] % FRAMES
    with torch.inference_mode():
        log_masks = network(functional.pad(spectrum.abs()[None, :N_BINS], (0, padding)))[0, :, :, : spectrum.shape[1]]
        log_masks = torch.cat([log_masks, log_masks[:, -1:]], dim=1) * exponent
        masks = torch.softmax(log_masks, dim=0) if rng.random() < 0.5 else log_masks.exp()
        parts = torch.istft(masks * spectrum, N_FFT, HOP_LENGTH, window=window, length=len(mix))
    return parts.numpy()
