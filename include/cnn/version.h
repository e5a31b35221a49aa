/** @file
 * The version of libcnn: the only place where its numbers stand. The build reads them from here.
 */
#ifndef CNN_VERSION_H
#define CNN_VERSION_H

#include <stdbool.h>
#include <stdint.h>

/** Major version of these headers. */
#define CNN_VERSION_MAJOR 0
/** Minor version of these headers. */
#define CNN_VERSION_MINOR 1
/** Patch version of these headers. */
#define CNN_VERSION_PATCH 0
/** Version of these headers as one number that compares: major * 1,000,000 + minor * 1,000 + patch. */
#define CNN_VERSION (CNN_VERSION_MAJOR * 1000000 + CNN_VERSION_MINOR * 1000 + CNN_VERSION_PATCH)

/** Marks what the shared library exports. */
#if defined(__GNUC__) || defined(__clang__)
#define CNN_API __attribute__((visibility("default")))
#else
#define CNN_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/**
 * The version of the library that runs, as CNN_VERSION counts it; compare it with CNN_VERSION to
 * see whether program and library belong together. Cannot fail. Any thread. Since 0.1.0.
 */
CNN_API int32_t cnn_version(void);

/** The version of the library that runs, as text ("0.1.0"). Static; never NULL. Since 0.1.0. */
CNN_API const char *cnn_version_string(void);

#ifdef __cplusplus
}
#endif

#endif
