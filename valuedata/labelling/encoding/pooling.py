"""What the tokens of a reading say, in one vector a reading."""

import numpy as np
import numpy.typing as npt

from valuedata.labelling.encoding.blocks import Block
from valuedata.labelling.encoding.forward import States

__all__ = ["pool"]

Floats = npt.NDArray[np.float32]


def pool(states: States, block: Block) -> npt.NDArray[np.float16]:
    """Gives each reading of a block its vector.

    Args:
        states: What the forward pass made of the block.
        block: n readings.

    Returns:
        (n, d + v) float16: the mean over a reading's tokens, scaled to length 1, then what each
        of v token heads scores, as `TokenHeads.score` does. Each sum runs over a reading's own
        tokens in their order, so that no other reading alters a bit.
    """
    sums = np.add.reduceat(states.last[: block.n_tokens], block.starts)
    mean = sums / block.lengths[:, None].astype(np.float32)
    vectors = mean / np.sqrt(np.square(mean).sum(axis=1, keepdims=True))
    scores = _score(states.pull[: block.n_tokens], states.says[: block.n_tokens], block)
    return np.concatenate([vectors, scores + states.bias], axis=1).astype(np.float16)


def _score(pull: Floats, says: Floats, block: Block) -> Floats:
    highest = np.maximum.reduceat(pull, block.starts)
    weights = np.exp(pull - np.repeat(highest, block.lengths, axis=0))
    scores: Floats = np.add.reduceat(weights * says, block.starts)
    scores /= np.add.reduceat(weights, block.starts)
    return scores
