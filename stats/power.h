// How much data a comparison needs before it is made, and the smallest effect a finished one could
// have seen. "Observed power" is not offered: it says nothing that p does not.
#pragma once

#include <cstdint>

namespace peira::stats {

struct PowerOptions {
  double alpha = 0.05;
  double power = 0.8;      // chance of a significant result if the effect is there
  bool one_sided = false;  // alpha in one tail, for non-inferiority and gates
};

struct SampleSize {
  double exact = 0;         // solution of the equation
  std::int64_t needed = 0;  // rounded up
};

// All throw Error(kUsage): "InvalidArgument" for an effect of 0, a power not above alpha, or sizes
// and variances out of range; "InvalidProbability"; "BudgetExceeded" past 1e9.

// Power of the pooled two-sample t test for a standardised difference d (in standard deviations),
// both tails counted if two-sided; n1, n2 >= 2 need not be whole.
// source  noncentral t with n1 + n2 - 2 degrees of freedom and delta = d sqrt(n1 n2 / (n1 + n2)).
//         R power.t.test(strict = TRUE), statsmodels TTestIndPower.
double power_t_two_sample(double n1, double n2, double d, const PowerOptions& options = {});
// Size of each arm, at least 2.
SampleSize sample_size_t_two_sample(double d, const PowerOptions& options = {});
// Smallest |d| that arms of these sizes see with the power asked for.
double detectable_d_two_sample(double n1, double n2, const PowerOptions& options = {});

// Power of the paired t test; d_z is the mean difference over the standard deviation of the
// differences. source  delta = d_z sqrt(n), n - 1 degrees of freedom.
double power_t_paired(double n, double d_z, const PowerOptions& options = {});
SampleSize sample_size_t_paired(double d_z, const PowerOptions& options = {});
double detectable_d_paired(double n, const PowerOptions& options = {});

// Size of each arm for two shares to be told apart.
// source  R power.prop.test (strict = FALSE):
//         n = (z_{a/2} sqrt(2 pbar qbar) + z_b sqrt(p1 q1 + p2 q2))^2 / (p1 - p2)^2
SampleSize sample_size_two_proportions(double p1, double p2, const PowerOptions& options = {});
// The same by the arcsine transform: n = 2 ((z_{a/2} + z_b) / h)^2, h = Cohen's h.
SampleSize sample_size_arcsine(double p1, double p2, const PowerOptions& options = {});
double power_two_proportions(double n_per_arm, double p1, double p2,
                             const PowerOptions& options = {});

// Questions that McNemar's test needs when a share p10 of them is right in A only and p01 in B
// only. source  Connor (1987): n = (z_{a/2} sqrt(psi) + z_b sqrt(psi - D^2))^2 / D^2,
//         psi = p10 + p01, D = p01 - p10
SampleSize sample_size_mcnemar(double p10, double p01, const PowerOptions& options = {});
double power_mcnemar(double num_questions, double p10, double p01,
                     const PowerOptions& options = {});
// Smallest |D| seen with num_questions when a share `discordant` of them falls differently. May
// exceed `discordant`, the largest there can be: then no difference is seen.
double detectable_difference_mcnemar(double num_questions, double discordant,
                                     const PowerOptions& options = {});

// Variance of one question's difference between two models: what more questions average out, and
// what more epochs do.
struct EvalDesign {
  // Of the true difference between questions (omega^2). Unpaired: var(true score A) + var(B).
  double question_variance = 0;
  double sampling_variance_a = 0;  // mean over questions of the variance of one answer's score
  double sampling_variance_b = 0;
  double epochs_a = 1;  // answers per question
  double epochs_b = 1;
  double design_effect = 1;  // by which clusters inflate the variance: 1 + (m - 1) ICC

  double variance() const;  // of one question's mean difference, clusters included
};

// Questions needed to see a difference of `difference`.
// source  Miller (2024), arXiv:2411.00640:
//         n = (z_{a/2} + z_b)^2 (omega^2 + sigma_a^2 / K_a + sigma_b^2 / K_b) / difference^2
SampleSize sample_size_eval(const EvalDesign& design, double difference,
                            const PowerOptions& options = {});
// Smallest difference that num_questions see.
double detectable_difference_eval(const EvalDesign& design, double num_questions,
                                  const PowerOptions& options = {});
double power_eval(const EvalDesign& design, double num_questions, double difference,
                  const PowerOptions& options = {});

}  // namespace peira::stats
