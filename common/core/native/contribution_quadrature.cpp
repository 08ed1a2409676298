#include "contribution_quadrature.hpp"

namespace scoring {
namespace {

constexpr double pi = 3.14159265358979323846;
constexpr int newton_steps = 8;   // from the starts below, three or four already reach the last bit

// The cosine of an angle in [0, pi / 2] by its series, good to about 1e-9: enough to start Newton's method. The C
// library's own differs in the last bit from platform to platform.
double cosine(double angle) {
  double term = 1.0, sum = 1.0;
  for (int k = 1; k <= 7; ++k) {
    term *= -angle * angle / ((2 * k - 1) * (2 * k));
    sum += term;
  }
  return sum;
}

}  // namespace

Quadrature gauss_legendre(int points) {
  Quadrature rule{std::vector<double>(points), std::vector<double>(points)};
  for (int i = 0; i < (points + 1) / 2; ++i) {   // the roots of Legendre's polynomial, from the largest to the middle
    double x = 2 * i + 1 == points ? 0.0 : cosine(pi * (i + 0.75) / (points + 0.5));
    double slope = 1.0;
    for (int step = 0; step < newton_steps; ++step) {
      double now = x, before = 1.0;
      for (int k = 2; k <= points; ++k) {
        const double next = ((2 * k - 1) * x * now - (k - 1) * before) / k;
        before = now;
        now = next;
      }
      slope = points * (before - x * now) / ((1.0 - x) * (1.0 + x));
      if (2 * i + 1 != points) x -= now / slope;
    }
    const double weight = 1.0 / ((1.0 - x) * (1.0 + x) * slope * slope);
    rule.at[i] = 0.5 * (1.0 - x);
    rule.at[points - 1 - i] = 0.5 * (1.0 + x);
    rule.weight[i] = rule.weight[points - 1 - i] = weight;
  }
  return rule;
}

}  // namespace scoring
