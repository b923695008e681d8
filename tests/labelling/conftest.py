"""Encoders: MiniLM itself, with a cache and without, and the packaged classifier's."""

from dataclasses import replace

import pytest

from valuedata.labelling.encoding.encoder import Encoder, load_encoder
from valuedata.labelling.heads import load_heads


@pytest.fixture(scope="session")
def encoder(tmp_path_factory) -> Encoder:
    """The packaged model with an empty cache of its own."""
    return load_encoder(cache_folder=tmp_path_factory.mktemp("vectors"))


@pytest.fixture(scope="session")
def uncached(encoder) -> Encoder:
    """The same model, which computes every vector anew."""
    return replace(encoder, cache=None)


@pytest.fixture(scope="session")
def adapted(tmp_path_factory) -> Encoder:
    """The encoder that the packaged heads read, with an empty cache of its own."""
    folder = tmp_path_factory.mktemp("vectors")
    return load_encoder(cache_folder=folder, adapter=load_heads().adapter)
