// A LightGBM model as read from its text format: plain data, every length, index and path checked.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace scoring {

// LightGBM's decision_type byte: bit 0 categorical, bit 1 default left, bits 2-3 missing type.
enum class Missing : uint8_t { none = 0, zero = 1, nan = 2 };

struct Tree {
  int32_t leaves = 1;                   // node arrays hold leaves - 1 entries
  std::vector<int32_t> feature;         // per node
  std::vector<double> threshold;        // per node; a categorical node holds the number of its set
  std::vector<uint8_t> decision;        // per node
  std::vector<int32_t> left, right;     // per node; child >= 0 is a node, child < 0 is leaf ~child
  std::vector<double> value;            // per leaf
  std::vector<double> leaf_count;       // per leaf; empty when the text has no counts
  std::vector<double> internal_count;   // per node; empty when the text has no counts
  std::vector<uint32_t> set_start;      // set s is words set_start[s] .. set_start[s + 1] of set_words
  std::vector<uint32_t> set_words;      // bit b of word w: category 32 * w + b goes left

  bool categorical(int32_t node) const { return decision[node] & 1; }
  bool default_left(int32_t node) const { return decision[node] & 2; }
  Missing missing(int32_t node) const { return static_cast<Missing>((decision[node] >> 2) & 3); }
};

struct Objective {
  enum class Link : uint8_t { identity, square, exponential, logistic, softmax, logistic_each, log1p_exponential };
  std::string name;       // as the model's text has it, without parameters; empty when it has none
  Link link = Link::identity;
  double sigmoid = 1.0;   // slope of the logistic links
};

struct Model {
  int32_t features = 0;                    // length of a row
  int32_t outputs = 1;                     // trees per iteration; tree t adds to output t % outputs
  bool average = false;                    // random forest: converted outputs divide by the number of iterations first
  Objective objective;
  std::vector<std::string> feature_names;
  std::vector<Tree> trees;

  int32_t iterations() const { return static_cast<int32_t>(trees.size()) / outputs; }
};

// Reads text of format versions 3 and 4. Throws Fault with the tree and key that is wrong; linear trees are refused by name.
Model read_model(std::string_view text);

// Raw scores to outputs in place, `rows` rows of model.outputs doubles: what Booster.predict does after summing the trees.
void convert_outputs(const Model& model, double* scores, int64_t rows);

}  // namespace scoring
