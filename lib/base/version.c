#include <cnn/version.h>

#define TEXT(number) #number
#define NUMBER(number) TEXT(number)

int32_t cnn_version(void) {
  return CNN_VERSION;
}

const char *cnn_version_string(void) {
  return NUMBER(CNN_VERSION_MAJOR) "." NUMBER(CNN_VERSION_MINOR) "." NUMBER(CNN_VERSION_PATCH);
}
