// Outputs are computed with LightGBM's own formulas and order of operations, so that they agree to the last bit.
#include "objective.hpp"

#include <algorithm>
#include <cmath>

#include "fault.hpp"
#include "numbers.hpp"

namespace scoring {
namespace {

using Link = Objective::Link;

struct Known {
  std::string_view name;
  Link link;
  bool takes_sqrt;    // reg_sqrt=true adds the word `sqrt`, and the link becomes Link::square
  bool many_outputs;
};

constexpr Known known_objectives[] = {
    {"regression", Link::identity, true, false},
    {"regression_l1", Link::identity, true, false},
    {"huber", Link::identity, false, false},   // LightGBM switches reg_sqrt off for huber
    {"fair", Link::identity, true, false},
    {"quantile", Link::identity, true, false},
    {"mape", Link::identity, true, false},
    {"poisson", Link::exponential, false, false},
    {"gamma", Link::exponential, false, false},
    {"tweedie", Link::exponential, false, false},
    {"binary", Link::logistic, false, false},
    {"cross_entropy", Link::logistic, false, false},
    {"cross_entropy_lambda", Link::log1p_exponential, false, false},
    {"multiclass", Link::softmax, false, true},
    {"multiclassova", Link::logistic_each, false, true},
    {"lambdarank", Link::identity, false, false},
    {"rank_xendcg", Link::identity, false, false},
    {"custom", Link::identity, false, true},
    {"none", Link::identity, false, true},
};

std::string_view take_word(std::string_view& text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  const std::string_view word = text.substr(0, text.find(' '));
  text.remove_prefix(word.size());
  return word;
}

// LightGBM does not round this one number correctly: it adds the digits before the point to the quotient of the digits after
// it. The sum can differ in the last bit from the nearest double, so the same steps are taken here.
bool read_plain_decimal(std::string_view text, double& value) {
  const auto digit = [&] { return !text.empty() && text.front() >= '0' && text.front() <= '9'; };
  const auto take_digits = [&](double& number, int& count) {
    for (; digit(); text.remove_prefix(1), ++count) number = number * 10.0 + (text.front() - '0');
  };
  double whole_part = 0.0;
  int whole_digits = 0;
  take_digits(whole_part, whole_digits);
  double fraction = 0.0;
  int fraction_digits = 0;
  if (!text.empty() && text.front() == '.') {
    text.remove_prefix(1);
    take_digits(fraction, fraction_digits);
  }
  if (!text.empty() || whole_digits + fraction_digits == 0 || fraction_digits > 22) return false;
  double scale = 1.0;   // powers of ten up to 22 are exact
  for (int i = 0; i < fraction_digits; ++i) scale *= 10.0;
  value = fraction_digits > 0 ? whole_part + fraction / scale : whole_part;
  return true;
}

double read_sigmoid(std::string_view text) {
  double value = 0.0;
  std::string_view rest = text;
  const bool read = read_plain_decimal(text, value) || (take(rest, value) == Scan::number && rest.empty());
  if (!read || !std::isfinite(value) || value <= 0.0) {
    throw Fault("the model's header: objective has sigmoid '" + std::string(text.substr(0, 32)) + "', which is not a positive number");
  }
  return value;
}

double logistic(double score, double sigmoid) { return 1.0 / (1.0 + std::exp(-sigmoid * score)); }

void softmax(double* scores, int32_t outputs) {
  double most = scores[0];
  for (int32_t k = 1; k < outputs; ++k) most = std::max(scores[k], most);
  double sum = 0.0;
  for (int32_t k = 0; k < outputs; ++k) {
    scores[k] = std::exp(scores[k] - most);
    sum += scores[k];
  }
  for (int32_t k = 0; k < outputs; ++k) scores[k] /= sum;
}

}  // namespace

Objective read_objective(std::string_view text, int32_t outputs) {
  Objective objective;
  const std::string_view name = take_word(text);
  objective.name = name;
  if (name.empty()) return objective;
  const auto* const known =
      std::find_if(std::begin(known_objectives), std::end(known_objectives), [&](const Known& k) { return k.name == name; });
  if (known == std::end(known_objectives)) {
    throw Fault("the model's header: objective '" + std::string(name.substr(0, 64)) + "' is not one that LightGBM defines");
  }
  if (!known->many_outputs && outputs != 1) {
    throw Fault("the model's header: objective " + std::string(name) + " has one tree per iteration, not " + std::to_string(outputs));
  }
  objective.link = known->link;
  const std::string classes = "num_class:" + std::to_string(outputs);
  for (std::string_view word = take_word(text); !word.empty(); word = take_word(text)) {
    if (word == "sqrt" && known->takes_sqrt) objective.link = Link::square;
    if (word.substr(0, 8) == "sigmoid:" && (name == "binary" || name == "multiclassova")) {
      objective.sigmoid = read_sigmoid(word.substr(8));
    }
    if (word.substr(0, 10) == "num_class:" && word != classes) {
      throw Fault("the model's header: objective has " + std::string(word.substr(0, 32)) + " but num_tree_per_iteration is " +
                  std::to_string(outputs));
    }
  }
  return objective;
}

void convert_outputs(const Model& model, double* scores, int64_t rows) {
  const int64_t count = rows * model.outputs;
  if (model.average) {
    for (int64_t i = 0; i < count; ++i) scores[i] /= model.iterations();
  }
  switch (model.objective.link) {
    case Link::identity:
      break;
    case Link::square:
      for (int64_t i = 0; i < count; ++i) {
        const double score = scores[i];
        scores[i] = static_cast<double>((score > 0) - (score < 0)) * score * score;
      }
      break;
    case Link::exponential:
      for (int64_t i = 0; i < count; ++i) scores[i] = std::exp(scores[i]);
      break;
    case Link::logistic:
    case Link::logistic_each:
      for (int64_t i = 0; i < count; ++i) scores[i] = logistic(scores[i], model.objective.sigmoid);
      break;
    case Link::log1p_exponential:
      for (int64_t i = 0; i < count; ++i) scores[i] = std::log1p(std::exp(scores[i]));
      break;
    case Link::softmax:
      for (int64_t row = 0; row < rows; ++row) softmax(scores + row * model.outputs, model.outputs);
      break;
  }
}

}  // namespace scoring
