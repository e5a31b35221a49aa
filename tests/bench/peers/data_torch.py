"""A folder of images by torchvision's ImageFolder and PyTorch's DataLoader: decoded, shuffled, batched as floats.

    python3 data_torch.py DIR [WORKERS] [ROUNDS]
"""
import sys
import time

import torch
import torchvision

folder, workers = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 2
rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 1
images = torchvision.datasets.ImageFolder(folder, torchvision.transforms.ToTensor())
loader = torch.utils.data.DataLoader(images, batch_size=64, shuffle=True, num_workers=workers, persistent_workers=workers > 0)
best = float("inf")
for _ in range(rounds):
    start, count = time.perf_counter(), 0
    for batch, _ in loader:
        count += len(batch)
    best = min(best, time.perf_counter() - start)
print(f"PyTorch {torch.__version__}, {workers} workers: {count} images in {best:.3f} s, {count / best:.0f} images/s")
