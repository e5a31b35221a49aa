/* What there is once in a process: a lock for rare steps, and the knowledge of having been forked. */
#ifndef CNN_BASE_PROCESS_H
#define CNN_BASE_PROCESS_H

#include <stdbool.h>

/* Guards call-once steps that may fail and be tried again. Held briefly; free in a forked child. */
void cnn__process_lock(void);
void cnn__process_unlock(void);

/* Starts counting forks. False where the system has no memory for it: then start no threads, for a
   child could not know that it has lost them. May be called again. */
bool cnn__process_watch_forks(void);

/* How often this process is a child of a fork since counting began. Threads and locks that belong
   to another count are gone. */
unsigned cnn__process_forks(void);

#endif
