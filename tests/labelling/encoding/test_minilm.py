"""Which tokens of a reading the encoder is given."""

import pytest

from valuedata.labelling.encoding.minilm import CLS, SEP, load_minilm, tokenize
from valuedata.labelling.readings import Reading


@pytest.mark.parametrize("word", ["[CLS]", "[SEP]", "[PAD]", "[MASK]", "[UNK]"])
def test_control_tokens_in_a_text_are_text(word):
    _, tokenizer = load_minilm()
    (tokens,) = tokenize(tokenizer, [Reading(f"Why {word}?", f"So {word} it is.")])
    assert (tokens[0], tokens[-1]) == (CLS, SEP)
    controls = [
        tokenizer.token_to_id(name) for name in ("[CLS]", "[SEP]", "[PAD]", "[MASK]", "[UNK]")
    ]
    assert [token for token in tokens if token in controls] == [CLS, SEP, SEP]
    assert word.lower().strip("[]") in tokenizer.decode(tokens).replace(" ", "")
