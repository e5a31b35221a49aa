/* Where a plan's buffers lie. */
#ifndef CNN_MODEL_LAYOUT_H
#define CNN_MODEL_LAYOUT_H

#include "model/plan.h"

/* Settles the lifetime of everything that the steps read and write, shares buffers where an
   operation works in place, and places them in the arena. CNN_E_LIMIT, CNN_E_NOMEM. */
cnn_status cnn__plan_lay_out(cnn__plan *plan);

#endif
