"""Replies of models in this process and on a server, and what a stopped run keeps."""

import json
import shutil

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, GPT2Config, GPT2LMHeadModel

from evaluation.generation.generate import (
    GenerationSettings,
    _make_request,
    generate,
    open_reply_cache,
)
from evaluation.generation.loading import choose_template
from evaluation.generation.local_model import LocalModel
from evaluation.generation.model_files import (
    ModelFiles,
    find_model,
    hash_folder,
    identify_model,
)
from evaluation.generation.server import ServerModel
from evaluation.replies import Reply, list_slots
from evaluation.results import hash_file
from tests.cli.test_disk_errors import drop_override
from tests.evaluation.made import make_prompt, make_set
from tests.llm_server import serve_llm
from valuedata.errors import EvaluationError, LabelError
from valuedata.settings import LlmSettings

PROMPTS = make_set(*(make_prompt("word " * k + str(k)) for k in range(7)))
GREEDY = GenerationSettings(max_tokens=12)
DRAWN = GenerationSettings(max_tokens=12, temperature=1.0, samples=2)


def ignore(_):
    pass


def load(folder, **settings):
    files = find_model(str(folder))
    return LocalModel(files, choose_template({"arm": files}, None), "cpu", **settings)


def reply(model, settings, tmp_path, name="cache"):
    slots = list_slots([PROMPTS], settings.samples)
    return generate(model, slots, settings, open_reply_cache(tmp_path / name), ignore).replies


def test_greedy_replies_are_those_of_the_models_own_loop(tiny_model, tmp_path):
    """Beside transformers' own decoding of each prompt alone, without batch, padding or cache."""
    model = AutoModelForCausalLM.from_pretrained(tiny_model).eval()
    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    replies = reply(load(tiny_model), GREEDY, tmp_path)
    for prompt, found in zip(PROMPTS.prompts, replies, strict=True):
        tokens = tokenizer.apply_chat_template(
            list(prompt.messages), add_generation_prompt=True, return_tensors="pt"
        )["input_ids"]
        expected = []
        while len(expected) < 12:
            with torch.inference_mode():
                best = int(model(tokens).logits[0, -1].argmax())
            if best == tokenizer.eos_token_id:
                break
            expected.append(best)
            tokens = torch.cat([tokens, torch.tensor([[best]])], dim=1)
        assert found.text == tokenizer.decode(expected, skip_special_tokens=True)
        assert found.n_tokens == len(expected)
        assert found.finish == ("length" if len(expected) == 12 else "stop")


def test_drawn_replies_do_not_depend_on_the_batch(tiny_model, tmp_path):
    together = reply(load(tiny_model), DRAWN, tmp_path, "together")
    alone = reply(load(tiny_model, batch_size=1), DRAWN, tmp_path, "alone")
    assert together == alone
    assert len({found.text for found in together}) > 10  # 14 replies, two to each prompt
    other = reply(load(tiny_model), DRAWN.model_copy(update={"seed": 1}), tmp_path, "other")
    assert other != together


def test_draws_follow_the_softmax(tiny_model):
    """First tokens of 1,000 seeds against the model's own probabilities, by chi squared."""
    model = load(tiny_model)
    settings = GenerationSettings(max_tokens=1, temperature=0.7, samples=1_000)
    prompts = make_set(make_prompt("one"))
    slots = list_slots([prompts], 1_000)
    kept = {}
    requests = [_make_request(slot, settings, {}) for slot in slots]
    model.generate(requests, settings, kept.update)
    tokens = model._encode(prompts.prompts[0].messages)
    with torch.inference_mode():
        logits = model.model(torch.tensor([tokens])).logits[0, -1]
    expected = 1_000 * torch.softmax(logits / 0.7, 0).numpy()
    texts = [json.loads(answer.content)["reply"] for answer in kept.values()]
    letters = [
        (sum(text == letter for text in texts), expected[model.tokenizer.encode(letter)[0]])
        for letter in "abcdefghijklmnopqrst"
    ]
    chi_squared = sum((seen - mean) ** 2 / mean for seen, mean in letters)
    assert chi_squared < 45.3  # the 0.999 quantile with 20 degrees of freedom


