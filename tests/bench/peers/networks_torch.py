"""The networks of bench_networks.c in PyTorch, channels_last: training, and predicting at batch 1 and 64; the latter also in ONNX
Runtime, where onnx and onnxruntime are installed, too.

usage: networks_torch.py [--threads N] [--images N] [--only resnet|mobilenet]"""
import argparse
import io
import time

import torch
from torch import nn


def conv(inputs, outputs, kernel, stride, activation, groups=1):
    layers = [nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False), nn.BatchNorm2d(outputs)]
    return nn.Sequential(*layers, *([activation(inplace=True)] if activation else []))


class Residual(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.inner = nn.Sequential(conv(inputs, outputs, 3, stride, nn.ReLU), conv(outputs, outputs, 3, 1, None))
        self.beside = conv(inputs, outputs, 1, stride, None) if stride > 1 else nn.Identity()

    def forward(self, x):
        return torch.relu_(self.beside(x) + self.inner(x))


class Inverted(nn.Module):
    def __init__(self, inputs, outputs, widening, stride):
        super().__init__()
        wide = inputs * widening
        self.inner = nn.Sequential(*([conv(inputs, wide, 1, 1, nn.ReLU6)] if widening > 1 else []),
                                   conv(wide, wide, 3, stride, nn.ReLU6, wide), conv(wide, outputs, 1, 1, None))
        self.adds = stride == 1 and inputs == outputs

    def forward(self, x):
        return x + self.inner(x) if self.adds else self.inner(x)


def resnet():
    layers, inputs = [conv(3, 16, 3, 1, nn.ReLU)], 16
    for stage in range(3):
        for block in range(3):
            layers.append(Residual(inputs, 16 << stage, 2 if stage and not block else 1))
            inputs = 16 << stage
    return layers, inputs


def mobilenet():
    blocks = [(32, 16, 1, 1), (16, 24, 6, 1), (24, 24, 6, 1), (24, 32, 6, 2), (32, 32, 6, 1), (32, 64, 6, 2), (64, 64, 6, 1),
              (64, 96, 6, 1), (96, 96, 6, 1), (96, 160, 6, 2), (160, 160, 6, 1)]
    return [conv(3, 32, 3, 1, nn.ReLU6), *(Inverted(*block) for block in blocks), conv(160, 640, 1, 1, nn.ReLU6)], 640


def build(body):
    layers, channels = body()
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 10)).to(memory_format=torch.channels_last)


def train(model, count):
    images = torch.rand(count, 3, 32, 32).contiguous(memory_format=torch.channels_last)
    labels = torch.randint(0, 10, (count,))
    optimizer, loss, best = torch.optim.SGD(model.parameters(), .05, .9), nn.CrossEntropyLoss(), float("inf")
    for _ in range(4):
        start = time.perf_counter()
        for at in range(0, count, 64):
            optimizer.zero_grad()
            loss(model(images[at:at + 64]), labels[at:at + 64]).backward()
            optimizer.step()
        best = min(best, time.perf_counter() - start)
    print(f"  training: {best:.2f} s for {count} images, {count / best:.0f} images/s")


def measure(who, predict):
    for batch, runs in ((1, 400), (64, 40)):
        seconds = []
        for _ in range(runs):
            start = time.perf_counter()
            predict(batch)
            seconds.append(time.perf_counter() - start)
        seconds.sort()
        print(f"  {who}, batch {batch}: best {1e3 * seconds[0]:.3f} ms, median {1e3 * seconds[runs // 2]:.3f} ms")


def onnx_runtime(model, threads):
    try:
        import onnx  # noqa: F401, the exporter's
        import onnxruntime
    except ImportError:
        return
    file = io.BytesIO()
    torch.onnx.export(model, (torch.rand(1, 3, 32, 32),), file, input_names=["images"], dynamic_axes={"images": {0: "n"}}, dynamo=False)
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(file.getvalue(), settings, providers=["CPUExecutionProvider"])
    images = torch.rand(64, 3, 32, 32).numpy()
    measure(f"ONNX Runtime {onnxruntime.__version__}", lambda batch: session.run(None, {"images": images[:batch]}))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--images", type=int, default=1600)
    parser.add_argument("--only", choices=["resnet", "mobilenet"])
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(f"PyTorch {torch.__version__}, {options.threads} threads")
    for name, body in (("resnet", resnet), ("mobilenet", mobilenet)):
        if options.only in (None, name):
            model = build(body)
            print(name)
            train(model, options.images)
            model.eval()
            images = torch.rand(64, 3, 32, 32).contiguous(memory_format=torch.channels_last)
            with torch.inference_mode():
                measure("PyTorch", lambda batch: model(images[:batch]))
            onnx_runtime(model, options.threads)


main()
