/* Background threads that make batches ahead of the one who asks. What a batch holds depends on its
   epoch and number alone, so any number of workers gives the same. */
#ifndef CNN_DATA_WORKERS_H
#define CNN_DATA_WORKERS_H

#include "data/batch.h"

typedef struct cnn__workers cnn__workers;

/* Threads start at once, from epoch 0. ahead: batches made beside the one that is read. Fails with
   CNN_E_NOMEM, CNN_E_THREAD. */
cnn_status cnn__workers_start(const cnn__recipe *recipe, size_t threads, size_t ahead,
                              cnn__workers **workers);
void cnn__workers_stop(cnn__workers *workers); /* waits for what is under way; NULL is fine */

/* Waits for the batch that is next in turn, which is of this epoch. It is the reader's until the next call. */
cnn_status cnn__workers_next(cnn__workers *workers, uint64_t epoch, cnn__batch **batch,
                             size_t *skipped);
/* From now on batches count from here. The reader gives back the one it has. */
void cnn__workers_seek(cnn__workers *workers, uint64_t epoch, size_t number);

#endif