def test_models_with_absolute_positions_are_padded_rightly(tiny_model, tmp_path):
    """GPT-2 counts positions from the first column; a batch says what each row alone says."""
    folder = tmp_path / "gpt2"
    shutil.copytree(tiny_model, folder)
    size = len(AutoTokenizer.from_pretrained(tiny_model))
    torch.manual_seed(0)
    config = GPT2Config(vocab_size=size, n_positions=512, n_embd=16, n_layer=1, n_head=2)
    config.bos_token_id = config.eos_token_id = None
    config.initializer_range = 0.5
    GPT2LMHeadModel(config).save_pretrained(folder)
    together, alone = load(folder), load(folder, batch_size=1)
    asked = [(p.messages, text) for p in PROMPTS.prompts for text in ("Yes", "Not at all, no")]
    assert together.score_continuations(asked) == pytest.approx(
        alone.score_continuations(asked), abs=1e-4
    )
    assert reply(together, GREEDY, tmp_path, "a") == reply(alone, GREEDY, tmp_path, "b")


def test_a_stopped_run_goes_on(tiny_model, tmp_path):
    whole = reply(load(tiny_model), GREEDY, tmp_path, "whole")
    some = make_set(*PROMPTS.prompts[:4])
    cache = open_reply_cache(tmp_path / "stopped")
    generate(load(tiny_model), list_slots([some], 1), GREEDY, cache, ignore)
    done = []
    slots = list_slots([PROMPTS], 1)
    assert generate(load(tiny_model), slots, GREEDY, cache, done.append) == (whole, 4)
    assert done == [4, 3]
    unloaded = load(tiny_model)
    assert generate(unloaded, slots, GREEDY, cache, ignore) == (whole, 7)
    assert "model" not in vars(unloaded)  # nothing was missing, so nothing was loaded


def test_what_decides_a_reply_decides_its_key(tiny_model, tmp_path):
    replies = reply(load(tiny_model), GREEDY, tmp_path)
    led = reply(load(tiny_model), GREEDY.model_copy(update={"system_prompt": "Be kind."}), tmp_path)
    assert led != replies
    other = tmp_path / "other"
    shutil.copytree(tiny_model, other)
    assert hash_folder(other) == hash_folder(tiny_model)
    (other / "README.md").write_text("A card.", encoding="utf-8")
    assert hash_folder(other) == hash_folder(tiny_model)
    (other / "generation_config.json").write_text("{}", encoding="utf-8")
    assert hash_folder(other) != hash_folder(tiny_model)


def test_batches_halve_where_memory_runs_out(tiny_model):
    model = load(tiny_model, batch_size=8)
    sizes = []
    real = model.model.forward

    def forward(*args, **extra):
        sizes.append(len(extra["input_ids"]))
        if sizes[-1] > 3:
            raise torch.OutOfMemoryError("no room")
        return real(*args, **extra)

    model.model.forward = forward
    scores = model.score_continuations([(p.messages, "Yes") for p in PROMPTS.prompts])
    assert sizes == [7, 4, 2, 2, 2, 1]
    assert scores == pytest.approx(
        load(tiny_model).score_continuations([(p.messages, "Yes") for p in PROMPTS.prompts]),
        abs=1e-4,
    )

    def refuse(*_args, **_extra):
        raise RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate")

    model.model.forward = refuse
    with pytest.raises(EvaluationError, match="holds not even one reply"):
        model.score_continuations([(PROMPTS.prompts[0].messages, "Yes")])

    def break_down(*_args, **_extra):
        raise RuntimeError("shapes differ")

    model.model.forward = break_down
    with pytest.raises(RuntimeError, match="shapes differ"):
        model.score_continuations([(PROMPTS.prompts[0].messages, "Yes")])


def test_log_probabilities_are_sums_over_the_replys_tokens(tiny_model):
    model = load(tiny_model)
    prompt = PROMPTS.prompts[3]
    start = model._encode(prompt.messages)
    end = model.tokenizer("Yes, so it is", add_special_tokens=False).input_ids
    with torch.inference_mode():
        logits = model.model(torch.tensor([start + end])).logits[0].double()
    expected = sum(
        float(torch.log_softmax(logits[len(start) + k - 1], 0)[token])
        for k, token in enumerate(end)
    )
    others = [(other.messages, "No") for other in PROMPTS.prompts]
    found = model.score_continuations([(prompt.messages, "Yes, so it is"), *others])
    assert found[0] == pytest.approx(expected, abs=1e-4)
    assert np.isfinite(found).all()


