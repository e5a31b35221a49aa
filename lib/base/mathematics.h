/* Elementary functions of our own: the same bits on every machine, which libm does not promise.
   Only +, -, *, /, sqrt, fma in a fixed order. Absolute or relative error below 4 ulp over the
   whole range unless said. For single numbers (schedules, augmentation, initializers); vectors of
   floats have kernels of their own. */
#ifndef CNN_BASE_MATHEMATICS_H
#define CNN_BASE_MATHEMATICS_H

double cnn__sin(double x); /* |x| <= 2^20 */
double cnn__cos(double x);
double cnn__exp(double x);
double cnn__log(double x);
double cnn__pow(double x, double y); /* x >= 0 */

#endif
