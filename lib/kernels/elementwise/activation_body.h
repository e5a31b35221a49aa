/* Bodies of kernels/elementwise/activation.h, over the vector abstraction included before. */
#include "kernels/elementwise/activation.h"
#include "kernels/elementwise/mathematics_body.h"

/* y = function(x, slope) and dx = derivative(x or y, dy, slope), element by element. */
typedef vector forward_function(vector x, vector slope);
typedef vector backward_function(vector from, vector dy, vector slope);

INLINE_CONSTANTS void map_forward(forward_function *function, size_t count, float slope,
                                  const float *x, float *y) {
  for (size_t i = 0; i < count; i += VECTOR_WIDTH)
    put(y, i, count, function(get(x, i, count), vector_set(slope)));
}
INLINE_CONSTANTS void map_backward(backward_function *derivative, size_t count, float slope,
                                   const float *from, const float *dy, float *dx) {
  for (size_t i = 0; i < count; i += VECTOR_WIDTH)
    put(dx, i, count, derivative(get(from, i, count), get(dy, i, count), vector_set(slope)));
}

static inline vector relu(vector x, vector slope) {
  return vector_max(vector_zero(), x);
}
static inline vector relu_derivative(vector y, vector dy, vector slope) {
  return vector_select(vector_less_equal(y, vector_zero()), vector_zero(), dy);
}

static inline vector leaky_relu(vector x, vector slope) {
  return vector_select(vector_less(x, vector_zero()), vector_mul(slope, x), x);
}
static inline vector leaky_relu_derivative(vector y, vector dy, vector slope) {
  return vector_select(vector_less_equal(y, vector_zero()), vector_mul(slope, dy), dy);
}

static inline vector relu6(vector x, vector slope) {
  return vector_min(vector_set(6.0f), vector_max(vector_zero(), x));
}
static inline vector relu6_derivative(vector y, vector dy, vector slope) {
  const vector_mask flat =
      vector_mask_or(vector_less_equal(y, vector_zero()), vector_less_equal(vector_set(6.0f), y));
  return vector_select(flat, vector_zero(), dy);
}

static inline vector sigmoid(vector x, vector slope) {
  return vector_sigmoid(x);
}
static inline vector sigmoid_derivative(vector y, vector dy, vector slope) {
  return vector_mul(dy, vector_mul(y, vector_sub(vector_set(1.0f), y)));
}

static inline vector hyperbolic_tangent(vector x, vector slope) {
  return vector_tanh(x);
}
static inline vector tanh_derivative(vector y, vector dy, vector slope) {
  return vector_mul(dy, vector_fnma(y, y, vector_set(1.0f)));
}

static inline vector elu(vector x, vector slope) {
  const vector below = vector_mul(slope, vector_expm1_negative(vector_min(vector_zero(), x)));
  return vector_select(vector_less(vector_zero(), x), x, below);
}
static inline vector elu_derivative(vector y, vector dy, vector slope) { /* slope e^x = y + slope */
  const vector below = vector_mul(dy, vector_add(y, slope));
  return vector_select(vector_less(vector_zero(), y), dy, below);
}

static inline vector gelu(vector x, vector slope) {
  const vector half = vector_mul(vector_set(0.5f), x);
  return vector_fma(half, vector_erf(vector_mul(x, vector_set(0.707106781f))), half);
}
/* Phi(x) + x phi(x), of the normal distribution. */
static inline vector gelu_derivative(vector x, vector dy, vector slope) {
  const vector half = vector_set(0.5f);
  const vector share = vector_fma(half, vector_erf(vector_mul(x, vector_set(0.707106781f))), half);
  const vector power = vector_exp(vector_mul(vector_mul(vector_set(-0.5f), x), x));
  const vector density = vector_mul(vector_set(0.398942280f), power);
  return vector_mul(dy, vector_fma(x, density, share));
}

static inline vector silu(vector x, vector slope) {
  return vector_mul(x, vector_sigmoid(x));
}
static inline vector silu_derivative(vector x, vector dy, vector slope) { /* s + x s (1 - s) */
  const vector one = vector_set(1.0f), s = vector_sigmoid(x);
  const vector rest = vector_mul(x, vector_sub(one, s));
  return vector_mul(dy, vector_fma(rest, s, s));
}

static inline vector softplus(vector x, vector slope) {
  return vector_softplus(x);
}
static inline vector softplus_derivative(vector y, vector dy, vector slope) { /* 1 - e^-y */
  return vector_mul(dy, vector_negate(vector_expm1_negative(vector_negate(y))));
}

