"""A release is what trl trains on, as it is: one real step of DPO with a tiny random model."""

from pathlib import Path

import datasets
import pytest

from valuedata.release.folder import Release

TEMPLATE = (
    "{% for message in messages %}<{{ message['role'] }}>{{ message['content'] }}</s>{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)
# what a machine without an accelerator needs, and a single step
ONE_STEP = {
    "max_steps": 1,
    "per_device_train_batch_size": 2,
    "use_cpu": True,
    "bf16": False,
    "gradient_checkpointing": False,
    "report_to": "none",
    "save_strategy": "no",
}


def save_tiny_model(folder: Path) -> None:
    """A Llama of about 20,000 random parameters that reads bytes."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: number for number, token in enumerate(["<pad>", "</s>", *alphabet])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", eos_token="</s>", chat_template=TEMPLATE
    )
    fast.save_pretrained(folder)
    config = LlamaConfig(
        vocab_size=len(vocabulary),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        pad_token_id=0,
        eos_token_id=1,
        bos_token_id=None,
    )
    LlamaForCausalLM(config).save_pretrained(folder)


# trl and transformers warn about their own coming changes, which is not what is tested here.
@pytest.mark.filterwarnings("ignore")
def test_dpo_takes_a_subset_unchanged(starter: Release, tmp_path: Path) -> None:
    from transformers import AutoTokenizer
    from trl import DPOConfig, DPOTrainer

    save_tiny_model(tmp_path / "model")
    loaded = datasets.load_dataset(
        str(starter.folder), "empathy", cache_dir=str(tmp_path / "cache")
    )
    trainer = DPOTrainer(
        model=str(tmp_path / "model"),
        args=DPOConfig(
            output_dir=str(tmp_path / "run"),
            per_device_train_batch_size=2,
            max_steps=1,
            max_length=2048,
            report_to="none",
            use_cpu=True,
            bf16=False,
            gradient_checkpointing=False,
            disable_tqdm=True,
            save_strategy="no",
        ),
        train_dataset=loaded["train"],
        eval_dataset=loaded["validation"],
        processing_class=AutoTokenizer.from_pretrained(tmp_path / "model"),
    )
    assert len(trainer.train_dataset) == starter.manifest["values"]["empathy"]["splits"]["train"]
    batch = next(iter(trainer.get_train_dataloader()))
    text = trainer.processing_class.decode(batch["input_ids"][0], skip_special_tokens=True)
    rows = {row["chosen"][0]["content"]: row["prompt"][-1]["content"] for row in loaded["train"]}
    (prompt,) = [rows[reply] for reply in rows if f"<assistant>{reply}" in text]
    assert prompt in text
    trainer.train()
    assert trainer.state.global_step == 1
