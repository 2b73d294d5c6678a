#include <lbfgs.h>

#include <algorithm>
#include <cmath>
#include <new>

#include "ensemble/linear.h"

namespace retort {

namespace {

// Sums the NLL of `samples` into sums[0] and, where there is room, its gradient behind it.
void add_nll(const LinearProblem& problem, std::span<const int64_t> samples, std::span<const double> theta,
             std::span<double> sums) {
  LinearRows rows(problem.start.layout);
  const MemberLogits in = view_of(problem.val);
  while (!samples.empty()) {
    const std::span<const int64_t> some = samples.first(std::min(LinearRows::kRows, samples.size()));
    samples = samples.subspan(some.size());
    rows.load(in, problem.log_sums, problem.centres, some);
    rows.forward(theta);
    for (size_t r = 0; r < some.size(); ++r) {
      const std::span<double> z = rows.logits(r);
      const auto label = static_cast<size_t>(problem.val.labels[static_cast<size_t>(some[r])]);
      const double highest = *std::max_element(z.begin(), z.end()), own = z[label];
      double total = 0;
      for (double& v : z) total += v = std::exp(v - highest);
      sums[0] += highest + std::log(total) - own;
      for (double& v : z) v /= total;
      z[label] -= 1;
    }
    if (sums.size() > 1) rows.backward(sums.subspan(1));
  }
}

std::vector<double> sum_nll(const LinearProblem& problem, std::span<const int64_t> samples,
                            std::span<const double> theta, size_t size) {
  return sum_blocks(
      problem.threads, std::ssize(samples), size, [&](int64_t begin, int64_t end, std::span<double> sums) {
        add_nll(problem, samples.subspan(static_cast<size_t>(begin), static_cast<size_t>(end - begin)), theta, sums);
      });
}

struct Search {
  const LinearProblem& problem;
  std::span<const int64_t> samples;
};

lbfgsfloatval_t evaluate(void* search, const lbfgsfloatval_t* theta, lbfgsfloatval_t* gradient, int n,
                         lbfgsfloatval_t) {
  const auto* s = static_cast<const Search*>(search);
  const auto size = static_cast<size_t>(n);
  return s->problem.value(s->samples, {theta, size}, {gradient, size});
}

}  // namespace

double LinearProblem::value(std::span<const int64_t> samples, std::span<const double> theta,
                            std::span<double> gradient) const {
  const std::vector<double> sums = sum_nll(*this, samples, theta, 1 + theta.size());
  const auto n = static_cast<double>(samples.size());
  double total = sums[0];
  for (size_t j = 0; j < theta.size(); ++j) {
    const double away = theta[j] - start.theta[j];
    total += l2[j] / 2 * away * away;
    gradient[j] = (sums[1 + j] + l2[j] * away) / n;
  }
  if (!bias) std::fill_n(gradient.end() - start.layout.classes, start.layout.classes, 0);
  return total / n;
}

double LinearProblem::nll(std::span<const int64_t> samples, std::span<const double> theta) const {
  return sum_nll(*this, samples, theta, 1)[0] / static_cast<double>(samples.size());
}

std::vector<double> LinearProblem::minimise(std::span<const int64_t> samples, std::vector<double> theta,
                                            double tolerance) const {
  const auto n = static_cast<int>(theta.size());
  const std::unique_ptr<lbfgsfloatval_t, decltype(&lbfgs_free)> x(lbfgs_malloc(n), lbfgs_free);  // aligned for it
  if (!x) throw std::bad_alloc();
  std::copy(theta.begin(), theta.end(), x.get());
  lbfgs_parameter_t parameters;
  lbfgs_parameter_init(&parameters);
  parameters.epsilon = 1e-8;
  parameters.past = 3;
  parameters.delta = tolerance;
  parameters.m = 20;
  parameters.max_iterations = 500;
  Search search{*this, samples};
  const int code = lbfgs(n, x.get(), nullptr, evaluate, nullptr, &search, &parameters);
  // Near the optimum the line search ends on rounding errors, with the best point so far: that is no failure.
  if (code < LBFGSERR_OUTOFINTERVAL) fail("ensemble", "the search could not begin (libLBFGS says ", code, ")");
  std::copy_n(x.get(), theta.size(), theta.begin());
  return theta;
}

}  // namespace retort
