/* Kernels from 8-bit images to float batches: conversion, affine warp, resizing, colour. */
#ifndef CNN_KERNELS_IMAGE_H
#define CNN_KERNELS_IMAGE_H

#include <stddef.h>
#include <stdint.h>

typedef struct cnn__image_kernels {
  size_t reserved;
} cnn__image_kernels;

#endif
