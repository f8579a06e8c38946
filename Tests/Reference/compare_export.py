#!/usr/bin/env python3
"""Opens exports of `autodidact` in transformers and in llama.cpp and compares token ids and logits with ours.

usage: python compare_export.py [--autodidact .build/release/autodidact] [--llama-cpp FOLDER] [--work FOLDER] NAME …

Each NAME (a model, or an experiment, optionally NAME@VERSION) is exported in float32 as a GGUF file and as a Hugging Face
folder. For each prompt `autodidact generate NAME --logits` says what we compute; transformers opens the folder, llama.cpp
(a folder with include/llama.h and build/bin/libllama.so; a small program is compiled against it) the GGUF file. Compared
are the ids of the prompt, the log-probabilities of its tokens, and the logits after the last one. Then the way back:
transformers saves what it read from our GGUF file in shards of bfloat16, in its own spelling, and we read that.
Exit status 1 when ids differ or a number differs by more than 1e-3. Needs torch, transformers 5 and gguf.
"""
import argparse, json, os, subprocess, sys

import numpy as np

PROMPTS = [
    "def f(xs):\n    return sorted(xs)[::-1]\n\nf([3, 1, 2]) →",
    "The capital of France is",
    "naïve café, 1234567 元 — “quoted”; don't <|im_end|> x",
    "<|im_start|>user\n\tprint('hi')  \n\n\n  return 0",
]
TOLERANCE = 1e-3

HELPER = r"""
#include "llama.h"
#include <cmath>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>
static void quiet(ggml_log_level, const char *, void *) {}
int main(int argc, char ** argv) {
  std::string text;
  for (int c; (c = getchar()) != EOF;) text += (char) c;
  llama_log_set(quiet, nullptr);
  llama_backend_init();
  auto mp = llama_model_default_params();
  auto * model = llama_model_load_from_file(argv[1], mp);
  if (!model) return 2;
  auto * vocab = llama_model_get_vocab(model);
  std::vector<llama_token> ids(text.size() + 8);
  int n = llama_tokenize(vocab, text.data(), (int) text.size(), ids.data(), (int) ids.size(), true, false);
  if (n <= 0) return 3;
  auto cp = llama_context_default_params();
  cp.n_ctx = cp.n_batch = cp.n_ubatch = 512;
  cp.n_threads = cp.n_threads_batch = 2;
  cp.flash_attn_type = LLAMA_FLASH_ATTN_TYPE_DISABLED;
  cp.type_k = cp.type_v = GGML_TYPE_F32;
  auto * context = llama_init_from_model(model, cp);
  auto batch = llama_batch_init(n, 0, 1);
  batch.n_tokens = n;
  for (int i = 0; i < n; i++) {
    batch.token[i] = ids[i]; batch.pos[i] = i; batch.n_seq_id[i] = 1; batch.seq_id[i][0] = 0; batch.logits[i] = 1;
  }
  if (llama_decode(context, batch) != 0) return 4;
  int V = llama_vocab_n_tokens(vocab);
  printf("{\"ids\":[");
  for (int i = 0; i < n; i++) printf("%s%d", i ? "," : "", ids[i]);
  printf("],\"log_probabilities\":[");
  for (int i = 0; i + 1 < n; i++) {
    const float * row = llama_get_logits_ith(context, i);
    double sum = 0, top = row[0];
    for (int v = 1; v < V; v++) if (row[v] > top) top = row[v];
    for (int v = 0; v < V; v++) sum += exp(row[v] - top);
    printf("%s%.9g", i ? "," : "", row[ids[i + 1]] - top - log(sum));
  }
  printf("],\"logits\":[");
  const float * row = llama_get_logits_ith(context, n - 1);
  for (int v = 0; v < V; v++) printf("%s%.9g", v ? "," : "", row[v]);
  printf("]}\n");
}
"""


def run(command, **options):
    result = subprocess.run(command, capture_output=True, **options)
    if result.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}: exit {result.returncode}\n{result.stderr.decode()}")
    return result.stdout


def ours(program, source, prompt, *options):
    return json.loads(run([program, "generate", *source, *options, "--logits", "--prompt", prompt]))