def test_arms_share_one_template(tiny_model, tmp_path):
    bare = tmp_path / "bare"
    shutil.copytree(tiny_model, bare)
    (bare / "chat_template.jinja").unlink()
    files = {"base": ModelFiles(str(bare)), "tuned": ModelFiles(str(tiny_model))}
    template = (tiny_model / "chat_template.jinja").read_text(encoding="utf-8")
    assert choose_template(files, None) == template
    assert choose_template(files, "{{ messages }}") == "{{ messages }}"
    with pytest.raises(EvaluationError, match="No arm has a chat template"):
        choose_template({"base": files["base"]}, None)
    (bare / "chat_template.jinja").write_text("{{ messages }}", encoding="utf-8")
    with pytest.raises(EvaluationError, match="base and tuned have different chat templates"):
        choose_template(files, None)


def test_messages_that_a_template_refuses_are_one_sentence(tiny_model, tmp_path):
    template = "{{ raise_exception('no system role') }}"
    model = LocalModel(find_model(str(tiny_model)), template, "cpu")
    with pytest.raises(EvaluationError, match=r"takes no such messages \(no system role\)"):
        reply(model, GREEDY, tmp_path)


def test_a_reply_must_have_room(tiny_model, tmp_path):
    with pytest.raises(EvaluationError, match=r"but .* reads 4,096; give a smaller --max-tokens"):
        reply(load(tiny_model), GREEDY.model_copy(update={"max_tokens": 4_096}), tmp_path)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [("absent/model", "cannot be loaded"), ("", "holds no model")],
)
def test_a_name_without_a_model_is_one_sentence(tmp_path, monkeypatch, name, sentence):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(EvaluationError, match=sentence):
        reply(load(name or tmp_path), GREEDY, tmp_path)


def test_weights_and_outputs_that_cannot_be_read_are_one_sentence(tiny_model, tmp_path):
    shutil.copytree(tiny_model, tmp_path / "model")
    (tmp_path / "model" / "model.safetensors").chmod(0o000)
    with drop_override(), pytest.raises(EvaluationError) as caught:
        identify_model(ModelFiles(str(tmp_path / "model")))
    assert str(caught.value) == (
        f"{tmp_path / 'model'} cannot be read (Permission denied); give a model that you may read."
    )
    with pytest.raises(
        EvaluationError, match=r"gone cannot be read \(No such file or directory\);"
    ):
        hash_file(tmp_path / "gone")


@pytest.fixture(scope="module")
def server():
    with serve_llm() as running:
        yield running


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("VALUEDATA_LLM_KEY", raising=False)


def ask(server, tmp_path, *names, settings=GREEDY):
    prompts = make_set(*(make_prompt(name) for name in names))
    chosen = LlmSettings(
        model="m", base_url=server.base_url, timeout_s=4.0, max_retries=0, concurrency=2
    )
    slots = list_slots([prompts], settings.samples)
    cache = open_reply_cache(tmp_path)
    return generate(ServerModel(chosen), slots, settings, cache, ignore).replies


def test_a_server_replies(server, tmp_path):
    before = server.count()
    found = ask(server, tmp_path, "tea", "fault:length", "fault:empty")
    assert found == [
        Reply("m heard What of tea?", "stop", 7),
        Reply("m heard What of fault:length?", "length", 7),
        Reply("", "stop", 7),
    ]
    assert ask(server, tmp_path, "tea", "fault:length", "fault:empty") == found
    assert server.count() - before == 3
    body = server.read_requests()[-1]["body"]
    assert "response_format" not in body
    assert (body["temperature"], body["max_tokens"]) == (0.0, 12)


def test_samples_from_a_server_have_seeds_of_their_own(server, tmp_path):
    ask(server, tmp_path, "seeds", settings=DRAWN)
    seeds = [request["body"]["seed"] for request in server.read_requests()[-2:]]
    assert len(set(seeds)) == 2


def test_a_server_that_fails_for_some_leaves_no_arm(server, tmp_path):
    with pytest.raises(EvaluationError) as caught:
        ask(server, tmp_path, "milk", "fault:500-once")
    assert str(caught.value) == (
        f"The server at {server.base_url} gave no reply to 1 of 2 prompts (last: server error); "
        "run again, which asks these alone."
    )
    before = server.count()
    assert ask(server, tmp_path, "milk", "fault:500-once")[0].text == "m heard What of milk?"
    assert server.count() - before == 1


def test_a_server_that_does_not_know_the_model_is_one_sentence(server, tmp_path):
    with pytest.raises(LabelError, match="mend the model's name or --server"):
        ask(server, tmp_path, "fault:404")
