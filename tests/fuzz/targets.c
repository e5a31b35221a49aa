#include "targets.h"

const fuzz_target fuzz_targets[] = {
    {"model", fuzz_model, fuzz_model_seed, true},
    {"checkpoint", fuzz_checkpoint, fuzz_checkpoint_seed, true},
    {"network", fuzz_network, fuzz_network_seed, false},
    {"cifar", fuzz_cifar, fuzz_cifar_seed, false},
    {"idx", fuzz_idx, fuzz_idx_seed, false},
    {"npy", fuzz_npy, fuzz_npy_seed, false},
    {"png", fuzz_png, fuzz_png_seed, false},
    {"jpeg", fuzz_jpeg, fuzz_jpeg_seed, false},
};
const size_t fuzz_target_count = sizeof fuzz_targets / sizeof *fuzz_targets;
