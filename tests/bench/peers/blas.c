#include "blas.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

/* ISO C has no conversion from dlsym's pointer to a function's. */
static bool find(const blas *peer, const char *name, void *function) {
  void *symbol = dlsym(peer->handle, name);
  memcpy(function, &symbol, sizeof symbol);
  return symbol != NULL;
}

static void set_openblas(const blas *peer, const char *prefix, int threads) {
  void (*set_threads)(int);
  const char *(*core)(void), *(*config)(void);
  char name[64];
  snprintf(name, sizeof name, "%sopenblas_set_num_threads", prefix);
  if (find(peer, name, &set_threads)) set_threads(threads);
  snprintf(name, sizeof name, "%sopenblas_get_corename", prefix);
  if (find(peer, name, &core)) printf(", core %s", core());
  snprintf(name, sizeof name, "%sopenblas_get_config", prefix);
  if (find(peer, name, &config)) printf(", %s", config());
}

static void set_blis(const blas *peer, int threads) {
  void (*set_threads)(long);
  int (*architecture)(void);
  const char *(*name_of)(int), *(*version)(void);
  if (find(peer, "bli_thread_set_num_threads", &set_threads)) set_threads(threads);
  if (find(peer, "bli_info_get_version_str", &version)) printf(" %s", version());
  if (find(peer, "bli_arch_query_id", &architecture) && find(peer, "bli_arch_string", &name_of))
    printf(", kernels for %s", name_of(architecture()));
}

static const char *name_in(const char *file) {
  if (strstr(file, "blis")) return "BLIS";
  return strstr(file, "openblas") ? "OpenBLAS" : file;
}

bool blas_open(blas *peer, const char *file, int threads) {
  *peer = (blas){.name = file, .handle = dlopen(file, RTLD_NOW | RTLD_LOCAL)};
  if (!peer->handle) return false;
  const bool renamed = !find(peer, "cblas_sgemm", &peer->sgemm);
  if (renamed && !find(peer, "scipy_cblas_sgemm", &peer->sgemm)) return false;
  peer->name = renamed ? "OpenBLAS(pip)" : name_in(file);
  printf("%s: %s", peer->name, file);
  set_openblas(peer, renamed ? "scipy_" : "", threads);
  set_blis(peer, threads);
  printf("\n");
  return true;
}

void blas_multiply(const blas *peer, bool a_transposed, bool b_transposed, size_t m, size_t n,
                   size_t k, const float *a, const float *b, float *c) {
  enum { ROW_MAJOR = 101, AS_IS = 111, TRANSPOSED = 112 };
  peer->sgemm(ROW_MAJOR, a_transposed ? TRANSPOSED : AS_IS, b_transposed ? TRANSPOSED : AS_IS,
              (int)m, (int)n, (int)k, 1, a, (int)(a_transposed ? m : k), b,
              (int)(b_transposed ? k : n), 0, c, (int)n);
}
