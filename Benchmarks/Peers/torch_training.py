#!/usr/bin/env python3
"""A training step of the same transformer in PyTorch: the peer of the rows "training" of the benchmark.

The shape of the model is read from a GGUF file; the weights are random, because speed does not depend on them. Each
sequence is B x T random tokens with a loss on every position; the step is forward, backward, gradient clipping and fused
AdamW, in float32. Prints one JSON object. Needs torch, transformers, numpy and gguf.

usage: torch_training.py MODEL.gguf [--batch 8] [--length 256] [--lora RANK] [--threads 2] [--steps 3]
"""

import argparse
import json
import resource
import statistics
import time

import gguf
import numpy
import torch
import transformers


def configuration(path):
    """The transformers configuration of a GGUF file of architecture llama or qwen2."""
    fields = gguf.GGUFReader(path).fields
    architecture = bytes(fields["general.architecture"].parts[-1]).decode()
    kinds = {"llama": transformers.LlamaConfig, "qwen2": transformers.Qwen2Config}
    if architecture not in kinds:
        raise SystemExit(f"{path}: architecture {architecture}; known are {', '.join(kinds)}")

    def value(key):
        return fields[f"{architecture}.{key}"].parts[-1][0].item()

    tensors = {tensor.name: tensor for tensor in gguf.GGUFReader(path).tensors}
    return kinds[architecture](
        vocab_size=int(tensors["token_embd.weight"].shape[1]),
        hidden_size=value("embedding_length"),
        intermediate_size=value("feed_forward_length"),
        num_hidden_layers=value("block_count"),
        num_attention_heads=value("attention.head_count"),
        num_key_value_heads=value("attention.head_count_kv"),
        rms_norm_eps=value("attention.layer_norm_rms_epsilon"),
        rope_parameters={"rope_type": "default", "rope_theta": value("rope.freq_base")},
        tie_word_embeddings="output.weight" not in tensors,
        use_cache=False,
    )


class LoRALinear(torch.nn.Module):
    """A frozen linear map plus a trained one of low rank."""

    def __init__(self, base, rank):
        super().__init__()
        self.base = base
        self.down = torch.nn.Linear(base.in_features, rank, bias=False)
        self.up = torch.nn.Linear(rank, base.out_features, bias=False)
        torch.nn.init.zeros_(self.up.weight)

    def forward(self, x):
        return self.base(x) + self.up(self.down(x))


def add_lora(model, rank):
    """Freezes the model and gives every linear map of its blocks a trained low-rank part."""
    model.requires_grad_(False)
    for layer in model.model.layers:
        for parent in (layer.self_attn, layer.mlp):
            for name, child in list(parent.named_children()):
                if isinstance(child, torch.nn.Linear):
                    setattr(parent, name, LoRALinear(child, rank))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--length", type=int, default=256)
    parser.add_argument("--lora", type=int, default=0, metavar="RANK")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=3)
    arguments = parser.parse_args()

    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    config = configuration(arguments.model)
    kinds = {"llama": transformers.LlamaForCausalLM, "qwen2": transformers.Qwen2ForCausalLM}
    model = kinds[config.model_type](config).float().train()
    if arguments.lora:
        add_lora(model, arguments.lora)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=1e-6, betas=(0.9, 0.95), weight_decay=0, fused=True)
    tokens = torch.from_numpy(
        numpy.random.default_rng(0).integers(1000, 10000, (arguments.batch, arguments.length)).astype(numpy.int64))

    def step():
        optimizer.zero_grad(set_to_none=True)
        model(input_ids=tokens, labels=tokens).loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()

    step()
    seconds = []
    for _ in range(arguments.steps):
        start = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - start)
    median = statistics.median(seconds)
    print(json.dumps({
        "software": f"torch {torch.__version__}, transformers {transformers.__version__}",
        "tokensPerSecond": arguments.batch * arguments.length / median,
        "seconds": seconds,
        "peakBytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "trainedParameters": sum(parameter.numel() for parameter in trained),
    }))


if __name__ == "__main__":
    main()
