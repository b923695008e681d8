"""An encoder without a cache, and one with its own."""

import pytest

from valuedata.labelling.encoder import Encoder, load_encoder


@pytest.fixture(scope="session")
def encoder(tmp_path_factory) -> Encoder:
    """The packaged model with an empty cache of its own."""
    return load_encoder(cache_folder=tmp_path_factory.mktemp("vectors"))


@pytest.fixture(scope="session")
def uncached(encoder) -> Encoder:
    """The same model, which computes every vector anew."""
    return Encoder(encoder.model, encoder.tokenizer, encoder.precision, cache=None)
