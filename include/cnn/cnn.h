/** @file
 * libcnn: convolutional networks from C. This header includes all others but plot.h, which belongs to
 * libcnn-plot. A newcomer may read them in this order: status.h, context.h, tensor.h, layer.h, data.h
 * (dataset.h, transform.h, loader.h, image.h), train.h, model.h.
 */
#ifndef CNN_CNN_H
#define CNN_CNN_H

#include <cnn/context.h>
#include <cnn/data.h>
#include <cnn/layer.h>
#include <cnn/model.h>
#include <cnn/status.h>
#include <cnn/tensor.h>
#include <cnn/train.h>
#include <cnn/version.h>

#endif
