/* SVG files that are the same for the same picture. */
#ifndef CNN_PLOT_SVG_H
#define CNN_PLOT_SVG_H

#include "plot/bytes.h"

/* An SVG file's names, which cairo counts through the life of the process, numbered from 0 on. */
void cnn__svg_renumber(cnn__bytes *svg);

#endif
