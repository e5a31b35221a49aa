"""The tutorial's network trained by PyTorch on CIFAR-10: whole epochs on the real images, channels_last, fused Adam.

usage: train_pytorch.py CIFAR_DIRECTORY [--threads N] [--epochs N] [--batch N]

glibc's thresholds are raised (it would hand every large buffer back to the kernel and halve PyTorch's speed)."""
import argparse
import os
import sys
import time

SETTINGS = {"MALLOC_MMAP_THRESHOLD_": "1073741824", "MALLOC_TRIM_THRESHOLD_": "2147483648"}
if any(os.environ.get(name) != value for name, value in SETTINGS.items()):
    os.environ.update(SETTINGS)  # read when a process starts: so start once more
    os.execv(sys.executable, [sys.executable] + sys.argv)

import numpy as np
import torch
from torch import nn


def load(directory):
    files = [os.path.join(directory, f"data_batch_{i}.bin") for i in range(1, 6)]
    raw = np.concatenate([np.fromfile(file, np.uint8).reshape(-1, 3073) for file in files])
    images = torch.from_numpy(raw[:, 1:].reshape(-1, 3, 32, 32).copy()).float().div_(255)
    return images.contiguous(memory_format=torch.channels_last), torch.from_numpy(raw[:, 0].astype(np.int64))


def network():
    model = nn.Sequential(
        nn.Conv2d(3, 32, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(64, 128, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(512, 128), nn.ReLU(), nn.Linear(128, 10))
    return model.to(memory_format=torch.channels_last)


def epoch_seconds(model, optimizer, images, labels, size):
    loss_of = nn.CrossEntropyLoss()
    order, start, processor, total = torch.randperm(len(images)), time.perf_counter(), time.process_time(), 0.0
    for i in range(0, len(images), size):
        batch = order[i:i + size]
        optimizer.zero_grad(set_to_none=True)
        loss = loss_of(model(images[batch].contiguous(memory_format=torch.channels_last)), labels[batch])
        loss.backward()
        optimizer.step()
        total += loss.item() * len(batch)
    return time.perf_counter() - start, time.process_time() - processor, total / len(images)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--batch", type=int, default=64)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(1)
    images, labels = load(options.directory)
    model = network()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, eps=1e-7, fused=True)
    print(f"PyTorch {torch.__version__}, {options.threads} threads, batch {options.batch}")
    for epoch in range(1, options.epochs + 1):
        seconds, processor, loss = epoch_seconds(model, optimizer, images, labels, options.batch)
        print(f"epoch {epoch}: {seconds:.2f} s, processor time {processor:.2f} s, loss {loss:.4f}", flush=True)


main()