static void relu_forward(size_t count, float slope, const float *x, float *y) {
  map_forward(relu, count, slope, x, y);
}
static void relu_backward(size_t count, float slope, const float *x, const float *y,
                          const float *dy, float *dx) {
  map_backward(relu_derivative, count, slope, y, dy, dx);
}
static void leaky_relu_forward(size_t count, float slope, const float *x, float *y) {
  map_forward(leaky_relu, count, slope, x, y);
}
static void leaky_relu_backward(size_t count, float slope, const float *x, const float *y,
                                const float *dy, float *dx) {
  map_backward(leaky_relu_derivative, count, slope, y, dy, dx);
}
static void relu6_forward(size_t count, float slope, const float *x, float *y) {
  map_forward(relu6, count, slope, x, y);
}
static void relu6_backward(size_t count, float slope, const float *x, const float *y,
                           const float *dy, float *dx) {
  map_backward(relu6_derivative, count, slope, y, dy, dx);
}
static void sigmoid_forward(size_t count, float slope, const float *x, float *y) {
  map_forward(sigmoid, count, slope, x, y);
}
static void sigmoid_backward(size_t count, float slope, const float *x, const float *y,
                             const float *dy, float *dx) {
  map_backward(sigmoid_derivative, count, slope, y, dy, dx);
}
static void tanh_forward(size_t count, float slope, const float *x, float *y) {
  map_forward(hyperbolic_tangent, count, slope, x, y);
}
static void tanh_backward(size_t count, float slope, const float *x, const float *y,
                          const float *dy, float *dx) {
  map_backward(tanh_derivative, count, slope, y, dy, dx);
}
static void elu_forward(size_t count, float slope, const float *x, float *y) {
  map_forward(elu, count, slope, x, y);
}
static void elu_backward(size_t count, float slope, const float *x, const float *y, const float *dy,
                         float *dx) {
  map_backward(elu_derivative, count, slope, y, dy, dx);
}
static void gelu_forward(size_t count, float slope, const float *x, float *y) {
  map_forward(gelu, count, slope, x, y);
}
static void gelu_backward(size_t count, float slope, const float *x, const float *y,
                          const float *dy, float *dx) {
  map_backward(gelu_derivative, count, slope, x, dy, dx);
}
static void silu_forward(size_t count, float slope, const float *x, float *y) {
  map_forward(silu, count, slope, x, y);
}
static void silu_backward(size_t count, float slope, const float *x, const float *y,
                          const float *dy, float *dx) {
  map_backward(silu_derivative, count, slope, x, dy, dx);
}
static void softplus_forward(size_t count, float slope, const float *x, float *y) {
  map_forward(softplus, count, slope, x, y);
}
static void softplus_backward(size_t count, float slope, const float *x, const float *y,
                              const float *dy, float *dx) {
  map_backward(softplus_derivative, count, slope, y, dy, dx);
}

static void softmax(size_t rows, size_t n, const float *x, float *y) {
  for (size_t row = 0; row < rows; row++, x += n, y += n) {
    const vector max = vector_set(row_max(n, x));
    vector lanes[VECTORS];
    for (size_t v = 0; v < VECTORS; v++)
      lanes[v] = vector_zero();
    for (size_t i = 0; i < n; i += LANES)
      for (size_t v = 0; v < VECTORS; v++) {
        const size_t at = i + v * VECTOR_WIDTH;
        const vector power = vector_exp(vector_sub(get(x, at, n), max));
        lanes[v] = vector_add(lanes[v], vector_keep(present(at, n), power));
        put(y, at, n, power);
      }
    const vector sum = vector_set(sum_lanes(lanes));
    for (size_t i = 0; i < n; i += VECTOR_WIDTH)
      put(y, i, n, vector_div(get(y, i, n), sum));
  }
}

static void softmax_backward(size_t rows, size_t n, const float *y, const float *dy, float *dx) {
  for (size_t row = 0; row < rows; row++, y += n, dy += n, dx += n) {
    vector lanes[VECTORS];
    for (size_t v = 0; v < VECTORS; v++)
      lanes[v] = vector_zero();
    for (size_t i = 0; i < n; i += LANES)
      for (size_t v = 0; v < VECTORS; v++) {
        const size_t at = i + v * VECTOR_WIDTH;
        lanes[v] = vector_fma(get(y, at, n), get(dy, at, n), lanes[v]);
      }
    const vector sum = vector_set(sum_lanes(lanes));
    for (size_t i = 0; i < n; i += VECTOR_WIDTH)
      put(dx, i, n, vector_mul(get(y, i, n), vector_sub(get(dy, i, n), sum)));
  }
}

static void fill_activation(cnn__activation_kernels *table) {
  *table = (cnn__activation_kernels){
      .relu = {relu_forward, relu_backward},
      .leaky_relu = {leaky_relu_forward, leaky_relu_backward},
      .relu6 = {relu6_forward, relu6_backward},
      .sigmoid = {sigmoid_forward, sigmoid_backward},
      .tanh = {tanh_forward, tanh_backward},
      .elu = {elu_forward, elu_backward},
      .gelu = {gelu_forward, gelu_backward},
      .silu = {silu_forward, silu_backward},
      .softplus = {softplus_forward, softplus_backward},
      .softmax = softmax,
      .softmax_backward = softmax_backward,
  };
}
