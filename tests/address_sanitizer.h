/* Whether this program is built with AddressSanitizer: an allocator of its own, and one that is not safe for forks. */
#ifndef CNN_TESTS_ADDRESS_SANITIZER_H
#define CNN_TESTS_ADDRESS_SANITIZER_H

#if defined(__SANITIZE_ADDRESS__)
enum { UNDER_ADDRESS_SANITIZER = 1 };
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
enum { UNDER_ADDRESS_SANITIZER = 1 };
#else
enum { UNDER_ADDRESS_SANITIZER = 0 };
#endif
#else
enum { UNDER_ADDRESS_SANITIZER = 0 };
#endif

#endif
