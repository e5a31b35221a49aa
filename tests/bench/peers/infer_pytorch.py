"""The tutorial's forward pass in PyTorch, batch 1 and 64, channels_last, inference mode, and what its import takes.

usage: infer_pytorch.py [--threads N] [--runs N]"""
import argparse
import time

START = time.perf_counter()
import torch
from torch import nn

IMPORTED = time.perf_counter()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--runs", type=int, default=400)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    start = time.perf_counter()
    model = nn.Sequential(
        nn.Conv2d(3, 32, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(64, 128, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(512, 128), nn.ReLU(), nn.Linear(128, 10), nn.Softmax(1)).to(
            memory_format=torch.channels_last).eval()
    image = torch.rand(64, 3, 32, 32).contiguous(memory_format=torch.channels_last)
    with torch.inference_mode():
        model(image[:1])
        first = time.perf_counter() - start
        print(f"PyTorch {torch.__version__}, {options.threads} threads: import {1e3 * (IMPORTED - START):.0f} ms, "
              f"build and first prediction {1e3 * first:.1f} ms")
        for batch in (1, 64):
            repeats, seconds = (20 if batch == 1 else 1), []
            for _ in range(options.runs):
                begin = time.perf_counter()
                for _ in range(repeats):
                    model(image[:batch])
                seconds.append((time.perf_counter() - begin) / repeats)
            seconds.sort()
            print(f"batch {batch}: best {seconds[0] * 1e6:.1f} us, median {seconds[len(seconds) // 2] * 1e6:.1f} us")


main()
