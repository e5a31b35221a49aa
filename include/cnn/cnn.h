/** @file
 * libcnn: convolutional networks from C. This header includes all others, in the order in which a
 * newcomer may read them.
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
