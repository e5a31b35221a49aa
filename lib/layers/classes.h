/* Every class, each defined in the file of its layer. */
#ifndef CNN_LAYERS_CLASSES_H
#define CNN_LAYERS_CLASSES_H

#include "layers/layer.h"

extern const cnn__layer_class cnn__input_class, cnn__conv2d_class, cnn__depthwise_conv2d_class,
    cnn__max_pool2d_class, cnn__average_pool2d_class, cnn__global_average_pool2d_class,
    cnn__flatten_class, cnn__dense_class, cnn__activation_class, cnn__dropout_class,
    cnn__rescaling_class, cnn__batch_normalization_class, cnn__zero_padding2d_class, cnn__add_class,
    cnn__concatenate_class;

#endif