class Transformers:
    def __init__(self, folder, dtype="float32"):
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer
        self.torch = torch
        self.model = AutoModelForCausalLM.from_pretrained(folder, dtype=getattr(torch, dtype), attn_implementation="eager")
        self.model.eval()
        self.tokenizer = AutoTokenizer.from_pretrained(folder)

    def __call__(self, prompt):
        backend = self.tokenizer.backend_tokenizer
        backend.encode_special_tokens = True  # a prompt is text, control tokens in it too
        ids = backend.encode(prompt, add_special_tokens=True).ids
        with self.torch.no_grad():
            logits = self.model(self.torch.tensor([ids])).logits[0].double()
        log = self.torch.log_softmax(logits, -1)
        return {"ids": ids, "log_probabilities": [log[i, t].item() for i, t in enumerate(ids[1:])],
                "logits": logits[-1].tolist()}

    def chat(self, message):
        # transformers 5 gives ids in a dictionary, older ones a list.
        ids = self.tokenizer.apply_chat_template([{"role": "user", "content": message}], add_generation_prompt=True)
        return list(ids["input_ids"] if hasattr(ids, "keys") else ids)


def llama(helper, path):
    return lambda prompt: json.loads(run([helper, path], input=prompt.encode()))


failures = 0


def compare(label, a, b):
    global failures
    same = a["ids"] == b["ids"]
    distance = lambda key: float(np.abs(np.array(a[key]) - np.array(b[key])).max()) if same and a[key] else float("nan")
    logits, logs = distance("logits"), distance("log_probabilities")
    best = int(np.argmax(a["logits"])) == int(np.argmax(b["logits"]))
    good = same and logits <= TOLERANCE and logs <= TOLERANCE
    failures += not good
    print(f"  {label:<38} ids {'same' if same else 'DIFFER'} ({len(b['ids']):3})  largest difference: logits {logits:.1e}, "
          f"log-probabilities {logs:.1e}  argmax {'same' if best else 'differs'}  {'ok' if good else 'FAILED'}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="+")
    parser.add_argument("--autodidact", default=".build/release/autodidact")
    parser.add_argument("--llama-cpp")
    parser.add_argument("--work", default="compare-export")
    options = parser.parse_args()
    os.makedirs(options.work, exist_ok=True)
    helper = None
    if options.llama_cpp:
        helper, root = os.path.join(options.work, "logits"), os.path.abspath(options.llama_cpp)
        with open(helper + ".cpp", "w") as file:
            file.write(HELPER)
        run(["g++", "-O2", "-std=c++17", helper + ".cpp", f"-I{root}/include", f"-I{root}/ggml/include", "-o", helper,
             f"-L{root}/build/bin", "-lllama", "-lggml-base", f"-Wl,-rpath,{root}/build/bin"])
    for argument in options.names:
        name, _, version = argument.partition("@")
        source = [name] + (["--version", version] if version else [])
        stem = os.path.join(options.work, os.path.basename(argument))
        gguf, folder = "./" + stem + ".gguf" if not os.path.isabs(stem) else stem + ".gguf", stem
        export = [options.autodidact, "export", *source, "--force", "--format"]
        print(run([*export, "gguf", gguf]).decode(), end="")
        print(run([*export, "safetensors", folder]).decode(), end="", flush=True)
        folder = "./" + folder if not os.path.isabs(folder) else folder
        expected = {prompt: ours(options.autodidact, source, prompt) for prompt in PROMPTS}
        for label, path in [("our GGUF read by us", gguf), ("our folder read by us", folder)]:
            compare(label, expected[PROMPTS[0]], ours(options.autodidact, [path], PROMPTS[0]))
        peer = Transformers(folder)
        for number, prompt in enumerate(PROMPTS):
            compare(f"prompt {number}: folder in transformers", expected[prompt], peer(prompt))
            if helper:
                compare(f"prompt {number}: GGUF in llama.cpp", expected[prompt], llama(helper, gguf)(prompt))
        mine = ours(options.autodidact, source, PROMPTS[1], "--chat")["ids"]
        print(f"  chat template in transformers          ids {'same' if mine == peer.chat(PROMPTS[1]) else 'DIFFER'}")
        # The way back, in transformers' own spelling.
        saved = stem + "-saved"
        peer.model.to(peer.torch.bfloat16).save_pretrained(saved, max_shard_size="60MB")
        peer.tokenizer.save_pretrained(saved)
        del peer
        again = Transformers(saved)
        print(f"  saved by transformers: {', '.join(sorted(os.listdir(saved)))}")
        path = saved if os.path.isabs(saved) else "./" + saved
        compare("saved by transformers, read by us", again(PROMPTS[2]), ours(options.autodidact, [path], PROMPTS[2]))
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
