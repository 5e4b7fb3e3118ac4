"""Documents compared with what the commands in them print."""

import pytest
from update_docs import ROOT, VERSIONS, versions


@pytest.fixture(scope="session")
def same_versions():
    """Skip where other libraries would train another forest than the one whose output the documents show."""
    shown = VERSIONS.search((ROOT / "ML_TRAINING_GUIDE.md").read_text(encoding="utf-8"))[0]
    if shown != versions():
        pytest.skip(f"the documents were made with {shown}; renew them with tools/docs/update_docs.py")
