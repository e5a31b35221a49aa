/** @file
 * How libcnn says that something failed.
 *
 * What can fail returns a cnn_status (0 is success, every failure is negative), or a handle that is
 * NULL on failure. Beside the status each thread keeps a message that says what failed, where and
 * with which numbers: "conv2d_1: kernel 5x5 exceeds input 4x4x64".
 *
 * Errors stick. A call that is given a NULL handle returns the failure that is pending on its
 * thread, and keeps its message; where none is pending it is CNN_E_INVALID. So a program may make
 * ten handles, use them, and check once, at the end. A new failure, or cnn_clear_error(), replaces
 * the pending one; success leaves it.
 */
#ifndef CNN_STATUS_H
#define CNN_STATUS_H

#include <cnn/version.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The outcome of a call. The values are part of the ABI and never change. */
typedef enum cnn_status {
  CNN_OK = 0,             /**< Success. */
  CNN_E_INVALID = -1,     /**< An argument, option or handle that cannot be. */
  CNN_E_NOMEM = -2,       /**< An allocation failed, or a size exceeds what memory can hold. */
  CNN_E_SHAPE = -3,       /**< Shapes that do not fit together; the message has both. */
  CNN_E_IO = -4,          /**< The system failed to open, read or write; the message has why. */
  CNN_E_FORMAT = -5,      /**< A file that is damaged or not what it should be. */
  CNN_E_UNSUPPORTED = -6, /**< Left out of this build, or not possible for this object. */
  CNN_E_STATE = -7,       /**< Called too early or too late: fit before compile, for example. */
  CNN_E_NUMERIC = -8,     /**< NaN or infinity where a finite number is needed. */
  CNN_E_LIMIT = -9,       /**< Over a limit that the context or the format sets. */
  CNN_E_THREAD = -10,     /**< A thread or a lock could not be made. */
  CNN_E_NOT_FOUND = -11,  /**< No such file, parameter, layer, class or name. */
  CNN_E_STOPPED = -12,    /**< A callback of the caller's asked to stop with an error. */
  CNN_E_MISMATCH = -13,   /**< A file that belongs to another model or to another run. */
  CNN_E_INTERNAL = -14    /**< A defect in libcnn itself: please report it. */
} cnn_status;

/**
 * The message of this thread's pending failure.
 * @return Text in UTF-8; "" where none is pending; never NULL. Borrowed until this thread's next
 *         failure or cnn_clear_error(). Since 0.1.0.
 */
CNN_API const char *cnn_last_error(void);

/** The status of this thread's pending failure; CNN_OK where none is pending. Since 0.1.0. */
CNN_API cnn_status cnn_last_status(void);

/**
 * Records a failure as the library does: for callbacks, datasets and libraries that stand on this one.
 * @param status  What failed; a value that is no failure is taken as CNN_E_INVALID.
 * @param message Text in UTF-8, copied (511 bytes of it at most): the subject, what is wrong, the
 *                numbers; NULL: the status in words.
 * @return The status recorded. Since 0.1.0.
 */
CNN_API cnn_status cnn_fail(cnn_status status, const char *message);

/** Forgets this thread's pending failure and its message. Since 0.1.0. */
CNN_API void cnn_clear_error(void);

/**
 * A status in words ("out of memory"). Static text, never NULL; values that are no status give
 * "unknown status". Any thread. Since 0.1.0.
 */
CNN_API const char *cnn_status_string(cnn_status status);

#ifdef __cplusplus
}
#endif

#endif
