"""Drum stems to MIDI: what stems_to_midi.py, train_classifier.py and evaluate_model.py share.

Conventions throughout: times in seconds from the start of the audio file; audio as mono float32 at 44.1 kHz with full
scale 1.0; candidates as a FeatureTable and notes as a structured array, one row each, in time order.
"""

__version__ = "0.1.0"
